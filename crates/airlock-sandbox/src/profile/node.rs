//! Scripts for Node.js.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::{
    ProfileError, Search, is_system,
    line::Scripted,
    path::{Way, modules_around, read},
};

/// Options that a `#!` line may give to Node.js: none of them loads anything. A script whose line gives others is shown
/// alone, since it says itself what is run.
const HARMLESS: &[&str] = &[
    "--disable-warning",
    "--dns-result-order",
    "--enable-source-maps",
    "--experimental-json-modules",
    "--experimental-modules",
    "--experimental-specifier-resolution",
    "--experimental-sqlite",
    "--experimental-strip-types",
    "--experimental-transform-types",
    "--experimental-vm-modules",
    "--experimental-wasm-modules",
    "--expose-gc",
    "--harmony",
    "--max-old-space-size",
    "--max-semi-space-size",
    "--no-deprecation",
    "--no-warnings",
    "--stack-size",
    "--throw-deprecation",
    "--trace-deprecation",
    "--trace-uncaught",
    "--trace-warnings",
    "--unhandled-rejections",
    "--use-bundled-ca",
    "--use-openssl-ca",
    "--use-strict",
    "--use-system-ca",
];

/// Whether this option, with its value after a `=`, loads nothing.
pub(super) fn is_harmless(option: &str) -> bool {
    let name = option.split_once('=').map_or(option, |(name, _)| name);
    HARMLESS.contains(&name)
}

impl Search<'_> {
    /// What `node` loads with a script that the user names: what `require` and `import` find from there.
    pub(super) fn show_node_script(&mut self, way: &Way) -> Result<(), ProfileError> {
        if let Some(modules) = modules_around(&way.real).filter(|modules| self.comes_with(modules, way)) {
            return self.show(modules);
        }
        let package = package_around(&way.real).filter(|package| !self.is_private(package));
        if package.is_some_and(|package| !self.comes_with(package, way)) {
            self.show_way(way);
            return Ok(());
        }
        match package {
            Some(package) => self.show(package)?,
            None => self.show_way(way),
        }
        for folder in way.real.ancestors().skip(1) {
            self.show(&folder.join("node_modules"))?;
        }
        Ok(())
    }

    /// The same for a script whose own `#!` line says that it is one for `node`. It may be any file that lies in a
    /// project of the user, so more than itself is shown only if its package, or the user, has it as a program.
    pub(super) fn show_line_script(&mut self, script: &Scripted) -> Result<(), ProfileError> {
        let Scripted { way, is_harmless } = script;
        let is_program = modules_around(&way.real).is_some()
            || is_system(&way.settled)
            || self.is_installed(&way.settled)
            || package_around(&way.real).is_some_and(|package| is_program_of(package, &way.real));
        if *is_harmless && is_program { self.show_node_script(way) } else { Ok(()) }
    }
}

/// The folder of the package that a file belongs to.
pub(super) fn package_around(file: &Path) -> Option<&Path> {
    file.ancestors().skip(1).find(|folder| folder.join("package.json").is_file())
}

/// Whether a package lists a file in its `bin`.
fn is_program_of(package: &Path, file: &Path) -> bool {
    let about: Option<Value> =
        read(&package.join("package.json")).and_then(|text| serde_json::from_str(&text).ok());
    let is_it = |script: &Value| {
        let path: Option<PathBuf> = script.as_str().map(|script| package.join(script));
        path.and_then(|path| fs::canonicalize(path).ok()).is_some_and(|path| path == file)
    };
    match about.as_ref().and_then(|about| about.get("bin")) {
        Some(Value::Object(scripts)) => scripts.values().any(is_it),
        Some(script) => is_it(script),
        None => false,
    }
}
