//! Learning what the server offers: the guard's own questions, and the client's.

use std::{borrow::Cow, sync::Arc, time::Duration};

use airlock_engine::{
    Code, Rejection, Tool,
    json::{Splices, Value, remove_elements, write_string},
};

use super::{
    Guard,
    client::{Request, protocol_meta},
    reservation::Reservation,
};
use crate::{
    catalog::{Life, Listed, Lister},
    envelope::{Envelope, Id},
    order::Release,
    outcome::{Outcome, Report},
    state::{Asked, Held, MAX_HELD, MAX_HELD_BYTES, OwnListing},
};

/// Most pages of one listing of the guard's own.
const MAX_PAGES: usize = 1000;
/// How often a listing begins anew because the list changed under it.
const MAX_RESTARTS: usize = 3;
/// Most reports about definitions from one message; the rest is a number.
const MAX_REPORTS: usize = 20;

/// What a page of the guard's own listing leads to.
enum Next {
    Ask(Vec<u8>),
    Judge(Release),
    Fail(&'static str),
}

impl Guard {
    /// Keeps a call back until the list is known, and asks for the list if nobody did.
    pub(super) fn hold(
        &self,
        request: &Request<'_>,
        reservation: Reservation<'_>,
        listed: Listed,
        line: &[u8],
    ) -> Outcome<'static> {
        let mut outcome = Outcome::stop();
        let mut state = self.state();
        let Some(id) = Id::read(request.id) else { return outcome };
        if state.mirror(listed).held.len() >= MAX_HELD || state.held_bytes + line.len() > MAX_HELD_BYTES {
            drop(state);
            let rejection = Rejection::new(Code::LimitExceeded)
                .with_message("too many calls wait for the list of the server");
            return self.refused(request, "?", rejection);
        }
        if reservation.release(&mut state) {
            drop(state);
            self.abandon_held(line, request.caller);
            return outcome;
        }
        state.held_bytes += line.len();
        state.mirror(listed).held.push(Held { id, line: line.to_vec(), caller: Arc::clone(request.caller) });
        if state.mirror(listed).own.is_none() {
            let raw_id = state.own_id();
            let mirror = state.mirror(listed);
            let (listing, epoch) = (mirror.catalog.begin(), mirror.catalog.epoch());
            let meta = protocol_meta(request.params);
            outcome.to_server.push(question(&raw_id, listed, None, meta.as_deref()));
            mirror.own =
                Some(OwnListing { id: Id::Text(raw_id.into()), listing, epoch, pages: 0, restarts: 0, meta });
        }
        outcome
    }

    /// If the answer belongs to a question of the guard's own: learns from it, asks for the next page, or
    /// judges the calls that waited.
    pub(super) async fn own_answer(&self, id: &Id, envelope: &Envelope<'_>) -> Option<Outcome<'static>> {
        let listed = {
            let state = self.state();
            let asks = |own: &Option<OwnListing>| own.as_ref().is_some_and(|own| own.id == *id);
            match (asks(&state.tools.own), asks(&state.prompts.own)) {
                (true, _) => Listed::Tools,
                (_, true) => Listed::Prompts,
                _ => return None,
            }
        };
        let mut outcome = Outcome::stop();
        let next = match *envelope {
            Envelope::Result { result, .. } => self.own_page(listed, result, &mut outcome.reports),
            _ => Next::Fail("the server answered with an error"),
        };
        match next {
            Next::Ask(question) => outcome.to_server.push(question),
            Next::Fail(why) => self.listing_failed(listed, why, &mut outcome),
            Next::Judge(release) => {
                outcome.release = release;
                for (held, reservation) in self.take_all_held(listed) {
                    self.judge_held(&held, reservation, &mut outcome).await;
                }
            }
        }
        Some(outcome)
    }

    fn own_page(&self, listed: Listed, result: Value<'_>, reports: &mut Vec<Report>) -> Next {
        let Some(items) = result.get(listed.member()).filter(Value::is_array) else {
            return Next::Fail("the answer has no list");
        };
        let life = self.life(result);
        let mut state = self.state();
        let Some(mut own) = state.mirror(listed).own.take() else { return Next::Judge(Release::default()) };
        own.pages += 1;
        let catalog = &mut state.mirror(listed).catalog;
        let mut said = Vec::new();
        for definition in items.elements() {
            catalog.learn(&self.engine, definition, own.listing, Lister::Guard, &mut said);
        }
        reports.extend(bounded(said));
        if catalog.overflows() || own.pages >= MAX_PAGES {
            return Next::Fail("the list is too long");
        }
        let cursor = next_cursor(result);
        if cursor.is_none() {
            catalog.finish(own.listing, own.epoch, life);
            if own.epoch == catalog.epoch() {
                // Under the lock that makes the list known: nothing that comes later may go first.
                return Next::Judge(self.order.begin());
            }
            if own.restarts >= MAX_RESTARTS {
                return Next::Fail("the list changes faster than it can be read");
            }
            own.restarts += 1;
            (own.listing, own.epoch) = (catalog.begin(), catalog.epoch());
        }
        let raw_id = state.own_id();
        let question = question(&raw_id, listed, cursor.as_deref(), own.meta.as_deref());
        own.id = Id::Text(raw_id.into());
        state.mirror(listed).own = Some(own);
        Next::Ask(question)
    }

    /// Without a list nothing can be judged: what waited is refused.
    pub(super) fn listing_failed(&self, listed: Listed, why: &str, outcome: &mut Outcome<'_>) {
        self.state().mirror(listed).own = None;
        outcome.reports.push(Report::warning(format!("`{}` failed: {why}", listed.method())));
        for (held, _reservation) in self.take_all_held(listed) {
            let rejection = Rejection::new(Code::InternalUpstream)
                .with_message(format!("the server's list is not known, so nothing can be checked: {why}"));
            outcome.to_client.extend(self.refuse_held(&held, rejection));
        }
    }

    fn take_all_held(&self, listed: Listed) -> Vec<(Held, Reservation<'_>)> {
        let held = self.state().take_all_held(listed);
        held.into_iter()
            .map(|held| {
                let reservation = Reservation::of_taken(self, held.id.clone());
                (held, reservation)
            })
            .collect()
    }

    /// Learns from a page that the client asked for. `lister` tells whether the client sees it.
    pub(super) fn learn_page(
        &self,
        asked: &Asked,
        result: Value<'_>,
        lister: Lister,
        reports: &mut Vec<Report>,
    ) -> Vec<bool> {
        let Some(items) = result.get(asked.listed.member()).filter(Value::is_array) else {
            return Vec::new();
        };
        let life = self.life(result);
        let mut said = Vec::new();
        let tools: Vec<Option<Arc<Tool>>> = {
            let mut state = self.state();
            let catalog = &mut state.mirror(asked.listed).catalog;
            let (listing, epoch) = catalog.client_listing(asked.cursor.as_deref(), asked.epoch);
            let learn = |definition| catalog.learn(&self.engine, definition, listing, lister, &mut said);
            let tools = items.elements().map(learn).collect();
            catalog.client_page_done(listing, epoch, next_cursor(result), life);
            tools
        };
        reports.extend(bounded(said));
        // What has a name and could not be learnt cannot be called either.
        let named = items.elements().map(|item| item.get("name").is_some_and(|name| name.as_str().is_some()));
        let seen = |tool: &Option<Arc<Tool>>, named: bool| match tool {
            Some(tool) => self.engine.may_see(tool, &asked.caller),
            None => !named,
        };
        tools.iter().zip(named).map(|(tool, named)| !seen(tool, named)).collect()
    }

    /// Takes out of a page what the caller may not see.
    pub(super) fn hide(&self, listed: Listed, result: Value<'_>, hidden: &[bool], edits: &mut Splices) {
        let Some(items) = result.get(listed.member()).filter(Value::is_array) else { return };
        if !self.settings.hide_denied || !hidden.contains(&true) {
            return;
        }
        remove_elements(items, edits, |index| hidden.get(index).copied().unwrap_or(false));
        // What one caller sees is not for everybody's cache.
        if let Some(scope) = result.get("cacheScope").filter(|scope| scope.is_text("public")) {
            edits.replace(scope.span(), "\"private\"");
        }
    }

    fn life(&self, result: Value<'_>) -> Life {
        let ttl = result.get("ttlMs").and_then(|ttl| ttl.as_number()).and_then(|ttl| ttl.parse().ok());
        Life { now: self.engine.now().map(|now| now.monotonic), ttl: ttl.map(Duration::from_millis) }
    }
}

/// A server that changes everything at once is told in a few lines.
fn bounded(mut reports: Vec<Report>) -> Vec<Report> {
    if let Some(more) = reports.len().checked_sub(MAX_REPORTS).filter(|more| *more > 0) {
        reports.truncate(MAX_REPORTS);
        reports.push(Report::warning(format!("{more} more reports about definitions are left out")));
    }
    reports
}

/// The guard's own question for one page.
fn question(raw_id: &str, listed: Listed, cursor: Option<&str>, meta: Option<&str>) -> Vec<u8> {
    let mut params = String::new();
    if let Some(meta) = meta {
        params.push_str("\"_meta\":");
        params.push_str(meta);
    }
    if let Some(cursor) = cursor {
        if !params.is_empty() {
            params.push(',');
        }
        params.push_str("\"cursor\":");
        write_string(&mut params, cursor);
    }
    let method = listed.method();
    format!(r#"{{"jsonrpc":"2.0","id":"{raw_id}","method":"{method}","params":{{{params}}}}}"#).into_bytes()
}

/// The empty string is a cursor too; only its absence is the end. `null` is read as absence.
fn next_cursor(result: Value<'_>) -> Option<String> {
    result.get("nextCursor").and_then(|cursor| cursor.as_str()).map(Cow::into_owned)
}
