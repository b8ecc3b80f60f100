//! Notations in which a name and its value do not simply stand beside an operator: declarations with a type, values
//! in calls and behind fallbacks, settings of one line, sentences.

use crate::{
    text::{Text, is_word},
    verify::value::{NAME, is_blank, is_name},
};

/// Place of the value behind a name, blanks and no operator.
pub(super) fn alone(text: &Text<'_>, anchor: usize, end: usize, at: usize) -> Option<usize> {
    match text.at(at) {
        b'=' | b':' | b'"' | b'\'' | b'(' => None,
        b'|' => {
            // A row of a table: `password | …`
            let start = text.run(at + 1, 16, is_blank);
            let stop = text.run(start, 64, |byte| !byte.is_ascii_whitespace());
            (start > at + 1 && is_mixed(text.slice(start, stop))).then_some(start)
        }
        b'i' | b'w' | b'e' => verb(text, at).or_else(|| is_directive(text, anchor, end, at).then_some(at)),
        // How it is encrypted: `username bob password 7 …`
        b'0'..=b'9' if text.at(at + 1) == b' ' => is_directive(text, anchor, end, at + 2).then_some(at + 2),
        _ => is_directive(text, anchor, end, at).then_some(at),
    }
}

/// Whether the name around `anchor` is a function's that looks a secret up: `get_secret("db/main")`.
pub(super) fn is_getter(text: &Text<'_>, anchor: usize) -> bool {
    const VERBS: [&[u8]; 8] =
        [b"get", b"read", b"fetch", b"load", b"lookup", b"retrieve", b"require", b"delete"];
    let start = text.run_back(anchor, NAME, |byte| is_name(byte) && byte != b'.');
    VERBS.iter().any(|verb| text.has_fold(start, verb))
}

/// Whether the name around `anchor` starts its line, or follows `set`, and the word at `at` ends it, as settings are
/// written that have no operator. Sentences and declarations are written so, too: unless the name is only ever a setting, the word
/// must be made of letters of both cases and digits, or of letters, digits and signs.
fn is_directive(text: &Text<'_>, anchor: usize, end: usize, at: usize) -> bool {
    // In a sentence more words follow.
    let stop = text.run(at, 256, |byte| !byte.is_ascii_whitespace());
    if !matches!(text.at(text.run(stop, 16, is_blank)), 0 | b'\n' | b'\r') {
        return false;
    }
    let name = text.run_back(anchor, NAME, is_name);
    let line = text.run_back(name, 32, is_blank);
    let starts = matches!(text.before(line, 1), 0 | b'\n' | b'\r');
    let before = text.slice(name.saturating_sub(7), name);
    let value = text.slice(at, stop);
    if starts || before.ends_with(b" set ") || before.ends_with(b"ENV ") {
        let only_a_setting =
            [&b"bindpw"[..], b"rootpw", b"masterauth"].iter().any(|own| text.slice(name, end) == *own);
        return only_a_setting || is_mixed(value);
    }
    // A router's: `enable password …`, `username bob secret …`
    let of_router =
        before == b"enable " || text.has(text.run_back(name, 80, |byte| byte != b'\n'), b"username ");
    of_router && value.len() >= 6 && value.iter().any(u8::is_ascii_digit)
}

/// Whether the word is none of a language's, and no type, number or version either.
fn is_mixed(word: &[u8]) -> bool {
    let has = |class: fn(&u8) -> bool| usize::from(word.iter().any(class));
    let sign = |byte: &u8| b"!#$%^&*+=~?@".contains(byte);
    let classes = has(u8::is_ascii_lowercase) + has(u8::is_ascii_uppercase) + has(sign);
    let identifier = word.contains(&b'_') && word.iter().copied().all(is_word);
    word.len() >= 8 && has(u8::is_ascii_digit) == 1 && classes >= 2 && !identifier
}

/// Place of what somebody says the secret is: `the password is …`, in quotes or as no word is written.
fn verb(text: &Text<'_>, at: usize) -> Option<usize> {
    const VERBS: [&[u8]; 6] = [b"is ", b"is: ", b"was ", b"ist ", b"est ", b"es "];
    let word = VERBS.into_iter().find(|word| text.has(at, word))?;
    let start = text.run(at + word.len(), 4, is_blank);
    let quoted = matches!(text.at(start), b'"' | b'\'' | b'`');
    let inside = start + usize::from(quoted);
    let stop = text.run(inside, 64, |byte| !byte.is_ascii_whitespace() && !b",;\"'`".contains(&byte));
    (is_mixed(text.slice(inside, stop)) && (quoted || text.at(start).is_ascii_alphanumeric()))
        .then_some(start)
}

/// The second of two literals in a call, if the first is a name: `store_password("alice", "…")`.
pub(super) fn behind_name(text: &Text<'_>, first: usize) -> usize {
    let quote = text.at(first);
    let end = text.run(first + 1, NAME, |byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'.'));
    let next = text.run(end + 2, 4, is_blank);
    let second = text.at(first + 1).is_ascii_alphabetic()
        && text.at(end) == quote
        && text.at(end + 1) == b','
        && matches!(text.at(next), b'"' | b'\'');
    if second { next } else { first }
}

/// Place of the literal in `Some("…")` and other calls that only wrap it, and in `{"value": "…"}`.
pub(super) fn wrapped(text: &Text<'_>, at: usize) -> usize {
    const WRAPPERS: [&[u8]; 19] = [
        b"bytes.fromhex(",
        b"bytearray.fromhex(",
        b"base64.b64decode(",
        b"b64decode(",
        b"binascii.unhexlify(",
        b"unhexlify(",
        b"hex.DecodeString(",
        b"Buffer.from(",
        b"new String(",
        b"new SecureString(",
        b"Some(",
        b"String::from(",
        b"Secret::new(",
        b"SecretString::new(",
        b"SecretString::from(",
        b"SecretStr(",
        b"bytes(",
        b"ConvertTo-SecureString ",
        b"ConvertTo-SecureString -String ",
    ];
    match text.at(at) {
        b'S' | b'b' | b'C' | b'u' | b'h' | b'B' | b'n' => {}
        b'{' => return inner(text, at).unwrap_or(at),
        _ => return at,
    }
    let behind = |wrapper: &&[u8]| text.has(at, wrapper).then_some(at + wrapper.len());
    let inside = WRAPPERS.iter().filter_map(behind).max();
    inside.filter(|at| matches!(text.at(*at), b'"' | b'\'')).unwrap_or(at)
}

/// Place of the value in an object that holds nothing else: `{"value": "…"}`.
fn inner(text: &Text<'_>, at: usize) -> Option<usize> {
    let blank = |byte: u8| byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b'\\');
    let name = text.run(at + 1, 24, blank);
    let end = name + [&b"value"[..], b"plainText", b"S"].iter().find(|own| text.has(name, own))?.len();
    let colon = text.run(end, 4, blank);
    let value = text.run(colon + 1, 4, is_blank);
    (text.at(colon) == b':' && matches!(text.at(value), b'"' | b'\'' | b'\\')).then_some(value)
}

/// Place of the literal that is taken where an expression gives nothing: `env.KEY || "…"`, `get("key") or '…'`.
pub(super) fn fallback(text: &Text<'_>, at: usize) -> Option<usize> {
    const LONGEST: usize = 64;
    if !text.at(at).is_ascii_alphabetic() {
        return None;
    }
    let end = text.run(at, LONGEST, |byte| is_word(byte) || b".()[]'\"-".contains(&byte));
    let operator = [&b" || "[..], b" ?? ", b" or "].into_iter().find(|operator| text.has(end, operator))?;
    let literal = end + operator.len();
    let code = text.slice(at, end).iter().any(|byte| b".([".contains(byte));
    (code && matches!(text.at(literal), b'"' | b'\'')).then_some(literal)
}

/// Place of the default in the block of a variable of Terraform: `variable "api_token" { default = "…" }`.
pub(super) fn default(text: &Text<'_>, anchor: usize, at: usize) -> Option<usize> {
    const LONGEST: usize = 300;
    let name = text.run_back(anchor, NAME, is_name);
    if !text.slice(name.saturating_sub(10), name).ends_with(b"variable \"") {
        return None;
    }
    let end = text.run(at, LONGEST, |byte| byte != b'}');
    let found = at + memchr::memmem::find(text.slice(at, end), b" default")? + 8;
    let equals = text.run(found, 16, is_blank);
    let value = text.run(equals + 1, 4, is_blank);
    (text.at(equals) == b'=' && text.at(value) == b'"').then_some(value)
}

/// Place of the text that belongs to a key of a property list: `<key>API_KEY</key> <string>…`.
pub(super) fn property(text: &Text<'_>, end: usize) -> Option<usize> {
    let tag = text.has(end, b"</key>").then(|| text.run(end + 6, 32, |byte| byte.is_ascii_whitespace()))?;
    text.has(tag, b"<string>").then_some(tag + 8)
}

/// Whether `=>` stands before the value, and no bracket before that: the languages that write so have their texts
/// in quotes, and only a printed array, `[password] => …`, has not. What stands behind `=~` is a pattern.
pub(super) fn is_code_behind(text: &Text<'_>, value: usize) -> bool {
    let operator = text.run_back(value, 16, is_blank);
    if text.before(operator, 1) == b'~' {
        return true;
    }
    text.before(operator, 1) == b'>' && text.before(operator, 2) == b'=' && {
        let name = text.run_back(operator - 2, 16, is_blank);
        text.before(name, 1) != b']'
    }
}

/// Whether the name around `anchor` is the first of two literals of which one is taken.
pub(super) fn is_choice(text: &Text<'_>, anchor: usize) -> bool {
    let name = text.run_back(anchor, NAME, is_name);
    let quotes = text.run_back(name, 4, |byte| matches!(byte, b'"' | b'\'' | b'\\'));
    quotes < name && text.before(quotes, 1) == b' ' && text.before(quotes, 2) == b'?'
}

/// Whether a literal in quotes follows, perhaps wrapped in a call.
pub(super) fn is_text(text: &Text<'_>, at: usize) -> bool {
    let at = wrapped(text, text.run(at, 16, is_blank));
    let prefix = usize::from(matches!(text.at(at), b'b' | b'r' | b'u' | b'f'));
    matches!(text.at(at), b'"' | b'\'' | b'`') || matches!(text.at(at + prefix), b'"' | b'\'')
}

/// Place of the `=` behind a type: `KEY: &'static str = …`, `key: Optional[str] = …`, `key: string | null = …`.
pub(super) fn declared(text: &Text<'_>, start: usize) -> Option<usize> {
    const LONGEST: usize = 48;
    let (mut at, mut digits) = (start, 0);
    while at < start + LONGEST {
        match text.at(at) {
            b'=' => break,
            // Words stand alone, but for what borrows and what lists.
            b' ' => {
                let word = text.slice(text.run_back(at, at - start, |byte| byte != b' '), at);
                let joins = word.starts_with(b"&'")
                    || [&b"|"[..], b",", b"dyn", b"mut"].iter().any(|end| word.ends_with(end))
                    || text.at(at + 1) == b'|';
                if !joins && text.at(at + 1) != b'=' {
                    return None;
                }
            }
            b'0'..=b'9' => digits += 1,
            byte if byte.is_ascii_alphabetic() || b"_&'<>[]|,.?:*!".contains(&byte) => {}
            _ => return None,
        }
        at += 1;
    }
    let assigned = text.at(at) == b'=' && text.at(at + 1) == b' ' && text.before(at, 1) == b' ';
    (assigned && at > start + 1 && digits <= 3).then_some(at)
}
