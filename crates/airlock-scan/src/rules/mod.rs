//! The rule tables.

mod ids;
mod injection;
mod pii;
mod secrets;
mod tokens;

use std::sync::OnceLock;

use crate::Rule;

/// The tables beside those of vendors' tokens and of instructions.
const TABLES: [&[Rule]; 3] = [pii::PII, ids::IDS, secrets::SECRETS];

/// Every rule the scanner knows, in a stable order.
pub fn rules() -> &'static [Rule] {
    static RULES: OnceLock<Vec<Rule>> = OnceLock::new();
    RULES.get_or_init(|| [&TABLES[..], &injection::TABLES, &tokens::TABLES].concat().concat())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{Class, KindSet, Scanner};

    fn finds(rule: &Rule, text: &str) -> bool {
        let mut out = Vec::new();
        let scanner = Scanner::new(KindSet::standard().with(rule.kind));
        match rule.kind.class() {
            Class::Injection => scanner.screen(text, &mut out),
            Class::Pii | Class::Secret => scanner.scan(text, &mut out),
        }
        out.iter().any(|finding| finding.rule == rule.id)
    }

    #[test]
    fn every_rule_finds_its_examples_and_not_its_counterexamples() {
        let mut wrong = Vec::new();
        for rule in rules() {
            assert!(!rule.examples.is_empty(), "{} has no example", rule.id);
            for example in rule.examples {
                for text in
                    [(*example).to_owned(), format!("日本\n{example} 日本"), format!("a\n{example}\nb")]
                {
                    if !finds(rule, &text) {
                        wrong.push(format!("{} misses {text}", rule.id));
                    }
                }
            }
            let found = rule.counterexamples.iter().filter(|text| finds(rule, text));
            wrong.extend(found.map(|text| format!("{} finds {text}", rule.id)));
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn rules_are_well_formed() {
        let mut ids = BTreeSet::new();
        for rule in rules() {
            assert!(ids.insert(rule.id), "{} twice", rule.id);
            assert!(rule.source.starts_with("https://"), "{}", rule.id);
            assert!(!rule.description.is_empty() && !rule.description.ends_with('.'), "{}", rule.id);
            assert!(rule.anchors.iter().all(|anchor| !anchor.is_empty()), "{}", rule.id);
        }
    }
}
