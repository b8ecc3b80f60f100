//! An engine on this machine: the ports, the audit destination and the key that a configuration asks for.

use std::{env, fmt::Display, io, path::PathBuf, sync::Arc};

use airlock_engine::{
    Airlock, Providers,
    config::{Config, Destination, HashKey, Strategy},
    memory::MemoryStore,
    ports::AuditSink,
};
use airlock_scan::Kind;

use crate::{
    AuditFile, AuditStderr, AuditStdout, HostFiles, SystemClock, audit_path, error::HostError,
    load_or_create_hash_key, state_dir,
};

/// Where the records go.
pub struct Audit {
    /// Takes them.
    pub sink: Arc<dyn AuditSink>,
    /// For people: a path, `stderr` or `stdout`.
    pub place: String,
    /// What the operator should know about it.
    pub notice: Option<String>,
}

impl Audit {
    /// Opens the destination that the configuration names, creating a missing file and its folders for this user only.
    ///
    /// # Errors
    ///
    /// It cannot be written; no call may be let through then.
    pub fn open(config: &Config) -> Result<Self, HostError> {
        match &config.audit.destination {
            Destination::Stdout => {
                let sink = AuditStdout::new().map_err(|error| unwritable("stdout", &error))?;
                Ok(Self { sink: Arc::new(sink), place: "stdout".to_owned(), notice: None })
            }
            Destination::Stderr => {
                let sink = AuditStderr::new().map_err(|error| unwritable("stderr", &error))?;
                Ok(Self { sink: Arc::new(sink), place: "stderr".to_owned(), notice: None })
            }
            Destination::Path(path) => Self::file(path.into()),
            Destination::Default => {
                let path = audit_path().ok_or_else(|| {
                    HostError::new("there is no folder for the audit records: HOME is not set")
                        .with_help("set `path` in [audit], or AIRLOCK_AUDIT_PATH")
                })?;
                Self::file(path)
            }
        }
    }

    fn file(path: PathBuf) -> Result<Self, HostError> {
        let place = path.display().to_string();
        let file = AuditFile::open(path).map_err(|error| unwritable(&place, &error))?;
        Ok(Self { notice: file.notice(), sink: Arc::new(file), place })
    }
}

fn unwritable(place: &str, error: &io::Error) -> HostError {
    HostError::new(format_args!("audit records cannot be written to {place}: {error}"))
        .with_help("no call is let through without a record; set `path` in [audit], or AIRLOCK_AUDIT_PATH")
}

/// The real ports, with rate limits in memory and paths from the current folder on.
///
/// # Errors
///
/// The current folder is not known.
pub fn providers(audit: Arc<dyn AuditSink>) -> Result<Providers, HostError> {
    let folder = env::current_dir()
        .map_err(|error| HostError::new(format_args!("the current folder is not known: {error}")))?;
    Ok(Providers {
        clock: Arc::new(SystemClock::new()),
        rate_limits: Arc::new(MemoryStore::default()),
        files: Arc::new(HostFiles::new(folder)),
        audit,
    })
}

/// The key for the strategy `hash`: given by the environment, or this user's own. Nothing is created when nothing is
/// hashed.
///
/// # Errors
///
/// The user's key cannot be read or made, or others can read it.
pub fn hash_key(config: &Config) -> Result<HashKey, HostError> {
    let sanitization = &config.sanitization;
    if let Some(key) = &sanitization.hash_key {
        return Ok(key.clone());
    }
    if !Kind::ALL.iter().any(|kind| sanitization.strategy(*kind) == Strategy::Hash) {
        return Ok(HashKey::new([0; 32]));
    }
    let missing = |error: &dyn Display| {
        HostError::new(format_args!("the key of the strategy `hash` is missing: {error}"))
            .with_help("give one with AIRLOCK_HASH_KEY=$(openssl rand -hex 32)")
    };
    let folder = state_dir().ok_or_else(|| missing(&"HOME is not set"))?;
    load_or_create_hash_key(&folder).map(HashKey::new).map_err(|error| missing(&error))
}

/// An engine for the configuration, with everything that this machine gives.
///
/// # Errors
///
/// Something that it needs is not there: see [`Audit::open`], [`providers`] and [`hash_key`].
pub fn start(config: &Config) -> Result<Airlock, HostError> {
    let audit = Audit::open(config)?;
    Ok(Airlock::new(config, providers(audit.sink)?, *hash_key(config)?.bytes()))
}

#[cfg(test)]
mod tests {
    use airlock_engine::config::{ConfigFile, ConfigInput, Flags, load};
    use jiff::tz::TimeZone;

    use super::*;

    fn config(text: &str) -> Config {
        let file = ConfigFile { name: "airlock.toml", text, readable_by_others: false };
        let input = ConfigInput { file: Some(file), environment: &[], flags: Flags::default() };
        load(&input, &TimeZone::UTC).unwrap()
    }

    #[test]
    fn an_engine_starts_only_with_a_place_for_its_records() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("audit.jsonl");
        start(&config(&format!("[audit]\npath = {:?}", path.display().to_string()))).unwrap();
        assert!(path.exists());
        let below_a_file = path.join("audit.jsonl").display().to_string();
        let error = start(&config(&format!("[audit]\npath = {below_a_file:?}"))).unwrap_err();
        assert!(error.message().starts_with("audit records cannot be written to "), "{error}");
        assert!(error.help().is_some_and(|help| help.contains("[audit]")) && !error.is_configuration());
    }

    #[test]
    fn a_key_that_is_given_is_taken_and_none_is_made_without_need() {
        assert_eq!(*hash_key(&config("")).unwrap().bytes(), [0; 32]);
        let key = "07".repeat(32);
        let environment = [("AIRLOCK_HASH_KEY".to_owned(), key)];
        let input = ConfigInput { environment: &environment, ..ConfigInput::default() };
        assert_eq!(*hash_key(&load(&input, &TimeZone::UTC).unwrap()).unwrap().bytes(), [7; 32]);
    }
}
