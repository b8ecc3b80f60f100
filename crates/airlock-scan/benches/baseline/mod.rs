//! The baseline: one regular expression per kind, each over the whole text, as most scanners begin.

use std::ops::Range;

use regex::Regex;

/// Shapes only: no check digits, no placeholders, no precedence.
const PATTERNS: &[&str] = &[
    r"\b[0-9]{3}-[0-9]{2}-[0-9]{4}\b",
    r"\b(?:4[0-9]{3}|5[1-5][0-9]{2}|6011|65[0-9]{2})[ -]?[0-9]{4}[ -]?[0-9]{4}[ -]?[0-9]{4}\b",
    r"\b3[47][0-9]{2}[ -]?[0-9]{6}[ -]?[0-9]{5}\b",
    r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,24}\b",
    r"(?:\+1[ .-]?)?(?:\([2-9][0-9]{2}\) ?|\b[2-9][0-9]{2}[ .-])[0-9]{3}[ .-][0-9]{4}\b",
    r"\+[1-9][0-9]{0,2}(?:[ .-]?[0-9]{2,4}){2,5}\b",
    r"\b(?:(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])\.){3}(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])\b",
    r"\b(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}\b|\b(?:[0-9A-Fa-f]{1,4}:){1,6}:[0-9A-Fa-f]{1,4}\b",
    r"\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){3,7}\b",
    r"\b(?:AKIA|ASIA)[A-Z2-7]{16}\b",
    r"(?i)aws_?secret_?access_?key[^A-Za-z0-9/+]{1,5}[A-Za-z0-9/+]{40}\b",
    r"\bgh[pousr]_[A-Za-z0-9]{36}\b",
    r"\bgithub_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}\b",
    r"\bglpat-[A-Za-z0-9_-]{20}\b",
    r"\b[sr]k_(?:live|test)_[A-Za-z0-9]{16,64}\b",
    r"\bsk-(?:proj-|ant-|live-)?[A-Za-z0-9_-]{20,160}\b",
    r"\bxox[abprs]-[A-Za-z0-9-]{10,80}\b",
    r"\bSG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}\b",
    r"\bnpm_[A-Za-z0-9]{36}\b",
    r"\bAIza[A-Za-z0-9_-]{35}\b",
    r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}",
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]{0,8192}?-----END [A-Z ]*PRIVATE KEY-----",
    r"\b[a-z][a-z0-9+.-]{1,20}://[^\s:/@]{0,64}:[^\s/@]{1,64}@",
    r#"(?i)\b(?:password|passwd|pwd)["']?\s{0,3}[:=]\s{0,3}["']?[^\s"',;]{6,64}"#,
    r#"(?i)\b(?:api_?key|secret|token)["']?\s{0,3}[:=]\s{0,3}["']?[A-Za-z0-9_./+=-]{16,128}"#,
    r"(?i)\bauthorization:\s{0,3}(?:basic|bearer)\s[A-Za-z0-9._~+/=-]{8,512}",
];

/// The compiled patterns.
pub(crate) struct Baseline(Vec<Regex>);

impl Baseline {
    pub(crate) fn new() -> Result<Self, regex::Error> {
        Ok(Self(PATTERNS.iter().map(|pattern| Regex::new(pattern)).collect::<Result<_, _>>()?))
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Appends all matches, unsorted.
    pub(crate) fn scan(&self, text: &str, out: &mut Vec<Range<usize>>) {
        for regex in &self.0 {
            out.extend(regex.find_iter(text).map(|found| found.range()));
        }
    }
}
