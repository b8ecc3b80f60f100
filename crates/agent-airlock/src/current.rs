//! The caller of the tool that is running, and a tool's panic that ends the call and nothing else.

use std::{
    any::Any,
    cell::RefCell,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use airlock_engine::Caller;

use crate::{outcome::Outcome, tool::Running};

thread_local! {
    static CURRENT: RefCell<Option<Arc<Caller>>> = const { RefCell::new(None) };
}

/// Who called the tool that is running; `None` outside a guarded call.
///
/// It is known wherever the tool's own future is polled, also after an `await`; a task or thread that the tool starts
/// does not inherit it.
pub fn get_current_caller() -> Option<Arc<Caller>> {
    CURRENT.with_borrow(Clone::clone)
}

/// Puts a caller in place until it is dropped, also by a panic.
struct Entered(Option<Arc<Caller>>);

impl Entered {
    fn new(caller: Arc<Caller>) -> Self {
        Self(CURRENT.replace(Some(caller)))
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(self.0.take());
    }
}

/// Runs with `caller` as the current one; what it panics with is the error.
pub(crate) fn entered<T>(caller: &Arc<Caller>, run: impl FnOnce() -> T) -> Result<T, Panicked> {
    let _entered = Entered::new(Arc::clone(caller));
    // What the closure leaves behind broken belongs to the tool, and the call is over.
    catch_unwind(AssertUnwindSafe(run)).map_err(Panicked)
}

/// What a tool panicked with: nobody is shown it, because it may hold anything.
pub(crate) struct Panicked(#[expect(dead_code, reason = "dropped where the call ends")] Box<dyn Any + Send>);

/// A tool's future, polled with its caller in place.
pub(crate) struct Guarded {
    pub(crate) running: Running,
    pub(crate) caller: Arc<Caller>,
}

impl Future for Guarded {
    type Output = Result<Outcome, Panicked>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        match entered(&this.caller, || this.running.as_mut().poll(context)) {
            Ok(Poll::Ready(outcome)) => Poll::Ready(Ok(outcome)),
            Ok(Poll::Pending) => Poll::Pending,
            Err(panicked) => Poll::Ready(Err(panicked)),
        }
    }
}
