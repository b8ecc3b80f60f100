//! E-mail addresses, internationalized ones included.

use std::{net::IpAddr, ops::Range};

use crate::{
    Confidence, Kind,
    rule::Sink,
    text::{Text, is_word},
};

/// The most bytes read to each side; RFC 5321 allows 64 octets before the `@` and 255 behind it.
const LOCAL: usize = 64;
const DOMAIN: usize = 255;

/// Whether an `@` before this (in lower case) stands in the name of a file or of a system unit: it is no top-level
/// domain.
fn is_extension(label: &[u8]) -> bool {
    // One after the other, they took a fifth of the time of an address.
    match label.len() {
        2 => matches!(label, b"js" | b"ts"),
        3 => matches!(
            label,
            b"png"
                | b"jpg"
                | b"gif"
                | b"svg"
                | b"bmp"
                | b"ico"
                | b"pdf"
                | b"css"
                | b"mjs"
                | b"tsx"
                | b"jsx"
                | b"txt"
                | b"xml"
                | b"tgz"
                | b"yml"
        ),
        4 => matches!(label, b"jpeg" | b"webp" | b"avif" | b"scss" | b"json" | b"html" | b"yaml"),
        5 => matches!(label, b"timer" | b"slice" | b"scope" | b"mount"),
        6 => label == b"socket",
        7 => label == b"service",
        _ => false,
    }
}

/// Called at `@`.
pub(crate) fn verify(text: &Text<'_>, anchor: Range<usize>, sink: &mut Sink<'_>) {
    if !sink.wants(Kind::Email) {
        return;
    }
    let Some(end) = domain(text, anchor.end) else { return };
    let Some(start) = local(text, anchor.start).or_else(|| quoted(text, anchor.start)) else { return };
    let name = text.slice(start, anchor.start);
    let repository = matches!(name, b"git" | b"hg" | b"svn") && text.at(end) == b':';
    // What stands apart is no user of a URL.
    let apart = matches!(text.before(start, 1), 0 | b' ' | b'\n' | b'"' | b'\'' | b'<' | b',' | b';');
    let user = || !apart && is_user_of_url(text, anchor.start, end);
    if !repository && !matches!(text.at(end), b'(' | b'@') && !user() {
        sink.report(Kind::Email, start..end, Confidence::High, "email");
    }
}

/// Which characters an address is made of. Scripts without spaces run on into the sentence around it, so
/// an address in Latin, Greek or Cyrillic letters does not extend over them.
#[derive(Clone, Copy, PartialEq)]
enum Script {
    Alphabetic,
    Any,
}

impl Script {
    fn of(char: Option<char>) -> Self {
        if char.is_some_and(|char| char > '\u{7ff}') { Self::Any } else { Self::Alphabetic }
    }

    fn contains(self, char: char) -> bool {
        char.is_ascii_alphanumeric()
            || !char.is_ascii() && char.is_alphanumeric() && (self == Self::Any || char <= '\u{7ff}')
    }
}

/// Start of the part before the `@` at `at`.
fn local(text: &Text<'_>, at: usize) -> Option<usize> {
    let before = text.before(at, 1);
    if before.is_ascii() && !is_local_symbol(before) && !before.is_ascii_alphanumeric() {
        return None;
    }
    // Most addresses are ASCII, and so is what stands before them.
    let mut start = text.run_back(at, LOCAL, |byte| in_class(byte, IN_LOCAL));
    if !text.before(start, 1).is_ascii() {
        let head = text.str.get(..at)?;
        let script = Script::of(head.chars().next_back());
        start = at;
        for (index, char) in head.char_indices().rev() {
            let fits = script.contains(char) || u8::try_from(char).is_ok_and(is_local_symbol);
            if !fits || at - index > LOCAL {
                break;
            }
            start = index;
        }
    }
    // Dots, quotes and hyphens belong to the sentence around it.
    let trimmed = text
        .slice(start, at)
        .iter()
        .position(|byte| !matches!(byte, b'.' | b'\'' | b'-' | b'=' | b'&' | b'/'))?;
    let start = start + trimmed;
    // Behind `b***@` stands the domain that a mask leaves.
    let of_mask = text.before(start, 1) == b'@' && text.before(start, 2) == b'*';
    (!of_mask && text.before(at, 1) != b'.').then_some(start)
}

/// Start of a part before the `@` at `at` that is in quotes, as in `"john doe"@example.com`. The quotes may be
/// escaped, and inside them is what could be a name.
fn quoted(text: &Text<'_>, at: usize) -> Option<usize> {
    if text.before(at, 1) != b'"' {
        return None;
    }
    let escaped = usize::from(text.before(at, 2) == b'\\');
    let end = at - 1 - escaped;
    let inside = |byte: u8| {
        byte.is_ascii_alphanumeric()
            || byte >= 0x80
            || matches!(byte, b' ' | b'.' | b'_' | b'-' | b'+' | b'@' | b'\'')
    };
    let start = text.run_back(end, LOCAL, inside);
    let open = start.checked_sub(1 + escaped)?;
    let opens = text.before(start, 1) == b'"' && (escaped == 0 || text.before(start, 2) == b'\\');
    let before = text.before(open, 1);
    let apart = before == 0
        || before.is_ascii_whitespace()
        || matches!(before, b'<' | b'(' | b',' | b';' | b':' | b'=' | b'"');
    (opens && apart && end > start && text.at(start).is_ascii_alphanumeric()).then_some(open)
}

/// ASCII characters of the part before the `@`, and of domains.
const IN_LOCAL: u8 = 1;
const IN_DOMAIN: u8 = 2;

#[inline]
#[expect(clippy::indexing_slicing, reason = "a byte indexes a table of 256")]
fn in_class(byte: u8, class: u8) -> bool {
    CLASSES[usize::from(byte)] & class != 0
}

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which checks the bounds")]
static CLASSES: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        if byte.is_ascii_alphanumeric() || is_local_symbol(byte) {
            table[byte as usize] |= IN_LOCAL;
        }
        if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-') {
            table[byte as usize] |= IN_DOMAIN;
        }
        byte += 1;
    }
    table
};

const fn is_local_symbol(byte: u8) -> bool {
    matches!(byte, b'.' | b'_' | b'%' | b'+' | b'-' | b'\'')
}

/// End of the domain that starts at `at`.
fn domain(text: &Text<'_>, at: usize) -> Option<usize> {
    let first = text.at(at);
    if first == b'[' {
        return literal(text, at);
    }
    if first.is_ascii() && !first.is_ascii_alphanumeric() {
        return None;
    }
    let mut end = text.run(at, DOMAIN + 1, |byte| in_class(byte, IN_DOMAIN));
    if !text.at(end).is_ascii() {
        let tail = text.str.get(at..)?;
        let script = Script::of(tail.chars().next());
        end = at;
        for (index, char) in tail.char_indices() {
            if index > DOMAIN || !(script.contains(char) || char == '.' || char == '-') {
                break;
            }
            end = at + index + char.len_utf8();
        }
    }
    while matches!(text.before(end, 1), b'.' | b'-') {
        end -= 1;
    }
    let name = text.slice(at, end);
    if end - at > DOMAIN || name.windows(2).any(|pair| pair == b"..") || text.at(end) == b'_' {
        return None;
    }
    let dot = name.iter().rposition(|byte| *byte == b'.')?;
    is_top_level(name.get(dot + 1..)?).then_some(end)
}

/// End of an address in brackets: `[192.0.2.1]`, `[IPv6:2001:db8::1]`.
fn literal(text: &Text<'_>, at: usize) -> Option<usize> {
    let close = text.run(at + 1, 52, |byte| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b':');
    let inner = text.str.get(at + 1..close).filter(|_| text.at(close) == b']')?;
    let address = inner.strip_prefix("IPv6:").unwrap_or(inner);
    address.parse::<IpAddr>().is_ok().then_some(close + 1)
}

fn is_top_level(label: &[u8]) -> bool {
    let mut lower = [0; 8];
    lower.iter_mut().zip(label).for_each(|(to, from)| *to = from.to_ascii_lowercase());
    let letters = label.iter().all(|byte| byte.is_ascii_alphabetic() || !byte.is_ascii());
    let encoded = label.starts_with(b"xn--");
    label.len() >= 2 && (letters || encoded) && !is_extension(lower.get(..label.len()).unwrap_or_default())
}

/// Whether the `@` at `at` ends the user information of a URL, as in `https://user@example.com/`.
fn is_user_of_url(text: &Text<'_>, at: usize, end: usize) -> bool {
    let stops = |byte: u8| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'"' | b'<' | b'>' | b'`');
    let start = text.run_back(at, 256, |byte| !stops(byte));
    let scheme = text.before(start, 1) == b'/'
        && (text.before(start, 2) == b'/' && text.before(start, 3) == b':'
            || text.before(start, 2) == b'\\' && text.before(start, 3) == b'/');
    // A later `@` in the same authority is the one that ends the user information.
    let authority = text.run(end, 256, |byte| !stops(byte) && byte != b'?');
    scheme
        && is_word(text.before(start, 4)) | (text.before(start, 2) == b'\\')
        && !text.slice(end, authority).contains(&b'@')
}

#[cfg(test)]
mod tests {
    use crate::{Kind, KindSet, Scanner};

    fn found(text: &str) -> Vec<&str> {
        let mut out = Vec::new();
        Scanner::new(KindSet::none().with(Kind::Email)).scan(text, &mut out);
        out.into_iter().map(|finding| &text[finding.span]).collect()
    }

    #[test]
    fn found_exactly() {
        for (text, expected) in [
            ("bob+tag@mail.example.co.uk.", "bob+tag@mail.example.co.uk"),
            ("mailto:bob@example.com?x=1", "bob@example.com"),
            ("to \"john doe\"@example.com now", "\"john doe\"@example.com"),
            ("{\"to\":\"\\\"john.doe\\\"@example.com\"}", "\\\"john.doe\\\"@example.com"),
            ("user@[192.168.0.1]", "user@[192.168.0.1]"),
            ("user@[IPv6:2001:db8::1]", "user@[IPv6:2001:db8::1]"),
            ("us\u{e9}r@b\u{fc}cher.example", "us\u{e9}r@b\u{fc}cher.example"),
            ("1234567@example.com", "1234567@example.com"),
            ("a.b-c_d@sub-domain.example.museum", "a.b-c_d@sub-domain.example.museum"),
        ] {
            assert_eq!(found(text), [expected], "{text}");
        }
    }

    #[test]
    fn not_found() {
        for text in [
            "git@github.com:org/repo.git",
            "user@localhost",
            "image@2x.png",
            "npm@9.1.0",
            "@decorator.method",
            "@types/node@18.0.0",
            "pkg@workspace:packages/x",
            "left-pad@^1.3.0",
            "getty@tty1.service",
            "a @ b . com",
            "[\"a\",\"@example.com\"]",
            "user@[none]",
            "user@[1.2.3]",
            "b***@example.com",
            "button@3x.svg",
        ] {
            assert_eq!(found(text), [""; 0], "{text}");
        }
    }
}
