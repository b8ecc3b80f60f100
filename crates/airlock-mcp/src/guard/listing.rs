//! Learning what the server offers: the guard's own questions, and the client's.

use std::{borrow::Cow, time::Duration};

use agent_airlock::{
    Code, Rejection,
    json::{Splices, Value, remove_elements, write_string},
};

use super::{
    Guard,
    client::{Request, protocol_meta},
};
use crate::{
    catalog::{Listed, Lister},
    envelope::{Envelope, Id},
    outcome::{Outcome, Report},
    state::{Held, MAX_HELD, MAX_HELD_BYTES, OwnListing},
};

/// Most pages of one listing of the guard's own.
const MAX_PAGES: usize = 1000;

impl Guard {
    /// Keeps a call back until the list is known, and asks for the list if nobody did.
    pub(super) fn hold(&self, request: &Request<'_>, listed: Listed, line: &[u8]) -> Outcome<'static> {
        let mut outcome = Outcome::stop();
        let mut state = self.state();
        let Some(id) = Id::read(request.id) else { return outcome };
        if state.mirror(listed).held.len() >= MAX_HELD || state.held_bytes + line.len() > MAX_HELD_BYTES {
            drop(state);
            let rejection = Rejection::new(Code::LimitExceeded)
                .with_message("too many calls wait for the list of the server");
            return self.refused(request, "?", rejection);
        }
        state.held_bytes += line.len();
        state.mirror(listed).held.push(Held { id, line: line.to_vec() });
        if state.mirror(listed).own.is_none() {
            let raw_id = state.own_id();
            let mirror = state.mirror(listed);
            let listing = mirror.catalog.begin();
            let meta = protocol_meta(request.params);
            outcome.to_server.push(question(&raw_id, listed, None, meta.as_deref()));
            mirror.own = Some(OwnListing { id: Id::Text(raw_id.into()), listing, pages: 0, meta });
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
        let Envelope::Result { result, .. } = *envelope else {
            self.listing_failed(listed, "the server answered with an error", &mut outcome);
            return Some(outcome);
        };
        let Some(items) = result.get(listed.member()).filter(Value::is_array) else {
            self.listing_failed(listed, "the answer has no list", &mut outcome);
            return Some(outcome);
        };
        let now = self.engine.now().map(|now| now.monotonic);
        let next = next_cursor(result);
        let failure = {
            let mut state = self.state();
            let own = state.mirror(listed).own.take();
            let Some(mut own) = own else { return Some(outcome) };
            own.pages += 1;
            let mirror = state.mirror(listed);
            for definition in items.elements() {
                mirror.catalog.learn(
                    &self.engine,
                    definition,
                    own.listing,
                    Lister::Guard,
                    &mut outcome.reports,
                );
            }
            let overflow = mirror.catalog.overflows() || own.pages >= MAX_PAGES;
            match next {
                Some(cursor) if !overflow => {
                    let raw_id = state.own_id();
                    outcome.to_server.push(question(&raw_id, listed, Some(&cursor), own.meta.as_deref()));
                    own.id = Id::Text(raw_id.into());
                    state.mirror(listed).own = Some(own);
                    return Some(outcome);
                }
                _ => {
                    if !overflow {
                        mirror.catalog.finish(own.listing);
                        mirror.catalog.set_life(now, ttl(result));
                    }
                    overflow
                }
            }
        };
        if failure {
            self.listing_failed(listed, "the list is too long", &mut outcome);
        } else {
            for held in self.take_all_held(listed) {
                self.judge_held(&held.line, &mut outcome).await;
            }
        }
        Some(outcome)
    }

    /// Without a list nothing can be judged: what waited is refused.
    pub(super) fn listing_failed(&self, listed: Listed, why: &str, outcome: &mut Outcome<'_>) {
        self.state().mirror(listed).own = None;
        outcome.reports.push(Report::warning(format!("`{}` failed: {why}", listed.method())));
        for held in self.take_all_held(listed) {
            let rejection = Rejection::new(Code::InternalUpstream)
                .with_message(format!("the server's list is not known, so nothing can be checked: {why}"));
            outcome.to_client.extend(self.refuse_held(&held.line, rejection));
        }
    }

    fn take_all_held(&self, listed: Listed) -> Vec<Held> {
        let mut state = self.state();
        let held = std::mem::take(&mut state.mirror(listed).held);
        let bytes: usize = held.iter().map(|held| held.line.len()).sum();
        state.held_bytes = state.held_bytes.saturating_sub(bytes);
        held
    }

    /// Learns from a page that the client asked for, and takes out what the caller may not see.
    pub(super) fn client_page(
        &self,
        listed: Listed,
        cursor: Option<&str>,
        result: Value<'_>,
        edits: &mut Splices,
        reports: &mut Vec<Report>,
    ) {
        let Some(items) = result.get(listed.member()).filter(Value::is_array) else { return };
        let now = self.engine.now().map(|now| now.monotonic);
        let mut tools = Vec::with_capacity(items.len());
        {
            let mut state = self.state();
            let catalog = &mut state.mirror(listed).catalog;
            let listing = catalog.client_listing(cursor);
            for definition in items.elements() {
                tools.push(catalog.learn(&self.engine, definition, listing, Lister::Client, reports));
            }
            catalog.client_page_done(listing, next_cursor(result));
            catalog.set_life(now, ttl(result));
        }
        if !self.settings.hide_denied {
            return;
        }
        let hidden: Vec<bool> = tools
            .iter()
            .map(|tool| tool.as_ref().is_some_and(|tool| !self.engine.may_see(tool, &self.settings.caller)))
            .collect();
        if hidden.contains(&true) {
            remove_elements(items, edits, |index| hidden.get(index).copied().unwrap_or(false));
            // What one caller sees is not for everybody's cache.
            if let Some(scope) = result.get("cacheScope").filter(|scope| scope.is_text("public")) {
                edits.replace(scope.span(), "\"private\"");
            }
        }
    }
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

fn ttl(result: Value<'_>) -> Option<Duration> {
    let milliseconds: u64 = result.get("ttlMs")?.as_number()?.parse().ok()?;
    Some(Duration::from_millis(milliseconds))
}
