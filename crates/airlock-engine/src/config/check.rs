//! The file against the schema: unknown keys, wrong types and values out of bounds, all at once.

use toml::{
    Spanned,
    de::{DeArray, DeTable, DeValue},
};

use super::{
    environment,
    problem::{At, Report},
    scalar,
    schema::{self, Entry, Shape, WhenEmpty},
    suggest::{alternatives, closest, join},
};

/// Reports everything in `table` that the schema does not allow.
pub(super) fn check(table: &DeTable<'_>, report: &mut Report<'_>) {
    check_table(table, schema::ROOT, "", report);
}

fn check_table(table: &DeTable<'_>, entries: &'static [Entry], path: &str, report: &mut Report<'_>) {
    for (key, value) in table {
        let name = key.get_ref().as_ref();
        match entries.iter().find(|entry| entry.name == name) {
            Some(entry) => check_value(value, &entry.shape, &join(path, name), report),
            None if report.is_full() => report.tally(),
            None => {
                let help = explain_unknown(name, value.get_ref(), entries, path);
                report.error(At::File(key.span().start), &join(path, name), "unknown key", Some(help));
            }
        }
    }
}

fn check_value(value: &Spanned<DeValue<'_>>, shape: &'static Shape, path: &str, report: &mut Report<'_>) {
    let at = At::File(value.span().start);
    match (shape, value.get_ref()) {
        (Shape::Table(entries), DeValue::Table(table)) => check_table(table, entries, path, report),
        (Shape::Map(_, shape), DeValue::Table(table)) => check_map(table, shape, path, report),
        (Shape::Tables(entries), DeValue::Array(items)) => check_tables(items, entries, path, report),
        (Shape::Texts(when_empty), DeValue::Array(items)) => {
            check_texts(items, *when_empty, at, path, report);
        }
        (Shape::Scalars, DeValue::Array(items)) => check_scalars(items, at, path, report),
        (Shape::Number, DeValue::Integer(_) | DeValue::Float(_)) => {}
        (Shape::Bool | Shape::Count { .. } | Shape::Word(_) | Shape::Text | Shape::Secret, value) => {
            if let Err(misfit) = shape.read(value) {
                report.error(at, path, misfit.message, misfit.help);
            }
        }
        (_, value) => {
            let misfit = shape.mismatch(value);
            report.error(at, path, misfit.message, misfit.help);
        }
    }
}

/// Keys of a map are the user's. A known key that ended up here, behind the wrong header, is recognized by a
/// value that does not fit.
fn check_map(table: &DeTable<'_>, shape: &'static Shape, path: &str, report: &mut Report<'_>) {
    for (key, value) in table {
        let name = key.get_ref().as_ref();
        let path = &join(path, name);
        let misfit = match (shape, value.get_ref()) {
            (Shape::Table(_), DeValue::Table(_)) | (Shape::Texts(_), DeValue::Array(_)) => {
                check_value(value, shape, path, report);
                continue;
            }
            (Shape::Table(_) | Shape::Texts(_), value) => Err(shape.mismatch(value)),
            (_, value) => shape.read(value).map(drop),
        };
        if let Err(misfit) = misfit {
            let help = belongs_to(name).or(misfit.help);
            report.error(At::File(value.span().start), path, misfit.message, help);
        }
    }
}

fn check_tables(items: &DeArray<'_>, entries: &'static [Entry], path: &str, report: &mut Report<'_>) {
    for item in items {
        match item.get_ref() {
            DeValue::Table(table) => check_table(table, entries, path, report),
            value => {
                let message = format!("expected a table, found {}", scalar::found(value));
                report.error(At::File(item.span().start), path, message, None);
            }
        }
    }
}

fn check_texts(items: &DeArray<'_>, when_empty: WhenEmpty, at: At, path: &str, report: &mut Report<'_>) {
    if items.is_empty() {
        let (message, help) = match when_empty {
            WhenEmpty::Harmless => return,
            WhenEmpty::WouldAllow(what) => {
                (format!("an empty list would allow {what}"), "remove the key if that is meant")
            }
            WhenEmpty::WouldRefuseAll => {
                ("an empty list refuses every call".to_owned(), "deny the tool if that is meant")
            }
        };
        report.error(at, path, message, Some(help.to_owned()));
    }
    for item in items {
        if let Err(misfit) = Shape::Text.read(item.get_ref()) {
            report.error(At::File(item.span().start), path, misfit.message, misfit.help);
        }
    }
}

fn check_scalars(items: &DeArray<'_>, at: At, path: &str, report: &mut Report<'_>) {
    if items.is_empty() {
        let help = "deny the tool if that is meant".to_owned();
        report.error(at, path, "an empty list refuses every call", Some(help));
    }
    for item in items {
        match item.get_ref() {
            DeValue::String(_) | DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) => {}
            value @ (DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_)) => {
                let misfit = Shape::Text.mismatch(value);
                let message = misfit.message.replace("a string", "a string, number or boolean");
                report.error(At::File(item.span().start), path, message, misfit.help);
            }
        }
    }
}

/// What an unknown key may have been meant to be.
fn explain_unknown(name: &str, value: &DeValue<'_>, entries: &'static [Entry], path: &str) -> String {
    if let Some(variable) = environment::variable(&join(path, name)) {
        return format!("it is given by the environment variable `{}` only", variable.name);
    }
    if std::ptr::eq(entries, schema::ARGUMENT) && matches!(value, DeValue::Table(_)) {
        let argument = path.rsplit('.').next().unwrap_or(path);
        return format!("quote the name of a nested argument: `arguments.\"{argument}.{}\"`", join("", name));
    }
    if let Some(place) = belongs_to(name) {
        return place;
    }
    if let Some(known) = closest(name, entries.iter().map(|entry| entry.name)) {
        return format!("did you mean `{known}`?");
    }
    if let Some(known) = closest(name, schema::KEYS.iter().map(|(_, entry)| entry.name)) {
        return belongs_to(known).unwrap_or_default();
    }
    let names: Vec<&str> = entries.iter().map(|entry| entry.name).collect();
    format!("known here: {}", alternatives(&names))
}

/// The table in which a key of that name is known.
pub(super) fn belongs_to(name: &str) -> Option<String> {
    let (header, _) = schema::KEYS.iter().find(|(_, entry)| entry.name == name)?;
    if header.is_empty() && name == "detector" {
        Some(format!("`[[{name}]]` is a section of its own"))
    } else if header.is_empty() {
        Some(format!("`[{name}]` is a section of its own"))
    } else {
        Some(format!("`{name}` belongs to `[{header}]`"))
    }
}
