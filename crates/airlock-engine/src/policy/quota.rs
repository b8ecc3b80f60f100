//! Quotas of calls, and the arithmetic of their buckets.
//!
//! A quota of N per period is a token bucket: it holds N tokens at most, starts full and refills evenly.
//! The whole state of a bucket is one instant, at which it will be full again. This is the *generic cell rate
//! algorithm* (GCRA) of ITU-T Recommendation I.371, Annex A, "virtual scheduling", where the instant is
//! called the theoretical arrival time:
//!
//! ```text
//! interval = period / N                                 the time one token takes to refill
//! full'    = max(full, now) + interval                  if a token is taken
//! granted  ⇔ full' ≤ now + period                       the bucket is never more than N tokens short
//! wait     = full' − (now + period)                     otherwise, rounded up to the next nanosecond
//! ```
//!
//! Nothing is rounded: an interval is whole nanoseconds and a remainder in N-ths of one, and so is the
//! instant. A script in another store can do the same with two integers.

use std::{fmt, num::NonZeroU32, time::Duration};

/// The period of a quota.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Period {
    /// 1 s.
    Second,
    /// 60 s.
    Minute,
    /// 3,600 s.
    Hour,
    /// 86,400 s, whatever the calendar says.
    Day,
}

impl Period {
    const ALL: [Self; 4] = [Self::Second, Self::Minute, Self::Hour, Self::Day];

    fn name(self) -> &'static str {
        match self {
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }

    const fn nanos(self) -> u64 {
        let seconds = match self {
            Self::Second => 1,
            Self::Minute => 60,
            Self::Hour => 3_600,
            Self::Day => 86_400,
        };
        seconds * 1_000_000_000
    }
}

/// At most so many calls at once, refilled evenly over a period. There is no quota of zero.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct Quota {
    tokens: NonZeroU32,
    period: Period,
}

impl Quota {
    /// A quota of `tokens` per `period`.
    pub const fn new(tokens: NonZeroU32, period: Period) -> Self {
        Self { tokens, period }
    }

    /// Parses `N/second`, `N/minute`, `N/hour` or `N/day`; N from 1 to 4,294,967,295 in ASCII digits.
    ///
    /// # Errors
    ///
    /// Says what is wrong; there is no white space, sign, leading zero, plural or other unit.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err("a rate limit has no white space or control characters".to_owned());
        }
        let Some((number, unit)) = text.split_once('/') else {
            return Err("a rate limit is a number, a slash and a unit".to_owned());
        };
        let tokens = parse_tokens(number)?;
        match Period::ALL.into_iter().find(|period| period.name() == unit) {
            Some(period) => Ok(Self::new(tokens, period)),
            None => Err("the unit of a rate limit is `second`, `minute`, `hour` or `day`".to_owned()),
        }
    }

    /// How many tokens a full bucket holds.
    pub fn capacity(self) -> NonZeroU32 {
        self.tokens
    }

    /// How long an empty bucket takes to be full.
    pub fn period(self) -> Duration {
        Duration::from_nanos(self.period.nanos())
    }

    /// How long one token takes to refill: nanoseconds, and the rest in N-ths of a nanosecond.
    pub fn interval(self) -> (u64, u32) {
        let (period, tokens) = (self.period.nanos(), u64::from(self.tokens.get()));
        (period / tokens, u32::try_from(period % tokens).unwrap_or_default())
    }
}

fn parse_tokens(number: &str) -> Result<NonZeroU32, String> {
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("a rate limit begins with a whole number in digits 0-9".to_owned());
    }
    if number.bytes().all(|byte| byte == b'0') {
        return Err("a rate limit of zero would refuse every call".to_owned());
    }
    if number.starts_with('0') {
        return Err("the number of a rate limit has no leading zero".to_owned());
    }
    number.parse().map_err(|_| format!("the number of a rate limit is at most {}", u32::MAX))
}

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.tokens, self.period.name())
    }
}

/// The state of a bucket: the instant at which it is full again, on the monotonic clock. The default, long
/// ago, is a bucket that nobody used.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Hash)]
pub struct FullAt {
    /// Whole nanoseconds on the monotonic clock.
    pub nanos: u64,
    /// The rest, in N-ths of a nanosecond for a quota of N.
    pub part: u32,
}

impl FullAt {
    /// Whether the bucket is full at `now`, so that nothing is lost by forgetting it.
    pub fn is_full(self, now: u64) -> bool {
        self <= Self { nanos: now, part: 0 }
    }
}

/// What [`decide`] decides about one token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Decision {
    /// The token is taken; the bucket's new state.
    Granted(FullAt),
    /// The bucket is empty and stays as it is.
    Refused {
        /// The time until there is a token.
        retry_after: Duration,
    },
}

/// Takes one token at `now` (nanoseconds on the monotonic clock) from a bucket, if it has one.
///
/// An instant later than any that the clock can reach is refused rather than wrapped around.
pub fn decide(full_at: FullAt, now: u64, quota: Quota) -> Decision {
    let (period, tokens) = (quota.period.nanos(), quota.tokens.get());
    let start = full_at.max(FullAt { nanos: now, part: 0 });
    let (step, step_part) = quota.interval();
    let part = u64::from(start.part) + u64::from(step_part);
    let (carry, part) = (part / u64::from(tokens), part % u64::from(tokens));
    let ahead = (start.nanos - now).saturating_add(step).saturating_add(carry);
    let full = now.checked_add(ahead).zip(u32::try_from(part).ok());
    match full {
        Some((nanos, part)) if ahead < period || (ahead == period && part == 0) => {
            Decision::Granted(FullAt { nanos, part })
        }
        _ => {
            let wait = ahead.saturating_sub(period).saturating_add(u64::from(part > 0)).max(1);
            Decision::Refused { retry_after: Duration::from_nanos(wait) }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::{Decision, FullAt, Period, Quota, decide};

    #[test]
    fn reads_what_is_documented() {
        for (text, tokens, seconds) in [
            ("1/second", 1, 1),
            ("100/minute", 100, 60),
            ("1000/hour", 1000, 3600),
            ("4294967295/day", u32::MAX, 86_400),
        ] {
            let quota = Quota::parse(text).unwrap();
            assert_eq!((quota.capacity().get(), quota.period()), (tokens, Duration::from_secs(seconds)));
            assert_eq!(quota.to_string(), text);
        }
    }

    #[test]
    fn everything_else_is_refused_and_says_why() {
        for (text, why) in [
            ("10/minute\n", "white space"),
            ("10 / minute", "white space"),
            (" 10/minute", "white space"),
            ("10/min\u{0}ute", "control"),
            ("\u{661}\u{660}/minute", "digits 0-9"),
            ("１０/minute", "digits 0-9"),
            ("0/minute", "zero"),
            ("000/minute", "zero"),
            ("010/minute", "leading zero"),
            ("-1/minute", "whole number"),
            ("+1/minute", "whole number"),
            ("1.5/minute", "whole number"),
            ("1e3/minute", "whole number"),
            ("/minute", "whole number"),
            ("4294967296/minute", "at most 4294967295"),
            ("99999999999999999999999/minute", "at most"),
            ("10", "a number, a slash and a unit"),
            ("", "a number, a slash and a unit"),
            ("10/", "the unit"),
            ("10/s", "the unit"),
            ("10/Minute", "the unit"),
            ("10/minutes", "the unit"),
            ("10/minute/hour", "the unit"),
            ("10/week", "the unit"),
        ] {
            let error = Quota::parse(text).unwrap_err();
            assert!(error.contains(why), "{text:?}: {error}");
        }
    }

    /// A bucket with a clock of its own.
    struct Bucket {
        quota: Quota,
        state: FullAt,
    }

    impl Bucket {
        fn new(quota: Quota) -> Self {
            Self { quota, state: FullAt::default() }
        }

        fn take(&mut self, now: u64) -> Result<(), Duration> {
            match decide(self.state, now, self.quota) {
                Decision::Granted(state) => {
                    self.state = state;
                    Ok(())
                }
                Decision::Refused { retry_after } => Err(retry_after),
            }
        }
    }

    #[test]
    fn a_burst_then_one_token_per_interval() {
        let mut bucket = Bucket::new(Quota::parse("100/minute").unwrap());
        assert_eq!((0..200).filter(|_| bucket.take(5).is_ok()).count(), 100);
        assert_eq!(bucket.take(5), Err(Duration::from_millis(600)), "the wait, not the period");
        assert_eq!(bucket.take(5 + 599_999_999), Err(Duration::from_nanos(1)));
        assert_eq!(bucket.take(5 + 600_000_000), Ok(()));
        assert_eq!(bucket.take(5 + 600_000_000), Err(Duration::from_millis(600)));
    }

    #[test]
    fn sevenths_do_not_drift() {
        let mut bucket = Bucket::new(Quota::parse("7/second").unwrap());
        for second in 0..1_000_u64 {
            for _ in 0..7 {
                assert_eq!(bucket.take(second * 1_000_000_000), Ok(()));
            }
            assert!(bucket.take(second * 1_000_000_000).is_err());
        }
    }

    #[test]
    fn more_tokens_than_nanoseconds() {
        let mut bucket = Bucket::new(Quota::parse("4294967295/second").unwrap());
        bucket.state = FullAt { nanos: 1_000_000_000, part: 0 };
        assert_eq!(bucket.take(0), Err(Duration::from_nanos(1)));
        assert_eq!((0..10).filter(|_| bucket.take(1).is_ok()).count(), 4);
    }

    #[test]
    fn the_end_of_time_refuses() {
        let mut bucket = Bucket::new(Quota::parse("10/day").unwrap());
        assert!(bucket.take(u64::MAX).is_err());
        bucket.state = FullAt { nanos: u64::MAX, part: 9 };
        assert!(bucket.take(0).is_err());
    }

    #[test]
    fn a_state_of_another_quota_is_no_gift() {
        // The same bucket after the limit was lowered: nothing is granted until the new limit allows it.
        let mut bucket = Bucket::new(Quota::parse("1000/hour").unwrap());
        while bucket.take(0).is_ok() {}
        bucket.quota = Quota::parse("3/second").unwrap();
        assert!(bucket.take(0).is_err());
        bucket.state.part = u32::MAX;
        assert!(bucket.take(0).is_err());
    }

    fn quotas() -> impl Strategy<Value = Quota> {
        let tokens = prop_oneof![1_u32..20, 1_u32..5_000, Just(u32::MAX)];
        let period =
            prop_oneof![Just(Period::Second), Just(Period::Minute), Just(Period::Hour), Just(Period::Day)];
        (tokens, period).prop_map(|(tokens, period)| Quota::new(tokens.try_into().unwrap(), period))
    }

    proptest! {
        #[test]
        fn never_more_than_the_bucket_and_its_refill(
            quota in quotas(),
            start in 0..u64::MAX / 4,
            steps in prop::collection::vec((0_u64..3_000_000_000, 1_usize..30), 1..40),
        ) {
            let mut bucket = Bucket::new(quota);
            let (mut now, mut granted) = (start, 0_u128);
            for (pause, calls) in steps {
                now += pause;
                granted += (0..calls).filter(|_| bucket.take(now).is_ok()).count() as u128;
                let refilled = u128::from(now - start) * u128::from(quota.capacity().get()) / quota.period().as_nanos();
                prop_assert!(granted <= u128::from(quota.capacity().get()) + refilled);
            }
        }

        #[test]
        fn the_wait_is_exact(quota in quotas(), now in 0..u64::MAX / 4, used in 0..=86_400_000_000_000_u64, part in any::<u32>()) {
            let state = FullAt { nanos: now + used, part: part % quota.capacity().get() };
            if let Decision::Refused { retry_after } = decide(state, now, quota) {
                let wait = u64::try_from(retry_after.as_nanos()).unwrap();
                prop_assert!(wait > 0);
                prop_assert!(matches!(decide(state, now + wait, quota), Decision::Granted(_)));
                let too_early = matches!(decide(state, now + wait - 1, quota), Decision::Refused { .. });
                prop_assert!(too_early);
            }
        }

        #[test]
        fn a_clock_that_stands_still_or_steps_back_grants_no_more(
            quota in quotas(), now in 1_u64 << 50..1 << 60, back in 0_u64..1 << 50,
        ) {
            let mut bucket = Bucket::new(quota);
            let granted = (0..200_u32).filter(|_| bucket.take(now).is_ok()).count();
            prop_assert_eq!(granted, 200.min(quota.capacity().get() as usize));
            if bucket.take(now).is_err() {
                prop_assert!(bucket.take(now - back).is_err());
            }
        }
    }
}
