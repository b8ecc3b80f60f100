//! The one walk over the text: finds every anchor that may matter, every digit run, every long run of letters and digits
//! and the places where text may be written in another way, and nothing else.
//!
//! It proceeds in stretches of 4 KiB, which stay in the first-level cache: vector code turns each 64 bytes
//! into a few words of one bit per byte ([`block::Block`]), and integer code then visits the few places
//! that are set. The cost is the same for ten anchors or five hundred, and letter case folds for free.

mod anchor;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod block;
#[cfg(any(test, fuzzing))]
pub(crate) mod engine;
mod lead;
mod tables;

use self::{
    anchor::{Anchor, GRAM, Lookup, gram_at},
    block::{BLOCK, Block},
    lead::Leads,
    tables::Tables,
};
use crate::rule::Rule;
use std::ops::Range;

/// Blocks of one stretch, and one more, with which what goes on behind them is seen.
const STRETCH: usize = 64 + 1;
/// Blocks of a short text.
const FEW: usize = 8;
/// Shorter runs of letters and digits hide nothing that could be told from a word.
pub(crate) const RUN: usize = 16;
const LONG_RUN: [u32; 4] = [1, 2, 4, 8];

/// Numbers that are told have so many digits, or so many groups of them.
const FEWEST_DIGITS: u32 = 7;
const MANY_GROUPS: u32 = 4;
/// And so many characters in all, seven.
const SHORTEST_NUMBER: [u32; 3] = [1, 2, 3];

/// Colons of an IPv6 address without `::`, one less where an IPv4 address ends it, and how far from a digit in
/// it they stand at most.
const COLONS: u32 = 6;
const REACH: u32 = 40;
const NEIGHBOURS: u128 = (1 << (2 * REACH)) - 1;

/// Told what the walk finds, in order of position within one block for each of the methods.
pub(crate) trait Visit {
    /// Whether to tell of numbers: of [`digits`](Self::digits), [`colons`](Self::colons) and [`code`](Self::code).
    const NUMBERS: bool;

    /// `rule`'s anchor stands at `start..end`.
    fn anchor(&mut self, rule: &'static Rule, start: usize, end: usize);
    /// A run of `len` ASCII digits, or of more than 40, starts at `start`: neither directly behind a letter
    /// or `_`, nor as a further part of a word or number with `.`, `-` or `:`. Too few digits for any number, in the
    /// run and in what may be further groups of it, are not told.
    fn digits(&mut self, start: usize, len: usize);
    /// A digit stands at `at` behind a colon, and as many colons as IPv6 addresses have stand around it.
    fn colons(&mut self, at: usize);
    /// A run of ASCII digits starts at `start`, directly behind two upper-case letters that start a word.
    fn code(&mut self, start: usize);
    /// A run of at least [`RUN`] ASCII letters and digits starts at `start`.
    fn run(&mut self, start: usize);
    /// A [mark](block::is_mark) or a character outside ASCII stands at `at`; in order of position over all calls.
    fn mark(&mut self, at: usize);
    /// What stands before a place of the text was told, and is still in the cache.
    fn settle(&mut self) {}
}

type Scan = fn(&Tables, &[u8], &mut [Block]);

/// The compiled anchors of a rule table.
#[derive(Debug)]
pub(crate) struct Filter {
    tables: Tables,
    /// Anchors by the length of their gram; most have four bytes.
    four: Lookup,
    shorter: [Lookup; GRAM - 1],
    leads: Leads,
    scan: Scan,
}

impl Filter {
    /// Compiles the anchors of `rules`.
    pub(crate) fn new(rules: impl Iterator<Item = &'static Rule>) -> Self {
        let (mut anchors, mut leads) = (Vec::new(), Vec::new());
        for rule in rules {
            for text in rule.anchors {
                match lead::start_of_run(rule, text) {
                    Some(start) => leads.push((rule, *text, start)),
                    None => anchors.push(Anchor::new(rule, text)),
                }
            }
        }
        Self {
            tables: Tables::new(&anchors),
            four: Lookup::new(&anchors, GRAM),
            shorter: [3, 2, 1].map(|len| Lookup::new(&anchors, len)),
            leads: Leads::new(leads.into_iter()),
            scan: best(),
        }
    }

    /// Walks over the text once and tells `visit` what it finds. Linear; allocates nothing.
    ///
    /// Anchors and marks are told up to the end of `part`, and the rest only from its start on, give or take a block.
    pub(crate) fn walk(&self, bytes: &[u8], part: &Range<usize>, visit: &mut impl Visit) {
        // Most texts are members of a JSON document: room for a whole stretch would cost more than looking at them.
        if bytes.len() <= FEW * BLOCK {
            self.walk_by::<FEW>(bytes, part, visit);
        } else {
            self.walk_by::<STRETCH>(bytes, part, visit);
        }
    }

    /// The walk, with room for so many blocks at a time.
    fn walk_by<const ROOM: usize>(&self, bytes: &[u8], part: &Range<usize>, visit: &mut impl Visit) {
        let scan = self.scan();
        let mut blocks = [Block::default(); ROOM];
        let mut walk = Walk { filter: self, bytes, from: part.start, before: Block::default() };
        let all = bytes.len().min(part.end).div_ceil(BLOCK);
        let mut first = 0;
        while first < all {
            let base = first * BLOCK;
            let seen = blocks.get_mut(..ROOM.min(all - first)).unwrap_or_default();
            fetch(bytes, base + ROOM * BLOCK, ROOM);
            scan(&self.tables, bytes.get(base..).unwrap_or_default(), seen);
            let told = seen.len() - usize::from(first + seen.len() < all);
            walk.stretch(seen, told, base, visit);
            visit.settle();
            first += told;
        }
    }

    fn scan(&self) -> Scan {
        #[cfg(any(test, fuzzing))]
        if let Some(scan) = engine::chosen() {
            return scan;
        }
        self.scan
    }

    /// Tells of the anchors whose gram stands at `at`.
    #[inline]
    fn grams(&self, bytes: &[u8], at: usize, visit: &mut impl Visit) {
        let gram = gram_at(bytes, at);
        let [three, two, one] = &self.shorter;
        // All of them before the first branch: this is where most places end.
        let any = self.four.may_have(gram) | three.may_have(gram) | two.may_have(gram) | one.may_have(gram);
        if any {
            self.tell(gram, bytes, at, visit);
        }
    }

    #[inline(never)]
    fn tell(&self, gram: u32, bytes: &[u8], at: usize, visit: &mut impl Visit) {
        for lookup in std::iter::once(&self.four).chain(&self.shorter) {
            if lookup.may_have(gram) {
                tell(lookup.of(gram), bytes, at, visit);
            }
        }
    }
}

#[inline]
fn tell(anchors: &[Anchor], bytes: &[u8], at: usize, visit: &mut impl Visit) {
    for anchor in anchors {
        if let Some((start, end)) = anchor.stands(bytes, at) {
            visit.anchor(anchor.rule, start, end);
        }
    }
}

/// Touches every cache line of the stretch at `at`, so that it is on its way while the one before is worked
/// on: the loads depend on nothing and nothing depends on them. Worth 20 to 50 % on text out of memory.
#[inline]
fn fetch(bytes: &[u8], at: usize, blocks: usize) {
    let lines = bytes.get(at..).unwrap_or_default().iter().step_by(BLOCK).take(blocks);
    std::hint::black_box(lines.fold(0_u8, |sum, byte| sum ^ byte));
}

/// The fastest code that this processor can run.
fn best() -> Scan {
    #[cfg(target_arch = "x86_64")]
    if let Some(scan) = avx512::detect().or_else(avx2::detect) {
        return scan;
    }
    block::scan
}

/// Visits what the blocks tell.
struct Walk<'f, 't> {
    filter: &'f Filter,
    bytes: &'t [u8],
    /// Where numbers and runs begin to matter.
    from: usize,
    /// The block before, of which the last bits matter.
    before: Block,
}

impl Walk<'_, '_> {
    /// Tells of the first `told` blocks from `base` on.
    fn stretch(&mut self, blocks: &[Block], told: usize, base: usize, visit: &mut impl Visit) {
        let nothing = Block::default();
        // Before this block, numbers and runs do not matter.
        let skipped = self.from.saturating_sub(base) / BLOCK;
        for (index, block) in blocks.iter().take(told).enumerate() {
            let next = blocks.get(index + 1).unwrap_or(&nothing);
            self.block(block, base + index * BLOCK, next, index >= skipped, visit);
        }
    }

    #[inline]
    fn block<V: Visit>(&mut self, block: &Block, base: usize, next: &Block, whole: bool, visit: &mut V) {
        let before = std::mem::replace(&mut self.before, *block);
        for at in bits(block.grams) {
            self.filter.grams(self.bytes, base + at, visit);
        }
        if whole {
            let starts = block.digits & !(block.digits << 1 | before.digits >> 63);
            if starts != 0 && V::NUMBERS {
                Self::numbers(block, &before, next, starts, base, visit);
            }
            let long = long_runs(block.url(), next.url(), LONG_RUN);
            if long != 0 {
                self.runs(block, &before, next, long, base, visit);
            }
        }
        for at in bits(block.marks | block.leads) {
            visit.mark(base + at);
        }
    }

    /// Tells of the runs of digits that start at `starts`, but for what the bytes before them rule out.
    #[inline]
    fn numbers(
        block: &Block,
        before: &Block,
        next: &Block,
        starts: u64,
        base: usize,
        visit: &mut impl Visit,
    ) {
        let behind = |this: u64, before: u64, by: u32| this << by | before >> (64 - by);
        let alnum = behind(block.alnum(), before.alnum(), 2);
        let joint = behind(block.dots | block.hyphens, before.dots | before.hyphens, 1) & alnum;
        let word = behind(block.letters | block.underscores, before.letters | before.underscores, 1);
        let colon = behind(block.colons, before.colons, 1);
        let time = colon & behind(block.digits, before.digits, 2);
        let told = starts & !(joint | word | time);
        if told != 0 {
            let next_starts = next.digits & !(next.digits << 1 | block.digits >> 63);
            // A separator that separates nothing ends the number before it.
            let parts = |block: &Block| block.digits | block.separators();
            let (this, behind) = (parts(block), parts(next));
            let this = block.digits | this & from(1, this, behind);
            let behind = next.digits | behind & behind >> 1;
            for at in bits(told & long_runs(this, behind, SHORTEST_NUMBER)) {
                let digits = from(at, block.digits, next.digits);
                let number = from(at, this, behind).trailing_ones();
                let inside = u64::MAX.checked_shr(64 - number).unwrap_or(0);
                // Where it goes on beyond what is seen, nobody knows.
                if number > 60
                    || (digits & inside).count_ones() >= FEWEST_DIGITS
                    || (from(at, starts, next_starts) & inside).count_ones() >= MANY_GROUPS
                {
                    visit.digits(base + at, digits.trailing_ones() as usize);
                }
            }
        }
        for at in bits(starts & colon & alnum) {
            let back = (u128::from(before.colons) | u128::from(block.colons) << 64) >> at >> (64 - REACH);
            let ahead = u128::from(from(at, block.colons, next.colons)) << REACH;
            let around = back & ((1 << REACH) - 1) | ahead;
            if (around & NEIGHBOURS).count_ones() >= COLONS {
                visit.colons(base + at);
            }
        }
        if starts & behind(block.letters, before.letters, 1) == 0 {
            return;
        }
        let upper = block.letters & !block.lower;
        let upper_before = before.letters & !before.lower;
        let pair = behind(upper, upper_before, 1) & behind(upper, upper_before, 2);
        let longer = behind(block.alnum(), before.alnum(), 3);
        for at in bits(starts & pair & !longer) {
            visit.code(base + at);
        }
    }

    /// Tells of tokens and encoded text that may start with a long run.
    fn runs(
        &self,
        block: &Block,
        before: &Block,
        next: &Block,
        long: u64,
        base: usize,
        visit: &mut impl Visit,
    ) {
        let starts = |this: u64, before: u64| this & !(this << 1 | before >> 63);
        let words = starts(block.alnum() | block.underscores, before.alnum() | before.underscores);
        for at in bits(long & (words | starts(block.url(), before.url()))) {
            self.filter.leads.at(self.bytes, base + at, |anchor, gram| {
                if let Some((start, end)) = anchor.stands(self.bytes, gram) {
                    visit.anchor(anchor.rule, start, end);
                }
            });
        }
        let plain = long_runs(block.alnum(), next.alnum(), LONG_RUN) & starts(block.alnum(), before.alnum());
        for at in bits(plain) {
            visit.run(base + at);
        }
    }
}

/// The 64 bits from the one at `at` on.
#[inline]
fn from(at: usize, this: u64, next: u64) -> u64 {
    this >> at | next << 1 << (63 - at)
}

/// From where on at least so many bits are set, the first ones of the next word counted; in steps that add up to one
/// less.
#[inline]
fn long_runs<const STEPS: usize>(this: u64, next: u64, steps: [u32; STEPS]) -> u64 {
    let mut long = u128::from(this) | u128::from(next) << 64;
    for step in steps {
        long &= long >> step;
    }
    #[expect(clippy::cast_possible_truncation, reason = "what starts in the upper half is not of this block")]
    let long = long as u64;
    long
}

/// The places of the bits that are set, from the lowest.
#[inline]
fn bits(mut word: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        (word != 0).then(|| {
            let at = word.trailing_zeros() as usize;
            word &= word - 1;
            at
        })
    })
}

#[cfg(test)]
mod tests;
