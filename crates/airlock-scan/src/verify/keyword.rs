//! Values in running text that stand beside a telling name: `password = "…"`, `"api_key": "…"`,
//! `Authorization: Bearer …`, `<token>…</token>`, `--password …`, `-u user:…`.

use std::{ops::Range, sync::LazyLock};

use crate::{
    Confidence, Kind, Rule,
    keys::{Telling, telling},
    placeholder::Written,
    published::is_published,
    rarity::pattern::is_uuid,
    rule::{GENERIC, Matcher, Sink},
    rules::rules,
    text::{Text, is_base64url, is_word},
    verify::{
        plausible::{Promise, plausible},
        structure::{shows_how, verify_signing},
        value::{Assigned, NAME, VALUE, Value, is_name},
        vendors::in_vendors_form,
    },
};

/// How far a private key goes on behind the longest value.
const KEY_DATA: usize = 1792;

/// Called at the stem of a telling name.
pub(crate) fn verify(text: &Text<'_>, anchor: Range<usize>, sink: &mut Sink<'_>) {
    // `pw` is short enough to need what stands before it as an anchor.
    let first = text.at(anchor.start);
    let before = usize::from(first.is_ascii() && !first.is_ascii_alphabetic());
    let anchor = anchor.start + before..anchor.end;
    if text.at(anchor.end) == b'.' && text.has_fold(anchor.start, b"jwt") {
        verify_signing(text, anchor.end, sink);
    }
    let end = text.run(anchor.end, NAME, is_name);
    let end = wide_colon(text, anchor.end, end);
    // Most stems stand in ordinary words, which nothing is assigned to: that is the cheapest to see.
    let Some(assigned) = Assigned::to(text, anchor.start, end) else {
        if text.at(end) == b')' || text.at(end) == b' ' {
            compared(text, anchor.start, end, sink);
        }
        return;
    };
    let Some((start, telling)) = name(text, anchor.start, end) else { return };
    if text.before(start, 1) == b'[' && is_hash_label(text, end)
        || is_far_value(text, start)
        || is_of_path(text, start, end)
        || ends_sentence(text, start, end)
    {
        return;
    }
    let Some(value) = assigned.value(text) else { return };
    judge(text, start..end, &telling, value, sink);
}

/// Whether the name at `start` is itself assigned to a name that is assigned: `a=b=password=…`. The first of them
/// has read it as its value; looking again at each would take long where all of a text is like that.
fn is_far_value(text: &Text<'_>, start: usize) -> bool {
    let assigned = |at: usize| {
        (text.before(at, 1) == b'=')
            .then(|| text.run_back(at - 1, NAME, is_name))
            .filter(|name| *name + 1 < at)
    };
    assigned(start).and_then(assigned).is_some()
}

/// Whether the name is a step of a path with colons: `:authentication:username-password:custom-user`.
fn is_of_path(text: &Text<'_>, start: usize, end: usize) -> bool {
    text.at(end) == b':'
        && text.before(start, 1) == b':'
        && is_word(text.before(start, 2))
        && is_word(text.at(end + 1))
}

/// Whether the name is the last word of a sentence in quotes, which is translated: `"Enter the key and the secret": "…"`.
fn ends_sentence(text: &Text<'_>, start: usize, end: usize) -> bool {
    let quote = text.at(end);
    matches!(quote, b'"' | b'\'') && text.before(start, 1) == b' ' && {
        let open = text.run_back(start, 128, |byte| byte != quote && byte != b'\n');
        memchr::memchr_iter(b' ', text.slice(open, start)).count() >= 3
    }
}

/// Reports the value if it keeps what the name tells.
fn judge(text: &Text<'_>, name: Range<usize>, telling: &Telling, value: Value, sink: &mut Sink<'_>) {
    let bytes = text.slice(value.span.start, value.span.end);
    let at = name.start;
    let name = text.slice(name.start, name.end);
    let uuid = is_uuid(bytes);
    // `did not pass "…"`: a verb.
    let verb = value.apart && name.eq_ignore_ascii_case(b"pass");
    let shown = value.basic && shows_how(bytes);
    if shown || verb || uuid && is_of_request(name) || is_public_key(bytes) || is_of_badge(text, at) {
        return;
    }
    let promise = match telling.kind {
        // What is set in two arguments is a whole name and its value.
        Kind::ApiKey if uuid && value.apart && telling.sure && !telling.alone => Promise::Token,
        _ if !telling.sure || value.apart && telling.kind != Kind::Password => Promise::Perhaps,
        Kind::Password if telling.secret => Promise::Secret,
        Kind::Password => Promise::Password,
        Kind::ApiKey | Kind::Jwt | Kind::AwsAccessKey | Kind::AwsSecretKey | Kind::PrivateKey => {
            Promise::Token
        }
        _ => return,
    };
    let is_aws = telling.kind == Kind::AwsSecretKey && bytes.len() == 40 && !bytes.contains(&b' ');
    let form = in_vendors_form(name, bytes);
    if form == Some(false) || !is_aws && has_vendors_prefix(bytes) {
        return;
    }
    let known = is_aws || form == Some(true);
    // Where nothing says that a value was assigned, a plain word is a word.
    let apart = !value.apart || bytes.iter().any(|byte| !byte.is_ascii_alphabetic()) && !is_identifier(bytes);
    let opaque = telling.alone && uuid && !name.eq_ignore_ascii_case(b"apikey") && name.len() <= 6;
    let passphrase =
        telling.kind == Kind::Password && value.written == Written::Quoted && is_passphrase(bytes);
    let is_private_key = telling.kind == Kind::PrivateKey && bytes.len() < 16;
    if !(known
        || apart && !opaque && !is_private_key && plausible(promise, bytes, value.written)
        || passphrase)
        || repeats_name(name, bytes)
        || is_published(bytes)
    {
        return;
    }
    let kind = match telling.kind {
        _ if value.basic => Kind::Password,
        Kind::Jwt | Kind::AwsAccessKey => Kind::ApiKey,
        Kind::Password | Kind::ApiKey if in_connection_string(text, value.span.start, name.len()) => {
            Kind::ConnectionString
        }
        kind => kind,
    };
    let mut span = value.span;
    if kind == Kind::PrivateKey {
        // The base64 of a PEM file is longer than other values are.
        span.end =
            text.run(span.end, KEY_DATA, |byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte));
    }
    sink.report(kind, span, Confidence::Medium, "keyed-text");
}

/// The literal that the name ending at `end` is compared with: `if ("…" == password)`.
fn compared(text: &Text<'_>, anchor: usize, end: usize, sink: &mut Sink<'_>) {
    let start = text.run_back(anchor, NAME, is_name);
    let operator = text.run_back(start, 4, |byte| byte == b' ');
    let left = text.run_back(operator, 3, |byte| matches!(byte, b'=' | b'!'));
    if operator - left < 2 {
        return;
    }
    let close = text.run_back(left, 4, |byte| byte == b' ');
    let quote = text.before(close, 1);
    if !matches!(quote, b'"' | b'\'') {
        return;
    }
    let open = text.run_back(close - 1, 256, |byte| byte != quote && byte != b'\n');
    if text.before(open, 1) != quote {
        return;
    }
    let Some((start, telling)) = name(text, anchor, end) else { return };
    let value = Value { span: open..close - 1, written: Written::Quoted, basic: false, apart: false };
    judge(text, start..end, &telling, value, sink);
}

/// End of the name where a full-width colon, which is no part of it, stands in it.
fn wide_colon(text: &Text<'_>, from: usize, end: usize) -> usize {
    if text.before(end, 1).is_ascii() && from == end {
        return end;
    }
    memchr::memmem::find(text.slice(from, end), "：".as_bytes()).map_or(end, |at| from + at)
}

/// Whether the value starts with a vendor's prefix: the vendor's rule knows better whether it is a key.
fn has_vendors_prefix(value: &[u8]) -> bool {
    let Some(head) = head(value) else { return false };
    // No vendor's tokens hold other characters: this is something else that starts alike.
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.+/=!%~#$:".contains(byte);
    let from = PREFIXES.partition_point(|(before, _)| *before < head);
    PREFIXES
        .iter()
        .skip(from)
        .take_while(|(same, _)| *same == head)
        .any(|(_, prefix)| value.starts_with(prefix))
        && value.iter().all(is_token)
}

/// The vendors' prefixes that end like one, and some that no word starts with, by their first four bytes.
static PREFIXES: LazyLock<Vec<(u32, &[u8])>> = LazyLock::new(|| {
    // Of test systems, whose keys open nothing; and those whose anchors are shorter or end elsewhere.
    const MORE: [&str; 11] = [
        "SB-Mid-client-",
        "sbx_apikey_",
        "pdl_sdbx_",
        "mercury_sandbox_",
        "sb_secret_",
        "sb_publishable_",
        "configcat-sdk-",
        "cnvca",
        "AIza",
        "tskey-",
        "bedrock-api-key-",
    ];
    // What needs a word near it is too short or too common to tell anything alone.
    let tells = |rule: &&Rule| match rule.matcher {
        Matcher::Shape(format) => format.near.is_empty(),
        _ => rule.kind == Kind::ApiKey && !GENERIC.contains(&rule.id),
    };
    let rules = rules().iter().filter(tells);
    let anchors = rules.flat_map(|rule| rule.anchors).copied();
    let marked = anchors.filter(|anchor| anchor.ends_with(['_', '-', '.']));
    let mut prefixes: Vec<_> =
        marked.chain(MORE).filter_map(|prefix| Some((head(prefix.as_bytes())?, prefix.as_bytes()))).collect();
    prefixes.sort_unstable();
    prefixes
});

/// The first four bytes as a number.
fn head(value: &[u8]) -> Option<u32> {
    value.first_chunk().map(|first| u32::from_be_bytes(*first))
}

/// Whether the name is the parameter with which a page of documentation asks for a picture of a figure.
fn is_of_badge(text: &Text<'_>, name: usize) -> bool {
    if !matches!(text.before(name, 1), b'?' | b'&') {
        return false;
    }
    let start = text.run_back(name, 160, |byte| !byte.is_ascii_whitespace() && !b"\"(<".contains(&byte));
    let url = text.slice(start, name);
    let holds = |part: &[u8]| memchr::memmem::find(url, part).is_some();
    holds(b"badge.svg?") || holds(b"//img.shields.io/")
}

/// Whether the base64 is the start of a public key in DER: RSA, elliptic curves, Ed25519 and X25519.
fn is_public_key(value: &[u8]) -> bool {
    const STARTS: [&[u8]; 8] = [
        b"MIIBIjANBgkqhkiG9w0BAQEFAAOC",
        b"MIICIjANBgkqhkiG9w0BAQEFAAOC",
        b"MIGfMA0GCSqGSIb3DQEBAQUAA4GN",
        b"MFkwEwYHKoZIzj0CAQ",
        b"MHYwEAYHKoZIzj0CAQ",
        b"MIGbMBAGByqGSM49AgEG",
        b"MCowBQYDK2VwAyEA",
        b"MCowBQYDK2VuAyEA",
    ];
    value.first() == Some(&b'M') && STARTS.iter().any(|start| value.starts_with(start))
}

/// Whether the name is that of a token with which a client repeats a request: `ClientToken`, `client-request-token`.
fn is_of_request(name: &[u8]) -> bool {
    let Some((before, last)) = name.len().checked_sub(5).and_then(|at| name.split_at_checked(at)) else {
        return false;
    };
    let before = before.strip_suffix(b"_").or(before.strip_suffix(b"-")).unwrap_or(before);
    let ends = |word: &[u8]| {
        before
            .len()
            .checked_sub(word.len())
            .and_then(|at| before.get(at..))
            .is_some_and(|end| end.eq_ignore_ascii_case(word))
    };
    last.eq_ignore_ascii_case(b"token") && (ends(b"client") || ends(b"request"))
}

/// Words in lower case joined by `_`, with few digits: what names a setting, `gs_service_port`.
fn is_identifier(value: &[u8]) -> bool {
    value.contains(&b'_')
        && value.iter().filter(|byte| byte.is_ascii_digit()).count() <= 1
        && value.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'_')
}

/// Whether the value is the end of the name, however the two are written: `_CLIENT_SECRET = "clientSecret"`.
fn repeats_name(name: &[u8], value: &[u8]) -> bool {
    let mut letters = name.iter().rev().filter(|byte| byte.is_ascii_alphanumeric());
    value.iter().all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'-'))
        && value
            .iter()
            .rev()
            .filter(|byte| byte.is_ascii_alphabetic())
            .all(|byte| letters.next().is_some_and(|letter| letter.eq_ignore_ascii_case(byte)))
}

/// Several words in lower case that are not about passwords: somebody's passphrase.
fn is_passphrase(value: &[u8]) -> bool {
    const ABOUT: [&[u8]; 14] = [
        b"password",
        b"your",
        b"enter",
        b"must",
        b"please",
        b"invalid",
        b"required",
        b"secret",
        b"token",
        b"the",
        b"is",
        b"not",
        b"be",
        b"for",
    ];
    let mut words = 0;
    for word in value.split(|byte| *byte == b' ') {
        if word.is_empty() || !word.iter().all(u8::is_ascii_lowercase) || ABOUT.contains(&word) {
            return false;
        }
        words += 1;
    }
    (4..=8).contains(&words)
}

/// Called at `bearer`: a token with no telling name before it.
pub(crate) fn verify_bearer(text: &Text<'_>, anchor: Range<usize>, sink: &mut Sink<'_>) {
    let start = anchor.end + 1;
    if text.at(anchor.end) != b' ' || is_word(text.before(anchor.start, 1)) {
        return;
    }
    let end =
        text.run(start, VALUE, |byte| is_base64url(byte) || matches!(byte, b'.' | b'~' | b'+' | b'/' | b'='));
    if end - start >= 16 && plausible(Promise::Token, text.slice(start, end), Written::Bare) {
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
    let is_quote = |byte: u8| matches!(byte, b'"' | b'\'' | b'\\');
    let start = text.run(anchor.end + usize::from(long), 4, |byte| byte == b' ');
    let user = text.run(start, 3, is_quote);
    let colon = text.run(user, NAME, |byte| is_base64url(byte) || matches!(byte, b'.' | b'@'));
    // In quotes the name may be missing: `-u ":…"`.
    if text.at(colon) != b':' || colon == start {
        return;
    }
    // `perldoc -u Some::Module`
    if text.at(colon + 1) == b':' {
        return;
    }
    let start = text.run(colon + 1, 3, is_quote);
    let end = text.run(start, VALUE, |byte| !byte.is_ascii_whitespace() && !is_quote(byte) && byte != b'`');
    let end = text.floor(end);
    let password = text.slice(start, end);
    // `-u 1000:1000` is a user and a group.
    let group = password.iter().all(u8::is_ascii_digit);
    if !group && !password.starts_with(b"/") && plausible(Promise::Password, password, Written::Quoted) {
        sink.report(Kind::Password, start..end, Confidence::Medium, "user-option");
    }
}

/// The start of the name that ends at `end`, and what it tells. A lone `key` takes the word before it along.
fn name(text: &Text<'_>, anchor: usize, end: usize) -> Option<(usize, Telling)> {
    let mut start = text.run_back(anchor, NAME, is_name);
    let kind = |start: usize| {
        let mut start = start;
        while !text.str.is_char_boundary(start) {
            start += 1;
        }
        telling(text.str.get(start..end)?)
    };
    if end - start <= 5
        && text.before(start, 1) == b' '
        && text.before(start, 2).is_ascii_alphabetic()
        && kind(start).is_none_or(|telling| !telling.sure)
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
fn in_connection_string(text: &Text<'_>, value: usize, name: usize) -> bool {
    let operator = text.run_back(value, 6, |byte| matches!(byte, b' ' | b'=' | b'"' | b'\''));
    let before = text.run_back(operator.saturating_sub(name), 2, |byte| byte == b' ');
    text.before(before, 1) == b';' && {
        let list = text.run_back(before, 128, |byte| !matches!(byte, b'\n' | b'"' | b'\''));
        text.slice(list, before).contains(&b'=')
    }
}
