//! The configuration as a whole: files and layers in, settings or rendered problems out.

use jiff::tz::TimeZone;
use proptest::prelude::{ProptestConfig, any, prop, prop_assert, proptest};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    Config, ConfigFile, ConfigInput, DEFAULT_FILE, Destination, ENV_VARS, Flags, Injection, Limits,
    MAX_FILE_BYTES, MAX_PROBLEMS, Origin, Problems, SandboxConfig, Sanitization, Secret, Severity, Strategy,
    load,
    schema::{self, Entry, Shape},
};
use crate::{
    caller::{AgentId, Caller},
    code::Code,
    policy::{Policy, Subject, TargetKind, fold},
};
use airlock_scan::{Class, Kind};

fn file(text: &str) -> ConfigFile<'_> {
    ConfigFile { name: "airlock.toml", text, readable_by_others: false }
}

fn read(text: &str) -> Result<Config, Problems> {
    load(&ConfigInput { file: Some(file(text)), ..ConfigInput::default() }, &TimeZone::UTC)
}

fn rendered(text: &str) -> String {
    read(text).map_or_else(|problems| problems.to_string(), |_| "no problem".to_owned())
}

fn environment(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn layered(text: &str, variables: &[(&str, &str)], flags: Flags) -> Result<Config, Problems> {
    let variables = environment(variables);
    load(&ConfigInput { file: Some(file(text)), environment: &variables, flags }, &TimeZone::UTC)
}

fn ask(policy: &Policy, name: &str, agent: &str) -> Result<Option<String>, Code> {
    let binding = policy.bind(&Subject { kind: TargetKind::Tool, name, folded: &fold(name) });
    let caller = Caller { agent_id: AgentId::new(agent).ok(), ..Caller::anonymous() };
    let noon = "2026-01-30T12:00:00Z".parse().unwrap();
    let limit = binding.evaluate(&caller, noon, &mut |_, _| ()).map_err(|rejection| rejection.code())?;
    Ok(limit.map(|limit| limit.text.to_string()))
}

fn warned(config: &Config) -> Vec<&str> {
    config.warnings.iter().map(|warning| warning.key.as_str()).collect()
}

#[test]
fn bad_files_say_what_is_wrong_and_where() {
    let wrong = BAD_FILES.iter().filter(|(text, expected)| rendered(text) != *expected);
    let told: Vec<String> = wrong
        .map(|(text, expected)| format!("{text}--- is\n{}\n--- not\n{expected}\n", rendered(text)))
        .collect();
    assert!(told.is_empty(), "\n{}", told.join("\n"));
}

/// A file and everything that is said about it.
const BAD_FILES: &[(&str, &str)] = &[
    // Names.
    (
        "[airlock]\nmask_pi = true\n",
        "airlock.toml:2:1: error: airlock.mask_pi: unknown key\n  help: did you mean `mask_pii`?",
    ),
    (
        "strict_mode = true\n",
        "airlock.toml:1:1: error: strict_mode: unknown key\n  help: `strict_mode` belongs to `[airlock]`",
    ),
    (
        "[airlock]\ndenied_tools = []\n",
        "airlock.toml:2:1: error: airlock.denied_tools: unknown key\n  help: `denied_tools` belongs to `[policy]`",
    ),
    (
        "[airlock.limits]\nx = 1\n",
        "airlock.toml:1:10: error: airlock.limits: unknown key\n  help: `[limits]` is a section of its own",
    ),
    (
        "[airlok]\nstrict_mode = true\n",
        "airlock.toml:1:2: error: airlok: unknown key\n  help: did you mean `airlock`?",
    ),
    (
        "[audit]\nenabled = false\n",
        "airlock.toml:2:1: error: audit.enabled: unknown key\n  help: known here: `path`",
    ),
    (
        "[sanitization]\nhash_key = \"00\"\n",
        "airlock.toml:2:1: error: sanitization.hash_key: unknown key\n  \
         help: it is given by the environment variable `AIRLOCK_HASH_KEY` only",
    ),
    (
        "[policies.intern]\nalowed_tools = [\"a\"]\n",
        "airlock.toml:2:1: error: policies.intern.alowed_tools: unknown key\n  help: did you mean `allowed_tools`?",
    ),
    (
        "[tools.read_file]\narguments.options.path = { within = [\"/data\"] }\n",
        "airlock.toml:2:19: error: tools.read_file.arguments.options.path: unknown key\n  \
         help: quote the name of a nested argument: `arguments.\"options.path\"`",
    ),
    (
        "[tools.read_file]\narguments.path = { inside = [\"/data\"] }\n",
        "airlock.toml:2:20: error: tools.read_file.arguments.path.inside: unknown key\n  \
         help: known here: `within`, `min`, `max`, `one_of`, `matches` or `url`",
    ),
    // A key behind the wrong header.
    (
        "[policy]\n[policy.rate_limits]\n\"*\" = \"5/minute\"\nrequire_agent_id = true\n",
        "airlock.toml:4:20: error: policy.rate_limits.require_agent_id: expected a string, found a boolean\n  \
         help: `require_agent_id` belongs to `[policy]`",
    ),
    (
        "[policy]\n[policy.rate_limits]\ntimezone = \"UTC\"\n",
        "airlock.toml:3:12: error: policy.rate_limits.timezone: a rate limit is a number, a slash and a unit\n  \
         help: `timezone` belongs to `[policy]`",
    ),
    // Types and bounds.
    (
        "[policy]\ndenied_tools = \"delete_*\"\n",
        "airlock.toml:2:16: error: policy.denied_tools: expected a list of strings, found a string\n  \
         help: write [\"delete_*\"]",
    ),
    (
        "[policy]\ndenied_tools = [\"a\", 7, \"\"]\n",
        "airlock.toml:2:22: error: policy.denied_tools: expected a string, found an integer\n\
         airlock.toml:2:25: error: policy.denied_tools: must not be empty",
    ),
    (
        "[airlock]\nmask_pii = \"no\"\nstrict_mode = 1\nmax_output_chars = 0\n",
        "airlock.toml:2:12: error: airlock.mask_pii: expected `true` or `false`, found a string\n  \
         help: write it without quotes\n\
         airlock.toml:3:15: error: airlock.strict_mode: expected `true` or `false`, found an integer\n\
         airlock.toml:4:20: error: airlock.max_output_chars: expected a whole number from 100 to 1000000000\n  \
         help: zero does not mean unlimited",
    ),
    (
        "[limits]\nmax_argument_depth = 1_000\nmax_arguments = -1\nmax_message_bytes = 1e6\n",
        "airlock.toml:2:22: error: limits.max_argument_depth: expected a whole number from 1 to 256\n\
         airlock.toml:3:17: error: limits.max_arguments: expected a whole number from 1 to 1000000\n\
         airlock.toml:4:21: error: limits.max_message_bytes: expected a whole number from 1024 to 1000000000, \
         found a decimal number",
    ),
    ("airlock = true\n", "airlock.toml:1:11: error: airlock: expected a table, found a boolean"),
    ("[[policy]]\n", "airlock.toml:1:1: error: policy: expected a table, found a list"),
    (
        "[policies]\nallowed_tools = [\"read_*\"]\n",
        "airlock.toml:2:17: error: policies.allowed_tools: expected a table, found a list\n  \
         help: `allowed_tools` belongs to `[policy]`",
    ),
    // Words.
    (
        "[sanitization]\npii_strategy = \"ful\"\nscreen_injection = \"report\"\n",
        "airlock.toml:2:16: error: sanitization.pii_strategy: expected `full`, `partial`, `type_only` or `hash`\n  \
         help: did you mean `full`?\n\
         airlock.toml:3:20: error: sanitization.screen_injection: expected `flag`, `block` or `off`",
    ),
    (
        "[sanitization]\ndisabled_kinds = [\"e_mail\", \"injection\"]\n[sanitization.kinds]\nsnn = \"full\"\n",
        "airlock.toml:2:19: error: sanitization.disabled_kinds: `e_mail` is not a kind of finding\n  \
         help: did you mean `email`?\n\
         airlock.toml:2:29: error: sanitization.disabled_kinds: `injection` is screened, not masked\n  \
         help: `screen_injection` says what happens to it\n\
         airlock.toml:4:1: error: sanitization.kinds.snn: `snn` is not a kind of finding\n  \
         help: did you mean `ssn`?",
    ),
    // Policies.
    (
        "[policy]\npreset = \"stric\"\ntimezone = \"Mars/Olympus\"\nallowed_tools = [\"[x\"]\n\
         [policy.rate_limits]\n\"query_*\" = \"0/minute\"\n[policy.time_restrictions]\n\"*\" = \"09:00-09:00\"\n",
        "airlock.toml:2:10: error: policy.preset: expected `permissive`, `strict`, `read_only` or `business_hours`\n  \
         help: did you mean `strict`?\n\
         airlock.toml:3:12: error: policy.timezone: there is no such time zone\n  \
         help: write an IANA name such as `UTC` or `Europe/Berlin`\n\
         airlock.toml:4:18: error: policy.allowed_tools: `[` is not closed\n  \
         help: close it with `]`, or write `[[]` for the character itself\n\
         airlock.toml:6:13: error: policy.rate_limits.\"query_*\": a rate limit of zero would refuse every call\n  \
         help: write for example `100/minute`; the units are second, minute, hour and day\n\
         airlock.toml:8:7: error: policy.time_restrictions.\"*\": a time window starts and ends at the same time\n  \
         help: write for example `09:00-17:00` or `Mon-Fri 09:00-17:00`",
    ),
    (
        "[policy]\nallowed_tools = []\nallowed_roles = []\n",
        "airlock.toml:2:17: error: policy.allowed_tools: an empty list would allow every tool that is not denied\n  \
         help: remove the key if that is meant\n\
         airlock.toml:3:17: error: policy.allowed_roles: an empty list would allow every role, and callers without one\n  \
         help: remove the key if that is meant",
    ),
    (
        "[policies.strict]\nrequire_agent_id = true\n[policies.default]\nrequire_agent_id = true\n\
         [policies.\"a b\"]\nrequire_agent_id = true\n",
        "airlock.toml:1:11: error: policies.strict: a preset has this name\n  help: choose another name\n\
         airlock.toml:3:11: error: policies.default: this name is reserved\n  help: `[policy]` is the default policy\n\
         airlock.toml:5:11: error: policies.\"a b\": a policy name is 1 to 64 letters, digits, `_`, `-` and `.`",
    ),
    (
        "[roles]\nintern = \"interns\"\nsre = \"nobody\"\n\" \" = \"strict\"\n[policies.intern]\npreset = \"read_only\"\n",
        "airlock.toml:2:10: error: roles.intern: there is no policy `interns`\n  help: did you mean `intern`?\n\
         airlock.toml:3:7: error: roles.sre: there is no policy `nobody`\n  \
         help: the presets are `permissive`, `strict`, `read_only` or `business_hours`; others stand at `[policies.NAME]`\n\
         airlock.toml:4:1: error: roles.\" \": a role must be 1 to 256 bytes without control characters",
    ),
    // Tools.
    (
        "[tools.x.arguments]\na = {}\nb = { within = [] }\nc = { min = nan }\nd = { one_of = [1, 2026-01-01, []] }\n\
         e = { matches = 3 }\nf = { min = 3, max = 2 }\n",
        "airlock.toml:2:1: error: tools.x.arguments.a: the rule has no condition; write `within`, `max`, `min`, \
         `one_of`, `matches` or `url`\n\
         airlock.toml:3:16: error: tools.x.arguments.b.within: an empty list refuses every call\n  \
         help: deny the tool if that is meant\n\
         airlock.toml:4:13: error: tools.x.arguments.c.min: expected a finite number\n\
         airlock.toml:5:20: error: tools.x.arguments.d.one_of: expected a string, number or boolean, found a date or \
         time\n  help: write it in quotes\n\
         airlock.toml:5:32: error: tools.x.arguments.d.one_of: expected a string, number or boolean, found a list\n\
         airlock.toml:6:17: error: tools.x.arguments.e.matches: expected a string, found an integer\n\
         airlock.toml:7:13: error: tools.x.arguments.f.min: no number is at least `min` and at most `max`",
    ),
    (
        "[tools.\"[x\"]\nmask_output = true\n",
        "airlock.toml:1:8: error: tools.\"[x\": `[` is not closed\n  help: close it with `]`, or write `[[]` for the character itself",
    ),
    (
        "[tools.fetch]\narguments.url = { url = { hosts = [] } }\n",
        "airlock.toml:2:35: error: tools.fetch.arguments.url.url.hosts: an empty list would allow every public host\n  \
         help: remove the key if that is meant",
    ),
    // TOML itself.
    (
        "[airlock]\nstrict_mode = true\nstrict_mode = false\nmask_pi = true\n[airlock]\n",
        "airlock.toml:3:1: error: duplicate key\n  help: each key and each `[section]` may be given once\n\
         airlock.toml:4:1: error: airlock.mask_pi: unknown key\n  help: did you mean `mask_pii`?\n\
         airlock.toml:5:2: error: duplicate key\n  help: each key and each `[section]` may be given once",
    ),
    (
        "[policy]\ndenied_tools = [\"ä\", \"b]\nallowed_tool = 1\n",
        "airlock.toml:2:25: error: invalid basic string, expected `\"`\n\
         airlock.toml:3:1: error: missing comma between array elements, expected `,`",
    ),
    ("[policy\n", "airlock.toml:1:8: error: unclosed table, expected `]`"),
    ("preset = strict\n", "airlock.toml:1:10: error: string values must be quoted, expected literal string"),
];

#[test]
fn a_file_that_is_too_long_is_not_read() {
    let long = format!("#{}\n", "x".repeat(MAX_FILE_BYTES));
    assert_eq!(rendered(&long), "airlock.toml: error: the file is longer than 1048576 bytes");
    let just_fits = format!("#{}\n", "x".repeat(MAX_FILE_BYTES - 2));
    assert_eq!(rendered(&just_fits), "no problem");
}

#[test]
fn thousands_of_problems_are_counted() {
    let text = (0..5_000).fold(String::new(), |text, n| format!("{text}mask_pi{n} = 1\n"));
    let problems = read(&text).unwrap_err();
    assert_eq!(problems.iter().count(), MAX_PROBLEMS + 1);
    assert_eq!(problems.iter().last().unwrap().to_string(), "airlock.toml: error: 4900 more are not listed");
    let text =
        (0..5_000).fold("[tools]\n".to_owned(), |text, n| format!("{text}tool{n}.mask_output = false\n"));
    let config = read(&text).unwrap();
    assert_eq!(config.warnings.len(), MAX_PROBLEMS + 1);
    assert_eq!(config.tools.len(), 5_000);
}

#[test]
fn problems_can_be_written_as_json() {
    let problems = read("[airlock]\nmask_pi = true\n").unwrap_err();
    assert_eq!(
        serde_json::to_value(&problems).unwrap(),
        serde_json::json!([{
            "severity": "error", "file": "airlock.toml", "line": 2, "column": 1, "source": "file",
            "key": "airlock.mask_pi", "message": "unknown key", "help": "did you mean `mask_pii`?",
        }])
    );
}

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
fn with_examples() -> String {
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
    assert_eq!(config.tools.len(), 5);
    assert_eq!(
        warned(&config),
        [
            "policy.rate_limits.\"query_*\"",
            "policy.rate_limits.\"*\"",
            "tools.read_own_notes.mask_output",
            "tools.list_contacts.unmasked_fields",
            "sanitization.disabled_kinds"
        ]
    );

    let table = DeTable::parse(&text).unwrap();
    let mut absent = Vec::new();
    list_absent(&[table.get_ref()], schema::ROOT, "", &mut absent);
    // A named policy has the keys of `[policy]`, which are all shown there.
    absent.retain(|key| !key.starts_with("policies.NAME."));
    assert!(absent.is_empty(), "not in default.toml: {absent:?}");
    for kind in Kind::ALL.iter().filter(|kind| kind.class() != Class::Injection) {
        assert!(DEFAULT_FILE.contains(kind.name()), "{kind} is not in default.toml");
    }
    for variable in ENV_VARS.iter().filter(|variable| !variable.key.is_empty()) {
        assert!(DEFAULT_FILE.contains(variable.name), "{} is not in default.toml", variable.name);
    }
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
    let flags = Flags { policy: Some("strickt".to_owned()), strict: None };
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
    let flags = Flags { policy: Some("strict".to_owned()), strict: None };
    let by_flag = layered(text, &[("AIRLOCK_POLICY", "intern")], flags).unwrap();
    assert_eq!(by_flag.policy.name(), "STRICT_POLICY");
    let flags = Flags { policy: Some("permissive".to_owned()), strict: None };
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

#[test]
fn presets_that_need_a_zone_are_refused_without_one() {
    let text = "[roles]\nclerk = \"business_hours\"\n";
    let input = ConfigInput { file: Some(file(text)), ..ConfigInput::default() };
    assert!(load(&input, &TimeZone::UTC).is_ok());
    let problems = load(&input, &TimeZone::unknown()).unwrap_err();
    assert_eq!(problems.iter().next().unwrap().key, "roles.clerk");
    assert!(load(&ConfigInput::default(), &TimeZone::unknown()).is_ok());
}

#[test]
fn windows_line_ends_and_byte_order_marks_are_no_trouble() {
    let config = read("\u{feff}[airlock]\r\nstrict_mode = true\r\n").unwrap();
    assert!(config.airlock.strict_mode);
    assert_eq!(
        rendered("[airlock]\r\nmask_pi = 1\r\n"),
        "airlock.toml:2:1: error: airlock.mask_pi: unknown key\n  help: did you mean `mask_pii`?"
    );
}

/// Fragments that make almost-valid files.
const FRAGMENTS: &[&str] = &[
    "[airlock]",
    "[policy]",
    "[policy.rate_limits]",
    "[[policy]]",
    "[policies.a]",
    "[roles]",
    "[tools.\"*\"]",
    "[tools.x.arguments]",
    "[sanitization]",
    "[sanitization.kinds]",
    "[limits]",
    "[audit]",
    "[sandbox]",
    "strict_mode",
    "preset",
    "allowed_tools",
    "rate_limits",
    "\"*\"",
    "arguments.a",
    "within",
    "url",
    "one_of",
    "min",
    "kinds",
    "path",
    "e2b_api_key",
    "max_depth",
    "=",
    "=",
    "=",
    "true",
    "\"strict\"",
    "\"1/minute\"",
    "0",
    "-1",
    "1e400",
    "0xffffffffffffffffffffffffffffffffff",
    "nan",
    "[",
    "]",
    "{",
    "}",
    "\"",
    "'''",
    "\"\"\"",
    ",",
    ".",
    "\n",
    "\n",
    "\n",
    "\r\n",
    "#",
    "\\u0000",
    "\u{feff}",
    "ä",
    "2026-01-01",
    "[\"a\", \"b\"]",
    "[]",
    "{}",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_or_refused(text in any::<String>(), value in any::<String>()) {
        let config = layered(&text, &[("AIRLOCK_POLICY", &value), ("AIRLOCK_HASH_KEY", &value)], Flags::default());
        prop_assert!(config.map_or_else(|problems| problems.iter().any(|p| p.severity == Severity::Error), |_| true));
    }

    #[test]
    fn almost_valid_files_are_read_or_refused(parts in prop::collection::vec(prop::sample::select(FRAGMENTS), 0..40)) {
        for separator in ["", " ", "\n"] {
            let text = parts.join(separator);
            if let Err(problems) = read(&text) {
                prop_assert!(problems.iter().any(|problem| problem.severity == Severity::Error));
                for problem in &problems {
                    let line = problem.line.and_then(|line| text.split('\n').nth(line - 1));
                    prop_assert!(line.is_none_or(|line| problem.column.unwrap() <= line.chars().count() + 1), "{}", problem);
                }
            }
        }
    }

    #[test]
    fn a_damaged_default_file_is_read_or_refused(at in 0..DEFAULT_FILE.len(), with in ".{0,3}", length in 0..20_usize) {
        let text = with_examples();
        let start = (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap();
        let end = (start + length..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
        let damaged = format!("{}{with}{}", &text[..start], &text[end..]);
        prop_assert!(read(&damaged).map_or_else(|problems| problems.iter().count() > 0, |_| true));
    }
}
