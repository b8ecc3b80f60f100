//! Replacing a finding: the four strategies.

use std::fmt;

use airlock_scan::{Class, Kind};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::config::{Sanitization, Strategy};

/// What a fully masked finding becomes.
pub(crate) const REDACTED: &str = "***REDACTED***";
/// Shorter secrets show nothing: four characters of eight would be half of them.
const SHORTEST_PARTIAL_SECRET: usize = 12;

/// Replaces findings. The forms are chosen so that the scanner does not find them again.
pub(super) struct Masker {
    strategies: Vec<(Kind, Strategy)>,
    key: [u8; 32],
}

// The key must not be printed.
impl fmt::Debug for Masker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Masker").field("strategies", &self.strategies).finish_non_exhaustive()
    }
}

impl Masker {
    pub(super) fn new(sanitization: &Sanitization, key: &[u8; 32]) -> Self {
        let strategies = Kind::ALL.iter().map(|kind| (*kind, strategy_of(sanitization, *kind))).collect();
        Self { strategies, key: *key }
    }

    /// What `text`, a finding of `kind`, becomes.
    pub(super) fn mask(&self, kind: Kind, text: &str) -> String {
        let strategy = self.strategies.iter().find(|(own, _)| *own == kind).map(|(_, strategy)| *strategy);
        match strategy.unwrap_or(Strategy::Full) {
            Strategy::Full => REDACTED.to_owned(),
            Strategy::Partial => partial(kind, text),
            Strategy::TypeOnly => format!("[{} REDACTED]", kind.label()),
            Strategy::Hash => format!("[{}:{}]", kind.label(), self.short_hash(kind, text)),
        }
    }

    /// Eight hexadecimal digits of HMAC-SHA-256 (RFC 2104, FIPS 180-4) over the kind and the text: the same
    /// value gives the same mask within a deployment, and without the key nobody can try all the SSNs.
    fn short_hash(&self, kind: Kind, text: &str) -> String {
        let Ok(mut mac) = <Hmac<Sha256> as KeyInit>::new_from_slice(&self.key) else {
            return "00000000".to_owned();
        };
        mac.update(b"airlock mask v1\0");
        mac.update(kind.name().as_bytes());
        mac.update(b"\0");
        mac.update(text.as_bytes());
        let digest = mac.finalize().into_bytes();
        let word = digest.iter().take(4).fold(0u32, |word, byte| word << 8 | u32::from(*byte));
        format!("{word:08x}")
    }
}

fn strategy_of(sanitization: &Sanitization, kind: Kind) -> Strategy {
    let own = sanitization.kinds.iter().find(|(own, _)| *own == kind).map(|(_, strategy)| *strategy);
    own.unwrap_or(match kind.class() {
        Class::Pii => sanitization.pii_strategy,
        _ => sanitization.secret_strategy,
    })
}

/// Keeps what lets people recognize a value without knowing it.
fn partial(kind: Kind, text: &str) -> String {
    match kind {
        Kind::Ssn => last_digits("***-**-", text),
        Kind::CreditCard => last_digits("****-****-****-", text),
        Kind::Phone => last_digits("***-***-", text),
        Kind::Email => email(text),
        Kind::IpAddress => ip_address(text),
        Kind::Iban => iban(text),
        Kind::MacAddress => mac_address(text),
        // Of dates and of what is short, the end says too much.
        Kind::DateOfBirth => REDACTED.to_owned(),
        _ => last_characters(text),
    }
}

fn last_digits(prefix: &str, text: &str) -> String {
    let digits: Vec<char> = text.chars().filter(|c| c.is_numeric()).collect();
    match digits.len().checked_sub(4).and_then(|start| digits.get(start..)) {
        Some(last) if digits.len() > 4 => prefix.chars().chain(last.iter().copied()).collect(),
        _ => REDACTED.to_owned(),
    }
}

fn email(text: &str) -> String {
    let at = text.rfind(['@', '＠']);
    match (text.chars().next(), at.and_then(|at| text.get(at..))) {
        (Some(first), Some(domain)) if first.is_alphanumeric() => {
            format!("{first}***@{}", domain.trim_start_matches(['@', '＠']))
        }
        (_, Some(domain)) => format!("***@{}", domain.trim_start_matches(['@', '＠'])),
        _ => REDACTED.to_owned(),
    }
}

fn ip_address(text: &str) -> String {
    if let Some(last) = text.rsplit(':').next().filter(|_| text.contains(':')) {
        let group = if last.contains('.') { "" } else { last };
        return format!("****:{group}");
    }
    let mut parts = text.split('.');
    match (parts.next(), parts.next()) {
        (Some(one), Some(two)) => format!("{one}.{two}.*.*"),
        _ => REDACTED.to_owned(),
    }
}

/// The country and the last four characters.
fn iban(text: &str) -> String {
    let characters: Vec<char> = text.chars().filter(char::is_ascii_alphanumeric).collect();
    match (characters.get(..2), characters.len().checked_sub(4).and_then(|start| characters.get(start..))) {
        (Some(country), Some(last)) if characters.len() >= SHORTEST_PARTIAL_SECRET => {
            country.iter().copied().chain("****".chars()).chain(last.iter().copied()).collect()
        }
        _ => REDACTED.to_owned(),
    }
}

/// The maker's part.
fn mac_address(text: &str) -> String {
    let maker: Vec<char> = text.chars().filter(char::is_ascii_hexdigit).take(6).collect();
    match *maker.as_slice() {
        [a, b, c, d, e, f] => format!("{a}{b}:{c}{d}:{e}{f}:**:**:**"),
        _ => REDACTED.to_owned(),
    }
}

fn last_characters(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    match characters.len().checked_sub(4).and_then(|start| characters.get(start..)) {
        Some(last)
            if characters.len() >= SHORTEST_PARTIAL_SECRET && last.iter().all(|c| c.is_alphanumeric()) =>
        {
            "****".chars().chain(last.iter().copied()).collect()
        }
        _ => REDACTED.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use airlock_scan::Kind;

    use super::Masker;
    use crate::config::{Sanitization, Strategy};

    fn masker(strategy: Strategy) -> Masker {
        let sanitization =
            Sanitization { pii_strategy: strategy, secret_strategy: strategy, ..Sanitization::default() };
        Masker::new(&sanitization, &[7; 32])
    }

    #[test]
    fn the_four_strategies() {
        for (strategy, ssn, key) in [
            (Strategy::Full, "***REDACTED***", "***REDACTED***"),
            (Strategy::Partial, "***-**-6789", "****cdef"),
            (Strategy::TypeOnly, "[SSN REDACTED]", "[API_KEY REDACTED]"),
        ] {
            assert_eq!(masker(strategy).mask(Kind::Ssn, "123-45-6789"), ssn);
            assert_eq!(masker(strategy).mask(Kind::ApiKey, "sk-live-89abcdef"), key);
        }
        let hashed = masker(Strategy::Hash).mask(Kind::Ssn, "123-45-6789");
        assert!(hashed.starts_with("[SSN:") && hashed.len() == "[SSN:a1b2c3d4]".len(), "{hashed}");
    }

    #[test]
    fn defaults_are_partial_for_people_and_full_for_secrets() {
        let masker = Masker::new(&Sanitization::default(), &[0; 32]);
        assert_eq!(masker.mask(Kind::Ssn, "123-45-6789"), "***-**-6789");
        assert_eq!(masker.mask(Kind::ApiKey, "sk-live-89abcdef"), "***REDACTED***");
    }

    #[test]
    fn hashes_are_keyed_and_separated_by_kind() {
        let other =
            Masker::new(&Sanitization { pii_strategy: Strategy::Hash, ..Sanitization::default() }, &[8; 32]);
        let one = masker(Strategy::Hash);
        assert_eq!(one.mask(Kind::Ssn, "x"), one.mask(Kind::Ssn, "x"));
        assert_ne!(one.mask(Kind::Ssn, "x"), other.mask(Kind::Ssn, "x"));
        let digits = |mask: String| mask.split(':').next_back().map(str::to_owned);
        assert_ne!(digits(one.mask(Kind::Ssn, "x")), digits(one.mask(Kind::Phone, "x")));
    }

    #[test]
    fn hmac_matches_the_published_vector() {
        // RFC 4231, test case 2.
        use hmac::{Hmac, KeyInit, Mac};
        let mut mac = <Hmac<sha2::Sha256> as KeyInit>::new_from_slice(b"Jefe").unwrap();
        mac.update(b"what do ya want for nothing?");
        let digest = mac.finalize().into_bytes();
        assert_eq!(digest[..4], [0x5b, 0xdc, 0xc1, 0x46]);
        assert_eq!(digest[28..], [0x64, 0xec, 0x38, 0x43]);
    }

    #[test]
    fn partial_forms_tell_little() {
        let masker = masker(Strategy::Partial);
        for (kind, text, expected) in [
            (Kind::CreditCard, "4539 5787 6362 1486", "****-****-****-1486"),
            (Kind::Phone, "+1 (415) 555-0132", "***-***-0132"),
            (Kind::Email, "bob@example.com", "b***@example.com"),
            (Kind::Email, "\"q\"@example.com", "***@example.com"),
            (Kind::IpAddress, "203.0.113.9", "203.0.*.*"),
            (Kind::IpAddress, "2001:db8::1", "****:1"),
            (Kind::Iban, "DE89 3704 0044 0532 0130 00", "DE****3000"),
            (Kind::Iban, "DE89", "***REDACTED***"),
            (Kind::MacAddress, "001a.2b3c.4d5e", "00:1a:2b:**:**:**"),
            (Kind::DateOfBirth, "12 December 1987", "***REDACTED***"),
            (Kind::Passport, "C01X00T47", "***REDACTED***"),
            (Kind::Password, "hunter2", "***REDACTED***"),
            (Kind::Ssn, "12", "***REDACTED***"),
        ] {
            assert_eq!(masker.mask(kind, text), expected, "{kind:?}");
        }
    }
}
