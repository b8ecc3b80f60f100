//! Ghost arguments: members that no subschema declares, at every depth.

use std::ops::Range;

use super::{
    budget,
    hints::printable,
    shape::{Id, Others, Shape},
};
use crate::json::{Kind, Splices, Value, remove_members};

/// What was found in one set of arguments.
#[derive(Debug, Default)]
pub(crate) struct Ghosts {
    /// In the order of the document, and of the members in each object.
    found: Vec<Ghost>,
    /// Paths of the first few, as they may be shown and as they are.
    names: Vec<(String, String)>,
    /// An object was let through as a free-form map, because its schema names no members.
    pub(crate) free_form: bool,
}

/// Tape index of the object and position of the member in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Ghost {
    object: u32,
    member: usize,
}

/// Most names that are reported; all are refused or stripped.
const MAX_REPORTED: usize = 16;
/// Longest path in [`Ghosts::raw_names`], in bytes.
const MAX_RAW_NAME: usize = 4 << 10;

impl Ghosts {
    pub(super) fn find<'s>(shape: &'s Shape, arguments: Value<'s>) -> Self {
        let mut walk = Walk {
            shape,
            ghosts: Self::default(),
            path: Vec::new(),
            scratch: Vec::new(),
            seen: vec![0; shape.len()],
            sets: 0,
        };
        walk.begin_set();
        walk.push_closure(Shape::ROOT);
        let applies = 0..walk.scratch.len();
        walk.value(arguments, applies, Place::Top);
        walk.ghosts.found.sort_unstable();
        walk.ghosts
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Printable paths of the ghosts, the first few of them.
    pub(crate) fn names(&self) -> Vec<String> {
        self.names.iter().map(|(shown, _)| shown.clone()).collect()
    }

    /// The same paths as they were sent, not made printable, at most 4 KiB of each: for masking what is
    /// secret in them before they are cut to be shown.
    pub(crate) fn raw_names(&self) -> Vec<String> {
        self.names.iter().map(|(_, raw)| raw.clone()).collect()
    }

    /// The arguments without the ghosts; every other byte stays.
    pub(crate) fn strip(&self, arguments: Value<'_>, text: &str) -> String {
        let mut edits = Splices::default();
        self.strip_from(arguments, &mut edits);
        edits.apply(text)
    }

    /// Recursion is bounded by the depth of the arguments.
    fn strip_from(&self, value: Value<'_>, edits: &mut Splices) {
        let ghosts = self.of(value);
        let is_ghost = |member: usize| ghosts.binary_search_by_key(&member, |ghost| ghost.member).is_ok();
        if !ghosts.is_empty() {
            remove_members(value, edits, is_ghost);
        }
        for (member, (_, child)) in value.members().enumerate() {
            if !is_ghost(member) {
                self.strip_from(child, edits);
            }
        }
        value.elements().for_each(|child| self.strip_from(child, edits));
    }

    /// The ghosts of one object, in the order of its members.
    fn of(&self, object: Value<'_>) -> &[Ghost] {
        let start = self.found.partition_point(|ghost| ghost.object < object.index());
        let end = self.found.partition_point(|ghost| ghost.object <= object.index());
        self.found.get(start..end).unwrap_or_default()
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Top,
    Nested,
}

/// One step of the path to a value; written out only for a ghost.
#[derive(Clone, Copy)]
enum Step<'s> {
    Member(Value<'s>),
    Element(usize),
}

fn write_path(path: &[Step<'_>], name: impl Fn(&str) -> String) -> String {
    let steps = path.iter().map(|step| match step {
        Step::Member(key) => name(&key.as_str().unwrap_or_default()),
        Step::Element(index) => index.to_string(),
    });
    steps.collect::<Vec<_>>().join(".")
}

/// A path with every name as it is, up to a bound.
fn write_raw_path(path: &[Step<'_>]) -> String {
    head(&write_path(path, |name| head(name).to_owned())).to_owned()
}

/// No more of a text than a raw name may have.
fn head(text: &str) -> &str {
    let end = (0..=MAX_RAW_NAME.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    text.get(..end.unwrap_or_default()).unwrap_or_default()
}

struct Walk<'s> {
    shape: &'s Shape,
    ghosts: Ghosts,
    path: Vec<Step<'s>>,
    /// Sets of subschemas, as a stack: one allocation for the whole walk.
    scratch: Vec<Id>,
    /// For each subschema the last set that it was put into, and the number of sets so far.
    seen: Vec<u32>,
    sets: u32,
}

impl<'s> Walk<'s> {
    /// `applies` is the range of `scratch` with the subschemas that may apply to the value. Recursion is
    /// bounded by the depth of the arguments.
    fn value(&mut self, value: Value<'s>, applies: Range<usize>, place: Place) {
        match value.kind() {
            Kind::Object => self.object(value, applies, place),
            Kind::Array => self.array(value, applies),
            Kind::Null | Kind::True | Kind::False | Kind::Number | Kind::String => {}
        }
    }

    fn object(&mut self, object: Value<'s>, applies: Range<usize>, place: Place) {
        let names_members = self
            .ids(&applies)
            .any(|id| self.shape.get(id).is_some_and(super::shape::Declares::names_members));
        if !names_members && place == Place::Nested {
            self.ghosts.free_form |= !object.is_empty();
            return;
        }
        for (member, (key, value)) in object.members().enumerate() {
            budget::charge_text(key.raw().len());
            let name = key.as_str().unwrap_or_default();
            let start = self.begin_set();
            let declared = self.declare(&name, &applies);
            self.path.push(Step::Member(key));
            if declared {
                let end = self.scratch.len();
                self.value(value, start..end, Place::Nested);
            } else {
                self.found(Ghost { object: object.index(), member });
            }
            self.path.pop();
            self.scratch.truncate(start);
        }
    }

    fn found(&mut self, ghost: Ghost) {
        self.ghosts.found.push(ghost);
        if self.ghosts.names.len() < MAX_REPORTED {
            self.ghosts.names.push((write_path(&self.path, printable), write_raw_path(&self.path)));
        }
    }

    fn array(&mut self, array: Value<'s>, applies: Range<usize>) {
        for (index, element) in array.elements().enumerate() {
            let start = self.begin_set();
            for at in applies.clone() {
                budget::charge(1);
                let Some(declares) = self.scratch.get(at).and_then(|id| self.shape.get(*id)) else {
                    continue;
                };
                if let Some(id) = declares.prefix_items.get(index).copied().or(declares.items) {
                    self.push_closure(id);
                }
            }
            let end = self.scratch.len();
            self.path.push(Step::Element(index));
            self.value(element, start..end, Place::Nested);
            self.path.pop();
            self.scratch.truncate(start);
        }
    }

    /// Whether any subschema declares the member; pushes the subschemas for its value.
    fn declare(&mut self, name: &str, applies: &Range<usize>) -> bool {
        let mut declared = false;
        for at in applies.clone() {
            budget::charge(1);
            let Some(declares) = self.scratch.get(at).and_then(|id| self.shape.get(*id)) else { continue };
            let mut named = false;
            if let Ok(found) = declares.properties.binary_search_by(|(own, _)| (**own).cmp(name)) {
                named = true;
                if let Some((_, id)) = declares.properties.get(found) {
                    self.push_closure(*id);
                }
            }
            for (pattern, id) in &declares.patterns {
                budget::charge(32);
                budget::charge_text(name.len());
                if pattern.is_match(name) {
                    named = true;
                    self.push_closure(*id);
                }
            }
            match declares.others {
                _ if named => declared = true,
                Others::Unsaid | Others::Forbidden => {}
                Others::Allowed => declared = true,
                Others::Described(id) => {
                    declared = true;
                    self.push_closure(id);
                }
            }
        }
        declared
    }

    /// Begins an empty set at the top of the stack, and tells where it starts. One set is filled at a time.
    fn begin_set(&mut self) -> usize {
        self.sets = self.sets.checked_add(1).unwrap_or_else(|| {
            self.seen.fill(0);
            1
        });
        self.scratch.len()
    }

    /// Adds a subschema and all that apply with it. Where one is in the set already, they are too: a set
    /// costs as much as the part of the graph in it.
    fn push_closure(&mut self, id: Id) {
        let mut at = self.scratch.len();
        self.push(id);
        while let Some(declares) = self.scratch.get(at).and_then(|id| self.shape.get(*id)) {
            declares.applies.iter().for_each(|id| self.push(*id));
            at += 1;
        }
    }

    fn push(&mut self, id: Id) {
        budget::charge(1);
        if let Some(last) = self.seen.get_mut(id as usize).filter(|last| **last != self.sets) {
            *last = self.sets;
            self.scratch.push(id);
        }
    }

    fn ids<'w>(&'w self, range: &Range<usize>) -> impl Iterator<Item = Id> + 'w {
        self.scratch.get(range.clone()).unwrap_or_default().iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use jsonschema::Draft;

    use super::{super::shape::Shape, Ghosts};
    use crate::json::{Bounds, Document};

    fn ghosts(schema: &Value, arguments: &str) -> (Vec<String>, String, bool) {
        let shape = Shape::compile(schema, Draft::Draft202012).unwrap();
        let doc = Document::parse(arguments.as_bytes(), &Bounds::DEFAULT).unwrap();
        let ghosts = Ghosts::find(&shape, doc.root());
        (ghosts.names(), ghosts.strip(doc.root(), arguments), ghosts.free_form)
    }

    #[track_caller]
    fn check(schema: &Value, arguments: &str, expected: &[&str]) {
        assert_eq!(ghosts(schema, arguments).0, expected, "{arguments} under {schema}");
    }

    #[test]
    fn undeclared_members_are_ghosts_at_every_depth() {
        let schema = json!({"type": "object", "properties": {
            "path": {"type": "string"},
            "options": {"type": "object", "properties": {"deep": {"type": "object", "properties": {"x": {}}}}},
            "list": {"type": "array", "items": {"type": "object", "properties": {"id": {}}}},
        }});
        check(&schema, r#"{"path":"a"}"#, &[]);
        check(&schema, r#"{"path":"a","force":true,"admin":1}"#, &["force", "admin"]);
        check(
            &schema,
            r#"{"options":{"deep":{"x":1,"y":2}},"list":[{"id":1},{"id":2,"z":3}]}"#,
            &["options.deep.y", "list.1.z"],
        );
    }

    #[test]
    fn stripping_leaves_every_other_byte() {
        let schema = json!({"properties": {"a": {"properties": {"b": {}}}}});
        let (_, stripped, _) = ghosts(&schema, r#"{ "x":1, "a": {"c":[2], "b": 1e5 } , "y":{"a":{}} }"#);
        assert_eq!(stripped, r#"{ "a": {"b": 1e5 } }"#);
    }

    #[test]
    fn composition_declares() {
        let schema = json!({
            "$ref": "#/$defs/base",
            "allOf": [{"properties": {"all": {}}}],
            "anyOf": [{"properties": {"any": {"properties": {"in": {}}}}}, {"properties": {"any": {"properties": {"out": {}}}}}],
            "oneOf": [{"properties": {"one": {}}}, {"properties": {"two": {}}, "additionalProperties": false}],
            "if": {"properties": {"kind": {"const": 1}}}, "then": {"properties": {"then": {}}}, "else": {"properties": {"else": {}}},
            "dependentSchemas": {"all": {"properties": {"dep": {}}}},
            "$defs": {"base": {"properties": {"base": {}}}},
            "not": {"properties": {"forbidden": {}}},
        });
        check(&schema, r#"{"base":1,"all":1,"one":1,"two":1,"kind":1,"then":1,"else":1,"dep":1}"#, &[]);
        check(
            &schema,
            r#"{"any":{"in":1,"out":1,"ghost":1},"forbidden":1,"ghost":1}"#,
            &["any.ghost", "forbidden", "ghost"],
        );
    }

    #[test]
    fn openness_must_be_said() {
        check(&json!({"properties": {"a": {}}, "additionalProperties": true}), r#"{"a":1,"b":2}"#, &[]);
        check(
            &json!({"additionalProperties": {"properties": {"x": {}}}}),
            r#"{"k":{"x":1,"y":2}}"#,
            &["k.y"],
        );
        check(&json!({"patternProperties": {"^x-": {}}}), r#"{"x-a":1,"a":2}"#, &["a"]);
        check(
            &json!({"properties": {"a": {"type": "object", "additionalProperties": false}}}),
            r#"{"a":{"b":1}}"#,
            &["a.b"],
        );
        check(&json!({"properties": {"a": {}}, "unevaluatedProperties": true}), r#"{"b":1}"#, &[]);
        check(
            &json!({"unevaluatedProperties": {"properties": {"x": {}}}}),
            r#"{"k":{"x":1,"y":2}}"#,
            &["k.y"],
        );
        check(&json!({"properties": {"a": {}}, "unevaluatedProperties": false}), r#"{"b":1}"#, &["b"]);
        check(&json!({"type": "object"}), r#"{"a":1}"#, &["a"]);
        check(&json!(true), r#"{"a":1}"#, &["a"]);
        check(&json!({"properties": {}}), r#"{"a":1}"#, &["a"]);
    }

    #[test]
    fn a_nested_object_that_names_nothing_is_a_free_form_map_and_is_told() {
        let schema = json!({"properties": {"env": {"type": "object"}, "any": {}}});
        assert_eq!(ghosts(&schema, r#"{"env":{"A":"1"}}"#), (vec![], r#"{"env":{"A":"1"}}"#.into(), true));
        assert!(!ghosts(&schema, r#"{"env":{}}"#).2);
        check(&schema, r#"{"any":{"deep":{"x":1}}}"#, &[]);
    }

    #[test]
    fn recursive_schemas_are_walked() {
        let schema = json!({"$ref": "#/$defs/node", "$defs": {"node": {"properties": {
            "name": {}, "children": {"items": {"$ref": "#/$defs/node"}}}}}});
        check(
            &schema,
            r#"{"name":1,"children":[{"children":[{"name":1,"evil":2}]}]}"#,
            &["children.0.children.0.evil"],
        );
        check(&json!({"$ref": "#"}), r#"{"a":1}"#, &["a"]);
    }

    #[test]
    fn references_by_anchor_id_and_escape() {
        let schema = json!({"$id": "https://example.com/root.json", "properties": {
                "a": {"$ref": "#thing"}, "b": {"$ref": "other.json"}, "c": {"$ref": "#/$defs/with~1slash%20space"}},
            "$defs": {"t": {"$anchor": "thing", "properties": {"x": {}}},
                "o": {"$id": "other.json", "properties": {"y": {"$ref": "#/$defs/z"}}, "$defs": {"z": {"properties": {"z": {}}}}},
                "with/slash space": {"properties": {"w": {}}}}});
        check(
            &schema,
            r#"{"a":{"x":1,"g":1},"b":{"y":{"z":1,"g":1},"g":1},"c":{"w":1,"g":1}}"#,
            &["a.g", "b.y.g", "b.g", "c.g"],
        );
    }

    #[test]
    fn tuples_and_draft_07() {
        let schema = json!({"properties": {"t": {"prefixItems": [{"properties": {"a": {}}}], "items": {"properties": {"b": {}}}}}});
        check(&schema, r#"{"t":[{"a":1,"b":1},{"a":1,"b":1}]}"#, &["t.0.b", "t.1.a"]);
        let draft_07 = json!({"properties": {"a": {"$ref": "#/definitions/x", "properties": {"ignored": {}}}}, "definitions": {"x": {"properties": {"y": {}}}}});
        let shape = Shape::compile(&draft_07, Draft::Draft7).unwrap();
        let doc = Document::parse(br#"{"a":{"y":1,"ignored":1}}"#, &Bounds::DEFAULT).unwrap();
        assert_eq!(Ghosts::find(&shape, doc.root()).names(), ["a.ignored"]);
    }

    #[test]
    fn references_of_older_and_dynamic_kinds() {
        let find = |schema: &Value, draft, arguments: &str| {
            let shape = Shape::compile(schema, draft).unwrap();
            let doc = Document::parse(arguments.as_bytes(), &Bounds::DEFAULT).unwrap();
            Ghosts::find(&shape, doc.root()).names()
        };
        let anchor = json!({"properties": {"a": {"$ref": "#z"}}, "definitions": {"t": {"$id": "#z", "properties": {"x": {}}}}});
        assert_eq!(find(&anchor, Draft::Draft7, r#"{"a":{"x":1,"g":1}}"#), ["a.g"]);
        let old = json!({"id": "http://e.com/r.json", "properties": {"a": {"$ref": "o.json"}, "b": {"$ref": "#z"}},
            "definitions": {"o": {"id": "o.json", "properties": {"y": {}}}, "t": {"id": "#z", "properties": {"x": {}}}}});
        assert_eq!(find(&old, Draft::Draft4, r#"{"a":{"y":1,"g":1},"b":{"x":1,"h":1}}"#), ["a.g", "b.h"]);
        let dynamic = json!({"$id": "https://e.com/strict", "$dynamicAnchor": "node", "$ref": "tree", "properties": {"extra": {}},
            "$defs": {"tree": {"$id": "tree", "$dynamicAnchor": "node",
                "properties": {"child": {"$dynamicRef": "#node"}}}}});
        let arguments = r#"{"child":{"extra":1,"child":{"extra":1,"g":1}}}"#;
        assert_eq!(find(&dynamic, Draft::Draft202012, arguments), ["child.child.g"]);
    }

    #[test]
    fn raw_names_are_whole_up_to_a_bound() {
        let long = "é".repeat(5_000);
        let arguments = format!(r#"{{"a":{{"b\n{}":1}},"{long}":1}}"#, "y".repeat(500));
        let shape =
            Shape::compile(&json!({"properties": {"a": {"properties": {"b": {}}}}}), Draft::default())
                .unwrap();
        let doc = Document::parse(arguments.as_bytes(), &Bounds::DEFAULT).unwrap();
        let raw = Ghosts::find(&shape, doc.root()).raw_names();
        assert_eq!(raw, [format!("a.b\n{}", "y".repeat(500)), "é".repeat(2_048)]);
    }

    #[test]
    fn names_are_printable_and_bounded() {
        let name = format!("x\\n\\u001b[31m{}", "y".repeat(500));
        let (names, ..) = ghosts(&json!({}), &format!("{{\"{name}\":1}}"));
        assert!(names[0].len() < 200 && !names[0].contains(['\n', '\u{1b}']), "{names:?}");
        let many: Vec<String> = (0..100).map(|n| format!("\"g{n}\":0")).collect();
        assert_eq!(ghosts(&json!({}), &format!("{{{}}}", many.join(","))).0.len(), 16);
        assert_eq!(ghosts(&json!({}), &format!("{{{}}}", many.join(","))).1, "{}");
    }
}
