//! The configuration that a command works with, and what it says about a caller.

use airlock_engine::{
    Caller,
    config::{Config, Flags},
};
use airlock_host::Source;

use crate::{
    args::ConfigArgs,
    exit::{Exit, Failure},
};

/// Finds and loads the configuration for a command that needs a valid one.
pub(crate) fn load(args: &ConfigArgs) -> Result<(Config, Source), Failure> {
    load_with(args, Flags::default())
}

/// As [`load`], with flags that only this command has.
pub(crate) fn load_with(args: &ConfigArgs, flags: Flags) -> Result<(Config, Source), Failure> {
    let source = Source::find(args.config.as_deref())?;
    let flags = Flags { policy: args.policy.clone(), strict: args.strict.then_some(true), ..flags };
    match source.load(flags) {
        Ok(config) => Ok((config, source)),
        Err(problems) => {
            Err(Failure::new(Exit::ConfigInvalid, format_args!("the configuration is invalid\n{problems}")))
        }
    }
}

/// The names of the policies that judge this caller's calls: those of its roles, or else the default one.
pub(crate) fn policies<'c>(config: &'c Config, caller: &Caller) -> Vec<&'c str> {
    let bound = config.roles.iter().filter(|(role, _)| caller.roles.contains(role));
    let mut names: Vec<_> =
        bound.filter_map(|(_, index)| Some(config.policies.get(*index)?.name())).collect();
    names.dedup();
    if names.is_empty() { vec![config.policy.name()] } else { names }
}
