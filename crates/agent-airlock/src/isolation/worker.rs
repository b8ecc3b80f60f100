//! Inside: runs the one tool that was asked for, and says what became of it.

use std::{
    future::poll_fn,
    io::{self, Read, Write},
    process::ExitCode,
    sync::{Arc, mpsc},
};

use airlock_engine::Caller;

use super::{
    entry::Work,
    wire::{Answer, Request},
};
use crate::{
    Tool,
    current::{Guarded, entered},
    outcome::{Outcome, Returned},
    stream::TextStream,
};

/// It was not started by this crate.
const MISUSED: u8 = 64;

/// The worker's whole life. Returns the code to exit with: success only when it said what became of the tool.
pub(super) fn run(name: Option<&str>, tools: &[fn() -> Tool], drive: impl FnOnce(Work)) -> ExitCode {
    if !is_confined() {
        return ExitCode::from(MISUSED);
    }
    match serve(name, tools, drive) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Whether a sandbox holds this process: whoever starts the program with a worker's arguments by hand must not run a tool
/// around the four layers by mistake. No sandbox lets a program give more rights than it has, and each filters system
/// calls. A container may do both; who starts programs in it can do what they do without this one.
#[cfg(target_os = "linux")]
fn is_confined() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let says = |line: &str| status.lines().any(|own| own.split_whitespace().eq(line.split_whitespace()));
    says("NoNewPrivs: 1") && says("Seccomp: 2")
}

#[cfg(not(target_os = "linux"))]
fn is_confined() -> bool {
    false
}

fn serve(name: Option<&str>, tools: &[fn() -> Tool], drive: impl FnOnce(Work)) -> io::Result<()> {
    let mut channel = result_channel()?;
    hide()?;
    let mut request = String::new();
    io::stdin().lock().read_to_string(&mut request)?;
    let request: Request = serde_json::from_str(&request)?;
    let caller = request.caller().map(Arc::new).ok_or_else(|| io::Error::other("not a caller"))?;
    let mut known = tools.iter().map(|tool| tool());
    let tool = known.find(|tool| Some(tool.name()) == name);
    let tool = tool.ok_or_else(|| io::Error::other("no such tool"))?;

    let answer = match entered(&caller, || tool.start(&request.arguments, &caller)) {
        Err(_panicked) => Answer::Panicked,
        Ok(None) => Answer::Misfit,
        Ok(Some(running)) => {
            let (done, answer) = mpsc::channel();
            drive(Box::pin(async move {
                let outcome = Guarded { running, caller: Arc::clone(&caller) }.await;
                let answer = match outcome {
                    Ok(outcome) => of(outcome, &caller).await,
                    Err(_panicked) => Answer::Panicked,
                };
                // Nobody waits for it only where nobody drove this to its end.
                let _ = done.send(answer);
            }));
            answer.try_recv().map_err(|_| io::Error::other("the tool was not driven to its end"))?
        }
    };
    let line = answer.line().ok_or_else(|| io::Error::other("no answer"))?;
    channel.write_all(line.as_bytes())?;
    channel.flush()
}

/// Takes the way out for the result alone: what anybody prints from now on goes to standard error, and programs that the
/// tool starts do not have it.
#[cfg(target_os = "linux")]
fn result_channel() -> io::Result<impl Write> {
    use std::os::fd::AsFd as _;

    let channel = io::stdout().as_fd().try_clone_to_owned()?;
    rustix::stdio::dup2_stdout(io::stderr())?;
    Ok(std::fs::File::from(channel))
}

/// Keeps what this process has open from those that it starts: they are the same user, and would find the way out for the
/// result in `/proc`.
#[cfg(target_os = "linux")]
fn hide() -> io::Result<()> {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};

    Ok(set_dumpable_behavior(DumpableBehavior::NotDumpable)?)
}

#[cfg(not(target_os = "linux"))]
fn hide() -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(not(target_os = "linux"))]
fn result_channel() -> io::Result<impl Write> {
    Err::<io::Sink, _>(io::ErrorKind::Unsupported.into())
}

async fn of(outcome: Outcome, caller: &Arc<Caller>) -> Answer {
    match outcome.0 {
        Returned::Text(text) => Answer::Text(text),
        Returned::Json(json) => Answer::Json(json),
        Returned::Failed(text) => Answer::Failed(text),
        Returned::Stream(chunks) => collected(chunks, caller).await,
    }
}

/// A stream leaves the sandbox as a whole.
async fn collected(mut chunks: TextStream, caller: &Arc<Caller>) -> Answer {
    let mut text = String::new();
    loop {
        let next = poll_fn(|context| match entered(caller, || chunks.poll_chunk(context)) {
            Ok(polled) => polled.map(Ok),
            Err(panicked) => std::task::Poll::Ready(Err(panicked)),
        });
        match next.await {
            Ok(Some(Ok(chunk))) => text.push_str(&chunk),
            Ok(Some(Err(error))) => return Answer::Failed(text + &error),
            Ok(None) => return Answer::Text(text),
            Err(_panicked) => return Answer::Panicked,
        }
    }
}
