//! Structures that only a model reads: forged turns, invisible characters, reversed text.

use std::ops::Range;

use crate::{
    Confidence, Kind,
    rule::Sink,
    text::{Text, is_word},
};

/// The most bytes of hidden characters that one finding spans.
const LONGEST_RUN: usize = 64 * 1024;

/// A turn such as `system: you are …` at the start of a line.
pub(crate) fn verify_turn(text: &Text<'_>, anchor: Range<usize>, sink: &mut Sink<'_>) {
    const COMMANDS: [&[u8]; 8] =
        [b"you are", b"you must", b"you will", b"your ", b"ignore", b"disregard", b"forget", b"from now on"];
    let start =
        text.run_back(anchor.start, 8, |byte| matches!(byte, b'#' | b'*' | b' ' | b'[' | b'<' | b'>'));
    let line_start = matches!(text.before(start, 1), b'\n' | 0) || text.before(start, 2) == b'\\';
    let at =
        text.run(anchor.end, 16, |byte| byte.is_ascii_whitespace() || matches!(byte, b'*' | b'"' | b'#'));
    if line_start && COMMANDS.iter().any(|command| text.has_fold(at, command)) {
        sink.report(
            Kind::Injection,
            anchor.start..text.run(at, 12, is_word),
            Confidence::Medium,
            "role-turn",
        );
    }
}

/// The ASCII characters whose tags are anchors; hidden text without one of them does not exist.
const TAG_ANCHORS: &[u8] = b" adefgilnorstI\x01";

/// Characters of the tags block, invisible and readable by models; flags of regions excepted.
pub(crate) fn verify_tags(text: &Text<'_>, anchor: Range<usize>, sink: &mut Sink<'_>) {
    let tag = |at: usize| {
        let is_tag = text.at(at) == 0xf3 && text.at(at + 1) == 0xa0 && matches!(text.at(at + 2), 0x80 | 0x81);
        is_tag.then(|| (text.at(at + 2) & 1) << 6 | text.at(at + 3) & 0x3f)
    };
    // The first anchor of a run answers for all of it.
    let mut start = anchor.start;
    while let Some(before) = start.checked_sub(4).and_then(tag) {
        if TAG_ANCHORS.contains(&before) || anchor.start - start > 64 {
            return;
        }
        start -= 4;
    }
    let mut end = anchor.start;
    while tag(end).is_some() && end - start < LONGEST_RUN {
        end += 4;
    }
    let flag = text.slice(start.saturating_sub(4), start) == "\u{1f3f4}".as_bytes();
    if !flag || end - start > 7 * 4 {
        sink.report(Kind::Injection, start..end, Confidence::High, "hidden-tags");
    }
}

/// Eight or more zero-width characters in a row, which no script needs.
pub(crate) fn verify_zero_width(text: &Text<'_>, anchor: Range<usize>, sink: &mut Sink<'_>) {
    let is_invisible = |at: usize| {
        matches!(
            (text.at(at), text.at(at + 1), text.at(at + 2)),
            (0xe2, 0x80, 0x8b..=0x8d) | (0xe2, 0x81, 0xa0..=0xa4) | (0xef, 0xbb, 0xbf)
        )
    };
    if anchor.start >= 3 && is_invisible(anchor.start - 3) {
        return;
    }
    let mut end = anchor.start;
    while is_invisible(end) && end - anchor.start < LONGEST_RUN {
        end += 3;
    }
    if end - anchor.start >= 8 * 3 {
        sink.report(Kind::Injection, anchor.start..end, Confidence::Medium, "hidden-zero-width");
    }
}

/// `<|name|>`: a control token of a chat template. The anchor begins it.
pub(crate) fn verify_forged(text: &Text<'_>, anchor: Range<usize>, sink: &mut Sink<'_>) {
    let end = text.run(anchor.end, 32, |byte| is_word(byte) || byte == b' ');
    if text.has(end, b"|>") {
        sink.report(Kind::Injection, anchor.start..end + 2, Confidence::High, "role-tags");
    }
}

/// An override of direction before Latin letters: what is read is not what is written.
pub(crate) fn verify_bidi(text: &Text<'_>, anchor: Range<usize>, sink: &mut Sink<'_>) {
    let end = text.run(anchor.end, 200, |byte| byte == b' ' || byte.is_ascii_graphic());
    let letters = text.slice(anchor.end, end).iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    if letters >= 8 {
        sink.report(Kind::Injection, anchor.start..end, Confidence::Medium, "hidden-bidi");
    }
}

/// Three or more variation selectors of the supplement in a row: bytes hidden behind one character.
pub(crate) fn verify_variations(text: &Text<'_>, anchor: Range<usize>, sink: &mut Sink<'_>) {
    let is_selector =
        |at: usize| text.at(at) == 0xf3 && text.at(at + 1) == 0xa0 && matches!(text.at(at + 2), 0x84..=0x87);
    let behind = anchor.start.checked_sub(4).is_some_and(is_selector);
    let second = anchor.start.checked_sub(8).is_some_and(is_selector);
    // A later anchor of a long run leaves it to the first ones.
    if behind && second {
        return;
    }
    let start = if behind { anchor.start - 4 } else { anchor.start };
    let mut end = anchor.start;
    while is_selector(end) && end - start < 2048 {
        end += 4;
    }
    if end - start >= 3 * 4 {
        sink.report(Kind::Injection, start..end, Confidence::High, "hidden-variations");
    }
}

/// A terminal link whose visible text is an address of another host. The anchor begins it.
pub(crate) fn verify_terminal_link(text: &Text<'_>, anchor: Range<usize>, sink: &mut Sink<'_>) {
    let start = anchor.end - 4;
    let end = text.run(start, 512, |byte| !matches!(byte, 0x1b | 0x07));
    let shown = end + if text.at(end) == 0x1b { 2 } else { 1 };
    let close = text.run(shown, 512, |byte| byte != 0x1b);
    let (target, label) = (host(text.slice(start, end)), host(text.slice(shown, close)));
    if let (Some(target), Some(label)) = (target, label)
        && !target.ends_with(label)
        && !label.ends_with(target)
    {
        sink.report(Kind::Injection, anchor.start..text.floor(close), Confidence::Medium, "terminal-link");
    }
}

fn host(url: &[u8]) -> Option<&[u8]> {
    let rest = url.strip_prefix(b"https://").or_else(|| url.strip_prefix(b"http://"))?;
    rest.split(|byte| matches!(byte, b'/' | b'?' | b'#' | b':')).next()
}
