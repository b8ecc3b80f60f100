//! Tokens over several lines: a program that wrapped a text has cut them.

use std::ops::Range;

use crate::text::{Text, is_base64url};

/// The part of a token on its first line has at least so many bytes, and one on a further line.
const HEAD: usize = 8;
const TAIL: usize = 4;
/// Lines of base64 are at least this long; they are no tokens.
const BLOCK: usize = 60;
/// How many line ends a token may have inside.
const WRAPS: usize = 8;

/// The text around an anchor without the line ends inside a token.
pub(super) struct Joined {
    pub(super) text: String,
    pub(super) anchor: Range<usize>,
    /// Places in the joined text, and where they are in the original.
    pieces: [(usize, usize); WRAPS + 1],
    count: usize,
}

impl Joined {
    /// What stands around the anchor, if a line ends inside what may be its token.
    ///
    /// `plain` is the token as far as the first line goes. The first part must mix digits with letters, and
    /// the next line start with what may be the rest: no other token, no word, no number, and behind a
    /// whole token only letters and digits without order.
    pub(super) fn around(
        text: &Text<'_>,
        anchor: &Range<usize>,
        anchors: &[&str],
        plain: Option<&Range<usize>>,
    ) -> Option<Self> {
        let mut end = text.run(anchor.end, BLOCK, is_base64url);
        let mut next = line_after(text, end)?;
        let start = text.run_back(anchor.start, BLOCK, is_base64url);
        let head = text.slice(start, end);
        let whole = plain.is_some_and(|plain| plain.end == end);
        if !(HEAD..BLOCK).contains(&head.len())
            || !mixes(head)
            || whole && !is_random(text.slice(next, text.run(next, BLOCK, is_base64url)))
        {
            return None;
        }
        let mut joined = Self {
            text: text.str.get(start..end)?.to_owned(),
            anchor: anchor.start - start..anchor.end - start,
            pieces: [(0, start); WRAPS + 1],
            count: 1,
        };
        while joined.count <= WRAPS {
            let part_end = text.run(next, BLOCK, is_base64url);
            let part = text.str.get(next..part_end)?;
            let other = anchors.iter().any(|anchor| part.starts_with(anchor));
            if other || part.len() < TAIL || !part.bytes().any(|byte| byte.is_ascii_digit()) {
                break;
            }
            if let Some(piece) = joined.pieces.get_mut(joined.count) {
                *piece = (joined.text.len(), next);
            }
            joined.count += 1;
            joined.text.push_str(part);
            end = part_end;
            let Some(line) = line_after(text, end) else { break };
            next = line;
        }
        // What follows decides whether the token ends here.
        joined.text.extend(text.str.get(end..)?.chars().next());
        (joined.count > 1).then_some(joined)
    }

    /// The span in the original of one in the joined text.
    pub(super) fn raw(&self, span: Range<usize>) -> Range<usize> {
        let pieces = self.pieces.get(..self.count).unwrap_or_default();
        let place = |at: usize, inside: usize| {
            let piece = pieces.iter().rev().find(|(joined, _)| *joined <= inside);
            piece.map_or(at, |(joined, raw)| raw + (at - joined))
        };
        place(span.start, span.start)..place(span.end, span.end.saturating_sub(1))
    }
}

/// Where the next line starts, if a line ends at `at` and the next is not indented.
fn line_after(text: &Text<'_>, at: usize) -> Option<usize> {
    let line_end = at + usize::from(text.at(at) == b'\r');
    (text.at(line_end) == b'\n' && is_base64url(text.at(line_end + 1))).then_some(line_end + 1)
}

/// Digits and letters, of which not all could be digits of a hash.
fn mixes(part: &[u8]) -> bool {
    part.iter().any(u8::is_ascii_digit)
        && part.iter().any(u8::is_ascii_alphabetic)
        && part.iter().any(|byte| !byte.is_ascii_hexdigit())
}

fn is_random(part: &[u8]) -> bool {
    [u8::is_ascii_digit, u8::is_ascii_uppercase, u8::is_ascii_lowercase]
        .iter()
        .all(|class| part.iter().any(class))
}
