//! Conditions on plain values: ranges, lists of values, regular expressions.

use regex::{Regex, RegexBuilder};

use super::{Decimal, Denied};
use crate::json::{Kind, Value};

/// Memory that a compiled expression may take; matching is linear in the value.
const MAX_REGEX_BYTES: usize = 1 << 20;

pub(super) fn check_range(
    value: Value<'_>,
    min: Option<&Decimal>,
    max: Option<&Decimal>,
) -> Result<(), Denied> {
    let number: Decimal = value
        .as_number()
        .and_then(|digits| digits.parse().ok())
        .ok_or_else(|| Denied::argument("must be a number that can be compared"))?;
    if let Some(max) = max.filter(|max| number > **max) {
        return Err(Denied::argument("is too large").hint(format!("use a number of at most {max}")));
    }
    if let Some(min) = min.filter(|min| number < **min) {
        return Err(Denied::argument("is too small").hint(format!("use a number of at least {min}")));
    }
    Ok(())
}

pub(super) fn check_one_of(value: Value<'_>, accepted: &[serde_json::Value]) -> Result<(), Denied> {
    const MAX_SHOWN: usize = 20;
    if accepted.iter().any(|one| equal(value, one)) {
        return Ok(());
    }
    let shown: Vec<_> = accepted.iter().take(MAX_SHOWN).map(|one| format!("`{one}`")).collect();
    let more = if accepted.len() > MAX_SHOWN { " and others" } else { "" };
    Err(Denied::argument("is not one of the accepted values")
        .hint(format!("use one of {}{more}", shown.join(", "))))
}

/// Equality of JSON values. Recursion goes as deep as the operator's value.
fn equal(value: Value<'_>, expected: &serde_json::Value) -> bool {
    use serde_json::Value as Expected;
    match expected {
        Expected::Null => value.kind() == Kind::Null,
        Expected::Bool(expected) => value.as_bool() == Some(*expected),
        Expected::Number(expected) => {
            let number = value.as_number().and_then(|digits| digits.parse::<Decimal>().ok());
            number.is_some() && number == expected.to_string().parse().ok()
        }
        Expected::String(expected) => value.is_text(expected) && !value.has_lone_surrogate(),
        Expected::Array(expected) => {
            value.is_array()
                && value.len() == expected.len()
                && value.elements().zip(expected).all(|(element, expected)| equal(element, expected))
        }
        Expected::Object(expected) => {
            value.is_object()
                && !value.has_duplicate_key()
                && value.len() == expected.len()
                && expected
                    .iter()
                    .all(|(name, expected)| value.get(name).is_some_and(|member| equal(member, expected)))
        }
    }
}

/// A regular expression for a whole text.
#[derive(Clone, Debug)]
pub(super) struct WholeMatch(Regex);

impl WholeMatch {
    pub(super) fn compile(text: &str) -> Result<Self, String> {
        // By itself first, so that `a)|(b` does not become an expression by what is put around it.
        for expression in [text, &format!(r"\A(?:{text})\z")] {
            let regex = RegexBuilder::new(expression).size_limit(MAX_REGEX_BYTES).nest_limit(100).build();
            match regex {
                Ok(regex) if expression != text => return Ok(Self(regex)),
                Ok(_) => {}
                Err(error) => return Err(regex_message(&error)),
            }
        }
        Err("the regular expression cannot be compiled".to_owned())
    }

    pub(super) fn check(&self, text: &str) -> Result<(), Denied> {
        if self.0.is_match(text) {
            return Ok(());
        }
        let shown = self.0.as_str();
        let shown = shown.strip_prefix(r"\A(?:").and_then(|rest| rest.strip_suffix(r")\z")).unwrap_or(shown);
        Err(Denied::argument("does not have the accepted form")
            .hint(format!("the whole value must match the regular expression `{shown}`")))
    }
}

fn regex_message(error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(_) => "the regular expression takes too much memory".to_owned(),
        other => {
            let text = other.to_string();
            let reason = text.lines().last().unwrap_or_default();
            format!(
                "the regular expression cannot be compiled: {}",
                reason.strip_prefix("error: ").unwrap_or(reason)
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Decimal, WholeMatch, check_one_of, check_range};
    use crate::json::{Bounds, Document};

    fn range(json: &str, min: Option<&str>, max: Option<&str>) -> bool {
        let doc = Document::parse(json.as_bytes(), &Bounds::DEFAULT).unwrap();
        let parse = |text: &str| text.parse::<Decimal>().unwrap();
        check_range(doc.root(), min.map(parse).as_ref(), max.map(parse).as_ref()).is_ok()
    }

    #[test]
    fn ranges_are_exact() {
        for (json, min, max, expected) in [
            ("100", None, Some("100"), true),
            ("101", None, Some("100"), false),
            ("100.0000000000000000000001", None, Some("100"), false),
            ("9007199254740993", None, Some("9007199254740992"), false),
            ("9007199254740992", None, Some("9007199254740992"), true),
            ("1e400", None, Some("100"), false),
            ("-1e400", None, Some("100"), true),
            ("-1", Some("0"), None, false),
            ("-0", Some("0"), None, true),
            ("1E2", Some("100"), Some("100"), true),
            ("1e99999999999999999999", None, Some("100"), false),
            ("0e99999999999999999999", None, Some("100"), false),
            ("\"50\"", None, Some("100"), false),
            ("true", Some("0"), None, false),
            ("null", Some("0"), None, false),
            ("[1]", Some("0"), None, false),
        ] {
            assert_eq!(range(json, min, max), expected, "{json} {min:?} {max:?}");
        }
    }

    #[test]
    fn one_of_means_json_equality() {
        let accepted = [
            serde_json::json!("read"),
            serde_json::json!(1),
            serde_json::json!(null),
            serde_json::json!(true),
            serde_json::json!([1, "a"]),
            serde_json::json!({"a": 1, "b": {"c": []}}),
            serde_json::json!(9_007_199_254_740_993_u64),
        ];
        for (json, expected) in [
            (r#""read""#, true),
            (r#""\u0072ead""#, true),
            (r#""Read""#, false),
            (r#""read ""#, false),
            ("1", true),
            ("1.0", true),
            ("10e-1", true),
            ("1.1", false),
            (r#""1""#, false),
            ("null", true),
            ("true", true),
            ("false", false),
            (r#"[1.0,"a"]"#, true),
            (r#"["a",1]"#, false),
            ("[1]", false),
            (r#"{"b":{"c":[]},"a":1}"#, true),
            (r#"{"b":{"c":[]},"a":1,"d":2}"#, false),
            (r#"{"b":{"c":[]},"a":1,"a":1}"#, false),
            ("9007199254740993", true),
            ("9007199254740992", false),
        ] {
            let doc = Document::parse(json.as_bytes(), &Bounds::DEFAULT).unwrap();
            assert_eq!(check_one_of(doc.root(), &accepted).is_ok(), expected, "{json}");
        }
    }

    #[test]
    fn expressions_match_the_whole_value() {
        for (expression, yes, no) in [
            ("[a-z]+", "abc", "abc1"),
            ("a|bc", "bc", "abc"),
            ("ab|a", "ab", "abc"),
            ("^a$", "a", "a\n"),
            ("(?m)^a$", "a", "a\nb"),
            ("(?s).*", "a\nb", "\0none"),
            (".*", "x", "a\nb"),
            ("", "", "a"),
        ] {
            let compiled = WholeMatch::compile(expression).unwrap();
            assert!(compiled.check(yes).is_ok(), "{expression}");
            assert_eq!(compiled.check(no).is_err(), no != "\0none", "{expression}");
        }
        let denied = WholeMatch::compile("[a-z]+").unwrap().check("1").unwrap_err();
        assert_eq!(denied.hint.unwrap(), "the whole value must match the regular expression `[a-z]+`");
    }

    #[test]
    fn expressions_are_bounded_and_their_problems_told() {
        for (expression, why) in [
            ("(", "unclosed group"),
            ("a)|(b", "unopened group"),
            (r"\w{500}{500}", "too much memory"),
            (r"(a)\1", "backreferences"),
            (&"(".repeat(200), "nest"),
        ] {
            let error = WholeMatch::compile(expression).unwrap_err();
            assert!(error.contains(why) || why == "nest", "{expression}: {error}");
        }
        // Exponential for engines that backtrack.
        assert!(WholeMatch::compile("(a|aa)+b").unwrap().check(&"a".repeat(100_000)).is_err());
    }
}
