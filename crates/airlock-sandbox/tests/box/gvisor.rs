//! Programs on gVisor, where this machine has it: what holds them, what bounds them, and what is left of them; and
//! what becomes of a call where `runsc` is not what it should be.

use std::{
    fs,
    net::TcpListener,
    os::unix::{fs::PermissionsExt as _, net::UnixListener},
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use airlock_sandbox::{
    Backend, Confinement, End, Gvisor, Job, Launcher, Level, Limits, Outcome, Sandbox as _, SandboxError,
    Step, Stop, proxy::Network,
};
use airlock_testkit::backends::{POINTS, Particulars};
use libtest_mimic::{Arguments, Failed, Trial};
use tempfile::TempDir;

use super::{GRIEF, contract, escape, shell, text, traces::traces};

type Test = (&'static str, fn(&Gvisor));

const TESTS: &[Test] = &[
    ("nothing_starts_before_what_holds_it_was_accepted", nothing_starts_before_what_holds_it_was_accepted),
    ("once_it_runs_nothing_says_that_it_did_not", once_it_runs_nothing_says_that_it_did_not),
    ("a_program_runs_on_another_kernel", a_program_runs_on_another_kernel),
    ("only_what_was_named_is_there", only_what_was_named_is_there),
    ("there_is_no_network", there_is_no_network),
    ("a_socket_that_is_shown_leads_nowhere", a_socket_that_is_shown_leads_nowhere),
    ("only_the_first_process_says_how_it_ended", only_the_first_process_says_how_it_ended),
    ("nothing_escapes", nothing_escapes),
    ("nothing_escapes_of_a_user_without_rights", nothing_escapes_of_a_user_without_rights),
    ("a_user_without_rights_gets_no_writable_folder", a_user_without_rights_gets_no_writable_folder),
    ("ignoring_signals_and_stopping_does_not_help", ignoring_signals_and_stopping_does_not_help),
    ("processor_time_is_bounded", processor_time_is_bounded),
    ("processes_are_bounded", processes_are_bounded),
    ("a_fork_bomb_ends", a_fork_bomb_ends),
    ("memory_is_bounded", memory_is_bounded),
    (
        "without_a_control_group_gvisors_own_memory_is_bounded",
        without_a_control_group_gvisors_own_memory_is_bounded,
    ),
    ("the_filter_of_the_box_is_in_force", the_filter_of_the_box_is_in_force),
    ("folders_and_open_files_are_bounded", folders_and_open_files_are_bounded),
    ("no_file_lends_rights", no_file_lends_rights),
    ("a_run_that_is_given_up_ends", a_run_that_is_given_up_ends),
    ("many_runs_leave_nothing", many_runs_leave_nothing),
    ("a_killed_host_leaves_nothing", a_killed_host_leaves_nothing),
    ("a_runsc_that_is_killed_is_an_error", a_runsc_that_is_killed_is_an_error),
    ("a_runsc_that_fails_is_an_error", a_runsc_that_fails_is_an_error),
    ("a_runsc_that_hangs_is_an_error", a_runsc_that_hangs_is_an_error),
    ("a_runsc_without_a_kernel_is_too_weak", a_runsc_without_a_kernel_is_too_weak),
    ("runsc_gets_nothing_of_ours", runsc_gets_nothing_of_ours),
    ("a_newer_runsc_opens_files_apart", a_newer_runsc_opens_files_apart),
    ("no_core_is_left", no_core_is_left),
];

/// Its tests; ignored where it does not work, which is said.
pub(super) fn trials(launcher: &Launcher, arguments: &Arguments) -> Vec<Trial> {
    // To try whether it works takes time, which the tests of the box need not spend.
    let is_of_others =
        |filter: &String| !filter.contains("gvisor") && !"contract::gvisor".contains(&**filter);
    if !arguments.list && arguments.filter.as_ref().is_some_and(is_of_others) {
        return Vec::new();
    }
    let sandbox = Gvisor::new(launcher.clone());
    let probe = sandbox.probe();
    let missing = probe.level < Level::Kernel;
    if missing {
        let number = TESTS.len() + POINTS.len();
        eprintln!("skipped: {number} tests of `gvisor`: {}", probe.reasons.join(", "));
    }
    let trial = |name: &str, test: Box<dyn FnOnce(&Gvisor) + Send>| {
        let sandbox = sandbox.clone();
        let run = move || {
            test(&sandbox);
            Ok::<_, Failed>(())
        };
        Trial::test(format!("gvisor::{name}"), run).with_ignored_flag(missing)
    };
    let points = contract::trials(&sandbox, Particulars::default(), missing);
    let own = TESTS.iter().map(|(name, test)| trial(name, Box::new(test)));
    let absent = Gvisor::new(launcher.clone()).with_program("/nonexistent/runsc");
    let absent = Trial::test("gvisor::a_runsc_that_is_not_there_is_an_error", move || {
        a_runsc_that_is_not_there_is_an_error(&absent);
        Ok::<_, Failed>(())
    });
    points.into_iter().chain(own).chain([absent]).collect()
}

fn run(sandbox: &Gvisor, script: &str, confinement: &Confinement) -> Outcome {
    sandbox.run(&shell(script), confinement).unwrap()
}

fn limited(limits: Limits) -> Confinement {
    Confinement { limits, ..Confinement::default() }
}

/// Long before this, a limit must have worked; far more than a loaded machine needs.
const PATIENCE: Duration = Duration::from_secs(60);

fn a_program_runs_on_another_kernel(sandbox: &Gvisor) {
    let job = Job { input: b"in\n".to_vec(), ..shell("id -u; id -g; uname -r; cat; echo err >&2; exit 7") };
    let outcome = sandbox.run(&job, &Confinement::default()).unwrap();
    assert_eq!((outcome.end, sandbox.backend()), (End::Exited(7), Backend::Gvisor), "{outcome:?}");
    let (held, host) = (&outcome.enforcement, fs::read_to_string("/proc/sys/kernel/osrelease").unwrap());
    let lines: Vec<_> = text(&outcome.stdout).lines().collect();
    assert_eq!(lines.iter().filter(|line| **line == host.trim()).count(), 0, "{lines:?}");
    let [uid, gid, _, input] = lines[..] else { panic!("{lines:?}") };
    assert_eq!([uid, gid, input], [&*held.uid.to_string(), &*held.uid.to_string(), "in"]);
    assert_eq!(text(&outcome.stderr), "err\n");
    assert_ne!(held.uid, 0);
    assert!(held.no_capabilities && held.no_new_privileges && held.own_root && held.seccomp_filters > 0);
    assert_eq!((held.level, held.namespaces.len()), (Level::Kernel, 7), "{held:?}");
    let weaker = sandbox.clone().at_least(Level::Machine).run(&shell("echo ran"), &Confinement::default());
    assert!(
        matches!(weaker, Err(SandboxError::TooWeak { required: Level::Machine, given: Level::Kernel, .. })),
        "{weaker:?}"
    );
}

/// A folder that everybody may use, with a file in it.
fn folder(file: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    fs::write(folder.path().join(file), file).unwrap();
    folder
}

fn only_what_was_named_is_there(sandbox: &Gvisor) {
    let [shown, open, hidden] = ["shown", "open", "hidden"].map(folder);
    let path = |folder: &TempDir| folder.path().display().to_string();
    let is_root = rustix::process::geteuid().is_root();
    let confinement = Confinement {
        read_only: vec![shown.path().into()],
        writable: if is_root { vec![open.path().into()] } else { Vec::new() },
        links: vec![("/link".into(), shown.path().into())],
        folder: Some(shown.path().into()),
        ..Confinement::default()
    };
    let script = format!(
        "cat shown /link/shown; pwd; echo x > {0}/new || echo fixed; echo y > {1}/new && cat {1}/open; \
         cat {2}/hidden || echo none; cat /etc/shadow || echo none; echo /root/* /home/* /*",
        path(&shown),
        path(&open),
        path(&hidden)
    );
    let outcome = run(sandbox, &script, &confinement);
    let said = text(&outcome.stdout);
    let expected =
        format!("shownshown{}\nfixed\n{}none\nnone\n", path(&shown), if is_root { "open" } else { "" });
    assert!(said.starts_with(&expected), "{said}\n{}", text(&outcome.stderr));
    // The host's tree is not there: neither are most of its folders, nor anything in them.
    let root: Vec<_> = said.trim_end().rsplit('\n').next().unwrap().split(' ').collect();
    assert!(root.contains(&"/usr") && root.contains(&"/root/*") && root.contains(&"/home/*"), "{root:?}");
    assert!(!root.contains(&"/boot") && !root.contains(&"/var/lib"), "{root:?}");
    assert!(!shown.path().join("new").exists());
    assert_eq!(open.path().join("new").exists(), is_root);
    assert!(hidden.path().join("hidden").exists(), "the control");
}

fn there_is_no_network(sandbox: &Gvisor) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let script = format!("(exec 3<>/dev/tcp/127.0.0.1/{port}) 2>/dev/null && echo connected; echo done");
    let job = Job { command: ["/bin/bash", "-c", &script].map(Into::into).to_vec(), ..Job::default() };
    let outcome = sandbox.run(&job, &Confinement::default()).unwrap();
    assert_eq!(text(&outcome.stdout), "done\n");
    let outside = Command::new("/bin/bash").args(["-c", &script]).output().unwrap();
    assert_eq!(text(&outside.stdout), "connected\ndone\n", "the control");
    let network = Network::of(vec!["example.com".parse().unwrap()]);
    let asked = sandbox.run(&shell("echo ran"), &Confinement { network, ..Confinement::default() });
    assert!(
        matches!(asked, Err(SandboxError::Unavailable { backend: Backend::Gvisor, .. })),
        "a network that cannot be had is not left out: {asked:?}"
    );
}

fn a_socket_that_is_shown_leads_nowhere(sandbox: &Gvisor) {
    let shown = folder("file");
    let path = shown.path().join("socket");
    let _listener = UnixListener::bind(&path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
    let path = path.display().to_string();
    let script = format!(
        "import socket\ntry: socket.socket(socket.AF_UNIX).connect({path:?}); print('connected')\nexcept OSError: print('refused')"
    );
    let confinement = Confinement { read_only: vec![shown.path().into()], ..Confinement::default() };
    let command = ["/usr/bin/python3", "-I", "-c", &script];
    match Command::new("/usr/bin/python3").args(["-I", "-c", &script]).output() {
        Ok(outside) => assert_eq!(text(&outside.stdout), "connected\n", "the control"),
        Err(error) => return println!("skipped: no Python below /usr: {error}"),
    }
    let job = Job { command: command.map(Into::into).to_vec(), ..Job::default() };
    let outcome = sandbox.run(&job, &confinement).unwrap();
    assert_eq!(text(&outcome.stdout), "refused\n", "{}", text(&outcome.stderr));
}

/// A program that could write where the first process inside writes could say that it never ran.
fn only_the_first_process_says_how_it_ended(sandbox: &Gvisor) {
    let never = r#"{"then":{"failed":{"step":"start_program","errno":2,"detail":"forged"}}}"#;
    let script = format!(
        "echo /proc/1/fd/* | grep -c /3; [ -e /.airlock/words ] && echo there; \
         for file in /.airlock/words /proc/1/fd/*; do echo '{never}' >> $file; done 2>/dev/null; \
         kill -STOP 1 || kill -KILL 1 || echo untouched; exit 5"
    );
    let outcome = run(sandbox, &script, &Confinement::default());
    assert_eq!((outcome.end, text(&outcome.stdout)), (End::Exited(5), "1\nthere\nuntouched\n"));
}

fn nothing_escapes(sandbox: &Gvisor) {
    escape::nothing_gets_out(sandbox);
}

fn nothing_escapes_of_a_user_without_rights(_: &Gvisor) {
    escape::nothing_gets_out_of_a_user("gvisor::nothing_escapes");
}

/// Set where this program is to be that user.
pub(super) const AS_A_USER: &str = "gvisor-as-a-user";

/// What it says then: what becomes of a program that is shown a folder to write to, and of one that is not.
pub(super) fn write_as_a_user(launcher: &Launcher) {
    let sandbox = Gvisor::new(launcher.clone());
    let writable = Confinement { writable: vec!["/tmp".into()], ..Confinement::default() };
    for confinement in [writable, Confinement::default()] {
        match sandbox.run(&shell("id -u"), &confinement) {
            Ok(outcome) => println!("{:?} {}", outcome.end, text(&outcome.stdout).trim_end()),
            Err(error) => println!("{error}"),
        }
    }
}

/// Set where it is that user, too.
pub(super) const FILL_AS_A_USER: &str = "gvisor-fill-as-a-user";

/// What it says then: what becomes of a program that has gVisor remember some names, and of one that never ends to.
pub(super) fn fill_as_a_user(launcher: &Launcher) {
    let sandbox = Gvisor::new(launcher.clone());
    let limits = Limits { memory: 64 << 20, wall: Some(5 * PATIENCE), ..Limits::default() };
    for names in ["range(100)", "itertools.count()"] {
        let script =
            format!("import itertools, os\nfor name in {names}: os.mkdir('/tmp/' + 'x' * 230 + str(name))");
        let command = ["/usr/bin/python3", "-I", "-S", "-c", &script].map(Into::into).to_vec();
        match sandbox.run(&Job { command, ..Job::default() }, &limited(limits)) {
            Ok(outcome) => println!("{:?} {:?}", outcome.end, outcome.enforcement.cgroup),
            Err(error) => println!("{error}"),
        }
    }
}

/// This program as a user without rights, in one of its roles. What it says, line by line; `None` where it cannot be.
fn as_a_user(role: &str) -> Option<Vec<String>> {
    if !rustix::process::geteuid().is_root() {
        println!("skipped: it takes root to become a user without rights");
        return None;
    }
    let folder = folder("file");
    let program = folder.path().join("box-test");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let mut user = escape::as_user(escape::somebody());
    let said = user.arg(&program).env(GRIEF, role).current_dir("/").output().unwrap();
    Some(text(&said.stdout).lines().map(str::to_owned).collect())
}

fn a_user_without_rights_gets_no_writable_folder(_: &Gvisor) {
    let Some(said) = as_a_user(AS_A_USER) else { return };
    let [refused, ran] = &said[..] else { panic!("{said:?}") };
    assert!(refused.contains("`gvisor` cannot be used: it needs a second user"), "{said:?}");
    assert_eq!(*ran, format!("Exited(0) {}", escape::somebody()), "the control");
}

/// Names in folders are not counted, and without a control group nothing else bounds all of it.
fn without_a_control_group_gvisors_own_memory_is_bounded(_: &Gvisor) {
    if !Path::new("/usr/bin/python3").exists() {
        return println!("skipped: no Python below /usr");
    }
    let Some(said) = as_a_user(FILL_AS_A_USER) else { return };
    let [few, endless] = &said[..] else { panic!("{said:?}") };
    assert_eq!(few, "Exited(0) []", "the control, which has no group");
    assert!(endless.contains("`runsc` ended"), "{said:?}");
}

fn ignoring_signals_and_stopping_does_not_help(sandbox: &Gvisor) {
    let script = "trap '' HUP INT QUIT TERM; setsid sh -c \"trap '' HUP INT TERM; sleep 100\" & kill -STOP 1; sleep 100";
    let limits = Limits { wall: Some(Duration::from_secs(3)), ..Limits::default() };
    let begin = Instant::now();
    assert_eq!(run(sandbox, script, &limited(limits)).end, End::DeadlineExceeded);
    assert!(begin.elapsed() < PATIENCE);
    // A daemon is not waited for.
    let script = "setsid sh -c 'exec sleep 100' & exit 5";
    assert_eq!(run(sandbox, script, &Confinement::default()).end, End::Exited(5));
    assert!(begin.elapsed() < PATIENCE);
}

/// Of the program itself. (gVisor does not look at that of programs which it starts: the clock bounds them.)
fn processor_time_is_bounded(sandbox: &Gvisor) {
    let limits = Limits { cpu: Some(Duration::from_secs(1)), ..Limits::default() };
    assert_eq!(run(sandbox, "while :; do :; done", &limited(limits)).end, End::CpuExceeded);
    let outcome = run(sandbox, "trap '' XCPU; while :; do :; done", &limited(limits));
    assert_eq!(outcome.end, End::Signalled(9));
}

fn processes_are_bounded(sandbox: &Gvisor) {
    let count = |limits| {
        let script = "for i in $(seq 40); do sleep 100 & echo $i; done 2>/dev/null";
        text(&run(sandbox, script, &limited(limits)).stdout).lines().count()
    };
    let bounded = count(Limits { processes: 16, ..Limits::default() });
    assert!((8..=16).contains(&bounded), "{bounded} processes");
    assert_eq!(count(Limits::default()), 40, "the control");
}

fn a_fork_bomb_ends(sandbox: &Gvisor) {
    let limits = Limits { processes: 16, wall: Some(Duration::from_secs(3)), ..Limits::default() };
    let begin = Instant::now();
    match sandbox.run(&shell("f() { f | f & }; f; sleep 100"), &limited(limits)) {
        Ok(outcome) => assert_ne!(outcome.end, End::Exited(0)),
        // It may have brought down what runs it.
        Err(error) => assert!(matches!(error, SandboxError::Broken { .. }), "{error}"),
    }
    assert!(begin.elapsed() < PATIENCE);
}

fn memory_is_bounded(sandbox: &Gvisor) {
    let limits = Limits { memory: 64 << 20, tmpfs: 512 << 20, ..Limits::default() };
    let fill = |megabytes| {
        let script = format!("head -c {megabytes}M /dev/zero > /tmp/fill && echo filled");
        run(sandbox, &script, &limited(limits))
    };
    let little = fill(8);
    assert_eq!(text(&little.stdout), "filled\n");
    if little.enforcement.cgroup.iter().any(|controller| controller == "memory") {
        let much = fill(200);
        assert_eq!((much.end, text(&much.stdout)), (End::MemoryExceeded, ""));
    } else {
        eprintln!("skipped: no control group for memory can be had here; only each process is bounded");
    }
    let script = "dd if=/dev/zero of=/dev/null bs=6G count=1 2>&1 | grep -c -i 'memory exhausted'";
    let outcome = run(sandbox, script, &limited(Limits { memory: 256 << 20, ..Limits::default() }));
    assert_eq!(text(&outcome.stdout), "1\n", "{}", text(&outcome.stderr));
}

/// Memory that is no process's and in no folder would be counted by nobody where there is no control group: 20 such files of
/// 60 MiB each were 1.2 GiB.
fn the_filter_of_the_box_is_in_force(sandbox: &Gvisor) {
    let script = "import ctypes, os\n\
                  libc = ctypes.CDLL(None, use_errno=True)\n\
                  print(libc.memfd_create(b'x', 0) < 0 and os.strerror(ctypes.get_errno()))\n\
                  print(libc.unshare(0x10000000) < 0 and os.strerror(ctypes.get_errno()))\n\
                  print([line.split()[1] for line in open('/proc/self/status') if line.startswith('Seccomp:')])";
    let command = ["/usr/bin/python3", "-I", "-c", script];
    match Command::new(command[0]).args(&command[1..]).output() {
        // Namespaces may be forbidden there, too.
        Ok(outside) => assert!(text(&outside.stdout).starts_with("False\n"), "the control: {outside:?}"),
        Err(error) => return println!("skipped: no Python below /usr: {error}"),
    }
    let job = Job { command: command.map(Into::into).to_vec(), ..Job::default() };
    let outcome = sandbox.run(&job, &Confinement::default()).unwrap();
    let refused = "Operation not permitted";
    assert_eq!(text(&outcome.stdout), format!("{refused}\n{refused}\n['2']\n"), "{}", text(&outcome.stderr));
}

fn folders_and_open_files_are_bounded(sandbox: &Gvisor) {
    let limits = Limits { tmpfs: 1 << 20, open_files: 32, ..Limits::default() };
    let script = "for folder in /tmp /work /dev/shm; do head -c 5M /dev/zero > $folder/big; wc -c < $folder/big; done; \
                  ulimit -n; ulimit -Hn; ulimit -n 1000 && echo raised";
    let outcome = run(sandbox, script, &limited(limits));
    let said: Vec<u64> = text(&outcome.stdout).lines().filter_map(|line| line.parse().ok()).collect();
    let [one, two, three, soft, hard] = said[..] else { panic!("{said:?}") };
    assert!([one, two, three].iter().all(|bytes| (1..=1 << 20).contains(bytes)), "{said:?}");
    assert_eq!((soft, hard), (32, 32));
    assert!(!text(&outcome.stdout).contains("raised"));
}

/// On the host it would belong to a user that another program may be one day.
fn no_file_lends_rights(sandbox: &Gvisor) {
    if !rustix::process::geteuid().is_root() {
        println!("skipped: only root can show a folder to write to");
        return;
    }
    let open = folder("open");
    let confinement = Confinement { writable: vec![open.path().into()], ..Confinement::default() };
    let path = open.path().display();
    let script = format!(
        "cd {path}; cp /bin/true mine && chmod 755 mine && echo made; chmod 4755 mine; chmod 2755 mine; mkfifo pipe && echo pipe"
    );
    let outcome = run(sandbox, &script, &confinement);
    assert_eq!(text(&outcome.stdout), "made\npipe\n", "{}", text(&outcome.stderr));
    let mode = fs::metadata(open.path().join("mine")).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o755, "{mode:o}");
}

fn a_run_that_is_given_up_ends(sandbox: &Gvisor) {
    let job = || Job { stop: Stop::new(), ..shell("setsid sleep 50 & sleep 50") };
    for moment in [0, 100, 1_500] {
        let job = job();
        let stop = job.stop.clone();
        let requested = thread::spawn(move || {
            thread::sleep(Duration::from_millis(moment));
            stop.request();
        });
        let begin = Instant::now();
        let error = sandbox.run(&job, &Confinement::default()).unwrap_err();
        assert!(matches!(error, SandboxError::GivenUp), "{error}");
        assert!(begin.elapsed() < Duration::from_secs(40));
        requested.join().unwrap();
    }
    let kept = Job { stop: Stop::new(), ..shell("exit 3") };
    assert_eq!(sandbox.run(&kept, &Confinement::default()).unwrap().end, End::Exited(3), "the control");
}

fn many_runs_leave_nothing(sandbox: &Gvisor) {
    let before = traces();
    for turn in 0..10 {
        assert_eq!(
            run(sandbox, "sleep 10 & exit 3", &Confinement::default()).end,
            End::Exited(3),
            "turn {turn}"
        );
    }
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..5 {
                    assert_eq!(run(sandbox, "exit 4", &Confinement::default()).end, End::Exited(4));
                }
            });
        }
    });
    assert_eq!(traces(), before, "children, mounts, control groups, open files, folders");
    assert_eq!(processes_of(std::process::id()), 0);
}

/// How many processes of gVisor run for this host.
fn processes_of(host: u32) -> usize {
    let name = format!("airlock-{host}");
    let all = fs::read_dir("/proc").unwrap().flatten();
    let lines = all.filter_map(|entry| fs::read_to_string(entry.path().join("cmdline")).ok());
    lines.filter(|line| line.split('\0').any(|argument| argument == name)).count()
}

/// The life of a host that comes to grief while its program lets go of everything.
pub(super) fn come_to_grief(launcher: &Launcher) {
    let sandbox = Gvisor::new(launcher.clone());
    let script = "trap '' HUP TERM; setsid sleep 600 & (setsid sleep 600 &) ; exec sleep 600";
    println!("{:?}", sandbox.run(&shell(script), &limited(Limits { wall: None, ..Limits::default() })));
}

fn a_killed_host_leaves_nothing(_: &Gvisor) {
    let mut host = Command::new(std::env::current_exe().unwrap());
    let mut host = host.env(GRIEF, "gvisor").spawn().unwrap();
    let id = host.id();
    let wait = |until: &dyn Fn(usize) -> bool| {
        for _ in 0..1_000 {
            if until(processes_of(id)) {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
        panic!("{} processes", processes_of(id));
    };
    // The control: `runsc` and its sentry run.
    wait(&|processes| processes >= 2);
    host.kill().unwrap();
    host.wait().unwrap();
    wait(&|processes| processes == 0);
}

fn a_runsc_that_is_not_there_is_an_error(sandbox: &Gvisor) {
    let error = sandbox.run(&shell("echo ran"), &Confinement::default()).unwrap_err();
    assert!(matches!(error, SandboxError::Unavailable { backend: Backend::Gvisor, .. }), "{error}");
    let probe = sandbox.probe();
    assert!(probe.level == Level::None && probe.reasons.concat().contains("/nonexistent/runsc"), "{probe:?}");
}

/// A `runsc` that answers what it is asked about itself, and does this instead of running anything. `$REAL` is the real one,
/// which is where it is on the host.
struct Fake {
    folder: TempDir,
    sandbox: Gvisor,
}

impl Fake {
    fn new(sandbox: &Gvisor, instead: &str) -> Self {
        Self::with_flags(sandbox, "exec $REAL flags", instead)
    }

    /// One that lists its flags by this.
    fn with_flags(sandbox: &Gvisor, flags: &str, instead: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let described = sandbox.describe().unwrap();
        let real = described.split(' ').next().unwrap();
        let program = folder.path().join("runsc");
        let script = format!(
            "#!/bin/sh\nREAL={real}\ncase \"$1\" in flags) {flags};; --version) exec $REAL --version;; esac\n{instead}\n"
        );
        // By another process: one that this one held open for writing could not be started while a child of another
        // test has it.
        let write = "printf %s \"$2\" > \"$1\" && chmod 755 \"$1\"";
        let mut shell = Command::new("sh");
        shell.args(["-c", write, "sh"]).arg(&program).arg(script);
        assert!(shell.status().unwrap().success());
        Self { sandbox: sandbox.clone().with_program(program), folder }
    }

    /// Runs a program that would leave a mark, wherever it ran.
    fn error(&self, script: &str) -> SandboxError {
        self.error_within(script, Limits::default())
    }

    fn error_within(&self, script: &str, limits: Limits) -> SandboxError {
        let mark = self.folder.path().join("mark");
        let script = format!("echo ran > {}; {script}", mark.display());
        let error = self.sandbox.run(&shell(&script), &limited(limits)).unwrap_err();
        assert!(!mark.exists(), "it ran here");
        error
    }
}

/// Whether the real one can be started from within the root that `runsc` has, which is so where it lies below `/usr`.
fn is_of_the_system(sandbox: &Gvisor) -> bool {
    sandbox.describe().unwrap().starts_with("/usr/")
}

fn a_runsc_that_is_killed_is_an_error(sandbox: &Gvisor) {
    if !is_of_the_system(sandbox) {
        println!("skipped: `runsc` is not below /usr, and no script can stand for it");
        return;
    }
    let control = Fake::new(sandbox, "exec $REAL \"$@\"");
    let outcome = run(&control.sandbox, "exit 6", &Confinement::default());
    assert_eq!(outcome.end, End::Exited(6), "the control: one that only passes on");
    // Whatever it says itself at its end.
    for end in ["exit 0", "exit 9", "kill -9 $$"] {
        let kill = format!("$REAL \"$@\" & real=$!; sleep 3; kill -9 $real; wait $real; {end}");
        let error = Fake::new(sandbox, &kill).error("sleep 100");
        assert!(matches!(error, SandboxError::Broken { backend: Backend::Gvisor, .. }), "{end}: {error}");
    }
}

fn a_runsc_that_fails_is_an_error(sandbox: &Gvisor) {
    for end in
        ["exit 0", "exit 1", "exit 7", "exit 128", "kill -9 $$", "$REAL --no-such-flag \"$@\"", "exec \"$@\""]
    {
        let error = Fake::new(sandbox, end).error("exit 7");
        assert!(matches!(error, SandboxError::Failed { step: Step::StartRunsc, .. }), "{end}: {error}");
    }
    // What it says is told.
    let error = Fake::new(sandbox, "echo it has no user namespaces > /state/log; exit 1").error("exit 0");
    assert!(error.to_string().contains("code 1: it has no user namespaces"), "{error}");
    // One that says nothing about itself is no gVisor.
    let silent = sandbox.clone().with_program("/bin/true").run(&shell("echo ran"), &Confinement::default());
    assert!(matches!(silent, Err(SandboxError::Unavailable { .. })), "{silent:?}");
}

fn a_runsc_that_hangs_is_an_error(sandbox: &Gvisor) {
    let begin = Instant::now();
    let limits = Limits { wall: Some(Duration::from_secs(1)), ..Limits::default() };
    let fake = Fake::new(sandbox, "trap '' TERM; sleep 1000 & sleep 1000");
    let error = fake.error_within("exit 0", limits);
    assert!(matches!(error, SandboxError::Failed { step: Step::StartHelper, .. }), "{error}");
    assert!(error.to_string().contains("not there within 2 s"), "no longer than what it is for: {error}");
    // Nobody has to wait for it, either.
    let job = Job { stop: Stop::new(), ..shell("exit 0") };
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(500));
            job.stop.request();
        });
        let error = fake.sandbox.run(&job, &Confinement::default()).unwrap_err();
        assert!(matches!(error, SandboxError::GivenUp), "{error}");
    });
    assert!(begin.elapsed() < PATIENCE);
    let [children, ..] = traces();
    assert_eq!(children, 0);
}

/// What starts what it should start, and on the host's kernel; with these for what is said inside, and the word to start.
fn bare(words: &str, go: &str) -> String {
    format!(
        "mount --bind {words} /root/.airlock/words && mount --bind {go} /root/.airlock/go && \
         mount -t proc proc /root/proc && mount --rbind /dev /root/dev && mount -t tmpfs tmpfs /root/work && \
         exec chroot /root /.airlock/airlock __inside"
    )
}

/// One on the host's kernel, which has the first process inside believe that it is another one. Only what is outside
/// notices, and by then a program could have written to a folder of the host.
fn nothing_starts_before_what_holds_it_was_accepted(sandbox: &Gvisor) {
    if !rustix::process::geteuid().is_root() {
        println!("skipped: only root can show a folder to write to");
        return;
    }
    let open = folder("open");
    let confinement = Confinement { writable: vec![open.path().into()], ..Confinement::default() };
    let path = open.path().display();
    let mark = open.path().join("mark");
    let deceived = format!(
        r#"sed 's/"release":"[^"]*"/"release":"x"/; s/"version":"[^"]*"/"version":"x"/; s/"boot":"[^"]*"/"boot":null/' \
        /root/.airlock/task > /tmp/task && mount --bind /tmp/task /root/.airlock/task && \
        mount --bind /shown/0 /root{path} && "#
    );
    let run = |instead: &str| {
        let fake = Fake::new(sandbox, &(deceived.clone() + instead));
        fake.sandbox.run(&shell(&format!("echo ran > {}", mark.display())), &confinement).unwrap_err()
    };
    for turn in 0..6 {
        let error = run(&bare("/words/words", "/state/go"));
        assert!(!mark.exists(), "it ran in turn {turn}: {error}");
        assert!(
            matches!(&error, SandboxError::TooWeak { missing, .. } if missing == "the kernel is the host's"),
            "{error}"
        );
    }
    // The control: told to start by somebody else, and with nobody listening, the same program leaves the mark.
    let error = run(&format!("echo > /tmp/go; : > /tmp/words; {}", bare("/tmp/words", "/tmp/go")));
    assert!(mark.exists(), "{error}");
    assert!(matches!(error, SandboxError::Failed { step: Step::StartRunsc, .. }), "{error}");
}

/// Whoever says so, and however: what may have run must not be taken for what did not.
fn once_it_runs_nothing_says_that_it_did_not(sandbox: &Gvisor) {
    if !is_of_the_system(sandbox) {
        println!("skipped: `runsc` is not below /usr, and no script can stand for it");
        return;
    }
    let failed = |step| format!(r#"{{"then":{{"failed":{{"step":"{step}","errno":2,"detail":"forged"}}}}}}"#);
    let weak = r#"{"then":{"too_weak":{"given":"none","missing":"all"}}}"#.to_owned();
    for word in [failed("start_program"), failed("build_root"), weak, r#""begun""#.to_owned(), "x".to_owned()]
    {
        let say = format!(
            "$REAL \"$@\" & until grep -q begun /words/words; do sleep 0.1; done; echo '{word}' >> /words/words; wait"
        );
        let error = Fake::new(sandbox, &say).error("sleep 100");
        assert!(matches!(error, SandboxError::Broken { backend: Backend::Gvisor, .. }), "{word}: {error}");
    }
    let control =
        "$REAL \"$@\" & until grep -q begun /words/words; do sleep 0.1; done; echo >> /state/log; wait";
    assert_eq!(
        run(&Fake::new(sandbox, control).sandbox, "sleep 1; exit 4", &Confinement::default()).end,
        End::Exited(4)
    );
}

/// It starts what it should start, and on the host's kernel.
fn a_runsc_without_a_kernel_is_too_weak(sandbox: &Gvisor) {
    match Fake::new(sandbox, &bare("/words/words", "/state/go")).error("exit 0") {
        SandboxError::TooWeak { required: Level::Kernel, given: Level::None, missing } => {
            assert!(missing.contains("the kernel is the host's"), "{missing}");
        }
        error => panic!("{error}"),
    }
}

/// One that opens the files in the kernel that the program attacks, unless it is told not to.
fn a_newer_runsc_opens_files_apart(sandbox: &Gvisor) {
    let told = |flags: &str| {
        let list = format!("$REAL flags 2>&1 | grep -v directfs; echo '{flags}'; exit 0");
        let fake = Fake::with_flags(sandbox, &list, "echo \"told $*\" > /state/log; exit 1");
        fake.error("exit 0").to_string()
    };
    let (newer, older) = (told("  -directfs"), told("  -else"));
    assert!(newer.contains("told --root") && newer.contains(" --directfs=false "), "{newer}");
    assert!(older.contains("told --root") && !older.contains("directfs"), "the control: {older}");
}

/// What gVisor has in its memory is the program's, and part of it the host's.
fn no_core_is_left(sandbox: &Gvisor) {
    let limits = || {
        let name = format!("airlock-{}", std::process::id());
        let all = fs::read_dir("/proc").unwrap().flatten();
        let ours = all.filter(|entry| {
            let line = fs::read_to_string(entry.path().join("cmdline")).unwrap_or_default();
            line.split('\0').any(|argument| argument == name)
        });
        let limits = ours.filter_map(|entry| fs::read_to_string(entry.path().join("limits")).ok());
        let core = |limits: String| {
            let line = limits.lines().find_map(|line| line.strip_prefix("Max core file size"))?;
            Some(line.split_whitespace().take(2).map(str::to_owned).collect::<Vec<_>>())
        };
        limits.filter_map(core).collect::<Vec<_>>()
    };
    let job = Job { stop: Stop::new(), ..shell("sleep 100") };
    let seen = thread::scope(|scope| {
        let running = scope.spawn(|| sandbox.run(&job, &Confinement::default()));
        let begin = Instant::now();
        let mut seen = limits();
        // `runsc` and the sentry.
        while seen.len() < 2 && begin.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(20));
            seen = limits();
        }
        job.stop.request();
        assert!(matches!(running.join().unwrap(), Err(SandboxError::GivenUp)));
        seen
    });
    assert!(seen.len() >= 2 && seen.iter().all(|core| *core == ["1", "1"]), "{seen:?}");
}

fn runsc_gets_nothing_of_ours(sandbox: &Gvisor) {
    let secret = fs::File::open("/etc/hostname").or_else(|_| fs::File::open("/etc/passwd")).unwrap();
    // Without the flag that closes it, as a careless library may leave one.
    rustix::io::fcntl_setfd(&secret, rustix::io::FdFlags::empty()).unwrap();
    let look = "echo \"env $(env | tr '\\n' ,) fd $(ls -l /proc/self/fd | tr '\\n' ,)\" > /state/log; exit 1";
    let said = Fake::new(sandbox, look).error("exit 0").to_string();
    let own = "CARGO_MANIFEST_DIR";
    assert!(std::env::var_os(own).is_some(), "this process has it");
    assert!(said.contains("env PWD=/") && said.contains("pipe:") && said.contains("fd "), "{said}");
    assert!(!said.contains(own) && !said.contains("/etc/") && !said.contains("socket:"), "{said}");
    assert!(Path::new("/proc/self/fd").exists());
}
