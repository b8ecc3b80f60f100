//! `#!` lines.

use std::{
    ffi::{OsStr, OsString},
    fs::File,
    io::Read as _,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

use super::{ProfileError, Search, refuse};

/// Longest part of a script that is looked at: the kernel takes 256 bytes of a `#!` line.
const HEAD: u64 = 512;

impl Search<'_> {
    /// The interpreter that a `#!` line means, and the arguments it gives.
    pub(super) fn of_line(&self, line: Vec<OsString>) -> Result<(PathBuf, Vec<OsString>), ProfileError> {
        let mut words = line.into_iter();
        let interpreter = words.next().unwrap_or_default();
        if !Path::new(&interpreter).ends_with("env") {
            return Ok((self.find(&interpreter)?, words.collect()));
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
                Ok((self.find(&name)?, words.collect()))
            }
            _ => refuse(
                "the first line of the script uses `env` in a way that is not followed; start its interpreter yourself",
            ),
        }
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
