//! Values that stand where a secret would, and are none.

use std::ops::Range;

use crate::{
    Kind,
    keys::kind_of_key,
    rarity::{BIT, rarity},
    text::{Text, contains_fold},
};

/// Stand-ins and expressions are no longer than this; what is longer is not examined for them.
const SHORT: usize = 128;

/// Whether the value is the result of masking: finding it again would make masking never end.
pub(crate) fn is_masked(value: &[u8]) -> bool {
    memchr::memchr_iter(b'*', value).any(|at| holds_stars(value, at))
        || holds_label(value)
        || is_one_character(value)
        || value.len() <= SHORT && contains_fold(value, b"redacted")
}

/// Whether the stars at `at` are the hidden part of a mask: `***`, `203.0.*.*`, `00:1a:2b:**:**:**`.
fn holds_stars(value: &[u8], at: usize) -> bool {
    let rest = value.get(at..).unwrap_or_default();
    let address = || {
        let mut parts = value.get(..at).unwrap_or_default().rsplitn(3, |byte| *byte == b'.');
        let (empty, second, first) = (parts.next(), parts.next(), parts.next());
        let is_number = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
        empty.is_some_and(<[u8]>::is_empty)
            && second.is_some_and(is_number)
            && first.and_then(<[u8]>::last).is_some_and(u8::is_ascii_digit)
    };
    rest.starts_with(b"***") || rest.starts_with(b"**:**:**") || rest.starts_with(b"*.*") && address()
}

/// Whether a mask, or the hidden part of one, touches the span, if need be across one `-` or `.`. What stands
/// there was no finding before the mask was made, so it must not become one afterwards.
pub(crate) fn touches_mask(text: &Text<'_>, span: &Range<usize>) -> bool {
    let joins = |byte: u8| byte == b'-' || byte == b'.';
    let start = span.start - usize::from(joins(text.before(span.start, 1)));
    let before = match text.before(start, 1) {
        b'*' => {
            let head = text.slice(0, start);
            head.ends_with(b"****") || head.ends_with(FULL)
        }
        b']' => ends_label(text, start),
        b':' => starts_hash(text, start),
        _ => false,
    };
    let end = span.end + usize::from(joins(text.at(span.end)));
    before
        || match text.at(end) {
            b'*' => [FULL, b"****", b"***-**", b"***@"].iter().any(|mask| text.has(end, mask)),
            b'[' => is_label(text.slice(end, end + LABEL)),
            _ => false,
        }
}

/// The mask that hides everything, and the longest label with its brackets and hash.
const FULL: &[u8] = b"***REDACTED***";
const LABEL: usize = 40;
/// Digits of a group of an IPv6 address.
const GROUP: usize = 4;
/// Digits of the hash.
const HASH: usize = 8;

/// Whether a mask such as `[SSN REDACTED]` ends at `at`, behind its bracket.
pub(crate) fn ends_label(text: &Text<'_>, at: usize) -> bool {
    let open = text.run_back(at, LABEL, |byte| byte != b'[');
    is_label(text.slice(open.saturating_sub(1), at))
}

/// Whether the hash of a mask such as `[SSN:a1b2c3d4]` starts at `at`, behind its colon.
pub(crate) fn starts_hash(text: &Text<'_>, at: usize) -> bool {
    let end = text.run(at, HASH + 1, |byte| byte.is_ascii_hexdigit());
    let open = text.run_back(at.saturating_sub(1), LABEL, |byte| byte.is_ascii_uppercase() || byte == b'_');
    end == at + HASH && text.at(end) == b']' && is_label(text.slice(open.saturating_sub(1), at))
}

/// Whether the last group of a hidden IPv6 address, `****:7348`, starts at `at`, behind its colon.
pub(crate) fn starts_group(text: &Text<'_>, at: usize) -> bool {
    const HIDDEN: &[u8] = b"****:";
    let end = text.run(at, GROUP + 1, |byte| byte.is_ascii_hexdigit());
    end - at <= GROUP && text.at(end) == b'@' && text.slice(at.saturating_sub(HIDDEN.len()), at) == HIDDEN
}

/// Whether a mask with a label starts anywhere in the value.
fn holds_label(value: &[u8]) -> bool {
    memchr::memchr_iter(b'[', value).any(|at| value.get(at..).is_some_and(is_label))
}

/// Whether the value starts like `[SSN REDACTED]` or `[SSN:a1b2c3d4]`.
fn is_label(value: &[u8]) -> bool {
    let Some(inner) = value.strip_prefix(b"[") else { return false };
    Kind::ALL.iter().any(|kind| {
        inner
            .strip_prefix(kind.label().as_bytes())
            .is_some_and(|rest| matches!(rest.first(), None | Some(b' ' | b':' | b']')))
    })
}

fn is_one_character(value: &[u8]) -> bool {
    let Some((first, rest)) = value.split_first() else { return true };
    let bullet = "•".as_bytes();
    rest.iter().all(|byte| byte == first) && (rest.len() > 2 || !first.is_ascii_alphanumeric())
        || value.chunks(bullet.len()).all(|part| part == bullet)
}

/// Whether the value names where the secret is, rather than being it.
pub(crate) fn is_reference(value: &[u8]) -> bool {
    const STARTS: [&[u8]; 23] = [
        b"!vault",
        b"${",
        b"ENC[",
        b"<<",
        b"$(",
        b"{{",
        b"#{",
        b"%(",
        b"%{",
        b"@{",
        b"<%",
        b"process.env",
        b"import.meta.env",
        b"os.environ",
        b"os.getenv",
        b"getenv",
        b"ENV[",
        b"env(",
        b"env.",
        b"env:",
        b"secrets.",
        b"vault:",
        b"!ref",
    ];
    let variable = |name: &[u8]| {
        name.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_')
            && name.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_')
    };
    let between =
        |open: u8, close: u8| value.len() > 2 && value.first() == Some(&open) && value.last() == Some(&close);
    let words =
        |name: &[u8]| name.iter().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'_' | b' '));
    STARTS.iter().any(|start| value.starts_with(start))
        || value
            .strip_prefix(b"$")
            .is_some_and(|name| variable(name) || is_type_name(name) || name.contains(&b'_') && words(name))
        || between(b'[', b']') && value.get(1..value.len() - 1).is_some_and(words)
        || between(b'<', b'>')
        || value.len() > 4 && value.starts_with(b"[[") && value.ends_with(b"]]")
        || value.len() > 4 && value.starts_with(b"##") && value.ends_with(b"##")
        // An option of a command: `pass '--cfg name'`
        || value.starts_with(b"--") && value.get(2).is_some_and(u8::is_ascii_lowercase)
        // The start of a mapping: `{type: apiKey, …}`
        || between(b'{', b':')
        || between(b'{', b'}') && !value.contains(&b'"')
        || between(b'%', b'%')
        || is_format(value)
        // `{string | Buffer}` in the documentation of a parameter
        || value
            .strip_prefix(b"{")
            .is_some_and(|kind| !kind.is_empty() && kind.iter().all(u8::is_ascii_lowercase))
        || value.contains(&b'{') && interpolates(value)
        // `'$password'`, which a shell replaces; `$ecret` is none
        || value
            .strip_prefix(b"$")
            .and_then(|name| std::str::from_utf8(name).ok())
            .is_some_and(|name| kind_of_key(name).is_some())
}

/// What [`is_masked`] and [`is_reference`] come to for a value of ASCII letters and digits alone, as most are.
pub(crate) fn is_word_in_place(value: &[u8]) -> bool {
    is_one_character(value)
        || value.len() <= SHORT && contains_fold(value, b"redacted")
        || value.starts_with(b"getenv")
}

/// Whether the value is put together from others when the program runs: `%s:%s`, `Basic %v`.
fn is_format(value: &[u8]) -> bool {
    let (mut verbs, mut rest, mut last) = (0, 0, 0_u8);
    for byte in value {
        let verb = last == b'%' && matches!(byte, b's' | b'v' | b'q');
        verbs += usize::from(verb);
        rest += usize::from(!verb && byte.is_ascii_alphanumeric());
        last = *byte;
    }
    verbs > 0 && rest < 3
}

/// Whether a variable is put into the text: `id-${name}`, `{{ name }}`, `#{name}`, `{name}` and nothing else in it.
fn interpolates(value: &[u8]) -> bool {
    memchr::memchr_iter(b'{', value).any(|at| {
        let name = value.get(at + 1..).unwrap_or_default().trim_ascii_start();
        let len = name.iter().take_while(|byte| byte.is_ascii_alphanumeric() || b"_.".contains(byte)).count();
        let before = at.checked_sub(1).and_then(|at| value.get(at)).copied().unwrap_or(0);
        let behind = name.get(len..).unwrap_or_default().trim_ascii_start();
        // `{$this->token}` in a text of PHP
        let member =
            value.get(at + 1) == Some(&b'$') && value.get(at..).is_some_and(|rest| rest.contains(&b'}'));
        if member {
            return true;
        }
        let closes = behind.starts_with(b"}") && matches!(before, b'$' | b'#' | b'{' | b'%' | b'@');
        // `{key!r}` in a text of Python
        len >= 2 && (closes || behind.starts_with(b"!r}") || behind.starts_with(b"!s}"))
    })
}

/// Whether the value says that there is no value.
pub(crate) fn is_nothing(value: &[u8]) -> bool {
    const WORDS: [&str; 10] = ["", "null", "none", "nil", "true", "false", "undefined", "nan", "n/a", "-"];
    WORDS.iter().any(|word| value.eq_ignore_ascii_case(word.as_bytes()))
}

/// What people write in place of a secret, and the words that stand where one could.
const SAMPLES: &[&str] = &[
    "password",
    "passwd",
    "pass",
    "pwd",
    "secret",
    "token",
    "key",
    "apikey",
    "api_key",
    "string",
    "str",
    "required",
    "optional",
    "hidden",
    "hashed",
    "encrypted",
    "masked",
    "empty",
    "unset",
    "unknown",
    "default",
    "disabled",
    "enabled",
    "bearer",
    "basic",
    "text",
    "bool",
    "boolean",
    "int",
    "integer",
    "number",
    "object",
    "self",
    "this",
    "foobar",
    "value",
    "passphrase",
    "credentials",
    "test",
    "testing",
    "sample",
    "demo",
    "username",
    "user",
    "login",
    "email",
    "invalid",
    "missing",
    "incorrect",
    "wrong",
    "expired",
    "visible",
    "plain",
    "plaintext",
    "header",
    "cookie",
    "query",
    "body",
    "random",
    "generated",
    "base64",
    "sha256",
    "bcrypt",
    "oauth2",
    "client_credentials",
    "authorization_code",
    "refresh_token",
    "include",
    "omit",
    "same-origin",
];

const LONGEST_SAMPLE: usize = {
    let (mut longest, mut rest) = (0, SAMPLES);
    while let [word, tail @ ..] = rest {
        longest = if word.len() > longest { word.len() } else { longest };
        rest = tail;
    }
    longest
};

/// Whether the value is what people write in place of a secret.
pub(crate) fn is_sample(value: &[u8]) -> bool {
    const STARTS: &[&str] = &[
        "required",
        "nullable",
        "your",
        "my-",
        "my_",
        "<",
        "insert",
        "enter",
        "changeme",
        "change_me",
        "change-me",
        "change_this",
        "replace",
        "placeholder",
        "dummy",
        "todo",
        "fixme",
        "example",
    ];
    // What people write in place of a secret is short.
    if value.len() > SHORT {
        return false;
    }
    // Nearly all values differ in the first letter.
    let first = value.first().map(u8::to_ascii_lowercase);
    let starts = |word: &&str| word.bytes().next() == first && starts_with_fold(value, word);
    let same = |word: &&str| {
        word.len() == value.len()
            && word.bytes().next() == first
            && value.eq_ignore_ascii_case(word.as_bytes())
    };
    value.len() <= LONGEST_SAMPLE && SAMPLES.iter().any(same)
        || STARTS.iter().any(starts)
        || holds_sample_word(value)
        || is_sequence(value)
}

/// Whether the value says of itself that it is a secret for trying something out, and nothing else: `test-api-key`,
/// `TestSecret1`. People do choose passwords of that kind.
pub(crate) fn describes_itself(value: &[u8]) -> bool {
    const TRIES: [&str; 9] =
        ["test", "tests", "testing", "sample", "demo", "mock", "cleartext", "plaintext", "example"];
    const SECRETS: [&str; 9] =
        ["secret", "password", "passwd", "passphrase", "token", "key", "apikey", "pass", "credential"];
    const BESIDE: [&str; 14] = [
        "api", "client", "user", "access", "auth", "admin", "db", "the", "only", "for", "private", "refresh",
        "signing", "app",
    ];
    let (mut tries, mut secrets) = (false, false);
    let mut rest = value;
    while let Some(start) = rest.iter().position(u8::is_ascii_alphabetic) {
        let word = rest.get(start..).unwrap_or_default();
        // A word in letters of one case, whatever the case of the first.
        let lower = word.iter().skip(1).take_while(|byte| byte.is_ascii_lowercase()).count();
        let upper = word.iter().skip(1).take_while(|byte| byte.is_ascii_uppercase()).count();
        let (word, behind) = word.split_at_checked(1 + lower.max(upper)).unwrap_or((word, &[]));
        let is = |words: &[&str]| words.iter().any(|one| word.eq_ignore_ascii_case(one.as_bytes()));
        tries |= is(&TRIES);
        secrets |= is(&SECRETS);
        if word.len() > 1 && !is(&TRIES) && !is(&SECRETS) && !is(&BESIDE) {
            return false;
        }
        rest = behind;
    }
    tries && secrets
}

/// Whether a word that stands for a secret occurs anywhere in the value.
fn holds_sample_word(value: &[u8]) -> bool {
    const INSIDE: [&str; 12] = [
        "_here",
        "-here",
        "your_",
        "your-",
        "placeholder",
        "changeme",
        "xxxxx",
        "-goes-",
        "fake",
        "dummy",
        "changeit",
        "not-a-",
    ];
    // The first three bytes of each, `example` included. The marks share bits with letters, which costs nothing but
    // a comparison.
    const FIRST: u32 = nth(&INSIDE, 0) | 1 << (b'e' & 31);
    const SECOND: u32 = nth(&INSIDE, 1) | 1 << (b'x' & 31);
    const THIRD: u32 = nth(&INSIDE, 2) | 1 << (b'a' & 31);
    value.windows(3).enumerate().any(|(at, part)| {
        let &[first, second, third] = part else { return false };
        if FIRST >> (first & 31) & SECOND >> (second & 31) & THIRD >> (third & 31) & 1 == 0 {
            return false;
        }
        let rest = value.get(at..).unwrap_or_default();
        INSIDE.iter().any(|word| starts_with_fold(rest, word)) || is_example(rest)
    })
}

/// Whether the text starts with `example`, and not with a domain that is reserved for examples.
fn is_example(text: &[u8]) -> bool {
    starts_with_fold(text, "example")
        && ![".com", ".org", ".net"]
            .iter()
            .any(|end| text.get(7..).is_some_and(|rest| starts_with_fold(rest, end)))
}

fn starts_with_fold(text: &[u8], word: &str) -> bool {
    text.get(..word.len()).is_some_and(|part| part.eq_ignore_ascii_case(word.as_bytes()))
}

/// The low five bits of the words' bytes at `index`, a bit each.
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which checks the bounds")]
const fn nth(words: &[&str], index: usize) -> u32 {
    let (mut set, mut rest) = (0, words);
    while let [word, tail @ ..] = rest {
        set |= 1 << (word.as_bytes()[index] & 31);
        rest = tail;
    }
    set
}

/// Whether most of the value counts up in one go: `abcdefghijkl`, `123456789`.
fn is_sequence(value: &[u8]) -> bool {
    // Eight in a row hold a fourth place and the one behind it, wherever they start.
    let counts = |part: &[u8]| matches!(part, [a, b, ..] if a.checked_add(1) == Some(*b));
    if !value.chunks(4).any(counts) {
        return false;
    }
    let (mut run, mut longest) = (1, 1);
    for pair in value.windows(2) {
        let step = matches!(pair, [a, b] if a.checked_add(1) == Some(*b));
        run = if step { run + 1 } else { 1 };
        longest = longest.max(run);
    }
    longest >= 8 && longest * 10 >= value.len() * 7
}

/// How a value is written, which tells what else it could be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    /// Between quotes or tags: a literal.
    Quoted,
    /// Bare: a literal, a word of prose, or code.
    Bare,
}

/// Two or more words of letters, as in a message or a label.
pub(crate) fn is_prose(value: &[u8]) -> bool {
    let mut words = value.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let of_letters = |word: &[u8]| {
        let core =
            word.strip_suffix(b".").or(word.strip_suffix(b",")).or(word.strip_suffix(b":")).unwrap_or(word);
        let core = core.strip_prefix(b"\"").and_then(|word| word.strip_suffix(b"\"")).unwrap_or(core);
        core.iter().all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'\'' | b'-' | b'!' | b'?'))
    };
    value.iter().any(u8::is_ascii_whitespace)
        && words.by_ref().take(3).filter(|word| of_letters(word)).count() >= 2
}

/// A word, a type or a constant: letters as languages and programs write them, `WIN32_ERROR` included.
pub(crate) fn is_plain_word(value: &[u8]) -> bool {
    let letters = value.iter().all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'-'));
    let constant = value.contains(&b'_')
        && value.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_');
    value.first().is_some_and(u8::is_ascii_alphabetic) && (letters && !is_scrambled(value) || constant)
}

/// A call, an index or an attribute: `getpass()`, `config.password`, `args[1]`.
pub(crate) fn is_code(value: &[u8]) -> bool {
    if value.len() > SHORT {
        return false;
    }
    let named = |part: &[u8], most: usize| {
        let digits = part.iter().filter(|byte| byte.is_ascii_digit()).count();
        part.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_')
            && part.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
            && digits <= most
    };
    let identifier = |part: &[u8]| named(part, 2);
    let head = value
        .iter()
        .position(|byte| matches!(byte, b'(' | b'['))
        .map(|at| value.get(..at).unwrap_or_default());
    let call = head.is_some_and(|head| {
        !head.is_empty()
            && head
                .strip_suffix(b"!")
                .unwrap_or(head)
                .split(|byte| matches!(byte, b'.' | b':' | b'>' | b'-'))
                // What is called may be `sha256`.
                .all(|part| part.is_empty() || named(part, 3))
    });
    let path = (value.contains(&b'.') || value.windows(2).any(|pair| pair == b"::"))
        && value.split(|byte| matches!(byte, b'.' | b':')).all(|part| part.is_empty() || identifier(part));
    let arrow = value.contains(&b'>') && value.windows(2).any(|pair| pair == b"->" || pair == b"=>");
    // `$password`, `$CPAN::Config`, `$_POST['password']`
    let variable = value.strip_prefix(b"$").is_some_and(|name| {
        let lower = name.iter().all(|byte| byte.is_ascii_lowercase() || *byte == b'_');
        let path = name.contains(&b':')
            && name.split(|byte| *byte == b':').all(|part| part.is_empty() || identifier(part));
        let end = name.iter().position(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_');
        let used = end.is_some_and(|end| end > 0 && matches!(name.get(end), Some(b'[' | b'(' | b'.')));
        name.starts_with(b"_")
            || used && name.first().is_some_and(u8::is_ascii_lowercase)
            || name.first().is_some_and(u8::is_ascii_alphabetic) && (lower || path)
    });
    call || path
        || arrow
        || variable
        || matches!(value.first(), Some(b'&' | b'@' | b'*' | b'(' | b':'))
        // One of 64 random tokens starts like a private name.
        || value.first() == Some(&b'_') && rarity(value) < 7 * BIT
        || is_code_word(value)
        || value.first() == Some(&b'[') && value.get(1..).is_some_and(identifier)
        || value.starts_with(b"!(")
}

/// What [`is_code`] comes to for a value of ASCII letters and digits alone: a number or the name of a type.
pub(crate) fn is_code_word(value: &[u8]) -> bool {
    // `0xC000006A`; keys are longer.
    let number = value.len() <= 20
        && value.strip_prefix(b"0x").is_some_and(|digits| {
            digits
                .iter()
                .all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b'_' | b'u' | b'L' | b'U' | b'l'))
        });
    value.len() <= SHORT && (number || is_type_name(value))
}

/// The name of a type or function in camel case: `SpSaveCredentialsFn`, `MI_UserCredentials_0`. Most of its
/// letters stand in words, each with one capital at most.
pub(crate) fn is_type_name(value: &[u8]) -> bool {
    let (mut word, mut in_words, mut letters, mut words, mut before) = (0, 0, 0, 0, 0_u8);
    for byte in value.iter().copied().chain([0]) {
        let number = byte.is_ascii_digit() && matches!(before, b'_' | b'V' | b'0'..=b'9');
        if !(byte.is_ascii_alphabetic() || number || matches!(byte, 0 | b'_')) {
            return false;
        }
        letters += usize::from(byte.is_ascii_alphabetic());
        if byte.is_ascii_lowercase() {
            word += 1;
        } else {
            words += usize::from(word > 0);
            in_words += if word >= 4 { word } else { 0 };
            word = usize::from(byte.is_ascii_uppercase());
        }
        before = byte;
    }
    words >= 2 && in_words * 5 >= letters * 3 && rarity(value) < 7 * BIT
}

/// Mixed letters that change case as random ones do, and not only where a camel-case word begins.
fn is_scrambled(value: &[u8]) -> bool {
    let changes = value
        .windows(2)
        .filter(|pair| matches!(pair, [a, b] if a.is_ascii_uppercase() != b.is_ascii_uppercase()))
        .count();
    value.len() >= 16 && changes * 4 >= value.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{KindSet, Scanner};

    #[test]
    fn masks_are_recognised() {
        for value in [
            "***REDACTED***",
            "****wxyz",
            "203.0.*.*",
            "203.0.*.*:8080",
            "00:1a:2b:**:**:**",
            "[API_KEY REDACTED]",
            "[PASSWORD:9f86d081]",
            "[CONNECTION_STRING",
            "xxxxxxxx",
            "********",
            "<redacted>",
            "...",
            "••••",
        ] {
            assert!(is_masked(value.as_bytes()), "{value}");
        }
        for value in ["[brackets]", "hunter2", "a**b", "h7.*.*Qw2", "7*.*Q:**:x", "aaa", "7"] {
            assert!(!is_masked(value.as_bytes()), "{value}");
        }
    }

    #[test]
    fn the_last_group_of_a_hidden_address_is_no_password() {
        let finds = |text: &str| {
            let mut found = Vec::new();
            Scanner::new(KindSet::all()).scan(text, &mut found);
            !found.is_empty()
        };
        assert!(!finds("postgres://x****:b8f0@db/app"));
        assert!(finds("postgres://x****:h7Qw2zKk9@db/app"), "positive control");
        assert!(finds("postgres://xy:b8f0@db/app"), "positive control");
    }

    #[test]
    fn the_hash_of_a_mask_is_nothing() {
        for (text, hash) in [
            ("passport [PASSPORT:19491302]", true),
            ("passport: \"[SSN:19491302]\"", true),
            ("postgres://x[IP_ADDRESS:a1b2c3d4]@db/app", true),
            ("postgres://[EMAIL:a1b2c3d4]:Zr7kQ2mLp@db/app", true),
            ("passport [SSN:194913021]", false),
            ("passport [NUMBER:19491302]", false),
            ("passport [SSN:19491302", false),
        ] {
            let at = text.bytes().rposition(|byte| byte == b':').map_or(0, |colon| colon + 1);
            let at = text.find("a1b2c3d4").unwrap_or(at);
            assert_eq!(starts_hash(&Text::new(text), at), hash, "{text}");
            let mut found = Vec::new();
            Scanner::new(KindSet::all()).scan(text, &mut found);
            let inside = found.iter().any(|finding| finding.span.start == at);
            assert_eq!(inside, !hash, "{text}: {found:?}");
        }
    }

    #[test]
    fn a_password_behind_a_mask_is_one() {
        let text = "postgres://[EMAIL:a1b2c3d4]:Zr7kQ2mLp@db/app";
        let mut found = Vec::new();
        Scanner::default().scan(text, &mut found);
        let found: Vec<_> = found.into_iter().map(|finding| &text[finding.span]).collect();
        assert_eq!(found, ["Zr7kQ2mLp"]);
    }

    #[test]
    fn code_is_recognised() {
        for value in [
            "SpSaveCredentialsFn",
            "OAuthTokenResponse",
            "MI_UserCredentials_0",
            "WSManSessionFlags",
            "[SECPKG_SUPPLEMENTAL_CRED",
            "print!(",
            "getpass()",
            ":class",
            "config.password",
        ] {
            assert!(is_code(value.as_bytes()), "{value}");
        }
        for value in
            ["SukePeXBuwkx", "aQzBxCyDwEvFuGtHs", "Tr0ub4dor", "hunter2", "JxQvKpRmZtWyBnLd", "Summer2024!"]
        {
            assert!(!is_code(value.as_bytes()), "{value}");
        }
    }

    #[test]
    fn sample_words_and_reserved_domains() {
        for (value, expected) in [
            ("my_key_goes_here", true),
            ("not-A-real-one", true),
            ("EXAMPLEKEY", true),
            ("Tr0ub4dor.bob@example.com", false),
            ("h7Qw2zKk9", false),
        ] {
            assert_eq!(is_sample(value.as_bytes()), expected, "{value}");
        }
    }

    #[test]
    fn some_values_say_what_they_are() {
        for (value, expected) in [
            ("test-m2m-secret", true),
            ("TestSecret1", true),
            ("TEST_API_KEY_123", true),
            ("Secret1", false),
            ("test-horse-key", false),
            ("testQm7Tz2Lx9Wp4key", false),
        ] {
            assert_eq!(describes_itself(value.as_bytes()), expected, "{value}");
        }
    }

    #[test]
    fn references_are_recognised() {
        for value in [
            "${DB_PASSWORD}",
            "$DB_PASSWORD",
            "process.env.API_KEY",
            "<your token>",
            "{{ vault_token }}",
            "%(password)s",
            "%PASSWORD%",
            "os.environ['X']",
            "{password}",
            "[[password]]",
            "##PASSWORD##",
            "!vault",
            "{type:",
            "--cfg unstable_name",
            "$registryMavenSecret",
            "$db_password",
            "[new_password]",
        ] {
            assert!(is_reference(value.as_bytes()), "{value}");
        }
        for value in ["$2b$12$abc", "$ecret", "pa<ss>", "{\"a\":1}"] {
            assert!(!is_reference(value.as_bytes()), "{value}");
        }
    }
}
