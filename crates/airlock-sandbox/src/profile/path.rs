//! Paths, links and small files.

use std::{
    fs::{self, File},
    io::Read as _,
    os::unix::fs::PermissionsExt as _,
    path::{Component, Path, PathBuf},
};

use super::{DEEPEST, ProfileError};

/// Longest file of settings that is read.
const LONGEST: u64 = 1 << 20;

pub(super) fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0)
}

pub(super) fn real(path: &Path) -> Result<PathBuf, ProfileError> {
    fs::canonicalize(path)
        .map_err(|error| ProfileError(format!("cannot follow `{}`: {error}", path.display())))
}

/// The path with the links in its folders followed, and its last part as it is.
pub(super) fn settle(path: &Path) -> Option<PathBuf> {
    match (path.parent(), path.file_name()) {
        (Some(folder), Some(name)) => Some(fs::canonicalize(folder).ok()?.join(name)),
        // It ends in `..`, or is the root.
        _ => fs::canonicalize(path).ok(),
    }
}

/// A path and all that its links lead to, each by the name that the link has for it and by its real one.
pub(super) fn steps(path: &Path) -> Vec<PathBuf> {
    let mut steps = Vec::new();
    let mut at = path.to_owned();
    for _ in 0..DEEPEST {
        steps.push(at.clone());
        let Some(settled) = settle(&at) else { break };
        if settled != at {
            steps.push(settled.clone());
        }
        let (Ok(target), Some(folder)) = (fs::read_link(&settled), settled.parent()) else { break };
        at = without_dots(&folder.join(target));
    }
    steps
}

/// Takes `.` and `..` out by their names alone.
fn without_dots(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(plain.pop()),
            Component::CurDir => {}
            part => plain.push(part),
        }
    }
    plain
}

pub(super) fn read(path: &Path) -> Option<String> {
    let mut text = String::new();
    File::open(path).ok()?.take(LONGEST).read_to_string(&mut text).ok()?;
    Some(text)
}
