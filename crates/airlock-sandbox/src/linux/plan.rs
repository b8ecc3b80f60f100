//! What the host asks of the helper, and what comes back. Both ends are this program.

use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::scratch;
use crate::{Confinement, Enforcement, Level, Limits, Step};

/// Where the program starts if nobody says otherwise: a folder of its own.
pub(super) const WORK: &str = "/work";
/// Where its temporary files are.
const TEMPORARY: &str = "/tmp";

/// Everything that the helper has to know. It has no arguments and no environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Plan {
    pub(super) command: Vec<OsString>,
    pub(super) environment: Vec<(OsString, OsString)>,
    pub(super) folder: PathBuf,
    pub(super) read_only: Vec<PathBuf>,
    pub(super) writable: Vec<PathBuf>,
    pub(super) links: Vec<(PathBuf, PathBuf)>,
    /// Where to make the program's own folder: without namespaces it has no file systems of its own.
    pub(super) scratch: Option<PathBuf>,
    /// What runs it on a kernel of its own, if anything does.
    pub(super) runsc: Option<Runsc>,
    pub(super) min_level: Level,
    /// Whether there is a proxy for it.
    pub(super) network: bool,
    /// The files by which the helper joins its control group, and what that bounds.
    pub(super) entrances: Vec<PathBuf>,
    pub(super) controllers: Vec<String>,
    /// The process that the helper outlives by no more than it takes to notice.
    pub(super) host: u32,
    pub(super) wall: Option<Duration>,
    pub(super) clock: Clock,
    pub(super) cpu: Option<Duration>,
    pub(super) memory: u64,
    pub(super) processes: u32,
    pub(super) tmpfs: u64,
    pub(super) files: u64,
    pub(super) open_files: u32,
}

/// gVisor, as it is found on this machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Runsc {
    pub(super) program: PathBuf,
    /// How it catches system calls, by its own name for that.
    pub(super) platform: String,
    /// Flags by which it does not do what it must not.
    pub(super) without: Vec<String>,
}

/// From when on the time of a program is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Clock {
    /// From its start.
    FromStart,
    /// From when it is given what it waits for.
    FromHandOver,
}

impl Plan {
    pub(super) fn new(
        confinement: &Confinement,
        min_level: Level,
        command: &[OsString],
        scratch: Option<PathBuf>,
    ) -> Self {
        let [work, temporary] = match &scratch {
            Some(scratch) => [scratch::WORK, scratch::TEMPORARY].map(|name| scratch.join(name)),
            None => [WORK, TEMPORARY].map(PathBuf::from),
        };
        let Limits { wall, cpu, memory, processes, tmpfs, files, open_files, output: _ } = confinement.limits;
        Self {
            command: command.to_vec(),
            environment: environment(&confinement.environment, &work, &temporary),
            folder: confinement.folder.clone().unwrap_or(work),
            read_only: confinement.read_only.clone(),
            writable: confinement.writable.clone(),
            links: confinement.links.clone(),
            scratch,
            runsc: None,
            min_level,
            network: !confinement.network.hosts().is_empty(),
            entrances: Vec::new(),
            controllers: Vec::new(),
            host: std::process::id(),
            wall,
            clock: Clock::FromStart,
            cpu,
            memory,
            processes,
            tmpfs,
            files,
            open_files,
        }
    }
}

impl Plan {
    /// As much of it as the program may know: what it is itself.
    pub(super) fn for_inside(&self) -> Self {
        Self {
            read_only: Vec::new(),
            writable: Vec::new(),
            links: Vec::new(),
            runsc: None,
            entrances: Vec::new(),
            controllers: Vec::new(),
            host: 0,
            ..self.clone()
        }
    }
}

/// What was asked for, over what every program needs.
fn environment(asked: &[(OsString, OsString)], work: &Path, temporary: &Path) -> Vec<(OsString, OsString)> {
    let defaults: [(&str, &OsStr); 4] = [
        ("PATH", "/usr/local/bin:/usr/bin:/bin".as_ref()),
        ("HOME", work.as_ref()),
        ("TMPDIR", temporary.as_ref()),
        ("LANG", "C.UTF-8".as_ref()),
    ];
    let missing = |name: &str| asked.iter().all(|(asked, _)| asked != name);
    let defaults = defaults.into_iter().filter(|(name, _)| missing(name));
    defaults.map(|(name, value)| (name.into(), value.into())).chain(asked.iter().cloned()).collect()
}

/// Has programs find the proxy at `port`, unless somebody named another one.
pub(super) fn point_at_proxy(environment: &mut Vec<(OsString, OsString)>, port: u16) {
    let proxy = format!("http://127.0.0.1:{port}");
    let names = ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"].map(|name| (name, proxy.as_str()));
    // Node.js looks at them only where it is told to.
    for (name, value) in names.into_iter().chain([("NODE_USE_ENV_PROXY", "1")]) {
        if environment.iter().all(|(named, _)| named != name) {
            environment.push((name.into(), value.into()));
        }
    }
}

/// What the helper and the first process report, one JSON object per line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Report {
    /// The box has a network; with this comes the socket by which the proxy is reached from within.
    Listening,
    /// The program is about to be started, and this holds it. With this of a box comes its first process.
    Ready(Enforcement),
    /// It was not started: less than required would have held it.
    TooWeak { given: Level, missing: String },
    /// It was not started.
    Failed { step: Step, errno: i32, detail: String },
    /// It ended by itself.
    Exited(i32),
    /// It was ended by a signal.
    Signalled(i32),
    /// What ran it failed, so that nobody knows what became of it.
    Broken(String),
}

#[cfg(test)]
mod tests {
    use super::{TEMPORARY, WORK, environment, point_at_proxy};

    #[test]
    fn what_is_asked_for_replaces_the_defaults() {
        let asked = [("HOME".into(), "/data".into()), ("TOKEN".into(), "x".into())];
        let given = environment(&asked, WORK.as_ref(), TEMPORARY.as_ref());
        let of = |name: &str| -> Vec<_> { given.iter().filter(|(n, _)| n == name).map(|(_, v)| v).collect() };
        assert_eq!(of("HOME"), ["/data"]);
        assert_eq!(of("TOKEN"), ["x"]);
        assert_eq!(of("TMPDIR"), ["/tmp"]);
        assert_eq!(of("USER"), Vec::<&str>::new());
    }

    #[test]
    fn a_proxy_that_was_named_is_left_alone() {
        let mut environment = vec![("HTTPS_PROXY".into(), "http://mine".into())];
        point_at_proxy(&mut environment, 81);
        let of = |name: &str| -> Vec<_> {
            environment.iter().filter(|(named, _)| named == name).map(|(_, value)| value).collect()
        };
        assert_eq!(of("HTTPS_PROXY"), ["http://mine"]);
        for name in ["HTTP_PROXY", "http_proxy", "https_proxy"] {
            assert_eq!(of(name), ["http://127.0.0.1:81"], "{name}");
        }
        assert_eq!(of("NODE_USE_ENV_PROXY"), ["1"]);
    }
}
