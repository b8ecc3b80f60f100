//! The kernel and the machine as files: settings, memory, control groups, devices.

use std::{
    ffi::CStr,
    fs,
    io::{self, Read as _},
};

use libc::{O_DIRECTORY, O_RDONLY, O_RDWR, O_WRONLY};

use super::{
    Attempt,
    Control::{self, Outside, OutsideAsRoot, OutsidePrivileged},
    Ground, Theme, Verdict,
    ground::c_path,
    sys::{call, open},
};

const fn machine_file(
    name: &'static str,
    what: &'static str,
    control: Control,
    run: fn(&Ground) -> Verdict,
) -> Attempt {
    super::attempt(Theme::Files, name, what, control, run)
}

pub(super) const ATTEMPTS: &[Attempt] = &[
    // The kernel.
    machine_file(
        "write-core-pattern",
        "opens for writing what the kernel runs as root on a crash",
        OutsideAsRoot,
        |ground| machine(ground, c"/proc/sys/kernel/core_pattern", O_WRONLY),
    ),
    machine_file(
        "write-modprobe",
        "opens for writing what the kernel runs as root for a module",
        OutsideAsRoot,
        |ground| machine(ground, c"/proc/sys/kernel/modprobe", O_WRONLY),
    ),
    machine_file("write-overcommit", "opens a setting of the memory for writing", OutsideAsRoot, |ground| {
        machine(ground, c"/proc/sys/vm/overcommit_memory", O_WRONLY)
    }),
    machine_file("write-forwarding", "opens a setting of the network for writing", OutsideAsRoot, |ground| {
        machine(ground, c"/proc/sys/net/ipv4/ip_forward", O_WRONLY)
    }),
    machine_file(
        "write-namespace-limit",
        "opens the limit of user namespaces for writing",
        OutsidePrivileged,
        |ground| machine(ground, c"/proc/sys/user/max_user_namespaces", O_WRONLY),
    ),
    machine_file("write-sysrq", "opens the trigger for commands to the kernel", OutsideAsRoot, |ground| {
        machine(ground, c"/proc/sysrq-trigger", O_WRONLY)
    }),
    machine_file(
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
    machine_file(
        "write-oom-score",
        "shields itself from being killed when memory is short",
        OutsidePrivileged,
        |ground| ground.tell_if_any(fs::write("/proc/self/oom_score_adj", "-500"), "set to -500"),
    ),
    machine_file("read-kcore", "opens the memory of the kernel", OutsideAsRoot, |ground| {
        machine(ground, c"/proc/kcore", O_RDONLY)
    }),
    machine_file("read-kmsg", "opens the messages of the kernel in `/proc`", OutsideAsRoot, |ground| {
        machine(ground, c"/proc/kmsg", O_RDONLY)
    }),
    machine_file(
        "read-kernel-addresses",
        "reads where the kernel lies in memory",
        OutsideAsRoot,
        kernel_addresses,
    ),
    machine_file("read-iomem", "reads the map of the physical memory", OutsideAsRoot, |ground| {
        machine(ground, c"/proc/iomem", O_RDONLY)
    }),
    machine_file(
        "write-uevent-helper",
        "opens for writing what the kernel runs for a device",
        OutsideAsRoot,
        |ground| machine(ground, c"/sys/kernel/uevent_helper", O_WRONLY),
    ),
    machine_file(
        "write-power-state",
        "opens the switch that suspends the machine",
        OutsideAsRoot,
        |ground| machine(ground, c"/sys/power/state", O_WRONLY),
    ),
    machine_file("list-debug", "lists the insides of the kernel", OutsideAsRoot, |ground| {
        machine(ground, c"/sys/kernel/debug", O_RDONLY | O_DIRECTORY)
    }),
    machine_file("list-sys", "lists the devices of the machine", Outside, |ground| {
        machine(ground, c"/sys/class", O_RDONLY | O_DIRECTORY)
    }),
    machine_file(
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
    machine_file(
        "leave-cgroup",
        "opens the list of the top control group for writing",
        OutsideAsRoot,
        |ground| {
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
        },
    ),
    // Devices.
    machine_file(
        "make-character-device",
        "makes the device of the memory and opens it",
        OutsideAsRoot,
        |ground| device(ground, libc::S_IFCHR, libc::makedev(1, 1)),
    ),
    machine_file("make-block-device", "makes the device of a disk", OutsideAsRoot, |ground| {
        device(ground, libc::S_IFBLK, libc::makedev(8, 0))
    }),
    machine_file("open-mem", "opens the memory of the machine", OutsideAsRoot, |ground| {
        machine(ground, c"/dev/mem", O_RDONLY)
    }),
    machine_file("open-port", "opens the ports of the machine", OutsideAsRoot, |ground| {
        machine(ground, c"/dev/port", O_RDONLY)
    }),
    machine_file("open-kvm", "opens the hypervisor", OutsideAsRoot, |ground| {
        machine(ground, c"/dev/kvm", O_RDWR)
    }),
    machine_file("open-dev-kmsg", "opens the messages of the kernel in `/dev`", OutsideAsRoot, |ground| {
        machine(ground, c"/dev/kmsg", O_RDONLY)
    }),
    machine_file("open-tun", "opens the maker of network devices", OutsideAsRoot, |ground| {
        machine(ground, c"/dev/net/tun", O_RDWR)
    }),
    machine_file("open-fuse", "opens the maker of file systems", OutsideAsRoot, |ground| {
        machine(ground, c"/dev/fuse", O_RDWR)
    }),
    machine_file("open-vsock", "opens the way from a machine to its host", OutsideAsRoot, |ground| {
        machine(ground, c"/dev/vsock", O_RDONLY)
    }),
    machine_file("open-loop-control", "opens the maker of loop devices", OutsideAsRoot, |ground| {
        machine(ground, c"/dev/loop-control", O_RDWR)
    }),
    machine_file("open-userfaultfd", "opens the device for page faults", OutsideAsRoot, |ground| {
        machine(ground, c"/dev/userfaultfd", O_RDWR)
    }),
    machine_file("open-disk", "opens a disk", OutsideAsRoot, |ground| {
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
    machine_file("open-input", "opens the keyboard", OutsideAsRoot, |ground| {
        machine(ground, c"/dev/input/event0", O_RDONLY)
    }),
    machine_file("open-graphics", "opens the graphics card", OutsideAsRoot, |ground| {
        first(ground, O_RDWR, &[c"/dev/dri/renderD128", c"/dev/dri/card0", c"/dev/nvidia0", c"/dev/fb0"])
    }),
];

/// Opens something of the machine, which it may lack.
pub(super) fn machine(ground: &Ground, path: &CStr, flags: i32) -> Verdict {
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
