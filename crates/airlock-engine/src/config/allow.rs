//! `sanitization.allow` and `sanitization.allow_kinds`: texts that are not masked.

use std::sync::LazyLock;

use airlock_scan::{AllowList, Class, Finding, Kind, KindSet, Scanner, rules};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    kinds,
    problem::At,
    reader::{Reader, texts},
    suggest::join,
};

const LIST: &str = "sanitization.allow";
const BY_KIND: &str = "sanitization.allow_kinds";

pub(super) fn read(reader: &mut Reader<'_, '_>) -> AllowList {
    let mut list = AllowList::default();
    if let Some(value) = reader.table(&["sanitization"]).and_then(|table| table.get("allow")) {
        let patterns: Vec<String> = texts(value).into_iter().map(|(pattern, _)| pattern).collect();
        reader.record(LIST, format!("[{}]", patterns.join(", ")), At::File(value.span().start));
        add(&mut list, value, LIST, KindSet::all(), reader);
    }
    let empty = DeTable::new();
    let table = reader.table(&["sanitization", "allow_kinds"]).unwrap_or(&empty);
    reader.record_all(BY_KIND, table);
    for (key, value) in table {
        let path = join(BY_KIND, key.get_ref());
        let kind = kinds::maskable(key.get_ref(), At::File(key.span().start), &path, reader);
        let kinds = kind.map_or_else(KindSet::none, |kind| KindSet::none().with(kind));
        add(&mut list, value, &path, kinds, reader);
    }
    list
}

fn add(
    list: &mut AllowList,
    value: &Spanned<DeValue<'_>>,
    key: &str,
    kinds: KindSet,
    reader: &mut Reader<'_, '_>,
) {
    for (pattern, at) in texts(value) {
        match list.add(&pattern, kinds) {
            Ok(()) => reader.report.warning(at, key, weakening(&pattern, kinds), None),
            Err(message) => reader.report.error(at, key, message, None),
        }
    }
}

/// What an entry takes away. An address or a domain is what such lists are for; a credential is not.
fn weakening(pattern: &str, kinds: KindSet) -> String {
    if pattern.bytes().all(|byte| byte == b'*') {
        let mut kinds = kinds.iter();
        return match (kinds.next(), kinds.next()) {
            (Some(kind), None) if kind.class() == Class::Secret => {
                format!("this allows every `{}`, which is a credential", kind.name())
            }
            (Some(kind), None) => format!("this allows every `{}`", kind.name()),
            _ => "this allows everything that is found, credentials included".to_owned(),
        };
    }
    match credential(pattern, kinds) {
        Some(kind) => format!("this leaves credentials unmasked, such as the examples of `{}`", kind.name()),
        None => "what this matches is not masked".to_owned(),
    }
}

/// The kind of a documented credential that the pattern would let through.
fn credential(pattern: &str, kinds: KindSet) -> Option<Kind> {
    let mut list = AllowList::default();
    list.add(pattern, kinds).ok()?;
    let secrets: KindSet = kinds.iter().filter(|kind| kind.class() == Class::Secret).collect();
    if secrets.is_empty() || !pattern.contains(['*', '?']) {
        return None;
    }
    let examples = EXAMPLES.iter().filter(|(kind, _)| secrets.contains(*kind));
    examples.filter(|(kind, text)| list.allows(*kind, text)).map(|(kind, _)| *kind).next()
}

/// The credentials in the examples of the rules.
static EXAMPLES: LazyLock<Vec<(Kind, &'static str)>> = LazyLock::new(|| {
    let scanner = Scanner::new(KindSet::secrets());
    let mut examples = Vec::new();
    let mut found: Vec<Finding> = Vec::new();
    for text in
        rules().iter().filter(|rule| rule.kind.class() == Class::Secret).flat_map(|rule| rule.examples)
    {
        found.clear();
        scanner.scan(text, &mut found);
        examples
            .extend(found.iter().filter_map(|finding| Some((finding.kind, text.get(finding.span.clone())?))));
    }
    examples
});
