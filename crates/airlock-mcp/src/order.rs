//! Keeps the order of the client's messages while calls that were held are let go.
//!
//! The server's direction lets them go and hands them to the transport; until the transport has them, the
//! client's direction must not send anything that came after them.

use std::{
    fmt,
    future::poll_fn,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Poll, Waker},
};

/// Whether held calls are on their way to the transport.
#[derive(Default)]
pub(crate) struct Order(Mutex<Turn>);

#[derive(Default)]
struct Turn {
    releasing: bool,
    waiting: Vec<Waker>,
}

impl Order {
    /// Held calls are let go from now on, until the value is dropped.
    pub(crate) fn begin(self: &Arc<Self>) -> Release {
        self.turn().releasing = true;
        Release(Some(Arc::clone(self)))
    }

    pub(crate) fn is_releasing(&self) -> bool {
        self.turn().releasing
    }

    /// Waits until the transport has all that was let go; mostly at once.
    pub(crate) async fn released(&self) {
        poll_fn(|context| {
            let mut turn = self.turn();
            if !turn.releasing {
                return Poll::Ready(());
            }
            turn.waiting.push(context.waker().clone());
            Poll::Pending
        })
        .await;
    }

    fn turn(&self) -> MutexGuard<'_, Turn> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Order").field("releasing", &self.is_releasing()).finish()
    }
}

/// Part of a decision that lets held calls go. The client's next messages wait until it is dropped, which a
/// transport does as soon as it has taken the decision's messages to the server, and before it writes to the
/// client.
#[derive(Debug, Default)]
pub struct Release(Option<Arc<Order>>);

impl Drop for Release {
    fn drop(&mut self) {
        if let Some(order) = self.0.take() {
            let waiting = {
                let mut turn = order.turn();
                turn.releasing = false;
                std::mem::take(&mut turn.waiting)
            };
            waiting.into_iter().for_each(Waker::wake);
        }
    }
}
