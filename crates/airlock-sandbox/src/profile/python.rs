//! Virtual environments, and the shims of pyenv.

use std::{
    fs,
    path::{Component, Path, PathBuf},
};

use super::{
    Kind, ProfileError, Search, is_system,
    npx::is_version,
    path::{Way, is_executable, quoted, read},
    refuse,
};

/// Longest part of a version that is shown, in characters.
const LONGEST_VERSION: usize = 80;

impl Search<'_> {
    /// As [`show_installation`](Self::show_installation), and what a virtual environment was made from.
    pub(super) fn show_python(&mut self, program: &Way) -> Result<(), ProfileError> {
        self.show_installation(program, Kind::Python)?;
        for name in &program.names {
            if let Some(prefix) = name.parent().and_then(Path::parent) {
                self.show_base(prefix)?;
            }
        }
        Ok(())
    }

    /// The Python that a virtual environment says it was made from. Whoever made the environment may have written
    /// anything there, so it has to be one that the user has installed.
    fn show_base(&mut self, prefix: &Path) -> Result<(), ProfileError> {
        let settings = prefix.join("pyvenv.cfg");
        let text = read(&settings).unwrap_or_default();
        let home = text.lines().find_map(|line| {
            let (name, value) = line.split_once('=')?;
            (name.trim() == "home").then(|| PathBuf::from(value.trim()))
        });
        let Some(home) = home.filter(|home| home.is_absolute()) else { return Ok(()) };
        for name in ["python3", "python"] {
            let python = home.join(name);
            if !is_executable(&python) {
                continue;
            }
            let Ok(way) = Way::of(&python) else { continue };
            let links = way.links.iter().filter(|link| !self.is_own(link));
            let mut places = links.chain([&way.settled, &way.real]);
            let is_own = |place: &PathBuf| {
                is_system(place)
                    || self.is_installed(place)
                    || self.is_interpreter(place)
                    || self.is_named(place)
            };
            if !places.all(is_own) || Kind::of(&way) != Kind::Python {
                let base = way.settled.parent().and_then(Path::parent).unwrap_or(&home);
                let [bin, lib] = ["bin", "lib"].map(|part| quoted(&base.join(part)));
                return refuse(format!(
                    "`{}` says that its Python is in `{}`, which is not the system's, not on PATH and not where \
                     pyenv, uv or conda install it: if that is right, show it with `--ro {bin} --ro {lib}`",
                    settings.display(),
                    home.display()
                ));
            }
            self.show_installation(&way, Kind::Python)?;
        }
        Ok(())
    }

    /// What a shim of pyenv stands for.
    pub(super) fn behind_shim(&self, program: &Way) -> Result<Option<Way>, ProfileError> {
        let (Some(shims), Some(name)) = (program.settled.parent(), program.settled.file_name()) else {
            return Ok(None);
        };
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
                self.look_up(name, |way| way.settled.parent() != Some(shims)).ok()
            } else {
                installed_version(&root.join("versions"), version)
                    .map(|folder| folder.join("bin").join(name))
                    .filter(|path| is_executable(path))
                    .map(|path| self.program(&path))
                    .transpose()?
            };
            if found.is_some() {
                return Ok(found);
            }
        }
        // It is read from a file that may be anything.
        let wanted: String = wanted.chars().take(LONGEST_VERSION).collect();
        refuse(format!("pyenv has no `{}` for the version `{}`", name.display(), wanted.escape_debug()))
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
