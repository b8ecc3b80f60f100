//! What can be expected of controls where this process stands.

use std::fs;

/// How free this process is, without any sandbox of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Footing {
    /// User 0 with every capability, in a kernel that is not locked down: all controls must be open.
    Privileged,
    /// A user without restrictions: controls that are [`Outside`](super::Control::Outside) must be open.
    Plain,
    /// In somebody else's sandbox, such as a container with a seccomp filter: controls show nothing.
    Confined,
}

/// Where this process stands.
pub fn footing() -> Footing {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let field = |name: &str| {
        status
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
            .map(str::trim)
            .unwrap_or("")
    };
    let last_capability = fs::read_to_string("/proc/sys/kernel/cap_last_cap").unwrap_or_default();
    let all =
        last_capability.trim().parse().ok().and_then(|last: u32| Some((1_u64.checked_shl(last + 1)?) - 1));
    let lockdown = fs::read_to_string("/sys/kernel/security/lockdown").unwrap_or_default();

    if field("Seccomp") != "0" || field("NoNewPrivs") != "0" {
        return Footing::Confined;
    }
    let root = field("Uid").split_whitespace().all(|id| id == "0");
    let capable = all.is_some() && u64::from_str_radix(field("CapEff"), 16).ok() == all;
    // Numbers of users mean those of the host where all of them are mapped.
    let initial = fs::read_to_string("/proc/self/uid_map")
        .is_ok_and(|map| map.split_whitespace().eq(["0", "0", "4294967295"]));
    let unlocked = lockdown.is_empty() || lockdown.contains("[none]");
    if root && capable && initial && unlocked { Footing::Privileged } else { Footing::Plain }
}
