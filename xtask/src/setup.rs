//! Installs what the tests need and is not there yet. Each installation is stamped with what it was made from,
//! so that a second run costs nothing and a changed list installs anew.

use std::fs;
use std::path::{Path, PathBuf};

use crate::command::{cargo, command, root, run, succeeds, target};
use crate::report::Report;

/// Where the peers of the end-to-end tests are installed.
pub(crate) fn home() -> PathBuf {
    target().join("e2e")
}

/// Installs everything; quick when it is there.
pub(crate) fn setup(report: &mut Report) -> Result<(), String> {
    report.step("setup: npm packages", npm)?;
    report.step("setup: python packages", || python("requirements.txt", "venv"))?;
    report.step("setup: the clients of E2B", || python("e2b-requirements.txt", "venv-e2b"))?;
    if let Err(reason) = gvisor() {
        report.skip("setup: gVisor", format!("{reason}; the tests of the backend `gvisor` are ignored"));
    }
    report.step("setup: cargo-nextest", || cargo_tool("nextest"))?;
    report.step("setup: cargo-deny", || cargo_tool("deny"))
}

/// Installs the MCP servers and the inspector from the committed lock file.
fn npm() -> Result<(), String> {
    require("npm", "npm", "Node.js 20 or newer with npm")?;
    let sources =
        ["package.json", "package-lock.json", ".npmrc"].map(|name| root().join("tests/e2e/npm").join(name));
    let folder = home().join("npm");
    let installation = Installation::new(&folder, &sources)?;
    if installation.is_there() {
        return Ok(());
    }
    installation.clear()?;
    for source in &sources {
        let name = source.file_name().unwrap_or_default();
        fs::copy(source, folder.join(name))
            .map_err(|error| format!("cannot copy `{}`: {error}", source.display()))?;
    }
    run(command("npm").arg("ci").current_dir(&folder))?;
    installation.stamp()
}

/// Installs Python packages into a virtual environment of their own.
fn python(requirements: &str, folder: &str) -> Result<(), String> {
    require("python3", "python3", "Python 3.10 or newer")?;
    let requirements = root().join("tests/e2e/python").join(requirements);
    let folder = home().join(folder);
    let installation = Installation::new(&folder, std::slice::from_ref(&requirements))?;
    if installation.is_there() {
        return Ok(());
    }
    installation.clear()?;
    if run(command("python3").args(["-m", "venv", "--clear"]).arg(&folder)).is_err() {
        apt("python3-venv").map_err(|error| format!("cannot create a virtual environment: {error}"))?;
        run(command("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
    }
    let python = folder.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"];
    run(command(python).args(pip).arg(&requirements))?;
    installation.stamp()
}

/// Installs gVisor where Debian's package of it can be had; whoever has another one on `PATH` tests that.
fn gvisor() -> Result<(), String> {
    if !cfg!(target_os = "linux") {
        return Err("it runs on Linux".to_owned());
    }
    if succeeds(command("runsc").arg("--version")) { Ok(()) } else { apt("runsc") }
}

/// Installs a subcommand of cargo unless there is one.
fn cargo_tool(name: &str) -> Result<(), String> {
    if succeeds(&mut cargo([name, "--version"])) {
        return Ok(());
    }
    let package = format!("cargo-{name}");
    println!("{package} is missing; it is built once, which takes a minute or two");
    run(&mut cargo(["install", "--locked", "--quiet", &package]))
}

/// Makes sure that a program is there, with Debian's package when it may be installed.
pub(crate) fn require(program: &str, package: &str, what: &str) -> Result<(), String> {
    if succeeds(command(program).arg("--version")) {
        return Ok(());
    }
    apt(package).map_err(|error| format!("{what} is needed: {error}"))
}

/// Installs one of Debian's packages where that is possible.
fn apt(package: &str) -> Result<(), String> {
    if !succeeds(command("apt-get").arg("--version")) {
        return Err(format!(
            "install it with this system's package manager (Debian's package is `{package}`)"
        ));
    }
    let failed = |error| format!("{error}; install Debian's package `{package}` by hand");
    run(command("apt-get").args(["update", "--quiet"])).map_err(failed)?;
    run(command("apt-get").args(["install", "--yes", "--quiet", "--no-install-recommends", package]))
        .map_err(failed)
}

/// A folder that was installed from some source files, and knows from which.
struct Installation {
    folder: PathBuf,
    sources: Vec<u8>,
}

impl Installation {
    fn new(folder: &Path, sources: &[PathBuf]) -> Result<Self, String> {
        let mut all = Vec::new();
        for source in sources {
            let bytes =
                fs::read(source).map_err(|error| format!("cannot read `{}`: {error}", source.display()))?;
            all.extend(bytes);
        }
        Ok(Self { folder: folder.to_owned(), sources: all })
    }

    fn is_there(&self) -> bool {
        let there = fs::read(self.stamp_file()).is_ok_and(|stamp| stamp == self.sources);
        println!("{} {}", if there { "up to date:" } else { "installing:" }, self.folder.display());
        there
    }

    fn clear(&self) -> Result<(), String> {
        if self.folder.exists() {
            fs::remove_dir_all(&self.folder)
                .map_err(|error| format!("cannot clear `{}`: {error}", self.folder.display()))?;
        }
        fs::create_dir_all(&self.folder)
            .map_err(|error| format!("cannot create `{}`: {error}", self.folder.display()))
    }

    /// Written last: an installation that was interrupted is not there.
    fn stamp(&self) -> Result<(), String> {
        fs::write(self.stamp_file(), &self.sources)
            .map_err(|error| format!("cannot write to `{}`: {error}", self.folder.display()))
    }

    fn stamp_file(&self) -> PathBuf {
        self.folder.join(".installed-from")
    }
}
