//! What a file is that somebody names as root file system or kernel, by its first bytes.

use std::{
    fs::File,
    io::{self, Read as _},
    path::Path,
};

/// A file system that a guest mounts read-only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Squashfs,
    Ext,
    Erofs,
}

impl Kind {
    /// Where the signs are.
    const LOOKED_AT: usize = 2_048;

    /// The name that the kernel mounts it by, and what it has to be told: a file system that was not unmounted well is
    /// not repaired, since nothing can be written.
    pub(super) const fn mounted_as(self) -> (&'static str, &'static str) {
        match self {
            Self::Squashfs => ("squashfs", ""),
            Self::Ext => ("ext4", "noload"),
            Self::Erofs => ("erofs", ""),
        }
    }

    /// By its sign; `None` if it is something else.
    pub(super) fn of(file: &File) -> io::Result<Option<Self>> {
        let first = first_bytes(file, Self::LOOKED_AT)?;
        let at = |place: usize, sign: &[u8]| first.get(place..).is_some_and(|rest| rest.starts_with(sign));
        let signs: [(usize, &[u8], Self); 3] = [
            (0, b"hsqs", Self::Squashfs),
            (1_024 + 0x38, &[0x53, 0xef], Self::Ext),
            (1_024, &[0xe2, 0xe1, 0xf5, 0xe0], Self::Erofs),
        ];
        Ok(signs.into_iter().find(|(place, sign, _)| at(*place, sign)).map(|(_, _, kind)| kind))
    }
}

/// What keeps `path` from being the root file system, in words.
pub(super) fn check_root(path: &Path) -> Result<(), String> {
    let file = open(path)?;
    match Kind::of(&file) {
        Ok(Some(_)) => Ok(()),
        Ok(None) => Err(format!("`{}` is no image of a squashfs, ext4 or erofs file system", path.display())),
        Err(error) => Err(format!("`{}` cannot be read: {error}", path.display())),
    }
}

/// What keeps `path` from being the kernel, in words.
pub(super) fn check_kernel(path: &Path) -> Result<(), String> {
    let file = open(path)?;
    let first = first_bytes(&file, Kind::LOOKED_AT);
    let first = first.map_err(|error| format!("`{}` cannot be read: {error}", path.display()))?;
    let elf = first.starts_with(b"\x7fELF");
    let packed = first.get(0x202..).is_some_and(|rest| rest.starts_with(b"HdrS"));
    if elf || packed {
        Ok(())
    } else {
        Err(format!("`{}` is no kernel: neither `vmlinux` nor `bzImage`", path.display()))
    }
}

fn open(path: &Path) -> Result<File, String> {
    // A pipe would wait for somebody to write.
    let known = path.metadata().map_err(|error| format!("`{}`: {error}", path.display()))?;
    if !known.is_file() {
        return Err(format!("`{}` is no file", path.display()));
    }
    File::open(path).map_err(|error| format!("`{}`: {error}", path.display()))
}

fn first_bytes(file: &File, most: usize) -> io::Result<Vec<u8>> {
    let mut first = Vec::new();
    file.take(most as u64).read_to_end(&mut first)?;
    Ok(first)
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::{Kind, check_kernel, check_root};

    fn with(place: usize, sign: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; 4_096];
        bytes[place..place + sign.len()].copy_from_slice(sign);
        bytes
    }

    #[test]
    fn file_systems_are_known_by_their_signs() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("image");
        let signs: [(usize, &[u8], Kind); 3] = [
            (0, b"hsqs", Kind::Squashfs),
            (1_080, b"\x53\xef", Kind::Ext),
            (1_024, b"\xe2\xe1\xf5\xe0", Kind::Erofs),
        ];
        for (place, sign, kind) in signs {
            fs::write(&path, with(place, sign)).unwrap();
            assert_eq!(Kind::of(&fs::File::open(&path).unwrap()).unwrap(), Some(kind));
            assert_eq!(check_root(&path), Ok(()));
        }
        for other in [with(0, b"\x7fELF"), Vec::new(), b"hs".to_vec()] {
            fs::write(&path, other).unwrap();
            assert!(check_root(&path).unwrap_err().contains("no image of a squashfs, ext4 or erofs"));
        }
    }

    #[test]
    fn kernels_are_known_by_their_signs() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kernel");
        for (place, sign) in [(0, &b"\x7fELF"[..]), (0x202, b"HdrS")] {
            fs::write(&path, with(place, sign)).unwrap();
            assert_eq!(check_kernel(&path), Ok(()));
        }
        fs::write(&path, with(0, b"hsqs")).unwrap();
        assert!(check_kernel(&path).unwrap_err().contains("no kernel"));
    }

    #[test]
    fn what_is_no_file_says_so() {
        for check in [check_root, check_kernel] {
            assert!(check(Path::new("/nonexistent/x")).unwrap_err().contains("/nonexistent/x"));
            assert!(check(Path::new("/dev/null")).unwrap_err().contains("no file"));
            assert!(check(Path::new("/")).unwrap_err().contains("no file"));
        }
    }
}
