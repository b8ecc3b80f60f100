//! What every implementation of a port must do. The fake runs the same suite as the real one.

use std::{
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use airlock_engine::{
    policy::Quota,
    ports::{AuditSink, Clock, Files, RateLimitStore, StoreAnswer, StoreError, Take, Taken},
};

/// Time is known and the monotonic clock never steps back.
pub fn clock_contract(clock: &dyn Clock) {
    let mut last = clock.now().expect("the time is known").monotonic;
    for _ in 0..100 {
        let now = clock.now().expect("the time is known").monotonic;
        assert!(now >= last, "the monotonic clock stepped back");
        last = now;
    }
}

/// Paths come back absolute and without `..`; what cannot be told is `None`.
///
/// `inside` is an existing folder of the host with a file `file` in it.
pub fn files_contract(files: &dyn Files, inside: &std::path::Path) {
    let text = |path: std::path::PathBuf| path.to_str().expect("a test path is text").to_owned();
    let real = files.resolve(&text(inside.join("file"))).expect("an existing file resolves");
    assert!(real.is_absolute());
    let dotted = files
        .resolve(&text(inside.join("x/../file")))
        .or_else(|| files.resolve(&text(inside.join("./file"))));
    assert_eq!(dotted, Some(real.clone()), "dots are resolved");
    let absent = files.resolve(&text(inside.join("absent/deeper"))).expect("the existing part resolves");
    assert!(
        absent.starts_with(real.parent().expect("a file has a folder")),
        "absent parts stay below the existing one"
    );
    assert_eq!(files.resolve("nul\0byte"), None, "a path with NUL is no path");
}

/// Records are accepted while the destination is ready.
pub fn audit_sink_contract(sink: &dyn AuditSink) {
    sink.ready().expect("the destination is ready");
    sink.write(r#"{"tool":"contract"}"#).expect("a record is written");
    sink.ready().expect("the destination is still ready");
}

/// Buckets hold what the quota says, refill continuously, tell the wait exactly, are apart from each other,
/// and several are taken together or not at all.
pub fn rate_limit_store_contract(store: &dyn RateLimitStore) {
    let quota = |text: &str| Quota::parse(text).expect("a quota");
    let minute = quota("2/minute");
    let start = Duration::from_secs(10_000);
    let one = |limit: &'static str, caller: &'static str| [Take { limit, caller, quota: minute }];

    assert_eq!(take(store, &one("contract:a", "x"), start), Ok(Taken::Granted));
    assert_eq!(take(store, &one("contract:a", "x"), start), Ok(Taken::Granted));
    let wait = refused(store, &one("contract:a", "x"), start);
    assert_eq!(wait, Duration::from_secs(30), "the wait is exact");
    assert_eq!(take(store, &one("contract:a", "y"), start), Ok(Taken::Granted), "callers are apart");
    assert_eq!(take(store, &one("contract:b", "x"), start), Ok(Taken::Granted), "limits are apart");
    let early =
        refused(store, &one("contract:a", "x"), start + wait.saturating_sub(Duration::from_millis(1)));
    assert_eq!(early, Duration::from_millis(1));
    assert_eq!(take(store, &one("contract:a", "x"), start + wait), Ok(Taken::Granted));

    // Together or not at all: the second bucket is empty, so the first keeps its token.
    let both = [Take { limit: "contract:c", caller: "x", quota: quota("1/hour") }, one("contract:a", "x")[0]];
    let now = start + wait;
    assert!(matches!(take(store, &both, now), Ok(Taken::Refused { .. })));
    assert_eq!(take(store, &both[..1], now), Ok(Taken::Granted), "nothing was taken by the refused call");
    assert!(matches!(take(store, &both[..1], now), Ok(Taken::Refused { .. })));
}

fn refused(store: &dyn RateLimitStore, takes: &[Take<'_>], now: Duration) -> Duration {
    match take(store, takes, now) {
        Ok(Taken::Refused { retry_after }) => retry_after,
        other => panic!("expected a refusal, got {other:?}"),
    }
}

fn take(store: &dyn RateLimitStore, takes: &[Take<'_>], now: Duration) -> Result<Taken, StoreError> {
    match store.take(takes, now) {
        StoreAnswer::Ready(taken) => taken,
        StoreAnswer::Pending(taken) => wait_for(taken),
    }
}

/// Polls until the answer is there; for stores whose futures are driven by another thread.
fn wait_for<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(value) => return value,
            Poll::Pending => std::thread::yield_now(),
        }
    }
}
