//! The layers on top of each other: the strongest that says something wins, and it is recorded which.

use serde::Serialize;
use toml::{
    Spanned,
    de::{DeArray, DeTable, DeValue},
};

use super::{
    problem::{At, Origin, Report},
    scalar::Scalar,
    schema::{self, Shape},
    suggest::{join, printable},
};

/// An effective setting and who set it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// The key, as in `airlock.mask_pii`.
    pub key: String,
    /// The value for people; secrets are hidden.
    pub value: String,
    /// The layer that set it.
    pub origin: Origin,
    /// The line in the file, from 1, if the file set it.
    pub line: Option<usize>,
}

/// Reads settings from all layers. The values of the file were checked before; those that did not fit are
/// reported already and count as absent here.
pub(super) struct Reader<'a, 't> {
    file: &'a DeTable<'t>,
    environment: Vec<(&'static str, Scalar)>,
    flags: Vec<(&'static str, Scalar)>,
    pub(super) report: Report<'a>,
    pub(super) settings: Vec<Setting>,
}

impl<'a, 't> Reader<'a, 't> {
    pub(super) fn new(
        file: &'a DeTable<'t>,
        environment: Vec<(&'static str, Scalar)>,
        flags: Vec<(&'static str, Scalar)>,
        report: Report<'a>,
    ) -> Self {
        Self { file, environment, flags, report, settings: Vec::new() }
    }

    /// A table of the file, such as `["policy", "rate_limits"]`.
    pub(super) fn table(&self, path: &[&str]) -> Option<&'a DeTable<'t>> {
        let mut table = self.file;
        for name in path {
            table = table.get(*name)?.get_ref().as_table()?;
        }
        Some(table)
    }

    /// A list of the file, as `[[name]]` makes them.
    pub(super) fn list(&self, name: &str) -> Option<&'a DeArray<'t>> {
        self.file.get(name)?.get_ref().as_array()
    }

    /// A section of the file and its place.
    pub(super) fn section(&self, name: &str) -> Option<(&'a DeTable<'t>, At)> {
        let (key, value) = self.file.get_key_value(name)?;
        Some((value.get_ref().as_table()?, At::File(key.span().start)))
    }

    /// A boolean and who set it.
    pub(super) fn boolean(&mut self, key: &'static str, default: bool) -> (bool, At) {
        match self.single(key) {
            Some((Scalar::Bool(value), at)) => (value, self.record(key, value.to_string(), at)),
            _ => (default, self.record(key, default.to_string(), At::BuiltIn)),
        }
    }

    /// A whole number within the bounds of its key, and who set it.
    pub(super) fn count(&mut self, key: &'static str, default: usize) -> (usize, At) {
        match self.single(key) {
            Some((Scalar::Count(value), at)) => (value, self.record(key, value.to_string(), at)),
            _ => (default, self.record(key, default.to_string(), At::BuiltIn)),
        }
    }

    /// A whole number within the bounds of its key, and who set it; `None` where no layer does.
    pub(super) fn optional_count(&mut self, key: &'static str) -> Option<(usize, At)> {
        let (Scalar::Count(value), at) = self.single(key)? else { return None };
        self.record(key, value.to_string(), at);
        Some((value, at))
    }

    /// A text or word and who set it; `None` where no layer does.
    pub(super) fn text(&mut self, key: &'static str) -> Option<(String, At)> {
        let (Scalar::Text(value), at) = self.single(key)? else { return None };
        self.record(key, printable(&value), at);
        Some((value, at))
    }

    /// A text that is never shown; `None` where no layer gives it.
    pub(super) fn secret(&mut self, key: &'static str) -> Option<(String, At)> {
        let (Scalar::Text(value), at) = self.single(key)? else { return None };
        self.record(key, "(hidden)".to_owned(), at);
        Some((value, at))
    }

    /// Notes an effective setting.
    pub(super) fn record(&mut self, key: &str, value: String, at: At) -> At {
        let line = self.report.line(at);
        self.settings.push(Setting { key: key.to_owned(), value, origin: at.origin(), line });
        at
    }

    /// Notes everything below a table of the file whose keys are the user's or whose values are lists.
    pub(super) fn record_all(&mut self, path: &str, table: &DeTable<'_>) {
        for (key, value) in table {
            let path = join(path, key.get_ref());
            match value.get_ref() {
                DeValue::Table(table) => self.record_all(&path, table),
                value => {
                    self.record(&path, shown(value), At::File(key.span().start));
                }
            }
        }
    }

    fn single(&self, key: &'static str) -> Option<(Scalar, At)> {
        let given = |layer: &[(&'static str, Scalar)], at| {
            layer.iter().find(|(name, _)| *name == key).map(|(_, value)| (value.clone(), at))
        };
        given(&self.flags, At::Flag)
            .or_else(|| given(&self.environment, At::Environment))
            .or_else(|| self.filed(key))
    }

    fn filed(&self, key: &str) -> Option<(Scalar, At)> {
        let (section, name) = key.split_once('.')?;
        let shape = schema::find(key)?;
        let value = self.table(&[section])?.get(name)?;
        Some((shape.read(value.get_ref()).ok()?, At::File(value.span().start)))
    }
}

/// The texts of a list with their places.
pub(super) fn texts(value: &Spanned<DeValue<'_>>) -> Vec<(String, At)> {
    let items = value.get_ref().as_array().into_iter().flatten();
    items.filter_map(|item| Some((text(item)?, At::File(item.span().start)))).collect()
}

/// The text of a value, if it is one and not empty.
pub(super) fn text(value: &Spanned<DeValue<'_>>) -> Option<String> {
    match Shape::Text.read(value.get_ref()) {
        Ok(Scalar::Text(text)) => Some(text),
        Ok(Scalar::Bool(_) | Scalar::Count(_)) | Err(_) => None,
    }
}

/// A value for people, cut when it is long.
fn shown(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => printable(text),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.to_string(),
        DeValue::Boolean(value) => value.to_string(),
        DeValue::Datetime(time) => time.to_string(),
        DeValue::Array(items) => {
            let more = if items.len() > 20 { ", …" } else { "" };
            let items: Vec<String> = items.iter().take(20).map(|item| shown(item.get_ref())).collect();
            format!("[{}{more}]", items.join(", "))
        }
        DeValue::Table(table) => format!("{} keys", table.len()),
    }
}
