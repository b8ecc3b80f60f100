//! Layer 4: what goes back to the agent. Find, mask, cut, in this order.
//!
//! Cutting first would cut a secret in half and let the half through.

mod base64;
mod blob;
mod budget;
mod frame;
mod leaves;
mod mask;
mod number;
mod output;
mod refusal;
mod report;
mod seams;
mod stream;
mod truncate;

pub use mask::Masker;
pub use output::{Part, ProtectedOutput, RawOutput};
pub use report::OutputReport;
pub(crate) use stream::ProtectedStream;

use std::borrow::Cow;

use airlock_scan::{Class, Finding, Kind, KindSet, Options, Scanner};

use crate::{
    config::{AirlockConfig, Injection, Sanitization},
    json::{Document, Splices, Value},
    policy::Pattern,
};
use budget::Budget;
use leaves::Leaves;

/// Finds all that is known to be worth masking: what is allowed in output may still not be stored.
fn scanner_for_records(sanitization: &Sanitization) -> Scanner {
    let own = sanitization.detectors.set();
    let kinds =
        KindSet::secrets().iter().chain(KindSet::pii().iter()).chain(sanitization.enabled_kinds.iter());
    let whole_connection_strings = sanitization.whole_connection_strings;
    Scanner::new(kinds.collect()).with_options(Options {
        detectors: own,
        whole_connection_strings,
        ..Options::default()
    })
}

/// The scanner for the classes of findings that are masked.
fn narrowed(scanner: &Scanner, mask_pii: bool, mask_secrets: bool, injection: Injection) -> Scanner {
    let on = |kind: &Kind| match kind.class() {
        Class::Pii => mask_pii,
        Class::Secret => mask_secrets,
        _ => injection != Injection::Off,
    };
    scanner.clone().with_kinds(scanner.kinds().iter().filter(on).collect())
}

/// Finds and masks what must not reach the agent. Built once per engine; shared by all calls.
#[derive(Debug)]
pub(crate) struct Protector {
    masker: Masker,
    /// What can be masked in output: every kind that the configuration does not disable.
    every_kind: Scanner,
    /// What is masked in output; empty when the configuration switches it off.
    output: Scanner,
    /// What is masked in records: always everything.
    record: Scanner,
    enabled: bool,
    injection: Injection,
    max_output_chars: usize,
}

/// How the output of one tool is protected where that differs from the engine's way.
#[derive(Clone, Debug, Default)]
pub(crate) struct OutputRules {
    /// The output of the tool is not masked at all.
    pub(crate) unmasked: bool,
    /// Members whose names match are not masked.
    pub(crate) fields: Vec<Pattern>,
    /// Findings of these kinds are not masked.
    pub(crate) kinds: KindSet,
    /// Whether layer 4 is on.
    pub(crate) enabled: Option<bool>,
    /// Longer texts are truncated.
    pub(crate) max_output_chars: Option<usize>,
    /// What is looked for.
    pub(crate) scanner: Option<Scanner>,
}

impl Protector {
    pub(crate) fn new(airlock: &AirlockConfig, sanitization: &Sanitization, hash_key: &[u8; 32]) -> Self {
        let every_kind = sanitization.scanner();
        Self {
            masker: Masker::new(sanitization, hash_key),
            output: narrowed(&every_kind, airlock.mask_pii, airlock.mask_secrets, sanitization.injection),
            every_kind,
            record: scanner_for_records(sanitization),
            enabled: airlock.sanitize_output,
            injection: sanitization.injection,
            max_output_chars: airlock.max_output_chars,
        }
    }

    /// What is looked for in the output of a tool that masks other classes than the engine does.
    pub(crate) fn scanner_of(&self, mask_pii: bool, mask_secrets: bool) -> Scanner {
        narrowed(&self.every_kind, mask_pii, mask_secrets, self.injection)
    }

    fn walk<'w>(&'w self, rules: &'w OutputRules) -> Leaves<'w> {
        Leaves::new(rules.scanner.as_ref().unwrap_or(&self.output), &self.masker, rules)
    }

    fn is_on(&self, rules: &OutputRules) -> bool {
        rules.enabled.unwrap_or(self.enabled)
    }

    fn max_chars(&self, rules: &OutputRules) -> usize {
        rules.max_output_chars.unwrap_or(self.max_output_chars)
    }

    /// Protects what stands at `parts` of a document.
    pub(crate) fn protect(&self, document: &str, parts: &[Part<'_>], rules: &OutputRules) -> ProtectedOutput {
        let mut out = self.mask_parts(parts, rules);
        if self.is_on(rules) {
            truncate::parts(document, parts, self.max_chars(rules), &mut out);
        }
        out
    }

    /// Like [`Protector::protect`], and nothing is cut.
    pub(crate) fn mask_parts(&self, parts: &[Part<'_>], rules: &OutputRules) -> ProtectedOutput {
        let mut out = ProtectedOutput::unchanged();
        if !self.is_on(rules) {
            return out;
        }
        let mut leaves = self.walk(rules);
        if self.injection != Injection::Off {
            leaves.screen_instructions();
        }
        leaves.parts(parts, &mut out.edits);
        out.report = leaves.into_report();
        out.report.blocked = self.injection == Injection::Block && out.report.injections > 0;
        out
    }

    /// Protects a text that is no JSON.
    pub(crate) fn protect_text<'t>(
        &self,
        text: &'t str,
        rules: &OutputRules,
    ) -> (Cow<'t, str>, OutputReport) {
        if !self.is_on(rules) {
            return (Cow::Borrowed(text), OutputReport::default());
        }
        let mut leaves = self.walk(rules);
        if self.injection != Injection::Off {
            leaves.screen_instructions();
        }
        let mut edits = Splices::default();
        leaves.text(None, text, &mut |span, mask| edits.replace(span, mask));
        let mut report = leaves.into_report();
        report.blocked = self.injection == Injection::Block && report.injections > 0;
        let masked = if edits.is_empty() { Cow::Borrowed(text) } else { Cow::Owned(edits.apply(text)) };
        match Budget::new(self.max_chars(rules)).text(&masked) {
            Some(cut) => {
                report.cut_chars = cut.lost;
                report.cut_structure = !cut.says_so;
                (Cow::Owned(cut.text), report)
            }
            None => (masked, report),
        }
    }

    /// How many passages of the arguments look like orders to whichever model reads them next, and whether
    /// the configuration refuses them.
    pub(crate) fn screen_arguments(&self, arguments: Value<'_>) -> (u32, bool) {
        if self.injection == Injection::Off {
            return (0, false);
        }
        let nothing_masked = OutputRules { unmasked: true, ..OutputRules::default() };
        let mut leaves = Leaves::new(&self.output, &self.masker, &nothing_masked);
        leaves.screen_instructions();
        leaves.value(arguments, &mut Splices::default());
        let passages = leaves.into_report().injections;
        (passages, passages > 0 && self.injection == Injection::Block)
    }

    /// The JSON with everything masked that a record must not hold, whatever the output's settings are.
    pub(crate) fn mask_for_record<'t>(&self, doc: &Document<'t>) -> Cow<'t, str> {
        let rules = OutputRules::default();
        let mut leaves = Leaves::new(&self.record, &self.masker, &rules);
        let mut edits = Splices::default();
        leaves.value(doc.root(), &mut edits);
        if edits.is_empty() { Cow::Borrowed(doc.text()) } else { Cow::Owned(edits.apply(doc.text())) }
    }

    /// A short text for a record or a message, masked.
    pub(crate) fn mask_text_for_record<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut found: Vec<Finding> = Vec::new();
        self.record.scan(text, &mut found);
        if found.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut edits = Splices::default();
        for finding in found {
            let secret = text.get(finding.span.clone()).unwrap_or_default();
            edits.replace_with(finding.span, |out| self.masker.write(out, finding.kind, secret));
        }
        Cow::Owned(edits.apply(text))
    }
}
