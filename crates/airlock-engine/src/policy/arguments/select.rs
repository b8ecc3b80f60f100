//! Selectors: which values of the arguments a rule is about.

use super::Denied;
use crate::{json::Value, policy::fold_lenient};

const MAX_SELECTOR_LEN: usize = 256;

/// A compiled selector such as `path`, `options.path`, `files[].path` or `"a.b"[]`.
#[derive(Clone, Debug)]
pub(super) struct Selector {
    text: Box<str>,
    steps: Box<[Step]>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    /// The member of that name.
    Member(Box<str>),
    /// Every element.
    Elements,
}

impl Selector {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.len() > MAX_SELECTOR_LEN {
            return Err(format!("the name of an argument has at most {MAX_SELECTOR_LEN} bytes"));
        }
        let mut steps = Vec::new();
        let mut rest = text;
        loop {
            let (name, after) = split_name(rest)?;
            steps.push(Step::Member(name.into()));
            rest = after;
            while let Some(after) = rest.strip_prefix("[]") {
                steps.push(Step::Elements);
                rest = after;
            }
            if rest.is_empty() {
                return Ok(Self { text: text.into(), steps: steps.into() });
            }
            rest = rest.strip_prefix('.').ok_or("behind a name or `[]` comes `.`, `[]` or nothing")?;
        }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// Calls `check` for each selected value. Absent members select nothing. A value that cannot hold what
    /// is selected is refused, or a string in the place of an array would escape the rule.
    pub(super) fn each<'v>(
        &self,
        arguments: Value<'v>,
        check: &mut dyn FnMut(Value<'v>) -> Result<(), Denied>,
    ) -> Result<(), Denied> {
        walk(&self.steps, arguments, check)
    }
}

/// Recursion goes as deep as the selector has steps, and those are bounded by its length.
fn walk<'v>(
    steps: &[Step],
    value: Value<'v>,
    check: &mut dyn FnMut(Value<'v>) -> Result<(), Denied>,
) -> Result<(), Denied> {
    match steps {
        [] => check(value),
        [Step::Member(_), ..] if !value.is_object() => {
            Err(Denied::argument("cannot be looked up, because what holds it is not an object"))
        }
        [Step::Member(name), ..] if has_look_alike(value, name) => {
            Err(Denied::argument("stands beside a name that some programs take for the same"))
        }
        [Step::Member(_), ..] if value.has_duplicate_key() => {
            Err(Denied::argument("cannot be looked up, because what holds it names a member twice"))
        }
        [Step::Member(name), rest @ ..] => value.get(name).map_or(Ok(()), |member| walk(rest, member, check)),
        [Step::Elements, ..] if !value.is_array() => {
            Err(Denied::argument("cannot be looked up, because what holds it is not an array"))
        }
        [Step::Elements, rest @ ..] => value.elements().try_for_each(|element| walk(rest, element, check)),
    }
}

fn split_name(text: &str) -> Result<(String, &str), String> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(['.', '[', ']', '"']).unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        if name.is_empty() {
            return Err("a name is missing; write for example `path`, `files[].path` or `\"a.b\"`".to_owned());
        }
        if name.chars().any(char::is_control) || name.trim() != name {
            return Err(
                "a name with white space around it or control characters must be in quotes".to_owned()
            );
        }
        return Ok((name.to_owned(), rest));
    };
    let mut name = String::new();
    let mut rest = quoted.chars();
    while let Some(c) = rest.next() {
        match c {
            '"' => return Ok((name, rest.as_str())),
            '\\' => match rest.next() {
                Some(escaped @ ('"' | '\\')) => name.push(escaped),
                _ => return Err("behind `\\` comes `\"` or `\\`".to_owned()),
            },
            other => name.push(other),
        }
    }
    Err("a quoted name is not closed".to_owned())
}

/// Whether the object has a member that a decoder without regard to case or control characters would take for
/// `name`, and that is spelled otherwise: the rule would look at the one and the tool at the other.
fn has_look_alike(object: Value<'_>, name: &str) -> bool {
    let wanted = fold_lenient(name);
    object
        .members()
        .filter_map(|(key, _)| key.as_str())
        .any(|key| *key != *name && fold_lenient(&key) == wanted)
}

#[cfg(test)]
mod tests {
    use super::Selector;
    use crate::json::{Bounds, Document};

    fn select(selector: &str, json: &str) -> Result<Vec<String>, String> {
        let doc = Document::parse(json.as_bytes(), &Bounds::DEFAULT).unwrap();
        let mut found = Vec::new();
        let result = Selector::parse(selector)?.each(doc.root(), &mut |value| {
            found.push(value.raw().to_owned());
            Ok(())
        });
        result.map(|()| found).map_err(|denied| denied.why.into_owned())
    }

    #[test]
    fn selects_members_and_elements() {
        let json = r#"{"a":1,"o":{"p":2,"q":{"r":3}},"l":[{"p":4},{},{"p":5}],"n":[[6,7],[]],"a.b":{"\"":8},"x[]":9,"":10,"\u0061b":11}"#;
        for (selector, expected) in [
            ("a", &["1"][..]),
            ("o.p", &["2"]),
            ("o.q.r", &["3"]),
            ("l[].p", &["4", "5"]),
            ("n[][]", &["6", "7"]),
            ("\"a.b\".\"\\\"\"", &["8"]),
            ("\"x[]\"", &["9"]),
            ("\"\"", &["10"]),
            ("ab", &["11"]),
            ("missing", &[]),
            ("o.missing.deeper", &[]),
        ] {
            assert_eq!(select(selector, json).unwrap(), expected, "{selector}");
        }
    }

    #[test]
    fn what_has_another_shape_is_refused() {
        for (selector, json) in [
            ("a.b", r#"{"a":"text"}"#),
            ("a.b", r#"{"a":null}"#),
            ("a.b", r#"{"a":[{"b":1}]}"#),
            ("a[]", r#"{"a":"text"}"#),
            ("a[]", r#"{"a":{"0":1}}"#),
            ("a[].b", r#"{"a":[{"b":1},2]}"#),
            ("a", "[]"),
            ("a", "null"),
            ("a", r#"{"a":1,"a":2}"#),
            ("a.b", r#"{"a":{"b":1,"\u0062":2}}"#),
        ] {
            assert!(
                select(selector, json).unwrap_err().starts_with("cannot be looked up"),
                "{selector} {json}"
            );
        }
    }

    #[test]
    fn what_is_no_selector_says_why() {
        for text in [
            "", ".", "a.", ".a", "a..b", "[]", "a[", "a[0]", "a[]b", "a]", "\"a", "\"a\"b", "\"\\n\"", " a",
            "a\n", "a\"b",
        ] {
            assert!(Selector::parse(text).is_err(), "{text:?}");
        }
        assert!(Selector::parse(&"a".repeat(257)).is_err());
        assert!(Selector::parse("a.".repeat(127).trim_end_matches('.')).is_ok());
    }

    #[test]
    fn a_look_alike_beside_the_argument_is_refused() {
        use crate::json::{Bounds, Document};
        let selector = Selector::parse("options.path").unwrap();
        let passes = |text: &str| {
            let doc = Document::parse(text.as_bytes(), &Bounds::DEFAULT).unwrap();
            selector.each(doc.root(), &mut |_| Ok(())).is_ok()
        };
        assert!(passes(r#"{"options":{"path":"a","paths":1}}"#));
        assert!(passes(r#"{"other":{"Path":"a"}}"#));
        for refused in [
            r#"{"options":{"path":"a","Path":"b"}}"#,
            r#"{"options":{"PATH":"b"}}"#,
            r#"{"Options":{"path":"b"}}"#,
            r#"{"option\u017f":{"path":"b"}}"#,
            r#"{"options":{"path\u0000":"b"}}"#,
        ] {
            assert!(!passes(refused), "{refused}");
        }
    }
}
