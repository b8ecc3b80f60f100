//! Cutting what is too long: visibly, at a character boundary, and JSON stays JSON.

use super::{Part, ProtectedOutput};
use crate::json::{Bounds, Decoded, Document, Kind, Value, write_string};

/// Strings up to this length stay whole inside a shortened JSON value: names, numbers as text, enum values.
const KEEP: usize = 64;

/// The visible notice that text was cut.
pub(crate) fn notice(lost: usize) -> String {
    format!("…[airlock: {lost} characters cut]")
}

/// `text` cut to `budget` characters with a notice, and how many characters were lost; `None` when it fits.
/// A text that is itself JSON is shortened as JSON.
pub(super) fn text(text: &str, budget: usize) -> Option<(String, usize)> {
    // A character has at least one byte, so most texts need no counting.
    if text.len() <= budget {
        return None;
    }
    let total = text.chars().count();
    if total <= budget {
        return None;
    }
    let bounds = Bounds { max_bytes: usize::MAX, ..Bounds::DEFAULT };
    if let Ok(doc) = Document::parse(text.as_bytes(), &bounds)
        && (doc.root().is_object() || doc.root().is_array())
    {
        let (cut, lost) = json(doc.root(), budget);
        return Some((cut, lost));
    }
    let kept: String = text.chars().take(budget).collect();
    let lost = total - budget;
    Some((kept + &notice(lost), lost))
}

/// A shortened JSON value of the same shape: long strings are cut, the tail of long containers is dropped.
pub(super) fn json(value: Value<'_>, budget: usize) -> (String, usize) {
    let mut shortener =
        Shortener { out: String::with_capacity(budget.saturating_mul(2).min(1 << 20)), left: budget };
    shortener.value(value);
    let lost = value.raw().chars().count().saturating_sub(shortener.out.chars().count());
    (shortener.out, lost)
}

struct Shortener {
    out: String,
    left: usize,
}

impl Shortener {
    fn value(&mut self, value: Value<'_>) {
        match value.kind() {
            Kind::String => self.string(value),
            Kind::Array => {
                self.out.push('[');
                for (index, element) in value.elements().enumerate() {
                    if self.left == 0 {
                        break;
                    }
                    self.separate(index);
                    self.value(element);
                }
                self.out.push(']');
            }
            Kind::Object => {
                self.out.push('{');
                // An object keeps its members, because a schema may require them, up to a second budget.
                for (index, (key, member)) in value.members().enumerate() {
                    if self.left == 0 && index >= KEEP {
                        break;
                    }
                    self.separate(index);
                    self.out.push_str(key.raw());
                    self.out.push(':');
                    self.spend(key.raw().len() + 1);
                    self.value(member);
                }
                self.out.push('}');
            }
            Kind::Null | Kind::True | Kind::False | Kind::Number => {
                self.out.push_str(value.raw());
                self.spend(value.raw().len());
            }
        }
    }

    fn string(&mut self, string: Value<'_>) {
        let raw = string.raw();
        if raw.len() <= KEEP || raw.len() <= self.left {
            self.out.push_str(raw);
            self.spend(raw.len());
            return;
        }
        let text = string.as_str().unwrap_or_default();
        let total = text.chars().count();
        let kept = self.left.min(total);
        if kept == total {
            self.out.push_str(raw);
        } else {
            let cut: String = text.chars().take(kept).collect();
            write_string(&mut self.out, &(cut + &notice(total - kept)));
        }
        self.spend(raw.len());
    }

    fn separate(&mut self, index: usize) {
        if index > 0 {
            self.out.push(',');
            self.spend(1);
        }
    }

    fn spend(&mut self, cost: usize) {
        self.left = self.left.saturating_sub(cost);
    }
}

/// Cuts the texts of one output to `budget` characters together, and each JSON part to `budget` by itself.
/// Works on the masked form, so that no half of a secret is let through.
pub(super) fn parts(document: &str, parts: &[Part<'_>], budget: usize, out: &mut ProtectedOutput) {
    let length = |part: &Part<'_>| match part {
        Part::Text(value) | Part::Json(value) | Part::Member(_, value) => value.span().len(),
        Part::Blob(_) => 0,
    };
    // Raw bytes bound the characters, so that mostly nothing needs to be counted.
    if parts.iter().map(length).sum::<usize>().saturating_add(out.edits.replacement_len()) <= budget {
        return;
    }
    let masks = out.edits.clone();
    let masks = masks.in_order();
    let masked = |value: &Value<'_>| {
        let span = value.span();
        masks.apply_within(document.get(span.clone()).unwrap_or_default(), span.start)
    };
    let mut left = budget;
    for part in parts {
        match part {
            Part::Text(value) => {
                let json = masked(value);
                let inner = json.get(1..json.len().saturating_sub(1)).unwrap_or_default();
                let decoded = Decoded::new(inner);
                if let Some((cut, lost)) = text(decoded.text(), left) {
                    let mut replacement = String::new();
                    write_string(&mut replacement, &cut);
                    out.edits.replace(value.span(), replacement);
                    out.report.cut_chars += lost;
                    left = 0;
                } else {
                    left = left.saturating_sub(decoded.text().chars().count());
                }
            }
            Part::Json(value) | Part::Member(_, value) if value.span().len() > budget => {
                let json_text = masked(value);
                let bounds = Bounds { max_bytes: usize::MAX, ..Bounds::DEFAULT };
                let Ok(doc) = Document::parse(json_text.as_bytes(), &bounds) else { continue };
                let (cut, lost) = json(doc.root(), budget);
                if lost > 0 {
                    out.edits.replace(value.span(), cut);
                    out.report.cut_chars += lost;
                    out.report.cut_structure = true;
                }
            }
            Part::Json(_) | Part::Member(..) | Part::Blob(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{json, text};
    use crate::json::{Bounds, Document};

    #[test]
    fn text_is_cut_at_a_character_with_a_notice() {
        assert_eq!(text("short", 5), None);
        assert_eq!(text("ééééé", 5), None);
        assert_eq!(text("éééééé", 4), Some(("éééé…[airlock: 2 characters cut]".into(), 2)));
        assert_eq!(text("abc", 0), Some(("…[airlock: 3 characters cut]".into(), 3)));
    }

    #[test]
    fn json_stays_json() {
        let long = serde_json::json!({"rows": (0..1000).map(|n| serde_json::json!({"id": n, "t": "x".repeat(100)})).collect::<Vec<_>>(), "total": 1000});
        let (cut, lost) = text(&long.to_string(), 2000).unwrap();
        let back: serde_json::Value = serde_json::from_str(&cut).unwrap();
        assert!(cut.len() < 5000 && lost > 100_000);
        assert_eq!(back["total"], 1000);
        assert_eq!(back["rows"][0], long["rows"][0]);
        assert!(back["rows"].as_array().unwrap().len() < 30);
    }

    proptest! {
        #[test]
        fn any_budget_gives_valid_json(budget in 0usize..400, strings in proptest::collection::vec("[a-z\"\\\\é]{0,80}", 0..10)) {
            let value = serde_json::json!({"a": strings, "b": {"c": [1, 2.5, null, true]}});
            let json_text = value.to_string();
            let doc = Document::parse(json_text.as_bytes(), &Bounds::DEFAULT).unwrap();
            let (cut, _) = json(doc.root(), budget);
            prop_assert!(serde_json::from_str::<serde_json::Value>(&cut).is_ok(), "{}", cut);
        }
    }
}
