//! The archive that the guest's kernel unpacks as its first root: cpio in the form `newc`, as the kernel's
//! `Documentation/driver-api/early-userspace/buffer-format.rst` has it.

use std::{
    fmt::Write as _,
    io::{self, Read, Write},
};

/// What marks each entry.
const MAGIC: &str = "070701";
/// The name behind the last entry.
const TRAILER: &str = "TRAILER!!!";
const FOLDER: u32 = 0o040_000;
const FILE: u32 = 0o100_000;
const CHARACTER_DEVICE: u32 = 0o020_000;

/// An archive in the making.
#[derive(Debug)]
pub(super) struct Archive<W> {
    to: W,
    /// Bytes so far; entries and contents begin at multiples of four.
    length: u64,
    entries: u32,
    /// Folders that are there.
    folders: Vec<String>,
}

impl<W: Write> Archive<W> {
    pub(super) fn new(to: W) -> Self {
        Self { to, length: 0, entries: 0, folders: Vec::new() }
    }

    /// A folder, with those above it.
    pub(super) fn folder(&mut self, path: &str) -> io::Result<()> {
        let path = relative(path)?;
        for (end, _) in path.match_indices('/').chain([(path.len(), "")]) {
            let above = path.get(..end).unwrap_or(path);
            if !self.folders.iter().any(|folder| folder == above) {
                self.folders.push(above.to_owned());
                self.entry(above, FOLDER | 0o755, 0, (0, 0))?;
            }
        }
        Ok(())
    }

    /// A file of `length` bytes that is a program, with the folders above it.
    pub(super) fn program(&mut self, path: &str, length: u64, content: impl Read) -> io::Result<()> {
        self.above(path)?;
        let short = u32::try_from(length).map_err(|_| io::Error::from(io::ErrorKind::FileTooLarge))?;
        self.entry(relative(path)?, FILE | 0o755, short, (0, 0))?;
        let copied = io::copy(&mut content.take(length), &mut self.to)?;
        if copied != length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.length += length;
        self.pad()
    }

    /// A device that is read and written character by character, with the folders above it.
    pub(super) fn device(&mut self, path: &str, major: u32, minor: u32) -> io::Result<()> {
        self.above(path)?;
        self.entry(relative(path)?, CHARACTER_DEVICE | 0o600, 0, (major, minor))
    }

    /// Ends the archive. How long it is.
    pub(super) fn finish(mut self) -> io::Result<u64> {
        self.entry(TRAILER, 0, 0, (0, 0))?;
        self.to.flush()?;
        Ok(self.length)
    }

    fn above(&mut self, path: &str) -> io::Result<()> {
        match relative(path)?.rsplit_once('/') {
            Some((above, _)) => self.folder(above),
            None => Ok(()),
        }
    }

    fn entry(&mut self, name: &str, mode: u32, size: u32, device: (u32, u32)) -> io::Result<()> {
        // With its end; so do readers find where the content begins.
        let name_size = u32::try_from(name.len() + 1).map_err(io::Error::other)?;
        self.entries += 1;
        let links = if mode & FOLDER == FOLDER { 2 } else { 1 };
        let (user, group, time, on_device, check) = (0, 0, 0, (0, 0), 0);
        let fields = [
            self.entries,
            mode,
            user,
            group,
            links,
            time,
            size,
            on_device.0,
            on_device.1,
            device.0,
            device.1,
            name_size,
            check,
        ];
        let mut head = MAGIC.to_owned();
        for field in fields {
            write!(head, "{field:08x}").map_err(io::Error::other)?;
        }
        head.push_str(name);
        head.push('\0');
        self.to.write_all(head.as_bytes())?;
        self.length += head.len() as u64;
        self.pad()
    }

    fn pad(&mut self) -> io::Result<()> {
        while !self.length.is_multiple_of(4) {
            self.to.write_all(&[0])?;
            self.length += 1;
        }
        Ok(())
    }
}

/// A name as archives have it: without the root, and without anything that leads elsewhere.
fn relative(path: &str) -> io::Result<&str> {
    let path = path.trim_start_matches('/');
    let plain = !path.is_empty() && path.split('/').all(|part| !["", ".", ".."].contains(&part));
    if plain && !path.contains('\0') && path != TRAILER {
        Ok(path)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, format!("`{path}` is no name in an archive")))
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write as _,
        process::{Command, Stdio},
    };

    use super::Archive;

    fn sample() -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut archive = Archive::new(&mut bytes);
        archive.device("/dev/console", 5, 1).unwrap();
        archive.program("/init", 5, &b"first"[..]).unwrap();
        archive.program("/lib/x/libc.so.6", 3, &b"two"[..]).unwrap();
        archive.folder("/lib/x/").unwrap_err();
        archive.folder("/lib/y").unwrap();
        let length = archive.finish().unwrap();
        assert_eq!(length, bytes.len() as u64);
        bytes
    }

    #[test]
    fn an_archive_is_what_the_kernel_documents() {
        let bytes = sample();
        let text = String::from_utf8_lossy(&bytes);
        let first = "070701\
            00000001000041ed00000000000000000000000200000000\
            000000000000000000000000000000000000000000000004\
            00000000dev\0";
        assert_eq!(&text[..first.len()], first, "the folder of the device, and padding to four");
        let second = &text[116..];
        assert!(second.starts_with("0707010000000200002180"), "{second}");
        assert!(second[6 + 9 * 8..].starts_with("0000000500000001"), "{second}");
        assert_eq!(bytes.len() % 4, 0);
        assert!(text.contains("TRAILER!!!\0"));
    }

    /// Where there is another program that reads them.
    #[test]
    fn cpio_itself_lists_it() {
        let cpio = Command::new("cpio")
            .args(["-it", "--quiet"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let Ok(mut cpio) = cpio else {
            println!("skipped: there is no cpio here");
            return;
        };
        cpio.stdin.take().unwrap().write_all(&sample()).unwrap();
        let said = cpio.wait_with_output().unwrap();
        assert!(said.status.success());
        let names = String::from_utf8(said.stdout).unwrap();
        assert_eq!(names, "dev\ndev/console\ninit\nlib\nlib/x\nlib/x/libc.so.6\nlib/y\n");
    }

    #[test]
    fn names_lead_nowhere_else_and_contents_are_as_long_as_said() {
        let mut archive = Archive::new(Vec::new());
        for bad in ["", "/", "a/../b", "./a", "a//b", "TRAILER!!!", "a\0b"] {
            assert!(archive.program(bad, 0, &b""[..]).is_err(), "{bad:?}");
        }
        assert!(archive.program("a", 4, &b"abc"[..]).is_err(), "shorter than it says");
        assert!(archive.program("b", u64::from(u32::MAX) + 1, &b"abc"[..]).is_err(), "too long");
    }
}
