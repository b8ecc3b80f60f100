//! Calls that waited for the server's list: judged when it is known, refused when it never will be.

use std::{borrow::Cow, sync::Arc};

use airlock_engine::{Caller, RawCall, Rejection, TargetKind, json::Document};

use super::{
    Guard,
    client::{Request, Turn},
    reservation::Reservation,
};
use crate::{catalog::Listed, envelope::Envelope, method::ClientMethod, outcome::Outcome, state::Held};

impl Guard {
    /// Refuses a call that waited for the list.
    pub(super) fn refuse_held(&self, held: &Held, rejection: Rejection) -> Option<Vec<u8>> {
        let doc = Document::parse(&held.line, &self.settings.bounds).ok()?;
        let (request, name) = read_held(&doc, &held.caller)?;
        let kind = if request.is_tool_call() { Listed::Tools } else { Listed::Prompts };
        self.refuse_call(&request, kind, &name, rejection).to_client.pop()
    }

    /// Records a call that waited for the list and is no longer wanted.
    pub(super) fn abandon_held(&self, line: &[u8], caller: &Arc<Caller>) {
        let Ok(doc) = Document::parse(line, &self.settings.bounds) else { return };
        let Some((request, name)) = read_held(&doc, caller) else { return };
        let kind = if request.is_tool_call() { TargetKind::Tool } else { TargetKind::Prompt };
        let tool = self.engine.tool(kind, &name, None);
        self.engine.abandon(match request.param("arguments") {
            Some(arguments) => RawCall::new(tool, arguments.raw(), Arc::clone(caller)),
            None => RawCall::without_arguments(tool, Arc::clone(caller)),
        });
    }

    /// Judges a call that waited, now that the list is known. `to_server` gets what is admitted.
    pub(super) async fn judge_held(
        &self,
        held: &Held,
        reservation: Reservation<'_>,
        outcome: &mut Outcome<'_>,
    ) {
        let line = &held.line;
        let Ok(doc) = Document::parse(line, &self.settings.bounds) else { return };
        let Some((request, _)) = read_held(&doc, &held.caller) else { return };
        let listed = if request.is_tool_call() { Listed::Tools } else { Listed::Prompts };
        let judged = Box::pin(self.call_listed(&request, reservation, listed, Turn::Held, line)).await;
        outcome.to_server.extend(judged.forward.map(Cow::into_owned));
        outcome.to_server.extend(judged.to_server);
        outcome.to_client.extend(judged.to_client);
        outcome.reports.extend(judged.reports);
    }
}

/// The request in a line that was kept, and the name it calls.
fn read_held<'d>(doc: &'d Document<'_>, caller: &'d Arc<Caller>) -> Option<(Request<'d>, Cow<'d, str>)> {
    let Ok(Envelope::Request { id, method, params }) = Envelope::classify(doc) else { return None };
    let request = Request { id, method: ClientMethod::of(&method.as_str()?), params, caller };
    let name = request.text_param("name")?;
    Some((request, name))
}
