//! One file per subcommand.

pub(crate) mod call;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod demo;
pub(crate) mod exec;
pub(crate) mod man;
pub(crate) mod run;
pub(crate) mod sandbox;
pub(crate) mod scan;
