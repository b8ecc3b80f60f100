//! More rights than were given: other users, capabilities, parts of the kernel that need them.
//!
//! Where a call would change the host, its arguments are such that the kernel refuses them after it has asked for the
//! right: that refusal is what says that the right is there.

use std::{fs, io, os::unix::fs::PermissionsExt as _, path::Path};

use libc::{CLONE_NEWNS, EBADF, EFAULT, EINVAL, ENOENT, ENOEXEC};

use super::{
    Attempt,
    Control::{self, Outside, OutsideAsRoot, OutsidePrivileged},
    Ground, Theme, Verdict,
    ground::c_path,
    sys::{self, call},
};

const fn privilege(
    name: &'static str,
    what: &'static str,
    control: Control,
    run: fn(&Ground) -> Verdict,
) -> Attempt {
    super::attempt(Theme::Privilege, name, what, control, run)
}

pub(super) const ATTEMPTS: &[Attempt] = &[
    // Users and capabilities.
    privilege("set-user", "becomes root", OutsideAsRoot, |ground| {
        ground.tell(call!(SYS_setuid, 0), "became root")
    }),
    privilege("set-all-users", "becomes root in every respect", OutsideAsRoot, |ground| {
        ground.tell(call!(SYS_setresuid, 0, 0, 0), "became root")
    }),
    privilege("set-group", "joins the group of root", OutsideAsRoot, |ground| {
        ground.tell(call!(SYS_setgid, 0), "joined")
    }),
    privilege("set-groups", "joins other groups", OutsideAsRoot, |ground| {
        let groups = [0_u32];
        ground.tell(call!(SYS_setgroups, 1, groups.as_ptr()), "joined")
    }),
    privilege("set-file-user", "opens files as root", OutsideAsRoot, |_| {
        // The answer is the user before, whether or not it was changed; asked again it is the one after.
        let _ = call!(SYS_setfsuid, 0);
        match call!(SYS_setfsuid, -1) {
            Ok(0) => Verdict::Open("as root".into()),
            Ok(user) => Verdict::Held(format!("still user {user}")),
            Err(error) => Verdict::Held(sys::name(&error)),
        }
    }),
    privilege("raise-capabilities", "takes every capability", OutsidePrivileged, |ground| {
        ground.tell(capabilities([u32::MAX, u32::MAX]), "taken")
    }),
    privilege("have-capabilities", "looks for a capability that it has", OutsideAsRoot, |ground| {
        has(ground, "CapEff")
    }),
    privilege(
        "inherit-capabilities",
        "takes a capability to give to programs that it starts",
        OutsideAsRoot,
        |ground| {
            // 2 raises one for programs to come; it must be among those to be inherited before.
            let raised = inheritable().and_then(|()| call!(SYS_prctl, libc::PR_CAP_AMBIENT, 2, 21, 0, 0));
            ground.tell(raised, "taken")
        },
    ),
    privilege(
        "bounding-set",
        "looks for a capability that a program could give it",
        OutsideAsRoot,
        |ground| {
            let found = (0..64)
                .find(|number| matches!(call!(SYS_prctl, libc::PR_CAPBSET_READ, *number, 0, 0, 0), Ok(1)));
            match found {
                Some(number) => Verdict::Open(format!("number {number}")),
                None => has(ground, "CapBnd"),
            }
        },
    ),
    privilege("new-privileges", "may get rights from programs that give some", Outside, |_| {
        match call!(SYS_prctl, libc::PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) {
            Ok(0) => Verdict::Open("may".into()),
            Ok(_) => Verdict::Held("may not".into()),
            Err(error) => Verdict::Held(sys::name(&error)),
        }
    }),
    privilege("allow-new-privileges", "allows itself new rights again", Outside, |ground| {
        // Nobody can; who cannot be kept from it has them.
        let _ = call!(SYS_prctl, libc::PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0);
        let state = call!(SYS_prctl, libc::PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
        ground.tell(state.and_then(|state| if state == 0 { Ok(()) } else { Err(refused()) }), "allowed")
    }),
    privilege("filter-off", "makes system calls that no filter looks at", OutsideAsRoot, |_| {
        match call!(SYS_prctl, libc::PR_GET_SECCOMP, 0, 0, 0, 0) {
            Ok(0) => Verdict::Open("there is no filter".into()),
            Ok(mode) => Verdict::Held(format!("mode {mode}")),
            Err(error) => Verdict::Held(sys::name(&error)),
        }
    }),
    privilege("secure-bits", "changes what being root means", OutsideAsRoot, |ground| {
        ground.tell(call!(SYS_prctl, libc::PR_SET_SECUREBITS, 0, 0, 0, 0), "changed")
    }),
    privilege("suid-program", "finds a program that makes it root", Outside, suid_program),
    privilege("make-suid-file", "makes a program that others run with its rights", Outside, |ground| {
        let path = ground.own.join("suid");
        let made = fs::File::create_new(&path)
            .and_then(|_| fs::set_permissions(&path, fs::Permissions::from_mode(0o4_755)))
            .and_then(|()| if honours_suid(&path)? { Ok(()) } else { Err(refused()) });
        let _ = fs::remove_file(&path);
        match made {
            // Many systems mount `/tmp` so.
            Err(error) if ground.outside() && ignores_suid(&ground.own).unwrap_or_default() => {
                Verdict::NotHere(sys::name(&error))
            }
            made => ground.tell(made, "made"),
        }
    }),
    privilege(
        "make-suid-file-shared",
        "the same in a folder that it shares with the host",
        Outside,
        |ground| {
            let path = ground.writable.join("suid-shared");
            let made = fs::File::create_new(&path)
                .and_then(|_| fs::set_permissions(&path, fs::Permissions::from_mode(0o4_755)))
                .and_then(|()| fs::metadata(&path))
                .and_then(
                    |file| if file.permissions().mode() & 0o4_000 == 0 { Err(refused()) } else { Ok(()) },
                );
            let _ = fs::remove_file(&path);
            ground.tell(made, "made")
        },
    ),
    privilege("file-capability", "gives a file a capability", OutsideAsRoot, |ground| {
        let path = ground.own.join("capable");
        let c_path = c_path(&path);
        // Version 2 of the attribute, with one capability that is permitted: to open raw sockets.
        let value: [u32; 5] = [0x0200_0000, 1 << 13, 0, 0, 0].map(u32::to_le);
        let given = fs::File::create_new(&path).and_then(|_| {
            let length = size_of_val(&value);
            call!(SYS_setxattr, c_path.as_c_str(), c"security.capability", value.as_ptr(), length, 0)
        });
        let _ = fs::remove_file(&path);
        ground.tell_if_any(given, "given")
    }),
    // Mounts.
    privilege("mount", "mounts a file system", OutsideAsRoot, |ground| {
        // In a namespace of its own if it gets one, so that outside it mounts nothing that others see.
        if let Err(error) = private_mounts()
            && ground.outside()
        {
            return ground.tell(Err::<(), _>(error), "");
        }
        let target = c_path(&ground.own);
        ground.tell(call!(SYS_mount, c"none", target.as_c_str(), c"tmpfs", 0, 0), "mounted")
    }),
    privilege("bind", "mounts a folder elsewhere", OutsideAsRoot, |ground| {
        if let Err(error) = private_mounts()
            && ground.outside()
        {
            return ground.tell(Err::<(), _>(error), "");
        }
        let target = c_path(&ground.own);
        ground.tell(call!(SYS_mount, c"/", target.as_c_str(), 0, libc::MS_BIND, 0), "mounted")
    }),
    privilege("remount", "makes a read-only folder writable", OutsideAsRoot, |ground| {
        // Nothing is mounted there outside: then the kernel says so to who may.
        let target = c_path(&ground.visible);
        let flags = libc::MS_REMOUNT | libc::MS_BIND;
        ground.tell_passed(call!(SYS_mount, 0, target.as_c_str(), 0, flags, 0), &[EINVAL])
    }),
    privilege("unmount", "unmounts what hides something", OutsideAsRoot, |ground| {
        // Nothing is mounted there: the kernel says so to who may.
        let target = c_path(ground.home.parent().unwrap_or(&ground.home));
        let target = if ground.outside() { target } else { c_path("/usr/lib") };
        ground.tell_passed(call!(SYS_umount2, target.as_c_str(), libc::MNT_DETACH), &[EINVAL])
    }),
    privilege("open-file-system", "opens a file system to mount", OutsideAsRoot, |ground| {
        ground.tell_if_any(call!(SYS_fsopen, c"tmpfs", 0), "opened")
    }),
    privilege("open-tree", "takes a copy of the file tree", OutsideAsRoot, |ground| {
        // 1 clones the mount.
        ground.tell_if_any(call!(SYS_open_tree, libc::AT_FDCWD, c"/", 1), "taken")
    }),
    privilege("move-mount", "moves a mount", OutsideAsRoot, |ground| {
        // To a path that is not there.
        let from = c_path(&ground.visible);
        let moved =
            call!(SYS_move_mount, libc::AT_FDCWD, from.as_c_str(), libc::AT_FDCWD, c"/no/such/path", 0);
        ground.tell_passed(moved, &[ENOENT, EINVAL])
    }),
    privilege("mount-attributes", "sets attributes of a mount", OutsideAsRoot, |ground| {
        // None at all: who may is done at once, or is told that nothing is mounted there.
        let attributes = [0x20_u64, 0, 0, 0];
        let target = c_path(&ground.visible);
        let length = size_of_val(&attributes);
        let set = call!(SYS_mount_setattr, libc::AT_FDCWD, target.as_c_str(), 0, attributes.as_ptr(), length);
        ground.tell_passed(set, &[EINVAL])
    }),
    privilege("pivot-root", "takes another root for all", OutsideAsRoot, |ground| {
        let folder = c_path(&ground.own);
        let passed = [EINVAL, libc::EBUSY];
        ground.tell_passed(call!(SYS_pivot_root, folder.as_c_str(), folder.as_c_str()), &passed)
    }),
    privilege("change-root", "takes another root for itself, which has a way out", OutsideAsRoot, |ground| {
        ground.tell(call!(SYS_chroot, c"/"), "taken")
    }),
    // Parts of the kernel.
    privilege("bpf-map", "gives memory to programs in the kernel", OutsideAsRoot, |ground| {
        // Command 0 makes an array (2) with keys of 4, values of 4 bytes and one entry.
        let mut attributes = [0_u32; 32];
        for (field, value) in attributes.iter_mut().zip([2, 4, 4, 1]) {
            *field = value;
        }
        let length = size_of_val(&attributes);
        ground.tell_if_any(call!(SYS_bpf, 0, attributes.as_ptr(), length), "made")
    }),
    privilege("bpf-program", "loads a program into the kernel", OutsideAsRoot, |ground| {
        // Command 5 with no program at all: whoever may is told that it is senseless.
        let attributes = [1_u64; 16];
        let length = size_of_val(&attributes);
        let passed = [EINVAL, libc::E2BIG, EFAULT];
        ground.tell_passed(call!(SYS_bpf, 5, attributes.as_ptr(), length), &passed)
    }),
    privilege(
        "userfaultfd",
        "handles page faults, which slows down the kernel at will",
        OutsideAsRoot,
        |ground| {
            // Only those of programs, which needs no right since Linux 5.11.
            ground.tell_if_any(call!(SYS_userfaultfd, libc::O_CLOEXEC | 1), "opened")
        },
    ),
    privilege("io-uring", "has the kernel make system calls for it", OutsideAsRoot, |ground| {
        let mut parameters = [0_u32; 30];
        match call!(SYS_io_uring_setup, 1, parameters.as_mut_ptr()) {
            Err(error) if ground.outside() && setting("/proc/sys/kernel/io_uring_disabled") == Some(2) => {
                Verdict::NotHere(sys::name(&error))
            }
            result => ground.tell_if_any(result, "set up"),
        }
    }),
    privilege("perf", "measures what the processor does", OutsideAsRoot, |ground| {
        // A counter of the processor's time, kept by software, of this process, without the kernel's part.
        let mut attributes = [0_u64; 16];
        for (field, value) in attributes.iter_mut().zip([1 | 128 << 32, 1, 0, 0, 0, 1 | 1 << 5 | 1 << 6]) {
            *field = value;
        }
        ground.tell_if_any(call!(SYS_perf_event_open, attributes.as_ptr(), 0, -1, -1, 0), "measured")
    }),
    privilege("load-module", "loads a module into the kernel", OutsideAsRoot, |ground| {
        // An empty one.
        let passed = [ENOEXEC, EFAULT, EINVAL];
        ground.tell_passed(call!(SYS_init_module, c"".as_ptr(), 0, c""), &passed)
    }),
    privilege("load-module-file", "loads a module from a file", OutsideAsRoot, |ground| {
        ground.tell_passed(call!(SYS_finit_module, -1, c"", 0), &[EBADF])
    }),
    privilege("unload-module", "unloads a module that there is not", OutsideAsRoot, |ground| {
        match call!(SYS_delete_module, c"airlock_no_such_module", libc::O_NONBLOCK) {
            Err(error) if error.raw_os_error() == Some(ENOENT) => {
                Verdict::Open("allowed, then ENOENT".into())
            }
            result => ground.tell_if_any(result, "unloaded"),
        }
    }),
    privilege("kexec", "starts another kernel", OutsideAsRoot, |ground| {
        // With more parts than there can be.
        ground.tell_passed(call!(SYS_kexec_load, 0, 100_000, 0, 0), &[EINVAL])
    }),
    privilege("reboot", "restarts the machine", OutsideAsRoot, |ground| {
        // Without the numbers that mean it.
        ground.tell_passed(call!(SYS_reboot, 0, 0, 0, 0), &[EINVAL])
    }),
    privilege("swap-on", "takes a file to swap memory to", OutsideAsRoot, |ground| {
        ground.tell_passed(call!(SYS_swapon, c"/no/such/file", 0), &[ENOENT])
    }),
    privilege("swap-off", "takes swap memory away", OutsideAsRoot, |ground| {
        ground.tell_passed(call!(SYS_swapoff, c"/no/such/file"), &[ENOENT])
    }),
    privilege("accounting", "has the kernel write a record of every process", OutsideAsRoot, |ground| {
        ground.tell_passed(call!(SYS_acct, c"/no/such/file"), &[ENOENT])
    }),
    privilege("host-name", "changes the name of the host", OutsideAsRoot, |ground| {
        ground.tell_passed(call!(SYS_sethostname, c"".as_ptr(), -1), &[EINVAL])
    }),
    privilege("domain-name", "changes the domain of the host", OutsideAsRoot, |ground| {
        ground.tell_passed(call!(SYS_setdomainname, c"".as_ptr(), -1), &[EINVAL])
    }),
    privilege("set-clock", "sets the clock", OutsideAsRoot, |ground| {
        // To nothing, which leaves it as it is.
        ground.tell(call!(SYS_settimeofday, 0, 0), "may")
    }),
    privilege("watch-files", "watches every file that others open", OutsideAsRoot, |ground| {
        // Content class 4, which may refuse to open them.
        ground.tell_if_any(call!(SYS_fanotify_init, 4, 0), "watches")
    }),
    privilege("personality", "turns protections of its memory off", Outside, |ground| {
        // The arrangement of memory is no longer random.
        ground.tell(call!(SYS_personality, libc::ADDR_NO_RANDOMIZE), "off")
    }),
    privilege("vmsplice", "gives pages of its memory to a pipe", Outside, |ground| {
        let given = io::pipe().and_then(|(_read, write)| {
            let mut byte = *b"x";
            let part = libc::iovec { iov_base: byte.as_mut_ptr().cast(), iov_len: 1 };
            call!(SYS_vmsplice, std::os::fd::AsRawFd::as_raw_fd(&write), &raw const part, 1, 0)
        });
        ground.tell(given, "given")
    }),
    privilege(
        "secret-memory",
        "takes memory that not even the kernel can look at",
        OutsideAsRoot,
        |ground| ground.tell_if_any(call!(SYS_memfd_secret, 0), "taken"),
    ),
    privilege("memory-policy", "chooses where its memory lies", Outside, |ground| {
        ground.tell_if_any(call!(SYS_set_mempolicy, 0, 0, 0), "chosen")
    }),
    privilege("bind-memory", "moves its memory between nodes", Outside, |ground| {
        let bound = sys::map(4_096).and_then(|page| call!(SYS_mbind, page, 4_096, 0, 0, 0, 0));
        ground.tell_if_any(bound, "moved")
    }),
    // The processor.
    #[cfg(target_arch = "x86_64")]
    privilege("descriptor-table", "reads its table of segments", Outside, |ground| {
        let mut table = [0_u8; 64];
        ground.tell_if_any(call!(SYS_modify_ldt, 0, table.as_mut_ptr(), table.len()), "read")
    }),
    #[cfg(target_arch = "x86_64")]
    privilege("port-level", "speaks to devices past the kernel", OutsideAsRoot, |ground| {
        ground.tell_if_any(call!(SYS_iopl, 3), "may")
    }),
    #[cfg(target_arch = "x86_64")]
    privilege("one-port", "speaks to one device past the kernel", OutsideAsRoot, |ground| {
        ground.tell_if_any(call!(SYS_ioperm, 0x80, 1, 1), "may")
    }),
    #[cfg(target_arch = "x86_64")]
    privilege(
        "x32-call",
        "makes a system call by the numbers of another architecture",
        OutsideAsRoot,
        |ground| {
            let answer = sys::kernel(0x4000_0000 | libc::SYS_getpid, &[]);
            ground.tell_if_any(answer, "answered")
        },
    ),
    #[cfg(target_arch = "x86_64")]
    privilege("int80-call", "makes a system call by the way of 32-bit programs", OutsideAsRoot, int80),
];

fn refused() -> io::Error {
    io::Error::from_raw_os_error(libc::EPERM)
}

fn setting(path: &str) -> Option<i64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// Version 3 of the header of `capset`, for this process.
const CAPABILITY_HEADER: [u32; 2] = [0x2008_0522, 0];

fn capabilities([low, high]: [u32; 2]) -> io::Result<usize> {
    let last: u32 =
        setting("/proc/sys/kernel/cap_last_cap").and_then(|last| last.try_into().ok()).unwrap_or(40);
    // Bits that mean nothing are refused to everybody.
    let high = high & (1_u32.checked_shl((last + 1).saturating_sub(32)).unwrap_or(0).wrapping_sub(1));
    let sets = [low, low, 0, high, high, 0];
    call!(SYS_capset, CAPABILITY_HEADER.as_ptr(), sets.as_ptr())
}

/// Makes the capability to administrate the system one that can be inherited.
fn inheritable() -> io::Result<()> {
    let mut sets = [0_u32; 6];
    call!(SYS_capget, CAPABILITY_HEADER.as_ptr(), sets.as_mut_ptr())?;
    let [effective, permitted, _, high_effective, high_permitted, high_inheritable] = sets;
    let sets = [effective, permitted, 1 << 21, high_effective, high_permitted, high_inheritable];
    call!(SYS_capset, CAPABILITY_HEADER.as_ptr(), sets.as_ptr()).map(drop)
}

/// Whether a set of capabilities, by its name in `/proc/self/status`, has any.
fn has(ground: &Ground, set: &str) -> Verdict {
    let status = match fs::read_to_string("/proc/self/status") {
        Ok(status) => status,
        Err(error) => return ground.tell(Err::<(), _>(error), ""),
    };
    let value = status.lines().find_map(|line| line.strip_prefix(set)?.strip_prefix(':')).map(str::trim);
    match value.map(|value| u64::from_str_radix(value, 16)) {
        Some(Ok(0)) => Verdict::Held("none".into()),
        Some(Ok(capabilities)) => Verdict::Open(format!("{capabilities:x}")),
        // Whoever cannot tell is not to be believed.
        _ => Verdict::Open("cannot be told".into()),
    }
}

/// A namespace of mounts of its own, in which nothing reaches the host's.
fn private_mounts() -> io::Result<()> {
    call!(SYS_unshare, CLONE_NEWNS)?;
    call!(SYS_mount, c"none", c"/", 0, libc::MS_REC | libc::MS_PRIVATE, 0).map(drop)
}

/// Whether a program at this path would get the rights of its owner.
fn honours_suid(path: &Path) -> io::Result<bool> {
    let suid = fs::metadata(path)?.permissions().mode() & 0o4_000 != 0;
    let may = call!(SYS_prctl, libc::PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)? == 0;
    Ok(suid && may && !ignores_suid(path)?)
}

/// Whether the file system ignores that a program would get the rights of its owner.
fn ignores_suid(path: &Path) -> io::Result<bool> {
    // SAFETY: all fields are numbers, for which zero is a value.
    let mut place: libc::statvfs = unsafe { std::mem::zeroed() };
    let path = c_path(path);
    // SAFETY: both pointers are to values that live until the call returns.
    if unsafe { libc::statvfs(path.as_ptr(), &raw mut place) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(place.f_flag & libc::ST_NOSUID != 0)
}

fn suid_program(ground: &Ground) -> Verdict {
    let programs =
        ["/usr/bin/su", "/usr/bin/passwd", "/usr/bin/mount", "/usr/bin/chsh", "/usr/bin/sudo", "/bin/su"];
    let mut any = false;
    for program in programs {
        match honours_suid(program.as_ref()) {
            Ok(true) => return Verdict::Open(program.into()),
            Ok(false) => {
                any |= fs::metadata(program).is_ok_and(|file| file.permissions().mode() & 0o4_000 != 0);
            }
            Err(_) => {}
        }
    }
    if ground.outside() && !any {
        Verdict::NotHere("none".into())
    } else {
        Verdict::Held("none that works".into())
    }
}

/// `getpid` as 32-bit programs call it. A child makes the call, for a kernel without them kills who does.
#[cfg(target_arch = "x86_64")]
fn int80(ground: &Ground) -> Verdict {
    let status = sys::fork(|| {
        let mut answer: i64 = 20;
        // SAFETY: the call has no arguments, reads and writes no memory, and changes no register but the one named
        // and those that 32-bit programs do not have, which are named as well.
        unsafe {
            std::arch::asm!(
                "int 0x80", inout("rax") answer,
                out("r8") _, out("r9") _, out("r10") _, out("r11") _,
            );
        }
        i32::from(answer as i32 != sys::own_pid())
    })
    .and_then(sys::wait);
    match status {
        Ok(0) => Verdict::Open("answered".into()),
        Ok(status) if libc::WIFSIGNALED(status) && ground.outside() => {
            Verdict::NotHere("no 32-bit programs".into())
        }
        Ok(status) if libc::WIFSIGNALED(status) => {
            Verdict::Held(format!("killed by signal {}", libc::WTERMSIG(status)))
        }
        Ok(_) if ground.outside() => Verdict::NotHere("no 32-bit programs".into()),
        Ok(_) => Verdict::Held("no answer".into()),
        Err(error) => ground.tell(Err::<(), _>(error), ""),
    }
}
