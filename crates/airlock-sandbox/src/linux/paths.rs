//! Which paths can be shown at all.

use std::{
    io,
    path::{Component, Path},
};

use crate::{Confinement, SandboxError, Step};

/// Folders that belong to the box itself.
const RESERVED: &[&str] = &["/proc", "/sys", "/dev"];
/// Whether what is asked for can be shown at all.
pub(super) fn check(confinement: &Confinement) -> Result<(), SandboxError> {
    let at = || SandboxError::at(Step::OpenPaths);
    for (path, _) in &confinement.links {
        check_form(path).map_err(at())?;
    }
    for path in confinement.read_only.iter().chain(&confinement.writable).chain(&confinement.folder) {
        check_path(path).map_err(at())?;
    }
    check_overlaps(confinement).map_err(at())
}

/// A path that may not be changed must not lie in one that may: what lies above it could be moved away, and something else
/// put in its place.
fn check_overlaps(confinement: &Confinement) -> io::Result<()> {
    for fixed in &confinement.read_only {
        if let Some(open) = confinement.writable.iter().find(|open| fixed.starts_with(open)) {
            let (fixed, open) = (fixed.display(), open.display());
            let text = format!("`{fixed}` cannot be read-only, since it lies in `{open}`, which is writable");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
    }
    Ok(())
}

/// Without a root of its own, the program has the links of the host.
pub(super) fn check_links(confinement: &Confinement) -> io::Result<()> {
    for (path, target) in &confinement.links {
        if path.read_link().ok().as_ref() != Some(target) {
            let text = format!("`{}` is no such link on the host, and cannot be one here", path.display());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
    }
    Ok(())
}

/// A path is taken as it is written, inside as outside.
fn check_path(path: &Path) -> io::Result<()> {
    check_form(path)?;
    // A link could have been put there by a program that could write where it lies.
    match path.canonicalize() {
        Ok(real) if real != path => {
            let text = format!("`{}` leads to `{}`: name that", path.display(), real.display());
            Err(io::Error::new(io::ErrorKind::InvalidInput, text))
        }
        // What cannot be found says so when it is opened.
        _ => Ok(()),
    }
}

fn check_form(path: &Path) -> io::Result<()> {
    let plain = path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
    // Files of its own lie in `/etc`; a part of the host's can be shown.
    let whole = ["/", "/etc"].iter().any(|whole| path == Path::new(whole));
    let reserved = whole || RESERVED.iter().any(|reserved| path.starts_with(reserved));
    let problem = match (path.is_absolute() && plain, reserved) {
        (false, _) => "is not an absolute path without `..`",
        (true, true) => "belongs to the box itself",
        (true, false) => return Ok(()),
    };
    Err(io::Error::new(io::ErrorKind::InvalidInput, format!("`{}` {problem}", path.display())))
}
