//! The tables of the walk: in which buckets of anchors a byte may stand, by its two halves.
//!
//! A vector shuffle looks a table of sixteen entries up for 32 bytes at once. So a byte is looked up by its
//! lower five bits, which tell one letter from another, and by its upper four, which tell letters from digits
//! and signs; both give, in one bit per bucket, where it may stand, and the byte may stand where both allow
//! it. That lets some more bytes through than asked for: anchors that share parts go into one bucket. The idea
//! is that of Teddy (Hyperscan; the crate `aho-corasick`), which has the lower four bits in place of five, and
//! which let three times as many places of ordinary text through.

use std::cmp::Reverse;

use super::anchor::{Anchor, GRAM, frequency};

/// Buckets of one group, one bit each.
const BUCKETS: usize = 8;
pub(super) const GROUPS: usize = 2;

/// One table of sixteen entries, twice, as 256-bit shuffles want it.
pub(super) type Half = [u8; 32];

/// The tables of one lane in one group of buckets.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lane {
    /// By the lower five bits: 0 to 15, and 16 to 31.
    pub(super) low: [Half; 2],
    /// By the upper four bits.
    pub(super) high: Half,
}

#[derive(Debug)]
pub(super) struct Tables {
    pub(super) lanes: [[Lane; GRAM]; GROUPS],
    /// The same for whole bytes, without vectors: per byte a bit per lane and bucket.
    pub(super) bytes: Box<[u64; 256]>,
    /// By the lower seven bits at once, where a processor looks that many up: exactly the bytes asked for.
    pub(super) wide: Box<[[Wide; GRAM]; GROUPS]>,
    /// By the [`blend`] of the first three bytes, there too: a byte of one anchor and one of another make no gram.
    pub(super) blends: Box<[Wide; GROUPS]>,
}

/// Where the first three bytes of a gram are looked up together, in the lower seven bits; the same for letters of
/// both cases.
pub(super) const fn blend([first, second, third]: [u8; 3]) -> u8 {
    (first | 0x20) ^ (second | 0x20) << 1 ^ (third | 0x20) << 2
}

/// A table of as many entries as ASCII has characters. Others look up those of their lower seven bits.
pub(super) type Wide = [u8; 128];

impl Tables {
    /// Puts every anchor into the bucket where it costs least.
    pub(super) fn new(anchors: &[Anchor]) -> Self {
        let mut buckets = [Bucket::default(); BUCKETS * GROUPS];
        let mut wide = Box::new([[[0; 128]; GRAM]; GROUPS]);
        let mut blends = Box::new([[0; 128]; GROUPS]);
        let mut sorted: Vec<&Anchor> = anchors.iter().collect();
        // The least selective ones first; the others then avoid their buckets.
        sorted.sort_by_cached_key(|anchor| Reverse(anchor.weight()));
        for anchor in sorted {
            let grown = buckets.iter().map(|bucket| bucket.with(anchor));
            let costs = grown.zip(&buckets).map(|(grown, bucket)| (grown.weight() - bucket.weight(), grown));
            let best = costs.enumerate().min_by_key(|(_, (cost, _))| *cost);
            if let Some((index, (_, grown))) = best
                && let Some(bucket) = buckets.get_mut(index)
            {
                *bucket = grown;
                add(&mut wide, index, anchor);
                blend_in(&mut blends, index, anchor);
            }
        }
        Self { wide, blends, ..Self::of(&buckets) }
    }

    fn of(buckets: &[Bucket; BUCKETS * GROUPS]) -> Self {
        let empty = Lane { low: [[0; 32]; 2], high: [0; 32] };
        let mut tables = Self {
            lanes: [[empty; GRAM]; GROUPS],
            bytes: Box::new([0; 256]),
            wide: Box::new([[[0; 128]; GRAM]; GROUPS]),
            blends: Box::new([[0; 128]; GROUPS]),
        };
        for (index, bucket) in buckets.iter().enumerate() {
            let bit = 1_u8 << (index % BUCKETS);
            for (lane, parts) in bucket.lanes.iter().enumerate() {
                let place = tables.lanes.get_mut(index / BUCKETS).and_then(|group| group.get_mut(lane));
                let Some(table) = place else { continue };
                let set = |part: u32, at: usize| if part >> at & 1 == 1 { bit } else { 0 };
                let [first, second] = &mut table.low;
                for at in 0..32 {
                    for (half, part, place) in [
                        (&mut *first, parts.low, at % 16),
                        (&mut *second, parts.low, at % 16 + 16),
                        (&mut table.high, parts.high, at % 16),
                    ] {
                        if let Some(entry) = half.get_mut(at) {
                            *entry |= set(part, place);
                        }
                    }
                }
                for (byte, entry) in (0..=u8::MAX).zip(tables.bytes.iter_mut()) {
                    *entry |= u64::from(parts.contains(byte)) << (lane * BUCKETS * GROUPS + index);
                }
            }
        }
        tables
    }
}

/// Lets the gram of an anchor through in a bucket.
fn add(wide: &mut [[Wide; GRAM]; GROUPS], bucket: usize, anchor: &Anchor) {
    let bit = 1 << (bucket % BUCKETS);
    for (lane, table) in wide.get_mut(bucket / BUCKETS).into_iter().flatten().enumerate() {
        match anchor.values(lane) {
            None => table.iter_mut().for_each(|entry| *entry |= bit),
            Some(values) => {
                for value in values {
                    if let Some(entry) = table.get_mut(usize::from(value & 0x7f)) {
                        *entry |= bit;
                    }
                }
            }
        }
    }
}

/// Lets the blend of its gram through in a bucket; where a byte may be any, all of them.
fn blend_in(blends: &mut [Wide; GROUPS], bucket: usize, anchor: &Anchor) {
    let bit = 1 << (bucket % BUCKETS);
    let Some(table) = blends.get_mut(bucket / BUCKETS) else { return };
    match anchor.gram().first_chunk::<3>() {
        None => table.iter_mut().for_each(|entry| *entry |= bit),
        Some(first) => {
            if let Some(entry) = table.get_mut(usize::from(blend(*first) & 0x7f)) {
                *entry |= bit;
            }
        }
    }
}

/// Which parts of a byte may stand in a lane, one bit each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Parts {
    /// The lower five bits.
    low: u32,
    /// The upper four.
    high: u32,
}

impl Parts {
    const ALL: Self = Self { low: u32::MAX, high: 0xffff };

    fn contains(self, byte: u8) -> bool {
        self.low >> (byte & 31) & self.high >> (byte >> 4) & 1 == 1
    }

    fn with(self, byte: u8) -> Self {
        Self { low: self.low | 1 << (byte & 31), high: self.high | 1 << (byte >> 4) }
    }

    /// How often ordinary text has a byte of these parts.
    fn weight(self) -> u64 {
        let bytes = |high: u8| {
            // The two parts share a bit.
            let low = if high & 1 == 0 { self.low & 0xffff } else { self.low >> 16 };
            set_bits(low).map(move |low| frequency(high << 4 | low))
        };
        set_bits(self.high).flat_map(bytes).sum()
    }
}

/// The places of the bits that are set.
fn set_bits(mut bits: u32) -> impl Iterator<Item = u8> {
    std::iter::from_fn(move || {
        let low = u8::try_from(bits.trailing_zeros()).ok().filter(|_| bits != 0)?;
        bits &= bits - 1;
        Some(low)
    })
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    lanes: [Parts; GRAM],
    weights: [u64; GRAM],
}

impl Default for Bucket {
    fn default() -> Self {
        Self { lanes: [Parts::default(); GRAM], weights: [0; GRAM] }
    }
}

impl Bucket {
    fn weight(&self) -> u64 {
        self.weights.iter().product()
    }

    fn with(&self, anchor: &Anchor) -> Self {
        let mut grown = *self;
        for (lane, (parts, weight)) in grown.lanes.iter_mut().zip(&mut grown.weights).enumerate() {
            let more = anchor.values(lane).map_or(Parts::ALL, |values| values.fold(*parts, Parts::with));
            if *parts != more {
                (*parts, *weight) = (more, more.weight());
            }
        }
        grown
    }
}
