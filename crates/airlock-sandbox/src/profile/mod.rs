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
//! **Only the user widens what is seen**: by the words of the command, by what is to be shown besides, and by what is
//! installed on the system, on `PATH` or where interpreters are installed in the home. What a file says is somebody
//! else's word: the `#!` line of a script, the settings of a virtual environment, what a package lists, and where links
//! lead that came with them (`trust`). It chooses among what the user has, or is refused with what to say instead.
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
mod trust;

use std::{
    env,
    ffi::{OsStr, OsString},
    fmt, fs, io,
    path::{Path, PathBuf},
};

use self::{
    arguments::{NODE, PYTHON, script_of},
    line::{Line, Scripted, interpreter},
    npx::{is_named, refuse_fetchers},
    path::{Way, is_executable},
    shown::outermost,
    trust::{Trusted, Use},
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
    /// What the user names to be shown.
    pub named: Vec<PathBuf>,
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
            named: Vec::new(),
        })
    }
}

/// A command as it can be started inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The program that really runs, and its arguments.
    pub command: Vec<OsString>,
    /// What has to be visible besides the system, by its real path.
    pub read_only: Vec<PathBuf>,
    /// Other names that the program finds it by, and what they lead to.
    pub links: Vec<(PathBuf, PathBuf)>,
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
        let mut search = Search { host, trusted: Trusted::of(host), shown: Vec::new(), links: Vec::new() };
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
        let read_only = outermost(search.shown);
        let mut links = search.links;
        // There it is seen as it is.
        links.retain(|(name, _)| !read_only.iter().any(|shown| name.starts_with(shown)));
        links.sort();
        links.dedup();
        Ok(Self { command, read_only, links, search: path })
    }
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
    /// By either name: `python3` is a link to `python3.12`, and a link to Node.js may be called anything.
    fn of(program: &Way) -> Self {
        let kinds = [&program.real, &program.settled].map(|path| Self::by_name(path));
        kinds.into_iter().find(|kind| *kind != Self::Other).unwrap_or(Self::Other)
    }

    fn by_name(path: &Path) -> Self {
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
    trusted: Trusted,
    shown: Vec<PathBuf>,
    links: Vec<(PathBuf, PathBuf)>,
}

impl Search<'_> {
    /// Looks a program up as the system would.
    fn find(&self, program: &OsStr) -> Result<Way, ProfileError> {
        self.look_up(program, |_| true)
    }

    fn look_up(&self, program: &OsStr, accept: impl Fn(&Way) -> bool) -> Result<Way, ProfileError> {
        if Path::new(program).components().nth(1).is_some() {
            return self.program(&self.host.folder.join(program));
        }
        for folder in env::split_paths(&self.host.search).filter(|folder| !folder.as_os_str().is_empty()) {
            // Where the user has programs is the user's choice, and so are links to there.
            let real = if folder.is_absolute() { fs::canonicalize(&folder) } else { Ok(folder) };
            let path = real.map(|folder| self.host.folder.join(folder).join(program));
            let Some(path) = path.ok().filter(|path| is_executable(path)) else { continue };
            let way = self.program(&path)?;
            if accept(&way) {
                return Ok(way);
            }
        }
        refuse(format!("`{}` is not found on PATH", program.display()))
    }

    /// A program by its path.
    fn program(&self, path: &Path) -> Result<Way, ProfileError> {
        let Some(way) = Way::of(path).ok().filter(|way| is_executable(&way.real)) else {
            return refuse(format!("`{}` is not a program", path.display()));
        };
        self.permit(&way, Use::Program)?;
        Ok(way)
    }

    /// From a program that was found to the command that really runs.
    fn follow(&mut self, program: Way, arguments: Vec<OsString>) -> Result<Vec<OsString>, ProfileError> {
        let (mut program, mut arguments) = (program, arguments);
        let mut script: Option<Scripted> = None;
        for _ in 0..DEEPEST {
            if let Some(real) = self.behind_shim(&program)? {
                program = real;
                continue;
            }
            refuse_fetchers(&program)?;
            let is_npx = is_named(&program, "npx", "npx-cli.js");
            let line = interpreter(&program.real);
            // It would show what belongs to it, and perhaps what it is told to.
            if let Some(script) =
                script.as_ref().filter(|_| is_npx || line.is_some() && !is_system(&program.real))
            {
                return refuse(format!(
                    "the first line of `{}` starts `{}`, which is itself a script; start it yourself",
                    script.way.settled.display(),
                    program.settled.display()
                ));
            }
            if is_npx {
                (program, arguments) = self.npx(&program, &arguments)?;
                continue;
            }
            let Some(line) = line else { return self.runs(&program, arguments, script) };
            // As the kernel does it: the interpreter, what its line says, the script, and the script's arguments.
            let Line { interpreter, words, is_harmless } = self.of_line(line, &program)?;
            self.show_way(&program);
            // Node.js takes the real path of its script, too.
            let is_node = Kind::of(&interpreter) == Kind::Node;
            let path = if is_node { &program.real } else { &program.settled };
            arguments.insert(0, path.clone().into_os_string());
            arguments.splice(0..0, words);
            script = Some(Scripted { way: program, is_harmless });
            program = interpreter;
        }
        refuse(format!("`{}` leads nowhere", program.settled.display()))
    }

    /// The program itself; with a script, if that is what the user really named.
    fn runs(
        &mut self,
        program: &Way,
        mut arguments: Vec<OsString>,
        script: Option<Scripted>,
    ) -> Result<Vec<OsString>, ProfileError> {
        match (Kind::of(program), script) {
            (Kind::Node, script) => {
                self.show_installation(program, Kind::Node)?;
                if let Some(script) = script {
                    self.show_line_script(&script)?;
                } else if let Some(script) = script_of(&mut arguments, &NODE) {
                    let way = self.existing(script)?;
                    self.show_node_script(&way)?;
                    *script = way.real.into_os_string();
                }
            }
            (Kind::Python, script) => {
                self.show_python(program)?;
                if script.is_none()
                    && let Some(script) = script_of(&mut arguments, &PYTHON)
                {
                    let way = self.existing(script)?;
                    self.show_way(&way);
                    *script = way.settled.into_os_string();
                }
            }
            (Kind::Other, _) => self.show_way(program),
        }
        let mut command = vec![program.settled.clone().into_os_string()];
        command.append(&mut arguments);
        Ok(command)
    }

    /// A script that the user names.
    fn existing(&self, path: &OsStr) -> Result<Way, ProfileError> {
        let path = self.host.folder.join(path);
        let Ok(way) = Way::of(&path) else { return refuse(format!("`{}` does not exist", path.display())) };
        self.permit(&way, Use::Content)?;
        Ok(way)
    }
}
