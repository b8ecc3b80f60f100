//! Namespaces and a root of one's own: a small box is built and entered, and where that ends is said.

#![allow(unsafe_code, reason = "a process is forked, and one system call has no safe interface")]

use std::{ffi::CStr, fs, io, os::fd::OwnedFd, path::PathBuf, time::Duration};

use rustix::{
    fs::{CWD, Mode, OFlags, mkdir},
    io::Errno,
    mount::{
        FsMountFlags, FsOpenFlags, MountAttrFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags,
        UnmountFlags, fsconfig_create, fsconfig_set_string, fsmount, fsopen, mount_change, move_mount,
        open_tree, unmount,
    },
    process::{DumpableBehavior, fchdir, pivot_root, set_dumpable_behavior},
    thread::{
        Gid, Uid, UnshareFlags, set_thread_groups, set_thread_res_gid, set_thread_res_uid, unshare_unsafe,
    },
};

use super::{
    Fact, State, apparmor,
    child::{End, Message, Voice, in_child, in_grandchild},
};
use crate::Level;

/// Building a box takes a few milliseconds.
const TIME: Duration = Duration::from_secs(2);

/// Whom the probe becomes where it is started by root: nobody's id on usual systems, and one that containers map.
const STRANGER: u32 = 60_999;

macro_rules! stages {
    ($($name:ident = $text:literal,)+) => {
        /// Where building the box may end.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u64)]
        enum Stage { $($name,)+ }

        impl Stage {
            const ALL: &[Self] = &[$(Self::$name,)+];

            /// To complete "cannot …".
            const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }
        }
    };
}

stages! {
    Leave = "leave root",
    User = "make a user namespace",
    Map = "map a user into the namespace",
    Mounts = "make a mount namespace",
    Processes = "make a process namespace",
    Network = "make a network namespace",
    Ipc = "make a namespace for shared memory",
    Names = "make a namespace for host names",
    Cgroups = "make a namespace for control groups",
    Forbid = "forbid further namespaces",
    Init = "start a first process",
    Private = "make mounts its own",
    Tree = "take hold of /usr",
    ReadOnly = "make /usr read-only",
    Root = "mount a root",
    Pivot = "move into its root",
}

/// What `Voice` says when all stages are behind; the value is an error of `/proc`, or 0.
const ENTERED: u64 = u64::MAX;

/// Everything that the verdict is based on.
#[derive(Debug)]
struct Readings {
    outcome: Outcome,
    /// `kernel.apparmor_restrict_unprivileged_userns`.
    apparmor: Option<u64>,
    /// `user.max_user_namespaces`.
    most: Option<u64>,
    /// `kernel.unprivileged_userns_clone`, of Debian's older kernels.
    allowed: Option<u64>,
    /// Whether this looks like the inside of a container.
    container: bool,
    /// This program.
    program: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Entered,
    /// In a root without a `/proc`, because of this error.
    EnteredWithoutProc(i32),
    Stopped(Stage, i32),
    /// It ended without a word.
    Ended(End),
    /// It could not be tried.
    NotTried,
}

pub(super) fn examine() -> [Fact; 2] {
    let number = |path: &str| fs::read_to_string(path).ok()?.trim().parse().ok();
    let readings = Readings {
        outcome: attempt(),
        apparmor: number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns"),
        most: number("/proc/sys/user/max_user_namespaces"),
        allowed: number("/proc/sys/kernel/unprivileged_userns_clone"),
        container: ["/.dockerenv", "/run/.containerenv"].iter().any(|path| fs::exists(path).unwrap_or(false)),
        program: std::env::current_exe().ok(),
    };
    [judge(&readings), mount_api(&absent_calls())]
}

/// How a container lets go.
const CONTAINER: &str = "With Docker:\n\
    $ docker run --security-opt seccomp=unconfined --security-opt systempaths=unconfined …\n\
    This lets go of some of the container's own protection: running Airlock outside of it may be better.";

fn judge(readings: &Readings) -> Fact {
    let fact = |text: String| Fact::new("user_namespaces", State::Missing, text).gives(Level::Box);
    let (stage, error) = match readings.outcome {
        Outcome::Entered => {
            let text = "a box was built of all seven kinds, and entered";
            return Fact::new("user_namespaces", State::Good, text).gives(Level::Box);
        }
        Outcome::EnteredWithoutProc(error) => {
            let text =
                format!("a box was entered, but without /proc: {}", io::Error::from_raw_os_error(error));
            return Fact::new("user_namespaces", State::Good, text)
                .gives(Level::Box)
                .advise(format!("parts of /proc are covered, as container runtimes do. {CONTAINER}"));
        }
        Outcome::Stopped(stage, error) => (stage, Errno::from_raw_os_error(error)),
        Outcome::Ended(End::Late) => return fact("building a box hung, and was given up".to_owned()),
        Outcome::Ended(End::Signal(signal)) => {
            let text = format!("building a box was ended by signal {signal}");
            return fact(text)
                .advise("a seccomp filter around Airlock forbids it: run Airlock outside of that");
        }
        Outcome::Ended(End::Itself) | Outcome::NotTried => return fact("could not be tried".to_owned()),
    };
    let fact = fact(format!("cannot {}: {}", stage.as_str(), io::Error::from(error)));
    let denied = matches!(error, Errno::PERM | Errno::ACCESS);
    if stage == Stage::Leave {
        fact.advise(
            "this root may become nobody else, as in a user namespace that maps only one user: start Airlock as a \
             plain user, or map more of them (/etc/subuid, for containers without root)",
        )
    } else if error == Errno::NOSPC && readings.most == Some(0) {
        let advice = "user.max_user_namespaces is 0 (until the next start, or in /etc/sysctl.d/):\n\
                      $ sudo sysctl -w user.max_user_namespaces=10000";
        fact.advise(advice)
    } else if error == Errno::NOSPC {
        fact.advise("user.max_user_namespaces and its like are used up, or namespaces are nested too deeply")
    } else if denied && stage == Stage::User && readings.allowed == Some(0) {
        let advice = "kernel.unprivileged_userns_clone is 0 (until the next start, or in /etc/sysctl.d/):\n\
                      $ sudo sysctl -w kernel.unprivileged_userns_clone=1";
        fact.advise(advice)
    } else if denied && readings.apparmor.is_some_and(|value| value != 0) {
        let text = format!("AppArmor takes the rights in it away: {}", fact.text);
        Fact { text, ..fact }.advise(apparmor::advice(readings.program.as_deref()))
    } else if error == Errno::ROFS || readings.container && (denied || error == Errno::NOSYS) {
        fact.advise(format!("the container's runtime forbids it. {CONTAINER}"))
    } else if matches!(error, Errno::INVAL | Errno::NOSYS) {
        fact.advise("this kernel was built without it: another kernel is needed")
    } else if denied {
        fact.advise("a security module, a seccomp filter or a chroot around Airlock forbids it")
    } else {
        fact
    }
}

/// Builds a box and enters it.
fn attempt() -> Outcome {
    // SAFETY: nothing is done before.
    unsafe { attempt_after(|| Ok(())) }
}

/// Builds a box in a process that has done something before.
///
/// # Safety
///
/// As for [`in_child`], for `before`.
unsafe fn attempt_after(before: impl FnOnce() -> Result<(), Errno>) -> Outcome {
    let (uid, gid) = (rustix::process::geteuid(), rustix::process::getegid());
    let root = uid.is_root();
    let (user, group) = if root { (STRANGER, STRANGER) } else { (uid.as_raw(), gid.as_raw()) };
    let maps = (format!("{user} {user} 1"), format!("{group} {group} 1"));
    let work = |voice: &Voice| {
        let built = before().map_err(at(Stage::Leave));
        let built = built.and_then(|()| build(root, (user, group), (&maps.0, &maps.1), voice));
        if let Err(message) = built {
            voice.say(message);
        }
    };
    // SAFETY: `build` makes system calls, with what was allocated before; the caller vouches for the rest.
    let told = unsafe { in_child(TIME, work) };
    let Ok(told) = told else { return Outcome::NotTried };
    match told.messages.last() {
        Some(&(ENTERED, 0)) => Outcome::Entered,
        Some(&(ENTERED, error)) => {
            i32::try_from(error).map_or(Outcome::NotTried, Outcome::EnteredWithoutProc)
        }
        Some(&(number, error)) => {
            let stage = Stage::ALL.iter().find(|stage| **stage as u64 == number);
            match (stage, i32::try_from(error)) {
                (Some(stage), Ok(error)) => Outcome::Stopped(*stage, error),
                _ => Outcome::NotTried,
            }
        }
        None => Outcome::Ended(told.end),
    }
}

/// Makes an error of the system a message.
fn at(stage: Stage) -> impl FnOnce(Errno) -> Message {
    move |error| (stage as u64, u64::from(error.raw_os_error().unsigned_abs()))
}

/// In the child: up to the namespaces, of which the first process does the rest.
fn build(root: bool, ids: (u32, u32), maps: (&str, &str), voice: &Voice) -> Result<(), Message> {
    if root {
        leave_root(ids).map_err(at(Stage::Leave))?;
    }
    // SAFETY: of these flags only `CLONE_FILES` would be of concern for memory, and it is not among them.
    let unshare = |flag: UnshareFlags| unsafe { unshare_unsafe(flag) };
    unshare(UnshareFlags::NEWUSER).map_err(at(Stage::User))?;
    // Without this, only root may map groups.
    write(c"/proc/self/setgroups", "deny").map_err(at(Stage::Map))?;
    write(c"/proc/self/uid_map", maps.0).map_err(at(Stage::Map))?;
    write(c"/proc/self/gid_map", maps.1).map_err(at(Stage::Map))?;
    // One by one, to be able to say which.
    for (flag, stage) in [
        (UnshareFlags::NEWNS, Stage::Mounts),
        (UnshareFlags::NEWPID, Stage::Processes),
        (UnshareFlags::NEWNET, Stage::Network),
        (UnshareFlags::NEWIPC, Stage::Ipc),
        (UnshareFlags::NEWUTS, Stage::Names),
        (UnshareFlags::NEWCGROUP, Stage::Cgroups),
    ] {
        unshare(flag).map_err(at(stage))?;
    }
    // As the box does. Container runtimes leave these settings read-only.
    write(c"/proc/sys/user/max_user_namespaces", "0").map_err(at(Stage::Forbid))?;
    // SAFETY: `enter` makes system calls and nothing else.
    let waited = unsafe { in_grandchild(|| voice.say(enter().unwrap_or_else(|message| message))) };
    waited.map_err(at(Stage::Init))
}

fn leave_root((user, group): (u32, u32)) -> Result<(), Errno> {
    let (user, group) = (Uid::from_raw(user), Gid::from_raw(group));
    set_thread_groups(&[])?;
    set_thread_res_gid(group, group, group)?;
    set_thread_res_uid(user, user, user)?;
    // Leaving root made its files in /proc root's, and one of them is to be written.
    set_dumpable_behavior(DumpableBehavior::Dumpable)
}

/// In the first process of the new namespaces: a root of its own, with a /usr that cannot be changed and, if possible,
/// a /proc.
fn enter() -> Result<Message, Message> {
    mount_change(c"/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
        .map_err(at(Stage::Private))?;
    let clone =
        OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_RECURSIVE;
    let usr = open_tree(CWD, c"/usr", clone).map_err(at(Stage::Tree))?;
    make_read_only(&usr).map_err(at(Stage::ReadOnly))?;
    let place = |mount: &OwnedFd, path: &CStr| {
        move_mount(mount, c"", CWD, path, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
    };
    let root = || {
        let root = file_system(c"tmpfs", &[(c"size", c"64k"), (c"mode", c"755")])?;
        place(&root, c"/tmp")?;
        fchdir(&root)?;
        mkdir(c"usr", Mode::RWXU)?;
        mkdir(c"proc", Mode::RWXU)?;
        place(&usr, c"usr")
    };
    root().map_err(at(Stage::Root))?;
    let processes = file_system(c"proc", &[(c"subset", c"pid"), (c"hidepid", c"invisible")])
        .and_then(|mount| place(&mount, c"proc"));
    let pivot = || {
        pivot_root(c".", c".")?;
        unmount(c".", UnmountFlags::DETACH)
    };
    pivot().map_err(at(Stage::Pivot))?;
    Ok((ENTERED, processes.err().map_or(0, |error| u64::from(error.raw_os_error().unsigned_abs()))))
}

/// A new file system that has no place yet.
fn file_system(kind: &CStr, options: &[(&CStr, &CStr)]) -> Result<OwnedFd, Errno> {
    let context = fsopen(kind, FsOpenFlags::FSOPEN_CLOEXEC)?;
    for (name, value) in options {
        fsconfig_set_string(&context, *name, *value)?;
    }
    fsconfig_create(&context)?;
    let attributes = MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV;
    fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, attributes)
}

/// The layout of `struct mount_attr`.
#[repr(C)]
struct MountAttributes {
    set: u64,
    clear: u64,
    propagation: u64,
    user_namespace: u64,
}

const MOUNT_ATTR_RDONLY: u64 = 1;

fn make_read_only(tree: &impl std::os::fd::AsRawFd) -> Result<(), Errno> {
    let attributes = MountAttributes { set: MOUNT_ATTR_RDONLY, clear: 0, propagation: 0, user_namespace: 0 };
    // SAFETY: the kernel reads as many bytes of `attributes` as its size says, and the empty name.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            tree.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH | libc::AT_RECURSIVE,
            &raw const attributes,
            size_of::<MountAttributes>(),
        )
    };
    if result == 0 { Ok(()) } else { Err(last_error()) }
}

/// `errno`, without the allocation that a full error might make.
fn last_error() -> Errno {
    Errno::from_io_error(&io::Error::last_os_error()).unwrap_or(Errno::INVAL)
}

fn write(path: &CStr, text: &str) -> Result<(), Errno> {
    let file = rustix::fs::open(path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    rustix::io::write(&file, text.as_bytes()).map(|_| ())
}

/// The calls for mounts without names that this kernel, or a filter around us, does not have.
fn absent_calls() -> Vec<&'static str> {
    [
        ("fsopen", libc::SYS_fsopen),
        ("fsconfig", libc::SYS_fsconfig),
        ("fsmount", libc::SYS_fsmount),
        ("open_tree", libc::SYS_open_tree),
        ("move_mount", libc::SYS_move_mount),
        ("mount_setattr", libc::SYS_mount_setattr),
    ]
    .into_iter()
    .filter(|(_, number)| {
        let nothing = 0_usize;
        // SAFETY: no such descriptor, no memory: whatever the kernel makes of it, it touches nothing.
        let result = unsafe { libc::syscall(*number, -1_isize, nothing, nothing, nothing, nothing) };
        result == -1 && last_error() == Errno::NOSYS
    })
    .map(|(name, _)| name)
    .collect()
}

fn mount_api(absent: &[&'static str]) -> Fact {
    if absent.is_empty() {
        let text = "all calls for mounts by descriptor are there";
        return Fact::new("mount_api", State::Good, text).gives(Level::Box);
    }
    let text = format!("there is no {}", absent.join(", no "));
    Fact::new("mount_api", State::Missing, text)
        .gives(Level::Box)
        .advise("Linux 5.12 or later is needed; a seccomp filter around Airlock may also hide it")
}

#[cfg(test)]
mod tests {
    use super::{End, Errno, Outcome, Readings, Stage, State, attempt, attempt_after, judge, mount_api};
    use crate::doctor::restraints::forbid;

    fn readings(outcome: Outcome) -> Readings {
        let program = Some("/usr/bin/airlock".into());
        Readings { outcome, apparmor: None, most: Some(63_000), allowed: None, container: false, program }
    }

    fn says(readings: &Readings, text: &str, advice: &str) {
        let fact = judge(readings);
        assert_eq!(fact.state, State::Missing, "{fact:?}");
        assert!(fact.text.contains(text), "{text}: {fact:?}");
        assert!(fact.advice.as_deref().unwrap_or_default().contains(advice), "{advice}: {fact:?}");
    }

    #[test]
    fn a_box_that_was_entered_is_good_whatever_the_switches_say() {
        let entered = Readings { apparmor: Some(1), allowed: Some(0), ..readings(Outcome::Entered) };
        let fact = judge(&entered);
        assert_eq!((fact.state, fact.advice), (State::Good, None));
    }

    #[test]
    fn ubuntu_takes_the_rights_away_and_a_profile_gives_them_back() {
        // 24.04 lets the namespace be made, and nothing be done in it; 23.10 says so at the map.
        for (stage, error) in [
            (Stage::Mounts, libc::EPERM),
            (Stage::Private, libc::EACCES),
            (Stage::Map, libc::EACCES),
            (Stage::User, libc::EPERM),
        ] {
            let ubuntu = Readings { apparmor: Some(1), ..readings(Outcome::Stopped(stage, error)) };
            says(&ubuntu, "AppArmor takes the rights", "apparmor_parser -r /etc/apparmor.d/airlock");
        }
        let off = Readings { apparmor: Some(0), ..readings(Outcome::Stopped(Stage::Mounts, libc::EPERM)) };
        says(&off, "cannot make a mount namespace", "a security module, a seccomp filter or a chroot");
    }

    #[test]
    fn switches_of_the_kernel_are_named() {
        let none = Readings { most: Some(0), ..readings(Outcome::Stopped(Stage::User, libc::ENOSPC)) };
        says(&none, "cannot make a user namespace", "$ sudo sysctl -w user.max_user_namespaces=");
        says(&readings(Outcome::Stopped(Stage::User, libc::ENOSPC)), "cannot make", "used up");
        let debian = Readings { allowed: Some(0), ..readings(Outcome::Stopped(Stage::User, libc::EPERM)) };
        says(&debian, "cannot make a user", "$ sudo sysctl -w kernel.unprivileged_userns_clone=1");
    }

    #[test]
    fn a_root_that_cannot_be_left_is_told_so() {
        for error in [libc::EPERM, libc::EINVAL] {
            let only_root = readings(Outcome::Stopped(Stage::Leave, error));
            says(&Readings { apparmor: Some(1), ..only_root }, "cannot leave root", "/etc/subuid");
        }
    }

    #[test]
    fn a_container_without_namespaces_is_told_so() {
        let docker = Readings { container: true, ..readings(Outcome::Stopped(Stage::User, libc::EPERM)) };
        says(&docker, "cannot make a user namespace", "docker run --security-opt seccomp=unconfined");
        let sysctl = readings(Outcome::Stopped(Stage::Forbid, libc::EROFS));
        says(&sysctl, "forbid further namespaces", "systempaths=unconfined");
        let fact = judge(&readings(Outcome::EnteredWithoutProc(libc::EPERM)));
        assert!(fact.state == State::Good && fact.text.contains("without /proc"), "{fact:?}");
        assert!(fact.advice.unwrap().contains("systempaths=unconfined"));
        let killed = readings(Outcome::Ended(End::Signal(libc::SIGSYS)));
        says(&killed, "ended by signal 31", "a seccomp filter");
    }

    #[test]
    fn an_old_kernel_is_told_so() {
        says(&readings(Outcome::Stopped(Stage::User, libc::EINVAL)), "user namespace", "built without it");
        let fact = mount_api(&["mount_setattr"]);
        assert_eq!((fact.state, &*fact.text), (State::Missing, "there is no mount_setattr"));
        assert_eq!(mount_api(&[]).state, State::Good);
    }

    /// What a container's filter does, done for real.
    #[test]
    fn a_box_ends_where_a_filter_forbids_it_and_says_where() {
        if attempt() != Outcome::Entered {
            eprintln!("skipped: no box can be built here, so nothing can be forbidden");
            return;
        }
        let table = [
            (libc::SYS_unshare, Errno::PERM, Stage::User),
            (libc::SYS_mount, Errno::ACCESS, Stage::Private),
            (libc::SYS_fsopen, Errno::NOSYS, Stage::Root),
            (libc::SYS_open_tree, Errno::NOSYS, Stage::Tree),
            (libc::SYS_mount_setattr, Errno::NOSYS, Stage::ReadOnly),
            (libc::SYS_move_mount, Errno::PERM, Stage::Root),
            (libc::SYS_pivot_root, Errno::PERM, Stage::Pivot),
        ];
        for (call, error, stage) in table {
            // SAFETY: one system call, from memory on the stack.
            let outcome = unsafe { attempt_after(|| forbid(call, error)) };
            assert_eq!(outcome, Outcome::Stopped(stage, error.raw_os_error()));
        }
    }

    #[test]
    fn nothing_of_a_box_is_left_in_this_process() {
        let state = || {
            let read = |path: &str| std::fs::read_to_string(path).unwrap();
            let status = read("/proc/self/status");
            let ids: String =
                status.lines().filter(|line| line.contains("id:") || line.contains("Cap")).collect();
            (read("/proc/self/mountinfo"), std::fs::read_link("/proc/self/ns/user").unwrap(), ids)
        };
        let before = state();
        attempt();
        assert_eq!(state(), before);
    }

    #[test]
    fn a_hang_is_no_box() {
        assert_eq!(judge(&readings(Outcome::Ended(End::Late))).state, State::Missing);
        assert_eq!(judge(&readings(Outcome::NotTried)).state, State::Missing);
    }
}
