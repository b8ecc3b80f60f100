//! The signals that ask this process to end, for whoever has something to put in order first.

use std::io;

/// Has `told` told of each, in a thread of its own; this process does not end by itself at them any more. Where there are
/// no signals, the system ends it, and `told` is never told of any.
///
/// # Errors
/// This process cannot have another thread, or the system refuses.
#[cfg(unix)]
pub fn watch_end_signals(mut told: impl FnMut(i32) + Send + 'static) -> io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || signals.forever().for_each(&mut told))?;
    Ok(())
}

/// Has `told` told of nothing: the system ends this process.
///
/// # Errors
/// None.
#[cfg(not(unix))]
pub fn watch_end_signals(_told: impl FnMut(i32) + Send + 'static) -> io::Result<()> {
    Ok(())
}

/// Ends this process as the signal would have done.
pub fn end_by_signal(signal: i32) {
    #[cfg(unix)]
    // It ends the process, unless the signal is none that does.
    let _ = signal_hook::low_level::emulate_default_handler(signal);
    #[cfg(not(unix))]
    let _ = signal;
}
