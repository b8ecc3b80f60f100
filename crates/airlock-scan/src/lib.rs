//! Finds secrets, personal data and injected instructions in text, fast enough to look at everything a
//! tool returns. Knows nothing of tools or calls: text in, [`Finding`]s out.
//!
//! A [`Scanner`] walks a text once. A table of literal anchors and the runs of digits give candidates; a
//! verifier written for the kind judges each by its surroundings: check digits, issuer ranges, JSON headers,
//! names, placeholders. No regular expression runs over the text, and the time is linear in it. Every
//! rule is an entry of a table, [`rules()`], with its source and with examples that run as tests.
//!
//! A finding is a [`Kind`] and a span of bytes, never a copy of the text: [`Kind::label`] and the span are
//! what a mask needs. The kinds form three [`Class`]es; a [`KindSet`] chooses among them.
//!
//! # Example: mask an answer
//!
//! ```
//! use airlock_scan::Scanner;
//!
//! let mut text = r#"{"api_key":"sk-live-xxxxx","user_ssn":"123-45-6789"}"#.to_owned();
//! let mut findings = Vec::new();
//! Scanner::default().scan(&text, &mut findings);
//! for finding in findings.into_iter().rev() {
//!     text.replace_range(finding.span, &format!("[{} REDACTED]", finding.kind.label()));
//! }
//! assert_eq!(text, r#"{"api_key":"[API_KEY REDACTED]","user_ssn":"[SSN REDACTED]"}"#);
//! ```
//!
//! # Example: a value whose name tells what it is
//!
//! ```
//! use airlock_scan::{Kind, Scanner};
//!
//! let mut findings = Vec::new();
//! Scanner::default().scan_keyed("db_password", "changeme", &mut findings);
//! assert_eq!((findings[0].kind, findings[0].span.clone()), (Kind::Password, 0..8));
//! ```
//!
//! # What is decided how
//!
//! * Documentation samples such as `AKIAIOSFODNN7EXAMPLE` and `123-45-6789` are found: masking them harms
//!   nobody. Beside a mere name, placeholders such as `changeme` or `${TOKEN}` are not.
//! * Of a connection string only the password is a finding; of a header only the part behind the scheme.
//! * Private IP ranges are found, loopback, unspecified and netmasks are not.
//! * The masks `***REDACTED***`, `[LABEL REDACTED]`, `[LABEL:a1b2c3d4]`, `***-**-6789`,
//!   `****-****-****-1486`, `***-***-0132`, `b***@example.com`, `203.0.*.*` and `****wxyz` are never found.
//! * Overlapping findings become one: the longest, then most specific kind, over all their bytes.
//!
//! # What is not found yet
//!
//! Text behind base64, hex or most escapes, zero-width characters inside a value, and digits other than
//! ASCII ones. Secrets without a vendor's prefix and without a telling name are never found.

mod allow;
mod checksum;
mod detector;
mod disguise;
mod filter;
mod finding;
mod keys;
mod kind;
mod options;
mod placeholder;
mod rarity;
mod rule;
mod rules;
mod scanner;
mod shape;
mod stream;
mod text;
mod verify;

pub use crate::{
    allow::{AllowList, MAX_ALLOWED},
    detector::{
        DEFAULT_LENGTH, DetectorError, DetectorSet, DetectorSpec, MAX_DETECTORS, MAX_LENGTH, Validator,
    },
    finding::{Confidence, Finding},
    keys::kind_of_key,
    kind::{Class, Kind, KindSet},
    options::Options,
    rule::Rule,
    rules::rules,
    scanner::Scanner,
    stream::StreamScanner,
};
