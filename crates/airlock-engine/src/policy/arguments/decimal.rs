//! Decimal numbers of any size, compared exactly.

use std::{cmp::Ordering, fmt, str::FromStr};

/// The text is no JSON number, or one with an exponent beyond all reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecimalError;

impl fmt::Display for DecimalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a finite decimal number")
    }
}

impl std::error::Error for DecimalError {}

/// A decimal number, exactly as written: `9007199254740993` differs from `9007199254740992`, and `0.1` is a
/// tenth. Equality and order are those of the values, so that `1`, `1.0` and `10e-1` are equal.
#[derive(Clone, Debug)]
pub struct Decimal {
    text: Box<str>,
    parts: Parts,
}

/// The value is ±0.DIGITS × 10^point; digits neither begin nor end with 0, and zero has none.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Parts {
    negative: bool,
    point: i64,
    digits: Box<str>,
}

/// Exponents up to this one: beyond it no sum can overflow, and nobody means such a number.
const MAX_EXPONENT: i64 = 1 << 40;

impl Decimal {
    /// Parses a JSON number. Cost: linear in its length.
    pub fn parse(text: &str) -> Result<Self, DecimalError> {
        let parts = parse(text).ok_or(DecimalError)?;
        Ok(Self { text: text.into(), parts })
    }

    /// The number as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for Decimal {
    type Err = DecimalError;

    fn from_str(text: &str) -> Result<Self, DecimalError> {
        Self::parse(text)
    }
}

fn parse(text: &str) -> Option<Parts> {
    let (negative, rest) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, parse_exponent(exponent)?),
        None => (rest, 0),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((_, "")) => return None,
        Some(split) => split,
        None => (mantissa, ""),
    };
    if whole.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    if whole.len() > 1 && whole.starts_with('0') {
        return None;
    }
    let digits = [whole, fraction].concat();
    let significant = digits.trim_start_matches('0');
    if significant.is_empty() {
        return Some(Parts { negative: false, point: 0, digits: Box::default() });
    }
    let leading_zeros = i64::try_from(digits.len() - significant.len()).ok()?;
    let point = i64::try_from(whole.len()).ok()?.checked_sub(leading_zeros)?.checked_add(exponent)?;
    Some(Parts { negative, point, digits: significant.trim_end_matches('0').into() })
}

fn parse_exponent(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok().filter(|exponent: &i64| exponent.abs() <= MAX_EXPONENT)
}

impl From<i64> for Decimal {
    fn from(number: i64) -> Self {
        let magnitude = number.unsigned_abs().to_string();
        let point = i64::try_from(magnitude.len()).unwrap_or_default();
        let digits = magnitude.trim_end_matches('0');
        let parts =
            Parts { negative: number < 0, point: if number == 0 { 0 } else { point }, digits: digits.into() };
        Self { text: number.to_string().into(), parts }
    }
}

impl TryFrom<f64> for Decimal {
    type Error = DecimalError;

    /// The shortest decimal that reads back as the same number, which is what somebody wrote as `0.1`.
    /// Infinity and NaN are no numbers.
    fn try_from(number: f64) -> Result<Self, DecimalError> {
        number.to_string().parse()
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Self) -> bool {
        self.parts == other.parts
    }
}

impl Eq for Decimal {}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        let (one, other) = (&self.parts, &other.parts);
        match (one.sign(), other.sign()) {
            (0, 0) => Ordering::Equal,
            (sign, other_sign) if sign != other_sign => sign.cmp(&other_sign),
            (1, _) => one.cmp_magnitude(other),
            _ => other.cmp_magnitude(one),
        }
    }
}

impl Parts {
    fn sign(&self) -> i8 {
        match (self.digits.is_empty(), self.negative) {
            (true, _) => 0,
            (false, false) => 1,
            (false, true) => -1,
        }
    }

    /// Digits compare like text, since they begin at the same place and the shorter one ends in zeros.
    fn cmp_magnitude(&self, other: &Self) -> Ordering {
        self.point.cmp(&other.point).then_with(|| self.digits.cmp(&other.digits))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Decimal;

    fn decimal(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn numbers_are_ordered_by_value() {
        let ascending = [
            "-1e400",
            "-9007199254740993",
            "-9007199254740992",
            "-100",
            "-99.9",
            "-1",
            "-0.001",
            "0",
            "1e-400",
            "0.0009",
            "0.001",
            "0.1",
            "0.10000000000000000001",
            "0.9",
            "1",
            "1.5",
            "9",
            "10",
            "99",
            "100",
            "9007199254740992",
            "9007199254740993",
            "18446744073709551616",
            "1e400",
            "1.0000000001e400",
            "1e401",
        ];
        for (index, one) in ascending.iter().enumerate() {
            for (other_index, other) in ascending.iter().enumerate() {
                assert_eq!(decimal(one).cmp(&decimal(other)), index.cmp(&other_index), "{one} {other}");
            }
        }
    }

    #[test]
    fn equal_values_are_equal_however_written() {
        for group in [
            &["1", "1.0", "10e-1", "0.1E1", "1e+0", "100e-2"][..],
            &["0", "-0", "0.000", "0e99"],
            &["120", "1.2e2", "12E1"],
        ] {
            for one in group {
                for other in group {
                    assert_eq!(decimal(one), decimal(other));
                }
            }
        }
        assert_eq!(Decimal::try_from(0.1).unwrap(), decimal("0.1"));
        assert_eq!(Decimal::try_from(1e300).unwrap(), decimal("1e300"));
        assert_eq!(Decimal::from(i64::MIN), decimal("-9223372036854775808"));
        assert_eq!(Decimal::from(0), decimal("0"));
        assert_eq!(Decimal::from(1000), decimal("1e3"));
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in [
            "",
            "-",
            "+1",
            "01",
            "-01",
            "1.",
            ".1",
            "1e",
            "1e+",
            "0x10",
            "1_000",
            " 1",
            "1 ",
            "NaN",
            "inf",
            "１",
            "1.2.3",
            "1e1e1",
            "1e99999999999999999999",
            "1e2000000000000",
        ] {
            assert!(text.parse::<Decimal>().is_err(), "{text:?}");
        }
        for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(Decimal::try_from(number).is_err());
        }
    }

    proptest! {
        #[test]
        fn agrees_with_integers(one in any::<i64>(), other in any::<i64>()) {
            prop_assert_eq!(Decimal::from(one).cmp(&Decimal::from(other)), one.cmp(&other));
            prop_assert_eq!(decimal(&one.to_string()), Decimal::from(one));
        }

        #[test]
        fn agrees_with_floats(one in any::<f64>(), other in any::<f64>()) {
            if let (Ok(left), Ok(right)) = (Decimal::try_from(one), Decimal::try_from(other)) {
                prop_assert_eq!(Some(left.cmp(&right)), one.partial_cmp(&other));
            }
        }
    }
}
