//! The process of a virtual machine: this program becomes it, after it has given up what that does not need.

use std::{
    ffi::{OsStr, OsString},
    io,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use rustix::process::{Resource, Rlimit, Signal, getppid, set_parent_process_death_signal, setrlimit};

use super::super::{
    landlock::{Right, Rules},
    privileges, sys,
};

/// The argument that only this crate gives.
pub(in crate::linux) const MONITOR: &str = "__monitor";
/// What separates what may be opened from what is started.
const END: &str = "--";
/// It was not started by this crate, or not by one that still lives.
const MISUSED: u8 = 64;
/// It could not become the other program.
const NOT_STARTED: u8 = 125;

/// What a virtual machine's process may open, besides what every program needs to start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Grants(pub(super) Vec<(Grant, PathBuf)>);

/// How it may be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grant {
    /// To be read, and started.
    Read,
    /// To be read and written.
    Use,
    /// In every way: its own folder, or a device that takes requests.
    All,
}

impl Grant {
    const ALL: [(Self, &str); 3] = [(Self::Read, "read"), (Self::Use, "use"), (Self::All, "all")];

    fn word(self) -> &'static str {
        Self::ALL.iter().find(|(grant, _)| *grant == self).map_or("", |(_, word)| word)
    }

    fn of(word: &OsStr) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| word == *known).map(|(grant, _)| *grant)
    }

    const fn right(self) -> Right {
        match self {
            Self::Read => Right::Read,
            Self::Use => Right::Use,
            Self::All => Right::Write,
        }
    }
}

/// What programs need to start and to ask about the processor.
const COMMON: [(Grant, &str); 14] = [
    (Grant::Read, "/usr"),
    (Grant::Read, "/lib"),
    (Grant::Read, "/lib32"),
    (Grant::Read, "/lib64"),
    (Grant::Read, "/bin"),
    (Grant::Read, "/etc/ld.so.cache"),
    (Grant::Read, "/proc/self"),
    (Grant::Read, "/proc/cpuinfo"),
    (Grant::Read, "/proc/meminfo"),
    (Grant::Read, "/sys/devices/system/cpu"),
    (Grant::Use, "/dev/null"),
    (Grant::Read, "/dev/urandom"),
    (Grant::Read, "/dev/random"),
    (Grant::All, "/dev/kvm"),
];

/// The arguments that have this program become `program`.
pub(super) fn arguments(grants: &Grants, program: &Path, arguments: &[OsString]) -> Vec<OsString> {
    let mut words: Vec<OsString> = vec![MONITOR.into(), std::process::id().to_string().into()];
    for (grant, path) in &grants.0 {
        words.extend([grant.word().into(), path.into()]);
    }
    words.extend([END.into(), program.into()]);
    words.extend_from_slice(arguments);
    words
}

/// Becomes it. Returns the code to exit with if that fails; why is said on standard error, which the host reads.
pub(in crate::linux) fn become_monitor(arguments: impl Iterator<Item = OsString>) -> u8 {
    let Some((host, grants, program)) = parse(arguments) else { return MISUSED };
    // The program's standard streams are pipes of the host.
    let failed = match restrain(host, &grants) {
        Err(error) => format!("cannot restrain it: {error}"),
        Ok(()) => match program.split_first() {
            None => return MISUSED,
            Some((program, arguments)) => {
                let error = Command::new(program).args(arguments).env_clear().exec();
                format!("`{}` does not start: {error}", program.display())
            }
        },
    };
    drop(io::Write::write_all(&mut io::stderr(), failed.as_bytes()));
    NOT_STARTED
}

fn parse(mut arguments: impl Iterator<Item = OsString>) -> Option<(i32, Grants, Vec<OsString>)> {
    let host = arguments.next()?.to_str()?.parse().ok()?;
    let mut grants = Vec::new();
    loop {
        let word = arguments.next()?;
        if word == END {
            return Some((host, Grants(grants), arguments.collect()));
        }
        grants.push((Grant::of(&word)?, arguments.next()?.into()));
    }
}

fn restrain(host: i32, grants: &Grants) -> io::Result<()> {
    // However the host ends, the machine does. One that ended before this was asked for is seen by the number.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    if getppid().map(|parent| parent.as_raw_nonzero().get()) != Some(host) {
        return Err(io::Error::other("the host is gone"));
    }
    sys::close_from(sys::CONTROL)?;
    sys::reset_signals();
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    // A core of it would have the guest's memory, and what it was given. To a program of the host the kernel gives one for
    // 0, too; see the limits of a box.
    setrlimit(Resource::Core, Rlimit { current: Some(1), maximum: Some(1) })?;
    // Root needs none of its rights to own its files and `/dev/kvm`, and with them would read other processes past
    // Landlock. Only who has the right to empties the set of those that can come back, which no new privileges rule out.
    drop(sys::drop_bounding_set());
    privileges::drop_held_capabilities()?;
    privileges::no_new_privileges()?;
    let mut rules = Rules::default();
    for (grant, path) in COMMON {
        rules.allow(path.as_ref(), grant.right());
    }
    for (grant, path) in &grants.0 {
        rules.allow(path, grant.right());
    }
    // Where the kernel has no Landlock, the program's own restraints remain, and the rights of a user who is not root.
    if rules.enforce()? == 0 && rustix::process::geteuid().is_root() {
        return Err(io::Error::other(
            "the kernel has no Landlock, without which it would be root: start it as another user",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{ffi::OsString, path::Path};

    use super::{Grant, Grants, MONITOR, arguments, parse};

    #[test]
    fn what_is_said_is_understood() {
        let grants =
            Grants(vec![(Grant::Read, "/a b".into()), (Grant::Use, "--".into()), (Grant::All, "/c".into())]);
        let program = ["--api-sock".into(), "s".into()];
        let words = arguments(&grants, Path::new("/fc"), &program);
        assert_eq!(words.first().unwrap(), MONITOR);
        let (host, understood, command) = parse(words.into_iter().skip(1)).unwrap();
        assert_eq!(host.unsigned_abs(), std::process::id());
        assert_eq!(understood, grants);
        assert_eq!(command, ["/fc", "--api-sock", "s"]);
    }

    #[test]
    fn anything_else_is_refused() {
        for words in
            [&[][..], &["x"], &["1"], &["1", "read"], &["1", "read", "/a"], &["1", "most", "/a", "--"]]
        {
            assert!(parse(words.iter().map(OsString::from)).is_none(), "{words:?}");
        }
    }
}
