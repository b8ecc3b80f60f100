//! What takes the place of a finding.

use airlock_engine::{
    Masker,
    config::{Config, Sanitization, Strategy},
};
use airlock_host::hash_key;
use airlock_scan::Finding;

use crate::{args::ScanStrategy, exit::Failure};

/// Makes masks that are never found again.
#[derive(Debug)]
pub(crate) struct Masks(Masker);

impl Masks {
    /// Masks as the configuration has them.
    pub(crate) fn configured(config: &Config) -> Result<Self, Failure> {
        Ok(Self(Masker::new(&config.sanitization, hash_key(config)?.bytes())))
    }

    /// Masks of one strategy for everything.
    pub(crate) fn of_strategy(strategy: ScanStrategy) -> Self {
        let strategy = match strategy {
            ScanStrategy::TypeOnly => Strategy::TypeOnly,
            ScanStrategy::Partial => Strategy::Partial,
            ScanStrategy::Full => Strategy::Full,
        };
        let all =
            Sanitization { pii_strategy: strategy, secret_strategy: strategy, ..Sanitization::default() };
        // None of these strategies hashes, so there is no key to keep.
        Self(Masker::new(&all, &[0; 32]))
    }

    /// The mask of a finding in `text`.
    pub(crate) fn of(&self, finding: &Finding, text: &str) -> String {
        self.0.mask(finding.kind, text.get(finding.span.clone()).unwrap_or_default())
    }

    /// Calls `write` with the parts of `text` in order: what stays, and masks. Spans are those of `text`.
    pub(crate) fn apply<E>(
        &self,
        text: &str,
        found: &[Finding],
        mut write: impl FnMut(Piece<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut written = 0;
        for finding in found {
            // Of overlapping findings the later ones are already hidden, at least in part.
            if finding.span.end <= written {
                continue;
            }
            if finding.span.start >= written {
                write(Piece::Kept(written..finding.span.start))?;
                write(Piece::Mask(&self.of(finding, text)))?;
            }
            written = finding.span.end;
        }
        write(Piece::Kept(written..text.len()))
    }
}

/// A part of a masked text.
pub(crate) enum Piece<'m> {
    Kept(std::ops::Range<usize>),
    Mask(&'m str),
}
