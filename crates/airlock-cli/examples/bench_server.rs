//! A tool server that does next to nothing, for measuring what `airlock run` adds to it: `cargo xtask bench`.
//!
//! It answers `initialize`, `tools/list` and `tools/call` (with 1 KB of a database's rows, in which there is
//! something to mask) and ends with its input. It reads no JSON, so that it costs as little as a server can:
//! a request is told by its method, and its id is the number behind `"id":`.

use std::io::{self, BufRead, Write};

const INITIALIZED: &str = r#"{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"bench","version":"1"}}"#;

const TOOLS: &str = r#"{"tools":[{"name":"query_rows","inputSchema":{"type":"object","properties":{"table":{"type":"string"},"where":{"type":"string"},"columns":{"type":"array","items":{"type":"string"}},"limit":{"type":"integer","minimum":1,"maximum":1000},"options":{"type":"object","properties":{"deep":{"type":"boolean"},"comment":{"type":"string"}}}},"required":["table"]}}]}"#;

const ROW: &str = r#"{\"id\":1042,\"name\":\"Ada Lovelace\",\"city\":\"London\",\"note\":\"prefers letters to telegrams and tea to coffee\"}"#;

fn main() -> io::Result<()> {
    let rows = [ROW; 7].join(",");
    let answer = format!(
        r#"{{"content":[{{"type":"text","text":"[{rows}] contact ada@example.com, SSN 523-45-6789"}}]}}"#
    );
    let (mut input, mut output) = (io::stdin().lock(), io::stdout().lock());
    let (mut line, mut message) = (String::new(), String::new());
    while input.read_line(&mut line)? > 0 {
        let result = if line.contains(r#""method":"tools/call""#) {
            &answer
        } else if line.contains(r#""method":"tools/list""#) {
            TOOLS
        } else if line.contains(r#""method":"initialize""#) {
            INITIALIZED
        } else {
            "{}"
        };
        if let Some(id) = id(&line) {
            message.clear();
            message.extend([r#"{"jsonrpc":"2.0","id":"#, id, r#","result":"#, result, "}\n"]);
            output.write_all(message.as_bytes())?;
            output.flush()?;
        }
        line.clear();
    }
    Ok(())
}

/// The number behind the first `"id":`; a notification has none.
fn id(line: &str) -> Option<&str> {
    let (_, behind) = line.split_once(r#""id":"#)?;
    let end = behind.find(|c: char| !c.is_ascii_digit())?;
    behind.get(..end).filter(|digits| !digits.is_empty())
}
