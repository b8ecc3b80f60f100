//! What a command needs to see before it can start, found out from the command itself.
//!
//! A box shows the system's own programs and libraries. Runtimes that people install for themselves lie elsewhere,
//! mostly in the home, and an MCP server is mostly a script for one of them. So the command is followed to what will
//! really run, as the system would do it (`PATH`, links, `#!` lines), and as a few well-known starters would (`npx`,
//! the shims of pyenv):
//!
//! | what runs | what is made visible, read-only, where it is not the system's |
//! |---|---|
//! | Node.js | `bin` and `lib` of its installation |
//! | a script for it | the outermost `node_modules` around it, or the folder with its `package.json` and every `node_modules` above; else the file alone |
//! | Python | `bin` and `lib` of its installation; of a virtual environment and of the one it was made from |
//! | a script for it | the file alone |
//! | any other program | its file alone |
//!
//! Less than a folder's name suggests is shown: an interpreter in `~/bin` does not show the home. What a program needs
//! beyond this (libraries of its own, sources beside a script) has to be named by whoever starts it.
//!
//! Starters that fetch what they run are not followed, because there is no network inside: they are refused with what
//! to do instead. Otherwise they would fail inside with a message about the network.

use std::{
    cmp::Reverse,
    env,
    ffi::{OsStr, OsString},
    fmt,
    fs::{self, File},
    io::{self, Read as _},
    os::unix::{ffi::OsStrExt as _, fs::PermissionsExt as _},
    path::{Component, Path, PathBuf},
};

use serde_json::Value;

use crate::linux::SYSTEM;

/// Longest part of a script that is looked at: the kernel takes 256 bytes of a `#!` line.
const HEAD: u64 = 512;
/// Longest file of settings that is read.
const LONGEST: u64 = 1 << 20;
/// How many `#!` lines, links and shims are followed, one after the other.
const DEEPEST: usize = 16;
/// `PATH` inside, behind the folder of the interpreter.
const SEARCH: &str = "/usr/local/bin:/usr/bin:/bin";

/// What of the host a command is resolved against.
#[derive(Clone, Debug, Default)]
pub struct Host {
    /// The value of `PATH`.
    pub search: OsString,
    /// The user's own folder. It and what it lies in are never shown as a whole.
    pub home: Option<PathBuf>,
    /// Where relative paths begin.
    pub folder: PathBuf,
    /// The value of `PYENV_VERSION`.
    pub pyenv_version: Option<String>,
    /// Where npm keeps what it fetched, if not in `.npm` of the home.
    pub npm_cache: Option<PathBuf>,
}

impl Host {
    /// The environment of this process.
    ///
    /// # Errors
    /// Its folder does not exist any more.
    pub fn current() -> io::Result<Self> {
        let named = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
        Ok(Self {
            search: named("PATH").unwrap_or_default(),
            home: named("HOME").map(PathBuf::from),
            folder: env::current_dir()?,
            pyenv_version: named("PYENV_VERSION").and_then(|version| version.into_string().ok()),
            npm_cache: named("npm_config_cache").or_else(|| named("NPM_CONFIG_CACHE")).map(PathBuf::from),
        })
    }
}

/// A command as it can be started inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The program that really runs, and its arguments.
    pub command: Vec<OsString>,
    /// What has to be visible besides the system.
    pub read_only: Vec<PathBuf>,
    /// The value of `PATH`: the folder of the program first.
    pub search: OsString,
}

/// Why a command cannot be started inside; says what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileError(String);

impl fmt::Display for ProfileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ProfileError {}

fn refuse<T>(text: impl Into<String>) -> Result<T, ProfileError> {
    Err(ProfileError(text.into()))
}

impl Profile {
    /// Follows `command` to what will really run.
    ///
    /// # Errors
    /// It cannot be found, or is of a kind that cannot work inside.
    pub fn of(command: &[OsString], host: &Host) -> Result<Self, ProfileError> {
        let Some((program, arguments)) = command.split_first() else { return refuse("the command is empty") };
        let mut search = Search { host, shown: Vec::new() };
        let program = search.find(program)?;
        let command = search.follow(program, arguments.to_vec())?;
        let folder =
            command.first().and_then(|program| Path::new(program).parent()).unwrap_or(Path::new("/"));
        let known = SEARCH.split(':').any(|known| folder == Path::new(known));
        let mut path = OsString::new();
        if !known {
            path.push(folder);
            path.push(":");
        }
        path.push(SEARCH);
        Ok(Self { command, read_only: outermost(search.shown), search: path })
    }
}

/// Leaves out what lies in something else.
fn outermost(mut paths: Vec<PathBuf>) -> Vec<PathBuf> {
    paths.sort();
    paths.dedup();
    let all = paths.clone();
    paths.retain(|path| !all.iter().any(|other| path != other && path.starts_with(other)));
    paths
}

fn is_system(path: &Path) -> bool {
    SYSTEM.iter().any(|system| path.starts_with(system))
}

/// The programs whose arguments are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Node,
    Python,
    Other,
}

impl Kind {
    fn of(path: &Path) -> Self {
        let name = path.file_name().map(OsStr::to_string_lossy).unwrap_or_default();
        let version = |rest: &str| rest.chars().all(|c| c.is_ascii_digit() || c == '.' || c == 't');
        match &*name {
            "node" | "nodejs" => Self::Node,
            _ if name.strip_prefix("python").is_some_and(version) => Self::Python,
            _ => Self::Other,
        }
    }
}

struct Search<'a> {
    host: &'a Host,
    shown: Vec<PathBuf>,
}

impl Search<'_> {
    /// Looks a program up as the system would. The last part of the path is as it was found: a virtual environment is
    /// known by the path of its interpreter, which is a link.
    fn find(&self, program: &OsStr) -> Result<PathBuf, ProfileError> {
        self.look_up(program, |_| true)
    }

    fn look_up(&self, program: &OsStr, accept: impl Fn(&Path) -> bool) -> Result<PathBuf, ProfileError> {
        if Path::new(program).components().nth(1).is_some() {
            let path = self.host.folder.join(program);
            return match settle(&path).filter(|path| is_executable(path)) {
                Some(found) => Ok(found),
                None => refuse(format!("`{}` is not a program", path.display())),
            };
        }
        env::split_paths(&self.host.search)
            .filter(|folder| !folder.as_os_str().is_empty())
            .map(|folder| self.host.folder.join(folder).join(program))
            .filter(|path| is_executable(path))
            .find_map(|path| settle(&path).filter(|path| accept(path)))
            .ok_or_else(|| ProfileError(format!("`{}` is not found on PATH", program.display())))
    }

    /// From a program that was found to the command that really runs.
    fn follow(&mut self, program: PathBuf, arguments: Vec<OsString>) -> Result<Vec<OsString>, ProfileError> {
        let (mut program, mut arguments) = (program, arguments);
        for _ in 0..DEEPEST {
            if let Some(real) = self.behind_shim(&program)? {
                program = real;
                continue;
            }
            let real = real(&program)?;
            refuse_fetchers(&program, &real)?;
            if is_named(&program, &real, "npx", "npx-cli.js") {
                (program, arguments) = self.npx(&program, &real, &arguments)?;
                continue;
            }
            let Some(line) = interpreter(&real) else {
                return self.runs(&program, &real, arguments);
            };
            // As the kernel does it: the interpreter, what its line says, the script, and the script's arguments.
            let (interpreter, before) = self.of_line(line)?;
            let kind = Kind::of(&interpreter);
            if kind != Kind::Node {
                self.show_with_links(&program);
            }
            arguments.insert(0, program.into_os_string());
            arguments.splice(0..0, before);
            program = interpreter;
        }
        refuse(format!("`{}` leads nowhere", program.display()))
    }

    /// The program itself.
    fn runs(
        &mut self,
        program: &Path,
        real: &Path,
        mut arguments: Vec<OsString>,
    ) -> Result<Vec<OsString>, ProfileError> {
        // By either name: `python3` is a link to `python3.12`, and a link to Node.js may be called anything.
        let kind = [real, program].map(Kind::of).into_iter().find(|kind| *kind != Kind::Other);
        match kind {
            Some(Kind::Node) => {
                self.show_installation(program);
                if let Some(script) = script_of(&mut arguments, &NODE) {
                    self.show_node_script(script)?;
                }
            }
            Some(Kind::Python) => {
                self.show_python(program);
                if let Some(script) = script_of(&mut arguments, &PYTHON) {
                    let path = self.existing(script)?;
                    self.show_with_links(&path);
                    *script = path.into_os_string();
                }
            }
            _ => self.show_with_links(program),
        }
        let mut command = vec![program.as_os_str().to_owned()];
        command.append(&mut arguments);
        Ok(command)
    }

    fn existing(&self, path: &OsStr) -> Result<PathBuf, ProfileError> {
        let path = self.host.folder.join(path);
        settle(&path)
            .filter(|path| path.exists())
            .ok_or_else(|| ProfileError(format!("`{}` does not exist", path.display())))
    }

    /// A folder that holds more than programs: never shown as a whole.
    fn is_private(&self, path: &Path) -> bool {
        path == Path::new("/")
            || self.host.home.as_deref().is_some_and(|home| {
                home.starts_with(path) || fs::canonicalize(home).is_ok_and(|home| home.starts_with(path))
            })
    }

    fn show(&mut self, path: PathBuf) {
        if !is_system(&path) && !self.is_private(&path) && path.exists() {
            self.shown.push(path);
        }
    }

    /// A file, and every link on the way to it: inside they are followed by their names.
    fn show_with_links(&mut self, path: &Path) {
        for step in steps(path) {
            self.show(step);
        }
    }

    /// The installation that a program in a `bin` belongs to, wherever its links lead.
    fn show_installation(&mut self, program: &Path) {
        for step in steps(program) {
            let prefix = step.parent().filter(|bin| bin.ends_with("bin")).and_then(Path::parent);
            match prefix.filter(|prefix| !self.is_private(prefix) && prefix.join("lib").is_dir()) {
                // Not all of it: what else lies there may be anything, as in `~/.local`.
                Some(prefix) => self.show_parts(prefix),
                None => self.show(step),
            }
        }
    }

    fn show_parts(&mut self, prefix: &Path) {
        for part in ["bin", "lib", "lib64", "pyvenv.cfg"] {
            self.show(prefix.join(part));
        }
    }

    /// As [`show_installation`](Self::show_installation), and what a virtual environment was made from.
    fn show_python(&mut self, program: &Path) {
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

    /// What `node` loads with a script: what `require` and `import` find from there.
    fn show_node_script(&mut self, script: &mut OsString) -> Result<(), ProfileError> {
        let path = self.existing(script)?;
        // Node.js takes the real path of its script, too.
        let real = real(&path)?;
        *script = real.clone().into_os_string();
        let modules = real.ancestors().filter(|folder| folder.ends_with("node_modules")).last();
        if let Some(modules) = modules {
            self.show(modules.to_owned());
            return Ok(());
        }
        let package = real.ancestors().skip(1).find(|folder| folder.join("package.json").is_file());
        match package.filter(|package| !self.is_private(package)) {
            Some(package) => self.show(package.to_owned()),
            None => self.show(real.clone()),
        }
        for folder in real.ancestors().skip(1) {
            self.show(folder.join("node_modules"));
        }
        Ok(())
    }

    /// The interpreter that a `#!` line means, and the arguments it gives.
    fn of_line(&self, line: Vec<OsString>) -> Result<(PathBuf, Vec<OsString>), ProfileError> {
        let mut words = line.into_iter();
        let interpreter = words.next().unwrap_or_default();
        if !Path::new(&interpreter).ends_with("env") {
            return Ok((self.find(&interpreter)?, words.collect()));
        }
        // `env` itself would search `PATH` inside, which is another one.
        let rest: Vec<_> = words.collect();
        let words = match rest.as_slice() {
            [one] => split_words(one),
            _ => rest,
        };
        let mut words = words.into_iter().skip_while(|word| word == "-S");
        match words.next() {
            Some(name) if !name.as_bytes().starts_with(b"-") && !name.as_bytes().contains(&b'=') => {
                Ok((self.find(&name)?, words.collect()))
            }
            _ => refuse(
                "the first line of the script uses `env` in a way that is not followed; start its interpreter yourself",
            ),
        }
    }

    /// What a shim of pyenv stands for.
    fn behind_shim(&self, program: &Path) -> Result<Option<PathBuf>, ProfileError> {
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

    /// `npx [-y] PACKAGE ARGUMENTS…` with a package that is there: its script, and the arguments. The same places in
    /// the same order as npm looks at: the folders upwards, what was installed globally, what was fetched before.
    fn npx(
        &self,
        program: &Path,
        real: &Path,
        arguments: &[OsString],
    ) -> Result<(PathBuf, Vec<OsString>), ProfileError> {
        let Npx { package, command, rest } = Npx::parse(arguments)?;
        let upwards = self.host.folder.ancestors().map(|folder| folder.join("node_modules"));
        let global = real.ancestors().filter(|folder| folder.ends_with("node_modules")).last();
        let cache = self.host.npm_cache.clone().or_else(|| Some(self.host.home.as_ref()?.join(".npm")));
        let fetched = cache.map(|cache| newest_first(&cache.join("_npx"))).unwrap_or_default();
        let mut places = upwards
            .chain(global.map(Path::to_owned))
            .chain(fetched.into_iter().map(|folder| folder.join("node_modules")));
        let Some(script) = places.find_map(|place| package.script(&place, command.as_deref())) else {
            return refuse(format!(
                "`npx` would have to fetch `{package}`, and the sandbox has no network: install it first \
                 (`npm install -g {package}`), or give `node /path/to/its/script.js`"
            ));
        };
        let beside = program.with_file_name("node");
        let node = if is_executable(&beside) { beside } else { self.find(OsStr::new("node"))? };
        let mut arguments = vec![script.into_os_string()];
        arguments.extend(rest);
        Ok((node, arguments))
    }
}

/// Starters that would have to fetch something.
fn refuse_fetchers(program: &Path, real: &Path) -> Result<(), ProfileError> {
    let name = program.file_name().map(OsStr::to_string_lossy).unwrap_or_default();
    let instead = match &*name {
        "uvx" | "uv" => "install the server (`uv tool install PACKAGE`) and give its own command",
        "pipx" => "install the server (`pipx install PACKAGE`) and give its own command",
        "bunx" | "pnpx" | "pnpm" | "yarn" => "install the server and give `node /path/to/its/script.js`",
        _ if is_named(program, real, "npm", "npm-cli.js") => {
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
fn is_version(version: &str, wanted: &str) -> bool {
    version.strip_prefix(wanted).is_some_and(|rest| {
        rest.is_empty() || rest.starts_with('.') && wanted.starts_with(|c: char| c.is_ascii_digit())
    })
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

/// Options of an interpreter that matter for finding its script.
struct Options {
    /// Those that take the next argument.
    with_value: &'static [&'static str],
    /// Those after which there is no script.
    instead: &'static [&'static str],
}

const NODE: Options = Options {
    with_value: &[
        "-r",
        "--require",
        "--import",
        "--loader",
        "--experimental-loader",
        "-C",
        "--conditions",
        "--env-file",
        "--env-file-if-exists",
        "--input-type",
        "--title",
    ],
    instead: &[
        "-e",
        "--eval",
        "-p",
        "--print",
        "-pe",
        "-i",
        "--interactive",
        "-v",
        "--version",
        "--run",
        "--test",
    ],
};

const PYTHON: Options = Options {
    with_value: &["-W", "-X", "--check-hash-based-pycs"],
    instead: &["-c", "-m", "-V", "--version"],
};

/// The script among an interpreter's arguments.
fn script_of<'a>(arguments: &'a mut [OsString], options: &Options) -> Option<&'a mut OsString> {
    let is_one_of = |list: &[&str], word: &OsStr| list.iter().any(|option| word == *option);
    let mut words = arguments.iter().enumerate();
    let at = loop {
        let (at, word) = words.next()?;
        if word == "--" {
            break words.next()?.0;
        }
        if is_one_of(options.instead, word) || word == "-" {
            return None;
        }
        if is_one_of(options.with_value, word) {
            words.next();
        } else if !word.as_bytes().starts_with(b"-") {
            break at;
        } else if options.instead.contains(&"-m") && ends_in_module(word.as_bytes()) {
            return None;
        }
    };
    arguments.get_mut(at)
}

/// Whether a cluster of Python's short options ends in `-m` or `-c`, as `-Bm` does, or holds its value, as `-mjson`.
fn ends_in_module(word: &[u8]) -> bool {
    !word.starts_with(b"--")
        && word
            .iter()
            .skip(1)
            .take_while(|letter| !matches!(letter, b'W' | b'X'))
            .any(|letter| matches!(letter, b'm' | b'c'))
}

fn is_named(program: &Path, real: &Path, name: &str, script: &str) -> bool {
    program.file_name() == Some(OsStr::new(name)) || real.file_name() == Some(OsStr::new(script))
}

fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0)
}

fn real(path: &Path) -> Result<PathBuf, ProfileError> {
    fs::canonicalize(path)
        .map_err(|error| ProfileError(format!("cannot follow `{}`: {error}", path.display())))
}

/// The path with the links in its folders followed, and its last part as it is.
fn settle(path: &Path) -> Option<PathBuf> {
    match (path.parent(), path.file_name()) {
        (Some(folder), Some(name)) => Some(fs::canonicalize(folder).ok()?.join(name)),
        // It ends in `..`, or is the root.
        _ => fs::canonicalize(path).ok(),
    }
}

/// A path and all that its links lead to, each by the name that the link has for it and by its real one.
fn steps(path: &Path) -> Vec<PathBuf> {
    let mut steps = Vec::new();
    let mut at = path.to_owned();
    for _ in 0..DEEPEST {
        steps.push(at.clone());
        let Some(settled) = settle(&at) else { break };
        if settled != at {
            steps.push(settled.clone());
        }
        let (Ok(target), Some(folder)) = (fs::read_link(&settled), settled.parent()) else { break };
        at = without_dots(&folder.join(target));
    }
    steps
}

/// Takes `.` and `..` out by their names alone.
fn without_dots(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(plain.pop()),
            Component::CurDir => {}
            part => plain.push(part),
        }
    }
    plain
}

/// The words of a script's `#!` line: the interpreter, and the rest as one. `None` for a program.
fn interpreter(path: &Path) -> Option<Vec<OsString>> {
    let mut head = Vec::new();
    File::open(path).ok()?.take(HEAD).read_to_end(&mut head).ok()?;
    let mut lines = head.strip_prefix(b"#!")?.split(|byte| *byte == b'\n');
    let first = lines.next()?.trim_ascii();
    let end = first.iter().position(u8::is_ascii_whitespace).unwrap_or(first.len());
    let (program, rest) = first.split_at(end);
    // How pip and uv name an interpreter whose path is too long for such a line, or has a space in it: a line that is
    // a command for the shell and a text for Python.
    let real =
        lines.next().and_then(|line| line.strip_prefix(b"'''exec' ")).filter(|_| program.ends_with(b"/sh"));
    if let Some(real) = real {
        let real = match real.strip_prefix(b"\"") {
            Some(quoted) => quoted.split(|byte| *byte == b'"').next(),
            None => real.split(u8::is_ascii_whitespace).next(),
        };
        return Some(vec![OsStr::from_bytes(real?).to_owned()]);
    }
    let words = [program, rest.trim_ascii()];
    Some(
        words
            .into_iter()
            .filter(|word| !word.is_empty())
            .map(|word| OsStr::from_bytes(word).to_owned())
            .collect(),
    )
}

fn split_words(text: &OsStr) -> Vec<OsString> {
    let words = text.as_bytes().split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    words.map(|word| OsStr::from_bytes(word).to_owned()).collect()
}

fn read(path: &Path) -> Option<String> {
    let mut text = String::new();
    File::open(path).ok()?.take(LONGEST).read_to_string(&mut text).ok()?;
    Some(text)
}

#[cfg(test)]
mod tests;
