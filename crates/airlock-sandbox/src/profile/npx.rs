//! `npx` with a package that is there, and starters that would have to fetch one.

use std::{
    cmp::Reverse,
    ffi::{OsStr, OsString},
    fmt, fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::{
    ProfileError, Search,
    node::package_around,
    path::{Way, is_executable, modules_around, quoted, read},
    refuse,
    trust::Use,
};

impl Search<'_> {
    /// `npx [-y] PACKAGE ARGUMENTS…` with a package that is there: its script, and the arguments. The same places in
    /// the same order as npm looks at: the folders upwards, what was installed globally, what was fetched before.
    pub(super) fn npx(
        &self,
        program: &Way,
        arguments: &[OsString],
    ) -> Result<(Way, Vec<OsString>), ProfileError> {
        let Npx { package, command, rest } = Npx::parse(arguments)?;
        let upwards = self.host.folder.ancestors().map(|folder| folder.join("node_modules"));
        let global = modules_around(&program.real).map(Path::to_owned);
        let cache = self.host.npm_cache.clone().or_else(|| Some(self.host.home.as_ref()?.join(".npm")));
        let fetched = cache.map(|cache| newest_first(&cache.join("_npx"))).unwrap_or_default();
        let mut places =
            upwards.chain(global).chain(fetched.into_iter().map(|folder| folder.join("node_modules")));
        let found = places.find_map(|place| {
            let script = package.script(&place, command.as_deref())?;
            Some((Way::of(&place).ok()?, script))
        });
        let Some((place, script)) = found else {
            return refuse(format!(
                "`npx` would have to fetch `{package}`, and the sandbox has no network: install it first \
                 (`npm install -g {package}`), or give `node /path/to/its/script.js`"
            ));
        };
        // What is linked into a `node_modules`, or listed in a `package.json`, may lie anywhere.
        self.permit(&place, Use::Content)?;
        let inside = modules_around(&place.real).unwrap_or(&place.real);
        let around = package_around(&script).unwrap_or(&script);
        if !script.starts_with(inside) && !self.is_named(around) {
            return refuse(format!(
                "`{package}` of `{}` lies elsewhere, in `{}`: show that with `--ro {}`",
                inside.display(),
                around.display(),
                quoted(around)
            ));
        }
        let beside = program.settled.with_file_name("node");
        let node =
            if is_executable(&beside) { self.program(&beside)? } else { self.find(OsStr::new("node"))? };
        let mut arguments = vec![script.into_os_string()];
        arguments.extend(rest);
        Ok((node, arguments))
    }
}

/// Starters that would have to fetch something.
pub(super) fn refuse_fetchers(program: &Way) -> Result<(), ProfileError> {
    let name = program.settled.file_name().map(OsStr::to_string_lossy).unwrap_or_default();
    let instead = match &*name {
        "uvx" | "uv" => "install the server (`uv tool install PACKAGE`) and give its own command",
        "pipx" => "install the server (`pipx install PACKAGE`) and give its own command",
        "bunx" | "pnpx" | "pnpm" | "yarn" => "install the server and give `node /path/to/its/script.js`",
        _ if is_named(program, "npm", "npm-cli.js") => {
            "install the server (`npm install -g PACKAGE`) and give its own command"
        }
        _ => return Ok(()),
    };
    refuse(format!("`{name}` may fetch what it runs, and the sandbox has no network: {instead}"))
}

/// A command line of `npx`.
struct Npx {
    package: Package,
    /// The command of the package, if it is named apart.
    command: Option<String>,
    rest: Vec<OsString>,
}

impl Npx {
    fn parse(arguments: &[OsString]) -> Result<Self, ProfileError> {
        let mut arguments = arguments.iter();
        let mut package = None;
        let text = |word: Option<&OsString>| {
            let word = word.and_then(|word| word.to_str()).filter(|word| !word.is_empty());
            word.map(str::to_owned).ok_or_else(|| ProfileError("`npx` is given no package".to_owned()))
        };
        let first = loop {
            let word = text(arguments.next())?;
            match word.as_str() {
                "-y" | "--yes" | "--no" | "--no-install" | "-q" | "--quiet" | "-s" | "--silent"
                | "--offline" | "--prefer-offline" | "--prefer-online" => {}
                "-p" | "--package" => package = Some(text(arguments.next())?),
                "--" => break text(arguments.next())?,
                option => match option.strip_prefix("--package=") {
                    Some(name) => package = Some(name.to_owned()),
                    None if option.starts_with('-') => {
                        return refuse(format!(
                            "`npx {option}` is not followed; give `node /path/to/its/script.js`"
                        ));
                    }
                    None => break word,
                },
            }
        };
        let rest = arguments.cloned().collect();
        Ok(match package {
            Some(package) => Self { package: Package::parse(&package)?, command: Some(first), rest },
            None => Self { package: Package::parse(&first)?, command: None, rest },
        })
    }
}

/// A package of npm, by its name and perhaps a version.
struct Package {
    name: String,
    version: Option<String>,
}

impl fmt::Display for Package {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.version {
            Some(version) => write!(f, "{}@{version}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

impl Package {
    fn parse(text: &str) -> Result<Self, ProfileError> {
        // The first `@` of `@scope/name@version` belongs to the name.
        let at = text.char_indices().skip(1).find(|(_, c)| *c == '@').map(|(at, _)| at);
        let (name, version) = at.map_or((text, None), |at| {
            let (name, version) = text.split_at(at);
            (name, version.strip_prefix('@'))
        });
        let part = |part: &str| {
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '~');
            !part.is_empty() && !part.starts_with('.') && part.chars().all(plain)
        };
        let is_name = match name.strip_prefix('@') {
            Some(scoped) => scoped.split_once('/').is_some_and(|(scope, name)| part(scope) && part(name)),
            None => part(name),
        };
        if !is_name {
            return refuse(format!(
                "`npx` is given `{}`, which is not the name of a package; give `node /path/to/its/script.js`",
                text.escape_default()
            ));
        }
        // What is there counts as the latest: there is no network to ask for another one.
        let version = version.filter(|version| *version != "latest").map(str::to_owned);
        Ok(Self { name: name.to_owned(), version })
    }

    /// The script of the package, if it is in this `node_modules` in the wanted version.
    fn script(&self, modules: &Path, command: Option<&str>) -> Option<PathBuf> {
        let folder = modules.join(&self.name);
        let about: Value = serde_json::from_str(&read(&folder.join("package.json"))?).ok()?;
        let version = about.get("version").and_then(Value::as_str)?;
        if self.version.as_deref().is_some_and(|wanted| !is_version(version, wanted)) {
            return None;
        }
        let plain_name = self.name.rsplit('/').next()?;
        let script = match about.get("bin")? {
            Value::String(script) => {
                command.is_none_or(|command| command == plain_name).then_some(script.as_str())
            }
            Value::Object(scripts) => match (command, scripts.values().next()) {
                (Some(command), _) => scripts.get(command)?.as_str(),
                (None, Some(only)) if scripts.len() == 1 => only.as_str(),
                (None, _) => scripts.get(plain_name)?.as_str(),
            },
            _ => None,
        }?;
        fs::canonicalize(folder.join(script)).ok().filter(|script| script.is_file())
    }
}

/// Whether a version is the wanted one; `1` and `1.2` stand for all that begin with them.
pub(super) fn is_version(version: &str, wanted: &str) -> bool {
    version.strip_prefix(wanted).is_some_and(|rest| {
        rest.is_empty() || rest.starts_with('.') && wanted.starts_with(|c: char| c.is_ascii_digit())
    })
}

fn newest_first(folder: &Path) -> Vec<PathBuf> {
    let mut folders: Vec<_> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| (entry.metadata().and_then(|about| about.modified()).ok(), entry.path()))
        .collect();
    folders.sort_by_key(|(changed, _)| Reverse(*changed));
    folders.into_iter().map(|(_, path)| path).collect()
}

pub(super) fn is_named(program: &Way, name: &str, script: &str) -> bool {
    program.settled.file_name() == Some(OsStr::new(name))
        || program.real.file_name() == Some(OsStr::new(script))
}
