//! E-mail addresses, internationalized ones included.

use std::ops::Range;

use crate::{
    Confidence, Kind,
    rule::Sink,
    text::{Text, is_word},
};

/// The most bytes read to each side; RFC 5321 allows 64 octets before the `@` and 255 behind it.
const LOCAL: usize = 64;
const DOMAIN: usize = 255;

/// File extensions that follow an `@` in file names and are no top-level domains.
const EXTENSIONS: [&[u8]; 16] = [
    b"png", b"jpg", b"jpeg", b"gif", b"svg", b"webp", b"bmp", b"ico", b"pdf", b"css", b"js", b"json",
    b"html", b"txt", b"xml", b"tgz",
];

/// Called at `@`.
pub(crate) fn verify(text: &Text<'_>, anchor: Range<usize>, sink: &mut Sink<'_>) {
    if !sink.wants(Kind::Email) {
        return;
    }
    let Some(start) = local(text, anchor.start) else { return };
    let Some(end) = domain(text, anchor.end) else { return };
    let name = text.slice(start, anchor.start);
    let repository = matches!(name, b"git" | b"hg" | b"svn") && text.at(end) == b':';
    if !repository && !matches!(text.at(end), b'(' | b'@') && !is_user_of_url(text, anchor.start, end) {
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
    let head = text.str.get(..at)?;
    let script = Script::of(head.chars().next_back());
    let mut start = at;
    for (index, char) in head.char_indices().rev() {
        let fits = script.contains(char) || u8::try_from(char).is_ok_and(is_local_symbol);
        if !fits || at - index > LOCAL {
            break;
        }
        start = index;
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

fn is_local_symbol(byte: u8) -> bool {
    matches!(byte, b'.' | b'_' | b'%' | b'+' | b'-' | b'\'')
}

/// End of the domain that starts at `at`.
fn domain(text: &Text<'_>, at: usize) -> Option<usize> {
    let first = text.at(at);
    if first.is_ascii() && !first.is_ascii_alphanumeric() {
        return None;
    }
    let tail = text.str.get(at..)?;
    let script = Script::of(tail.chars().next());
    let mut end = at;
    for (index, char) in tail.char_indices() {
        if index > DOMAIN || !(script.contains(char) || char == '.' || char == '-') {
            break;
        }
        end = at + index + char.len_utf8();
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

fn is_top_level(label: &[u8]) -> bool {
    let letters = label.iter().all(|byte| byte.is_ascii_alphabetic() || !byte.is_ascii());
    let encoded = label.starts_with(b"xn--");
    label.len() >= 2
        && (letters || encoded)
        && !EXTENSIONS.iter().any(|extension| label.eq_ignore_ascii_case(extension))
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
