//! What an attempt is told about the host, and how it reads what the kernel answers.

use std::{
    ffi::CString,
    io,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{Verdict, sys};
use crate::Limits;

/// Where an attempt runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// On the host, as a control.
    Outside,
    /// In a sandbox.
    Inside,
}

/// What the host prepared for the attempts.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ground {
    /// Where the attempts run.
    pub place: Place,
    /// A word that no other run has; it is in every name and every secret that was made for this one.
    pub token: String,
    /// A folder that must not be visible: a home with keys, configuration and records.
    pub home: PathBuf,
    /// A folder that is visible and must not change.
    pub visible: PathBuf,
    /// A folder that is visible and may change.
    pub writable: PathBuf,
    /// The number of a process of the host: a `sleep` that has [`Ground::secret_variable`] in its environment, the
    /// home as its folder and a secret file as its input.
    pub victim: i32,
    /// The number of the process that prepared all this.
    pub host: i32,
    /// A variable in the environment of whoever starts the sandbox.
    pub secret_variable: String,
    /// A file of the host in `/dev/shm`.
    pub shared_memory_file: Option<PathBuf>,
    /// The key of a System V shared memory segment of the host.
    pub shared_memory_key: Option<i32>,
    /// The name of a POSIX message queue of the host.
    pub message_queue: Option<String>,
    /// The secret file as a handle: what `name_to_handle_at` gave, its type and its bytes.
    pub file_handle: Option<(i32, Vec<u8>)>,
    /// A TCP port on 127.0.0.1 that listens.
    pub tcp: u16,
    /// A TCP port on `::1` that listens.
    pub tcp6: Option<u16>,
    /// A UDP port on 127.0.0.1 that listens.
    pub udp: u16,
    /// An abstract Unix socket that listens, without the leading zero byte.
    pub abstract_socket: String,
    /// A Unix socket that listens, in the home.
    pub path_socket: PathBuf,
    /// A terminal of the host.
    pub terminal: Option<PathBuf>,
    /// How much the sandbox grants.
    pub limits: Granted,
}

/// How much the sandbox grants; attempts try a little more.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Granted {
    /// Bytes of memory.
    pub memory: u64,
    /// Processes and threads.
    pub processes: u32,
    /// Bytes in a folder of its own.
    pub tmpfs: u64,
    /// Files in a folder of its own.
    pub files: u64,
    /// Open files.
    pub open_files: u32,
}

impl From<Limits> for Granted {
    fn from(limits: Limits) -> Self {
        let Limits { memory, processes, tmpfs, files, open_files, .. } = limits;
        Self { memory, processes, tmpfs, files, open_files }
    }
}

/// What a kernel says that lacks something, or of a path that is not there.
const LACKING: &[i32] = &[
    libc::ENOSYS,
    libc::ENOENT,
    libc::ENODEV,
    libc::ENXIO,
    libc::EOPNOTSUPP,
    libc::EAFNOSUPPORT,
    libc::EPROTONOSUPPORT,
    libc::ESOCKTNOSUPPORT,
    libc::ENOPROTOOPT,
    libc::ENOPKG,
];

impl Ground {
    /// The secret file: a private key in the home.
    pub fn secret_file(&self) -> PathBuf {
        self.home.join(".ssh/id_ed25519")
    }

    /// The file that is visible and must not change.
    pub fn visible_file(&self) -> PathBuf {
        self.visible.join("notes.txt")
    }

    pub(super) fn outside(&self) -> bool {
        self.place == Place::Outside
    }

    /// A folder that an attempt may fill: `/tmp` of the sandbox, a prepared one outside.
    pub(super) fn own_folder(&self) -> &Path {
        if self.outside() { &self.writable } else { Path::new("/tmp") }
    }

    /// Whether something that was prepared, or that every Linux has, could be had.
    #[expect(clippy::unused_self, reason = "one of three that differ in what a machine may lack")]
    pub(super) fn tell<T>(&self, result: io::Result<T>, open: &str) -> Verdict {
        match result {
            Ok(_) => Verdict::Open(open.into()),
            Err(error) => Verdict::Held(sys::name(&error)),
        }
    }

    /// Whether something that a machine may lack could be had.
    pub(super) fn tell_if_any<T>(&self, result: io::Result<T>, open: &str) -> Verdict {
        match result {
            Err(error)
                if self.outside() && error.raw_os_error().is_some_and(|code| LACKING.contains(&code)) =>
            {
                Verdict::NotHere(sys::name(&error))
            }
            result => self.tell(result, open),
        }
    }

    /// Like [`Ground::tell_if_any`] for calls with senseless arguments: one of `passed` is what the kernel says of
    /// them when it would have done what was asked.
    pub(super) fn tell_passed<T>(&self, result: io::Result<T>, passed: &[i32]) -> Verdict {
        match result {
            Err(error) if error.raw_os_error().is_some_and(|code| passed.contains(&code)) => {
                Verdict::Open(format!("allowed, then {}", sys::name(&error)))
            }
            result => self.tell_if_any(result, "allowed"),
        }
    }

    /// Whether a process of the host has a number that means something else in here.
    pub(super) fn is_own(pid: i32) -> bool {
        pid == sys::own_pid() || pid == sys::parent_pid()
    }
}

/// A path as the kernel takes it. Paths with a zero byte do not exist.
pub(super) fn c_path(path: impl AsRef<Path>) -> CString {
    CString::new(path.as_ref().as_os_str().as_bytes()).unwrap_or_default()
}
