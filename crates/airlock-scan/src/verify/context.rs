//! The words before a candidate, where its own form does not decide.

use crate::{placeholder::ends_label, text::Text};

/// How far before the candidate a word may stand.
const REACH: usize = 40;

/// Whether one of the last `count` words before `at`, on the same line, satisfies `accept`.
///
/// Words are runs of ASCII letters in lower case, cut to sixteen letters. The label of a mask is no word.
pub(crate) fn word_before(text: &Text<'_>, at: usize, count: usize, accept: impl Fn(&[u8]) -> bool) -> bool {
    let mut end = at;
    let gap = text.run_back(at, REACH, |byte| !byte.is_ascii_alphabetic() && byte != b'\n');
    if let Some(bracket) = memchr::memrchr(b']', text.slice(gap, at))
        && ends_label(text, gap + bracket + 1)
    {
        return false;
    }
    for _ in 0..count {
        let floor = at.saturating_sub(REACH);
        end = text.run_back(end, end - floor, |byte| !byte.is_ascii_alphabetic() && byte != b'\n');
        let start = text.run_back(end, end - floor, |byte| byte.is_ascii_alphabetic());
        if start == end {
            return false;
        }
        let mut word = [0; 16];
        let letters = text.slice(start, end);
        word.iter_mut().zip(letters).for_each(|(to, from)| *to = from.to_ascii_lowercase());
        if accept(word.get(..letters.len()).unwrap_or(&word)) {
            return true;
        }
        end = start;
    }
    false
}
