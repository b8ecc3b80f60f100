//! Lets the schema validator read a [`Document`](super::Document) in place, so that what is validated is what is forwarded.

//!
//! Every step that the validator takes through the document is charged to the budget of the check.

use std::{
    borrow::Cow,
    cell::{Cell, OnceCell},
    collections::HashMap,
};

use jsonschema::{JsonType, json as view};

use super::{ESCAPED, Elements, Kind, Members, Node, Value, write_string};
use crate::validate::{budget, exact};

/// The document as a representation for the `jsonschema` crate.
#[derive(Debug)]
pub(crate) struct DocumentJson;

/// A one-string document, for validating property names.
#[derive(Debug, Default)]
pub(crate) struct NameBuffer {
    text: String,
    nodes: Vec<Node>,
}

impl view::Json for DocumentJson {
    type Node<'a> = Value<'a>;
    type PreparedKey = Box<str>;
    type StringBuffer = NameBuffer;

    // A lookup walks the members, so one pass over them replaces several lookups.
    const KEYS_PER_LOOKUP: usize = 8;
    const ACYCLIC: bool = true;

    fn prepare_key(key: &str) -> Box<str> {
        key.into()
    }

    fn with_string_node<T>(buffer: &mut NameBuffer, string: &str, f: impl FnOnce(Value<'_>) -> T) -> T {
        budget::charge_text(string.len());
        buffer.text.clear();
        write_string(&mut buffer.text, string);
        let end = u32::try_from(buffer.text.len()).unwrap_or(u32::MAX);
        let flags = if buffer.text.len() == string.len() + 2 { 0 } else { ESCAPED };
        buffer.nodes.clear();
        buffer.nodes.push(Node { start: 0, end, next: 1, len: 0, kind: Kind::String, flags });
        f(Value::new(&buffer.text, &buffer.nodes, 0))
    }
}

impl<'a> view::Node<'a, DocumentJson> for Value<'a> {
    type Object = Object<'a>;
    type Array = Value<'a>;
    type Number = Number<'a>;

    fn as_object(&self) -> Option<Object<'a>> {
        budget::charge(1);
        self.is_object().then(|| Object { value: *self, lookups: Cell::new(0), index: OnceCell::new() })
    }

    fn as_array(&self) -> Option<Value<'a>> {
        budget::charge(1);
        self.is_array().then_some(*self)
    }

    fn as_string(&self) -> Option<Cow<'a, str>> {
        budget::charge(1);
        let text = self.as_str()?;
        budget::charge_text(text.len());
        Some(text)
    }

    fn as_number(&self) -> Option<Number<'a>> {
        budget::charge(1);
        Value::as_number(self).map(Number)
    }

    fn as_boolean(&self) -> Option<bool> {
        budget::charge(1);
        self.as_bool()
    }

    fn is_null(&self) -> bool {
        budget::charge(1);
        self.kind() == Kind::Null
    }

    fn json_type(&self) -> JsonType {
        budget::charge(1);
        match self.kind() {
            Kind::Null => JsonType::Null,
            Kind::True | Kind::False => JsonType::Boolean,
            Kind::Number => JsonType::Number,
            Kind::String => JsonType::String,
            Kind::Array => JsonType::Array,
            Kind::Object => JsonType::Object,
        }
    }

    fn equals_value(&self, expected: &serde_json::Value) -> bool {
        exact::equals(*self, expected)
    }

    /// Values of some size are told by a stand-in of the same type. The validator puts this into violations,
    /// of which only the type is shown; it compares with [`Self::equals_value`] and `is_unique`, which are
    /// exact. Copying the values of every violation would be the most of its cost.
    fn to_value(&self) -> Cow<'a, serde_json::Value> {
        budget::charge_violation();
        let raw = self.raw();
        if raw.len() <= COPIED_VALUE {
            // Bounds and finiteness were checked before, so this is never the fallback.
            return Cow::Owned(self.to_serde().unwrap_or(serde_json::Value::Null));
        }
        Cow::Owned(match self.kind() {
            Kind::Null | Kind::True | Kind::False => serde_json::Value::Null,
            Kind::Number if is_integer(raw) => serde_json::Value::from(0),
            Kind::Number => serde_json::Value::from(0.5),
            Kind::String => serde_json::Value::String(String::new()),
            Kind::Array => serde_json::Value::Array(Vec::new()),
            Kind::Object => serde_json::Value::Object(serde_json::Map::new()),
        })
    }

    fn identity(&self) -> Option<view::NodeIdentity> {
        // Asked for at every reference that may recur.
        budget::charge_reference();
        Some(view::NodeIdentity::tagged(self.tape_address(), self.index()))
    }
}

/// An object with many members, looked into often: each lookup walks the members until there were
/// enough of them to pay for an index.
#[derive(Debug)]
pub(crate) struct Object<'a> {
    value: Value<'a>,
    lookups: Cell<u32>,
    index: OnceCell<HashMap<Cow<'a, str>, Value<'a>>>,
}

/// Longest value that a violation copies, in bytes.
const COPIED_VALUE: usize = 32;
/// Objects with no more members than this have no index.
const WALKED_MEMBERS: usize = 16;
/// Lookups that walk the members of a larger object before it has an index.
const WALKED_LOOKUPS: u32 = 4;

impl<'a> Object<'a> {
    fn look_up(&self, name: &str) -> Option<Value<'a>> {
        let lookups = self.lookups.get();
        if self.value.len() <= WALKED_MEMBERS || lookups < WALKED_LOOKUPS {
            self.lookups.set(lookups.saturating_add(1));
            budget::charge(1 + self.value.len() as u64 / 4);
            return self.value.get(name);
        }
        budget::charge(1);
        let index = self.index.get_or_init(|| {
            budget::charge(8 * self.value.len() as u64);
            NamedMembers(self.value.members()).collect()
        });
        index.get(name).copied()
    }
}

impl<'a> view::Object<'a, DocumentJson> for Object<'a> {
    type Node = Value<'a>;
    type MemberName = Cow<'a, str>;
    type MembersIter = NamedMembers<'a>;

    fn len(&self) -> usize {
        self.value.len()
    }

    fn get(&self, key: &Box<str>) -> Option<Value<'a>> {
        self.look_up(key)
    }

    fn members(&self) -> NamedMembers<'a> {
        NamedMembers(self.value.members())
    }
}

impl<'a> view::Array<'a, DocumentJson> for Value<'a> {
    type Node = Value<'a>;
    type ElementsIter = ChargedElements<'a>;

    fn len(&self) -> usize {
        Value::len(self)
    }

    fn elements(&self) -> ChargedElements<'a> {
        ChargedElements(Value::elements(self))
    }

    fn is_unique(&self) -> bool {
        exact::are_unique(Value::elements(self))
    }
}

/// Elements, each of them charged.
#[derive(Debug)]
pub(crate) struct ChargedElements<'a>(Elements<'a>);

impl<'a> Iterator for ChargedElements<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        budget::charge(1);
        self.0.next()
    }
}

/// Members with their names decoded.
#[derive(Debug)]
pub(crate) struct NamedMembers<'a>(Members<'a>);

impl<'a> Iterator for NamedMembers<'a> {
    type Item = (Cow<'a, str>, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        budget::charge_member();
        let (key, value) = self.0.next()?;
        budget::charge_text(key.raw().len());
        Some((key.as_str().unwrap_or_default(), value))
    }
}

/// A number by its digits.
#[derive(Debug)]
pub(crate) struct Number<'a>(&'a str);

impl view::JsonNumber for Number<'_> {
    fn as_u64(&self) -> Option<u64> {
        self.0.parse().ok()
    }

    fn as_i64(&self) -> Option<i64> {
        self.0.parse().ok()
    }

    // What is no 64-bit integer and would be rounded has none, and so equals no other number and is a
    // multiple of none: the validator compares 64-bit integers as such.
    fn as_f64(&self) -> Option<f64> {
        budget::charge_text(self.0.len());
        let is_integer = self.0.parse::<i64>().is_ok() || self.0.parse::<u64>().is_ok();
        if is_integer { self.0.parse().ok() } else { exact::exact_f64(self.0) }
    }

    fn as_str(&self) -> Cow<'_, str> {
        Cow::Borrowed(self.0)
    }

    fn to_number(&self) -> Cow<'_, serde_json::Number> {
        // Not finite cannot be: such numbers are refused before the schema is asked.
        Cow::Owned(serde_json::from_str(self.0).unwrap_or_else(|_| serde_json::Number::from(0)))
    }

    fn is_integer(&self) -> bool {
        is_integer(self.0)
    }
}

/// Whether a JSON number has a zero fractional part, decided on its digits.
fn is_integer(number: &str) -> bool {
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let fraction = fraction.trim_end_matches('0');
    if fraction.is_empty() && whole.bytes().all(|byte| matches!(byte, b'0' | b'-')) {
        return true;
    }
    // An exponent too long for 64 bits shifts the point out of any text that was let in.
    let exponent: i64 = match exponent.trim_start_matches('+').parse() {
        Ok(exponent) => exponent,
        Err(_) => return !exponent.starts_with('-'),
    };
    let zeros = whole.len() - whole.trim_end_matches('0').len();
    if fraction.is_empty() {
        exponent >= 0 || i64::try_from(zeros).is_ok_and(|zeros| zeros >= -exponent)
    } else {
        i64::try_from(fraction.len()).is_ok_and(|places| places <= exponent)
    }
}

#[cfg(test)]
mod tests {
    use jsonschema::Validator;
    use proptest::prelude::*;
    use serde_json::json;

    use super::{DocumentJson, is_integer};
    use crate::json::{Bounds, Document};

    fn valid(schema: &serde_json::Value, instance: &str) -> bool {
        let validator: Validator<DocumentJson> =
            jsonschema::options_for::<DocumentJson>().offline().build(schema).unwrap();
        let doc = Document::parse(instance.as_bytes(), &Bounds::DEFAULT).unwrap();
        validator.is_valid(doc.root())
    }

    #[test]
    fn integers_are_told_by_their_digits() {
        for yes in [
            "0",
            "-0",
            "1",
            "10",
            "1.0",
            "1e3",
            "1.50e1",
            "100e-2",
            "12345678901234567890123",
            "0.0",
            "0e-5",
            "-1.0E+2",
        ] {
            assert!(is_integer(yes), "{yes}");
        }
        for no in [
            "0.5",
            "1.5",
            "1e-1",
            "10e-2",
            "1.23e1",
            "12345678901234567890.5",
            "-0.1",
            "1e-99999999999999999999",
        ] {
            assert!(!is_integer(no), "{no}");
        }
    }

    #[test]
    fn validates_in_place() {
        let schema = json!({"type":"object","properties":{"n":{"type":"integer","maximum":10},"s":{"enum":["a","b"]},
            "l":{"type":"array","uniqueItems":true}},"required":["n"],"propertyNames":{"maxLength":3}});
        for (instance, expected) in [
            (r#"{"n":1}"#, true),
            (r#"{"n":1.0,"s":"a"}"#, true),
            (r#"{"n":"1"}"#, false),
            (r#"{"n":true}"#, false),
            (r#"{"n":11}"#, false),
            (r#"{"n":123456789012345678901234}"#, false),
            (r#"{"s":"a"}"#, false),
            (r#"{"n":1,"s":"\u0061"}"#, true),
            (r#"{"n":1,"s":"c"}"#, false),
            (r#"{"n":1,"l":[1,1.0]}"#, false),
            (r#"{"n":1,"l":[1,2]}"#, true),
            (r#"{"n":1,"name":0}"#, false),
        ] {
            assert_eq!(valid(&schema, instance), expected, "{instance}");
        }
    }

    #[test]
    fn keeps_the_contract_of_the_validator() {
        let text = jsonschema::json::conformance::document().to_string();
        let doc = Document::parse(text.as_bytes(), &Bounds::DEFAULT).unwrap();
        jsonschema::json::conformance::assert_conformance::<DocumentJson>(&doc.root());
    }

    #[test]
    fn a_reference_to_itself_ends() {
        let _ = valid(&json!({"$ref": "#"}), r#"{"a":1}"#);
        assert!(valid(&json!({"properties": {"next": {"$ref": "#"}}}), r#"{"next":{"next":{}}}"#));
    }

    fn any_json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(json!(null)),
            any::<bool>().prop_map(|b| json!(b)),
            any::<i64>().prop_map(|n| json!(n)),
            (-100i32..100).prop_map(|n| json!(f64::from(n) / 4.0)),
            "[a-c\"\\\\é]{0,3}".prop_map(|s| json!(s)),
        ];
        leaf.prop_recursive(3, 20, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(|items| json!(items)),
                proptest::collection::btree_map("[a-c]", inner, 0..4).prop_map(|members| json!(members)),
            ]
        })
    }

    proptest! {
        #[test]
        fn agrees_with_the_general_representation(instance in any_json()) {
            let schema = json!({"anyOf": [
                {"type": "object", "properties": {"a": {"type": ["integer", "string"]}, "b": {"$ref": "#"}}, "additionalProperties": false},
                {"type": "array", "items": {"anyOf": [{"type": "number", "multipleOf": 0.5}, {"type": "string", "pattern": "^[ab]*$"}]}, "uniqueItems": true},
                {"enum": [null, true, 1, "a"]},
            ]});
            let theirs = jsonschema::options().offline().build(&schema).unwrap();
            prop_assert_eq!(valid(&schema, &instance.to_string()), theirs.is_valid(&instance));
        }
    }
}
