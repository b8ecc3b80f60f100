//! Violations in words that a model can act on: path, expected and received type, never a value.

use std::fmt::Write as _;

use jsonschema::{
    ValidationError,
    error::{TypeKind, ValidationErrorKind as Violation},
};
use serde_json::Value;

/// Longest name in a message, in characters.
const MAX_NAME: usize = 64;
/// Longest excerpt of the schema in a message, in bytes.
const MAX_EXCERPT: usize = 4096;

/// A name from outside as it may stand in a message: bounded, visible, on one line.
pub(crate) fn printable(name: &str) -> String {
    let mut out: String = name
        .chars()
        .take(MAX_NAME)
        .map(|c| if c.is_control() || is_invisible(c) { '\u{fffd}' } else { c })
        .collect();
    if name.chars().nth(MAX_NAME).is_some() {
        out.push('…');
    }
    out
}

/// Characters that hide or reorder text.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

/// One violation as a hint.
pub(super) fn hint(error: &ValidationError<'_>) -> String {
    let path = error.instance_path().as_str();
    let place =
        if path.is_empty() { "the arguments".to_owned() } else { format!("`{}`", printable_path(path)) };
    format!("{place}: {}", explain(error))
}

fn printable_path(path: &str) -> String {
    path.split('/').map(printable).collect::<Vec<_>>().join("/")
}

fn explain(error: &ValidationError<'_>) -> String {
    let received = type_name(error.instance());
    match error.kind() {
        Violation::Type { kind } => {
            let expected = match kind {
                TypeKind::Single(expected) => expected.to_string(),
                TypeKind::Multiple(set) => {
                    set.iter().map(|expected| expected.to_string()).collect::<Vec<_>>().join(" or ")
                }
            };
            format!("expected {expected}, received {received}")
        }
        Violation::Required { property } => match property.as_str() {
            Some(name) => format!("`{}` is required and missing", printable(name)),
            None => "a required member is missing".to_owned(),
        },
        Violation::Enum { options } => {
            format!("expected one of {}, received another {received}", excerpt(options))
        }
        Violation::Constant { expected_value } => {
            format!("expected {}, received another {received}", excerpt(expected_value))
        }
        Violation::MultipleOf { multiple_of } => format!("expected a multiple of {multiple_of}"),
        Violation::MinLength { limit } => format!("expected at least {limit} characters"),
        Violation::MaxLength { limit } => format!("expected at most {limit} characters"),
        Violation::MinItems { limit } => format!("expected at least {limit} elements"),
        Violation::MaxItems { limit } => format!("expected at most {limit} elements"),
        Violation::MinProperties { limit } => format!("expected at least {limit} members"),
        Violation::MaxProperties { limit } => format!("expected at most {limit} members"),
        Violation::UniqueItems => "expected elements that differ from each other".to_owned(),
        Violation::Pattern { pattern } => {
            format!("expected {received} matching the pattern {}", bounded(pattern))
        }
        Violation::Format { format } => format!("expected {received} in the format {}", bounded(format)),
        Violation::AdditionalProperties { unexpected } | Violation::UnevaluatedProperties { unexpected } => {
            let names: Vec<String> =
                unexpected.iter().take(4).map(|name| format!("`{}`", printable(name))).collect();
            format!("expected no {}", names.join(", "))
        }
        Violation::AnyOf { .. } | Violation::OneOfNotValid { .. } => {
            format!("expected a value that matches one of the schema's alternatives, received {received}")
        }
        Violation::OneOfMultipleValid { .. } => {
            "expected a value that matches exactly one of the schema's alternatives".to_owned()
        }
        // Our own keywords say it in words of the schema.
        Violation::Custom { message, .. } => bounded(message),
        other => format!("violates `{}` of the schema, received {received}", bounded(other.keyword())),
    }
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Text of the schema, not of the call.
fn excerpt(schema_value: &Value) -> String {
    bounded(&schema_value.to_string())
}

fn bounded(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if out.len() >= MAX_EXCERPT {
            out.push('…');
            break;
        }
        if c.is_control() {
            // Writing to a string cannot fail.
            let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}

/// Why a schema does not compile, without the parts of it that may be long.
pub(super) fn schema_error(error: &ValidationError<'_>) -> String {
    let place = error.instance_path().as_str();
    match error.kind() {
        Violation::Referencing(_) => {
            "a `$ref` leads outside the schema or nowhere; nothing is ever fetched".to_owned()
        }
        Violation::Format { format } if format == "regex" => {
            format!(
                "the pattern at `{}` is not a regular expression without look-around and back-references",
                printable_path(place)
            )
        }
        _ if place.is_empty() => format!("`{}` is not valid", bounded(error.kind().keyword())),
        _ => format!("`{}` is not valid", printable_path(place)),
    }
}
