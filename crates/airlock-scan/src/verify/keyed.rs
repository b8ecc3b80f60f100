//! The value of a member, header or variable whose name tells what it is.

use crate::{
    Confidence, Kind,
    placeholder::{is_masked, is_nothing, is_reference},
    rule::Sink,
    verify::card,
};

/// Reports the whole of `value`, if it is what its name tells.
pub(crate) fn whole(kind: Kind, value: &str, sink: &mut Sink<'_>) {
    let trimmed = value.trim();
    let start = value.len() - value.trim_start().len();
    let start = start + scheme(trimmed);
    let end = value.trim_end().len();
    let Some(value) = value.get(start..end) else { return };
    let bytes = value.as_bytes();
    if is_nothing(bytes) || is_masked(bytes) || is_reference(bytes) || !has_form(kind, value) {
        return;
    }
    let kind = if trimmed.get(..start.min(6)).is_some_and(|scheme| scheme.eq_ignore_ascii_case("basic ")) {
        Kind::Password
    } else {
        kind
    };
    sink.report(kind, start..end, Confidence::High, "keyed-value");
}

/// Length of the authentication scheme a header's value starts with.
pub(crate) fn scheme(value: &str) -> usize {
    const SCHEMES: [&str; 7] =
        ["bearer ", "basic ", "token ", "apikey ", "negotiate ", "api-token ", "api-key "];
    let starts =
        |scheme: &&&str| value.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    SCHEMES.iter().find(starts).map_or(0, |scheme| scheme.len())
}

/// Whether a value under a name of this kind has the kind's form. A secret may have any.
fn has_form(kind: Kind, value: &str) -> bool {
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    let only = |others: &str| {
        value.chars().all(|char| char.is_ascii_digit() || char.is_whitespace() || others.contains(char))
    };
    match kind {
        Kind::Ssn => digits == 9 && only("-./\u{2011}\u{2010}\u{2013}"),
        Kind::CreditCard => {
            (13..=19).contains(&digits) && only("-.\u{2011}") && !is_repeated(value) || {
                let digits = value.bytes().filter(u8::is_ascii_digit).map(|byte| byte - b'0');
                only("-.\u{2011}") && card::is_card(digits)
            }
        }
        Kind::Email => {
            let mut parts = value.split('@');
            let sides = [parts.next(), parts.next()];
            parts.next().is_none()
                && sides.iter().all(|side| side.is_some_and(|side| !side.is_empty()))
                && !value.contains(char::is_whitespace)
        }
        Kind::Phone => (7..=15).contains(&digits) && only("+-./()x\u{2011}") && !is_repeated(value),
        Kind::IpAddress => value.parse().is_ok_and(super::ip::is_of_interest),
        Kind::Iban => super::iban::is_iban(value),
        Kind::Passport
        | Kind::DriversLicense
        | Kind::AbaRouting
        | Kind::Bic
        | Kind::NationalId
        | Kind::MacAddress
        | Kind::DateOfBirth
        | Kind::CryptoWallet
        | Kind::Vin => super::ids::has_form(kind, value),
        // Only the password inside one is a finding, and scanning the value has found that.
        Kind::ConnectionString | Kind::Injection | Kind::CustomPii | Kind::CustomSecret => false,
        Kind::ApiKey
        | Kind::AwsAccessKey
        | Kind::AwsSecretKey
        | Kind::Jwt
        | Kind::PrivateKey
        | Kind::Password => true,
    }
}

/// One digit throughout: `0000 0000 0000 0000` stands for none.
fn is_repeated(value: &str) -> bool {
    let mut digits = value.bytes().filter(u8::is_ascii_digit);
    let first = digits.next();
    digits.all(|digit| Some(digit) == first)
}
