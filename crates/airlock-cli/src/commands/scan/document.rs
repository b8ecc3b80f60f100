//! `--input json`: JSON documents, one or one after another; every key and leaf is looked at, under the name of its
//! member.

use std::io::{self, Read, Write};

use airlock_engine::json::{
    Bounds, Decoded, Document, JsonError, Kind as JsonKind, Splices, Value, write_string,
};
use airlock_scan::{Finding, Scanner};

use super::{
    Plan, failed,
    masks::Masks,
    place::Place,
    records::edits,
    report::{Row, Rows},
    tally::Tally,
    text::excerpt,
};
use crate::exit::Failure;

/// The document is in memory as a whole.
const BOUNDS: Bounds =
    Bounds { max_bytes: u32::MAX as usize, max_depth: 512, max_nodes: 1 << 28, max_number_len: 1 << 20 };

/// What some editors put before everything else.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Scans `input` to its end.
pub(crate) fn scan(
    plan: &Plan,
    name: &str,
    mut input: impl Read,
    memory: &mut Vec<u8>,
    out: &mut dyn Write,
) -> Result<Tally, Failure> {
    memory.clear();
    input.read_to_end(memory).map_err(|error| failed(name, error))?;
    plan.done.read(memory.len());
    let mut rows = plan.rows(name);
    let mut tally = Tally { bytes: memory.len() as u64, ..Tally::default() };
    let mut at = Position { offset: 0, place: Place::START };
    let mut rest = memory.as_slice();
    if let Some(behind) = rest.strip_prefix(BYTE_ORDER_MARK) {
        at.offset = BYTE_ORDER_MARK.len();
        rest = behind;
        if plan.masks.is_some() {
            out.write_all(BYTE_ORDER_MARK)?;
        }
    }
    loop {
        let (document, behind) = rest.split_at_checked(end_of_document(rest)).unwrap_or((rest, &[]));
        one(plan, document, &mut rows, &mut at, &mut tally, out)?;
        rest = behind;
        if rest.trim_ascii().is_empty() {
            break;
        }
    }
    if plan.masks.is_some() {
        out.write_all(rest)?;
    }
    Ok(tally)
}

/// Where a document stands in its file.
#[derive(Clone, Copy)]
struct Position {
    offset: usize,
    place: Place,
}

/// Scans one document, and moves `at` behind it.
fn one(
    plan: &Plan,
    document: &[u8],
    rows: &mut Rows<'_>,
    at: &mut Position,
    tally: &mut Tally,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let document = Document::parse(document, &BOUNDS).map_err(|error| {
        let error = JsonError { offset: at.offset + error.offset, ..error };
        failed(rows.name(), error).with_help("a file that is no JSON is scanned as text without --input")
    })?;
    let mut leaves = Leaves {
        scanner: plan.scanner.clone(),
        plan,
        found: Vec::new(),
        edits: Splices::default(),
        raw: Vec::new(),
    };
    leaves.value(None, document.root());
    tally.count(&leaves.raw);
    if plan.masks.is_some() {
        out.write_all(leaves.edits.apply(document.text()).as_bytes())?;
    } else {
        at.place = leaves.report(rows, document.text(), *at, out)?;
    }
    at.offset += document.text().len();
    Ok(())
}

/// Where the first object or array ends, what stands before it included; all of it, where there is none.
fn end_of_document(bytes: &[u8]) -> usize {
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(rest) = bytes.get(at..) {
        let is_structure = |byte: &u8| matches!(byte, b'"' | b'{' | b'}' | b'[' | b']');
        let Some(found) = rest.iter().position(is_structure) else { break };
        at += found + 1;
        match rest.get(found) {
            Some(b'"') => at = end_of_string(bytes, at),
            Some(b'{' | b'[') => depth += 1,
            _ if depth > 1 => depth -= 1,
            _ => return at,
        }
    }
    bytes.len()
}

fn end_of_string(bytes: &[u8], mut at: usize) -> usize {
    while let Some(rest) = bytes.get(at..) {
        let Some(found) = memchr::memchr2(b'"', b'\\', rest) else { break };
        if rest.get(found) == Some(&b'"') {
            return at + found + 1;
        }
        at += found + 2;
    }
    bytes.len()
}

struct Leaves<'p> {
    plan: &'p Plan,
    scanner: Scanner,
    /// Findings of one leaf.
    found: Vec<Finding>,
    /// All findings, with spans in the document.
    raw: Vec<Finding>,
    edits: Splices,
}

impl Leaves<'_> {
    /// Recursion is bounded by the depth of the parsed document.
    fn value(&mut self, key: Option<&str>, value: Value<'_>) {
        match value.kind() {
            JsonKind::String => self.string(key, value),
            JsonKind::Number => self.number(key, value),
            // A list under a telling name is a list of such values.
            JsonKind::Array => value.elements().for_each(|element| self.value(key, element)),
            JsonKind::Object => self.object(value),
            JsonKind::Null | JsonKind::True | JsonKind::False => {}
        }
    }

    fn object(&mut self, object: Value<'_>) {
        let mut masked = Vec::new();
        for (key, value) in object.members() {
            let name = key.as_str().unwrap_or_default();
            self.key(key, &name, &mut masked);
            self.value(Some(&name), value);
        }
    }

    /// Two keys that are masked alike are numbered, since a name that stands twice may lose its value.
    fn key(&mut self, key: Value<'_>, name: &str, taken: &mut Vec<String>) {
        self.found.clear();
        self.scan(None, name);
        let decoded = Decoded::new(key.raw_string_content().unwrap_or_default());
        self.note(&decoded, key.span().start + 1);
        let Some(masks) = self.plan.masks.as_ref().filter(|_| !self.found.is_empty()) else { return };
        let mut edits = Splices::default();
        for finding in &self.found {
            edits.replace(finding.span.clone(), masks.of(finding, name));
        }
        let mask = edits.apply(name);
        let mut free = mask.clone();
        let mut count = 1;
        while taken.contains(&free) {
            count += 1;
            free = format!("{mask} {count}");
        }
        let mut json = String::new();
        write_string(&mut json, &free);
        self.edits.replace(key.span(), json);
        taken.push(free);
    }

    fn string(&mut self, key: Option<&str>, string: Value<'_>) {
        let raw = string.raw_string_content().unwrap_or_default();
        self.found.clear();
        let offset = string.span().start + 1;
        if !string.is_escaped() {
            // The usual case needs no way back.
            self.scan(key, raw);
            if self.found.is_empty() {
                return;
            }
        }
        let decoded = Decoded::new(raw);
        if string.is_escaped() {
            self.scan(key, decoded.text());
        }
        self.note(&decoded, offset);
        if let Some(masks) = &self.plan.masks {
            self.edits.append(&edits(masks, &decoded, offset, &self.found));
        }
    }

    /// A number in which something is found becomes a string.
    fn number(&mut self, key: Option<&str>, number: Value<'_>) {
        self.found.clear();
        self.scan(key, number.raw());
        let span = number.span();
        if let (Some(masks), false) = (&self.plan.masks, self.found.is_empty()) {
            self.edits.replace(span.clone(), masked_number(masks, number.raw(), &self.found));
        }
        let found = self.found.drain(..);
        self.raw.extend(found.map(|finding| Finding {
            span: span.start + finding.span.start..span.start + finding.span.end,
            ..finding
        }));
    }

    fn scan(&mut self, key: Option<&str>, text: &str) {
        match key {
            Some(key) => self.scanner.scan_keyed(key, text, &mut self.found),
            None => self.scanner.scan(text, &mut self.found),
        }
        self.scanner.screen(text, &mut self.found);
        let plan = self.plan;
        self.found.retain(|finding| plan.wants(finding));
    }

    fn note(&mut self, decoded: &Decoded, offset: usize) {
        self.raw.extend(self.found.iter().map(|finding| {
            let raw = decoded.raw_span(&finding.span);
            Finding { span: offset + raw.start..offset + raw.end, ..finding.clone() }
        }));
    }

    /// Returns the place behind `text`.
    fn report(
        mut self,
        rows: &mut Rows<'_>,
        text: &str,
        at: Position,
        out: &mut dyn Write,
    ) -> io::Result<Place> {
        self.raw.sort_by_key(|finding| (finding.span.start, finding.span.end));
        let (mut place, mut seen) = (at.place, 0);
        for (index, finding) in self.raw.iter().enumerate() {
            let span = finding.span.clone();
            place = place.after(text.get(seen..span.start).unwrap_or_default());
            seen = span.start;
            let end = place.after(text.get(span.clone()).unwrap_or_default());
            // What is not asked for must still not be shown beside what is.
            let earlier = self.raw.get(..index).filter(|_| self.plan.is_complete());
            let before = earlier.map(|earlier| excerpt(text, earlier, span.start, rows.shown()));
            let before = before.unwrap_or_default();
            let bytes = ((at.offset + span.start) as u64, (at.offset + span.end) as u64);
            rows.write(out, &Row { finding, place, end, bytes, before: &before })?;
        }
        Ok(place.after(text.get(seen..).unwrap_or_default()))
    }
}

/// The digits that stay, and the masks, as a string.
fn masked_number(masks: &Masks, written: &str, found: &[Finding]) -> String {
    let mut edits = Splices::default();
    for finding in found {
        edits.replace(finding.span.clone(), masks.of(finding, written));
    }
    let mut json = String::new();
    write_string(&mut json, &edits.apply(written));
    json
}

#[cfg(test)]
mod tests {
    use super::end_of_document;

    #[test]
    fn documents_end_where_their_brackets_close() {
        for (text, expected) in [
            ("{} []", 2),
            (" [1,{\"a\":[]}]\n{}", 13),
            (r#"{"}\"]\\":"{"}x"#, 14),
            ("12 34", 5),
            ("{\"open", 6),
            ("}{", 1),
            ("\"\\", 2),
            ("", 0),
        ] {
            assert_eq!(end_of_document(text.as_bytes()), expected, "{text}");
        }
    }
}
