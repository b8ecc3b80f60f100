//! Room for groups in version 2, which hands controllers down only from a group in which no process is.
//!
//! Where nobody but this process and what it started is in a group that was given to it, such as a service or a scope of
//! systemd with `Delegate=`, all of them move into one below, and others can be made beside that.

use std::{
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use rustix::{fs::getxattr, process::geteuid};

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
        return own.parent().map(Path::to_owned);
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
    let given = own == mounted
        || DELEGATED.iter().any(|name| {
            let mut said = [0; 8];
            getxattr(own, *name, &mut said[..]).is_ok_and(|read| said.get(..read) == Some(b"1"))
        })
        // Only what was given away belongs to a user.
        || !geteuid().is_root() && fs::metadata(own).is_ok_and(|own| own.uid() == geteuid().as_raw());
    alone && is_domain && given
}

/// The processes in a group; one of another namespace of numbers is 0.
fn members(group: &Path) -> io::Result<Vec<u32>> {
    let all = fs::read_to_string(group.join("cgroup.procs"))?;
    all.lines().map(|id| id.trim().parse().map_err(io::Error::other)).collect()
}

/// Whether a process is this one, or was started by it or by such a one. Who has ended since is nobody else's.
fn is_ours(mut id: u32) -> bool {
    while id > 1 && id != std::process::id() {
        let Ok(status) = fs::read_to_string(format!("/proc/{id}/stat")) else { return true };
        // `id (name) state parent …`; the name may hold anything.
        let parent = status.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(1));
        id = parent.and_then(|parent| parent.parse().ok()).unwrap_or(0);
    }
    id == std::process::id()
}

/// Moves all processes from a group to another one, but for those that end meanwhile.
fn move_all(from: &Path, to: &Path) -> io::Result<()> {
    let entrance = to.join("cgroup.procs");
    members(from)?.into_iter().try_for_each(|id| match fs::write(&entrance, id.to_string()) {
        Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Ok(()),
        moved => moved,
    })
}

/// Moves all into a group below, and has the controllers handed down. Undone if that does not work.
fn move_out(own: &Path) -> io::Result<()> {
    let below = own.join(OURS);
    match fs::create_dir(&below) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let hand_down = || {
        move_all(own, &below)?;
        // One after the other, since a machine may have only one of them.
        let all =
            WANTED.map(|controller| fs::write(own.join("cgroup.subtree_control"), format!("+{controller}")));
        all.into_iter().fold(Err(io::ErrorKind::Unsupported.into()), io::Result::or)
    };
    let mut handed_down = hand_down();
    for _ in 1..TRIES {
        handed_down = handed_down.or_else(|_| hand_down());
    }
    if handed_down.is_err() {
        // It can only fail because nothing was moved.
        let _ = move_all(&below, own);
        let _ = fs::remove_dir(&below);
    }
    handed_down
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
        let mut child = std::process::Command::new("sleep").arg("100").spawn().unwrap();
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
    fn what_does_not_work_is_undone() {
        let mounted = tempfile::tempdir().unwrap();
        let ours = std::process::id().to_string();
        let own = group(mounted.path(), &ours, "domain\n");
        // Plain files keep what was written: a folder in the way takes no text.
        fs::create_dir(own.join("cgroup.subtree_control")).unwrap();
        assert!(move_out(&own).is_err());
        assert_eq!(fs::read_to_string(own.join("cgroup.procs")).unwrap(), ours);
        fs::remove_dir(own.join("cgroup.subtree_control")).unwrap();
        move_out(&own).unwrap();
        assert_eq!(fs::read_to_string(own.join(OURS).join("cgroup.procs")).unwrap(), ours);
        assert_eq!(find(mounted.path(), &own.join(OURS)), Some(own));
    }
}
