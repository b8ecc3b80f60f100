//! The scanner: walks a text once and hands every candidate to its verifier.

use std::{
    ops::Range,
    sync::{Arc, OnceLock},
};

use crate::{
    Class, DetectorSet, Finding, Kind, KindSet, Options, Rule,
    disguise::{self, Cells},
    filter::{Filter, Visit},
    finding::{resolve, sort_last},
    keys::kind_of_key,
    placeholder::touches_mask,
    rule::{Matcher, Sink},
    rules::rules,
    text::Text,
    verify,
};

/// Finds secrets, personal data and injected instructions. Cheap to make, clone and share.
///
/// All scanners share one compiled rule table, built at the first use.
#[derive(Debug, Clone)]
pub struct Scanner {
    kinds: KindSet,
    options: Option<Arc<Options>>,
}

impl Scanner {
    /// A scanner for these kinds.
    pub const fn new(kinds: KindSet) -> Self {
        Self { kinds, options: None }
    }

    /// This scanner with what a user adds and takes: detectors, allowed texts, switches.
    #[must_use]
    pub fn with_options(mut self, options: Options) -> Self {
        self.options = Some(Arc::new(options));
        self
    }

    /// This scanner with the user's detectors beside the rules.
    #[must_use]
    pub fn with_detectors(self, detectors: Arc<DetectorSet>) -> Self {
        let options = self.options.as_deref().cloned().unwrap_or_default();
        self.with_options(Options { detectors: Some(detectors), ..options })
    }

    /// The same scanner for other kinds.
    #[must_use]
    pub fn with_kinds(mut self, kinds: KindSet) -> Self {
        self.kinds = kinds;
        self
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
            verify::keyed::whole(kind, value, &mut Sink::new(out, self.kinds));
            let scan = &mut |reading: &str, out: &mut Vec<Finding>| {
                verify::keyed::whole(kind, reading, &mut Sink::new(out, self.kinds));
            };
            disguise::read_whole(value, scan, out);
            if let Some(options) = &self.options {
                options.refine(value, out, from);
            }
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
            screen_at(text, Depth { layer: 0, read: false }, out);
            verify::phrase::settle(out, from);
            resolve(out, from);
        }
    }

    /// Appends what the rules find, unsorted and overlapping. Returns the start of an undecided candidate.
    ///
    /// `base` is the place of `text` in the whole of which it is a part.
    pub(crate) fn collect(&self, text: &str, base: usize, out: &mut Vec<Finding>) -> Option<usize> {
        self.collect_part(text, base, 0..text.len(), out)
    }

    /// The same for findings that start in a part of the text: what is found elsewhere may be missing.
    ///
    /// `part` ends where no anchor and no trigger matters any more.
    pub(crate) fn collect_part(
        &self,
        text: &str,
        base: usize,
        part: Range<usize>,
        out: &mut Vec<Finding>,
    ) -> Option<usize> {
        if self.kinds.without(Kind::Injection).is_empty() {
            return None;
        }
        self.collect_at(text, base, &part, Depth { layer: 0, read: false }, out)
    }

    fn collect_at(
        &self,
        text: &str,
        base: usize,
        part: &Range<usize>,
        depth: Depth,
        out: &mut Vec<Finding>,
    ) -> Option<usize> {
        let from = out.len();
        if let Some(options) = &self.options {
            options.collect(text, self.kinds, out);
        }
        let text = Text::new(text);
        let mut sink = Sink::new(out, self.kinds);
        let cells = (!depth.read && depth.layer < disguise::DEPTH).then(|| Cells::new(base));
        let mut candidates =
            Candidates { scanner: self, text, depth, sink: &mut sink, cells, from, settled: from };
        scanning().walk(text.bytes, part, &mut candidates);
        candidates.read_rest();
        if !self.kinds.opt_in().is_empty() {
            verify::ids::walk(&text, candidates.sink);
        }
        candidates.settle();
        let open = sink.open;
        if let Some(options) = &self.options {
            options.refine(text.str, out, from);
        }
        open
    }
}

impl Default for Scanner {
    /// Finds the [standard](KindSet::standard) kinds.
    fn default() -> Self {
        Self::new(KindSet::standard())
    }
}

/// How a text was come by.
#[derive(Debug, Clone, Copy)]
struct Depth {
    /// So many layers of encoding were undone.
    layer: u8,
    /// It is a reading: what stands in it for other text was undone.
    read: bool,
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
    scanner: &'s Scanner,
    text: Text<'t>,
    depth: Depth,
    sink: &'s mut Sink<'o>,
    /// Collects the places where text stands for other text; `None` in what is itself a reading.
    cells: Option<Cells>,
    /// How many findings there were before, and how many are known to touch no mask.
    from: usize,
    settled: usize,
}

impl Candidates<'_, '_, '_> {
    /// Scans readings of the cell whose triggers are complete.
    #[cold]
    fn read_cell(&mut self) {
        let Self { scanner, depth, .. } = *self;
        let scan = &mut |reading: &str, out: &mut Vec<Finding>| {
            let depth = Depth { layer: depth.layer + 1, read: true };
            scanner.collect_at(reading, 0, &(0..reading.len()), depth, out);
        };
        if let Some(cells) = &mut self.cells {
            cells.read(&self.text, scan, self.sink.out);
        }
    }

    /// Drops what touches a mask and puts the others in order, while they and the text around them are at hand.
    #[inline(never)]
    fn settle_rest(&mut self) {
        let (out, text) = (&mut *self.sink.out, &self.text);
        out.extract_if(self.settled.., |finding| touches_mask(text, &finding.span)).for_each(drop);
        if self.depth.layer == 0
            && let Some(own) = out.get_mut(self.from..)
        {
            sort_last(own, self.settled - self.from);
        }
        self.settled = out.len();
    }

    fn read_rest(&mut self) {
        if self.cells.as_ref().is_some_and(Cells::has_triggers) {
            self.read_cell();
        }
    }
}

impl Visit for Candidates<'_, '_, '_> {
    const NUMBERS: bool = true;

    #[inline]
    fn anchor(&mut self, rule: &'static Rule, start: usize, end: usize) {
        dispatch(&self.text, rule, start, end, self.sink);
    }

    #[inline]
    fn digits(&mut self, start: usize, len: usize) {
        verify::digits::verify(&self.text, start, len, self.sink);
    }

    fn colons(&mut self, at: usize) {
        verify::ip::verify_full_v6(&self.text, at, self.sink);
    }

    fn code(&mut self, start: usize) {
        verify::digits::verify_code(&self.text, start, self.sink);
    }

    fn run(&mut self, start: usize) {
        let Self { scanner, depth, .. } = *self;
        if depth.layer < disguise::DEPTH {
            let scan = &mut |decoded: &str, out: &mut Vec<Finding>| {
                let depth = Depth { layer: depth.layer + 1, read: false };
                scanner.collect_at(decoded, 0, &(0..decoded.len()), depth, out);
            };
            disguise::verify_encoded(&self.text, start, scan, self.sink);
        }
    }

    #[inline]
    fn mark(&mut self, at: usize) {
        let Some(cells) = &mut self.cells else { return };
        if !disguise::is_candidate(self.text.at(at)) || !disguise::is_trigger(&self.text, at) {
            return;
        }
        if cells.add(&self.text, at) == disguise::Added::ToAnother {
            self.read_cell();
            if let Some(cells) = &mut self.cells {
                cells.add(&self.text, at);
            }
        }
    }

    #[inline]
    fn settle(&mut self) {
        if self.sink.out.len() > self.settled {
            self.settle_rest();
        }
    }
}

#[inline]
fn dispatch(text: &Text<'_>, rule: &'static Rule, start: usize, end: usize, sink: &mut Sink<'_>) {
    match rule.matcher {
        Matcher::Shape(format) => verify::token::verify(text, start..end, rule, format, sink),
        Matcher::Verify(verify) | Matcher::Folded(verify) => verify(text, start..end, sink),
        Matcher::Digits => {}
    }
}

/// Appends the instructions in `text` and in what it stands for, unsorted, weak signs included.
fn screen_at(text: &str, depth: Depth, out: &mut Vec<Finding>) {
    let text = Text::new(text);
    let mut sink = Sink::new(out, KindSet::none().with(Kind::Injection));
    let cells = (!depth.read && depth.layer < disguise::DEPTH).then(|| Cells::new(0));
    let mut screening = Screening { text, depth, sink: &mut sink, cells };
    self::screening().walk(text.bytes, &(0..text.len()), &mut screening);
    if screening.cells.as_ref().is_some_and(Cells::has_triggers) {
        screening.read_cell();
    }
}

/// Sends candidates for instructions to their verifiers.
struct Screening<'t, 's, 'o> {
    text: Text<'t>,
    depth: Depth,
    sink: &'s mut Sink<'o>,
    /// As in [`Candidates`].
    cells: Option<Cells>,
}

impl Screening<'_, '_, '_> {
    /// Screens readings of the cell whose triggers are complete.
    #[cold]
    fn read_cell(&mut self) {
        let depth = Depth { layer: self.depth.layer + 1, read: true };
        if let Some(cells) = &mut self.cells {
            let screen = &mut |reading: &str, out: &mut Vec<Finding>| screen_at(reading, depth, out);
            cells.read(&self.text, screen, self.sink.out);
        }
    }
}

impl Visit for Screening<'_, '_, '_> {
    const NUMBERS: bool = false;

    #[inline]
    fn anchor(&mut self, rule: &'static Rule, start: usize, end: usize) {
        dispatch(&self.text, rule, start, end, self.sink);
    }

    fn digits(&mut self, _start: usize, _len: usize) {}

    fn colons(&mut self, _at: usize) {}

    fn code(&mut self, _start: usize) {}

    fn run(&mut self, start: usize) {
        let depth = Depth { layer: self.depth.layer + 1, read: false };
        if self.depth.layer < disguise::DEPTH {
            let screen = &mut |decoded: &str, out: &mut Vec<Finding>| screen_at(decoded, depth, out);
            disguise::verify_encoded(&self.text, start, screen, self.sink);
        }
    }

    #[inline]
    fn mark(&mut self, at: usize) {
        let Some(cells) = &mut self.cells else { return };
        // The words of an instruction may stand on several lines as they are.
        if self.text.at(at) == b'\n'
            || !disguise::is_candidate(self.text.at(at))
            || !disguise::is_trigger(&self.text, at)
        {
            return;
        }
        if cells.add(&self.text, at) == disguise::Added::ToAnother {
            self.read_cell();
            if let Some(cells) = &mut self.cells {
                cells.add(&self.text, at);
            }
        }
    }
}
