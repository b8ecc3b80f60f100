//! What can be expected of controls where this process stands.

use std::fs;

/// How free this process is, without any sandbox of ours; a later one is freer than an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Footing {
    /// In somebody else's sandbox, such as a container with a seccomp filter: controls show nothing.
    Confined,
    /// A user without restrictions: controls that are [`Outside`](super::Control::Outside) must be open.
    Plain,
    /// User 0 with all capabilities but, perhaps, that to exceed limits, in a kernel that is not locked down: those
    /// that are [`OutsideAsRoot`](super::Control::OutsideAsRoot) must be open as well.
    Root,
    /// The same with every capability: all controls must be open.
    Privileged,
}

/// To exceed limits; some machines keep it from everybody.
const CAP_SYS_RESOURCE: u64 = 1 << 24;

/// Where this process stands.
pub fn footing() -> Footing {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let field = |name: &str| {
        status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map_or("", str::trim)
    };
    // What cannot be read, and what is not known, makes no process freer.
    if field("Seccomp") != "0" || field("NoNewPrivs") != "0" {
        return Footing::Confined;
    }
    let root = field("Uid").split_whitespace().all(|id| id == "0");
    // Numbers of users mean those of the host where all of them are mapped.
    let initial = fs::read_to_string("/proc/self/uid_map")
        .is_ok_and(|map| map.split_whitespace().eq(["0", "0", "4294967295"]));
    let lockdown = fs::read_to_string("/sys/kernel/security/lockdown").unwrap_or_default();
    // From 3 on, nobody may trace.
    let yama = fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope").unwrap_or_default();
    let unlocked = (lockdown.is_empty() || lockdown.contains("[none]")) && yama.trim() != "3";
    if !(root && initial && unlocked) {
        return Footing::Plain;
    }
    let effective = u64::from_str_radix(field("CapEff"), 16).unwrap_or_default();
    match all_capabilities() {
        Some(all) if effective == all => Footing::Privileged,
        Some(all) if effective | CAP_SYS_RESOURCE == all => Footing::Root,
        _ => Footing::Plain,
    }
}

fn all_capabilities() -> Option<u64> {
    let last: u32 = fs::read_to_string("/proc/sys/kernel/cap_last_cap").ok()?.trim().parse().ok()?;
    u64::MAX.checked_shr(63_u32.checked_sub(last)?)
}
