//! Secrets of the host that lie in memory, environments, descriptors and shared places.

use std::{
    ffi::CString,
    fs, io,
    path::{Path, PathBuf},
};

use libc::{O_RDONLY, O_RDWR};

use super::{
    Attempt,
    Control::{self, Outside, OutsideAsRoot, OutsidePrivileged},
    Ground, Theme, Verdict,
    ground::{SECRET_VARIABLE, c_path},
    sys::{self, call, open},
};

const fn secrets(
    name: &'static str,
    what: &'static str,
    control: Control,
    run: fn(&Ground) -> Verdict,
) -> Attempt {
    super::attempt(Theme::Secrets, name, what, control, run)
}

pub(super) const ATTEMPTS: &[Attempt] = &[
    secrets("own-environment", "looks for a secret of the host in its own environment", Outside, |_| {
        if std::env::var_os(SECRET_VARIABLE).is_some() {
            Verdict::Open("the variable is set".into())
        } else {
            Verdict::Held("the variable is not set".into())
        }
    }),
    secrets(
        "own-environ-file",
        "looks for a secret of the host in `/proc/self/environ`",
        Outside,
        |ground| ground.tell(environment("self"), "has the variable"),
    ),
    secrets(
        "parent-environment",
        "looks for a secret of the host in the environment of the process above",
        Outside,
        |ground| ground.tell(environment(&sys::parent_pid().to_string()), "has the variable"),
    ),
    secrets("init-environment", "reads the environment of the first process", OutsidePrivileged, |ground| {
        match fs::read("/proc/1/environ") {
            // The first process of a machine may have none.
            Ok(environment) if environment.is_empty() && ground.outside() => Verdict::NotHere("empty".into()),
            Ok(environment) if environment.is_empty() => Verdict::Held("empty".into()),
            result => ground.tell(result, "read"),
        }
    }),
    secrets("victim-environment", "reads the environment of a process of the host", Outside, |ground| {
        ground.tell(environment(&ground.victim.to_string()), "has the variable")
    }),
    secrets("any-environment", "looks for a secret of the host in all environments", Outside, |ground| {
        let found = processes().and_then(|processes| {
            let mut found = processes.iter().filter(|process| environment(process).is_ok());
            found.next().ok_or_else(|| io::Error::from_raw_os_error(libc::ENOENT)).cloned()
        });
        ground.tell(found, "one has the variable")
    }),
    secrets("victim-arguments", "reads the arguments of a process of the host", Outside, |ground| {
        ground.tell(fs::read(of_victim(ground, "cmdline")), "read")
    }),
    secrets("victim-memory-map", "reads where the memory of a process of the host lies", Outside, |ground| {
        ground.tell(fs::read(of_victim(ground, "maps")), "read")
    }),
    secrets("victim-memory", "opens the memory of a process of the host", OutsideAsRoot, |ground| {
        ground.tell(open(&c_path(of_victim(ground, "mem")), O_RDWR), "opened")
    }),
    secrets("victim-program", "finds the program of a process of the host", Outside, |ground| {
        ground.tell(fs::read_link(of_victim(ground, "exe")), "found")
    }),
    secrets(
        "victim-system-call",
        "reads which system call a process of the host is in",
        OutsideAsRoot,
        |ground| ground.tell_if_any(fs::read(of_victim(ground, "syscall")), "read"),
    ),
    secrets("host-memory", "opens the memory of the process that started it all", OutsideAsRoot, |ground| {
        ground.tell_host(open(&c_path(format!("/proc/{}/mem", ground.host)), O_RDONLY), "opened")
    }),
    secrets("init-memory", "opens the memory of the first process", OutsidePrivileged, |ground| {
        ground.tell(open(c"/proc/1/mem", O_RDONLY), "opened")
    }),
    secrets("init-descriptors", "lists the open files of the first process", OutsidePrivileged, |ground| {
        ground.tell(fs::read_dir("/proc/1/fd"), "listed")
    }),
    secrets("see-processes", "sees that a process of the host is there", Outside, |ground| {
        ground.tell(fs::metadata(format!("/proc/{}", ground.victim)), "there")
    }),
    secrets("count-processes", "lists the processes of the host", Outside, |ground| {
        let seen = processes().and_then(|processes| {
            let host = ground.host.to_string();
            processes
                .into_iter()
                .find(|process| *process == host)
                .ok_or_else(|| io::ErrorKind::NotFound.into())
        });
        ground.tell_host(seen, "the process that started it all is among them")
    }),
    secrets("inherited-descriptors", "looks for open files that it was not given", Outside, inherited),
    secrets("list-temporary", "lists the temporary files of others", Outside, |ground| {
        let folder = ground.home.parent().and_then(Path::parent).unwrap_or(Path::new("/tmp"));
        let seen = fs::read_dir(folder).and_then(|entries| {
            let seen =
                entries.flatten().any(|entry| entry.file_name().to_string_lossy().contains(&ground.token));
            // The folders on the way to a visible one are there, and have nothing else in them.
            let shown = ground.home.exists();
            if seen && shown { Ok(()) } else { Err(io::ErrorKind::NotFound.into()) }
        });
        ground.tell(seen, "there are some")
    }),
    secrets("read-shared-memory-file", "reads a file of the host in `/dev/shm`", Outside, |ground| {
        match &ground.shared_memory_file {
            None => Verdict::NotHere("no /dev/shm".into()),
            Some(path) => ground.tell(fs::read(path), "read"),
        }
    }),
    secrets("attach-shared-memory", "finds a System V memory segment of the host", Outside, |ground| {
        match ground.shared_memory_key {
            None => Verdict::NotHere("no System V memory".into()),
            Some(key) => ground.tell(call!(SYS_shmget, key, 4_096, 0), "found"),
        }
    }),
    secrets("open-message-queue", "opens a message queue of the host", Outside, |ground| {
        match &ground.message_queue {
            None => Verdict::NotHere("no message queues".into()),
            Some(name) => {
                let name = CString::new(name.as_str()).unwrap_or_default();
                ground.tell(call!(SYS_mq_open, name.as_c_str(), O_RDONLY, 0, 0), "opened")
            }
        }
    }),
    secrets("kernel-log", "reads the log of the kernel by its system call", OutsideAsRoot, |ground| {
        // 3 reads what is there and leaves it there.
        let mut log = [0_u8; 256];
        ground.tell_if_any(call!(SYS_syslog, 3, log.as_mut_ptr(), log.len()), "read")
    }),
    secrets("join-session-keys", "makes itself a keyring", Outside, |ground| {
        // 1 joins a new session that has no name.
        ground.tell_if_any(call!(SYS_keyctl, 1, 0), "made")
    }),
    secrets("find-user-keys", "looks for the keyring of the user", Outside, |ground| {
        // 0 finds a keyring, -4 is that of the user.
        let passed = [libc::ENOKEY, libc::EACCES];
        let found = call!(SYS_keyctl, 0, -4, 1);
        if ground.outside() { ground.tell_passed(found, &passed) } else { ground.tell(found, "found") }
    }),
    secrets("add-key", "adds a key to the keyring of its process", Outside, |ground| {
        let added = call!(SYS_add_key, c"user", c"airlock-attempt", c"x".as_ptr(), 1, -2);
        ground.tell_if_any(added, "added")
    }),
    secrets("request-key", "asks the kernel for a key, which may run a program as root", Outside, |ground| {
        // Without the text for that program none is run.
        let asked = call!(SYS_request_key, c"user", c"airlock-none", 0, -2);
        ground.tell_passed(asked, &[libc::ENOKEY])
    }),
    secrets(
        "core-dump",
        "allows itself a core dump, which the host would keep",
        OutsidePrivileged,
        |ground| {
            let limit = libc::rlimit { rlim_cur: 1 << 20, rlim_max: 1 << 20 };
            let set = call!(SYS_prlimit64, 0, libc::RLIMIT_CORE as i32, &raw const limit, 0);
            ground.tell(set, "allowed")
        },
    ),
];

fn of_victim(ground: &Ground, file: &str) -> PathBuf {
    PathBuf::from(format!("/proc/{}/{file}", ground.victim))
}

/// Whether the process has the secret of the host in its environment.
fn environment(process: &str) -> io::Result<()> {
    let environment = fs::read(format!("/proc/{process}/environ"))?;
    let secret = format!("{SECRET_VARIABLE}=");
    let mut variables = environment.split(|byte| *byte == 0);
    if variables.any(|variable| variable.starts_with(secret.as_bytes())) {
        Ok(())
    } else {
        Err(io::ErrorKind::NotFound.into())
    }
}

fn processes() -> io::Result<Vec<String>> {
    let entries = fs::read_dir("/proc")?;
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    Ok(names.filter(|name| name.bytes().all(|byte| byte.is_ascii_digit())).collect())
}

/// Descriptors that were there when this program started: those that this program opened close on exec.
fn inherited(_: &Ground) -> Verdict {
    let inherited = (3..1_024).find(|fd| {
        call!(SYS_fcntl, *fd, libc::F_GETFD).is_ok_and(|flags| flags & libc::FD_CLOEXEC as usize == 0)
    });
    match inherited {
        Some(fd) => {
            let name = fs::read_link(format!("/proc/self/fd/{fd}")).unwrap_or_default();
            Verdict::Open(format!("{fd} is {}", name.display()))
        }
        None => Verdict::Held("none".into()),
    }
}
