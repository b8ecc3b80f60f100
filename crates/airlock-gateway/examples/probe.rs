//! The stdio transport with a gate that does what the messages say. Tests and measurements drive it:
//!
//! ```text
//! probe [--max-line BYTES] [--grace MS] [--drain MS] [--plain] [--given] COMMAND…
//! ```
//!
//! Standard error tells how the session ended; the exit code is 0 unless it failed.

use std::{
    borrow::Cow,
    ffi::OsString,
    io::Write,
    mem,
    process::{Command, ExitCode, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use airlock_engine::Rejection;
use airlock_gateway::{Gate, Launcher, SessionEnd, SessionOptions, Started, become_child, run_stdio};
use airlock_mcp::{Id, Outcome, Pending, Report, skim::Skimmed};
use memchr::memmem::find;

fn main() -> ExitCode {
    let launcher = match become_child(std::env::args_os()) {
        Ok(launcher) => launcher,
        Err(code) => return code,
    };
    let (options, plain) = options(launcher);
    let say = |text: &str| drop(writeln!(std::io::stderr(), "probe: {text}"));
    let reports = move |report: Report| say(&report.text);
    let end = if plain {
        run_stdio(Arc::new(Plain), options, reports)
    } else {
        run_stdio(Arc::new(Obedient::default()), options, reports)
    };
    say(&format!("end: {end}"));
    if matches!(end, SessionEnd::Failed(_)) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn options(launcher: Launcher) -> (SessionOptions, bool) {
    let mut arguments = std::env::args_os().skip(1).peekable();
    let (mut max_line, mut grace, mut drain, mut plain, mut given) = (1_000_000, 2_000, 30_000, false, false);
    while let Some(name) = arguments.next_if(|argument| argument.to_string_lossy().starts_with("--")) {
        let mut number = || arguments.next().and_then(|text| text.to_str()?.parse().ok()).unwrap_or(0);
        match name.to_str() {
            Some("--max-line") => max_line = number(),
            Some("--grace") => grace = number(),
            Some("--drain") => drain = number(),
            Some("--given") => given = true,
            _ => plain = true,
        }
    }
    let milliseconds = |number: usize| Duration::from_millis(number.try_into().unwrap_or(u64::MAX));
    let command: Vec<OsString> = arguments.collect();
    let options =
        if given { SessionOptions::of(start(&command)) } else { SessionOptions::new(launcher, command) };
    let options = options
        .max_line(max_line)
        .grace(milliseconds(grace))
        .drain(milliseconds(drain))
        .withhold("PROBE_SECRET");
    (options, plain)
}

/// The server, started by us instead of by the session: in a process group of its own, which is killed.
#[expect(clippy::expect_used, reason = "the tests see it")]
fn start(command: &[OsString]) -> Started {
    let (program, arguments) = command.split_first().expect("a command");
    let mut server = Command::new(program);
    server.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut server, 0);
    let server = server.spawn().expect("the server starts");
    let group = server.id();
    Started::new(server, move || end_group(group))
}

#[cfg(unix)]
fn end_group(group: u32) {
    use rustix::process::{Pid, Signal, kill_process_group};
    if let Some(group) = i32::try_from(group).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(group, Signal::KILL);
    }
}

/// The session kills the process itself.
#[cfg(not(unix))]
fn end_group(_group: u32) {}

fn told(what: &str, id: &Id, rejection: &Rejection) -> Outcome<'static> {
    let text = format!("{what} {id:?}: {} {}", rejection.code(), rejection.message());
    Outcome { to_client: vec![text.into_bytes()], ..Outcome::stop() }
}

/// Passes everything on.
struct Plain;

impl Gate for Plain {
    async fn on_client<'m>(&self, line: &'m [u8]) -> Outcome<'m> {
        Outcome::pass(line)
    }

    async fn on_server<'m>(&self, line: &'m [u8]) -> Outcome<'m> {
        Outcome::pass(line)
    }

    async fn on_client_oversize(&self, _seen: Skimmed) -> Outcome<'static> {
        Outcome::stop()
    }

    async fn on_server_oversize(&self, _seen: Skimmed) -> Outcome<'static> {
        Outcome::stop()
    }

    fn on_call_not_run(&self, id: &Id, rejection: Rejection) -> Outcome<'static> {
        told("not run", id, &rejection)
    }

    fn on_call_lost(&self, id: &Id, rejection: Rejection) -> Outcome<'static> {
        told("lost", id, &rejection)
    }

    async fn on_server_closed(&self) -> Outcome<'static> {
        Outcome::stop()
    }

    async fn on_client_closed(&self) {}

    fn pending(&self) -> Pending {
        Pending::default()
    }
}

/// Passes everything on but lines with an instruction in them. From the client: `deny` is answered by the
/// gate, `hold` is kept until the server has said something, `panic` panics. From the server: `ask` is
/// answered by the gate, `slowly` lets held lines go after a while, `panic` panics. A client line counts as in flight until the server sent a line for it.
#[derive(Default)]
struct Obedient {
    held: Mutex<Vec<Vec<u8>>>,
    in_flight: AtomicUsize,
}

impl Gate for Obedient {
    async fn on_client<'m>(&self, line: &'m [u8]) -> Outcome<'m> {
        let says = |word: &str| find(line, word.as_bytes()).is_some();
        assert!(!says("panic"), "told to");
        if says("deny") {
            return Outcome { to_client: vec![b"denied".to_vec()], ..Outcome::stop() };
        }
        if says("hold") {
            self.held.lock().unwrap_or_else(PoisonError::into_inner).push(line.to_vec());
            return Outcome::stop();
        }
        self.in_flight.fetch_add(1, Ordering::SeqCst);
        Outcome::pass(line)
    }

    async fn on_server<'m>(&self, line: &'m [u8]) -> Outcome<'m> {
        let _ = self.in_flight.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |count| count.checked_sub(1));
        assert!(find(line, b"panic").is_none(), "told to");
        if find(line, b"ask").is_some() {
            let answer = String::from_utf8_lossy(line).replace("ask", "answer");
            return Outcome { to_server: vec![answer.into_bytes()], ..Outcome::stop() };
        }
        let held = mem::take(&mut *self.held.lock().unwrap_or_else(PoisonError::into_inner));
        if find(line, b"slowly").is_some() {
            // Long enough for the session to look while the held lines are neither held nor queued.
            std::thread::sleep(Duration::from_millis(100));
        }
        self.in_flight.fetch_add(held.len(), Ordering::SeqCst);
        Outcome { forward: Some(Cow::Borrowed(line)), to_server: held, ..Outcome::stop() }
    }

    async fn on_client_oversize(&self, seen: Skimmed) -> Outcome<'static> {
        let text = format!("oversize from client: {:?}", seen.id);
        Outcome { to_client: vec![text.into_bytes()], ..Outcome::stop() }
    }

    async fn on_server_oversize(&self, seen: Skimmed) -> Outcome<'static> {
        let text = format!("oversize from server: {:?}", seen.id);
        Outcome { to_client: vec![text.into_bytes()], ..Outcome::stop() }
    }

    fn on_call_not_run(&self, id: &Id, rejection: Rejection) -> Outcome<'static> {
        told("not run", id, &rejection)
    }

    fn on_call_lost(&self, id: &Id, rejection: Rejection) -> Outcome<'static> {
        told("lost", id, &rejection)
    }

    async fn on_server_closed(&self) -> Outcome<'static> {
        let failed = self.in_flight.load(Ordering::SeqCst);
        let to_client = (0..failed).map(|_| b"failed".to_vec()).collect();
        Outcome { to_client, reports: vec![Report::info("server closed")], ..Outcome::stop() }
    }

    async fn on_client_closed(&self) {
        drop(writeln!(std::io::stderr(), "probe: client closed"));
    }

    fn pending(&self) -> Pending {
        Pending {
            held: self.held.lock().unwrap_or_else(PoisonError::into_inner).len(),
            in_flight: self.in_flight.load(Ordering::SeqCst),
        }
    }
}
