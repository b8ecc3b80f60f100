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
mod truncate;

pub use mask::Masker;
pub use output::{Part, ProtectedOutput, RawOutput};
pub use report::OutputReport;

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

/// Finds and masks what must not reach the agent. Built once per engine; shared by all calls.
#[derive(Debug)]
pub(crate) struct Protector {
    masker: Masker,
    /// What is masked in output; empty when the configuration switches it off.
    output: Scanner,
    /// What is masked in records: always everything.
    record: Scanner,
    enabled: bool,
    injection: Injection,
    max_output_chars: usize,
}

/// What the configuration exempts for one tool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Exemptions {
    /// The output of the tool is not masked at all.
    pub(crate) unmasked: bool,
    /// Members whose names match are not masked.
    pub(crate) fields: Vec<Pattern>,
    /// Findings of these kinds are not masked.
    pub(crate) kinds: KindSet,
}

impl Protector {
    pub(crate) fn new(airlock: &AirlockConfig, sanitization: &Sanitization, hash_key: &[u8; 32]) -> Self {
        let scanner = sanitization.scanner();
        let on = |kind: &Kind| match kind.class() {
            Class::Pii => airlock.mask_pii,
            Class::Secret => airlock.mask_secrets,
            _ => sanitization.injection != Injection::Off,
        };
        let kinds = scanner.kinds().iter().filter(on).collect();
        Self {
            masker: Masker::new(sanitization, hash_key),
            output: scanner.with_kinds(kinds),
            record: scanner_for_records(sanitization),
            enabled: airlock.sanitize_output,
            injection: sanitization.injection,
            max_output_chars: airlock.max_output_chars,
        }
    }

    /// Protects what stands at `parts` of a document.
    pub(crate) fn protect(&self, document: &str, parts: &[Part<'_>], exempt: &Exemptions) -> ProtectedOutput {
        let mut out = self.mask_parts(parts, exempt);
        if self.enabled {
            truncate::parts(document, parts, self.max_output_chars, &mut out);
        }
        out
    }

    /// Like [`Protector::protect`], and nothing is cut.
    pub(crate) fn mask_parts(&self, parts: &[Part<'_>], exempt: &Exemptions) -> ProtectedOutput {
        let mut out = ProtectedOutput::unchanged();
        if !self.enabled {
            return out;
        }
        let mut leaves = Leaves::new(&self.output, &self.masker, exempt);
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
        exempt: &Exemptions,
    ) -> (Cow<'t, str>, OutputReport) {
        if !self.enabled {
            return (Cow::Borrowed(text), OutputReport::default());
        }
        let mut leaves = Leaves::new(&self.output, &self.masker, exempt);
        if self.injection != Injection::Off {
            leaves.screen_instructions();
        }
        let mut edits = Splices::default();
        leaves.text(None, text, &mut |span, mask| edits.replace(span, mask));
        let mut report = leaves.into_report();
        report.blocked = self.injection == Injection::Block && report.injections > 0;
        let masked = if edits.is_empty() { Cow::Borrowed(text) } else { Cow::Owned(edits.apply(text)) };
        match Budget::new(self.max_output_chars).text(&masked) {
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
        let nothing_masked = Exemptions { unmasked: true, ..Exemptions::default() };
        let mut leaves = Leaves::new(&self.output, &self.masker, &nothing_masked);
        leaves.screen_instructions();
        leaves.value(arguments, &mut Splices::default());
        let passages = leaves.into_report().injections;
        (passages, passages > 0 && self.injection == Injection::Block)
    }

    /// The JSON with everything masked that a record must not hold, whatever the output's settings are.
    pub(crate) fn mask_for_record<'t>(&self, doc: &Document<'t>) -> Cow<'t, str> {
        let exempt = Exemptions::default();
        let mut leaves = Leaves::new(&self.record, &self.masker, &exempt);
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
