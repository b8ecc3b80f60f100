//! A line on stderr for people who wait.

use std::io::Write as _;

use super::report::size;
use crate::render::Stream;

/// Nothing is said about less.
const STEP: u64 = 64 << 20;

/// Says how far a long scan is, if somebody is looking.
pub(crate) struct Progress<'e> {
    /// `None` when nobody is looking.
    err: Option<&'e mut Stream>,
    bytes: u64,
    shown: u64,
}

impl<'e> Progress<'e> {
    pub(crate) fn new(err: &'e mut Stream, is_watched: bool) -> Self {
        Self { err: is_watched.then_some(err), bytes: 0, shown: 0 }
    }

    /// So many more bytes were read.
    pub(crate) fn advance(&mut self, bytes: u64) {
        self.bytes += bytes;
        if self.bytes < self.shown + STEP {
            return;
        }
        self.shown = self.bytes;
        if let Some(err) = &mut self.err {
            // Progress is a courtesy; that stderr cannot be written is no reason to stop.
            let _ = write!(err, "\r{} scanned", size(self.bytes));
        }
    }

    /// Leaves the line empty for what comes next.
    pub(crate) fn clear(&mut self) {
        if let (Some(err), true) = (&mut self.err, self.shown > 0) {
            let _ = write!(err, "\r\u{1b}[K");
        }
        self.shown = self.bytes;
    }
}
