//! Messages on their way to the client: sent one after the other, in the order in which they were decided.

use std::{collections::VecDeque, future::poll_fn, pin::Pin, task::Poll};

use tokio::sync::oneshot;

/// Most messages that wait before their senders have to.
const WAITING: usize = 64;

/// Who waits until a message is sent.
pub(crate) type Sent<E> = oneshot::Sender<Result<(), E>>;

struct Sending<E> {
    future: Pin<Box<dyn Future<Output = Result<(), E>> + Send>>,
    sent: Option<Sent<E>>,
}

pub(crate) struct Outbox<E> {
    queue: VecDeque<Sending<E>>,
}

impl<E> Outbox<E> {
    pub(crate) fn new() -> Self {
        Self { queue: VecDeque::new() }
    }

    /// Queues what a transport's `send` returned.
    pub(crate) fn push(
        &mut self,
        future: impl Future<Output = Result<(), E>> + Send + 'static,
        sent: Option<Sent<E>>,
    ) {
        self.queue.push_back(Sending { future: Box::pin(future), sent });
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Whether more should be taken on.
    pub(crate) fn has_room(&self) -> bool {
        self.queue.len() < WAITING
    }

    /// Sends the first message to its end; waits for ever if there is none. Dropping the future only pauses.
    pub(crate) async fn send_first(&mut self) {
        let result = poll_fn(|context| match self.queue.front_mut() {
            Some(first) => first.future.as_mut().poll(context),
            None => Poll::Pending,
        })
        .await;
        if let Some(sent) = self.queue.pop_front().and_then(|first| first.sent) {
            // Nobody waits any more where a task was dropped.
            drop(sent.send(result));
        }
    }
}
