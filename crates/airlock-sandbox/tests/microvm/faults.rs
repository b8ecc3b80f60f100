//! Everything that can go wrong around a machine: each an error, and never a run elsewhere.

use std::{
    fs,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use airlock_sandbox::{
    Backend, Confinement, End, Job, Launcher, Level, Limits, Outcome, Sandbox as _, SandboxError, Stop,
    microvm::{Firecracker, Machine, Microvm, MicrovmSettings, Vmm},
};
use tempfile::TempDir;

use super::{Test, monitor, text};

pub(crate) const TESTS: &[Test] = &[
    ("faults::one_that_does_as_it_should_gives_a_result", one_that_does_as_it_should_gives_a_result),
    (
        "faults::what_keeps_a_machine_from_starting_is_an_error",
        what_keeps_a_machine_from_starting_is_an_error,
    ),
    ("faults::less_than_a_whole_result_is_an_error", less_than_a_whole_result_is_an_error),
    ("faults::a_start_that_nobody_knows_of_is_no_refusal", a_start_that_nobody_knows_of_is_no_refusal),
    ("faults::a_deadline_ends_it", a_deadline_ends_it),
    ("faults::it_can_be_given_up", it_can_be_given_up),
    ("faults::what_the_guest_claims_is_not_what_held_it", what_the_guest_claims_is_not_what_held_it),
    ("faults::its_process_is_held_to_its_files", its_process_is_held_to_its_files),
    ("faults::it_ends_with_the_host", it_ends_with_the_host),
    ("faults::each_missing_piece_is_named", each_missing_piece_is_named),
    ("faults::nothing_is_left", nothing_is_left),
];

/// As Firecracker, on machines without KVM, too.
#[derive(Debug)]
struct Untimed(Firecracker);

impl Vmm for Untimed {
    fn missing(&self) -> Vec<String> {
        self.0.missing_program().into_iter().collect()
    }

    fn start(&self, machine: &Machine) -> Result<Child, SandboxError> {
        self.0.start(machine)
    }
}

/// The files that a machine takes, as far as their first bytes.
struct Setting {
    folder: TempDir,
    settings: MicrovmSettings,
}

impl Setting {
    fn new() -> Self {
        // Below the target folder, since what a machine's process may open does not have all of `/tmp`.
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, bytes: &[u8]| -> Option<PathBuf> {
            let path = folder.path().join(name);
            fs::write(&path, bytes).unwrap();
            Some(path)
        };
        let kernel = file("vmlinux", b"\x7fELF and more");
        let rootfs = file("rootfs", b"hsqs and more");
        let settings = MicrovmSettings { kernel, rootfs, firecracker: None };
        Self { folder, settings }
    }

    fn with(&self, launcher: &Launcher, behaviour: &str) -> Microvm {
        self.patient(launcher, behaviour, Duration::from_secs(60))
    }

    fn patient(&self, launcher: &Launcher, behaviour: &str, patience: Duration) -> Microvm {
        let program = monitor::in_folder(self.folder.path(), behaviour);
        self.of(launcher, Some(program), patience)
    }

    fn of(&self, launcher: &Launcher, program: Option<PathBuf>, patience: Duration) -> Microvm {
        let vmm = Untimed(Firecracker::new(program).with_patience(patience));
        Microvm::new(launcher.clone(), self.settings.clone()).with_vmm(Arc::new(vmm))
    }
}

/// A backend with that Firecracker, on machines without KVM, too.
pub(crate) fn untimed(launcher: &Launcher, settings: MicrovmSettings, program: Option<PathBuf>) -> Microvm {
    Microvm::new(launcher.clone(), settings).with_vmm(Arc::new(Untimed(Firecracker::new(program))))
}

fn job() -> Job {
    Job { command: vec!["/bin/true".into()], input: b"some input".to_vec(), ..Job::default() }
}

fn within(seconds: u64) -> Confinement {
    let limits = Limits { wall: Some(Duration::from_secs(seconds)), ..Limits::default() };
    Confinement { limits, ..Confinement::default() }
}

fn run(launcher: &Launcher, behaviour: &str) -> Result<Outcome, SandboxError> {
    Setting::new().with(launcher, behaviour).run(&job(), &within(120))
}

/// The reason of an error that says that nothing ran.
fn refusal(result: Result<Outcome, SandboxError>) -> String {
    match result {
        Err(SandboxError::Unavailable { backend: Backend::Microvm, reason }) => reason,
        other => panic!("{other:?}"),
    }
}

/// The reason of an error that says that nobody knows.
fn loss(result: Result<Outcome, SandboxError>) -> String {
    match result {
        Err(SandboxError::Broken { backend: Backend::Microvm, reason }) => reason,
        other => panic!("{other:?}"),
    }
}

fn one_that_does_as_it_should_gives_a_result(launcher: &Launcher) {
    for behaviour in ["does-well", "floods-its-console"] {
        let outcome = run(launcher, behaviour).unwrap();
        assert_eq!(outcome.end, End::Exited(0), "{behaviour}");
        assert_eq!((text(&outcome.stdout), text(&outcome.stderr)), ("some input", "of the guest"));
        assert_eq!(outcome.enforcement.level, Level::Machine);
    }
}

fn what_keeps_a_machine_from_starting_is_an_error(launcher: &Launcher) {
    let table = [
        ("dies-at-once", "ended before it could be spoken to (it said: no /dev/kvm [2J for me)"),
        ("refuses", "400: the kernel is not to my liking"),
        ("refuses-to-start", "400: the kernel is not to my liking"),
        ("hangs-up", "hung up at `PUT /machine-config`"),
        ("speaks-otherwise", "no status"),
        ("floods", "the answer"),
    ];
    for (behaviour, reason) in table {
        let said = refusal(run(launcher, behaviour));
        assert!(said.contains(reason), "{behaviour}: {said}");
    }
    // These would go on for ever.
    let table = [
        ("never-listens", "does not listen"),
        ("no-socket", "does not listen"),
        ("hangs", "does not answer `PUT /machine-config`"),
    ];
    for (behaviour, reason) in table {
        let setting = Setting::new();
        let sandbox = setting.patient(launcher, behaviour, Duration::from_millis(500));
        let said = refusal(sandbox.run(&job(), &within(120)));
        assert!(said.contains(reason), "{behaviour}: {said}");
    }
}

fn a_start_that_nobody_knows_of_is_no_refusal(launcher: &Launcher) {
    let said = loss(run(launcher, "hangs-up-at-start"));
    assert!(said.contains("hung up at `PUT /actions`"), "{said}");
    let setting = Setting::new();
    let sandbox = setting.patient(launcher, "hangs-at-start", Duration::from_secs(2));
    let said = loss(sandbox.run(&job(), &within(120)));
    assert!(said.contains("does not answer `PUT /actions`"), "{said}");
}

fn less_than_a_whole_result_is_an_error(launcher: &Launcher) {
    let table = [
        ("tells-nothing", "told nothing"),
        ("dies-mid-run", "ended before the program did"),
        ("writes-half", "not whole"),
        ("cuts-it-off", "cannot be read"),
        ("forges-lengths", "more than there is room for"),
        ("forges-the-run", "not of this run"),
        ("forges-the-end", "makes no sense"),
    ];
    for (behaviour, reason) in table {
        let said = loss(run(launcher, behaviour));
        assert!(said.contains(reason), "{behaviour}: {said}");
    }
}

fn a_deadline_ends_it(launcher: &Launcher) {
    let setting = Setting::new();
    let outcome = setting.with(launcher, "runs-for-ever").run(&job(), &within(8)).unwrap();
    assert_eq!(outcome.end, End::DeadlineExceeded);
    assert_eq!(text(&outcome.stdout), "some input", "what was written until then");
    let said = loss(setting.with(launcher, "never-begins").run(&job(), &within(4)));
    assert!(said.contains("had not started the program"), "{said}");
}

fn it_can_be_given_up(launcher: &Launcher) {
    for behaviour in ["runs-for-ever", "never-listens", "hangs-at-start"] {
        let setting = Setting::new();
        let stop = Stop::new();
        let job = Job { stop: stop.clone(), ..job() };
        let other = thread::spawn(move || {
            thread::sleep(Duration::from_millis(300));
            stop.request();
        });
        let begin = Instant::now();
        let result = setting.with(launcher, behaviour).run(&job, &within(300));
        assert!(matches!(result, Err(SandboxError::GivenUp)), "{behaviour}: {result:?}");
        // It was not the deadline, nor anybody's patience.
        assert!(begin.elapsed() < Duration::from_secs(60), "{behaviour}");
        other.join().unwrap();
        let again = setting.folder.path().join("again");
        fs::create_dir(&again).unwrap();
        let result =
            setting.of(launcher, Some(monitor::in_folder(&again, "does-well")), Duration::from_secs(60));
        assert!(
            matches!(result.run(&job, &within(60)), Err(SandboxError::GivenUp)),
            "it was before the start"
        );
    }
}

fn what_the_guest_claims_is_not_what_held_it(launcher: &Launcher) {
    let held = run(launcher, "claims-a-level").unwrap().enforcement;
    assert_eq!((held.level, held.uid, held.own_root), (Level::Machine, 1, true), "what is its own to say");
    assert!(held.namespaces.is_empty() && held.landlock_abi == 0 && held.cgroup.is_empty(), "{held:?}");
}

fn its_process_is_held_to_its_files(launcher: &Launcher) {
    let landlock = airlock_sandbox::doctor::examine();
    let landlock = landlock.iter().find(|fact| fact.subject == "landlock").unwrap();
    if landlock.state != airlock_sandbox::doctor::State::Good {
        println!("skipped: {}", landlock.text);
        return;
    }
    assert!(fs::File::open("/etc/passwd").is_ok() && fs::File::open("/etc").is_ok(), "the control");
    let outcome = run(launcher, "looks-around").unwrap();
    assert_eq!(
        text(&outcome.stdout),
        "/etc/passwd: closed\n/home: closed\n/root: closed\n/etc: closed\n\
         kernel written: false\nnetwork: PermissionDenied\n"
    );
}

/// Set where this program is to be a host that is killed.
const VICTIM: &str = "AIRLOCK_TEST_MICROVM_VICTIM";

/// Is that host, if this process was started as one.
pub(crate) fn be_victim(launcher: &Launcher) -> bool {
    let Some(folder) = std::env::var_os(VICTIM) else { return false };
    let setting = Setting::new();
    // It outlives this process otherwise.
    let program = Path::new(&folder).join("firecracker-runs-for-ever");
    drop(setting.of(launcher, Some(program), Duration::from_secs(60)).run(&job(), &within(600)));
    true
}

fn it_ends_with_the_host(launcher: &Launcher) {
    let _ = launcher;
    let folder = tempfile::tempdir().unwrap();
    let program = monitor::in_folder(folder.path(), "runs-for-ever");
    let mut host = Command::new(std::env::current_exe().unwrap());
    host.env(VICTIM, folder.path()).env("TMPDIR", folder.path()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut host = host.process_group(0).spawn().unwrap();
    let name = program.to_str().unwrap();
    let running = || processes().iter().any(|command| command.split('\0').next() == Some(name));
    let until = |wanted: bool| {
        for _ in 0..3_000 {
            if running() == wanted {
                return true;
            }
            thread::sleep(Duration::from_millis(10));
        }
        false
    };
    assert!(until(true), "the control");
    host.kill().unwrap();
    host.wait().unwrap();
    assert!(until(false), "it is still there");
}

/// What each process was started as.
fn processes() -> Vec<String> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    entries.filter_map(|entry| fs::read_to_string(entry.path().join("cmdline")).ok()).collect()
}

fn each_missing_piece_is_named(launcher: &Launcher) {
    let setting = Setting::new();
    let good = setting.with(launcher, "does-well");
    assert_eq!(good.missing(), Vec::<String>::new(), "the control");
    assert_eq!(good.probe().level, Level::Machine);
    let folder = setting.folder.path();
    let programs = [
        (Some(folder.join("nowhere")), "does not say its version"),
        (Some(monitor::in_folder(folder, "old")), "older than version 1.0"),
        (Some(monitor::in_folder(folder, "other")), "does not call itself Firecracker"),
        (Some(monitor::in_folder(folder, "mute")), "does not say its version"),
    ];
    for (program, reason) in programs {
        let sandbox = setting.of(launcher, program, Duration::from_secs(60));
        let missing = sandbox.missing();
        assert!(missing.len() == 1 && missing[0].contains(reason), "{missing:?}");
        assert_eq!(sandbox.probe().level, Level::None);
        assert!(refusal(sandbox.run(&job(), &within(60))).contains(reason));
    }
    let nothing = Microvm::new(launcher.clone(), MicrovmSettings::default()).missing();
    let told = nothing.join("\n");
    assert!(told.contains("AIRLOCK_MICROVM_KERNEL") && told.contains("AIRLOCK_MICROVM_ROOTFS"), "{told}");
    fs::write(folder.join("rootfs"), "a text").unwrap();
    assert!(good.missing()[0].contains("no image of a squashfs"), "{:?}", good.missing());
    fs::remove_file(folder.join("vmlinux")).unwrap();
    assert!(good.missing()[0].contains("vmlinux"), "{:?}", good.missing());
}

fn nothing_is_left(launcher: &Launcher) {
    let mine = format!("airlock-{}-", std::process::id());
    let left = || {
        let entries = fs::read_dir(std::env::temp_dir()).unwrap().flatten();
        entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(&mine)).count()
    };
    let before = left();
    for behaviour in ["does-well", "dies-mid-run", "refuses", "dies-at-once"] {
        drop(run(launcher, behaviour));
    }
    // Those of tests that run beside this one come and go.
    for _ in 0..3_000 {
        if left() <= before {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("{} folders, {before} before", left());
}
