//! United States social security numbers.

use crate::{
    Confidence, Kind,
    rule::Sink,
    verify::{
        context::word_before,
        digits::{Number, Separator},
    },
};

/// Reports `523-45-6781`, and nine digits in a row after a word that says what they are.
pub(crate) fn verify(number: &Number<'_>, sink: &mut Sink<'_>) -> bool {
    if !sink.wants(Kind::Ssn) {
        return false;
    }
    let found = if number.starts_with(&[3, 2, 4]) { grouped(number) } else { bare(number) };
    let Some((end, confidence)) = found else { return false };
    sink.report(Kind::Ssn, number.start()..end, confidence, "ssn");
    true
}

fn grouped(number: &Number<'_>) -> Option<(usize, Confidence)> {
    let end = number.end_of(3)?;
    if !is_assignable(number.value(0), number.value(1), number.value(2)) {
        return None;
    }
    match number.separator(3)? {
        Separator::Hyphen => Some((end, Confidence::High)),
        // Columns of figures look the same: neither a number before nor one behind.
        Separator::Space if number.follows == 0 && number.next_length(3) == 0 => {
            Some((end, Confidence::Medium))
        }
        Separator::Dot => Some((end, Confidence::Medium)),
        _ => None,
    }
}

fn bare(number: &Number<'_>) -> Option<(usize, Confidence)> {
    if !number.starts_with(&[9]) {
        return None;
    }
    let end = number.end_of(1)?;
    let value = number.value(0);
    let named = is_assignable(value / 1_000_000, value / 10_000 % 100, value % 10_000)
        && word_before(number.text, number.start(), 3, |word| {
            matches!(word, b"ssn" | b"ss" | b"social" | b"userssn")
        });
    named.then_some((end, Confidence::High))
}

/// Areas 000, 666 and 900 to 999, group 00 and serial 0000 are never assigned.
pub(crate) fn is_assignable(area: u32, group: u32, serial: u32) -> bool {
    area != 0 && area != 666 && area < 900 && group != 0 && serial != 0
}
