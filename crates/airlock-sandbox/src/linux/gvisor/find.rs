//! Which `runsc` there is, and what it can.

use std::{
    env,
    ffi::OsStr,
    fs,
    io::{self, PipeReader, Read as _},
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open},
};

use super::super::plan::Runsc;

/// The older and slower way of its own to catch system calls.
pub(super) const PTRACE: &str = "ptrace";
/// What it is called.
const NAME: &str = "runsc";
/// How long it may take to say something about itself, at most.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// Longest that it may say.
const LONGEST: usize = 256 << 10;

/// The program that was given, or else the first on `PATH`, with the platform that it is to be run with. It is asked, and has so
/// long to answer.
pub(super) fn runsc(given: Option<&Path>, patience: Duration) -> Result<Runsc, String> {
    let program = match given {
        Some(given) => given.to_owned(),
        None => on_path(&env::var_os("PATH").unwrap_or_default())
            .ok_or("there is no `runsc` on PATH (https://gvisor.dev/docs/user_guide/install/)")?,
    };
    // Through every link here, so that none is followed later.
    let program = program.canonicalize().map_err(|error| format!("`{}`: {error}", program.display()))?;
    let flags = ask(&program, &["flags"], patience)?;
    let platform = platform(&flags).ok_or_else(|| {
        format!("`{}` does not say which platforms it has, and is perhaps no gVisor", program.display())
    })?;
    let without = without(&flags).map(str::to_owned).collect();
    Ok(Runsc { program, platform: platform.to_owned(), without })
}

/// The first line that it says about its version.
pub(super) fn version(program: &Path) -> Result<String, String> {
    let said = ask(program, &["--version"], PATIENCE)?;
    let line = said.lines().next().unwrap_or_default().trim();
    let version = line.strip_prefix("runsc version ").unwrap_or(line);
    if version.is_empty() {
        return Err(format!("`{}` does not say its version", program.display()));
    }
    Ok(version.chars().take(80).collect())
}

/// The first program of that name. Relative folders do not count: what is in the current folder may be somebody else's.
fn on_path(path: &OsStr) -> Option<PathBuf> {
    let folders = env::split_paths(path).filter(|folder| folder.is_absolute());
    folders.map(|folder| folder.join(NAME)).find(|program| {
        fs::metadata(program).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
    })
}

/// The better of those that need no device, from its list of flags. (`kvm` works where virtual machines do, and hangs where
/// they only seem to.)
fn platform(flags: &str) -> Option<&'static str> {
    let mut lines = flags.lines().skip_while(|line| !line.trim_start().starts_with("-platform "));
    let listed = lines.nth(1)?;
    ["systrap", PTRACE].into_iter().find(|name| listed.contains(name))
}

/// What newer ones have and must not do, as flags that say so, from its list of flags: with `directfs` the kernel that the
/// program attacks opens the files itself, rather than asking a process that does no more than that.
fn without(flags: &str) -> impl Iterator<Item = &'static str> {
    let listed = |name: &str| flags.lines().any(|line| line.split_whitespace().next() == Some(name));
    [("-directfs", "--directfs=false")].into_iter().filter(move |(name, _)| listed(name)).map(|(_, off)| off)
}

/// What it says when it is asked about itself.
fn ask(program: &Path, arguments: &[&str], patience: Duration) -> Result<String, String> {
    let deadline = Instant::now() + patience;
    let failed = |what: &str| format!("`{} {}` {what}", program.display(), arguments.join(" "));
    let (mut heard, voice) = io::pipe().map_err(|error| failed(&error.to_string()))?;
    // It says some things to standard error.
    let voices = voice.try_clone().map(|other| [voice, other]);
    let [one, other] = voices.map_err(|error| failed(&error.to_string()))?;
    let mut child = Command::new(program)
        .args(arguments)
        // Nothing of ours is its business.
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(one)
        .stderr(other)
        // What it starts is ended with it.
        .process_group(0)
        .spawn()
        .map_err(|error| failed(&format!("cannot be started: {error}")))?;
    let said = listen(&mut heard, deadline).and_then(|said| end(&child, deadline).map(|()| said));
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw).filter(|_| said.is_err()) {
        let _ = kill_process_group(group, Signal::KILL);
    }
    // It has ended, or was killed.
    let status = child.wait();
    let said = said.map_err(failed)?;
    if !status.is_ok_and(|status| status.success()) {
        return Err(failed("fails"));
    }
    Ok(String::from_utf8_lossy(&said).into_owned())
}

/// Waits for its end: it may have closed its output, and stay.
fn end(child: &Child, deadline: Instant) -> Result<(), &'static str> {
    let id = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let ends = id.and_then(|id| pidfd_open(id, PidfdFlags::empty()).ok()).ok_or("cannot be waited for")?;
    loop {
        let left = Timespec::try_from(deadline.saturating_duration_since(Instant::now())).ok();
        match poll(&mut [PollFd::new(&ends, PollFlags::IN)], left.as_ref()) {
            Ok(0) => return Err("does not end"),
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => return Err("cannot be waited for"),
            Ok(_) => return Ok(()),
        }
    }
}

/// All that comes, within reason.
fn listen(heard: &mut PipeReader, deadline: Instant) -> Result<Vec<u8>, &'static str> {
    let (mut said, mut piece) = (Vec::new(), [0; 4_096]);
    loop {
        let left = Timespec::try_from(deadline.saturating_duration_since(Instant::now())).ok();
        match poll(&mut [PollFd::new(&*heard, PollFlags::IN)], left.as_ref()) {
            Ok(0) => return Err("does not answer"),
            Err(rustix::io::Errno::INTR) => continue,
            Err(_) => return Err("cannot be read"),
            Ok(_) => {}
        }
        match heard.read(&mut piece) {
            Ok(0) => return Ok(said),
            Ok(read) => said.extend(piece.iter().take(read)),
            Err(_) => return Err("cannot be read"),
        }
        if said.len() > LONGEST {
            return Err("says too much");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{path::Path, time::Duration};

    use super::{ask, platform, without};

    #[test]
    fn one_that_stays_is_not_waited_for_for_ever() {
        let ask = |script, patience| ask(Path::new("/bin/sh"), &["-c", script], patience);
        let kept = ask("echo said; exec >/dev/null 2>&1; sleep 0.2", Duration::from_secs(60));
        assert_eq!(kept, Ok("said\n".to_owned()), "the control: one that ends a little later");
        let little = Duration::from_millis(500);
        let stays = ask("echo said; exec >/dev/null 2>&1; trap '' TERM; sleep 1000", little);
        assert!(stays.as_ref().is_err_and(|error| error.ends_with("does not end")), "{stays:?}");
        let silent = ask("sleep 1000", little);
        assert!(silent.as_ref().is_err_and(|error| error.ends_with("does not answer")), "{silent:?}");
    }

    #[test]
    fn files_are_opened_by_the_process_that_is_for_that() {
        let flags =
            "  -debug\n    \tlog -directfs\n  -directfs\n    \tdirectly access files. (default true)\n";
        assert_eq!(without(flags).collect::<Vec<_>>(), ["--directfs=false"]);
        // One that does not know a flag fails by it.
        assert_eq!(without("  -debug\n    \tlog -directfs\n  -directfs-not\n").count(), 0);
    }

    #[test]
    fn the_platform_is_one_that_it_has() {
        let flags = |platforms: &str| {
            format!(
                "  -overlay\n    \tsystrap\n  -platform string\n    \tuse: {platforms}\n  -platform_device_path x\n"
            )
        };
        assert_eq!(platform(&flags("ptrace (default), kvm. (default \"ptrace\")")), Some("ptrace"));
        assert_eq!(platform(&flags("systrap (default), ptrace, kvm.")), Some("systrap"));
        assert_eq!(platform(&flags("kvm")), None);
        assert_eq!(platform(""), None);
        assert_eq!(platform("usage: something else"), None);
    }
}
