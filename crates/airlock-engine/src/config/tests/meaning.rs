//! What valid files mean, and what weakens protection.

use airlock_scan::Kind;
use jiff::tz::TimeZone;

use super::{ask, environment, read, rendered, warned};
use crate::{
    code::Code,
    config::{
        Config, ConfigFile, ConfigInput, Destination, Injection, Origin, Secret, Severity, Strategy, load,
    },
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
        unmasked_fields = ["email", "*_id"]
        disabled_kinds = ["phone"]
        arguments.u = { url = { danger_allow_private_hosts = true } }
        [sanitization]
        secret_strategy = "partial"
        disabled_kinds = ["email"]
        allow = ["*.example.com", "sk*"]
        mask_private_ips = false
        connection_string = "whole"
        screen_injection = "off"
        [sanitization.allow_kinds]
        ip_address = ["*"]
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
            "tools.x.unmasked_fields",
            "tools.x.disabled_kinds",
            "tools.x.arguments.u.url.danger_allow_private_hosts",
            "sanitization.secret_strategy",
            "sanitization.disabled_kinds",
            "sanitization.allow",
            "sanitization.allow",
            "sanitization.mask_private_ips",
            "sanitization.screen_injection",
            "sanitization.allow_kinds.ip_address",
            "sanitization.kinds.jwt",
        ]
    );
    assert!(
        config.warnings.iter().all(|warning| warning.severity == Severity::Warning && warning.line.is_some())
    );
}

#[test]
fn what_is_allowed_is_said_with_what_it_costs() {
    for (section, key, told) in [
        ("allow = [\"*.example.com\"]", "allow", "what this matches is not masked"),
        ("allow = [\"192.0.2.*\"]", "allow", "what this matches is not masked"),
        ("allow = [\"*\"]", "allow", "this allows everything that is found, credentials included"),
        ("allow_kinds = { email = [\"*\"] }", "allow_kinds.email", "this allows every `email`"),
        (
            "allow_kinds = { jwt = [\"*\"] }",
            "allow_kinds.jwt",
            "this allows every `jwt`, which is a credential",
        ),
        (
            "allow = [\"ghp_*\"]",
            "allow",
            "this leaves credentials unmasked, such as the examples of `api_key`",
        ),
    ] {
        let config = read(&format!("[sanitization]\n{section}\n")).unwrap();
        let warnings: Vec<_> =
            config.warnings.iter().map(|warning| (warning.key.as_str(), warning.message.as_str())).collect();
        assert_eq!(warnings, [(format!("sanitization.{key}").as_str(), told)], "{section}");
    }
}

/// What the scanner of a configuration finds.
fn found(section: &str, text: &str) -> Vec<String> {
    let config = read(section).unwrap_or_else(|problems| panic!("{problems}"));
    let mut out = Vec::new();
    config.sanitization.scanner().scan(text, &mut out);
    out.into_iter()
        .map(|finding| format!("{}:{}:{}", finding.rule, finding.kind, &text[finding.span]))
        .collect()
}

#[test]
fn the_scanner_is_the_one_that_the_file_describes() {
    const DETECTOR: &str = "[[detector]]\nid = \"acme\"\nregex = 'acme_(?P<secret>[0-9]{4,})'\n";
    let detector = |more: &str| format!("{DETECTOR}{more}\n");
    let table: [(String, &str, &[&str]); 14] = [
        (String::new(), "to bob@example.com", &["email:email:bob@example.com"]),
        ("[sanitization]\nallow = [\"example.com\"]\n".to_owned(), "to bob@example.com", &[]),
        ("[sanitization]\nallow = [\"BOB@*\"]\n".to_owned(), "to bob@example.com", &[]),
        (
            "[sanitization]\nallow_kinds = { email = [\"*@example.com\"] }\n".to_owned(),
            "to bob@example.com",
            &[],
        ),
        (
            "[sanitization]\nallow_kinds = { phone = [\"*\"] }\n".to_owned(),
            "to bob@example.com",
            &["email:email:bob@example.com"],
        ),
        ("[sanitization]\ndisabled_kinds = [\"email\"]\n".to_owned(), "to bob@example.com", &[]),
        (
            "[sanitization]\nmask_private_ips = false\n".to_owned(),
            "from 10.1.2.3 to 203.0.113.9",
            &["ipv4:ip_address:203.0.113.9"],
        ),
        (
            "[sanitization]\nconnection_string = \"whole\"\n".to_owned(),
            "x postgres://svc:Tr0ub4dor@db/app y",
            &["url-password:connection_string:postgres://svc:Tr0ub4dor@db/app"],
        ),
        (
            "[sanitization]\nconnection_string = \"password\"\n".to_owned(),
            "x postgres://svc:Tr0ub4dor@db/app y",
            &["url-password:connection_string:Tr0ub4dor"],
        ),
        (detector("class = \"pii\""), "see acme_4711 now", &["acme:custom_pii:4711"]),
        (
            detector("class = \"secret\"\nkind = \"acme_token\""),
            "see acme_4711 now",
            &["acme:custom_secret:4711"],
        ),
        (detector("kind = \"api_key\""), "see acme_4711 now", &["acme:api_key:4711"]),
        (
            detector("kind = \"api_key\"") + "[sanitization]\nallow = [\"47*\"]\n",
            "see acme_4711 and acme_5811 now",
            &["acme:api_key:5811"],
        ),
        (
            detector("kind = \"api_key\"") + "[sanitization]\ndisabled_kinds = [\"api_key\"]\n",
            "see acme_4711 now",
            &[],
        ),
    ];
    for (section, text, expected) in table {
        assert_eq!(found(&section, text), expected, "{section}");
    }
}

#[test]
fn detectors_are_settings_like_the_others() {
    let text = "[[detector]]\nid = \"b\"\nregex = 'acme[0-9]+'\nclass = \"pii\"\n\
                [[detector]]\nid = \"a\"\nregex = 'bcme[0-9]+'\nclass = \"secret\"\nconfidence = \"high\"\n";
    let config = read(text).unwrap();
    let shown: Vec<_> = config
        .origins
        .iter()
        .filter(|setting| setting.key.starts_with("detector"))
        .map(|setting| (setting.key.as_str(), setting.value.as_str(), setting.line))
        .collect();
    assert_eq!(shown, [("detector.b", "custom_pii", Some(1)), ("detector.a", "custom_secret", Some(5))]);
    assert!(config.warnings.is_empty());
    let specs = config.sanitization.detectors.specs();
    assert_eq!((specs[0].confidence.name(), specs[1].confidence.name()), ("medium", "high"));
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

#[test]
fn what_a_sandboxed_server_sees_is_configured() {
    let text = "[sandbox]\nrequired = true\nmin_level = \"kernel\"\nread_only = [\"/opt/a\", \"/opt/b\"]\n\
                writable = [\"/srv/notes\"]\nenvironment = [\"NOTES_TOKEN\"]\nmax_memory_mb = 256\n";
    let sandbox = read(text).unwrap().sandbox;
    assert!(sandbox.required && !Config::default().sandbox.required);
    assert_eq!((sandbox.min_level.as_str(), Config::default().sandbox.min_level.as_str()), ("kernel", "box"));
    assert_eq!(
        (sandbox.read_only.len(), sandbox.writable, sandbox.environment.len()),
        (2, vec!["/srv/notes".to_owned()], 1)
    );
    assert_eq!((sandbox.limits.memory_mb, sandbox.limits.processes), (256, 64));
}

#[test]
fn what_a_sandbox_cannot_show_is_an_error() {
    for (line, problem) in [
        (
            "read_only = [\"notes\"]",
            "error: sandbox.read_only: `notes` is no absolute path without `.` and `..`",
        ),
        ("writable = [\"/srv/../etc\"]", "error: sandbox.writable: `/srv/../etc` is no absolute path"),
        ("environment = [\"A=b\"]", "error: sandbox.environment: `A=b` is not the name of a variable"),
        ("min_level = \"none\"", "error: sandbox.min_level: expected"),
        ("pool_size = 9", "error: sandbox.pool_size: expected a whole number from 0 to 8"),
        ("max_memory_mb = 1", "error: sandbox.max_memory_mb: expected a whole number from 16"),
    ] {
        let problems = rendered(&format!("[sandbox]\n{line}\n"));
        assert!(problems.contains(problem), "{problems}");
    }
}
