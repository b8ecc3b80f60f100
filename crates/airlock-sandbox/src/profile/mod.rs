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

mod arguments;
mod line;
mod node;
mod npx;
mod path;
mod python;
mod shown;
#[cfg(test)]
mod tests;

use std::{
    env,
    ffi::{OsStr, OsString},
    fmt, io,
    path::{Path, PathBuf},
};

use self::{
    arguments::{NODE, PYTHON, script_of},
    line::interpreter,
    npx::{is_named, refuse_fetchers},
    path::{is_executable, real, settle},
};
use crate::linux::SYSTEM;

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
}
