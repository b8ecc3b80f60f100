//! Verifiers: from a candidate's place to a finding, or nothing.
//!
//! Every verifier is a pure function of the text around its anchor: it reads at most
//! [`LOOKBEHIND`](crate::rule::LOOKBEHIND) bytes before and [`LOOKAHEAD`](crate::rule::LOOKAHEAD) bytes
//! behind it and keeps no state, so that a text may be scanned in pieces. What may be longer says so.

pub(crate) mod card;
pub(crate) mod connection;
pub(crate) mod context;
pub(crate) mod digits;
pub(crate) mod email;
pub(crate) mod iban;
pub(crate) mod ids;
pub(crate) mod ip;
pub(crate) mod jwt;
pub(crate) mod keyed;
pub(crate) mod keyword;
pub(crate) mod kubernetes;
pub(crate) mod nearby;
mod notation;
pub(crate) mod pem;
pub(crate) mod phone;
pub(crate) mod phrase;
pub(crate) mod plausible;
pub(crate) mod ssn;
pub(crate) mod structure;
pub(crate) mod token;
pub(crate) mod value;
pub(crate) mod vendors;
