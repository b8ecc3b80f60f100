//! Links whose address carries the conversation away once they are shown or followed.

use std::ops::Range;

use crate::{
    Confidence, Kind,
    rule::Sink,
    text::{Text, contains_fold},
};

/// Parts of names under which data leaves.
const NAMES: [&[u8]; 16] = [
    b"data",
    b"chat",
    b"history",
    b"conversation",
    b"secret",
    b"context",
    b"prompt",
    b"payload",
    b"exfil",
    b"leak",
    b"message",
    b"summary",
    b"user_info",
    b"api_key",
    b"token",
    b"stolen",
];

/// `![…](https://host/?data=…)`. The anchor opens it.
pub(crate) fn verify_image(text: &Text<'_>, anchor: Range<usize>, sink: &mut Sink<'_>) {
    let alt = text.run(anchor.end, 128, |byte| byte != b']' && byte != b'\n');
    if text.has(alt, b"](http") {
        judge(text, anchor.start, alt + 2, ("image-exfiltration", Confidence::Medium), sink);
    }
}

/// `[…](https://host/?data={…})`: a link that is followed by a click only.
pub(crate) fn verify_link(text: &Text<'_>, anchor: Range<usize>, sink: &mut Sink<'_>) {
    judge(text, anchor.start, anchor.end - 4, ("link-exfiltration", Confidence::Low), sink);
}

/// `[1]: https://host/?data=…`, which an image may refer to.
pub(crate) fn verify_reference(text: &Text<'_>, anchor: Range<usize>, sink: &mut Sink<'_>) {
    judge(text, anchor.start, anchor.end - 4, ("reference-exfiltration", Confidence::Medium), sink);
}

/// `<img src="https://host/?data=…">`. The anchor opens it.
pub(crate) fn verify_html_image(text: &Text<'_>, anchor: Range<usize>, sink: &mut Sink<'_>) {
    let end = text.run(anchor.end, 256, |byte| byte != b'>');
    let tag = text.slice(anchor.end, end);
    let source =
        tag.windows(4).position(|part| part.eq_ignore_ascii_case(b"src=")).map(|at| anchor.end + at + 4);
    if let Some(source) = source {
        let start = text.run(source, 2, |byte| matches!(byte, b'"' | b'\'' | b'\\'));
        if text.has(start, b"http") || text.has(start, b"//") {
            judge(text, anchor.start, start, ("image-exfiltration-html", Confidence::Medium), sink);
        }
    }
}

/// Reports the address at `start` if a parameter or a part of its path is bait.
fn judge(
    text: &Text<'_>,
    from: usize,
    start: usize,
    (rule, confidence): (&'static str, Confidence),
    sink: &mut Sink<'_>,
) {
    let end = text.run(start, 512, |byte| {
        !byte.is_ascii_whitespace() && !matches!(byte, b'!' | b'(' | b')' | b'"' | b'\'' | b'>')
    });
    let end = text.floor(end);
    let url = text.slice(start, end);
    let query =
        url.iter().position(|byte| *byte == b'?').and_then(|at| url.get(at + 1..)).unwrap_or_default();
    let by_query = query.split(|byte| *byte == b'&').any(|parameter| {
        let mut parts = parameter.splitn(2, |byte| *byte == b'=');
        let (name, value) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let named = NAMES.iter().any(|known| contains_fold(name, known));
        let blank = is_blank(value);
        named
            && (blank
                || value.len() >= 16
                    && value.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'=')
                || contains_fold(value, b"here"))
            || blank && NAMES.iter().any(|known| contains_fold(value, known))
    });
    let by_path = || {
        url.split(|byte| *byte == b'/').any(|part| {
            part.len() <= 64 && is_blank(part) && NAMES.iter().any(|known| contains_fold(part, known))
        })
    };
    if by_query || by_path() {
        sink.report(Kind::Injection, from..end, confidence, rule);
    }
}

/// Whether something is to be filled in.
fn is_blank(value: &[u8]) -> bool {
    value.iter().any(|byte| matches!(byte, b'{' | b'[' | b'<' | b'$')) || value.starts_with(b"%7B")
}
