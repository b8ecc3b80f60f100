//! What arguments may cost, checked before anything expensive looks at them.

use crate::{
    code::Code,
    json::{Bounds, Document, JsonErrorKind, Kind, Value},
    rejection::Rejection,
};

/// Bounds on the arguments of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArgumentLimits {
    /// Bytes, depth, values and digits.
    pub bounds: Bounds,
    /// Most members and elements of any one container.
    pub max_members: usize,
}

impl ArgumentLimits {
    /// 1 MiB, depth 64, 20,000 values, 10,000 members: an agent that needs more writes to a file first.
    pub const DEFAULT: Self = Self {
        bounds: Bounds { max_bytes: 1 << 20, max_depth: 64, max_nodes: 20_000, max_number_len: 128 },
        max_members: 10_000,
    };
}

impl Default for ArgumentLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// What a call without arguments has.
pub(crate) const NO_ARGUMENTS: &str = "{}";

/// Parses the arguments and refuses what no tool should ever see: oversize, nesting, duplicate keys, half
/// characters, numbers that no arithmetic can hold, anything but an object.
pub(crate) fn check<'t>(text: &'t str, limits: &ArgumentLimits) -> Result<Document<'t>, Rejection> {
    let doc = Document::parse(text.as_bytes(), &limits.bounds).map_err(|error| {
        if error.kind.is_bound() {
            let hint = match error.kind {
                JsonErrorKind::TooLong => format!("at most {} bytes of arguments", limits.bounds.max_bytes),
                JsonErrorKind::TooDeep => format!("at most {} levels of nesting", limits.bounds.max_depth),
                JsonErrorKind::NumberTooLong => {
                    format!("at most {} digits in a number", limits.bounds.max_number_len)
                }
                _ => format!("at most {} values in the arguments", limits.bounds.max_nodes),
            };
            Rejection::new(Code::LimitExceeded).with_hint(hint)
        } else {
            Rejection::new(Code::ValidationError)
                .with_message(format!("the arguments cannot be read: {error}"))
        }
    })?;
    if !doc.root().is_object() {
        let received = doc.root().kind().type_name();
        return Err(Rejection::new(Code::ValidationError)
            .with_message("the arguments are not an object")
            .with_hint(format!("the arguments: expected object, received {received}")));
    }
    if doc.has_duplicate_keys() {
        return Err(Rejection::new(Code::ValidationError)
            .with_message("the arguments name a member twice")
            .with_hint("give every member of an object once"));
    }
    if doc.has_lone_surrogates() {
        return Err(Rejection::new(Code::ValidationError)
            .with_message("the arguments hold half of a surrogate pair")
            .with_hint("send complete Unicode characters"));
    }
    check_values(doc.root(), limits)?;
    Ok(doc)
}

/// Recursion is bounded by the depth that the parser let through.
fn check_values(value: Value<'_>, limits: &ArgumentLimits) -> Result<(), Rejection> {
    match value.kind() {
        Kind::Number => {
            let finite = value.as_number().and_then(|digits| digits.parse().ok()).is_some_and(f64::is_finite);
            if !finite {
                return Err(Rejection::new(Code::LimitExceeded).with_message("a number is out of range"));
            }
        }
        Kind::Array | Kind::Object => {
            if value.len() > limits.max_members {
                let hint = format!("at most {} members or elements in one container", limits.max_members);
                return Err(Rejection::new(Code::LimitExceeded).with_hint(hint));
            }
            value.elements().try_for_each(|element| check_values(element, limits))?;
            value.members().try_for_each(|(_, member)| check_values(member, limits))?;
        }
        Kind::Null | Kind::True | Kind::False | Kind::String => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{ArgumentLimits, check};
    use crate::code::Code;

    fn code(text: &str) -> Option<Code> {
        check(text, &ArgumentLimits::DEFAULT).err().map(|rejection| rejection.code())
    }

    #[test]
    fn refuses_before_anything_expensive() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(70), "]".repeat(70));
        let wide = format!("{{\"a\":[{}1]}}", "1,".repeat(10_000));
        let long_number = format!("{{\"a\":{}}}", "1".repeat(200));
        for (text, expected) in [
            (r#"{"a":1}"#, None),
            (r#"{"a":1e308,"b":12345678901234567890123}"#, None),
            ("[]", Some(Code::ValidationError)),
            ("null", Some(Code::ValidationError)),
            ("\"{}\"", Some(Code::ValidationError)),
            ("{", Some(Code::ValidationError)),
            (r#"{"a":1,"a":2}"#, Some(Code::ValidationError)),
            (r#"{"x":{"a":1,"\u0061":2}}"#, Some(Code::ValidationError)),
            (r#"{"a":"\ud800"}"#, Some(Code::ValidationError)),
            (r#"{"a":NaN}"#, Some(Code::ValidationError)),
            (r#"{"a":1e400}"#, Some(Code::LimitExceeded)),
            (&long_number, Some(Code::LimitExceeded)),
            (&deep, Some(Code::LimitExceeded)),
            (&wide, Some(Code::LimitExceeded)),
        ] {
            assert_eq!(code(text), expected, "{text:.60}");
        }
    }

    #[test]
    fn five_megabytes_are_not_echoed() {
        let secret = "s3cr3t".repeat(1_000_000);
        let rejection = check(&format!("{{\"a\":\"{secret}\"}}"), &ArgumentLimits::DEFAULT).unwrap_err();
        assert_eq!(rejection.code(), Code::LimitExceeded);
        assert!(rejection.to_agent_json().len() < 1000);
        assert!(!rejection.to_agent_json().contains("s3cr3t"));
    }
}
