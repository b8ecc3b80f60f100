//! Allow-lists: texts that are left alone although a rule finds them.

use crate::{Class, Finding, Kind, KindSet};

/// Most entries of a list, and the longest one in bytes.
pub const MAX_ALLOWED: usize = 1024;
const MAX_PATTERN: usize = 256;
/// Longer findings are never allowed: no pattern was meant for them.
const MAX_TEXT: usize = 1024;

/// Patterns for whole findings: `*` stands for any text, `?` for one character; ASCII case does not count.
///
/// Of an e-mail address, a pattern without `@` may also match the part behind the `@`: `example.com` allows
/// `bob@example.com`. A pattern with `@` for addresses and for secrets means addresses: a password that is an
/// address stays a password, unless a pattern says so for passwords alone.
///
/// ```
/// use airlock_scan::{AllowList, KindSet};
/// let mut allowed = AllowList::default();
/// allowed.add("*.example.com", KindSet::all()).unwrap();
/// assert!(allowed.allows(airlock_scan::Kind::Email, "bob@mail.example.com"));
/// assert!(!allowed.allows(airlock_scan::Kind::Email, "bob@mail.example.org"));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowList {
    entries: Vec<(String, KindSet)>,
}

impl AllowList {
    /// Adds a pattern for these kinds.
    ///
    /// # Errors
    ///
    /// What is wrong: the pattern is empty or longer than 256 bytes, or the list has 1024 already.
    pub fn add(&mut self, pattern: &str, kinds: KindSet) -> Result<(), &'static str> {
        if pattern.is_empty() || pattern.len() > MAX_PATTERN {
            return Err("an allowed text is 1 to 256 bytes");
        }
        if self.entries.len() >= MAX_ALLOWED {
            return Err("there are more than 1024 allowed texts");
        }
        self.entries.push((pattern.to_owned(), kinds));
        Ok(())
    }

    /// Whether nothing is allowed.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether a finding of this kind with this text is to be left alone.
    pub fn allows(&self, kind: Kind, text: &str) -> bool {
        let domain = || {
            text.rfind(['@', '＠'])
                .and_then(|at| text.get(at..))
                .map(|rest| rest.trim_start_matches(['@', '＠']))
        };
        let address = kind.class() == Class::Secret && is_address(text);
        let fits = |pattern: &str, kinds: &KindSet| {
            let other = address && pattern.contains('@') && kinds.contains(Kind::Email);
            !other && matches(pattern.as_bytes(), text.as_bytes())
                || kind == Kind::Email
                    && !pattern.contains('@')
                    && domain().is_some_and(|domain| matches(pattern.as_bytes(), domain.as_bytes()))
        };
        text.len() <= MAX_TEXT
            && self.entries.iter().any(|(pattern, kinds)| kinds.contains(kind) && fits(pattern, kinds))
    }

    /// Takes the allowed findings out of `out[from..]`.
    ///
    /// This comes before overlaps are resolved: an allowed e-mail address inside a secret does not unmask the
    /// secret, and a secret inside an allowed text stays a finding.
    pub(crate) fn retain(&self, text: &str, out: &mut Vec<Finding>, from: usize) {
        let allowed = |finding: &mut Finding| {
            text.get(finding.span.clone()).is_some_and(|text| self.allows(finding.kind, text))
        };
        out.extract_if(from.., allowed).for_each(drop);
    }
}

/// Whether the text has the form of an e-mail address: `P@ssw0rd` has not.
fn is_address(text: &str) -> bool {
    text.rsplit_once('@').is_some_and(|(local, domain)| {
        let host = domain.rsplit_once('.');
        !local.is_empty()
            && host.is_some_and(|(name, top)| {
                !name.is_empty() && top.len() >= 2 && top.chars().all(char::is_alphabetic)
            })
            && !text.contains(char::is_whitespace)
    })
}

/// Glob matching with one place to go back to: at most the product of the lengths.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut place) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    loop {
        match (pattern.get(at), text.get(place)) {
            (None, None) => return true,
            (Some(b'*'), _) => {
                star = Some((at + 1, place));
                at += 1;
            }
            (Some(b'?'), Some(_)) => {
                at += 1;
                place += 1;
                while text.get(place).is_some_and(|byte| byte & 0xc0 == 0x80) {
                    place += 1;
                }
            }
            (Some(wanted), Some(byte)) if wanted.eq_ignore_ascii_case(byte) => {
                at += 1;
                place += 1;
            }
            _ => match star {
                Some((after, taken)) if taken < text.len() => {
                    star = Some((after, taken + 1));
                    (at, place) = (after, taken + 1);
                }
                _ => return false,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{AllowList, matches};
    use crate::{Kind, KindSet};

    #[test]
    fn patterns_match_whole_texts() {
        for (pattern, right, wrong) in [
            ("*", &["", "x", "ü"][..], &[][..]),
            ("192.0.2.*", &["192.0.2.1", "192.0.2."], &["192.0.21", "x192.0.2.1", "10.0.0.1"]),
            ("noreply@*", &["noreply@example.com", "NoReply@x"], &["xnoreply@example.com", "noreply"]),
            ("*.example.com", &["a.example.com", ".EXAMPLE.com"], &["example.com", "a.example.comx"]),
            ("a?c", &["abc", "aüc", "a*c"], &["ac", "abbc"]),
            ("a*b*c", &["abc", "a-b-b-c", "abbcbc"], &["acb", "abcx"]),
            ("", &[""], &["x"]),
        ] {
            for text in right {
                assert!(matches(pattern.as_bytes(), text.as_bytes()), "{pattern} {text}");
            }
            for text in wrong {
                assert!(!matches(pattern.as_bytes(), text.as_bytes()), "{pattern} {text}");
            }
        }
    }

    #[test]
    fn domains_count_for_addresses_only_and_kinds_count() {
        let mut list = AllowList::default();
        list.add("example.com", KindSet::all()).unwrap();
        list.add("192.0.2.*", KindSet::none().with(Kind::IpAddress)).unwrap();
        for (kind, text, allowed) in [
            (Kind::Email, "bob@example.com", true),
            (Kind::Email, "bob@EXAMPLE.com", true),
            (Kind::Email, "bob@sub.example.com", false),
            (Kind::Email, "example.com@elsewhere.org", false),
            (Kind::Password, "bob@example.com", false),
            (Kind::Password, "example.com", true),
            (Kind::IpAddress, "192.0.2.7", true),
            (Kind::Phone, "192.0.2.7", false),
        ] {
            assert_eq!(list.allows(kind, text), allowed, "{kind} {text}");
        }
        let mut list = AllowList::default();
        list.add("*@example.com", KindSet::all()).unwrap();
        list.add("P@ssw*", KindSet::all()).unwrap();
        list.add("root@example.org", KindSet::none().with(Kind::Password)).unwrap();
        for (kind, text, allowed) in [
            (Kind::Email, "bob@example.com", true),
            (Kind::Password, "bob@example.com", false),
            (Kind::Password, "root@example.org", true),
            (Kind::Email, "root@example.org", false),
        ] {
            assert_eq!(list.allows(kind, text), allowed, "{kind} {text}");
        }
        assert!(list.add("", KindSet::all()).is_err() && list.add(&"x".repeat(257), KindSet::all()).is_err());
        list.add("*", KindSet::all()).unwrap();
        assert!(!list.allows(Kind::PrivateKey, &"x".repeat(2000)), "longer than any pattern was meant for");
    }
}
