//! Cutting an output that is too long, made of the parts of a document.

use std::collections::{HashMap, HashSet};

use super::{
    Part, ProtectedOutput,
    budget::{Budget, Cut, KEEP},
};
use crate::json::{Bounds, Decoded, Document, Kind, Splices, Value, remove_members, write_string};

/// Members that an object among the parts keeps, whatever is spent: what the protocol says of a block.
const KEEP_MEMBERS: usize = 16;

/// Whatever was within the host's bounds before it was masked.
const NO_BOUNDS: Bounds = Bounds {
    max_bytes: usize::MAX,
    max_depth: usize::MAX,
    max_nodes: usize::MAX,
    max_number_len: usize::MAX,
};

/// Cuts what stands at `parts` to the budget, all of them together. Works on the masked form, so that no half
/// of a secret is let through.
pub(super) fn parts(document: &str, parts: &[Part<'_>], max_chars: usize, out: &mut ProtectedOutput) {
    let length = |part: &Part<'_>| match part {
        Part::Text(value) | Part::Json(value) => value.span().len(),
        Part::Member(_, key, value) => key.span().len() + value.span().len(),
        Part::Blob(_) | Part::Media(_) => 0,
    };
    // Raw bytes bound the characters, so that mostly nothing needs to be counted.
    if parts.iter().map(length).sum::<usize>().saturating_add(out.edits.replacement_len()) <= max_chars {
        return;
    }
    let masks = out.edits.clone();
    let masks = masks.in_order();
    let mut budget = Budget::new(max_chars);
    let mut objects: HashMap<u32, Members<'_>> = HashMap::new();
    for part in parts {
        if let Part::Member(object, key, value) = part {
            let members = objects.entry(object.index()).or_insert_with(|| Members::of(*object));
            if !members.keep(*key, &mut budget) {
                out.report.cut_chars += value.raw().chars().count();
                out.report.cut_structure = true;
                continue;
            }
        }
        let (value, is_text) = match part {
            Part::Text(value) => (value, value.kind() == Kind::String),
            Part::Json(value) | Part::Member(_, _, value) => (value, false),
            Part::Blob(_) | Part::Media(_) => continue,
        };
        let span = value.span();
        let json = masks.apply_within(document.get(span.clone()).unwrap_or_default(), span.start);
        let cut = if is_text { cut_text(&json, &mut budget) } else { cut_json(&json, &mut budget) };
        if let Some(cut) = cut {
            out.edits.replace(span, cut.text);
            out.report.cut_chars += cut.lost;
            out.report.cut_structure |= !cut.says_so;
        }
    }
    for members in objects.values() {
        members.drop_the_rest(&mut out.edits);
    }
}

/// The members of one object that are parts.
struct Members<'d> {
    object: Value<'d>,
    kept: usize,
    /// The keys of those that go.
    dropped: HashSet<u32>,
}

impl<'d> Members<'d> {
    fn of(object: Value<'d>) -> Self {
        Self { object, kept: 0, dropped: HashSet::new() }
    }

    /// Whether a member may stay. The first few with short names always do, and their names cost nothing.
    fn keep(&mut self, key: Value<'d>, budget: &mut Budget) -> bool {
        let length = key.span().len();
        if self.kept < KEEP_MEMBERS && length <= KEEP {
            self.kept += 1;
            return true;
        }
        if budget.is_spent() {
            self.dropped.insert(key.index());
            return false;
        }
        budget.spend(length);
        true
    }

    fn drop_the_rest(&self, edits: &mut Splices) {
        if !self.dropped.is_empty() {
            let is_dropped = |(key, _): (Value<'_>, Value<'_>)| self.dropped.contains(&key.index());
            let dropped: Vec<bool> = self.object.members().map(is_dropped).collect();
            remove_members(self.object, edits, |member| dropped.get(member) == Some(&true));
        }
    }
}

fn cut_text(string: &str, budget: &mut Budget) -> Option<Cut> {
    let inner = string.get(1..string.len().saturating_sub(1)).unwrap_or_default();
    let cut = budget.text(Decoded::new(inner).text())?;
    let mut text = String::with_capacity(cut.text.len() + 2);
    write_string(&mut text, &cut.text);
    Some(Cut { text, ..cut })
}

/// A part that is short stays, even behind both budgets: it costs no more than the block it stands in.
fn cut_json(json: &str, budget: &mut Budget) -> Option<Cut> {
    let is_container = json.starts_with(['{', '[']);
    if json.len() <= budget.left || json.len() <= KEEP && !(is_container && budget.is_spent()) {
        budget.spend(json.len());
        return None;
    }
    // What was valid before it was masked is valid now; were it not, then nothing of it may stay.
    match Document::parse(json.as_bytes(), &NO_BOUNDS) {
        Ok(doc) => budget.json(doc.root()),
        Err(_) => Some(Cut { text: "null".to_owned(), lost: json.chars().count(), says_so: false }),
    }
}
