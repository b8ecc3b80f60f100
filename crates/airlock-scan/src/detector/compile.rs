//! From what the user wrote to detectors, with everything that is wrong at once.

use std::collections::{BTreeMap, BTreeSet};

use aho_corasick::AhoCorasick;
use regex_automata::{meta::Regex, util::syntax};
use regex_syntax::hir::{Hir, Look};

use super::{
    ANCHOR_BYTES, DetectorError, DetectorSet, DetectorSpec, MAX_DETECTORS, MAX_EXAMPLE, MAX_ITEMS,
    MAX_LENGTH, MAX_NAME, MAX_REGEX, anchors, intern,
    search::{Detector, REACH},
};
use crate::{Class, Kind, rules};

/// Bounds of one compiled expression in bytes.
const NFA_SIZE: usize = 512 << 10;
const CACHE_SIZE: usize = 512 << 10;
const NEST_LIMIT: u32 = 64;

pub(super) fn compile(specs: &[DetectorSpec]) -> Result<DetectorSet, Vec<DetectorError>> {
    let mut errors = Vec::new();
    if specs.len() > MAX_DETECTORS {
        let mut report = Report { detector: MAX_DETECTORS, errors: &mut errors };
        report.error("id", None, format!("there are more than {MAX_DETECTORS} detectors"), None);
    }
    let mut compiled = Vec::new();
    let mut ids = BTreeSet::new();
    for (index, spec) in specs.iter().enumerate().take(MAX_DETECTORS) {
        let mut report = Report { detector: index, errors: &mut errors };
        let is_new = ids.insert(spec.id.as_str());
        if let Some(one) = detector(spec, is_new, &mut report) {
            compiled.push((index, one));
        }
    }
    let set = match assemble(compiled) {
        Ok((origins, set)) => {
            check_examples(specs, &origins, &set, &mut errors);
            Some(set)
        }
        Err(message) => {
            Report { detector: 0, errors: &mut errors }.error("anchors", None, message, None);
            None
        }
    };
    errors.sort_by_key(|error| error.detector);
    match set {
        Some(set) if errors.is_empty() => Ok(set),
        _ => Err(errors),
    }
}

/// Notes what is wrong with one detector.
struct Report<'e> {
    detector: usize,
    errors: &'e mut Vec<DetectorError>,
}

impl Report<'_> {
    fn error(
        &mut self,
        field: &'static str,
        item: Option<usize>,
        message: impl Into<String>,
        help: Option<&str>,
    ) {
        let (message, help) = (message.into(), help.map(str::to_owned));
        self.errors.push(DetectorError { detector: self.detector, field, item, message, help });
    }
}

/// A detector and its anchors.
type Compiled = (Detector, Vec<String>);

fn detector(spec: &DetectorSpec, is_new: bool, report: &mut Report<'_>) -> Option<Compiled> {
    let before = report.errors.len();
    check_id(&spec.id, is_new, report);
    if spec.kind.class() == Class::Injection {
        report.error("kind", None, "detectors find personal data and secrets only", None);
    }
    if !(1..=MAX_LENGTH).contains(&spec.max_length) {
        report.error("max_length", None, format!("expected 1 to {MAX_LENGTH} bytes"), None);
    }
    check_texts("anchors", &spec.anchors, ANCHOR_BYTES, report);
    check_texts("keywords", &spec.keywords, (1, MAX_NAME), report);
    check_texts("examples", &spec.examples, (1, MAX_EXAMPLE), report);
    check_texts("counterexamples", &spec.counterexamples, (1, MAX_EXAMPLE), report);
    let (hir, regex) = expression(spec, report)?;
    let literals = anchors_of(spec, &hir, report)?;
    if report.errors.len() > before {
        return None;
    }
    let Some(id) = intern(&spec.id) else {
        report.error("id", None, "there were too many different ids in this process", None);
        return None;
    };
    let secret = regex.group_info().to_index(regex_automata::PatternID::ZERO, "secret");
    let at_start = anchors::prefixes(&hir).is_some_and(|prefixes| {
        prefixes.iter().all(|prefix| literals.iter().any(|literal| prefix.starts_with(literal)))
    });
    let detector = Detector {
        id,
        kind: spec.kind,
        confidence: spec.confidence,
        regex,
        secret,
        keywords: spec.keywords.iter().map(|word| word.to_ascii_lowercase()).collect(),
        validator: spec.validator,
        max_length: spec.max_length,
        reach: if at_start { 0 } else { REACH },
    };
    Some((detector, literals))
}

fn check_id(id: &str, is_new: bool, report: &mut Report<'_>) {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    if id.is_empty() || id.len() > MAX_NAME || !id.bytes().all(allowed) {
        report.error("id", None, format!("an id is 1 to {MAX_NAME} letters, digits, `_`, `-` and `.`"), None);
    } else if !is_new {
        report.error("id", None, format!("two detectors are called `{id}`"), Some("choose another id"));
    } else if rules().iter().any(|rule| rule.id == id) {
        report.error("id", None, format!("`{id}` is a built-in rule"), Some("choose another id"));
    }
}

fn check_texts(field: &'static str, texts: &[String], bytes: (usize, usize), report: &mut Report<'_>) {
    if texts.len() > MAX_ITEMS {
        report.error(field, None, format!("there are more than {MAX_ITEMS}"), None);
    }
    for (index, text) in texts.iter().enumerate().take(MAX_ITEMS) {
        if !(bytes.0..=bytes.1).contains(&text.len()) {
            report.error(field, Some(index), format!("expected {} to {} bytes", bytes.0, bytes.1), None);
        }
    }
}

/// The parsed and the compiled expression.
fn expression(spec: &DetectorSpec, report: &mut Report<'_>) -> Option<(Hir, Regex)> {
    if spec.regex.len() > MAX_REGEX {
        report.error("regex", None, format!("the expression is longer than {MAX_REGEX} bytes"), None);
        return None;
    }
    let config = syntax::Config::new().multi_line(true).nest_limit(NEST_LIMIT);
    let hir = match syntax::parse_with(&spec.regex, &config) {
        Ok(hir) => hir,
        Err(error) => {
            let help = "look-around and back references are not supported: matching takes linear time";
            report.error("regex", None, one_line(&error.to_string()), Some(help));
            return None;
        }
    };
    let properties = hir.properties();
    if properties.look_set().contains(Look::Start) || properties.look_set().contains(Look::End) {
        let help = "use `^`, `$` or `\\b`: a text may arrive in pieces";
        report.error(
            "regex",
            None,
            "the start and the end of the whole text cannot be asked for",
            Some(help),
        );
        return None;
    }
    if properties.minimum_len().is_none_or(|least| least > spec.max_length) {
        let help = (spec.max_length < MAX_LENGTH).then_some("raise `max_length`");
        report.error("regex", None, format!("no match has at most {} bytes", spec.max_length), help);
        return None;
    }
    let limits = Regex::config()
        .nfa_size_limit(Some(NFA_SIZE))
        .onepass_size_limit(Some(NFA_SIZE))
        .hybrid_cache_capacity(CACHE_SIZE);
    let Ok(regex) = Regex::builder().configure(limits).build_from_hir(&hir) else {
        let help = "make it smaller: repetitions such as `{1000}` cost most, and `[A-Za-z0-9_]` costs less than `\\w`";
        report.error("regex", None, "the compiled expression is too large", Some(help));
        return None;
    };
    Some((hir, regex))
}

fn anchors_of(spec: &DetectorSpec, hir: &Hir, report: &mut Report<'_>) -> Option<Vec<String>> {
    if !spec.anchors.is_empty() {
        return Some(spec.anchors.clone());
    }
    let derived = anchors::derive(hir);
    if derived.is_none() {
        let message =
            "no text of at least 3 bytes stands in every match, so that nothing tells where to look";
        let help = "give `anchors`: literals one of which every match contains";
        report.error("regex", None, message, Some(help));
    }
    derived
}

/// Indices of the specifications and the set of their detectors.
fn assemble(compiled: Vec<(usize, Compiled)>) -> Result<(Vec<usize>, DetectorSet), String> {
    let mut owners: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let (mut origins, mut detectors) = (Vec::new(), Vec::new());
    for (index, (origin, (detector, literals))) in compiled.into_iter().enumerate() {
        let literals: BTreeSet<String> =
            literals.into_iter().map(|literal| literal.to_ascii_lowercase()).collect();
        for literal in literals {
            owners.entry(literal).or_default().push(index);
        }
        origins.push(origin);
        detectors.push(detector);
    }
    let automaton = AhoCorasick::builder().ascii_case_insensitive(true).build(owners.keys());
    let anchors = automaton.map_err(|error| one_line(&error.to_string()))?;
    Ok((origins, DetectorSet { detectors, anchors, owners: owners.into_values().collect() }))
}

fn check_examples(
    specs: &[DetectorSpec],
    origins: &[usize],
    set: &DetectorSet,
    errors: &mut Vec<DetectorError>,
) {
    for (own, origin) in origins.iter().enumerate() {
        let (Some(spec), Some(detector)) = (specs.get(*origin), set.detectors.get(own)) else { continue };
        let mut report = Report { detector: *origin, errors: &mut *errors };
        let finds = |text: &String| {
            let mut out = Vec::new();
            set.collect(text, &mut out);
            out.iter().any(|finding| finding.rule == detector.id)
        };
        for (index, _) in spec.examples.iter().enumerate().filter(|(_, text)| !finds(text)) {
            let help = (!spec.anchors.is_empty() || !spec.keywords.is_empty())
                .then_some("do `regex`, `anchors`, `keywords` and `validator` all hold for it?");
            report.error("examples", Some(index), "nothing is found in this example", help);
        }
        for (index, _) in spec.counterexamples.iter().enumerate().filter(|(_, text)| finds(text)) {
            report.error("counterexamples", Some(index), "something is found in this counterexample", None);
        }
    }
}

/// The last line of a message of the parser says what is wrong; the others draw arrows.
fn one_line(message: &str) -> String {
    let line = message.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or(message);
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

impl Kind {
    /// The kind of detectors of the user that name none of the known ones; `None` for a class of which
    /// there are no detectors.
    pub const fn custom(class: Class) -> Option<Self> {
        match class {
            Class::Pii => Some(Self::CustomPii),
            Class::Secret => Some(Self::CustomSecret),
            Class::Injection => None,
        }
    }
}
