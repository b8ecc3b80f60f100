//! Which names a schema declares, at every depth: a graph compiled once from the schema.
//!
//! JSON Schema lets unknown members pass unless told otherwise; a firewall must not. The graph answers one
//! question for a member of an object: does any subschema that may apply here name it?

use std::collections::HashMap;

use regex::Regex;
use serde_json::{Map, Value};

/// Index of a subschema in the [`Shape`].
pub(super) type Id = u32;

/// What a subschema says of members that it does not name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Others {
    /// Nothing: they are ghosts.
    Unsaid,
    /// `false`
    Forbidden,
    /// `true`
    Allowed,
    /// A schema for them.
    Described(Id),
}

/// What one subschema declares by itself.
#[derive(Debug)]
pub(super) struct Declares {
    /// Sorted by name.
    pub(super) properties: Vec<(Box<str>, Id)>,
    pub(super) patterns: Vec<(Regex, Id)>,
    pub(super) others: Others,
    pub(super) prefix_items: Vec<Id>,
    pub(super) items: Option<Id>,
    /// Subschemas that apply to the same value: `$ref`, `allOf`, `anyOf`, `oneOf`, `if`/`then`/`else`, `dependentSchemas`.
    applies: Vec<Id>,
}

impl Declares {
    /// Whether it says anything about members at all.
    pub(super) fn names_members(&self) -> bool {
        !self.properties.is_empty() || !self.patterns.is_empty() || self.others != Others::Unsaid
    }
}

/// The graph of a schema.
#[derive(Debug)]
pub(super) struct Shape {
    nodes: Vec<Declares>,
    /// For each subschema itself and all that apply with it.
    closures: Vec<Box<[Id]>>,
}

/// More subschemas than this make a tool uncallable; the largest public tools have a few hundred.
const MAX_NODES: usize = 20_000;
/// Bound on the size of all closures together.
const MAX_CLOSURE: usize = 1_000_000;

impl Shape {
    /// Compiles a schema whose references are known to resolve. `siblings_of_ref` is false for draft-07
    /// and older, where everything beside a `$ref` is ignored.
    pub(super) fn compile(schema: &Value, siblings_of_ref: bool) -> Result<Self, &'static str> {
        let mut compiler = Compiler {
            root: schema,
            siblings_of_ref,
            nodes: Vec::new(),
            known: HashMap::new(),
            resources: HashMap::new(),
            anchors: HashMap::new(),
        };
        compiler.index_resources(schema, schema);
        compiler.schema(schema, schema)?;
        let nodes = compiler.nodes;
        let mut total = 0;
        let mut closures = Vec::with_capacity(nodes.len());
        for id in 0..nodes.len() {
            let closure = closure(&nodes, id);
            total += closure.len();
            if total > MAX_CLOSURE {
                return Err("its subschemas refer to each other too often");
            }
            closures.push(closure);
        }
        Ok(Self { nodes, closures })
    }

    /// The subschemas that apply to the arguments themselves.
    pub(super) fn root(&self) -> &[Id] {
        self.closure(0)
    }

    pub(super) fn closure(&self, id: Id) -> &[Id] {
        self.closures.get(id as usize).map(|closure| &**closure).unwrap_or_default()
    }

    pub(super) fn get(&self, id: Id) -> Option<&Declares> {
        self.nodes.get(id as usize)
    }
}

fn closure(nodes: &[Declares], start: usize) -> Box<[Id]> {
    let Ok(start) = Id::try_from(start) else { return Box::default() };
    let mut seen = vec![start];
    let mut at = 0;
    while let Some(node) = seen.get(at).and_then(|id| nodes.get(*id as usize)) {
        for id in &node.applies {
            if !seen.contains(id) {
                seen.push(*id);
            }
        }
        at += 1;
    }
    seen.into()
}

struct Compiler<'s> {
    root: &'s Value,
    siblings_of_ref: bool,
    nodes: Vec<Declares>,
    /// Subschemas already compiled, by address: this is what makes recursive schemas finite.
    known: HashMap<usize, Id>,
    /// Schema resources by `$id`.
    resources: HashMap<&'s str, &'s Value>,
    /// `$anchor` and `$dynamicAnchor`, by resource address and name.
    anchors: HashMap<(usize, &'s str), &'s Value>,
}

fn address(value: &Value) -> usize {
    std::ptr::from_ref(value) as usize
}

impl<'s> Compiler<'s> {
    /// Finds embedded resources and anchors. Recursion is bounded by the depth of the parsed schema.
    fn index_resources(&mut self, value: &'s Value, resource: &'s Value) {
        let resource = match value.get("$id").and_then(Value::as_str) {
            Some(id) => {
                self.resources.insert(id.trim_end_matches('#'), value);
                value
            }
            None => resource,
        };
        for keyword in ["$anchor", "$dynamicAnchor"] {
            if let Some(name) = value.get(keyword).and_then(Value::as_str) {
                self.anchors.insert((address(resource), name), value);
            }
        }
        match value {
            Value::Object(members) => {
                members.values().for_each(|member| self.index_resources(member, resource));
            }
            Value::Array(items) => items.iter().for_each(|item| self.index_resources(item, resource)),
            _ => {}
        }
    }

    fn schema(&mut self, schema: &'s Value, resource: &'s Value) -> Result<Id, &'static str> {
        if let Some(id) = self.known.get(&address(schema)) {
            return Ok(*id);
        }
        if self.nodes.len() >= MAX_NODES {
            return Err("it has too many subschemas");
        }
        let id = Id::try_from(self.nodes.len()).map_err(|_| "it has too many subschemas")?;
        self.known.insert(address(schema), id);
        self.nodes.push(Declares {
            properties: Vec::new(),
            patterns: Vec::new(),
            others: Others::Unsaid,
            prefix_items: Vec::new(),
            items: None,
            applies: Vec::new(),
        });
        if let Value::Object(keywords) = schema {
            let resource = if keywords.contains_key("$id") { schema } else { resource };
            let declares = self.keywords(keywords, resource)?;
            if let Some(node) = self.nodes.get_mut(id as usize) {
                *node = declares;
            }
        }
        Ok(id)
    }

    fn keywords(
        &mut self,
        keywords: &'s Map<String, Value>,
        resource: &'s Value,
    ) -> Result<Declares, &'static str> {
        let mut applies = Vec::new();
        for keyword in ["$ref", "$dynamicRef", "$recursiveRef"] {
            if let Some(reference) = keywords.get(keyword).and_then(Value::as_str) {
                let (target, resource) =
                    self.resolve(reference, resource).ok_or("a `$ref` does not resolve inside it")?;
                applies.push(self.schema(target, resource)?);
            }
        }
        let ignore_siblings = !self.siblings_of_ref && keywords.contains_key("$ref");
        let own = |name: &str| if ignore_siblings { None } else { keywords.get(name) };

        for keyword in ["allOf", "anyOf", "oneOf"] {
            for branch in own(keyword).and_then(Value::as_array).into_iter().flatten() {
                applies.push(self.schema(branch, resource)?);
            }
        }
        for keyword in ["if", "then", "else"] {
            if let Some(branch) = own(keyword) {
                applies.push(self.schema(branch, resource)?);
            }
        }
        for keyword in ["dependentSchemas", "dependencies"] {
            for branch in own(keyword).and_then(Value::as_object).into_iter().flat_map(Map::values) {
                if !branch.is_array() {
                    applies.push(self.schema(branch, resource)?);
                }
            }
        }

        let mut properties = Vec::new();
        for (name, schema) in own("properties").and_then(Value::as_object).into_iter().flatten() {
            properties.push((name.as_str().into(), self.schema(schema, resource)?));
        }
        properties.sort_by(|(one, _): &(Box<str>, Id), (other, _)| one.cmp(other));
        let mut patterns = Vec::new();
        for (pattern, schema) in own("patternProperties").and_then(Value::as_object).into_iter().flatten() {
            // The linear-time engine has no look-around; a pattern that needs it makes the tool uncallable.
            let regex = regex::RegexBuilder::new(pattern).size_limit(1 << 20).build();
            let regex = regex.map_err(|_| "a pattern in `patternProperties` does not compile")?;
            patterns.push((regex, self.schema(schema, resource)?));
        }
        let others = match (own("additionalProperties"), own("unevaluatedProperties")) {
            (Some(schema), _) | (None, Some(schema)) => match schema {
                Value::Bool(true) => Others::Allowed,
                Value::Bool(false) => Others::Forbidden,
                schema => Others::Described(self.schema(schema, resource)?),
            },
            (None, None) => Others::Unsaid,
        };

        let mut prefix_items = Vec::new();
        let tuple =
            own("prefixItems").and_then(Value::as_array).or_else(|| own("items").and_then(Value::as_array));
        for schema in tuple.into_iter().flatten() {
            prefix_items.push(self.schema(schema, resource)?);
        }
        let rest = match own("items") {
            Some(Value::Array(_)) => own("additionalItems"),
            other => other.or_else(|| own("unevaluatedItems")),
        };
        let items = rest.map(|schema| self.schema(schema, resource)).transpose()?;
        Ok(Declares { properties, patterns, others, prefix_items, items, applies })
    }

    /// The subschema a reference means, and the resource it lies in.
    fn resolve(&self, reference: &str, resource: &'s Value) -> Option<(&'s Value, &'s Value)> {
        let (base, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        let resource = if base.is_empty() { resource } else { self.resource(base)? };
        if fragment.is_empty() {
            return Some((resource, resource));
        }
        if fragment.starts_with('/') {
            return resource.pointer(&percent_decode(fragment)?).map(|target| (target, resource));
        }
        self.anchors.get(&(address(resource), fragment)).map(|target| (*target, resource))
    }

    /// An embedded resource by its `$id`, also where the reference is relative to the root's `$id`.
    fn resource(&self, base: &str) -> Option<&'s Value> {
        if let Some(found) = self.resources.get(base) {
            return Some(found);
        }
        let root = self.root.get("$id").and_then(Value::as_str)?;
        let folder = root.rfind('/').and_then(|slash| root.get(..=slash))?;
        let absolute = format!("{folder}{base}");
        let by_suffix = || self.resources.iter().find(|(id, _)| format!("{folder}{id}") == base);
        self.resources.get(absolute.as_str()).or_else(|| by_suffix().map(|(_, found)| found)).copied()
    }
}

fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let mut digit = || rest.next().and_then(|byte| char::from(byte).to_digit(16));
            bytes.push(u8::try_from(digit()? * 16 + digit()?).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}
