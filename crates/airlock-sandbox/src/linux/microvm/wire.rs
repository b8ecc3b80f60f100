//! What the two drives have in common: numbers at fixed places, a token of the run, and sums that show what is whole.

use std::{fs::File, io, io::Read as _};

/// Bytes of a sector: drives have whole ones, and one is written whole or not at all.
pub(super) const SECTOR: usize = 512;
/// Bytes of a page of the guest: what is written at once must not share one with what is not.
pub(super) const PAGE: u64 = 4_096;

/// Says which run a drive belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token(pub(super) [u8; 16]);

impl Token {
    /// One that nobody has had.
    pub(super) fn new() -> io::Result<Self> {
        let mut token = [0; 16];
        File::open("/dev/urandom")?.read_exact(&mut token)?;
        Ok(Self(token))
    }
}

/// A sum that goes on (FNV-1a, 64 bits). It shows what was cut off or half written; whoever forges text forges its sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sum(u64);

impl Sum {
    pub(super) const fn of_nothing() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    pub(super) fn of(bytes: &[u8]) -> Self {
        Self::of_nothing().and(bytes)
    }

    #[must_use]
    pub(super) fn and(self, bytes: &[u8]) -> Self {
        let step = |sum: u64, byte: &u8| (sum ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        Self(bytes.iter().fold(self.0, step))
    }

    pub(super) const fn number(self) -> u64 {
        self.0
    }
}

/// Reads numbers one after the other.
#[derive(Debug)]
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl Fields<'_> {
    pub(super) fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::{Fields, Sum, Token};

    #[test]
    fn sums_are_those_that_are_published() {
        assert_eq!(Sum::of(b"").number(), 0xcbf2_9ce4_8422_2325);
        assert_eq!(Sum::of(b"a").number(), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(Sum::of(b"foobar").number(), 0x8594_4171_f739_67e8);
        assert_eq!(Sum::of(b"foo").and(b"bar"), Sum::of(b"foobar"));
    }

    #[test]
    fn what_is_cut_off_has_no_number() {
        let mut fields = Fields(&[1, 0, 0, 0, 2, 0, 0]);
        assert_eq!((fields.u32(), fields.u32(), fields.u64()), (Some(1), None, None));
    }

    #[test]
    fn tokens_differ() {
        assert_ne!(Token::new().unwrap(), Token::new().unwrap());
    }
}
