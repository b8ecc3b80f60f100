//! What one look at 64 bytes tells, and the plain way to see it.

use super::{
    anchor::GRAM,
    tables::{GROUPS, Tables},
};

/// Bytes of one block: one bit of a word each.
pub(super) const BLOCK: usize = 64;
/// Bytes that a block is seen with: a gram that starts in it may end behind it.
pub(super) const SEEN: usize = BLOCK + GRAM - 1;

/// One bit per byte of a block, the first byte lowest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Block {
    /// The gram of an anchor may start here.
    pub(super) grams: u64,
    /// ASCII digits.
    pub(super) digits: u64,
    /// ASCII letters.
    pub(super) letters: u64,
    /// Bytes with the bit that makes letters lower case.
    pub(super) lower: u64,
    /// `_`
    pub(super) underscores: u64,
    /// `-`
    pub(super) hyphens: u64,
    /// `.`
    pub(super) dots: u64,
    /// `:`
    pub(super) colons: u64,
    /// What else may stand between the groups of a number: a space, `/`, `(`, `)`, `%`, and all outside ASCII.
    pub(super) gaps: u64,
    /// [`marks`](is_mark) before a byte with which text may stand for other text.
    pub(super) marks: u64,
    /// First bytes of characters outside ASCII.
    pub(super) leads: u64,
}

/// Whether text may stand for other text where these two bytes do, the first one of ASCII: a line end before a
/// word, an escape, an entity, a line that goes on.
pub(super) const fn is_mark(byte: u8, next: u8) -> bool {
    match byte {
        b'\n' => next.is_ascii_alphanumeric() || next == b'_',
        b'%' | b'&' => next.is_ascii_alphanumeric() || matches!(next, b'_' | b'#'),
        b'=' => matches!(next, b'\n' | b'\r' | b'3'),
        b'\\' => matches!(next, b'u' | b'U' | b'x' | b'/' | b'\n' | b'\r' | b'\\'),
        _ => false,
    }
}

/// Fills `blocks` from text in which they lie one behind the other, and behind which there is nothing but zero
/// bytes; the twin of the vector code.
pub(super) fn scan(tables: &Tables, text: &[u8], blocks: &mut [Block]) {
    for (index, block) in blocks.iter_mut().enumerate() {
        let rest = text.get(index * BLOCK..).unwrap_or_default();
        *block = rest.first_chunk().map_or_else(|| look(tables, &padded(rest)), |seen| look(tables, seen));
    }
}

/// What is left of a text, with zero bytes behind it.
pub(super) fn padded(rest: &[u8]) -> [u8; SEEN] {
    let mut padded = [0; SEEN];
    padded.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
    padded
}

fn look(tables: &Tables, seen: &[u8; SEEN]) -> Block {
    const LANE: usize = 8 * GROUPS;
    let mut block = Block::default();
    let entry = |byte: u8| tables.bytes.get(usize::from(byte)).copied().unwrap_or(0);
    // Entries of the three bytes before, moved so that lanes of one gram meet in the last one.
    let (mut first, mut second, mut third) = (0_u64, 0_u64, 0_u64);
    for (at, byte) in seen.iter().enumerate() {
        let this = entry(*byte);
        if let Some(start) = at.checked_sub(GRAM - 1) {
            block.grams |= u64::from((this & first) >> (3 * LANE) != 0) << start;
        }
        first = (second & this) << LANE;
        second = (third & this) << LANE;
        third = this << LANE;
        if at >= BLOCK {
            continue;
        }
        let bit = |set: bool| u64::from(set) << at;
        block.digits |= bit(byte.is_ascii_digit());
        block.letters |= bit(byte.is_ascii_alphabetic());
        block.lower |= bit(byte & 0x20 != 0);
        block.underscores |= bit(*byte == b'_');
        block.hyphens |= bit(*byte == b'-');
        block.dots |= bit(*byte == b'.');
        block.colons |= bit(*byte == b':');
        block.gaps |= bit(matches!(byte, b' ' | b'/' | b'(' | b')' | b'%' | 0x80..));
        block.marks |= bit(is_mark(*byte, seen.get(at + 1).copied().unwrap_or(0)));
        block.leads |= bit(*byte >= 0xc0);
    }
    block
}

impl Block {
    /// Letters and digits.
    #[inline]
    pub(super) fn alnum(&self) -> u64 {
        self.letters | self.digits
    }

    /// What tokens in URLs are made of: letters, digits, `_`, `-`.
    #[inline]
    pub(super) fn url(&self) -> u64 {
        self.alnum() | self.underscores | self.hyphens
    }

    /// What may stand between the groups of a number.
    #[inline]
    pub(super) fn separators(&self) -> u64 {
        self.dots | self.hyphens | self.gaps
    }
}
