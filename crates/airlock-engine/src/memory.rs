//! Rate-limit buckets in memory.

use std::{
    borrow::Borrow,
    collections::HashMap,
    fmt,
    hash::{Hash, Hasher},
    sync::Mutex,
    time::Duration,
};

use crate::{
    policy::{Decision, FullAt, decide},
    ports::{RateLimitStore, StoreAnswer, StoreError, Take, Taken},
};

/// How many buckets a store holds by default: some 20 MB with names of ordinary length.
pub const DEFAULT_MAX_BUCKETS: usize = 100_000;

/// Sweeping looks at every bucket, so it pauses in proportion: at most about a hundredth of one core goes
/// into it, however many callers turn up.
const SWEEP_PAUSE_NANOS_PER_BUCKET: u64 = 1_000;

/// A [`RateLimitStore`] for one process, bounded.
///
/// A decision costs one lookup under a lock. When the store is full, buckets that have refilled are dropped,
/// which loses nothing. A bucket in use is never forgotten, since that would refill it: when all are in use,
/// the store does not answer for further callers, and their calls are refused.
///
/// ```
/// use std::time::Duration;
/// use airlock_engine::{
///     memory::MemoryStore,
///     policy::Quota,
///     ports::{RateLimitStore, StoreAnswer, Take, Taken},
/// };
///
/// let store = MemoryStore::new(1_000);
/// let take = [Take { limit: "policy *", caller: "agent-1", quota: Quota::parse("1/minute")? }];
/// let ask = |second| match store.take(&take, Duration::from_secs(second)) {
///     StoreAnswer::Ready(answer) => answer.ok(),
///     StoreAnswer::Pending(_) => None,
/// };
/// assert_eq!(ask(0), Some(Taken::Granted));
/// assert_eq!(ask(20), Some(Taken::Refused { retry_after: Duration::from_secs(40) }));
/// assert_eq!(ask(60), Some(Taken::Granted));
/// # Ok::<(), String>(())
/// ```
pub struct MemoryStore {
    max_buckets: usize,
    buckets: Mutex<Buckets>,
}

impl MemoryStore {
    /// A store for at most `max_buckets` pairs of limit and caller. With 0 it refuses everything.
    pub fn new(max_buckets: usize) -> Self {
        Self { max_buckets, buckets: Mutex::default() }
    }

    fn take_now(&self, takes: &[Take<'_>], monotonic: Duration) -> Result<Taken, StoreError> {
        let now = u64::try_from(monotonic.as_nanos()).map_err(|_| StoreError)?;
        let mut buckets = self.buckets.lock().map_err(|_| StoreError)?;
        match takes {
            [take] => buckets.take_one(take, now, self.max_buckets),
            takes => buckets.take_all(takes, now, self.max_buckets),
        }
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new(DEFAULT_MAX_BUCKETS)
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").field("max_buckets", &self.max_buckets).finish_non_exhaustive()
    }
}

impl RateLimitStore for MemoryStore {
    fn take<'a>(&'a self, takes: &'a [Take<'a>], monotonic: Duration) -> StoreAnswer<'a> {
        StoreAnswer::Ready(self.take_now(takes, monotonic))
    }
}

#[derive(Default)]
struct Buckets {
    full_at: HashMap<OwnedKey, FullAt>,
    next_sweep: u64,
}

impl Buckets {
    fn take_one(&mut self, take: &Take<'_>, now: u64, max_buckets: usize) -> Result<Taken, StoreError> {
        let bucket = self.full_at.get_mut(take as &dyn Key);
        match decide(bucket.as_deref().copied().unwrap_or_default(), now, take.quota) {
            Decision::Refused { retry_after } => Ok(Taken::Refused { retry_after }),
            Decision::Granted(full_at) => {
                if let Some(bucket) = bucket {
                    *bucket = full_at;
                } else {
                    self.make_room(1, now, max_buckets)?;
                    self.full_at.insert(OwnedKey::new(take), full_at);
                }
                Ok(Taken::Granted)
            }
        }
    }

    /// Decides everything before it writes anything.
    fn take_all(&mut self, takes: &[Take<'_>], now: u64, max_buckets: usize) -> Result<Taken, StoreError> {
        let mut states: Vec<(&Take<'_>, FullAt)> = Vec::with_capacity(takes.len());
        let mut longest = None;
        for take in takes {
            // A bucket that is named twice gives two tokens.
            let earlier = states.iter_mut().find(|(other, _)| other.parts() == take.parts());
            let stored = || self.full_at.get(take as &dyn Key).copied().unwrap_or_default();
            let state = earlier.as_ref().map_or_else(stored, |(_, state)| *state);
            match (decide(state, now, take.quota), earlier) {
                (Decision::Granted(state), Some(earlier)) => earlier.1 = state,
                (Decision::Granted(state), None) => states.push((take, state)),
                (Decision::Refused { retry_after }, _) => longest = longest.max(Some(retry_after)),
            }
        }
        if let Some(retry_after) = longest {
            return Ok(Taken::Refused { retry_after });
        }
        let new = states.iter().filter(|(take, _)| !self.full_at.contains_key(*take as &dyn Key)).count();
        self.make_room(new, now, max_buckets)?;
        self.full_at.extend(states.into_iter().map(|(take, state)| (OwnedKey::new(take), state)));
        Ok(Taken::Granted)
    }

    fn make_room(&mut self, new: usize, now: u64, max_buckets: usize) -> Result<(), StoreError> {
        let fits =
            |buckets: &Self| buckets.full_at.len().checked_add(new).is_some_and(|total| total <= max_buckets);
        if !fits(self) && now >= self.next_sweep {
            let looked_at = u64::try_from(self.full_at.len()).unwrap_or(u64::MAX);
            self.full_at.retain(|_, full_at| !full_at.is_full(now));
            self.next_sweep = now.saturating_add(looked_at.saturating_mul(SWEEP_PAUSE_NANOS_PER_BUCKET));
        }
        if fits(self) { Ok(()) } else { Err(StoreError) }
    }
}

/// Limit and caller, owned or borrowed, so that looking a bucket up copies nothing.
trait Key {
    fn parts(&self) -> (&str, &str);
}

struct OwnedKey {
    limit: Box<str>,
    caller: Box<str>,
}

impl OwnedKey {
    fn new(take: &Take<'_>) -> Self {
        Self { limit: take.limit.into(), caller: take.caller.into() }
    }
}

impl Key for OwnedKey {
    fn parts(&self) -> (&str, &str) {
        (&self.limit, &self.caller)
    }
}

impl Key for Take<'_> {
    fn parts(&self) -> (&str, &str) {
        (self.limit, self.caller)
    }
}

impl<'a> Borrow<dyn Key + 'a> for OwnedKey {
    fn borrow(&self) -> &(dyn Key + 'a) {
        self
    }
}

impl Hash for dyn Key + '_ {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.parts().hash(state);
    }
}

impl PartialEq for dyn Key + '_ {
    fn eq(&self, other: &Self) -> bool {
        self.parts() == other.parts()
    }
}

impl Eq for dyn Key + '_ {}

impl Hash for OwnedKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.parts().hash(state);
    }
}

impl PartialEq for OwnedKey {
    fn eq(&self, other: &Self) -> bool {
        self.parts() == other.parts()
    }
}

impl Eq for OwnedKey {}

#[cfg(test)]
mod tests {
    use std::{thread, time::Duration};

    use proptest::prelude::*;

    use super::MemoryStore;
    use crate::{
        policy::Quota,
        ports::{RateLimitStore, StoreAnswer, StoreError, Take, Taken},
    };

    fn quota(text: &str) -> Quota {
        Quota::parse(text).unwrap()
    }

    fn ask(store: &dyn RateLimitStore, takes: &[Take<'_>], now: Duration) -> Result<Taken, StoreError> {
        match store.take(takes, now) {
            StoreAnswer::Ready(answer) => answer,
            StoreAnswer::Pending(future) => pollster::block_on(future),
        }
    }

    fn granted(store: &dyn RateLimitStore, takes: &[Take<'_>], now: Duration) -> bool {
        ask(store, takes, now).unwrap() == Taken::Granted
    }

    const NOW: Duration = Duration::from_secs(1_000_000);

    // What every store must do. Plain functions, so that each implementation can run them.

    fn a_burst_then_the_exact_wait(store: &dyn RateLimitStore) {
        let take = [Take { limit: "burst", caller: "a", quota: quota("100/minute") }];
        assert_eq!((0..150).filter(|_| granted(store, &take, NOW)).count(), 100);
        let Ok(Taken::Refused { retry_after }) = ask(store, &take, NOW) else { panic!("must be refused") };
        assert_eq!(retry_after, Duration::from_millis(600));
        assert!(!granted(store, &take, NOW + Duration::from_millis(599)));
        assert!(granted(store, &take, NOW + retry_after));
        assert!(!granted(store, &take, NOW + retry_after));
    }

    fn callers_and_limits_have_buckets_of_their_own(store: &dyn RateLimitStore) {
        let quota = quota("1/hour");
        for (limit, caller) in [("own", "a"), ("own", "b"), ("own", ""), ("owna", ""), ("ow", "na")] {
            let take = [Take { limit, caller, quota }];
            assert!(granted(store, &take, NOW), "{limit} {caller}");
            assert!(!granted(store, &take, NOW), "{limit} {caller}");
        }
    }

    fn all_or_nothing(store: &dyn RateLimitStore) {
        let small = Take { limit: "small", caller: "a", quota: quota("1/hour") };
        let medium = Take { limit: "medium", caller: "a", quota: quota("1/minute") };
        let large = Take { limit: "large", caller: "a", quota: quota("3/hour") };
        assert!(granted(store, &[large, small], NOW));
        for _ in 0..5 {
            let refused = ask(store, &[large, small, medium], NOW);
            assert_eq!(refused, Ok(Taken::Refused { retry_after: Duration::from_secs(3600) }));
        }
        // The refused calls cost neither of the others anything.
        assert!(granted(store, &[medium, large], NOW));
        assert!(granted(store, &[large], NOW));
        let longest = ask(store, &[medium, small, large], NOW);
        assert_eq!(longest, Ok(Taken::Refused { retry_after: Duration::from_secs(3600) }));
    }

    fn a_bucket_named_twice_gives_two_tokens(store: &dyn RateLimitStore) {
        let take = Take { limit: "twice", caller: "a", quota: quota("3/hour") };
        assert!(granted(store, &[take, take], NOW));
        assert!(!granted(store, &[take, take], NOW));
        assert!(granted(store, &[take], NOW));
        assert!(!granted(store, &[take], NOW));
    }

    fn a_clock_that_steps_back_grants_nothing(store: &dyn RateLimitStore) {
        let take = [Take { limit: "back", caller: "a", quota: quota("2/second") }];
        assert!(granted(store, &take, NOW) && granted(store, &take, NOW));
        assert!(!granted(store, &take, Duration::from_secs(900_000)));
        assert!(!granted(store, &take, Duration::ZERO));
        assert!(granted(store, &take, NOW + Duration::from_millis(500)));
    }

    fn nothing_to_take_is_granted(store: &dyn RateLimitStore) {
        assert!(granted(store, &[], NOW));
    }

    #[test]
    fn the_contract_of_every_store_holds() {
        for contract in [
            a_burst_then_the_exact_wait,
            callers_and_limits_have_buckets_of_their_own,
            all_or_nothing,
            a_bucket_named_twice_gives_two_tokens,
            a_clock_that_steps_back_grants_nothing,
            nothing_to_take_is_granted,
        ] {
            contract(&MemoryStore::default());
        }
    }

    #[test]
    fn a_full_store_forgets_only_what_has_refilled() {
        let store = MemoryStore::new(2);
        let slow = |caller| [Take { limit: "slow", caller, quota: quota("2/hour") }];
        let fast = |caller| [Take { limit: "fast", caller, quota: quota("1/second") }];
        assert!(granted(&store, &slow("a"), NOW));
        assert!(granted(&store, &fast("b"), NOW));
        assert_eq!(ask(&store, &slow("c"), NOW), Err(StoreError));
        assert!(granted(&store, &slow("a"), NOW), "callers that are known go on");
        let later = NOW + Duration::from_secs(1);
        assert!(granted(&store, &slow("c"), later), "takes the place of the refilled bucket");
        assert!(!granted(&store, &slow("a"), later), "was not forgotten");
        assert_eq!(ask(&store, &fast("b"), later), Err(StoreError));
        assert_eq!(ask(&store, &[slow("x"), slow("y")].concat(), later), Err(StoreError));
        assert!(granted(&store, &[slow("x"), slow("y")].concat(), later + Duration::from_secs(3600)));
    }

    #[test]
    fn refused_newcomers_leave_no_trace() {
        let store = MemoryStore::new(1);
        let both = ["a", "b"].map(|caller| Take { limit: "l", caller, quota: quota("1/hour") });
        assert_eq!(ask(&store, &both, NOW), Err(StoreError));
        assert!(granted(&store, &both[..1], NOW));
    }

    #[test]
    fn no_room_and_no_time_refuse() {
        let take = [Take { limit: "l", caller: "a", quota: quota("1/hour") }];
        assert_eq!(ask(&MemoryStore::new(0), &take, NOW), Err(StoreError));
        assert_eq!(ask(&MemoryStore::default(), &take, Duration::MAX), Err(StoreError));
    }

    #[test]
    fn threads_share_one_bucket() {
        let store = MemoryStore::default();
        let take = [Take { limit: "l", caller: "a", quota: quota("1000/day") }];
        let counts: Vec<usize> = thread::scope(|scope| {
            let count = || (0..500).filter(|_| granted(&store, &take, NOW)).count();
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(count)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(counts.into_iter().sum::<usize>(), 1000);
    }

    #[test]
    fn debug_shows_no_callers() {
        let store = MemoryStore::default();
        granted(&store, &[Take { limit: "l", caller: "agent-7", quota: quota("1/day") }], NOW);
        assert!(!format!("{store:?}").contains("agent-7"));
    }

    proptest! {
        /// However small the store, evicting never hands out more than the quota.
        #[test]
        fn a_small_store_is_never_more_generous(
            max_buckets in 1_usize..4,
            calls in prop::collection::vec((0_u8..6, 0_u64..700), 1..200),
        ) {
            let (small, large) = (MemoryStore::new(max_buckets), MemoryStore::default());
            let mut now = NOW;
            for (caller, pause) in calls {
                now += Duration::from_millis(pause);
                let name = caller.to_string();
                let take = [Take { limit: "l", caller: &name, quota: quota("2/second") }];
                if ask(&small, &take, now) == Ok(Taken::Granted) {
                    prop_assert!(granted(&large, &take, now));
                }
            }
        }
    }
}
