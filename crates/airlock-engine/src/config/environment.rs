//! The environment variables that Airlock knows, each described here and nowhere else.

use super::{
    problem::{At, Report},
    scalar::Scalar,
    schema::{self, Shape},
};

/// An environment variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnvVar {
    /// Its name.
    pub name: &'static str,
    /// The key that it sets. Keys that the file does not have can be given by the environment only;
    /// empty for [`CONFIG_VAR`].
    pub key: &'static str,
    /// What it does, in one sentence.
    pub description: &'static str,
}

/// Names the configuration file. The host reads it, since [`load`](super::load) opens no files.
pub const CONFIG_VAR: &str = "AIRLOCK_CONFIG";

/// The key of [`HashKey`](super::HashKey), which no file may hold.
pub(super) const HASH_KEY: &str = "sanitization.hash_key";

/// Every environment variable that has an effect. Booleans are true/false, 1/0, yes/no or on/off in any case;
/// any other value, also an empty one, stops the start.
pub const ENV_VARS: &[EnvVar] = &[
    EnvVar { name: CONFIG_VAR, key: "", description: "the configuration file, where no flag names one" },
    EnvVar {
        name: "AIRLOCK_POLICY",
        key: "policy",
        description: "the policy for every caller without a role of its own: a preset or a named policy",
    },
    EnvVar {
        name: "AIRLOCK_STRICT_MODE",
        key: "airlock.strict_mode",
        description: "refuse calls with ghost arguments instead of stripping them",
    },
    EnvVar {
        name: "AIRLOCK_SANITIZE_OUTPUT",
        key: "airlock.sanitize_output",
        description: "mask, screen and truncate what tools answer",
    },
    EnvVar { name: "AIRLOCK_MASK_PII", key: "airlock.mask_pii", description: "mask personal data" },
    EnvVar { name: "AIRLOCK_MASK_SECRETS", key: "airlock.mask_secrets", description: "mask credentials" },
    EnvVar {
        name: "AIRLOCK_MAX_OUTPUT_CHARS",
        key: "airlock.max_output_chars",
        description: "truncate longer texts, counted in characters",
    },
    EnvVar {
        name: "AIRLOCK_AUDIT_PATH",
        key: "audit.path",
        description: "where audit records go: a file, `stderr` or `stdout`",
    },
    EnvVar {
        name: "AIRLOCK_HASH_KEY",
        key: HASH_KEY,
        description: "the key of the strategy `hash`: 64 hexadecimal digits",
    },
    EnvVar {
        name: "E2B_API_KEY",
        key: "sandbox.e2b_api_key",
        description: "the key of the E2B sandbox service",
    },
];

/// The variable that sets a key.
pub(super) fn variable(key: &str) -> Option<&'static EnvVar> {
    ENV_VARS.iter().find(|variable| variable.key == key && !key.is_empty())
}

/// Reads the known variables among `pairs`; of a name that comes twice, the last.
pub(super) fn read(pairs: &[(String, String)], report: &mut Report<'_>) -> Vec<(&'static str, Scalar)> {
    let mut values = Vec::new();
    for variable in ENV_VARS.iter().filter(|variable| !variable.key.is_empty()) {
        let Some((_, text)) = pairs.iter().rfind(|(name, _)| name == variable.name) else { continue };
        match shape(variable).read_text(text) {
            Ok(value) => values.push((variable.key, value)),
            Err(misfit) => {
                let help =
                    misfit.help.or_else(|| text.is_empty().then(|| format!("unset `{}`", variable.name)));
                report.error(At::Environment, variable.key, misfit.message, help);
            }
        }
    }
    values
}

fn shape(variable: &EnvVar) -> &'static Shape {
    match schema::find(variable.key) {
        // The name of a policy, where the file has the policy itself.
        Some(Shape::Table(_)) => &Shape::Text,
        Some(shape) => shape,
        None => &Shape::Secret,
    }
}
