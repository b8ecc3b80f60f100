//! Identifiers that are looked for only where they are asked for.
use crate::Rule;
pub(crate) static IDS: &[Rule] = &[];
