//! One program, run to its end.

use std::ffi::OsString;

use crate::{Enforcement, Stop};

/// What is to be run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Job {
    /// The program, as a path inside the sandbox or a name on its `PATH`, and its arguments.
    pub command: Vec<OsString>,
    /// What it reads from its standard input.
    pub input: Vec<u8>,
    /// How it is given up before its end; never, by default.
    pub stop: Stop,
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// By itself, with this code.
    Exited(i32),
    /// By this signal.
    Signalled(i32),
    /// It was killed at the deadline.
    DeadlineExceeded,
    /// It was ended when it had used up its processor time.
    CpuExceeded,
    /// It was killed when its control group had no memory left.
    MemoryExceeded,
    /// It was killed when it had written more than it may.
    OutputExceeded,
}

/// What became of a program. All of it is untrusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// How it ended.
    pub end: End,
    /// What it wrote to standard output, up to the limit.
    pub stdout: Vec<u8>,
    /// What it wrote to standard error, up to the limit.
    pub stderr: Vec<u8>,
    /// What held it.
    pub enforcement: Enforcement,
}
