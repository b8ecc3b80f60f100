//! Files and devices of the host: to read what is not visible, to write what may only be read.

use std::{
    ffi::CStr,
    fs,
    io::{self, Read as _, Write as _},
    os::unix::fs::symlink,
    path::Path,
    time::{Duration, Instant},
};

use libc::{O_DIRECTORY, O_RDONLY, O_RDWR, O_TMPFILE, O_WRONLY};

use super::{
    Attempt,
    Control::{self, Outside, OutsideAsRoot, OutsidePrivileged},
    Ground, Theme, Verdict,
    ground::c_path,
    prepare::HandleBuffer,
    sys::{self, call, open},
};

const fn files(
    name: &'static str,
    what: &'static str,
    control: Control,
    run: fn(&Ground) -> Verdict,
) -> Attempt {
    super::attempt(Theme::Files, name, what, control, run)
}

pub(super) const ATTEMPTS: &[Attempt] = &[
    // Reading what is not visible.
    files("read-shadow", "reads the password hashes of the host", OutsideAsRoot, |ground| {
        machine(ground, c"/etc/shadow", O_RDONLY)
    }),
    files("read-key", "reads a private key in the home", Outside, |ground| {
        reading(ground, ground.secret_file())
    }),
    files("read-credentials", "reads credentials of a cloud in the home", Outside, |ground| {
        reading(ground, ground.home.join(".aws/credentials"))
    }),
    files("read-configuration", "reads the configuration of the airlock", Outside, |ground| {
        reading(ground, ground.home.join(".config/agent-airlock/airlock.toml"))
    }),
    files("read-audit", "reads the audit records of the airlock", Outside, |ground| {
        reading(ground, ground.home.join(".local/state/agent-airlock/audit.jsonl"))
    }),
    files("write-audit", "opens the audit records of the airlock for writing", Outside, |ground| {
        let path = c_path(ground.home.join(".local/state/agent-airlock/audit.jsonl"));
        ground.tell(open(&path, O_WRONLY | libc::O_APPEND), "opened for writing")
    }),
    files("list-home", "lists the home", Outside, |ground| ground.tell(fs::read_dir(&ground.home), "listed")),
    files("stat-key", "learns the size and the times of a private key", Outside, |ground| {
        ground.tell(fs::metadata(ground.secret_file()), "there")
    }),
    files("list-root-home", "lists the home of root", OutsideAsRoot, |ground| {
        machine(ground, c"/root", O_RDONLY | O_DIRECTORY)
    }),
    files("list-homes", "lists the homes of all users", OutsideAsRoot, |ground| {
        machine(ground, c"/home", O_RDONLY | O_DIRECTORY)
    }),
    files("list-log", "lists the logs of the host", OutsideAsRoot, |ground| {
        machine(ground, c"/var/log", O_RDONLY | O_DIRECTORY)
    }),
    files("list-run", "lists the sockets and states of the host's services", OutsideAsRoot, |ground| {
        machine(ground, c"/run", O_RDONLY | O_DIRECTORY)
    }),
    files("list-boot", "lists the kernels of the host", OutsideAsRoot, |ground| {
        machine(ground, c"/boot", O_RDONLY | O_DIRECTORY)
    }),
    files("read-machine-id", "reads what identifies the host", OutsideAsRoot, |ground| {
        machine(ground, c"/etc/machine-id", O_RDONLY)
    }),
    // Ways around a path.
    files("read-key-dotdot", "reaches the home with `..` from a visible folder", Outside, |ground| {
        reading(ground, ground.visible.join("../home/.ssh/id_ed25519"))
    }),
    files(
        "read-key-deep-dotdot",
        "reaches the home with more `..` than there are folders",
        Outside,
        |ground| {
            let below = ground.secret_file();
            let below = below.strip_prefix("/").unwrap_or(&below);
            reading(ground, Path::new(&"../".repeat(64)).join(below))
        },
    ),
    files("read-key-visible-link", "follows a link from a visible folder to the home", Outside, |ground| {
        reading(ground, ground.visible.join("link"))
    }),
    files("read-key-own-link", "makes a link to the home and follows it", Outside, |ground| {
        let link = ground.own.join("own-link");
        let read = symlink(ground.secret_file(), &link).and_then(|()| read(&link));
        let _ = fs::remove_file(&link);
        ground.tell(read, "read")
    }),
    files("hard-link-key", "gives a private key a second name in a folder of its own", Outside, |ground| {
        let link = ground.own.join("hard-link");
        let linked = fs::hard_link(ground.secret_file(), &link);
        let _ = fs::remove_file(&link);
        ground.tell(linked, "linked")
    }),
    files("read-key-self-root", "reaches the home through `/proc/self/root`", Outside, |ground| {
        reading(ground, below_root("self", ground))
    }),
    files("read-key-thread-root", "reaches the home through the root of a thread", Outside, |ground| {
        let tasks = format!("self/task/{}", sys::own_pid());
        reading(ground, below_root(&tasks, ground))
    }),
    files(
        "read-key-init-root",
        "reaches the home through the root of the first process",
        OutsidePrivileged,
        |ground| reading(ground, below_root("1", ground)),
    ),
    files(
        "read-key-parent-root",
        "reaches the home through the root of the process above",
        Outside,
        |ground| reading(ground, below_root(&sys::parent_pid().to_string(), ground)),
    ),
    files(
        "read-key-victim-root",
        "reaches the home through the root of a process of the host",
        Outside,
        |ground| reading(ground, below_root(&ground.victim.to_string(), ground)),
    ),
    files("list-victim-folder", "lists the folder of a process of the host", Outside, |ground| {
        ground.tell(fs::read_dir(format!("/proc/{}/cwd", ground.victim)), "listed")
    }),
    files("read-victim-descriptor", "reads an open file of a process of the host", Outside, |ground| {
        reading(ground, format!("/proc/{}/fd/0", ground.victim))
    }),
    files(
        "read-host-descriptors",
        "lists the open files of the process that started it all",
        Outside,
        |ground| ground.tell_host(fs::read_dir(format!("/proc/{}/fd", ground.host)), "listed"),
    ),
    files("read-key-handle", "opens a private key by its handle, past every path", OutsideAsRoot, by_handle),
    files("race-key-link", "swaps a folder for a link to the home while opening a file in it", Outside, race),
    // Writing what may only be read.
    files("write-visible", "opens a read-only file for writing", Outside, |ground| {
        ground.tell(open(&c_path(ground.visible_file()), O_WRONLY), "opened for writing")
    }),
    files("append-visible", "opens a read-only file for appending", Outside, |ground| {
        ground.tell(open(&c_path(ground.visible_file()), O_WRONLY | libc::O_APPEND), "opened for appending")
    }),
    files(
        "reopen-visible",
        "opens a read-only file again for writing, by its descriptor",
        Outside,
        |ground| {
            let reopened = sys::descriptor(&c_path(ground.visible_file()), O_RDONLY)
                .and_then(|fd| open(&c_path(format!("/proc/self/fd/{fd}")), O_RDWR));
            ground.tell(reopened, "opened for writing")
        },
    ),
    files("create-visible", "makes a file in a read-only folder", Outside, |ground| {
        let path = ground.visible.join("made");
        let made = fs::File::create_new(&path);
        let _ = fs::remove_file(&path);
        ground.tell(made, "made")
    }),
    files("make-folder-visible", "makes a folder in a read-only folder", Outside, |ground| {
        let path = ground.visible.join("made-folder");
        let made = fs::create_dir(&path);
        let _ = fs::remove_dir(&path);
        ground.tell(made, "made")
    }),
    files("rename-visible", "renames a read-only file", Outside, |ground| {
        let (old, new) = (ground.visible.join("spare.txt"), ground.visible.join("renamed.txt"));
        let renamed = fs::rename(&old, &new);
        let _ = fs::rename(&new, &old);
        ground.tell(renamed, "renamed")
    }),
    files("move-visible-out", "moves a read-only file into a folder of its own", Outside, |ground| {
        let (old, new) = (ground.visible.join("spare.txt"), ground.own.join("moved.txt"));
        let moved = fs::rename(&old, &new);
        let _ = fs::rename(&new, &old);
        ground.tell(moved, "moved")
    }),
    files(
        "hard-link-visible",
        "gives a read-only file a second name where it may write",
        Outside,
        |ground| {
            let link = ground.own.join("hard-link-visible");
            let opened =
                fs::hard_link(ground.visible_file(), &link).and_then(|()| open(&c_path(&link), O_WRONLY));
            let _ = fs::remove_file(&link);
            ground.tell(opened, "linked, and opened for writing")
        },
    ),
    files("remove-visible", "removes a read-only file", Outside, |ground| {
        let path = ground.visible.join("spare.txt");
        let removed = fs::remove_file(&path);
        if removed.is_ok() {
            let _ = fs::File::create_new(&path).and_then(|mut file| file.write_all(b"may be read as well\n"));
        }
        ground.tell(removed, "removed")
    }),
    files("truncate-visible", "truncates a read-only file to the length that it has", Outside, |ground| {
        let path = c_path(ground.visible_file());
        let length = fs::metadata(ground.visible_file()).map(|file| file.len());
        let cut = length.and_then(|length| call!(SYS_truncate, path.as_c_str(), length));
        ground.tell(cut, "truncated")
    }),
    files("chmod-visible", "sets the rights of a read-only file", Outside, |ground| {
        let path = ground.visible_file();
        let set = fs::metadata(&path).and_then(|file| fs::set_permissions(&path, file.permissions()));
        ground.tell(set, "set")
    }),
    files("chown-visible", "sets the owner of a read-only file", Outside, |ground| {
        // Sets no owner and no group, which whoever owns the file may do.
        let path = c_path(ground.visible_file());
        let nobody = u32::MAX;
        ground.tell(call!(SYS_fchownat, libc::AT_FDCWD, path.as_c_str(), nobody, nobody, 0), "set")
    }),
    files("touch-visible", "sets the times of a read-only file", Outside, |ground| {
        let path = c_path(ground.visible_file());
        ground.tell(call!(SYS_utimensat, libc::AT_FDCWD, path.as_c_str(), 0, 0), "set")
    }),
    files("label-visible", "gives a read-only file an attribute", Outside, |ground| {
        let path = c_path(ground.visible_file());
        let set = call!(SYS_setxattr, path.as_c_str(), c"user.airlock", c"1".as_ptr(), 1, 0);
        let _ = call!(SYS_removexattr, path.as_c_str(), c"user.airlock");
        ground.tell_if_any(set, "set")
    }),
    files("write-root", "makes a file in `/`", OutsideAsRoot, |ground| unnamed(ground, c"/")),
    files("write-usr", "makes a file in `/usr`", OutsideAsRoot, |ground| unnamed(ground, c"/usr")),
    files("write-usr-bin", "makes a file among the programs", OutsideAsRoot, |ground| {
        unnamed(ground, c"/usr/bin")
    }),
    files("write-usr-lib", "makes a file among the libraries", OutsideAsRoot, |ground| {
        unnamed(ground, c"/usr/lib")
    }),
    files("write-etc", "makes a file in `/etc`", OutsideAsRoot, |ground| unnamed(ground, c"/etc")),
    files("write-dev", "makes a file in `/dev`", OutsideAsRoot, |ground| unnamed(ground, c"/dev")),
    files("write-var", "makes a file in `/var`", OutsideAsRoot, |ground| unnamed(ground, c"/var")),
    files("write-passwd", "opens the list of users for writing", OutsideAsRoot, |ground| {
        machine(ground, c"/etc/passwd", O_WRONLY)
    }),
    files(
        "write-preload",
        "opens the list of libraries that every program loads for writing",
        OutsideAsRoot,
        |ground| machine(ground, c"/etc/ld.so.cache", O_WRONLY),
    ),
    files("write-shell", "opens the shell for writing", OutsideAsRoot, |ground| {
        ground.tell_passed(open(c"/bin/sh", O_WRONLY), &[libc::ETXTBSY])
    }),
    files("write-self", "opens the running program for writing", OutsideAsRoot, |ground| {
        ground.tell_passed(open(c"/proc/self/exe", O_RDWR), &[libc::ETXTBSY])
    }),
    // The kernel as files.
    files(
        "write-core-pattern",
        "opens for writing what the kernel runs as root on a crash",
        OutsideAsRoot,
        |ground| machine(ground, c"/proc/sys/kernel/core_pattern", O_WRONLY),
    ),
    files(
        "write-modprobe",
        "opens for writing what the kernel runs as root for a module",
        OutsideAsRoot,
        |ground| machine(ground, c"/proc/sys/kernel/modprobe", O_WRONLY),
    ),
    files("write-overcommit", "opens a setting of the memory for writing", OutsideAsRoot, |ground| {
        machine(ground, c"/proc/sys/vm/overcommit_memory", O_WRONLY)
    }),
    files("write-forwarding", "opens a setting of the network for writing", OutsideAsRoot, |ground| {
        machine(ground, c"/proc/sys/net/ipv4/ip_forward", O_WRONLY)
    }),
    files(
        "write-namespace-limit",
        "opens the limit of user namespaces for writing",
        OutsidePrivileged,
        |ground| machine(ground, c"/proc/sys/user/max_user_namespaces", O_WRONLY),
    ),
    files("write-sysrq", "opens the trigger for commands to the kernel", OutsideAsRoot, |ground| {
        machine(ground, c"/proc/sysrq-trigger", O_WRONLY)
    }),
    files(
        "write-uid-map",
        "opens the user map of a process of the host for writing",
        OutsideAsRoot,
        |ground| {
            ground.tell(
                open(&c_path(format!("/proc/{}/uid_map", ground.victim)), O_WRONLY),
                "opened for writing",
            )
        },
    ),
    files(
        "write-oom-score",
        "shields itself from being killed when memory is short",
        OutsidePrivileged,
        |ground| ground.tell_if_any(fs::write("/proc/self/oom_score_adj", "-500"), "set to -500"),
    ),
    files("read-kcore", "opens the memory of the kernel", OutsideAsRoot, |ground| {
        machine(ground, c"/proc/kcore", O_RDONLY)
    }),
    files("read-kmsg", "opens the messages of the kernel in `/proc`", OutsideAsRoot, |ground| {
        machine(ground, c"/proc/kmsg", O_RDONLY)
    }),
    files("read-kernel-addresses", "reads where the kernel lies in memory", OutsideAsRoot, kernel_addresses),
    files("read-iomem", "reads the map of the physical memory", OutsideAsRoot, |ground| {
        machine(ground, c"/proc/iomem", O_RDONLY)
    }),
    files(
        "write-uevent-helper",
        "opens for writing what the kernel runs for a device",
        OutsideAsRoot,
        |ground| machine(ground, c"/sys/kernel/uevent_helper", O_WRONLY),
    ),
    files("write-power-state", "opens the switch that suspends the machine", OutsideAsRoot, |ground| {
        machine(ground, c"/sys/power/state", O_WRONLY)
    }),
    files("list-debug", "lists the insides of the kernel", OutsideAsRoot, |ground| {
        machine(ground, c"/sys/kernel/debug", O_RDONLY | O_DIRECTORY)
    }),
    files("list-sys", "lists the devices of the machine", Outside, |ground| {
        machine(ground, c"/sys/class", O_RDONLY | O_DIRECTORY)
    }),
    files(
        "write-release-agent",
        "opens for writing what the kernel runs for an empty group",
        OutsideAsRoot,
        |ground| {
            first(
                ground,
                O_WRONLY,
                &[
                    c"/sys/fs/cgroup/memory/release_agent",
                    c"/sys/fs/cgroup/pids/release_agent",
                    c"/sys/fs/cgroup/cpu/release_agent",
                    c"/sys/fs/cgroup/systemd/release_agent",
                    c"/sys/fs/cgroup/release_agent",
                ],
            )
        },
    ),
    files("leave-cgroup", "opens the list of the top control group for writing", OutsideAsRoot, |ground| {
        first(
            ground,
            O_WRONLY,
            &[
                c"/sys/fs/cgroup/cgroup.procs",
                c"/sys/fs/cgroup/memory/cgroup.procs",
                c"/sys/fs/cgroup/pids/cgroup.procs",
                c"/sys/fs/cgroup/unified/cgroup.procs",
            ],
        )
    }),
    // Devices.
    files("make-character-device", "makes the device of the memory and opens it", OutsideAsRoot, |ground| {
        device(ground, libc::S_IFCHR, libc::makedev(1, 1))
    }),
    files("make-block-device", "makes the device of a disk", OutsideAsRoot, |ground| {
        device(ground, libc::S_IFBLK, libc::makedev(8, 0))
    }),
    files("open-mem", "opens the memory of the machine", OutsideAsRoot, |ground| {
        machine(ground, c"/dev/mem", O_RDONLY)
    }),
    files("open-port", "opens the ports of the machine", OutsideAsRoot, |ground| {
        machine(ground, c"/dev/port", O_RDONLY)
    }),
    files("open-kvm", "opens the hypervisor", OutsideAsRoot, |ground| machine(ground, c"/dev/kvm", O_RDWR)),
    files("open-dev-kmsg", "opens the messages of the kernel in `/dev`", OutsideAsRoot, |ground| {
        machine(ground, c"/dev/kmsg", O_RDONLY)
    }),
    files("open-tun", "opens the maker of network devices", OutsideAsRoot, |ground| {
        machine(ground, c"/dev/net/tun", O_RDWR)
    }),
    files("open-fuse", "opens the maker of file systems", OutsideAsRoot, |ground| {
        machine(ground, c"/dev/fuse", O_RDWR)
    }),
    files("open-vsock", "opens the way from a machine to its host", OutsideAsRoot, |ground| {
        machine(ground, c"/dev/vsock", O_RDONLY)
    }),
    files("open-loop-control", "opens the maker of loop devices", OutsideAsRoot, |ground| {
        machine(ground, c"/dev/loop-control", O_RDWR)
    }),
    files("open-userfaultfd", "opens the device for page faults", OutsideAsRoot, |ground| {
        machine(ground, c"/dev/userfaultfd", O_RDWR)
    }),
    files("open-disk", "opens a disk", OutsideAsRoot, |ground| {
        first(
            ground,
            O_RDONLY,
            &[
                c"/dev/vda",
                c"/dev/sda",
                c"/dev/nvme0n1",
                c"/dev/xvda",
                c"/dev/mmcblk0",
                c"/dev/dm-0",
                c"/dev/vda1",
                c"/dev/sda1",
            ],
        )
    }),
    files("open-input", "opens the keyboard", OutsideAsRoot, |ground| {
        machine(ground, c"/dev/input/event0", O_RDONLY)
    }),
    files("open-graphics", "opens the graphics card", OutsideAsRoot, |ground| {
        first(ground, O_RDWR, &[c"/dev/dri/renderD128", c"/dev/dri/card0", c"/dev/nvidia0", c"/dev/fb0"])
    }),
];

/// Opens something of the machine, which it may lack.
fn machine(ground: &Ground, path: &CStr, flags: i32) -> Verdict {
    tell_machine(ground, open(path, flags))
}

/// A container may keep even root from devices: then it has none.
fn tell_machine(ground: &Ground, opened: io::Result<()>) -> Verdict {
    match opened {
        Err(error) if ground.outside() && error.raw_os_error() == Some(libc::EPERM) => {
            Verdict::NotHere("kept from everybody".into())
        }
        opened => ground.tell_if_any(opened, "opened"),
    }
}

/// Opens whichever of the paths there is first.
fn first(ground: &Ground, flags: i32, paths: &[&CStr]) -> Verdict {
    let mut last = Err(io::Error::from_raw_os_error(libc::ENOENT));
    for path in paths {
        last = open(path, flags);
        match &last {
            Ok(()) => break,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            // Something is there; the others are no better.
            Err(_) if ground.outside() => break,
            Err(_) => {}
        }
    }
    tell_machine(ground, last)
}

fn read(path: &Path) -> io::Result<u8> {
    let mut byte = [0];
    fs::File::open(path)?.read_exact(&mut byte)?;
    let [byte] = byte;
    Ok(byte)
}

/// Reads a secret that was prepared.
fn reading(ground: &Ground, path: impl AsRef<Path>) -> Verdict {
    ground.tell(read(path.as_ref()), "read")
}

fn below_root(process: &str, ground: &Ground) -> std::path::PathBuf {
    let key = ground.secret_file();
    Path::new("/proc").join(process).join("root").join(key.strip_prefix("/").unwrap_or(&key))
}

/// Makes a file without a name, which is gone when it is closed.
fn unnamed(ground: &Ground, folder: &CStr) -> Verdict {
    let made = open(folder, O_TMPFILE | O_WRONLY);
    ground.tell_if_any(made, "made a file without a name")
}

fn kernel_addresses(ground: &Ground) -> Verdict {
    let mut start = [0; 4_096];
    match fs::File::open("/proc/kallsyms").and_then(|mut file| file.read(&mut start)) {
        Ok(length) => {
            // Whoever may not know them reads zeros. Some symbols really lie at 0.
            let text = String::from_utf8_lossy(start.get(..length).unwrap_or_default());
            let known = text.lines().any(|line| {
                let address = line.split(' ').next().unwrap_or_default();
                address.len() == 16 && address.bytes().any(|digit| digit != b'0')
            });
            if known { Verdict::Open("addresses".into()) } else { Verdict::Held("only zeros".into()) }
        }
        Err(error) => ground.tell_if_any(Err::<(), _>(error), ""),
    }
}

fn device(ground: &Ground, kind: u32, device: u64) -> Verdict {
    let path = ground.own.join("device");
    let c_path = c_path(&path);
    let made = call!(SYS_mknodat, libc::AT_FDCWD, c_path.as_c_str(), kind | 0o600, device);
    let _ = fs::remove_file(&path);
    ground.tell(made, "made")
}

/// Opens the secret file by its handle, with each folder that is visible as the file system it lies on.
fn by_handle(ground: &Ground) -> Verdict {
    let Some((kind, handle)) = &ground.file_handle else {
        return Verdict::NotHere("the file system has no handles".into());
    };
    let mut buffer = HandleBuffer { bytes: handle.len() as u32, kind: *kind, handle: [0; 128] };
    for (to, from) in buffer.handle.iter_mut().zip(handle) {
        *to = *from;
    }
    let mut last = Err(io::Error::from_raw_os_error(libc::ENOENT));
    for folder in [&ground.visible, &ground.own, Path::new("/")] {
        last = sys::descriptor(&c_path(folder), O_RDONLY | O_DIRECTORY)
            .and_then(|fd| call!(SYS_open_by_handle_at, fd, &raw const buffer, O_RDONLY | libc::O_CLOEXEC));
        if last.is_ok() {
            break;
        }
    }
    ground.tell(last, "opened")
}

/// One process swaps a folder for a link to the home, again and again, and the other opens a file in it.
fn race(ground: &Ground) -> Verdict {
    let folder = ground.own.join("race");
    let (honest, link, name) = (folder.join("honest"), folder.join("link"), folder.join("name"));
    let end = Instant::now() + Duration::from_millis(300);
    let prepared = fs::create_dir_all(&honest)
        .and_then(|()| symlink(ground.home.join(".ssh"), &link))
        .and_then(|()| symlink(&honest, &name));
    let swapper = prepared.and_then(|()| {
        sys::fork(|| {
            let next = folder.join("next");
            while Instant::now() < end {
                for target in [&link, &honest] {
                    let _ = symlink(target, &next).and_then(|()| fs::rename(&next, &name));
                }
            }
            0
        })
    });
    let swapper = match swapper {
        Ok(swapper) => swapper,
        Err(error) => return ground.tell(Err::<(), _>(error), ""),
    };
    let mut last = Err(io::Error::from_raw_os_error(libc::ENOENT));
    while Instant::now() < end && last.is_err() {
        last = read(&name.join("id_ed25519"));
    }
    let _ = sys::wait(swapper);
    let _ = fs::remove_dir_all(&folder);
    ground.tell(last, "read")
}
