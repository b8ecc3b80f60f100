//! What is asked for: what the program may see, and how much it may use.

use std::{ffi::OsString, path::PathBuf, time::Duration};

use crate::proxy::Network;

/// What the program may see. By default nothing but the system's programs and libraries, read-only: no home, no
/// network, no environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Confinement {
    /// Files and folders that exist inside, under their own names, and cannot be changed.
    pub read_only: Vec<PathBuf>,
    /// Files and folders that exist inside, under their own names, and can be changed.
    pub writable: Vec<PathBuf>,
    /// Symbolic links that exist inside, by name and by what they lead to; one that lies in something that is shown is left
    /// out. Inside they give nothing that is not shown.
    pub links: Vec<(PathBuf, PathBuf)>,
    /// The whole environment of the program, but for `PATH`, `HOME`, `TMPDIR` and `LANG`, which have defaults.
    pub environment: Vec<(OsString, OsString)>,
    /// Where the program starts; `/work`, an empty folder of its own, by default.
    pub folder: Option<PathBuf>,
    /// What it may reach, through a proxy of ours; nothing by default.
    pub network: Network,
    /// How much it may use.
    pub limits: Limits,
}

/// How much a program may use. Reaching a limit ends the program or fails its request, never the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Time from start to end; `None` for servers, which end when their session does.
    pub wall: Option<Duration>,
    /// Processor time of each process, in whole seconds; `None` for servers.
    pub cpu: Option<Duration>,
    /// Bytes of memory: of all processes where a control group can be had, of each one's address space where it
    /// says so.
    pub memory: u64,
    /// Processes and threads at once.
    pub processes: u32,
    /// Bytes that each of `/tmp` and `/work` holds.
    pub tmpfs: u64,
    /// Files and folders that each of `/tmp` and `/work` holds.
    pub files: u64,
    /// Open files of each process.
    pub open_files: u32,
    /// Bytes that are read of each output stream.
    pub output: usize,
}

impl Default for Limits {
    /// 60 s, 60 s of processor time, 512 MiB, 64 processes, 64 MiB and 4,096 files in each folder of its own,
    /// 256 open files, 1 MiB of output.
    fn default() -> Self {
        Self {
            wall: Some(Duration::from_secs(60)),
            cpu: Some(Duration::from_secs(60)),
            memory: 512 << 20,
            processes: 64,
            tmpfs: 64 << 20,
            files: 4_096,
            open_files: 256,
            output: 1 << 20,
        }
    }
}
