//! The digits of a number that is written with a point or an exponent.

/// No identifier has more digits.
const MOST_DIGITS: usize = 32;

/// The digits of the whole number that `written` is equal to, without its sign; `None` where it is written as
/// one already, is none, or is too long to identify anything.
pub(super) fn plain_digits(written: &str) -> Option<String> {
    let written = written.strip_prefix('-').unwrap_or(written);
    let (mantissa, exponent) = written.split_once(['e', 'E']).unwrap_or((written, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.len() == written.len() {
        return None;
    }
    let exponent: i64 = exponent.parse().ok()?;
    let digits = whole.bytes().chain(fraction.bytes()).map(char::from);
    let mut digits: String = digits.skip_while(|digit| *digit == '0').collect();
    // How many zeros to append, or to find at the end.
    let zeros = exponent.checked_sub(i64::try_from(fraction.len()).ok()?)?;
    let count = usize::try_from(zeros.unsigned_abs()).ok()?;
    if zeros < 0 {
        let kept = digits.len().checked_sub(count)?;
        if digits.bytes().skip(kept).any(|digit| digit != b'0') {
            return None;
        }
        digits.truncate(kept);
    } else if count <= MOST_DIGITS {
        digits.extend(std::iter::repeat_n('0', count));
    } else {
        return None;
    }
    (1..=MOST_DIGITS).contains(&digits.len()).then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::plain_digits;

    #[test]
    fn whole_numbers_in_any_form() {
        for (written, expected) in [
            ("523456781.0", Some("523456781")),
            ("5.23456781e8", Some("523456781")),
            ("52345678.1e1", Some("523456781")),
            ("-0.523456781E+9", Some("523456781")),
            ("52345678100e-2", Some("523456781")),
            ("4539578763621486.000", Some("4539578763621486")),
            ("523456781", None),
            ("-523456781", None),
            ("523456781.5", None),
            ("5.234567811e8", None),
            ("0.0", None),
            ("1e31", Some("10000000000000000000000000000000")),
            ("1e32", None),
            ("1e999999999999999999999999", None),
            ("1e-9223372036854775808", None),
        ] {
            assert_eq!(plain_digits(written).as_deref(), expected, "{written}");
        }
    }
}
