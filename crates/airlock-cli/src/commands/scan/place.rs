//! Lines and columns, counted only as far as somebody asks.

/// A place in a text, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// From 1.
    pub(crate) line: u64,
    /// In characters, from 1.
    pub(crate) column: u64,
}

impl Place {
    /// Where every text begins.
    pub(crate) const START: Self = Self { line: 1, column: 1 };

    /// The place behind `text`, which stands here.
    #[must_use]
    pub(crate) fn after(self, text: &str) -> Self {
        let Some(last) = memchr::memrchr(b'\n', text.as_bytes()) else {
            return Self { column: self.column + text.chars().count() as u64, ..self };
        };
        let breaks = memchr::memchr_iter(b'\n', text.as_bytes()).count() as u64;
        let rest = text.get(last + 1..).unwrap_or_default();
        Self { line: self.line + breaks, column: rest.chars().count() as u64 + 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::Place;

    #[test]
    fn lines_and_characters() {
        for (text, line, column) in
            [("", 1, 1), ("é日", 1, 3), ("\n", 2, 1), ("a\nbc\r\né", 3, 2), ("\n\n\n", 4, 1)]
        {
            assert_eq!(Place::START.after(text), Place { line, column }, "{text:?}");
            for cut in (0..text.len()).filter(|at| text.is_char_boundary(*at)) {
                let (head, tail) = text.split_at(cut);
                assert_eq!(Place::START.after(head).after(tail), Place { line, column }, "{text:?} at {cut}");
            }
        }
    }
}
