//! What goes into the worker, and what comes out: one line of JSON each, written by this very program, and on the way out
//! believed by nobody.

use std::str;

use airlock_engine::{AgentId, Caller, Role, SessionId};
use serde::{Deserialize, Serialize, de::IgnoredAny};

/// The call of a tool.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    /// Their text, byte for byte as it was authorized.
    pub(super) arguments: String,
    agent_id: Option<String>,
    session_id: Option<String>,
    roles: Vec<String>,
}

impl Request {
    pub(super) fn new(arguments: String, caller: &Caller) -> Self {
        Self {
            arguments,
            agent_id: caller.agent_id.as_ref().map(ToString::to_string),
            session_id: caller.session_id.as_ref().map(ToString::to_string),
            roles: caller.roles.iter().map(ToString::to_string).collect(),
        }
    }

    /// Who calls; `None` if that was not written by [`new`](Self::new).
    pub(super) fn caller(&self) -> Option<Caller> {
        let Self { arguments: _, agent_id, session_id, roles } = self;
        Some(Caller {
            agent_id: agent_id.as_deref().map(AgentId::new).transpose().ok()?,
            session_id: session_id.as_deref().map(SessionId::new).transpose().ok()?,
            roles: roles.iter().map(|role| Role::new(role)).collect::<Result<_, _>>().ok()?,
        })
    }
}

/// What became of it.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer {
    /// Text for the model.
    Text(String),
    /// The text of a JSON document.
    Json(String),
    /// The tool failed, and says so in a text.
    Failed(String),
    /// The tool crashed.
    Panicked,
    /// The arguments do not fit the types of its parameters.
    Misfit,
}

impl Answer {
    /// As the one line that leaves the sandbox.
    pub(super) fn line(&self) -> Option<String> {
        serde_json::to_string(self).ok().map(|line| line + "\n")
    }

    /// Reads what a worker said: exactly one line, and all of it. Whatever else it is, it is no answer.
    pub(super) fn read(said: &[u8]) -> Option<Self> {
        let line = said.strip_suffix(b"\n").filter(|line| !line.contains(&b'\n'))?;
        let answer = serde_json::from_str(str::from_utf8(line).ok()?).ok()?;
        match &answer {
            Self::Json(text) if serde_json::from_str::<IgnoredAny>(text).is_err() => None,
            _ => Some(answer),
        }
    }
}

#[cfg(test)]
mod tests {
    use airlock_engine::Caller;

    use super::{Answer, Request};

    #[test]
    fn an_answer_is_one_line_and_nothing_else() {
        let text = || Answer::Text("two\nlines".to_owned());
        let line = text().line().unwrap();
        assert_eq!(line, "{\"text\":\"two\\nlines\"}\n");
        assert_eq!(Answer::read(line.as_bytes()), Some(text()), "positive control");
        for answer in
            [Answer::Json("[1]".into()), Answer::Failed(String::new()), Answer::Panicked, Answer::Misfit]
        {
            assert_eq!(Answer::read(answer.line().unwrap().as_bytes()), Some(answer));
        }
        let long = format!("{{\"text\":{}\n", "[".repeat(10_000));
        for not in [
            &b""[..],
            b"\n",
            b"{\"text\":\"cut off\"}",
            b"{\"text\":\"one\"}\n{\"text\":\"two\"}\n",
            b"noise\n{\"text\":\"one\"}\n",
            b"{\"text\":\"one\"} noise\n",
            b"{\"text\":\"one\",\"text\":\"two\"}\n",
            b"{\"text\":\"one\",\"json\":\"2\"}\n",
            b"{\"text\":\"\xff\"}\n",
            b"{\"text\":7}\n",
            b"{\"result\":\"one\"}\n",
            b"{\"json\":\"[1\"}\n",
            b"{\"json\":\"\"}\n",
            b"{}\n",
            b"\"text\"\n",
            b"\x80\x04\x95pickle\n",
            long.as_bytes(),
        ] {
            assert_eq!(Answer::read(not), None, "{:?}", String::from_utf8_lossy(not));
        }
    }

    #[test]
    fn the_caller_and_every_digit_arrive() {
        let caller = Caller {
            agent_id: Some("agent-1".parse().unwrap()),
            session_id: Some("session \u{e9}".parse().unwrap()),
            roles: vec!["admin".parse().unwrap(), "ops".parse().unwrap()],
        };
        for caller in [caller, Caller::anonymous()] {
            let sent = Request::new("{\"n\": 1.10000000000000000000000001}".to_owned(), &caller);
            let read: Request = serde_json::from_str(&serde_json::to_string(&sent).unwrap()).unwrap();
            assert_eq!((read.arguments.as_str(), read.caller()), (sent.arguments.as_str(), Some(caller)));
        }
    }
}
