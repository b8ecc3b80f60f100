//! Disguises: text that stands for other text, and how findings are made behind it.
//!
//! Two ways lead there. *Readings* undo escapes, entities, percent encoding, line wraps, invisible characters
//! and look-alikes around the places that have them, the triggers, and scan what a reader would see.
//! *Encoded runs* are long words of base64 or hex that decode to text. Both map what they find back to bytes
//! of the original; both look at a bounded stretch of text at a time, at most [`DEPTH`] layers deep, so that
//! time stays linear and a stream gives the same result for any cut.

mod cells;
mod character;
mod encoded;
mod entity;
mod escape;
mod fold;
mod reading;
mod unit;
mod wrap;

pub(crate) use self::{
    cells::{Added, CONTEXT, Cells, end_of_cell, read_whole},
    encoded::verify as verify_encoded,
    unit::{is_candidate, is_trigger},
};

/// How many layers of encoding are undone.
pub(crate) const DEPTH: u8 = 2;
