//! Secrets that a structure holds without a telling name: commands, SQL, `.netrc`, `.pgpass`, password files,
//! cookies, signed URLs, `user:password` in base64, and the AWS secret beside its key id.

use std::ops::Range;

use crate::{
    Confidence, Kind,
    placeholder::{Written, is_sample},
    rarity::{BIT, rarity},
    rule::Sink,
    text::{Text, is_base64url, is_word},
    verify::plausible::{Promise, plausible},
};

/// The longest value, and how far a line is followed.
const VALUE: usize = 256;
const LINE: usize = 256;

/// Called at `mysql` or `sshpass`: `mysql -u root -pSECRET`, `sshpass -p SECRET ssh host`.
pub(crate) fn verify_command(text: &Text<'_>, anchor: Range<usize>, sink: &mut Sink<'_>) {
    let end = text.run(anchor.end, 8, |byte| byte.is_ascii_lowercase());
    if text.at(end) != b' ' || is_word(text.before(anchor.start, 1)) {
        return;
    }
    let name = text.slice(anchor.start, anchor.end);
    // Only MySQL's own clients have the password directly behind the letter.
    let apart = !name.eq_ignore_ascii_case(b"mysql");
    let line = text.run(end, LINE, |byte| !matches!(byte, b'\n' | b'|' | b';'));
    let Some(option) = memchr::memmem::find(text.slice(end, line), b" -p") else { return };
    if apart && text.at(end + option + 3) != b' ' {
        return;
    }
    let at = end + option + 3;
    let at = if apart { text.run(at, 2, |byte| byte == b' ') } else { at };
    let (start, stop, written) = argument(text, at);
    report(text, start..stop, Promise::Password, written, "command-password", sink);
}

/// Called behind `jwt`: `jwt.sign(payload, "SECRET")`, `jwt.encode(payload, 'SECRET', …)`.
pub(crate) fn verify_signing(text: &Text<'_>, at: usize, sink: &mut Sink<'_>) {
    const CALLS: [&[u8]; 4] = [b".sign(", b".encode(", b".verify(", b".decode("];
    let Some(call) = CALLS.into_iter().find(|call| text.has(at, call)) else { return };
    let start = at + call.len();
    let end = text.run(start, LINE, |byte| byte != b'\n' && byte != b';');
    let call = text.slice(start, end);
    let Some(comma) = [&b", \""[..], b", '", b", b\"", b", b'"]
        .iter()
        .filter_map(|quote| memchr::memmem::find(call, quote).map(|found| found + quote.len() - 1))
        .min()
    else {
        return;
    };
    // What is signed may hold literals of its own.
    let before = call.get(..comma).unwrap_or_default();
    let (mut depth, mut commas) = (0_i32, 0);
    for byte in before {
        match byte {
            b'(' | b'{' | b'[' => depth += 1,
            b')' | b'}' | b']' => depth -= 1,
            b',' if depth == 0 => commas += 1,
            _ => {}
        }
    }
    // The first comma is the one before the literal.
    if depth == 0 && commas == 1 {
        let (start, stop, written) = argument(text, start + comma);
        report(text, start..stop, Promise::Secret, written, "keyed-text", sink);
    }
}

/// Called at `identified by` or `password` before a literal of SQL.
pub(crate) fn verify_sql(text: &Text<'_>, anchor: Range<usize>, sink: &mut Sink<'_>) {
    let at = text.run(anchor.end, 4, |byte| byte == b' ');
    let at = if text.has_fold(at, b"password ") { at + 9 } else { at };
    if matches!(text.at(at), b'\'' | b'"') {
        let (start, stop, written) = argument(text, at);
        report(text, start..stop, Promise::Secret, written, "sql-password", sink);
    }
}

/// Called at `password` of a `.netrc`: `machine host login user password SECRET`; and at `requirepass` of Redis.
pub(crate) fn verify_netrc(text: &Text<'_>, anchor: Range<usize>, sink: &mut Sink<'_>) {
    let redis = text.at(anchor.end - 1) != b' ';
    let at = text.run(anchor.end, 4, |byte| byte == b' ' || byte == b'\t');
    let before = text.slice(anchor.start.saturating_sub(LINE), anchor.start);
    let beside = |word: &[u8]| memchr::memmem::rfind(before, word).is_some();
    if at == anchor.end && redis || !(redis || beside(b"login ") || beside(b"machine ")) {
        return;
    }
    let (start, mut stop, written) = argument(text, at);
    // In a sentence.
    while written == Written::Bare && matches!(text.before(stop, 1), b',' | b'.') && stop > start {
        stop -= 1;
    }
    report(text, start..stop, Promise::Password, written, "netrc-password", sink);
}

/// Called at the port in a line of `.pgpass`: `host:5432:database:user:SECRET`.
pub(crate) fn verify_pgpass(text: &Text<'_>, anchor: Range<usize>, sink: &mut Sink<'_>) {
    let field = |byte: u8| is_base64url(byte) || matches!(byte, b'.' | b'*');
    let host = text.run_back(anchor.start, 64, field);
    // Any port and any database are both in the anchor.
    let any = text.before(anchor.end, 2) == b'*';
    let database = if any { anchor.end - 1 } else { text.run(anchor.end, 64, field) };
    let user = text.run(database + 1, 64, field);
    let named = any || database > anchor.end;
    let shaped = text.at(database) == b':' && text.at(user) == b':' && named && user > database + 1;
    if host < anchor.start && matches!(text.before(host, 1), 0 | b'\n') && shaped {
        let end = text.run(user + 1, VALUE, |byte| !byte.is_ascii_whitespace());
        report(text, user + 1..end, Promise::Password, Written::Quoted, "pgpass", sink);
    }
}

/// Called at the colon before a hash of `/etc/shadow` or `htpasswd`: `root:$6$salt$hash:19000:…`.
pub(crate) fn verify_hash(text: &Text<'_>, anchor: Range<usize>, sink: &mut Sink<'_>) {
    let user = text.run_back(anchor.start, 64, |byte| is_base64url(byte) || byte == b'.');
    let end = text.run(anchor.end, VALUE, |byte| is_base64url(byte) || b"./$+=,".contains(&byte));
    let line = matches!(text.before(user, 1), 0 | b'\n' | b'"' | b'\'' | b' ');
    if user < anchor.start && line && end - anchor.end >= 20 {
        sink.report(Kind::Password, anchor.start + 1..end, Confidence::High, "password-hash");
    }
}

/// Called at `cookie`: the values of session cookies in `Cookie:` and `Set-Cookie:` headers.
pub(crate) fn verify_cookie(text: &Text<'_>, anchor: Range<usize>, sink: &mut Sink<'_>) {
    let mut at = text.run(anchor.end, 3, |byte| matches!(byte, b'"' | b'\'' | b'\\'));
    if text.at(at) != b':' {
        return;
    }
    at = text.run(at + 1, 6, |byte| matches!(byte, b' ' | b'"' | b'\'' | b'\\'));
    for _ in 0..16 {
        let name = text.run(at, 64, |byte| is_base64url(byte) || byte == b'.');
        if name == at || text.at(name) != b'=' {
            return;
        }
        let end = text.run(name + 1, 1024, |byte| is_base64url(byte) || b".+/=%:~!*".contains(&byte));
        let value = text.slice(name + 1, end);
        if is_session(text.slice(at, name))
            && value.len() >= 16
            && plausible(Promise::Token, value, Written::Quoted)
        {
            sink.report(Kind::ApiKey, name + 1..end, Confidence::Medium, "session-cookie");
        }
        if text.at(end) != b';' {
            return;
        }
        at = text.run(end + 1, 2, |byte| byte == b' ');
    }
}

/// Called at `sig=` and `nature=` of a signed URL.
pub(crate) fn verify_signature(text: &Text<'_>, anchor: Range<usize>, sink: &mut Sink<'_>) {
    let start = text.run_back(anchor.start, 16, |byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if !matches!(text.before(start, 1), b'?' | b'&' | b';') {
        return;
    }
    let end = text.run(anchor.end, VALUE, |byte| is_base64url(byte) || b".+/=%~".contains(&byte));
    if end - anchor.end >= 20 {
        report(text, anchor.end..end, Promise::Token, Written::Bare, "signed-url", sink);
    }
}

/// Called at `basic `, and at `auth` with its quotes and operator: a user and a password in base64.
pub(crate) fn verify_basic(text: &Text<'_>, anchor: Range<usize>, sink: &mut Sink<'_>) {
    let at = text.run(anchor.end, 6, |byte| matches!(byte, b' ' | b'"' | b'\'' | b'\\' | b':' | b'='));
    let end = text.run(at, VALUE, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='));
    if end - at >= 8
        && !is_word(text.at(end))
        && !is_word(text.before(anchor.start, 1))
        && holds_pair(text.slice(at, end))
    {
        sink.report(Kind::Password, at..end, Confidence::High, "basic-auth");
    }
}

/// Called at the prefix of an AWS key id: the secret is 40 characters of base64 within a few lines of it.
pub(crate) fn verify_aws_pair(text: &Text<'_>, anchor: Range<usize>, sink: &mut Sink<'_>) {
    const REACH: usize = 300;
    const LENGTH: usize = 40;
    let id = text.run(anchor.start, 21, |byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    if id - anchor.start != 20 || is_word(text.before(anchor.start, 1)) || !sink.wants(Kind::AwsSecretKey) {
        return;
    }
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'+');
    let mut at = anchor.start.saturating_sub(REACH);
    at = text.run(at, REACH, |byte| at > 0 && is_part(byte));
    let limit = (id + REACH).min(text.len());
    while at + LENGTH <= limit {
        // A secret that starts before this byte holds it.
        let last = at + LENGTH - 1;
        if !is_part(text.at(last)) {
            at = last + 1;
            continue;
        }
        let start = text.run_back(last, LENGTH, is_part).max(at);
        let end = text.run(last, LENGTH, is_part);
        let value = text.slice(start, end);
        let mixed = value.iter().any(u8::is_ascii_uppercase)
            && value.iter().any(u8::is_ascii_lowercase)
            && value.iter().any(u8::is_ascii_digit);
        if end - start == LENGTH && mixed && text.at(end) != b'=' && rarity(value) >= 7 * BIT {
            sink.report(Kind::AwsSecretKey, start..end, Confidence::High, "aws-secret-pair");
        }
        at = text.run(end, REACH, is_part);
    }
}

/// An argument of a command or statement: its start and end, without quotes.
fn argument(text: &Text<'_>, at: usize) -> (usize, usize, Written) {
    let quote = text.at(at);
    if matches!(quote, b'\'' | b'"') {
        let end = text.run(at + 1, VALUE, |byte| byte != quote && byte != b'\n');
        let end = if text.at(end) == quote { text.floor(end) } else { at + 1 };
        return (at + 1, end, Written::Quoted);
    }
    let end = text.run(at, VALUE, |byte| !byte.is_ascii_whitespace() && !b"\"'`;|<>\\".contains(&byte));
    (at, text.floor(end), Written::Bare)
}

fn report(
    text: &Text<'_>,
    span: Range<usize>,
    promise: Promise,
    written: Written,
    rule: &'static str,
    sink: &mut Sink<'_>,
) {
    let kind = if promise == Promise::Token { Kind::ApiKey } else { Kind::Password };
    if plausible(promise, text.slice(span.start, span.end), written) {
        sink.report(kind, span, Confidence::Medium, rule);
    }
}

fn is_session(name: &[u8]) -> bool {
    const PARTS: [&[u8]; 6] = [b"sess", b"sid", b"auth", b"token", b"jwt", b"remember"];
    let csrf = crate::text::contains_fold(name, b"csrf") || crate::text::contains_fold(name, b"xsrf");
    !csrf && PARTS.iter().any(|part| crate::text::contains_fold(name, part))
}

/// Whether the base64 holds printable ASCII with a colon inside, `user:password`, and the password is one.
fn holds_pair(base64: &[u8]) -> bool {
    pair(base64, |user, password| {
        !user.is_empty() && password.len() > 2 && !user.contains(&b' ') && !is_sample(password)
    })
}

/// Whether the base64 is that of `user:pass` and its like, which show how it is done.
pub(crate) fn shows_how(base64: &[u8]) -> bool {
    pair(base64, |_, password| is_sample(password))
}

/// Whether the base64 holds printable ASCII with a colon inside, and what stands around that is accepted.
fn pair(base64: &[u8], accept: impl Fn(&[u8], &[u8]) -> bool) -> bool {
    let (mut decoded, mut len) = ([0_u8; VALUE], 0);
    let (mut bits, mut width) = (0_u32, 0_u32);
    for byte in base64.iter().filter(|byte| **byte != b'=') {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            _ => 63,
        };
        bits = (bits << 6 | u32::from(value)) & 0x3fff;
        width += 6;
        if width >= 8 {
            width -= 8;
            let Some(slot) = decoded.get_mut(len) else { return false };
            *slot = (bits >> width & 0xff) as u8;
            // Most that is no pair ends here soon.
            if !(0x20..0x7f).contains(slot) {
                return false;
            }
            len += 1;
        }
    }
    let pair = decoded.get(..len).unwrap_or_default();
    let colon = pair.iter().position(|byte| *byte == b':');
    colon.is_some_and(|at| accept(pair.get(..at).unwrap_or_default(), pair.get(at + 1..).unwrap_or_default()))
}
