//! Programs that a sandbox can use: other sandboxes, and interpreters to run in one.

use std::{
    env,
    ffi::{OsStr, OsString},
    fs,
    path::{Path, PathBuf},
};

use super::{Fact, State};
use crate::Level;

/// The folders that a box sees by itself; what is elsewhere has to be given to it.
const SYSTEM: [&str; 4] = ["/usr/local/bin", "/usr/bin", "/bin", "/sbin"];

/// The variable that holds the key of E2B. Its value is never read.
const E2B_KEY: &str = "E2B_API_KEY";

pub(super) fn examine() -> Vec<Fact> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut facts = Vec::new();
    if cfg!(target_os = "linux") {
        facts.push(runner(
            "runsc",
            Level::Kernel,
            &path,
            "gVisor: https://gvisor.dev/docs/user_guide/install/",
        ));
        facts.push(runner(
            "firecracker",
            Level::Machine,
            &path,
            "Firecracker: https://github.com/firecracker-microvm/firecracker/releases",
        ));
    }
    facts.push(e2b(env::var_os(E2B_KEY)));
    let system = env::join_paths(SYSTEM).unwrap_or_default();
    facts.extend(
        ["sh", "python3", "node"].map(|name| interpreter(name, find(name, &system), find(name, &path))),
    );
    facts
}

/// Another sandbox. That it answers with its version shows that it starts.
fn runner(name: &'static str, level: Level, path: &OsStr, source: &str) -> Fact {
    let Some(program) = find(name, path) else {
        return Fact::new(name, State::Missing, "not on PATH").advise(source).gives(level);
    };
    let fact = if let Some(version) = version(&program) {
        Fact::new(name, State::Good, format!("{}: {version}", program.display()))
    } else {
        let text = format!("{} does not say its version within 2 s", program.display());
        Fact::new(name, State::Degraded, text)
    };
    fact.gives(level)
}

fn e2b(key: Option<OsString>) -> Fact {
    if key.is_some_and(|key| !key.is_empty()) {
        Fact::new(
            "e2b",
            State::Good,
            format!("{E2B_KEY} is set; code leaves this machine only where E2B is chosen"),
        )
    } else {
        Fact::new("e2b", State::Missing, format!("{E2B_KEY} is not set"))
    }
}

fn interpreter(name: &'static str, system: Option<PathBuf>, on_path: Option<PathBuf>) -> Fact {
    match (system, on_path) {
        (Some(program), _) => Fact::new(name, State::Good, program.display().to_string()),
        (None, Some(program)) => {
            let text =
                format!("{} is not in a folder of the system, and not visible in a box", program.display());
            Fact::new(name, State::Degraded, text)
                .advise("install it with the system's packages, or give its folder to the box")
        }
        (None, None) => Fact::new(name, State::Missing, "not on PATH"),
    }
}

/// The first program of that name. Relative folders of `path` do not count: what is in the current folder may be
/// somebody else's.
pub(crate) fn find(name: &str, path: &OsStr) -> Option<PathBuf> {
    env::split_paths(path)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(name))
        .find(|program| is_program(program))
}

fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|data| {
        #[cfg(unix)]
        let executable = std::os::unix::fs::PermissionsExt::mode(&data.permissions()) & 0o111 != 0;
        #[cfg(not(unix))]
        let executable = true;
        data.is_file() && executable
    })
}

/// The first line that `program --version` prints within two seconds.
#[cfg(target_os = "linux")]
pub(crate) fn version(program: &Path) -> Option<String> {
    use std::{
        io::Read as _,
        os::unix::process::CommandExt as _,
        process::{Command, Stdio},
        time::{Duration, Instant},
    };

    use rustix::{
        event::{PollFd, PollFlags, Timespec, poll},
        process::{Pid, Signal, kill_process_group},
    };

    let deadline = Instant::now() + Duration::from_secs(2);
    let mut child = Command::new(program)
        .arg("--version")
        // Nothing of ours is its business.
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        // What it starts is ended with it.
        .process_group(0)
        .spawn()
        .ok()?;
    let mut stdout = child.stdout.take()?;
    let mut said = Vec::new();
    let mut buffer = [0; 256];
    while !said.contains(&b'\n') && said.len() < 1024 {
        let left = Timespec::try_from(deadline.saturating_duration_since(Instant::now())).ok();
        let ready = poll(&mut [PollFd::new(&stdout, PollFlags::IN)], left.as_ref());
        if !matches!(ready, Ok(1)) {
            break;
        }
        match stdout.read(&mut buffer) {
            Ok(0) | Err(_) => break,
            Ok(count) => said.extend(buffer.iter().take(count)),
        }
    }
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(group, Signal::KILL);
    }
    // It was killed, and has nothing to wait for.
    let _ = child.wait();
    let line = String::from_utf8_lossy(&said).lines().next().unwrap_or_default().trim().to_owned();
    (!line.is_empty()).then_some(line)
}

#[cfg(not(target_os = "linux"))]
fn version(_: &Path) -> Option<String> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use std::{env, fs, path::Path, process::Command};

    use super::{Level, State, e2b, find, interpreter, runner};

    /// Writes a program by another process: one that this process held open for writing could not be started while
    /// a child that another test has forked holds it, too.
    fn program(folder: &Path, name: &str, script: &str, mode: &str) {
        let write = "mkdir -p \"$1\" && printf %s \"$3\" > \"$1/$2\" && chmod \"$4\" \"$1/$2\"";
        let mut shell = Command::new("sh");
        shell.args(["-c", write, "sh"]).arg(folder).args([name, script, mode]);
        assert!(shell.status().is_ok_and(|status| status.success()), "{}/{name}", folder.display());
    }

    #[test]
    fn programs_are_found_as_a_shell_does_but_not_in_the_current_folder() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        program(&one, "runsc", "", "644");
        fs::create_dir_all(one.join("node")).unwrap();
        program(&two, "runsc", "", "755");
        let path = env::join_paths([one.clone(), two.clone()]).unwrap();
        assert_eq!(find("runsc", &path), Some(two.join("runsc")));
        assert_eq!(find("node", &path), None);
        assert_eq!(find("runsc", one.as_os_str()), None);
        for nowhere in ["", ".", ":", "src:."] {
            assert_eq!(find("Cargo.toml", nowhere.as_ref()), None, "{nowhere}");
        }
    }

    #[test]
    fn a_key_is_seen_and_never_shown() {
        let set = e2b(Some("e2b_0123456789".into()));
        assert!(set.state == State::Good && !format!("{set:?}").contains("0123456789"), "{set:?}");
        assert_eq!(e2b(Some("".into())).state, State::Missing);
        assert_eq!(e2b(None).state, State::Missing);
    }

    #[test]
    fn an_interpreter_in_somebodys_home_is_not_seen_in_a_box() {
        let (system, home) = (Some("/usr/bin/node".into()), Some("/home/me/.nvm/node".into()));
        assert_eq!(interpreter("node", system.clone(), home.clone()).state, State::Good);
        let fact = interpreter("node", None, home);
        assert!(fact.state == State::Degraded && fact.text.contains("/home/me/.nvm/node"), "{fact:?}");
        assert_eq!(interpreter("node", None, None).state, State::Missing);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn another_sandbox_says_its_version_or_is_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        assert_eq!(runner("runsc", Level::Kernel, folder.as_os_str(), "there").state, State::Missing);
        let good =
            "#!/bin/sh\n[ \"$1\" = --version ] && echo runsc version 1.2 && echo spec: 1.1; exec sleep 60\n";
        program(folder, "runsc", good, "755");
        let fact = runner("runsc", Level::Kernel, folder.as_os_str(), "there");
        assert!(fact.state == State::Good && fact.text.ends_with("runsc: runsc version 1.2"), "{fact:?}");
        assert_eq!(fact.gives, Some(Level::Kernel));
        for bad in ["#!/bin/sh\nsleep 60 & sleep 60\n", "#!/bin/sh\nexit 1\n", "#!/nonexistent\n"] {
            program(folder, "runsc", bad, "755");
            let fact = runner("runsc", Level::Kernel, folder.as_os_str(), "there");
            assert_eq!(fact.state, State::Degraded, "{bad}: {fact:?}");
        }
    }
}
