//! What an output may cost, and cutting to it: visibly, at a character boundary, and JSON stays JSON.
//!
//! One budget counts for everything in an output. What is left of it is spent in the order of the document;
//! behind that, a second budget of the same size pays for notices, and for the members of objects, which a
//! schema may require. Where that is spent too, containers and long strings are empty, and objects keep a
//! few short members: an output is never longer than twice the budget and its barest structure.

use crate::json::{Bounds, Document, Kind, Value, write_string};

/// Values up to this length stay whole inside a shortened JSON value: names, numbers as text, enum values.
pub(super) const KEEP: usize = 64;

/// The visible notice that text was cut.
pub(crate) fn notice(lost: usize) -> String {
    format!("…[airlock: {lost} characters cut]")
}

/// What one output may still cost, in characters.
pub(super) struct Budget {
    pub(super) left: usize,
    /// What is beside it for notices and for the members of objects.
    reserve: usize,
}

/// The form of a text or value that was too long.
#[cfg_attr(test, derive(Debug, PartialEq, Eq))]
pub(super) struct Cut {
    pub(super) text: String,
    /// How many characters are gone.
    pub(super) lost: usize,
    /// Whether it says so itself.
    pub(super) says_so: bool,
}

impl Budget {
    pub(super) fn new(max_chars: usize) -> Self {
        Self { left: max_chars, reserve: max_chars.max(KEEP) }
    }

    pub(super) fn spend(&mut self, cost: usize) {
        let over = cost.saturating_sub(self.left);
        self.left = self.left.saturating_sub(cost);
        self.reserve = self.reserve.saturating_sub(over);
    }

    /// Whether something short may stay whole.
    fn keeps(&self, cost: usize) -> bool {
        cost <= self.left || cost <= KEEP && cost <= self.left.saturating_add(self.reserve)
    }

    pub(super) fn is_spent(&self) -> bool {
        self.left == 0 && self.reserve == 0
    }

    /// The form of `text` that fits; `None` when it fits as it is. A text that is itself JSON is shortened as
    /// JSON.
    pub(super) fn text(&mut self, text: &str) -> Option<Cut> {
        // A character has at least one byte, so most texts need no counting.
        let total = if text.len() <= self.left { text.len() } else { text.chars().count() };
        if total <= self.left {
            self.spend(total);
            return None;
        }
        let bounds = Bounds { max_bytes: usize::MAX, ..Bounds::DEFAULT };
        if let Ok(doc) = Document::parse(text.as_bytes(), &bounds)
            && (doc.root().is_object() || doc.root().is_array())
        {
            let inner = doc.root().raw();
            // White space around it is nothing that anybody misses.
            let as_it_is = || Cut { text: inner.to_owned(), lost: 0, says_so: true };
            return self.json(doc.root()).or_else(|| (inner.len() < text.len()).then(as_it_is));
        }
        Some(self.plain(text, total))
    }

    fn plain(&mut self, text: &str, total: usize) -> Cut {
        let lost = total - self.left.min(total);
        let notice = notice(lost);
        let length = notice.chars().count();
        if length > self.reserve && self.left == 0 {
            return Cut { text: String::new(), lost: total, says_so: false };
        }
        let kept: String = text.chars().take(total - lost).collect();
        self.spend(total - lost + length);
        Cut { text: kept + &notice, lost, says_so: true }
    }

    /// The form of a JSON value that fits: long strings are cut, the tail of long containers is dropped.
    pub(super) fn json(&mut self, value: Value<'_>) -> Option<Cut> {
        if value.raw().len() <= self.left {
            self.spend(value.raw().len());
            return None;
        }
        let capacity = self.left.saturating_mul(2).min(1 << 20);
        let mut shortener = Shortener { out: String::with_capacity(capacity), cut: false, budget: self };
        shortener.value(value);
        let (text, cut) = (shortener.out, shortener.cut);
        if !cut && text.len() == value.raw().len() {
            return None;
        }
        // White space between values goes too, and is nothing that anybody misses.
        let lost = value.raw().chars().count().saturating_sub(text.chars().count()).max(1);
        Some(Cut { text, lost: if cut { lost } else { 0 }, says_so: !cut })
    }
}

struct Shortener<'b> {
    out: String,
    cut: bool,
    budget: &'b mut Budget,
}

impl Shortener<'_> {
    fn value(&mut self, value: Value<'_>) {
        match value.kind() {
            Kind::String => self.string(value),
            Kind::Array => self.array(value),
            Kind::Object => self.object(value),
            Kind::Null | Kind::True | Kind::False | Kind::Number => self.write(value.raw()),
        }
    }

    fn array(&mut self, array: Value<'_>) {
        self.write("[");
        for (index, element) in array.elements().enumerate() {
            if self.budget.left == 0 {
                self.cut = true;
                break;
            }
            if index > 0 {
                self.write(",");
            }
            self.value(element);
        }
        self.out.push(']');
    }

    /// An object keeps its members as long as anything is left, because a schema may require them.
    fn object(&mut self, object: Value<'_>) {
        self.write("{");
        for (index, (key, member)) in object.members().enumerate() {
            let (key, comma) = (key.raw(), usize::from(index > 0));
            // The shortest a member can be is `null` behind its key.
            let shortest = comma + key.len() + ":null".len();
            if shortest > self.budget.left.saturating_add(self.budget.reserve) {
                self.cut = true;
                break;
            }
            self.write(if index > 0 { "," } else { "" });
            self.write(key);
            self.write(":");
            self.value(member);
        }
        self.out.push('}');
    }

    fn string(&mut self, string: Value<'_>) {
        if self.budget.keeps(string.raw().len()) {
            return self.write(string.raw());
        }
        let text = string.as_str().unwrap_or_default();
        let cut = self.budget.plain(&text, text.chars().count());
        self.cut = true;
        self.budget.spend("\"\"".len());
        write_string(&mut self.out, &cut.text);
    }

    fn write(&mut self, raw: &str) {
        self.out.push_str(raw);
        self.budget.spend(raw.len());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Budget, Cut};
    use crate::json::{Bounds, Document};

    fn text(text: &str, max_chars: usize) -> Option<Cut> {
        Budget::new(max_chars).text(text)
    }

    #[test]
    fn text_is_cut_at_a_character_with_a_notice() {
        let cut = |text: &str, lost| Some(Cut { text: text.into(), lost, says_so: true });
        assert_eq!(text("short", 5), None);
        assert_eq!(text("ééééé", 5), None);
        assert_eq!(text("éééééé", 4), cut("éééé…[airlock: 2 characters cut]", 2));
        assert_eq!(text("abc", 0), cut("…[airlock: 3 characters cut]", 3));
    }

    #[test]
    fn texts_share_one_budget_and_notices_end_with_the_reserve() {
        let mut budget = Budget::new(100);
        assert_eq!(budget.text(&"x".repeat(60)), None);
        let cuts: Vec<Cut> = (0..50).filter_map(|_| budget.text(&"y".repeat(60))).collect();
        assert!(cuts[0].text.starts_with(&"y".repeat(40)) && cuts[0].says_so);
        let last = &cuts[49];
        assert_eq!((last.text.as_str(), last.lost, last.says_so), ("", 60, false));
        assert!(cuts.iter().map(|cut| cut.text.chars().count()).sum::<usize>() <= 140);
    }

    #[test]
    fn json_stays_json() {
        let long = serde_json::json!({"rows": (0..1000).map(|n| serde_json::json!({"id": n, "t": "x".repeat(100)})).collect::<Vec<_>>(), "total": 1000});
        let cut = text(&long.to_string(), 2000).unwrap();
        let back: serde_json::Value = serde_json::from_str(&cut.text).unwrap();
        assert!(cut.text.len() < 5000 && cut.lost > 100_000 && !cut.says_so);
        assert_eq!(back["total"], 1000);
        assert_eq!(back["rows"][0], long["rows"][0]);
        assert!(back["rows"].as_array().unwrap().len() < 30);
    }

    #[test]
    fn wide_objects_in_objects_end_with_the_reserve() {
        let object = |value: &serde_json::Value| {
            (0..60).map(|n| (format!("member{n}"), value.clone())).collect::<serde_json::Map<_, _>>().into()
        };
        let tree: serde_json::Value = object(&object(&object(&serde_json::json!(1))));
        let cut = text(&tree.to_string(), 2000).unwrap();
        assert!(serde_json::from_str::<serde_json::Value>(&cut.text).is_ok());
        assert!(cut.text.len() < 4100 && !cut.says_so, "{}", cut.text.len());
    }

    #[test]
    fn white_space_is_dropped_without_a_word() {
        let cut = text(&format!("{{\"a\":{}1}}", " ".repeat(500)), 100).unwrap();
        assert_eq!((cut.text.as_str(), cut.lost, cut.says_so), ("{\"a\":1}", 0, true));
        let cut = text(&format!("{}{{}}", " ".repeat(500)), 100).unwrap();
        assert_eq!((cut.text.as_str(), cut.lost, cut.says_so), ("{}", 0, true));
    }

    proptest! {
        #[test]
        fn any_budget_gives_valid_json(budget in 0usize..400, strings in proptest::collection::vec("[a-z\"\\\\é]{0,80}", 0..10)) {
            let value = serde_json::json!({"a": strings, "b": {"c": [1, 2.5, null, true]}});
            let json_text = value.to_string();
            let doc = Document::parse(json_text.as_bytes(), &Bounds::DEFAULT).unwrap();
            if let Some(cut) = Budget::new(budget).json(doc.root()) {
                prop_assert!(serde_json::from_str::<serde_json::Value>(&cut.text).is_ok(), "{}", cut.text);
            }
        }
    }
}
