//! How long something takes, whatever else the machine does.

use std::time::Duration;

/// Time that this thread has been on a CPU.
#[cfg(target_os = "linux")]
pub(crate) fn cpu() -> Duration {
    use rustix::time::{ClockId, clock_gettime};
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Time on the wall, where the system is not asked for better.
#[cfg(not(target_os = "linux"))]
#[expect(clippy::disallowed_methods, reason = "a test measures its own time")]
pub(crate) fn cpu() -> Duration {
    use std::{sync::LazyLock, time::Instant};
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed()
}
