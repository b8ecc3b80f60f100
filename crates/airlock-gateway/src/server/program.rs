//! Whether a command can be found, before anything is started.

use std::{
    ffi::OsStr,
    io,
    path::{Path, PathBuf},
};

/// Looks `program` up as the system would: as a path when it has a slash, on `search` (the value of `PATH`)
/// otherwise.
pub(super) fn check(program: &OsStr, search: Option<&OsStr>) -> io::Result<()> {
    let shown = program.to_string_lossy();
    let failed = |kind, text| Err(io::Error::new(kind, format!("cannot start `{shown}`: {text}")));
    if program.is_empty() {
        return failed(io::ErrorKind::InvalidInput, "the command is empty");
    }
    let (candidates, missing): (Vec<PathBuf>, _) = if Path::new(program).components().nth(1).is_some() {
        (vec![program.into()], "no such file")
    } else {
        let folders = std::env::split_paths(search.unwrap_or_default());
        (folders.map(|folder| folder.join(program)).collect(), "not found on PATH")
    };
    match candidates.iter().map(|path| state(path)).max() {
        Some(State::Executable) => Ok(()),
        Some(State::File) => failed(io::ErrorKind::PermissionDenied, "the file is not executable"),
        Some(State::Missing) | None => failed(io::ErrorKind::NotFound, missing),
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    Missing,
    File,
    Executable,
}

fn state(path: &Path) -> State {
    if !path.is_file() {
        return State::Missing;
    }
    match rustix::fs::access(path, rustix::fs::Access::EXEC_OK) {
        Ok(()) => State::Executable,
        Err(_) => State::File,
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    #[test]
    fn says_what_is_wrong_with_a_command() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str, mode| {
            let path = folder.path().join(name);
            fs::write(&path, "#!/bin/sh\n").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            path
        };
        let tool = place("tool", 0o755);
        place("notes", 0o644);
        fs::create_dir(folder.path().join("folder")).unwrap();
        let search = std::env::join_paths(["/nonexistent", folder.path().to_str().unwrap()]).unwrap();

        let cases: &[(&OsStr, Option<&str>)] = &[
            (OsStr::new("tool"), None),
            (tool.as_os_str(), None),
            (OsStr::new("npx"), Some("cannot start `npx`: not found on PATH")),
            (OsStr::new("notes"), Some("cannot start `notes`: the file is not executable")),
            (OsStr::new("folder"), Some("cannot start `folder`: not found on PATH")),
            (OsStr::new("./nowhere/x"), Some("cannot start `./nowhere/x`: no such file")),
            (OsStr::new(""), Some("cannot start ``: the command is empty")),
        ];
        for &(program, want) in cases {
            let got = check(program, Some(&search)).map_err(|error| error.to_string());
            assert_eq!(got.err().as_deref(), want, "{}", program.display());
        }
        assert!(check(OsStr::new("tool"), None).is_err());
    }
}
