//! File, environment and flags on top of each other.

use jiff::tz::TimeZone;

use super::{file, layered, read, warned};
use crate::config::{ConfigInput, Destination, ENV_VARS, Flags, Origin, load};

#[test]
fn stronger_layers_win() {
    let text = "[airlock]\nstrict_mode = true\nmask_pii = false\nmax_output_chars = 500\n";
    let variables = [("AIRLOCK_STRICT_MODE", "off"), ("AIRLOCK_MAX_OUTPUT_CHARS", "700"), ("PATH", "/bin")];
    let cases = [
        ("", &[][..], None, false, Origin::BuiltIn),
        (text, &[], None, true, Origin::File),
        (text, &variables, None, false, Origin::Environment),
        (text, &variables, Some(true), true, Origin::Flag),
        ("", &variables[..], Some(false), false, Origin::Flag),
    ];
    for (text, variables, strict, expected, origin) in cases {
        let config = layered(text, variables, Flags { strict, ..Flags::default() }).unwrap();
        assert_eq!(config.airlock.strict_mode, expected);
        let setting = config.origins.iter().find(|setting| setting.key == "airlock.strict_mode").unwrap();
        assert_eq!(
            (setting.origin, setting.value.as_str()),
            (origin, if expected { "true" } else { "false" })
        );
        assert_eq!(setting.line, (origin == Origin::File).then_some(2));
    }
    let config = layered(text, &variables, Flags::default()).unwrap();
    assert_eq!(config.airlock.max_output_chars, 700);
    assert!(!config.airlock.mask_pii, "the file still says what the environment does not");
}

#[test]
fn every_environment_variable_has_its_effect() {
    let key = "0f".repeat(32);
    let variables = [
        ("AIRLOCK_POLICY", "READ_ONLY_POLICY"),
        ("AIRLOCK_STRICT_MODE", "Yes"),
        ("AIRLOCK_SANITIZE_OUTPUT", "0"),
        ("AIRLOCK_MASK_PII", "False"),
        ("AIRLOCK_MASK_SECRETS", "no"),
        ("AIRLOCK_MAX_OUTPUT_CHARS", "2000000"),
        ("AIRLOCK_AUDIT_PATH", "stderr"),
        ("AIRLOCK_HASH_KEY", &key),
        ("E2B_API_KEY", "e2b_0123"),
        ("AIRLOCK_CONFIG", "ignored here"),
    ];
    assert_eq!(variables.len(), ENV_VARS.len(), "each is tested");
    let config = layered("", &variables, Flags::default()).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(config.policy.name(), "READ_ONLY_POLICY");
    assert!(config.airlock.strict_mode && !config.airlock.sanitize_output);
    assert!(!config.airlock.mask_pii && !config.airlock.mask_secrets);
    assert_eq!(config.airlock.max_output_chars, 2_000_000);
    assert_eq!(config.audit.destination, Destination::Stderr);
    assert_eq!(config.sanitization.hash_key.as_ref().map(|key| *key.bytes()), Some([0x0f; 32]));
    assert!(config.sandbox.e2b_api_key.is_some());
    assert_eq!(config.warnings.len(), 4);
    assert_eq!(
        config.warnings[0].to_string(),
        "AIRLOCK_SANITIZE_OUTPUT: warning: airlock.sanitize_output: output is neither masked nor screened nor truncated"
    );
    let shown = format!("{config:?}");
    assert!(!shown.contains("e2b_0123") && !shown.contains(&key));
}

#[test]
fn bad_variables_and_flags_are_named_without_secrets() {
    let variables = [
        ("AIRLOCK_MASK_PII", "maybe"),
        ("AIRLOCK_STRICT_MODE", ""),
        ("AIRLOCK_MAX_OUTPUT_CHARS", "10"),
        ("AIRLOCK_HASH_KEY", "hunter2-hunter2"),
        ("E2B_API_KEY", " "),
        ("AIRLOCK_POLICY", "nobody"),
    ];
    let problems = layered("", &variables, Flags::default()).unwrap_err().to_string();
    assert_eq!(
        problems,
        "AIRLOCK_STRICT_MODE: error: airlock.strict_mode: expected `true` or `false` (also `1`/`0`, `yes`/`no`, \
         `on`/`off`)\n  help: unset `AIRLOCK_STRICT_MODE`\n\
         AIRLOCK_MASK_PII: error: airlock.mask_pii: expected `true` or `false` (also `1`/`0`, `yes`/`no`, `on`/`off`)\n\
         AIRLOCK_MAX_OUTPUT_CHARS: error: airlock.max_output_chars: expected a whole number from 100 to 1000000000\n\
         E2B_API_KEY: error: sandbox.e2b_api_key: must not be empty\n\
         AIRLOCK_POLICY: error: policy: there is no policy `nobody`\n  \
         help: the presets are `permissive`, `strict`, `read_only` or `business_hours`; others stand at `[policies.NAME]`\n\
         AIRLOCK_HASH_KEY: error: sanitization.hash_key: expected 64 hexadecimal digits\n  \
         help: make one with `openssl rand -hex 32`"
    );
    let flags = Flags { policy: Some("strickt".to_owned()), ..Flags::default() };
    assert_eq!(
        layered("", &[], flags).unwrap_err().to_string(),
        "--policy: error: policy: there is no policy `strickt`\n  help: did you mean `strict`?"
    );
    // Layers report together, and an overridden value must still be right.
    let both =
        layered("[airlock]\nmask_pii = 1\n", &[("AIRLOCK_MASK_PII", "x")], Flags::default()).unwrap_err();
    let sources: Vec<_> = both.iter().map(|problem| problem.source).collect();
    assert_eq!(sources, [Origin::File, Origin::Environment]);
    // So do the environment and a file that is no TOML.
    let both = layered("[", &[("AIRLOCK_MASK_PII", "x")], Flags::default()).unwrap_err();
    assert_eq!(both.iter().count(), 2);
}

#[test]
fn a_policy_can_be_chosen_from_outside() {
    let text = "[policy]\npreset = \"permissive\"\n[policies.intern]\npreset = \"read_only\"\n";
    let config = read(text).unwrap();
    assert_eq!(warned(&config), ["policy.preset"]);
    assert_eq!(config.policy.name(), "PERMISSIVE_POLICY");
    let by_variable = layered(text, &[("AIRLOCK_POLICY", "intern")], Flags::default()).unwrap();
    assert_eq!(by_variable.policy.name(), "intern");
    assert!(by_variable.warnings.is_empty(), "the section has no effect");
    let flags = Flags { policy: Some("strict".to_owned()), ..Flags::default() };
    let by_flag = layered(text, &[("AIRLOCK_POLICY", "intern")], flags).unwrap();
    assert_eq!(by_flag.policy.name(), "STRICT_POLICY");
    let flags = Flags { policy: Some("permissive".to_owned()), ..Flags::default() };
    let weakened = layered("[policy]\npreset = \"strict\"\n", &[], flags).unwrap();
    assert_eq!(
        weakened.warnings[0].to_string(),
        "--policy: warning: policy: the preset `permissive` restricts nothing"
    );
    let broken =
        layered("[policy]\ntimezone = \"Nowhere\"\n", &[("AIRLOCK_POLICY", "strict")], Flags::default());
    assert!(broken.is_err(), "a section must be right even where it has no effect");
}

#[test]
fn presets_that_need_a_zone_are_refused_without_one() {
    let text = "[roles]\nclerk = \"business_hours\"\n";
    let input = ConfigInput { file: Some(file(text)), ..ConfigInput::default() };
    assert!(load(&input, &TimeZone::UTC).is_ok());
    let problems = load(&input, &TimeZone::unknown()).unwrap_err();
    assert_eq!(problems.iter().next().unwrap().key, "roles.clerk");
    assert!(load(&ConfigInput::default(), &TimeZone::unknown()).is_ok());
}
