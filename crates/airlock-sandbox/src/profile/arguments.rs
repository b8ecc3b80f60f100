//! The script among an interpreter's arguments.

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::OsStrExt as _,
};

/// Options of an interpreter that matter for finding its script.
pub(super) struct Options {
    /// Those that take the next argument.
    with_value: &'static [&'static str],
    /// Those after which there is no script.
    instead: &'static [&'static str],
}

pub(super) const NODE: Options = Options {
    with_value: &[
        "-r",
        "--require",
        "--import",
        "--loader",
        "--experimental-loader",
        "-C",
        "--conditions",
        "--env-file",
        "--env-file-if-exists",
        "--input-type",
        "--title",
    ],
    instead: &[
        "-e",
        "--eval",
        "-p",
        "--print",
        "-pe",
        "-i",
        "--interactive",
        "-v",
        "--version",
        "--run",
        "--test",
    ],
};

pub(super) const PYTHON: Options = Options {
    with_value: &["-W", "-X", "--check-hash-based-pycs"],
    instead: &["-c", "-m", "-V", "--version"],
};

/// The script among an interpreter's arguments.
pub(super) fn script_of<'a>(arguments: &'a mut [OsString], options: &Options) -> Option<&'a mut OsString> {
    let is_one_of = |list: &[&str], word: &OsStr| list.iter().any(|option| word == *option);
    let mut words = arguments.iter().enumerate();
    let at = loop {
        let (at, word) = words.next()?;
        if word == "--" {
            break words.next()?.0;
        }
        if is_one_of(options.instead, word) || word == "-" {
            return None;
        }
        if is_one_of(options.with_value, word) {
            words.next();
        } else if !word.as_bytes().starts_with(b"-") {
            break at;
        } else if options.instead.contains(&"-m") && ends_in_module(word.as_bytes()) {
            return None;
        }
    };
    arguments.get_mut(at)
}

/// Whether a cluster of Python's short options ends in `-m` or `-c`, as `-Bm` does, or holds its value, as `-mjson`.
fn ends_in_module(word: &[u8]) -> bool {
    !word.starts_with(b"--")
        && word
            .iter()
            .skip(1)
            .take_while(|letter| !matches!(letter, b'W' | b'X'))
            .any(|letter| matches!(letter, b'm' | b'c'))
}
