//! Tokens of services: a vendor's prefix and a body of known alphabet and length.

use std::ops::Range;

use crate::{
    Confidence, Rule,
    rule::Sink,
    text::{Alphabet, Text, is_word},
};

/// Reports the token that starts with the anchor of `rule`.
pub(crate) fn verify(
    text: &Text<'_>,
    anchor: Range<usize>,
    rule: &'static Rule,
    (alphabet, min, max): (Alphabet, usize, usize),
    sink: &mut Sink<'_>,
) {
    if !starts_here(text, anchor.start) {
        return;
    }
    let end = text.run(anchor.end, max + 1, |byte| alphabet.contains(byte));
    let end = trim(text, anchor.end, end);
    if (min..=max).contains(&(end - anchor.end))
        && !text.slice(anchor.end, end).windows(3).any(|part| part == b"***")
    {
        sink.report(rule.kind, anchor.start..end, Confidence::High, rule.id);
    }
}

/// Whether a token may start at `at`: no letter, digit or underscore before it. An escape such as `\n`
/// ends in a letter that belongs to no word, and `u002d`-style escapes are left to the caller.
pub(crate) fn starts_here(text: &Text<'_>, at: usize) -> bool {
    let before = text.before(at, 1);
    !is_word(before) || text.before(at, 2) == b'\\' && matches!(before, b'n' | b'r' | b't')
}

/// Sentences end in a dot, encodings of URLs in `%`; neither ends a token.
fn trim(text: &Text<'_>, start: usize, mut end: usize) -> usize {
    while end > start && matches!(text.before(end, 1), b'.' | b'%') {
        end -= 1;
    }
    end
}

/// Called at the prefix of an AWS access key id.
pub(crate) fn verify_aws_id(text: &Text<'_>, anchor: Range<usize>, sink: &mut Sink<'_>) {
    let end = text.run(anchor.start, 21, |byte| Alphabet::UpperAlnum.contains(byte));
    if end - anchor.start == 20 && starts_here(text, anchor.start) && !is_word(text.at(end)) {
        sink.report(crate::Kind::AwsAccessKey, anchor.start..end, Confidence::High, "aws-access-key-id");
    }
}
