//! Reading a program's output and keeping its time.

use std::{
    io::{self, Read, Write},
    sync::mpsc,
    thread,
    time::Instant,
};

use super::{
    control::Reports,
    host::{Running, failed},
    plan::Report,
};
use crate::{Confinement, End, Job, Outcome, SandboxError};

/// The kernel's way to end a process.
const SIGKILL: i32 = 9;

/// What the threads around one program have to say.
enum Event {
    /// A stream ended, or has all that it may have.
    Stream { which: usize, text: Vec<u8>, exceeded: bool },
    /// A report of the box, or its end.
    Report(io::Result<Option<Report>>),
}

/// Runs what was started to its end.
pub(super) fn run(
    mut running: Running,
    job: &Job,
    confinement: &Confinement,
    begin: Instant,
) -> Result<Outcome, SandboxError> {
    let limits = confinement.limits;
    let (events, incoming) = mpsc::channel();
    let reports = running.reports.take().ok_or(SandboxError::Lost)?;
    let (input, output, errors) = running.streams();
    thread::scope(|scope| {
        scope.spawn(|| {
            // A program need not read what it is given.
            if let Some(mut input) = input {
                drop(input.write_all(&job.input));
            }
        });
        let out = output.map(|stream| Box::new(stream) as Box<dyn Read + Send>);
        let err = errors.map(|stream| Box::new(stream) as Box<dyn Read + Send>);
        for (which, stream) in [out, err].into_iter().enumerate() {
            let events = events.clone();
            scope.spawn(move || read(which, stream, limits.output, &events));
        }
        scope.spawn(move || follow(reports, &events));
        let outcome = collect(&incoming, &mut running, limits.wall.map(|wall| begin + wall));
        // Whatever it was: the streams end with the box, and the threads with the streams.
        running.end();
        outcome
    })
}

fn read(which: usize, stream: Option<Box<dyn Read + Send>>, most: usize, events: &mpsc::Sender<Event>) {
    let mut text = Vec::new();
    let mut exceeded = false;
    if let Some(mut stream) = stream {
        // What was read before an error is what there is.
        let _ = stream.by_ref().take(most as u64).read_to_end(&mut text);
        exceeded = text.len() == most && matches!(stream.read(&mut [0]), Ok(1..));
    }
    // Nobody listens any more once the outcome is known.
    drop(events.send(Event::Stream { which, text, exceeded }));
}

fn follow(mut reports: Reports, events: &mpsc::Sender<Event>) {
    loop {
        let report = reports.next();
        let last = !matches!(report, Ok(Some(_)));
        if events.send(Event::Report(report)).is_err() || last {
            return;
        }
    }
}

fn collect(
    incoming: &mpsc::Receiver<Event>,
    running: &mut Running,
    deadline: Option<Instant>,
) -> Result<Outcome, SandboxError> {
    let mut texts = [None, None];
    let mut end = None;
    let mut gone = false;
    while texts.iter().any(Option::is_none) || !gone {
        let event = match deadline.filter(|_| end.is_none()) {
            Some(deadline) => incoming.recv_timeout(deadline.saturating_duration_since(Instant::now())),
            // Nothing of the box is left soon, and then every stream ends.
            None => incoming.recv().map_err(|_| mpsc::RecvTimeoutError::Disconnected),
        };
        match event {
            Ok(Event::Stream { which, text, exceeded }) => {
                if let Some(slot) = texts.get_mut(which) {
                    *slot = Some(text);
                }
                if exceeded && end.is_none() {
                    end = Some(End::OutputExceeded);
                    running.end();
                }
            }
            Ok(Event::Report(Ok(Some(Report::Exited(code))))) => {
                end.get_or_insert(End::Exited(code));
            }
            Ok(Event::Report(Ok(Some(Report::Signalled(signal))))) => {
                end.get_or_insert(End::Signalled(signal));
            }
            Ok(Event::Report(Ok(Some(Report::Failed { step, errno, detail })))) => {
                return Err(failed(step, errno, &detail));
            }
            Ok(Event::Report(Ok(Some(Report::Ready(_) | Report::TooWeak { .. })))) => {
                return Err(SandboxError::Lost);
            }
            Ok(Event::Report(Ok(None) | Err(_))) => gone = true,
            Err(mpsc::RecvTimeoutError::Timeout) => {
                end = Some(End::DeadlineExceeded);
                running.end();
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
        }
    }
    let [stdout, stderr] = texts.map(Option::unwrap_or_default);
    let end = match end {
        // The first process may have been killed with the others; then it told nothing.
        Some(End::Signalled(SIGKILL)) | None if running.ran_out_of_memory() => End::MemoryExceeded,
        other => other.ok_or(SandboxError::Lost)?,
    };
    Ok(Outcome { end, stdout, stderr, enforcement: running.enforcement().clone() })
}
