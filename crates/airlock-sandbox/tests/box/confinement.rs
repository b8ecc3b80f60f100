//! What a program in the box sees and may do.

use std::{ffi::OsString, fs, io, os::unix::fs::PermissionsExt};

use airlock_sandbox::{Confinement, End, Job, Level, ProcessBox, Sandbox as _, SandboxError, Step};

use crate::{Test, run, run_with, shell, text};

pub(crate) const TESTS: &[Test] = &[
    ("everything_holds_it", everything_holds_it),
    ("only_what_was_named_exists", only_what_was_named_exists),
    ("named_paths_are_read_only_or_writable", named_paths_are_read_only_or_writable),
    ("the_environment_is_what_was_given", the_environment_is_what_was_given),
    ("streams_and_exit_codes_come_through", streams_and_exit_codes_come_through),
    ("no_state_is_kept_between_programs", no_state_is_kept_between_programs),
    ("a_path_that_cannot_be_shown_refuses", a_path_that_cannot_be_shown_refuses),
    ("a_path_through_a_link_refuses", a_path_through_a_link_refuses),
    ("links_lead_to_what_is_shown_and_to_nothing_else", links_lead_to_what_is_shown_and_to_nothing_else),
    ("a_fixed_path_in_an_open_one_refuses", a_fixed_path_in_an_open_one_refuses),
    ("a_program_that_is_not_there_is_an_error", a_program_that_is_not_there_is_an_error),
    ("a_stronger_level_than_there_is_refuses", a_stronger_level_than_there_is_refuses),
    ("the_first_process_tells_nothing_of_the_host", the_first_process_tells_nothing_of_the_host),
];

fn everything_holds_it(sandbox: &ProcessBox) {
    let outcome = run(sandbox, "echo hello");
    let held = outcome.enforcement;
    assert_eq!((outcome.end, text(&outcome.stdout)), (End::Exited(0), "hello\n"));
    assert_eq!(held.level, Level::Box);
    assert_eq!(held.namespaces, ["user", "mnt", "pid", "net", "ipc", "uts", "cgroup"]);
    assert!(held.own_root && held.no_capabilities && held.no_new_privileges);
    assert!(held.seccomp_filters > 0);
    assert_ne!(held.uid, 0);
}

fn only_what_was_named_exists(sandbox: &ProcessBox) {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let secret = folder.path().join("secret");
    fs::write(&secret, "canary").unwrap();
    let look = format!("ls / ; ls /etc /home /root /sys /run /var 2>&1; cat {}", secret.display());
    let outcome = run(sandbox, &look);
    let out = text(&outcome.stdout);
    assert!(!out.contains("canary"), "{out}");
    assert_ne!(outcome.end, End::Exited(0));
    for name in ["home", "root", "run", "sys", "boot", "opt", "mnt", "srv"] {
        assert!(!out.lines().any(|line| line == name), "{name} in {out}");
    }
    for name in ["shadow", "ssh", "hostname", "fstab", "machine-id"] {
        assert!(!out.lines().any(|line| line == name), "{name} in {out}");
    }
    // The same look, with the folder shown.
    let shown = Confinement { read_only: vec![folder.path().into()], ..Confinement::default() };
    let outcome = run_with(sandbox, &look, &shown).unwrap();
    assert!(text(&outcome.stdout).ends_with("canary"));
}

fn named_paths_are_read_only_or_writable(sandbox: &ProcessBox) {
    let folder = tempfile::tempdir().unwrap();
    let [fixed, open] = ["fixed", "open"].map(|name| {
        let path = folder.path().join(name);
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
        path
    });
    let confinement = Confinement {
        read_only: vec![fixed.clone()],
        writable: vec![open.clone()],
        ..Confinement::default()
    };
    let script = format!(
        "echo a > {fixed}/file && echo fixed-written; echo b > {open}/file && echo open-written; \
         touch /usr/probe /probe /etc/probe 2>/dev/null && echo system-written; echo c > $HOME/file && cat $HOME/file",
        fixed = fixed.display(),
        open = open.display(),
    );
    let outcome = run_with(sandbox, &script, &confinement).unwrap();
    assert_eq!(text(&outcome.stdout), "open-written\nc\n");
    assert!(!fixed.join("file").exists());
    assert_eq!(fs::read_to_string(open.join("file")).unwrap(), "b\n");
}

fn the_environment_is_what_was_given(sandbox: &ProcessBox) {
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some(), "the test's own environment is not empty");
    let confinement =
        Confinement { environment: vec![("GREETING".into(), "hello".into())], ..Confinement::default() };
    let outcome = run_with(sandbox, "/usr/bin/env | sort", &confinement).unwrap();
    let names: Vec<_> =
        text(&outcome.stdout).lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
    assert_eq!(names, ["GREETING", "HOME", "LANG", "PATH", "PWD", "TMPDIR"], "{}", text(&outcome.stdout));
}

fn streams_and_exit_codes_come_through(sandbox: &ProcessBox) {
    let job = Job { input: b"from the host".to_vec(), ..shell("cat; echo warning >&2; exit 7") };
    let outcome = sandbox.run(&job, &Confinement::default()).unwrap();
    assert_eq!(outcome.end, End::Exited(7));
    assert_eq!((text(&outcome.stdout), text(&outcome.stderr)), ("from the host", "warning\n"));
    assert_eq!(run(sandbox, "kill -TERM $$").end, End::Signalled(15));
    let outcome = run(sandbox, "echo out >/dev/stdout; echo err >/dev/stderr; cat </dev/stdin");
    assert_eq!(
        (text(&outcome.stdout), text(&outcome.stderr), outcome.end),
        ("out\n", "err\n", End::Exited(0))
    );
    // A program that reads nothing of a long input, and one that closes its streams.
    let job = Job { input: vec![b'x'; 1 << 20], ..shell("exec <&- >&- 2>&-; exit 3") };
    assert_eq!(sandbox.run(&job, &Confinement::default()).unwrap().end, End::Exited(3));
}

fn no_state_is_kept_between_programs(sandbox: &ProcessBox) {
    let script = "ls -A /tmp /work /dev/shm; echo left > /tmp/a; echo left > /work/b; echo left > /dev/shm/c; ls -A /tmp";
    let first = run(sandbox, script);
    let second = run(sandbox, script);
    assert_eq!(text(&first.stdout), "/dev/shm:\n\n/tmp:\n\n/work:\na\nc\n");
    assert_eq!(second.stdout, first.stdout);
}

fn a_path_that_cannot_be_shown_refuses(sandbox: &ProcessBox) {
    for path in ["/", "/proc/1", "/dev", "/sys/fs", "relative", "/tmp/../etc", "/no/such/path"] {
        let confinement = Confinement { read_only: vec![path.into()], ..Confinement::default() };
        let refusal = run_with(sandbox, "echo ran", &confinement).unwrap_err();
        assert!(matches!(refusal, SandboxError::Failed { step: Step::OpenPaths, .. }), "{path}: {refusal}");
        assert!(refusal.to_string().contains(path), "{refusal}");
    }
}

/// A program that could write there may have put the link there, for the next one.
fn a_path_through_a_link_refuses(sandbox: &ProcessBox) {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("target");
    fs::create_dir_all(target.join("inner")).unwrap();
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(&target, &link).unwrap();
    let proc = folder.path().join("proc");
    std::os::unix::fs::symlink("/proc", &proc).unwrap();
    for path in [link.clone(), link.join("inner"), proc.clone(), proc.join("self")] {
        for writable in [false, true] {
            let paths = vec![path.clone()];
            let confinement = if writable {
                Confinement { writable: paths, ..Confinement::default() }
            } else {
                Confinement { read_only: paths, ..Confinement::default() }
            };
            let refusal = run_with(sandbox, "echo ran", &confinement).unwrap_err();
            assert!(matches!(refusal, SandboxError::Failed { step: Step::OpenPaths, .. }), "{refusal}");
        }
    }
    let real = target.canonicalize().unwrap().join("inner");
    let confinement = Confinement { read_only: vec![real], ..Confinement::default() };
    assert_eq!(text(&run_with(sandbox, "echo ran", &confinement).unwrap().stdout), "ran\n");
}

fn links_lead_to_what_is_shown_and_to_nothing_else(sandbox: &ProcessBox) {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let real = folder.path().join("real");
    fs::create_dir(&real).unwrap();
    fs::write(real.join("file"), "seen").unwrap();
    fs::write(folder.path().join("secret"), "canary").unwrap();
    let [shown, hidden, inside] = ["/opt/shown", "/opt/hidden", "inside"].map(|name| real.join(name));
    let links = vec![
        (shown.clone(), real.clone()),
        (hidden.clone(), folder.path().join("secret")),
        (inside.clone(), real.clone()),
    ];
    let confinement = Confinement { read_only: vec![real.clone()], links, ..Confinement::default() };
    let script = format!("cat {}/file; cat {}; ls {}", shown.display(), hidden.display(), real.display());
    let outcome = run_with(sandbox, &script, &confinement).unwrap();
    assert_eq!(text(&outcome.stdout), "seenfile\n", "{}", text(&outcome.stderr));
    let confinement = Confinement { links: vec![("/proc/x".into(), "/".into())], ..Confinement::default() };
    assert!(run_with(sandbox, "echo ran", &confinement).is_err());
}

fn a_fixed_path_in_an_open_one_refuses(sandbox: &ProcessBox) {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("inner");
    fs::create_dir(&inner).unwrap();
    for fixed in [inner.as_path(), folder.path()] {
        let confinement = Confinement {
            read_only: vec![fixed.into()],
            writable: vec![folder.path().into()],
            ..Confinement::default()
        };
        let refusal = run_with(sandbox, "echo ran", &confinement).unwrap_err();
        assert!(matches!(refusal, SandboxError::Failed { step: Step::OpenPaths, .. }), "{refusal}");
    }
    // The other way round there is nothing to be moved.
    let confinement = Confinement {
        read_only: vec![folder.path().into()],
        writable: vec![inner],
        ..Confinement::default()
    };
    assert_eq!(text(&run_with(sandbox, "echo ran", &confinement).unwrap().stdout), "ran\n");
}

fn a_program_that_is_not_there_is_an_error(sandbox: &ProcessBox) {
    let table: [(&[&str], io::ErrorKind); 4] = [
        (&[], io::ErrorKind::Other),
        (&["no-such-program"], io::ErrorKind::NotFound),
        (&["/no/such/program"], io::ErrorKind::NotFound),
        (&["/etc/hosts"], io::ErrorKind::PermissionDenied),
    ];
    for (command, kind) in table {
        let command: Vec<OsString> = command.iter().map(OsString::from).collect();
        let refusal = sandbox.run(&Job { command, ..Job::default() }, &Confinement::default()).unwrap_err();
        let SandboxError::Failed { step: Step::StartProgram, source } = &refusal else { panic!("{refusal}") };
        assert_eq!(source.kind(), kind, "{refusal}");
    }
}

fn a_stronger_level_than_there_is_refuses(sandbox: &ProcessBox) {
    let marker = tempfile::tempdir().unwrap();
    fs::set_permissions(marker.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let confinement = Confinement { writable: vec![marker.path().into()], ..Confinement::default() };
    let script = format!("echo ran > {}/ran", marker.path().display());
    let stronger = sandbox.clone().at_least(Level::Kernel);
    let refusal = run_with(&stronger, &script, &confinement).unwrap_err();
    assert!(
        matches!(refusal, SandboxError::TooWeak { required: Level::Kernel, given, .. } if given == sandbox.backend().level()),
        "{refusal:?}"
    );
    assert!(!marker.path().join("ran").exists(), "it ran all the same");
    run_with(sandbox, &script, &confinement).unwrap();
    assert!(marker.path().join("ran").exists());
}

/// The suite of the prototype found the host's environment here.
fn the_first_process_tells_nothing_of_the_host(sandbox: &ProcessBox) {
    let read = |pid: &str, file: &str| run(sandbox, &format!("cat /proc/{pid}/{file} | wc -c"));
    for file in ["environ", "maps", "mem", "cwd/.", "root/.", "fd/3"] {
        assert_eq!(text(&read("1", file).stdout), "0\n", "{file}");
    }
    assert_ne!(text(&read("self", "environ").stdout), "0\n");
}
