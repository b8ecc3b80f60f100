//! Requests of servers that the client has: whose they are, and what their ids are called in between.

use std::collections::HashMap;

use airlock_engine::json::{Document, Splices, Value, write_string};
use airlock_mcp::Id;

use super::calls::Key;

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
    /// Notes a request. The line with the id that the client is to know, where that is another one; a server of a call
    /// always gets another one, the primary server only where its own is taken.
    pub(super) fn ask(&mut self, server: Key, doc: &Document<'_>) -> Option<Vec<u8>> {
        let root = doc.root();
        let id = root.get("id")?;
        // What is no id is refused by the guard.
        let inner = Id::read(id)?;
        let (own, mut question) =
            (inner.clone(), Question { server, id: id.raw().to_owned(), inner, token: None });
        if server == Key::PRIMARY && !self.open.contains_key(&own) {
            self.open.insert(own, question);
            return None;
        }
        let (outer, name) = self.name();
        let mut edits = Splices::default();
        edits.replace(id.span(), &name);
        let token =
            member(root, &["params", "_meta", "progressToken"]).filter(|token| Id::read(*token).is_some());
        if let Some(token) = token {
            edits.replace(token.span(), &name);
            question.token = Some(token.raw().to_owned());
        }
        self.open.insert(outer, question);
        Some(edits.apply(doc.text()).into_bytes())
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

/// A member of a member.
pub(super) fn member<'d>(root: Value<'d>, path: &[&str]) -> Option<Value<'d>> {
    path.iter().try_fold(root, |value, name| value.get(name))
}
