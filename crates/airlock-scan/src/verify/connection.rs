//! Passwords in URLs: `postgres://svc:PASSWORD@db/app`.

use std::ops::Range;

use crate::{
    Confidence, Kind,
    placeholder::{Written, is_masked, is_nothing, is_reference, is_sample, starts_group, starts_hash},
    rule::Sink,
    text::{Text, is_word},
    verify::plausible::{Promise, plausible},
};

/// The longest user information.
const LONGEST: usize = 512;

/// Called at `://`, or `:\/\/` as JSON may write it.
pub(crate) fn verify(text: &Text<'_>, anchor: Range<usize>, sink: &mut Sink<'_>) {
    let wanted = sink.wants(Kind::ConnectionString) || sink.wants(Kind::ApiKey);
    if !wanted || !text.before(anchor.start, 1).is_ascii_alphanumeric() {
        return;
    }
    let stop = text.run(anchor.end, LONGEST, |byte| {
        !byte.is_ascii_whitespace() && !matches!(byte, b'/' | b'"' | b'\'' | b'`' | b'<' | b'>' | b'\\')
    });
    let authority = text.slice(anchor.end, stop);
    let Some(at) = authority.iter().rposition(|byte| *byte == b'@') else { return };
    // The colon of a mask is none behind a user.
    let mut colons = memchr::memchr_iter(b':', authority.get(..at).unwrap_or_default());
    let Some(colon) = colons.find(|colon| {
        let behind = anchor.end + colon + 1;
        !starts_hash(text, behind) && !starts_group(text, behind)
    }) else {
        return token(text, anchor.end..anchor.end + at, sink);
    };
    let (start, end) = (anchor.end + colon + 1, anchor.end + at);
    let password = text.slice(start, end);
    let host = authority
        .get(at + 1)
        .is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'[' || !byte.is_ascii());
    if host && password.len() >= 3 && !is_stand_in(password) {
        sink.report(Kind::ConnectionString, start..end, Confidence::High, "url-password");
    }
}

/// A user without a password may be a token: `https://TOKEN@git.example.org`. Sentry's are public.
fn token(text: &Text<'_>, user: Range<usize>, sink: &mut Sink<'_>) {
    let value = text.slice(user.start, user.end);
    let host =
        text.slice(user.end + 1, text.run(user.end + 1, 64, |byte| is_word(byte) || b".-".contains(&byte)));
    let public = memchr::memmem::find(host, b"sentry").is_some();
    let made = value.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    if value.len() >= 20 && made && !public && plausible(Promise::Token, value, Written::Bare) {
        sink.report(Kind::ApiKey, user, Confidence::Medium, "url-password");
    }
}

fn is_stand_in(password: &[u8]) -> bool {
    is_nothing(password) || is_masked(password) || is_reference(password) || is_sample(password)
}
