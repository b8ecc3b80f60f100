//! A rejection as an MCP client expects it.

use airlock_engine::{
    Rejection,
    json::{Value, write_string},
};

/// First of our JSON-RPC error codes: outside -32768…-32000, which JSON-RPC and MCP reserve. A rejection's
/// code is this minus its place in the catalogue.
const FIRST_ERROR_CODE: i64 = -31_000;

/// Which shape of answers a client expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Era {
    /// 2024-11-05 to 2025-11-25.
    Legacy,
    /// 2026-07-28: results say what they are.
    Modern,
}

impl Era {
    /// Told by the metadata that every modern request carries.
    pub(crate) fn of(params: Option<Value<'_>>) -> Self {
        let meta = params.and_then(|params| params.get("_meta"));
        match meta.and_then(|meta| meta.get("io.modelcontextprotocol/protocolVersion")) {
            Some(_) => Self::Modern,
            None => Self::Legacy,
        }
    }
}

/// The answer to a refused `tools/call`: a tool result that says so, so that the model can correct itself.
pub(crate) fn as_tool_result(id: &str, rejection: &Rejection, era: Era) -> Vec<u8> {
    let mut out = String::with_capacity(512);
    out.push_str(r#"{"jsonrpc":"2.0","id":"#);
    out.push_str(id);
    out.push_str(r#","result":{"content":[{"type":"text","text":"#);
    write_string(&mut out, &rejection.to_agent_json());
    out.push_str("}],\"isError\":true");
    if era == Era::Modern {
        out.push_str(r#","resultType":"complete""#);
    }
    out.push_str("}}");
    out.into_bytes()
}

/// The answer to any other refused request. `id` is the raw token, `null` when it is not known.
pub(crate) fn as_error(id: &str, rejection: &Rejection) -> Vec<u8> {
    let place = airlock_engine::Code::ALL.iter().position(|code| *code == rejection.code()).unwrap_or(0);
    let code = FIRST_ERROR_CODE - i64::try_from(place).unwrap_or(0);
    let mut out = String::with_capacity(512);
    out.push_str(r#"{"jsonrpc":"2.0","id":"#);
    out.push_str(id);
    out.push_str(r#","error":{"code":"#);
    out.push_str(&code.to_string());
    out.push_str(r#","message":"#);
    write_string(&mut out, &format!("AIRLOCK_BLOCK: {}", rejection.message()));
    out.push_str(r#","data":"#);
    out.push_str(&rejection.to_agent_json());
    out.push_str("}}");
    out.into_bytes()
}

#[cfg(test)]
mod tests {
    use airlock_engine::{Code, Rejection};
    use serde_json::Value;

    use super::{Era, as_error, as_tool_result};

    fn number(code: Code) -> i64 {
        let answer: Value = serde_json::from_slice(&as_error("1", &Rejection::new(code))).unwrap();
        answer["error"]["code"].as_i64().unwrap()
    }

    /// Clients may branch on these numbers: a new code goes to the end of the catalogue.
    #[test]
    fn numbers_are_stable_and_not_reserved() {
        for (code, expected) in [
            (Code::GhostArguments, -31_000),
            (Code::MalformedMessage, -31_002),
            (Code::ToolUnknown, -31_004),
            (Code::ToolDenied, -31_006),
            (Code::RateLimited, -31_011),
            (Code::OutputBlocked, -31_019),
            (Code::InternalPanic, -31_026),
        ] {
            assert_eq!(number(code), expected, "{code}");
        }
        assert!(Code::ALL.iter().all(|code| !(-32_768..=-32_000).contains(&number(*code))));
    }

    #[test]
    fn answers_keep_the_id_as_it_was_written() {
        let rejection = Rejection::new(Code::ToolDenied);
        for id in ["1", "\"a\\u0062\"", "-0", "18446744073709551615"] {
            for answer in [as_error(id, &rejection), as_tool_result(id, &rejection, Era::Modern)] {
                let text = String::from_utf8(answer).unwrap();
                assert!(
                    text.starts_with(&format!(r#"{{"jsonrpc":"2.0","id":{id},"#)) && !text.contains('\n'),
                    "{text}"
                );
            }
        }
    }
}
