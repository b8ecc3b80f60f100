//! Walking what the model reads: every leaf, every key, and texts that belong together.

use std::ops::Range;

use airlock_scan::{Finding, Kind, Scanner};

use super::{Exemptions, OutputReport, Part, base64, mask::Masker};
use crate::json::{Decoded, Kind as JsonKind, Splices, Value, write_string, write_string_content};

/// One walk over one output.
pub(super) struct Leaves<'w> {
    scanner: &'w Scanner,
    masker: &'w Masker,
    exempt: &'w Exemptions,
    screen: bool,
    report: OutputReport,
    found: Vec<Finding>,
}

impl<'w> Leaves<'w> {
    pub(super) fn new(scanner: &'w Scanner, masker: &'w Masker, exempt: &'w Exemptions) -> Self {
        Self { scanner, masker, exempt, screen: false, report: OutputReport::default(), found: Vec::new() }
    }

    /// Also look for passages that try to command the model.
    pub(super) fn screen_instructions(&mut self) {
        self.screen = true;
    }

    pub(super) fn into_report(self) -> OutputReport {
        self.report
    }

    pub(super) fn parts(&mut self, parts: &[Part<'_>], edits: &mut Splices) {
        for part in parts {
            match part {
                Part::Text(text) => self.string(None, *text, edits),
                Part::Json(value) => self.value(*value, edits),
                Part::Member(key, value) => self.object_member(*key, *value, &mut Vec::new(), edits),
                Part::Blob(blob) => self.blob(*blob, edits),
            }
        }
        let texts: Vec<Value<'_>> = parts
            .iter()
            .filter_map(|part| if let Part::Text(text) = part { Some(*text) } else { None })
            .collect();
        if texts.len() > 1 && !self.exempt.unmasked {
            self.seams(&texts, edits);
        }
    }

    /// Every leaf and key of a JSON value. Recursion is bounded by the depth of the parsed document.
    pub(super) fn value(&mut self, value: Value<'_>, edits: &mut Splices) {
        self.member(None, value, edits);
    }

    fn member(&mut self, key: Option<&str>, value: Value<'_>, edits: &mut Splices) {
        match value.kind() {
            JsonKind::String => self.string(key, value, edits),
            JsonKind::Number => self.number(key, value, edits),
            // A list under a telling key is a list of such values.
            JsonKind::Array => value.elements().for_each(|element| self.member(key, element, edits)),
            JsonKind::Object => self.object(value, edits),
            JsonKind::Null | JsonKind::True | JsonKind::False => {}
        }
    }

    fn object(&mut self, object: Value<'_>, edits: &mut Splices) {
        let mut masked_keys: Vec<String> = Vec::new();
        for (key, value) in object.members() {
            self.object_member(key, value, &mut masked_keys, edits);
        }
    }

    fn object_member(
        &mut self,
        key: Value<'_>,
        value: Value<'_>,
        masked_keys: &mut Vec<String>,
        edits: &mut Splices,
    ) {
        let name = key.as_str().unwrap_or_default();
        if let Some(mut masked) = self.key(&name) {
            // Two keys may look alike once masked, and an object must not name a member twice.
            let same = masked_keys.iter().filter(|earlier| **earlier == masked).count();
            masked_keys.push(masked.clone());
            if same > 0 {
                masked.push('#');
                masked.push_str(&(same + 1).to_string());
            }
            let mut json = String::new();
            write_string(&mut json, &masked);
            edits.replace(key.span(), json);
        }
        if !self.exempt.fields.iter().any(|field| *field == *name) {
            self.member(Some(&name), value, edits);
        }
    }

    /// The masked form of a key that is itself a finding.
    fn key(&mut self, name: &str) -> Option<String> {
        let mut edits = Splices::default();
        self.text(None, name, &mut |span, mask| edits.replace(span, mask));
        (!edits.is_empty()).then(|| edits.apply(name))
    }

    fn string(&mut self, key: Option<&str>, string: Value<'_>, edits: &mut Splices) {
        let Some(raw) = string.raw_string_content() else { return };
        let offset = string.span().start + 1;
        let mut replace = |span: Range<usize>, mask: String| {
            let mut content = String::with_capacity(mask.len());
            write_string_content(&mut content, &mask);
            edits.replace(offset + span.start..offset + span.end, content);
        };
        if string.is_escaped() {
            let decoded = Decoded::new(raw);
            self.text(key, decoded.text(), &mut |span, mask| replace(decoded.raw_span(&span), mask));
        } else {
            self.text(key, raw, &mut replace);
        }
    }

    /// Numbers hide digits as well as strings do. A masked number becomes a string.
    fn number(&mut self, key: Option<&str>, number: Value<'_>, edits: &mut Splices) {
        // A number of one to six digits is no identifier of a person and no secret, unless its key says so.
        let digits = number.raw();
        if self.exempt.unmasked || (key.is_none() && digits.len() < 7) {
            return;
        }
        let mut hit = None;
        self.scan(key, digits);
        if let Some(finding) = self.found.first() {
            hit = Some(finding.kind);
        }
        if let Some(kind) = hit {
            self.report.count(kind);
            let mut json = String::new();
            write_string(&mut json, &self.masker.mask(kind, digits));
            edits.replace(number.span(), json);
        }
    }

    /// Finds in a text and hands over what each finding becomes, by its span in the text.
    pub(super) fn text(
        &mut self,
        key: Option<&str>,
        text: &str,
        replace: &mut dyn FnMut(Range<usize>, String),
    ) {
        if self.screen {
            self.found.clear();
            self.scanner.screen(text, &mut self.found);
            let passages = u32::try_from(self.found.len()).unwrap_or(u32::MAX);
            self.report.injections = self.report.injections.saturating_add(passages);
        }
        if self.exempt.unmasked {
            return;
        }
        self.scan(key, text);
        for finding in std::mem::take(&mut self.found) {
            let secret = text.get(finding.span.clone()).unwrap_or_default();
            self.report.count(finding.kind);
            replace(finding.span, self.masker.mask(finding.kind, secret));
        }
    }

    fn scan(&mut self, key: Option<&str>, text: &str) {
        self.found.clear();
        match key {
            Some(key) => self.scanner.scan_keyed(key, text, &mut self.found),
            None => self.scanner.scan(text, &mut self.found),
        }
    }

    /// Base64 that encodes text is read by the model as that text.
    fn blob(&mut self, blob: Value<'_>, edits: &mut Splices) {
        let Some(text) = blob
            .as_str()
            .and_then(|encoded| base64::decode(&encoded))
            .and_then(|b| String::from_utf8(b).ok())
        else {
            return;
        };
        let mut inner = Splices::default();
        self.text(None, &text, &mut |span, mask| inner.replace(span, mask));
        if !inner.is_empty() {
            edits.replace(blob.span(), format!("\"{}\"", base64::encode(inner.apply(&text).as_bytes())));
        }
    }

    /// Searches neighbouring texts as one and masks what lies across a boundary.
    fn seams(&mut self, texts: &[Value<'_>], edits: &mut Splices) {
        let decoded: Vec<Decoded> =
            texts.iter().map(|text| Decoded::new(text.raw_string_content().unwrap_or_default())).collect();
        let joined: String = decoded.iter().map(Decoded::text).collect();
        self.scan(None, &joined);
        let found = std::mem::take(&mut self.found);
        let mut start = 0;
        let bounds: Vec<Range<usize>> = decoded
            .iter()
            .map(|text| {
                let bounds = start..start + text.text().len();
                start = bounds.end;
                bounds
            })
            .collect();
        for finding in found {
            let touched =
                |bounds: &Range<usize>| bounds.start < finding.span.end && finding.span.start < bounds.end;
            if bounds.iter().filter(|bounds| touched(bounds)).count() < 2 {
                continue;
            }
            self.report.count(finding.kind);
            let mut mask =
                mask_json(self.masker, finding.kind, joined.get(finding.span.clone()).unwrap_or_default());
            for ((bounds, text), place) in bounds.iter().zip(&decoded).zip(texts) {
                if touched(bounds) {
                    let own = finding.span.start.max(bounds.start) - bounds.start
                        ..finding.span.end.min(bounds.end) - bounds.start;
                    let (raw, offset) = (text.raw_span(&own), place.span().start + 1);
                    // The mask stands where the finding begins; the rest of it goes.
                    edits.replace(offset + raw.start..offset + raw.end, std::mem::take(&mut mask));
                }
            }
        }
    }
}

fn mask_json(masker: &Masker, kind: Kind, text: &str) -> String {
    let mut content = String::new();
    write_string_content(&mut content, &masker.mask(kind, text));
    content
}
