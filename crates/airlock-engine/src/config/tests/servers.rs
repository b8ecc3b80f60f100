//! `[servers.NAME]`: what stands in the file, what it means for the server that is chosen, and what is wrong with it.

use super::{layered, read, rendered, warned};
use crate::config::{Config, Flags, ServerConfig};

const TWO: &str = r#"
    [sandbox]
    required = true
    min_level = "box"
    read_only = ["/opt/a", "/opt/b"]
    environment = ["TOKEN"]
    max_memory_mb = 256

    [servers.notes]
    command = ["npx", "-y", "server-filesystem", "/srv/notes"]
    [servers.notes.sandbox]
    min_level = "kernel"
    read_only = ["/srv/notes"]
    environment = []
    max_processes = 7

    [servers.plain]
    command = ["plain"]
"#;

const REQUIRED: &str = "servers.a.sandbox.required";
const LEVEL: &str = "servers.a.sandbox.min_level";

fn chosen(text: &str, name: &str) -> Config {
    let flags = Flags { server: Some(name.to_owned()), ..Flags::default() };
    layered(text, &[], flags).unwrap_or_else(|problems| panic!("{problems}"))
}

fn refused(text: &str, name: &str) -> String {
    let flags = Flags { server: Some(name.to_owned()), ..Flags::default() };
    layered(text, &[], flags).unwrap_err().to_string()
}

#[test]
fn what_a_server_says_takes_the_place_of_what_is_said_for_all() {
    let config = chosen(TWO, "notes");
    let server = config.server.as_ref().unwrap();
    assert_eq!((server.name.as_str(), server.command.len()), ("notes", 4));
    let sandbox = &config.sandbox;
    assert_eq!(*sandbox, server.sandbox);
    assert!(sandbox.required, "what it does not say holds as it is");
    assert_eq!(
        (sandbox.min_level.as_str(), sandbox.limits.memory_mb, sandbox.limits.processes),
        ("kernel", 256, 7)
    );
    assert_eq!(
        (sandbox.read_only.as_slice(), sandbox.environment.len()),
        (&["/srv/notes".to_owned()][..], 0)
    );
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);

    let config = chosen(TWO, "plain");
    let general = read(TWO).unwrap();
    assert_eq!(config.sandbox, general.sandbox);
    assert!(general.server.is_none());
    let names: Vec<_> = general.servers.iter().map(|ServerConfig { name, .. }| name.as_str()).collect();
    assert_eq!(names, ["notes", "plain"]);
    let shown = |key: &str| {
        general.origins.iter().find(|setting| setting.key == key).map(|s| (s.value.as_str(), s.line))
    };
    assert_eq!(shown("servers.plain.command"), Some(("[plain]", Some(18))));
    assert_eq!(shown("servers.notes.sandbox.min_level"), Some(("kernel", Some(12))));
}

#[test]
fn less_than_is_asked_for_all_is_a_warning() {
    let with = |general: &str, own: &str| {
        format!(
            "[sandbox]\n{general}\n[servers.a]\ncommand = [\"a\"]\n[servers.a.sandbox]\n{own}\n[servers.b]\ncommand = [\"b\"]\n"
        )
    };
    for (general, own, warnings) in [
        ("required = true", "required = false", &[REQUIRED][..]),
        ("required = true", "required = true", &[]),
        ("required = true", "writable = [\"/srv\"]", &[]),
        ("required = false", "required = true", &[]),
        ("", "required = false", &[]),
        ("", "writable = [\"/srv\"]", &[REQUIRED]),
        ("", "", &[]),
        ("required = true\nmin_level = \"machine\"", "min_level = \"box\"", &[LEVEL]),
        ("required = true", "min_level = \"lite\"\nrequired = false", &[LEVEL, REQUIRED]),
        ("required = true", "min_level = \"machine\"", &[]),
        ("required = true\nmode = \"per_call\"", "mode = \"per_session\"", &["servers.a.sandbox.mode"]),
        ("required = true", "mode = \"per_call\"", &[]),
    ] {
        let text = with(general, own);
        assert_eq!(warned(&read(&text).unwrap()), warnings, "{text}");
        assert_eq!(warned(&chosen(&text, "a")), warnings, "{text}");
        assert!(warned(&chosen(&text, "b")).is_empty(), "what another server weakens has no effect: {text}");
    }
    let config = chosen(&with("required = true", "required = false"), "a");
    assert!(!config.sandbox.required);
    assert_eq!(
        config.warnings[0].to_string(),
        "airlock.toml:6:12: warning: servers.a.sandbox.required: this server runs outside of the sandbox, which \
         `[sandbox]` requires"
    );
}

/// Names whose keys look the same when they are shown, and more servers than warnings are listed.
#[test]
fn what_the_chosen_server_weakens_is_always_said() {
    let long = ["x", "y"].map(|last| format!("{}{last}", "n".repeat(63)));
    let many = (0..120).map(|number| format!("s{number}"));
    let server =
        |name| format!("[servers.{name}]\ncommand = [\"a\"]\n[servers.{name}.sandbox]\nrequired = false");
    let servers = many.chain(long.clone()).map(server).collect::<Vec<_>>().join("\n");
    let text = format!("[sandbox]\nrequired = true\n{servers}\n");
    // The control: without a choice they are too many, which is said.
    assert_eq!(read(&text).unwrap().warnings.len(), 101);
    for name in ["s0", "s119", &long[0], &long[1]] {
        let config = chosen(&text, name);
        assert!(!config.sandbox.required);
        assert_eq!(config.warnings.len(), 1, "{name}");
    }
    let tools = (0..120).map(|number| format!("[tools.t{number}]\nmask_output = false"));
    let tools = tools.collect::<Vec<_>>().join("\n");
    let config = chosen(&format!("{tools}\n{text}"), "s119");
    let said = warned(&config);
    assert!(said.contains(&"servers.s119.sandbox.required"), "{said:?}");
}

/// A server for each call is one in the sandbox, whoever asks for it.
#[test]
fn per_call_needs_the_sandbox() {
    let with = |text: &str, flags: Flags| {
        layered(text, &[], flags)
            .map_or_else(|problems| problems.to_string(), |config| format!("{:?}", config.sandbox.mode))
    };
    let (general, server) = (
        "[sandbox]\nmode = \"per_call\"\n",
        "[servers.a]\ncommand = [\"a\"]\nsandbox = { mode = \"per_call\", required = false }\n",
    );
    let name = || Some("a".to_owned());
    let (none, boxed) = (Flags::default(), Flags { sandbox: true, ..Flags::default() });
    let per_call = Flags { per_call: true, ..Flags::default() };
    let both = Flags { per_call: true, ..boxed.clone() };
    for (text, flags, place) in [
        (general, none.clone(), "airlock.toml:2:8: error: sandbox.mode: "),
        (general, Flags { server: None, ..per_call.clone() }, "airlock.toml:2:8: error: sandbox.mode: "),
        (server, none.clone(), "airlock.toml:3:1: error: servers.a.sandbox.mode: "),
        ("", per_call.clone(), "--per-call: error: sandbox.mode: "),
        (
            "[servers.a]\ncommand = [\"a\"]\n",
            Flags { server: name(), ..per_call.clone() },
            "--per-call: error: sandbox.mode: ",
        ),
        (
            "[sandbox]\nmode = \"per-call\"\n",
            boxed.clone(),
            "airlock.toml:2:8: error: sandbox.mode: expected `per_session` or `per_call`",
        ),
    ] {
        let said = with(text, flags);
        assert!(said.starts_with(place), "{text}: {said}");
    }
    for (text, flags, mode) in [
        (general, boxed.clone(), "PerCall"),
        (server, Flags { server: name(), ..boxed.clone() }, "PerCall"),
        ("", both.clone(), "PerCall"),
        ("[sandbox]\nrequired = true\n", per_call.clone(), "PerCall"),
        ("[sandbox]\nrequired = true\nmode = \"per_call\"\n", none.clone(), "PerCall"),
        ("[sandbox]\nrequired = true\nmode = \"per_session\"\n", both.clone(), "PerCall"),
        ("", boxed.clone(), "PerSession"),
    ] {
        assert_eq!(with(text, flags), mode, "{text}");
    }
    // The flag is stronger than what a server does without, and then there is nothing to warn of.
    let text = "[sandbox]\nrequired = true\n[servers.a]\ncommand = [\"a\"]\nsandbox.required = false\n";
    let config = layered(text, &[], Flags { server: name(), ..boxed }).unwrap();
    assert!(config.sandbox.required && config.warnings.is_empty(), "{:?}", config.warnings);
}

/// A limit for calls bounds nothing where they share a server, which is said.
#[test]
fn a_limit_for_calls_needs_calls_of_their_own() {
    let general = "[sandbox]\nrequired = true\nmax_call_seconds = 5\n";
    assert_eq!(warned(&read(general).unwrap()), ["sandbox.max_call_seconds"]);
    let flags = Flags { per_call: true, ..Flags::default() };
    let config = layered(general, &[], flags).unwrap();
    assert_eq!((config.sandbox.max_call_seconds, config.warnings.len()), (Some(5), 0));
    for (own, limit, warnings) in [
        ("", Some(5), &[][..]),
        ("max_call_seconds = 7", Some(7), &[]),
        ("mode = \"per_session\"", None, &["servers.a.sandbox.mode"]),
        (
            "mode = \"per_session\", max_call_seconds = 7",
            Some(7),
            &["servers.a.sandbox.max_call_seconds", "servers.a.sandbox.mode"],
        ),
    ] {
        let text = format!(
            "[sandbox]\nrequired = true\nmode = \"per_call\"\nmax_call_seconds = 5\n[servers.a]\ncommand = [\"a\"]\nsandbox = {{ {own} }}\n"
        );
        let config = chosen(&text, "a");
        assert_eq!(
            (config.sandbox.max_call_seconds, warned(&config).as_slice()),
            (limit, warnings),
            "{text}"
        );
    }
}

#[test]
fn servers_that_wait_are_counted_for_each_server() {
    assert_eq!(Config::default().sandbox.pool_size, 1);
    for (own, size) in [("", 3), ("pool_size = 0", 0), ("pool_size = 8", 8)] {
        let text = format!(
            "[sandbox]\nrequired = true\nmode = \"per_call\"\npool_size = 3\n[servers.a]\ncommand = [\"a\"]\nsandbox = {{ {own} }}\n"
        );
        assert_eq!((read(&text).unwrap().sandbox.pool_size, chosen(&text, "a").sandbox.pool_size), (3, size));
    }
}

#[test]
fn what_is_wrong_with_a_server_is_said_with_its_place() {
    for (text, problems) in [
        (
            "[servers.a]\ncomand = [\"x\"]\n",
            "airlock.toml:1:10: error: servers.a.command: the command is missing\n  \
               help: write the program and its arguments, such as [\"npx\", \"-y\", \"some-server\"]\n\
             airlock.toml:2:1: error: servers.a.comand: unknown key\n  help: did you mean `command`?",
        ),
        (
            "[servers.a]\ncommand = []\n",
            "airlock.toml:2:11: error: servers.a.command: the command is missing\n  \
               help: write the program and its arguments, such as [\"npx\", \"-y\", \"some-server\"]",
        ),
        (
            "[servers.a]\ncommand = \"npx -y x\"\n",
            "airlock.toml:2:11: error: servers.a.command: expected a list of strings, found a string\n  \
               help: write [\"npx -y x\"]",
        ),
        (
            "[servers.a]\ncommand = [\"x\"]\nsandbox.read_onyl = [\"/srv\"]\n",
            "airlock.toml:3:9: error: servers.a.sandbox.read_onyl: unknown key\n  help: did you mean `read_only`?",
        ),
        (
            "[servers.a]\ncommand = [\"x\"]\nsandbox = { read_only = [\"srv\"], max_files = 1, required = \"no\" }\n",
            "airlock.toml:3:26: error: servers.a.sandbox.read_only: `srv` is no absolute path without `.` and `..`\n\
             airlock.toml:3:46: error: servers.a.sandbox.max_files: expected a whole number from 16 to 10000000\n\
             airlock.toml:3:60: error: servers.a.sandbox.required: expected `true` or `false`, found a string\n  \
               help: write it without quotes",
        ),
        (
            "[servers.a]\ncommand = [\"x\"]\nsandbox.e2b_api_key = \"e2b_1\"\n",
            "airlock.toml:3:9: error: servers.a.sandbox.e2b_api_key: unknown key\n  \
               help: `e2b_api_key` belongs to `[sandbox]`",
        ),
        (
            "[servers.\"a b\"]\ncommand = [\"x\"]\n",
            "airlock.toml:1:10: error: servers.\"a b\": a server's name is 1 to 64 letters, digits, `_`, `-` and `.`",
        ),
        (
            "[servers]\ncommand = [\"x\"]\n",
            "airlock.toml:2:11: error: servers.command: expected a table, found a list\n  \
               help: `command` belongs to `[servers.NAME]`",
        ),
        ("[server.a]\n", "airlock.toml:1:2: error: server: unknown key\n  help: did you mean `servers`?"),
    ] {
        assert_eq!(rendered(text), problems, "{text}");
    }
}

#[test]
fn a_server_that_is_not_there_is_an_error_with_those_that_are() {
    for (text, name, problem) in [
        (
            TWO,
            "note",
            "--server: error: server: there is no server `note`\n  help: did you mean `notes`? there are `notes` and `plain`",
        ),
        (
            TWO,
            "zzzzzz",
            "--server: error: server: there is no server `zzzzzz`\n  help: there are `notes` and `plain`",
        ),
        (
            TWO,
            "NOTES",
            "--server: error: server: there is no server `NOTES`\n  help: did you mean `notes`? there are `notes` and `plain`",
        ),
        (
            "[servers.x]\ncommand = [\"x\"]\n",
            "",
            "--server: error: server: there is no server ``\n  help: the only one is `x`",
        ),
        (
            "",
            "x",
            "--server: error: server: there is no server `x`\n  help: there is no `[servers.NAME]` in the configuration",
        ),
    ] {
        assert_eq!(refused(text, name), problem);
    }
}
