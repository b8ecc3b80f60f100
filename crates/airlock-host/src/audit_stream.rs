//! Audit records on a standard stream.

use std::{
    io,
    sync::{Mutex, PoisonError},
};

use airlock_engine::ports::{AuditError, AuditSink};

use crate::stream::{Stream, write_line};

/// Audit records on standard error, between the server's own messages.
#[derive(Debug)]
pub struct AuditStderr(Records);

/// Audit records on standard output. Not for stdio sessions, where standard output is the protocol.
#[derive(Debug)]
pub struct AuditStdout(Records);

impl AuditStderr {
    /// Takes hold of standard error.
    pub fn new() -> io::Result<Self> {
        Ok(Self(Records::new(Stream::stderr()?)))
    }
}

impl AuditStdout {
    /// Takes hold of standard output.
    pub fn new() -> io::Result<Self> {
        Ok(Self(Records::new(Stream::stdout()?)))
    }
}

impl AuditSink for AuditStderr {
    fn ready(&self) -> Result<(), AuditError> {
        self.0.ready()
    }

    fn write(&self, record: &str) -> Result<(), AuditError> {
        self.0.write(record)
    }
}

impl AuditSink for AuditStdout {
    fn ready(&self) -> Result<(), AuditError> {
        self.0.ready()
    }

    fn write(&self, record: &str) -> Result<(), AuditError> {
        self.0.write(record)
    }
}

/// One write per record. A stream that failed once stays failed: whoever read it is gone.
#[derive(Debug)]
struct Records(Mutex<State>);

#[derive(Debug)]
struct State {
    stream: Stream,
    failed: Option<AuditError>,
}

impl Records {
    fn new(stream: Stream) -> Self {
        Self(Mutex::new(State { stream, failed: None }))
    }

    fn ready(&self) -> Result<(), AuditError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).failed.clone().map_or(Ok(()), Err)
    }

    fn write(&self, record: &str) -> Result<(), AuditError> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(error) = &state.failed {
            return Err(error.clone());
        }
        write_line(&mut state.stream, record.as_bytes()).map_err(|error| {
            let error = AuditError(error.to_string());
            state.failed = Some(error.clone());
            error
        })
    }
}
