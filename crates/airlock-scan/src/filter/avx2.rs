//! The same look at 64 bytes with 256-bit vectors. Here and in `avx512.rs` is the only `unsafe` of this crate.
//!
//! Every vector operation here is safe; what is not is to call a function for a processor that has no
//! AVX2, and [`detect`] is the only way to get one that does. The twin in `block.rs` gives the same
//! answers, which a property test holds.

use std::arch::x86_64::{
    __m256i, _mm256_add_epi8, _mm256_and_si256, _mm256_cmpeq_epi8, _mm256_cmpgt_epi8, _mm256_movemask_epi8,
    _mm256_or_si256, _mm256_set1_epi8, _mm256_setr_epi64x, _mm256_setzero_si256, _mm256_shuffle_epi8,
    _mm256_slli_epi16, _mm256_srli_epi16, _mm256_xor_si256,
};

use super::{
    Scan,
    block::{BLOCK, Block, SEEN, padded},
    tables::{Half, Tables},
};

/// The vector code, if this processor can run it.
pub(super) fn detect() -> Option<Scan> {
    is_x86_feature_detected!("avx2").then_some(scan as Scan)
}

fn scan(tables: &Tables, text: &[u8], blocks: &mut [Block]) {
    // SAFETY: `detect` hands this function out only where the processor has AVX2, which is all that
    // calling `scan_avx2` asks for.
    #[expect(unsafe_code, reason = "the call into code for another set of processor features")]
    unsafe {
        scan_avx2(tables, text, blocks);
    }
}

#[target_feature(enable = "avx2")]
fn scan_avx2(tables: &Tables, text: &[u8], blocks: &mut [Block]) {
    for (index, block) in blocks.iter_mut().enumerate() {
        let rest = text.get(index * BLOCK..).unwrap_or_default();
        let last;
        let seen = if let Some(seen) = rest.first_chunk::<SEEN>() {
            seen
        } else {
            last = padded(rest);
            &last
        };
        let (low, high) = (look::<0, 1, 2, 3>(tables, seen), look::<32, 33, 34, 35>(tables, seen));
        *block = Block {
            grams: join(low.grams, high.grams),
            digits: join(low.digits, high.digits),
            letters: join(low.letters, high.letters),
            lower: join(low.lower, high.lower),
            underscores: join(low.underscores, high.underscores),
            hyphens: join(low.hyphens, high.hyphens),
            dots: join(low.dots, high.dots),
            colons: join(low.colons, high.colons),
            gaps: join(low.gaps, high.gaps),
            marks: join(low.marks, high.marks),
            leads: join(low.leads, high.leads),
        };
    }
}

/// The masks of half a block.
struct HalfBlock {
    grams: i32,
    digits: i32,
    letters: i32,
    lower: i32,
    underscores: i32,
    hyphens: i32,
    dots: i32,
    colons: i32,
    gaps: i32,
    marks: i32,
    leads: i32,
}

#[inline]
fn join(low: i32, high: i32) -> u64 {
    u64::from(low.cast_unsigned()) | u64::from(high.cast_unsigned()) << 32
}

#[inline]
#[target_feature(enable = "avx2")]
fn look<const A: usize, const B: usize, const C: usize, const D: usize>(
    tables: &Tables,
    seen: &[u8; SEEN],
) -> HalfBlock {
    let bytes = load::<A>(seen);
    let lanes = [parts(bytes), parts(load::<B>(seen)), parts(load::<C>(seen)), parts(load::<D>(seen))];
    let mut any = _mm256_setzero_si256();
    for group in &tables.lanes {
        let mut hits = _mm256_set1_epi8(-1);
        for (table, [first, second, high]) in group.iter().zip(lanes) {
            let [low, more] = &table.low;
            let letter = _mm256_or_si256(
                _mm256_shuffle_epi8(whole(low), first),
                _mm256_shuffle_epi8(whole(more), second),
            );
            let allowed = _mm256_and_si256(letter, _mm256_shuffle_epi8(whole(&table.high), high));
            hits = _mm256_and_si256(hits, allowed);
        }
        any = _mm256_or_si256(any, hits);
    }
    let class = class(bytes);
    // As signed numbers, the bytes inside characters are the least.
    let last_inner = _mm256_set1_epi8(0xbf_u8.cast_signed());
    HalfBlock {
        grams: nonzero(any),
        digits: nonzero(_mm256_and_si256(class, _mm256_set1_epi8(DIGIT.cast_signed()))),
        letters: nonzero(_mm256_and_si256(class, _mm256_set1_epi8((ALPHA_O | ALPHA_Z).cast_signed()))),
        lower: _mm256_movemask_epi8(_mm256_slli_epi16::<2>(bytes)),
        underscores: equal(bytes, b'_'),
        hyphens: equal(bytes, b'-'),
        dots: equal(bytes, b'.'),
        colons: equal(bytes, b':'),
        gaps: nonzero(_mm256_and_si256(class, _mm256_set1_epi8(GAP.cast_signed())))
            | _mm256_movemask_epi8(bytes),
        marks: marks(class, bytes, load::<B>(seen)),
        leads: _mm256_movemask_epi8(_mm256_and_si256(bytes, _mm256_cmpgt_epi8(bytes, last_inner))),
    }
}

/// [`block::is_mark`](super::block::is_mark) of each byte, which has this class, and the one behind it.
#[inline]
#[target_feature(enable = "avx2")]
fn marks(class: __m256i, bytes: __m256i, next: __m256i) -> i32 {
    let is =
        |class: __m256i, bits: u8| nonzero(_mm256_and_si256(class, _mm256_set1_epi8(bits.cast_signed())));
    let (others, equals) = (is(class, NEWLINE | PERCENT | BACKSLASH), equal(bytes, b'='));
    // Most of prose ends here.
    if others | equals == 0 {
        return 0;
    }
    let behind = self::class(next);
    let word = is(behind, DIGIT | ALPHA_O | ALPHA_Z) | equal(next, b'_');
    let line = equal(next, b'\n') | equal(next, b'\r');
    let escape = is(behind, BACKSLASH) | equal(next, b'u') | equal(next, b'U') | equal(next, b'x');
    is(class, NEWLINE) & word
        | is(class, PERCENT) & (word | equal(next, b'#'))
        | equals & (line | equal(next, b'3'))
        | is(class, BACKSLASH) & (line | escape | equal(next, b'/'))
}

/// The classes of each byte.
#[inline]
#[target_feature(enable = "avx2")]
fn class(bytes: __m256i) -> __m256i {
    let (low, high) = nibbles(bytes);
    _mm256_and_si256(_mm256_shuffle_epi8(whole(&LOW), low), _mm256_shuffle_epi8(whole(&HIGH), high))
}

/// Classes of bytes, each a product of halves.
const DIGIT: u8 = 1;
/// `A` to `O` and `a` to `o`.
const ALPHA_O: u8 = 2;
/// `P` to `Z` and `p` to `z`.
const ALPHA_Z: u8 = 4;
const NEWLINE: u8 = 8;
/// `%` and `&`
const PERCENT: u8 = 16;
const BACKSLASH: u8 = 32;
/// A space, `/`, `(`, `)` and `%`
const GAP: u8 = 64;

const LOW: Half = twice([
    DIGIT | ALPHA_Z | GAP,
    DIGIT | ALPHA_O | ALPHA_Z,
    DIGIT | ALPHA_O | ALPHA_Z,
    DIGIT | ALPHA_O | ALPHA_Z,
    DIGIT | ALPHA_O | ALPHA_Z,
    DIGIT | ALPHA_O | ALPHA_Z | PERCENT | GAP,
    DIGIT | ALPHA_O | ALPHA_Z | PERCENT,
    DIGIT | ALPHA_O | ALPHA_Z,
    DIGIT | ALPHA_O | ALPHA_Z | GAP,
    DIGIT | ALPHA_O | ALPHA_Z | GAP,
    ALPHA_O | ALPHA_Z | NEWLINE,
    ALPHA_O,
    ALPHA_O | BACKSLASH,
    ALPHA_O,
    ALPHA_O,
    ALPHA_O | GAP,
]);

const HIGH: Half = twice([
    NEWLINE,
    0,
    PERCENT | GAP,
    DIGIT,
    ALPHA_O,
    ALPHA_Z | BACKSLASH,
    ALPHA_O,
    ALPHA_Z,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
]);

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which checks the bounds")]
const fn twice(entries: [u8; 16]) -> Half {
    let mut table = [0; 32];
    let mut index = 0;
    while index < 32 {
        table[index] = entries[index % 16];
        index += 1;
    }
    table
}

/// The lower and the upper four bits of each byte. A byte that is not ASCII keeps its upper bits: the
/// tables have entries for them, too.
#[inline]
#[target_feature(enable = "avx2")]
fn nibbles(bytes: __m256i) -> (__m256i, __m256i) {
    let four = _mm256_set1_epi8(0x0f);
    (_mm256_and_si256(bytes, four), _mm256_and_si256(_mm256_srli_epi16::<4>(bytes), four))
}

/// The places of each byte in the three tables of a lane. A place with the upper bit set looks up nothing:
/// adding 0x70 sets it for the second half of the lower five bits, and turning it over for the first.
#[inline]
#[target_feature(enable = "avx2")]
fn parts(bytes: __m256i) -> [__m256i; 3] {
    let low = _mm256_add_epi8(_mm256_and_si256(bytes, _mm256_set1_epi8(0x1f)), _mm256_set1_epi8(0x70));
    let (_, high) = nibbles(bytes);
    [low, _mm256_xor_si256(low, _mm256_set1_epi8(0x80_u8.cast_signed())), high]
}

/// One bit per byte of this value.
#[inline]
#[target_feature(enable = "avx2")]
fn equal(bytes: __m256i, value: u8) -> i32 {
    _mm256_movemask_epi8(_mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(value.cast_signed())))
}

/// One bit per byte that is not zero.
#[inline]
#[target_feature(enable = "avx2")]
fn nonzero(bytes: __m256i) -> i32 {
    !_mm256_movemask_epi8(_mm256_cmpeq_epi8(bytes, _mm256_setzero_si256()))
}

/// 32 bytes from a constant place, which the compiler sees to be inside.
#[inline]
#[target_feature(enable = "avx2")]
fn load<const AT: usize>(seen: &[u8; SEEN]) -> __m256i {
    const { assert!(AT + 32 <= SEEN) };
    seen.get(AT..)
        .and_then(|rest| rest.first_chunk::<32>())
        .map_or(_mm256_setzero_si256(), |part| whole(part))
}

#[inline]
#[target_feature(enable = "avx2")]
fn whole(bytes: &[u8; 32]) -> __m256i {
    let word = |index: usize| {
        let word = bytes.as_chunks::<8>().0.get(index).copied().unwrap_or_default();
        i64::from_le_bytes(word)
    };
    _mm256_setr_epi64x(word(0), word(1), word(2), word(3))
}
