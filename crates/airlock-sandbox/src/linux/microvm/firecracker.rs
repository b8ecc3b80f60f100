//! Firecracker: found, asked for its version, started with nothing of ours, and told over its socket what to run.

use std::{
    io,
    os::unix::{net::UnixStream, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{
    super::running::program,
    api::{Api, ApiError},
    confine::{self, Grant, Grants},
    process::{Monitor, last_words},
    vmm::{Access, Machine, Vmm},
};
use crate::{
    Backend, SandboxError,
    doctor::{self, State},
};

/// The program's name on `PATH`.
const NAME: &str = "firecracker";
/// The first version whose requests are these and do not change any more.
const OLDEST: u32 = 1;
/// Where it listens, in the machine's folder.
const SOCKET: &str = "api.sock";
/// How long it may take to listen, and to answer each request.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks whether it listens.
const PAUSE: Duration = Duration::from_millis(2);

/// Runs machines by the program `firecracker`.
///
/// Its process has no environment, no descriptor of ours, no new privileges, ends with this one, and, where the kernel has
/// Landlock, may open the files of its machine, the system's libraries and `/dev/kvm`, and reach no network. Firecracker
/// adds filters of system calls of its own. A user of its own it does not get here, as from Firecracker's `jailer`.
#[derive(Clone, Debug)]
pub struct Firecracker {
    program: Option<PathBuf>,
    patience: Duration,
}

impl Firecracker {
    /// The given one; else the first on `PATH`.
    pub fn new(program: Option<PathBuf>) -> Self {
        let path = std::env::var_os("PATH").unwrap_or_default();
        Self { program: program.or_else(|| doctor::find(NAME, &path)), patience: PATIENCE }
    }

    /// Waits no longer than this for each of its answers.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// What is missing besides KVM: whether it is there, and new enough.
    pub fn missing_program(&self) -> Option<String> {
        let Some(program) = &self.program else {
            return Some(
                "there is no `firecracker` on PATH: get one from \
                 https://github.com/firecracker-microvm/firecracker/releases"
                    .to_owned(),
            );
        };
        let shown = program.display();
        match doctor::version(program) {
            None => Some(format!("`{shown}` does not say its version within 2 s: install it anew")),
            Some(said) => match major(&said) {
                Some(OLDEST..) => None,
                Some(_) => Some(format!("`{shown}` is older than version {OLDEST}.0: install a newer one")),
                None => Some(format!("`{shown}` does not call itself Firecracker: install it anew")),
            },
        }
    }
}

impl Vmm for Firecracker {
    fn missing(&self) -> Vec<String> {
        let kvm = doctor::kvm();
        let kvm = (kvm.state != State::Good).then(|| {
            let advice = kvm.advice.map(|advice| format!(": {}", advice.replace("\n$ ", " ")));
            format!("KVM: {}{}", kvm.text, advice.unwrap_or_default())
        });
        kvm.into_iter().chain(self.missing_program()).collect()
    }

    fn start(&self, machine: &Machine) -> Result<Child, SandboxError> {
        let program =
            self.program.as_ref().ok_or_else(|| unavailable("there is no `firecracker` on PATH"))?;
        let socket = machine.folder.join(SOCKET);
        let child = spawn(program, machine).map_err(|error| unavailable(&error.to_string()))?;
        let mut monitor = Monitor::of(child);
        // While it is spoken to, too.
        let _awaited = monitor.end_when(&machine.stop).map_err(|error| unavailable(&error.to_string()))?;
        match self.set_up(&socket, machine, &mut monitor) {
            Ok(()) => monitor.keep().ok_or(SandboxError::Lost),
            Err(error) => {
                // What it said itself is of more use than that it hung up.
                let words = last_words(&monitor.end());
                let words = if words.is_empty() { String::new() } else { format!(" (it said: {words})") };
                Err(match error {
                    SandboxError::Unavailable { backend, reason } => {
                        SandboxError::Unavailable { backend, reason: reason + &words }
                    }
                    SandboxError::Broken { backend, reason } => {
                        SandboxError::Broken { backend, reason: reason + &words }
                    }
                    other => other,
                })
            }
        }
    }
}

impl Firecracker {
    fn set_up(&self, socket: &Path, machine: &Machine, monitor: &mut Monitor) -> Result<(), SandboxError> {
        let until = |patience| machine.deadline.min(Instant::now() + patience);
        let stream = connect(socket, until(self.patience), monitor)?;
        let mut api = Api::new(stream);
        for (path, body) in requests(machine)? {
            // Until the last one, nothing runs.
            api.put(&path, &body, until(self.patience)).map_err(|error| unavailable(&error.to_string()))?;
        }
        let start = json!({ "action_type": "InstanceStart" });
        api.put("/actions", &start, until(self.patience)).map_err(|error| match error {
            ApiError::Refused { .. } => unavailable(&error.to_string()),
            ApiError::Broken(_) => broken(&error.to_string()),
        })
    }
}

fn spawn(firecracker: &Path, machine: &Machine) -> io::Result<Child> {
    let mut grants = vec![
        (Grant::Read, firecracker.to_owned()),
        (Grant::Read, machine.kernel.clone()),
        (Grant::Read, machine.initramfs.clone()),
        (Grant::All, machine.folder.clone()),
    ];
    for drive in &machine.drives {
        let grant = if drive.access == Access::Write { Grant::Use } else { Grant::Read };
        grants.push((grant, drive.path.clone()));
    }
    // By its name in the folder that it starts in: the names of sockets are short.
    let words = ["--api-sock", SOCKET, "--id", "airlock"].map(Into::into);
    let mut child = Command::new(program()?);
    child.args(confine::arguments(&Grants(grants), firecracker, &words));
    child.env_clear().current_dir(&machine.folder).stdin(Stdio::null());
    child.stdout(Stdio::piped()).stderr(Stdio::piped());
    // Out of a terminal's foreground group: Ctrl-C is the host's to handle.
    child.process_group(0);
    child.spawn()
}

/// What there is to say before it is started.
fn requests(machine: &Machine) -> Result<Vec<(String, Value)>, SandboxError> {
    let text = |path: &Path| {
        let odd = || unavailable(&format!("`{}` is no text, which its requests are", path.display()));
        path.to_str().map(str::to_owned).ok_or_else(odd)
    };
    let mut requests = vec![
        (
            "/machine-config".to_owned(),
            json!({ "vcpu_count": 1, "mem_size_mib": machine.memory, "smt": false, "track_dirty_pages": false }),
        ),
        (
            "/boot-source".to_owned(),
            json!({
                "kernel_image_path": text(&machine.kernel)?,
                "initrd_path": text(&machine.initramfs)?,
                "boot_args": machine.arguments,
            }),
        ),
    ];
    for drive in &machine.drives {
        requests.push((
            format!("/drives/{}", drive.name),
            json!({
                "drive_id": drive.name,
                "path_on_host": text(&drive.path)?,
                "is_root_device": false,
                "is_read_only": drive.access == Access::Read,
            }),
        ));
    }
    Ok(requests)
}

/// Waits until it listens.
fn connect(socket: &Path, deadline: Instant, monitor: &mut Monitor) -> Result<UnixStream, SandboxError> {
    loop {
        let error = match UnixStream::connect(socket) {
            Ok(stream) => return Ok(stream),
            Err(error) => error,
        };
        let waiting = matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused);
        if monitor.has_ended() {
            return Err(unavailable("firecracker ended before it could be spoken to"));
        }
        if !waiting {
            return Err(unavailable(&format!("its socket: {error}")));
        }
        if Instant::now() >= deadline {
            return Err(unavailable("firecracker does not listen at its socket"));
        }
        thread::sleep(PAUSE);
    }
}

/// The number before the first dot, as in `Firecracker v1.7.0`.
fn major(said: &str) -> Option<u32> {
    let version = said.strip_prefix("Firecracker v")?;
    version.split('.').next()?.parse().ok()
}

fn unavailable(reason: &str) -> SandboxError {
    SandboxError::Unavailable { backend: Backend::Microvm, reason: reason.to_owned() }
}

fn broken(reason: &str) -> SandboxError {
    SandboxError::Broken { backend: Backend::Microvm, reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _, path::PathBuf, time::Instant};

    use super::{super::vmm::Drive, Access, Machine, major, requests};

    fn machine(kernel: PathBuf) -> Machine {
        let drive = |name, access| Drive::new(name, "/x".as_ref(), access);
        Machine {
            folder: "/f".into(),
            kernel,
            initramfs: "/i".into(),
            arguments: "quiet \"x\"".to_owned(),
            memory: 600,
            drives: vec![drive("rootfs", Access::Read), drive("result", Access::Write)],
            deadline: Instant::now(),
            stop: crate::Stop::default(),
        }
    }

    #[test]
    fn only_the_result_can_be_written_and_nothing_else_is_asked_for() {
        let requests = requests(&machine("/k".into())).unwrap();
        let paths: Vec<_> = requests.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(paths, ["/machine-config", "/boot-source", "/drives/rootfs", "/drives/result"]);
        let of = |path: &str| requests.iter().find(|(known, _)| known == path).unwrap().1.clone();
        assert_eq!(of("/machine-config")["mem_size_mib"], 600);
        assert_eq!(of("/boot-source")["boot_args"], "quiet \"x\"");
        assert_eq!(of("/drives/rootfs")["is_read_only"], true);
        assert_eq!(of("/drives/result")["is_read_only"], false);
    }

    #[test]
    fn a_path_that_is_no_text_is_refused() {
        let odd = PathBuf::from(OsStr::from_bytes(b"/\xff"));
        assert!(requests(&machine(odd)).unwrap_err().to_string().contains("no text"));
    }

    #[test]
    fn versions_are_read() {
        assert_eq!(major("Firecracker v1.7.0"), Some(1));
        assert_eq!(major("Firecracker v0.25.2"), Some(0));
        assert_eq!(major("Firecracker v1.17.0-dev"), Some(1));
        for other in ["", "Firecracker", "Firecracker vx.1", "qemu v1.0"] {
            assert_eq!(major(other), None, "{other}");
        }
    }
}
