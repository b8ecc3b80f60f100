//! Which names a schema declares, at every depth: a graph compiled once from the schema.
//!
//! JSON Schema lets unknown members pass unless told otherwise; a firewall must not. The graph answers one
//! question for a member of an object: does any subschema that may apply here name it?

use std::collections::HashMap;

use jsonschema::Draft;
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
    pub(super) applies: Vec<Id>,
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
}

/// More subschemas than this make a tool uncallable; the largest public tools have a few hundred.
const MAX_NODES: usize = 20_000;
/// Most ways on which subschemas may be reached that apply to one and the same value: the schema engine
/// goes all of them.
const MAX_WAYS: u64 = 100_000;
/// Longest such way: the schema engine recurses along it, at every level of the arguments.
const MAX_WAY: u32 = 128;

/// Why a schema has no shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ShapeError {
    /// Nothing may be done with the schema: it is built to cost.
    TooCostly(&'static str),
    /// A part of it cannot be understood.
    Unclear(&'static str),
}

impl ShapeError {
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::TooCostly(reason) | Self::Unclear(reason) => reason,
        }
    }
}

impl Shape {
    /// Compiles a schema of that draft.
    pub(super) fn compile(schema: &Value, draft: Draft) -> Result<Self, ShapeError> {
        let nodes = Compiler::new(schema, draft).compile()?;
        check_ways(&nodes)?;
        Ok(Self { nodes })
    }

    /// The subschema for the arguments themselves.
    pub(super) const ROOT: Id = 0;

    pub(super) fn get(&self, id: Id) -> Option<&Declares> {
        self.nodes.get(id as usize)
    }

    /// How many subschemas there are.
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Most `patternProperties` of any one subschema.
    pub(super) fn most_patterns(&self) -> usize {
        self.nodes.iter().map(|declares| declares.patterns.len()).max().unwrap_or_default()
    }
}

/// The ways from a subschema to those that apply with it.
#[derive(Clone, Copy)]
enum Ways {
    Unknown,
    /// Being counted: a way back to it ends there.
    Open,
    Known {
        count: u64,
        longest: u32,
    },
}

/// Refuses a graph in which too many ways lead on, or too long ones. Not recursive: ways can be long.
fn check_ways(nodes: &[Declares]) -> Result<(), ShapeError> {
    let mut ways = vec![Ways::Unknown; nodes.len()];
    for start in 0..nodes.len() {
        let mut path = vec![start];
        while let Some(&at) = path.last() {
            let applies = nodes.get(at).map(|node| &*node.applies).unwrap_or_default();
            let Some(own) = ways.get_mut(at) else { break };
            match own {
                Ways::Unknown => {
                    *own = Ways::Open;
                    let unknown = |id: &&Id| matches!(ways.get(**id as usize), Some(Ways::Unknown));
                    path.extend(applies.iter().filter(unknown).map(|id| *id as usize));
                }
                Ways::Open => {
                    let (count, longest) = ways_on(applies, &ways);
                    if count > MAX_WAYS || longest > MAX_WAY {
                        return Err(ShapeError::TooCostly("its subschemas refer to each other too often"));
                    }
                    if let Some(own) = ways.get_mut(at) {
                        *own = Ways::Known { count, longest };
                    }
                    path.pop();
                }
                Ways::Known { .. } => {
                    path.pop();
                }
            }
        }
    }
    Ok(())
}

fn ways_on(applies: &[Id], ways: &[Ways]) -> (u64, u32) {
    applies.iter().fold((1, 1), |(count, longest), id| match ways.get(*id as usize) {
        Some(Ways::Known { count: more, longest: on }) => {
            (count.saturating_add(*more), longest.max(on.saturating_add(1)))
        }
        _ => (count, longest),
    })
}

struct Compiler<'s> {
    root: &'s Value,
    draft: Draft,
    /// The keyword that names a resource.
    id_keyword: &'static str,
    nodes: Vec<Declares>,
    /// Subschemas already known, by address: this is what makes recursive schemas finite.
    known: HashMap<usize, Id>,
    /// Known subschemas that were not read yet, with the resource they lie in.
    unread: Vec<(Id, &'s Value, &'s Value)>,
    /// Schema resources by `$id`.
    resources: HashMap<&'s str, &'s Value>,
    /// `$anchor`, `$dynamicAnchor` and the `#name` of an older `$id`, by resource address and name.
    anchors: HashMap<(usize, &'s str), &'s Value>,
    /// Every place that `$dynamicRef` may mean by a name, and `$recursiveRef` by none.
    dynamic_anchors: HashMap<&'s str, Vec<Place<'s>>>,
}

/// A subschema and the resource it lies in.
type Place<'s> = (&'s Value, &'s Value);

fn address(value: &Value) -> usize {
    std::ptr::from_ref(value) as usize
}

impl<'s> Compiler<'s> {
    fn new(root: &'s Value, draft: Draft) -> Self {
        Self {
            root,
            draft,
            id_keyword: if draft == Draft::Draft4 { "id" } else { "$id" },
            nodes: Vec::new(),
            known: HashMap::new(),
            unread: Vec::new(),
            resources: HashMap::new(),
            anchors: HashMap::new(),
            dynamic_anchors: HashMap::new(),
        }
    }

    fn compile(mut self) -> Result<Vec<Declares>, ShapeError> {
        self.index_resources(self.root, self.root);
        self.schema(self.root, self.root)?;
        while let Some((id, schema, resource)) = self.unread.pop() {
            if let Value::Object(keywords) = schema {
                let resource = if self.resource_id(schema).is_some() { schema } else { resource };
                let declares = self.keywords(keywords, resource)?;
                if let Some(node) = self.nodes.get_mut(id as usize) {
                    *node = declares;
                }
            }
        }
        Ok(self.nodes)
    }

    /// Up to draft-07 everything beside a `$ref` is ignored, and `#name` as an `$id` is an anchor.
    fn is_old(&self) -> bool {
        matches!(self.draft, Draft::Draft4 | Draft::Draft6 | Draft::Draft7)
    }

    /// The identifier of a resource that begins here.
    fn resource_id(&self, schema: &'s Value) -> Option<&'s str> {
        schema.get(self.id_keyword).and_then(Value::as_str).filter(|id| !id.starts_with('#'))
    }

    /// Finds embedded resources and anchors. Recursion is bounded by the depth of the parsed schema.
    fn index_resources(&mut self, value: &'s Value, resource: &'s Value) {
        let mut resource = resource;
        if let Some(id) = self.resource_id(value) {
            let (id, anchor) = id.split_once('#').unwrap_or((id, ""));
            self.resources.insert(id, value);
            resource = value;
            if !anchor.is_empty() {
                self.anchors.insert((address(resource), anchor), value);
            }
        }
        let text = |keyword| value.get(keyword).and_then(Value::as_str);
        let old_anchor = text(self.id_keyword).filter(|_| self.is_old()).and_then(|id| id.strip_prefix('#'));
        for name in [old_anchor, text("$anchor"), text("$dynamicAnchor")].into_iter().flatten() {
            self.anchors.insert((address(resource), name), value);
        }
        let recursive = (value.get("$recursiveAnchor") == Some(&Value::Bool(true))).then_some("");
        for name in [text("$dynamicAnchor"), recursive].into_iter().flatten() {
            self.dynamic_anchors.entry(name).or_default().push((value, resource));
        }
        match value {
            Value::Object(members) => {
                members.values().for_each(|member| self.index_resources(member, resource));
            }
            Value::Array(items) => items.iter().for_each(|item| self.index_resources(item, resource)),
            _ => {}
        }
    }

    /// The number of a subschema. What it says is read later, so that long chains need no stack.
    fn schema(&mut self, schema: &'s Value, resource: &'s Value) -> Result<Id, ShapeError> {
        if let Some(id) = self.known.get(&address(schema)) {
            return Ok(*id);
        }
        let id = Id::try_from(self.nodes.len()).ok().filter(|id| (*id as usize) < MAX_NODES);
        let id = id.ok_or(ShapeError::TooCostly("it has too many subschemas"))?;
        self.known.insert(address(schema), id);
        self.unread.push((id, schema, resource));
        self.nodes.push(Declares {
            properties: Vec::new(),
            patterns: Vec::new(),
            others: Others::Unsaid,
            prefix_items: Vec::new(),
            items: None,
            applies: Vec::new(),
        });
        Ok(id)
    }

    /// The subschemas that references at one place may mean.
    fn references(
        &mut self,
        keywords: &'s Map<String, Value>,
        resource: &'s Value,
    ) -> Result<Vec<Id>, ShapeError> {
        let mut applies = Vec::new();
        for keyword in ["$ref", "$dynamicRef", "$recursiveRef"] {
            let Some(reference) = keywords.get(keyword).and_then(Value::as_str) else { continue };
            let unresolved = ShapeError::Unclear("a `$ref` does not resolve inside it");
            let (target, target_resource) = self.resolve(reference, resource).ok_or(unresolved)?;
            applies.push(self.schema(target, target_resource)?);
            if keyword != "$ref" {
                // Which of them it means depends on the way that led here: each may apply.
                let name = reference.split_once('#').map_or("", |(_, name)| name);
                for (place, resource) in self.dynamic_anchors.get(name).cloned().unwrap_or_default() {
                    let id = self.schema(place, resource)?;
                    if !applies.contains(&id) {
                        applies.push(id);
                    }
                }
            }
        }
        Ok(applies)
    }

    fn keywords(
        &mut self,
        keywords: &'s Map<String, Value>,
        resource: &'s Value,
    ) -> Result<Declares, ShapeError> {
        let mut applies = self.references(keywords, resource)?;
        let ignore_siblings = self.is_old() && keywords.contains_key("$ref");
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
            let regex = regex
                .map_err(|_| ShapeError::Unclear("a pattern in `patternProperties` does not compile"))?;
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
        let root = self.root.get(self.id_keyword).and_then(Value::as_str)?;
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
