//! `[sandbox]`: what a sandboxed server sees and uses of this machine, and credentials of sandbox services.
//!
//! The engine only reads it: which levels there are and whether this machine has them is the host's to know.

use toml::de::DeTable;

use super::{
    ConfigFile,
    flags::Flags,
    problem::At,
    reader::{Reader, text, texts},
    scalar::Scalar,
    schema,
    secret::Secret,
    suggest::{join, printable},
};

const KEY: &str = "sandbox.e2b_api_key";

/// `[sandbox]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SandboxConfig {
    /// Whether the server runs in the sandbox, or not at all.
    pub required: bool,
    /// For how long a server runs in it.
    pub mode: SandboxMode,
    /// Seconds that a call may take, where each has a server of its own.
    pub max_call_seconds: Option<usize>,
    /// How many servers are started ahead of their calls, where each call has one of its own.
    pub pool_size: usize,
    /// The weakest isolation that is enough, one of [`Self::LEVELS`].
    pub min_level: String,
    /// Whether the file says so; then no option asks for less.
    pub min_level_is_given: bool,
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

/// For how long a sandboxed server runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum SandboxMode {
    /// For a whole session.
    #[default]
    PerSession,
    /// For one call of a tool: each has a server of its own, which is gone afterwards.
    PerCall,
}

impl SandboxMode {
    /// The words of the configuration.
    pub const NAMES: &'static [&'static str] = &["per_session", "per_call"];

    /// Its word.
    pub fn name(self) -> &'static str {
        match self {
            Self::PerSession => "per_session",
            Self::PerCall => "per_call",
        }
    }

    fn of(name: &str) -> Self {
        if name == Self::PerCall.name() { Self::PerCall } else { Self::PerSession }
    }
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
            mode: SandboxMode::PerSession,
            max_call_seconds: None,
            pool_size: Self::DEFAULT_POOL_SIZE,
            min_level: Self::DEFAULT_LEVEL.to_owned(),
            min_level_is_given: false,
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
    const DEFAULT_POOL_SIZE: usize = 1;

    pub(super) fn read(reader: &mut Reader<'_, '_>, file: Option<&ConfigFile<'_>>, flags: &Flags) -> Self {
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
        let pool_size = count("sandbox.pool_size", Self::DEFAULT_POOL_SIZE);
        let required = reader.boolean("sandbox.required", false).0;
        let (mode, at) = mode(reader);
        let limit = reader.optional_count("sandbox.max_call_seconds");
        let (min_level, min_level_is_given) = min_level(reader);
        let all = Self {
            required,
            mode,
            max_call_seconds: limit.map(|(limit, _)| limit),
            pool_size,
            min_level,
            min_level_is_given,
            read_only: list(reader, "read_only"),
            writable: list(reader, "writable"),
            environment: list(reader, "environment"),
            hosts: list(reader, "hosts"),
            limits,
            e2b_api_key: reader.secret(KEY).map(|(key, _)| Secret::new(key)),
        };
        all.expect_a_sandbox(at, "sandbox.mode", flags, reader);
        if let Some((_, at)) = limit {
            all.expect_calls(at, "sandbox.max_call_seconds", flags, reader);
        }
        all
    }
}

impl SandboxConfig {
    /// These settings with those of `table` in their place, key by key; `at` is the place of the table. What is weaker
    /// then is a warning.
    pub(super) fn replaced_by(
        &self,
        table: &DeTable<'_>,
        path: &str,
        at: At,
        flags: &Flags,
        reader: &mut Reader<'_, '_>,
    ) -> Self {
        let count = |name, general| match single(table, name) {
            Some((Scalar::Count(count), _)) => count,
            _ => general,
        };
        let limits = SandboxLimits {
            memory_mb: count("max_memory_mb", self.limits.memory_mb),
            processes: count("max_processes", self.limits.processes),
            tmpfs_mb: count("max_tmpfs_mb", self.limits.tmpfs_mb),
            files: count("max_files", self.limits.files),
            open_files: count("max_open_files", self.limits.open_files),
        };
        let required = self.required_of(table, path, at, flags, reader);
        let mode = self.mode_of(table, path, reader);
        let limit = single(table, "max_call_seconds");
        let max_call_seconds = match limit {
            Some((Scalar::Count(limit), _)) => Some(limit),
            // One for all calls says nothing about a server that has one for its session.
            _ => self.max_call_seconds.filter(|_| mode == SandboxMode::PerCall),
        };
        let min_level = self.min_level_of(table, path, reader);
        let mut list = |name, general: &Vec<String>| {
            items(table, name, path, reader).map_or_else(|| general.clone(), |(items, _)| items)
        };
        Self {
            required,
            mode,
            max_call_seconds,
            pool_size: count("pool_size", self.pool_size),
            min_level,
            min_level_is_given: self.min_level_is_given || table.contains_key("min_level"),
            read_only: list("read_only", &self.read_only),
            writable: list("writable", &self.writable),
            environment: list("environment", &self.environment),
            hosts: list("hosts", &self.hosts),
            limits,
            e2b_api_key: self.e2b_api_key.clone(),
        }
    }

    fn required_of(
        &self,
        table: &DeTable<'_>,
        path: &str,
        at: At,
        flags: &Flags,
        reader: &mut Reader<'_, '_>,
    ) -> bool {
        let key = join(path, "required");
        match single(table, "required") {
            Some((Scalar::Bool(required), at)) => {
                if self.required && !required && !flags.sandbox {
                    let message = "this server runs outside of the sandbox, which `[sandbox]` requires";
                    reader.report.warning(at, &key, message, None);
                }
                required
            }
            // Who describes a sandbox may take it for granted.
            _ if !self.required && !table.is_empty() && !flags.sandbox => {
                let message = "this server runs outside of its sandbox, unless --sandbox asks for it";
                let help = "write `required = true`, or `required = false` if that is meant".to_owned();
                reader.report.warning(at, &key, message, Some(help));
                false
            }
            _ => self.required,
        }
    }

    fn mode_of(&self, table: &DeTable<'_>, path: &str, reader: &mut Reader<'_, '_>) -> SandboxMode {
        let Some((Scalar::Text(name), at)) = single(table, "mode") else { return self.mode };
        let mode = SandboxMode::of(&name);
        if mode < self.mode {
            let message = "calls of this server share what it keeps, and `[sandbox]` asks for `per_call`";
            reader.report.warning(at, &join(path, "mode"), message, None);
        }
        mode
    }

    fn min_level_of(&self, table: &DeTable<'_>, path: &str, reader: &mut Reader<'_, '_>) -> String {
        let Some((Scalar::Text(level), at)) = single(table, "min_level") else {
            return self.min_level.clone();
        };
        let rank = |level: &str| Self::LEVELS.iter().position(|known| *known == level);
        if rank(&level) < rank(&self.min_level) {
            let message =
                format!("`{level}` is enough for this server, and `[sandbox]` asks for `{}`", self.min_level);
            reader.report.warning(at, &join(path, "min_level"), message, None);
        }
        level
    }
}

impl SandboxConfig {
    /// These settings with what the flags ask for; an error where they ask for what cannot be.
    pub(super) fn asked_for(mut self, flags: &Flags, reader: &mut Reader<'_, '_>) -> Self {
        if flags.sandbox {
            self.required = true;
            reader.record("sandbox.required", "true".to_owned(), At::Flag);
        }
        if flags.per_call {
            self.mode = SandboxMode::PerCall;
            reader.record("sandbox.mode", self.mode.name().to_owned(), At::Flag);
            self.expect_a_sandbox(At::Flag, "sandbox.mode", flags, reader);
        }
        self
    }

    /// A limit that bounds nothing is said to do so.
    pub(super) fn expect_calls(&self, at: At, key: &str, flags: &Flags, reader: &mut Reader<'_, '_>) {
        if self.max_call_seconds.is_some() && self.mode != SandboxMode::PerCall && !flags.per_call {
            let help = "write `mode = \"per_call\"` beside it".to_owned();
            let message = "no call is bounded by it, since calls share a server";
            reader.report.warning(at, key, message, Some(help));
        }
    }

    /// Without a sandbox there is no server for each call: that would be somebody else's code, started with all rights
    /// for every call.
    pub(super) fn expect_a_sandbox(&self, at: At, key: &str, flags: &Flags, reader: &mut Reader<'_, '_>) {
        if self.mode == SandboxMode::PerCall && !self.required && !flags.sandbox {
            let help = "write `required = true` beside it, or give --sandbox".to_owned();
            reader.report.error(at, key, "`per_call` is for servers in the sandbox", Some(help));
        }
    }
}

fn mode(reader: &mut Reader<'_, '_>) -> (SandboxMode, At) {
    const MODE: &str = "sandbox.mode";
    if let Some((name, at)) = reader.text(MODE) {
        return (SandboxMode::of(&name), at);
    }
    let default = SandboxMode::default();
    let at = reader.record(MODE, default.name().to_owned(), At::BuiltIn);
    (default, at)
}

/// The level, and whether the file says it.
fn min_level(reader: &mut Reader<'_, '_>) -> (String, bool) {
    const LEVEL: &str = "sandbox.min_level";
    if let Some((level, _)) = reader.text(LEVEL) {
        return (level, true);
    }
    let default = SandboxConfig::DEFAULT_LEVEL.to_owned();
    reader.record(LEVEL, default.clone(), At::BuiltIn);
    (default, false)
}

/// A list of `[sandbox]`, whose effective value is noted.
fn list(reader: &mut Reader<'_, '_>, name: &'static str) -> Vec<String> {
    let section: Option<&DeTable<'_>> = reader.table(&["sandbox"]);
    let Some((all, at)) = section.and_then(|table| items(table, name, "sandbox", reader)) else {
        return Vec::new();
    };
    let shown = all.iter().map(|item| printable(item)).collect::<Vec<_>>().join(", ");
    reader.record(&join("sandbox", name), shown, at);
    all
}

/// The texts of a list of a table at `path`, each of which has to fit, and where the list stands.
fn items(
    table: &DeTable<'_>,
    name: &'static str,
    path: &str,
    reader: &mut Reader<'_, '_>,
) -> Option<(Vec<String>, At)> {
    let (fits, expected): (fn(&str) -> bool, _) = match name {
        "environment" => (is_variable, "is not the name of a variable"),
        "hosts" => (|host| !host.contains(['/', ' ']), "is no host"),
        _ => (is_absolute, "is no absolute path without `.` and `..`"),
    };
    let (key, value) = table.get_key_value(name)?;
    let mut all = Vec::new();
    for (item, at) in texts(value) {
        if fits(&item) {
            all.push(item);
        } else {
            reader.report.error(at, &join(path, name), format!("`{}` {expected}", printable(&item)), None);
        }
    }
    Some((all, At::File(key.span().start)))
}

/// A single value of a server's table, where there is one that fits; the others are reported already.
fn single(table: &DeTable<'_>, name: &str) -> Option<(Scalar, At)> {
    let value = table.get(name)?;
    let shape = schema::find(&join("sandbox", name))?;
    Some((shape.read(value.get_ref()).ok()?, At::File(value.span().start)))
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
