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
//! a token whose anchor stands in its middle. The alphabets are those of [`alphabet`].
//!
//! Patterns are read when the crate is compiled; a wrong one does not compile. Matching never goes back:
//! a run takes what it can get. What stands before the anchor is matched backwards from it. A token ends
//! where neither the alphabet of its last run nor a word goes on.

use std::ops::Range;

use crate::text::{Text, is_word};

/// At most so many bytes of a token stand behind its anchor, and so many before it.
const REACH: usize = 2048;
const REACH_BACK: usize = 256;

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

/// One element of a pattern.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Step {
    Anchor,
    Literal(&'static [u8]),
    Run {
        alphabet: Alphabet,
        min: usize,
        max: usize,
    },
    /// Texts with `|` between them.
    OneOf(&'static [u8]),
    /// So many of the next steps may be missing together.
    Optional(usize),
}

/// A set of ASCII characters.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Alphabet(u128);

impl Step {
    fn may_be_empty(&self) -> bool {
        matches!(self, Self::Run { min: 0, .. })
    }
}

/// Compiles a pattern.
macro_rules! shape {
    ($pattern:expr) => {{
        const STEPS: [crate::shape::Step; crate::shape::count($pattern)] = crate::shape::parse($pattern);
        crate::shape::Shape::new(&STEPS)
    }};
}
pub(crate) use shape;

impl Shape {
    /// The shape with these steps, as [`parse`] gives them.
    pub(crate) const fn new(steps: &'static [Step]) -> Self {
        let (mut anchor, mut index, mut rest) = (0, 0, steps);
        let mut never_before = Alphabet(0);
        while let [step, tail @ ..] = rest {
            match step {
                Step::Anchor => anchor = index,
                Step::Run { alphabet, max, .. } if *max > LONG => never_before.0 |= alphabet.0,
                _ => {}
            }
            index += 1;
            rest = tail;
        }
        never_before.0 &= !(1 << b'=');
        Self { steps, anchor, never_before }
    }

    /// Whether nothing stands before the anchor.
    pub(crate) fn begins_with_anchor(&self) -> bool {
        self.anchor == 0
    }

    /// Where the token of this shape around the anchor stands. What stands before it is for the caller.
    pub(crate) fn find(&self, text: &Text<'_>, anchor: &Range<usize>) -> Option<Range<usize>> {
        let (before, rest) = self.steps.split_at_checked(self.anchor)?;
        if before.is_empty() && self.never_before.contains(text.before(anchor.start, 1)) {
            return None;
        }
        // Fewer candidates fail before their anchor than behind it.
        let (end, last) = forward(rest.get(1..)?, text, anchor.end)?;
        let start = back(before, text, anchor.start)?;
        ends(text, end, last).then_some(start..end)
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
    let (mut last, mut rest) = (Alphabet(0), steps);
    while let [step, tail @ ..] = rest {
        rest = tail;
        match *step {
            Step::Anchor => {}
            Step::Literal(literal) => {
                (at, last) = (text.has(at, literal).then_some(at + literal.len())?, Alphabet(0));
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
                (at, last) = (at + texts.find(|literal| text.has(at, literal))?.len(), Alphabet(0));
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

impl Alphabet {
    #[inline]
    pub(crate) const fn contains(self, byte: u8) -> bool {
        byte < 128 && self.0 >> byte & 1 != 0
    }

    const fn range(from: u8, to: u8) -> u128 {
        let (mut set, mut byte) = (0, from);
        while byte <= to {
            set |= 1 << byte;
            byte += 1;
        }
        set
    }
}

/// How many steps the pattern has.
pub(crate) const fn count(pattern: &'static str) -> usize {
    let (mut count, mut rest) = (0, pattern.as_bytes());
    while let Some((_, tail)) = next(rest) {
        count += 1;
        rest = tail;
    }
    count
}

/// Reads a pattern of `N` steps.
#[expect(clippy::indexing_slicing, reason = "runs in the compiler, `N` is the number of steps")]
pub(crate) const fn parse<const N: usize>(pattern: &'static str) -> [Step; N] {
    let mut steps = [Step::Anchor; N];
    let (mut index, mut rest) = (0, pattern.as_bytes());
    let (mut anchors, mut reach) = (0, 0);
    while let Some((step, tail)) = next(rest) {
        match step {
            Step::Anchor => {
                assert!(reach <= REACH_BACK, "a pattern reaches too far before its anchor");
                (anchors, reach) = (anchors + 1, 0);
            }
            Step::Literal(literal) | Step::OneOf(literal) => reach += literal.len(),
            Step::Run { max, .. } => reach += max,
            Step::Optional(_) => assert!(anchors == 1, "parts before the anchor cannot be missing"),
        }
        steps[index] = step;
        index += 1;
        rest = tail;
    }
    assert!(anchors == 1 && reach <= REACH, "a pattern has one anchor and a bounded length");
    steps
}

/// The first step of a pattern and what follows it.
const fn next(pattern: &'static [u8]) -> Option<(Step, &'static [u8])> {
    match pattern {
        [] => None,
        [b'^', rest @ ..] => Some((Step::Anchor, rest)),
        [b']', rest @ ..] => next(rest),
        [b'[', rest @ ..] => {
            let (part, _) = split(rest, b']');
            Some((Step::Optional(steps_in(part)), rest))
        }
        [b'(', rest @ ..] => {
            let (texts, rest) = split(rest, b')');
            Some((Step::OneOf(texts), rest))
        }
        [b'{', rest @ ..] => {
            let (run, rest) = split(rest, b'}');
            Some((parse_run(run), rest))
        }
        _ => {
            let mut len = 0;
            let mut rest = pattern;
            while let [first, tail @ ..] = rest
                && !matches!(first, b'^' | b'[' | b']' | b'(' | b'{')
            {
                len += 1;
                rest = tail;
            }
            Some((Step::Literal(pattern.split_at(len).0), rest))
        }
    }
}

const fn steps_in(part: &'static [u8]) -> usize {
    let (mut count, mut rest) = (0, part);
    while let Some((_, tail)) = next(rest) {
        count += 1;
        rest = tail;
    }
    count
}

/// What stands before and behind the first `end`.
const fn split(pattern: &'static [u8], end: u8) -> (&'static [u8], &'static [u8]) {
    let (mut len, mut rest) = (0, pattern);
    while let [first, tail @ ..] = rest {
        if *first == end {
            return (pattern.split_at(len).0, tail);
        }
        len += 1;
        rest = tail;
    }
    (pattern, &[])
}

/// Reads `hex`, `hex:32` or `hex:20..40`.
const fn parse_run(run: &'static [u8]) -> Step {
    let (set, count) = split(run, b':');
    let (low, high) = split(count, b'.');
    let min = if count.is_empty() { 1 } else { number(low) };
    let max = match high {
        [b'.', high @ ..] => number(high),
        _ => min,
    };
    assert!(min <= max && max > 0, "a run counts upwards");
    Step::Run { alphabet: alphabet(set), min, max }
}

const fn number(digits: &[u8]) -> usize {
    let (mut number, mut rest) = (0, digits);
    while let [digit, tail @ ..] = rest {
        assert!(digit.is_ascii_digit(), "a count is a number");
        number = number * 10 + (*digit - b'0') as usize;
        rest = tail;
    }
    number
}

/// The alphabet with this name, with the characters that follow the name.
const fn alphabet(name: &'static [u8]) -> Alphabet {
    let (mut len, mut rest) = (0, name);
    while let [first, tail @ ..] = rest
        && first.is_ascii_alphanumeric()
    {
        len += 1;
        rest = tail;
    }
    let digit = Alphabet::range(b'0', b'9');
    let upper = Alphabet::range(b'A', b'Z');
    let lower = Alphabet::range(b'a', b'z');
    let mut set = match name.split_at(len).0 {
        b"" => 0,
        b"digit" => digit,
        b"upper" => upper,
        b"lower" => lower,
        b"alpha" => upper | lower,
        b"hex" => digit | Alphabet::range(b'a', b'f') | Alphabet::range(b'A', b'F'),
        b"hexlow" => digit | Alphabet::range(b'a', b'f'),
        b"alnum" => digit | upper | lower,
        b"alnumlow" => digit | lower,
        b"alnumup" => digit | upper,
        b"b32" => Alphabet::range(b'2', b'7') | upper,
        b"b64" => digit | upper | lower | 1 << b'+' | 1 << b'/',
        b"url" => digit | upper | lower | 1 << b'-' | 1 << b'_',
        _ => panic_unknown(),
    };
    while let [extra, tail @ ..] = rest {
        set |= 1 << *extra;
        rest = tail;
    }
    Alphabet(set)
}

#[expect(clippy::panic, reason = "stops the compiler")]
const fn panic_unknown() -> u128 {
    panic!("no alphabet has this name")
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
            assert_eq!(found.map(|span| &text[span]), *expected, "{text}");
        }
    }

    #[test]
    fn alphabets_hold_what_they_say() {
        let holds = |set: &'static [u8]| {
            (0..=255_u8).filter(|byte| alphabet(set).contains(*byte)).map(char::from).collect::<String>()
        };
        assert_eq!(holds(b"digit"), "0123456789");
        assert_eq!(holds(b"hexlow"), "0123456789abcdef");
        assert_eq!(holds(b"hex=_"), "0123456789=ABCDEF_abcdef");
        assert_eq!(holds(b"b32"), "234567ABCDEFGHIJKLMNOPQRSTUVWXYZ");
        assert_eq!(holds(b"url"), "-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz");
        assert_eq!(holds(b"b64").len(), 64);
        assert_eq!(holds(b"alnumup").len(), 36);
    }
}
