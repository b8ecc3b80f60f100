//! Values in running text that stand beside a telling name: `password = "…"`, `"api_key": "…"`,
//! `Authorization: Bearer …`, `<token>…</token>`, `--password …`, `-u user:…`.

use std::ops::Range;

use crate::{
    Confidence, Kind,
    keys::kind_of_key,
    placeholder::{Written, plausible_password, plausible_token},
    rule::Sink,
    text::{Text, is_base64url, is_word},
    verify::value::{Assigned, NAME, VALUE, is_name},
};

/// Called at the stem of a telling name.
pub(crate) fn verify(text: &Text<'_>, anchor: Range<usize>, sink: &mut Sink<'_>) {
    let end = text.run(anchor.end, NAME, is_name);
    // Most stems stand in ordinary words, which nothing is assigned to: that is the cheapest to see.
    let Some(assigned) = Assigned::to(text, anchor.start, end) else { return };
    let Some((start, kind)) = name(text, anchor.start, end) else { return };
    if text.before(start, 1) == b'[' && is_hash_label(text, end) {
        return;
    }
    let Some(value) = assigned.value(text) else { return };
    let bytes = text.slice(value.span.start, value.span.end);
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
        _ if value.basic => Kind::Password,
        Kind::Jwt | Kind::AwsAccessKey => Kind::ApiKey,
        Kind::Password | Kind::ApiKey if in_connection_string(text, start) => Kind::ConnectionString,
        kind => kind,
    };
    sink.report(kind, value.span, Confidence::Medium, "keyed-text");
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
    let end = text.floor(end);
    let password = text.slice(colon + 1, end);
    // `-u 1000:1000` is a user and a group.
    let group = password.iter().all(u8::is_ascii_digit);
    if !group && !password.starts_with(b"/") && plausible_password(password, Written::Quoted) {
        sink.report(Kind::Password, colon + 1..end, Confidence::Medium, "user-option");
    }
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
