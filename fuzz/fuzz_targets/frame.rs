//! The frame parser against `serde_json`: the same texts are accepted, and the spans give them back.
#![no_main]

use std::collections::HashSet;

use airlock_engine::json::{Bounds, Decoded, Document, Kind, Splices, Value, write_string};
use libfuzzer_sys::fuzz_target;
use serde_json::value::RawValue;

fuzz_target!(|bytes: &[u8]| {
    let theirs: Option<&RawValue> = serde_json::from_slice(bytes).ok();
    let doc = match Document::parse(bytes, &Bounds::DEFAULT) {
        Ok(doc) => doc,
        Err(error) => {
            assert!(error.offset <= bytes.len(), "the error lies outside the text");
            assert!(theirs.is_none() || error.kind.is_bound(), "refused what is JSON: {error}");
            return;
        }
    };
    let theirs = theirs.expect("accepted what is no JSON");
    assert_eq!(doc.root().raw(), theirs.get());

    let mut seen = Seen::default();
    seen.value(doc.root());
    assert_eq!(seen.compact, without_space(theirs.get()), "the spans give another text");
    assert_eq!(seen.duplicate_keys, doc.has_duplicate_keys());
    assert_eq!(seen.lone_surrogates, doc.has_lone_surrogates());
    assert_eq!(seen.values, doc.len());
    assert_eq!(seen.edits.apply(doc.text()), doc.text(), "edits that change nothing changed something");
    if !seen.duplicate_keys && !seen.lone_surrogates {
        // Numbers that no f64 can hold are JSON all the same, and deep nesting is theirs to refuse.
        if let Ok(general) = serde_json::from_slice::<serde_json::Value>(bytes) {
            same(doc.root(), &general);
        }
    }
});

/// What a walk over the document saw.
#[derive(Default)]
struct Seen {
    compact: String,
    edits: Splices,
    duplicate_keys: bool,
    lone_surrogates: bool,
    values: usize,
}

impl Seen {
    fn value(&mut self, value: Value<'_>) {
        self.values += 1;
        match value.kind() {
            Kind::Object => self.object(value),
            Kind::Array => {
                self.compact.push('[');
                assert_eq!(value.elements().count(), value.len());
                for (index, element) in value.elements().enumerate() {
                    self.comma(index);
                    self.value(element);
                }
                self.compact.push(']');
            }
            Kind::String => self.string(value),
            Kind::Null | Kind::True | Kind::False | Kind::Number => self.leaf(value),
        }
    }

    fn object(&mut self, object: Value<'_>) {
        self.compact.push('{');
        assert_eq!(object.members().count(), object.len());
        let mut names = HashSet::new();
        let mut twice = false;
        for (index, (key, value)) in object.members().enumerate() {
            self.comma(index);
            self.value(key);
            self.compact.push(':');
            self.value(value);
            twice |= !names.insert(key.as_str().expect("a key is a string"));
        }
        self.compact.push('}');
        assert_eq!(object.has_duplicate_key(), twice);
        self.duplicate_keys |= twice;
    }

    fn string(&mut self, string: Value<'_>) {
        self.leaf(string);
        let raw = string.raw_string_content().expect("a string");
        let text = string.as_str().expect("a string");
        let theirs: Option<String> = serde_json::from_str(string.raw()).ok();
        assert_eq!(theirs.is_none(), string.has_lone_surrogate());
        self.lone_surrogates |= theirs.is_none();
        if theirs.is_some_and(|theirs| theirs != *text) {
            panic!("the string was decoded in another way");
        }
        assert_eq!(string.is_escaped(), raw.contains('\\'));
        assert!(string.is_text(&text));

        let decoded = Decoded::new(raw);
        assert_eq!(decoded.raw_span(&(0..text.len())), 0..raw.len());
        for (start, character) in text.char_indices() {
            let back = &raw[decoded.raw_span(&(start..start + character.len_utf8()))];
            assert_eq!(Decoded::new(back).text().chars().collect::<Vec<_>>(), [character]);
        }
        let mut written = String::new();
        write_string(&mut written, &text);
        assert_eq!(serde_json::from_str::<String>(&written).ok().as_deref(), Some(&*text));
    }

    fn leaf(&mut self, value: Value<'_>) {
        self.compact.push_str(value.raw());
        self.edits.replace(value.span(), value.raw());
    }

    fn comma(&mut self, index: usize) {
        if index > 0 {
            self.compact.push(',');
        }
    }
}

/// The text without the white space between its tokens.
fn without_space(json: &str) -> String {
    let (mut in_string, mut escaped) = (false, false);
    json.chars()
        .filter(|&c| {
            let keep = in_string || !matches!(c, ' ' | '\t' | '\n' | '\r');
            (in_string, escaped) = match c {
                _ if escaped => (in_string, false),
                '\\' => (in_string, in_string),
                '"' => (!in_string, false),
                _ => (in_string, false),
            };
            keep
        })
        .collect()
}

/// Both readings have the same values.
fn same(ours: Value<'_>, theirs: &serde_json::Value) {
    match (ours.kind(), theirs) {
        (Kind::Null, serde_json::Value::Null) => {}
        (Kind::True | Kind::False, serde_json::Value::Bool(theirs)) => {
            assert_eq!(ours.as_bool(), Some(*theirs));
        }
        (Kind::Number, serde_json::Value::Number(_)) => assert_eq!(ours.to_serde().as_ref(), Some(theirs)),
        (Kind::String, serde_json::Value::String(theirs)) => {
            assert_eq!(ours.as_str().as_deref(), Some(&**theirs));
        }
        (Kind::Array, serde_json::Value::Array(theirs)) => {
            assert_eq!(ours.len(), theirs.len());
            ours.elements().zip(theirs).for_each(|(ours, theirs)| same(ours, theirs));
        }
        (Kind::Object, serde_json::Value::Object(theirs)) => {
            assert_eq!(ours.len(), theirs.len());
            for (name, theirs) in theirs {
                same(ours.get(name).expect("the member is there"), theirs);
            }
        }
        (kind, _) => panic!("{kind:?} is read as another kind"),
    }
}
