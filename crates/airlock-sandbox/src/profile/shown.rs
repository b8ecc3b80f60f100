//! What is made visible.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{Search, is_system, path::steps};

impl Search<'_> {
    /// A folder that holds more than programs: never shown as a whole.
    pub(super) fn is_private(&self, path: &Path) -> bool {
        path == Path::new("/")
            || self.host.home.as_deref().is_some_and(|home| {
                home.starts_with(path) || fs::canonicalize(home).is_ok_and(|home| home.starts_with(path))
            })
    }

    pub(super) fn show(&mut self, path: PathBuf) {
        if !is_system(&path) && !self.is_private(&path) && path.exists() {
            self.shown.push(path);
        }
    }

    /// A file, and every link on the way to it: inside they are followed by their names.
    pub(super) fn show_with_links(&mut self, path: &Path) {
        for step in steps(path) {
            self.show(step);
        }
    }

    /// The installation that a program in a `bin` belongs to, wherever its links lead.
    pub(super) fn show_installation(&mut self, program: &Path) {
        for step in steps(program) {
            let prefix = step.parent().filter(|bin| bin.ends_with("bin")).and_then(Path::parent);
            match prefix.filter(|prefix| !self.is_private(prefix) && prefix.join("lib").is_dir()) {
                // Not all of it: what else lies there may be anything, as in `~/.local`.
                Some(prefix) => self.show_parts(prefix),
                None => self.show(step),
            }
        }
    }

    pub(super) fn show_parts(&mut self, prefix: &Path) {
        for part in ["bin", "lib", "lib64", "pyvenv.cfg"] {
            self.show(prefix.join(part));
        }
    }
}
