//! Identifiers that are looked for only where they are asked for.
use crate::Kind;
pub(crate) fn has_form(_kind: Kind, _value: &str) -> bool {
    false
}
