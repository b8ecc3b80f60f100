//! Values in running text that stand beside a telling name: `password = "…"`, `"api_key": "…"`,
//! `Authorization: Bearer …`, `<token>…</token>`, `--password …`, `-u user:…`.

use std::ops::Range;

use crate::{
    Confidence, Kind,
    keys::kind_of_key,
    placeholder::{Written, plausible_password, plausible_token},
    rule::Sink,
    text::{Text, is_base64url, is_word},
    verify::keyed::scheme,
};

/// The longest name; the longest value, with and without quotes.
const NAME: usize = 64;
const VALUE: usize = 1024;
const BARE: usize = 512;

/// Called at the stem of a telling name.
pub(crate) fn verify(text: &Text<'_>, anchor: Range<usize>, sink: &mut Sink<'_>) {
    let end = text.run(anchor.end, NAME, is_name);
    let Some(value) = Value::after(text, anchor.start, end) else { return };
    let Some((start, kind)) = name(text, anchor.start, end) else { return };
    if text.before(start, 1) == b'[' && is_hash_label(text, end) {
        return;
    }
    let Some(value) = value.without_scheme(text) else { return };
    let bytes = text.slice(value.start, value.end);
    let plausible = match kind {
        Kind::Password => plausible_password(bytes, value.written),
        Kind::ApiKey | Kind::Jwt | Kind::AwsAccessKey => plausible_token(bytes, value.written),
        Kind::AwsSecretKey => bytes.len() == 40 || plausible_token(bytes, value.written),
        Kind::PrivateKey => bytes.len() >= 16 && plausible_token(bytes, value.written),
        _ => false,
    };
    if !plausible {
        return;
    }
    let kind = match kind {
        Kind::Jwt | Kind::AwsAccessKey => Kind::ApiKey,
        Kind::Password | Kind::ApiKey if in_connection_string(text, start) => Kind::ConnectionString,
        kind => kind,
    };
    let kind = value.kind.unwrap_or(kind);
    sink.report(kind, value.start..value.end, Confidence::Medium, "keyed-text");
}

/// Called at `bearer`: a token with no telling name before it.
pub(crate) fn verify_bearer(text: &Text<'_>, anchor: Range<usize>, sink: &mut Sink<'_>) {
    let start = anchor.end + 1;
    if text.at(anchor.end) != b' ' || is_word(text.before(anchor.start, 1)) {
        return;
    }
    let end =
        text.run(start, VALUE, |byte| is_base64url(byte) || matches!(byte, b'.' | b'~' | b'+' | b'/' | b'='));
    if end - start >= 16 && plausible_token(text.slice(start, end), Written::Bare) {
        sink.report(Kind::ApiKey, start..end, Confidence::Medium, "bearer");
    }
}

/// Called at `-u` or `--user` of a command: `user:password` follows.
pub(crate) fn verify_user_option(text: &Text<'_>, anchor: Range<usize>, sink: &mut Sink<'_>) {
    let before = text.before(anchor.start, 1);
    let long = text.at(anchor.start + 1) == b'-';
    if before != 0 && !before.is_ascii_whitespace() || long && !matches!(text.at(anchor.end), b' ' | b'=') {
        return;
    }
    let start = text.run(anchor.end + usize::from(long), 3, |byte| matches!(byte, b'"' | b'\'' | b'\\'));
    let colon = text.run(start, NAME, |byte| is_base64url(byte) || matches!(byte, b'.' | b'@'));
    if text.at(colon) != b':' || colon == start {
        return;
    }
    let end = text.run(colon + 1, VALUE, |byte| {
        !byte.is_ascii_whitespace() && !matches!(byte, b'"' | b'\'' | b'\\' | b'`')
    });
    let password = text.slice(colon + 1, end);
    // `-u 1000:1000` is a user and a group.
    let group = password.iter().all(u8::is_ascii_digit);
    if !group && !password.starts_with(b"/") && plausible_password(password, Written::Quoted) {
        sink.report(Kind::Password, colon + 1..end, Confidence::Medium, "user-option");
    }
}

fn is_name(byte: u8) -> bool {
    is_word(byte) || matches!(byte, b'-' | b'.') || !byte.is_ascii()
}

/// The start of the name that ends at `end`, and what it tells. A lone `key` takes the word before it along.
fn name(text: &Text<'_>, anchor: usize, end: usize) -> Option<(usize, Kind)> {
    let mut start = text.run_back(anchor, NAME, is_name);
    let kind = |start: usize| {
        let mut start = start;
        while !text.str.is_char_boundary(start) {
            start += 1;
        }
        kind_of_key(text.str.get(start..end)?)
    };
    if end - start <= 5
        && text.before(start, 1) == b' '
        && text.before(start, 2).is_ascii_alphabetic()
        && kind(start).is_none()
    {
        start = text.run_back(start - 1, NAME, is_word);
    }
    kind(start).map(|kind| (start, kind))
}

/// Whether `[LABEL:a1b2c3d4]` ends here, the mask that keeps a hash.
fn is_hash_label(text: &Text<'_>, end: usize) -> bool {
    text.at(end) == b':'
        && text.at(end + 9) == b']'
        && text.slice(end + 1, end + 9).iter().all(u8::is_ascii_hexdigit)
}

/// Whether the name continues a list such as `Server=db;User ID=sa;`.
fn in_connection_string(text: &Text<'_>, start: usize) -> bool {
    let before = text.run_back(start, 2, |byte| byte == b' ');
    text.before(before, 1) == b';' && {
        let list = text.run_back(before, 128, |byte| !matches!(byte, b'\n' | b'"' | b'\''));
        text.slice(list, before).contains(&b'=')
    }
}

/// The value behind a name.
struct Value {
    start: usize,
    end: usize,
    written: Written,
    /// Set where an authentication scheme tells the kind.
    kind: Option<Kind>,
}

impl Value {
    /// The value that is assigned to the name ending at `name_end`, if any is.
    fn after(text: &Text<'_>, anchor: usize, name_end: usize) -> Option<Self> {
        let closed = text.run(name_end, 6, |byte| matches!(byte, b'\\' | b'"' | b'\'' | b'`' | b']' | b')'));
        let quoted_name = closed > name_end;
        let at = text.run(closed, 16, is_blank);
        let (start, open) = match (text.at(at), text.at(at + 1)) {
            (b'>', _) if at == name_end && is_element(text, anchor) => {
                (text.run(at + 1, 16, |b| b.is_ascii_whitespace()), true)
            }
            (b'(', b'"' | b'\'') => (at + 1, false),
            (b',', _) if quoted_name => (at + 1, false),
            (b':' | b'=' | b'?' | b'+' | b'.' | b'|' | b'-' | b'~' | b'!', _) => (operator(text, at)?, false),
            (b'"' | b'\'', _) if at > closed && is_option(text, anchor) => (at, false),
            (byte, _) if at == closed + 1 && is_option(text, anchor) && byte != b'-' => (at, false),
            (b's' | b'S', _) if at > closed => (operator(text, annotated(text, at)?)?, false),
            _ => return None,
        };
        if open {
            Some(Self::element(text, start))
        } else {
            Self::literal(text, text.run(start, 16, is_blank))
        }
    }

    fn element(text: &Text<'_>, start: usize) -> Self {
        let end = text.run(start, VALUE, |byte| byte != b'<' && byte != b'\n');
        let end = start + text.slice(start, end).trim_ascii_end().len();
        Self { start, end, written: Written::Quoted, kind: None }
    }

    /// The literal at `at`: quoted, escaped-quoted or bare.
    fn literal(text: &Text<'_>, at: usize) -> Option<Self> {
        let prefixed = matches!(text.at(at), b'b' | b'r' | b'u' | b'f' | b'@' | b'L' | b'$')
            && matches!(text.at(at + 1), b'"' | b'\'' | b'`');
        let at = at + usize::from(prefixed);
        let escapes = text.run(at, 4, |byte| byte == b'\\') - at;
        let quote = text.at(at + escapes);
        if matches!(quote, b'"' | b'\'' | b'`') {
            let start = at + escapes + 1;
            if let Some(end) = closing(text, start, quote, escapes) {
                return Some(Self { start, end, written: Written::Quoted, kind: None });
            }
            return Self::bare(text, start);
        }
        if escapes > 0 { None } else { Self::bare(text, at) }
    }

    fn bare(text: &Text<'_>, start: usize) -> Option<Self> {
        let mut end = text.run(start, BARE, |byte| {
            !byte.is_ascii_whitespace()
                && !matches!(byte, b'"' | b'\'' | b'`' | b'<' | b'>' | b',' | b';' | b'&' | b'\\' | b'|')
        });
        let opened = text.slice(start, end).iter().any(|byte| matches!(byte, b'(' | b'[' | b'{'));
        while end > start && matches!(text.before(end, 1), b')' | b']' | b'}' | b'.' | b':') && !opened {
            end -= 1;
        }
        // A reference may hold blanks: `<your token>`, `{{ token }}`.
        (end > start).then_some(Self { start, end, written: Written::Bare, kind: None })
    }

    /// Leaves `Bearer`, `Basic` and their like outside the finding.
    fn without_scheme(mut self, text: &Text<'_>) -> Option<Self> {
        let skip = |from: usize| scheme(text.str.get(from..floor(text, from + 12)).unwrap_or_default());
        let len = skip(self.start);
        if len == 0 {
            return Some(self);
        }
        if text.has_fold(self.start, b"basic ") {
            self.kind = Some(Kind::Password);
        }
        let start = self.start + len;
        if self.written == Written::Bare {
            let kind = self.kind;
            return Self::bare(text, start).map(|value| Self { kind, ..value });
        }
        self.start = start;
        Some(self)
    }
}

fn floor(text: &Text<'_>, mut at: usize) -> usize {
    at = at.min(text.len());
    while !text.str.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

/// Whether the name around `anchor` is an XML element: `<token>`.
fn is_element(text: &Text<'_>, anchor: usize) -> bool {
    let start = text.run_back(anchor, NAME, is_name);
    text.before(start, 1) == b'<'
}

/// Whether the name around `anchor` is an option: `--token`.
fn is_option(text: &Text<'_>, anchor: usize) -> bool {
    let start = text.run_back(anchor, NAME, is_name);
    text.has(start, b"--") && !is_word(text.before(start, 1))
}

/// End of the type annotation in `token string = …`, `Password: str = …`.
fn annotated(text: &Text<'_>, at: usize) -> Option<usize> {
    [&b"string"[..], b"String", b"str"]
        .iter()
        .find(|name| text.has(at, name) && is_blank(text.at(at + name.len())))
        .map(|name| text.run(at + name.len(), 8, is_blank))
}

/// End of the assignment or comparison at `at`.
fn operator(text: &Text<'_>, at: usize) -> Option<usize> {
    // What a secret is compared with is a secret, too.
    const OPERATORS: [&[u8]; 18] = [
        b":::=", b"||:=", b"::=", b"||:", b"===", b"!==", b"=~", b"==", b"!=", b"=>", b":=", b"?=", b"+=",
        b".=", b"~>", b"->", b"=", b":",
    ];
    let end = at + OPERATORS.iter().find(|operator| text.has(at, operator))?.len();
    let next = text.run(end, 16, is_blank);
    // `password: str = "…"`
    let typed = annotated(text, next).filter(|at| text.at(*at) == b'=');
    Some(typed.map_or(end, |at| at + 1))
}

/// Place of the quote that closes the literal from `start`, written with as many escapes as the opening one.
fn closing(text: &Text<'_>, start: usize, quote: u8, escapes: usize) -> Option<usize> {
    let mut at = start;
    let limit = start + VALUE;
    while at < limit {
        at = text.run(at, limit - at, |byte| byte != quote && byte != b'\n');
        if at >= text.len() || text.at(at) != quote {
            return None;
        }
        let slashes = at - text.run_back(at, at - start, |byte| byte == b'\\');
        if slashes == escapes || escapes > 0 && slashes < escapes {
            return Some(at - slashes);
        }
        if escapes == 0 && slashes.is_multiple_of(2) {
            return Some(at);
        }
        at += 1;
    }
    None
}
