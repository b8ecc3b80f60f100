//! SARIF 2.1.0, which code hosts and editors read.
//! <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>

use std::{
    collections::BTreeSet,
    fmt::{self, Write as _},
};

use airlock_scan::{Confidence, Rule, rules};
use serde_json::{Value, json};

use super::report::Row;

/// Before the first result. Results come first and rules last, since only then it is known which are needed.
pub(crate) const BEGIN: &str = r#"{"$schema":"https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json","version":"2.1.0","runs":[{"columnKind":"unicodeCodePoints","results":["#;

/// One result, with a comma before it. `uri` is a JSON string.
pub(crate) fn result(out: &mut String, uri: &str, row: &Row<'_>) -> fmt::Result {
    let kind = row.finding.kind;
    let confidence = row.finding.confidence;
    write!(
        out,
        concat!(
            ",\n",
            r#"{{"ruleId":"{rule}","level":"{level}","message":{{"text":"{kind} ({class}), confidence {confidence}"}},"#,
            r#""locations":[{{"physicalLocation":{{"artifactLocation":{{"uri":{uri}}},"region":{{"#,
            r#""startLine":{start_line},"startColumn":{start_column},"endLine":{end_line},"endColumn":{end_column},"#,
            r#""byteOffset":{offset},"byteLength":{length}}}}}}}],"#,
            r#""properties":{{"kind":"{kind}","class":"{class}","confidence":"{confidence}"}}}}"#,
        ),
        rule = row.finding.rule,
        level = level(confidence),
        kind = kind.name(),
        class = kind.class().name(),
        confidence = confidence.name(),
        uri = uri,
        start_line = row.place.line,
        start_column = row.place.column,
        end_line = row.end.line,
        end_column = row.end.column,
        offset = row.bytes.0,
        length = row.bytes.1.saturating_sub(row.bytes.0),
    )
}

/// Behind the last result.
pub(crate) fn end(ids: &BTreeSet<&str>, complete: bool) -> String {
    let descriptors: Vec<Value> = ids.iter().map(|id| descriptor(id)).collect();
    let driver = json!({
        "name": "airlock",
        "semanticVersion": env!("CARGO_PKG_VERSION"),
        "informationUri": env!("CARGO_PKG_REPOSITORY"),
        "rules": descriptors,
    });
    let tool = json!({ "driver": driver });
    let invocations = json!([{ "executionSuccessful": complete }]);
    format!("\n],\"tool\":{tool},\"invocations\":{invocations}}}]}}\n")
}

fn descriptor(id: &str) -> Value {
    let Some(rule) = rules().iter().find(|rule| rule.id == id) else { return json!({ "id": id }) };
    let Rule { kind, description, source, .. } = rule;
    let mut out = json!({
        "id": id,
        "shortDescription": { "text": description },
        "properties": { "tags": ["security", kind.class().name(), kind.name()] },
    });
    if let (Some(members), true) = (out.as_object_mut(), source.starts_with("https://")) {
        members.insert("helpUri".to_owned(), json!(source));
    }
    out
}

fn level(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::Low => "note",
        Confidence::Medium => "warning",
        Confidence::High => "error",
    }
}

/// A path as a URI reference: what is no unreserved character of RFC 3986 is written in percent.
pub(crate) fn uri(name: &str) -> String {
    if name == "-" {
        return "stdin".to_owned();
    }
    let mut path = if cfg!(windows) { name.replace('\\', "/") } else { name.to_owned() };
    while let Some(rest) = path.strip_prefix("./") {
        path = rest.to_owned();
    }
    let mut out = match path.strip_prefix('/') {
        Some(_) => "file://".to_owned(),
        None => String::new(),
    };
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use airlock_scan::rules;

    use super::uri;

    #[test]
    fn paths_become_uris() {
        for (path, expected) in [
            ("src/main.rs", "src/main.rs"),
            ("./a b/ä:1%.txt", "a%20b/%C3%A4%3A1%25.txt"),
            ("/tmp/x", "file:///tmp/x"),
            ("-", "stdin"),
        ] {
            assert_eq!(uri(path), expected);
        }
    }

    #[test]
    fn ids_of_rules_need_no_escape() {
        assert!(rules().iter().all(|rule| {
            rule.id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        }));
    }
}
