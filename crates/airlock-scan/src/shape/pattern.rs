//! Patterns of tokens, see [`shape`](super): reads them, in the compiler.

/// Letters, digits, `_` and `-`.
pub(crate) const URL: Alphabet = alphabet(b"url");

/// At most so many bytes of a token stand behind its anchor, and so many before it.
const REACH: usize = 2048;
const REACH_BACK: usize = 256;

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
    /// Whether it is one of few texts.
    pub(super) fn is_fixed(&self) -> bool {
        matches!(self, Self::Literal(_) | Self::OneOf(_))
    }

    /// Whether a text without characters matches.
    pub(super) fn may_be_empty(&self) -> bool {
        matches!(self, Self::Run { min: 0, .. })
    }
}

impl Alphabet {
    pub(super) const NONE: Self = Self(0);

    pub(super) const fn and(self, more: Self) -> Self {
        Self(self.0 | more.0)
    }

    pub(super) const fn without(self, byte: u8) -> Self {
        Self(self.0 & !(1 << byte))
    }

    /// Whether every character is one of `other`.
    pub(super) const fn is_within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "each half is asked for its own bytes")]
    pub(crate) const fn contains(self, byte: u8) -> bool {
        // Shifting 64 bits takes a fraction of the time.
        let half = if byte < 64 { self.0 as u64 } else { (self.0 >> 64) as u64 };
        byte < 128 && half >> (byte & 63) & 1 != 0
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
