//! The escape suite in a box: nothing may be open. That each attempt works outside is `tests/attempts.rs`.

use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

use airlock_sandbox::{ProcessBox, Sandbox, attempts::Outcome, selftest};

use crate::Test;

pub(crate) const TESTS: &[Test] = &[
    ("nothing_escapes", nothing_escapes),
    ("nothing_escapes_of_a_user_without_rights", nothing_escapes_of_a_user_without_rights),
];

fn nothing_escapes(sandbox: &ProcessBox) {
    nothing_gets_out(sandbox);
}

fn nothing_escapes_of_a_user_without_rights(sandbox: &ProcessBox) {
    nothing_gets_out_of_a_user(&format!("{}nothing_escapes", crate::prefix(sandbox.backend())));
}

pub(crate) fn nothing_gets_out(sandbox: &dyn Sandbox) {
    let before = settings();
    let found = selftest(sandbox).unwrap();
    let mut counts = BTreeMap::<_, usize>::new();
    for (_, answer) in &found.tried {
        *counts.entry(format!("{:?}", answer.verdict)).or_default() += 1;
    }
    println!("{} attempts: {counts:?}", found.tried.len());
    for (attempt, answer) in found.tried.iter().filter(|(_, answer)| answer.verdict == Outcome::NotHere) {
        println!("skipped {}: {}", attempt.name, answer.detail);
    }
    for (attempt, answer) in found.declared() {
        let why = found.why_declared(attempt).unwrap();
        println!("open as declared: {}: {}: {why}", attempt.name, answer.detail);
    }
    let open: Vec<_> =
        found.open().map(|(attempt, answer)| (attempt.name, attempt.what, &answer.detail)).collect();
    assert!(open.is_empty(), "open: {open:#?}");
    assert!(found.harm.is_empty(), "{:#?}", found.harm);
    assert!(found.tried.len() >= 120, "{} attempts", found.tried.len());
    let after = settings();
    let changed: Vec<_> = before.iter().filter(|(name, value)| after.get(*name) != Some(value)).collect();
    assert!(changed.is_empty(), "settings of the kernel: {changed:#?}");
}

/// As most people run it; root sees the same suite as root above. `test` is the one that is for them.
pub(crate) fn nothing_gets_out_of_a_user(test: &str) {
    if !rustix::process::geteuid().is_root() {
        println!("skipped: this is a user without rights, and `nothing_escapes` was for it");
        return;
    }
    let user = somebody();
    // As `cargo install` leaves it: the program is the user's own, and lies in the user's home.
    let folder = tempfile::tempdir_in("/home").unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let program = folder.path().join("box-test");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    for path in [folder.path(), &program] {
        std::os::unix::fs::chown(path, Some(user), Some(user)).unwrap();
    }
    let mut other = as_user(user);
    other.arg(&program);
    let ran = other.args(["--exact", test, "--nocapture"]).current_dir("/").output().unwrap();
    let said = String::from_utf8_lossy(&ran.stdout).into_owned() + &String::from_utf8_lossy(&ran.stderr);
    println!("{said}");
    assert!(ran.status.success() && said.contains("1 passed"), "{said}");
}

/// A user that no other test is at the same time: the limits of one user are shared.
pub(crate) fn somebody() -> u32 {
    20_000 + std::process::id() % 40_000
}

/// A command of that user, to be given its program.
pub(crate) fn as_user(user: u32) -> Command {
    let mut command = Command::new("setpriv");
    command.args([format!("--reuid={user}"), format!("--regid={user}"), "--clear-groups".to_owned()]);
    command
}

/// The settings of the kernel that do not change by themselves.
fn settings() -> BTreeMap<String, String> {
    let mut settings = BTreeMap::new();
    collect(Path::new("/proc/sys"), &mut settings);
    settings
}

fn collect(folder: &Path, settings: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = path.display().to_string();
        // Counters, random numbers, and what the kernel adjusts.
        let moving = [
            "/fs/",
            "/kernel/random/",
            "/kernel/ns_last_pid",
            "/kernel/pty/nr",
            "netfilter/nf_conntrack_count",
        ];
        if moving.iter().any(|part| name.contains(part)) {
            continue;
        }
        if path.is_dir() {
            collect(&path, settings);
        } else if let Ok(value) = fs::read_to_string(&path) {
            settings.insert(name, value);
        }
    }
}
