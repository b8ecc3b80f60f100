//! Edits that leave every other byte alone.

use std::ops::Range;

use super::{Kind, Value};

/// Replacements in one text, applied in one pass.
///
/// Spans are bytes of the original text, so there are no stale offsets; where two overlap, the one that
/// starts first wins and the other is dropped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Splices {
    edits: Vec<(Range<usize>, String)>,
}

impl Splices {
    /// Notes that `span` becomes `with`.
    pub fn replace(&mut self, span: Range<usize>, with: impl Into<String>) {
        self.edits.push((span, with.into()));
    }

    /// Notes that `span` is cut out.
    pub fn remove(&mut self, span: Range<usize>) {
        self.replace(span, String::new());
    }

    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.edits.is_empty()
    }

    /// How many edits were noted.
    pub fn len(&self) -> usize {
        self.edits.len()
    }

    /// The text with all edits made. Edits outside the text, or not on character boundaries, are not made.
    pub fn apply(&self, text: &str) -> String {
        self.apply_within(text, 0)
    }

    /// The edited form of `part`, which starts at byte `offset` of the text that the spans refer to.
    pub fn apply_within(&self, part: &str, offset: usize) -> String {
        let mut order: Vec<&(Range<usize>, String)> = self.edits.iter().collect();
        order.sort_by_key(|(span, _)| (span.start, span.end));
        let grown: usize = self.edits.iter().map(|(_, with)| with.len()).sum();
        let mut out = String::with_capacity(part.len() + grown);
        let mut done = 0;
        for (span, with) in order {
            let (Some(start), Some(end)) = (span.start.checked_sub(offset), span.end.checked_sub(offset)) else {
                continue;
            };
            if start < done || part.get(start..end).is_none() {
                continue;
            }
            out.push_str(part.get(done..start).unwrap_or_default());
            out.push_str(with);
            done = end;
        }
        out.push_str(part.get(done..).unwrap_or_default());
        out
    }
}

/// Cuts members out of an object, commas included; `doomed` tells which by the index of the member.
pub fn remove_members(object: Value<'_>, edits: &mut Splices, doomed: impl Fn(usize) -> bool) {
    debug_assert_eq!(object.kind(), Kind::Object);
    let spans: Vec<Range<usize>> =
        object.members().map(|(key, value)| key.span().start..value.span().end).collect();
    let mut kept_before = None;
    for (index, span) in spans.iter().enumerate() {
        if !doomed(index) {
            kept_before = Some(span.end);
            continue;
        }
        // With a kept member in front, cut from its end; else cut up to the start of the next member.
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
            (&[0, 1, 2], r#"{  }"#),
        ] {
            assert_eq!(without(text, doomed), expected, "{doomed:?}");
        }
    }

    #[test]
    fn overlapping_edits_never_eat_the_text_after_them() {
        let mut edits = Splices::default();
        edits.replace(4..8, "B");
        edits.replace(2..6, "A");
        edits.replace(100..101, "C");
        assert_eq!(edits.apply("0123456789"), "01A6789");
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
