//! Real guests where there is no KVM: QEMU emulates the processor. Its machine `microvm` has the devices that Firecracker's
//! have, so that kernel, first process and drives are the same. Only for tests: what it takes is not what it will take.
//!
//! It needs `qemu-system-x86_64` on PATH, and in the environment `AIRLOCK_TEST_GUEST_KERNEL` (a `vmlinux`) and
//! `AIRLOCK_TEST_GUEST_ROOTFS` (an image with a `busybox` and its links in `/bin`); docs/sandbox.md says how to make both.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use airlock_sandbox::{
    Backend, Confinement, Launcher, Limits, SandboxError,
    microvm::{Access, Machine, Microvm, MicrovmSettings, Vmm},
};
use airlock_testkit::backends::Particulars;
use tempfile::TempDir;

const PROGRAM: &str = "qemu-system-x86_64";
const KERNEL: &str = "AIRLOCK_TEST_GUEST_KERNEL";
const ROOTFS: &str = "AIRLOCK_TEST_GUEST_ROOTFS";

/// What keeps these tests from being run, in words.
pub(crate) fn missing() -> Option<String> {
    let path = env::var_os("PATH").unwrap_or_default();
    if !env::split_paths(&path).any(|folder| folder.join(PROGRAM).is_file()) {
        return Some(format!("there is no {PROGRAM}"));
    }
    unset()
}

/// What is not named of the guest, in words.
pub(crate) fn unset() -> Option<String> {
    let unset = [KERNEL, ROOTFS].into_iter().find(|name| env::var_os(name).is_none());
    unset.map(|name| format!("{name} is not set"))
}

/// The guest.
pub(crate) fn settings() -> MicrovmSettings {
    let of = |name| env::var_os(name).map(PathBuf::from);
    MicrovmSettings { kernel: of(KERNEL), rootfs: of(ROOTFS), ..MicrovmSettings::default() }
}

/// A backend whose machines are emulated.
pub(crate) fn sandbox(launcher: &Launcher) -> Microvm {
    let names = tempfile::tempdir().unwrap();
    Microvm::new(launcher.clone(), settings()).with_vmm(Arc::new(Qemu { names }))
}

/// What an emulated machine needs.
const PATIENCE: Duration = Duration::from_secs(240);

/// Patience with a program in one.
pub(crate) fn patient() -> Confinement {
    let limits = Limits { wall: Some(PATIENCE), ..Limits::default() };
    Confinement { limits, ..Confinement::default() }
}

/// There are no folders in it but these two.
pub(crate) fn particulars() -> Particulars {
    let begun_by = Duration::from_secs(60);
    Particulars { folders: &["/tmp", "$HOME", "."], begun_by, patience: PATIENCE, ..Particulars::default() }
}

#[derive(Debug)]
struct Qemu {
    /// Where its files have names of their own: it does not say when it has opened them.
    names: TempDir,
}

impl Qemu {
    fn keep(&self, machine: &Machine, path: &Path) -> PathBuf {
        if !path.starts_with(&machine.folder) {
            return path.to_owned();
        }
        let kept = self.names.path().join(path.file_name().unwrap());
        drop(fs::remove_file(&kept));
        fs::hard_link(path, &kept).unwrap();
        kept
    }
}

impl Vmm for Qemu {
    fn missing(&self) -> Vec<String> {
        missing().into_iter().collect()
    }

    fn start(&self, machine: &Machine) -> Result<Child, SandboxError> {
        let mut qemu = Command::new(PROGRAM);
        qemu.args(["-M", "microvm,accel=tcg,acpi=off,x-option-roms=off"]);
        qemu.args(["-cpu", "max", "-no-user-config", "-nodefaults", "-display", "none", "-no-reboot"]);
        qemu.args(["-serial", "stdio", "-global", "virtio-mmio.force-legacy=false"]);
        qemu.args(["-m", &format!("{}M", machine.memory), "-append", &machine.arguments]);
        qemu.arg("-kernel").arg(&machine.kernel).arg("-initrd").arg(self.keep(machine, &machine.initramfs));
        for drive in &machine.drives {
            let name = drive.name;
            let access = if drive.access == Access::Read { ",readonly=on" } else { "" };
            let path = self.keep(machine, &drive.path);
            let path = path.to_str().unwrap();
            qemu.args(["-drive", &format!("id={name},file={path},format=raw,if=none{access}")]);
            qemu.args(["-device", &format!("virtio-blk-device,drive={name}")]);
        }
        let child = qemu.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        child.map_err(|error| SandboxError::Unavailable {
            backend: Backend::Microvm,
            reason: error.to_string(),
        })
    }
}
