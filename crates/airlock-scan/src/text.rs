//! Bytes of a text: bounds-free access, character classes, runs.

/// The scanned text. Positions outside it read as NUL, which belongs to no class.
#[derive(Clone, Copy)]
pub(crate) struct Text<'t> {
    pub(crate) str: &'t str,
    pub(crate) bytes: &'t [u8],
}

impl<'t> Text<'t> {
    pub(crate) fn new(str: &'t str) -> Self {
        Self { str, bytes: str.as_bytes() }
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The byte at `at`, or NUL outside the text.
    #[inline]
    pub(crate) fn at(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    /// The byte `back` places before `at`, or NUL outside the text.
    #[inline]
    pub(crate) fn before(&self, at: usize, back: usize) -> u8 {
        at.checked_sub(back).map_or(0, |at| self.at(at))
    }

    /// The bytes of a range; empty where the range leaves the text.
    #[inline]
    pub(crate) fn slice(&self, start: usize, end: usize) -> &'t [u8] {
        self.bytes.get(start..end.min(self.len())).unwrap_or_default()
    }

    /// Whether `literal` stands at `at`.
    pub(crate) fn has(&self, at: usize, literal: &[u8]) -> bool {
        self.bytes.get(at..).is_some_and(|rest| rest.starts_with(literal))
    }

    /// Whether `literal` stands at `at`, in any ASCII case.
    pub(crate) fn has_fold(&self, at: usize, literal: &[u8]) -> bool {
        self.bytes
            .get(at..at.saturating_add(literal.len()))
            .is_some_and(|part| part.eq_ignore_ascii_case(literal))
    }

    /// The greatest character boundary up to `at`.
    pub(crate) fn floor(&self, at: usize) -> usize {
        let mut at = at.min(self.len());
        while !self.str.is_char_boundary(at) {
            at -= 1;
        }
        at
    }

    /// End of the run of bytes from `at` for which `class` holds, at most `limit` bytes long.
    #[inline]
    pub(crate) fn run(&self, at: usize, limit: usize, class: impl Fn(u8) -> bool) -> usize {
        let rest = self.slice(at, at.saturating_add(limit));
        at + rest.iter().position(|byte| !class(*byte)).unwrap_or(rest.len())
    }

    /// Start of the run of bytes that ends before `end`, at most `limit` bytes long.
    #[inline]
    pub(crate) fn run_back(&self, end: usize, limit: usize, class: impl Fn(u8) -> bool) -> usize {
        let rest = self.slice(end.saturating_sub(limit), end);
        end - rest.iter().rev().position(|byte| !class(*byte)).unwrap_or(rest.len())
    }
}

/// Letters, digits and `_`: what an identifier is made of.
#[inline]
pub(crate) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// The characters of base64url, which most tokens use.
#[inline]
pub(crate) fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

/// Whether `needle` (lower case) occurs in `hay`, in any ASCII case. For short inputs.
pub(crate) fn contains_fold(hay: &[u8], needle: &[u8]) -> bool {
    let Some((first, rest)) = needle.split_first() else { return true };
    memchr::memchr2_iter(*first, first.to_ascii_uppercase(), hay)
        .any(|at| hay.get(at + 1..at + needle.len()).is_some_and(|part| part.eq_ignore_ascii_case(rest)))
}
