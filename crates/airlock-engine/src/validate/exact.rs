//! Numbers and values compared as they are written: no rounding, so that 2⁵³ + 1 is not 2⁵³.

use std::{borrow::Cow, cmp::Ordering};

use jsonschema::{Keyword, ValidationError};
use serde_json::{Map, Value as SchemaValue};

use super::{budget, contract::ContractError};
use crate::{
    json::{DocumentJson, Kind, Value},
    policy::Decimal,
};

/// The keywords that bound a number.
const BOUNDS: [&str; 4] = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"];

/// The order of two numbers by their digits.
pub(crate) fn order_of_numbers(one: &str, other: &str) -> Option<Ordering> {
    if let (Ok(one), Ok(other)) = (one.parse::<i64>(), other.parse::<i64>()) {
        return Some(one.cmp(&other));
    }
    Some(one.parse::<Decimal>().ok()?.cmp(&other.parse().ok()?))
}

/// Up to so many bytes a number reads back from an `f64` as it was written.
const ALWAYS_EXACT: usize = 15;

/// The number as an `f64`, if that stands for no other number too.
pub(crate) fn exact_f64(digits: &str) -> Option<f64> {
    let number: f64 = digits.parse().ok().filter(|number: &f64| number.is_finite())?;
    let is_exact =
        || digits.parse().is_ok_and(|own: Decimal| Decimal::try_from(number).is_ok_and(|read| own == read));
    (digits.len() <= ALWAYS_EXACT || is_exact()).then_some(number)
}

/// Whether arguments are equal to a value of the schema: numbers by value, strings decoded.
pub(crate) fn equals(value: Value<'_>, expected: &SchemaValue) -> bool {
    budget::charge(1);
    match (value.kind(), expected) {
        (Kind::Null, SchemaValue::Null)
        | (Kind::True, SchemaValue::Bool(true))
        | (Kind::False, SchemaValue::Bool(false)) => true,
        (Kind::Number, SchemaValue::Number(expected)) => {
            order_of_numbers(value.raw(), &expected.to_string()) == Some(Ordering::Equal)
        }
        (Kind::String, SchemaValue::String(expected)) => {
            budget::charge_text(value.raw().len().min(expected.len()));
            value.is_text(expected)
        }
        (Kind::Array, SchemaValue::Array(expected)) => {
            value.len() == expected.len()
                && value.elements().zip(expected).all(|(element, expected)| equals(element, expected))
        }
        (Kind::Object, SchemaValue::Object(expected)) => {
            // No member is named twice, so equal counts and no stranger make the sets of names equal.
            value.len() == expected.len()
                && value.members().all(|(key, member)| {
                    let expected = expected.get(&*key.as_str().unwrap_or_default());
                    expected.is_some_and(|expected| equals(member, expected))
                })
        }
        _ => false,
    }
}

/// Whether no two elements are equal. Costs a sort.
pub(crate) fn are_unique<'v>(elements: impl Iterator<Item = Value<'v>>) -> bool {
    let mut elements: Vec<Value<'_>> = elements.collect();
    elements.sort_unstable_by(|one, other| order(*one, *other));
    elements.windows(2).all(|pair| match pair {
        [one, other] => order(*one, *other) != Ordering::Equal,
        _ => true,
    })
}

/// A total order of values in which equal means equal in JSON.
fn order(one: Value<'_>, other: Value<'_>) -> Ordering {
    budget::charge(1);
    let by_kind = (one.kind() as u8).cmp(&(other.kind() as u8));
    if by_kind != Ordering::Equal {
        return by_kind;
    }
    match one.kind() {
        Kind::Null | Kind::True | Kind::False => Ordering::Equal,
        Kind::Number => {
            budget::charge_text(one.raw().len() + other.raw().len());
            let decimal = |value: Value<'_>| value.raw().parse::<Decimal>().ok();
            // Exponents beyond all reason have no decimal; they are ordered by their text.
            let by_value = || decimal(one).cmp(&decimal(other));
            let by_text = || match (decimal(one), decimal(other)) {
                (None, None) => one.raw().cmp(other.raw()),
                _ => Ordering::Equal,
            };
            by_value().then_with(by_text)
        }
        Kind::String => {
            budget::charge_text(one.raw().len().min(other.raw().len()));
            one.as_str().cmp(&other.as_str())
        }
        Kind::Array => {
            let by_len = one.len().cmp(&other.len());
            let mut pairs = one.elements().zip(other.elements());
            by_len.then_with(|| first_difference(&mut pairs))
        }
        Kind::Object => one.len().cmp(&other.len()).then_with(|| order_of_objects(one, other)),
    }
}

fn first_difference<'v>(pairs: &mut dyn Iterator<Item = (Value<'v>, Value<'v>)>) -> Ordering {
    pairs.map(|(one, other)| order(one, other)).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

fn order_of_objects(one: Value<'_>, other: Value<'_>) -> Ordering {
    let (one, other) = (sorted_members(one), sorted_members(other));
    let names = || one.iter().map(|(name, _)| name).cmp(other.iter().map(|(name, _)| name));
    let mut values = one.iter().zip(&other).map(|((_, one), (_, other))| (*one, *other));
    names().then_with(|| first_difference(&mut values))
}

fn sorted_members(object: Value<'_>) -> Vec<(Cow<'_, str>, Value<'_>)> {
    let mut members = Vec::with_capacity(object.len());
    for (key, value) in object.members() {
        budget::charge_text(key.raw().len());
        members.push((key.as_str().unwrap_or_default(), value));
    }
    members.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
    members
}

/// A bound on a number, in place of the schema engine's own, which rounds to `f64`.
struct Bound {
    limit: Box<str>,
    /// Orders of the number to the limit that are fine.
    allowed: [Ordering; 2],
    words: &'static str,
}

impl Bound {
    /// `None` where the keyword bounds nothing by itself (draft-04's boolean `exclusiveMaximum`).
    fn new(keyword: &str, siblings: &Map<String, SchemaValue>, limit: &SchemaValue) -> Option<Self> {
        use Ordering::{Equal, Greater, Less};
        let is_strict = |sibling: &str| siblings.get(sibling) == Some(&SchemaValue::Bool(true));
        let (allowed, words) = match keyword {
            "minimum" if is_strict("exclusiveMinimum") => ([Greater; 2], "more than"),
            "maximum" if is_strict("exclusiveMaximum") => ([Less; 2], "less than"),
            "minimum" => ([Greater, Equal], "at least"),
            "maximum" => ([Less, Equal], "at most"),
            "exclusiveMinimum" => ([Greater; 2], "more than"),
            _ => ([Less; 2], "less than"),
        };
        Some(Self { limit: limit.as_number()?.to_string().into(), allowed, words })
    }
}

impl<'i> Keyword<'i, DocumentJson> for Bound {
    fn validate(&self, instance: Value<'i>) -> Result<(), ValidationError<'i>> {
        if self.is_valid(instance) {
            return Ok(());
        }
        Err(ValidationError::custom(format!("expected {} {}", self.words, self.limit)))
    }

    fn is_valid(&self, instance: Value<'i>) -> bool {
        let Some(digits) = Value::as_number(&instance) else {
            return true;
        };
        budget::charge_text(digits.len());
        order_of_numbers(digits, &self.limit).is_some_and(|order| self.allowed.contains(&order))
    }
}

/// A keyword that any value satisfies.
struct Nothing;

impl<'i> Keyword<'i, DocumentJson> for Nothing {
    fn validate(&self, _: Value<'i>) -> Result<(), ValidationError<'i>> {
        Ok(())
    }

    fn is_valid(&self, _: Value<'i>) -> bool {
        true
    }
}

/// The options with bounds that compare exactly.
pub(super) fn with_bounds(
    options: jsonschema::ValidationOptions<'_, std::sync::Arc<dyn jsonschema::Retrieve>, DocumentJson>,
) -> jsonschema::ValidationOptions<'_, std::sync::Arc<dyn jsonschema::Retrieve>, DocumentJson> {
    BOUNDS.into_iter().fold(options, |options, keyword| {
        options.with_keyword(keyword, move |siblings: &Map<String, SchemaValue>, limit: &SchemaValue, _| {
            let bound: Box<dyn for<'i> Keyword<'i, DocumentJson>> = match Bound::new(keyword, siblings, limit)
            {
                Some(bound) => Box::new(bound),
                None => Box::new(Nothing),
            };
            Ok(bound)
        })
    })
}

/// Refuses a schema that compares with a number which the compiled schema cannot hold: it would be
/// rounded, and the tool would not mean what it says. Recursion is bounded by the depth of the schema.
pub(super) fn check_numbers(schema: Value<'_>) -> Result<(), ContractError> {
    for (key, value) in schema.members() {
        let name = key.as_str().unwrap_or_default();
        let is_compared = match &*name {
            "const" | "enum" => holds_only_exact(value),
            "multipleOf" => value.as_number().is_none_or(is_exact),
            name if BOUNDS.contains(&name) => value.as_number().is_none_or(is_exact),
            _ => true,
        };
        if !is_compared {
            return Err(ContractError::new("a number in it has more digits than can be compared exactly"));
        }
        check_numbers(value)?;
    }
    schema.elements().try_for_each(check_numbers)
}

fn is_exact(digits: &str) -> bool {
    digits.parse::<u64>().is_ok() || digits.parse::<i64>().is_ok() || exact_f64(digits).is_some()
}

fn holds_only_exact(value: Value<'_>) -> bool {
    Value::as_number(&value).is_none_or(is_exact)
        && value.elements().all(holds_only_exact)
        && value.members().all(|(_, member)| holds_only_exact(member))
}

#[cfg(test)]
mod tests {
    use crate::{
        json::{Bounds, Document},
        validate::Contract,
    };

    fn admits(schema: &str, arguments: &str) -> bool {
        let doc = Document::parse(arguments.as_bytes(), &Bounds::DEFAULT).unwrap();
        Contract::compile(schema).unwrap().check(doc.root()).is_ok()
    }

    #[test]
    fn numbers_are_not_rounded() {
        for (schema, good, bad) in [
            (r#""maximum":100000000000000000000"#, "100000000000000000000", "100000000000000000001"),
            (r#""maximum":9007199254740992"#, "9007199254740992.0", "9007199254740993.0"),
            (r#""minimum":9007199254740994"#, "9007199254740994", "9007199254740993.0"),
            (r#""exclusiveMaximum":1"#, "0.99999999999999999999", "1.0"),
            (r#""exclusiveMinimum":1"#, "1.00000000000000000001", "1"),
            (r#""maximum":1"#, "1", "1.00000000000000000001"),
            (r#""const":9007199254740992"#, "9007199254740992.0", "9007199254740993.0"),
            (r#""const":1e23"#, "100000000000000000000000", "100000000000000000000001"),
            (r#""enum":[1e22,2]"#, "10000000000000000000000", "10000000000000000000001"),
            (r#""enum":[[9007199254740992]]"#, "[9007199254740992.0]", "[9007199254740993.0]"),
            (r#""uniqueItems":true"#, "[9007199254740993.0,9007199254740992]", "[1,1.0]"),
            (r#""uniqueItems":true"#, r#"[{"a":1},{"a":"1"}]"#, r#"[{"a":1,"b":2},3,{"b":2,"\u0061":1.0}]"#),
            (r#""multipleOf":0.5"#, "-20070690715328605", "0.7"),
        ] {
            let schema = format!(r#"{{"properties":{{"a":{{{schema}}}}}}}"#);
            assert!(admits(&schema, &format!(r#"{{"a":{good}}}"#)), "{schema} {good}");
            assert!(!admits(&schema, &format!(r#"{{"a":{bad}}}"#)), "{schema} {bad}");
        }
    }

    #[test]
    fn a_bound_of_draft_04_may_be_strict() {
        let schema = |strict| {
            format!(
                r#"{{"$schema":"http://json-schema.org/draft-04/schema#","properties":{{"a":{{"maximum":3,"exclusiveMaximum":{strict}}}}}}}"#
            )
        };
        assert!(admits(&schema(false), r#"{"a":3}"#));
        assert!(!admits(&schema(true), r#"{"a":3}"#));
        assert!(admits(&schema(true), r#"{"a":2.9}"#));
    }

    #[test]
    fn a_schema_that_would_be_rounded_does_not_compile() {
        for schema in [
            r#"{"enum":[12345678901234567890123]}"#,
            r#"{"properties":{"a":{"maximum":12345678901234567890123}}}"#,
            r#"{"const":{"a":[1.00000000000000000001]}}"#,
        ] {
            assert!(Contract::compile(schema).is_err(), "{schema}");
        }
        assert!(Contract::compile(r#"{"default":12345678901234567890123,"maximum":1e300}"#).is_ok());
    }
}
