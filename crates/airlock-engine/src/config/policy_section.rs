//! One policy as a section of the file says it, on top of a preset.

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
use crate::policy::{PRESETS, Policy, PolicyProblem, Quota, SecurityPolicy};

/// A policy as one section of the file says it, on top of its preset.
pub(super) struct PolicySection<'a, 't> {
    table: &'a DeTable<'t>,
    path: &'a str,
    at: At,
    pub(super) preset: Option<(String, At)>,
    pub(super) policy: SecurityPolicy,
}

impl<'a, 't> PolicySection<'a, 't> {
    /// What the section says replaces what the preset says, list by list; of the maps, pattern by pattern.
    pub(super) fn read(table: &'a DeTable<'t>, path: &'a str, at: At, reader: &mut Reader<'_, '_>) -> Self {
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
        let section = Self { table, path, at, preset, policy };
        section.warn_of_loosening(&base, reader);
        section
    }

    pub(super) fn compile(self, name: &str, reader: &mut Reader<'_, '_>, zone: &TimeZone) -> Option<Policy> {
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
            return reader.report.tally();
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
    match (Quota::parse(before), Quota::parse(rule)) {
        // A smaller bucket that takes no less time per token lets no more pass.
        (Ok(before), Ok(own)) => {
            let tokens = |quota: Quota| u128::from(quota.capacity().get());
            let faster = tokens(own) * before.period().as_nanos() > tokens(before) * own.period().as_nanos();
            tokens(own) > tokens(before) || faster
        }
        _ => before != rule,
    }
}

/// Whether a policy is as good as none.
pub(super) fn restricts_nothing(policy: &SecurityPolicy) -> bool {
    SecurityPolicy { timezone: None, ..policy.clone() } == SecurityPolicy::default()
}
