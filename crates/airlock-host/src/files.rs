//! Paths as the system will see them.

use std::{
    collections::VecDeque,
    ffi::OsString,
    fs, io,
    path::{Component, Path, PathBuf},
};

use airlock_engine::ports::Files;

/// As many symbolic links as Linux follows in one path.
const MAX_LINKS: usize = 40;

/// The longest path in bytes: `PATH_MAX` of Linux. It also bounds the system calls of one question.
const MAX_PATH: usize = 4096;

/// Resolves paths on this machine, from a base folder: the working folder of the server.
#[derive(Clone, Debug)]
pub struct HostFiles {
    base: PathBuf,
}

impl HostFiles {
    /// Relative paths start at `base`, which should be absolute; from another base nothing resolves.
    pub fn new(base: impl Into<PathBuf>) -> Self {
        Self { base: base.into() }
    }
}

impl Files for HostFiles {
    /// Walks the path part by part. A link is followed also when its target does not exist, because writing
    /// to it creates the target. `None` for an empty or too long path, one with NUL, too many links, a part
    /// that cannot be looked at, and a link under `/proc`, which means something else in every process.
    fn resolve(&self, path: &str) -> Option<PathBuf> {
        if path.is_empty() || path.len() > MAX_PATH || path.contains('\0') || !self.base.is_absolute() {
            return None;
        }
        let mut rest = parts(&self.base.join(path));
        let mut resolved = PathBuf::new();
        let mut links = 0;
        while let Some(part) = rest.pop_front() {
            match part {
                Part::Root(root) => resolved = root.into(),
                Part::Up => drop(resolved.pop()),
                Part::Name(name) => {
                    resolved.push(name);
                    let Some(target) = link_target(&resolved).ok()? else { continue };
                    links += 1;
                    if links > MAX_LINKS || resolved.starts_with("/proc") {
                        return None;
                    }
                    resolved.pop();
                    let mut target = parts(&target);
                    target.append(&mut rest);
                    rest = target;
                }
            }
        }
        Some(resolved)
    }
}

enum Part {
    Root(OsString),
    Up,
    Name(OsString),
}

fn parts(path: &Path) -> VecDeque<Part> {
    path.components()
        .filter_map(|component| match component {
            Component::Prefix(_) | Component::CurDir => None,
            // Joined, so that a drive and its root stay together.
            Component::RootDir => Some(Part::Root(root_of(path))),
            Component::ParentDir => Some(Part::Up),
            Component::Normal(name) => Some(Part::Name(name.to_owned())),
        })
        .collect()
}

fn root_of(path: &Path) -> OsString {
    let root = path.components().take_while(|part| matches!(part, Component::Prefix(_) | Component::RootDir));
    root.collect::<PathBuf>().into_os_string()
}

/// Where the link points to; `None` for what is no link or does not exist.
fn link_target(path: &Path) -> io::Result<Option<PathBuf>> {
    match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_symlink() => fs::read_link(path).map(Some),
        Ok(_) => Ok(None),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn resolves_what_the_system_would_open_or_create() {
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path().canonicalize().unwrap();
        fs::create_dir_all(base.join("data/deep")).unwrap();
        fs::create_dir(base.join("other")).unwrap();
        fs::write(base.join("data/file"), "").unwrap();
        symlink("../other", base.join("data/out")).unwrap();
        symlink("/nonexistent/target", base.join("data/dangling")).unwrap();
        symlink("deep", base.join("data/relative")).unwrap();
        symlink("loop", base.join("data/loop")).unwrap();
        symlink(base.join("data/out"), base.join("data/twice")).unwrap();

        let files = HostFiles::new(&base);
        let inside = |path: &str| Some(base.join(path));
        let cases = [
            ("data/file", inside("data/file")),
            ("./data//./file", inside("data/file")),
            ("data/new/deeper", inside("data/new/deeper")),
            ("data/../other", inside("other")),
            ("data/out/x", inside("other/x")),
            ("data/twice/x", inside("other/x")),
            ("data/out/../x", inside("x")),
            ("data/relative/x", inside("data/deep/x")),
            ("data/new/../../other", inside("other")),
            ("data/file/below", inside("data/file/below")),
            ("data/dangling", Some("/nonexistent/target".into())),
            ("data/dangling/x", Some("/nonexistent/target/x".into())),
            ("/../../etc", Some("/etc".into())),
            ("/", Some("/".into())),
            ("data/loop", None),
            ("data\0file", None),
            ("", None),
        ];
        for (path, want) in cases {
            assert_eq!(files.resolve(path), want, "{path:?}");
        }
        assert_eq!(files.resolve(&"x/".repeat(MAX_PATH)), None);
        assert_eq!(HostFiles::new("relative").resolve("x"), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn refuses_what_differs_between_processes() {
        let files = HostFiles::new("/");
        for path in ["/proc/self/cwd/x", "/proc/thread-self/x", "/dev/fd/0", "/dev/stdin"] {
            assert_eq!(files.resolve(path), None, "{path}");
        }
        assert_eq!(files.resolve("/proc/cpuinfo"), Some("/proc/cpuinfo".into()));
    }
}
