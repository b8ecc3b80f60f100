//! What really passed between the guard and the server, recorded by `e2e-tee`.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::install::{Missing, sibling};
use crate::wire;

/// The two records of a session.
pub struct Tee {
    received: PathBuf,
    sent: PathBuf,
}

impl Tee {
    /// Puts a recorder in front of `server`; its files are `NAME.received` and `NAME.sent` in `folder`.
    ///
    /// # Errors
    ///
    /// When the recorder is not built.
    pub fn before(server: &[OsString], folder: &Path, name: &str) -> Result<(Self, Vec<OsString>), Missing> {
        let tee = Self {
            received: folder.join(format!("{name}.received")),
            sent: folder.join(format!("{name}.sent")),
        };
        let mut command =
            vec![sibling("e2e-tee")?, tee.received.clone().into(), tee.sent.clone().into(), "--".into()];
        command.extend_from_slice(server);
        Ok((tee, command))
    }

    /// The lines that the server was sent, without the guard's own requests.
    ///
    /// # Errors
    ///
    /// When the record cannot be read.
    pub fn received(&self) -> io::Result<Vec<Vec<u8>>> {
        passed_on(&self.received)
    }

    /// The lines that the server answered, without the answers to the guard's own requests.
    ///
    /// # Errors
    ///
    /// When the record cannot be read.
    pub fn sent(&self) -> io::Result<Vec<Vec<u8>>> {
        passed_on(&self.sent)
    }
}

fn passed_on(path: &Path) -> io::Result<Vec<Vec<u8>>> {
    let mut lines = wire::lines(&fs::read(path)?);
    lines.retain(|line| !wire::is_the_guards_own(line));
    Ok(lines)
}
