//! What happened to an output: counts, never content.

use airlock_scan::Kind;

/// What layer 4 did to one output.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutputReport {
    /// How many findings of each kind were masked; kinds without findings are absent.
    pub masked: Vec<(Kind, u32)>,
    /// How many passages look like instructions to the model.
    pub injections: u32,
    /// How many characters were cut.
    pub cut_chars: usize,
    /// Whether something was shortened that does not say so itself: a JSON value has no room for a notice.
    /// Whoever sends the output on says it in its stead.
    pub cut_structure: bool,
    /// Whether the output is withheld because of what it tries to make the model do.
    pub blocked: bool,
}

impl OutputReport {
    /// Whether the output went through unchanged and unsuspected.
    pub fn is_clean(&self) -> bool {
        self.masked.is_empty()
            && self.injections == 0
            && self.cut_chars == 0
            && !self.cut_structure
            && !self.blocked
    }

    pub(crate) fn count(&mut self, kind: Kind) {
        match self.masked.iter_mut().find(|(own, _)| *own == kind) {
            Some((_, count)) => *count = count.saturating_add(1),
            None => self.masked.push((kind, 1)),
        }
    }
}
