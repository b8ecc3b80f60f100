//! Edits that leave every other byte alone.

use std::{cmp::Reverse, fmt, ops::Range};

use super::Value;

/// Replacements in one text, applied in one pass.
///
/// Spans are bytes of the original text, so there are no stale offsets. Where two overlap, both spans go
/// together and the replacement of the one that starts first (the longer one, if both do) takes their
/// place: what one of them hides stays hidden.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Splices {
    /// Spans of the text, and of their replacements in `texts`.
    edits: Vec<(Range<usize>, Range<usize>)>,
    /// All replacements, one after the other: thousands of edits are no thousands of allocations.
    texts: String,
}

// A replacement may repeat most of what it replaces; `Debug` tells sizes only.
impl fmt::Debug for Splices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Splices")
            .field("edits", &self.len())
            .field("replacement_bytes", &self.replacement_len())
            .finish()
    }
}

impl Splices {
    /// Notes that `span` becomes `with`.
    pub fn replace(&mut self, span: Range<usize>, with: impl AsRef<str>) {
        self.replace_with(span, |texts| texts.push_str(with.as_ref()));
    }

    /// Notes that `span` becomes what `write` appends to the text that it gets.
    pub(crate) fn replace_with(&mut self, span: Range<usize>, write: impl FnOnce(&mut String)) {
        let start = self.texts.len();
        write(&mut self.texts);
        self.edits.push((span, start..self.texts.len()));
    }

    /// Notes that `span` is cut out.
    pub fn remove(&mut self, span: Range<usize>) {
        self.replace(span, "");
    }

    /// Adds all edits of another set for the same text.
    pub fn append(&mut self, other: &Self) {
        let offset = self.texts.len();
        self.texts.push_str(&other.texts);
        let moved =
            other.edits.iter().map(|(span, with)| (span.clone(), with.start + offset..with.end + offset));
        self.edits.extend(moved);
    }

    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.edits.is_empty()
    }

    /// How many edits were noted.
    pub fn len(&self) -> usize {
        self.edits.len()
    }

    /// How many bytes the replacements have together: a text grows by no more than that.
    pub fn replacement_len(&self) -> usize {
        self.texts.len()
    }

    /// The text with all edits made. Edits outside the text, or not on character boundaries, are not made.
    pub fn apply(&self, text: &str) -> String {
        self.in_order().apply_within(text, 0)
    }

    /// The edits in order, to apply them to many parts of a text without sorting each time.
    pub(crate) fn in_order(&self) -> OrderedSplices<'_> {
        let with = |with: &Range<usize>| self.texts.get(with.clone()).unwrap_or_default();
        let mut edits: Vec<_> = self.edits.iter().map(|(span, text)| (span.clone(), with(text))).collect();
        edits.sort_by_key(|(span, _)| (span.start, Reverse(span.end)));
        OrderedSplices { edits }
    }
}

/// The edits of a text, sorted by where they begin.
pub(crate) struct OrderedSplices<'e> {
    edits: Vec<(Range<usize>, &'e str)>,
}

impl OrderedSplices<'_> {
    /// The edited form of `part`, which starts at byte `offset` of the text that the spans refer to.
    /// Costs the length of the part and its own edits only.
    pub(crate) fn apply_within(&self, part: &str, offset: usize) -> String {
        let first = self.edits.partition_point(|(span, _)| span.start < offset);
        let own = self.edits.get(first..).unwrap_or_default().iter();
        let own = own.take_while(|(span, _)| span.start <= offset + part.len());
        let mut out = String::with_capacity(part.len());
        let mut done = 0;
        for (span, with) in own {
            let (start, end) = (span.start - offset, span.end.saturating_sub(offset));
            if part.get(start..end).is_none() {
                continue;
            }
            if start >= done {
                out.push_str(part.get(done..start).unwrap_or_default());
                out.push_str(with);
            }
            done = done.max(end);
        }
        out.push_str(part.get(done..).unwrap_or_default());
        out
    }
}

/// Cuts members out of an object, commas included; `doomed` tells which by the index of the member.
pub fn remove_members(object: Value<'_>, edits: &mut Splices, doomed: impl Fn(usize) -> bool) {
    let spans: Vec<_> = object.members().map(|(key, value)| key.span().start..value.span().end).collect();
    remove_items(&spans, edits, doomed);
}

/// Cuts elements out of an array, commas included; `doomed` tells which by the index of the element.
pub fn remove_elements(array: Value<'_>, edits: &mut Splices, doomed: impl Fn(usize) -> bool) {
    let spans: Vec<_> = array.elements().map(|element| element.span()).collect();
    remove_items(&spans, edits, doomed);
}

fn remove_items(spans: &[Range<usize>], edits: &mut Splices, doomed: impl Fn(usize) -> bool) {
    let mut kept_before = None;
    for (index, span) in spans.iter().enumerate() {
        if !doomed(index) {
            kept_before = Some(span.end);
            continue;
        }
        // With a kept item in front, cut from its end; else cut up to the start of the next item.
        let cut = match (kept_before, spans.get(index + 1)) {
            (Some(end), _) => {
                kept_before = Some(span.end);
                end..span.end
            }
            (None, Some(next)) => span.start..next.start,
            (None, None) => span.clone(),
        };
        edits.remove(cut);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Splices, remove_members};
    use crate::json::{Bounds, Document};

    fn without(text: &str, doomed: &[usize]) -> String {
        let doc = Document::parse(text.as_bytes(), &Bounds::DEFAULT).unwrap();
        let mut edits = Splices::default();
        remove_members(doc.root(), &mut edits, |index| doomed.contains(&index));
        edits.apply(text)
    }

    #[test]
    fn members_leave_with_their_commas() {
        let text = r#"{ "a": 1, "b": [2] ,"c":{"d":3} }"#;
        for (doomed, expected) in [
            (&[][..], text),
            (&[0], r#"{ "b": [2] ,"c":{"d":3} }"#),
            (&[1], r#"{ "a": 1 ,"c":{"d":3} }"#),
            (&[2], r#"{ "a": 1, "b": [2] }"#),
            (&[0, 1], r#"{ "c":{"d":3} }"#),
            (&[1, 2], r#"{ "a": 1 }"#),
            (&[0, 2], r#"{ "b": [2] }"#),
            (&[0, 1, 2], r"{  }"),
        ] {
            assert_eq!(without(text, doomed), expected, "{doomed:?}");
        }
    }

    #[test]
    fn overlapping_edits_go_together_and_eat_nothing_else() {
        let mut edits = Splices::default();
        edits.replace(4..8, "B");
        edits.replace(2..6, "A");
        edits.replace(100..101, "C");
        assert_eq!(edits.apply("0123456789"), "01A89");
    }

    proptest! {
        #[test]
        fn any_removal_leaves_valid_json(count in 1usize..8, doomed in any::<u8>()) {
            let members: Vec<String> = (0..count).map(|n| format!("\"k{n}\" : {n}")).collect();
            let text = format!("{{ {} }}", members.join(" , "));
            let doomed: Vec<usize> = (0..count).filter(|n| doomed & (1 << n) != 0).collect();
            let left: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&without(&text, &doomed)).unwrap();
            prop_assert_eq!(left.len(), count - doomed.len());
            for n in doomed {
                prop_assert!(!left.contains_key(&format!("k{n}")), "k{} stayed", n);
            }
        }
    }
}
