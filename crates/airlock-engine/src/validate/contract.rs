//! The contract: the compiled form of a tool's declared input schema.

use std::{fmt, panic::AssertUnwindSafe};

use jsonschema::{Draft, PatternOptions, Validator};

use super::{
    budget::{self, Budget, BudgetSpent},
    exact,
    ghosts::Ghosts,
    hints,
    shape::{Shape, ShapeError},
};
use crate::{
    code::Code,
    json::{Bounds, Document, DocumentJson, Value},
    rejection::{MAX_FIX_HINTS, Rejection},
};

/// Bounds on a schema: 1 MiB, depth 96, 100,000 values.
const SCHEMA_BOUNDS: Bounds =
    Bounds { max_bytes: 1 << 20, max_depth: 96, max_nodes: 100_000, max_number_len: 128 };
/// Bound on one compiled pattern of a schema, in bytes.
const PATTERN_SIZE: usize = 1 << 20;

/// Steps of the walk that looks for ghosts.
const WALK_STEPS: u64 = 20_000_000;
/// Steps of one validation. Measured: 1 MiB with 14,000 values, each object one of 200 kinds told apart by a
/// constant, takes 120,000 of them; all of them take 10 to 70 ms.
const CHECK_STEPS: u64 = 4_000_000;
/// Steps of telling why arguments do not match. A violation takes at least 32, for its memory.
const EXPLAIN_STEPS: u64 = 500_000;

/// What a tool declares about its arguments. Compiled once, used for every call.
pub struct Contract {
    validator: Validator<DocumentJson>,
    shape: Shape,
    /// Most patterns that the name of one member is matched with.
    patterns: u64,
    /// Longest name in the schema, in bytes: a violation copies it.
    longest_name: usize,
}

impl fmt::Debug for Contract {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contract").finish_non_exhaustive()
    }
}

/// Why a schema does not compile. Its text names places of the schema, and is for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContractError {
    reason: String,
}

impl ContractError {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into() }
    }
}

impl fmt::Display for ContractError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the input schema does not compile: {}", self.reason)
    }
}

impl std::error::Error for ContractError {}

impl Contract {
    /// Compiles a schema: JSON Schema 2020-12, or the draft that its `$schema` names.
    ///
    /// Nothing is fetched and no file is read: an external `$ref` is an error. Patterns run on a
    /// linear-time engine, so one with look-around or back-references is an error too.
    pub fn compile(schema: &str) -> Result<Self, ContractError> {
        let doc = Document::parse(schema.as_bytes(), &SCHEMA_BOUNDS)
            .map_err(|error| ContractError::new(error.to_string()))?;
        if doc.has_duplicate_keys() {
            return Err(ContractError::new("an object names a member twice"));
        }
        let schema = doc.root().to_serde().ok_or_else(|| ContractError::new("a number is out of range"))?;
        if !schema.is_object() && !schema.is_boolean() {
            return Err(ContractError::new("it is neither an object nor a boolean"));
        }
        exact::check_numbers(doc.root())?;
        // The compiler is not ours; should it panic on a hostile schema, the tool is uncallable and nothing else.
        let built = std::panic::catch_unwind(AssertUnwindSafe(|| Self::build(&schema)));
        built.unwrap_or_else(|_| Err(ContractError::new("the schema compiler failed")))
    }

    fn build(schema: &serde_json::Value) -> Result<Self, ContractError> {
        let draft = Draft::default().detect(schema);
        // The bounds of the graph protect the schema engine, but an unknown `$ref` is its to tell.
        let shape = Shape::compile(schema, draft);
        if let Err(ShapeError::TooCostly(reason)) = shape {
            return Err(ContractError::new(reason));
        }
        let options = jsonschema::options_for::<DocumentJson>().offline().with_pattern_options(
            PatternOptions::regex().size_limit(PATTERN_SIZE).dfa_size_limit(PATTERN_SIZE),
        );
        let validator = exact::with_bounds(options)
            .build(schema)
            .map_err(|error| ContractError::new(hints::schema_error(&error)))?;
        let shape = shape.map_err(|error| ContractError::new(error.reason()))?;
        let (patterns, longest_name) = (shape.most_patterns() as u64, longest_name(schema));
        Ok(Self { validator, shape, patterns, longest_name })
    }

    /// The contract of something that declares no schema: no parameters.
    pub fn of_no_parameters() -> Result<Self, ContractError> {
        Self::compile(r#"{"type":"object"}"#)
    }

    fn budget(&self, steps: u64) -> Budget {
        // A match costs as much as some sixteen steps.
        Budget { steps, per_member: 16 * self.patterns, per_violation: 0 }
    }

    /// The members that the schema does not declare.
    ///
    /// A walk that would cost too much refuses the call.
    pub(crate) fn ghosts(&self, arguments: Value<'_>) -> Result<Ghosts, Rejection> {
        let walk = || Ghosts::find(&self.shape, arguments);
        budget::within(self.budget(WALK_STEPS), walk).map_err(|BudgetSpent| too_expensive())
    }

    /// Checks arguments against the schema, without any coercion.
    pub(crate) fn check(&self, arguments: Value<'_>) -> Result<(), Rejection> {
        match budget::within(self.budget(CHECK_STEPS), || self.validator.is_valid(arguments)) {
            Ok(true) => Ok(()),
            Ok(false) => Err(self.explain(arguments)),
            Err(BudgetSpent) => Err(too_expensive()),
        }
    }

    /// Why arguments do not match, as far as that can be told at a bounded cost: the schema engine builds
    /// every violation of every alternative before it gives the first.
    fn explain(&self, arguments: Value<'_>) -> Rejection {
        let copied = longest_path(arguments) + self.longest_name;
        let budget = Budget { per_violation: copied as u64 / 16, ..self.budget(EXPLAIN_STEPS) };
        let explained = budget::within(budget, || {
            let errors = self.validator.iter_errors(arguments).take(MAX_FIX_HINTS);
            errors.fold(Rejection::new(Code::ValidationError), |rejection, error| {
                rejection.with_hint(hints::hint(&error))
            })
        });
        explained.unwrap_or_else(|BudgetSpent| {
            Rejection::new(Code::ValidationError)
                .with_hint("the arguments do not match the schema; too many alternatives to say why")
        })
    }
}

fn too_expensive() -> Rejection {
    Rejection::new(Code::LimitExceeded)
        .with_message("checking the arguments against the schema of the tool takes too long")
        .with_hint("send fewer or smaller values: the schema of the tool has too many alternatives")
}

/// Bytes of the longest path to a value. Recursion is bounded by the depth of the arguments.
fn longest_path(value: Value<'_>) -> usize {
    let members = value.members().map(|(key, member)| key.raw().len() + longest_path(member));
    let elements = value.elements().map(|element| 6 + longest_path(element));
    members.chain(elements).max().unwrap_or_default()
}

/// Bytes of the longest name or pattern in a schema. Recursion is bounded by the depth of the schema.
fn longest_name(schema: &serde_json::Value) -> usize {
    match schema {
        serde_json::Value::Object(members) => members
            .iter()
            .map(|(name, member)| match member {
                serde_json::Value::String(text) if matches!(&**name, "pattern" | "format") => text.len(),
                _ => name.len().max(longest_name(member)),
            })
            .max()
            .unwrap_or_default(),
        serde_json::Value::Array(items) => items
            .iter()
            .map(|item| item.as_str().map_or_else(|| longest_name(item), str::len))
            .max()
            .unwrap_or_default(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::Contract;
    use crate::json::{Bounds, Document};

    fn hints(schema: &str, arguments: &str) -> Vec<String> {
        let contract = Contract::compile(schema).unwrap();
        let doc = Document::parse(arguments.as_bytes(), &Bounds::DEFAULT).unwrap();
        contract.check(doc.root()).err().map(|rejection| rejection.fix_hints().to_vec()).unwrap_or_default()
    }

    #[test]
    fn one_hint_per_violation_with_path_expected_and_received() {
        let schema = r#"{"type":"object","properties":{"limit":{"type":"integer","maximum":10},"mode":{"enum":["r","w"]},
            "tags":{"type":"array","items":{"type":"string"}},"on":{"type":["boolean","null"]}},"required":["limit"]}"#;
        assert_eq!(
            hints(schema, r#"{"limit":"999999999"}"#),
            ["`/limit`: expected integer, received string"]
        );
        assert_eq!(hints(schema, r#"{"limit":true}"#), ["`/limit`: expected integer, received boolean"]);
        assert_eq!(hints(schema, r#"{"limit":1.5}"#), ["`/limit`: expected integer, received number"]);
        assert_eq!(hints(schema, r#"{"limit":11}"#), ["`/limit`: expected at most 10"]);
        assert_eq!(hints(schema, "{}"), ["the arguments: `limit` is required and missing"]);
        assert_eq!(
            hints(schema, r#"{"limit":1,"mode":"x"}"#),
            [r#"`/mode`: expected one of ["r","w"], received another string"#]
        );
        assert_eq!(
            hints(schema, r#"{"limit":1,"tags":["a",2]}"#),
            ["`/tags/1`: expected string, received integer"]
        );
        assert_eq!(
            hints(schema, r#"{"limit":1,"on":0}"#),
            ["`/on`: expected null or boolean, received integer"]
        );
        assert_eq!(hints(schema, r#"{"limit":1e0,"on":null}"#), Vec::<String>::new());
    }

    #[test]
    fn values_are_never_echoed() {
        let schema = r#"{"properties":{"a":{"type":"integer"},"b":{"enum":[1]},"c":{"pattern":"^x$"},"d":{"const":1},"e":{"anyOf":[{"type":"null"}]}}}"#;
        let arguments = r#"{"a":"S3CRET","b":"S3CRET","c":"S3CRET","d":"S3CRET","e":"S3CRET"}"#;
        let hints = hints(schema, arguments);
        assert_eq!(hints.len(), 5);
        assert!(hints.iter().all(|hint| !hint.contains("S3CRET")), "{hints:?}");
    }

    #[test]
    fn what_does_not_compile_is_an_error() {
        let deep = format!("{}{{}}{}", r#"{"not":"#.repeat(100), "}".repeat(100));
        for bad in [
            "",
            "[]",
            "1",
            r#"{"type":"strnig"}"#,
            r#"{"type":"object","type":"object"}"#,
            r#"{"$ref":"https://example.com/schema.json"}"#,
            r#"{"$ref":"file:///etc/passwd"}"#,
            r##"{"$ref":"#/$defs/missing"}"##,
            r#"{"properties":{"a":{"pattern":"(?=x)"}}}"#,
            r#"{"properties":{"a":{"pattern":"(a)\\1"}}}"#,
            r#"{"patternProperties":{"(":{}}}"#,
            r#"{"maximum":1e400}"#,
            r#"{"$schema":"https://example.com/unknown"}"#,
            &deep,
        ] {
            assert!(Contract::compile(bad).is_err(), "{bad:.80}");
        }
        for good in [
            "{}",
            "true",
            r#"{"type":"object"}"#,
            r#"{"$schema":"http://json-schema.org/draft-07/schema#","type":"object"}"#,
            r#"{"$schema":"https://json-schema.org/draft/2020-12/schema"}"#,
            r##"{"$ref":"#"}"##,
        ] {
            assert!(Contract::compile(good).is_ok(), "{good}: {:?}", Contract::compile(good).err());
        }
    }

    #[test]
    fn a_catastrophic_pattern_is_linear() {
        let schema = r#"{"properties":{"a":{"pattern":"^(a+)+$"}}}"#;
        let arguments = format!(r#"{{"a":"{}b"}}"#, "a".repeat(50_000));
        assert_eq!(hints(schema, &arguments).len(), 1);
    }

    #[test]
    fn a_recursive_schema_works() {
        let schema = r##"{"type":"object","properties":{"next":{"$ref":"#"},"n":{"type":"integer"}}}"##;
        assert!(hints(schema, r#"{"next":{"next":{"n":1}}}"#).is_empty());
        assert_eq!(
            hints(schema, r#"{"next":{"next":{"n":"1"}}}"#),
            ["`/next/next/n`: expected integer, received string"]
        );
    }
}
