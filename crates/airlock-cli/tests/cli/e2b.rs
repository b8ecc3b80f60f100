//! `airlock exec --backend e2b`: the machine that it pays for ends first, or is named, and whose key is sent.
#![cfg(target_os = "linux")]

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    os::unix::{fs::PermissionsExt as _, process::ExitStatusExt as _},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Condvar, Mutex},
    thread,
    time::Duration,
};

use crate::common::airlock;

/// As much of the service as one program needs that never ends, or is called `true`.
struct Service {
    url: String,
    seen: Arc<(Mutex<Seen>, Condvar)>,
}

#[derive(Default)]
struct Seen {
    living: usize,
    started: usize,
    asked_to_end: usize,
    /// With which the service was asked.
    keys: Vec<String>,
}

/// What becomes of a request to end a machine.
#[derive(Clone, Copy)]
enum Ends {
    AtOnce,
    Never,
    Refused,
}

impl Service {
    fn start(ends: Ends) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen: Arc<(Mutex<Seen>, Condvar)> = Arc::default();
        let serving = Arc::clone(&seen);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (seen, stream) = (Arc::clone(&serving), stream.unwrap());
                thread::spawn(move || serve(&stream, &seen, ends));
            }
        });
        Self { url, seen }
    }

    /// Waits until it has seen something; how many machines live then.
    fn when(&self, what: impl Fn(&Seen) -> bool) -> usize {
        let (seen, changed) = &*self.seen;
        let long = Duration::from_secs(60);
        let (seen, waited) =
            changed.wait_timeout_while(seen.lock().unwrap(), long, |seen| !what(seen)).unwrap();
        assert!(!waited.timed_out());
        seen.living
    }

    fn command(&self, home: &Path, arguments: &[&str]) -> Command {
        let mut command = airlock(home);
        command.args(["exec", "--backend", "e2b"]).args(arguments);
        command.envs([("E2B_API_URL", &self.url), ("E2B_SANDBOX_URL", &self.url)]);
        command.stdin(Stdio::null()).stderr(Stdio::piped());
        command
    }

    fn exec(&self, arguments: &[&str]) -> Child {
        let home = tempfile::tempdir().unwrap();
        self.command(home.path(), arguments).env("E2B_API_KEY", "e2b_0123").spawn().unwrap()
    }
}

fn serve(stream: &TcpStream, seen: &(Mutex<Seen>, Condvar), ends: Ends) {
    let (mut reader, mut writer) = (BufReader::new(stream), stream);
    let (mut first, mut length) = (String::new(), 0);
    reader.read_line(&mut first).unwrap();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap() == 0 {
            // It was given up before it was asked for: two ask for the end of a machine, and the first is enough.
            return;
        }
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        length = line.strip_prefix("content-length: ").map_or(length, |length| length.parse().unwrap());
        if let Some(key) = line.strip_prefix("x-api-key: ") {
            seen.0.lock().unwrap().keys.push(key.to_owned());
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let saw = |what: fn(&mut Seen)| {
        what(&mut seen.0.lock().unwrap());
        seen.1.notify_all();
    };
    let mut say = |head: &str, body: &[u8]| {
        let head = format!("HTTP/1.1 {head}\r\nconnection: close\r\n\r\n");
        writer.write_all(&[head.as_bytes(), body].concat()).unwrap();
    };
    if first.starts_with("DELETE ") {
        // Seen as one, or who waits for the first would look at what was before the second.
        saw(match ends {
            Ends::AtOnce => |seen| (seen.asked_to_end, seen.living) = (seen.asked_to_end + 1, 0),
            Ends::Never | Ends::Refused => |seen| seen.asked_to_end += 1,
        });
        match ends {
            Ends::AtOnce => say("204 X", b""),
            Ends::Never => drop(reader.read(&mut [0])),
            Ends::Refused => say("500 X", b"not now"),
        }
    } else if first.contains("Process/Start") && body.windows(6).any(|part| part == b"\"true\"") {
        saw(|seen| seen.started += 1);
        let frames = [
            (0, r#"{"event":{"start":{"pid":1}}}"#),
            (0, r#"{"event":{"end":{"exited":true,"status":"exit status 0"}}}"#),
            (2, "{}"),
        ];
        let frame =
            |(flags, text): (u8, &str)| [&[flags, 0, 0, 0, text.len() as u8], text.as_bytes()].concat();
        say("200 X", &frames.map(frame).concat());
    } else if first.contains("Process/Start") {
        say("200 X", b"\0\0\0\0\x1d{\"event\":{\"start\":{\"pid\":1}}}");
        saw(|seen| seen.started += 1);
        // Until its machine ends, or nobody listens any more.
        let (seen, changed) = seen;
        let seen = seen.lock().unwrap();
        drop(changed.wait_timeout_while(seen, Duration::from_secs(60), |seen| seen.living > 0));
    } else {
        saw(|seen| seen.living += 1);
        say("201 X", br#"{"sandboxID":"i1","envdAccessToken":"token"}"#);
    }
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([name, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

#[test]
fn a_signal_ends_the_machine_and_then_the_command() {
    for (name, code) in [("-INT", 130), ("-TERM", 143), ("-HUP", 129)] {
        let service = Service::start(Ends::AtOnce);
        let exec = service.exec(&["--", "sleep", "50"]);
        assert_eq!(service.when(|seen| seen.started == 1), 1);
        signal(&exec, name);
        let output = exec.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{name}: {said}");
        assert!(said.contains("given up"), "{said}");
        assert_eq!(service.when(|seen| seen.asked_to_end > 0), 0, "a machine is left");
    }
}

#[test]
fn a_second_signal_waits_for_no_service() {
    let service = Service::start(Ends::Never);
    let exec = service.exec(&["--", "sleep", "50"]);
    service.when(|seen| seen.started == 1);
    signal(&exec, "-TERM");
    assert_eq!(service.when(|seen| seen.asked_to_end > 0), 1, "it is asked to, and does not");
    signal(&exec, "-INT");
    assert_eq!(exec.wait_with_output().unwrap().status.signal(), Some(2));
}

#[test]
fn a_machine_that_is_not_ended_is_named() {
    for (ends, asked, says) in
        [(Ends::AtOnce, 1, ""), (Ends::Refused, 8, "the machine `i1` could not be ended")]
    {
        let service = Service::start(ends);
        let output = service.exec(&["--", "true"]).wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        // The program did what it did.
        assert_eq!(output.status.code(), Some(0), "{said}");
        assert!(said.contains(says) && said.is_empty() == says.is_empty(), "{said}");
        assert_eq!(said.contains("may live for 1"), !says.is_empty(), "{said}");
        assert!(said.lines().count() <= 1, "once: {said}");
        // Three times more, and the same when it ends.
        service.when(|seen| seen.asked_to_end == asked);
    }
}

#[test]
fn the_key_of_the_configuration_is_used_where_there_is_no_other() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("airlock.toml");
    std::fs::write(&file, "[sandbox]\ne2b_api_key = \"e2b_kept\"\n").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let run = |key: Option<&str>, arguments: &[&str]| {
        let service = Service::start(Ends::AtOnce);
        let mut command = service.command(home.path(), arguments);
        command.envs(key.map(|key| ("E2B_API_KEY", key)));
        let output = command.spawn().unwrap().wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!said.contains("e2b_kept") && !said.contains("e2b_0123"), "{said}");
        let keys = service.seen.0.lock().unwrap().keys.clone();
        (output.status.code().unwrap(), keys, said)
    };
    let with_file = ["--config", "airlock.toml", "--", "true"];
    let (code, keys, said) = run(None, &with_file);
    assert!(code == 0 && keys.len() == 2 && keys.iter().all(|key| key == "e2b_kept"), "{keys:?} {said}");
    let (code, keys, said) = run(Some("e2b_0123"), &with_file);
    assert!(code == 0 && keys.len() == 2 && keys.iter().all(|key| key == "e2b_0123"), "{keys:?} {said}");
    let (code, keys, said) = run(None, &["--", "true"]);
    assert!(code == 125 && keys.is_empty() && said.contains("E2B_API_KEY"), "{keys:?} {said}");
    // The place where it is found by itself.
    let usual = home.path().join(".config/airlock");
    std::fs::create_dir_all(&usual).unwrap();
    std::fs::copy(&file, usual.join("airlock.toml")).unwrap();
    let (code, keys, said) = run(None, &["--", "true"]);
    assert!(code == 0 && keys.iter().all(|key| key == "e2b_kept"), "{keys:?} {said}");
    // And one that others can read is refused, as ever.
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(run(None, &with_file).0, 3);
}

#[test]
fn what_memory_there_is_the_template_says() {
    let service = Service::start(Ends::AtOnce);
    let output = service.exec(&["--memory", "512", "--", "true"]).wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(64) && said.contains("--memory"), "{said}");
    assert!(service.seen.0.lock().unwrap().keys.is_empty());
    let output = service.exec(&["--", "true"]).wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "the control");
}
