//! Landlock: a second, independent rule about files, sockets and signals, in case the first has a hole; without
//! namespaces it is the first.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    path::Path,
};

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible as _, NetPort, PathBeneath,
    RestrictionStatus, Ruleset, RulesetAttr as _, RulesetCreated, RulesetCreatedAttr as _, RulesetError,
    RulesetStatus, Scope,
};
use rustix::{
    fs::{CWD, FileType, Mode, OFlags, ResolveFlags, fstat, openat2},
    process::{getppid, test_kill_process},
};

use super::sys;

/// The newest version whose rights are asked for; what a newer kernel knows besides is left as it is.
const NEWEST: ABI = ABI::V9;
/// The first version that keeps signals within.
const SIGNALS: u8 = ABI::V6 as u8;

/// The first version that knows TCP.
pub(super) const TCP: u8 = ABI::V4 as u8;

/// What a program may do with a path and all below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Right {
    /// Read and execute.
    Read,
    /// All that can be done with files and folders of the host: sockets in them are answered there.
    Write,
    /// The same in a folder of the program's own, and connecting to sockets in it.
    Own,
    /// Read and write what exists.
    Use,
}

/// The rules to come.
#[derive(Debug, Default)]
pub(super) struct Rules {
    paths: Vec<(OwnedFd, Right)>,
    /// The one TCP port that may be connected to.
    port: Option<u16>,
}

impl Rules {
    /// Allows a path, through links; what is not there needs no rule.
    pub(super) fn allow(&mut self, path: &Path, right: Right) {
        if let Ok(file) = rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()) {
            self.paths.push((file, right));
        }
    }

    /// Allows connecting to this TCP port. Versions before [`TCP`] hold nobody to it.
    pub(super) fn connect_to(&mut self, port: u16) {
        self.port = Some(port);
    }

    /// Allows a path that was named, and that must be there, not through any link.
    pub(super) fn allow_named(&mut self, path: &Path, right: Right) -> io::Result<()> {
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let resolve = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        let file = openat2(CWD, path, flags, Mode::empty(), resolve)
            .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?;
        self.paths.push((file, right));
        Ok(())
    }

    /// Puts them in force for this process and all that come of it: nothing else may be opened, no TCP port bound, and none
    /// but the one that was named connected to, no abstract socket or process outside reached. The version that is in force, with all that it has;
    /// 0 where the kernel has none.
    pub(super) fn enforce(&self) -> io::Result<u8> {
        let abi = supported();
        if abi == 0 {
            return Ok(0);
        }
        let version = ABI::from(i32::from(abi));
        let made = || {
            let ruleset = ruleset().handle_access(AccessFs::from_all(version))?;
            // Each kind came with a version of its own.
            let net = AccessNet::from_all(version);
            let ruleset = if net.is_empty() { ruleset } else { ruleset.handle_access(net)? };
            let scope = Scope::from_all(version);
            let ruleset = if scope.is_empty() { ruleset } else { ruleset.scope(scope)? };
            let mut ruleset = ruleset.create()?;
            if let Some(port) = self.port.filter(|_| abi >= TCP) {
                ruleset = ruleset.add_rule(NetPort::new(port, AccessNet::ConnectTcp))?;
            }
            self.paths
                .iter()
                .try_fold(ruleset, |ruleset, (file, right)| allow(ruleset, file, *right, version))
        };
        made().and_then(RulesetCreated::restrict_self).map_err(io::Error::other).and_then(all_of_it)?;
        Ok(abi)
    }
}

/// The proof that this process can signal nobody but itself and those that come of it.
#[derive(Debug)]
pub(super) struct OwnSignals(());

impl OwnSignals {
    /// Keeps this process's signals within, for good.
    pub(super) fn only() -> io::Result<Self> {
        if supported() < SIGNALS {
            return Err(io::Error::other("the kernel's Landlock does not keep signals within"));
        }
        let root = rustix::fs::open("/", OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
        let restricted = || {
            // Moving a file to another folder is denied by every domain that does not allow it.
            let ruleset = ruleset().handle_access(AccessFs::Refer)?.scope(Scope::Signal)?.create()?;
            ruleset.add_rule(PathBeneath::new(&root, AccessFs::Refer))?.restrict_self()
        };
        all_of_it(restricted().map_err(io::Error::other)?)?;
        // Once more, since what is killed afterwards depends on it.
        match getppid().map(test_kill_process) {
            Some(Err(rustix::io::Errno::PERM)) => Ok(Self(())),
            _ => Err(io::Error::other("signals still reach the host")),
        }
    }

    /// Kills all that came of this process, at one moment, so that no program outruns it by starting others.
    #[expect(clippy::unused_self, reason = "it is the proof that this reaches nobody else")]
    pub(super) fn kill_all(&self) {
        sys::kill_all_within_reach();
    }
}

fn ruleset() -> Ruleset {
    Ruleset::default().set_compatibility(CompatLevel::HardRequirement)
}

/// What the kernel says must be all that was asked for.
fn all_of_it(status: RestrictionStatus) -> io::Result<()> {
    match status.ruleset {
        RulesetStatus::FullyEnforced => Ok(()),
        other => Err(io::Error::other(format!("the kernel says {other:?}"))),
    }
}

fn allow(
    ruleset: RulesetCreated,
    file: &OwnedFd,
    right: Right,
    version: ABI,
) -> Result<RulesetCreated, RulesetError> {
    let devices = AccessFs::MakeChar | AccessFs::MakeBlock;
    let wanted: BitFlags<AccessFs> = match right {
        Right::Read => AccessFs::from_read(version),
        Right::Write => AccessFs::from_all(version) & !(devices | AccessFs::ResolveUnix),
        Right::Own => AccessFs::from_all(version) & !devices,
        Right::Use => AccessFs::ReadFile | AccessFs::ReadDir | AccessFs::WriteFile,
    };
    let folder = fstat(file).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory);
    let wanted = if folder { wanted } else { wanted & AccessFs::from_file(version) };
    ruleset.add_rule(PathBeneath::new(file.as_fd(), wanted))
}

/// The version that is asked for and that the kernel has.
pub(super) fn supported() -> u8 {
    sys::landlock_abi().min(NEWEST as u8)
}
