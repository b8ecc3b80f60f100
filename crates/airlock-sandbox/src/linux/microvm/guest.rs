//! The first process of the machine. It makes a root for the program, starts it with no rights, writes down what it
//! writes and how it ends, and ends the machine.
//!
//! Nothing outside waits for its word: whatever goes wrong here ends the machine, and the host finds no whole result.

mod program;
mod root;
mod running;

use std::{
    fs::{self, File, OpenOptions},
    io,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use rustix::{
    mount::{MountFlags, mount},
    system::{RebootCommand, reboot, sethostname},
};

use self::running::Running;
use super::{
    super::{helper::as_report, init::HOST_NAME, plan::Report},
    boot::{DEVICES, IMAGE, PROCESSES, ROOT},
    image::Kind,
    job::Task,
    result::{Account, Ending, Layout, Writer},
};
use crate::{SandboxError, Step};

/// The drives, as the kernel names them. Which is which is told by what is on them: not every machine counts in order.
const DRIVES: [&str; 8] = ["vda", "vdb", "vdc", "vdd", "vde", "vdf", "vdg", "vdh"];
/// How long drives may take to appear.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(5);
/// It was not started as the first process of a machine.
const MISUSED: u8 = 64;

/// The whole life of the machine.
pub(in crate::linux) fn run() -> u8 {
    if std::process::id() != 1 {
        // Somebody has found the word. Nothing here is meant for a process of a system.
        return MISUSED;
    }
    if let Err(error) = work() {
        // The console, of which the host shows the end.
        drop(io::Write::write_all(&mut io::stderr(), format!("airlock: {error}\n").as_bytes()));
    }
    // Should it fail, the kernel ends the machine for want of its first process.
    let _ = reboot(RebootCommand::Restart);
    MISUSED
}

fn work() -> io::Result<()> {
    mounted("devtmpfs", DEVICES, MountFlags::NOSUID | MountFlags::NOEXEC, "mode=755")?;
    mounted("proc", PROCESSES, MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC, "")?;
    let Found { task, result, image } = find()?;
    let mut writer = Writer::new(result, Layout::new(task.token, task.output)?);
    sethostname(HOST_NAME)?;
    let made = root::make(&image, &task.plan).map_err(SandboxError::at(Step::BuildRoot));
    match made.and_then(|()| Running::start(&task)) {
        Ok(running) => running.finish(&mut writer),
        Err(refused) => {
            let end = match as_report(&refused) {
                Report::Failed { step, errno, detail } => Ending::NotStarted { step, errno, detail },
                _ => Ending::NotStarted { step: Step::StartProgram, errno: 0, detail: refused.to_string() },
            };
            writer.complete(Account { enforcement: None, end: Some(end) }, [b"", b""])
        }
    }
}

/// What is on the drives.
struct Found {
    task: Task,
    result: File,
    image: (PathBuf, Kind),
}

fn find() -> io::Result<Found> {
    let begin = Instant::now();
    loop {
        match look() {
            Ok(found) => return Ok(found),
            Err(error) if begin.elapsed() >= PATIENCE => return Err(error),
            Err(_) => thread::sleep(PAUSE),
        }
    }
}

fn look() -> io::Result<Found> {
    let missing = |what| io::Error::new(io::ErrorKind::NotFound, format!("there is no drive with {what}"));
    let paths = DRIVES.map(|name| PathBuf::from(DEVICES).join(name));
    let (mut task, mut image) = (None, None);
    for path in &paths {
        let Ok(drive) = File::open(path) else { continue };
        if let Some(read) = Task::read(&drive)? {
            task = Some(read);
        } else if let Some(kind) = Kind::of(&drive)? {
            image = Some((path.clone(), kind));
        }
    }
    let task = task.ok_or_else(|| missing("a job"))?;
    let layout = Layout::new(task.token, task.output)?;
    // The one that can be written to.
    let result = paths.iter().find_map(|path| {
        let drive = OpenOptions::new().read(true).write(true).open(path).ok()?;
        layout.is_of(&drive).ok()?.then_some(drive)
    });
    Ok(Found {
        task,
        result: result.ok_or_else(|| missing("room for a result"))?,
        image: image.ok_or_else(|| missing("a root file system"))?,
    })
}

/// Mounts a file system of the kernel's own.
fn mounted(kind: &str, at: &str, flags: MountFlags, options: &str) -> io::Result<()> {
    fs::create_dir_all(at)?;
    let options = std::ffi::CString::new(options)?;
    mount(kind, at, kind, flags, options.as_c_str())
        .map_err(|error| io::Error::new(error.kind(), format!("cannot mount {kind}: {error}")))
}

/// Where the image is, and the root that programs get.
const PLACES: (&str, &str) = (IMAGE, ROOT);
