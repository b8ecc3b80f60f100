//! Paths, links and small files.

use std::{
    ffi::OsString,
    fs::{self, File},
    io::{self, Read as _},
    os::unix::fs::PermissionsExt as _,
    path::{Component, Path, PathBuf},
};

/// Longest file of settings that is read.
const LONGEST: u64 = 1 << 20;
/// How many links one path may have: as many as the kernel follows.
const MOST_LINKS: usize = 40;

/// A path that was followed, link by link. All that is said and shown of it comes from this one look: links that are
/// changed afterwards change nothing.
#[derive(Clone, Debug)]
pub(super) struct Way {
    /// Its folder's real path, and its last part as it was found: a virtual environment is known by the path of its
    /// interpreter, which is a link.
    pub(super) settled: PathBuf,
    /// Where it leads.
    pub(super) real: PathBuf,
    /// The links on the way, in this order, each by the real path of its folder and its name.
    pub(super) links: Vec<PathBuf>,
    /// Everything that it is called on the way: inside, links are followed by these names.
    pub(super) names: Vec<PathBuf>,
}

impl Way {
    /// Follows an absolute path.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let mut way =
            Self { settled: PathBuf::new(), real: PathBuf::from("/"), links: Vec::new(), names: Vec::new() };
        way.names.extend(plain(path));
        // What is left of the path, the next part last.
        let mut rest = Vec::new();
        push_parts(&mut rest, path);
        while let Some(part) = rest.pop() {
            if part == ".." {
                way.real.pop();
                continue;
            }
            let next = way.real.join(&part);
            if rest.is_empty() && way.settled.as_os_str().is_empty() {
                way.settled.clone_from(&next);
            }
            let target = match fs::read_link(&next) {
                Ok(target) => target,
                // It is none.
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                    way.real = next;
                    continue;
                }
                Err(error) => return Err(error),
            };
            if way.links.len() == MOST_LINKS {
                return Err(io::Error::from_raw_os_error(libc::ELOOP));
            }
            let below: PathBuf = rest.iter().rev().collect();
            way.names.extend(plain(&next.join(&below)));
            way.names.extend(beyond(&way.real, &target.join(&below)));
            way.links.push(next);
            if target.is_absolute() {
                way.real = PathBuf::from("/");
            }
            push_parts(&mut rest, &target);
        }
        if way.settled.as_os_str().is_empty() {
            // It ends in `..`, or is the root.
            way.settled.clone_from(&way.real);
        }
        way.names.extend([way.settled.clone(), way.real.clone()]);
        way.names.sort();
        way.names.dedup();
        Ok(way)
    }
}

fn push_parts(rest: &mut Vec<OsString>, path: &Path) {
    rest.extend(path.components().rev().filter_map(|part| match part {
        Component::ParentDir => Some("..".into()),
        Component::Normal(name) => Some(name.to_owned()),
        _ => None,
    }));
}

/// The path as a name: it has none if it goes up somewhere, since that leads out of a link's target and not of the folder
/// that the link lies in. Whoever made the link could choose the name of something else.
fn plain(path: &Path) -> Option<PathBuf> {
    // Joining takes the `.` out.
    path.components().all(|part| part != Component::ParentDir).then(|| path.components().collect())
}

/// The same for a link's target, which may go up from the link's real folder at first.
fn beyond(folder: &Path, target: &Path) -> Option<PathBuf> {
    let up = target.components().take_while(|part| *part == Component::ParentDir).count();
    let below: PathBuf = target.components().skip(up).collect();
    let from = folder.ancestors().nth(up).unwrap_or(Path::new("/"));
    plain(&from.join(below))
}

pub(super) fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0)
}

/// The outermost `node_modules` that a path lies in.
pub(super) fn modules_around(path: &Path) -> Option<&Path> {
    path.ancestors().filter(|folder| folder.ends_with("node_modules")).last()
}

/// The text of a file; of nothing else, since a named pipe would be waited for.
pub(super) fn read(path: &Path) -> Option<String> {
    let mut text = String::new();
    fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    File::open(path).ok()?.take(LONGEST).read_to_string(&mut text).ok()?;
    Some(text)
}

/// A path as a word of a command line that is suggested: whoever named a file may have had the shell in mind.
pub(super) fn quoted(path: &Path) -> String {
    let text = path.to_string_lossy();
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+@=:,%".contains(c);
    if text.chars().all(is_plain) { text.into_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}
