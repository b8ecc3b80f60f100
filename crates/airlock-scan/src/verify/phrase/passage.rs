//! Weak signs count only together.

use crate::{Confidence, Finding};

/// How far apart two signs of one passage start, at most.
const PASSAGE: usize = 512;

/// Drops the findings of low confidence in `out[from..]` that stand alone, and raises the others to medium.
///
/// A sign supports another if it was found by another rule, at other bytes, and starts within [`PASSAGE`].
pub(crate) fn settle(out: &mut Vec<Finding>, from: usize) {
    let Some(fresh) = out.get_mut(from..) else { return };
    if fresh.iter().all(|finding| finding.confidence != Confidence::Low) {
        return;
    }
    fresh.sort_unstable_by_key(|finding| (finding.span.start, finding.span.end, finding.rule));
    let supported: Vec<bool> = (0..fresh.len()).map(|index| is_supported(fresh, index)).collect();
    let mut index = 0;
    for (finding, supported) in fresh.iter_mut().zip(&supported) {
        if finding.confidence == Confidence::Low && *supported {
            finding.confidence = Confidence::Medium;
        }
    }
    out.retain(|finding| {
        index += 1;
        index <= from || finding.confidence != Confidence::Low
    });
}

fn is_supported(findings: &[Finding], index: usize) -> bool {
    let Some(one) = findings.get(index) else { return false };
    let near = |other: &&Finding| one.span.start.abs_diff(other.span.start) <= PASSAGE;
    let supports = |other: &Finding| {
        other.rule != one.rule && (other.span.start >= one.span.end || one.span.start >= other.span.end)
    };
    let later = findings.get(index + 1..).unwrap_or_default();
    let earlier = findings.get(..index).unwrap_or_default();
    later.iter().take_while(near).any(supports) || earlier.iter().rev().take_while(near).any(supports)
}
