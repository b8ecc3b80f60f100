//! Stands directly in front of a server and records both directions, byte for byte, as they pass.
//!
//!     e2e-tee RECEIVED SENT -- COMMAND [ARG...]
//!
//! `RECEIVED` gets what the server was sent, `SENT` what it answered; each chunk is written and flushed before
//! it is passed on, so that a test which has seen an answer finds the request in the file.

use std::error::Error;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Write};
use std::process::{Command, ExitCode, Stdio};
use std::thread;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(received), Some(sent), Some(separator)) =
        (arguments.next(), arguments.next(), arguments.next())
    else {
        return Err("usage: e2e-tee RECEIVED SENT -- COMMAND [ARG...]".into());
    };
    if separator != "--" {
        return Err("expected `--` before the command".into());
    }
    let command: Vec<OsString> = arguments.collect();
    let (program, rest) = command.split_first().ok_or("no command given")?;
    let mut child = Command::new(program).args(rest).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let (Some(mut input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
        return Err("the child has no pipes".into());
    };
    let (received, sent) = (File::create(received)?, File::create(sent)?);
    // A server that closes its input early is its own business: what it was sent is on record.
    thread::spawn(move || record(io::stdin().lock(), received, &mut input));
    record(output, sent, &mut io::stdout().lock())?;
    Ok(child
        .wait()?
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .map_or(ExitCode::FAILURE, ExitCode::from))
}

/// Copies until the end of `from`; `to` is closed by the caller's drop, which passes the end on.
fn record(mut from: impl Read, mut log: File, to: &mut impl Write) -> io::Result<()> {
    let mut chunk = vec![0; 64 * 1024];
    loop {
        let count = from.read(&mut chunk)?;
        let Some(bytes) = chunk.get(..count).filter(|bytes| !bytes.is_empty()) else {
            return Ok(());
        };
        log.write_all(bytes)?;
        log.flush()?;
        to.write_all(bytes)?;
        to.flush()?;
    }
}
