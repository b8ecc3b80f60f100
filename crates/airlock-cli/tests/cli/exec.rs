//! `airlock exec`: untrusted code, in the sandbox or not at all.
#![cfg(target_os = "linux")]

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use crate::common::{Ran, airlock, feed, run};

/// A program that is on every machine with a shell.
fn shell(home: &Path, flags: &[&str], code: &str) -> Ran {
    feed(airlock(home).args(["exec", "--lang", "shell"]).args(flags).arg("-"), code.as_bytes())
}

#[test]
fn code_of_each_language_runs() {
    let home = tempfile::tempdir().unwrap();
    let table = [
        ("shell", "echo $((6 * 7)); exit 3", 3),
        ("python", "print(6 * 7); raise SystemExit(3)", 3),
        ("javascript", "console.log(6 * 7); process.exit(3)", 3),
    ];
    for (language, code, exit) in table {
        let ran = feed(airlock(home.path()).args(["exec", "--lang", language, "-"]), code.as_bytes());
        if ran.code == 127 {
            println!("skipped: no interpreter for {language} below /usr");
            continue;
        }
        assert_eq!((ran.code, &*ran.out), (exit, "42\n"), "{language}: {ran:?}");
        let file = home.path().join("code");
        fs::write(&file, code).unwrap();
        let ran = run([Path::new("exec"), "--lang".as_ref(), language.as_ref(), &file]);
        assert_eq!((ran.code, &*ran.out), (exit, "42\n"), "{language}: {ran:?}");
    }
}

#[test]
fn commands_read_our_input_and_see_nothing_of_ours() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("secret"), "canary").unwrap();
    let script = format!("cat; cat {}/secret; echo $HOME $SECRET", home.path().display());
    let command = |program: &str| {
        let mut command = airlock(home.path());
        command.env("SECRET", "canary");
        if program == "airlock" {
            command.args(["exec", "--", "sh", "-c", &script]);
            return feed(&mut command, b"input ");
        }
        feed(std::process::Command::new("sh").args(["-c", &script]).env("SECRET", "canary"), b"input ")
    };
    let outside = command("sh");
    assert!(outside.out.starts_with("input canary") && outside.out.ends_with("canary\n"), "{outside:?}");
    let inside = command("airlock");
    assert_eq!(inside.out, "input /work\n", "{inside:?}");
}

#[test]
fn what_is_named_is_shown() {
    let home = tempfile::tempdir().unwrap();
    fs::set_permissions(home.path(), fs::Permissions::from_mode(0o755)).unwrap();
    for (name, text) in [("in", "given"), ("out", "")] {
        let folder = home.path().join(name);
        fs::create_dir(&folder).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
        fs::write(folder.join("file"), text).unwrap();
    }
    let code = format!(
        "cd {}; cat in/file > out/copy; echo changed > in/file; echo $GREETING",
        home.path().display()
    );
    // Relative to where the command is started.
    let mut command = airlock(home.path());
    command.args(["exec", "--lang", "shell", "--ro", "in", "--rw", "./out", "--env", "GREETING"]);
    let ran = feed(command.env("GREETING", "hello"), code.as_bytes());
    assert_eq!(ran.out, "hello\n", "{ran:?}");
    assert_eq!(fs::read_to_string(home.path().join("out/copy")).unwrap(), "given", "{ran:?}");
    assert_eq!(fs::read_to_string(home.path().join("in/file")).unwrap(), "given");
}

#[test]
fn hosts_that_were_not_named_are_refused_and_told_of_once() {
    let home = tempfile::tempdir().unwrap();
    let ask = "for page in example.org example.org/more example.org:8080 169.254.169.254; do \
               curl -s -o /dev/null -w '%{http_code}\\n' http://$page; done";
    let ran = shell(home.path(), &["--net", "example.com"], ask);
    if ran.code == 127 {
        println!("skipped: no curl below /usr");
        return;
    }
    assert_eq!((ran.code, &*ran.out), (0, "403\n403\n403\n403\n"), "{ran:?}");
    let expected = "airlock: the sandbox refused example.org:80: it is not on the list of hosts (--net HOST allows one)\n\
                    airlock: the sandbox refused example.org:8080: it is not on the list of hosts\n\
                    airlock: the sandbox refused 169.254.169.254:80: it leads to this machine or its networks, which no \
                    sandbox reaches\n";
    assert_eq!(ran.err, expected);
    // Names that are made up hide nothing of another kind, and are counted.
    let junk = "nth=0; while [ $nth -lt 40 ]; do nth=$((nth + 1)); set -- \"$@\" http://junk$nth.test/; done; \
                curl -s \"$@\" http://10.0.0.1/ >/dev/null";
    let ran = shell(home.path(), &["--net", "example.com"], junk);
    assert_eq!(ran.err.lines().count(), 32 + 3, "{ran:?}");
    for line in [
        "refused more hosts that are not on the list; they are not shown\n",
        "refused 10.0.0.1:80: it leads to this machine",
        "refused 8 requests for hosts that were not shown\n",
    ] {
        assert!(ran.err.contains(line), "{line}: {ran:?}");
    }
    // Without hosts there is no proxy, and nobody is told.
    let ran = shell(home.path(), &[], ask);
    assert_eq!((&*ran.out, &*ran.err), ("000\n000\n000\n000\n", ""), "{ran:?}");
    for (host, why) in [("127.0.0.1", "no sandbox reaches"), ("https://example.com", "its host alone")] {
        let ran = shell(home.path(), &["--net", host], "echo ran");
        assert_eq!((ran.code, &*ran.out), (64, ""), "{ran:?}");
        assert!(ran.err.contains(why), "{ran:?}");
    }
}

#[test]
fn the_exit_code_says_how_it_ended() {
    let home = tempfile::tempdir().unwrap();
    let table: &[(&[&str], &str, i32, &str)] = &[
        (&[], "exit 0", 0, ""),
        (&[], "exit 255", 255, ""),
        (&[], "kill -9 $$", 137, ""),
        (&["--timeout", "1"], "sleep 60", 124, "--timeout"),
        (&[], "yes", 124, "wrote more than 1048576 bytes"),
        (&["--min-level", "machine"], "exit 0", 125, "`microvm` cannot be used"),
        (&["--ro", "/proc/self"], "exit 0", 125, "belongs to the box itself"),
        (&["--ro", "/no/such"], "exit 0", 64, "/no/such"),
        (&["--env", "NO_SUCH_VARIABLE"], "exit 0", 64, "NO_SUCH_VARIABLE"),
        (&["--min-level", "strong"], "exit 0", 64, "none, lite, box, kernel, machine"),
    ];
    for (flags, code, exit, says) in table {
        let ran = shell(home.path(), flags, code);
        assert_eq!(ran.code, *exit, "{flags:?} {code}: {ran:?}");
        assert!(ran.err.contains(says) && ran.err.is_empty() == says.is_empty(), "{flags:?} {code}: {ran:?}");
    }
    for (command, exit) in [("no-such-program", 127), ("/etc/passwd", 127)] {
        let ran = run(["exec", "--", command]);
        assert_eq!(ran.code, exit, "{command}: {ran:?}");
    }
    for line in [&["exec"][..], &["exec", "file"], &["exec", "--lang", "shell", "--", "true"]] {
        assert_eq!(run(line).code, 64, "{line:?}");
    }
}

#[test]
fn json_says_what_held_it() {
    let home = tempfile::tempdir().unwrap();
    let ran = shell(home.path(), &["--format", "json"], "echo out; echo err >&2; exit 5");
    let report = ran.json();
    assert_eq!(ran.code, 5);
    assert_eq!((&report["end"], &report["number"]), (&"exited".into(), &5.into()));
    assert_eq!((&report["stdout"], &report["stderr"]), (&"out\n".into(), &"err\n".into()));
    assert_eq!(report["enforcement"]["level"], "box");
    assert_eq!(report["enforcement"]["no_capabilities"], true);
}

/// Inside of a user namespace in which no other can be made, as containers and some distributions have it.
#[test]
fn where_namespaces_are_denied_nothing_runs() {
    let home = tempfile::tempdir().unwrap();
    fs::set_permissions(home.path(), fs::Permissions::from_mode(0o755)).unwrap();
    // Where the other user can read it.
    let binary = home.path().join("airlock");
    fs::copy(env!("CARGO_BIN_EXE_airlock"), &binary).unwrap();
    let within = |namespaces: u32| {
        let script = format!(
            "echo {namespaces} > /proc/sys/user/max_user_namespaces && exec {} exec -- echo it ran",
            binary.display()
        );
        let mut unshare = std::process::Command::new("unshare");
        unshare.args(["--user", "--map-user=12345", "--map-group=12345", "--keep-caps", "sh", "-c", &script]);
        feed(unshare.current_dir(home.path()), b"")
    };
    let control = within(100);
    if control.out != "it ran\n" {
        println!("skipped: no user namespace can be made for the test: {}", control.err);
        return;
    }
    let denied = within(0);
    assert_eq!((denied.code, &*denied.out), (125, ""), "{denied:?}");
    assert!(denied.err.contains("cannot make a user namespace"), "{denied:?}");
}

/// Nothing leaves this machine, and nothing runs on it instead.
#[test]
fn a_service_that_cannot_be_asked_is_a_refusal() {
    let home = tempfile::tempdir().unwrap();
    let mark = home.path().join("mark");
    let script = format!("echo ran >{}", mark.display());
    let exec = |key: Option<&str>, flags: &[&str]| {
        let mut command = airlock(home.path());
        command.args(["exec", "--backend", "e2b"]).args(flags).args(["--", "/bin/sh", "-c", &script]);
        if let Some(key) = key {
            // A port at which nobody listens.
            command.env("E2B_API_KEY", key).env("E2B_API_URL", "http://127.0.0.1:9");
        }
        let output = command.stdin(std::process::Stdio::null()).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    for (key, flags, says) in [
        (None, &[][..], "E2B_API_KEY"),
        (Some("e2b_0123"), &[], "`e2b` cannot be used"),
        (Some("e2b_0123"), &["--ro", "/usr/share"], "no file or folder of this machine"),
        (Some("e2b_0123"), &["--net", "example.com"], "`e2b` cannot be used"),
    ] {
        let (code, said) = exec(key, flags);
        assert_eq!(code, Some(125), "{said}");
        assert!(said.contains(says) && said.contains("nothing ran"), "{said}");
        assert!(!said.contains("e2b_0123"), "the key is shown: {said}");
        assert!(!mark.exists(), "it ran here: {said}");
    }
}

/// By the `runsc` of this machine, or not at all.
#[test]
fn a_kernel_of_its_own_is_one_that_is_there() {
    let home = tempfile::tempdir().unwrap();
    let exec = |path: &str| {
        let mut command = airlock(home.path());
        command.args(["exec", "--backend", "gvisor", "--format", "json", "--", "/bin/uname", "-r"]);
        command.env("PATH", path).stdin(std::process::Stdio::null());
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        (output.status.code(), said)
    };
    let (code, said) = exec("/nonexistent");
    assert_eq!(code, Some(125), "{said}");
    assert!(said.contains("`gvisor` cannot be used: there is no `runsc` on PATH"), "{said}");
    assert!(said.contains("nothing ran"), "{said}");
    let (code, said) = exec(&std::env::var("PATH").unwrap());
    if code == Some(125) {
        println!("skipped: {said}");
        return;
    }
    assert_eq!(code, Some(0), "{said}");
    let host = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    assert!(said.contains("\"level\":\"kernel\"") && !said.contains(host.trim()), "{said}");
}

#[test]
fn there_are_no_other_backends() {
    assert_eq!(run(["exec", "--backend", "docker", "--", "/bin/true"]).code, 64);
}

/// What is missing is named, and nothing runs here instead.
#[cfg(all(feature = "microvm", target_os = "linux"))]
#[test]
fn a_virtual_machine_says_what_it_lacks() {
    let home = tempfile::tempdir().unwrap();
    let mark = home.path().join("mark");
    let exec = |flags: &[&str], rootfs: &str| {
        let mut command = airlock(home.path());
        command.args(["exec", "--backend", "microvm"]).args(flags).args(["--", "/usr/bin/touch"]).arg(&mark);
        // Without a `firecracker`, whatever this machine has.
        command.env("PATH", home.path()).env("AIRLOCK_MICROVM_ROOTFS", rootfs);
        let output = command.stdin(std::process::Stdio::null()).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    for (flags, says) in [
        (&[][..], "no `firecracker` on PATH"),
        (&[], "set AIRLOCK_MICROVM_KERNEL"),
        (&[], "no image of a squashfs"),
        (&["--ro", "/usr/share"], "no file or folder of this machine"),
        (&["--rw", "/usr/share"], "no file or folder of this machine"),
        (&["--net", "example.com"], "no network"),
    ] {
        let (code, said) = exec(flags, "/etc/passwd");
        assert_eq!(code, Some(125), "{said}");
        assert!(said.contains(says) && said.contains("nothing ran"), "{says}: {said}");
        assert!(!mark.exists(), "it ran here: {said}");
    }
}

/// Neither code that runs here nor a machine of the service.
#[test]
fn our_own_keys_are_not_passed_on() {
    let home = tempfile::tempdir().unwrap();
    let exec = |name: &str, backend: &[&str]| {
        let mut command = airlock(home.path());
        command.args(["exec", "--env", name]).args(backend).args(["--", "/usr/bin/env"]);
        command
            .env("E2B_API_KEY", "e2b_0123")
            .env("HARMLESS", "seen")
            .env("E2B_API_URL", "http://127.0.0.1:9");
        let output = command.stdin(std::process::Stdio::null()).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
    };
    let (code, said) = exec("HARMLESS", &[]);
    assert!(code == Some(125) || said.contains("HARMLESS=seen"), "the control: {said}");
    for backend in [&[][..], &["--backend", "e2b"]] {
        let (code, said) = exec("E2B_API_KEY", backend);
        assert_eq!(code, Some(64), "{said}");
        assert!(said.contains("Airlock's own") && !said.contains("e2b_0123"), "{said}");
    }
}

/// A pipe that whoever started us never closes.
#[test]
fn input_that_does_not_end_is_not_waited_for() {
    let home = tempfile::tempdir().unwrap();
    let exec = |stdin: std::process::Stdio| {
        let mut command = airlock(home.path());
        command
            .args(["exec", "--timeout", "1", "--", "true"])
            .stdin(stdin)
            .stderr(std::process::Stdio::piped());
        command.spawn().unwrap()
    };
    let mut exec_open = exec(std::process::Stdio::piped());
    let open = exec_open.stdin.take();
    let output = exec_open.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(124), "{said}");
    assert!(said.contains("nothing ran") && said.contains("</dev/null"), "{said}");
    drop(open);
    let output = exec(std::process::Stdio::null()).wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "the control: {said}");
}

#[test]
fn reading_the_input_counts() {
    let home = tempfile::tempdir().unwrap();
    let mut exec = airlock(home.path())
        .args(["exec", "--timeout", "4", "--", "sh", "-c", "cat; sleep 3; echo late"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let input = exec.stdin.take();
    // Of what it has, two seconds are gone, and it needs three.
    std::thread::sleep(std::time::Duration::from_secs(2));
    drop(input);
    let output = exec.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(124), b"".as_slice()));
}

#[test]
fn what_the_configuration_requires_no_flag_lowers() {
    let home = tempfile::tempdir().unwrap();
    let exec = |config: &str, flags: &[&str]| {
        fs::write(home.path().join("airlock.toml"), config).unwrap();
        let mut command = airlock(home.path());
        command.args(["exec", "--config", "airlock.toml"]).args(flags).args(["--", "/bin/echo", "ran"]);
        feed(&mut command, b"")
    };
    let level =
        |required: bool, level: &str| format!("[sandbox]\nrequired = {required}\nmin_level = \"{level}\"\n");
    for (config, flags, code, says) in [
        (level(true, "box"), &[][..], 0, ""),
        (level(true, "box"), &["--min-level", "box"], 0, ""),
        (level(true, "box"), &["--min-level", "lite"], 64, "which is box"),
        (level(true, "box"), &["--min-level", "none"], 64, "which is box"),
        (level(true, "box"), &["--backend", "lite"], 125, "nothing ran"),
        (level(true, "machine"), &[], 125, "nothing ran"),
        (level(true, "machine"), &["--backend", "box"], 125, "nothing ran"),
        // Less than is required without a configuration is not taken either; the box is there.
        (level(true, "lite"), &[], 0, ""),
        // What is not required is the servers' affair.
        (level(false, "machine"), &[], 0, ""),
        (level(false, "box"), &["--min-level", "lite"], 0, ""),
        ("[sandbox]\nmin_level = 7\n".to_owned(), &[], 3, "sandbox.min_level"),
    ] {
        let ran = exec(&config, flags);
        assert_eq!((ran.code, ran.out == "ran\n"), (code, code == 0), "{config} {flags:?}: {ran:?}");
        assert!(ran.err.contains(says), "{config} {flags:?}: {ran:?}");
    }
    // What it shows to servers it does not show here.
    let secret = home.path().join("secret");
    fs::write(&secret, "canary").unwrap();
    fs::set_permissions(home.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let show = |config: &str, flags: &[&str]| {
        fs::write(home.path().join("airlock.toml"), config).unwrap();
        let mut command = airlock(home.path());
        command.args(["exec", "--config", "airlock.toml"]).args(flags).arg("--").arg("/bin/cat").arg(&secret);
        feed(&mut command, b"").out
    };
    let config = format!("[sandbox]\nrequired = true\nread_only = [{:?}]\n", secret.display().to_string());
    assert_eq!(show(&config, &[]), "");
    assert_eq!(show(&config, &["--ro", secret.to_str().unwrap()]), "canary", "the control");
}
