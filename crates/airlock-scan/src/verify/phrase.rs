//! Wording and structures that address a model: phrases by grammar tables, hidden characters, bait links.

use std::ops::Range;

use crate::{
    Confidence, Kind,
    rule::Sink,
    text::{Text, contains_fold, is_word},
};

/// The most bytes a phrase spans.
const PHRASE: usize = 160;
/// The most bytes of hidden characters that one finding spans.
const LONGEST_RUN: usize = 64 * 1024;

/// The words of a sentence such as "ignore all previous instructions", in one language.
///
/// The verb is the anchor. Among the next `within` words there must be a qualifier and then an object, or an
/// object and then a word of `postponed`; other words in between do not matter.
pub(crate) struct Grammar {
    pub(crate) within: usize,
    pub(crate) qualifiers: &'static [&'static str],
    pub(crate) postponed: &'static [&'static str],
    pub(crate) objects: &'static [&'static str],
}

impl Grammar {
    /// Reports the phrase that starts with the anchor.
    pub(crate) fn verify(
        &self,
        text: &Text<'_>,
        anchor: Range<usize>,
        rule: &'static str,
        sink: &mut Sink<'_>,
    ) {
        if is_word(text.before(anchor.start, 1)) || !is_gap(text.at(anchor.end)) {
            return;
        }
        let limit = (anchor.end + PHRASE).min(text.len());
        let (mut at, mut qualified, mut object) = (anchor.end, false, false);
        for _ in 0..self.within {
            let start = text.run(at, limit - at, is_gap);
            at = text.run(start, limit - start, |byte| !is_gap(byte) && !is_stop(byte));
            let word = text.slice(start, at);
            let is_in = |words: &[&str]| {
                words.iter().any(|candidate| word.eq_ignore_ascii_case(candidate.as_bytes()))
            };
            let is_object = is_in(self.objects);
            if qualified && is_object || object && is_in(self.postponed) {
                return sink.report(Kind::Injection, anchor.start..at, Confidence::High, rule);
            }
            if word.is_empty() {
                return;
            }
            qualified |= is_in(self.qualifiers);
            object |= is_object;
        }
    }
}

/// What may stand between the words of a phrase: blanks, line ends, emphasis, quotes.
fn is_gap(byte: u8) -> bool {
    byte.is_ascii_whitespace()
        || matches!(byte, b'*' | b'_' | b'"' | b'\'' | b'`' | b',' | b'-' | b'>' | b'#')
}

/// What ends a sentence.
fn is_stop(byte: u8) -> bool {
    matches!(byte, b'.' | b'!' | b'?' | b';' | b':' | b'<' | b'(' | b')' | b'|')
}

/// Reports the anchor itself, and nothing more: it stands in no ordinary text.
pub(crate) fn verify_literal(text: &Text<'_>, anchor: Range<usize>, rule: &'static str, sink: &mut Sink<'_>) {
    let inside_word = is_word(text.at(anchor.start)) && is_word(text.before(anchor.start, 1));
    if !inside_word {
        sink.report(Kind::Injection, anchor, Confidence::High, rule);
    }
}

/// A turn such as `system: you are …` at the start of a line.
pub(crate) fn verify_turn(text: &Text<'_>, anchor: Range<usize>, sink: &mut Sink<'_>) {
    const COMMANDS: [&[u8]; 8] =
        [b"you are", b"you must", b"you will", b"your ", b"ignore", b"disregard", b"forget", b"from now on"];
    let start =
        text.run_back(anchor.start, 8, |byte| matches!(byte, b'#' | b'*' | b' ' | b'[' | b'<' | b'>'));
    let line_start = matches!(text.before(start, 1), b'\n' | 0) || text.before(start, 2) == b'\\';
    let at = text.run(anchor.end, 16, is_gap);
    if line_start && COMMANDS.iter().any(|command| text.has_fold(at, command)) {
        sink.report(
            Kind::Injection,
            anchor.start..text.run(at, 12, is_word),
            Confidence::Medium,
            "role-turn",
        );
    }
}

/// Chinese: an object and a word that points back stand within a few characters of the verb, which is the anchor.
pub(crate) fn verify_chinese(text: &Text<'_>, anchor: Range<usize>, sink: &mut Sink<'_>) {
    let end = text.floor(anchor.end + 48);
    let tail = text.str.get(anchor.end..end).unwrap_or_default();
    let has =
        |words: &[&str]| words.iter().filter_map(|word| tail.find(word).map(|at| at + word.len())).max();
    let back = has(&["之前", "以上", "先前", "上述", "前面", "上面", "以前"]);
    if let (Some(_), Some(object)) = (back, has(&["指令", "指示", "提示", "说明", "规则", "命令", "要求"]))
    {
        sink.report(Kind::Injection, anchor.start..anchor.end + object, Confidence::High, "override-zh");
    }
}

/// Japanese: the verb, which is the anchor, stands last.
pub(crate) fn verify_japanese(text: &Text<'_>, anchor: Range<usize>, sink: &mut Sink<'_>) {
    let start = text.floor(anchor.start.saturating_sub(72));
    let head = text.str.get(start..anchor.start).unwrap_or_default();
    let has = |words: &[&str]| words.iter().filter_map(|word| head.rfind(word)).min();
    let object = has(&["指示", "命令", "プロンプト", "ルール", "指令"]);
    if let (Some(back), Some(_)) =
        (has(&["以前", "上記", "これまで", "今まで", "前の", "先ほど", "すべての"]), object)
    {
        sink.report(Kind::Injection, start + back..anchor.end, Confidence::High, "override-ja");
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

/// `![…](https://host/?data=…)`: an image whose address carries the conversation away once it is shown.
pub(crate) fn verify_image(text: &Text<'_>, anchor: Range<usize>, sink: &mut Sink<'_>) {
    const NAMES: [&[u8]; 14] = [
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
        b"msg",
        b"message",
        b"summary",
        b"info",
    ];
    let alt = text.run(anchor.end, 128, |byte| byte != b']' && byte != b'\n');
    if !text.has(alt, b"](http") {
        return;
    }
    let start = alt + 2;
    let end = text.run(start, 512, |byte| !byte.is_ascii_whitespace() && byte != b')');
    let end = text.floor(end);
    let url = text.slice(start, end);
    let Some(query) = url.iter().position(|byte| *byte == b'?').and_then(|at| url.get(at + 1..)) else {
        return;
    };
    let bait = query.split(|byte| *byte == b'&').any(|parameter| {
        let mut parts = parameter.splitn(2, |byte| *byte == b'=');
        let (name, value) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let placeholder = value.iter().any(|byte| matches!(byte, b'{' | b'[' | b'<' | b'$'));
        let named = NAMES.iter().any(|known| name.eq_ignore_ascii_case(known));
        placeholder || named && (value.len() >= 16 || contains_fold(value, b"here"))
    });
    if bait {
        sink.report(Kind::Injection, anchor.start..end, Confidence::Medium, "image-exfiltration");
    }
}
