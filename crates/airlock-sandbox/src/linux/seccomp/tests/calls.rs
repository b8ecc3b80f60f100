//! What the kernel answers, with and without the filter.

use super::{Beside, EPERM, Errno, call, filtered_beside};

/// A call, and how it is made.
pub(super) struct Attempt {
    pub(super) name: String,
    pub(super) number: i64,
    pub(super) args: [u64; 6],
}

/// Makes the call outside, and under the filter.
fn both(beside: Beside, attempt: &Attempt) -> (Errno, Errno) {
    let (number, args) = (attempt.number, attempt.args);
    // A thread of its own for the control too: users and the like are each thread's own to the kernel.
    let outside = std::thread::scope(|scope| scope.spawn(|| call(number, args)).join().unwrap());
    (outside, filtered_beside(beside, || call(number, args)))
}

/// Each is refused inside with `error`, and outside it is not: the filter, and nothing else, refuses it.
pub(super) fn all_refused(attempts: &[Attempt], error: Errno) {
    all_refused_beside(Beside::Namespaces, attempts, error);
}

/// The same under another filter.
pub(super) fn all_refused_beside(beside: Beside, attempts: &[Attempt], error: Errno) {
    let mut wrong = Vec::new();
    let mut without_control = 0;
    for attempt in attempts {
        let (outside, inside) = both(beside, attempt);
        if outside == error {
            without_control += 1;
            println!("no control: {} is refused outside as well", attempt.name);
        }
        if inside != error {
            wrong.push(format!("{}: {inside} inside, {outside} outside", attempt.name));
        }
    }
    println!("{} calls refused, {without_control} of them without a control", attempts.len() - wrong.len());
    assert!(wrong.is_empty(), "{wrong:#?}");
    // Without this, a system that refuses everything would pass.
    assert!(!unrestricted() || without_control * 10 <= attempts.len(), "too few controls");
}

/// Whether the tests themselves may do everything, so that all controls can be expected to show something.
fn unrestricted() -> bool {
    const SYS_ADMIN: u64 = 1 << 21;
    let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
    let field = |name| {
        let value = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("0");
        u64::from_str_radix(value.trim(), 16).unwrap()
    };
    field("CapEff:") & SYS_ADMIN != 0 && field("Seccomp:") == 0
}

/// Each comes through: the answer inside is the one outside, and not that of the filter.
pub(super) fn all_allowed(attempts: &[Attempt]) {
    all_allowed_beside(Beside::Namespaces, attempts);
}

/// The same under another filter.
pub(super) fn all_allowed_beside(beside: Beside, attempts: &[Attempt]) {
    let mut wrong = Vec::new();
    for attempt in attempts {
        let (outside, inside) = both(beside, attempt);
        if inside != outside || inside == EPERM {
            wrong.push(format!("{}: {inside} inside, {outside} outside", attempt.name));
        }
    }
    println!("{} calls allowed", attempts.len() - wrong.len());
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// An argument that is an `int`, as a compiler passes it.
pub(super) fn int(value: i32) -> u64 {
    i64::from(value) as u64
}

/// No process, thread, or group.
pub(super) const NOBODY: u64 = 999_999_999;
/// No open file.
pub(super) const NO_FILE: u64 = u64::MAX;
/// No address.
pub(super) const BAD: u64 = 1;

macro_rules! attempts {
    ($($number:ident($($arg:expr),*)),+ $(,)?) => {
        [$({
            let mut args = [0_u64; 6];
            let given: &[u64] = &[$($arg as u64),*];
            args[..given.len()].copy_from_slice(given);
            $crate::linux::seccomp::tests::calls::Attempt {
                name: stringify!($number($($arg),*)).trim_start_matches("SYS_").to_owned(),
                number: libc::$number,
                args,
            }
        },)+]
    };
}
pub(super) use attempts;
