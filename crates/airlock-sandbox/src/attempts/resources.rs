//! More of the machine than was granted. Each attempt asks for a little more than that, and gives it back.

use std::{
    fs::{self, File},
    io::{self, Read as _, Write as _},
    sync::mpsc,
    thread,
    time::Duration,
};

use super::{
    Attempt,
    Control::{self, Outside, OutsideAsRoot, OutsidePrivileged},
    Ground, Theme, Verdict,
    sys::{self, call},
};

const fn resources(
    name: &'static str,
    what: &'static str,
    control: Control,
    run: fn(&Ground) -> Verdict,
) -> Attempt {
    super::attempt(Theme::Resources, name, what, control, run)
}

/// No attempt takes more than this, whatever is granted, so that the controls do no harm.
const MOST_PROCESSES: u32 = 300;
const MOST_MEMORY: u64 = 1 << 30;
const MOST_DISK: u64 = 256 << 20;
const MOST_FILES: u64 = 10_000;
const MOST_OPEN: u32 = 2_000;

pub(super) const ATTEMPTS: &[Attempt] = &[
    resources("processes", "starts more processes than were granted", Outside, many_processes),
    resources("threads", "starts more threads than were granted", Outside, many_threads),
    resources("memory", "uses more memory than was granted", Outside, |ground| {
        much_memory(ground, |bytes| {
            let bytes = usize::try_from(bytes).map_err(io::Error::other)?;
            sys::map(bytes).map(|address| sys::touch(address, bytes))
        })
    }),
    resources("memory-file", "uses more memory than was granted, as a file in it", Outside, |ground| {
        much_memory(ground, |bytes| {
            let fd = call!(SYS_memfd_create, c"airlock", libc::MFD_CLOEXEC)?;
            // `fallocate` gives it all its pages at once.
            call!(SYS_fallocate, fd, 0, 0, bytes).map(drop)
        })
    }),
    resources(
        "memory-processes",
        "uses more memory than was granted, in several processes",
        Outside,
        |ground| much_memory(ground, memory_in_processes),
    ),
    resources("fill-file", "writes a larger file than was granted", Outside, |ground| fill(ground, 1)),
    resources("fill-folder", "writes more into a folder of its own than was granted", Outside, |ground| {
        fill(ground, 4)
    }),
    resources("fill-files", "makes more files in a folder of its own than were granted", Outside, fill_files),
    resources("open-files", "opens more files than were granted", Outside, |ground| {
        let wanted = ground.limits.open_files.saturating_add(16);
        if wanted > MOST_OPEN {
            return Verdict::NotHere("too many are granted".into());
        }
        if ground.outside() {
            // Many systems start with 1,024 and allow more.
            let limit = libc::rlimit { rlim_cur: u64::from(wanted) + 64, rlim_max: 0 };
            let _ = raise_soft(libc::RLIMIT_NOFILE as i32, limit.rlim_cur);
        }
        ground.tell((0..wanted).try_for_each(|_| call!(SYS_dup, 2).map(drop)), "opened")
    }),
    resources("raise-open-files", "raises the limit of its open files", OutsidePrivileged, |ground| {
        raise(ground, libc::RLIMIT_NOFILE as i32, Verdict::Open)
    }),
    resources("raise-processes", "raises the limit of its processes", OutsidePrivileged, |ground| {
        raise(ground, libc::RLIMIT_NPROC as i32, Verdict::Open)
    }),
    resources("raise-memory", "raises the limit of its address space", OutsidePrivileged, |ground| {
        raise(ground, libc::RLIMIT_AS as i32, Verdict::NotHere)
    }),
    resources(
        "raise-processor-time",
        "raises the limit of its processor time",
        OutsidePrivileged,
        |ground| raise(ground, libc::RLIMIT_CPU as i32, Verdict::NotHere),
    ),
    resources("lock-memory", "keeps memory from being swapped", OutsideAsRoot, |ground| {
        let bytes = 16 << 20;
        ground.tell(sys::map(bytes).and_then(|address| call!(SYS_mlock, address, bytes)), "kept")
    }),
    resources(
        "lock-all-memory",
        "keeps all its memory, now and later, from being swapped",
        OutsideAsRoot,
        |ground| ground.tell(call!(SYS_mlockall, libc::MCL_CURRENT | libc::MCL_FUTURE), "kept"),
    ),
    resources("shared-memory", "makes shared memory that outlives it", Outside, |ground| {
        let made = call!(SYS_shmget, libc::IPC_PRIVATE, 4_096, libc::IPC_CREAT | 0o600);
        if let Ok(id) = made {
            let _ = call!(SYS_shmctl, id, libc::IPC_RMID, 0);
        }
        ground.tell_if_any(made, "made")
    }),
    resources("semaphores", "makes semaphores that outlive it", Outside, |ground| {
        let made = call!(SYS_semget, libc::IPC_PRIVATE, 1, libc::IPC_CREAT | 0o600);
        if let Ok(id) = made {
            let _ = call!(SYS_semctl, id, 0, libc::IPC_RMID, 0);
        }
        ground.tell_if_any(made, "made")
    }),
    resources("messages", "makes a message queue that outlives it", Outside, |ground| {
        let made = call!(SYS_msgget, libc::IPC_PRIVATE, libc::IPC_CREAT | 0o600);
        if let Ok(id) = made {
            let _ = call!(SYS_msgctl, id, libc::IPC_RMID, 0);
        }
        ground.tell_if_any(made, "made")
    }),
    resources("huge-pages", "takes memory from the store of huge pages", OutsideAsRoot, |ground| {
        // Makes the file only, which takes none.
        let made = call!(SYS_memfd_create, c"airlock", libc::MFD_CLOEXEC | libc::MFD_HUGETLB);
        ground.tell_if_any(made, "made a file of them")
    }),
];

/// Children that wait until they are killed, all at once.
fn many_processes(ground: &Ground) -> Verdict {
    let wanted = ground.limits.processes.saturating_add(8);
    if wanted > MOST_PROCESSES {
        return Verdict::NotHere("too many are granted".into());
    }
    let mut children = Vec::new();
    let started = (0..wanted).try_for_each(|_| {
        let child = sys::fork(|| {
            let _ = call!(SYS_prctl, libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0);
            thread::sleep(Duration::from_secs(5));
            0
        })?;
        children.push(child);
        Ok(())
    });
    for child in children {
        let _ = sys::kill(child, libc::SIGKILL);
        let _ = sys::wait(child);
    }
    ground.tell(started, &format!("{wanted} at once"))
}

fn many_threads(ground: &Ground) -> Verdict {
    let wanted = ground.limits.processes.saturating_add(8);
    if wanted > MOST_PROCESSES {
        return Verdict::NotHere("too many are granted".into());
    }
    // They end when the last sender of what they wait for is gone.
    let mut senders = Vec::new();
    let started = (0..wanted).try_for_each(|_| {
        let (sender, receiver) = mpsc::channel::<()>();
        senders.push(sender);
        thread::Builder::new().stack_size(64 << 10).spawn(move || receiver.recv()).map(drop)
    });
    ground.tell(started, &format!("{wanted} at once"))
}

/// Takes an eighth more memory than is granted, if the host has twice as much to spare.
fn much_memory(ground: &Ground, take: impl FnOnce(u64) -> io::Result<()>) -> Verdict {
    let wanted = ground.limits.memory.saturating_add(ground.limits.memory / 8);
    if wanted > MOST_MEMORY {
        return Verdict::NotHere("too much is granted".into());
    }
    if ground.outside() && available().is_none_or(|available| available / 2 < wanted) {
        return Verdict::NotHere("the machine has too little memory".into());
    }
    ground.tell(take(wanted), &format!("{} MiB", wanted >> 20))
}

/// Each of four processes takes a quarter and holds it until all have.
fn memory_in_processes(bytes: u64) -> io::Result<()> {
    let quarter = usize::try_from(bytes / 4).map_err(io::Error::other)?;
    let mut children = Vec::new();
    for _ in 0..4 {
        let (read, mut write) = io::pipe()?;
        let child = sys::fork(|| {
            let taken = sys::map(quarter).map(|address| sys::touch(address, quarter));
            if taken.and_then(|()| write.write_all(b"x")).is_ok() {
                thread::sleep(Duration::from_secs(5));
            }
            1
        })?;
        children.push((child, read));
    }
    // The pipe of one that was killed ends without a byte.
    let all = children.iter_mut().try_for_each(|(_, read)| read.read_exact(&mut [0]));
    // To make room for a later one, an earlier one may have been killed that had its quarter already.
    thread::sleep(Duration::from_millis(100));
    let taken = children.len();
    children.retain(|(child, _)| !sys::has_ended(*child));
    let all = all.is_ok() && children.len() == taken;
    for (child, _) in children {
        let _ = sys::kill(child, libc::SIGKILL);
        let _ = sys::wait(child);
    }
    if all { Ok(()) } else { Err(io::Error::from_raw_os_error(libc::ENOMEM)) }
}

fn available() -> Option<u64> {
    let memory = fs::read_to_string("/proc/meminfo").ok()?;
    let line = memory.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes << 10)
}

/// Writes more than is granted, into so many files.
fn fill(ground: &Ground, files: u64) -> Verdict {
    let wanted = ground.limits.tmpfs.saturating_add(2 << 20);
    if wanted > MOST_DISK {
        return Verdict::NotHere("too much is granted".into());
    }
    // SAFETY: a signal that is ignored runs no code of this process. Too large a file is an error then.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
    let folder = ground.own.join("fill");
    let block = vec![1_u8; 1 << 20];
    let blocks = wanted.div_ceil(files) >> 20;
    let filled = fs::create_dir(&folder).and_then(|()| {
        (0..files).try_for_each(|number| {
            let mut file = File::create_new(folder.join(number.to_string()))?;
            (0..=blocks).try_for_each(|_| file.write_all(&block))
        })
    });
    let _ = fs::remove_dir_all(&folder);
    ground.tell(filled, &format!("{} MiB", wanted >> 20))
}

fn fill_files(ground: &Ground) -> Verdict {
    let wanted = ground.limits.files.saturating_add(16);
    if wanted > MOST_FILES {
        return Verdict::NotHere("too many are granted".into());
    }
    let folder = ground.own.join("many");
    let made = fs::create_dir(&folder).and_then(|()| {
        (0..wanted).try_for_each(|number| File::create_new(folder.join(number.to_string())).map(drop))
    });
    let _ = fs::remove_dir_all(&folder);
    ground.tell(made, &format!("{wanted} files"))
}

/// Raises a hard limit by one. A sandbox may grant some things without one: then nothing is to be raised.
fn raise(ground: &Ground, kind: i32, without: fn(String) -> Verdict) -> Verdict {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    let raised = call!(SYS_prlimit64, 0, kind, 0, &raw mut limit).and_then(|_| {
        limit.rlim_max = limit.rlim_max.saturating_add(1);
        call!(SYS_prlimit64, 0, kind, &raw const limit, 0)
    });
    match raised {
        Ok(_) if limit.rlim_max == u64::MAX && !ground.outside() => without("there is no limit".into()),
        raised => ground.tell(raised, "raised"),
    }
}

fn raise_soft(kind: i32, wanted: u64) -> io::Result<usize> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    call!(SYS_prlimit64, 0, kind, 0, &raw mut limit)?;
    limit.rlim_cur = limit.rlim_cur.max(wanted).min(limit.rlim_max);
    call!(SYS_prlimit64, 0, kind, &raw const limit, 0)
}
