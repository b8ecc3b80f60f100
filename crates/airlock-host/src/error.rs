//! Why the host cannot start.

use std::{error::Error, fmt};

/// The machine does not give what the engine needs. For the operator; calls are refused until it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostError {
    message: String,
    help: Option<String>,
    configuration: bool,
}

impl HostError {
    pub(crate) fn new(message: impl fmt::Display) -> Self {
        Self { message: message.to_string(), help: None, configuration: false }
    }

    pub(crate) fn configuration(message: impl fmt::Display) -> Self {
        Self { configuration: true, ..Self::new(message) }
    }

    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// What is wrong.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do, where that is known.
    pub fn help(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// Whether the configuration is to blame, rather than the machine.
    pub fn is_configuration(&self) -> bool {
        self.configuration
    }
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.help.as_ref().map_or(Ok(()), |help| write!(f, " ({help})"))
    }
}

impl Error for HostError {}
