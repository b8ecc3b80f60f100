//! The system's clocks.

use std::time::{Instant, SystemTime};

use airlock_engine::ports::{Clock, Now};

/// The system's wall clock and its monotonic clock, which starts at zero when this is created.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// A clock whose monotonic time starts now.
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    /// `None` when the wall clock shows a year that cannot be represented.
    fn now(&self) -> Option<Now> {
        let wall = jiff::Timestamp::try_from(SystemTime::now()).ok()?;
        Some(Now { wall, monotonic: self.start.elapsed() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_the_time() {
        let clock = SystemClock::new();
        let (first, second) = (clock.now().unwrap(), clock.now().unwrap());
        assert!(second.monotonic >= first.monotonic);
        let year = first.wall.to_zoned(jiff::tz::TimeZone::UTC).year();
        assert!(year >= 2025, "{year}");
    }
}
