//! The pattern language in which the forms of tokens are written, and its matching.
//!
//! A pattern describes a whole token from its first to its last character:
//!
//! | written | means |
//! |---|---|
//! | `^` | the rule's anchor, which the scan has found already; exactly once |
//! | `{hex}` `{hex:32}` `{hex:20..40}` | one, 32, or 20 to 40 characters of an alphabet, as many as there are |
//! | `{url=+:20}` | the same of an alphabet and further characters |
//! | `(live\|test)` | one of these texts |
//! | `[-{digit:3}]` | a part that may be missing; not nested |
//! | anything else | itself |
//!
//! So `^{url:22}.{url:43}` is the form of a key whose anchor is `SG.`, and `{alnum:14}^{url:60}` that of
//! a token whose anchor stands in its middle. The alphabets are those of [`pattern`].
//!
//! Patterns are read when the crate is compiled; a wrong one does not compile. Matching never goes back:
//! a run takes what it can get. What stands before the anchor is matched backwards from it. A token ends
//! where neither the alphabet of its last run nor a word goes on.

pub(crate) mod pattern;

use std::ops::Range;

use self::pattern::{Alphabet, Step};
use crate::text::{Text, is_word};

/// Runs that may be longer than this are not begun in the middle of another.
const LONG: usize = 128;

/// The compiled form of a token.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    steps: &'static [Step],
    /// How many of the steps stand before the anchor.
    anchor: usize,
    /// What must not stand directly before a token that begins with its anchor: the characters of its
    /// runs, if they are long. Else a text of nothing but anchors would be read once per anchor.
    never_before: Alphabet,
}

/// A token that was found.
pub(crate) struct Token {
    pub(crate) span: Range<usize>,
    /// Where the text ends that all tokens of the shape have behind the anchor.
    pub(crate) body: usize,
}

/// Compiles a pattern.
macro_rules! shape {
    ($pattern:expr) => {{
        const STEPS: [crate::shape::pattern::Step; crate::shape::pattern::count($pattern)] =
            crate::shape::pattern::parse($pattern);
        crate::shape::Shape::new(&STEPS)
    }};
}
pub(crate) use shape;

impl Shape {
    /// The shape with these steps, as [`pattern::parse`] gives them.
    pub(crate) const fn new(steps: &'static [Step]) -> Self {
        let (mut anchor, mut index, mut rest) = (0, 0, steps);
        let mut never_before = Alphabet::NONE;
        while let [step, tail @ ..] = rest {
            match step {
                Step::Anchor => anchor = index,
                Step::Run { alphabet, max, .. } if *max > LONG => never_before = never_before.and(*alphabet),
                _ => {}
            }
            index += 1;
            rest = tail;
        }
        Self { steps, anchor, never_before: never_before.without(b'=') }
    }

    /// Whether nothing stands before the anchor.
    pub(crate) fn begins_with_anchor(&self) -> bool {
        self.anchor == 0
    }

    /// How many characters of [`pattern::URL`] stand directly behind the anchor at least.
    pub(crate) fn run_behind_anchor(&self) -> usize {
        let (mut count, mut missing) = (0, 0);
        for step in self.steps.iter().skip(self.anchor + 1) {
            let in_url = |literal: &[u8]| literal.iter().all(|byte| pattern::URL.contains(*byte));
            let (least, whole) = match step {
                Step::Literal(literal) => {
                    let run = literal.iter().take_while(|byte| pattern::URL.contains(**byte)).count();
                    (run, run == literal.len())
                }
                Step::Run { alphabet, min, .. } if alphabet.is_within(pattern::URL) => (*min, true),
                Step::OneOf(texts) => {
                    let texts = || texts.split(|byte| *byte == b'|');
                    let all = texts().all(in_url);
                    (if all { texts().map(<[u8]>::len).min().unwrap_or(0) } else { 0 }, all)
                }
                Step::Optional(steps) => {
                    missing = steps + 1;
                    (0, true)
                }
                Step::Anchor | Step::Run { .. } => (0, false),
            };
            // What may be missing does not count, but it must not end the run either.
            count += if missing > 0 { 0 } else { least };
            missing = missing.saturating_sub(1);
            if !whole {
                break;
            }
        }
        count
    }

    /// The token of this shape around the anchor. What stands before it is for the caller.
    pub(crate) fn find(&self, text: &Text<'_>, anchor: &Range<usize>) -> Option<Token> {
        let (before, rest) = self.steps.split_at_checked(self.anchor)?;
        if before.is_empty() && self.never_before.contains(text.before(anchor.start, 1)) {
            return None;
        }
        let rest = rest.get(1..)?;
        let fixed = rest.iter().take_while(|step| step.is_fixed()).count();
        let (fixed, rest) = rest.split_at_checked(fixed)?;
        // Fewer candidates fail before their anchor than behind it.
        let (body, _) = forward(fixed, text, anchor.end)?;
        // Where it would end is one look, and reading so far is many.
        if let [Step::Run { alphabet, min, max }] = rest
            && min == max
            && !ends(text, body + max, *alphabet)
        {
            return None;
        }
        let (end, last) = forward(rest, text, body)?;
        let start = back(before, text, anchor.start)?;
        ends(text, end, last).then_some(Token { span: start..end, body })
    }
}

/// Whether a token may end at `end`, with a last run of this alphabet. Dots may end a sentence.
fn ends(text: &Text<'_>, end: usize, last: Alphabet) -> bool {
    let dots = if last.contains(b'.') { text.run(end, 3, |byte| byte == b'.') } else { end };
    let next = text.at(dots);
    !is_word(next) && !last.contains(next)
}

/// Matches the steps from `at` on; their end and the alphabet of the last run.
fn forward(steps: &[Step], text: &Text<'_>, mut at: usize) -> Option<(usize, Alphabet)> {
    let (mut last, mut rest) = (Alphabet::NONE, steps);
    while let [step, tail @ ..] = rest {
        rest = tail;
        match *step {
            Step::Anchor => {}
            Step::Literal(literal) => {
                (at, last) = (text.has(at, literal).then_some(at + literal.len())?, Alphabet::NONE);
            }
            Step::Run { alphabet, min, max } => {
                let keep = rest.iter().all(Step::may_be_empty).then_some(min);
                let end = run(text, at, alphabet, max, keep);
                if end - at < min {
                    return None;
                }
                if end > at {
                    (at, last) = (end, alphabet);
                }
            }
            Step::OneOf(texts) => {
                let mut texts = texts.split(|byte| *byte == b'|');
                (at, last) = (at + texts.find(|literal| text.has(at, literal))?.len(), Alphabet::NONE);
            }
            Step::Optional(count) => {
                let (part, tail) = rest.split_at_checked(count)?;
                if let Some(found) = forward(part, text, at) {
                    (at, last) = found;
                }
                rest = tail;
            }
        }
    }
    Some((at, last))
}

/// End of the run from `at`. The last run of a token gives dots at its end back, down to `keep`.
fn run(text: &Text<'_>, at: usize, alphabet: Alphabet, max: usize, keep: Option<usize>) -> usize {
    let mut end = text.run(at, max, |byte| alphabet.contains(byte));
    if let Some(min) = keep {
        while end > at + min && text.before(end, 1) == b'.' {
            end -= 1;
        }
    }
    end
}

/// Matches the steps backwards from `end`; their start.
fn back(steps: &[Step], text: &Text<'_>, mut end: usize) -> Option<usize> {
    for step in steps.iter().rev() {
        match *step {
            Step::Literal(literal) => {
                let start = end.checked_sub(literal.len())?;
                end = text.has(start, literal).then_some(start)?;
            }
            Step::Run { alphabet, min, max } => {
                let start = text.run_back(end, max, |byte| alphabet.contains(byte));
                end = (end - start >= min).then_some(start)?;
            }
            Step::OneOf(texts) => {
                let mut texts = texts.split(|byte| *byte == b'|');
                end = texts.find_map(|literal| {
                    let start = end.checked_sub(literal.len())?;
                    text.has(start, literal).then_some(start)
                })?;
            }
            Step::Anchor | Step::Optional(_) => {}
        }
    }
    Some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_whole_tokens_only() {
        let two = shape!("^{alnum:4}.{url=:2..4}");
        let middle = shape!("{hexlow:4}^{digit:1..2}");
        let option = shape!("^(live|test)[-{digit:3}]_{alnum:2..9}");
        let padded = shape!("^{b64.:3..4}{=:0..2}");
        let dots = shape!("^{url.:3..9}");
        let table: &[(Shape, &str, &str, Option<&str>)] = &[
            (two, "K-", "K-ab12.x-", Some("K-ab12.x-")),
            (two, "K-", "K-ab12.x=_y", Some("K-ab12.x=_y")),
            (two, "K-", "(K-ab12.xyzw)", Some("K-ab12.xyzw")),
            (two, "K-", "K-ab12.xyzwv", None),
            (two, "K-", "K-ab12.xyzw é", Some("K-ab12.xyzw")),
            (two, "K-", "K-ab12.x", None),
            (two, "K-", "K-ab123.xyz", None),
            (two, "K-", "K-", None),
            (middle, "-us", "deaf-us12", Some("deaf-us12")),
            (middle, "-us", "adeaf-us1", Some("deaf-us1")),
            (middle, "-us", "eaf-us1", None),
            (middle, "-us", "deaf-us123", None),
            (middle, "-us", "deaf-us1x", None),
            (option, "s_", "s_live-123_ab", Some("s_live-123_ab")),
            (option, "s_", "s_test_ab", Some("s_test_ab")),
            (option, "s_", "s_test-12_ab", None),
            (option, "s_", "s_prod_ab", None),
            (dots, "t.", "see t.abc.d.", Some("t.abc.d")),
            (dots, "t.", "t.abcdefghi.", Some("t.abcdefghi")),
            (dots, "t.", "t.abcdefghi.j", None),
            (padded, "P-", "P-abc==.", Some("P-abc==")),
            (padded, "P-", "P-abc+.", Some("P-abc+")),
            (padded, "P-", "P-abcd+", None),
            (padded, "P-", "P-abc===", None),
        ];
        for (shape, anchor, text, expected) in table {
            let at = text.find(anchor).expect(text);
            let found = shape.find(&Text::new(text), &(at..at + anchor.len()));
            assert_eq!(found.map(|token| &text[token.span]), *expected, "{text}");
        }
    }
}
