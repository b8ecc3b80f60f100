//! Output that comes in chunks: masked, screened and bounded like a whole text, however it is cut.

use std::sync::Arc;

use airlock_scan::{Finding, KindSet, StreamScanner};

use super::{OutputReport, OutputRules, budget::notice};
use crate::{config::Injection, core::Core};

/// Of a passage that began in an earlier piece so much is looked at again, in bytes.
const SEAM: usize = 1024;

/// Layer 4 for one output in chunks.
///
/// What is given back is final: a secret that lies over two chunks never leaves, because the last 4 KiB (up to 64 KiB
/// of an open private key) are held back. Where injected instructions are blocked, nothing leaves before the end.
pub(crate) struct ProtectedStream {
    core: Arc<Core>,
    scanner: StreamScanner,
    enabled: bool,
    masking: bool,
    screening: bool,
    /// The end of the last piece that was screened.
    seam: String,
    /// Everything so far, where it may have to be withheld.
    withheld: Option<String>,
    /// Characters that may still leave.
    left: usize,
    pub(crate) report: OutputReport,
}

impl ProtectedStream {
    pub(crate) fn new(core: Arc<Core>, rules: &OutputRules) -> Self {
        let protector = &core.protector;
        let scanner = rules.scanner.as_ref().unwrap_or(&protector.output);
        let kinds = rules.kinds.iter().fold(scanner.kinds(), KindSet::without);
        let enabled = protector.is_on(rules);
        let injection = if enabled { protector.injection } else { Injection::Off };
        Self {
            scanner: StreamScanner::with_scanner(scanner.clone().with_kinds(kinds)),
            enabled,
            masking: enabled && !rules.unmasked,
            screening: injection != Injection::Off,
            seam: String::new(),
            withheld: (injection == Injection::Block).then(String::new),
            left: if enabled { protector.max_chars(rules) } else { usize::MAX },
            report: OutputReport::default(),
            core,
        }
    }

    /// Takes a chunk, and gives back what may leave now, which is often nothing.
    pub(crate) fn push(&mut self, chunk: &str) -> String {
        let (mut found, pushed) = (Vec::new(), self.masking || self.screening);
        let text = if pushed { self.scanner.push(chunk, &mut found) } else { chunk.to_owned() };
        self.leave(&text, &found)
    }

    /// Ends the text: what was held back. `None` if it holds instructions to the model and is blocked.
    pub(crate) fn finish(&mut self) -> Option<String> {
        let mut found = Vec::new();
        let text = self.scanner.finish(&mut found);
        let mut rest = self.leave(&text, &found);
        self.report.blocked = self.withheld.is_some() && self.report.injections > 0;
        if self.report.blocked {
            return None;
        }
        if let Some(withheld) = self.withheld.take() {
            rest = withheld;
        }
        if self.report.cut_chars > 0 {
            rest.push_str(&notice(self.report.cut_chars));
        }
        Some(rest)
    }

    fn leave(&mut self, text: &str, found: &[Finding]) -> String {
        self.screen(text);
        let masked = if self.masking { self.mask(text, found) } else { text.to_owned() };
        let kept = self.keep(masked);
        match &mut self.withheld {
            Some(withheld) => {
                withheld.push_str(&kept);
                String::new()
            }
            None => kept,
        }
    }

    fn mask(&mut self, text: &str, found: &[Finding]) -> String {
        let (mut out, mut from) = (String::with_capacity(text.len()), 0);
        for finding in found {
            out.push_str(text.get(from..finding.span.start).unwrap_or_default());
            let secret = text.get(finding.span.clone()).unwrap_or_default();
            self.core.protector.masker.write(&mut out, finding.kind, secret);
            self.report.count(finding.kind);
            from = finding.span.end;
        }
        out.push_str(text.get(from..).unwrap_or_default());
        out
    }

    fn screen(&mut self, text: &str) {
        if !self.screening || text.is_empty() {
            return;
        }
        let seen = self.seam.len();
        self.seam.push_str(text);
        let mut passages = Vec::new();
        self.core.protector.output.screen(&self.seam, &mut passages);
        // One that ends in the seam was counted with it.
        let new = passages.iter().filter(|passage| passage.span.end > seen).count();
        self.report.injections =
            self.report.injections.saturating_add(u32::try_from(new).unwrap_or(u32::MAX));
        let mut keep = self.seam.len().saturating_sub(SEAM);
        while !self.seam.is_char_boundary(keep) {
            keep += 1;
        }
        self.seam.drain(..keep);
    }

    /// What of it fits; the rest is counted.
    fn keep(&mut self, mut text: String) -> String {
        if !self.enabled || text.len() <= self.left {
            self.left = self.left.saturating_sub(text.chars().count());
            return text;
        }
        let end = text.char_indices().nth(self.left).map_or(text.len(), |(at, _)| at);
        let lost = text.get(end..).unwrap_or_default().chars().count();
        self.left -= text.get(..end).unwrap_or_default().chars().count().min(self.left);
        self.report.cut_chars = self.report.cut_chars.saturating_add(lost);
        text.truncate(end);
        text
    }
}
