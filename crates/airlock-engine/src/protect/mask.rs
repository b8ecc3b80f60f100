//! Replacing a finding: the four strategies.

use std::fmt;

use airlock_scan::{Kind, Rule, Scanner, rules};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::config::{Sanitization, Strategy};

/// What a fully masked finding becomes.
pub(crate) const REDACTED: &str = "***REDACTED***";
/// Shorter secrets show nothing: four characters of eight would be half of them.
const SHORTEST_PARTIAL_SECRET: usize = 12;

/// Replaces findings. The forms are chosen so that the scanner does not find them again.
pub struct Masker {
    strategies: Vec<(Kind, Strategy)>,
    key: [u8; 32],
    /// How tokens of vendors begin; empty unless keys are shown in part.
    prefixes: Vec<&'static str>,
}

// The key must not be printed.
impl fmt::Debug for Masker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Masker").field("strategies", &self.strategies).finish_non_exhaustive()
    }
}

impl Masker {
    /// A masker with these strategies. `key` is that of [`Strategy::Hash`]; the others do not use it.
    pub fn new(sanitization: &Sanitization, key: &[u8; 32]) -> Self {
        let strategies = Kind::ALL.iter().map(|kind| (*kind, sanitization.strategy(*kind))).collect();
        let shows_keys = sanitization.strategy(Kind::ApiKey) == Strategy::Partial;
        let prefixes = if shows_keys { vendor_prefixes() } else { Vec::new() };
        Self { strategies, key: *key, prefixes }
    }

    /// What `text`, a finding of `kind`, becomes.
    pub fn mask(&self, kind: Kind, text: &str) -> String {
        let mut out = String::new();
        self.write(&mut out, kind, text);
        out
    }

    /// Appends what `text`, a finding of `kind`, becomes.
    pub fn write(&self, out: &mut String, kind: Kind, text: &str) {
        let strategy = self.strategies.iter().find(|(own, _)| *own == kind).map(|(_, strategy)| *strategy);
        match strategy.unwrap_or(Strategy::Full) {
            Strategy::Full => out.push_str(REDACTED),
            Strategy::Partial => {
                if !self.partial(out, kind, text) {
                    out.push_str(REDACTED);
                }
            }
            Strategy::TypeOnly => push(out, &["[", kind.label(), " REDACTED]"]),
            Strategy::Hash => push(out, &["[", kind.label(), ":", &self.short_hash(kind, text), "]"]),
        }
    }

    /// Appends what lets people recognize a value without knowing it. `false` if nothing of it may be kept;
    /// then nothing is appended.
    fn partial(&self, out: &mut String, kind: Kind, text: &str) -> bool {
        match kind {
            Kind::Ssn => last_digits(out, "***-**-", text),
            Kind::CreditCard => last_digits(out, "****-****-****-", text),
            Kind::Phone => last_digits(out, "***-***-", text),
            Kind::Email => email(out, text),
            Kind::IpAddress => ip_address(out, text),
            Kind::Iban => iban(out, text),
            Kind::MacAddress => mac_address(out, text),
            // Of dates and of what is short, the end says too much.
            Kind::DateOfBirth => false,
            Kind::ApiKey => last_characters(out, self.vendor_prefix(text), text),
            _ => last_characters(out, "", text),
        }
    }

    /// The vendor's mark at the start of a token, as `ghp_`.
    fn vendor_prefix(&self, text: &str) -> &'static str {
        let prefix = self.prefixes.iter().filter(|prefix| text.starts_with(**prefix));
        prefix.copied().max_by_key(|prefix| prefix.len()).unwrap_or_default()
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

/// The marks of vendors: they end where the secret part begins, and hold nothing that masks are known by.
fn vendor_prefixes() -> Vec<&'static str> {
    let tokens = rules().iter().filter(|rule| rule.kind == Kind::ApiKey);
    let marks = tokens.flat_map(|rule| rule.anchors.iter().map(move |anchor| (rule, *anchor)));
    let is_mark = |mark: &str| {
        (3..=12).contains(&mark.len())
            && mark.ends_with(['_', '-'])
            && mark.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
    };
    // An anchor may also be a word that stands near a key.
    let starts_one = |rule: &Rule, mark: &str| {
        rule.examples.iter().any(|text| {
            let mut found = Vec::new();
            Scanner::default().scan(text, &mut found);
            found.iter().any(|finding| {
                finding.rule == rule.id
                    && text.get(finding.span.clone()).is_some_and(|text| text.starts_with(mark))
            })
        })
    };
    marks.filter(|(rule, mark)| is_mark(mark) && starts_one(rule, mark)).map(|(_, mark)| mark).collect()
}

fn push(out: &mut String, parts: &[&str]) {
    out.extend(parts.iter().copied());
}

/// The last four digits, of more than four.
fn last_digits(out: &mut String, prefix: &str, text: &str) -> bool {
    let mut digits = text.char_indices().rev().filter(|(_, c)| c.is_numeric()).map(|(at, _)| at);
    let (Some(fourth), Some(_)) = (digits.by_ref().nth(3), digits.next()) else { return false };
    out.push_str(prefix);
    out.extend(text.get(fourth..).unwrap_or_default().chars().filter(|c| c.is_numeric()));
    true
}

fn email(out: &mut String, text: &str) -> bool {
    let Some(domain) = text.rfind(['@', '＠']).and_then(|at| text.get(at..)) else { return false };
    out.extend(text.chars().next().filter(|first| first.is_alphanumeric()));
    push(out, &["***@", domain.trim_start_matches(['@', '＠'])]);
    true
}

fn ip_address(out: &mut String, text: &str) -> bool {
    if let Some(last) = text.rsplit(':').next().filter(|_| text.contains(':')) {
        // What was joined to the address, such as the rest of a password, is none of its groups.
        let group = last.len() <= 4 && last.bytes().all(|byte| byte.is_ascii_hexdigit());
        push(out, &["****:", if group { last } else { "" }]);
        return true;
    }
    let mut parts = text.split('.');
    let (Some(one), Some(two)) = (parts.next(), parts.next()) else { return false };
    push(out, &[one, ".", two, ".*.*"]);
    true
}

/// The country and the last four characters.
fn iban(out: &mut String, text: &str) -> bool {
    let characters: Vec<char> = text.chars().filter(char::is_ascii_alphanumeric).collect();
    let last = characters.len().checked_sub(4).and_then(|start| characters.get(start..));
    match (characters.get(..2), last) {
        (Some(country), Some(last)) if characters.len() >= SHORTEST_PARTIAL_SECRET => {
            out.extend(country);
            out.push_str("****");
            out.extend(last);
            true
        }
        _ => false,
    }
}

/// The maker's part.
fn mac_address(out: &mut String, text: &str) -> bool {
    let maker: Vec<char> = text.chars().filter(char::is_ascii_hexdigit).take(6).collect();
    let (pairs, _) = maker.as_chunks::<2>();
    let [first, second, third] = pairs else { return false };
    for (index, pair) in [first, second, third].into_iter().enumerate() {
        if index > 0 {
            out.push(':');
        }
        out.extend(pair);
    }
    out.push_str(":**:**:**");
    true
}

/// A known beginning and the last four characters, of enough others.
fn last_characters(out: &mut String, prefix: &str, text: &str) -> bool {
    let rest = text.get(prefix.len()..).unwrap_or_default();
    let fourth = rest.char_indices().rev().nth(3).map(|(at, _)| at);
    let last = fourth.and_then(|at| rest.get(at..)).unwrap_or_default();
    let shows = !last.is_empty()
        && rest.chars().count() >= SHORTEST_PARTIAL_SECRET
        && last.chars().all(char::is_alphanumeric);
    if shows {
        push(out, &[prefix, "****", last]);
    }
    // Without the vendor's mark the rest may be long enough.
    shows || !prefix.is_empty() && last_characters(out, "", text)
}

#[cfg(test)]
mod tests {
    use airlock_scan::{Kind, Scanner, rules};

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
            (Strategy::Partial, "***-**-6789", "sk-****cdef"),
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
    fn vendor_tokens_keep_their_mark_and_are_not_found_again() {
        let masker = masker(Strategy::Partial);
        assert_eq!(masker.mask(Kind::ApiKey, "ghp_xTq7Rz2Lm9Wp4Kv8Bn3Yf6Hd1Sg5Jc0Ae2Zu"), "ghp_****e2Zu");
        assert_eq!(masker.mask(Kind::ApiKey, "xTq7Rz2Lm9Wp4Kv8Bn3Yf6Hd1Sg5Jc0Ae2Zu"), "****e2Zu");
        let find = |text: &str| {
            let mut found = Vec::new();
            Scanner::default().scan(text, &mut found);
            found
        };
        let mut kept = 0;
        for text in rules().iter().filter(|rule| rule.kind == Kind::ApiKey).flat_map(|rule| rule.examples) {
            let mut masked = String::new();
            let mut at = 0;
            for finding in find(text) {
                masked += &text[at..finding.span.start];
                masker.write(&mut masked, finding.kind, &text[finding.span.clone()]);
                at = finding.span.end;
            }
            masked += &text[at..];
            kept += usize::from(masked.contains("_****") || masked.contains("-****"));
            assert_eq!(find(&masked), [], "{masked}");
        }
        assert!(kept > 40, "{kept}");
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
