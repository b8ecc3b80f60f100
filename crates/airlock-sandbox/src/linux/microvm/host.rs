//! The backend: one program, one machine.

use std::{
    fs::{DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    super::{host::Launcher, limits, plan::Plan, running::failed, scratch},
    api::printable,
    boot,
    firecracker::Firecracker,
    image,
    job::Task,
    process::{Monitor, Said, last_words},
    result::{self, Account, Ending, Layout, Told},
    vmm::{Access, Drive, Machine, Vmm},
    wire::Token,
};
use crate::{
    Backend, Confinement, End, Enforcement, Job, Level, Outcome, Probe, Sandbox, SandboxError, Step,
};

/// Memory of a machine besides what the program may use, in MiB: the kernel's own, and the page tables.
const OVERHEAD: u64 = 96;
const MEBIBYTE: u64 = 1 << 20;
/// Longest reason that a guest may give, in characters.
const LONGEST_DETAIL: usize = 400;
/// The way the kernel ends a program that used up its processor time.
const SIGXCPU: i32 = libc::SIGXCPU;
/// How long it may take until the guest has started the program.
const NOT_STARTED_BY_THEN: &str = "it had not started the program when its time was up";

/// What a machine is made of that Airlock does not bring.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MicrovmSettings {
    /// The kernel: `vmlinux` for x86-64, with virtio-mmio, virtio-blk, the root's file system, tmpfs and an initial RAM
    /// file system built in.
    pub kernel: Option<PathBuf>,
    /// The root file system that programs find: an image (squashfs, ext4 or erofs), never written to.
    pub rootfs: Option<PathBuf>,
    /// The program `firecracker`; by default the first on `PATH`.
    pub firecracker: Option<PathBuf>,
}

/// Where the environment names the kernel, and the root file system.
const KERNEL: &str = "AIRLOCK_MICROVM_KERNEL";
const ROOTFS: &str = "AIRLOCK_MICROVM_ROOTFS";

impl MicrovmSettings {
    /// As the environment names them: `AIRLOCK_MICROVM_KERNEL` and `AIRLOCK_MICROVM_ROOTFS`.
    pub fn from_env() -> Self {
        let of = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        Self { kernel: of(KERNEL), rootfs: of(ROOTFS), firecracker: None }
    }

    /// What is missing of the files, each a sentence that says what to do.
    pub fn missing(&self) -> Vec<String> {
        let kernel = match &self.kernel {
            None => Some(format!("no kernel is named: set {KERNEL} to a `vmlinux`")),
            Some(path) => image::check_kernel(path).err().map(|why| format!("the kernel: {why}")),
        };
        let rootfs = match &self.rootfs {
            None => Some(format!("no root file system is named: set {ROOTFS} to an image")),
            Some(path) => image::check_root(path).err().map(|why| format!("the root file system: {why}")),
        };
        kernel.into_iter().chain(rootfs).collect()
    }
}

/// Runs each program in a virtual machine of its own on this machine, with a kernel of its own and without any network.
///
/// What is to be run goes in by a drive that cannot be written to; what comes of it, by one of a fixed size. There is no
/// other way in or out. The first process of the machine is this very program: it gives the program an unprivileged user,
/// no capabilities and its limits, and writes down what becomes of it. The deadline is kept on the outside. Nothing of this
/// machine can be shown in it: a [`Confinement`] that names paths, links or hosts is refused, as is one without a time limit.
#[derive(Clone, Debug)]
pub struct Microvm {
    _launcher: Launcher,
    settings: MicrovmSettings,
    vmm: Arc<dyn Vmm>,
}

impl Microvm {
    /// With Firecracker.
    pub fn new(launcher: Launcher, settings: MicrovmSettings) -> Self {
        let vmm = Arc::new(Firecracker::new(settings.firecracker.clone()));
        Self { _launcher: launcher, settings, vmm }
    }

    /// With another virtual machine monitor.
    #[must_use]
    pub fn with_vmm(self, vmm: Arc<dyn Vmm>) -> Self {
        Self { vmm, ..self }
    }

    /// Everything that is missing, each a sentence that says what to do.
    pub fn missing(&self) -> Vec<String> {
        self.vmm.missing().into_iter().chain(self.settings.missing()).collect()
    }
}

impl Sandbox for Microvm {
    fn backend(&self) -> Backend {
        Backend::Microvm
    }

    fn probe(&self) -> Probe {
        let reasons = self.missing();
        if reasons.is_empty() {
            return Probe::full(Backend::Microvm);
        }
        Probe { reasons, ..Probe::unusable(Backend::Microvm, "") }
    }

    fn run(&self, job: &Job, confinement: &Confinement) -> Result<Outcome, SandboxError> {
        let begin = Instant::now();
        let wall = translate(confinement).map_err(unavailable)?;
        if job.command.is_empty() {
            return Err(unavailable("there is no command"));
        }
        let missing = self.missing();
        if !missing.is_empty() {
            return Err(unavailable(missing.join("; ")));
        }
        let deadline = begin + wall;
        let prepared = self.prepare(job, confinement, deadline)?;
        let given_up = |error| if job.stop.is_requested() { SandboxError::GivenUp } else { error };
        if job.stop.is_requested() {
            return Err(SandboxError::GivenUp);
        }
        let child = self.vmm.start(&prepared.machine).map_err(given_up)?;
        let Prepared { result, layout, folder, .. } = prepared;
        drop(folder);
        let (mut monitor, mut said) = (Monitor::of(child), Said::default());
        let waited = monitor.end_when(&job.stop).and_then(|_awaited| monitor.wait(&mut said, deadline));
        // However that went: nothing of the machine stays, and what it has written is there.
        monitor.end_saying(&mut said);
        if job.stop.is_requested() {
            return Err(SandboxError::GivenUp);
        }
        let ended = waited.map_err(|error| broken(format!("it cannot be waited for: {error}")))?;
        judge(result::read(&result, layout), ended, &said, confinement)
    }
}

/// How much time there is; or why it cannot be had.
fn translate(confinement: &Confinement) -> Result<Duration, &'static str> {
    let Confinement { read_only, writable, links, environment: _, folder: _, network, limits } = confinement;
    if !(read_only.is_empty() && writable.is_empty() && links.is_empty()) {
        return Err(
            "no file or folder of this machine can be shown in a virtual machine: put it into its root file system",
        );
    }
    if !network.hosts().is_empty() {
        return Err("its machines have no network, and no host can be reached from them");
    }
    limits.wall.ok_or("a program without a time limit is not run in a virtual machine")
}

/// All that a machine is started from.
#[derive(Debug)]
struct Prepared {
    machine: Machine,
    result: File,
    layout: Layout,
    folder: Folder,
}

impl Microvm {
    fn prepare(
        &self,
        job: &Job,
        confinement: &Confinement,
        deadline: Instant,
    ) -> Result<Prepared, SandboxError> {
        let named = |path: &Option<PathBuf>| {
            let path =
                path.as_ref().ok_or_else(|| unavailable("no kernel or no root file system is named"))?;
            // What starts the machine does so in another folder.
            std::path::absolute(path).map_err(|error| unavailable(format!("{}: {error}", path.display())))
        };
        let (kernel, rootfs) = (named(&self.settings.kernel)?, named(&self.settings.rootfs)?);
        let made = |error| SandboxError::at(Step::MakeScratch)(error);
        let folder = Folder::make().map_err(made)?;
        let (initramfs, job_path) = (folder.path.join("first"), folder.path.join("job"));
        let result_path = folder.path.join("result");

        let first = create(&initramfs).and_then(boot::write).map_err(made)?;
        let token = Token::new().map_err(made)?;
        let limits = confinement.limits;
        let output = limits.output as u64;
        let mut plan = Plan::new(confinement, Level::Machine, &job.command, None);
        // The memory of the machine bounds all of them together; that of each would only be in the way.
        plan.controllers = vec![limits::MEMORY.to_owned()];
        let task = Task { token, plan, output, input: job.input.clone() };
        let written = create(&job_path).and_then(|file| task.write(io::BufWriter::new(file)));
        written.map_err(SandboxError::at(Step::ReadPlan))?;
        let layout = Layout::new(token, output).map_err(SandboxError::at(Step::ReadPlan))?;
        let result = create(&result_path).map_err(made)?;
        layout.prepare(&result).map_err(made)?;

        // It is unpacked from one place in memory to another; the input is read into memory.
        let room = 2 * first + job.input.len() as u64;
        let memory = limits.memory.saturating_add(room).div_ceil(MEBIBYTE).saturating_add(OVERHEAD);
        let drives = vec![
            Drive::new("rootfs", &rootfs, Access::Read),
            Drive::new("job", &job_path, Access::Read),
            Drive::new("result", &result_path, Access::Write),
        ];
        let (arguments, stop) = (boot::arguments(), job.stop.clone());
        let machine = Machine {
            folder: folder.path.clone(),
            kernel,
            initramfs,
            arguments,
            memory,
            drives,
            deadline,
            stop,
        };
        Ok(Prepared { machine, result, layout, folder })
    }
}

/// What became of the program, given what the guest told and whether the machine ended by itself.
fn judge(
    told: Result<Told, String>,
    ended: bool,
    said: &Said,
    confinement: &Confinement,
) -> Result<Outcome, SandboxError> {
    let words = last_words(said);
    let with_words = |reason: &str| {
        broken(if words.is_empty() { reason.to_owned() } else { format!("{reason} (it said: {words})") })
    };
    let (account, texts, complete) = match told {
        Ok(Told::Complete(account, texts)) => (account, texts, true),
        Ok(Told::Running(account, texts)) => (account, texts, false),
        // A machine that had to be ended may have been about to write.
        Err(reason) => return Err(with_words(&reason)),
        Ok(Told::Nothing) if ended => return Err(with_words("the machine ended and told nothing")),
        Ok(Told::Nothing) => return Err(with_words(NOT_STARTED_BY_THEN)),
    };
    let Account { enforcement, end } = account;
    let end = match end {
        Some(Ending::NotStarted { step, errno, detail }) if complete => {
            return Err(failed(step, errno, &printable(&detail, LONGEST_DETAIL)));
        }
        // Also where it was about to end by itself: its time was up.
        _ if !ended => End::DeadlineExceeded,
        Some(Ending::Exited(code)) if complete => End::Exited(code),
        Some(Ending::Signalled(SIGXCPU)) if complete && confinement.limits.cpu.is_some() => End::CpuExceeded,
        Some(Ending::Signalled(signal)) if complete => End::Signalled(signal),
        Some(Ending::OutOfMemory) if complete => End::MemoryExceeded,
        Some(Ending::TooMuchOutput) if complete => End::OutputExceeded,
        Some(Ending::TooLate) if complete => End::DeadlineExceeded,
        _ => return Err(with_words("the machine ended before the program did")),
    };
    let [stdout, stderr] = texts;
    // What holds it within is the guest's word; that it is a machine is ours.
    let Enforcement { uid, own_root, no_capabilities, no_new_privileges, seccomp_filters, .. } =
        enforcement.unwrap_or_default();
    let enforcement = Enforcement {
        level: Level::Machine,
        uid,
        own_root,
        no_capabilities,
        no_new_privileges,
        seccomp_filters,
        ..Enforcement::default()
    };
    Ok(Outcome { end, stdout, stderr, enforcement })
}

fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)
}

/// A folder for one machine, for nobody but this user. Dropping it removes it.
#[derive(Debug)]
struct Folder {
    path: PathBuf,
}

impl Folder {
    fn make() -> io::Result<Self> {
        let path = scratch::choose()?;
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self { path })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // No guest has a say in what lies there. What cannot be removed stays, in a folder for temporary files.
        drop(std::fs::remove_dir_all(&self.path));
    }
}

fn unavailable(reason: impl Into<String>) -> SandboxError {
    SandboxError::Unavailable { backend: Backend::Microvm, reason: reason.into() }
}

fn broken(reason: impl Into<String>) -> SandboxError {
    SandboxError::Broken { backend: Backend::Microvm, reason: reason.into() }
}

#[cfg(test)]
mod tests {
    use super::{
        Account, Confinement, End, Ending, Enforcement, Level, Said, SandboxError, Step, Told, judge,
        translate,
    };
    use crate::{Limits, proxy::Network};

    fn account(end: Option<Ending>) -> Account {
        let enforcement = Enforcement { uid: 7, level: Level::None, ..Enforcement::default() };
        Account { enforcement: Some(enforcement), end }
    }

    fn texts() -> [Vec<u8>; 2] {
        [b"out".to_vec(), b"err".to_vec()]
    }

    fn judged(told: Result<Told, String>, ended: bool) -> Result<End, SandboxError> {
        judge(told, ended, &Said::default(), &Confinement::default()).map(|outcome| {
            assert_eq!((outcome.stdout, outcome.stderr), (b"out".to_vec(), b"err".to_vec()));
            assert_eq!((outcome.enforcement.level, outcome.enforcement.uid), (Level::Machine, 7));
            outcome.end
        })
    }

    #[test]
    fn a_whole_result_is_what_it_says() {
        let table = [
            (Ending::Exited(3), End::Exited(3)),
            (Ending::Signalled(11), End::Signalled(11)),
            (Ending::Signalled(libc::SIGXCPU), End::CpuExceeded),
            (Ending::OutOfMemory, End::MemoryExceeded),
            (Ending::TooMuchOutput, End::OutputExceeded),
            (Ending::TooLate, End::DeadlineExceeded),
        ];
        for (told, end) in table {
            let told = Told::Complete(account(Some(told)), texts());
            assert_eq!(judged(Ok(told.clone()), true).unwrap(), end);
            assert_eq!(judged(Ok(told), false).unwrap(), End::DeadlineExceeded, "its time was up");
        }
        let refused =
            Ending::NotStarted { step: Step::StartProgram, errno: 2, detail: "no\u{1b}[2J `x`".to_owned() };
        match judged(Ok(Told::Complete(account(Some(refused)), texts())), true) {
            Err(SandboxError::Failed { step: Step::StartProgram, source }) => {
                assert_eq!(source.kind(), std::io::ErrorKind::NotFound);
                assert_eq!(source.to_string(), "no [2J `x`");
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn less_than_a_whole_result_is_no_success() {
        let broken = |told: Result<Told, String>, ended| match judged(told, ended) {
            Err(SandboxError::Broken { reason, .. }) => reason,
            other => panic!("{other:?}"),
        };
        assert!(broken(Ok(Told::Nothing), true).contains("told nothing"));
        assert!(broken(Ok(Told::Nothing), false).contains("had not started"));
        assert!(broken(Err("damaged".to_owned()), true).contains("damaged"));
        assert!(broken(Err("damaged".to_owned()), false).contains("damaged"));
        for end in [None, Some(Ending::Exited(0))] {
            let running = Told::Running(account(end), texts());
            assert!(broken(Ok(running), true).contains("before the program did"));
        }
        assert!(broken(Ok(Told::Complete(account(None), texts())), true).contains("before the program did"));
        // What was written until the deadline is worth something.
        let running = Told::Running(account(None), texts());
        assert_eq!(judged(Ok(running), false).unwrap(), End::DeadlineExceeded);
    }

    #[test]
    fn what_cannot_be_had_is_refused() {
        let confinement = Confinement::default();
        assert!(translate(&confinement).is_ok(), "the control");
        let (path, limits) = (|| "/a".into(), Limits { wall: None, ..Limits::default() });
        let network = Network::of(vec!["example.com".parse().unwrap()]);
        for odd in [
            Confinement { read_only: vec![path()], ..confinement.clone() },
            Confinement { writable: vec![path()], ..confinement.clone() },
            Confinement { links: vec![(path(), path())], ..confinement.clone() },
            Confinement { network, ..confinement.clone() },
            Confinement { limits, ..confinement },
        ] {
            assert!(translate(&odd).is_err(), "{odd:?}");
        }
    }
}
