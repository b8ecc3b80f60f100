//! Other processes: to trace, to signal, to join; and new ones in namespaces of their own.

use std::{ffi::CString, fs, io, ptr, thread, time::Duration};

use libc::{
    CLONE_NEWCGROUP, CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWUSER, CLONE_NEWUTS,
};

use super::{
    Attempt,
    Control::{self, Outside, OutsideAsRoot, OutsidePrivileged},
    Ground, Theme, Verdict,
    ground::c_path,
    sys::{self, call},
};

const fn processes(
    name: &'static str,
    what: &'static str,
    control: Control,
    run: fn(&Ground) -> Verdict,
) -> Attempt {
    super::attempt(Theme::Processes, name, what, control, run)
}

const PTRACE_SEIZE: i32 = 0x4206;

pub(super) const ATTEMPTS: &[Attempt] = &[
    // Tracing.
    processes("trace-child", "traces a process that it started", OutsideAsRoot, |ground| {
        with_child(ground, |child| call!(SYS_ptrace, PTRACE_SEIZE, child, 0, 0))
    }),
    processes("trace-me", "has itself traced by the process above", OutsideAsRoot, |ground| {
        let traced = sys::in_child(|| call!(SYS_ptrace, libc::PTRACE_TRACEME as i32, 0, 0, 0));
        ground.tell(traced, "traced")
    }),
    processes("trace-victim", "traces a process of the host", OutsideAsRoot, |ground| {
        // The trace ends with this process, and does not stop the other one.
        on_victim(ground, |victim| call!(SYS_ptrace, PTRACE_SEIZE, victim, 0, 0))
    }),
    processes(
        "attach-victim",
        "attaches to a process of the host, which stops it",
        OutsideAsRoot,
        |ground| {
            on_victim(ground, |victim| {
                let attached = call!(SYS_ptrace, libc::PTRACE_ATTACH as i32, victim, 0, 0);
                if attached.is_ok() {
                    let _ = sys::wait(victim);
                    let _ = call!(SYS_ptrace, libc::PTRACE_DETACH as i32, victim, 0, 0);
                }
                attached
            })
        },
    ),
    processes("trace-parent", "traces the process above", OutsideAsRoot, |ground| {
        ground.tell(call!(SYS_ptrace, PTRACE_SEIZE, sys::parent_pid(), 0, 0), "traced")
    }),
    processes(
        "trace-init",
        "traces the first process",
        Control::None("it would trace the first process of the machine"),
        |ground| ground.tell(call!(SYS_ptrace, PTRACE_SEIZE, 1, 0, 0), "traced"),
    ),
    processes("read-victim-memory", "reads the memory of a process of the host", OutsideAsRoot, |ground| {
        memory(ground, libc::SYS_process_vm_readv)
    }),
    processes("write-victim-memory", "writes the memory of a process of the host", OutsideAsRoot, |ground| {
        // To an address that no process has: who may write gets a fault.
        memory(ground, libc::SYS_process_vm_writev)
    }),
    processes("victim-by-descriptor", "gets a descriptor of a process of the host", Outside, |ground| {
        on_victim(ground, |victim| call!(SYS_pidfd_open, victim, 0))
    }),
    processes(
        "take-victim-file",
        "takes an open file out of a process of the host",
        OutsideAsRoot,
        |ground| {
            on_victim(ground, |victim| {
                let process = call!(SYS_pidfd_open, victim, 0)?;
                call!(SYS_pidfd_getfd, process, 0, 0)
            })
        },
    ),
    processes(
        "compare-victim",
        "compares its open files with those of a process of the host",
        OutsideAsRoot,
        |ground| on_victim(ground, |victim| call!(SYS_kcmp, sys::own_pid(), victim, 0, 0, 0)),
    ),
    processes("victim-robust-list", "reads the list of locks of a process of the host", Outside, |ground| {
        on_victim(ground, |victim| {
            let (mut head, mut length) = (0_usize, 0_usize);
            call!(SYS_get_robust_list, victim, &raw mut head, &raw mut length)
        })
    }),
    processes(
        "move-victim-pages",
        "asks where the pages of a process of the host lie",
        OutsideAsRoot,
        |ground| on_victim(ground, |victim| call!(SYS_move_pages, victim, 0, 0, 0, 0, 0)),
    ),
    // Signals; number 0 asks only whether another one could be sent.
    processes("signal-victim", "could send a signal to a process of the host", Outside, |ground| {
        on_victim(ground, |victim| call!(SYS_kill, victim, 0))
    }),
    processes("signal-victim-thread", "could send a signal to a thread of the host", Outside, |ground| {
        on_victim(ground, |victim| call!(SYS_tgkill, victim, victim, 0))
    }),
    processes("signal-victim-descriptor", "could send a signal by a descriptor", Outside, |ground| {
        on_victim(ground, |victim| {
            let process = call!(SYS_pidfd_open, victim, 0)?;
            call!(SYS_pidfd_send_signal, process, 0, 0, 0)
        })
    }),
    processes("signal-host", "could send a signal to the process that started it all", Outside, |ground| {
        ground.tell_host(call!(SYS_kill, ground.host, 0), "could")
    }),
    processes(
        "signal-everyone",
        "sends a signal that does nothing to all processes; the host sees if one got it",
        Control::None("it would reach every process of the user"),
        |_| match sys::kill(-1, libc::SIGWINCH) {
            // Its own processes get it, and may; whether the host's do is seen there.
            Ok(()) => Verdict::Held("sent to its own".into()),
            Err(error) => Verdict::Held(sys::name(&error)),
        },
    ),
    processes(
        "stop-init",
        "stops the first process, which cleans up behind it",
        Control::None("the first process of the machine is not to be stopped"),
        stop_init,
    ),
    processes(
        "outlive",
        "starts a process that lets go of everything; the host sees if it lives on",
        Control::None("it would live on"),
        outlive,
    ),
    processes("signal-owner", "has the kernel signal a process of the host for it", Outside, |ground| {
        on_victim(ground, |victim| {
            // The owner of a pipe gets SIGIO when something arrives; nothing does.
            let (read, _write) = io::pipe()?;
            let fd = std::os::fd::AsRawFd::as_raw_fd(&read);
            call!(SYS_fcntl, fd, libc::F_SETOWN, victim)
        })
    }),
    // What is said about them.
    processes("victim-limits", "reads the limits of a process of the host", Outside, |ground| {
        on_victim(ground, |victim| {
            let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
            call!(SYS_prlimit64, victim, libc::RLIMIT_NOFILE as i32, 0, &raw mut limit)
        })
    }),
    processes(
        "victim-priority",
        "sets the priority of a process of the host to what it is",
        Outside,
        |ground| {
            on_victim(ground, |victim| {
                // The kernel answers 20 less the priority.
                let priority = call!(SYS_getpriority, libc::PRIO_PROCESS as i32, victim)?;
                call!(SYS_setpriority, libc::PRIO_PROCESS as i32, victim, 20 - priority as i32)
            })
        },
    ),
    processes("victim-scheduler", "asks how a process of the host is scheduled", Outside, |ground| {
        on_victim(ground, |victim| call!(SYS_sched_getscheduler, victim))
    }),
    processes(
        "victim-processors",
        "sets the processors of a process of the host to those it has",
        Outside,
        |ground| {
            on_victim(ground, |victim| {
                let mut mask = [0_u8; 1_024];
                let length = call!(SYS_sched_getaffinity, victim, mask.len(), mask.as_mut_ptr())?;
                call!(SYS_sched_setaffinity, victim, length, mask.as_ptr())
            })
        },
    ),
    processes("victim-session", "asks for the session of a process of the host", Outside, |ground| {
        on_victim(ground, |victim| call!(SYS_getsid, victim))
    }),
    processes("raise-priority", "takes more of the processor than others get", OutsideAsRoot, |ground| {
        ground.tell(call!(SYS_setpriority, libc::PRIO_PROCESS as i32, 0, -5), "taken")
    }),
    processes("real-time-disk", "reads and writes before everybody else", OutsideAsRoot, |ground| {
        // For this process (1, 0): class 1 of three, level 4.
        ground.tell(call!(SYS_ioprio_set, 1, 0, 1 << 13 | 4), "set")
    }),
    processes("real-time", "runs before everybody else", OutsideAsRoot, |ground| {
        let priority = 1_i32;
        match call!(SYS_sched_setscheduler, 0, libc::SCHED_FIFO, &raw const priority) {
            // Kernels that give out real time by groups refuse it to those that have none.
            Err(error) if ground.outside() => Verdict::NotHere(sys::name(&error)),
            set => ground.tell(set, "set"),
        }
    }),
    // Namespaces.
    processes("join-victim-network", "joins the network of a process of the host", OutsideAsRoot, |ground| {
        join(ground, &ground.victim.to_string(), "net", CLONE_NEWNET)
    }),
    processes("join-victim-files", "joins the file tree of a process of the host", OutsideAsRoot, |ground| {
        join(ground, &ground.victim.to_string(), "mnt", CLONE_NEWNS)
    }),
    processes("join-init-files", "joins the file tree of the first process", OutsidePrivileged, |ground| {
        join(ground, "1", "mnt", CLONE_NEWNS)
    }),
    processes(
        "join-init-processes",
        "joins the processes of the first process",
        OutsidePrivileged,
        |ground| join(ground, "1", "pid", CLONE_NEWPID),
    ),
    processes(
        "join-victim-descriptor",
        "joins a process of the host by its descriptor",
        OutsideAsRoot,
        |ground| {
            on_victim(ground, |victim| {
                let process = call!(SYS_pidfd_open, victim, 0)?;
                call!(SYS_setns, process, CLONE_NEWNET | CLONE_NEWUTS)
            })
        },
    ),
    processes("new-user", "makes a user namespace", OutsideAsRoot, |ground| unshare(ground, CLONE_NEWUSER)),
    processes("new-user-files", "makes a user namespace with a file tree", OutsideAsRoot, |ground| {
        unshare(ground, CLONE_NEWUSER | CLONE_NEWNS)
    }),
    processes("new-user-network", "makes a user namespace with a network", OutsideAsRoot, |ground| {
        unshare(ground, CLONE_NEWUSER | CLONE_NEWNET)
    }),
    processes("new-files", "makes a namespace of files", OutsideAsRoot, |ground| {
        unshare(ground, CLONE_NEWNS)
    }),
    processes("new-network", "makes a namespace of networks", OutsideAsRoot, |ground| {
        unshare(ground, CLONE_NEWNET)
    }),
    processes("new-processes", "makes a namespace of processes", OutsideAsRoot, |ground| {
        unshare(ground, CLONE_NEWPID)
    }),
    processes("new-ipc", "makes a namespace of messages", OutsideAsRoot, |ground| {
        unshare(ground, CLONE_NEWIPC)
    }),
    processes("new-names", "makes a namespace of host names", OutsideAsRoot, |ground| {
        unshare(ground, CLONE_NEWUTS)
    }),
    processes("new-groups", "makes a namespace of control groups", OutsideAsRoot, |ground| {
        unshare(ground, CLONE_NEWCGROUP)
    }),
    processes("clone-user", "starts a process in a user namespace", OutsideAsRoot, |ground| clone(ground, 0)),
    processes(
        "clone-user-high-bits",
        "the same, with bits that the kernel ignores",
        OutsideAsRoot,
        |ground| clone(ground, 1 << 40),
    ),
    processes(
        "clone3-user",
        "starts a process in a user namespace by the call filters cannot look into",
        OutsideAsRoot,
        clone3,
    ),
];

/// Does something to a process of the host by its number, which may mean nothing here.
fn on_victim(ground: &Ground, act: impl FnOnce(i32) -> io::Result<usize>) -> Verdict {
    ground.tell_if_any(act(ground.victim), "done")
}

/// Does something to a child that waits to be killed.
fn with_child(ground: &Ground, act: impl FnOnce(i32) -> io::Result<usize>) -> Verdict {
    let child = sys::fork(|| {
        thread::sleep(Duration::from_secs(10));
        0
    });
    let done = child.and_then(|child| {
        let done = act(child);
        let _ = sys::kill(child, libc::SIGKILL);
        let _ = sys::wait(child);
        done
    });
    ground.tell(done, "done")
}

/// Moves one byte between here and address 1 of the victim. Who may do so gets a fault.
fn memory(ground: &Ground, number: libc::c_long) -> Verdict {
    let mut byte = 0_u8;
    let here = libc::iovec { iov_base: (&raw mut byte).cast(), iov_len: 1 };
    let there = libc::iovec { iov_base: ptr::without_provenance_mut(1), iov_len: 1 };
    let arguments = [
        ground.victim as usize,
        (&raw const here).expose_provenance(),
        1,
        (&raw const there).expose_provenance(),
        1,
        0,
    ];
    ground.tell_passed(sys::kernel(number, &arguments), &[libc::EFAULT])
}

fn join(ground: &Ground, process: &str, namespace: &str, kind: i32) -> Verdict {
    let path = c_path(format!("/proc/{process}/ns/{namespace}"));
    let joined = sys::descriptor(&path, libc::O_RDONLY).and_then(|fd| call!(SYS_setns, fd, kind));
    ground.tell(joined, "joined")
}

fn unshare(ground: &Ground, flags: i32) -> Verdict {
    // A kernel that lacks a namespace calls the flag invalid, as does one for a flag that it does not know.
    match call!(SYS_unshare, flags) {
        Err(error) if ground.outside() && error.raw_os_error() == Some(libc::EINVAL) => {
            Verdict::NotHere("EINVAL".into())
        }
        result => ground.tell(result, "made"),
    }
}

fn clone(ground: &Ground, more: u64) -> Verdict {
    let flags = CLONE_NEWUSER as u64 | libc::SIGCHLD as u64 | more;
    started(ground, call!(SYS_clone, flags, 0, 0, 0, 0))
}

fn clone3(ground: &Ground) -> Verdict {
    // `struct clone_args` up to its field `tls`: flags, pidfd, child_tid, parent_tid, exit_signal, stack, its size, tls.
    let arguments = [CLONE_NEWUSER as u64, 0, 0, 0, libc::SIGCHLD as u64, 0, 0, 0];
    started(ground, call!(SYS_clone3, arguments.as_ptr(), size_of_val(&arguments)))
}

fn started(ground: &Ground, child: io::Result<usize>) -> Verdict {
    if let Ok(0) = child {
        // SAFETY: the new process ends at once.
        unsafe { libc::_exit(0) }
    }
    if let Ok(child) = child {
        let _ = sys::wait(child as i32);
    }
    ground.tell_if_any(child, "started")
}

/// A process with no parent, no session and no ear for signals, with a name by which the host finds it.
fn outlive(ground: &Ground) -> Verdict {
    let name = CString::new(ground.straggler()).unwrap_or_default();
    let middle = sys::fork(|| {
        let started = call!(SYS_setsid).and_then(|_| {
            sys::fork(|| {
                let _ = call!(SYS_setsid);
                let _ = call!(SYS_prctl, libc::PR_SET_NAME, name.as_c_str(), 0, 0, 0);
                for signal in [libc::SIGHUP, libc::SIGINT, libc::SIGTERM, libc::SIGPIPE] {
                    // SAFETY: a signal that is ignored runs no code of this process.
                    unsafe { libc::signal(signal, libc::SIG_IGN) };
                }
                for fd in 0..64 {
                    sys::close(fd);
                }
                thread::sleep(Duration::from_secs(30));
                0
            })
        });
        i32::from(started.is_err())
    });
    match middle.and_then(sys::wait) {
        Ok(0) => Verdict::Held("started; the host looks".into()),
        Ok(_) => Verdict::Held("not started".into()),
        Err(error) => Verdict::Held(sys::name(&error)),
    }
}

/// The first process is stopped if it no longer reaps what is left to it.
fn stop_init(_: &Ground) -> Verdict {
    if let Err(error) = sys::kill(1, libc::SIGSTOP) {
        return Verdict::Held(sys::name(&error));
    }
    let orphan = orphan();
    let gone = orphan.is_ok_and(|orphan| {
        (0..50).any(|_| {
            thread::sleep(Duration::from_millis(10));
            let state = fs::read_to_string(format!("/proc/{orphan}/stat")).unwrap_or_default();
            sys::kill(orphan, 0).is_err() || (!state.is_empty() && !state.contains(") Z"))
        })
    });
    let _ = sys::kill(1, libc::SIGCONT);
    if gone { Verdict::Held("still reaps".into()) } else { Verdict::Open("no longer reaps".into()) }
}

/// A process that has ended and whose parent has ended as well.
fn orphan() -> io::Result<i32> {
    let (mut read, mut write) = io::pipe()?;
    let middle = sys::fork(|| {
        let orphan = sys::fork(|| 0).unwrap_or(-1);
        i32::from(io::Write::write_all(&mut write, &orphan.to_ne_bytes()).is_err())
    })?;
    drop(write);
    let mut orphan = [0; 4];
    io::Read::read_exact(&mut read, &mut orphan)?;
    sys::wait(middle)?;
    Ok(i32::from_ne_bytes(orphan))
}
