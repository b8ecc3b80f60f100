//! What can be called.

use std::{fmt, sync::Arc};

use crate::{
    caller::parse_identifier,
    policy::{ArgumentRules, Binding, TargetKind},
    protect::OutputRules,
    settings::SandboxNeed,
    validate::{Contract, ContractError},
};

/// Tells engines apart, so that a tool bound to one is never judged by another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EngineId(pub(crate) u64);

/// Something that can be called, bound to one engine: its contract is compiled and everything the policies
/// say about it is looked up once, so that a call costs the same whatever the number of tools and rules.
///
/// Made by [`Airlock::tool`](crate::Airlock::tool) and [`Airlock::tool_with`](crate::Airlock::tool_with).
#[derive(Debug)]
pub struct Tool {
    pub(crate) engine: EngineId,
    pub(crate) kind: TargetKind,
    pub(crate) name: Box<str>,
    pub(crate) contract: Result<Contract, ContractError>,
    /// One per policy of the engine; the default policy first.
    pub(crate) bindings: Vec<Binding>,
    /// Of the policies that the tool brings along; each must admit, too.
    pub(crate) own_bindings: Vec<Binding>,
    pub(crate) rules: Vec<Arc<ArgumentRules>>,
    pub(crate) strict: bool,
    pub(crate) output: OutputRules,
    pub(crate) sandbox: SandboxNeed,
}

impl Tool {
    /// Its name as listed.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What kind of thing it is.
    pub fn kind(&self) -> TargetKind {
        self.kind
    }

    /// Its name as records and limits know it: `read_file`, `prompt:review`, `resource:file:///a`.
    pub fn qualified_name(&self) -> String {
        format!("{}{}", self.kind.prefix(), self.name)
    }

    /// Whether it runs in a sandbox: the stronger of what its author and what the configuration asks for.
    pub fn sandbox(&self) -> SandboxNeed {
        self.sandbox
    }

    /// Why its schema cannot be used, if it cannot; every call of it is refused then.
    pub fn contract_error(&self) -> Option<&ContractError> {
        self.contract.as_ref().err()
    }
}

/// Longest URI of a resource in bytes; what is completed may be a URI template.
const MAX_URI_LEN: usize = 8 * 1024;

/// A name that may be called: bounded, visible, on one line.
pub(crate) fn check_name(kind: TargetKind, name: &str) -> Result<(), ContractError> {
    match kind {
        TargetKind::Tool | TargetKind::Prompt => match parse_identifier(name, "a name") {
            Ok(parsed) if *parsed == *name => Ok(()),
            Ok(_) => Err(ContractError::new("the name has white space around it")),
            Err(error) => Err(ContractError::new(error.to_string())),
        },
        // An empty one is for the contract to refuse: it may be absent or of another type.
        TargetKind::Resource | TargetKind::Completion => {
            if name.len() > MAX_URI_LEN || name.chars().any(char::is_control) {
                return Err(ContractError::new(format!(
                    "a URI must be at most {MAX_URI_LEN} bytes without control characters"
                )));
            }
            Ok(())
        }
    }
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.kind.prefix(), self.name)
    }
}
