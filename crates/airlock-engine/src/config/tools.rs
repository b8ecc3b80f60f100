//! `[tools.PATTERN]`: argument rules and masking opt-outs for the tools whose name matches.

use airlock_scan::KindSet;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    kinds,
    problem::At,
    reader::{Reader, text, texts},
    scalar,
    suggest::join,
};
use crate::{
    policy::{ArgumentRule, ArgumentRules, Decimal, Pattern, PolicyProblem, UrlRule},
    settings::SandboxNeed,
};

/// The rules of one `[tools.PATTERN]` section.
#[derive(Clone, Debug)]
pub struct ToolRules {
    /// The tools for which they hold.
    pub pattern: Pattern,
    /// What the values of arguments must be; all rules hold together.
    pub arguments: Vec<ArgumentRules>,
    /// Whether output is masked; `mask_output = false` opts out.
    pub mask: bool,
    /// Members of structured output that are not masked, by patterns for their names.
    pub unmasked_fields: Vec<Pattern>,
    /// Kinds that are not masked in output of these tools.
    pub disabled_kinds: KindSet,
    /// Whether they run in a sandbox.
    pub sandbox: SandboxNeed,
}

pub(super) fn read(reader: &mut Reader<'_, '_>) -> Vec<ToolRules> {
    let Some(sections) = reader.table(&["tools"]) else { return Vec::new() };
    reader.record_all("tools", sections);
    let mut tools = Vec::new();
    for (key, value) in sections {
        let path = join("tools", key.get_ref());
        let pattern = Pattern::new(key.get_ref());
        if let Err(error) = &pattern {
            reader.report.error(
                At::File(key.span().start),
                &path,
                error.message,
                Some(error.help.to_owned()),
            );
        }
        let Some(table) = value.get_ref().as_table() else { continue };
        let arguments = read_arguments(table, &path, reader);
        let mask = read_mask(table, &path, reader);
        let unmasked_fields = read_unmasked_fields(table, &path, reader);
        let disabled_kinds = table.get("disabled_kinds").map_or_else(KindSet::none, |value| {
            kinds::read_disabled(value, &join(&path, "disabled_kinds"), "in output of these tools", reader)
        });
        let sandbox = read_sandbox(table, &path, reader);
        let rules =
            |pattern| ToolRules { pattern, arguments, mask, unmasked_fields, disabled_kinds, sandbox };
        tools.extend(pattern.ok().map(rules));
    }
    tools
}

fn read_sandbox(table: &DeTable<'_>, path: &str, reader: &mut Reader<'_, '_>) -> SandboxNeed {
    let given = |name: &str| table.get(name).and_then(|value| value.get_ref().as_bool());
    match (given("sandbox"), given("sandbox_required")) {
        (Some(false), Some(true)) => {
            let at = table.get("sandbox").map_or(At::BuiltIn, |value| At::File(value.span().start));
            let help = Some("remove one of the two".to_owned());
            reader.report.error(at, &join(path, "sandbox"), "contradicts `sandbox_required = true`", help);
            SandboxNeed::Required
        }
        (_, Some(true)) => SandboxNeed::Required,
        (Some(true), _) => SandboxNeed::Wanted,
        _ => SandboxNeed::None,
    }
}

fn read_mask(table: &DeTable<'_>, path: &str, reader: &mut Reader<'_, '_>) -> bool {
    let mask = table.get("mask_output");
    let masked = mask.and_then(|value| value.get_ref().as_bool()).unwrap_or(true);
    if let (Some(value), false) = (mask, masked) {
        let at = At::File(value.span().start);
        reader.report.warning(at, &join(path, "mask_output"), "output of these tools is not masked", None);
    }
    masked
}

fn read_unmasked_fields(table: &DeTable<'_>, path: &str, reader: &mut Reader<'_, '_>) -> Vec<Pattern> {
    let key = join(path, "unmasked_fields");
    let mut unmasked = Vec::new();
    for (name, at) in table.get("unmasked_fields").map(texts).unwrap_or_default() {
        match Pattern::new(&name) {
            Ok(pattern) => {
                let fields = if pattern.is_exact() { "this field is" } else { "fields of such names are" };
                let message = format!("{fields} not masked in output of these tools");
                reader.report.warning(at, &key, message, None);
                unmasked.push(pattern);
            }
            Err(error) => reader.report.error(at, &key, error.message, Some(error.help.to_owned())),
        }
    }
    unmasked
}

fn read_arguments(tool: &DeTable<'_>, path: &str, reader: &mut Reader<'_, '_>) -> Vec<ArgumentRules> {
    let arguments = tool.get("arguments").and_then(|value| value.get_ref().as_table());
    let path = join(path, "arguments");
    let mut rules = Vec::new();
    for (key, value) in arguments.into_iter().flatten() {
        let Some(table) = value.get_ref().as_table() else { continue };
        let argument = Argument { table, path: join(&path, key.get_ref()), at: At::File(key.span().start) };
        let rule = argument.read(reader);
        if rule == ArgumentRule::default() && !table.is_empty() {
            // Its conditions did not fit the schema, which is reported already.
            continue;
        }
        match ArgumentRules::compile(key.get_ref(), &rule) {
            Ok(compiled) => rules.push(compiled),
            Err(problems) => problems.into_iter().for_each(|problem| argument.report(problem, reader)),
        }
    }
    rules
}

/// The rule for one argument, as the file says it.
struct Argument<'a, 't> {
    table: &'a DeTable<'t>,
    path: String,
    at: At,
}

impl Argument<'_, '_> {
    fn read(&self, reader: &mut Reader<'_, '_>) -> ArgumentRule {
        ArgumentRule {
            within: list(self.table, "within"),
            min: self.number("min", reader),
            max: self.number("max", reader),
            one_of: self.values(reader),
            matches: self.table.get("matches").and_then(text),
            url: self
                .table
                .get("url")
                .and_then(|url| url.get_ref().as_table())
                .map(|url| self.url(url, reader)),
        }
    }

    fn number(&self, name: &str, reader: &mut Reader<'_, '_>) -> Option<Decimal> {
        let value = self.table.get(name)?;
        let text = match value.get_ref() {
            DeValue::Integer(number) if number.radix() == 10 => Some(number.as_str().to_owned()),
            DeValue::Integer(number) => scalar::integer(number).map(|number| number.to_string()),
            DeValue::Float(number) => Some(number.as_str().to_owned()),
            _ => return None,
        };
        let number: Option<Decimal> = text.and_then(|text| text.trim_start_matches('+').parse().ok());
        if number.is_none() {
            let at = At::File(value.span().start);
            reader.report.error(at, &join(&self.path, name), "expected a finite number", None);
        }
        number
    }

    fn values(&self, reader: &mut Reader<'_, '_>) -> Vec<serde_json::Value> {
        let items = self.table.get("one_of").and_then(|value| value.get_ref().as_array());
        let mut values = Vec::new();
        for item in items.into_iter().flatten() {
            match json(item) {
                Some(value) => values.push(value),
                None if is_number(item) => {
                    let at = At::File(item.span().start);
                    reader.report.error(
                        at,
                        &join(&self.path, "one_of"),
                        "expected a finite number of 64 bits",
                        None,
                    );
                }
                // Reported by the check against the schema.
                None => {}
            }
        }
        values
    }

    fn url(&self, table: &DeTable<'_>, reader: &mut Reader<'_, '_>) -> UrlRule {
        let danger = table.get("danger_allow_private_hosts");
        let allow_private = danger.and_then(|value| value.get_ref().as_bool()).unwrap_or(false);
        if let (Some(value), true) = (danger, allow_private) {
            let key = join(&join(&self.path, "url"), "danger_allow_private_hosts");
            let message = "URLs may lead to this machine, the private network and cloud metadata";
            reader.report.warning(At::File(value.span().start), &key, message, None);
        }
        let default = UrlRule::default();
        let schemes = if table.contains_key("schemes") { list(table, "schemes") } else { default.schemes };
        UrlRule { hosts: list(table, "hosts"), schemes, allow_private }
    }

    fn report(&self, problem: PolicyProblem, reader: &mut Reader<'_, '_>) {
        let PolicyProblem { field, message, help, .. } = problem;
        match self.table.get(field.as_str()) {
            Some(value) => {
                let at = At::File(value.span().start);
                reader.report.error(at, &join(&self.path, &field), message, help);
            }
            // About the name of the argument, or the rule as a whole.
            None => reader.report.error(self.at, &self.path, message, help),
        }
    }
}

fn list(table: &DeTable<'_>, name: &str) -> Vec<String> {
    table.get(name).map(texts).unwrap_or_default().into_iter().map(|(text, _)| text).collect()
}

/// The JSON value equal to a TOML value, if there is one.
fn json(value: &Spanned<DeValue<'_>>) -> Option<serde_json::Value> {
    match value.get_ref() {
        DeValue::String(text) => Some(text.as_ref().into()),
        DeValue::Boolean(value) => Some((*value).into()),
        DeValue::Integer(number) => {
            let number = scalar::integer(number)?;
            i64::try_from(number).map(Into::into).or_else(|_| u64::try_from(number).map(Into::into)).ok()
        }
        DeValue::Float(number) => {
            serde_json::Number::from_f64(number.as_str().parse().ok()?).map(serde_json::Value::Number)
        }
        DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => None,
    }
}

fn is_number(value: &Spanned<DeValue<'_>>) -> bool {
    matches!(value.get_ref(), DeValue::Integer(_) | DeValue::Float(_))
}
