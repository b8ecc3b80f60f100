//! Fakes: a clock that is set, an audit destination that remembers, a store that does not answer.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use airlock_engine::{
    Airlock, Providers,
    config::{self, Config, ConfigFile, ConfigInput, Flags},
    memory::MemoryStore,
    ports::{AuditError, AuditSink, Clock, Files, Now, RateLimitStore, StoreAnswer, StoreError, Take},
};
use jiff::{Timestamp, tz::TimeZone};

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct FakeClock(Mutex<Option<Now>>);

impl FakeClock {
    /// A clock that shows `wall`, a time such as `2026-11-23T10:00:00Z`.
    pub fn at(wall: &str) -> Arc<Self> {
        let wall: Timestamp = wall.parse().expect("a timestamp");
        Arc::new(Self(Mutex::new(Some(Now { wall, monotonic: Duration::from_secs(1_000) }))))
    }

    /// A clock that does not know the time.
    pub fn stopped() -> Arc<Self> {
        Arc::new(Self(Mutex::new(None)))
    }

    /// Lets time pass, for both clocks.
    pub fn advance(&self, by: Duration) {
        if let Some(now) = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            now.wall += by;
            now.monotonic += by;
        }
    }

    /// Lets the wall clock jump while the monotonic one stands.
    pub fn step_wall(&self, wall: &str) {
        let wall: Timestamp = wall.parse().expect("a timestamp");
        if let Some(now) = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            now.wall = wall;
        }
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Option<Now> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An audit destination that keeps its records, and can be broken.
#[derive(Debug, Default)]
pub struct FakeAudit {
    records: Mutex<Vec<String>>,
    broken: AtomicBool,
    breaks_on_write: AtomicBool,
}

impl FakeAudit {
    /// The records so far.
    pub fn records(&self) -> Vec<String> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From now on neither ready nor writable.
    pub fn break_down(&self) {
        self.broken.store(true, Ordering::SeqCst);
    }

    /// From now on says that it is ready, and then fails to write: a disk that fills up.
    pub fn break_on_write(&self) {
        self.breaks_on_write.store(true, Ordering::SeqCst);
    }
}

impl AuditSink for FakeAudit {
    fn ready(&self) -> Result<(), AuditError> {
        if self.broken.load(Ordering::SeqCst) {
            Err(AuditError("broken for a test".to_owned()))
        } else {
            Ok(())
        }
    }

    fn write(&self, record: &str) -> Result<(), AuditError> {
        if self.broken.load(Ordering::SeqCst) || self.breaks_on_write.load(Ordering::SeqCst) {
            return Err(AuditError("broken for a test".to_owned()));
        }
        self.records.lock().unwrap_or_else(PoisonError::into_inner).push(record.to_owned());
        Ok(())
    }
}

/// A host that cannot tell any path.
#[derive(Clone, Copy, Debug)]
pub struct NoFiles;

impl Files for NoFiles {
    fn resolve(&self, _path: &str) -> Option<PathBuf> {
        None
    }
}

/// A store of rate limits that never answers; `pending` tells whether one has to wait for that.
pub fn broken_store(pending: bool) -> Arc<dyn RateLimitStore> {
    struct Broken(bool);
    impl RateLimitStore for Broken {
        fn take<'a>(&'a self, _: &'a [Take<'a>], _: Duration) -> StoreAnswer<'a> {
            if self.0 {
                StoreAnswer::Pending(Box::pin(async { Err(StoreError) }))
            } else {
                StoreAnswer::Ready(Err(StoreError))
            }
        }
    }
    Arc::new(Broken(pending))
}

/// Providers of fakes: Monday 2026-11-23 10:00 UTC, an empty store, an audit destination nobody reads.
pub fn providers() -> Providers {
    Providers {
        clock: FakeClock::at("2026-11-23T10:00:00Z"),
        rate_limits: Arc::new(MemoryStore::new(10_000)),
        files: Arc::new(NoFiles),
        audit: Arc::new(FakeAudit::default()),
    }
}

/// A configuration from the text of an `airlock.toml`; the zone is UTC.
pub fn config(toml: &str) -> Config {
    let file = ConfigFile { name: "airlock.toml", text: toml, readable_by_others: false };
    let input = ConfigInput { file: Some(file), environment: &[], flags: Flags::default() };
    config::load(&input, &TimeZone::UTC).unwrap_or_else(|problems| panic!("{problems}"))
}

/// An engine for the text of an `airlock.toml`, with fakes and the audit destination to look at.
pub fn engine(toml: &str) -> (Airlock, Arc<FakeAudit>) {
    let audit = Arc::new(FakeAudit::default());
    let sink: Arc<dyn AuditSink> = Arc::clone(&audit) as Arc<dyn AuditSink>;
    let providers = Providers { audit: sink, ..providers() };
    (Airlock::new(&config(toml), providers, [0; 32]), audit)
}
