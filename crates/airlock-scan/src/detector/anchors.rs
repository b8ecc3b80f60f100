//! Literals that every match of a regular expression contains.

use std::{cmp::Reverse, collections::BTreeSet};

use regex_syntax::hir::{Class, Hir, HirKind, literal::Extractor};

use super::ANCHOR_BYTES;

/// Most literals that are derived, and most elements of a sequence at which one is looked for.
const MOST: usize = 250;
const MOST_ELEMENTS: usize = 128;

/// Literals, in lower case, one of which stands in every match in some ASCII case; none is shorter than an
/// anchor must be. `None` if there are no such literals. Longer and fewer ones are preferred.
pub(super) fn derive(hir: &Hir) -> Option<Vec<String>> {
    let best = required(hir)?;
    Some(best.into_iter().collect())
}

/// Literals one of which every match begins with, in the same form.
pub(super) fn prefixes(hir: &Hir) -> Option<BTreeSet<String>> {
    // Letters in either case are spelled out, digits are not: ten anchors find no more than one.
    let seq = Extractor::new().limit_class(3).extract(hir);
    let literals = seq.literals()?;
    usable(literals.iter().map(|literal| literal.as_bytes().to_vec()))
}

fn required(hir: &Hir) -> Option<BTreeSet<String>> {
    let inner = match hir.kind() {
        HirKind::Capture(capture) => required(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => required(&repetition.sub),
        HirKind::Alternation(branches) => {
            let all: Option<Vec<_>> = branches.iter().map(required).collect();
            all.map(|all| all.into_iter().flatten().collect())
        }
        HirKind::Concat(_) => sequence(hir),
        _ => None,
    };
    best(inner.into_iter().chain(prefixes(hir)))
}

/// Of a sequence every element is in the match, and so is every run of letters.
fn sequence(hir: &Hir) -> Option<BTreeSet<String>> {
    let mut elements = Vec::new();
    flatten(hir, &mut elements);
    let mut candidates: Vec<BTreeSet<String>> = Vec::new();
    let mut run = Vec::new();
    for (index, element) in elements.iter().enumerate().take(MOST_ELEMENTS) {
        if let Some(letters) = letters(element) {
            run.extend(letters);
            continue;
        }
        candidates.extend(usable(std::iter::once(std::mem::take(&mut run))));
        candidates.extend(required(element));
        // What several neighbours say together, as in `(?:a|b)cd`.
        let rest: Vec<Hir> = elements.iter().skip(index).take(8).map(|hir| (*hir).clone()).collect();
        candidates.extend(prefixes(&Hir::concat(rest)));
    }
    candidates.extend(usable(std::iter::once(run)));
    best(candidates)
}

fn flatten<'h>(hir: &'h Hir, elements: &mut Vec<&'h Hir>) {
    match hir.kind() {
        HirKind::Concat(parts) => parts.iter().for_each(|part| flatten(part, elements)),
        HirKind::Capture(capture) => flatten(&capture.sub, elements),
        HirKind::Look(_) => {}
        _ => elements.push(hir),
    }
}

/// The bytes that an element stands for, whatever their case.
fn letters(hir: &Hir) -> Option<Vec<u8>> {
    match hir.kind() {
        HirKind::Literal(literal) => Some(literal.0.to_vec()),
        HirKind::Class(Class::Unicode(class)) => {
            let mut letter = None;
            for c in class.iter().flat_map(|range| range.start()..=range.end()).take(4) {
                // Case folding makes `k` and `s` of the Kelvin sign and the long s, too.
                let folded = match c {
                    '\u{212a}' => b'k',
                    '\u{17f}' => b's',
                    c if c.is_ascii() => u8::try_from(c).ok()?.to_ascii_lowercase(),
                    _ => return None,
                };
                if letter.is_some_and(|letter| letter != folded) {
                    return None;
                }
                letter = Some(folded);
            }
            letter.map(|letter| vec![letter])
        }
        _ => None,
    }
}

/// The literals as anchors, if all of them can be.
fn usable(literals: impl Iterator<Item = Vec<u8>>) -> Option<BTreeSet<String>> {
    let mut anchors = BTreeSet::new();
    for literal in literals {
        let text = match String::from_utf8(literal) {
            Ok(text) => text,
            // A literal may end inside a character.
            Err(error) => {
                let valid = error.utf8_error().valid_up_to();
                let bytes = error.into_bytes();
                String::from_utf8(bytes.get(..valid)?.to_vec()).ok()?
            }
        };
        let cut = (0..=text.len().min(ANCHOR_BYTES.1)).rev().find(|at| text.is_char_boundary(*at))?;
        let anchor = text.get(..cut)?.to_ascii_lowercase();
        if anchor.len() < ANCHOR_BYTES.0 || anchors.len() >= MOST {
            return None;
        }
        anchors.insert(anchor);
    }
    (!anchors.is_empty()).then_some(anchors)
}

fn best(candidates: impl IntoIterator<Item = BTreeSet<String>>) -> Option<BTreeSet<String>> {
    candidates.into_iter().max_by_key(|anchors| {
        let shortest = anchors.iter().map(String::len).min().unwrap_or(0);
        (shortest.min(5), Reverse(anchors.len()), shortest)
    })
}

#[cfg(test)]
mod tests {
    use super::{derive, prefixes};

    #[test]
    fn literals_are_found_wherever_they_stand() {
        let table: [(&str, Option<&[&str]>); 14] = [
            ("ACME-[0-9]{8}", Some(&["acme-"])),
            (r"\bACME-[0-9]{8}\b", Some(&["acme-"])),
            ("[0-9]{4}-ACME", Some(&["-acme"])),
            ("(?i)acme_[a-z]+", Some(&["acme_"])),
            ("(?i)[0-9]+ask_", Some(&["ask_"])),
            ("(?:foo|barn)[0-9]+", Some(&["barn", "foo"])),
            ("[0-9]+(?:foo|barn)", Some(&["barn", "foo"])),
            ("(?P<secret>emp[0-9]+)x", Some(&["emp"])),
            ("[0-9]{6}", None),
            ("(?:foo)?[0-9]{6}", None),
            ("foo|[0-9]+", None),
            ("ab", None),
            ("(?:foo)+", Some(&["foo"])),
            ("[0-9](?:ab|cd)-x", Some(&["ab-x", "cd-x"])),
        ];
        for (regex, expected) in table {
            let hir = regex_syntax::parse(regex).unwrap();
            let expected =
                expected.map(|anchors| anchors.iter().map(|anchor| (*anchor).to_owned()).collect::<Vec<_>>());
            assert_eq!(derive(&hir), expected, "{regex}");
        }
    }

    #[test]
    fn prefixes_are_told_from_the_rest() {
        for (regex, expected) in [
            ("ACME-[0-9]", true),
            (r"\bacme", true),
            ("[0-9]acme", false),
            ("x?acme", true),
            ("[0-9]?acme", false),
        ] {
            assert_eq!(prefixes(&regex_syntax::parse(regex).unwrap()).is_some(), expected, "{regex}");
        }
    }
}
