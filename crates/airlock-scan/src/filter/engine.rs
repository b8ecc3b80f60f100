//! The ways to look at a block, to be compared: for unit tests and fuzz targets only, everybody else gets the best.

use std::cell::Cell;

use super::{Scan, block};

thread_local! {
    static CHOSEN: Cell<Option<Scan>> = const { Cell::new(None) };
}

/// A way to look at a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// No vectors; the others are measured by it.
    Plain,
    /// Vectors of 256 bits.
    Avx2,
    /// Vectors of 512 bits.
    Avx512,
}

impl Engine {
    /// Those that this processor can run, the plain one first.
    pub fn all() -> impl Iterator<Item = Self> {
        [Self::Plain, Self::Avx2, Self::Avx512].into_iter().filter(|engine| engine.scan().is_some())
    }

    /// Does `work` with every scanner of this thread looking at text in this way; in the best way where the
    /// processor cannot run it.
    pub fn run<T>(self, work: impl FnOnce() -> T) -> T {
        struct Restore(Option<Scan>);
        impl Drop for Restore {
            fn drop(&mut self) {
                CHOSEN.set(self.0);
            }
        }
        let _restore = Restore(CHOSEN.replace(self.scan()));
        work()
    }

    pub(super) fn scan(self) -> Option<Scan> {
        match self {
            Self::Plain => Some(block::scan),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => super::avx2::detect(),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => super::avx512::detect(),
            #[cfg(not(target_arch = "x86_64"))]
            Self::Avx2 | Self::Avx512 => None,
        }
    }
}

/// What this thread is to use in place of the best.
pub(super) fn chosen() -> Option<Scan> {
    CHOSEN.get()
}
