//! Patterns for names: `*`, `?` and `[...]`, always for the whole name.
//!
//! | written | matches |
//! |---|---|
//! | `*` (also `**`) | any run of characters, also none |
//! | `?` | one character |
//! | `[abc]`, `[a-z]`, `[!abc]` | one character of a set (ASCII), one not of it |
//! | anything else | itself; `[*]`, `[?]`, `[[]` are the characters themselves |

use std::{cmp::Ordering, cmp::Reverse, fmt};

use super::fold::{fold, is_invisible};

/// Longest pattern in characters.
pub const MAX_PATTERN_CHARS: usize = 256;

/// Why a text is no pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternError {
    /// What is wrong.
    pub message: &'static str,
    /// What to write.
    pub help: &'static str,
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.message, self.help)
    }
}

impl std::error::Error for PatternError {}

/// A compiled pattern.
///
/// Matching needs no memory and takes at most pattern length × name length steps, whatever the pattern.
///
/// ```
/// # use airlock_engine::policy::Pattern;
/// let pattern = Pattern::new("query_*")?;
/// assert!(pattern.matches("query_database"));
/// assert!(!pattern.matches("my_query_database"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    text: Box<str>,
    exact: Glob,
    folded: Glob,
}

impl Pattern {
    /// Compiles a pattern.
    ///
    /// # Errors
    ///
    /// Empty, longer than [`MAX_PATTERN_CHARS`], with white space around it, with control or invisible
    /// characters, an unclosed or malformed `[`, or a `\` (there is no escape character).
    pub fn new(text: &str) -> Result<Self, PatternError> {
        check_text(text)?;
        let exact = Glob::parse(text)?;
        let folded = exact.folded();
        Ok(Self { text: text.into(), exact, folded })
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the whole name matches, character by character.
    pub fn matches(&self, name: &str) -> bool {
        self.exact.matches(name)
    }

    /// Whether the folded pattern matches a folded name.
    pub fn matches_folded(&self, folded: &str) -> bool {
        self.folded.matches(folded)
    }

    /// Whether the pattern is a plain name, without `*`, `?` and `[...]`.
    pub fn is_exact(&self) -> bool {
        self.exact.parts.iter().all(|part| matches!(part, Part::Char(_)))
    }

    /// Whether two patterns mean the same, as `a*` and `a**` do.
    pub fn means_the_same(&self, other: &Self) -> bool {
        self.exact == other.exact
    }

    /// The order from the most specific pattern to the least: plain names, then more literal characters,
    /// then more single-character wildcards, then by text, so that the order of writing never decides.
    pub fn by_specificity(&self, other: &Self) -> Ordering {
        self.rank().cmp(&other.rank()).then_with(|| self.text.cmp(&other.text))
    }

    fn rank(&self) -> impl Ord + use<> {
        let literal = self.exact.parts.iter().filter(|part| matches!(part, Part::Char(_))).count();
        let single =
            self.exact.parts.iter().filter(|part| matches!(part, Part::One | Part::Class(_))).count();
        (!self.is_exact(), Reverse(literal), Reverse(single))
    }
}

fn check_text(text: &str) -> Result<(), PatternError> {
    let error = |message, help| Err(PatternError { message, help });
    if text.is_empty() {
        return error("an empty pattern matches nothing", "remove it, or write `*` for every name");
    }
    if text.chars().count() > MAX_PATTERN_CHARS {
        return error("a pattern has at most 256 characters", "shorten it with `*`");
    }
    if text.chars().any(is_invisible) {
        return error("a pattern has no control or invisible characters", "type it again by hand");
    }
    if text.trim() != text {
        return error("a pattern has no white space around it", "remove the white space");
    }
    if text.contains('\\') {
        return error(
            "`\\` has no meaning in a pattern",
            "write `[*]`, `[?]` or `[[]` for the character itself",
        );
    }
    Ok(())
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Glob {
    parts: Box<[Part]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Char(char),
    One,
    Many,
    Class(Class),
}

/// A set of ASCII characters as a bit map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Class {
    members: u128,
    negated: bool,
}

impl Class {
    fn contains(self, c: char) -> bool {
        let member = u32::from(c) < 128 && self.members & bit(c) != 0;
        member != self.negated
    }

    /// Capitals count as their lower-case letters.
    fn folded(self) -> Self {
        let lower = ('A'..='Z').filter(|&c| self.members & bit(c) != 0).map(|c| bit(c.to_ascii_lowercase()));
        Self { members: lower.fold(self.members, |members, bit| members | bit), negated: self.negated }
    }
}

fn bit(c: char) -> u128 {
    1_u128.checked_shl(u32::from(c)).unwrap_or_default()
}

impl Part {
    fn accepts(self, c: char) -> bool {
        match self {
            Self::Char(own) => own == c,
            Self::One => true,
            Self::Class(class) => class.contains(c),
            Self::Many => false,
        }
    }
}

impl Glob {
    fn parse(text: &str) -> Result<Self, PatternError> {
        let mut parts = Vec::with_capacity(text.len());
        let mut rest = text.chars();
        while let Some(c) = rest.next() {
            match c {
                '*' if parts.last() == Some(&Part::Many) => {}
                '*' => parts.push(Part::Many),
                '?' => parts.push(Part::One),
                '[' => parts.push(Part::Class(parse_class(&mut rest)?)),
                other => parts.push(Part::Char(other)),
            }
        }
        Ok(Self { parts: parts.into() })
    }

    /// The same pattern for folded names.
    fn folded(&self) -> Self {
        let mut parts = Vec::with_capacity(self.parts.len());
        let mut literal = String::new();
        // Literal characters are folded together, since a mark joins the letter before it.
        let flush = |literal: &mut String, parts: &mut Vec<Part>| {
            parts.extend(fold(literal).chars().map(Part::Char));
            literal.clear();
        };
        for part in &self.parts {
            match *part {
                Part::Char(c) => literal.push(c),
                Part::Class(class) => {
                    flush(&mut literal, &mut parts);
                    parts.push(Part::Class(class.folded()));
                }
                wildcard @ (Part::One | Part::Many) => {
                    flush(&mut literal, &mut parts);
                    parts.push(wildcard);
                }
            }
        }
        flush(&mut literal, &mut parts);
        Self { parts: parts.into() }
    }

    /// Walks both in step; on a mismatch only the last `*` takes one character more, which suffices, since
    /// what an earlier `*` could take more the last one can take as well.
    fn matches(&self, name: &str) -> bool {
        let (mut at, mut rest) = (0, name.chars());
        let mut retry = None;
        loop {
            match self.parts.get(at) {
                Some(Part::Many) => {
                    at += 1;
                    retry = Some((at, rest.clone()));
                    continue;
                }
                Some(part) => {
                    // When the name is used up, a longer `*` leaves even less for this part.
                    let Some(c) = rest.next() else { return false };
                    if part.accepts(c) {
                        at += 1;
                        continue;
                    }
                }
                None if rest.as_str().is_empty() => return true,
                None => {}
            }
            let Some((after_star, from)) = &mut retry else { return false };
            if from.next().is_none() {
                return false;
            }
            (at, rest) = (*after_star, from.clone());
        }
    }
}

/// Parses what follows `[`, up to and with the closing `]`.
fn parse_class(rest: &mut std::str::Chars<'_>) -> Result<Class, PatternError> {
    let error = |message, help| Err(PatternError { message, help });
    let mut inside = String::new();
    loop {
        match rest.next() {
            // Right behind `[` or `[!` it is an ordinary member.
            Some(']') if !matches!(inside.as_str(), "" | "!") => break,
            Some(c) if c.is_ascii() => inside.push(c),
            Some(_) => {
                return error(
                    "`[...]` takes ASCII characters only",
                    "write a pattern for each other character",
                );
            }
            None => {
                return error(
                    "`[` is not closed",
                    "close it with `]`, or write `[[]` for the character itself",
                );
            }
        }
    }
    let (negated, members) = match inside.strip_prefix('!') {
        Some(members) => (true, members),
        None => (false, inside.as_str()),
    };
    if members.starts_with('^') && members.len() > 1 {
        return error("`[^...]` is ambiguous", "write `[!...]` for any character but these, or put `^` last");
    }
    Ok(Class { members: class_members(members)?, negated })
}

fn class_members(text: &str) -> Result<u128, PatternError> {
    let mut members = 0;
    let mut rest = text.as_bytes();
    loop {
        rest = match *rest {
            [] => return Ok(members),
            [first, b'-', last, ref after @ ..] => {
                if first > last {
                    let help = "write the lower character first, or put `-` last for the character itself";
                    return Err(PatternError { message: "a range in `[...]` is empty", help });
                }
                members |= (first..=last).fold(0, |bits, byte| bits | bit(char::from(byte)));
                after
            }
            [member, ref after @ ..] => {
                members |= bit(char::from(member));
                after
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{MAX_PATTERN_CHARS, Pattern, fold};

    #[test]
    fn matches_the_whole_name() {
        for (pattern, yes, no) in [
            ("a", &["a"][..], &["", "b", "aa", "A"][..]),
            ("*", &["", "a", "prompt:x", "\u{1f600}"], &[]),
            ("**", &["", "ab"], &[]),
            ("read_*", &["read_", "read_a"], &["read", "xread_a", "Read_a"]),
            ("*delete*", &["delete", "get_and_delete_all", "undelete"], &["delet"]),
            ("?", &["a", "é"], &["", "ab"]),
            ("a?c*e", &["abce", "abcde", "abcee"], &["ace", "abcd"]),
            ("[abc]x", &["ax", "cx"], &["dx", "x", "Ax"]),
            ("[a-c0]", &["b", "0"], &["-", "d"]),
            ("[!a-c]", &["d", "é", "-"], &["a", ""]),
            ("[]]", &["]"], &["["]),
            ("[!]]", &["a"], &["]"]),
            ("[a-]", &["a", "-"], &["b"]),
            ("[*]", &["*"], &["a"]),
            ("[[]x", &["[x"], &["x"]),
            ("[^]", &["^"], &["a"]),
            ("[a^]", &["a", "^"], &["b"]),
            ("[!]", &[], &[]),
            ("a]b", &["a]b"], &["ab"]),
            ("*ab*ab", &["abab", "xabyabab"], &["ab", "aba"]),
        ] {
            let Ok(compiled) = Pattern::new(pattern) else {
                assert_eq!(pattern, "[!]", "only this one is no pattern");
                continue;
            };
            for name in yes {
                assert!(compiled.matches(name), "{pattern} should match {name:?}");
            }
            for name in no {
                assert!(!compiled.matches(name), "{pattern} should not match {name:?}");
            }
        }
    }

    #[test]
    fn what_is_no_pattern_says_why() {
        for (text, message) in [
            ("", "empty"),
            ("[abc", "not closed"),
            ("x[", "not closed"),
            ("[]", "not closed"),
            ("[z-a]", "range"),
            ("[^a]", "ambiguous"),
            ("[é]", "ASCII"),
            ("a\nb", "control"),
            ("a\u{200b}b", "invisible"),
            (" a", "white space"),
            ("a ", "white space"),
            ("a\\*", "`\\`"),
            (&"x".repeat(MAX_PATTERN_CHARS + 1), "256"),
        ] {
            let error = Pattern::new(text).unwrap_err();
            assert!(error.message.contains(message), "{text:?}: {error}");
            assert!(!error.help.is_empty());
        }
        assert!(Pattern::new(&"é".repeat(MAX_PATTERN_CHARS)).is_ok());
    }

    #[test]
    fn the_most_specific_comes_first() {
        let sorted = [
            "query_database",
            "[q]uery_database",
            "query_databas?",
            "query_*e",
            "*_query",
            "query_*",
            "????",
            "?*",
            "*",
        ];
        let mut patterns: Vec<_> = sorted.iter().rev().map(|text| Pattern::new(text).unwrap()).collect();
        patterns.sort_by(Pattern::by_specificity);
        assert_eq!(patterns.iter().map(Pattern::as_str).collect::<Vec<_>>(), sorted);
    }

    #[test]
    fn folded_patterns_match_folded_names() {
        for (pattern, name) in [
            ("Delete_*", "DELETE_user"),
            ("[D]elete_*", "delete_user"),
            ("d\u{435}lete_*", "delete_user"),
            ("ｄｅｌｅｔｅ_*", "delete_user"),
            ("cafe\u{301}_?", "CAFÉ_1"),
        ] {
            assert!(Pattern::new(pattern).unwrap().matches_folded(&fold(name)), "{pattern} {name}");
        }
    }

    #[test]
    fn many_stars_stay_cheap() {
        let pattern = Pattern::new(&format!("{}b", "a*".repeat(120))).unwrap();
        assert!(!pattern.matches(&"a".repeat(100_000)));
    }

    /// The textbook definition, exponential but obviously right.
    fn reference(pattern: &[char], name: &[char]) -> bool {
        match (pattern, name) {
            ([], []) => true,
            (['*', rest @ ..], _) => (0..=name.len()).any(|skip| reference(rest, &name[skip..])),
            (['?', rest @ ..], [_, tail @ ..]) => reference(rest, tail),
            ([c, rest @ ..], [d, tail @ ..]) => c == d && reference(rest, tail),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_definition(pattern in "[ab*?]{1,8}", name in "[ab]{0,10}") {
            let compiled = Pattern::new(&pattern).unwrap();
            let (chars, name_chars): (Vec<_>, Vec<_>) = (pattern.chars().collect(), name.chars().collect());
            prop_assert_eq!(compiled.matches(&name), reference(&chars, &name_chars));
        }

        #[test]
        fn never_panics(pattern in ".{0,40}|[\\[\\]!^a-c*?-]{0,12}", name in ".{0,40}") {
            if let Ok(compiled) = Pattern::new(&pattern) {
                compiled.matches(&name);
                compiled.matches_folded(&fold(&name));
            }
        }

        #[test]
        fn a_plain_name_matches_itself_in_both_forms(name in "[^*?\\[\\\\\\s\\pC]{1,30}") {
            if let Ok(compiled) = Pattern::new(&name) {
                prop_assert!(compiled.is_exact() && compiled.matches(&name));
                prop_assert!(compiled.matches_folded(&fold(&name)));
            }
        }
    }
}
