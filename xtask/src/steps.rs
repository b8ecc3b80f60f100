//! The checks, in the order from the quickest to the slowest of each kind. All of them use the profile `ci`, so
//! that the dependencies are built once for the tests and once for the checks that need no machine code.

use crate::command::{cargo, root, run};
use crate::report::Report;
use crate::{fuzz, setup};

/// Everything: what CI runs. The tests come late, so that the last count in a log is theirs.
pub(crate) fn test(report: &mut Report) -> Result<(), String> {
    setup::setup(report)?;
    lint(report)?;
    build(report)?;
    doctests(report)?;
    tests(report, None)?;
    fuzz::fuzz(report, &fuzz::Options::smoke())
}

/// The checks that run no code of ours.
pub(crate) fn lint(report: &mut Report) -> Result<(), String> {
    format(report)?;
    clippy(report)?;
    documentation(report)?;
    dependencies(report)
}

/// Only the end-to-end tests.
pub(crate) fn e2e(report: &mut Report) -> Result<(), String> {
    setup::setup(report)?;
    build(report)?;
    tests(report, Some("package(airlock-e2e)"))
}

fn format(report: &mut Report) -> Result<(), String> {
    report.step("format", || {
        run(&mut cargo(["fmt", "--all", "--check"]))
            .map_err(|error| format!("{error}; `cargo fmt --all` mends it"))
    })
}

fn clippy(report: &mut Report) -> Result<(), String> {
    report.step("clippy", || {
        run(&mut cargo([
            "clippy",
            "--workspace",
            "--all-targets",
            "--profile",
            "ci",
            "--quiet",
            "--",
            "-D",
            "warnings",
        ]))
    })
}

/// One build of every binary and test: the end-to-end tests start `airlock`, which is not theirs.
fn build(report: &mut Report) -> Result<(), String> {
    report.step("build", || {
        run(&mut cargo(["build", "--workspace", "--bins", "--tests", "--profile", "ci", "--quiet"]))
    })
}

fn tests(report: &mut Report, filter: Option<&str>) -> Result<(), String> {
    report.step("tests", || {
        let mut command =
            cargo(["nextest", "run", "--workspace", "--cargo-profile", "ci", "--profile", "ci"]);
        command.args(filter.iter().flat_map(|filter| ["-E", filter]));
        // Setup has installed the peers: one that is missing is a failure.
        run(command.env("AIRLOCK_E2E_HOME", setup::home()).env("AIRLOCK_E2E_REQUIRED", "1"))
    })
}

/// The examples in the documentation; nextest does not run them.
fn doctests(report: &mut Report) -> Result<(), String> {
    report
        .step("doctests", || run(&mut cargo(["test", "--doc", "--workspace", "--profile", "ci", "--quiet"])))
}

fn documentation(report: &mut Report) -> Result<(), String> {
    report.step("documentation", || {
        let mut command = cargo(["doc", "--workspace", "--no-deps", "--profile", "ci", "--quiet"]);
        run(command.env("RUSTDOCFLAGS", "-D warnings"))
    })
}

/// Licences, duplicates, sources and who may depend on what. Advisories need a database from the network, which
/// is not there in every CI.
fn dependencies(report: &mut Report) -> Result<(), String> {
    if !root().join("deny.toml").exists() {
        return Err("deny.toml is missing".to_owned());
    }
    report.step("dependencies", || run(&mut cargo(["deny", "check", "bans", "licenses", "sources"])))?;
    report.skip(
        "advisories",
        "the database of advisories is a git repository; `cargo deny check advisories` where it can be reached"
            .to_owned(),
    );
    Ok(())
}
