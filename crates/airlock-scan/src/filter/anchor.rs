//! Anchors: literals that every match of a rule contains, and how one is recognised at a place.

use crate::rule::{Matcher, Rule};

/// Bytes of an anchor that the walk looks at.
pub(super) const GRAM: usize = 4;

/// One literal of one rule.
#[derive(Debug, Clone, Copy)]
pub(super) struct Anchor {
    text: &'static [u8],
    pub(super) rule: &'static Rule,
    folded: bool,
    /// Where in the literal its gram starts: at its rarest four bytes.
    offset: usize,
    /// Bytes of the gram at most.
    len: usize,
}

impl Anchor {
    pub(super) fn new(rule: &'static Rule, text: &'static str) -> Self {
        let folded = matches!(rule.matcher, Matcher::Folded(_));
        let text = text.as_bytes();
        let cost = |offset: &usize| -> u64 {
            text.iter().skip(*offset).take(GRAM).map(|byte| frequency(*byte)).product()
        };
        let offset = (0..=text.len().saturating_sub(GRAM)).min_by_key(cost).unwrap_or(0);
        Self { text, rule, folded, offset, len: GRAM }
    }

    /// The same with the gram at a place of one's own choice, of at most so many bytes.
    pub(super) fn at(rule: &'static Rule, text: &'static str, offset: usize, len: usize) -> Self {
        Self { offset, len: len.min(GRAM), ..Self::new(rule, text) }
    }

    /// The bytes that represent it: four, or all of a shorter one.
    pub(super) fn gram(&self) -> &'static [u8] {
        self.text.get(self.offset..).map(|rest| rest.get(..self.len).unwrap_or(rest)).unwrap_or_default()
    }

    /// The bytes that may stand in this lane of the gram; `None` where any may.
    pub(super) fn values(&self, lane: usize) -> Option<impl Iterator<Item = u8>> {
        let byte = *self.gram().get(lane)?;
        let other = (self.folded && byte.is_ascii_alphabetic()).then_some(byte ^ 0x20);
        Some(std::iter::once(byte).chain(other))
    }

    /// How often ordinary text lets its gram through, in an arbitrary unit.
    pub(super) fn weight(&self) -> u64 {
        let lane = |lane| self.values(lane).map_or(EVERY_BYTE, |values| values.map(frequency).sum());
        (0..GRAM).map(lane).product()
    }

    /// Where the anchor stands if its gram stands at `at`.
    #[inline]
    pub(super) fn stands(&self, bytes: &[u8], at: usize) -> Option<(usize, usize)> {
        let start = at.checked_sub(self.offset)?;
        let end = start + self.text.len();
        let part = bytes.get(start..end)?;
        let equal = if self.folded { self.text.eq_ignore_ascii_case(part) } else { self.text == part };
        equal.then_some((start, end))
    }
}

/// The weight of a lane in which any byte may stand.
const EVERY_BYTE: u64 = 1000;

/// About how many of a thousand bytes of ordinary text, JSON and logs have this value.
pub(super) const fn frequency(value: u8) -> u64 {
    match value {
        b' ' => 130,
        b'e' | b't' | b'a' | b'o' | b'n' | b'i' | b's' | b'r' => 60,
        b'd' | b'l' | b'c' | b'u' | b'h' | b'm' | b'p' | b'0'..=b'9' => 25,
        b'a'..=b'z' | b'"' | b',' | b'.' | b':' | b'-' | b'\n' => 14,
        b'A'..=b'Z' | b'_' | b'/' | b'=' => 4,
        _ => 1,
    }
}

/// Anchors by their grams, in any ASCII case: which of hundreds may stand at a place is one look-up.
#[derive(Debug)]
pub(super) struct Lookup {
    /// One bit per hash of a gram: most places that the walk lets through are refused here.
    bits: Vec<u64>,
    /// Open addressing; a gram and where its anchors are listed. Zero is no gram.
    slots: Vec<(u32, u16, u16)>,
    anchors: Vec<Anchor>,
    mask: usize,
    bit_mask: usize,
    /// The bytes of a gram that count.
    width: u32,
}

/// Bits per gram, so that few are set, and bits at most: all lookups together must leave room in the cache.
const BITS_PER_GRAM: usize = 48;
const MOST_BITS: usize = 1 << 15;

impl Lookup {
    /// Of the anchors whose gram has `len` bytes.
    pub(super) fn new(anchors: &[Anchor], len: usize) -> Self {
        let width = if len >= GRAM { u32::MAX } else { (1 << (8 * len)) - 1 };
        let key = |anchor: &Anchor| fold(gram_at(anchor.gram(), 0), width);
        let mut anchors: Vec<Anchor> =
            anchors.iter().copied().filter(|anchor| anchor.gram().len() == len).collect();
        anchors.sort_by_key(key);
        let size = (anchors.len() * 4).next_power_of_two().max(16);
        let bits = (anchors.len() * BITS_PER_GRAM).next_power_of_two().clamp(64, MOST_BITS);
        let mut lookup = Self {
            bits: vec![0; bits / 64],
            bit_mask: bits - 1,
            slots: vec![(0, 0, 0); size],
            anchors: Vec::new(),
            mask: size - 1,
            width,
        };
        let mut first = 0;
        for group in anchors.chunk_by(|a, b| key(a) == key(b)) {
            let count = u16::try_from(group.len()).unwrap_or(u16::MAX);
            lookup.insert(group.first().map_or(0, key), first, count);
            first += count;
        }
        lookup.anchors = anchors;
        lookup
    }

    fn insert(&mut self, gram: u32, first: u16, count: u16) {
        let hash = hash(gram);
        let bit = hash & self.bit_mask;
        if let Some(word) = self.bits.get_mut(bit / 64) {
            *word |= 1 << (bit % 64);
        }
        let mut slot = hash & self.mask;
        while self.slots.get(slot).is_some_and(|slot| slot.0 != 0) {
            slot = (slot + 1) & self.mask;
        }
        if let Some(free) = self.slots.get_mut(slot) {
            *free = (gram, first, count);
        }
    }

    /// Whether an anchor may have this gram.
    #[inline]
    pub(super) fn may_have(&self, gram: u32) -> bool {
        let bit = hash(fold(gram, self.width)) & self.bit_mask;
        self.bits.get(bit / 64).is_some_and(|word| word >> (bit % 64) & 1 == 1)
    }

    /// The anchors whose gram this may be.
    pub(super) fn of(&self, gram: u32) -> &[Anchor] {
        let gram = fold(gram, self.width);
        let mut slot = hash(gram) & self.mask;
        loop {
            match self.slots.get(slot) {
                Some((known, first, count)) if *known == gram => {
                    let first = usize::from(*first);
                    return self.anchors.get(first..first + usize::from(*count)).unwrap_or_default();
                }
                Some((1.., ..)) => slot = (slot + 1) & self.mask,
                _ => return &[],
            }
        }
    }
}

/// Folds ASCII letters to lower case, and other bytes anyhow: whether they differ is seen later.
#[inline]
fn fold(gram: u32, width: u32) -> u32 {
    (gram | 0x2020_2020) & width
}

#[inline]
fn hash(gram: u32) -> usize {
    (gram.wrapping_mul(0x9e37_79b1) >> 17) as usize
}

/// The four bytes at `at`, the first one lowest; zero behind the end.
#[inline]
pub(super) fn gram_at(bytes: &[u8], at: usize) -> u32 {
    if let Some(gram) = bytes.get(at..).and_then(|rest| rest.first_chunk::<GRAM>()) {
        return u32::from_le_bytes(*gram);
    }
    let rest = bytes.get(at..).unwrap_or_default();
    rest.iter().rev().fold(0, |gram, byte| gram << 8 | u32::from(*byte))
}
