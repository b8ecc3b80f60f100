//! Finds the configuration, reads it, and gives it to the engine, which opens no files itself.

use std::{
    env,
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use airlock_engine::config::{
    CONFIG_VAR, Config, ConfigFile, ConfigInput, ENV_VARS, Flags, MAX_FILE_BYTES, Problems,
    load as load_config,
};
use jiff::tz::TimeZone;

use crate::error::HostError;

/// The configuration file, read but not understood; or that there is none.
pub enum Source {
    /// No file was named, and the usual one does not exist: the defaults hold.
    None,
    /// A file.
    File {
        /// Where it is.
        path: PathBuf,
        /// Its name in problems.
        name: String,
        /// What it says.
        text: String,
        /// Whether users other than the owner can read it.
        readable_by_others: bool,
    },
}

impl Source {
    /// Reads `named`, or else the usual file if it exists. A file that was named must exist.
    pub fn find(named: Option<&Path>) -> Result<Self, HostError> {
        // `AIRLOCK_CONFIG=` means that no file is named.
        if let Some(path) = named.filter(|path| !path.as_os_str().is_empty()) {
            return Self::read(path).map_err(|error| unreadable(path, &error));
        }
        let Some(path) = usual_path() else { return Ok(Self::None) };
        match Self::read(&path) {
            Ok(source) => Ok(source),
            // A link that leads nowhere is a file that is there and cannot be read.
            Err(error) if error.kind() == io::ErrorKind::NotFound && path.symlink_metadata().is_err() => {
                Ok(Self::None)
            }
            // A file that is there and cannot be read may hold rules; running without them is no answer.
            Err(error) => Err(unreadable(&path, &error)),
        }
    }

    fn read(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let readable_by_others = is_readable_by_others(&file)?;
        let mut text = String::new();
        // One byte more than allowed, so that the engine can say that it is too much.
        file.take(MAX_FILE_BYTES as u64 + 1).read_to_string(&mut text)?;
        Ok(Self::File { path: path.to_owned(), name: path.display().to_string(), text, readable_by_others })
    }

    /// The file's path, if there is a file.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::None => None,
            Self::File { path, .. } => Some(path),
        }
    }

    /// Understands the file, the environment and the flags together.
    ///
    /// # Errors
    ///
    /// Every problem at once.
    pub fn load(&self, flags: Flags) -> Result<Config, Problems> {
        let file = match self {
            Self::None => None,
            Self::File { name, text, readable_by_others, .. } => {
                Some(ConfigFile { name, text, readable_by_others: *readable_by_others })
            }
        };
        let environment = environment();
        load_config(&ConfigInput { file, environment: &environment, flags }, &TimeZone::system())
    }
}

/// The configuration of this machine: the file that `AIRLOCK_CONFIG` names, or else the [usual one](usual_path) if it
/// exists, and the environment.
///
/// # Errors
///
/// A file that cannot be read, and every problem of what it says.
pub fn load() -> Result<Config, HostError> {
    let named = env::var_os(CONFIG_VAR).map(PathBuf::from);
    Source::find(named.as_deref())?.load(Flags::default()).map_err(|problems| {
        HostError::configuration(format_args!("the configuration is invalid\n{problems}"))
    })
}

/// Where the configuration is when nobody says otherwise: never the current directory, which may be somebody else's
/// repository. Follows the XDG base directory specification, which says that a relative path counts as unset.
pub fn usual_path() -> Option<PathBuf> {
    let absolute = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let folder = absolute("XDG_CONFIG_HOME").or_else(|| {
        if cfg!(windows) { absolute("APPDATA") } else { Some(env::home_dir()?.join(".config")) }
    })?;
    Some(folder.join("airlock").join("airlock.toml"))
}

/// The variables that Airlock knows. One that is not Unicode is no value that it could have.
fn environment() -> Vec<(String, String)> {
    let value = |name: &str| Some((name.to_owned(), env::var_os(name)?.to_string_lossy().into_owned()));
    ENV_VARS.iter().filter_map(|variable| value(variable.name)).collect()
}

fn unreadable(path: &Path, error: &io::Error) -> HostError {
    HostError::configuration(format_args!("cannot read the configuration {}: {error}", path.display()))
}

#[cfg(unix)]
fn is_readable_by_others(file: &File) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt as _;
    const GROUP_OR_OTHERS: u32 = 0o044;
    Ok(file.metadata()?.mode() & GROUP_OR_OTHERS != 0)
}

/// Access lists are not looked at; a folder of the user's own is private by default there.
#[cfg(not(unix))]
fn is_readable_by_others(_: &File) -> io::Result<bool> {
    Ok(false)
}
