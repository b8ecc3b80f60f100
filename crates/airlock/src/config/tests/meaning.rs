//! What valid files mean, and what weakens protection.

use airlock_scan::Kind;
use jiff::tz::TimeZone;

use super::{ask, environment, read, rendered, warned};
use crate::{
    code::Code,
    config::{ConfigFile, ConfigInput, Destination, Injection, Origin, Secret, Severity, Strategy, load},
};

#[test]
fn the_documented_example_means_what_it_says() {
    let text = r#"
        [airlock]
        strict_mode = true
        max_output_chars = 10000
        [policy]
        allowed_tools = ["read_*", "query_*", "get_*"]
        denied_tools  = ["delete_*", "drop_*", "truncate_*"]
        require_agent_id = true
        timezone = "UTC"
        [policy.rate_limits]
        "query_*" = "100/minute"
        "*" = "1000/hour"
        [policies.intern]
        preset = "read_only"
        [roles]
        trainee = "intern"
        guest = "strict"
        [tools.read_file]
        arguments.path = { within = ["/data"] }
        [sanitization]
        pii_strategy = "type_only"
        disabled_kinds = ["phone"]
        screen_injection = "block"
        [sanitization.kinds]
        email = "hash"
        [limits]
        max_argument_bytes = 2048
        [sandbox]
        e2b_api_key = "e2b_0123"
        [audit]
        path = "airlock_audit.jsonl"
    "#;
    let config = read(text).unwrap_or_else(|problems| panic!("{problems}"));
    assert!(config.airlock.strict_mode);
    assert_eq!(config.airlock.max_output_chars, 10_000);
    assert_eq!(config.policy.name(), "default");
    assert_eq!(ask(&config.policy, "query_x", "a"), Ok(Some("100/minute".to_owned())));
    assert_eq!(ask(&config.policy, "get_x", "a"), Ok(Some("1000/hour".to_owned())));
    assert_eq!(ask(&config.policy, "get_x", ""), Err(Code::AgentRequired));
    assert_eq!(ask(&config.policy, "Drop_table", "a"), Err(Code::ToolDenied));
    let roles: Vec<_> =
        config.roles.iter().map(|(role, index)| (role.as_str(), config.policies[*index].name())).collect();
    assert_eq!(roles, [("guest", "STRICT_POLICY"), ("trainee", "intern")]);
    assert_eq!(config.tools.len(), 1);
    assert!(config.tools[0].pattern.matches("read_file") && config.tools[0].mask);
    assert_eq!(config.tools[0].arguments.len(), 1);
    assert_eq!(config.sanitization.strategy(Kind::Ssn), Strategy::TypeOnly);
    assert_eq!(config.sanitization.strategy(Kind::Email), Strategy::Hash);
    assert_eq!(config.sanitization.strategy(Kind::Jwt), Strategy::Full);
    assert_eq!(config.sanitization.injection, Injection::Block);
    assert!(config.sanitization.disabled_kinds.contains(Kind::Phone));
    assert_eq!(config.limits.arguments.bounds.max_bytes, 2048);
    assert_eq!(config.sandbox.e2b_api_key.as_ref().map(Secret::expose), Some("e2b_0123"));
    assert_eq!(config.audit.destination, Destination::Path("airlock_audit.jsonl".to_owned()));
    assert!(!format!("{config:?}").contains("e2b_0123"));
    let shown = config.origins.iter().find(|setting| setting.key == "sandbox.e2b_api_key").unwrap();
    assert_eq!((shown.value.as_str(), shown.origin), ("(hidden)", Origin::File));
}

#[test]
fn keys_replace_what_the_preset_says() {
    let text = "[policy]\npreset = \"read_only\"\nallowed_tools = [\"read_*\"]\nrequire_agent_id = true\n";
    let config = read(text).unwrap();
    assert_eq!(config.policy.name(), "default");
    assert_eq!(ask(&config.policy, "read_x", "a"), Ok(None));
    assert_eq!(ask(&config.policy, "get_x", "a"), Err(Code::ToolNotAllowed));
    assert_eq!(
        ask(&config.policy, "read_delete", "a"),
        Err(Code::ToolDenied),
        "the preset's deny list stays"
    );
    assert!(config.warnings.is_empty(), "stricter: {:?}", config.warnings);

    let text = "[policy]\npreset = \"strict\"\n[policy.rate_limits]\n\"query_*\" = \"10/hour\"\n";
    let config = read(text).unwrap();
    assert_eq!(ask(&config.policy, "query_x", "a"), Ok(Some("10/hour".to_owned())));
    assert_eq!(
        ask(&config.policy, "other", "a"),
        Ok(Some("100/hour".to_owned())),
        "the preset's fallback stays"
    );
    assert!(config.warnings.is_empty(), "stricter: {:?}", config.warnings);
}

#[test]
fn everything_that_weakens_is_listed() {
    let text = r#"
        [airlock]
        sanitize_output = false
        mask_pii = false
        mask_secrets = false
        max_output_chars = 5_000_000
        danger_allow_uncompilable_schemas = true
        [policy]
        preset = "strict"
        require_agent_id = false
        [policy.rate_limits]
        "*" = "200/hour"
        "query_*" = "10/second"
        "slow_*" = "1/hour"
        "daily_*" = "90/day"
        "often_*" = "2400/day"
        [policies.all]
        [policies.reader]
        preset = "read_only"
        allowed_tools = ["read_*", "write_*"]
        denied_tools = ["*delete*"]
        [roles]
        root = "permissive"
        [tools.x]
        mask_output = false
        unmasked_fields = ["email"]
        arguments.u = { url = { danger_allow_private_hosts = true } }
        [sanitization]
        secret_strategy = "partial"
        disabled_kinds = ["email"]
        screen_injection = "off"
        [sanitization.kinds]
        jwt = "partial"
        email = "partial"
    "#;
    let config = read(text).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(
        warned(&config),
        [
            "airlock.sanitize_output",
            "airlock.mask_pii",
            "airlock.mask_secrets",
            "airlock.max_output_chars",
            "airlock.danger_allow_uncompilable_schemas",
            "policy.require_agent_id",
            "policy.rate_limits.\"*\"",
            "policy.rate_limits.\"query_*\"",
            "policy.rate_limits.\"often_*\"",
            "policies.all",
            "policies.reader.allowed_tools",
            "policies.reader.denied_tools",
            "roles.root",
            "tools.x.mask_output",
            "tools.x.unmasked_fields",
            "tools.x.arguments.u.url.danger_allow_private_hosts",
            "sanitization.secret_strategy",
            "sanitization.disabled_kinds",
            "sanitization.screen_injection",
            "sanitization.kinds.jwt",
        ]
    );
    assert!(
        config.warnings.iter().all(|warning| warning.severity == Severity::Warning && warning.line.is_some())
    );
}

#[test]
fn a_secret_in_a_file_that_others_can_read_is_refused() {
    let text = "[sandbox]\ne2b_api_key = \"e2b_0123\"\n";
    let input = |name, readable_by_others| ConfigInput {
        file: Some(ConfigFile { name, text, readable_by_others }),
        ..ConfigInput::default()
    };
    assert!(load(&input("airlock.toml", false), &TimeZone::UTC).is_ok());
    let problems = load(&input("my airlock.toml", true), &TimeZone::UTC).unwrap_err().to_string();
    assert_eq!(
        problems,
        "my airlock.toml:2:15: error: sandbox.e2b_api_key: a secret stands in a file that others can read\n  \
         help: run `chmod 600 'my airlock.toml'`, or give the key as `E2B_API_KEY`"
    );
    let variables = environment(&[("E2B_API_KEY", "other")]);
    let overridden = ConfigInput { environment: &variables, ..input("airlock.toml", true) };
    assert!(load(&overridden, &TimeZone::UTC).is_err(), "it is exposed all the same");
    let harmless = ConfigFile { name: "a", text: "[airlock]\n", readable_by_others: true };
    assert!(load(&ConfigInput { file: Some(harmless), ..ConfigInput::default() }, &TimeZone::UTC).is_ok());
}

#[test]
fn a_secret_of_the_wrong_type_is_not_shown() {
    let problems = rendered("[sandbox]\ne2b_api_key = [\"e2b_0123\"]\n");
    assert_eq!(problems, "airlock.toml:2:15: error: sandbox.e2b_api_key: expected a string, found a list");
}
