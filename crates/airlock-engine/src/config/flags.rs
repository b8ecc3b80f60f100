//! What the flags of a command override.

use super::scalar::Scalar;

/// Settings given by flags; they beat the environment and the file. Who calls (`--agent-id`, `--role`) is no
/// configuration and stays with the caller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// `--policy`: a preset or a named policy, instead of `[policy]`.
    pub policy: Option<String>,
    /// `--strict`: refuse ghost arguments, whatever the file says.
    pub strict: Option<bool>,
    /// `--server`: one of `[servers.NAME]`, to be started.
    pub server: Option<String>,
    /// `--sandbox`: as `sandbox.required`, whatever the file says.
    pub sandbox: bool,
    /// `--per-call`: as `sandbox.mode = "per_call"`, whatever the file says.
    pub per_call: bool,
}

/// Keys that flags set, with the flag's name.
const NAMES: &[(&str, &str)] = &[
    ("policy", "--policy"),
    ("airlock.strict_mode", "--strict"),
    ("server", "--server"),
    ("sandbox.mode", "--per-call"),
];

/// The flag that sets a key.
pub(super) fn name(key: &str) -> &'static str {
    NAMES.iter().find(|(known, _)| *known == key).map_or("flag", |(_, name)| name)
}

impl Flags {
    pub(super) fn values(&self) -> Vec<(&'static str, Scalar)> {
        let policy = self.policy.clone().map(|name| ("policy", Scalar::Text(name)));
        let strict = self.strict.map(|strict| ("airlock.strict_mode", Scalar::Bool(strict)));
        let server = self.server.clone().map(|name| ("server", Scalar::Text(name)));
        policy.into_iter().chain(strict).chain(server).collect()
    }
}
