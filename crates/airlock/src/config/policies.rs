//! `[policy]`, `[policies.NAME]` and `[roles]`: who is judged by which policy.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    check::belongs_to,
    problem::At,
    reader::{Reader, text, texts},
    suggest::{alternatives, closest, join, quoted},
};
use crate::{
    caller::Role,
    policy::{PRESETS, Policy, PolicyProblem, SecurityPolicy},
};

/// The name of `[policy]` in records and messages, unless it is a preset and nothing else.
const DEFAULT_NAME: &str = "default";

/// Longest name of a policy in bytes.
const MAX_NAME_LEN: usize = 64;

/// The policies of a configuration.
#[derive(Default)]
pub(super) struct Policies {
    /// For callers none of whose roles is bound; `None` if it has problems.
    pub(super) default: Option<Policy>,
    pub(super) named: Vec<Policy>,
    pub(super) roles: Vec<(Role, usize)>,
    /// Names that can be referred to, with their place in `named` once they are compiled.
    known: BTreeMap<String, Option<usize>>,
}

impl Policies {
    pub(super) fn read(reader: &mut Reader<'_, '_>, zone: &TimeZone) -> Self {
        let mut policies = Self::default();
        policies.read_named(reader, zone);
        policies.read_roles(reader, zone);
        policies.default = read_section(reader, zone);
        match reader.text("policy") {
            Some((name, at)) => {
                // `[policy]` must be right, but what it weakens has no effect.
                reader.report.withdraw_warnings("policy");
                let chosen = policies.choose(&name, at, "policy", reader, zone);
                policies.default = chosen.and_then(|index| policies.named.get(index).cloned());
            }
            None => {
                let at = reader.section("policy").map_or(At::BuiltIn, |(_, at)| at);
                let name = policies.default.as_ref().map_or(DEFAULT_NAME, Policy::name).to_owned();
                reader.record("policy", name, at);
            }
        }
        policies
    }

    fn read_named(&mut self, reader: &mut Reader<'_, '_>, zone: &TimeZone) {
        let Some(sections) = reader.table(&["policies"]) else { return };
        reader.record_all("policies", sections);
        for (key, value) in sections {
            let name = key.get_ref().as_ref();
            let path = join("policies", name);
            let at = At::File(key.span().start);
            if let Some((message, help)) = bad_name(name) {
                reader.report.error(at, &path, message, help);
            }
            self.known.insert(name.to_owned(), None);
            let Some(table) = value.get_ref().as_table() else { continue };
            let written = Written::read(table, &path, at, reader);
            if restricts_nothing(&written.policy) {
                reader.report.warning(at, &path, "this policy restricts nothing", None);
            }
            if let Some(policy) = written.compile(name, reader, zone) {
                self.add(name, policy);
            }
        }
    }

    fn add(&mut self, name: &str, policy: Policy) -> usize {
        let index = self.named.len();
        self.named.push(policy);
        self.known.insert(name.to_owned(), Some(index));
        index
    }

    fn read_roles(&mut self, reader: &mut Reader<'_, '_>, zone: &TimeZone) {
        let Some(table) = reader.table(&["roles"]) else { return };
        reader.record_all("roles", table);
        for (key, value) in table {
            let path = join("roles", key.get_ref());
            let role = Role::new(key.get_ref());
            if let Err(invalid) = &role {
                reader.report.error(At::File(key.span().start), &path, invalid.to_string(), None);
            }
            let Some(name) = text(value) else { continue };
            let index = self.choose(&name, At::File(value.span().start), &path, reader, zone);
            self.roles.extend(role.ok().zip(index));
        }
    }

    /// The policy that somebody refers to: a named one, or a preset, which is then compiled.
    fn choose(
        &mut self,
        name: &str,
        at: At,
        key: &str,
        reader: &mut Reader<'_, '_>,
        zone: &TimeZone,
    ) -> Option<usize> {
        if let Some(index) = self.known.get(name) {
            return *index;
        }
        let Some(preset) = SecurityPolicy::preset(name) else {
            self.report_unknown(name, at, key, reader);
            return None;
        };
        if restricts_nothing(&preset) {
            let message = format!("the preset {} restricts nothing", quoted(name));
            reader.report.warning(at, key, message, None);
        }
        match preset.compile(&preset_name(name), zone) {
            Ok(policy) => Some(self.add(name, policy)),
            Err(problems) => {
                // A preset needs the system's time zone, which may be unknown.
                for PolicyProblem { message, help, .. } in problems {
                    reader.report.error(at, key, message, help);
                }
                None
            }
        }
    }

    fn report_unknown(&self, name: &str, at: At, key: &str, reader: &mut Reader<'_, '_>) {
        if reader.report.is_full() {
            return reader.report.error(at, key, "", None);
        }
        let known: Vec<&str> = self.known.keys().map(String::as_str).chain(PRESETS.iter().copied()).collect();
        let help = match closest(name, known.iter().copied()) {
            Some(close) => format!("did you mean `{close}`?"),
            None => format!("the presets are {}; others stand at `[policies.NAME]`", alternatives(PRESETS)),
        };
        reader.report.error(at, key, format!("there is no policy {}", quoted(name)), Some(help));
    }
}

/// `[policy]`, or without it the policy that restricts nothing.
fn read_section(reader: &mut Reader<'_, '_>, zone: &TimeZone) -> Option<Policy> {
    let Some((table, at)) = reader.section("policy") else {
        return SecurityPolicy::permissive().compile(&preset_name("permissive"), zone).ok();
    };
    reader.record_all("policy", table);
    let written = Written::read(table, "policy", at, reader);
    if let (Some((preset, at)), true) = (&written.preset, restricts_nothing(&written.policy)) {
        let message = format!("the preset {} restricts nothing", quoted(preset));
        reader.report.warning(*at, "policy.preset", message, None);
    }
    let name = match &written.preset {
        Some((preset, _)) if table.len() == 1 => preset_name(preset),
        None if table.is_empty() => preset_name("permissive"),
        _ => DEFAULT_NAME.to_owned(),
    };
    written.compile(&name, reader, zone)
}

/// A policy as one section of the file says it, on top of its preset.
struct Written<'a, 't> {
    table: &'a DeTable<'t>,
    path: &'a str,
    at: At,
    preset: Option<(String, At)>,
    policy: SecurityPolicy,
}

impl<'a, 't> Written<'a, 't> {
    /// What the section says replaces what the preset says, list by list; of the maps, pattern by pattern.
    fn read(table: &'a DeTable<'t>, path: &'a str, at: At, reader: &mut Reader<'_, '_>) -> Self {
        let preset = table.get("preset").and_then(|value| Some((text(value)?, At::File(value.span().start))));
        let base = preset.as_ref().map(|(name, at)| read_preset(name, *at, &join(path, "preset"), reader));
        let base = base.unwrap_or_default();
        let mut policy = base.clone();
        for (name, list) in lists(&mut policy) {
            if let Some(value) = table.get(name) {
                *list = texts(value).into_iter().map(|(text, _)| text).collect();
            }
        }
        if let Some(required) = table.get("require_agent_id").and_then(|value| value.get_ref().as_bool()) {
            policy.require_agent_id = required;
        }
        if let Some(zone) = table.get("timezone").and_then(text) {
            policy.timezone = Some(zone);
        }
        for (name, rules) in maps(&mut policy) {
            merge(rules, table.get(name));
        }
        let written = Self { table, path, at, preset, policy };
        written.warn_of_loosening(&base, reader);
        written
    }

    fn compile(self, name: &str, reader: &mut Reader<'_, '_>, zone: &TimeZone) -> Option<Policy> {
        match self.policy.compile(name, zone) {
            Ok(policy) => Some(policy),
            Err(problems) => {
                for problem in problems {
                    self.report(problem, reader);
                }
                None
            }
        }
    }

    fn report(&self, problem: PolicyProblem, reader: &mut Reader<'_, '_>) {
        if reader.report.is_full() {
            return reader.report.error(At::WholeFile, "", "", None);
        }
        let PolicyProblem { field, entry, message, help } = problem;
        let mut key = join(self.path, &field);
        let mut at = self.place(&field);
        let mut help = help;
        match (self.table.get(field.as_str()).map(Spanned::get_ref), entry) {
            (Some(DeValue::Table(rules)), Some(pattern)) => {
                key = join(&key, &pattern);
                at = rules.get(pattern.as_str()).map_or(at, |value| At::File(value.span().start));
                help = belongs_to(&pattern).or(help);
            }
            (Some(DeValue::Array(items)), Some(text)) => {
                let item = items.iter().find(|item| item.get_ref().as_str() == Some(&text));
                at = item.map_or(at, |item| At::File(item.span().start));
            }
            _ => {}
        }
        reader.report.error(at, &key, message, help);
    }

    fn place(&self, field: &str) -> At {
        self.table.get(field).map_or(self.at, |value| At::File(value.span().start))
    }

    /// Says where the section takes back what its preset gives.
    fn warn_of_loosening(&self, base: &SecurityPolicy, reader: &mut Reader<'_, '_>) {
        let Some((preset, _)) = &self.preset else { return };
        let (mut before, mut after) = (base.clone(), self.policy.clone());
        let mut loosened = Vec::new();
        for ((name, before), (_, after)) in lists(&mut before).into_iter().zip(lists(&mut after)) {
            let narrower = if name.starts_with("denied") {
                before.iter().all(|denied| after.contains(denied))
            } else {
                before.is_empty() || after.iter().all(|allowed| before.contains(allowed))
            };
            if !narrower {
                loosened.push((name, None));
            }
        }
        if base.require_agent_id && !self.policy.require_agent_id {
            loosened.push(("require_agent_id", None));
        }
        for ((name, before), (_, after)) in maps(&mut before).into_iter().zip(maps(&mut after)) {
            let looser = after.iter().filter(|rule| is_looser(rule, before));
            loosened.extend(looser.map(|(pattern, _)| (name, Some(pattern.clone()))));
        }
        for (name, pattern) in loosened {
            let key = join(self.path, name);
            let rule = pattern.as_deref().and_then(|pattern| self.table.get(name)?.get_ref().get(pattern));
            let at = rule.map_or(self.place(name), |rule| At::File(rule.span().start));
            let key = pattern.map_or(key.clone(), |pattern| join(&key, &pattern));
            let message = format!("takes the place of what the preset {} says", quoted(preset));
            reader.report.warning(at, &key, message, None);
        }
    }
}

fn read_preset(name: &str, at: At, key: &str, reader: &mut Reader<'_, '_>) -> SecurityPolicy {
    SecurityPolicy::preset(name).unwrap_or_else(|| {
        let help = closest(name, PRESETS.iter().copied()).map(|close| format!("did you mean `{close}`?"));
        let message = format!("expected {}", alternatives(PRESETS));
        reader.report.error(at, key, message, help);
        SecurityPolicy::default()
    })
}

fn lists(policy: &mut SecurityPolicy) -> [(&'static str, &mut Vec<String>); 7] {
    [
        ("allowed_tools", &mut policy.allowed_tools),
        ("denied_tools", &mut policy.denied_tools),
        ("allowed_prompts", &mut policy.allowed_prompts),
        ("denied_prompts", &mut policy.denied_prompts),
        ("allowed_resources", &mut policy.allowed_resources),
        ("denied_resources", &mut policy.denied_resources),
        ("allowed_roles", &mut policy.allowed_roles),
    ]
}

/// Rules by pattern, as a policy holds them.
type Rules = Vec<(String, String)>;

fn maps(policy: &mut SecurityPolicy) -> [(&'static str, &mut Rules); 2] {
    [("rate_limits", &mut policy.rate_limits), ("time_restrictions", &mut policy.time_restrictions)]
}

/// Adds rules to those of a preset, which give way to the same pattern.
fn merge(rules: &mut Rules, section: Option<&Spanned<DeValue<'_>>>) {
    let own = section.and_then(|value| value.get_ref().as_table()).into_iter().flatten();
    let own: Rules = own.filter_map(|(key, value)| Some((key.get_ref().to_string(), text(value)?))).collect();
    rules.retain(|(pattern, _)| own.iter().all(|(known, _)| known != pattern));
    rules.extend(own);
}

/// Whether a rule lets more pass than the rules of the preset, of which the most general one would have applied.
fn is_looser((pattern, rule): &(String, String), preset: &Rules) -> bool {
    let same = preset.iter().find(|(known, _)| known == pattern);
    let Some((_, before)) = same.or_else(|| preset.iter().find(|(known, _)| known == "*")) else {
        return false;
    };
    let number =
        |text: &str| Some((text.split_once('/')?.0.parse::<u32>().ok()?, text.split_once('/')?.1.to_owned()));
    match (number(before), number(rule)) {
        (Some((before, unit)), Some((count, own_unit))) if unit == own_unit => count > before,
        _ => before != rule,
    }
}

fn restricts_nothing(policy: &SecurityPolicy) -> bool {
    SecurityPolicy { timezone: None, ..policy.clone() } == SecurityPolicy::default()
}

/// `strict` → `STRICT_POLICY`, the name that the product's records use.
fn preset_name(preset: &str) -> String {
    let upper = preset.to_ascii_uppercase();
    if upper.ends_with("_POLICY") { upper } else { format!("{upper}_POLICY") }
}

/// Why a name cannot be given to a policy: records show it, and presets must stay what they are.
fn bad_name(name: &str) -> Option<(String, Option<String>)> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    if SecurityPolicy::preset(name).is_some() {
        return Some(("a preset has this name".to_owned(), Some("choose another name".to_owned())));
    }
    if name == DEFAULT_NAME {
        let help = "`[policy]` is the default policy".to_owned();
        return Some(("this name is reserved".to_owned(), Some(help)));
    }
    if name.is_empty() || name.len() > MAX_NAME_LEN || !name.bytes().all(allowed) {
        let message = format!("a policy name is 1 to {MAX_NAME_LEN} letters, digits, `_`, `-` and `.`");
        return Some((message, None));
    }
    None
}
