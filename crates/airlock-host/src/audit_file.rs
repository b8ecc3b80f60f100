//! Audit records in a file that is only ever appended to.

use std::{
    fs::{self, File, Metadata, OpenOptions},
    io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use airlock_engine::ports::{AuditError, AuditSink};

use crate::state::{create_private_dir, is_exposed, open_private};
use crate::stream::write_line;

/// How often the path is compared with the open file.
const LOOK: Duration = Duration::from_secs(1);

/// An append-only file, one record per line, which several sessions may share.
///
/// It is created for this user only (0600, missing folders 0700). Each record is one write at the end of the
/// file, so records of different processes do not mix. Whether the file was moved or removed is looked at
/// once a second, when a record is written: a write costs one system call, and for at most a second records
/// still go to the file that was moved away, where rotation expects late ones.
///
/// After a write failed, [`ready`](AuditSink::ready) fails until a line break could be written. It also ends
/// the part of a record that a full disk may have let through, so that the next record starts its own line;
/// readers skip empty lines. Records survive our death, and a power failure as far as the system wrote them out.
#[derive(Debug)]
pub struct AuditFile {
    path: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    file: File,
    identity: Identity,
    looked: Instant,
    failed: bool,
}

impl AuditFile {
    /// Opens the file, creating it and its folders when they are missing.
    pub fn open(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            create_private_dir(folder)?;
        }
        let state = Mutex::new(State::open(&path)?);
        Ok(Self { path, state })
    }

    /// What the operator should know: that others can read the file. Its permissions are not changed, because
    /// somebody may have given them on purpose, for a log shipper say.
    pub fn notice(&self) -> Option<String> {
        let exposed = is_exposed(&self.lock().file).unwrap_or(false);
        let path = self.path.display();
        exposed.then(|| {
            format!("the audit file can be read by others: run `chmod 600 {path}` unless that is wanted")
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AuditSink for AuditFile {
    fn ready(&self) -> Result<(), AuditError> {
        let mut state = self.lock();
        if state.failed {
            state
                .reopen_if_moved(&self.path)
                .and_then(|()| write_line(&mut state.file, b""))
                .map_err(|error| refused(&error))?;
            state.failed = false;
        }
        Ok(())
    }

    fn write(&self, record: &str) -> Result<(), AuditError> {
        let mut state = self.lock();
        let written = state.append(&self.path, record);
        state.failed = written.is_err();
        written.map_err(|error| refused(&error))
    }
}

fn refused(error: &io::Error) -> AuditError {
    AuditError(error.to_string())
}

impl State {
    fn open(path: &Path) -> io::Result<Self> {
        let file = open_private(OpenOptions::new().append(true).create(true), path)?;
        let identity = Identity::of(&file.metadata()?);
        Ok(Self { file, identity, looked: Instant::now(), failed: false })
    }

    fn append(&mut self, path: &Path, record: &str) -> io::Result<()> {
        if self.failed {
            self.reopen_if_moved(path)?;
            write_line(&mut self.file, b"")?;
        } else if self.looked.elapsed() >= LOOK {
            self.reopen_if_moved(path)?;
        }
        write_line(&mut self.file, record.as_bytes())
    }

    fn reopen_if_moved(&mut self, path: &Path) -> io::Result<()> {
        self.looked = Instant::now();
        let same = match fs::metadata(path) {
            Ok(meta) => Identity::of(&meta) == self.identity,
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(error),
        };
        if !same {
            *self = Self { failed: self.failed, ..Self::open(path)? };
        }
        Ok(())
    }
}

/// Which file it is, whatever its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg(unix)]
struct Identity {
    device: u64,
    inode: u64,
}

#[cfg(unix)]
impl Identity {
    fn of(meta: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        Self { device: meta.dev(), inode: meta.ino() }
    }
}

/// An open file cannot be moved or removed here, so it is the same as long as it exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg(not(unix))]
struct Identity;

#[cfg(not(unix))]
impl Identity {
    fn of(_meta: &Metadata) -> Self {
        Self
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    /// As if a second had passed.
    fn let_time_pass(audit: &AuditFile) {
        let mut state = audit.lock();
        state.looked = state.looked.checked_sub(LOOK).unwrap();
    }

    #[test]
    fn appends_lines_to_a_private_file() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("state/airlock/audit.jsonl");
        AuditFile::open(&path).unwrap().write(r#"{"n":1}"#).unwrap();
        let audit = AuditFile::open(&path).unwrap();
        audit.ready().unwrap();
        audit.write(r#"{"n":2}"#).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "{\"n\":1}\n{\"n\":2}\n");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(audit.notice(), None);
    }

    #[test]
    fn an_exposed_file_is_noticed_and_left_as_it_is() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("audit.jsonl");
        fs::write(&path, "").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let audit = AuditFile::open(&path).unwrap();
        assert!(audit.notice().unwrap().contains("chmod 600"));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
    }

    #[test]
    fn follows_rotation_within_a_second() {
        let home = tempfile::tempdir().unwrap();
        let (path, moved) = (home.path().join("audit.jsonl"), home.path().join("audit.jsonl.1"));
        let audit = AuditFile::open(&path).unwrap();
        audit.write("1").unwrap();
        fs::rename(&path, &moved).unwrap();
        audit.write("2").unwrap();
        let_time_pass(&audit);
        audit.write("3").unwrap();
        assert_eq!(fs::read_to_string(&moved).unwrap(), "1\n2\n");
        assert_eq!(fs::read_to_string(&path).unwrap(), "3\n");
        // Truncated in place (copytruncate): the end is the end.
        fs::write(&path, "").unwrap();
        audit.write("4").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "4\n");
        fs::remove_file(&path).unwrap();
        let_time_pass(&audit);
        audit.write("5").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "5\n");
    }

    #[test]
    fn a_path_that_cannot_be_reopened_refuses_until_it_can() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("state");
        let path = folder.join("audit.jsonl");
        let audit = AuditFile::open(&path).unwrap();
        fs::remove_dir_all(&folder).unwrap();
        let_time_pass(&audit);
        audit.write("1").unwrap_err();
        audit.ready().unwrap_err();
        fs::create_dir(&folder).unwrap();
        audit.ready().unwrap();
        audit.write("2").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "\n2\n");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_full_disk_refuses_until_there_is_room() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("audit.jsonl");
        symlink("/dev/full", &path).unwrap();
        let audit = AuditFile::open(&path).unwrap();
        audit.ready().unwrap();
        let error = audit.write(r#"{"secret":1}"#).unwrap_err();
        assert!(!error.to_string().contains("secret"), "{error}");
        audit.ready().unwrap_err();
        fs::remove_file(&path).unwrap();
        audit.ready().unwrap();
        audit.write("1").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "\n1\n");
    }

    #[test]
    fn records_of_several_writers_do_not_mix() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("audit.jsonl");
        let record = "x".repeat(5000);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let audit = AuditFile::open(&path).unwrap();
                    (0..200).for_each(|_| audit.write(&record).unwrap());
                });
            }
        });
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().filter(|line| *line == record).count(), 800);
        assert_eq!(text.lines().count(), 800);
    }
}
