//! Files that are refused, and everything that is said about them.

use super::{read, rendered};
use crate::config::{MAX_FILE_BYTES, MAX_PROBLEMS};

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
    (
        "[sanitization]\nenabled_kinds = [\"emial\", \"email\"]\ndisabled_kinds = [\"email\"]\nallow = \"x\"\n\
         connection_string = \"hole\"\nmask_private_ips = 1\n[sanitization.allow_kinds]\nemial = [\"x\"]\nphone = \"x\"\n",
        "airlock.toml:2:18: error: sanitization.enabled_kinds: `emial` is not a kind of finding\n  \
         help: did you mean `email`?\n\
         airlock.toml:2:27: error: sanitization.enabled_kinds: `email` is in `disabled_kinds`, too\n  \
         help: remove it from one of the lists\n\
         airlock.toml:4:9: error: sanitization.allow: expected a list of strings, found a string\n  \
         help: write [\"x\"]\n\
         airlock.toml:5:21: error: sanitization.connection_string: expected `password` or `whole`\n  \
         help: did you mean `whole`?\n\
         airlock.toml:6:20: error: sanitization.mask_private_ips: expected `true` or `false`, found an integer\n\
         airlock.toml:8:1: error: sanitization.allow_kinds.emial: `emial` is not a kind of finding\n  \
         help: did you mean `email`?\n\
         airlock.toml:9:9: error: sanitization.allow_kinds.phone: expected a list of strings, found a string\n  \
         help: write [\"x\"]",
    ),
    // Detectors.
    (
        "[detector]\nid = \"x\"\n",
        "airlock.toml:1:1: error: detector: expected a list of tables, found a table\n  \
         help: write `[[` and `]]` around its name",
    ),
    ("detector = [3]\n", "airlock.toml:1:13: error: detector: expected a table, found an integer"),
    (
        "[[detector]]\n",
        "airlock.toml:1:1: error: detector: `id` is missing\n\
         airlock.toml:1:1: error: detector: `regex` is missing\n\
         airlock.toml:1:1: error: detector: `class` is missing\n  \
         help: write `class = \"pii\"` or `class = \"secret\"`, or the `kind` of another rule",
    ),
    (
        "[[detector]]\nid = \"a b\"\nregx = 'x'\nregex = '[0-9]{6}'\nkind = \"emial\"\nvalidator = \"lun\"\n\
         max_length = 9999\nclass = \"injection\"\n",
        "airlock.toml:3:1: error: detector.regx: unknown key\n  help: did you mean `regex`?\n\
         airlock.toml:6:13: error: detector.validator: expected `luhn`, `mod97`, `verhoeff`, `ssn`, `entropy`, \
         `not_placeholder`, `base64` or `hex`\n  help: did you mean `luhn`?\n\
         airlock.toml:7:14: error: detector.max_length: expected a whole number from 1 to 2048\n\
         airlock.toml:8:9: error: detector.class: expected `pii` or `secret`",
    ),
    (
        "[[detector]]\nid = \"x\"\nregex = 'acme[0-9]+'\nkind = \"emial\"\n\
         [[detector]]\nid = \"y\"\nregex = 'acme[0-9]+'\nkind = \"email\"\nclass = \"secret\"\n\
         [[detector]]\nid = \"z\"\nregex = 'acme[0-9]+'\nkind = \"injection\"\n",
        "airlock.toml:4:8: error: detector.kind: `emial` is not a known kind of finding\n  \
         help: did you mean `email`? Or add `class = \"pii\"` or `class = \"secret\"` to a kind of your own\n\
         airlock.toml:8:8: error: detector.kind: `email` is of the class `pii`\n  help: remove `class`\n\
         airlock.toml:13:8: error: detector.kind: detectors find personal data and secrets only",
    ),
    (
        "[[detector]]\nid = \"email\"\nregex = '[0-9]{6}'\nclass = \"pii\"\n\
         [[detector]]\nid = \"y\"\nregex = 'acme(?=[0-9])'\nclass = \"pii\"\n\
         [[detector]]\nid = \"y\"\nregex = 'acme[0-9]+'\nclass = \"pii\"\nanchors = [\"acme\", \"ac\"]\n\
         [[detector]]\nid = \"z\"\nregex = 'acme[0-9]+'\nclass = \"pii\"\n\
         examples = [\"acme1\", \"nothing\"]\ncounterexamples = [\"acme2\", \"nothing\"]\n",
        "airlock.toml:2:6: error: detector.id: `email` is a built-in rule\n  help: choose another id\n\
         airlock.toml:3:9: error: detector.regex: no text of at least 3 bytes stands in every match, so that nothing \
         tells where to look\n  help: give `anchors`: literals one of which every match contains\n\
         airlock.toml:7:9: error: detector.regex: look-around, including look-ahead and look-behind, is not supported\n  \
         help: look-around and back references are not supported: matching takes linear time\n\
         airlock.toml:10:6: error: detector.id: two detectors are called `y`\n  help: choose another id\n\
         airlock.toml:13:20: error: detector.anchors: expected 3 to 64 bytes\n\
         airlock.toml:18:22: error: detector.examples: nothing is found in this example\n\
         airlock.toml:19:20: error: detector.counterexamples: something is found in this counterexample",
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
        "[tools.x]\nunmasked_fields = [\"[x\", \"ok_*\"]\ndisabled_kinds = [\"emial\"]\n",
        "airlock.toml:2:20: error: tools.x.unmasked_fields: `[` is not closed\n  \
         help: close it with `]`, or write `[[]` for the character itself\n\
         airlock.toml:3:19: error: tools.x.disabled_kinds: `emial` is not a kind of finding\n  \
         help: did you mean `email`?",
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
fn windows_line_ends_and_byte_order_marks_are_no_trouble() {
    let config = read("\u{feff}[airlock]\r\nstrict_mode = true\r\n").unwrap();
    assert!(config.airlock.strict_mode);
    assert_eq!(
        rendered("[airlock]\r\nmask_pi = 1\r\n"),
        "airlock.toml:2:1: error: airlock.mask_pi: unknown key\n  help: did you mean `mask_pii`?"
    );
}
