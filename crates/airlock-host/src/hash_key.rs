//! The key of keyed hashes, one per installation.

use std::{
    fs::{self, OpenOptions},
    io::{self, Read, Write},
    path::Path,
};

use crate::state::{create_private_dir, is_exposed, open_private};

const NAME: &str = "hash.key";

/// Reads the installation's key from `folder` (see [`state_dir`](crate::state_dir)), or makes one of 32
/// random bytes there. Sessions that start at the same time get the same key.
///
/// # Errors
///
/// Besides what the file system says: a key that others can read is refused, because hashes under it are no
/// secret, and so is a file that does not hold 32 bytes.
pub fn load_or_create_hash_key(folder: &Path) -> io::Result<[u8; 32]> {
    let path = folder.join(NAME);
    match load(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            create(folder, &path)?;
            load(&path)
        }
        result => result,
    }
}

fn load(path: &Path) -> io::Result<[u8; 32]> {
    let file = fs::File::open(path)?;
    let shown = path.display();
    if is_exposed(&file)? {
        let text = format!(
            "the hash key can be read by others: run `chmod 600 {shown}`, or remove it to get a new one"
        );
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, text));
    }
    let mut key = Vec::with_capacity(33);
    file.take(33).read_to_end(&mut key)?;
    key.try_into().map_err(|_wrong_length| {
        let text = format!("the hash key {shown} is damaged: remove it to get a new one");
        io::Error::new(io::ErrorKind::InvalidData, text)
    })
}

/// Writes a whole key under another name first, so that nobody reads half of it, and then gives it its name,
/// unless another session was faster.
fn create(folder: &Path, path: &Path) -> io::Result<()> {
    create_private_dir(folder)?;
    let mut key = [0; 32];
    getrandom::fill(&mut key)?;
    let draft = folder.join(format!("{NAME}.{:016x}", getrandom::u64()?));
    open_private(OpenOptions::new().write(true).create_new(true), &draft)?.write_all(&key)?;
    match fs::hard_link(&draft, path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            // A file system without hard links; here the last one wins.
            fs::rename(&draft, path)
        }
        _ => fs::remove_file(&draft),
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::{os::unix::fs::PermissionsExt, thread};

    use super::*;

    #[test]
    fn is_made_once_and_kept() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("a/b");
        let sessions: Vec<_> = (0..8)
            .map(|_| {
                let folder = folder.clone();
                thread::spawn(move || load_or_create_hash_key(&folder).unwrap())
            })
            .collect();
        let keys: Vec<_> = sessions.into_iter().map(|session| session.join().unwrap()).collect();
        assert!(keys.iter().all(|key| *key == keys[0]));
        assert_ne!(keys[0], [0; 32]);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "no drafts stay behind");
        assert_eq!(fs::metadata(folder.join(NAME)).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn refuses_a_key_that_is_no_secret_or_no_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(NAME);
        let cases = [
            (32, 0o600, None),
            (32, 0o640, Some(io::ErrorKind::PermissionDenied)),
            (31, 0o600, Some(io::ErrorKind::InvalidData)),
            (33, 0o600, Some(io::ErrorKind::InvalidData)),
            (0, 0o600, Some(io::ErrorKind::InvalidData)),
        ];
        for (length, mode, want) in cases {
            fs::write(&path, vec![7; length]).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let got = load_or_create_hash_key(folder.path()).map_err(|error| error.kind());
            assert_eq!(got.err(), want, "{length} bytes, mode {mode:o}");
        }
    }
}
