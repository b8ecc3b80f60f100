//! The table, the program made of it, and what the kernel does with that.

#![allow(unsafe_code, reason = "the tests make system calls of their own, and make them with odd arguments")]
#![allow(
    clippy::cast_sign_loss,
    clippy::cast_possible_truncation,
    clippy::cast_lossless,
    clippy::unnecessary_cast,
    reason = "arguments of calls are registers; the constants' types differ by C library"
)]

mod allowed;
mod calls;
mod lite;
mod program;
mod programs;
mod refused;
mod tcp;

use std::{io, thread};

use super::{Beside, Filters, compile};

/// The error of a call, 0 for none.
type Errno = i32;

const EPERM: Errno = libc::EPERM;

/// Makes a call. All that are made here are harmless whether they succeed or not.
fn call(number: i64, args: [u64; 6]) -> Errno {
    let [first, second, third, fourth, fifth, sixth] = args;
    // SAFETY: whoever writes a test passes only pointers that are null, invalid or outlive the call.
    let result = unsafe { libc::syscall(number, first, second, third, fourth, fifth, sixth) };
    if result == -1 { io::Error::last_os_error().raw_os_error().unwrap() } else { 0 }
}

fn no_new_privileges() {
    // SAFETY: touches no memory.
    assert_eq!(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }, 0);
}

/// What `work` answers under the filter, which holds for its thread alone and ends with it.
fn filtered<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    filtered_beside(Beside::Namespaces, work)
}

fn filtered_beside<T: Send>(beside: Beside, work: impl FnOnce() -> T + Send) -> T {
    let filters = compile(beside).unwrap();
    let work = move || {
        no_new_privileges();
        filters.apply().unwrap();
        work()
    };
    thread::scope(|scope| scope.spawn(work).join().unwrap())
}

#[test]
fn a_filter_needs_new_privileges_ruled_out_and_is_counted() {
    let count = || {
        let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with("Seccomp_filters:")).unwrap().to_owned();
        line.split_whitespace().nth(1).unwrap().parse::<u32>().unwrap()
    };
    let before = count();
    assert_eq!(filtered(count), before + Filters::COUNT);
    assert_eq!(count(), before, "the filter is of one thread");
}
