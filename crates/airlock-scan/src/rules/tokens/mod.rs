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
    use crate::{Confidence, Scanner, rule::Matcher};

    fn found(rule: &Rule, text: &str) -> bool {
        let mut out = Vec::new();
        Scanner::default().scan(text, &mut out);
        out.iter().any(|finding| finding.rule == rule.id)
    }

    #[test]
    fn there_are_many_rules_and_no_short_anchors() {
        assert!(TABLES.concat().len() >= 230);
        for rule in TABLES.concat() {
            assert!(rule.anchors.iter().all(|anchor| anchor.len() >= 3), "{}", rule.id);
        }
    }

    #[test]
    fn a_wrong_checksum_makes_less_certain() {
        let table = [
            ("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", Confidence::High),
            ("ghp_zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq18", Confidence::Medium),
            ("glsa_pITqMOBIfNH2KL4PkXJqmTyQl0D9QGxF_a77ca574", Confidence::High),
            ("glsa_pITqMOBIfNH2KL4PkXJqmTyQl0D9QGxF_a77ca575", Confidence::Medium),
        ];
        for (token, confidence) in table {
            let mut out = Vec::new();
            Scanner::default().scan(token, &mut out);
            assert_eq!(out.first().map(|finding| finding.confidence), Some(confidence), "{token}");
        }
    }

    #[test]
    fn values_and_escapes_begin_where_they_should() {
        let token = "R9GylZyum8UsmgfiH2e6dQlw4Tu2TAWEunFj";
        let table = [
            (format!("token%3Dghp_{token}%26"), format!("ghp_{token}")),
            (format!("a\\u003dghp_{token}\\n"), format!("ghp_{token}")),
            (format!("a\\nghp_{token}"), format!("ghp_{token}")),
            (
                "https://b.net/x?sv=1&sig=evSXTD4oGOdH1IIldYlDen0%2FiVZAJ1224Tde62br9p0%3D&se=2".to_owned(),
                "evSXTD4oGOdH1IIldYlDen0%2FiVZAJ1224Tde62br9p0%3D".to_owned(),
            ),
        ];
        for (text, expected) in table {
            let mut out = Vec::new();
            Scanner::default().scan(&text, &mut out);
            let found: Vec<_> = out.iter().map(|finding| &text[finding.span.clone()]).collect();
            assert_eq!(found, [expected.as_str()], "{text}");
        }
        assert!(!found(rule("github-token"), &format!("token3Dghp_{token}")));
    }

    fn rule(id: &str) -> &'static Rule {
        crate::rules().iter().find(|rule| rule.id == id).expect(id)
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
            let letters = |part: &str| part.replace(|byte: char| byte.is_ascii_alphanumeric(), "a");
            // The texts of a pattern are short words, its runs mostly are not.
            let plain = |part: &str| {
                let runs: Vec<_> = part.split_inclusive(['-', '_', '.', '/', '=', ':', '&']).collect();
                let long = runs.iter().any(|run| run.len() > 16);
                runs.iter()
                    .map(|run| if long && run.len() <= 16 { (*run).to_owned() } else { letters(run) })
                    .collect::<String>()
            };
            let near = if format.near.is_empty() { plain(head) } else { head.to_owned() };
            let sample = format!("{near}{anchor}{}", plain(tail));
            assert!(found(&rule, example), "{example}");
            assert!(!found(&rule, &sample), "{sample}");
        }
    }
}
