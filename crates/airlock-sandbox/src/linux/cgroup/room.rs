//! Room for groups in version 2, which hands controllers down only from a group in which no process is.
//!
//! Where nobody but this process and what it started is in a group that was given to it, such as a service or a scope of
//! systemd with `Delegate=`, all of them move into one below, and others can be made beside that.

use std::{
    ffi::OsStr,
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

use rustix::{
    fs::getxattr,
    io::Errno,
    process::{Pid, geteuid, test_kill_process},
};

use super::WANTED;

/// The group that they move into. No box is called so.
const OURS: &str = "airlock.host";
/// What systemd notes at a group that it gave away, and never touches what is below.
const DELEGATED: [&str; 2] = ["user.delegate", "trusted.delegate"];
/// How often it is tried when something is started meanwhile.
const TRIES: usize = 5;

/// The group below which others can be made: above `own`, where we moved there, or `own` itself, which we leave for that.
pub(super) fn find(mounted: &Path, own: &Path) -> Option<PathBuf> {
    if own.file_name().is_some_and(|name| name == OURS) {
        let room = own.parent().filter(|room| is_the_users(room))?;
        // Somebody may have taken that back since. Where it cannot be had again, the box has no group, and says so.
        let _ = hand_down(room);
        return Some(room.to_owned());
    }
    // What cannot be done leaves all as it was, and says so by a box without a group.
    (is_ours_alone(mounted, own) && move_out(own).is_ok()).then(|| own.to_owned())
}

/// Whether nobody else is in it, this process is, and nobody else arranges what is below it.
fn is_ours_alone(mounted: &Path, own: &Path) -> bool {
    let alone =
        members(own).is_ok_and(|all| all.contains(&std::process::id()) && all.iter().all(|id| is_ours(*id)));
    // The root of the machine has no type, and is systemd's; that of a container is its own.
    let is_domain = fs::read_to_string(own.join("cgroup.type")).is_ok_and(|kind| kind.trim() == "domain");
    alone && is_domain && (own == mounted || was_given(own))
}

/// Whether whoever made it gave it to this user.
fn was_given(own: &Path) -> bool {
    let is_noted = || {
        DELEGATED.iter().any(|name| {
            let mut said = [0; 8];
            getxattr(own, *name, &mut said[..]).is_ok_and(|read| said.get(..read) == Some(b"1"))
        })
    };
    let by_its_owner = || match unit_of_user(own) {
        // All units of a user's systemd belong to that user, and it notes nothing.
        Some(unit) => is_delegated(unit),
        // All groups of the system belong to root.
        None => !geteuid().is_root(),
    };
    is_the_users(own) && (is_noted() || by_its_owner())
}

/// Whether nobody else, but root, can take back what is set there.
fn is_the_users(group: &Path) -> bool {
    fs::metadata(group).is_ok_and(|group| group.uid() == geteuid().as_raw())
}

/// The unit of a user's systemd that a group is.
fn unit_of_user(own: &Path) -> Option<&str> {
    let mut names = own.iter().filter_map(OsStr::to_str);
    names.find(|name| name.starts_with("user@") && name.ends_with(".service"))?;
    names.next_back()
}

/// What the user's systemd says of a unit. Asked once: it costs some ten milliseconds, and what starts boxes stays where it is.
fn is_delegated(unit: &str) -> bool {
    static SAID: OnceLock<bool> = OnceLock::new();
    *SAID.get_or_init(|| {
        let mut ask = Command::new("systemctl");
        ask.args(["--user", "show", "--property=Delegate", "--value", "--", unit]);
        let said = ask.stdin(Stdio::null()).stderr(Stdio::null()).output();
        said.is_ok_and(|said| said.stdout.trim_ascii() == b"yes")
    })
}

/// The processes in a group; one of another namespace of numbers is 0.
fn members(group: &Path) -> io::Result<Vec<u32>> {
    let all = fs::read_to_string(group.join("cgroup.procs"))?;
    all.lines().map(|id| id.trim().parse().map_err(io::Error::other)).collect()
}

/// Whether a process is this one, or was started by it or by such a one. Who has ended since is nobody else's.
fn is_ours(id: u32) -> bool {
    let mut ancestor = id;
    while ancestor > 1 && ancestor != std::process::id() {
        // `id (name) state parent …`; the name may hold anything.
        let parent = fs::read_to_string(format!("/proc/{ancestor}/stat"))
            .ok()
            .and_then(|status| status.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok());
        let Some(parent) = parent else { return ancestor == id && has_ended(id) };
        ancestor = parent;
    }
    ancestor == std::process::id()
}

/// Whether there is no such process, rather than one that is hidden.
fn has_ended(id: u32) -> bool {
    let id = i32::try_from(id).ok().and_then(Pid::from_raw);
    id.is_some_and(|id| test_kill_process(id) == Err(Errno::SRCH))
}

/// Moves a process to a group, unless it has ended.
fn move_to(group: &Path, id: u32) -> io::Result<()> {
    match fs::write(group.join("cgroup.procs"), id.to_string()) {
        Err(error) if error.raw_os_error() == Some(Errno::SRCH.raw_os_error()) => Ok(()),
        moved => moved,
    }
}

/// Has a group hand down all that is wanted and that it has.
fn hand_down(group: &Path) -> io::Result<()> {
    let there = fs::read_to_string(group.join("cgroup.controllers"))?;
    let mut wanted =
        WANTED.iter().filter(|wanted| there.split_whitespace().any(|name| name == **wanted)).peekable();
    wanted.peek().ok_or(io::ErrorKind::Unsupported)?;
    wanted
        .try_for_each(|controller| fs::write(group.join("cgroup.subtree_control"), format!("+{controller}")))
}

/// Moves all into a group below, and has the controllers handed down. Undone if that does not work.
fn move_out(own: &Path) -> io::Result<()> {
    let below = own.join(OURS);
    match fs::create_dir(&below) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let attempt = || {
        // Somebody may have come in meanwhile.
        members(own)?.into_iter().try_for_each(|id| {
            if is_ours(id) { move_to(&below, id) } else { Err(io::ErrorKind::ResourceBusy.into()) }
        })?;
        hand_down(own)
    };
    let mut done = attempt();
    for _ in 1..TRIES {
        done = done.or_else(|_| attempt());
    }
    if done.is_err() {
        put_back(own, &below);
    }
    done
}

/// Moves all back, also what is started meanwhile, and removes the group.
fn put_back(own: &Path, below: &Path) {
    for _ in 0..TRIES {
        let _ =
            WANTED.map(|controller| fs::write(own.join("cgroup.subtree_control"), format!("-{controller}")));
        for id in members(below).unwrap_or_default() {
            // Who has to stay is bounded as before.
            let _ = move_to(own, id);
        }
        if fs::remove_dir(below).is_ok() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plain files, which say whatever was written last.
    fn group(mounted: &Path, members: &str, kind: &str) -> PathBuf {
        let own = mounted.join("user.slice/app.scope");
        fs::create_dir_all(&own).unwrap();
        fs::write(own.join("cgroup.procs"), members).unwrap();
        fs::write(own.join("cgroup.type"), kind).unwrap();
        own
    }

    #[test]
    fn a_group_that_others_are_in_is_left_alone() {
        let mounted = tempfile::tempdir().unwrap();
        let ours = format!("{}\n", std::process::id());
        let is_root = geteuid().is_root();
        let check = |members: &str, kind: &str| {
            let own = group(mounted.path(), members, kind);
            // Root owns everything: its groups are given to it by what systemd notes alone.
            let given = !is_root || note(&own);
            given.then(|| is_ours_alone(mounted.path(), &own))
        };
        let Some(alone) = check(&ours, "domain\n") else {
            println!("skipped: nothing can be noted at files here");
            return;
        };
        assert!(alone, "the control");
        let mut child = Command::new("sleep").arg("100").spawn().unwrap();
        assert_eq!(check(&format!("{ours}{}\n", child.id()), "domain\n"), Some(true), "what it started");
        assert_eq!(check(&format!("{}\n", child.id()), "domain\n"), Some(false), "without itself");
        child.kill().unwrap();
        child.wait().unwrap();
        for other in ["1", "0", "nobody"] {
            assert_eq!(check(&format!("{ours}{other}\n"), "domain\n"), Some(false), "{other}");
        }
        assert_eq!(check("", "domain\n"), Some(false));
        assert_eq!(check(&ours, "domain threaded\n"), Some(false));
        let own = mounted.path().join("user.slice/app.scope");
        fs::remove_file(own.join("cgroup.type")).unwrap();
        assert!(!is_ours_alone(mounted.path(), &own), "the root of the machine");
    }

    fn note(own: &Path) -> bool {
        rustix::fs::setxattr(own, "user.delegate", b"1", rustix::fs::XattrFlags::empty()).is_ok()
    }

    #[test]
    fn root_takes_no_group_that_was_not_given_to_it() {
        if !geteuid().is_root() {
            println!("skipped: not root");
            return;
        }
        let mounted = tempfile::tempdir().unwrap();
        let own = group(mounted.path(), &format!("{}\n", std::process::id()), "domain\n");
        assert!(!is_ours_alone(mounted.path(), &own));
        assert!(is_ours_alone(&own, &own), "that of a container");
    }

    #[test]
    fn a_group_without_what_is_wanted_gives_no_room() {
        let is_root = geteuid().is_root();
        let mounted = tempfile::tempdir().unwrap();
        let ours = std::process::id().to_string();
        let own = group(mounted.path(), &ours, "domain\n");
        let said = |file: &str| fs::read_to_string(own.join(file)).unwrap();
        fs::write(own.join("cgroup.controllers"), "cpu io\n").unwrap();
        assert!(move_out(&own).is_err());
        // Plain files keep what was written last.
        assert_eq!(said("cgroup.procs"), ours, "moved back");
        fs::write(own.join("cgroup.controllers"), "cpu memory pids\n").unwrap();
        move_out(&own).unwrap();
        assert_eq!(
            (said("airlock.host/cgroup.procs"), said("cgroup.subtree_control")),
            (ours, "+pids".to_owned())
        );
        // Once there, it is had handed down again, where that is this user's to do.
        assert_eq!(find(mounted.path(), Path::new("/proc/1/airlock.host")).is_some(), is_root);
        fs::write(own.join("cgroup.subtree_control"), "").unwrap();
        assert_eq!(find(mounted.path(), &own.join(OURS)).as_ref(), Some(&own));
        assert_eq!(said("cgroup.subtree_control"), "+pids");
    }

    #[test]
    fn nobody_else_is_moved() {
        let mounted = tempfile::tempdir().unwrap();
        let own = group(mounted.path(), "1\n", "domain\n");
        fs::write(own.join("cgroup.controllers"), "memory\n").unwrap();
        assert!(move_out(&own).is_err());
        assert!(!own.join("airlock.host/cgroup.procs").exists(), "1 was moved");
        assert!(!own.join("airlock.host").exists() && !has_ended(1) && has_ended(i32::MAX.cast_unsigned()));
    }

    #[test]
    fn units_of_a_user_are_told_from_those_of_the_system() {
        let unit = |path: &'static str| unit_of_user(Path::new(path));
        assert_eq!(unit("/m/user.slice/user-1.slice/user@1.service/app.slice/a.scope"), Some("a.scope"));
        assert_eq!(unit("/m/system.slice/a.service"), None);
        assert_eq!(unit("/m/user.slice/user-1.slice/session-1.scope"), None);
        assert_eq!(unit("/m/user.slice/user-1.slice/user@1.service"), None);
    }
}
