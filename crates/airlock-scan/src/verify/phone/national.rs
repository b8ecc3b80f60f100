//! Numbers as people write them at home.

use super::Candidate;
use crate::verify::digits::Separator::{Dot, Hyphen, Paren, Slash, Space};

/// `(415) 555-0132`, `(11) 91234-5678`, `(020) 7946 0958`, `(0)20 7946 0958`
pub(super) fn in_parentheses(candidate: &Candidate<'_>) -> Option<usize> {
    if candidate.separator(1)? != Paren {
        return None;
    }
    let whole = match candidate.lengths {
        [3, 3, 4, ..] | [2, 4 | 5, 4, ..] => Some(3),
        [3, 7, ..] | [2, 8, ..] => Some(2),
        [3, 3, 2, 2, ..] if candidate.first() != b'0' => Some(4),
        _ => None,
    };
    if let Some(count) = whole {
        return candidate.end(count);
    }
    let count = candidate.groups.len().min(5);
    let fits = candidate.first() == b'0'
        && (9..=13).contains(&candidate.total_of(count))
        && (1..=5).contains(&candidate.groups.first()?.len())
        && candidate.groups.iter().take(count).skip(1).all(|group| (2..=8).contains(&group.len()));
    if fits { candidate.end(count) } else { None }
}

/// Without a sign before the first digit.
pub(super) fn plain(candidate: &Candidate<'_>) -> Option<usize> {
    match (candidate.first(), candidate.lengths) {
        (_, [3, 3, 4, ..]) if candidate.first() != b'0' => north_american(candidate, 0),
        (b'0', _) => with_trunk_zero(candidate),
        // `1 (123) 456-7890`, `8 (495) 123-4567`
        (b'1' | b'7' | b'8', [1, 3, 3, 4, ..])
            if candidate.separator(1) == Some(Paren) && candidate.separator(3) == Some(Hyphen) =>
        {
            candidate.end(4)
        }
        (b'1', [1, 3, 3, 4, ..]) => north_american(candidate, 1),
        // `8 (495) 123-45-67`, `8-800-555-35-35`
        (b'7' | b'8', [1, 3, 3, 2, 2, ..]) if matches!(candidate.separator(1)?, Paren | Hyphen) => {
            candidate.end(5)
        }
        // `1300 123 456`, `1800 123 456`
        (b'1', [4, 3, 3, ..])
            if matches!(candidate.number.value(0), 1300 | 1800)
                && candidate.separator(1)? == Space
                && candidate.separator(2)? == Space
                && candidate.stands_alone(3) =>
        {
            candidate.end(3)
        }
        // `138 1234 5678`
        (b'1', [3, 4, 4, ..])
            if candidate.number.value(0) >= 130
                && matches!(candidate.number.separator(3)?, Space | Hyphen)
                && candidate.stands_alone(3) =>
        {
            candidate.end(3)
        }
        // `11 91234-5678`, `11 3123-4567`
        (_, [2, 4 | 5, 4, ..])
            if candidate.separator(1)? == Space
                && candidate.separator(2)? == Hyphen
                && candidate.digit(2) >= 2
                && candidate.stands_alone(3) =>
        {
            candidate.end(3)
        }
        // `98765 43210`, where nothing else stands in the cell, the line or the string
        (b'6'..=b'9', [5, 5, ..])
            if matches!(candidate.separator(1)?, Space | Hyphen) && is_cell(candidate, 2) =>
        {
            candidate.end(2)
        }
        _ => None,
    }
}

/// `415-555-0132`, `415.555.0132`, `415 555-0132`, `1-415-555-0132`, `1 (415) 555-0132`
fn north_american(candidate: &Candidate<'_>, skip: usize) -> Option<usize> {
    let count = skip + 3;
    let (middle, last) = (candidate.separator(skip + 1)?, candidate.separator(skip + 2)?);
    let apart = match (middle, last) {
        (Space, Space) => candidate.stands_alone(count),
        (Hyphen | Dot, _) => middle == last,
        (Space | Slash | Paren, Hyphen) | (Paren, Space | Dot) => true,
        _ => false,
    };
    let (area, exchange) = (candidate.number.value(skip), candidate.number.value(skip + 1));
    let assignable = (200..1000).contains(&area) && (200..1000).contains(&exchange);
    // The number that samples are written with.
    let sample = area == 123 && exchange == 456 && last == Hyphen;
    let fits = apart && (assignable || sample || candidate.has_extension(count));
    if fits { candidate.end(count) } else { None }
}

/// `020 7946 0958`, `0151 23456789`, `01 23 45 67 89`, `03-1234-5678`, `0664 123 45 67`
fn with_trunk_zero(candidate: &Candidate<'_>) -> Option<usize> {
    if candidate.number.text.at(candidate.number.start() + 1).wrapping_sub(b'1') > 8
        || candidate.number.follows != 0
    {
        return None;
    }
    let separator = candidate.separator(1)?;
    if matches!(candidate.lengths, [2, 2, 2, 2, 2, ..]) {
        let sequence = candidate.number.next_length(5) != 0 || followed_by_hex(candidate);
        let same = candidate.number.separator(5)?;
        return if sequence || same == Slash { None } else { candidate.end(5) };
    }
    let count = candidate.groups.len();
    let total = candidate.total;
    let lengths = (2..=5).contains(&candidate.groups.first()?.len())
        && candidate.groups.iter().skip(1).all(|group| (2..=8).contains(&group.len()));
    let alike = candidate.groups.iter().skip(2).all(|group| {
        group.separator == separator
            || matches!(separator, Paren | Slash)
            || separator != Dot && group.separator != Dot
    });
    let shape = match (separator, candidate.lengths) {
        (Dot, [2..=4, 3 | 4, 3 | 4, 0, ..]) => total >= 10,
        // ZIP+4, and an employer's number in the United States
        (Dot, _) | (Hyphen, [5, 4, ..] | [2, 7, ..]) => false,
        (Hyphen | Space, [_, _, 0, ..]) => total >= 9,
        _ => true,
    };
    if lengths && alike && shape && count <= 5 && (9..=12).contains(&total) {
        candidate.end(count)
    } else {
        None
    }
}

/// A dump of bytes goes on with another pair.
fn followed_by_hex(candidate: &Candidate<'_>) -> bool {
    let Some(last) = candidate.groups.get(4) else { return false };
    let at = |offset: usize| candidate.text().at(candidate.number.place_of_end(*last) + offset);
    at(0) == b' ' && at(1).is_ascii_hexdigit() && at(2).is_ascii_hexdigit() && !at(3).is_ascii_alphanumeric()
}

/// Whether the first groups are all that a cell of a table, a line or a string holds.
fn is_cell(candidate: &Candidate<'_>, count: usize) -> bool {
    let Some(last) = count.checked_sub(1).and_then(|last| candidate.groups.get(last)) else { return false };
    let border = |byte: u8| {
        matches!(byte, 0 | b'\n' | b'\r' | b'\t' | b'"' | b'\'' | b',' | b';' | b'|' | b'<' | b'>')
    };
    let (start, end) = (candidate.number.start(), candidate.number.place_of_end(*last));
    candidate.groups.len() == count
        && border(candidate.text().before(start, 1))
        && border(candidate.text().at(end))
}
