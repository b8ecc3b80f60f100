//! Text that a page hides from people: elements that are not shown, and comments.

use std::ops::Range;

use super::words::is;
use crate::{Confidence, Kind, rule::Sink, text::Text};

/// Bytes of hidden text looked at.
const CONTENT: usize = 1024;
/// Bytes of a tag looked at before and behind its hiding attribute.
const TAG: usize = 256;

/// An element whose style hides it, with text in it that commands a model. The anchor is the style.
pub(crate) fn verify_hidden_element(text: &Text<'_>, anchor: Range<usize>, sink: &mut Sink<'_>) {
    let open = text.run_back(anchor.start, TAG, |byte| !matches!(byte, b'<' | b'>' | b'{' | b'}'));
    let close = text.run(anchor.end, TAG, |byte| !matches!(byte, b'>' | b'<' | b'{' | b'}'));
    if text.at(close) != b'>' || (text.at(anchor.start) != b'<' && text.before(open, 1) != b'<') {
        return;
    }
    // `font-size:0` is no `font-size:0.9em`, `#fff` no `#fff8dc`.
    if text.before(anchor.end, 1).is_ascii_alphanumeric()
        && (text.at(anchor.end) == b'.'
            || text.at(anchor.end).is_ascii_alphanumeric() && text.before(anchor.end, 1) != b'9')
    {
        return;
    }
    let end = text.floor(close + 1 + CONTENT);
    let content = text.str.get(close + 1..end).unwrap_or_default();
    let content = content.get(..content.find("</").unwrap_or(content.len())).unwrap_or_default();
    if commands_a_model(content, true) {
        let start = open.saturating_sub(1).min(anchor.start);
        let start = if text.at(anchor.start) == b'<' { anchor.start } else { start };
        sink.report(Kind::Injection, start..close + 1 + content.len(), Confidence::High, "hidden-html");
    }
}

/// A comment that speaks to a model. The anchor opens it.
pub(crate) fn verify_comment(text: &Text<'_>, anchor: Range<usize>, sink: &mut Sink<'_>) {
    let content = text.str.get(anchor.end..text.floor(anchor.end + CONTENT)).unwrap_or_default();
    let content = content.get(..content.find("--").unwrap_or(content.len())).unwrap_or_default();
    if commands_a_model(content, false) {
        let end = anchor.end + content.len();
        let end = if text.has(end, b"-->") { end + 3 } else { end };
        sink.report(Kind::Injection, anchor.start..end, Confidence::High, "hidden-comment");
    }
}

/// Whether a text names a model and an order, or talks of orders given before. Comments speak of agents of
/// other kinds.
fn commands_a_model(text: &str, in_element: bool) -> bool {
    const MODELS: [&str; 14] = [
        "ai",
        "ais",
        "llm",
        "llms",
        "assistant",
        "assistants",
        "chatbot",
        "chatgpt",
        "claude",
        "gpt*",
        "gemini",
        "copilot",
        "ki",
        "ia",
    ];
    const ORDERS: [&str; 34] = [
        "must",
        "should",
        "please",
        "ignore",
        "disregard",
        "send",
        "include",
        "forward",
        "reveal",
        "execute",
        "say",
        "tell",
        "respond",
        "instruction*",
        "recommend",
        "rate",
        "always",
        "never",
        "append",
        "fetch",
        "visit",
        "delete",
        "upload",
        "approve",
        "report",
        "exfiltrate",
        "mention",
        "rank",
        "summariz*",
        "anweisung*",
        "instrucc*",
        "consigne*",
        "muss",
        "bitte",
    ];
    const OVERRIDES: [&str; 9] =
        ["ignore", "disregard", "ignoriere", "ignorez", "ignora", "forget", "override", "vergiss", "oubliez"];
    const OBJECTS: [&str; 7] =
        ["instruction*", "prompt*", "anweisung*", "instrucc*", "consigne*", "guideline*", "istruzion*"];
    let (mut model, mut order, mut overrides, mut object) = (false, false, false, false);
    for word in text.split(|char: char| !char.is_alphanumeric()).filter(|word| word.len() > 1) {
        let among = |words: &[&str]| words.iter().any(|pattern| is(word, pattern));
        model |= among(&MODELS) || in_element && among(&["agent", "agents"]);
        order |= among(&ORDERS);
        overrides |= among(&OVERRIDES);
        object |= among(&OBJECTS);
    }
    let system_prompt = text.contains("system prompt") || text.contains("exfiltrate");
    let foreign = ["忽略", "無視", "无视"].iter().any(|word| text.contains(word))
        && ["指令", "指示", "提示"].iter().any(|word| text.contains(word));
    model && order || overrides && object || system_prompt && order || foreign
}
