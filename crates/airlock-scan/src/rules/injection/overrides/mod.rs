//! "Ignore all previous instructions" and its variants, by language.

pub(super) mod asian;
pub(super) mod english;
pub(super) mod european;
