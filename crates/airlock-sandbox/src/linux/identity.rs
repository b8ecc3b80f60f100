//! Who the program is: nobody that owns anything.

use std::{fs, io, os::fd::OwnedFd};

use rustix::{
    fs::fchown,
    process::{DumpableBehavior, getegid, geteuid, set_dumpable_behavior},
    stdio::{stderr, stdin, stdout},
    thread::{Gid, Uid, UnshareFlags, set_thread_groups, set_thread_res_gid, set_thread_res_uid},
};

use super::sys;

/// Users that nobody gives to anybody: systemd leaves them alone (<https://systemd.io/UIDS-GIDS/>), and there are more of
/// them than processes, so each box has its own.
pub(super) const UNUSED: u32 = 0x7000_0000;
/// Where a container maps fewer users: those of services without a name, which containers rarely have.
pub(super) const UNUSED_OF_CONTAINERS: u32 = 61_184;
const MOST_OF_CONTAINERS: u32 = 4_000;

/// Leaves user 0 and every group for a user that owns nothing. Were it 0 outside, files of root in `/proc/sys` would
/// be its own, capability or not. What is in `own` becomes that user's.
pub(super) fn leave_root(own: &[OwnedFd]) -> io::Result<()> {
    let id = std::process::id();
    set_thread_groups(&[])?;
    become_user(UNUSED.saturating_add(id), own)
        .or_else(|_| become_user(UNUSED_OF_CONTAINERS + id % MOST_OF_CONTAINERS, own))?;
    // A process that changed its user is unreadable for that user, and its maps cannot be written then.
    Ok(set_dumpable_behavior(DumpableBehavior::Dumpable)?)
}

fn become_user(unused: u32, own: &[OwnedFd]) -> io::Result<()> {
    let (uid, gid) = (Uid::from_raw(unused), Gid::from_raw(unused));
    // Its streams are pipes that root made; `/dev/stdout` and its like open them anew.
    for stream in [stdin(), stdout(), stderr()] {
        fchown(stream, Some(uid), Some(gid))?;
    }
    for file in own {
        fchown(file, Some(uid), Some(gid))?;
    }
    set_thread_res_gid(gid, gid, gid)?;
    Ok(set_thread_res_uid(uid, uid, uid)?)
}

/// The user and group of this process, as the host sees them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Identity {
    uid: u32,
    gid: u32,
}

impl Identity {
    /// To be read outside of a user namespace of our own: within, nobody is mapped yet.
    pub(super) fn current() -> Self {
        Self { uid: geteuid().as_raw(), gid: getegid().as_raw() }
    }

    /// Makes the user namespace.
    pub(super) fn unshare() -> io::Result<()> {
        sys::unshare(UnshareFlags::NEWUSER)
    }

    /// Maps this one user and group to themselves, and no other.
    pub(super) fn map(self) -> io::Result<()> {
        let Self { uid, gid } = self;
        fs::write("/proc/self/setgroups", "deny")?;
        fs::write("/proc/self/uid_map", format!("{uid} {uid} 1"))?;
        fs::write("/proc/self/gid_map", format!("{gid} {gid} 1"))
    }
}
