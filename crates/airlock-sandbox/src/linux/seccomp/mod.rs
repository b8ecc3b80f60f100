//! What a program in the box may ask of the kernel: a list of system calls, each with its reason, and the filter
//! made of it. Whatever is not on the list is refused with `EPERM`, as programs expect that try what they may do.
//!
//! | part | owns |
//! |---|---|
//! | [`table`] | the list |
//! | [`lite`] | where it is shorter without namespaces |
//! | [`rule`] | what is said about one call |
//! | [`Filters`] | the program for the kernel |

mod bpf;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod lite;
mod rule;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod table;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod tcp;
#[cfg(test)]
mod tests;

use std::io;

use libc::sock_filter;

pub use rule::SystemCall;

use bpf::Verdict;
use rule::{Entry, Group};

/// The first number that no system call had when the table was written. From here on calls are unknown rather than
/// refused: a library that is newer than the table takes the older call then.
const UNKNOWN_FROM: u32 = 472;

/// x86-64 counts the calls of its 32-bit pointer interface from here; other architectures have none this high.
const FOREIGN_FROM: u32 = 0x4000_0000;

/// The architecture whose calls are counted as in the table, as the kernel names it.
#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: Option<u32> = Some(0xc000_003e);
#[cfg(all(target_arch = "aarch64", target_endian = "little"))]
const ARCHITECTURE: Option<u32> = Some(0xc000_00b7);
#[cfg(not(any(target_arch = "x86_64", all(target_arch = "aarch64", target_endian = "little"))))]
const ARCHITECTURE: Option<u32> = None;

/// Every call that is not simply refused.
pub(crate) fn table() -> &'static [Group] {
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    return table::TABLE;
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    return &[];
}

/// Entries that take the place of those in the table.
fn instead(beside: Beside) -> Vec<&'static Group> {
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    match beside {
        Beside::Namespaces => {}
        Beside::NamespacesAndProxy => return vec![&tcp::SOCKETS],
        Beside::Landlock(version) => return lite::groups(version),
    }
    let _ = beside;
    Vec::new()
}

/// What a program in the box may ask of the kernel, and why. Empty where there is no list for the processor; there is no
/// box then, either.
pub fn system_calls() -> impl Iterator<Item = SystemCall> {
    table().iter().flat_map(Group::for_people)
}

/// The filter of the box as the kernel reads it, for another sandbox: `bwrap --seccomp FD` takes it as it is.
///
/// # Errors
/// There is no list for the processor.
pub fn system_call_filter() -> io::Result<Vec<u8>> {
    let filters = compile(Beside::Namespaces)?;
    let bytes = |step: &sock_filter| {
        let [low, high] = step.code.to_ne_bytes();
        let [a, b, c, d] = step.k.to_ne_bytes();
        [low, high, step.jt, step.jf, a, b, c, d]
    };
    Ok(filters.program.iter().flat_map(bytes).collect())
}

/// The filter, ready to be installed.
pub(crate) struct Filters {
    program: Vec<sock_filter>,
}

/// What else holds the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beside {
    /// Namespaces, and a root of its own.
    Namespaces,
    /// The same, with a proxy in the namespace of the network, to whose port Landlock holds TCP.
    NamespacesAndProxy,
    /// This version of Landlock alone.
    Landlock(u8),
}

/// Makes the filter. Fails only where there is no table for the architecture.
pub(crate) fn compile(beside: Beside) -> io::Result<Filters> {
    let architecture = ARCHITECTURE.ok_or(io::ErrorKind::Unsupported)?;
    let instead = instead(beside);
    let entry = |entry: &'static Entry| {
        let mut instead = instead.iter().flat_map(|group| group.entries);
        instead.find(|other| other.number == entry.number).unwrap_or(entry)
    };
    let entries = table().iter().flat_map(|group| group.entries).map(entry).collect::<Vec<_>>();
    let ranges = bpf::ranges(&entries, UNKNOWN_FROM, FOREIGN_FROM);
    Ok(Filters { program: bpf::assemble(architecture, &ranges, Verdict::Kill) })
}

/// Calls that make files, or change what they may do.
#[cfg(target_arch = "x86_64")]
const LENDING: &[libc::c_long] = &[
    libc::SYS_open,
    libc::SYS_openat,
    libc::SYS_openat2,
    libc::SYS_creat,
    libc::SYS_chmod,
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    FCHMODAT2,
    libc::SYS_mknod,
    libc::SYS_mknodat,
];
#[cfg(not(target_arch = "x86_64"))]
const LENDING: &[libc::c_long] = &[
    libc::SYS_openat,
    libc::SYS_openat2,
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    FCHMODAT2,
    libc::SYS_mknodat,
];
/// The C library does not name it everywhere.
const FCHMODAT2: libc::c_long = 452;

/// Makes the filter for what runs gVisor, which has filters of its own: no file is made that lends rights, and no device.
/// What a program asks of gVisor is done by it, and a program inside may ask for that.
pub(crate) fn around_gvisor() -> io::Result<Filters> {
    let architecture = ARCHITECTURE.ok_or(io::ErrorKind::Unsupported)?;
    let entries = table().iter().flat_map(|group| group.entries);
    let entries = entries.filter(|entry| LENDING.contains(&entry.number)).collect::<Vec<_>>();
    // Calls of other architectures are those of programs inside, which gVisor catches.
    let program = bpf::assemble(architecture, &bpf::exceptions(&entries), Verdict::Allow);
    Ok(Filters { program })
}

impl Filters {
    /// How many filters `/proc/self/status` counts afterwards.
    pub(crate) const COUNT: u32 = 1;

    /// Restricts the calling thread, and whatever it starts, for good. Nothing is allocated, so that it can be done
    /// between `fork` and `exec`. New privileges must be ruled out before.
    #[allow(unsafe_code, reason = "no crate that is used here has this call")]
    pub(crate) fn apply(&self) -> io::Result<()> {
        let program = bpf::for_kernel(&self.program).ok_or(io::ErrorKind::InvalidInput)?;
        // SAFETY: the kernel reads the program, which outlives the call, and writes nothing.
        let done =
            unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &raw const program) };
        if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
}
