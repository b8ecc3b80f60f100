//! Runs the built binary, away from the settings of whoever runs the tests.

use std::{
    ffi::OsStr,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    path::Path,
    process::{Command, Output, Stdio},
};

/// The binary in a folder of its own, which is also its home.
pub(crate) fn airlock(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_airlock"));
    command.current_dir(home).env_clear().env("HOME", home);
    // What a process needs to find its libraries, and `run` to find commands.
    for name in ["PATH", "LD_LIBRARY_PATH", "SYSTEMROOT"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
}

/// Runs `airlock` with arguments in a fresh folder.
pub(crate) fn run<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(args: I) -> Ran {
    let home = tempfile::tempdir().unwrap();
    Ran::of(airlock(home.path()).args(args).stdin(Stdio::null()).output().unwrap())
}

/// Runs a command that gets `input` on stdin.
pub(crate) fn feed(command: &mut Command, input: &[u8]) -> Ran {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // Beside reading, or both sides could wait for each other.
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let ran = Ran::of(child.wait_with_output().unwrap());
    writer.join().unwrap();
    ran
}

/// Sends `input` like a client that stays until it sees `last` in a line of stdout.
pub(crate) fn converse(command: &mut Command, input: &str, last: &str) -> Ran {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut out = String::new();
    while stdout.read_line(&mut out).unwrap() > 0 {
        if out.lines().next_back().is_some_and(|line| line.contains(last)) {
            break;
        }
    }
    drop(stdin);
    stdout.read_to_string(&mut out).unwrap();
    Ran { out, ..Ran::of(child.wait_with_output().unwrap()) }
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// stdout as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}
