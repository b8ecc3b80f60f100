//! Literals that are found by a rare part of them.

use std::ops::Range;

use crate::text::Text;

/// A part that few texts contain, and the literals that are looked for where it stands.
pub(crate) struct Key {
    pub(crate) text: &'static str,
    pub(crate) literals: &'static [Literal],
}

/// A literal, and where in it its key stands.
pub(crate) struct Literal {
    text: &'static str,
    offset: usize,
}

impl Literal {
    /// Fails to compile where the literal does not contain the key.
    #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler only, which checks the bounds")]
    pub(crate) const fn new(text: &'static str, key: &'static str) -> Self {
        let (bytes, wanted) = (text.as_bytes(), key.as_bytes());
        let mut offset = 0;
        loop {
            assert!(offset + wanted.len() <= bytes.len(), "a literal without its key");
            let mut same = 0;
            while same < wanted.len() && bytes[offset + same].eq_ignore_ascii_case(&wanted[same]) {
                same += 1;
            }
            if same == wanted.len() {
                return Self { text, offset };
            }
            offset += 1;
        }
    }
}

/// Where the literals of the key at `anchor` stand.
pub(crate) fn around(
    text: &Text<'_>,
    anchor: Range<usize>,
    keys: &'static [Key],
) -> impl Iterator<Item = Range<usize>> {
    let key = text.slice(anchor.start, anchor.end);
    let known = keys.iter().find(|known| known.text.as_bytes().eq_ignore_ascii_case(key));
    let literals = known.map_or(&[][..], |known| known.literals);
    literals.iter().filter_map(move |literal| {
        let start = anchor.start.checked_sub(literal.offset)?;
        text.has_fold(start, literal.text.as_bytes()).then(|| start..start + literal.text.len())
    })
}
