//! The scanner: walks a text once and hands every candidate to its verifier.

use std::sync::OnceLock;

use crate::{
    Class, Finding, Kind, KindSet, Rule, disguise,
    filter::{Filter, Visit},
    finding::resolve,
    keys::kind_of_key,
    placeholder::touches_mask,
    rule::{Matcher, Sink},
    rules::rules,
    text::Text,
    verify,
};

/// Finds secrets, personal data and injected instructions. Cheap to make, copy and share.
///
/// All scanners share one compiled rule table, built at the first use.
#[derive(Debug, Clone, Copy)]
pub struct Scanner {
    kinds: KindSet,
}

impl Scanner {
    /// A scanner for these kinds.
    pub const fn new(kinds: KindSet) -> Self {
        Self { kinds }
    }

    /// The kinds this scanner finds.
    pub const fn kinds(&self) -> KindSet {
        self.kinds
    }

    /// Appends the secrets and personal data in `text` to `out`, sorted by start, not overlapping.
    ///
    /// Takes time linear in the text; allocates nothing while nothing is found. Injected instructions
    /// are left to [`screen`](Self::screen).
    pub fn scan(&self, text: &str, out: &mut Vec<Finding>) {
        let from = out.len();
        self.collect(text, 0, out);
        resolve(out, from);
    }

    /// Like [`scan`](Self::scan) for the value of a JSON member, header or variable named `key`.
    ///
    /// Where the name tells what the value is (see [`kind_of_key`]), the whole value is a finding: a
    /// secret whatever it looks like, personal data if it has the form. Nothing is found in values that
    /// are empty, already masked, or a reference such as `${VAR}`, `process.env.X` or `<token>`.
    pub fn scan_keyed(&self, key: &str, value: &str, out: &mut Vec<Finding>) {
        let from = out.len();
        self.collect(value, 0, out);
        if let Some(kind) = kind_of_key(key) {
            verify::keyed::whole(kind, value, &mut self.sink(out));
        }
        resolve(out, from);
    }

    /// Appends the instructions to a model that `text` contains, findings of [`Class::Injection`] only.
    ///
    /// A pattern sees wording and structure, never intent: it finds common attempts, not all, and a text
    /// *about* such attempts is found too.
    pub fn screen(&self, text: &str, out: &mut Vec<Finding>) {
        let from = out.len();
        if self.kinds.contains(Kind::Injection) {
            let (text, sink) = (Text::new(text), &mut self.sink(out));
            screening().walk(text.bytes, &mut Screening(Candidates { text, sink }));
            resolve(out, from);
        }
    }

    /// Appends what the rules find, unsorted and overlapping. Returns the start of an undecided candidate.
    ///
    /// `base` is the place of `text` in the whole of which it is a part.
    pub(crate) fn collect(self, text: &str, base: usize, out: &mut Vec<Finding>) -> Option<usize> {
        self.collect_through(text, base, 0, out)
    }

    /// The same, behind so many layers of encoding.
    fn collect_through(self, text: &str, base: usize, layer: u8, out: &mut Vec<Finding>) -> Option<usize> {
        if self.kinds.without(Kind::Injection).is_empty() {
            return None;
        }
        let open = self.collect_plain(text, layer, out);
        if layer < disguise::DEPTH {
            let text = Text::new(text);
            let scan = &mut |reading: &str, out: &mut Vec<Finding>| {
                self.collect_plain(reading, layer + 1, out);
            };
            disguise::read_cells(&text, base, disguise::triggers(&text), scan, out);
        }
        open
    }

    /// What stands in the text as it is, and in encoded runs.
    fn collect_plain(self, text: &str, layer: u8, out: &mut Vec<Finding>) -> Option<usize> {
        let from = out.len();
        let mut sink = self.sink(out);
        let text = Text::new(text);
        scanning().walk(text.bytes, &mut Candidates { text, sink: &mut sink });
        if layer < disguise::DEPTH {
            let scan = &mut |decoded: &str, out: &mut Vec<Finding>| {
                self.collect_through(decoded, 0, layer + 1, out);
            };
            for start in disguise::runs(&text) {
                disguise::verify_encoded(&text, start, scan, &mut sink);
            }
        }
        let open = sink.open;
        out.extract_if(from.., |finding| touches_mask(&text, &finding.span)).for_each(drop);
        open
    }

    fn sink(self, out: &mut Vec<Finding>) -> Sink<'_> {
        Sink { out, kinds: self.kinds, open: None }
    }
}

impl Default for Scanner {
    /// Finds every kind.
    fn default() -> Self {
        Self::new(KindSet::all())
    }
}

/// The filter over the rules of [`Scanner::scan`].
fn scanning() -> &'static Filter {
    static FILTER: OnceLock<Filter> = OnceLock::new();
    FILTER.get_or_init(|| Filter::new(rules().iter().filter(|rule| rule.kind.class() != Class::Injection)))
}

/// The filter over the rules of [`Scanner::screen`].
fn screening() -> &'static Filter {
    static FILTER: OnceLock<Filter> = OnceLock::new();
    FILTER.get_or_init(|| Filter::new(rules().iter().filter(|rule| rule.kind.class() == Class::Injection)))
}

/// Sends candidates to their verifiers.
struct Candidates<'t, 's, 'o> {
    text: Text<'t>,
    sink: &'s mut Sink<'o>,
}

impl Visit for Candidates<'_, '_, '_> {
    fn anchor(&mut self, rule: &'static Rule, start: usize, end: usize) {
        match rule.matcher {
            Matcher::Token { alphabet, min, max } => {
                verify::token::verify(&self.text, start..end, rule, (alphabet, min, max), self.sink);
            }
            Matcher::Verify(verify) | Matcher::Folded(verify) => verify(&self.text, start..end, self.sink),
            Matcher::Digits => {}
        }
    }

    #[inline]
    fn digits(&mut self, start: usize) {
        verify::digits::verify(&self.text, start, self.sink);
    }

    fn code(&mut self, _start: usize) {}

    fn run(&mut self, _start: usize) {}

    fn wide(&mut self, _start: usize) {}
}

/// Sends candidates for instructions to their verifiers; numbers give none.
struct Screening<'t, 's, 'o>(Candidates<'t, 's, 'o>);

impl Visit for Screening<'_, '_, '_> {
    fn anchor(&mut self, rule: &'static Rule, start: usize, end: usize) {
        self.0.anchor(rule, start, end);
    }

    fn digits(&mut self, _start: usize) {}

    fn code(&mut self, _start: usize) {}

    fn run(&mut self, _start: usize) {}

    fn wide(&mut self, _start: usize) {}
}
