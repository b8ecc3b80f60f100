//! What is made visible.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{Kind, ProfileError, Search, is_system, path::Way, trust::Use};

impl Search<'_> {
    /// A folder that holds more than programs: never shown as a whole.
    pub(super) fn is_private(&self, path: &Path) -> bool {
        path == Path::new("/")
            || self.host.home.as_deref().is_some_and(|home| {
                home.starts_with(path) || fs::canonicalize(home).is_ok_and(|home| home.starts_with(path))
            })
    }

    /// What lies there, if anything does.
    pub(super) fn show(&mut self, path: &Path) -> Result<(), ProfileError> {
        let Ok(way) = Way::of(path) else { return Ok(()) };
        self.permit(&way, Use::Content)?;
        self.show_way(&way);
        Ok(())
    }

    /// A file, and every link on the way to it: inside they are followed by their names.
    pub(super) fn show_way(&mut self, way: &Way) {
        for name in &way.names {
            self.show_named(name, &way.real);
        }
    }

    fn show_named(&mut self, name: &Path, real: &Path) {
        if self.is_private(real) {
            return;
        }
        if !is_system(real) {
            self.shown.push(real.to_owned());
        }
        if name != real && !is_system(name) {
            self.links.push((name.to_owned(), real.to_owned()));
        }
    }

    /// The installation that a program in a `bin` belongs to, wherever its links lead.
    pub(super) fn show_installation(&mut self, program: &Way, kind: Kind) -> Result<(), ProfileError> {
        for name in &program.names {
            match self.installation_of(name, kind) {
                // Not all of it: what else lies there may be anything, as in `~/.local`.
                Some(prefix) => {
                    for part in ["bin", "lib", "lib64", "pyvenv.cfg"] {
                        self.show(&prefix.join(part))?;
                    }
                }
                None => self.show_named(name, &program.real),
            }
        }
        Ok(())
    }

    /// What a program in its `bin` was installed into, if that has the libraries of such a program: a folder of anything
    /// may have a `bin` and a `lib`.
    pub(super) fn installation_of<'a>(&self, program: &'a Path, kind: Kind) -> Option<&'a Path> {
        let prefix = program.parent().filter(|bin| bin.ends_with("bin"))?.parent()?;
        let real = fs::canonicalize(prefix).ok()?;
        let has_libraries = match kind {
            Kind::Node => real.join("lib/node_modules").is_dir(),
            _ => {
                real.join("pyvenv.cfg").is_file()
                    || ["lib", "lib64"].iter().any(|lib| has_python(&real.join(lib)))
            }
        };
        (has_libraries && !self.is_private(&real)).then_some(prefix)
    }
}

/// Whether a folder has Python's libraries: `python3.12`, `python312.zip`, `pypy3.10`.
fn has_python(lib: &Path) -> bool {
    let names = fs::read_dir(lib).into_iter().flatten().flatten().map(|entry| entry.file_name());
    names
        .into_iter()
        .any(|name| name.to_str().is_some_and(|name| name.starts_with("python") || name.starts_with("pypy")))
}

/// Leaves out what lies in something else.
pub(super) fn outermost(mut paths: Vec<PathBuf>) -> Vec<PathBuf> {
    paths.sort();
    paths.dedup();
    let all = paths.clone();
    paths.retain(|path| !all.iter().any(|other| path != other && path.starts_with(other)));
    paths
}
