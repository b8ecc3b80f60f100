//! `#!` lines.

use std::{
    ffi::{OsStr, OsString},
    fs::File,
    io::Read as _,
    os::unix::ffi::OsStrExt as _,
    path::Path,
};

use super::{
    Kind, ProfileError, Search, is_system,
    node::is_harmless,
    path::{Way, quoted},
    refuse,
};

/// Longest part of a script that is looked at: the kernel takes 256 bytes of a `#!` line.
const HEAD: u64 = 512;

/// What a `#!` line says. It is the script's word and not the user's: it chooses an interpreter among those that are
/// installed, and makes nothing visible besides.
pub(super) struct Line {
    pub(super) interpreter: Way,
    /// What the interpreter is given before the script.
    pub(super) words: Vec<OsString>,
    /// Whether these load nothing.
    pub(super) is_harmless: bool,
}

/// A script that is run because of its `#!` line.
pub(super) struct Scripted {
    pub(super) way: Way,
    /// Whether its line has the interpreter run this script and nothing else.
    pub(super) is_harmless: bool,
}

impl Search<'_> {
    /// The interpreter that a script's `#!` line means, and the arguments it gives.
    pub(super) fn of_line(&self, line: Vec<OsString>, script: &Way) -> Result<Line, ProfileError> {
        let mut words = line.into_iter();
        let interpreter = words.next().unwrap_or_default();
        if !Path::new(&interpreter).ends_with("env") {
            return self.started_by(script, &interpreter, words.collect());
        }
        // `env` itself would search `PATH` inside, which is another one.
        let rest: Vec<_> = words.collect();
        let words = match rest.as_slice() {
            [one] => split_words(one),
            _ => rest,
        };
        let mut words = words.into_iter().skip_while(|word| word == "-S");
        match words.next() {
            Some(name) if !name.as_bytes().starts_with(b"-") && !name.as_bytes().contains(&b'=') => {
                self.started_by(script, &name, words.collect())
            }
            _ => refuse(
                "the first line of the script uses `env` in a way that is not followed; start its interpreter yourself",
            ),
        }
    }

    fn started_by(&self, script: &Way, name: &OsStr, words: Vec<OsString>) -> Result<Line, ProfileError> {
        let interpreter = self.find(name)?;
        let says = format!("the first line of `{}`", script.settled.display());
        if !self.may_interpret(&interpreter, script) {
            return refuse(format!(
                "{says} names `{}`, which is not the system's, not on PATH and not of the \
                 environment that the script is in; start it yourself: `{} {}`",
                interpreter.settled.display(),
                quoted(&interpreter.settled),
                quoted(&script.settled)
            ));
        }
        let kind = Kind::of(&interpreter);
        let other = words.iter().find(|word| !word.as_bytes().starts_with(b"-"));
        // Which would be the script then, or the value of an option.
        if let Some(other) = other.filter(|_| kind != Kind::Other) {
            return refuse(format!(
                "{says} gives `{}` more than options, `{}`; if that is right, start it yourself",
                name.display(),
                other.to_string_lossy().escape_debug()
            ));
        }
        // Scripts for others than Node.js are shown alone whatever their lines say.
        let is_harmless = words.iter().all(|word| word.to_str().is_some_and(is_harmless));
        Ok(Line { interpreter, words, is_harmless })
    }

    /// Whether a script may choose this interpreter: the system's, one that the user has installed or names, or that of
    /// the virtual environment that the script itself lies in.
    fn may_interpret(&self, interpreter: &Way, script: &Way) -> bool {
        let at = &interpreter.settled;
        let is_beside = [&script.settled, &script.real].iter().any(|script| script.parent() == at.parent());
        is_system(at)
            || self.is_installed(at)
            || self.is_interpreter(at)
            || self.is_named(at)
            || is_beside && self.installation_of(at, Kind::of(interpreter)).is_some()
    }
}

/// The words of a script's `#!` line: the interpreter, and the rest as one. `None` for a program.
pub(super) fn interpreter(path: &Path) -> Option<Vec<OsString>> {
    let mut head = Vec::new();
    File::open(path).ok()?.take(HEAD).read_to_end(&mut head).ok()?;
    let mut lines = head.strip_prefix(b"#!")?.split(|byte| *byte == b'\n');
    let first = lines.next()?.trim_ascii();
    let end = first.iter().position(u8::is_ascii_whitespace).unwrap_or(first.len());
    let (program, rest) = first.split_at(end);
    // How pip and uv name an interpreter whose path is too long for such a line, or has a space in it: a line that is
    // a command for the shell and a text for Python.
    let real =
        lines.next().and_then(|line| line.strip_prefix(b"'''exec' ")).filter(|_| program.ends_with(b"/sh"));
    if let Some(real) = real {
        let real = match real.strip_prefix(b"\"") {
            Some(quoted) => quoted.split(|byte| *byte == b'"').next(),
            None => real.split(u8::is_ascii_whitespace).next(),
        };
        return Some(vec![OsStr::from_bytes(real?).to_owned()]);
    }
    let words = [program, rest.trim_ascii()];
    Some(
        words
            .into_iter()
            .filter(|word| !word.is_empty())
            .map(|word| OsStr::from_bytes(word).to_owned())
            .collect(),
    )
}

fn split_words(text: &OsStr) -> Vec<OsString> {
    let words = text.as_bytes().split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    words.map(|word| OsStr::from_bytes(word).to_owned()).collect()
}
