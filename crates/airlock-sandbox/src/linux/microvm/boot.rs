//! What a machine starts with: this very program as its first process, with the libraries that it has mapped.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs::{self, File},
    io::{self, BufWriter},
    path::{Path, PathBuf},
};

use super::{cpio::Archive, elf};

/// The first process, as the kernel starts it.
const FIRST: &str = "/init";
/// What tells [`enter`](crate::enter) that it is one. The kernel hands a word that it does not know on to it.
pub(in crate::linux) const GUEST: &str = "__guest";
/// Where its libraries are, by the names that they are asked for.
const LIBRARIES: &str = "/lib/airlock";
/// Folders that the first process mounts something on.
pub(super) const DEVICES: &str = "/dev";
pub(super) const PROCESSES: &str = "/proc";
pub(super) const IMAGE: &str = "/image";
pub(super) const ROOT: &str = "/root";

/// What the kernel is told: to start the first process and say nothing but what goes wrong; and to end the machine with
/// it, whatever happens (`k`: by the keyboard's controller, which ends a machine without firmware). What has a value and
/// means nothing to the kernel becomes part of the environment of the first process.
pub(super) fn arguments() -> String {
    format!(
        "console=ttyS0 quiet reboot=k panic=1 pci=off i8042.noaux i8042.nomux i8042.nopnp i8042.dumbkbd \
         random.trust_cpu=on rdinit={FIRST} {GUEST} LD_LIBRARY_PATH={LIBRARIES}"
    )
}

/// Writes the archive. How long it is.
pub(super) fn write(to: File) -> io::Result<u64> {
    let mut archive = Archive::new(BufWriter::new(to));
    for folder in [DEVICES, PROCESSES, IMAGE, ROOT] {
        archive.folder(folder)?;
    }
    // What the kernel gives the first process as its streams.
    archive.device("/dev/console", 5, 1)?;
    // The link leads to it even when its file was replaced since.
    let program = File::open("/proc/self/exe")?;
    let needs = elf::needs(&program)?;
    archive.program(FIRST, program.metadata()?.len(), program)?;
    if let Some(interpreter) = &needs.interpreter {
        let path = Path::new(interpreter);
        let file = open(path)?;
        archive.program(text(interpreter)?, file.metadata()?.len(), file)?;
    }
    for (name, path) in libraries(&fs::read_to_string("/proc/self/maps")?)? {
        let file = open(&path)?;
        archive.program(&format!("{LIBRARIES}/{name}"), file.metadata()?.len(), file)?;
    }
    archive.finish()
}

fn open(path: &Path) -> io::Result<File> {
    File::open(path).map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}

fn text(name: &OsStr) -> io::Result<&str> {
    let odd = || io::Error::new(io::ErrorKind::InvalidData, format!("`{}` is no text", name.display()));
    name.to_str().ok_or_else(odd)
}

/// The libraries among what is mapped, by the names that they are asked for.
fn libraries(maps: &str) -> io::Result<BTreeMap<String, PathBuf>> {
    let mut libraries = BTreeMap::new();
    for path in mapped_code(maps) {
        if let Some(path) = path.strip_suffix(" (deleted)") {
            if fs::read_link("/proc/self/exe").is_ok_and(|own| own.to_string_lossy().starts_with(path)) {
                continue;
            }
            let replaced = format!("`{path}` was replaced since this program started: start it again");
            return Err(io::Error::other(replaced));
        }
        // Programs have no such name. Some libraries can be started, too, so that only this tells them apart.
        let Some(name) = elf::needs(&open(Path::new(path))?)?.name else { continue };
        let name = text(&name)?;
        if name.contains('/') {
            return Err(io::Error::other(format!("`{path}` has an odd name")));
        }
        libraries.insert(name.to_owned(), PathBuf::from(path));
    }
    Ok(libraries)
}

/// The files whose code is mapped: lines such as `7f…-7f… r-xp 00028000 fe:00 1234  /usr/lib/libc.so.6`.
fn mapped_code(maps: &str) -> impl Iterator<Item = &str> {
    let code = maps
        .lines()
        .filter(|line| line.split_whitespace().nth(1).is_some_and(|rights| rights.get(2..3) == Some("x")));
    code.filter_map(|line| line.find('/').and_then(|start| line.get(start..)))
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Seek as _};

    use super::{GUEST, arguments, libraries, mapped_code, write};

    #[test]
    fn code_that_is_mapped_is_told_from_the_rest() {
        let maps = "\
            55d0-55d1 r--p 00000000 fe:00 11   /usr/bin/airlock\n\
            55d1-55d2 r-xp 00001000 fe:00 11   /usr/bin/airlock\n\
            7f00-7f01 r-xp 00028000 fe:00 12   /usr/lib/a b/libc.so.6\n\
            7f01-7f02 rw-p 00028000 fe:00 12   /usr/lib/data\n\
            7f02-7f03 rw-p 00000000 00:00 0 \n\
            7ffe-7fff r-xp 00000000 00:00 0    [vdso]\n";
        let files: Vec<_> = mapped_code(maps).collect();
        assert_eq!(files, ["/usr/bin/airlock", "/usr/lib/a b/libc.so.6"]);
    }

    #[test]
    fn a_library_that_was_replaced_is_an_error() {
        let line = "7f00-7f01 r-xp 00028000 fe:00 12   /usr/lib/libc.so.6 (deleted)\n";
        assert!(libraries(line).unwrap_err().to_string().contains("start it again"));
        assert!(libraries("").unwrap().is_empty());
    }

    #[test]
    fn this_program_and_what_it_needs_are_in_the_archive() {
        let mut file = tempfile::tempfile().unwrap();
        let length = write(file.try_clone().unwrap()).unwrap();
        let mut bytes = Vec::new();
        file.rewind().unwrap();
        file.read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes.len() as u64, length);
        let has = |name: &[u8]| bytes.windows(name.len()).any(|window| window == name);
        assert!(has(b"\0init\0") || has(b"init\0"));
        assert!(bytes.len() as u64 > std::fs::metadata("/proc/self/exe").unwrap().len());
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        for name in libraries(&maps).unwrap().keys() {
            assert!(has(format!("lib/airlock/{name}\0").as_bytes()), "{name}");
        }
    }

    #[test]
    fn the_kernel_ends_the_machine_with_its_first_process() {
        let arguments = arguments();
        let words: Vec<_> = arguments.split(' ').collect();
        for word in ["reboot=k", "panic=1", "rdinit=/init", GUEST] {
            assert!(words.contains(&word), "{word}");
        }
        // A word with neither becomes an argument of the first process, and must be the first of them.
        let bare = words.iter().filter(|word| !word.contains(['=', '.']) && **word != "quiet");
        assert_eq!(bare.collect::<Vec<_>>(), [&GUEST]);
    }
}
