//! An id that is being judged: taken at the door, given up when the request is sent, held or refused.
//!
//! Without it a second request of the same id, a cancellation or the end of the server could come between
//! the check of an id and its registration.

use crate::{
    envelope::Id,
    state::{InFlight, State},
};

use super::{Guard, lock};

/// Holds an id in [`State::judging`]; gives it up when dropped.
pub(super) struct Reservation<'g> {
    guard: &'g Guard,
    id: Option<Id>,
}

/// Why a judged request is not sent.
pub(super) enum Unsent {
    /// The client cancelled it meanwhile; its permits were dropped, and the records say `abandoned`.
    Cancelled,
    /// The server ended meanwhile.
    ServerGone(InFlight),
}

impl<'g> Reservation<'g> {
    /// Takes an id that nothing under way has.
    pub(super) fn new(guard: &'g Guard, state: &mut State, id: Id) -> Self {
        state.judging.insert(id.clone(), false);
        Self { guard, id: Some(id) }
    }

    /// For an id that [`State::take_all_held`] took.
    pub(super) fn of_taken(guard: &'g Guard, id: Id) -> Self {
        Self { guard, id: Some(id) }
    }

    /// Gives the id up; tells whether it was cancelled meanwhile.
    pub(super) fn release(mut self, state: &mut State) -> bool {
        self.id.take().and_then(|id| state.judging.remove(&id)).unwrap_or(false)
    }

    /// The request goes to the server, unless something happened meanwhile.
    pub(super) fn send(mut self, in_flight: InFlight) -> Result<(), Unsent> {
        let Some(id) = self.id.take() else { return Ok(()) };
        let mut state = lock(&self.guard.state);
        let cancelled = state.judging.remove(&id).unwrap_or(false);
        if state.server_gone {
            return Err(Unsent::ServerGone(in_flight));
        }
        if cancelled {
            return Err(Unsent::Cancelled);
        }
        state.in_flight.insert(id, in_flight);
        Ok(())
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        if let Some(id) = self.id.take() {
            lock(&self.guard.state).judging.remove(&id);
        }
    }
}
