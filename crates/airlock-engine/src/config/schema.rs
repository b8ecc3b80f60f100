//! Every key of the configuration file, as data: its shape and its bounds, each said once.

use std::sync::LazyLock;

use airlock_scan::{MAX_LENGTH, Validator};

use super::{
    sandbox::{SandboxConfig, SandboxMode},
    sanitization::{Injection, Strategy},
};

/// What may stand at a key.
#[derive(Debug)]
pub(super) enum Shape {
    /// `true` or `false`.
    Bool,
    /// A whole number within bounds, both allowed.
    Count { min: usize, max: usize },
    /// One of a few words.
    Word(&'static [&'static str]),
    /// A text that is not empty.
    Text,
    /// A text that is never shown.
    Secret,
    /// A list of texts that are not empty.
    Texts(WhenEmpty),
    /// An integer or a finite decimal number.
    Number,
    /// A list of strings, numbers and booleans that is not empty.
    Scalars,
    /// A table with these keys and no others.
    Table(&'static [Entry]),
    /// A list of tables with these keys, as `[[name]]` writes them.
    Tables(&'static [Entry]),
    /// A table in which the user chooses the keys; the name stands for them in messages.
    Map(&'static str, &'static Shape),
}

/// What an empty list says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WhenEmpty {
    /// The same as an absent one.
    Harmless,
    /// It reads like "nothing is allowed" and would mean this instead, so it is an error.
    WouldAllow(&'static str),
    /// It would refuse every call, which is said better with a deny rule.
    WouldRefuseAll,
}

/// One key of a table.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
}

const fn entry(name: &'static str, shape: Shape) -> Entry {
    Entry { name, shape }
}

/// The sections of the file.
pub(super) static ROOT: &[Entry] = &[
    entry("airlock", Shape::Table(AIRLOCK)),
    entry("policy", Shape::Table(POLICY)),
    entry("policies", Shape::Map("NAME", &Shape::Table(POLICY))),
    entry("roles", Shape::Map("ROLE", &Shape::Text)),
    entry("tools", Shape::Map("PATTERN", &Shape::Table(TOOL))),
    entry("sanitization", Shape::Table(SANITIZATION)),
    entry("detector", Shape::Tables(DETECTOR)),
    entry("limits", Shape::Table(LIMITS)),
    entry("audit", Shape::Table(AUDIT)),
    entry("sandbox", Shape::Table(SANDBOX)),
    entry("servers", Shape::Map("NAME", &Shape::Table(SERVER))),
];

static AIRLOCK: &[Entry] = &[
    entry("strict_mode", Shape::Bool),
    entry("sanitize_output", Shape::Bool),
    entry("mask_pii", Shape::Bool),
    entry("mask_secrets", Shape::Bool),
    entry("max_output_chars", Shape::Count { min: 100, max: MAX_COUNT }),
    entry("hide_denied_tools", Shape::Bool),
    entry("danger_allow_uncompilable_schemas", Shape::Bool),
];

pub(super) static POLICY: &[Entry] = &[
    entry("preset", Shape::Text),
    entry("allowed_tools", Shape::Texts(WhenEmpty::WouldAllow("every tool that is not denied"))),
    entry("denied_tools", Shape::Texts(WhenEmpty::Harmless)),
    entry("allowed_prompts", Shape::Texts(WhenEmpty::WouldAllow("every prompt that is not denied"))),
    entry("denied_prompts", Shape::Texts(WhenEmpty::Harmless)),
    entry("allowed_resources", Shape::Texts(WhenEmpty::WouldAllow("every resource that is not denied"))),
    entry("denied_resources", Shape::Texts(WhenEmpty::Harmless)),
    entry("require_agent_id", Shape::Bool),
    entry("allowed_roles", Shape::Texts(WhenEmpty::WouldAllow("every role, and callers without one"))),
    entry("timezone", Shape::Text),
    entry("rate_limits", Shape::Map("PATTERN", &Shape::Text)),
    entry("time_restrictions", Shape::Map("PATTERN", &Shape::Text)),
];

static TOOL: &[Entry] = &[
    entry("arguments", Shape::Map("ARGUMENT", &Shape::Table(ARGUMENT))),
    entry("mask_output", Shape::Bool),
    entry("unmasked_fields", Shape::Texts(WhenEmpty::Harmless)),
    entry("disabled_kinds", Shape::Texts(WhenEmpty::Harmless)),
    entry("sandbox", Shape::Bool),
    entry("sandbox_required", Shape::Bool),
];

pub(super) static ARGUMENT: &[Entry] = &[
    entry("within", Shape::Texts(WhenEmpty::WouldRefuseAll)),
    entry("min", Shape::Number),
    entry("max", Shape::Number),
    entry("one_of", Shape::Scalars),
    entry("matches", Shape::Text),
    entry("url", Shape::Table(URL)),
];

static URL: &[Entry] = &[
    entry("hosts", Shape::Texts(WhenEmpty::WouldAllow("every public host"))),
    entry("schemes", Shape::Texts(WhenEmpty::WouldRefuseAll)),
    entry("danger_allow_private_hosts", Shape::Bool),
];

static SANITIZATION: &[Entry] = &[
    entry("pii_strategy", Shape::Word(Strategy::NAMES)),
    entry("secret_strategy", Shape::Word(Strategy::NAMES)),
    entry("kinds", Shape::Map("KIND", &Shape::Word(Strategy::NAMES))),
    entry("enabled_kinds", Shape::Texts(WhenEmpty::Harmless)),
    entry("disabled_kinds", Shape::Texts(WhenEmpty::Harmless)),
    entry("allow", Shape::Texts(WhenEmpty::Harmless)),
    entry("allow_kinds", Shape::Map("KIND", &Shape::Texts(WhenEmpty::Harmless))),
    entry("mask_private_ips", Shape::Bool),
    entry("connection_string", Shape::Word(CONNECTION_STRING)),
    entry("screen_injection", Shape::Word(Injection::NAMES)),
];

/// What is masked of a connection string.
pub(super) const CONNECTION_STRING: &[&str] = &["password", "whole"];

static DETECTOR: &[Entry] = &[
    entry("id", Shape::Text),
    entry("kind", Shape::Text),
    entry("class", Shape::Word(&["pii", "secret"])),
    entry("regex", Shape::Text),
    entry("anchors", Shape::Texts(WhenEmpty::Harmless)),
    entry("keywords", Shape::Texts(WhenEmpty::Harmless)),
    entry("validator", Shape::Word(Validator::NAMES)),
    entry("confidence", Shape::Word(&["low", "medium", "high"])),
    entry("max_length", Shape::Count { min: 1, max: MAX_LENGTH }),
    entry("examples", Shape::Texts(WhenEmpty::Harmless)),
    entry("counterexamples", Shape::Texts(WhenEmpty::Harmless)),
];

static LIMITS: &[Entry] = &[
    entry("max_message_bytes", Shape::Count { min: 1024, max: MAX_COUNT }),
    entry("max_message_depth", Shape::Count { min: 8, max: 256 }),
    entry("max_message_values", Shape::Count { min: 100, max: 10_000_000 }),
    entry("max_argument_bytes", Shape::Count { min: 64, max: MAX_COUNT }),
    entry("max_argument_depth", Shape::Count { min: 1, max: 256 }),
    entry("max_argument_values", Shape::Count { min: 2, max: 10_000_000 }),
    entry("max_arguments", Shape::Count { min: 1, max: 1_000_000 }),
];

static AUDIT: &[Entry] = &[entry("path", Shape::Text)];

static SERVER: &[Entry] =
    &[entry("command", Shape::Texts(WhenEmpty::Harmless)), entry("sandbox", Shape::Table(SERVER_SANDBOX))];

static SANDBOX: &[Entry] = &[
    entry("required", Shape::Bool),
    entry("mode", Shape::Word(SandboxMode::NAMES)),
    entry("max_call_seconds", Shape::Count { min: 1, max: 86_400 }),
    entry("pool_size", Shape::Count { min: 0, max: 8 }),
    entry("min_level", Shape::Word(SandboxConfig::LEVELS)),
    entry("read_only", Shape::Texts(WhenEmpty::Harmless)),
    entry("writable", Shape::Texts(WhenEmpty::Harmless)),
    entry("environment", Shape::Texts(WhenEmpty::Harmless)),
    entry("hosts", Shape::Texts(WhenEmpty::Harmless)),
    entry("max_memory_mb", Shape::Count { min: 16, max: 1_048_576 }),
    entry("max_processes", Shape::Count { min: 1, max: 100_000 }),
    entry("max_tmpfs_mb", Shape::Count { min: 1, max: 1_048_576 }),
    entry("max_files", Shape::Count { min: 16, max: 10_000_000 }),
    entry("max_open_files", Shape::Count { min: 16, max: 1_000_000 }),
    entry("e2b_api_key", Shape::Secret),
];

/// What a server's own sandbox can say: all of it but the last, the key of a service.
static SERVER_SANDBOX: &[Entry] = match SANDBOX.split_last() {
    Some((_key, rest)) => rest,
    None => &[],
};

/// Counts fit 32 bits on every platform: spans in documents do, too.
const MAX_COUNT: usize = 1_000_000_000;

impl Shape {
    /// What is expected, as the end of a sentence.
    pub(super) fn expected(&self) -> String {
        match self {
            Self::Bool => "`true` or `false`".to_owned(),
            Self::Count { min, max } => format!("a whole number from {min} to {max}"),
            Self::Word(words) => super::suggest::alternatives(words),
            Self::Text | Self::Secret => "a string".to_owned(),
            Self::Texts(_) => "a list of strings".to_owned(),
            Self::Number => "a number".to_owned(),
            Self::Scalars => "a list of strings, numbers or booleans".to_owned(),
            Self::Table(_) | Self::Map(..) => "a table".to_owned(),
            Self::Tables(_) => "a list of tables".to_owned(),
        }
    }
}

/// The shape at a path such as `airlock.mask_pii`; only through tables with fixed keys.
pub(super) fn find(path: &str) -> Option<&'static Shape> {
    let mut entries = ROOT;
    let mut found = None;
    for name in path.split('.') {
        let entry = entries.iter().find(|entry| entry.name == name)?;
        found = Some(&entry.shape);
        entries = match &entry.shape {
            Shape::Table(entries) => entries,
            _ => &[],
        };
    }
    found
}

/// Every key with the header of the table in which it belongs, `""` for the file itself.
pub(super) static KEYS: LazyLock<Vec<(String, &'static Entry)>> = LazyLock::new(|| {
    let mut keys = Vec::new();
    list_keys("", ROOT, &mut keys);
    keys
});

fn list_keys(header: &str, entries: &'static [Entry], keys: &mut Vec<(String, &'static Entry)>) {
    for entry in entries {
        keys.push((header.to_owned(), entry));
        let below =
            if header.is_empty() { entry.name.to_owned() } else { format!("{header}.{}", entry.name) };
        match &entry.shape {
            Shape::Table(entries) => list_keys(&below, entries, keys),
            Shape::Tables(entries) => list_keys(&format!("[{below}]"), entries, keys),
            Shape::Map(name, Shape::Table(entries)) => list_keys(&format!("{below}.{name}"), entries, keys),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{KEYS, Shape, find};

    #[test]
    fn shapes_are_found_by_path() {
        assert!(matches!(find("airlock.mask_pii"), Some(Shape::Bool)));
        assert!(matches!(find("policy.rate_limits"), Some(Shape::Map(..))));
        for unknown in ["", "airlock.", "mask_pii", "airlock.mask_pii.x", "policies.x.preset"] {
            assert!(find(unknown).is_none(), "{unknown}");
        }
    }

    #[test]
    fn keys_know_their_table() {
        let headers: Vec<&str> = KEYS
            .iter()
            .filter(|(_, entry)| entry.name == "preset")
            .map(|(header, _)| header.as_str())
            .collect();
        assert_eq!(headers, ["policy", "policies.NAME"]);
        assert!(
            KEYS.iter()
                .any(|(header, entry)| header == "tools.PATTERN.arguments.ARGUMENT.url"
                    && entry.name == "hosts")
        );
    }
}
