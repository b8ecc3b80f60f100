//! The `airlock` command: a firewall between an AI agent and its tools.
//!
//! One file per subcommand under `commands`; each takes parsed arguments and returns how it ended. This crate alone
//! prints, exits and reads arguments; everything that decides is in the libraries.

#![forbid(unsafe_code)]

mod args;
mod commands;
mod exit;
mod render;
mod sandboxed;
mod settings;

use std::{
    env,
    io::{self, Write as _},
    panic::{self, PanicHookInfo},
    path::PathBuf,
    process::ExitCode,
};

use airlock_gateway::{Launcher, become_child};
use clap::Parser as _;

use crate::{
    args::{Cli, Command},
    commands::{call, check, completions, demo, exec, man, run, sandbox, scan},
    exit::{CommandResult, Exit, Failure},
    render::Console,
};

fn main() -> ExitCode {
    // First of all, before any thread or secret exists: the sandbox starts this program again to be the box.
    let sandbox = match airlock_sandbox::enter(env::args_os()) {
        Ok(launcher) => launcher,
        Err(code) => return code,
    };
    // And a session starts it again to be its server's parent.
    let launcher = match become_child(env::args_os()) {
        Ok(launcher) => launcher,
        Err(code) => return code,
    };
    panic::set_hook(Box::new(say_where_it_broke));
    let mut console = Console::of_process();
    // Not a command: completions and help are for people, and only the demo starts this.
    let mut args = env::args_os().skip(1);
    if args.next().is_some_and(|first| first == demo::SERVER) {
        let journal = args.next().map(PathBuf::from);
        let result = demo::serve(journal.as_deref(), &mut console);
        return finish(result, &mut console);
    }
    match Cli::try_parse() {
        Ok(cli) => {
            let result = execute(cli.command, launcher, sandbox, &mut console);
            finish(result, &mut console)
        }
        Err(error) => stopped_at_parsing(&error).into(),
    }
}

/// Says where the program broke and not why: the message of a panic may quote what it was working on, and that
/// may be a secret.
fn say_where_it_broke(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
    let text = format!("airlock: internal error at {place}; the call is refused, please report this\n");
    // Without stderr nobody is left to tell.
    let _ = io::stderr().write_all(text.as_bytes());
}

/// Writes what is left to write, and says what went wrong.
fn finish(result: CommandResult, console: &mut Console) -> ExitCode {
    let flushed = console.out.flush();
    // What was already said stays; the failure comes after it.
    let result = result.and_then(|exit| flushed.map(|()| exit).map_err(Failure::from));
    result
        .unwrap_or_else(|failure| {
            console.report(&failure);
            failure.exit
        })
        .into()
}

fn execute(
    command: Command,
    launcher: Launcher,
    sandbox: airlock_sandbox::Launcher,
    console: &mut Console,
) -> CommandResult {
    match command {
        Command::Run(args) => run::execute(args, launcher, sandbox, console),
        Command::Check(args) => check::execute(&args, console),
        Command::Call(args) => call::execute(args, console),
        Command::Exec(args) => exec::execute(&args, sandbox, console),
        Command::Scan(args) => scan::execute(&args, console),
        Command::Demo(args) => demo::execute(&args, console),
        Command::Sandbox(args) => sandbox::execute(&args, sandbox, console),
        Command::Completions(args) => completions::execute(&args, console),
        Command::Man(args) => man::execute(&args, console),
    }
}

/// Help and version are data; everything else that clap says is about a wrong command line.
fn stopped_at_parsing(error: &clap::Error) -> Exit {
    // A closed stdout or stderr leaves nobody to tell.
    let _ = error.print();
    if error.use_stderr() { Exit::Usage } else { Exit::Fine }
}
