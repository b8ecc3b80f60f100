//! Tokens known by the form that a vendor gives them, by field. Bodies of the samples are random.

mod access;
mod ai;
mod chat;
mod cloud;
mod code;
mod data;
mod hooks;
mod ops;
mod pay;
mod social;
mod work;

use crate::Rule;

/// The tables of all fields.
pub(super) const TABLES: [&[Rule]; 11] = [
    ai::RULES,
    cloud::RULES,
    code::RULES,
    data::RULES,
    access::RULES,
    chat::RULES,
    pay::RULES,
    ops::RULES,
    work::RULES,
    social::RULES,
    hooks::RULES,
];

/// A token rule: id, anchors, patterns (see [`crate::shape`]; the first that matches counts), whose tokens
/// they are, where the format is documented, a sample. Then words that must stand near it, if the form
/// alone says too little, and fields of [`Format`](crate::verify::token::Format).
macro_rules! token {
    ($id:literal, [$($anchor:literal),+], [$($pattern:literal),+], $whose:literal, $source:literal,
     $sample:literal $(, $field:ident: $value:expr)*) => {
        token!(@ $id, [$($anchor),+], [$($pattern),+], $whose, $source,
            &[$sample, concat!("{\"value\":\"", $sample, "\"}"), concat!("see ", $sample, ".")],
            &[$($anchor),+, concat!("x", $sample)], [$($field: $value),*])
    };
    ($id:literal, [$($anchor:literal),+], [$($pattern:literal),+], $whose:literal, $source:literal,
     $sample:literal, value $(, $field:ident: $value:expr)*) => {
        token!(@ $id, [$($anchor),+], [$($pattern),+], $whose, $source,
            &[$sample, concat!("db=", $sample, ";x=y")], &[$($anchor),+],
            [value_only: true $(, $field: $value)*])
    };
    ($id:literal, [$($anchor:literal),+], [$($pattern:literal),+], $whose:literal, $source:literal,
     $sample:literal, near [$word:literal $(, $more:literal)*] $(, $field:ident: $value:expr)*) => {
        token!(@ $id, [$($anchor),+], [$($pattern),+], $whose, $source,
            &[concat!($word, " = ", $sample), concat!("{\"", $word, "\":\"", $sample, "\"}")],
            &[$($anchor),+, $sample, concat!($word, " = x", $sample)],
            [near: &[$word $(, $more)*] $(, $field: $value)*])
    };
    (@ $id:literal, [$($anchor:literal),+], [$($pattern:literal),+], $whose:literal, $source:literal,
     $examples:expr, $counterexamples:expr, [$($field:ident: $value:expr),*]) => {
        crate::Rule {
            id: $id,
            kind: crate::Kind::ApiKey,
            anchors: &[$($anchor),+],
            description: $whose,
            source: $source,
            examples: $examples,
            counterexamples: $counterexamples,
            matcher: crate::rule::Matcher::Shape(&crate::verify::token::Format {
                $($field: $value,)*
                ..crate::verify::token::Format::new(&[$(crate::shape::shape!($pattern)),+])
            }),
        }
    };
}
use token;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Scanner, rule::Matcher};

    fn found(rule: &Rule, text: &str) -> bool {
        let mut out = Vec::new();
        Scanner::default().scan(text, &mut out);
        out.iter().any(|finding| finding.rule == rule.id)
    }

    #[test]
    fn tokens_end_where_their_alphabet_ends() {
        for rule in TABLES.concat() {
            let example = rule.examples.first().expect(rule.id);
            let longer = format!("{example}{}", "x7".repeat(1100));
            assert!(found(&rule, example), "{example}");
            assert!(!found(&rule, &longer), "{longer}");
        }
    }

    #[test]
    fn samples_without_variety_are_no_tokens() {
        for rule in TABLES.concat() {
            let Matcher::Shape(format) = rule.matcher else { panic!("{} has no shape", rule.id) };
            let Some(example) = rule.examples.first().filter(|_| !format.samples) else { continue };
            let anchor = rule.anchors.first().expect(rule.id);
            let (head, tail) = example.split_once(anchor).expect(rule.id);
            let plain = |part: &str| part.replace(|byte: char| byte.is_ascii_alphanumeric(), "a");
            let near = if format.near.is_empty() { plain(head) } else { head.to_owned() };
            let sample = format!("{near}{anchor}{}", plain(tail));
            assert!(found(&rule, example), "{example}");
            assert!(!found(&rule, &sample), "{sample}");
        }
    }
}
