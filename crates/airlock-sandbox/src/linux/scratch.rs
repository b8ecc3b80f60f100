//! A folder of the host for one program that has no file systems of its own: made for it, and removed with all that it
//! left there.

use std::{
    ffi::CString,
    fs::{self, DirBuilder},
    io::{self, Read as _},
    os::{
        fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd},
        unix::fs::DirBuilderExt as _,
    },
    path::{Path, PathBuf},
};

use rustix::{
    fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, chmodat, openat, renameat, statat, unlinkat},
    io::Errno,
};

/// What is in it: where the program starts, and its temporary files.
pub(super) const WORK: &str = "work";
pub(super) const TEMPORARY: &str = "tmp";

/// How deep folders may lie in one another. Each level costs a descriptor while it is looked through.
const DEEPEST: usize = 100;

/// Where one may be made: a name that nobody has.
pub(super) fn choose() -> io::Result<PathBuf> {
    let mut token = [0; 8];
    fs::File::open("/dev/urandom")?.read_exact(&mut token)?;
    // As rules about files mean it, whatever links lead there.
    let folder = std::env::temp_dir().canonicalize()?;
    // With the number of whoever asks for it, so that one who finds it knows whose it is.
    Ok(folder.join(format!("airlock-{}-{:016x}", std::process::id(), u64::from_ne_bytes(token))))
}

/// The folder, for as long as its program lives. Dropping it removes it.
#[derive(Debug)]
pub(super) struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// One that somebody else makes; removed here if it should be left.
    pub(super) fn of(path: PathBuf) -> Self {
        Self { path }
    }

    /// Makes it, for nobody but this user.
    pub(super) fn make(path: &Path) -> io::Result<Self> {
        let make = |path: &Path| DirBuilder::new().mode(0o700).create(path);
        let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        make(path).map_err(named)?;
        let made = Self { path: path.to_owned() };
        for folder in made.folders() {
            make(&folder).map_err(named)?;
        }
        Ok(made)
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Those in which the program may do what it wants.
    pub(super) fn folders(&self) -> [PathBuf; 2] {
        [WORK, TEMPORARY].map(|name| self.path.join(name))
    }

    /// Whether more is in it than it may hold, or it cannot be looked through. It takes as long as the program makes it
    /// take, and follows no link, whatever the program puts in the place of what.
    pub(super) fn exceeds(&self, bytes: u64, entries: u64) -> bool {
        let mut room = Room { bytes, entries };
        self.folders().iter().any(|path| match folder(CWD, path.as_path()) {
            Ok(open) => room.lacks(&open, 0),
            // One that was removed holds nothing.
            Err(error) => error != Errno::NOENT,
        })
    }

    /// All of it, for somebody to give to another user.
    pub(super) fn open(&self) -> io::Result<Vec<OwnedFd>> {
        let [work, temporary] = self.folders();
        [self.path.clone(), work, temporary].iter().map(|path| Ok(folder(CWD, path.as_path())?)).collect()
    }
}

/// What may still be in it.
struct Room {
    bytes: u64,
    entries: u64,
}

impl Room {
    /// Takes what is in a folder, and below. Whether there is not enough of it, or not all can be seen.
    fn lacks(&mut self, above: &OwnedFd, depth: usize) -> bool {
        let Ok(listed) = Dir::read_from(above) else { return true };
        for entry in listed {
            let Ok(entry) = entry else { return true };
            let name = entry.file_name();
            if [c".", c".."].contains(&name) {
                continue;
            }
            // Somebody may have removed it meanwhile.
            let Ok(file) = statat(above, name, AtFlags::SYMLINK_NOFOLLOW) else { continue };
            // Blocks, since a file may have holes.
            let blocks = u64::try_from(file.st_blocks).unwrap_or(u64::MAX);
            let left = self.bytes.checked_sub(blocks.saturating_mul(512)).zip(self.entries.checked_sub(1));
            let Some((bytes, entries)) = left else { return true };
            (self.bytes, self.entries) = (bytes, entries);
            let is_folder = FileType::from_raw_mode(file.st_mode) == FileType::Directory;
            // Nothing was ever put into one that its owner may not enter, since modes cannot be changed.
            if !is_folder || !Mode::from_raw_mode(file.st_mode).contains(Mode::XUSR) {
                continue;
            }
            match folder(above.as_fd(), name) {
                Ok(inner) if depth < DEEPEST => {
                    if self.lacks(&inner, depth + 1) {
                        return true;
                    }
                }
                // Removed, or something else now, which is counted the next time.
                Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => {}
                // One that may be entered and not be listed hides what it holds.
                Ok(_) | Err(_) => return true,
            }
        }
        false
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed stays, in a folder for temporary files.
        let _ = remove(&self.path);
    }
}

/// Removes a folder with all in it. A program may have made folders that none may enter, and more of them in one another
/// than a path or a table of open files holds: what lies deeper is moved up, so that two are open at a time.
fn remove(path: &Path) -> io::Result<()> {
    let top = match folder(CWD, path) {
        Err(Errno::NOENT) => return Ok(()),
        top => top?,
    };
    let mut moved = 0_u64;
    loop {
        let names = names(&top)?;
        if names.is_empty() {
            return fs::remove_dir(path);
        }
        for name in names {
            if unlinkat(&top, &name, AtFlags::empty()).is_ok() {
                continue;
            }
            let inner = enter(&top, &name)?;
            for below in self::names(&inner)? {
                if unlinkat(&inner, &below, AtFlags::empty()).is_err() {
                    // Moving a folder changes what it says of the one above.
                    drop(enter(&inner, &below)?);
                    moved += 1;
                    renameat(&inner, &below, &top, format!("\u{1}{moved}"))?;
                }
            }
            unlinkat(&top, &name, AtFlags::REMOVEDIR)?;
        }
    }
}

/// Opens a folder that may say that nobody can. Should anything run still, it cannot have another file changed by putting
/// a link in its place: what is changed is what was taken hold of.
fn enter(above: &OwnedFd, name: &CString) -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = openat(above, name, flags, Mode::empty())?;
    let held = format!("/proc/self/fd/{}", file.as_raw_fd());
    chmodat(CWD, &held, Mode::RWXU, AtFlags::empty())?;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(openat(CWD, &held, flags, Mode::empty())?)
}

fn folder(above: BorrowedFd<'_>, name: impl rustix::path::Arg) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(above, name, flags, Mode::empty())
}

fn names(folder: &OwnedFd) -> io::Result<Vec<CString>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(folder)? {
        let name = entry?.file_name().to_owned();
        if ![c".", c".."].contains(&name.as_c_str()) {
            names.push(name);
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _, process::Command};

    use super::{Scratch, choose};

    #[test]
    fn it_is_seen_when_it_holds_too_much() {
        let scratch = Scratch::make(&choose().unwrap()).unwrap();
        let [work, temporary] = scratch.folders();
        fs::create_dir(work.join("inner")).unwrap();
        fs::write(work.join("inner/file"), vec![1; 100_000]).unwrap();
        fs::write(temporary.join("file"), vec![1; 100_000]).unwrap();
        assert!(!scratch.exceeds(1 << 20, 3));
        assert!(scratch.exceeds(1 << 20, 2), "entries");
        assert!(scratch.exceeds(150_000, 3), "bytes");
        let holes = fs::File::create(work.join("holes")).unwrap();
        holes.set_len(1 << 40).unwrap();
        assert!(!scratch.exceeds(1 << 20, 4), "holes are no bytes");
        for (mode, seen) in [(0o600, false), (0o300, true)] {
            fs::set_permissions(work.join("inner"), fs::Permissions::from_mode(mode)).unwrap();
            // Root may look into everything.
            let hidden = fs::read_dir(work.join("inner")).is_err();
            assert_eq!(scratch.exceeds(1 << 20, 4), seen && hidden, "{mode:o}");
        }
    }

    #[test]
    fn nothing_keeps_it_from_being_removed() {
        let path = choose().unwrap();
        let scratch = Scratch::make(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        assert!(Scratch::make(&path).is_err(), "it is nobody else's");
        assert!(scratch.folders().iter().all(|folder| folder.is_dir()));
        let script = "cd \"$1\" && mkdir -m 0 closed && mkdir -p open/closed && touch open/closed/file && \
                      chmod 0 open/closed open && ln -s /usr link && mkfifo pipe && \
                      i=0; while [ $i -lt 2000 ]; do mkdir d && cd -P d && i=$((i+1)); done";
        let [work, _] = scratch.folders();
        let made = Command::new("/bin/sh").args(["-c", script, "sh"]).arg(&work).status().unwrap();
        assert!(made.success());
        assert!(work.join("link").exists() && work.join("closed").exists(), "the control");
        drop(scratch);
        assert!(!path.exists());
        assert!(fs::metadata("/usr/bin").unwrap().is_dir());
    }
}
