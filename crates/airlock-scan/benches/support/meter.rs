//! CPU time of this thread and memory of this process: other work on the machine slows the clock on the
//! wall, these figures not by much.

#[cfg(not(target_os = "linux"))]
pub(crate) use elsewhere::{cpu, resident};
#[cfg(target_os = "linux")]
pub(crate) use linux::{cpu, resident};

#[cfg(target_os = "linux")]
mod linux {
    use std::fs;

    use rustix::time::{ClockId, clock_gettime};

    /// Nanoseconds that this thread has been on a CPU.
    pub(crate) fn cpu() -> u64 {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0)
    }

    /// Bytes of resident memory. Counted page by page, unlike the figure in `/proc/self/status`.
    #[expect(clippy::disallowed_methods, reason = "a benchmark is a host: it asks the system")]
    pub(crate) fn resident() -> u64 {
        let text = fs::read_to_string("/proc/self/smaps_rollup").unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("Rss:")).unwrap_or_default();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0) * 1024
    }
}

/// Other systems: time on the wall, and no word about memory.
#[cfg(not(target_os = "linux"))]
mod elsewhere {
    use std::{sync::LazyLock, time::Instant};

    pub(crate) fn cpu() -> u64 {
        #[expect(clippy::disallowed_methods, reason = "a benchmark is a host: it looks at the clock")]
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        u64::try_from(START.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    pub(crate) fn resident() -> u64 {
        0
    }
}
