//! Virtual environments, and the shims of pyenv.

use std::{
    ffi::OsStr,
    fs,
    path::{Component, Path, PathBuf},
};

use super::{
    ProfileError, Search,
    npx::is_version,
    path::{is_executable, read, steps},
    refuse,
};

impl Search<'_> {
    /// As [`show_installation`](Self::show_installation), and what a virtual environment was made from.
    pub(super) fn show_python(&mut self, program: &Path) {
        self.show_installation(program);
        for step in steps(program) {
            let Some(prefix) = step.parent().and_then(Path::parent) else { continue };
            let settings = read(&prefix.join("pyvenv.cfg")).unwrap_or_default();
            let home = settings.lines().find_map(|line| {
                let (name, value) = line.split_once('=')?;
                (name.trim() == "home").then(|| PathBuf::from(value.trim()))
            });
            let Some(home) = home.filter(|home| home.is_absolute()) else { continue };
            for name in [OsStr::new("python3"), OsStr::new("python")] {
                self.show_installation(&home.join(name));
            }
        }
    }

    /// What a shim of pyenv stands for.
    pub(super) fn behind_shim(&self, program: &Path) -> Result<Option<PathBuf>, ProfileError> {
        let (Some(shims), Some(name)) = (program.parent(), program.file_name()) else { return Ok(None) };
        let root = shims.parent().filter(|root| shims.ends_with("shims") && root.join("versions").is_dir());
        let Some(root) = root else { return Ok(None) };
        let from_file =
            |path: PathBuf| read(&path).map(|text| text.split_whitespace().collect::<Vec<_>>().join(":"));
        let wanted = self
            .host
            .pyenv_version
            .clone()
            .or_else(|| {
                self.host.folder.ancestors().find_map(|folder| from_file(folder.join(".python-version")))
            })
            .or_else(|| from_file(root.join("version")))
            .unwrap_or_else(|| "system".to_owned());
        for version in wanted.split(':') {
            let found = if version == "system" {
                self.look_up(name, |path| path.parent() != Some(shims)).ok()
            } else {
                installed_version(&root.join("versions"), version)
                    .map(|folder| folder.join("bin").join(name))
                    .filter(|path| is_executable(path))
            };
            if found.is_some() {
                return Ok(found);
            }
        }
        refuse(format!("pyenv has no `{}` for the version `{wanted}`", name.display()))
    }
}

/// The newest of pyenv's versions that `wanted` stands for: `3.12` stands for `3.12.4`.
fn installed_version(versions: &Path, wanted: &str) -> Option<PathBuf> {
    let wanted = wanted.strip_prefix("python-").unwrap_or(wanted);
    let is_plain = Path::new(wanted).components().all(|part| matches!(part, Component::Normal(_)));
    if !is_plain || wanted.is_empty() {
        return None;
    }
    let exact = versions.join(wanted);
    if exact.is_dir() {
        return Some(exact);
    }
    let names = fs::read_dir(versions).ok()?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let newest = names
        .filter(|name| is_version(name, wanted))
        .max_by_key(|name| name.split('.').map(|part| part.parse().unwrap_or(0_u32)).collect::<Vec<_>>())?;
    Some(versions.join(newest))
}
