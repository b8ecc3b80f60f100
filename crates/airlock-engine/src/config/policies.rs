//! `[policy]`, `[policies.NAME]` and `[roles]`: who is judged by which policy.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use super::{
    policy_section::{PolicySection, restricts_nothing},
    problem::At,
    reader::{Reader, text},
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
        if let Some((name, at)) = reader.text("policy") {
            // `[policy]` must be right, but what it weakens has no effect.
            reader.report.withdraw_warnings("policy");
            let chosen = policies.choose(&name, at, "policy", reader, zone);
            policies.default = chosen.and_then(|index| policies.named.get(index).cloned());
        } else {
            let at = reader.section("policy").map_or(At::BuiltIn, |(_, at)| at);
            let name = policies.default.as_ref().map_or(DEFAULT_NAME, Policy::name).to_owned();
            reader.record("policy", name, at);
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
            let section = PolicySection::read(table, &path, at, reader);
            if restricts_nothing(&section.policy) {
                reader.report.warning(at, &path, "this policy restricts nothing", None);
            }
            if let Some(policy) = section.compile(name, reader, zone) {
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
            return reader.report.tally();
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
    let section = PolicySection::read(table, "policy", at, reader);
    if let (Some((preset, at)), true) = (&section.preset, restricts_nothing(&section.policy)) {
        let message = format!("the preset {} restricts nothing", quoted(preset));
        reader.report.warning(*at, "policy.preset", message, None);
    }
    let name = match &section.preset {
        Some((preset, _)) if table.len() == 1 => preset_name(preset),
        None if table.is_empty() => preset_name("permissive"),
        _ => DEFAULT_NAME.to_owned(),
    };
    section.compile(&name, reader, zone)
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
