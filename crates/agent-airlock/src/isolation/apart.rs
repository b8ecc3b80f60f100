//! Work that blocks, on a thread of its own, and a future that waits for it.

use std::{
    future::Future,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, Waker},
    thread,
};

/// Starts `work` on a thread of its own. What it gives is the future's output; `None` if it panicked.
///
/// Dropping the future does not stop the work.
pub(super) fn apart<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> io::Result<Apart<T>> {
    let shared = Arc::new(Mutex::new(State::Waiting(None)));
    let ours = Apart(Arc::clone(&shared));
    thread::Builder::new().name("airlock-sandbox".to_owned()).spawn(move || {
        let done = catch_unwind(AssertUnwindSafe(work)).ok();
        let mut state = shared.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *state, State::Done(done));
        drop(state);
        if let State::Waiting(Some(waker)) = before {
            waker.wake();
        }
    })?;
    Ok(ours)
}

enum State<T> {
    Waiting(Option<Waker>),
    Done(Option<T>),
}

/// See [`apart`].
pub(super) struct Apart<T>(Arc<Mutex<State<T>>>);

impl<T> Future for Apart<T> {
    type Output = Option<T>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            State::Done(done) => Poll::Ready(done.take()),
            State::Waiting(waker) => {
                *waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::apart;

    #[test]
    fn what_was_done_is_given_and_a_panic_is_nothing() {
        assert_eq!(pollster::block_on(apart(|| 7).unwrap()), Some(7));
        assert_eq!(pollster::block_on(apart(|| -> u8 { panic!("a broken backend") }).unwrap()), None);
    }
}
