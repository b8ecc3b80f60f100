//! What is assigned to a name in running text, in the notations of programs, configuration and commands.

use std::ops::Range;

use crate::{
    placeholder::Written,
    text::{Text, is_word},
    verify::{
        keyed::scheme,
        notation::{
            alone, behind_name, declared, default, fallback, is_choice, is_code_behind, is_getter, is_text,
            property, wrapped,
        },
        plausible::unbalanced,
    },
};

/// The longest name, and the longest value.
pub(crate) const NAME: usize = 64;
pub(crate) const VALUE: usize = 1024;

/// What names are made of.
pub(crate) fn is_name(byte: u8) -> bool {
    is_word(byte) || matches!(byte, b'-' | b'.') || !byte.is_ascii()
}

/// A place where a value follows a name.
pub(crate) enum Assigned {
    /// Behind an operator: a literal.
    Literal(usize),
    /// Behind `<name>`: text up to the next tag.
    Element(usize),
    /// Behind blanks alone: a literal in quotes, `password "…"`.
    Apart(usize),
    /// Behind the tag that has the name as an attribute, `<entry key="password">`: text up to the next tag.
    Content(usize),
    /// Behind blanks, and nothing else on the line: `bindpw …`. Behind a verb: `the password is …`. In a table.
    Alone(usize),
}

/// A value in the text.
pub(crate) struct Value {
    pub(crate) span: Range<usize>,
    pub(crate) written: Written,
    /// Whether `Basic` stood before it: a user and a password in base64.
    pub(crate) basic: bool,
    /// Whether no operator stood between it and the name.
    pub(crate) apart: bool,
}

impl Assigned {
    /// What is assigned to the name that surrounds `anchor` and ends at `end`, if anything is.
    pub(crate) fn to(text: &Text<'_>, anchor: usize, end: usize) -> Option<Self> {
        let closed = text.run(end, 6, |byte| matches!(byte, b'\\' | b'"' | b'\'' | b'`' | b']' | b')'));
        let closed = if text.at(closed) == b'[' { brackets(text, closed) } else { closed };
        let at = text.run(closed, 16, is_blank);
        if at > end
            && closed == end
            && text.at(at).is_ascii_alphabetic()
            && let Some(end) = end_of_tag(text, anchor, at)
        {
            return Some(Self::Content(end + 1));
        }
        if at > end
            && closed == end
            && let Some(start) = alone(text, anchor, end, at)
        {
            return Some(Self::Alone(start));
        }
        let start = match (text.at(at), text.at(at + 1)) {
            (b'>', _) if at == end && is_element(text, anchor) => {
                return Some(Self::Element(text.run(at + 1, 16, |byte| byte.is_ascii_whitespace())));
            }
            (b'<', b'/') if at == end => return property(text, end).map(Self::Content),
            (b'{', _) if closed == end + 1 => default(text, anchor, at)?,
            (b'>', _) if closed == end + 1 && is_attribute(text, anchor) => {
                return Some(Self::Content(text.run(at + 1, 16, |byte| byte.is_ascii_whitespace())));
            }
            // A call: `setPassword("…")`, `set("password", "…")`
            (b'(', b'"' | b'\'') if is_getter(text, anchor) => return None,
            (b'(', b'"' | b'\'') => behind_name(text, at + 1),
            (b',', _) if closed > end => match member(text, at) {
                Some(start) => start,
                None if opens_call(text, anchor) => return Some(Self::Apart(text.run(at + 1, 16, is_blank))),
                None => return None,
            },
            (0xef, _) if text.has(at, "：".as_bytes()) => at + 3,
            (b'v' | b'V' | b'\n' | b'\r', _) => match member(text, closed) {
                Some(start) => start,
                None if at > closed && is_option(text, anchor) => at,
                None => return None,
            },
            (b'"' | b'\'', _) if at > closed && closed == end => return Some(Self::Apart(at)),
            // `passed ? "PASS" : "FAIL"`
            (b':', _) if closed > end && is_choice(text, anchor) => return None,
            (b':' | b'=' | b'?' | b'+' | b'.' | b'|' | b'-' | b'~' | b'!', _) => operator(text, at)?,
            (b's' | b'S', _) if at > closed && !is_option(text, anchor) => {
                operator(text, annotated(text, at)?)?
            }
            (byte, _) if at > closed && byte != b'-' && is_option(text, anchor) => at,
            _ => return None,
        };
        Some(Self::Literal(text.run(start, 16, is_blank)))
    }

    /// The value, without an authentication scheme before it.
    pub(crate) fn value(self, text: &Text<'_>) -> Option<Value> {
        match self {
            Self::Element(start) => Value::element(text, start),
            Self::Literal(start) => {
                let start = wrapped(text, start);
                let mut value = Value::literal(text, start)?;
                if value.written == Written::Bare
                    && matches!(text.at(value.span.end), b' ' | b'"' | b'\'')
                    && let Some(literal) = fallback(text, start)
                {
                    value = Value::literal(text, literal)?;
                }
                if value.written == Written::Bare && is_code_behind(text, value.span.start) {
                    return None;
                }
                value.without_scheme(text)
            }
            Self::Content(start) => Value::element(text, start)
                .filter(|value| !text.slice(value.span.start, value.span.end).contains(&b' '))
                .map(|value| Value { apart: true, ..value }),
            Self::Alone(start) => Value::literal(text, start).map(|value| Value { apart: true, ..value }),
            Self::Apart(start) => Value::literal(text, start)
                .filter(|value| value.written == Written::Quoted)
                .map(|value| Value { apart: true, ..value }),
        }
    }
}

impl Value {
    fn new(text: &Text<'_>, start: usize, end: usize, written: Written) -> Self {
        Self { span: start..text.floor(end).max(start), written, basic: false, apart: false }
    }

    /// The text up to the next tag, if that closes an element: `Option<Token>` opens none.
    fn element(text: &Text<'_>, start: usize) -> Option<Self> {
        let tag = text.run(start, VALUE, |byte| byte != b'<');
        let end = start + text.slice(start, tag).trim_ascii_end().len();
        text.has(tag, b"</").then(|| Self::new(text, start, end, Written::Quoted))
    }

    /// The literal at `at`: in quotes, in escaped quotes, or bare.
    fn literal(text: &Text<'_>, at: usize) -> Option<Self> {
        let is_quote = |byte: u8| matches!(byte, b'"' | b'\'' | b'`');
        let prefixed =
            matches!(text.at(at), b'b' | b'r' | b'u' | b'f' | b'@' | b'L') && is_quote(text.at(at + 1));
        let at = at + usize::from(prefixed);
        let quote_at = text.run(at, 4, |byte| byte == b'\\');
        let quote = text.at(quote_at);
        if !is_quote(quote) {
            return if quote_at > at { None } else { Self::bare(text, at) };
        }
        let mut start = quote_at + 1;
        // CSV doubles its quotes, Python triples them.
        let doubled = text.at(start) == quote && (is_word(text.at(start + 1)) || text.at(start + 1) == quote);
        if doubled && quote_at == at {
            start = text.run(start, 2, |byte| byte == quote);
        }
        match closing(text, start, quote, quote_at - at) {
            // Quotes that do not pair: this one opens what looks closed.
            Some(end) if !doubled && quote_at == at && text.at(end + 1) == quote => None,
            // `@'…'` and `char x[] = '…'` are no literals of any language.
            Some(_) if quote == b'\'' && (text.before(at, 1) == b'@' || after_brackets(text, at)) => None,
            Some(end) => Some(Self::new(text, start, end, Written::Quoted)),
            None => Self::bare(text, start).filter(|value| !ends_in_other_quote(text, value.span.end)),
        }
    }

    fn bare(text: &Text<'_>, start: usize) -> Option<Self> {
        let start = block(text, start).unwrap_or(start);
        let mut end = text.run(start, VALUE, |byte| !ENDS_BARE.contains(byte));
        if matches!(text.at(end), b'>' | b'&') && unbalanced(text.slice(start, end)) {
            let stop = |byte: u8| !ENDS_BARE.contains(byte) || matches!(byte, b'>' | b'&' | b'<');
            end = text.run(start, VALUE, stop);
        }
        // An unquoted value in a statement that ends here is code.
        if text.at(end) == b';'
            && text.before(start, 1) == b' '
            && matches!(text.at(end + 1), 0 | b'\n' | b'\r')
        {
            return None;
        }
        if text.has(end, "…".as_bytes()) || text.slice(start, end).ends_with(b"...") {
            return None;
        }
        // Brackets and stops belong to the sentence or the list around it, unless they were opened inside.
        while matches!(text.before(end, 1), b')' | b']' | b'}' | b'.' | b':') && end > start {
            let opened = text.slice(start, end).iter().any(|byte| matches!(byte, b'(' | b'[' | b'{'));
            if opened {
                break;
            }
            end -= 1;
        }
        // A path: `Credential::<T>`; a member: `$this->{password}`
        let path = text.at(end) == b':' && text.at(end + 1) == b':'
            || text.at(end) == b'>' && text.before(end, 1) == b'-';
        (end > start && !path).then(|| Self::new(text, start, end, Written::Bare))
    }

    /// Leaves `Bearer`, `Basic` and their like outside.
    fn without_scheme(self, text: &Text<'_>) -> Option<Self> {
        let start = self.span.start;
        let skip = scheme(text.str.get(start..text.floor(start + 12)).unwrap_or_default());
        if skip == 0 {
            return Some(self);
        }
        let value = match self.written {
            Written::Bare => Self::bare(text, start + skip)?,
            Written::Quoted => Self { span: (start + skip).min(self.span.end)..self.span.end, ..self },
        };
        Some(Self { basic: text.has_fold(start, b"basic "), ..value })
    }
}

/// Start of the text in the block that `|` or `>` opens on the next line of a YAML file.
fn block(text: &Text<'_>, at: usize) -> Option<usize> {
    if !matches!(text.at(at), b'|' | b'>') {
        return None;
    }
    let line = text.run(at + 1, 2, |byte| matches!(byte, b'-' | b'+' | b'\r'));
    let start = text.run(line + 1, 32, |byte| byte == b' ');
    (text.at(line) == b'\n' && start > line + 1).then_some(start)
}

/// End of `[]` or `[25]` behind a name; `at` itself if there is none.
fn brackets(text: &Text<'_>, at: usize) -> usize {
    let digits = text.run(at + 1, 8, |byte| byte.is_ascii_digit());
    if text.at(digits) == b']' { digits + 1 } else { at }
}

/// Whether the literal at `at` is assigned to an array.
fn after_brackets(text: &Text<'_>, at: usize) -> bool {
    let operator = text.run_back(at, 4, |byte| matches!(byte, b' ' | b'='));
    text.before(operator, 1) == b']' && text.before(operator, 2) == b'['
}

/// Whether a literal opened with one quote ends in the other: `"…'`.
fn ends_in_other_quote(text: &Text<'_>, at: usize) -> bool {
    matches!(text.at(at), b'"' | b'\'') && matches!(text.at(at + 1), b';' | b',' | b')')
}

/// Place behind the operator of the member that holds the value: `key="password" value="…"`,
/// `{"name": "DB_PASSWORD", "value": "…"}`, `- name: DB_PASSWORD` and `value: …` on the next line.
fn member(text: &Text<'_>, at: usize) -> Option<usize> {
    let start =
        text.run(at, 48, |byte| byte.is_ascii_whitespace() || matches!(byte, b',' | b'"' | b'\'' | b'\\'));
    if start == at || !text.has_fold(start, b"value") {
        return None;
    }
    let closed = text.run(start + 5, 4, |byte| matches!(byte, b'"' | b'\'' | b'\\'));
    let operator = text.run(closed, 4, is_blank);
    matches!(text.at(operator), b':' | b'=').then_some(operator + 1)
}

/// A set of bytes that is cheap to ask.
struct Bytes([bool; 256]);

impl Bytes {
    #[expect(clippy::indexing_slicing, reason = "a byte indexes a table of 256")]
    const fn of(bytes: &[u8]) -> Self {
        let mut table = [false; 256];
        let mut index = 0;
        while index < bytes.len() {
            table[bytes[index] as usize] = true;
            index += 1;
        }
        Self(table)
    }

    #[inline]
    #[expect(clippy::indexing_slicing, reason = "a byte indexes a table of 256")]
    fn contains(&self, byte: u8) -> bool {
        self.0[usize::from(byte)]
    }
}

/// What ends a value without quotes.
static ENDS_BARE: Bytes = Bytes::of(b" \t\r\n\x0c\"'`<>,;&\\|");

pub(super) fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

/// Whether the name around `anchor` is an XML element: `<token>`.
fn is_element(text: &Text<'_>, anchor: usize) -> bool {
    let start = text.run_back(anchor, NAME, is_name);
    match text.before(start, 1) {
        b'<' => true,
        // `<wsse:Password>`
        b':' => text.before(text.run_back(start - 1, 16, is_word), 1) == b'<',
        _ => false,
    }
}

/// End of the tag whose attributes start at `at`, if it is that of an element with the name around `anchor`.
fn end_of_tag(text: &Text<'_>, anchor: usize, at: usize) -> Option<usize> {
    if !is_element(text, anchor) {
        return None;
    }
    let end = text.run(at, 160, |byte| !matches!(byte, b'<' | b'>' | b'\n'));
    (text.at(end) == b'>' && text.before(end, 1) != b'/').then_some(end)
}

/// Whether the name around `anchor` is that of an XML element's content: `<entry key="password">`.
fn is_attribute(text: &Text<'_>, anchor: usize) -> bool {
    let quote = text.run_back(anchor, NAME, is_name) - 1;
    let before = text.slice(quote.saturating_sub(5), quote);
    matches!(text.at(quote), b'"' | b'\'') && (before.ends_with(b" key=") || before.ends_with(b"name="))
}

/// Whether the name around `anchor` is the first argument of a call: `define('DB_PASSWORD', …`, not a list's item.
fn opens_call(text: &Text<'_>, anchor: usize) -> bool {
    let name = text.run_back(anchor, NAME, is_name);
    let quotes = text.run_back(name, 4, |byte| matches!(byte, b'"' | b'\'' | b'\\'));
    quotes < name && text.before(quotes, 1) == b'('
}

/// Whether the name around `anchor` is an option: `--token`.
fn is_option(text: &Text<'_>, anchor: usize) -> bool {
    let start = text.run_back(anchor, NAME, is_name);
    let before = text.before(start, 1);
    let single = || {
        let name = text.slice(start, anchor + NAME);
        let end = name.iter().position(|byte| !is_name(*byte)).unwrap_or(name.len());
        let name = name.get(..end).unwrap_or_default();
        [&b"pass"[..], b"password", b"passphrase"].iter().any(|word| name.ends_with(word))
    };
    (text.has(start, b"--") || text.at(start) == b'-' && single())
        && (before == 0 || before.is_ascii_whitespace() || matches!(before, b'"' | b'\'' | b'`' | b'['))
}

/// End of the type annotation in `token string = …`, `password: str = …`.
fn annotated(text: &Text<'_>, at: usize) -> Option<usize> {
    [&b"string"[..], b"String", b"str"]
        .iter()
        .find(|name| text.has(at, name) && is_blank(text.at(at + name.len())))
        .map(|name| text.run(at + name.len(), 8, is_blank))
}

/// End of the assignment or comparison at `at`.
fn operator(text: &Text<'_>, at: usize) -> Option<usize> {
    // What a secret is compared with is a secret, too.
    const OPERATORS: [&[u8]; 18] = [
        b":::=", b"||:=", b"::=", b"||:", b"===", b"!==", b"=~", b"==", b"!=", b"=>", b":=", b"?=", b"+=",
        b".=", b"~>", b"->", b"=", b":",
    ];
    let end = at + OPERATORS.iter().find(|operator| text.has(at, operator))?.len();
    // `Token::Word` is a path.
    if text.at(at) == b':' && text.at(end) == b':' {
        return None;
    }
    let start = text.run(end, 16, is_blank);
    let typed = annotated(text, start).filter(|at| text.at(*at) == b'=');
    let colon = end == at + 1 && text.at(at) == b':';
    let typed = match (typed, if colon { declared(text, start) } else { None }) {
        // What a declaration computes is code.
        (None, Some(at)) if !is_text(text, at + 1) => return None,
        (typed, declared) => typed.or(declared),
    };
    Some(typed.map_or(end, |at| at + 1))
}

/// Place of the quote that closes the literal from `start`, written with as many escapes as the opening one.
fn closing(text: &Text<'_>, start: usize, quote: u8, escapes: usize) -> Option<usize> {
    let mut at = start;
    let limit = start + VALUE;
    while at < limit {
        at = text.run(at, limit - at, |byte| byte != quote && byte != b'\n');
        if text.at(at) != quote {
            return None;
        }
        let slashes = at - text.run_back(at, at - start, |byte| byte == b'\\');
        let closes = if escapes == 0 { slashes.is_multiple_of(2) } else { slashes <= escapes };
        if closes {
            return Some(at - slashes.min(escapes));
        }
        at += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notations() {
        for (text, expected) in [
            ("token = abc", Some("abc")),
            ("token: 'a b'", Some("a b")),
            ("\"token\": \"a\\\"b\"", Some("a\\\"b")),
            ("\\\"token\\\": \\\"abc\\\"", Some("abc")),
            ("\\\\\\\"token\\\\\\\": \\\\\\\"abc\\\\\\\"", Some("abc")),
            ("<token>\n  abc\n</token>", Some("abc")),
            ("set(\"token\", \"abc\")", Some("abc")),
            ("set_token(\"abc\")", Some("abc")),
            ("var token string = \"abc\"", Some("abc")),
            ("token: str = \"abc\"", Some("abc")),
            ("token := `abc`", Some("abc")),
            ("token => abc", None),
            ("token => \"abc\"", Some("abc")),
            ("[token] => abc", Some("abc")),
            ("<entry key=\"token\">abc</entry>", Some("abc")),
            ("<a title=\"token\">abc</a>", None),
            ("<entry key=\"token\">abc def</entry>", None),
            ("  token abC-12=34", Some("abC-12=34")),
            ("the token abC-12=34", None),
            ("the token is abC-12=34, ok", Some("abC-12=34")),
            ("the token is \"abC-12=34\"", Some("abC-12=34")),
            ("the token is sha256-hashed", None),
            ("the token is missing", None),
            ("token: &str = \"abc\"", Some("abc")),
            ("token: &'static str = \"abc\"", Some("abc")),
            ("token: Optional[str] = \"abc\"", Some("abc")),
            ("token: string | null = 'abc'", Some("abc")),
            ("token: Option<&str> = Some(\"abc\")", Some("abc")),
            ("token = SecretString::from(\"abc\")", Some("abc")),
            ("token: Kind = Kind(1)", None),
            ("token: u32 = 0x0004abcd", None),
            ("token: abc and more = x", Some("abc")),
            ("x ? \"token\" : \"abc\"", None),
            ("\"token\" : \"abc\"", Some("abc")),
            ("store_token(\"alice\", \"abc\")", Some("abc")),
            ("store_token(\"abc1\", \"alice\")", Some("abc1")),
            ("if token =~ abc1", None),
            ("token = $this->{x}", None),
            ("token abC-12=34 is it", None),
            ("token     | abC-12=34\nx", Some("abC-12=34")),
            ("| token | value |", None),
            ("aws configure set token abC-12=34", Some("abC-12=34")),
            ("token svC-12=34", Some("svC-12=34")),
            ("ENV token abC-12=34", Some("abC-12=34")),
            ("enable token abc123", Some("abc123")),
            ("enable token 5 $1$abc", Some("$1$abc")),
            ("username bob token 7 0822455D", Some("0822455D")),
            ("<ns:token>abc</ns:token>", Some("abc")),
            ("<token type=\"x\">abc</token>", Some("abc")),
            ("<token type=\"x\"/>abc", None),
            ("<key>token</key>\n<string>abc</string>", Some("abc")),
            ("variable \"token\" {\n  type = string\n  default = \"abc\"\n}", Some("abc")),
            ("variable \"token\" {\n  type = string\n}\n default = \"abc\"", None),
            ("\"token\": {\"value\": \"abc\"}", Some("abc")),
            ("token = env.KEY || \"abc\"", Some("abc")),
            ("token = get(\"x\") or 'abc'", Some("abc")),
            ("token = bytes.fromhex(\"abc\")", Some("abc")),
            ("-token abc", None),
            ("get_token(\"abC-12=34\")", None),
            ("config.token(\"abC-12=34\")", Some("abC-12=34")),
            ("if token == \"abc\"", Some("abc")),
            ("--token abc", Some("abc")),
            ("--token vbc", Some("vbc")),
            ("--token=abc", Some("abc")),
            ("token: Bearer abc", Some("abc")),
            ("(token=abc)", Some("abc")),
            ("token=f(abc)", Some("f(abc)")),
            ("token=abc&x=1", Some("abc")),
            ("token=\"abc", Some("abc")),
            ("token abc", None),
            ("token: Credential::<T>", None),
            ("token", None),
            ("token=", None),
            ("token (abc)", None),
        ] {
            let at = text.find("token").unwrap();
            let view = Text::new(text);
            let value = Assigned::to(&view, at, at + 5).and_then(|assigned| assigned.value(&view));
            assert_eq!(value.map(|value| &text[value.span]), expected, "{text}");
        }
    }
}
