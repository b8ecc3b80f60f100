//! `airlock run --sandbox` before real servers: they work in the box, see what was named and nothing else, leave
//! nothing behind, and do not start where no box can be made. Linux.
#![cfg(target_os = "linux")]

use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use airlock_e2e::{
    Guarded, Outcome, Peer, Revision, Session, install, or_skip, peers, processes, script, session,
};
use rustix::process::Signal;
use serde_json::{Value, json};

const REVISION: Revision = Revision::V2025Nov;

/// Nothing is refused or masked: what is not read is not there.
const CONFIG: &str = "[airlock]\nsanitize_output = false\n[policy]\npreset = \"permissive\"\n";

/// How long the kernel may take to end a box.
const SOON: Duration = Duration::from_secs(2);

/// A folder that the server of the box may write to: when the tests run as root, it is not root that writes there.
fn open_folder(path: &Path) -> Outcome<String> {
    fs::create_dir_all(path)?;
    fs::set_permissions(path, Permissions::from_mode(0o777))?;
    Ok(path.to_str().ok_or("a folder whose name is no text")?.to_owned())
}

fn opened(guarded: &Guarded, folder: &Path) -> Outcome<Session> {
    let mut session = Session::start(&guarded.command, folder)?;
    session.play(&script::opening(REVISION, &json!({})))?;
    session.ask(&script::request(REVISION, "list", "tools/list", &json!({})))?;
    Ok(session)
}

/// What a tool answered: whether it says that it failed, and its text.
fn call(session: &mut Session, tool: &str, arguments: &Value) -> Outcome<(bool, String)> {
    let answer = session.ask_json(&script::call(REVISION, tool, tool, &arguments.to_string()))?;
    let failed = answer.pointer("/result/isError") == Some(&json!(true)) || answer.get("error").is_some();
    let text = answer.pointer("/result/content/0/text").and_then(Value::as_str).unwrap_or_default();
    Ok((failed, text.to_owned()))
}

/// Started with two allowed folders, of which the box has one.
#[test]
fn filesystem_server_sees_its_folder_alone() -> Outcome {
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    peers::fill(folder)?;
    let Some(mut server) = or_skip(Peer::Filesystem.command(folder))? else { return Ok(()) };
    let served = open_folder(&peers::served(folder))?;
    let other = open_folder(&folder.join("other"))?;
    let canary = format!("{other}/canary.txt");
    fs::write(&canary, "CANARY-4711")?;
    server.push(other.clone().into());

    for (boxed, flags) in [(false, &[][..]), (true, &["--sandbox", "--rw", &served])] {
        let guarded = Guarded::configured(CONFIG, flags, folder, &server)?;
        let mut session = opened(&guarded, folder)?;
        let (failed, text) =
            call(&mut session, "read_text_file", &json!({"path": format!("{served}/hello.txt")}))?;
        assert!(!failed && text.contains("Grüß Gott"), "boxed: {boxed}: {text}");
        let written = format!("{served}/written-{boxed}.txt");
        let (failed, text) =
            call(&mut session, "write_file", &json!({"path": written, "content": "from within"}))?;
        assert!(!failed, "boxed: {boxed}: {text}");
        assert_eq!(fs::read_to_string(&written)?, "from within");

        let (failed, text) = call(&mut session, "read_text_file", &json!({"path": canary}))?;
        assert_eq!((failed, text.contains("CANARY")), (boxed, !boxed), "boxed: {boxed}: {text}");
        let path = format!("{other}/new-{boxed}.txt");
        call(&mut session, "write_file", &json!({"path": path, "content": "x"}))?;
        assert_eq!(Path::new(&path).exists(), !boxed);

        let ended = session.end()?;
        assert_eq!(ended.status.and_then(|status| status.code()), Some(0), "{}", ended.stderr);
        assert_eq!(ended.stderr.contains("sandbox box (reads "), boxed, "{}", ended.stderr);
        let audit = fs::read_to_string(&guarded.audit)?;
        for tool in ["read_text_file", "write_file"] {
            assert!(audit.contains(&format!(r#""tool":"{tool}""#)), "no record of {tool}:\n{audit}");
        }
        fs::remove_file(&guarded.audit)?;
    }
    Ok(())
}

#[test]
fn python_server_works() -> Outcome {
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    let Some(server) = or_skip(Peer::Python.command(folder))? else { return Ok(()) };
    let guarded = Guarded::configured(CONFIG, &["--sandbox"], folder, &server)?;
    let mut session = opened(&guarded, folder)?;
    assert_eq!(call(&mut session, "add", &json!({"a": 4, "b": 3}))?, (false, "7".to_owned()));
    session.end()?;
    Ok(())
}

#[test]
fn a_tool_that_requires_a_sandbox_is_refused_without_one() -> Outcome {
    let config = format!("{CONFIG}[tools.add]\nsandbox_required = true\n");
    for boxed in [false, true] {
        let folder = tempfile::tempdir()?;
        let folder = folder.path();
        let Some(server) = or_skip(Peer::Python.command(folder))? else { return Ok(()) };
        let flags: &[&str] = if boxed { &["--sandbox"] } else { &[] };
        let guarded = Guarded::configured(&config, flags, folder, &server)?;
        let mut session = opened(&guarded, folder)?;
        let (refused, text) = call(&mut session, "add", &json!({"a": 4, "b": 3}))?;
        assert_eq!(refused, !boxed, "{text}");
        let expected = if boxed { "7" } else { "needs a sandbox" };
        assert!(text.contains(expected), "{text}");
        let ended = session.end()?;
        assert_eq!(ended.stderr.contains("tools.\"add\" asks for a sandbox"), !boxed, "{}", ended.stderr);
        let records = fs::read_to_string(&guarded.audit)?;
        let expected = if boxed { "\"sandbox\":\"box\"" } else { "\"reason\":\"sandbox_unavailable\"" };
        assert!(records.contains(expected), "{records}");
    }
    Ok(())
}

/// A server with this fault in the box, past its handshake; everything that runs of it.
fn faulty(fault: &str, folder: &Path) -> Outcome<(Session, Vec<processes::Process>)> {
    let server = [install::sibling("e2e-faulty-server")?, fault.into()];
    let flags = ["--sandbox", "--env", processes::MARKER];
    let guarded = Guarded::configured(CONFIG, &flags, folder, &server)?;
    let session = opened(&guarded, folder)?;
    assert!(processes::marked(session.marker()).len() >= 2, "the guard and the server should be running");
    let below = processes::below(session.pid());
    assert!(below.len() >= 3, "{below:?}: the helper, the first process and the server should be running");
    Ok((session, below))
}

#[test]
fn nothing_is_left_of_a_box() -> Outcome {
    let cases = [
        (None, &["none", "deaf", "stubborn", "child"][..]),
        (Some(Signal::TERM), &["none", "stubborn"]),
        (Some(Signal::KILL), &["none", "deaf", "stubborn", "child"]),
    ];
    for (signal, faults) in cases {
        for fault in faults {
            let folder = tempfile::tempdir()?;
            let (session, below) = faulty(fault, folder.path())?;
            let marker = session.marker().to_owned();
            let ended = match signal {
                None => session.end()?,
                Some(signal) => session.end_by(signal)?,
            };
            assert!(ended.status.is_some(), "{fault}, {signal:?}: the guard did not end: {}", ended.stderr);
            processes::expect_gone(&marker, SOON).map_err(|error| format!("{fault}, {signal:?}: {error}"))?;
            processes::expect_all_gone(&below, SOON)
                .map_err(|error| format!("{fault}, {signal:?}: {error}"))?;
        }
    }
    Ok(())
}

/// A server that leaves a mark, before a guard with these flags, started through `wrapper`. Whether it left it, and
/// what the guard said.
fn marks(wrapper: &[&str], flags: &[&str]) -> Outcome<(bool, Output)> {
    let folder = tempfile::tempdir()?;
    let place = open_folder(&folder.path().join("place"))?;
    let server: [OsString; 3] = ["sh".into(), "-c".into(), format!("echo ran >{place}/mark; cat").into()];
    let flags: Vec<_> = ["--sandbox", "--rw", &place].into_iter().chain(flags.iter().copied()).collect();
    let guarded = Guarded::configured(CONFIG, &flags, folder.path(), &server)?;
    let mut command: Vec<OsString> = wrapper.iter().map(OsString::from).collect();
    command.extend(guarded.command);
    let (program, arguments) = command.split_first().ok_or("no command")?;
    let output = session::isolated(program, folder.path())
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .output()?;
    Ok((Path::new(&place).join("mark").exists(), output))
}

/// Neither the option nor a path on the command line: all of it is configured.
#[test]
fn a_configured_sandbox_needs_no_option() -> Outcome {
    let folder = tempfile::tempdir()?;
    let place = open_folder(&folder.path().join("place"))?;
    let canary = folder.path().join("canary.txt");
    fs::write(&canary, "CANARY-4711")?;
    let script = format!("cat {} >{place}/seen 2>&1; echo ran >{place}/mark; cat", canary.display());
    let server: [OsString; 3] = ["sh".into(), "-c".into(), script.into()];
    let run_with = |flags: &[&str], section: &str| -> Outcome<(Option<String>, String)> {
        let config = format!("{CONFIG}{section}");
        let guarded = Guarded::configured(&config, flags, folder.path(), &server)?;
        let (program, arguments) = guarded.command.split_first().ok_or("no command")?;
        let output =
            session::isolated(program, folder.path()).args(arguments).stdin(Stdio::null()).output()?;
        let seen = fs::read_to_string(format!("{place}/seen")).ok();
        let _ = fs::remove_file(format!("{place}/seen"));
        fs::remove_file(&guarded.audit).ok();
        Ok((seen, String::from_utf8_lossy(&output.stderr).into_owned()))
    };
    let run = |section: &str| run_with(&[], section);
    let (seen, said) = run("")?;
    assert_eq!(seen.as_deref(), Some("CANARY-4711"), "the control: {said}");
    let (seen, said) = run(&format!("[sandbox]\nrequired = true\nwritable = [\"{place}\"]\n"))?;
    assert!(seen.as_ref().is_some_and(|seen| !seen.contains("CANARY")), "{seen:?}: {said}");
    assert!(said.contains("sandbox box (") && said.contains("writes "), "{said}");
    let machine = format!("[sandbox]\nrequired = true\nmin_level = \"machine\"\nwritable = [\"{place}\"]\n");
    // No option takes back what is required.
    for flags in [&[][..], &["--min-level", "box"], &["--sandbox", "--min-level", "lite"]] {
        let (seen, said) = run_with(flags, &machine)?;
        assert_eq!(seen, None, "it ran all the same: {said}");
        assert!(said.contains("the server was not started"), "{said}");
    }
    let open = format!("[sandbox]\nrequired = true\nwritable = [\"{place}\"]\n");
    let (seen, said) = run_with(&["--min-level", "lite"], &open)?;
    assert!(seen.is_some() && said.contains("sandbox box ("), "the control: {said}");
    Ok(())
}

/// Two servers of one file: each sees what its own table names, and nothing of the other's.
#[test]
fn servers_of_one_file_have_their_own_sandboxes() -> Outcome {
    let folder = tempfile::tempdir()?;
    let (first, second) =
        (open_folder(&folder.path().join("first"))?, open_folder(&folder.path().join("second"))?);
    let script = format!("for place in {first} {second}; do echo ran >$place/mark; done; cat");
    let server = |name: &str, own: &str| {
        format!(
            "[servers.{name}]\ncommand = [\"sh\", \"-c\", \"{script}\"]\n[servers.{name}.sandbox]\n{own}\n"
        )
    };
    let servers = [
        "[sandbox]\nrequired = true\n".to_owned(),
        server("first", &format!("writable = [\"{first}\"]")),
        server("second", &format!("writable = [\"{second}\"]")),
        server("strict", "min_level = \"machine\""),
        server("outside", "required = false"),
    ];
    let run = |name: &str| -> Outcome<(bool, bool, String)> {
        let config = format!("{CONFIG}{}", servers.concat());
        let guarded = Guarded::configured(&config, &["--server", name], folder.path(), &[])?;
        let without_command = guarded.command.len().saturating_sub(1);
        let (program, arguments) =
            guarded.command.split_at(without_command).0.split_first().ok_or("no command")?;
        let output =
            session::isolated(program, folder.path()).args(arguments).stdin(Stdio::null()).output()?;
        let mark = |place: &str| fs::remove_file(format!("{place}/mark")).is_ok();
        Ok((mark(&first), mark(&second), String::from_utf8_lossy(&output.stderr).into_owned()))
    };
    for (name, expected) in [("first", (true, false)), ("second", (false, true)), ("outside", (true, true))] {
        let (in_first, in_second, said) = run(name)?;
        assert_eq!((in_first, in_second), expected, "{name}: {said}");
        assert!(said.contains(&format!("guarding {name}, `sh ")), "{said}");
        assert_eq!(said.contains("sandbox box ("), name != "outside", "{said}");
        assert_eq!(said.contains("which `[sandbox]` requires"), name == "outside", "{said}");
    }
    let (in_first, in_second, said) = run("strict")?;
    assert!(!in_first && !in_second && said.contains("the server was not started"), "{said}");
    Ok(())
}

fn assert_refused((marked, output): &(bool, Output), says: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!marked, "it was started: {said}");
    assert!(!output.status.success(), "{:?}: {said}", output.status);
    assert!(said.contains(says), "unclear: {said}");
    assert!(said.contains("the server was not started"), "unclear: {said}");
    assert!(!said.contains("guarding"), "it claims to guard: {said}");
    assert!(output.stdout.is_empty());
}

#[test]
fn without_a_box_the_server_does_not_start() -> Outcome {
    let (marked, output) = marks(&[], &[])?;
    assert!(marked, "the control: {}", String::from_utf8_lossy(&output.stderr));
    assert_refused(&marks(&[], &["--ro", "/no/such/folder"])?, "--ro /no/such/folder: No such file");
    // Refused by the sandbox itself, not by who reads the command line.
    assert_refused(&marks(&[], &["--ro", "/proc"])?, "belongs to the box itself");
    Ok(())
}

/// In a user namespace of its own, whose limits are the test's to set.
#[test]
fn where_namespaces_are_denied_the_server_does_not_start() -> Outcome {
    let denying = |limit: &str| {
        let script = format!("{limit} exec \"$@\"");
        ["unshare", "--user", "--map-user=1000", "--map-group=1000", "--keep-caps", "sh", "-c", &script, "sh"]
            .map(str::to_owned)
            .to_vec()
    };
    let run_with = |wrapper: &[String], flags: &[&str]| {
        marks(&wrapper.iter().map(String::as_str).collect::<Vec<_>>(), flags)
    };
    let run = |wrapper: &[String]| run_with(wrapper, &[]);
    let (allowed, denied) = (denying(""), denying("echo 0 >/proc/sys/user/max_user_namespaces;"));
    let works = |command: &[String]| {
        let (program, arguments) = command.split_first()?;
        let tried = Command::new(program).args(arguments).arg("true").stderr(Stdio::null()).status();
        Some(tried.is_ok_and(|status| status.success()))
    };
    if works(&allowed) != Some(true) {
        install::skipped("unshare(1) makes no user namespace here");
        return Ok(());
    }
    let (marked, output) = run(&allowed)?;
    assert!(marked, "the control: {}", String::from_utf8_lossy(&output.stderr));
    assert_refused(&run(&denied)?, "cannot make a user namespace");
    // Somebody said that less is enough, and is told what it is.
    let (marked, output) = run_with(&denied, &["--min-level", "lite"])?;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(marked && said.contains("sandbox lite ("), "{said}");
    let (_, output) = run_with(&allowed, &["--min-level", "lite"])?;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("sandbox box ("), "the box is taken where it can be had: {said}");
    Ok(())
}
