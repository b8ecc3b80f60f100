//! Exit codes, and the failure that ends a command.

use std::{fmt, io, process::ExitCode};

use airlock_host::HostError;

/// How a command ended. Scripts rely on the numbers; they are documented in `airlock --help`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0: everything is fine.
    Fine,
    /// 1: `airlock scan` found something.
    Findings,
    /// 1: something unexpected happened; the message says what. (For `airlock scan` this is 2.)
    Unexpected,
    /// 2: the call would be refused.
    Refused,
    /// 2: `airlock scan` could not read its input, or not understand it.
    ScanFailed,
    /// 3: the configuration is invalid.
    ConfigInvalid,
    /// 64: the command line is wrong (`EX_USAGE` of sysexits.h).
    Usage,
    /// 126 or 127: the guarded server could not be started, as shells report it.
    NotStarted(u8),
    /// 0 to 255: `airlock exec` ends as the program did.
    OfProgram(u8),
    /// 124: `airlock exec` ended the program at a limit, as `timeout` of coreutils reports it.
    LimitReached,
    /// 125: there is no sandbox as strong as required; nothing ran.
    NoSandbox,
    /// 128 + n: ended by signal n, as shells report it.
    Signalled(u8),
}

impl Exit {
    /// The reader of stdout went away (`SIGPIPE`): nothing to say, but not "fine" either, since the
    /// command did not finish.
    pub(crate) const BROKEN_PIPE: Self = Self::Signalled(13);

    /// The number for the operating system.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Fine => 0,
            Self::Findings | Self::Unexpected => 1,
            Self::Refused | Self::ScanFailed => 2,
            Self::ConfigInvalid => 3,
            Self::Usage => 64,
            Self::LimitReached => 124,
            Self::NoSandbox => 125,
            Self::NotStarted(code) | Self::OfProgram(code) => code,
            Self::Signalled(signal) => 128_u8.saturating_add(signal),
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Ends a command before it is done: a message for people, perhaps a way out, and the exit code.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    /// Empty when nothing is to be said.
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl fmt::Display) -> Self {
        Self { exit, message: message.to_string(), help: None }
    }

    pub(crate) fn unexpected(message: impl fmt::Display) -> Self {
        Self::new(Exit::Unexpected, message)
    }

    pub(crate) fn usage(message: impl fmt::Display) -> Self {
        Self::new(Exit::Usage, message)
    }

    #[must_use]
    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl From<HostError> for Failure {
    fn from(error: HostError) -> Self {
        let exit = if error.is_configuration() { Exit::ConfigInvalid } else { Exit::Unexpected };
        let help = error.help().map(str::to_owned);
        Self { exit, message: error.message().to_owned(), help }
    }
}

/// Only writing to stdout or stderr turns an I/O error into a failure with `?`; whoever opens files says which.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::new(Exit::BROKEN_PIPE, "")
        } else {
            Self::unexpected(format_args!("cannot write the output: {error}"))
        }
    }
}

/// What a command returns.
pub(crate) type CommandResult = Result<Exit, Failure>;

#[cfg(test)]
mod tests {
    use std::io;

    use super::{Exit, Failure};

    #[test]
    fn the_documented_numbers() {
        let table = [
            (Exit::Fine, 0),
            (Exit::Findings, 1),
            (Exit::Unexpected, 1),
            (Exit::Refused, 2),
            (Exit::ScanFailed, 2),
            (Exit::ConfigInvalid, 3),
            (Exit::Usage, 64),
            (Exit::OfProgram(7), 7),
            (Exit::LimitReached, 124),
            (Exit::NoSandbox, 125),
            (Exit::NotStarted(127), 127),
            (Exit::Signalled(15), 143),
        ];
        for (exit, code) in table {
            assert_eq!(exit.code(), code, "{exit:?}");
        }
    }

    #[test]
    fn a_broken_pipe_is_quiet_and_not_a_success() {
        let failure = Failure::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert!(failure.message.is_empty());
        assert_eq!(failure.exit.code(), 141);
        assert!(!Failure::from(io::Error::other("disk full")).message.is_empty());
    }
}
