//! Requests of servers that the client has: whose they are, and what their ids are called in between.

use std::collections::HashMap;

use airlock_engine::json::{Document, Splices, Value, write_string};
use airlock_mcp::Id;

use super::calls::Key;

/// Most open requests of the primary server: as many as the guard lets pass, and some that it did not.
const MAX_OPEN: usize = 1_200;
/// Most open requests of a call's server. All of them together leave room below the guard's bound for the session, so
/// that none keeps the others from asking.
const MAX_OPEN_OF_A_CALL: usize = 100;

/// What becomes of a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked {
    AsItIs,
    /// The line with the id that the client is to know.
    Renamed(Vec<u8>),
    /// It goes nowhere.
    Refused,
    /// It goes nowhere, and this is what its server is told.
    Answered(Vec<u8>),
}

/// A request of a server.
#[derive(Debug)]
pub(super) struct Question {
    /// Whose it is.
    pub(super) server: Key,
    /// Its id as the server wrote it.
    id: String,
    inner: Id,
    /// The token under which the server wants to hear of progress, as it wrote it, where it has another name outside.
    token: Option<String>,
}

/// All of them, by the id that the client knows.
#[derive(Debug, Default)]
pub(super) struct Questions {
    open: HashMap<Id, Question>,
    names: u64,
}

impl Questions {
    /// Notes a request. A server of a call always gets another id for it, the primary server only where its own is
    /// taken.
    pub(super) fn ask(&mut self, server: Key, doc: &Document<'_>) -> Asked {
        let root = doc.root();
        let id = root.get("id");
        let Some((id, inner)) = id.and_then(|id| Some((id, Id::read(id)?))) else {
            // No id, which the guard refuses.
            return if server == Key::PRIMARY { Asked::AsItIs } else { Asked::Refused };
        };
        let token = member(root, &["params", "_meta", "progressToken"]);
        // No token, or more of one than is kept.
        if token.is_some_and(|token| Id::read(token).is_none()) && server != Key::PRIMARY {
            return Asked::Answered(refusal(
                id,
                "its progress token is no integer and no string of at most 1 KiB",
            ));
        }
        let open = self.open.values().filter(|own| own.server == server).count();
        if server != Key::PRIMARY && open >= MAX_OPEN_OF_A_CALL {
            return Asked::Answered(refusal(id, "too many of the server's requests are unanswered"));
        }
        if open >= MAX_OPEN {
            return Asked::Refused;
        }
        let (own, mut question) =
            (inner.clone(), Question { server, id: id.raw().to_owned(), inner, token: None });
        if server == Key::PRIMARY && !self.open.contains_key(&own) {
            self.open.insert(own, question);
            return Asked::AsItIs;
        }
        let (outer, name) = self.name();
        let mut edits = Splices::default();
        edits.replace(id.span(), &name);
        if let Some(token) = token.filter(|token| Id::read(*token).is_some()) {
            edits.replace(token.span(), &name);
            question.token = Some(token.raw().to_owned());
        }
        self.open.insert(outer, question);
        Asked::Renamed(edits.apply(doc.text()).into_bytes())
    }

    /// Where an answer of the client belongs, and the answer with the id that was asked under.
    pub(super) fn answered(&mut self, id: Value<'_>, doc: &Document<'_>) -> Option<(Key, Vec<u8>)> {
        let question = self.open.remove(&Id::read(id)?)?;
        let mut edits = Splices::default();
        if id.raw() != question.id {
            edits.replace(id.span(), &question.id);
        }
        Some((question.server, edits.apply(doc.text()).into_bytes()))
    }

    /// Where the client's progress belongs, if it is that of a request whose token has another name here.
    pub(super) fn progress(&self, token: Value<'_>, doc: &Document<'_>) -> Option<(Key, Vec<u8>)> {
        let question = self.open.get(&Id::read(token)?)?;
        let mut edits = Splices::default();
        edits.replace(token.span(), question.token.as_ref()?);
        Some((question.server, edits.apply(doc.text()).into_bytes()))
    }

    /// A server does not want to know any more: its line with the id that the client knows, if there is such a request.
    pub(super) fn withdrawn(&mut self, server: Key, id: Value<'_>, doc: &Document<'_>) -> Option<Vec<u8>> {
        let inner = Id::read(id)?;
        let outer = self.open.iter().find(|(_, own)| own.server == server && own.inner == inner)?.0.clone();
        self.open.remove(&outer);
        let mut edits = Splices::default();
        edits.replace(id.span(), raw(&outer));
        Some(edits.apply(doc.text()).into_bytes())
    }

    /// A server is gone: what tells the client that nobody waits for an answer.
    pub(super) fn gone(&mut self, server: Key) -> Vec<Vec<u8>> {
        let open: Vec<Id> = self
            .open
            .iter()
            .filter(|(_, own)| own.server == server)
            .map(|(outer, _)| outer.clone())
            .collect();
        for outer in &open {
            self.open.remove(outer);
        }
        let cancelled = |outer: &Id| {
            let id = raw(outer);
            format!(
                r#"{{"jsonrpc":"2.0","method":"notifications/cancelled","params":{{"requestId":{id},"reason":"the call is over"}}}}"#
            )
        };
        open.iter().map(|outer| cancelled(outer).into_bytes()).collect()
    }

    /// An id that no open request has.
    fn name(&mut self) -> (Id, String) {
        loop {
            self.names += 1;
            let outer = Id::Text(format!("airlock-call-{}", self.names).into());
            if !self.open.contains_key(&outer) {
                let name = raw(&outer);
                return (outer, name);
            }
        }
    }
}

/// The id as JSON.
fn raw(id: &Id) -> String {
    match id {
        Id::Number(number) => number.to_string(),
        Id::Text(text) => {
            let mut raw = String::new();
            write_string(&mut raw, text);
            raw
        }
    }
}

/// What a server is told whose request goes nowhere.
fn refusal(id: Value<'_>, problem: &str) -> Vec<u8> {
    let id = id.raw();
    let error = format!(r#"{{"code":-32600,"message":"the request was refused: {problem}"}}"#);
    format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{error}}}"#).into_bytes()
}

/// A member of a member.
pub(super) fn member<'d>(root: Value<'d>, path: &[&str]) -> Option<Value<'d>> {
    path.iter().try_fold(root, |value, name| value.get(name))
}

#[cfg(test)]
mod tests {
    use airlock_engine::json::{Bounds, Document};

    use super::{Asked, MAX_OPEN, MAX_OPEN_OF_A_CALL, Questions};
    use crate::per_call::calls::{Key, State};

    fn parse(line: &str) -> Document<'_> {
        Document::parse(line.as_bytes(), &Bounds::DEFAULT).unwrap()
    }

    fn request(id: &str) -> String {
        format!(
            r#"{{"jsonrpc":"2.0", "id": {id} ,"method":"ping","params":{{"_meta":{{"progressToken":"t"}}}}}}"#
        )
    }

    /// Three servers, each of which asks under the id 1 and the token "t".
    fn asked() -> (Questions, [Key; 3], Vec<Asked>) {
        let mut state = State::default();
        let servers = [Key::PRIMARY, state.add(None), state.add(None)];
        let mut questions = Questions::default();
        let line = request("1");
        let asked = servers.iter().map(|server| questions.ask(*server, &parse(&line))).collect();
        (questions, servers, asked)
    }

    fn answered(questions: &mut Questions, id: &str) -> Option<(Key, String)> {
        let line = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"x":1e2}}}}"#);
        let doc = parse(&line);
        let (server, line) = questions.answered(doc.root().get("id").unwrap(), &doc)?;
        Some((server, String::from_utf8(line).unwrap()))
    }

    #[test]
    fn every_answer_finds_the_server_that_asked() {
        let (mut questions, servers, asked) = asked();
        assert_eq!(asked[0], Asked::AsItIs);
        for (number, asked) in asked.iter().enumerate().skip(1) {
            let Asked::Renamed(line) = asked else { panic!("{asked:?}") };
            let expected = request(&format!(r#""airlock-call-{number}""#))
                .replace(r#""progressToken":"t""#, &format!(r#""progressToken":"airlock-call-{number}""#));
            assert_eq!(String::from_utf8_lossy(line), expected, "the id and the token alone are others");
        }
        for (id, server) in
            [(r#""airlock-call-2""#, servers[2]), ("1", servers[0]), (r#""airlock-call-1""#, servers[1])]
        {
            let (found, line) = answered(&mut questions, id).unwrap();
            assert_eq!((found, line.as_str()), (server, r#"{"jsonrpc":"2.0","id":1,"result":{"x":1e2}}"#));
            assert_eq!(answered(&mut questions, id), None, "once");
        }
    }

    #[test]
    fn the_first_server_cannot_take_the_name_of_anothers_question() {
        let (mut questions, servers, _) = asked();
        let line = request(r#""airlock-call-2""#);
        let Asked::Renamed(_) = questions.ask(Key::PRIMARY, &parse(&line)) else { panic!("it is taken") };
        assert_eq!(answered(&mut questions, r#""airlock-call-2""#).unwrap().0, servers[2]);
        let (server, line) = answered(&mut questions, r#""airlock-call-3""#).unwrap();
        assert_eq!(server, Key::PRIMARY);
        assert!(line.contains(r#""id":"airlock-call-2""#), "{line}");
    }

    #[test]
    fn a_server_withdraws_its_own_question_alone() {
        let (mut questions, servers, _) = asked();
        let line = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#;
        let doc = parse(line);
        let id = super::member(doc.root(), &["params", "requestId"]).unwrap();
        let withdrawn = questions.withdrawn(servers[2], id, &doc).unwrap();
        assert_eq!(String::from_utf8(withdrawn).unwrap(), line.replace("1}", r#""airlock-call-2"}"#));
        assert_eq!(answered(&mut questions, r#""airlock-call-2""#), None);
        assert_eq!(questions.gone(servers[1]).len(), 1);
        assert_eq!(answered(&mut questions, r#""airlock-call-1""#), None);
        assert_eq!(answered(&mut questions, "1").unwrap().0, Key::PRIMARY);
    }

    #[test]
    fn questions_are_bounded_for_each_server() {
        let (mut questions, servers, _) = asked();
        let passes = |questions: &mut Questions, server, id: usize| {
            let line = request(&id.to_string());
            match questions.ask(server, &parse(&line)) {
                Asked::Answered(answer) => {
                    assert!(String::from_utf8(answer).unwrap().contains(&format!(r#""id":{id},"error""#)));
                    false
                }
                asked => asked != Asked::Refused,
            }
        };
        for (server, most) in [(servers[1], MAX_OPEN_OF_A_CALL), (Key::PRIMARY, MAX_OPEN)] {
            let passed = (2..=most + 10).filter(|id| passes(&mut questions, server, *id)).count();
            assert_eq!(passed, most - 1, "one is open");
        }
        assert!(passes(&mut questions, servers[2], 2), "others may ask");
        assert_eq!(questions.ask(servers[2], &parse(&request("1.5"))), Asked::Refused, "no id");
    }

    #[test]
    fn nothing_long_of_a_question_is_kept() {
        let (mut questions, servers, _) = asked();
        for (length, kept) in [(1022, true), (1023, false)] {
            let id = format!("\"{}\"", "z".repeat(length));
            let by_id = questions.ask(servers[1], &parse(&request(&id)));
            assert_eq!(matches!(by_id, Asked::Renamed(_)), kept, "{length}");
            let by_token = request(&length.to_string()).replace(r#""t""#, &id);
            let Asked::Answered(line) = questions.ask(servers[1], &parse(&by_token)) else {
                assert!(kept, "{length}");
                continue;
            };
            let line = String::from_utf8(line).unwrap();
            assert!(
                !kept && line.starts_with(r#"{"jsonrpc":"2.0","id":1023,"error":{"code":-32600"#),
                "{line}"
            );
        }
    }
}
