//! What somebody may have meant: the closest known name, and safe quotation.

/// Names longer than this are compared with nothing: nobody mistypes a known name into a paragraph.
const MAX_COMPARED: usize = 48;

/// The candidate closest to `name`, if it is close enough to be a slip of the finger. Case, and `-` for `_`,
/// do not count; the first of equally close candidates wins.
pub(super) fn closest<'c>(name: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let name = normal(name)?;
    let nearest = |candidate: &'c str| Some((distance(&name, &normal(candidate)?), candidate));
    let (distance, candidate) =
        candidates.into_iter().filter_map(nearest).min_by_key(|(distance, _)| *distance)?;
    let tolerated = name.len().min(candidate.len()).div_ceil(3).min(4);
    (distance <= tolerated).then_some(candidate)
}

fn normal(name: &str) -> Option<Vec<char>> {
    if name.len() > MAX_COMPARED {
        return None;
    }
    Some(name.chars().flat_map(char::to_lowercase).map(|c| if c == '-' { '_' } else { c }).collect())
}

/// Edits that turn one name into the other: insert, delete, replace, swap two neighbours
/// (optimal string alignment, three rows).
fn distance(a: &[char], b: &[char]) -> usize {
    let mut two_above: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    let mut before = None;
    for (row, from) in a.iter().enumerate() {
        let mut current = vec![row + 1];
        let mut left = row + 1;
        for (column, to) in b.iter().enumerate() {
            let at = |line: &[usize], column: usize| line.get(column).copied().unwrap_or(usize::MAX - 1);
            let mut best =
                (at(&above, column) + usize::from(from != to)).min(at(&above, column + 1) + 1).min(left + 1);
            let swapped =
                column.checked_sub(1).and_then(|column| b.get(column)) == Some(from) && before == Some(to);
            if swapped {
                best = best.min(at(&two_above, column - 1) + 1);
            }
            current.push(best);
            left = best;
        }
        two_above = std::mem::replace(&mut above, current);
        before = Some(from);
    }
    above.last().copied().unwrap_or(a.len())
}

/// The text between backticks, on one line, cut after 60 characters.
pub(super) fn quoted(text: &str) -> String {
    format!("`{}`", printable(text))
}

/// The text with invisible characters escaped, cut after 60 characters.
pub(super) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len().min(64));
    for (index, c) in text.chars().enumerate() {
        match c {
            _ if index == 60 => {
                shown.push('…');
                break;
            }
            '"' | '\'' | '\\' => shown.push(c),
            _ => shown.extend(c.escape_debug()),
        }
    }
    shown
}

/// `a`, `b` or `c`
pub(super) fn alternatives(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [only] => format!("`{only}`"),
        [first @ .., last] => format!("`{}` or `{last}`", first.join("`, `")),
    }
}

/// Appends a key to a path of keys, quoted where TOML would need it.
pub(super) fn join(path: &str, key: &str) -> String {
    let bare = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    let key = if bare { printable(key) } else { format!("\"{}\"", printable(key)) };
    if path.is_empty() { key } else { format!("{path}.{key}") }
}

#[cfg(test)]
mod tests {
    use super::{alternatives, closest, distance, join, quoted};

    #[test]
    fn close_names_are_found_and_far_ones_are_not() {
        let known = ["mask_pii", "mask_secrets", "strict_mode", "max_output_chars", "preset"];
        let cases = [
            ("mask_pi", Some("mask_pii")),
            ("Mask-PII", Some("mask_pii")),
            ("maks_secrets", Some("mask_secrets")),
            ("strictmode", Some("strict_mode")),
            ("max_output", None),
            ("presets", Some("preset")),
            ("zone", None),
            ("", None),
            (&"mask_pii".repeat(100), None),
        ];
        for (name, expected) in cases {
            assert_eq!(closest(name, known), expected, "{name}");
        }
        assert_eq!(closest("a", []), None);
    }

    #[test]
    fn distances_are_those_of_optimal_string_alignment() {
        let cases = [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("kitten", "sitting", 3),
            ("ab", "ba", 1),
            ("ca", "abc", 3),
        ];
        for (a, b, expected) in cases {
            let (from, to): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
            assert_eq!(distance(&from, &to), expected, "{a} {b}");
            assert_eq!(distance(&to, &from), expected, "{b} {a}");
        }
    }

    #[test]
    fn texts_are_shown_on_one_line() {
        assert_eq!(quoted("a\nb"), "`a\\nb`");
        assert_eq!(quoted("say \"hi\""), "`say \"hi\"`");
        assert_eq!(quoted(&"x".repeat(100)), format!("`{}…`", "x".repeat(60)));
        assert_eq!(join("policy.rate_limits", "query_*"), "policy.rate_limits.\"query_*\"");
        assert_eq!(join("", "airlock"), "airlock");
        assert_eq!(join("tools", ""), "tools.\"\"");
        assert_eq!(alternatives(&["a", "b", "c"]), "`a`, `b` or `c`");
    }
}
