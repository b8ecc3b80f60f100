//! The controls of the escape suite: outside of any sandbox every attempt works, or says why that cannot be told here,
//! and in a box that shows too much those that are after it work as well. An attempt that fails everywhere would show
//! nothing. That all of them are held in a box is `tests/box/escape.rs`.
//!
//! Without the usual harness, since attempts are forked off a process that has one thread: this very program, started
//! anew.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that has no harness: what fails ends it, and it prints what it found"
)]

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    linux::main()
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("0 passed, 0 failed, 0 skipped: there are no attempts for this system");
}

#[cfg(target_os = "linux")]
mod linux {
    use std::{
        collections::{BTreeMap, BTreeSet},
        fs,
        io::{self, Read as _, Write as _},
        os::unix::process::CommandExt as _,
        path::{Path, PathBuf},
        process::{Command, ExitCode, Stdio},
        thread,
        time::{Duration, Instant},
    };

    use airlock_sandbox::{
        Backend, Confinement, End, Job, Level, Limits, ProcessBox, Sandbox as _,
        attempts::{
            ALL, Answer, Attempt, Control, Footing, Ground, Outcome, Place, Prepared, SECRET_VARIABLE, Theme,
            Verdict, footing, judge_control, prepare, read_answers, run_child, try_one,
        },
        doctor::{State, examine},
        enter,
    };

    /// The first argument of the process that tries.
    const CHILD: &str = "try-attempts";

    pub(crate) fn main() -> ExitCode {
        let launcher = match enter(std::env::args_os()) {
            Ok(launcher) => launcher,
            Err(code) => return code,
        };
        let mut arguments = std::env::args().skip(1);
        match arguments.next().as_deref() {
            Some(CHILD) => child(&arguments.collect::<Vec<_>>()),
            // What cargo-nextest asks for.
            Some("--list") => {
                if !arguments.any(|argument| argument == "--ignored") {
                    println!("attempts: test");
                }
                ExitCode::SUCCESS
            }
            // What starts a sandbox has a secret in its environment.
            _ if std::env::var_os(SECRET_VARIABLE).is_none() => {
                let error = Command::new(std::env::current_exe().unwrap())
                    .args(std::env::args_os().skip(1))
                    .env(SECRET_VARIABLE, "a secret")
                    .exec();
                panic!("this program can be started anew: {error}")
            }
            _ => suite(&[ProcessBox::new(launcher.clone()), ProcessBox::lite(launcher)]),
        }
    }

    fn child(names: &[String]) -> ExitCode {
        let mut ground = String::new();
        io::stdin().read_to_string(&mut ground).unwrap();
        let mut told: Ground = serde_json::from_str(&ground).unwrap();
        if told.place == Place::Inside {
            // The folder that the sandbox gives.
            told.own = std::env::temp_dir();
        }
        let ground = serde_json::to_string(&told).unwrap();
        run_child(names, &ground, &mut io::stdout()).unwrap();
        ExitCode::SUCCESS
    }

    /// Tries what is named outside of any sandbox, as the host of a sandbox would start it inside.
    fn outside(prepared: &Prepared, names: &[String]) -> Vec<Answer> {
        let ground: Ground = prepared.ground(Place::Outside, Limits::default());
        let mut child = Command::new(std::env::current_exe().unwrap())
            .arg(CHILD)
            .args(names)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        input.write_all(serde_json::to_string(&ground).unwrap().as_bytes()).unwrap();
        drop(input);
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "the child ends well");
        read_answers(names, &output.stdout)
    }

    /// Tries what is named in a box that shows more than it should.
    fn inside(prepared: &Prepared, sandbox: &ProcessBox, names: &[String], shown: PathBuf) -> Vec<Answer> {
        let program = std::env::current_exe().unwrap();
        let ground = prepared.ground(Place::Inside, Limits::default());
        let confinement = Confinement {
            read_only: vec![ground.visible.clone(), program.clone(), shown],
            writable: vec![ground.writable.clone()],
            ..Confinement::default()
        };
        let mut command = vec![program.into_os_string(), CHILD.into()];
        command.extend(names.iter().map(Into::into));
        let job = Job { command, input: serde_json::to_vec(&ground).unwrap(), ..Job::default() };
        let outcome = sandbox.run(&job, &confinement).unwrap();
        let errors = String::from_utf8_lossy(&outcome.stderr);
        assert_eq!(outcome.end, End::Exited(0), "the child ends well: {errors}");
        read_answers(names, &outcome.stdout)
    }

    #[derive(Default)]
    struct Report {
        passed: usize,
        failed: usize,
        skipped: usize,
    }

    impl Report {
        fn check(&mut self, fine: bool, what: &str) {
            if fine {
                self.passed += 1;
            } else {
                self.failed += 1;
                println!("FAILED {what}");
            }
        }
    }

    fn suite(sandboxes: &[ProcessBox]) -> ExitCode {
        let start = Instant::now();
        let mut report = Report::default();
        let footing = footing();
        let settings = settings();
        names_are_unique(&mut report);
        missing_answers_are_open(&mut report);
        broken_attempts_are_seen(&mut report);
        every_end_is_a_verdict(&mut report);

        let mut prepared = prepare().unwrap();
        let ground = prepared.ground(Place::Outside, Limits::default());
        controls(&mut report, &prepared, footing);
        let harm = prepared.harm().unwrap();
        report.check(harm.is_empty(), &format!("no harm was done outside: {harm:?}"));
        for sandbox in sandboxes {
            open_is_seen(&mut report, &prepared, sandbox);
        }
        harm_is_seen(&mut report);
        drop(prepared);
        report.check(!ground.home.parent().unwrap().exists(), "the prepared folder is gone");
        report.check(
            ground.shared_memory_file.is_none_or(|file| !file.exists()),
            "the file in shared memory is gone",
        );
        report
            .check(!Path::new(&format!("/proc/{}", ground.victim)).exists(), "the prepared process is gone");
        report.check(no_child_is_left(), "no process is left");
        unchanged(&mut report, &settings);
        report.check(
            start.elapsed() < Duration::from_secs(60),
            "it takes less than a minute on a busy machine",
        );

        let Report { passed, failed, skipped } = report;
        println!("{} attempts in {:.1} s as {footing:?}", ALL.len(), start.elapsed().as_secs_f64());
        println!("{passed} passed, {failed} failed, {skipped} skipped");
        if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    fn controls(report: &mut Report, prepared: &Prepared, footing: Footing) {
        let answers = outside(prepared, &[]);
        let mut counts = BTreeMap::<&str, [usize; 3]>::new();
        for (attempt, answer) in ALL.iter().zip(&answers) {
            let line = format!("{} ({}): {}", attempt.name, attempt.what, answer.detail);
            let [open, held, not_here] = counts.entry(attempt.theme.as_str()).or_default();
            match answer.verdict {
                Outcome::Open => *open += 1,
                Outcome::Held => *held += 1,
                Outcome::NotHere | Outcome::Broke => *not_here += 1,
            }
            match judge_control(attempt, footing, answer) {
                Some(true) => report.passed += 1,
                Some(false) => report.check(false, &line),
                None => {
                    report.skipped += 1;
                    println!("skipped {line}");
                }
            }
        }
        report.check(answers.len() == ALL.len(), "one answer for each attempt");
        for theme in Theme::ALL {
            let [open, held, not_here] = counts.get(theme.as_str()).copied().unwrap_or_default();
            println!("{}: {open} open outside, {held} held, {not_here} not to be told here", theme.as_str());
            // Somebody else's sandbox may hold any of them.
            report.check(open > 0 || footing == Footing::Confined, theme.as_str());
        }
    }

    /// A sandbox that shows what it must not show is not held to be closed.
    fn open_is_seen(report: &mut Report, prepared: &Prepared, sandbox: &ProcessBox) {
        let probe = sandbox.probe();
        if probe.level == Level::None && missing(sandbox.backend()) {
            report.skipped += 1;
            println!("skipped `{}` cannot be had here: {:?}", sandbox.backend(), probe.reasons);
            return;
        }
        let home = prepared.ground(Place::Inside, Limits::default()).home;
        let names = ["read-key", "write-audit", "read-shadow"].map(String::from);
        let answers = inside(prepared, sandbox, &names, home);
        let verdicts: Vec<Outcome> = answers.iter().map(|answer| answer.verdict).collect();
        report.check(
            verdicts == [Outcome::Open, Outcome::Held, Outcome::Held],
            &format!("a home that is shown in `{}` is seen: {answers:?}", sandbox.backend()),
        );
    }

    /// Whether this machine lacks what the backend is built of, as somebody else sees it.
    fn missing(backend: Backend) -> bool {
        let needed = if backend == Backend::Lite { "landlock" } else { "user_namespaces" };
        examine().iter().any(|fact| fact.subject == needed && fact.state != State::Good)
    }

    fn names_are_unique(report: &mut Report) {
        let names: BTreeSet<&str> = ALL.iter().map(|attempt| attempt.name).collect();
        report.check(names.len() == ALL.len(), "no two attempts have one name");
        report.check(ALL.len() >= 120, "there are at least 120 attempts");
        let without_control =
            ALL.iter().filter(|attempt| matches!(attempt.control, Control::None(_))).count();
        report.check(without_control * 20 <= ALL.len(), "nearly all attempts have a control");
    }

    fn missing_answers_are_open(report: &mut Report) {
        let names = ["read-key", "list-home", "mount"].map(String::from);
        let held =
            |name: &str| format!("{{\"name\":\"{name}\",\"verdict\":\"held\",\"detail\":\"EPERM\"}}\n");
        let output = [held("read-key"), held("list-home"), held("list-home"), "not JSON\n".into()].concat();
        let verdicts: Vec<Outcome> =
            read_answers(&names, output.as_bytes()).iter().map(|answer| answer.verdict).collect();
        report.check(
            verdicts == [Outcome::Held, Outcome::Open, Outcome::Open],
            "a missing answer, and one that is given twice, is open",
        );
    }

    fn broken_attempts_are_seen(report: &mut Report) {
        let judged = |name: &str, footing, verdict| {
            let attempt = ALL.iter().find(|attempt| attempt.name == name).unwrap();
            judge_control(attempt, footing, &Answer { name: name.into(), verdict, detail: String::new() })
        };
        let fine = judged("read-key", Footing::Plain, Outcome::Held) == Some(false)
            && judged("read-key", Footing::Plain, Outcome::Open) == Some(true)
            && judged("read-key", Footing::Confined, Outcome::Held).is_none()
            && judged("read-shadow", Footing::Plain, Outcome::Held).is_none()
            && judged("read-shadow", Footing::Root, Outcome::Held) == Some(false)
            && judged("open-kvm", Footing::Privileged, Outcome::NotHere).is_none();
        report.check(fine, "an attempt that fails where nothing holds it is broken");
    }

    /// However an attempt ends, there is a verdict, and the next one can be tried.
    fn every_end_is_a_verdict(report: &mut Report) {
        let prepared = prepare().unwrap();
        let ground = prepared.ground(Place::Outside, Limits::default());
        let mut check = |run: fn(&Ground) -> Verdict, expected: &Verdict| {
            let attempt =
                Attempt { name: "end", theme: Theme::Files, what: "ends", control: Control::Outside, run };
            let verdict = try_one(&attempt, &ground).unwrap();
            report.check(verdict == *expected, &format!("{verdict:?} is {expected:?}"));
        };
        check(|_| Verdict::Held("yes".into()), &Verdict::Held("yes".into()));
        check(|_| std::process::abort(), &Verdict::Held("killed by signal 6".into()));
        check(hang, &Verdict::Held("nothing within 3 s".into()));
        check(end_without_an_answer, &Verdict::Open("ended without an answer".into()));
        check(|_| Verdict::Open("yes".into()), &Verdict::Open("yes".into()));
    }

    /// Hangs together with a child, which must end as well.
    fn hang(_: &Ground) -> Verdict {
        let ended = Command::new("sleep").arg("100").status();
        Verdict::Open(format!("{ended:?}"))
    }

    #[expect(clippy::exit, reason = "an attempt that does this must not pass for one that was held")]
    fn end_without_an_answer(_: &Ground) -> Verdict {
        std::process::exit(0)
    }

    /// The look at what was done to the host must see something that was done.
    fn harm_is_seen(report: &mut Report) {
        let mut prepared = prepare().unwrap();
        report.check(prepared.harm().unwrap().is_empty(), "nothing was done yet");
        let ground = prepared.ground(Place::Outside, Limits::default());
        fs::write(ground.visible_file(), "changed").unwrap();
        fs::write(ground.home.join("planted"), "").unwrap();
        let signalled = Command::new("kill").args(["-WINCH", &ground.victim.to_string()]).status();
        assert!(signalled.unwrap().success());
        let name: String = ground.token.chars().take(15).collect();
        let script = format!("printf %s {name} > /proc/self/comm; kill -STOP $$");
        // The shell's own `printf`, so that the name is the shell's.
        let mut straggler = Command::new("sh").args(["-c", &script]).spawn().unwrap();
        thread::sleep(Duration::from_millis(200));
        let harm = prepared.harm().unwrap();
        straggler.kill().unwrap();
        straggler.wait().unwrap();
        report.check(harm.len() == 4, &format!("four harms are seen: {harm:?}"));
    }

    fn no_child_is_left() -> bool {
        let own = std::process::id().to_string();
        let children = fs::read_to_string(format!("/proc/self/task/{own}/children")).unwrap_or_default();
        children.trim().is_empty()
    }

    /// Settings that change by themselves, or with what other programs do.
    const RESTLESS: &[&str] = &[
        "fs/aio-nr",
        "fs/dentry-state",
        "fs/file-nr",
        "fs/inode-nr",
        "fs/inode-state",
        "fs/quota",
        "kernel/ns_last_pid",
        "kernel/perf_cpu_time_max_percent",
        "kernel/perf_event_max_sample_rate",
        "kernel/pty/nr",
        "kernel/random",
        "net/netfilter/nf_conntrack_count",
    ];

    /// All settings of the kernel that can be read.
    fn settings() -> BTreeMap<String, String> {
        let mut settings = BTreeMap::new();
        let mut folders = vec![Path::new("/proc/sys").to_path_buf()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
                let path = entry.path();
                let name = path.strip_prefix("/proc/sys").unwrap().to_string_lossy().into_owned();
                if RESTLESS.iter().any(|restless| Path::new(&name).starts_with(restless)) {
                    continue;
                }
                if path.is_dir() {
                    folders.push(path);
                } else if let Ok(value) = fs::read_to_string(&path) {
                    settings.insert(name, value);
                }
            }
        }
        settings
    }

    fn unchanged(report: &mut Report, before: &BTreeMap<String, String>) {
        let after = settings();
        report.check(before.len() > 100, "the kernel has settings");
        // Devices come and go, and so do their settings.
        let changed: Vec<_> = before
            .iter()
            .filter(|(name, value)| after.get(*name).is_some_and(|now| now != *value))
            .map(|(name, _)| name)
            .collect();
        report.check(changed.is_empty(), &format!("no setting of the kernel was changed: {changed:?}"));
    }
}
