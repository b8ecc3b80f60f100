//! Runs attempts, each in a process of its own, and reads what they answer.

use std::{
    io::{self, Read as _, Write},
    os::fd::AsRawFd as _,
    thread,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use super::{ALL, Attempt, Control, Footing, Ground, Verdict, sys};

/// How long one attempt may take. What has not worked by then is held.
const TIME: Duration = Duration::from_secs(3);

/// How a process ends that may not try anything, for its number is that of one it would be after.
const MISTAKEN: i32 = 77;

/// The longest answer that is read.
const ANSWER: usize = 4_096;

/// What became of one attempt, as a line of JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// The name of the attempt.
    pub name: String,
    /// What became of it.
    pub verdict: Outcome,
    /// How that showed.
    pub detail: String,
}

/// A [`Verdict`] without its reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was refused, or ended with nothing done.
    Held,
    /// It worked.
    Open,
    /// This machine does not have what it is after.
    NotHere,
    /// It broke what isolates it, as a way out may begin. That is seen from outside: no attempt says so itself.
    Broke,
}

impl Answer {
    fn new(name: &str, verdict: Verdict) -> Self {
        let (verdict, detail) = match verdict {
            Verdict::Held(detail) => (Outcome::Held, detail),
            Verdict::Open(detail) => (Outcome::Open, detail),
            Verdict::NotHere(detail) => (Outcome::NotHere, detail),
        };
        Self { name: name.into(), verdict, detail }
    }
}

/// Tries what is named, or everything if nothing is, and writes one line of JSON for each attempt. `ground` is what
/// [`Prepared::ground`](super::Prepared::ground) gave, as JSON.
///
/// Must be called in a process that has one thread, started for this: attempts are forked off it.
pub fn run_child(names: &[String], ground: &str, output: &mut dyn Write) -> io::Result<()> {
    let ground: Ground = serde_json::from_str(ground)?;
    ground.check()?;
    let attempts = if names.is_empty() {
        ALL.iter().collect()
    } else {
        names.iter().map(|name| find(name)).collect::<io::Result<Vec<_>>>()?
    };
    for attempt in attempts {
        let verdict = match (attempt.control, ground.outside()) {
            (Control::None(reason), true) => Verdict::NotHere(reason.into()),
            (_, _) => try_one(attempt, &ground)?,
        };
        let line = serde_json::to_string(&Answer::new(attempt.name, verdict))?;
        writeln!(output, "{line}")?;
        output.flush()?;
    }
    Ok(())
}

fn find(name: &str) -> io::Result<&'static Attempt> {
    ALL.iter().find(|attempt| attempt.name == name).ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidInput, format!("no attempt has the name `{name}`"))
    })
}

/// Runs one attempt in a process of its own, so that a hang, a kill or a crash is a verdict and the rest goes on.
///
/// Must be called in a process that has one thread, as [`run_child`] must.
pub fn try_one(attempt: &Attempt, ground: &Ground) -> io::Result<Verdict> {
    let (mut read, mut write) = io::pipe()?;
    let child = fork_patiently(|| {
        // So that whatever it starts can be ended with it. It may be refused; then only the attempt itself is ended.
        let _ = sys::call!(SYS_setpgid, 0, 0);
        if ground.is_mistaken() {
            return MISTAKEN;
        }
        let answer = Answer::new(attempt.name, (attempt.run)(ground));
        let line = serde_json::to_vec(&answer).unwrap_or_default();
        i32::from(write.write_all(&line).and_then(|()| write.write_all(b"\n")).is_err())
    })?;
    drop(write);

    let deadline = Instant::now() + TIME;
    let mut line = Vec::new();
    let mut late = false;
    while !line.ends_with(b"\n") && line.len() < ANSWER {
        let left = deadline.saturating_duration_since(Instant::now());
        late = left.is_zero() || !sys::readable(read.as_raw_fd(), left);
        let mut part = [0; ANSWER];
        let read = if late { 0 } else { read.read(&mut part)? };
        line.extend(part.iter().take(read));
        if read == 0 {
            break;
        }
    }
    // An attempt that has answered ends by itself; its children do not.
    if late {
        let _ = sys::kill(child, libc::SIGKILL);
    }
    // As long as nobody has waited for it, its number is nobody else's.
    sys::await_end(child);
    let _ = sys::kill(-child, libc::SIGKILL);
    let status = sys::wait(child)?;
    if line.is_empty() && libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == MISTAKEN {
        // The next process has another number.
        return try_one(attempt, ground);
    }

    Ok(match serde_json::from_slice::<Answer>(&line) {
        Ok(Answer { verdict: Outcome::Held, detail, .. }) => Verdict::Held(detail),
        Ok(Answer { verdict: Outcome::Open | Outcome::Broke, detail, .. }) => Verdict::Open(detail),
        Ok(Answer { verdict: Outcome::NotHere, detail, .. }) => Verdict::NotHere(detail),
        Err(_) if late => Verdict::Held(format!("nothing within {} s", TIME.as_secs())),
        Err(_) if libc::WIFSIGNALED(status) => Verdict::Held(signal(libc::WTERMSIG(status))),
        // Nobody knows what it did.
        Err(_) => Verdict::Open("ended without an answer".into()),
    })
}

/// Forks, and waits for what earlier attempts started to be gone if there is no room for another process.
fn fork_patiently(mut work: impl FnMut() -> i32) -> io::Result<i32> {
    let mut forked = sys::fork(&mut work);
    for _ in 0..20 {
        if forked.as_ref().is_err_and(|error| error.raw_os_error() == Some(libc::EAGAIN)) {
            thread::sleep(Duration::from_millis(50));
            forked = sys::fork(&mut work);
        }
    }
    forked
}

fn signal(number: i32) -> String {
    let name = match number {
        libc::SIGSYS => " (SIGSYS)",
        libc::SIGKILL => " (SIGKILL)",
        libc::SIGSEGV => " (SIGSEGV)",
        libc::SIGXCPU => " (SIGXCPU)",
        libc::SIGXFSZ => " (SIGXFSZ)",
        _ => "",
    };
    format!("killed by signal {number}{name}")
}

/// Reads what [`run_child`] wrote. Every attempt that was to be tried gets an answer: what is missing, said twice or
/// unreadable is open, since nobody knows what it did.
pub fn read_answers(names: &[String], output: &[u8]) -> Vec<Answer> {
    let lines: Vec<Answer> =
        output.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect();
    let expected: Vec<&str> = if names.is_empty() {
        ALL.iter().map(|attempt| attempt.name).collect()
    } else {
        names.iter().map(String::as_str).collect()
    };
    let answer = |name: &str| {
        let mut found = lines.iter().filter(|answer| answer.name == name);
        match (found.next(), found.next()) {
            (Some(answer), None) => answer.clone(),
            (None, _) => Answer::new(name, Verdict::Open("no answer".into())),
            (Some(_), Some(_)) => Answer::new(name, Verdict::Open("more than one answer".into())),
        }
    };
    expected.into_iter().map(answer).collect()
}

/// What an answer from outside says about the attempt: whether it would work where nothing holds it. `None` if that
/// cannot be told here, for the reason that the attempt, or the footing, gives.
pub fn judge_control(attempt: &Attempt, footing: Footing, answer: &Answer) -> Option<bool> {
    let needed = match attempt.control {
        Control::None(_) => return None,
        Control::Outside => Footing::Plain,
        Control::OutsideAsRoot => Footing::Root,
        Control::OutsidePrivileged => Footing::Privileged,
    };
    match answer.verdict {
        Outcome::Open => Some(true),
        Outcome::Held if footing >= needed => Some(false),
        Outcome::Held | Outcome::NotHere | Outcome::Broke => None,
    }
}
