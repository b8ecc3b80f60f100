//! The tables of the walk: in which buckets of anchors a byte may stand, by its two halves.
//!
//! A vector shuffle looks a table of sixteen entries up for 32 bytes at once. So a byte is split into its
//! lower and its upper four bits; each half has a table that gives, in one bit per bucket, where it may
//! stand, and the byte may stand where both allow it. That lets some more bytes through than asked for:
//! anchors that share halves go into one bucket. The idea is that of Teddy (Hyperscan; the crate
//! `aho-corasick`), with more buckets and four lanes.

use std::cmp::Reverse;

use super::anchor::{Anchor, GRAM, frequency};

/// Buckets of one group, one bit each.
const BUCKETS: usize = 8;
pub(super) const GROUPS: usize = 4;

/// One table of sixteen entries, twice, as 256-bit shuffles want it.
pub(super) type Half = [u8; 32];

/// The tables of one lane in one group of buckets.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lane {
    pub(super) low: Half,
    pub(super) high: Half,
}

#[derive(Debug)]
pub(super) struct Tables {
    pub(super) lanes: [[Lane; GRAM]; GROUPS],
    /// The same for whole bytes, without vectors: per byte a bit per lane and bucket.
    pub(super) bytes: Box<[u128; 256]>,
}

impl Tables {
    /// Puts every anchor into the bucket where it costs least.
    pub(super) fn new(anchors: &[Anchor]) -> Self {
        let mut buckets = [Bucket::default(); BUCKETS * GROUPS];
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
            }
        }
        Self::of(&buckets)
    }

    fn of(buckets: &[Bucket; BUCKETS * GROUPS]) -> Self {
        let empty = Lane { low: [0; 32], high: [0; 32] };
        let mut tables = Self { lanes: [[empty; GRAM]; GROUPS], bytes: Box::new([0; 256]) };
        for (index, bucket) in buckets.iter().enumerate() {
            let bit = 1_u8 << (index % BUCKETS);
            for (lane, halves) in bucket.lanes.iter().enumerate() {
                let place = tables.lanes.get_mut(index / BUCKETS).and_then(|group| group.get_mut(lane));
                let Some(table) = place else { continue };
                for half in 0..32 {
                    let set = |mask: u16| if mask >> (half % 16) & 1 == 1 { bit } else { 0 };
                    if let (Some(low), Some(high)) = (table.low.get_mut(half), table.high.get_mut(half)) {
                        *low |= set(halves.low);
                        *high |= set(halves.high);
                    }
                }
                for (byte, entry) in (0..=u8::MAX).zip(tables.bytes.iter_mut()) {
                    *entry |= u128::from(halves.contains(byte)) << (lane * BUCKETS * GROUPS + index);
                }
            }
        }
        tables
    }
}

/// Which halves of a byte may stand in a lane, one bit each.
#[derive(Debug, Clone, Copy, Default)]
struct Halves {
    low: u16,
    high: u16,
}

impl Halves {
    fn contains(self, byte: u8) -> bool {
        self.low >> (byte & 15) & self.high >> (byte >> 4) & 1 == 1
    }

    /// How often ordinary text has a byte of these halves.
    fn weight(self) -> u64 {
        let lows = |high: u8| set_bits(self.low).map(move |low| frequency(high << 4 | low));
        set_bits(self.high).flat_map(lows).sum()
    }
}

/// The places of the bits that are set.
fn set_bits(mut bits: u16) -> impl Iterator<Item = u8> {
    std::iter::from_fn(move || {
        let low = u8::try_from(bits.trailing_zeros()).ok().filter(|_| bits != 0)?;
        bits &= bits - 1;
        Some(low)
    })
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    lanes: [Halves; GRAM],
    weights: [u64; GRAM],
}

impl Default for Bucket {
    fn default() -> Self {
        Self { lanes: [Halves::default(); GRAM], weights: [0; GRAM] }
    }
}

impl Bucket {
    fn weight(&self) -> u64 {
        self.weights.iter().product()
    }

    fn with(&self, anchor: &Anchor) -> Self {
        let mut grown = *self;
        for (lane, (halves, weight)) in grown.lanes.iter_mut().zip(&mut grown.weights).enumerate() {
            let old = *halves;
            match anchor.values(lane) {
                None => *halves = Halves { low: u16::MAX, high: u16::MAX },
                Some(values) => {
                    for value in values {
                        halves.low |= 1 << (value & 15);
                        halves.high |= 1 << (value >> 4);
                    }
                }
            }
            if (old.low, old.high) != (halves.low, halves.high) {
                *weight = halves.weight();
            }
        }
        grown
    }
}
