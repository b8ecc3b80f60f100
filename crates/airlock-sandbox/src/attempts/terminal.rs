//! The terminal of the user: to type into it, to read from it.

use std::{io, os::fd::AsRawFd as _};

use libc::{O_RDONLY, O_RDWR, O_WRONLY};

use super::{
    Attempt,
    Control::{self, Outside, OutsideAsRoot},
    Ground, Theme, Verdict,
    ground::c_path,
    sys::{self, call, open},
};

const fn terminal(
    name: &'static str,
    what: &'static str,
    control: Control,
    run: fn(&Ground) -> Verdict,
) -> Attempt {
    super::attempt(Theme::Terminal, name, what, control, run)
}

/// Types a character into a terminal.
const TIOCSTI: u64 = 0x5412;
/// Speaks to a console: selects and pastes text among other things.
const TIOCLINUX: u64 = 0x541C;

pub(super) const ATTEMPTS: &[Attempt] = &[
    terminal(
        "standard-streams",
        "was given a terminal to speak to",
        Control::None("whether there is a terminal is up to who starts it"),
        |_| match (0..3).find(|fd| is_terminal(*fd)) {
            Some(fd) => Verdict::Open(format!("descriptor {fd} is a terminal")),
            None => Verdict::Held("no terminal".into()),
        },
    ),
    terminal(
        "controlling-terminal",
        "opens the terminal that it was started from",
        Control::None("whether there is a terminal is up to who starts it"),
        |ground| ground.tell(open(c"/dev/tty", O_RDWR), "opened"),
    ),
    terminal("open-terminal", "opens a terminal of the host by its path", Outside, |ground| {
        match &ground.terminal {
            None => Verdict::NotHere("no terminals".into()),
            Some(path) => ground.tell(open(&c_path(path), O_RDWR), "opened"),
        }
    }),
    terminal("new-terminal", "makes a terminal", Outside, |ground| {
        ground.tell_if_any(open(c"/dev/ptmx", O_RDWR), "made")
    }),
    terminal("type", "types into a terminal of its own", OutsideAsRoot, |ground| {
        let typed = own_terminal().and_then(|fd| call!(SYS_ioctl, fd, TIOCSTI, c"x".as_ptr()));
        ground.tell_if_any(typed, "typed")
    }),
    terminal("type-call", "has the kernel look at a request to type", Outside, |ground| {
        request(ground, TIOCSTI)
    }),
    terminal("type-call-high-bits", "the same, with bits that the kernel ignores", Outside, |ground| {
        request(ground, TIOCSTI | 1 << 32)
    }),
    terminal("paste-call", "has the kernel look at a request to paste", Outside, |ground| {
        request(ground, TIOCLINUX)
    }),
    terminal("paste-call-high-bits", "the same, with bits that the kernel ignores", Outside, |ground| {
        request(ground, TIOCLINUX | 1 << 32)
    }),
    terminal("console-state", "asks a console which keys are pressed", OutsideAsRoot, |ground| {
        let mut which = 6_u8;
        let asked = sys::descriptor(c"/dev/tty0", O_RDONLY)
            .and_then(|fd| call!(SYS_ioctl, fd, TIOCLINUX, &raw mut which));
        match asked {
            // A machine without a screen has a console that is none.
            Err(error)
                if ground.outside() && matches!(error.raw_os_error(), Some(libc::EINVAL | libc::ENOTTY)) =>
            {
                Verdict::NotHere(sys::name(&error))
            }
            asked => ground.tell_if_any(asked, "answered"),
        }
    }),
    terminal("line-discipline", "sets how the kernel reads lines, which loads modules", Outside, |ground| {
        // The one that it has.
        let discipline = 0_i32;
        let set = own_terminal().and_then(|fd| call!(SYS_ioctl, fd, libc::TIOCSETD, &raw const discipline));
        ground.tell_if_any(set, "set")
    }),
    terminal("take-terminal", "makes a terminal of the host its own", Outside, |ground| {
        match &ground.terminal {
            None => Verdict::NotHere("no terminals".into()),
            Some(path) => {
                // In a session of its own, which a leader of a group cannot have, and every attempt is one.
                let taken = sys::in_child(|| {
                    call!(SYS_setsid)?;
                    let fd = sys::descriptor(&c_path(path), O_RDWR)?;
                    call!(SYS_ioctl, fd, libc::TIOCSCTTY, 0)
                });
                ground.tell(taken, "taken")
            }
        }
    }),
    terminal("open-console", "opens the console of the machine", OutsideAsRoot, |ground| {
        ground.tell_if_any(open(c"/dev/console", O_WRONLY), "opened")
    }),
    terminal("read-screen", "opens what is on the screen of the machine", OutsideAsRoot, |ground| {
        ground.tell_if_any(open(c"/dev/vcs", O_RDONLY), "opened")
    }),
];

fn is_terminal(fd: i32) -> bool {
    // SAFETY: takes a number, and says of any whether it is that of a terminal.
    unsafe { libc::isatty(fd) == 1 }
}

fn own_terminal() -> io::Result<i32> {
    sys::descriptor(c"/dev/ptmx", O_RDWR)
}

/// Makes a request for terminals of a pipe. A kernel that looks at it says that a pipe is no terminal.
fn request(ground: &Ground, request: u64) -> Verdict {
    let asked =
        io::pipe().and_then(|(read, _write)| call!(SYS_ioctl, read.as_raw_fd(), request, c"x".as_ptr()));
    ground.tell_passed(asked, &[libc::ENOTTY])
}
