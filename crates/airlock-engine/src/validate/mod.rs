//! Layer 1: is this a call that the tool declared?
//!
//! Bounds come first ([`limits`]), then ghost arguments ([`ghosts`]), then the schema ([`contract`]): each
//! step is cheaper than the one behind it and protects it. Both have a [`budget`]; numbers compare exactly
//! ([`exact`]).

pub(crate) mod budget;
mod contract;
pub(crate) mod exact;
mod ghosts;
mod hints;
#[cfg(test)]
mod hostile;
mod limits;
mod shape;

pub use contract::{Contract, ContractError};
pub use limits::ArgumentLimits;

pub(crate) use hints::printable;
pub(crate) use limits::{NO_ARGUMENTS, check as check_limits};
