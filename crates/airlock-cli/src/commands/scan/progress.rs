//! A line on stderr for people who wait.

use std::{
    io::Write as _,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use super::tally::{Tally, size};
use crate::render::Stream;

/// How often the line changes.
pub(crate) const STEP: Duration = Duration::from_millis(100);

/// Nothing is said about what ends sooner.
const SHORT: Duration = Duration::from_millis(500);

/// What all threads have done so far.
#[derive(Debug, Default)]
pub(crate) struct Done {
    files: AtomicU64,
    bytes: AtomicU64,
    findings: AtomicU64,
}

impl Done {
    /// So many more bytes were read.
    pub(crate) fn read(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// An input was read to its end.
    pub(crate) fn input(&self, tally: &Tally) {
        self.files.fetch_add(1, Ordering::Relaxed);
        self.findings.fetch_add(tally.findings(), Ordering::Relaxed);
    }
}

/// Says how far a long scan is, if somebody is looking.
pub(crate) struct Progress {
    is_watched: bool,
    next: Instant,
    is_shown: bool,
}

impl Progress {
    pub(crate) fn new(is_watched: bool) -> Self {
        Self { is_watched, next: Instant::now() + SHORT, is_shown: false }
    }

    /// Says how far it is, if that is due.
    pub(crate) fn show(&mut self, err: &mut Stream, done: &Done) {
        let now = Instant::now();
        if !self.is_watched || now < self.next {
            return;
        }
        self.next = now + STEP;
        self.is_shown = true;
        let [files, bytes, findings] =
            [&done.files, &done.bytes, &done.findings].map(|count| count.load(Ordering::Relaxed));
        // Progress is a courtesy; that stderr cannot be written is no reason to stop.
        let _ = write!(err, "\r\u{1b}[K{files} files, {} scanned, {findings} findings", size(bytes));
    }

    /// Leaves the line empty for what comes next.
    pub(crate) fn clear(&mut self, err: &mut Stream) {
        if std::mem::take(&mut self.is_shown) {
            let _ = write!(err, "\r\u{1b}[K");
        }
    }
}
