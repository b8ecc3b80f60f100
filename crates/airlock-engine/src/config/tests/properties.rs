//! Promises for any text.

use proptest::prelude::{ProptestConfig, any, prop, prop_assert, proptest};

use super::{default_file::with_examples, layered, read};
use crate::config::{DEFAULT_FILE, Flags, Severity};

/// Fragments that make almost-valid files.
const FRAGMENTS: &[&str] = &[
    "[airlock]",
    "[policy]",
    "[policy.rate_limits]",
    "[[policy]]",
    "[policies.a]",
    "[roles]",
    "[tools.\"*\"]",
    "[tools.x.arguments]",
    "[sanitization]",
    "[sanitization.kinds]",
    "[sanitization.allow_kinds]",
    "[[detector]]",
    "[detector]",
    "id",
    "regex",
    "class",
    "examples",
    "\"secret\"",
    "allow",
    "'acme[0-9]+'",
    "[limits]",
    "[audit]",
    "[sandbox]",
    "strict_mode",
    "preset",
    "allowed_tools",
    "rate_limits",
    "\"*\"",
    "arguments.a",
    "within",
    "url",
    "one_of",
    "min",
    "kinds",
    "path",
    "e2b_api_key",
    "max_depth",
    "=",
    "=",
    "=",
    "true",
    "\"strict\"",
    "\"1/minute\"",
    "0",
    "-1",
    "1e400",
    "0xffffffffffffffffffffffffffffffffff",
    "nan",
    "[",
    "]",
    "{",
    "}",
    "\"",
    "'''",
    "\"\"\"",
    ",",
    ".",
    "\n",
    "\n",
    "\n",
    "\r\n",
    "#",
    "\\u0000",
    "\u{feff}",
    "ä",
    "2026-01-01",
    "[\"a\", \"b\"]",
    "[]",
    "{}",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_or_refused(text in any::<String>(), value in any::<String>()) {
        let config = layered(&text, &[("AIRLOCK_POLICY", &value), ("AIRLOCK_HASH_KEY", &value)], Flags::default());
        prop_assert!(config.map_or_else(|problems| problems.iter().any(|p| p.severity == Severity::Error), |_| true));
    }

    #[test]
    fn almost_valid_files_are_read_or_refused(parts in prop::collection::vec(prop::sample::select(FRAGMENTS), 0..40)) {
        for separator in ["", " ", "\n"] {
            let text = parts.join(separator);
            if let Err(problems) = read(&text) {
                prop_assert!(problems.iter().any(|problem| problem.severity == Severity::Error));
                for problem in &problems {
                    let line = problem.line.and_then(|line| text.split('\n').nth(line - 1));
                    prop_assert!(line.is_none_or(|line| problem.column.unwrap() <= line.chars().count() + 1), "{}", problem);
                }
            }
        }
    }

}

proptest! {
    // Each case compiles the detector of the example.
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_default_file_is_read_or_refused(at in 0..DEFAULT_FILE.len(), with in ".{0,3}", length in 0..20_usize) {
        let text = with_examples();
        let start = (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap();
        let end = (start + length..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
        let damaged = format!("{}{with}{}", &text[..start], &text[end..]);
        prop_assert!(read(&damaged).map_or_else(|problems| problems.iter().count() > 0, |_| true));
    }
}
