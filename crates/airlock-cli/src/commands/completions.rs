//! `airlock completions`: generated from the argument definitions.

use std::io::Write as _;

use clap::CommandFactory as _;

use crate::{
    args::{Cli, CompletionsArgs},
    exit::{CommandResult, Exit},
    render::Console,
};

pub(crate) fn execute(args: &CompletionsArgs, console: &mut Console) -> CommandResult {
    // The generator panics when its writer fails, so it writes to memory.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "airlock", &mut script);
    console.out.write_all(&script)?;
    Ok(Exit::Fine)
}
