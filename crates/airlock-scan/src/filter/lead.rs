//! Tokens that are known by how they begin, and are looked for only where a long run begins.
//!
//! Most tokens of vendors hold a run of at least [`RUN`] letters, digits, `_` and `-` that starts with them or
//! directly behind a fixed beginning such as `SG.`. Such runs are rare in most texts, so hundreds of beginnings cost
//! nothing where none is, and are no anchors of the walk.

use super::{
    RUN,
    anchor::{Anchor, GRAM, Lookup, gram_at},
};
use crate::{
    rule::{Matcher, Rule},
    shape::{Shape, pattern::URL},
    text::is_word,
};

/// The beginnings of tokens, by the gram at the start of the run and by the one before it.
#[derive(Debug)]
pub(super) struct Leads {
    inside: [Lookup; 2],
    before: [Lookup; 2],
}

/// Where the run of a token starts in its anchor; `None` where the walk has to look for the anchor itself.
pub(super) fn start_of_run(rule: &Rule, anchor: &str) -> Option<usize> {
    let Matcher::Shape(format) = rule.matcher else { return None };
    if format.value_only || !format.shapes.iter().all(Shape::begins_with_anchor) {
        return None;
    }
    let behind = format.shapes.iter().map(Shape::run_behind_anchor).min()?;
    let start = anchor.bytes().rposition(|byte| !URL.contains(byte)).map_or(0, |other| other + 1);
    // Behind another character the run starts wherever it may; at the start of the token it does with a word.
    let starts = start >= GRAM - 1 || start == 0 && anchor.bytes().next().is_some_and(is_word);
    (starts && anchor.len() - start + behind >= RUN).then_some(start)
}

impl Leads {
    pub(super) fn new(leads: impl Iterator<Item = (&'static Rule, &'static str, usize)>) -> Self {
        let (mut inside, mut before) = (Vec::new(), Vec::new());
        for (rule, anchor, start) in leads {
            match start {
                0 => inside.push(Anchor::at(rule, anchor, 0, GRAM)),
                _ => before.push(Anchor::at(rule, anchor, start.saturating_sub(GRAM), start)),
            }
        }
        let lookups = |anchors: &[Anchor]| [GRAM, GRAM - 1].map(|len| Lookup::new(anchors, len));
        Self { inside: lookups(&inside), before: lookups(&before) }
    }

    /// Tells of the anchors that may belong to the run from `start`, each with the place of its gram.
    #[inline]
    pub(super) fn at(&self, bytes: &[u8], start: usize, mut tell: impl FnMut(&Anchor, usize)) {
        let [four, three] = &self.inside;
        let mut inside = |at: usize| {
            let gram = gram_at(bytes, at);
            if four.may_have(gram) | three.may_have(gram) {
                [four, three].iter().flat_map(|lookup| lookup.of(gram)).for_each(|anchor| tell(anchor, at));
            }
        };
        inside(start);
        if let Some(letters) = escape_before(bytes, start) {
            inside(start + letters);
        }
        for (lookup, len) in self.before.iter().zip([GRAM, GRAM - 1]) {
            let Some(at) = start.checked_sub(len) else { continue };
            let gram = gram_at(bytes, at);
            if lookup.may_have(gram) {
                lookup.of(gram).iter().for_each(|anchor| tell(anchor, at));
            }
        }
    }
}

/// How many letters and digits at `start` belong to an escape that begins before it: `\n`, `%3D`, `\u003d`.
#[inline]
fn escape_before(bytes: &[u8], start: usize) -> Option<usize> {
    let before = start.checked_sub(1).and_then(|at| bytes.get(at))?;
    match (before, bytes.get(start)?) {
        (b'\\', b'n' | b'r' | b't') => Some(1),
        (b'\\', b'u') => Some(5),
        (b'%', _) => Some(2),
        _ => None,
    }
}
