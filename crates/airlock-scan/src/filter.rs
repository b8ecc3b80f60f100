//! The one pass over the text: finds every anchor and every digit run, and nothing else.
//!
//! An anchor is represented by its last four bytes. For each byte value a table holds, in four lanes of
//! sixteen bits, in which buckets of anchors the value may stand first, second, third and last. Shifting
//! and combining the entries of four neighbouring bytes leaves the buckets whose anchors may end there:
//! one load and four operations per byte, no branch, the same cost for ten anchors or two hundred, and
//! letter case folds for free. Digits are found eight at a time with integer arithmetic.

use std::cmp::Reverse;

use crate::rule::{Matcher, Rule};

/// Bytes of an anchor that the table looks at.
const GRAM: usize = 4;
const BUCKETS: usize = 16;
const LAST_LANE: u32 = 48;
const BLOCK: usize = 64;

/// Told what the pass finds, in order of position within one block.
pub(crate) trait Visit {
    /// `rule`'s anchor stands at `start..end`.
    fn anchor(&mut self, rule: &'static Rule, start: usize, end: usize);
    /// A run of ASCII digits starts at `start`, not directly behind a letter.
    fn digits(&mut self, start: usize);
}

#[derive(Debug, Clone, Copy)]
struct Anchor {
    text: &'static [u8],
    rule: &'static Rule,
    folded: bool,
}

impl Anchor {
    /// The bytes that represent it in the table.
    fn gram(&self) -> &'static [u8] {
        self.text.get(self.text.len().saturating_sub(GRAM)..).unwrap_or_default()
    }

    /// The bytes that may stand in this lane; short anchors leave the first lanes free.
    fn values(&self, lane: usize) -> impl Iterator<Item = u8> {
        let gram = self.gram();
        let byte = (lane + gram.len()).checked_sub(GRAM).and_then(|index| gram.get(index)).copied();
        let free = byte.is_none().then_some(0..=u8::MAX).into_iter().flatten();
        let folded = byte.filter(|byte| self.folded && byte.is_ascii_alphabetic()).map(|byte| byte ^ 0x20);
        byte.into_iter().chain(folded).chain(free)
    }

    /// Whether the anchor ends before `end`.
    #[inline]
    fn ends_at(&self, bytes: &[u8], end: usize) -> Option<usize> {
        let start = end.checked_sub(self.text.len())?;
        let part = bytes.get(start..end)?;
        // Most candidates differ in the last byte already; the letter case is checked below.
        if (part.last()? ^ self.text.last()?) & !0x20 != 0 {
            return None;
        }
        let equal = if self.folded { self.text.eq_ignore_ascii_case(part) } else { self.text == part };
        equal.then_some(start)
    }
}

/// The compiled anchors of a rule table.
#[derive(Debug)]
pub(crate) struct Filter {
    lanes: Box<[u64; 256]>,
    buckets: [Vec<Anchor>; BUCKETS],
    /// Per bucket and lane, how frequent the bytes are that may stand there. Only building asks.
    weights: [[u64; GRAM]; BUCKETS],
}

/// What the pass must remember from one word to the next: the table entries of the last three bytes.
#[derive(Clone, Copy)]
struct Carry {
    entry: u64,
    pair: u64,
    older_pair: u64,
}

impl Filter {
    /// Compiles the anchors of `rules`.
    pub(crate) fn new(rules: impl Iterator<Item = &'static Rule>) -> Self {
        let mut anchors: Vec<Anchor> = rules
            .flat_map(|rule| {
                let folded = matches!(rule.matcher, Matcher::Folded(_));
                rule.anchors.iter().map(move |text| Anchor { text: text.as_bytes(), rule, folded })
            })
            .collect();
        // The least selective ones first; the others then avoid their buckets.
        anchors.sort_by_key(|anchor| {
            Reverse((0..GRAM).map(|lane| anchor.values(lane).map(frequency).sum::<u64>()).product::<u64>())
        });
        let mut filter =
            Self { lanes: Box::new([0; 256]), buckets: Default::default(), weights: [[0; GRAM]; BUCKETS] };
        for anchor in anchors {
            let cost = |bucket: &usize| filter.weight(*bucket, Some(&anchor)) - filter.weight(*bucket, None);
            let bucket = (0..BUCKETS).min_by_key(cost).unwrap_or(0);
            filter.insert(anchor, bucket);
        }
        filter
    }

    fn insert(&mut self, anchor: Anchor, bucket: usize) {
        for lane in 0..GRAM {
            let bit = 1 << (lane * BUCKETS + bucket);
            for value in anchor.values(lane) {
                let Some(entry) = self.lanes.get_mut(usize::from(value)) else { continue };
                let weight = self.weights.get_mut(bucket).and_then(|weights| weights.get_mut(lane));
                if let Some(weight) = weight.filter(|_| *entry & bit == 0) {
                    *weight += frequency(value);
                }
                *entry |= bit;
            }
        }
        if let Some(bucket) = self.buckets.get_mut(bucket) {
            bucket.push(anchor);
        }
    }

    /// How often the bucket lets a place in ordinary text through, in an arbitrary unit, with `more` in it.
    fn weight(&self, bucket: usize, more: Option<&Anchor>) -> u64 {
        let weights = self.weights.get(bucket).copied().unwrap_or_default();
        let lane_weight = |(lane, weight): (usize, u64)| {
            let added = more.map(|anchor| {
                let new = |value: &u8| self.entry(*value) >> (lane * BUCKETS + bucket) & 1 == 0;
                anchor.values(lane).filter(new).map(frequency).sum::<u64>()
            });
            weight + added.unwrap_or(0)
        };
        weights.into_iter().enumerate().map(lane_weight).product()
    }

    /// Walks over the text once and tells `visit` what it finds. Linear; allocates nothing.
    pub(crate) fn walk(&self, bytes: &[u8], visit: &mut impl Visit) {
        // Before the text stands, as it were, NUL: no anchor contains it, the free lanes of short ones accept it.
        let entry = self.entry(0);
        let pair = entry & entry << 16;
        let mut carry = Carry { entry, pair, older_pair: pair };
        let mut after_digit = 0;
        let (blocks, tail) = bytes.as_chunks::<BLOCK>();
        for (index, block) in blocks.iter().enumerate() {
            self.block(block, bytes, index * BLOCK, &mut carry, &mut after_digit, visit);
        }
        if !tail.is_empty() {
            let mut padded = [0; BLOCK];
            padded.iter_mut().zip(tail).for_each(|(to, from)| *to = *from);
            let words = padded.get(..tail.len().next_multiple_of(8)).unwrap_or(&padded);
            self.block(words, bytes, blocks.len() * BLOCK, &mut carry, &mut after_digit, visit);
        }
    }

    /// Handles up to [`BLOCK`] bytes, a multiple of eight.
    #[inline]
    fn block(
        &self,
        block: &[u8],
        bytes: &[u8],
        base: usize,
        carry: &mut Carry,
        after_digit: &mut u64,
        visit: &mut impl Visit,
    ) {
        let mut digits = 0_u64;
        let mut hits = 0_u64;
        for (index, word) in block.as_chunks::<8>().0.iter().enumerate() {
            digits |= digit_bits(u64::from_le_bytes(*word)) << (index * 8);
            hits |= u64::from(self.word(*word, carry)) << index;
        }
        let mut starts = digits & !(digits << 1 | *after_digit);
        *after_digit = digits >> 63;
        if starts != 0 {
            starts &= !letters_before(block, base.checked_sub(1).and_then(|at| bytes.get(at)));
        }
        while starts != 0 {
            visit.digits(base + starts.trailing_zeros() as usize);
            starts &= starts - 1;
        }
        while hits != 0 {
            let word = base + hits.trailing_zeros() as usize * 8;
            hits &= hits - 1;
            for end in word + 1..=(word + 8).min(bytes.len()) {
                self.ends_at(bytes, end, visit);
            }
        }
    }

    #[inline]
    #[expect(clippy::indexing_slicing, reason = "a byte indexes a table of 256")]
    fn entry(&self, byte: u8) -> u64 {
        self.lanes[usize::from(byte)]
    }

    /// Whether an anchor may end in this word.
    #[inline]
    fn word(&self, word: [u8; 8], carry: &mut Carry) -> bool {
        let mut any = 0;
        for byte in word {
            let entry = self.entry(byte);
            let pair = entry & carry.entry << 16;
            any |= pair & carry.older_pair << 32;
            *carry = Carry { entry, pair, older_pair: carry.pair };
        }
        any >> LAST_LANE != 0
    }

    /// Reports the anchors that end before `end`.
    fn ends_at(&self, bytes: &[u8], end: usize, visit: &mut impl Visit) {
        let entry = |back: usize| {
            self.entry(end.checked_sub(back).and_then(|at| bytes.get(at)).copied().unwrap_or(0))
        };
        let mut buckets = (entry(1) & entry(2) << 16 & entry(3) << 32 & entry(4) << 48) >> LAST_LANE;
        while buckets != 0 {
            let bucket = self.buckets.get(buckets.trailing_zeros() as usize);
            buckets &= buckets - 1;
            for anchor in bucket.into_iter().flatten() {
                if let Some(start) = anchor.ends_at(bytes, end) {
                    visit.anchor(anchor.rule, start, end);
                }
            }
        }
    }
}

/// About how many of a thousand bytes of ordinary text have this value.
fn frequency(value: u8) -> u64 {
    match value {
        b' ' | b'e' | b't' | b'a' | b'o' | b'n' | b'i' | b's' | b'r' => 70,
        b'a'..=b'z' => 20,
        b'0'..=b'9' | b'"' | b',' | b'.' | b':' | b'-' | b'\n' => 10,
        b'A'..=b'Z' | b'_' | b'/' | b'=' => 3,
        _ => 1,
    }
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x80 * ONES;

/// One bit per byte of `word`, set where the byte is an ASCII digit; the lowest byte first.
#[inline]
fn digit_bits(word: u64) -> u64 {
    // A digit xor '0' is at most 9, so adding 0x76 leaves its high bit clear; masking first keeps carries in.
    let folded = word ^ (0x30 * ONES);
    let not_digit = ((folded & !HIGH).wrapping_add(0x76 * ONES) | folded) & HIGH;
    gather(!not_digit & HIGH)
}

/// One bit per byte of `block`, set where an ASCII letter stands before it.
#[inline]
fn letters_before(block: &[u8], before: Option<&u8>) -> u64 {
    let mut letters = 0;
    for (index, word) in block.as_chunks::<8>().0.iter().enumerate() {
        letters |= letter_bits(u64::from_le_bytes(*word)) << (index * 8);
    }
    letters << 1 | u64::from(before.is_some_and(u8::is_ascii_alphabetic))
}

/// One bit per byte of `word`, set where the byte is an ASCII letter; the lowest byte first.
#[inline]
fn letter_bits(word: u64) -> u64 {
    let folded = word | (0x20 * ONES);
    let low = folded & !HIGH;
    let from_a = low + (0x80 - 0x61) * ONES;
    let beyond_z = low + (0x80 - 0x7b) * ONES;
    gather(from_a & !beyond_z & !folded & HIGH)
}

/// Collects the high bits of eight bytes in one.
#[inline]
fn gather(high: u64) -> u64 {
    (high >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digit_bits_agree_with_the_definition() {
        for value in 0..=255_u8 {
            for place in 0..8 {
                let mut word = [b'x', 0xb0, b'/', b':', 0xff, 0, b'9' + 1, b'a'];
                word[place] = value;
                let expected = u64::from(value.is_ascii_digit()) << place;
                assert_eq!(digit_bits(u64::from_le_bytes(word)), expected, "{value} at {place}");
                let letters = letter_bits(u64::from_le_bytes(word)) >> place & 1;
                assert_eq!(letters, u64::from(value.is_ascii_alphabetic()), "{value} at {place}");
            }
        }
        assert_eq!(digit_bits(u64::from_le_bytes(*b"01234567")), 0xff);
        assert_eq!(digit_bits(u64::from_le_bytes(*b"8a9b0c1-")), 0b0101_0101);
    }

    #[derive(Default)]
    struct Log {
        anchors: Vec<(&'static str, usize, usize)>,
        digits: Vec<usize>,
    }

    impl Visit for Log {
        fn anchor(&mut self, rule: &'static Rule, start: usize, end: usize) {
            self.anchors.push((rule.id, start, end));
        }
        fn digits(&mut self, start: usize) {
            self.digits.push(start);
        }
    }

    /// The oracle: every anchor tried at every place.
    fn naive(bytes: &[u8]) -> (Vec<(&'static str, usize, usize)>, Vec<usize>) {
        let mut anchors = Vec::new();
        for rule in crate::rules() {
            for anchor in rule.anchors {
                for start in 0..bytes.len() {
                    let end = start + anchor.len();
                    let folded = matches!(rule.matcher, Matcher::Folded(_));
                    let equal = |part: &[u8]| {
                        part == anchor.as_bytes() || folded && part.eq_ignore_ascii_case(anchor.as_bytes())
                    };
                    if bytes.get(start..end).is_some_and(equal) {
                        anchors.push((rule.id, start, end));
                    }
                }
            }
        }
        let digits = (0..bytes.len())
            .filter(|&at| bytes[at].is_ascii_digit() && (at == 0 || !bytes[at - 1].is_ascii_alphanumeric()))
            .collect();
        (anchors, digits)
    }

    #[test]
    fn finds_exactly_what_a_naive_search_finds() {
        let filter = Filter::new(crate::rules().iter());
        let mut text = String::new();
        for (index, rule) in crate::rules().iter().enumerate() {
            for anchor in rule.anchors {
                text.push_str(&"x7".repeat(index % 11));
                text.push_str(anchor);
                text.push_str(&anchor.to_uppercase());
            }
        }
        for cut in [0, 1, 7, 8, 63, 64, 65, 200, text.len()] {
            let bytes = &text.as_bytes()[..cut];
            let mut log = Log::default();
            filter.walk(bytes, &mut log);
            let (mut anchors, digits) = naive(bytes);
            anchors.sort_unstable();
            log.anchors.sort_unstable();
            assert_eq!(log.anchors, anchors, "cut at {cut}");
            assert_eq!(log.digits, digits, "cut at {cut}");
        }
    }
}
