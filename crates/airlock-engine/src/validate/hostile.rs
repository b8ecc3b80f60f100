//! Schemas and arguments that are built to cost: each must be refused, or take few steps.

use std::fmt::Write as _;

use super::{
    budget::{Budget, left, within},
    contract::Contract,
};
use crate::{
    code::Code,
    json::{Bounds, Document},
};

/// What a check answers, and the steps it takes; those of the walk for ghosts included.
fn check(schema: &str, arguments: &str) -> (Option<Code>, u64) {
    let contract = Contract::compile(schema).unwrap();
    let bounds = Bounds { max_nodes: 50_000, ..Bounds::DEFAULT };
    let doc = Document::parse(arguments.as_bytes(), &bounds).unwrap();
    let unlimited = Budget { steps: 1 << 60, per_member: 0, per_violation: 0 };
    let checked = within(unlimited, || {
        let refused = contract.ghosts(doc.root()).err().or_else(|| contract.check(doc.root()).err());
        (refused.map(|rejection| rejection.code()), unlimited.steps - left())
    });
    checked.unwrap()
}

/// `levels` definitions that each refer twice to the next, and a leaf; the first of them for `a` or its
/// elements.
fn doubling(keyword: &str, levels: usize, leaf: &str) -> String {
    let mut definitions = String::new();
    for level in 0..levels {
        let next = format!(r##"{{"$ref":"#/$defs/d{}"}}"##, level + 1);
        let _ = write!(definitions, r#""d{level}":{{"{keyword}":[{next},{next}]}},"#);
    }
    let first = r##"{"$ref":"#/$defs/d0"}"##;
    format!(
        r#"{{"properties":{{"a":{first},"list":{{"items":{first}}}}},"$defs":{{{definitions}"d{levels}":{leaf}}}}}"#
    )
}

#[test]
fn a_schema_with_too_many_ways_does_not_compile() {
    for keyword in ["allOf", "anyOf", "oneOf"] {
        assert!(Contract::compile(&doubling(keyword, 10, "true")).is_ok(), "{keyword}");
        assert!(Contract::compile(&doubling(keyword, 22, "true")).is_err(), "{keyword}");
    }
}

#[test]
fn many_ways_at_many_values_are_refused() {
    let list = format!(r#"{{"list":[{}1]}}"#, "1,".repeat(9_999));
    assert_eq!(check(&doubling("allOf", 14, "true"), &list).0, Some(Code::LimitExceeded));
    let (code, steps) = check(&doubling("anyOf", 14, r#"{"type":"string"}"#), r#"{"a":1}"#);
    assert_eq!(code, Some(Code::ValidationError), "told without saying why");
    assert!(steps < 2_000_000, "{steps}");
}

#[test]
fn a_recursive_schema_with_alternatives_ends() {
    let schema = r##"{"anyOf":[{"properties":{"a":{"$ref":"#"}},"required":["z"]},{"properties":{"a":{"$ref":"#"}},"required":["y"]}],"properties":{"z":{},"y":{}}}"##;
    for depth in [16, 60] {
        let (code, steps) = check(schema, &format!("{}1{}", r#"{"a":"#.repeat(depth), "}".repeat(depth)));
        assert_eq!(code, Some(Code::ValidationError));
        assert!(steps < 2_000_000, "{steps}");
    }
}

#[test]
fn a_long_chain_of_references_does_not_overflow_the_stack() {
    let mut definitions = String::new();
    for level in 0..60 {
        let _ = write!(definitions, r##""d{level}":{{"allOf":[{{"$ref":"#/$defs/d{}"}}]}},"##, level + 1);
    }
    let last = r##"{"properties":{"a":{"$ref":"#"},"b":{"type":"string"}}}"##;
    let schema = format!(r##"{{"$ref":"#/$defs/d0","$defs":{{{definitions}"d60":{last}}}}}"##);
    let deep = format!("{}{{\"b\":1}}{}", r#"{"a":"#.repeat(62), "}".repeat(62));
    assert!(check(&schema, &deep).0.is_some());
    assert_eq!(check(&schema, r#"{"a":{"a":{"b":"x"}}}"#).0, None, "positive control");
}

#[test]
fn large_calls_take_few_steps() {
    let names: Vec<String> = (0..9_999).map(|n| format!("\"member{n}\"")).collect();
    let object = format!("{{{}:1}}", names.join(":1,"));
    let required = format!(r#"{{"additionalProperties":true,"required":[{}]}}"#, names.join(","));
    let leaf = format!(r#"{{"anyOf":[{}]}}"#, vec![r#"{"type":"integer"}"#; 600].join(","));
    let branches = vec![r##"{"properties":{"a":{"$ref":"#/$defs/leaf"}}}"##; 600].join(",");
    let all_of = format!(
        r#"{{"properties":{{"list":{{"items":{{"allOf":[{branches}]}}}}}},"$defs":{{"leaf":{leaf}}}}}"#
    );
    let list = format!(r#"{{"list":[{}{{"a":1}}]}}"#, r#"{"a":1},"#.repeat(99));
    let unique: Vec<String> = (0..4_900).map(|n| format!(r#"{{"id":{n}.0}}"#)).collect();
    for (schema, arguments, most) in [
        (&*required, &*object, 500_000),
        (&all_of, &list, 1_500_000),
        (
            r#"{"properties":{"a":{"uniqueItems":true}}}"#,
            &format!(r#"{{"a":[{}]}}"#, unique.join(",")),
            500_000,
        ),
    ] {
        let (code, steps) = check(schema, arguments);
        assert_eq!(code, None, "{schema:.60}");
        assert!(steps < most, "{schema:.60} {steps}");
    }
}

#[test]
fn patterns_and_names_are_paid_for() {
    let object: Vec<String> = (0..9_990).map(|n| format!("\"member{n}\":1")).collect();
    let object = format!("{{{}}}", object.join(","));
    let patterns: Vec<String> = (0..3_000).map(|n| format!(r#""^x{n}$":{{}}"#)).collect();
    let schema = format!(r#"{{"additionalProperties":true,"patternProperties":{{{}}}}}"#, patterns.join(","));
    let contract = Contract::compile(&schema).unwrap();
    let doc = Document::parse(object.as_bytes(), &Bounds::DEFAULT).unwrap();
    assert_eq!(contract.check(doc.root()).unwrap_err().code(), Code::LimitExceeded);
    assert_eq!(check(&schema, &object).0, Some(Code::LimitExceeded), "the walk gives up");
    // A name of half a megabyte would be copied into every violation.
    let long = format!(r#"{{"{}":[{}1]}}"#, "k".repeat(500_000), "1,".repeat(9_000));
    let (code, steps) = check(r#"{"additionalProperties":{"items":{"type":"string"}}}"#, &long);
    assert_eq!(code, Some(Code::ValidationError));
    assert!(steps < 2_000_000, "{steps}");
}
