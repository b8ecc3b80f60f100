//! Two users where gVisor needs two: it is user 0 of its namespace, and gives files to the user of the program.

use std::{
    fs,
    io::{self, Read as _, Write as _},
    process,
};

use rustix::{
    fs::fchown,
    process::{DumpableBehavior, WaitOptions, getegid, geteuid, set_dumpable_behavior, waitpid},
    stdio::{stderr, stdin, stdout},
    thread::{Gid, Uid, UnshareFlags, set_thread_groups, set_thread_res_gid, set_thread_res_uid},
};

use super::super::{
    identity::{UNUSED, UNUSED_OF_CONTAINERS},
    sys::{self, Forked},
};

/// Half of those that the box takes one of, since each run takes two.
const PAIRS_OF_CONTAINERS: u32 = 2_000;
/// More than there are processes: the second user of a run is nobody's first.
const SECOND: u32 = 0x0100_0000;

/// Who the program is, inside as outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Program {
    pub(super) uid: u32,
    pub(super) gid: u32,
}

/// Makes the user namespace, as user 0 of which this process goes on.
///
/// Root leaves for two users that own nothing. Anybody else can map but one, their own: the program has their id, and to
/// gVisor its files are those of somebody else.
pub(super) fn enter() -> io::Result<Program> {
    if geteuid().is_root() {
        return enter_as_root();
    }
    let (uid, gid) = (geteuid().as_raw(), getegid().as_raw());
    sys::unshare(UnshareFlags::NEWUSER)?;
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/uid_map", format!("0 {uid} 1"))?;
    fs::write("/proc/self/gid_map", format!("0 {gid} 1"))?;
    Ok(Program { uid, gid })
}

fn enter_as_root() -> io::Result<Program> {
    let id = process::id();
    // Only who is root outside of the namespace may map two, so that somebody has to stay there for that.
    let (mut told, mut tell) = io::pipe()?;
    let mapper = match sys::fork()? {
        Forked::Child => {
            drop(tell);
            let mut users = [0; 8];
            let mapped = told.read_exact(&mut users).and_then(|()| {
                let [own, program] = [users.first_chunk(), users.last_chunk()]
                    .map(|user: Option<&[u8; 4]>| user.map_or(0, |user| u32::from_ne_bytes(*user)));
                let map = format!("0 {own} 1\n{program} {program} 1\n");
                fs::write(format!("/proc/{id}/uid_map"), &map)?;
                fs::write(format!("/proc/{id}/gid_map"), &map)
            });
            sys::exit_now(mapped.map_or_else(|error| error.raw_os_error().unwrap_or(255).max(1), |()| 0))
        }
        Forked::Parent(mapper) => mapper,
    };
    drop(told);
    set_thread_groups(&[])?;
    let (own, program) = (UNUSED.saturating_add(id), UNUSED.saturating_add(SECOND).saturating_add(id));
    let (own, program) = become_user(own).map(|()| (own, program)).or_else(|_| {
        let own = UNUSED_OF_CONTAINERS + id % PAIRS_OF_CONTAINERS * 2;
        become_user(own).map(|()| (own, own + 1))
    })?;
    // A process that changed its user is unreadable for that user, and its maps cannot be written then.
    set_dumpable_behavior(DumpableBehavior::Dumpable)?;
    sys::unshare(UnshareFlags::NEWUSER)?;
    tell.write_all(&[own.to_ne_bytes(), program.to_ne_bytes()].concat())?;
    drop(tell);
    let status = waitpid(Some(mapper), WaitOptions::empty())?.map(|(_, status)| status);
    match status.and_then(rustix::process::WaitStatus::exit_status) {
        Some(0) => Ok(Program { uid: program, gid: program }),
        Some(errno) if errno < 255 => Err(io::Error::from_raw_os_error(errno)),
        _ => Err(io::Error::other("the users could not be mapped")),
    }
}

fn become_user(unused: u32) -> io::Result<()> {
    let (uid, gid) = (Uid::from_raw(unused), Gid::from_raw(unused));
    for stream in [stdin(), stdout(), stderr()] {
        fchown(stream, Some(uid), Some(gid))?;
    }
    set_thread_res_gid(gid, gid, gid)?;
    Ok(set_thread_res_uid(uid, uid, uid)?)
}
