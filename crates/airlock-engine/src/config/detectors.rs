//! `[[detector]]`: what the user looks for beyond the built-in rules.

use std::{fmt, sync::Arc};

use airlock_scan::{
    Class, Confidence, DEFAULT_LENGTH, DetectorError, DetectorSet, DetectorSpec, Kind, Validator,
};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    kinds,
    problem::At,
    reader::{Reader, text, texts},
    scalar::Scalar,
    schema::Shape,
    suggest::quoted,
};

const KEY: &str = "detector";

/// The user's detectors, compiled.
#[derive(Clone, Default)]
pub struct Detectors {
    specs: Vec<DetectorSpec>,
    set: Option<Arc<DetectorSet>>,
}

impl Detectors {
    /// The compiled detectors, if there are any.
    pub fn set(&self) -> Option<Arc<DetectorSet>> {
        self.set.clone()
    }

    /// The detectors as the user wrote them.
    pub fn specs(&self) -> &[DetectorSpec] {
        &self.specs
    }
}

impl PartialEq for Detectors {
    fn eq(&self, other: &Self) -> bool {
        self.specs == other.specs
    }
}

impl Eq for Detectors {}

impl fmt::Debug for Detectors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.specs.iter().map(|spec| &spec.id)).finish()
    }
}

pub(super) fn read(reader: &mut Reader<'_, '_>) -> Detectors {
    let Some(list) = reader.list(KEY) else { return Detectors::default() };
    let mut specs = Vec::new();
    // The tables of `specs`, with the places of what is wrong with them.
    let mut tables = Vec::new();
    let mut complete = true;
    for item in list {
        let Some(table) = item.get_ref().as_table() else { continue };
        let own = Table { table, at: At::File(item.span().start) };
        match own.spec(reader) {
            Some(spec) => {
                reader.record(&format!("{KEY}.{}", spec.id), spec.kind.name().to_owned(), own.at);
                specs.push(spec);
                tables.push(own);
            }
            None => complete = false,
        }
    }
    match DetectorSet::compile(&specs) {
        Ok(set) if complete && !specs.is_empty() => Detectors { specs, set: Some(Arc::new(set)) },
        Ok(_) => Detectors::default(),
        Err(errors) => {
            for error in errors {
                if let Some(table) = tables.get(error.detector) {
                    table.report(error, reader);
                }
            }
            Detectors::default()
        }
    }
}

/// One `[[detector]]`.
struct Table<'a, 't> {
    table: &'a DeTable<'t>,
    at: At,
}

impl Table<'_, '_> {
    fn spec(&self, reader: &mut Reader<'_, '_>) -> Option<DetectorSpec> {
        let (id, regex) = (self.required("id", reader), self.required("regex", reader));
        let kind = self.kind(reader);
        let word = |name: &str| self.table.get(name).and_then(text);
        let max_length = self.table.get("max_length").and_then(|value| {
            let shape = Shape::Count { min: 1, max: airlock_scan::MAX_LENGTH };
            match shape.read(value.get_ref()) {
                Ok(Scalar::Count(count)) => Some(count),
                _ => None,
            }
        });
        Some(DetectorSpec {
            anchors: self.list("anchors"),
            keywords: self.list("keywords"),
            validator: word("validator").and_then(|name| Validator::from_name(&name)),
            confidence: match word("confidence").as_deref() {
                Some("low") => Confidence::Low,
                Some("high") => Confidence::High,
                _ => Confidence::Medium,
            },
            examples: self.list("examples"),
            counterexamples: self.list("counterexamples"),
            max_length: max_length.unwrap_or(DEFAULT_LENGTH),
            ..DetectorSpec::new(id?, kind?, regex?)
        })
    }

    fn list(&self, name: &str) -> Vec<String> {
        self.table.get(name).map(texts).unwrap_or_default().into_iter().map(|(text, _)| text).collect()
    }

    /// A text that must be there. One that does not fit is reported already.
    fn required(&self, name: &str, reader: &mut Reader<'_, '_>) -> Option<String> {
        let Some(value) = self.table.get(name) else {
            reader.report.error(self.at, KEY, format!("`{name}` is missing"), None);
            return None;
        };
        text(value)
    }

    /// A known kind, or one of the user's own, of which only the class counts.
    fn kind(&self, reader: &mut Reader<'_, '_>) -> Option<Kind> {
        let class = self.table.get("class");
        let named = class
            .and_then(text)
            .and_then(|name| [Class::Pii, Class::Secret].into_iter().find(|class| class.name() == name));
        let Some(value) = self.table.get("kind") else {
            if class.is_none() {
                let help = "write `class = \"pii\"` or `class = \"secret\"`, or the `kind` of another rule"
                    .to_owned();
                reader.report.error(self.at, KEY, "`class` is missing", Some(help));
            }
            return named.and_then(Kind::custom);
        };
        let (name, at) = (text(value)?, At::File(value.span().start));
        match (Kind::from_name(&name), named) {
            (Some(kind), _) if kind.class() == Class::Injection => {
                reader.report.error(
                    at,
                    "detector.kind",
                    "detectors find personal data and secrets only",
                    None,
                );
                None
            }
            (Some(kind), Some(class)) if kind.class() != class => {
                let message = format!("`{}` is of the class `{}`", kind.name(), kind.class().name());
                reader.report.error(at, "detector.kind", message, Some("remove `class`".to_owned()));
                None
            }
            (Some(kind), _) => Some(kind),
            (None, Some(class)) => Kind::custom(class),
            // A class that does not fit is reported already.
            (None, None) if class.is_some() => None,
            (None, None) => {
                let own = "add `class = \"pii\"` or `class = \"secret\"` to a kind of your own";
                let help =
                    kinds::similar(&name).map_or_else(|| own.to_owned(), |meant| format!("{meant} Or {own}"));
                let message = format!("{} is not a known kind of finding", quoted(&name));
                reader.report.error(at, "detector.kind", message, Some(help));
                None
            }
        }
    }

    fn report(&self, error: DetectorError, reader: &mut Reader<'_, '_>) {
        let place = |value: &Spanned<DeValue<'_>>| At::File(value.span().start);
        let field = self.table.get(error.field);
        let item = error.item.and_then(|item| field?.get_ref().as_array()?.get(item));
        let at = item.or(field).map_or(self.at, place);
        reader.report.error(at, &format!("{KEY}.{}", error.field), error.message, error.help);
    }
}
