//! Patterns against a plain matcher that tries every possibility, and the fold of names.
//!
//! The first line is the pattern, the rest the name.
#![no_main]

use airlock_engine::policy::{MAX_PATTERN_CHARS, Pattern, fold};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let (written, name) = text.split_once('\n').unwrap_or((text, ""));
    let folded = fold(name);
    assert_eq!(fold(&folded), folded, "folding twice differs from folding once");
    let Ok(pattern) = Pattern::new(written) else { return };
    assert!(!written.is_empty() && written.chars().count() <= MAX_PATTERN_CHARS);
    let parts = parts(written);
    assert_eq!(pattern.matches(name), every_way(&parts, name), "another answer");
    assert!(!pattern.is_exact() || pattern.matches(name) == (written == name));
    assert!(pattern.means_the_same(&pattern.clone()));
    // A plain name is denied in every spelling that folds to the same.
    if pattern.is_exact() {
        assert_eq!(pattern.matches_folded(&folded), fold(written) == folded);
    }
});

enum Part {
    Char(char),
    One,
    Many,
    Class { members: Vec<char>, negated: bool },
}

/// Reads a pattern that is known to be well-formed.
fn parts(written: &str) -> Vec<Part> {
    let characters: Vec<char> = written.chars().collect();
    let mut parts = Vec::new();
    let mut at = 0;
    while at < characters.len() {
        match characters[at] {
            '*' => parts.push(Part::Many),
            '?' => parts.push(Part::One),
            '[' => {
                let negated = characters[at + 1] == '!';
                let start = at + 1 + usize::from(negated);
                // The first member may be `]` itself.
                let end = (start + 1..).find(|&end| characters[end] == ']').expect("closed");
                parts.push(Part::Class { members: members(&characters[start..end]), negated });
                at = end;
            }
            literal => parts.push(Part::Char(literal)),
        }
        at += 1;
    }
    parts
}

fn members(written: &[char]) -> Vec<char> {
    match *written {
        [] => Vec::new(),
        [first, '-', last, ref rest @ ..] => (first..=last).chain(members(rest)).collect(),
        [member, ref rest @ ..] => std::iter::once(member).chain(members(rest)).collect(),
    }
}

/// For each part, the set of places in the name that the parts so far can reach.
fn every_way(parts: &[Part], name: &str) -> bool {
    let name: Vec<char> = name.chars().collect();
    let mut reached = vec![false; name.len() + 1];
    reached[0] = true;
    for part in parts {
        let mut next = vec![false; name.len() + 1];
        for at in (0..=name.len()).filter(|&at| reached[at]) {
            match part {
                Part::Many => next[at..].fill(true),
                _ if at == name.len() => {}
                Part::One => next[at + 1] = true,
                Part::Char(own) => next[at + 1] |= *own == name[at],
                Part::Class { members, negated } => next[at + 1] |= members.contains(&name[at]) != *negated,
            }
            if matches!(part, Part::Many) {
                break;
            }
        }
        reached = next;
    }
    reached[name.len()]
}
