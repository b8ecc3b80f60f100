//! Numbers that name their country: `+44 20 7946 0958`, `0041 44 668 18 00`, `001-415-555-0132`.

use super::Candidate;
use crate::verify::digits::Separator;

/// Country codes of one and two digits with the most digits, code included, that their numbers have.
const CODES: [(u8, u8); 46] = [
    (1, 11),
    (7, 11),
    (20, 12),
    (27, 11),
    (30, 12),
    (31, 11),
    (32, 11),
    (33, 11),
    (34, 11),
    (36, 11),
    (39, 13),
    (40, 11),
    (41, 11),
    (43, 15),
    (44, 12),
    (45, 10),
    (46, 12),
    (47, 10),
    (48, 11),
    (49, 14),
    (51, 11),
    (52, 13),
    (53, 10),
    (54, 13),
    (55, 13),
    (56, 11),
    (57, 12),
    (58, 12),
    (60, 12),
    (61, 11),
    (62, 14),
    (63, 12),
    (64, 12),
    (65, 10),
    (66, 11),
    (81, 12),
    (82, 12),
    (84, 12),
    (86, 13),
    (90, 12),
    (91, 12),
    (92, 12),
    (93, 11),
    (94, 11),
    (95, 12),
    (98, 12),
];
/// The most digits of a number of a country with a code of three digits.
const LONGEST: usize = 13;

/// Behind a plus sign.
pub(super) fn with_plus(candidate: &Candidate<'_>) -> Option<usize> {
    let number = candidate.number;
    if number.text.before(number.start(), 2).is_ascii_alphanumeric() || candidate.first() == b'0' {
        return None;
    }
    // `+10000-09-09` is a date of a far year.
    let date = matches!(candidate.lengths, [4..=u8::MAX, 1 | 2, 1 | 2, ..])
        && candidate.separator(2) == Some(Separator::Hyphen);
    if date { None } else { number_from(candidate, 0) }
}

/// Behind the zeros that are dialled for it.
pub(super) fn with_zeros(candidate: &Candidate<'_>) -> Option<usize> {
    if candidate.first() != b'0'
        || candidate.total < 11
        || candidate.groups.len() < 2 && !candidate.has_extension(1)
    {
        return None;
    }
    let zeros = match candidate.prefix(3) {
        11 if candidate.lengths.first() == Some(&3) => 3,
        1..=9 if candidate.digit(1) == 0 => 2,
        _ => return None,
    };
    if candidate.number.follows != 0 { None } else { number_from(candidate, zeros) }
}

/// The number whose country code starts behind `skip` digits.
fn number_from(candidate: &Candidate<'_>, skip: usize) -> Option<usize> {
    let digit = |index: usize| u32::from(candidate.digit(skip + index));
    let most = longest(digit(0), digit(1), digit(2))? + skip;
    let north_american = digit(0) == 1;
    let grouped = candidate.groups.len() > 1;
    let least = skip
        + if north_american {
            11
        } else if grouped {
            8
        } else {
            9
        };
    if north_american && !grouped && (digit(1) < 2 || digit(4) < 2) {
        return None;
    }
    let (mut total, mut count) = (0, 0);
    for group in candidate.groups {
        // The trunk zero in parentheses is not dialled from abroad.
        let trunk = candidate.number.is_trunk_zero(*group);
        if !trunk && total + group.len() > most {
            // What follows is another number only if this one is about complete.
            if total + 2 < most {
                return None;
            }
            break;
        }
        total += if trunk { 0 } else { group.len() };
        count += 1;
    }
    if total < least { None } else { candidate.end(count) }
}

/// The most digits of a number with this country code; `None` where no country has it.
fn longest(first: u32, second: u32, third: u32) -> Option<usize> {
    let (two, three) = (first * 10 + second, first * 100 + second * 10 + third);
    let known = |code: &&(u8, u8)| u32::from(code.0) == first || u32::from(code.0) == two;
    if let Some((_, most)) = CODES.iter().find(known) {
        return Some(usize::from(*most));
    }
    let assigned = matches!(
        three,
        211..=213 | 216 | 218 | 220..=258 | 260..=269 | 290 | 291 | 297..=299
            | 350..=359 | 370..=378 | 380..=383 | 385..=387 | 389 | 420 | 421 | 423
            | 500..=509 | 590..=599 | 670 | 672..=683 | 685..=692
            | 800 | 808 | 850 | 852 | 853 | 855 | 856 | 870 | 878 | 880..=883 | 886 | 888
            | 960..=968 | 970..=977 | 979 | 992..=996 | 998
    );
    assigned.then_some(LONGEST)
}
