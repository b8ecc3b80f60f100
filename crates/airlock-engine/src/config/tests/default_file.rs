//! The defaults, and the file that describes them.

use airlock_scan::{Class, Kind};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{read, warned};
use crate::config::{
    Config, DEFAULT_FILE, Destination, ENV_VARS, Limits, Origin, SandboxConfig, Sanitization,
    schema::{self, Entry, Shape},
};

#[test]
fn nothing_configured_is_the_default() {
    let config = Config::default();
    let airlock = &config.airlock;
    assert!(!airlock.strict_mode && airlock.sanitize_output && airlock.mask_pii && airlock.mask_secrets);
    assert!(airlock.hide_denied_tools && !airlock.allow_broken_schemas);
    assert_eq!(airlock.max_output_chars, 100_000);
    assert_eq!(config.policy.name(), "PERMISSIVE_POLICY");
    assert_eq!(config.sanitization, Sanitization::default());
    assert_eq!((config.limits, config.audit.destination), (Limits::default(), Destination::Default));
    assert!(config.policies.is_empty() && config.roles.is_empty() && config.tools.is_empty());
    assert!(config.servers.is_empty() && config.server.is_none());
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
    assert!(config.origins.iter().all(|setting| setting.origin == Origin::BuiltIn));
}

#[test]
fn the_default_file_says_the_defaults() {
    let (default, filed) = (Config::default(), read(DEFAULT_FILE).unwrap());
    assert_eq!(filed.airlock, default.airlock);
    assert_eq!(filed.sanitization, default.sanitization);
    assert_eq!(filed.limits, default.limits);
    assert_eq!(filed.audit, default.audit);
    assert_eq!(filed.sandbox, SandboxConfig::default());
    assert_eq!(filed.policy.name(), default.policy.name());
    assert!(filed.policies.is_empty() && filed.roles.is_empty() && filed.tools.is_empty());
    assert!(filed.warnings.is_empty(), "{:?}", filed.warnings);
    let of = |config: &Config| {
        let settings = config.origins.iter().map(|setting| (setting.key.clone(), setting.value.clone()));
        settings.collect::<Vec<_>>()
    };
    assert_eq!(of(&filed), of(&default));
}

/// The default file with its examples switched on.
pub(super) fn with_examples() -> String {
    let uncomment = |line: &'static str| match line.strip_prefix('#') {
        Some(example) if !example.starts_with(' ') => example,
        _ => line,
    };
    DEFAULT_FILE.lines().map(uncomment).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_examples_of_the_default_file_are_valid_and_name_every_key() {
    let text = with_examples();
    let config = read(&text).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(config.roles.len(), 3);
    assert_eq!(config.tools.len(), 8);
    assert_eq!(config.servers.len(), 1);
    assert_eq!(config.sanitization.detectors.specs().len(), 1);
    assert_eq!(
        warned(&config),
        [
            "policy.rate_limits.\"query_*\"",
            "policy.rate_limits.\"*\"",
            "tools.read_own_notes.mask_output",
            "tools.list_contacts.unmasked_fields",
            "tools.list_contacts.unmasked_fields",
            "tools.\"trace_*\".disabled_kinds",
            "sanitization.disabled_kinds",
            "sanitization.allow",
            "sanitization.allow",
            "sanitization.allow",
            "sanitization.allow",
            "sanitization.allow_kinds.phone",
            "sandbox.max_call_seconds",
        ]
    );

    let table = DeTable::parse(&text).unwrap();
    let mut absent = Vec::new();
    list_absent(&[table.get_ref()], schema::ROOT, "", &mut absent);
    // A named policy has the keys of `[policy]`, which are all shown there.
    absent.retain(|key| !key.starts_with("policies.NAME."));
    // A server's sandbox has the keys of `[sandbox]`.
    absent.retain(|key| !key.starts_with("servers.NAME.sandbox."));
    assert!(absent.is_empty(), "not in default.toml: {absent:?}");
    for kind in Kind::ALL.iter().filter(|kind| kind.class() != Class::Injection) {
        assert!(DEFAULT_FILE.contains(kind.name()), "{kind} is not in default.toml");
    }
    for variable in ENV_VARS.iter().filter(|variable| !variable.key.is_empty()) {
        assert!(DEFAULT_FILE.contains(variable.name), "{} is not in default.toml", variable.name);
    }
}

#[test]
fn the_examples_of_the_documentation_are_valid() {
    let page = include_str!("../../../../../docs/configuration.md");
    let mut examples = page.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next());
    // Opt-in kinds are named whether or not this build knows them.
    let known = |text: &str| text.replace("[\"passport\", \"vin\"]", "[\"all\"]");
    assert!(examples.clone().count() >= 2);
    examples
        .try_for_each(|text| read(&known(text)).map(drop))
        .unwrap_or_else(|problems| panic!("{problems}"));
}

/// The keys of the schema that none of the tables holds.
fn list_absent(tables: &[&DeTable<'_>], entries: &'static [Entry], path: &str, absent: &mut Vec<String>) {
    for entry in entries {
        let path = if path.is_empty() { entry.name.to_owned() } else { format!("{path}.{}", entry.name) };
        let values: Vec<_> =
            tables.iter().filter_map(|table| table.get(entry.name)).map(Spanned::get_ref).collect();
        if values.is_empty() {
            absent.push(path);
            continue;
        }
        let below: Vec<&DeTable<'_>> = values.into_iter().filter_map(DeValue::as_table).collect();
        match &entry.shape {
            Shape::Table(entries) => list_absent(&below, entries, &path, absent),
            Shape::Tables(entries) => {
                let lists = tables.iter().filter_map(|table| table.get(entry.name)?.get_ref().as_array());
                let inner: Vec<_> = lists.flatten().filter_map(|item| item.get_ref().as_table()).collect();
                list_absent(&inner, entries, &format!("[{path}]"), absent);
            }
            Shape::Map(name, Shape::Table(entries)) => {
                let inner: Vec<_> = below
                    .iter()
                    .flat_map(|table| table.values())
                    .filter_map(|v| v.get_ref().as_table())
                    .collect();
                list_absent(&inner, entries, &format!("{path}.{name}"), absent);
            }
            _ => assert!(
                !matches!(entry.shape, Shape::Map(..)) || below.iter().any(|table| !table.is_empty()),
                "{path}"
            ),
        }
    }
}
