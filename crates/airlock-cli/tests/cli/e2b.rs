//! `airlock exec --backend e2b` that is told to end: the machine that it pays for ends first.
#![cfg(target_os = "linux")]

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    os::unix::process::ExitStatusExt as _,
    process::{Child, Command, Stdio},
    sync::{Arc, Condvar, Mutex},
    thread,
    time::Duration,
};

use crate::common::airlock;

/// As much of the service as one program needs that never ends.
struct Service {
    url: String,
    seen: Arc<(Mutex<Seen>, Condvar)>,
}

#[derive(Default)]
struct Seen {
    living: usize,
    started: usize,
    asked_to_end: usize,
}

/// What becomes of a request to end a machine.
#[derive(Clone, Copy)]
enum Ends {
    AtOnce,
    Never,
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

    fn exec(&self) -> Child {
        let home = tempfile::tempdir().unwrap();
        airlock(home.path())
            .args(["exec", "--backend", "e2b", "--", "sleep", "50"])
            .envs([("E2B_API_KEY", "e2b_0123"), ("E2B_API_URL", &self.url), ("E2B_SANDBOX_URL", &self.url)])
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }
}

fn serve(stream: &TcpStream, seen: &(Mutex<Seen>, Condvar), ends: Ends) {
    let (mut reader, mut writer) = (BufReader::new(stream), stream);
    let (mut first, mut length) = (String::new(), 0);
    reader.read_line(&mut first).unwrap();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        length = line.strip_prefix("content-length: ").map_or(length, |length| length.parse().unwrap());
    }
    reader.read_exact(&mut vec![0; length]).unwrap();
    let saw = |what: fn(&mut Seen)| {
        what(&mut seen.0.lock().unwrap());
        seen.1.notify_all();
    };
    let mut say = |head: &str, body: &[u8]| {
        let head = format!("HTTP/1.1 {head}\r\nconnection: close\r\n\r\n");
        writer.write_all(&[head.as_bytes(), body].concat()).unwrap();
    };
    if first.starts_with("DELETE ") {
        saw(|seen| seen.asked_to_end += 1);
        match ends {
            Ends::AtOnce => {
                saw(|seen| seen.living = 0);
                say("204 X", b"");
            }
            Ends::Never => drop(reader.read(&mut [0])),
        }
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
        let exec = service.exec();
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
    let exec = service.exec();
    service.when(|seen| seen.started == 1);
    signal(&exec, "-TERM");
    assert_eq!(service.when(|seen| seen.asked_to_end > 0), 1, "it is asked to, and does not");
    signal(&exec, "-INT");
    assert_eq!(exec.wait_with_output().unwrap().status.signal(), Some(2));
}
