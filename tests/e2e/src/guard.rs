//! Puts `airlock run` in front of a server, with one of the configurations that the tests use.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use crate::{Outcome, install};

/// How the guard is configured.
#[derive(Clone, Copy, Debug)]
pub enum Setting {
    /// Nothing to refuse and nothing to mask: every byte has to pass as it is.
    Transparent,
    /// Refuses what the server's own schemas do not allow, masks, and wants an agent id.
    Strict,
    /// No configuration file at all: what a first user gets.
    Default,
}

/// A command line with the guard in it, and where the guard writes its audit log.
pub struct Guarded {
    /// Starts the guard, which starts the server.
    pub command: Vec<OsString>,
    /// The audit log. [`Setting::Default`] writes it elsewhere: in the user's state folder.
    pub audit: PathBuf,
}

impl Guarded {
    /// Puts the guard in front of `server`; its files go into `folder`.
    ///
    /// # Errors
    ///
    /// When the binary is not built or the configuration cannot be written.
    pub fn new(setting: Setting, folder: &Path, server: &[OsString]) -> Outcome<Self> {
        match setting {
            Setting::Transparent => Self::configured(TRANSPARENT, &[], folder, server),
            Setting::Strict => Self::configured(STRICT, &["--agent-id", "e2e"], folder, server),
            Setting::Default => Self::run(&[], folder, server),
        }
    }

    /// The Rust fixture with the guard inside of it, with the same setting: in the user's own configuration, below
    /// `folder`.
    ///
    /// # Errors
    ///
    /// When the fixture is not built or the configuration cannot be written.
    pub fn inside(setting: Setting, folder: &Path) -> Outcome<Self> {
        let mut command = vec![install::sibling("e2e-rmcp-server")?, "--airlocked".into()];
        let audit = folder.join(AUDIT);
        let text = match setting {
            Setting::Transparent => TRANSPARENT,
            Setting::Strict => STRICT,
            Setting::Default => return Ok(Self { command, audit }),
        };
        if let Setting::Strict = setting {
            command.push("e2e".into());
        }
        let config = folder.join(".config/airlock");
        fs::create_dir_all(&config)?;
        let place = audit.display().to_string();
        fs::write(config.join("airlock.toml"), format!("{text}\n[audit]\npath = {place:?}\n"))?;
        Ok(Self { command, audit })
    }

    /// As [`new`](Self::new), with a configuration and flags of the test's own. The audit log is added to the
    /// configuration, which therefore has no `[audit]` itself.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn configured(text: &str, flags: &[&str], folder: &Path, server: &[OsString]) -> Outcome<Self> {
        let config = folder.join("airlock.toml");
        let audit = folder.join(AUDIT).display().to_string();
        fs::write(&config, format!("{text}\n[audit]\npath = {audit:?}\n"))?;
        let mut all = vec!["--config".into(), config.into()];
        all.extend(flags.iter().map(OsString::from));
        Self::run(&all, folder, server)
    }

    fn run(flags: &[OsString], folder: &Path, server: &[OsString]) -> Outcome<Self> {
        let mut command = vec![install::airlock()?, "run".into()];
        command.extend_from_slice(flags);
        command.push("--".into());
        command.extend_from_slice(server);
        Ok(Self { command, audit: folder.join(AUDIT) })
    }
}

const AUDIT: &str = "audit.jsonl";

const TRANSPARENT: &str = r#"
[airlock]
strict_mode = false
sanitize_output = false
[policy]
preset = "permissive"
"#;

const STRICT: &str = r#"
[airlock]
strict_mode = true
[policy]
preset = "strict"
"#;
