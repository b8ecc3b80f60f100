//! Detectors of the user: what they say, and how they are compiled.
//!
//! A detector is a regular expression that is only ever tried around literals which every match contains, so
//! that a text without them costs one pass however many detectors there are. What is found depends on a
//! bounded number of bytes around a literal: a text may be scanned in pieces with the same result.

mod anchors;
mod compile;
mod search;
#[cfg(test)]
mod tests;
mod validator;

use std::{
    collections::BTreeSet,
    fmt,
    sync::{Mutex, PoisonError},
};

use aho_corasick::AhoCorasick;

use self::search::Detector;
pub use self::validator::Validator;
use crate::{Confidence, Kind, KindSet};

/// Most detectors in a set.
pub const MAX_DETECTORS: usize = 256;
/// Longest regular expression in bytes.
const MAX_REGEX: usize = 4096;
/// Greatest [`DetectorSpec::max_length`] in bytes.
pub const MAX_LENGTH: usize = 2048;
/// The [`DetectorSpec::max_length`] of who says nothing else, in bytes.
pub const DEFAULT_LENGTH: usize = 256;
/// Most anchors, keywords, examples and counterexamples of one detector, each.
const MAX_ITEMS: usize = 64;
/// Fewest and most bytes of an anchor.
const ANCHOR_BYTES: (usize, usize) = (3, 64);
/// Longest id, keyword (64) and example (4096) in bytes.
const MAX_NAME: usize = 64;
const MAX_EXAMPLE: usize = 4096;
/// Most different ids in the life of a process.
const MAX_IDS: usize = 4096;

/// A detector as the user writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DetectorSpec {
    /// The name in findings: 1 to 64 of `a-z A-Z 0-9 _ - .`, different from that of every other rule.
    pub id: String,
    /// What is found.
    pub kind: Kind,
    /// Linear-time syntax of the crate `regex`, at most 4096 bytes. `^` and `$` are ends of lines. A
    /// group named `secret` is what is reported, else the whole match. It begins at most 256 bytes behind
    /// the anchor.
    pub regex: String,
    /// Literals one of which every match contains within its first 384 bytes, in any ASCII case; 3 to 64
    /// bytes each. If there is none, they are derived from the expression.
    pub anchors: Vec<String>,
    /// Words one of which must stand within 64 bytes before or behind the match; none means no condition.
    pub keywords: Vec<String>,
    /// A further check of what is reported.
    pub validator: Option<Validator>,
    /// How sure a match is.
    pub confidence: Confidence,
    /// Texts in which the detector must find something, at most 4 KiB each.
    pub examples: Vec<String>,
    /// Texts in which it must find nothing.
    pub counterexamples: Vec<String>,
    /// Longest match in bytes, at most 2048; a longer one is found as far as its beginning matches.
    pub max_length: usize,
}

impl DetectorSpec {
    /// A detector with no condition but its expression.
    pub fn new(id: impl Into<String>, kind: Kind, regex: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            kind,
            regex: regex.into(),
            anchors: Vec::new(),
            keywords: Vec::new(),
            validator: None,
            confidence: Confidence::Medium,
            examples: Vec::new(),
            counterexamples: Vec::new(),
            max_length: DEFAULT_LENGTH,
        }
    }
}

/// What is wrong with a detector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DetectorError {
    /// Index of the specification.
    pub detector: usize,
    /// The field that is wrong, by its name in [`DetectorSpec`].
    pub field: &'static str,
    /// The item of the field, if it is a list and one of its items is wrong.
    pub item: Option<usize>,
    /// What is wrong.
    pub message: String,
    /// What to do instead.
    pub help: Option<String>,
}

impl fmt::Display for DetectorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "detector {}: {}: {}", self.detector, self.field, self.message)?;
        self.help.iter().try_for_each(|help| write!(f, "; {help}"))
    }
}

impl std::error::Error for DetectorError {}

/// Compiled detectors. Share it among scanners with an `Arc`.
pub struct DetectorSet {
    detectors: Vec<Detector>,
    anchors: AhoCorasick,
    /// The detectors of each anchor, by their indices.
    owners: Vec<Vec<usize>>,
}

impl DetectorSet {
    /// Compiles detectors and runs their examples. Costs about a millisecond for each.
    ///
    /// Ids stay in memory for the life of the process, each once, because a [`Finding`](crate::Finding) holds
    /// them; more than 4096 different ones are refused.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, in the order of the specifications.
    pub fn compile(specs: &[DetectorSpec]) -> Result<Self, Vec<DetectorError>> {
        compile::compile(specs)
    }

    /// How many detectors there are.
    pub fn len(&self) -> usize {
        self.detectors.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.detectors.is_empty()
    }

    /// The kinds that the detectors find.
    pub fn kinds(&self) -> KindSet {
        self.detectors.iter().map(|detector| detector.kind).collect()
    }
}

impl fmt::Debug for DetectorSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.detectors.iter().map(|detector| detector.id)).finish()
    }
}

/// The one copy of an id that lives as long as the process; `None` when there are too many.
fn intern(id: &str) -> Option<&'static str> {
    static IDS: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut ids = IDS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = ids.get(id) {
        return Some(known);
    }
    if ids.len() >= MAX_IDS {
        return None;
    }
    let id: &'static str = Box::leak(id.to_owned().into_boxed_str());
    ids.insert(id);
    Some(id)
}
