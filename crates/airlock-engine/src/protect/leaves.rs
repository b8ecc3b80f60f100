//! Walking what the model reads: every leaf and every key.

use std::{borrow::Cow, collections::HashMap, ops::Range};

use airlock_scan::{Finding, KindSet, Scanner};

use super::{
    OutputReport, OutputRules, Part, base64,
    frame::{Frame, Key},
    mask::Masker,
    number::plain_digits,
};
use crate::json::{Decoded, Kind as JsonKind, Splices, Value, write_string, write_string_content};

/// Fewer digits than this are no identifier of a person and no secret, unless their key says so.
const FEWEST_DIGITS: usize = 7;

/// One walk over one output.
pub(super) struct Leaves<'w> {
    scanner: Cow<'w, Scanner>,
    pub(super) masker: &'w Masker,
    rules: &'w OutputRules,
    screen: bool,
    pub(super) report: OutputReport,
    found: Vec<Finding>,
    /// The mask that is being made; kept for its memory.
    mask: String,
}

impl<'w> Leaves<'w> {
    pub(super) fn new(scanner: &'w Scanner, masker: &'w Masker, rules: &'w OutputRules) -> Self {
        let scanner = if rules.kinds.is_empty() {
            Cow::Borrowed(scanner)
        } else {
            let kinds = rules.kinds.iter().fold(scanner.kinds(), KindSet::without);
            Cow::Owned(scanner.clone().with_kinds(kinds))
        };
        Self {
            scanner,
            masker,
            rules,
            screen: false,
            report: OutputReport::default(),
            found: Vec::new(),
            mask: String::new(),
        }
    }

    /// Also look for passages that try to command the model.
    pub(super) fn screen_instructions(&mut self) {
        self.screen = true;
    }

    pub(super) fn into_report(self) -> OutputReport {
        self.report
    }

    pub(super) fn parts(&mut self, parts: &[Part<'_>], edits: &mut Splices) {
        let joined = parts.iter().filter(|part| matches!(part, Part::Text(_))).count() > 1;
        let mut objects = HashMap::new();
        let mut passages = Vec::new();
        for part in parts {
            match part {
                Part::Text(text) if joined && text.kind() == JsonKind::String => {
                    passages.push(self.passage(*text, edits));
                }
                Part::Text(value) | Part::Json(value) => self.value(*value, edits),
                Part::Member(object, key, value) => {
                    let frame = objects.entry(object.index()).or_insert_with(|| Frame::new(*object, None));
                    self.object_member(frame, *key, *value, edits);
                }
                Part::Media(media) if media.as_str().is_some_and(|media| base64::decode(&media).exact) => {}
                Part::Blob(blob) | Part::Media(blob) => self.blob(*blob, edits),
            }
        }
        if joined {
            self.seams(&passages, edits);
        }
    }

    /// Every leaf and key of a JSON value. Recursion is bounded by the depth of the parsed document.
    pub(super) fn value(&mut self, value: Value<'_>, edits: &mut Splices) {
        self.member(None, value, edits);
    }

    fn member(&mut self, key: Option<Key<'_>>, value: Value<'_>, edits: &mut Splices) {
        match value.kind() {
            JsonKind::String => self.string(key.map(|key| key.name), value, edits),
            JsonKind::Number => self.number(key, value, edits),
            // A list under a telling key is a list of such values.
            JsonKind::Array => value.elements().for_each(|element| self.member(key, element, edits)),
            JsonKind::Object => {
                let mut frame = Frame::new(value, key);
                for (key, value) in value.members() {
                    self.object_member(&mut frame, key, value, edits);
                }
            }
            JsonKind::Null | JsonKind::True | JsonKind::False => {}
        }
    }

    fn object_member<'d>(
        &mut self,
        frame: &mut Frame<'d>,
        key: Value<'d>,
        value: Value<'d>,
        edits: &mut Splices,
    ) {
        let name = key.as_str().unwrap_or_default();
        if let Some(masked) = self.key(&name) {
            let mut json = String::new();
            write_string(&mut json, &frame.unused(masked));
            edits.replace(key.span(), json);
        }
        if !self.rules.fields.iter().any(|field| field.matches(&name)) {
            self.member(Some(frame.key_of(&name)), value, edits);
        }
    }

    /// The masked form of a key that is itself a finding.
    fn key(&mut self, name: &str) -> Option<String> {
        let mut edits = Splices::default();
        self.text(None, name, &mut |span, mask| edits.replace(span, mask));
        (!edits.is_empty()).then(|| edits.apply(name))
    }

    pub(super) fn string(&mut self, key: Option<&str>, string: Value<'_>, edits: &mut Splices) {
        let Some(raw) = string.raw_string_content() else { return };
        let offset = string.span().start + 1;
        let mut replace = |span: Range<usize>, mask: &str| {
            let span = offset + span.start..offset + span.end;
            edits.replace_with(span, |out| write_string_content(out, mask));
        };
        if string.is_escaped() {
            let decoded = Decoded::new(raw);
            self.text(key, decoded.text(), &mut |span, mask| replace(decoded.raw_span(&span), mask));
        } else {
            self.text(key, raw, &mut replace);
        }
    }

    /// Numbers hide digits as well as strings do, in whatever form they are written. A masked number becomes
    /// a string.
    fn number(&mut self, key: Option<Key<'_>>, number: Value<'_>, edits: &mut Splices) {
        let written = number.raw();
        if !key.is_some_and(|key| key.own) && written.len() < FEWEST_DIGITS {
            return;
        }
        let name = key.map(|key| key.name);
        let digits = plain_digits(written);
        let forms = [Some(written), digits.as_deref()];
        let hit =
            forms.into_iter().flatten().find_map(|form| Some((self.find(name, form).first()?.kind, form)));
        if let Some((kind, form)) = hit {
            self.report.count(kind);
            let mut json = String::new();
            write_string(&mut json, &self.masker.mask(kind, form));
            edits.replace(number.span(), json);
        }
    }

    /// Finds in a text and hands over what each finding becomes, by its span in the text.
    pub(super) fn text(
        &mut self,
        key: Option<&str>,
        text: &str,
        replace: &mut dyn FnMut(Range<usize>, &str),
    ) {
        self.note_instructions(text);
        let (mut found, mut mask) = (self.find(key, text), std::mem::take(&mut self.mask));
        for finding in found.drain(..) {
            let secret = text.get(finding.span.clone()).unwrap_or_default();
            self.report.count(finding.kind);
            mask.clear();
            self.masker.write(&mut mask, finding.kind, secret);
            replace(finding.span, &mask);
        }
        (self.found, self.mask) = (found, mask);
    }

    /// Counts the passages that try to command the model.
    pub(super) fn note_instructions(&mut self, text: &str) {
        if self.screen {
            self.found.clear();
            self.scanner.screen(text, &mut self.found);
            let passages = u32::try_from(self.found.len()).unwrap_or(u32::MAX);
            self.report.injections = self.report.injections.saturating_add(passages);
        }
    }

    /// What is to be masked in a text, in order and without overlaps.
    pub(super) fn find(&mut self, key: Option<&str>, text: &str) -> Vec<Finding> {
        self.found.clear();
        match key {
            _ if self.rules.unmasked => {}
            Some(key) => self.scanner.scan_keyed(key, text, &mut self.found),
            None => self.scanner.scan(text, &mut self.found),
        }
        std::mem::take(&mut self.found)
    }
}
