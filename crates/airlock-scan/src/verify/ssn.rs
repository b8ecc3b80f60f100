//! United States social security numbers.

use crate::{
    Confidence, Kind,
    rule::Sink,
    verify::{
        digits::{Number, Separator},
        nearby::named,
    },
};

/// Words that make nine digits a social security number.
const WORDS: [&str; 9] = [
    "ssn",
    "ssns",
    "social security",
    "socialsecurity",
    "social sec",
    "soc sec",
    "ss no",
    "ss number",
    "ss#",
];

/// Reports `523-45-6781`, and nine digits in other groups or none beside a word that says what they are.
pub(crate) fn verify(number: &Number<'_>, sink: &mut Sink<'_>) -> bool {
    let count = match number.groups() {
        [a, b, c, ..] if (a.len(), b.len(), c.len()) == (3, 2, 4) => 3,
        [a, ..] if a.len() == 9 => 1,
        [a, b, ..] if matches!((a.len(), b.len()), (3, 6) | (5, 4)) => 2,
        _ => return false,
    };
    if !sink.wants(Kind::Ssn) || !is_assignable_value(number.digits(count)) {
        return false;
    }
    let Some(end) = number.end_of(count) else { return false };
    let alone = if count == 3 { grouped(number) } else { None };
    let named = || named(number.text, number.start(), end, &WORDS).then_some(Confidence::High);
    let Some(confidence) = alone.or_else(named) else { return false };
    sink.report(Kind::Ssn, number.start()..end, confidence, "ssn");
    true
}

/// How sure the separators make it.
fn grouped(number: &Number<'_>) -> Option<Confidence> {
    match number.separator(3)? {
        Separator::Hyphen => Some(Confidence::High),
        // Columns of figures look the same: neither a number before nor one behind.
        Separator::Space => (number.follows == 0 && number.next_length(3) == 0).then_some(Confidence::Medium),
        Separator::Dot => Some(Confidence::Medium),
        _ => None,
    }
}

/// Whether nine digits lie in the ranges that are assigned.
fn is_assignable_value(digits: impl Iterator<Item = u8>) -> bool {
    let value = digits.fold(0_u32, |value, digit| value * 10 + u32::from(digit));
    is_assignable(value / 1_000_000, value / 10_000 % 100, value % 10_000)
}

/// Areas 000, 666 and 900 to 999, group 00 and serial 0000 are never assigned.
fn is_assignable(area: u32, group: u32, serial: u32) -> bool {
    area != 0 && area != 666 && area < 900 && group != 0 && serial != 0
}

#[cfg(test)]
mod tests {
    use crate::{Kind, KindSet, Scanner};

    fn found(text: &str) -> Vec<&str> {
        let mut out = Vec::new();
        Scanner::new(KindSet::none().with(Kind::Ssn)).scan(text, &mut out);
        out.into_iter().map(|finding| &text[finding.span]).collect()
    }

    #[test]
    fn separators_and_words() {
        for (text, expected) in [
            ("523-45-6781", &["523-45-6781"][..]),
            ("523 45 6781.", &["523 45 6781"]),
            ("523.45.6781", &["523.45.6781"]),
            ("523\u{2011}45\u{2011}6781", &["523\u{2011}45\u{2011}6781"]),
            ("{\"userSsn\": 523456781}", &["523456781"]),
            ("user_ssn_full=523456781", &["523456781"]),
            ("his Social Security number, as he said, is 523456781", &["523456781"]),
            ("523456781 (SSN)", &["523456781"]),
            ("ssn 523-456781", &["523-456781"]),
            ("ssn 52345-6781", &["52345-6781"]),
            ("ssn 523/45/6781", &["523/45/6781"]),
            ("523-45-6781 523456781", &["523-45-6781"]),
            ("523456781", &[]),
            ("52345-6781", &[]),
            ("523-456781", &[]),
            ("523/45/6781", &[]),
            ("ssn 666456781", &[]),
            ("ssn 923-45-6781", &[]),
            ("ssn 523-00-6781", &[]),
            ("ssn 523-45-0000", &[]),
            ("ssn 5234567811", &[]),
            ("1 523 45 6781 2", &[]),
            ("[SSN REDACTED] 523456781", &[]),
            ("ssn ***-**-6781", &[]),
            ("lesson 523456781", &[]),
        ] {
            assert_eq!(found(text), *expected, "{text}");
        }
    }
}
