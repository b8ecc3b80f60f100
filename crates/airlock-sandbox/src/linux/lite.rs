//! A program without namespaces: Landlock and seccomp are all that hold it.
//!
//! ```text
//! host ── helper (`airlock __box`) ── the program
//!         waits, adopts, kills        restricts itself, then starts
//! ```
//!
//! The helper lives in a Landlock domain whose signals stay within, and the program in one inside of that. So the helper
//! reaches nobody but what came of the program, all of it at one moment, and the program does not reach the helper.

use std::{
    fs::{self, File},
    io::{self, Read as _, Seek as _},
    mem::ManuallyDrop,
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::net::UnixStream,
    },
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use rustix::{
    fs::{Mode, OFlags},
    io::Errno,
    process::{
        Pid, Signal, WaitOptions, WaitStatus, geteuid, getppid, parent_process_death_signal,
        set_child_subreaper, set_parent_process_death_signal, wait,
    },
};

use super::{
    control::report,
    files,
    helper::{NOT_STARTED, as_report, code_of},
    identity,
    init::{self, HELD},
    landlock::{self, OwnSignals, Right, Rules},
    limits,
    plan::{Plan, Report},
    privileges,
    scratch::Scratch,
    seccomp::{self, Beside, Filters},
    sys::{self, Forked},
    watch::Watch,
};
use crate::{SandboxError, Step};

/// What a process may read of itself; by the kernel's rules about them that is no secret of anybody else. Landlock knows
/// these files, not their names, so that they are the program's own and not those of programs that it starts.
const OWN_PROCESS: &[&str] = &["fd", "maps", "stat", "statm", "status", "cmdline", "limits"];
/// A process that the kernel holds may not end when it is killed; it is killed again after so long.
const AGAIN: Duration = Duration::from_millis(50);
/// How long between two looks through the program's folder, and how long one of them may take.
const LOOK: Duration = Duration::from_millis(250);
const LONGEST_LOOK: Duration = Duration::from_secs(5);
/// Of the thread that looks, in bytes: each level of folders takes less than 2 KiB of it, and most of that is its buffer.
const LOOKER_STACK: usize = 1 << 20;
/// How many ended processes are reaped before anything else is looked at again.
const REAPED_AT_ONCE: usize = 256;

/// The helper's life from the plan on. Returns the code to exit with: that of the program, or 128 and its signal.
pub(super) fn run(
    plan: &Plan,
    scratch: &Path,
    control: &UnixStream,
    watch: Watch<'_>,
) -> Result<u8, SandboxError> {
    let filters = seccomp::compile(Beside::Landlock(landlock::supported()));
    let filters = filters.map_err(SandboxError::at(Step::Seccomp))?;
    let namespaces = init::namespaces().map_err(SandboxError::at(Step::ReadBack))?;
    // Whoever leaves root is alone with the program as its user: two threads. Looking for others takes longer than all the rest.
    let others = if geteuid().is_root() { limits::OURS } else { limits::of_the_same_user() + 1 };
    let scratch = Scratch::make(scratch).map_err(SandboxError::at(Step::MakeScratch))?;
    if geteuid().is_root() {
        let own = scratch.open().map_err(SandboxError::at(Step::MakeScratch))?;
        // Nobody else may; then no program gives capabilities all the same, since new privileges are ruled out.
        drop(sys::drop_bounding_set());
        identity::leave_root(&own).map_err(SandboxError::at(Step::LeaveRoot))?;
    }
    let nothing = fs::OpenOptions::new().read(true).write(true).open("/dev/null").map(OwnedFd::from);
    let nothing = nothing.map_err(SandboxError::at(Step::StartProgram))?;
    privileges::no_new_privileges().map_err(SandboxError::at(Step::NoNewPrivileges))?;
    let within = OwnSignals::only().map_err(SandboxError::at(Step::Landlock))?;
    // Whatever loses its parent becomes the helper's.
    set_child_subreaper(Some(rustix::process::getpid()))
        .map_err(|error| SandboxError::at(Step::StartProgram)(error.into()))?;
    let ends = sys::ends_of_children().map_err(SandboxError::at(Step::StartProgram))?;
    let helper = rustix::process::getpid();
    match sys::fork().map_err(SandboxError::at(Step::StartProgram))? {
        Forked::Child => {
            drop(watch);
            sys::reset_signals();
            sys::exit_now(become_program(plan, &scratch, &filters, &namespaces, (helper, others), control))
        }
        Forked::Parent(program) => {
            // A file system of its own would refuse what does not fit. Here it has both folders to fill.
            let looks =
                Looks::start(scratch.path(), plan.tmpfs.saturating_mul(2), plan.files.saturating_mul(2));
            let waited = Program { pid: program, within, ends, scratch, looks, _files: own_process(program) };
            waited.wait(control, watch, &nothing).map_err(SandboxError::at(Step::StartProgram))
        }
    }
}

/// Held open, these are the files that the program's rules are about, however often the kernel forgets their names.
fn own_process(program: Pid) -> Vec<OwnedFd> {
    let folder = PathBuf::from(format!("/proc/{program}"));
    let open = |name| rustix::fs::open(folder.join(name), OFlags::PATH | OFlags::CLOEXEC, Mode::empty());
    OWN_PROCESS.iter().filter_map(|name| open(name).ok()).collect()
}

/// What the helper waits for.
struct Program {
    pid: Pid,
    within: OwnSignals,
    ends: OwnedFd,
    scratch: Scratch,
    looks: Looks,
    _files: Vec<OwnedFd>,
}

impl Program {
    /// Waits until nothing of the program is left, and removes its folder.
    fn wait(self, control: &UnixStream, mut watch: Watch<'_>, nothing: &OwnedFd) -> io::Result<u8> {
        sys::let_go_of_standard_streams(nothing)?;
        // It leads a group of its own.
        sys::pass_terminate_on(-self.pid.as_raw_nonzero().get());
        let mut end = None;
        while self.reap(&mut end, control) {
            let dying = watch.is_over() || end.is_some() || self.looks.found_too_much();
            if dying {
                self.within.kill_all();
            }
            if watch.wait(self.ends.as_fd(), Some(if dying { AGAIN } else { LOOK }))? {
                sys::take_ends_of_children(&self.ends);
            }
        }
        drop(self.scratch);
        Ok(end.map_or(NOT_STARTED, code_of))
    }

    /// Reaps what has ended, but not without end: a program may have processes that end as fast as they are reaped. Whether
    /// anything is left.
    fn reap(&self, end: &mut Option<WaitStatus>, control: &UnixStream) -> bool {
        for _ in 0..REAPED_AT_ONCE {
            match wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) if pid == self.pid => {
                    // Its number will be free.
                    sys::pass_terminate_on(0);
                    *end = Some(status);
                    init::tell_end(status, control);
                }
                Ok(Some(_)) | Err(Errno::INTR) => {}
                Ok(None) => return true,
                Err(_) => return false,
            }
        }
        true
    }
}

/// A thread that looks through the program's folder again and again. Looking takes as long as the program makes it take,
/// and nothing else waits for it.
struct Looks(Arc<Mutex<Seen>>);

/// What the thread has seen.
#[derive(Clone, Copy)]
enum Seen {
    /// It waits for its next look.
    Fits,
    /// It looks, since then.
    Looking(Instant),
    TooMuch,
}

impl Looks {
    /// For the folder at `path`. Without a thread there is nobody to look, and the program ends at once.
    fn start(path: &Path, bytes: u64, entries: u64) -> Self {
        let seen = Arc::new(Mutex::new(Seen::Fits));
        let (shared, scratch) = (Arc::clone(&seen), ManuallyDrop::new(Scratch::of(path.to_owned())));
        let look = move || {
            loop {
                thread::sleep(LOOK);
                *lock(&shared) = Seen::Looking(Instant::now());
                let exceeds = scratch.exceeds(bytes, entries);
                *lock(&shared) = if exceeds { Seen::TooMuch } else { Seen::Fits };
                if exceeds {
                    return;
                }
            }
        };
        if thread::Builder::new().stack_size(LOOKER_STACK).spawn(look).is_err() {
            *lock(&seen) = Seen::TooMuch;
        }
        Self(seen)
    }

    /// Whether there was too much, or so much that it could not be seen in time.
    fn found_too_much(&self) -> bool {
        match *lock(&self.0) {
            Seen::Fits => false,
            Seen::Looking(since) => since.elapsed() > LONGEST_LOOK,
            Seen::TooMuch => true,
        }
    }
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Becomes the program; returns only the code to exit with if that fails.
fn become_program(
    plan: &Plan,
    scratch: &Scratch,
    filters: &Filters,
    namespaces: &[PathBuf],
    (helper, others): (Pid, u64),
    control: &UnixStream,
) -> i32 {
    match restrict(plan, scratch, filters, namespaces, (helper, others)) {
        Ok(enforcement) => {
            report(control, &Report::Ready(enforcement));
            init::become_program(plan, control)
        }
        Err(error) => {
            report(control, &as_report(&error));
            i32::from(NOT_STARTED)
        }
    }
}

fn restrict(
    plan: &Plan,
    scratch: &Scratch,
    filters: &Filters,
    namespaces: &[PathBuf],
    (helper, others): (Pid, u64),
) -> Result<crate::Enforcement, SandboxError> {
    die_with(helper).map_err(SandboxError::at(Step::StartProgram))?;
    let own = init::own_namespaces(namespaces).map_err(SandboxError::at(Step::ReadBack))?;
    let mut status = File::open("/proc/self/status").map_err(SandboxError::at(Step::ReadBack))?;
    // When memory runs out, the program ends first, and the helper lives to tell.
    fs::write("/proc/self/oom_score_adj", "1000").map_err(SandboxError::at(Step::StartProgram))?;
    privileges::drop_held_capabilities().map_err(SandboxError::at(Step::DropCapabilities))?;
    let rules = rules(plan, scratch).map_err(SandboxError::at(Step::OpenPaths))?;
    let landlock_abi = rules.enforce().map_err(SandboxError::at(Step::Landlock))?;
    // The rules held descriptors, perhaps more than the program may have.
    drop(rules);
    limits::set(plan, others).map_err(SandboxError::at(Step::ResourceLimits))?;
    filters.apply().map_err(SandboxError::at(Step::Seccomp))?;

    let mut text = String::new();
    status
        .rewind()
        .and_then(|()| status.read_to_string(&mut text))
        .map_err(SandboxError::at(Step::ReadBack))?;
    let enforcement = init::enforcement(&text, HELD).map_err(SandboxError::at(Step::ReadBack))?;
    if parent_process_death_signal().ok().flatten() != Some(Signal::KILL) {
        let error = io::Error::other("the program would outlive the helper");
        return Err(SandboxError::at(Step::ReadBack)(error));
    }
    let enforcement = crate::Enforcement { namespaces: own, landlock_abi, ..enforcement };
    init::accept(enforcement, plan)
}

fn die_with(helper: Pid) -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // Had it died before we asked, nobody would tell us.
    if getppid() == Some(helper) { Ok(()) } else { Err(io::Error::other("the helper is gone")) }
}

/// All that may be opened: what a box would show.
fn rules(plan: &Plan, scratch: &Scratch) -> io::Result<Rules> {
    let mut rules = Rules::default();
    for path in files::SYSTEM.iter().chain(files::SETTINGS).chain(files::SETTINGS_OF_THE_HOST) {
        rules.allow(path.as_ref(), Right::Read);
    }
    for path in files::DEVICES {
        rules.allow(path.as_ref(), Right::Use);
    }
    for name in OWN_PROCESS {
        rules.allow(&Path::new("/proc/self").join(name), Right::Read);
    }
    for folder in scratch.folders() {
        rules.allow_named(&folder, Right::Own)?;
    }
    for path in &plan.read_only {
        rules.allow_named(path, Right::Read)?;
    }
    for path in &plan.writable {
        rules.allow_named(path, Right::Write)?;
    }
    Ok(rules)
}
