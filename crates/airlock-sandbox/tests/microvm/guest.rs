//! What a program finds in a real guest, what bounds it, and what is told of it.

use std::{env, path::PathBuf, thread, time::Duration};

use airlock_sandbox::{
    Backend, Confinement, End, Job, Launcher, Level, Limits, Outcome, Probe, Sandbox, SandboxError, Step,
    Stop, attempts::SECRET_VARIABLE, microvm::Microvm, selftest,
};

use super::{Test, qemu, shell, text};

pub(crate) const TESTS: &[Test] = &[
    ("guest::a_program_runs_and_is_told_of", a_program_runs_and_is_told_of),
    ("guest::it_has_no_rights_and_nothing_of_the_machine", it_has_no_rights_and_nothing_of_the_machine),
    ("guest::it_has_what_it_was_given", it_has_what_it_was_given),
    ("guest::each_end_is_told", each_end_is_told),
    ("guest::what_is_not_there_is_said_to_be_so", what_is_not_there_is_said_to_be_so),
    ("guest::floods_and_bombs_are_bounded", floods_and_bombs_are_bounded),
    ("guest::memory_is_bounded", memory_is_bounded),
    ("guest::nothing_it_leaves_running_is_waited_for", nothing_it_leaves_running_is_waited_for),
    ("guest::the_deadline_keeps_what_was_written", the_deadline_keeps_what_was_written),
    ("guest::input_and_output_can_be_large", input_and_output_can_be_large),
    ("guest::python_runs_where_the_image_has_it", python_runs_where_the_image_has_it),
    ("guest::nothing_gets_out", nothing_gets_out),
];

fn run_job(launcher: &Launcher, job: &Job, confinement: &Confinement) -> Outcome {
    qemu::sandbox(launcher).run(job, confinement).unwrap()
}

fn run(launcher: &Launcher, script: &str) -> Outcome {
    run_job(launcher, &shell(script), &qemu::patient())
}

fn with(limits: Limits) -> Confinement {
    let wall = qemu::patient().limits.wall;
    Confinement { limits: Limits { wall, ..limits }, ..qemu::patient() }
}

fn a_program_runs_and_is_told_of(launcher: &Launcher) {
    let job = Job { input: b"some input".to_vec(), ..shell("cat; echo err >&2; id -u; exit 7") };
    let outcome = run_job(launcher, &job, &qemu::patient());
    assert_eq!(outcome.end, End::Exited(7), "{outcome:?}");
    assert_eq!(text(&outcome.stdout), "some input1879048192\n");
    assert_eq!(text(&outcome.stderr), "err\n");
    let held = outcome.enforcement;
    assert_eq!((held.level, held.uid), (Level::Machine, 0x7000_0000));
    assert!(held.no_capabilities && held.no_new_privileges && held.own_root, "{held:?}");
}

/// Each must be refused; that the shell says so of itself is the control.
fn it_has_no_rights_and_nothing_of_the_machine(launcher: &Launcher) {
    let outcome = run(
        launcher,
        "grep -E '^(Cap(Inh|Prm|Eff|Bnd|Amb)|NoNewPrivs)' /proc/self/status | tr -d '\\t '\n\
         ls / /dev | sort | tr '\\n' ' '; echo\n\
         try() { if eval \"$1\" 2>/dev/null; then echo \"open: $1\"; else echo \"held: $1\"; fi; }\n\
         for what in 'echo x > /tmp/x' 'echo x > /work/x' 'cat /etc/passwd > /dev/null' 'echo x > /dev/null'; do try \"$what\"; done\n\
         for what in 'echo x > /x' 'echo x > /etc/x' 'echo x > /bin/x' 'cat /dev/vda' 'ls /sys' 'mount -t tmpfs x /tmp' \\\n\
             'kill -9 1' 'cat /proc/1/environ' 'ls /proc/1' 'cat /proc/kcore' 'echo x > /proc/sys/kernel/core_pattern' \\\n\
             'echo b > /proc/sysrq-trigger' 'mknod /tmp/vda b 254 0' 'cat /init' 'ls /image'; do try \"$what\"; done",
    );
    assert_eq!(outcome.end, End::Exited(0), "{outcome:?}");
    let said = text(&outcome.stdout);
    for set in ["Inh", "Prm", "Eff", "Bnd", "Amb"] {
        assert!(said.contains(&format!("Cap{set}:0000000000000000\n")), "{said}");
    }
    assert!(said.contains("NoNewPrivs:1\n"), "{said}");
    assert_eq!(said.matches("open: ").count(), 4, "{said}");
    assert_eq!(said.matches("held: ").count(), 15, "{said}");
}

fn it_has_what_it_was_given(launcher: &Launcher) {
    let environment = vec![("TOKEN".into(), "a b\nc".into()), ("HOME".into(), "/tmp".into())];
    let confinement = Confinement {
        environment,
        folder: Some("/etc".into()),
        ..with(Limits { files: 8, tmpfs: 1 << 20, ..Limits::default() })
    };
    let script = "env | sort; pwd; echo \"$0:$1\"; ulimit -n; ulimit -u; \
        dd if=/dev/zero of=/tmp/big bs=1024 count=2048 2>/dev/null; wc -c < /tmp/big; \
        for i in 1 2 3 4 5 6 7 8 9 10; do echo x > /work/$i; done; ls /work | wc -l";
    let command = ["/bin/sh", "-c", script, "name", "an argument"].map(Into::into).to_vec();
    let outcome = run_job(launcher, &Job { command, ..Job::default() }, &confinement);
    let said = text(&outcome.stdout);
    let expected = "HOME=/tmp\nLANG=C.UTF-8\nPATH=/usr/local/bin:/usr/bin:/bin\nPWD=/etc\nSHLVL=1\nTMPDIR=/tmp\nTOKEN=a b\nc\n\
        /etc\nname:an argument\n256\n64\n1048576\n8\n";
    let sorted = |text: &str| {
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(said), sorted(expected), "{said}\n{}", text(&outcome.stderr));
}

fn python_runs_where_the_image_has_it(launcher: &Launcher) {
    let script = "command -v python3 > /dev/null || exit 99; exec python3 -I -";
    let job =
        Job { input: b"import os; print(6 * 7, os.getcwd(), os.uname().nodename)".to_vec(), ..shell(script) };
    let outcome = run_job(launcher, &job, &qemu::patient());
    if outcome.end == End::Exited(99) {
        println!("skipped: there is no python3 in the image");
        return;
    }
    assert_eq!(outcome.end, End::Exited(0), "{}", text(&outcome.stderr));
    assert_eq!(text(&outcome.stdout), "42 /work box\n");
}

/// Where the image has this very program, with its libraries: set to its path there, beside a secret to be looked for.
const TRY: &str = "AIRLOCK_TEST_GUEST_TRY";

/// The escape suite asks for the program and some files to be shown, which cannot be had in a machine: the program is in the
/// image, and what would be done with the files is done without them.
#[derive(Debug)]
struct WithoutFiles(Microvm, PathBuf);

impl Sandbox for WithoutFiles {
    fn backend(&self) -> Backend {
        self.0.backend()
    }

    fn probe(&self) -> Probe {
        self.0.probe()
    }

    fn run(&self, job: &Job, confinement: &Confinement) -> Result<Outcome, SandboxError> {
        let [_, visible] = &*confinement.read_only else { panic!("{confinement:?}") };
        let script = "mkdir -p \"$1\" \"$2\" && echo something > \"$1/notes.txt\" && exec \"$3\" \"$4\"";
        let words =
            [visible.as_os_str(), confinement.writable[0].as_os_str(), self.1.as_os_str(), &job.command[1]];
        let mut job = Job { input: job.input.clone(), ..shell(script) };
        job.command.push("sh".into());
        job.command.extend(words.map(Into::into));
        let limits = Limits { wall: Some(Duration::from_secs(1_200)), ..confinement.limits };
        self.0.run(&job, &Confinement { limits, ..Confinement::default() })
    }
}

fn nothing_gets_out(launcher: &Launcher) {
    let Some(program) = env::var_os(TRY).filter(|_| env::var_os(SECRET_VARIABLE).is_some()) else {
        println!("skipped: {TRY} and {SECRET_VARIABLE} are not set");
        return;
    };
    let found = selftest(&WithoutFiles(qemu::sandbox(launcher), program.into())).unwrap();
    let worked = found.open().map(|(attempt, answer)| (attempt.name, &answer.detail));
    // Folders of the image, which are not the host's; and what is to be read only is the program's own here, as it was made
    // in the machine's `/tmp`.
    let own =
        |name: &str| ["list-homes", "list-log", "list-boot"].contains(&name) || name.ends_with("-visible");
    let open: Vec<_> = worked.filter(|(name, _)| !own(name)).collect();
    println!("{} attempts, {} open", found.tried.len(), open.len());
    assert!(open.is_empty() && found.harm.is_empty(), "{open:#?}\n{:?}", found.harm);
}

fn each_end_is_told(launcher: &Launcher) {
    assert_eq!(run(launcher, "kill -SEGV $$").end, End::Signalled(11));
    let brief = with(Limits { cpu: Some(Duration::from_secs(1)), ..Limits::default() });
    assert_eq!(run_job(launcher, &shell("while :; do :; done"), &brief).end, End::CpuExceeded);
}

fn what_is_not_there_is_said_to_be_so(launcher: &Launcher) {
    let job = Job { command: vec!["no-such-program".into()], ..Job::default() };
    match qemu::sandbox(launcher).run(&job, &qemu::patient()) {
        Err(SandboxError::Failed { step: Step::StartProgram, source }) => {
            assert_eq!(source.kind(), std::io::ErrorKind::NotFound);
        }
        other => panic!("{other:?}"),
    }
    let elsewhere = Confinement { folder: Some("/nowhere".into()), ..qemu::patient() };
    let result = qemu::sandbox(launcher).run(&shell("true"), &elsewhere);
    assert!(matches!(result, Err(SandboxError::Failed { step: Step::StartProgram, .. })), "{result:?}");
}

fn floods_and_bombs_are_bounded(launcher: &Launcher) {
    let limits = Limits { output: 100_000, ..Limits::default() };
    let outcome = run_job(launcher, &shell("yes"), &with(limits));
    assert_eq!((outcome.end, outcome.stdout.len()), (End::OutputExceeded, 100_000));
    let outcome = run_job(launcher, &shell("yes >&2"), &with(limits));
    assert_eq!((outcome.end, outcome.stderr.len()), (End::OutputExceeded, 100_000));
    let few = Limits { processes: 16, ..Limits::default() };
    let script = "i=0; while [ $i -lt 100 ]; do sleep 600 & i=$((i+1)); done 2>/dev/null; echo reached";
    let outcome = run_job(launcher, &shell(script), &with(few));
    assert!(!text(&outcome.stdout).contains("reached"), "a hundred processes were made: {outcome:?}");
}

fn memory_is_bounded(launcher: &Launcher) {
    let small = with(Limits { memory: 64 << 20, ..Limits::default() });
    // In steps, since the kernel refuses at once what no memory has room for.
    let eater = "x=0123456789abcdef; while :; do x=$x$x; done";
    let outcome = run_job(launcher, &shell(&format!("sh -c '{eater}'; echo survived; exit 3")), &small);
    assert_eq!((outcome.end, text(&outcome.stdout)), (End::Exited(3), "survived\n"), "{outcome:?}");
    assert_eq!(run_job(launcher, &shell(eater), &small).end, End::MemoryExceeded);
}

fn nothing_it_leaves_running_is_waited_for(launcher: &Launcher) {
    let outcome = run(launcher, "(trap '' TERM HUP INT; sleep 6000; echo late) & echo early");
    assert_eq!((outcome.end, text(&outcome.stdout)), (End::Exited(0), "early\n"));
}

fn the_deadline_keeps_what_was_written(launcher: &Launcher) {
    let limits = Limits { wall: Some(Duration::from_secs(60)), ..Limits::default() };
    let confinement = Confinement { limits, ..Confinement::default() };
    let outcome =
        run_job(launcher, &shell("trap '' TERM; echo begun; while :; do sleep 600; done"), &confinement);
    assert_eq!((outcome.end, text(&outcome.stdout)), (End::DeadlineExceeded, "begun\n"));
    let stop = Stop::new();
    let job = Job { stop: stop.clone(), ..shell("sleep 6000") };
    let other = thread::spawn(move || {
        thread::sleep(Duration::from_secs(4));
        stop.request();
    });
    let result = qemu::sandbox(launcher).run(&job, &qemu::patient());
    assert!(matches!(result, Err(SandboxError::GivenUp)), "{result:?}");
    other.join().unwrap();
}

fn input_and_output_can_be_large(launcher: &Launcher) {
    let input: Vec<u8> = (0..3_000_000_u32).map(|nth| (nth % 251) as u8).collect();
    let limits = Limits { output: 3_000_000, ..Limits::default() };
    let job = Job { input: input.clone(), ..shell("cat") };
    let outcome = run_job(launcher, &job, &with(limits));
    assert_eq!(outcome.end, End::Exited(0));
    assert!(outcome.stdout == input, "{} bytes", outcome.stdout.len());
    // Who does not read is not waited for.
    let outcome = run_job(launcher, &Job { input, ..shell("echo done") }, &with(limits));
    assert_eq!((outcome.end, text(&outcome.stdout)), (End::Exited(0), "done\n"));
}
