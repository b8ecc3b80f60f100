//! Digit runs: reads the number that starts at one, then asks which kind its groups make.

use std::cell::OnceCell;

use crate::{rule::Sink, text::Text, verify};

/// The most digits of a group that are read.
const DIGITS: usize = 20;
/// More groups than any kind has, so that a longer number is seen to go on.
const GROUPS: usize = 8;
/// More digits than any kind has, and room for a word behind them.
const ROOM: usize = 40;

/// What stands between two groups of digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Separator {
    Space,
    Hyphen,
    Dot,
    Slash,
    /// A parenthesis, with or without a space.
    Paren,
}

/// A group of digits; places are relative to the start of the number, which is always short.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Group {
    start: u8,
    end: u8,
    /// What separates this group from the one before it; meaningless for the first.
    pub(crate) separator: Separator,
}

impl Group {
    pub(crate) fn len(self) -> usize {
        usize::from(self.end - self.start)
    }
}

/// Groups of ASCII digits with single separators between them.
pub(crate) struct Number<'t> {
    pub(crate) text: &'t Text<'t>,
    start: usize,
    groups: [Group; GROUPS],
    count: usize,
    /// Digits in all groups.
    total: usize,
    /// The values of the first ones of them, one behind the other, where somebody asked for them.
    digits: OnceCell<[u8; ROOM]>,
    /// The length of the group of digits that stands before the number, one space away; or 0.
    pub(crate) follows: usize,
}

/// Reports every kind of number that starts at `start`, where `len` digits stand.
#[inline]
pub(crate) fn verify(text: &Text<'_>, start: usize, len: usize, sink: &mut Sink<'_>) {
    let end = start + len;
    let next = text.at(end);
    if len < 9 && !may_separate(next) {
        // Most numbers stand alone and are too short for anything.
        if len > 6 {
            verify::phone::verify_run(text, start, end, sink);
        }
        return;
    }
    let ruled_out = text.before(start, 1) == b'*'
        || len == 1 && is_listed(text, start)
        || is_date(text, start, len)
        || is_fraction(text, len, end);
    if !ruled_out {
        several(text, start, end, sink);
    }
}

/// Whether a single digit stands in a row of such: `1 2 3 4`. The first of them has been looked at.
#[inline]
fn is_listed(text: &Text<'_>, start: usize) -> bool {
    // A space, or one that does not break.
    let before = match (text.before(start, 2), text.before(start, 1)) {
        (_, b' ') => 1,
        (0xc2, 0xa0) => 2,
        _ => return false,
    };
    let behind = match (text.at(start + 1), text.at(start + 2)) {
        (b' ', _) => start + 2,
        (0xc2, 0xa0) => start + 3,
        _ => return false,
    };
    text.before(start, before + 1).is_ascii_digit()
        && !text.before(start, before + 2).is_ascii_digit()
        && text.at(behind).is_ascii_digit()
        && !text.at(behind + 1).is_ascii_digit()
}

/// Whether a separator may start with this byte.
#[inline]
fn may_separate(byte: u8) -> bool {
    matches!(byte, b' ' | b'-' | b'.' | b'/' | b'(' | b')' | b'%') || !byte.is_ascii()
}

/// Whether a year, a month and a day start here.
#[inline]
fn is_date(text: &Text<'_>, start: usize, len: usize) -> bool {
    let Some(date) = text.bytes.get(start..).and_then(|rest| rest.first_chunk::<10>()) else { return false };
    let [b'1' | b'2', b'0' | b'9', _, _, sign @ (b'-' | b'/'), month @ .., day_sign, _, _] = date else {
        return false;
    };
    len == 4
        && sign == day_sign
        && month.iter().all(u8::is_ascii_digit)
        && date.last_chunk::<2>().is_some_and(|day| day.iter().all(u8::is_ascii_digit))
        && text.before(start, 1) != b'+'
}

/// Whether the digits up to `end` and those behind a point are all of the number.
#[inline]
fn is_fraction(text: &Text<'_>, len: usize, end: usize) -> bool {
    if len > 8 || text.at(end) != b'.' {
        return false;
    }
    let last = run_of_digits(text, end + 1);
    last > end + 1 && !may_separate(text.at(last))
}

/// Like [`verify`], for what may have several groups.
fn several(text: &Text<'_>, start: usize, end: usize, sink: &mut Sink<'_>) {
    let len = end - start;
    if len < 9 && separator(text, end).is_none() {
        if len > 6 {
            verify::phone::verify_run(text, start, end, sink);
        }
        return;
    }
    number(text, start, end.min(start + DIGITS), sink);
}

/// Reports what starts with two capital letters before the digits at `start`, such as the country of an IBAN.
pub(crate) fn verify_code(text: &Text<'_>, start: usize, sink: &mut Sink<'_>) {
    verify::iban::verify(text, start, sink);
}

fn number(text: &Text<'_>, start: usize, end: usize, sink: &mut Sink<'_>) {
    let Some(follows) = follows(text, start) else { return };
    let first =
        Group { start: 0, end: u8::try_from(end - start).unwrap_or(u8::MAX), separator: Separator::Space };
    let mut number = Number {
        text,
        start,
        groups: [first; GROUPS],
        count: 1,
        total: end - start,
        digits: OnceCell::new(),
        follows,
    };
    number.read(end);
    // Fewer digits than this in all are none of them.
    if number.total < 7 && number.count < 4 {
        return;
    }
    let found = verify::card::verify(&number, sink) || verify::ssn::verify(&number, sink);
    if !found && !verify::ip::verify_v4(&number, sink) {
        verify::phone::verify(&number, sink);
    }
}

impl<'t> Number<'t> {
    /// Reads the groups behind the first one, which ends at `last`. In place, because a copy would wait for all the
    /// small stores.
    #[inline]
    fn read(&mut self, mut last: usize) {
        let (text, from) = (self.text, self.start);
        let place = |at: usize| u8::try_from(at - from).unwrap_or(u8::MAX);
        for slot in self.groups.iter_mut().skip(1) {
            let Some((separator, start)) = separator(text, last) else { break };
            last = run_of_digits(text, start);
            *slot = Group { start: place(start), end: place(last), separator };
            self.count += 1;
            self.total += last - start;
        }
    }

    pub(crate) fn groups(&self) -> &[Group] {
        self.groups.get(..self.count).unwrap_or_default()
    }

    pub(crate) fn start(&self) -> usize {
        self.start
    }

    /// Where a group ends in the text.
    pub(crate) fn place_of_end(&self, group: Group) -> usize {
        self.start + usize::from(group.end)
    }

    fn bytes_of(&self, group: Group) -> &'t [u8] {
        self.text.slice(self.start + usize::from(group.start), self.place_of_end(group))
    }

    /// Whether the first groups have these lengths.
    pub(crate) fn starts_with(&self, lengths: &[usize]) -> bool {
        self.count >= lengths.len()
            && self.groups().iter().zip(lengths).all(|(group, len)| group.len() == *len)
    }

    /// The separator of the first `count` groups, if they share one.
    pub(crate) fn separator(&self, count: usize) -> Option<Separator> {
        let mut separators = self.groups().iter().take(count).skip(1).map(|group| group.separator);
        let first = separators.next()?;
        separators.all(|separator| separator == first).then_some(first)
    }

    /// End of the first `count` groups, if nothing that belongs to the same word or number follows.
    pub(crate) fn end_of(&self, count: usize) -> Option<usize> {
        let end = self.place_of_end(*self.groups().get(count.checked_sub(1)?)?);
        match self.groups().get(count) {
            Some(next) => {
                (next.separator == Separator::Space || next.separator == Separator::Paren).then_some(end)
            }
            None => ends_word(self.text, end).then_some(end),
        }
    }

    /// The group after the first `count`, if it stands one space away.
    pub(crate) fn next_length(&self, count: usize) -> usize {
        self.groups().get(count).map_or(0, |group| group.len())
    }

    /// The digits of the first `count` groups.
    pub(crate) fn digits(&self, count: usize) -> impl Iterator<Item = u8> + Clone + '_ {
        let digits = self.digits.get_or_init(|| self.gather());
        let total: usize = self.groups().iter().take(count).map(|group| group.len()).sum();
        digits.get(..total).unwrap_or(digits).iter().copied()
    }

    fn gather(&self) -> [u8; ROOM] {
        let (mut digits, mut total) = ([0; ROOM], 0);
        for group in self.groups() {
            // Eight at a time, however many there are: what follows is written over, or not read.
            for at in (0..group.len()).step_by(8) {
                if let Some(room) = digits.get_mut(total + at..).and_then(<[u8]>::first_chunk_mut) {
                    let bytes = eight(self.text, self.start + usize::from(group.start) + at);
                    *room = (bytes & 0x0f0f_0f0f_0f0f_0f0f).to_le_bytes();
                }
            }
            total += group.len();
        }
        digits
    }

    /// The value of one short group; 0 where there is none.
    pub(crate) fn value(&self, index: usize) -> u32 {
        let digits = self.groups().get(index).map(|group| self.bytes_of(*group)).unwrap_or_default();
        digits.iter().take(9).fold(0, |value, byte| value * 10 + u32::from(byte - b'0'))
    }

    pub(crate) fn first_digit(&self) -> u8 {
        self.text.at(self.start)
    }

    /// Whether the group is a lone zero in parentheses.
    pub(crate) fn is_trunk_zero(&self, group: Group) -> bool {
        group.separator == Separator::Paren && self.bytes_of(group) == b"0"
    }
}

/// End of the digits at `start`, at most [`DIGITS`] of them.
#[inline]
fn run_of_digits(text: &Text<'_>, start: usize) -> usize {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let mut at = start;
    loop {
        // The upper bit of each byte that is no digit, the lowest one being exact.
        let bytes = eight(text, at) ^ (EACH * 0x30);
        let others = (bytes | ((bytes & (EACH * 0x7f)) + EACH * 0x76)) & (EACH * 0x80);
        if others != 0 || at - start >= DIGITS {
            return (at + (others.trailing_zeros() / 8) as usize).min(start + DIGITS);
        }
        at += 8;
    }
}

/// The eight bytes at `at`, the first one lowest; zero behind the end.
#[inline]
fn eight(text: &Text<'_>, at: usize) -> u64 {
    let rest = text.bytes.get(at..).unwrap_or_default();
    match rest.first_chunk() {
        Some(eight) => u64::from_le_bytes(*eight),
        None => rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)),
    }
}

/// Whether a number may end at `end`: no letter, digit, mask or further part of a dotted or hyphenated word follows.
fn ends_word(text: &Text<'_>, end: usize) -> bool {
    match text.at(end) {
        b'_' | b'*' | b'%' => false,
        b'-' | b'.' => !text.at(end + 1).is_ascii_alphanumeric(),
        next => !next.is_ascii_alphanumeric(),
    }
}

/// Length of the group one space before `start`; `None` where another separator makes `start` its continuation.
fn follows(text: &Text<'_>, start: usize) -> Option<usize> {
    // A group that ends another number, as in `…-1881 4012`, is not of this one.
    let digits_before = |end: usize| {
        let start = text.run_back(end, 8, |byte| byte.is_ascii_digit());
        if matches!(text.before(start, 1), b'-' | b'.') { 0 } else { end - start }
    };
    match text.before(start, 1) {
        b' ' => Some(digits_before(start - 1)),
        0xa0 if text.before(start, 2) == 0xc2 => Some(digits_before(start - 2)),
        0x90..=0x93 if text.before(start, 2) == 0x80 && text.before(start, 3) == 0xe2 => {
            (digits_before(start - 3) == 0).then_some(0)
        }
        _ => Some(0),
    }
}

/// The separator at `at` and the place of the digit behind it, if that is what follows.
#[inline]
fn separator(text: &Text<'_>, at: usize) -> Option<(Separator, usize)> {
    use Separator::{Dot, Hyphen, Paren, Slash, Space};
    let rest = text.bytes.get(at..).unwrap_or_default();
    let (separator, len) = match rest {
        [b'-', b'0'..=b'9', ..] => return Some((Hyphen, at + 1)),
        [b' ', b'0'..=b'9', ..] => return Some((Space, at + 1)),
        [b'.', b'0'..=b'9', ..] => return Some((Dot, at + 1)),
        [b'/', b'0'..=b'9', ..] => return Some((Slash, at + 1)),
        [b'(' | b')', b'0'..=b'9', ..] => return Some((Paren, at + 1)),
        [b' ', b'(', ..] | [b')', b' ' | b'-' | b'.' | b'/', ..] => (Paren, 2),
        [0xc2, 0xa0, ..] => (Space, 2),
        // Encoded, thin and narrow no-break spaces; hyphens and dashes.
        [b'%', b'2', b'0', ..] | [0xe2, 0x80, 0x89 | 0xaf, ..] => (Space, 3),
        [0xe2, 0x80, 0x90..=0x93, ..] => (Hyphen, 3),
        _ => return None,
    };
    rest.get(len).is_some_and(u8::is_ascii_digit).then_some((separator, at + len))
}
