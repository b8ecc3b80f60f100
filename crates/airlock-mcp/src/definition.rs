//! The digest of a definition: the pin against silent redefinition.

use std::fmt;

use airlock_engine::json::{Kind, Value, write_string};
use sha2::{Digest as _, Sha256};

/// SHA-256 over the canonical form of a definition, so that order, white space and escapes do not count.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Digest([u8; 32]);

impl Digest {
    /// `_meta` is left out: servers put there what differs from answer to answer.
    pub(crate) fn of(definition: Value<'_>) -> Self {
        let mut canonical = String::with_capacity(definition.raw().len());
        write_canonical(definition, &mut canonical, Depth::Top);
        let mut hasher = Sha256::new();
        hasher.update(b"airlock definition v1\0");
        hasher.update(canonical.as_bytes());
        Self(hasher.finalize().into())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().take(8).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Depth {
    Top,
    Inside,
}

/// Members sorted by name, strings written in one way, numbers as they are. Recursion is bounded by the
/// depth of the parsed document.
fn write_canonical(value: Value<'_>, out: &mut String, depth: Depth) {
    match value.kind() {
        Kind::Object => {
            let mut members: Vec<_> =
                value.members().map(|(key, member)| (key.as_str().unwrap_or_default(), member)).collect();
            members.retain(|(name, _)| depth == Depth::Inside || name != "_meta");
            members.sort_by(|(one, _), (other, _)| one.cmp(other));
            out.push('{');
            for (name, member) in members {
                write_string(out, &name);
                out.push(':');
                write_canonical(member, out, Depth::Inside);
                out.push(',');
            }
            out.push('}');
        }
        Kind::Array => {
            out.push('[');
            for element in value.elements() {
                write_canonical(element, out, Depth::Inside);
                out.push(',');
            }
            out.push(']');
        }
        Kind::String => write_string(out, &value.as_str().unwrap_or_default()),
        Kind::Null | Kind::True | Kind::False | Kind::Number => out.push_str(value.raw()),
    }
}

#[cfg(test)]
mod tests {
    use airlock_engine::json::{Bounds, Document};

    use super::Digest;

    fn digest(text: &str) -> Digest {
        Digest::of(Document::parse(text.as_bytes(), &Bounds::DEFAULT).unwrap().root())
    }

    #[test]
    fn only_meaning_counts() {
        let one = digest(r#"{"name":"a","description":"b","inputSchema":{"type":"object"},"_meta":{"t":1}}"#);
        assert_eq!(
            one,
            digest(
                r#"{ "inputSchema": {"type":"object"}, "description":"\u0062", "name":"a", "_meta":{"t":2}}"#
            )
        );
        for other in [
            r#"{"name":"a","description":"b!","inputSchema":{"type":"object"}}"#,
            r#"{"name":"a","description":"b","inputSchema":{"type":"object","properties":{}}}"#,
            r#"{"name":"a","description":"b","inputSchema":{"type":"object","_meta":1}}"#,
            r#"{"name":"a","description":"b","inputSchema":{"type":["object"]}}"#,
            r#"{"name":"a","description":"b","inputSchema":{"type":"object"},"annotations":{}}"#,
        ] {
            assert_ne!(one, digest(other), "{other}");
        }
    }
}
