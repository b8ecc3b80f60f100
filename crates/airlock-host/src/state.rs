//! Where state of the user is kept, and how files there are made.

use std::{
    env,
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
};

/// Airlock's folder in the user's state folder: `$XDG_STATE_HOME/airlock`, else `~/.local/state/airlock`
/// (on Windows `%LOCALAPPDATA%\airlock`). `None` when the environment names neither.
pub fn state_dir() -> Option<PathBuf> {
    from_environment(|name| env::var_os(name))
}

/// Where audit records go when nothing else is configured: `audit.jsonl` in [`state_dir`].
pub fn audit_path() -> Option<PathBuf> {
    Some(state_dir()?.join("audit.jsonl"))
}

fn from_environment(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    // A relative path would mean the current folder, which is the user's project; the XDG specification
    // says to ignore it.
    let folder = |name| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = if cfg!(windows) {
        folder("LOCALAPPDATA")
    } else {
        folder("XDG_STATE_HOME").or_else(|| Some(folder("HOME")?.join(".local/state")))
    };
    Some(state?.join("airlock"))
}

/// Creates what is missing of a folder, for this user only.
pub(crate) fn create_private_dir(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Opens a file; if that creates it, then for this user only.
pub(crate) fn open_private(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options.open(path)
}

/// Whether others than the owner may read the file.
#[cfg(unix)]
pub(crate) fn is_exposed(file: &File) -> io::Result<bool> {
    use std::os::unix::fs::PermissionsExt;
    let meta = file.metadata()?;
    Ok(meta.is_file() && meta.permissions().mode() & 0o044 != 0)
}

/// Access lists are not looked at; the user's folder is private by default.
#[cfg(not(unix))]
pub(crate) fn is_exposed(_file: &File) -> io::Result<bool> {
    Ok(false)
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    #[test]
    fn the_state_folder_is_where_the_environment_says() {
        let cases: &[(Option<&str>, Option<&str>, Option<&str>)] = &[
            (Some("/state"), Some("/home/u"), Some("/state/airlock")),
            (None, Some("/home/u"), Some("/home/u/.local/state/airlock")),
            (Some("relative"), Some("/home/u"), Some("/home/u/.local/state/airlock")),
            (Some(""), Some("/home/u"), Some("/home/u/.local/state/airlock")),
            (None, Some("relative"), None),
            (None, None, None),
        ];
        for &(xdg, home, want) in cases {
            let got = from_environment(|name| match name {
                "XDG_STATE_HOME" => xdg.map(OsString::from),
                "HOME" => home.map(OsString::from),
                _ => None,
            });
            assert_eq!(got, want.map(PathBuf::from), "{xdg:?} {home:?}");
        }
    }
}
