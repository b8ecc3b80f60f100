//! Whether and when a call to the control API is made once more.

use std::time::Duration;

/// How many times a call is made once more.
const MOST: u32 = 3;
const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(10);
/// What the service accepts as a number of seconds.
const MOST_SECONDS: u64 = 2_147_483_647;

/// What became of an attempt.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Answered<'a> {
    /// An answer with this status and these headers, if it has them.
    Status {
        /// Of HTTP.
        status: u16,
        /// `Should-Retry`: what it says goes before the status.
        should_retry: Option<&'a str>,
        /// `Retry-After`, in seconds.
        retry_after: Option<&'a str>,
    },
    /// No connection was made: nothing was sent.
    NotSent,
    /// The connection was lost after something had been sent: nobody knows whether it was done.
    Dropped,
}

/// The rule for one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retry {
    /// It may have been done when the connection is lost, and is not made again then.
    Once,
    /// To ask twice is as to ask once; also because it carries an `Idempotency-Key`, under which the service does it
    /// once.
    Repeatable,
    /// As that, and it costs money if it is not done: asked for again whatever went wrong in the service.
    Insistent,
}

impl Retry {
    /// How long to wait before the next attempt; `None` if there is to be none. `attempt` counts from 0, `left` is the
    /// time that the call still has, and `random` spreads those who were refused together.
    pub(crate) fn after(
        self,
        answered: Answered<'_>,
        attempt: u32,
        left: Duration,
        random: u16,
    ) -> Option<Duration> {
        if attempt >= MOST {
            return None;
        }
        let wait = match answered {
            Answered::Status { status, should_retry, retry_after } => {
                let passes = matches!(status, 429 | 502 | 503 | 504)
                    || self == Self::Insistent && (500..600).contains(&status);
                let again = should_retry.map_or(passes, |word| word.trim().eq_ignore_ascii_case("true"));
                if !again {
                    return None;
                }
                retry_after.and_then(seconds).unwrap_or_else(|| back_off(attempt, random))
            }
            Answered::Dropped if self == Self::Once => return None,
            Answered::NotSent | Answered::Dropped => back_off(attempt, random),
        };
        (wait < left).then_some(wait)
    }
}

/// Only whole seconds: a date would need a clock that agrees with the service's.
fn seconds(text: &str) -> Option<Duration> {
    let text = text.trim();
    let digits = text.len() <= 10 && text.bytes().all(|byte| byte.is_ascii_digit());
    let seconds: u64 = if digits { text.parse().ok()? } else { return None };
    (seconds <= MOST_SECONDS).then(|| Duration::from_secs(seconds))
}

/// From half of a time that doubles to all of it.
fn back_off(attempt: u32, random: u16) -> Duration {
    let whole = FIRST.saturating_mul(2_u32.saturating_pow(attempt)).min(LONGEST);
    let half = whole / 2;
    half + half * u32::from(random) / u32::from(u16::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Answered, Retry};

    const MINUTE: Duration = Duration::from_secs(60);

    fn after(status: u16, should_retry: Option<&str>, retry_after: Option<&str>) -> Option<u128> {
        let answered = Answered::Status { status, should_retry, retry_after };
        Retry::Once.after(answered, 0, MINUTE, 0).map(|wait| wait.as_millis())
    }

    #[test]
    fn the_header_goes_before_the_status() {
        for status in [429, 502, 503, 504] {
            assert_eq!(after(status, None, None), Some(50), "{status}");
            assert_eq!(after(status, Some("false"), None), None, "{status}");
        }
        for status in [200, 400, 401, 404, 409, 500] {
            assert_eq!(after(status, None, None), None, "{status}");
            assert_eq!(after(status, Some(" True "), None), Some(50), "{status}");
        }
    }

    #[test]
    fn what_costs_money_is_asked_for_again_whatever_went_wrong() {
        let after = |status, should_retry| {
            let answered = Answered::Status { status, should_retry, retry_after: None };
            Retry::Insistent.after(answered, 0, MINUTE, 0).is_some()
        };
        for status in [429, 500, 501, 502, 507] {
            assert!(after(status, None), "{status}");
            assert!(!after(status, Some("false")), "{status}");
        }
        for status in [200, 400, 401, 404] {
            assert!(!after(status, None), "{status}");
        }
        assert!(Retry::Insistent.after(Answered::Dropped, 0, MINUTE, 0).is_some());
    }

    #[test]
    fn retry_after_is_taken_exactly_and_only_as_seconds() {
        assert_eq!(after(429, None, Some("7")), Some(7_000));
        assert_eq!(after(429, None, Some("0")), Some(0));
        for odd in ["-1", "1.5", "", "Wed, 25 Nov 2026 11:00:00 GMT", "99999999999"] {
            assert_eq!(after(429, None, Some(odd)), Some(50), "{odd}");
        }
        assert_eq!(after(429, None, Some("60")), None, "no time is left after it");
    }

    #[test]
    fn there_are_at_most_three_and_they_wait_longer_each() {
        let waits: Vec<_> =
            (0..5).map(|attempt| Retry::Once.after(Answered::NotSent, attempt, MINUTE, u16::MAX)).collect();
        let millis = |millis| Some(Duration::from_millis(millis));
        assert_eq!(waits, [millis(100), millis(200), millis(400), None, None]);
    }

    #[test]
    fn what_may_have_been_done_is_done_again_only_if_that_changes_nothing() {
        assert_eq!(Retry::Once.after(Answered::Dropped, 0, MINUTE, 0), None);
        assert!(Retry::Repeatable.after(Answered::Dropped, 0, MINUTE, 0).is_some());
    }
}
