//! The configuration: what the user wrote in `airlock.toml`, the environment and flags, and what it means.
//!
//! Layers lie on each other, and the stronger wins key by key: built-in < file < environment < flags. The host
//! reads the file and the environment; [`load`] takes their text and returns either a [`Config`], in which
//! everything is compiled and within bounds, or all [`Problems`] at once, each with its place and, where there
//! is one, a suggestion. [`DEFAULT_FILE`] describes every key.
//!
//! - An omitted key never grants: it means the default, and an empty list that would allow everything is an
//!   error.
//! - What weakens protection is in [`Config::warnings`], for the host to list at start-up.
//! - [`Config::origins`] says which layer set what.
//!
//! # Example: all problems at once
//!
//! ```
//! use airlock_engine::config::{ConfigFile, ConfigInput, load};
//!
//! let text = "[policy]\ndenied_tool = [\"delete_*\"]\n[airlock]\nmask_pii = \"no\"\n";
//! let file = ConfigFile { name: "airlock.toml", text, readable_by_others: false };
//! let input = ConfigInput { file: Some(file), ..ConfigInput::default() };
//! let problems = load(&input, &jiff::tz::TimeZone::UTC).unwrap_err();
//! assert_eq!(
//!     problems.to_string(),
//!     "airlock.toml:2:1: error: policy.denied_tool: unknown key\n  \
//!        help: did you mean `denied_tools`?\n\
//!      airlock.toml:4:12: error: airlock.mask_pii: expected `true` or `false`, found a string\n  \
//!        help: write it without quotes"
//! );
//! ```

mod airlock;
mod allow;
mod audit;
mod check;
mod detectors;
mod document;
mod environment;
mod flags;
mod kinds;
mod limits;
mod policies;
mod policy_section;
mod problem;
mod reader;
mod sandbox;
mod sanitization;
mod scalar;
mod schema;
mod secret;
mod servers;
mod suggest;
#[cfg(test)]
mod tests;
mod tools;

pub use airlock::AirlockConfig;
pub use audit::{Audit, Destination};
pub use detectors::Detectors;
pub use document::MAX_FILE_BYTES;
pub use environment::{CONFIG_VAR, ENV_VARS, EnvVar};
pub use flags::Flags;
pub use limits::Limits;
pub use problem::{MAX_PROBLEMS, Origin, Problem, Problems, Severity};
pub use reader::Setting;
pub use sandbox::{SandboxConfig, SandboxLimits, SandboxMode};
pub use sanitization::{Injection, Sanitization, Strategy};
pub use secret::{HashKey, Secret};
pub use servers::ServerConfig;
pub use tools::ToolRules;

use jiff::tz::TimeZone;

use crate::{caller::Role, policy::Policy};
use document::Parsed;
use policies::Policies;
use problem::Report;
use reader::Reader;

/// The commented configuration file that says the defaults. Lines that start with `#` and no space are
/// examples: valid as soon as the `#` is taken away.
pub const DEFAULT_FILE: &str = include_str!("default.toml");

/// What the host read, before anybody understood it.
#[derive(Clone, Default)]
pub struct ConfigInput<'a> {
    /// The configuration file, if there is one.
    pub file: Option<ConfigFile<'a>>,
    /// The environment; only the names in [`ENV_VARS`] are looked at.
    pub environment: &'a [(String, String)],
    /// The flags of the command.
    pub flags: Flags,
}

/// A configuration file. No `Debug`: it may hold a secret.
#[derive(Clone, Copy)]
pub struct ConfigFile<'a> {
    /// The name shown in problems.
    pub name: &'a str,
    /// Its text, at most [`MAX_FILE_BYTES`].
    pub text: &'a str,
    /// Whether users other than the owner can read it; then it must hold no secret.
    pub readable_by_others: bool,
}

/// What the configuration means: checked, compiled, complete.
#[derive(Clone, Debug)]
pub struct Config {
    /// `[airlock]`
    pub airlock: AirlockConfig,
    /// `[policy]`, or what `--policy` or `AIRLOCK_POLICY` chose: for callers none of whose roles is bound.
    pub policy: Policy,
    /// `[policies.NAME]`, and presets to which something refers.
    pub policies: Vec<Policy>,
    /// `[roles]`: roles and the index of their policy in `policies`.
    pub roles: Vec<(Role, usize)>,
    /// `[tools.PATTERN]`. Every entry whose pattern matches a tool applies.
    pub tools: Vec<ToolRules>,
    /// `[sanitization]`
    pub sanitization: Sanitization,
    /// `[limits]`
    pub limits: Limits,
    /// `[audit]`
    pub audit: Audit,
    /// `[sandbox]`, or what `[servers.NAME]` says instead of it for the server that `--server` chose.
    pub sandbox: SandboxConfig,
    /// `[servers.NAME]`
    pub servers: Vec<ServerConfig>,
    /// The one of them that `--server` chose.
    pub server: Option<ServerConfig>,
    /// The effective settings and who set them.
    pub origins: Vec<Setting>,
    /// Everything that weakens protection.
    pub warnings: Vec<Problem>,
}

impl Default for Config {
    /// What holds where nothing is configured.
    #[expect(clippy::expect_used, reason = "the built-in layer has no problems; a test loads it")]
    fn default() -> Self {
        load(&ConfigInput::default(), &TimeZone::UTC).expect("the built-in layer is valid")
    }
}

/// Reads the configuration from all layers. `system_zone` is the time zone of policies that name none.
///
/// Never panics, whatever the text. Costs milliseconds per thousand lines; each regular expression costs up to
/// one more.
///
/// # Errors
///
/// Every problem of every layer. If the file is no TOML at all, its syntax errors and those of the environment.
pub fn load(input: &ConfigInput<'_>, system_zone: &TimeZone) -> Result<Config, Problems> {
    let mut report = Report::new(input.file.as_ref());
    let (file, parsed) = document::parse(input.file.as_ref(), &mut report);
    let environment = environment::read(input.environment, &mut report);
    if parsed == Parsed::Broken {
        return Err(report.into_problems());
    }
    check::check(&file, &mut report);
    let mut reader = Reader::new(&file, environment, input.flags.values(), report);
    let airlock = AirlockConfig::read(&mut reader);
    let policies = Policies::read(&mut reader, system_zone);
    let tools = tools::read(&mut reader);
    let sanitization = Sanitization::read(&mut reader);
    let limits = Limits::read(&mut reader);
    let audit = Audit::read(&mut reader);
    let sandbox = SandboxConfig::read(&mut reader, input.file.as_ref(), &input.flags);
    let (servers, server) = servers::read(&mut reader, &sandbox, &input.flags);
    let sandbox = server.as_ref().map_or(sandbox, |server| server.sandbox.clone());
    let sandbox = sandbox.asked_for(&input.flags, &mut reader);
    let Reader { report, settings: origins, .. } = reader;
    match (policies.default, report.has_errors()) {
        (Some(policy), false) => {
            let Policies { named: policies, roles, .. } = policies;
            let warnings = report.into_warnings();
            Ok(Config {
                airlock,
                policy,
                policies,
                roles,
                tools,
                sanitization,
                limits,
                audit,
                sandbox,
                servers,
                server,
                origins,
                warnings,
            })
        }
        _ => Err(report.into_problems()),
    }
}
