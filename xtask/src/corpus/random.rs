//! Seeded random numbers, and what is made of them directly: digits, letters, choices.

pub(super) const DIGITS: &str = "0123456789";
pub(super) const HEX: &str = "0123456789abcdef";
pub(super) const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
pub(super) const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";
pub(super) const BASE32: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
pub(super) const ALNUM: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
pub(super) const URL64: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
pub(super) const BASE64: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Splitmix64: the same numbers on every machine.
pub(super) struct Random(u64);

impl Random {
    /// Numbers of its own for every text, so that a new template changes no other one.
    pub(super) fn for_text(text: &str, variant: u64) -> Self {
        let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Self(hash ^ variant.wrapping_mul(0xd134_2543_de82_ef95))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From `low` to `high`, both included.
    pub(super) fn range(&mut self, low: u64, high: u64) -> u64 {
        low + self.next() % (high - low + 1)
    }

    pub(super) fn pick<'a>(&mut self, items: &[&'a str]) -> &'a str {
        let limit = u64::try_from(items.len().max(1)).unwrap_or(1);
        let at = usize::try_from(self.next() % limit).unwrap_or(0);
        items.get(at).copied().unwrap_or_default()
    }

    /// So many characters of an ASCII alphabet.
    pub(super) fn chars(&mut self, alphabet: &str, len: usize) -> String {
        let letters: Vec<char> = alphabet.chars().collect();
        let limit = u64::try_from(letters.len().max(1)).unwrap_or(1);
        (0..len)
            .filter_map(|_| letters.get(usize::try_from(self.next() % limit).unwrap_or(0)).copied())
            .collect()
    }

    pub(super) fn digits(&mut self, len: usize) -> String {
        self.chars(DIGITS, len)
    }

    /// A number as it is written out: every `#` a digit, every `@` a digit from 2 to 9.
    pub(super) fn fill(&mut self, form: &str) -> String {
        form.chars()
            .map(|letter| match letter {
                '#' => self.digits(1),
                '@' => self.chars("23456789", 1),
                other => other.to_string(),
            })
            .collect()
    }
}
