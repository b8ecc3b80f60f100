//! Everything the engine cannot compute by itself: object-safe traits, carried in one struct.

use std::{fmt, future::Future, path::PathBuf, pin::Pin, sync::Arc, time::Duration};

use crate::policy::Quota;

/// A future that may be stored in a trait object.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One reading of the clock: the wall time decides windows and stamps records, the monotonic time drives
/// rate limits, so that a wall clock that steps neither freezes nor refills a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Wall time.
    pub wall: jiff::Timestamp,
    /// Time since an arbitrary fixed point; never steps back.
    pub monotonic: Duration,
}

/// Tells the time.
pub trait Clock: Send + Sync {
    /// The time now; `None` when it is not known, and then calls are refused.
    fn now(&self) -> Option<Now>;
}

/// A token to be taken from one bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Take<'a> {
    /// Which limit: the policy's name and the pattern, already joined and unique within an engine.
    pub limit: &'a str,
    /// Whose bucket of that limit; empty for anonymous callers.
    pub caller: &'a str,
    /// Capacity and refill.
    pub quota: Quota,
}

/// What the store of the rate limits decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// A token was taken from every bucket.
    Granted,
    /// Nothing was taken; the longest wait until every bucket has a token.
    Refused {
        /// How long to wait.
        retry_after: Duration,
    },
}

/// The store of the rate limits does not answer. Why is the operator's business, so it carries no text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreError;

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the store of the rate limits does not answer")
    }
}

impl std::error::Error for StoreError {}

/// An answer that is there at once, or one that has to be waited for. A store in memory answers without
/// allocating.
pub enum StoreAnswer<'a> {
    /// Decided.
    Ready(Result<Taken, StoreError>),
    /// To be awaited.
    Pending(BoxFuture<'a, Result<Taken, StoreError>>),
}

/// Keeps the buckets of the rate limits.
///
/// Data in, data out: a map behind a mutex and one script in Redis can both do it. All of `takes` succeed
/// together or none does, so that a refused call costs no quota.
pub trait RateLimitStore: Send + Sync {
    /// Takes one token from each bucket; `monotonic` is [`Now::monotonic`].
    fn take<'a>(&'a self, takes: &'a [Take<'a>], monotonic: Duration) -> StoreAnswer<'a>;
}

/// Resolves paths on the host where the tool runs.
pub trait Files: Send + Sync {
    /// The path with every symbolic link, `.` and `..` resolved; of parts that do not exist yet, the
    /// existing ancestor is resolved and the rest is appended as it is. A relative path starts at the
    /// tool's working directory. `None` when it cannot be told, and then the call is refused.
    fn resolve(&self, path: &str) -> Option<PathBuf>;
}

/// The audit destination cannot be written. Its text is for the operator and holds no record content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditError(pub String);

impl fmt::Display for AuditError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the audit record cannot be written: {}", self.0)
    }
}

impl std::error::Error for AuditError {}

/// Takes audit records, one JSON object per line.
pub trait AuditSink: Send + Sync {
    /// Whether a record could be written now. Asked before a call is admitted, because after the tool ran
    /// a refusal comes too late.
    fn ready(&self) -> Result<(), AuditError>;

    /// Writes one record: a JSON object without its line break.
    fn write(&self, record: &str) -> Result<(), AuditError>;
}

/// The ports together, as plain fields, so that one can be replaced.
#[derive(Clone)]
pub struct Providers {
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The buckets of the rate limits.
    pub rate_limits: Arc<dyn RateLimitStore>,
    /// Paths of the tool's host.
    pub files: Arc<dyn Files>,
    /// The audit destination.
    pub audit: Arc<dyn AuditSink>,
}

impl fmt::Debug for Providers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Providers").finish_non_exhaustive()
    }
}
