//! Interpreters for a [`Pool`](super::Pool).

use std::ffi::OsString;

/// What Python does until its program is there, and at the end.
const WAITING: &str = include_str!("waiting.py");

/// A Python that waits for its program on standard input, with usual modules loaded, and runs it as `python3 -I -` does. It
/// ends without taking itself apart, which takes longer than most programs: threads are waited for, functions registered
/// with `atexit` are called and files are written out, but not every object's `__del__` is called.
pub fn waiting_python() -> Vec<OsString> {
    ["python3", "-I", "-c", WAITING].map(OsString::from).to_vec()
}
