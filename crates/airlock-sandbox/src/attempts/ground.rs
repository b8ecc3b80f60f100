//! What an attempt is told about the host, and how it reads what the kernel answers.

use std::{
    ffi::CString,
    fs,
    io::{self, Write as _},
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

/// A variable that whoever starts a sandbox is to have in its environment, and that must not be seen inside.
pub const SECRET_VARIABLE: &str = "AIRLOCK_ATTEMPTS_SECRET";

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
    /// A folder that is the attempt's own to fill: `/tmp` inside, unless the sandbox gives another one.
    pub own: PathBuf,
    /// The number of a process of the host: a `sleep` that has [`SECRET_VARIABLE`] in its environment, the
    /// home as its folder and a secret file as its input.
    pub victim: i32,
    /// The number of the process that prepared all this.
    pub host: i32,
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

/// Up to this number, a process of the host could be meant or one of the first in a sandbox.
pub(super) const LOW: i32 = 16;

/// What a kernel says that lacks something, or of a path that is not there or that nobody can write.
const LACKING: &[i32] = &[
    libc::ENOSYS,
    libc::ENOENT,
    libc::ENODEV,
    libc::ENXIO,
    libc::EROFS,
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

    /// The name of a process that must not outlive the sandbox, as long as such names can be.
    pub(super) fn straggler(&self) -> String {
        self.token.chars().take(15).collect()
    }

    pub(super) fn outside(&self) -> bool {
        self.place == Place::Outside
    }

    /// Whether what may be done can be done: otherwise attempts are held by a sandbox that lets nothing run at all,
    /// and show nothing.
    pub(super) fn check(&self) -> io::Result<()> {
        let explain = |what: &str, path: &Path, error: &io::Error| {
            io::Error::new(error.kind(), format!("cannot {what} `{}`: {error}", path.display()))
        };
        let visible = self.visible_file();
        fs::read(&visible).map_err(|error| explain("read", &visible, &error))?;
        for folder in [&self.writable, &self.own] {
            let file = folder.join("check");
            fs::File::create_new(&file)
                .and_then(|mut file| file.write_all(b"x"))
                .and_then(|()| fs::remove_file(&file))
                .map_err(|error| explain("write in", folder, &error))?;
        }
        Ok(())
    }

    /// Whether something could be done to the process that started it all. Its number, if it is as low as that of the
    /// first processes in a container, is that of another one in a sandbox.
    pub(super) fn tell_host<T>(&self, result: io::Result<T>, open: &str) -> Verdict {
        if !self.outside() && self.host <= LOW {
            return Verdict::NotHere("its number is one of a sandbox".into());
        }
        self.tell(result, open)
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

    /// Whether this process, in a sandbox, happens to have the number of one that it is after.
    pub(super) fn is_mistaken(&self) -> bool {
        !self.outside() && [self.victim, self.host].contains(&sys::own_pid())
    }
}

/// A path as the kernel takes it. Paths with a zero byte do not exist.
pub(super) fn c_path(path: impl AsRef<Path>) -> CString {
    CString::new(path.as_ref().as_os_str().as_bytes()).unwrap_or_default()
}
