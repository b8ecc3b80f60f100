//! What the scanner reports, and how overlapping reports become one.

use std::{
    cmp::{Ordering, Reverse},
    ops::Range,
};

use crate::{Kind, rule::GENERIC};

/// How sure a rule is of what it found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Confidence {
    /// The shape alone, which other data may share.
    Low,
    /// The shape and something beside it: separators, a range check, a name.
    Medium,
    /// A checksum, a vendor's prefix, or a name that leaves no doubt.
    High,
}

impl Confidence {
    /// The stable name: `low`, `medium` or `high`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// Something detected in a text. Never holds the text itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Finding {
    /// What it is.
    pub kind: Kind,
    /// Where it is: bytes of the scanned text, on character boundaries, never empty.
    pub span: Range<usize>,
    /// How sure the rule is.
    pub confidence: Confidence,
    /// The id of the rule that found it, see [`rules`](crate::rules()).
    pub rule: &'static str,
}

impl Finding {
    /// Names that stand beside a value say less about it than the value's own form.
    fn specificity(&self) -> u8 {
        if GENERIC.contains(&self.rule) { 0 } else { self.kind.specificity() + 1 }
    }

    /// Orders findings of one place: the longer, then the more specific, then by rule id.
    fn strength(&self) -> (usize, u8, Confidence, Reverse<&'static str>) {
        (self.span.len(), self.specificity(), self.confidence, Reverse(self.rule))
    }
}

/// Sorts `out[from..]` by position and leaves at most one finding per byte.
///
/// Of overlapping findings the longest, then most specific one keeps its kind. Its span grows over the
/// others, so that no byte of a finding is lost because another one lay across it.
pub(crate) fn resolve(out: &mut Vec<Finding>, from: usize) {
    let Some(fresh) = out.get_mut(from..) else { return };
    if fresh.len() < 2 {
        return;
    }
    sort(fresh, 1);
    let mut last = from;
    // The strength of a merged finding is that of the span its kind was found in, not of the union.
    let mut best = None;
    for index in from + 1..out.len() {
        let Some((head, [next, ..])) = out.split_at_mut_checked(index) else { break };
        let Some(kept) = head.get_mut(last) else { break };
        if next.span.start >= kept.span.end {
            last += 1;
            best = None;
            // Most findings stay where they are.
            if let Some(slot) = head.get_mut(last) {
                std::mem::swap(slot, next);
            }
            continue;
        }
        // Behind `%40` or `%2F` in a password, `@host` only looks like the end of an address.
        let host =
            kept.kind == Kind::ConnectionString && next.kind == Kind::Email && next.span.end > kept.span.end;
        if host && next.span.start > kept.span.start {
            continue;
        }
        let end = kept.span.end.max(next.span.end);
        let strength = best.unwrap_or_else(|| kept.strength());
        best = Some(strength.max(next.strength()));
        if next.strength() > strength {
            *kept = Finding { span: kept.span.clone(), ..next.clone() };
        }
        kept.span.end = end;
    }
    out.truncate(last + 1);
}

/// Puts those behind the first `sorted`, which are in order, in order with them as far as that is quickly done.
pub(crate) fn sort_last(found: &mut [Finding], sorted: usize) {
    insert(found, sorted.max(1));
}

/// Sorts by position, then by strength, the strongest first; the first `sorted` are in order.
fn sort(found: &mut [Finding], sorted: usize) {
    if !insert(found, sorted) {
        found.sort_unstable_by(before);
    }
}

fn before(one: &Finding, other: &Finding) -> Ordering {
    match one.span.start.cmp(&other.span.start) {
        Ordering::Equal => other.strength().cmp(&one.strength()),
        order => order,
    }
}

/// Moves each finding behind the first `sorted` to its place from behind: they come nearly in order. Gives up
/// where that takes long.
fn insert(found: &mut [Finding], sorted: usize) -> bool {
    const STEPS: usize = 8;
    let mut steps = (found.len() - sorted.min(found.len())) * STEPS;
    for sorted in sorted..found.len() {
        let mut at = sorted;
        while let Some([one, other]) = at.checked_sub(1).and_then(|from| found.get_mut(from..=at))
            && before(one, other) == Ordering::Greater
        {
            std::mem::swap(one, other);
            at -= 1;
            steps -= 1;
            if steps == 0 {
                return false;
            }
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(kind: Kind, span: Range<usize>) -> Finding {
        Finding { kind, span, confidence: Confidence::High, rule: kind.name() }
    }

    type Place = (Kind, Range<usize>);

    fn resolved(input: &[Place]) -> Vec<Place> {
        let mut out: Vec<_> = input.iter().map(|(kind, span)| finding(*kind, span.clone())).collect();
        resolve(&mut out, 0);
        out.into_iter().map(|finding| (finding.kind, finding.span)).collect()
    }

    #[test]
    fn longest_then_most_specific_wins() {
        use Kind::{CreditCard, Email, Jwt, Password, Phone};
        let table: &[(&[Place], &[Place])] = &[
            (&[(Phone, 4..12), (CreditCard, 0..19)], &[(CreditCard, 0..19)]),
            (&[(Password, 0..9), (Jwt, 0..9)], &[(Jwt, 0..9)]),
            (&[(Phone, 0..12), (Email, 0..28)], &[(Email, 0..28)]),
            (&[(Phone, 0..12), (Email, 8..28)], &[(Email, 0..28)]),
            (&[(Phone, 10..20), (Phone, 0..10)], &[(Phone, 0..10), (Phone, 10..20)]),
            (
                &[(Phone, 0..4), (Email, 2..8), (Phone, 7..10), (Jwt, 10..12)],
                &[(Email, 0..10), (Jwt, 10..12)],
            ),
        ];
        for (input, expected) in table {
            assert_eq!(resolved(input), *expected, "{input:?}");
            let reversed: Vec<_> = input.iter().rev().cloned().collect();
            assert_eq!(resolved(&reversed), *expected, "reversed {input:?}");
        }
    }

    #[test]
    fn any_order_is_sorted() {
        let count = 300;
        let sorted: Vec<_> = (0..count).map(|at| finding(Kind::Phone, at * 10..at * 10 + 5)).collect();
        for step in [1, 7, 149, 299] {
            let mut shuffled: Vec<_> = (0..count).map(|at| sorted[(at * step + 3) % count].clone()).collect();
            sort(&mut shuffled, 1);
            assert!(shuffled == sorted, "step {step}");
        }
    }

    #[test]
    fn earlier_findings_stay_untouched() {
        let mut out = vec![finding(Kind::Email, 0..9), finding(Kind::Email, 3..7)];
        out.extend([finding(Kind::Phone, 0..5), finding(Kind::Email, 2..9)]);
        resolve(&mut out, 2);
        let spans: Vec<_> = out.iter().map(|finding| finding.span.clone()).collect();
        assert_eq!(spans, [0..9, 3..7, 0..9]);
    }
}
