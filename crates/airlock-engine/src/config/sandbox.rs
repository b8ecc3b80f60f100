//! `[sandbox]`: what a sandboxed server sees and uses of this machine, and credentials of sandbox services.
//!
//! The engine only reads it: which levels there are and whether this machine has them is the host's to know.

use toml::de::DeTable;

use super::{
    ConfigFile,
    problem::At,
    reader::{Reader, text, texts},
    secret::Secret,
    suggest::printable,
};

const KEY: &str = "sandbox.e2b_api_key";

/// `[sandbox]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SandboxConfig {
    /// Whether the server runs in the sandbox, or not at all.
    pub required: bool,
    /// The weakest isolation that is enough, one of [`Self::LEVELS`].
    pub min_level: String,
    /// What the server sees and cannot change, absolute paths.
    pub read_only: Vec<String>,
    /// What the server sees and can change, absolute paths.
    pub writable: Vec<String>,
    /// The names of variables that are passed on to it; no others are.
    pub environment: Vec<String>,
    /// The hosts that it may reach, through a proxy of ours; none by default. What may stand here the host knows.
    pub hosts: Vec<String>,
    /// How much of the machine it may use.
    pub limits: SandboxLimits,
    /// The key of the E2B service, best given as `E2B_API_KEY`.
    pub e2b_api_key: Option<Secret>,
}

/// How much a sandboxed server may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SandboxLimits {
    /// MiB of memory.
    pub memory_mb: usize,
    /// Processes and threads at once.
    pub processes: usize,
    /// MiB in each of its own folders, `/tmp` and `/work`.
    pub tmpfs_mb: usize,
    /// Files in each of its own folders.
    pub files: usize,
    /// Open files of each process.
    pub open_files: usize,
}

impl Default for SandboxLimits {
    /// Of memory twice what a program has: where no control group can be had, the limit holds for what a process may
    /// write to, and Node.js reserves 512 MiB of that for its code alone.
    fn default() -> Self {
        Self { memory_mb: 1024, processes: 64, tmpfs_mb: 64, files: 4_096, open_files: 256 }
    }
}

impl Default for SandboxConfig {
    fn default() -> Self {
        Self {
            required: false,
            min_level: Self::DEFAULT_LEVEL.to_owned(),
            read_only: Vec::new(),
            writable: Vec::new(),
            environment: Vec::new(),
            hosts: Vec::new(),
            limits: SandboxLimits::default(),
            e2b_api_key: None,
        }
    }
}

impl SandboxConfig {
    /// The levels of isolation, the weakest first.
    pub const LEVELS: &'static [&'static str] = &["lite", "box", "kernel", "machine"];
    const DEFAULT_LEVEL: &'static str = "box";

    pub(super) fn read(reader: &mut Reader<'_, '_>, file: Option<&ConfigFile<'_>>) -> Self {
        refuse_exposed_key(reader, file);
        let default = SandboxLimits::default();
        let mut count = |key, default| reader.count(key, default).0;
        let limits = SandboxLimits {
            memory_mb: count("sandbox.max_memory_mb", default.memory_mb),
            processes: count("sandbox.max_processes", default.processes),
            tmpfs_mb: count("sandbox.max_tmpfs_mb", default.tmpfs_mb),
            files: count("sandbox.max_files", default.files),
            open_files: count("sandbox.max_open_files", default.open_files),
        };
        Self {
            required: reader.boolean("sandbox.required", false).0,
            min_level: min_level(reader),
            read_only: list(reader, "read_only", "is no absolute path without `.` and `..`", is_absolute),
            writable: list(reader, "writable", "is no absolute path without `.` and `..`", is_absolute),
            environment: list(reader, "environment", "is not the name of a variable", is_variable),
            hosts: list(reader, "hosts", "is no host", |host| !host.contains(['/', ' '])),
            limits,
            e2b_api_key: reader.secret(KEY).map(|(key, _)| Secret::new(key)),
        }
    }
}

fn min_level(reader: &mut Reader<'_, '_>) -> String {
    const LEVEL: &str = "sandbox.min_level";
    if let Some((level, _)) = reader.text(LEVEL) {
        return level;
    }
    let default = SandboxConfig::DEFAULT_LEVEL.to_owned();
    reader.record(LEVEL, default.clone(), At::BuiltIn);
    default
}

/// The texts of a list, each of which has to be `fit`.
fn list(
    reader: &mut Reader<'_, '_>,
    name: &'static str,
    expected: &str,
    fit: impl Fn(&str) -> bool,
) -> Vec<String> {
    let path = format!("sandbox.{name}");
    let section: Option<&DeTable<'_>> = reader.table(&["sandbox"]);
    let Some((key, value)) = section.and_then(|table| table.get_key_value(name)) else { return Vec::new() };
    let mut all = Vec::new();
    for (item, at) in texts(value) {
        if fit(&item) {
            all.push(item);
        } else {
            reader.report.error(at, &path, format!("`{}` {expected}", printable(&item)), None);
        }
    }
    let shown = all.iter().map(|item| printable(item)).collect::<Vec<_>>().join(", ");
    reader.record(&path, shown, At::File(key.span().start));
    all
}

/// The file may be read from anywhere, so that there is nothing a path could be relative to.
fn is_absolute(path: &str) -> bool {
    path.starts_with('/') && !path.split('/').any(|part| part == ".." || part == ".")
}

/// As POSIX has them.
fn is_variable(name: &str) -> bool {
    !name.starts_with(|first: char| first.is_ascii_digit())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// A key that others can read is lost, also when the environment gives another one.
fn refuse_exposed_key(reader: &mut Reader<'_, '_>, file: Option<&ConfigFile<'_>>) {
    let Some(file) = file.filter(|file| file.readable_by_others) else { return };
    let Some(value) = reader.table(&["sandbox"]).and_then(|table| table.get("e2b_api_key")) else { return };
    if text(value).is_some() {
        let help = format!("run `chmod 600 {}`, or give the key as `E2B_API_KEY`", shell_word(file.name));
        let at = At::File(value.span().start);
        reader.report.error(at, KEY, "a secret stands in a file that others can read", Some(help));
    }
}

/// The name as one word of a POSIX shell.
fn shell_word(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._/-".contains(&byte);
    let name = if name.starts_with('-') { format!("./{name}") } else { name.to_owned() };
    if !name.is_empty() && name.bytes().all(plain) {
        name
    } else {
        format!("'{}'", name.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::shell_word;

    #[test]
    fn file_names_become_one_word() {
        for (name, word) in [
            ("airlock.toml", "airlock.toml"),
            ("/etc/air lock.toml", "'/etc/air lock.toml'"),
            ("it's", r"'it'\''s'"),
            ("-rf", "./-rf"),
            ("$(x)", "'$(x)'"),
            ("", "''"),
        ] {
            assert_eq!(shell_word(name), word);
        }
    }
}
