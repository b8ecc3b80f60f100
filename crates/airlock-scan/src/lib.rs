//! Finds secrets, personal data and injected instructions in text.
mod filter;
mod finding;
mod keys;
mod kind;
mod placeholder;
mod rule;
mod rules;
mod scanner;
mod stream;
mod text;
mod verify;

pub use crate::{
    finding::{Confidence, Finding},
    keys::kind_of_key,
    kind::{Class, Kind, KindSet},
    rule::Rule,
    rules::rules,
    scanner::Scanner,
    stream::StreamScanner,
};
