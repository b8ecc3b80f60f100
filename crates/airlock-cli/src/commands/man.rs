//! `airlock man`: generated from the argument definitions.

use std::{fs, io::Write as _, path::Path};

use clap::CommandFactory as _;
use clap_mangen::Man;

use crate::{
    args::{Cli, ManArgs},
    exit::{CommandResult, Exit, Failure},
    render::Console,
};

pub(crate) fn execute(args: &ManArgs, console: &mut Console) -> CommandResult {
    let mut command = Cli::command();
    command.build();
    match &args.folder {
        None => console.out.write_all(&page(command)?)?,
        Some(folder) => {
            for (name, page) in pages(command)? {
                write(folder, &name, &page)?;
                writeln!(console.err, "wrote {}", folder.join(name).display())?;
            }
        }
    }
    Ok(Exit::Fine)
}

/// The page of the program and one for each command that people see.
fn pages(command: clap::Command) -> Result<Vec<(String, Vec<u8>)>, Failure> {
    let mut pages = Vec::new();
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        pages.push((format!("airlock-{}.1", sub.get_name()), page(sub.clone())?));
    }
    pages.push(("airlock.1".to_owned(), page(command)?));
    Ok(pages)
}

fn page(command: clap::Command) -> Result<Vec<u8>, Failure> {
    let mut page = Vec::new();
    Man::new(command).render(&mut page)?;
    Ok(page)
}

fn write(folder: &Path, name: &str, page: &[u8]) -> Result<(), Failure> {
    let path = folder.join(name);
    fs::write(&path, page)
        .map_err(|error| Failure::unexpected(format_args!("cannot write {}: {error}", path.display())))
}
