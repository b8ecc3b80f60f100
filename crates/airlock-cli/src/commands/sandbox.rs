//! `airlock sandbox`: what isolates untrusted code on this machine.

use std::{
    collections::BTreeSet,
    io::{self, Write},
};

mod bench;
mod selftest;

use airlock_sandbox::{
    Launcher, Level,
    doctor::{Fact, Reach, State, Verdict, examine, try_out},
};
use serde::Serialize;

use crate::{
    args::{CallsArgs, DoctorArgs, ReportFormat, SandboxArgs, SandboxCommand},
    exit::{CommandResult, Exit},
    render::{Console, Paint, Stream, wrap},
};

/// Columns that a text has where the terminal does not say.
const WIDTH: usize = 80;

/// Columns before a text: the state, the subject, and space between them.
const MARGIN: usize = 2 + 8 + 2 + 15 + 2;

pub(crate) fn execute(args: &SandboxArgs, launcher: Launcher, console: &mut Console) -> CommandResult {
    match &args.command {
        SandboxCommand::Doctor(args) => doctor(args, &launcher, console),
        SandboxCommand::Selftest(args) => selftest::execute(args, launcher, console),
        SandboxCommand::Bench(args) => bench::execute(args, launcher, console),
        SandboxCommand::Calls(args) => calls(args, console),
    }
}

#[cfg(target_os = "linux")]
fn calls(args: &CallsArgs, console: &mut Console) -> CommandResult {
    let mut purpose = "";
    for call in airlock_sandbox::system_calls() {
        if args.format == ReportFormat::Json {
            serde_json::to_writer(&mut console.out, &call).map_err(io::Error::from)?;
            writeln!(console.out)?;
            continue;
        }
        if call.purpose != purpose {
            let gap = if purpose.is_empty() { "" } else { "\n" };
            writeln!(console.out, "{gap}{}", console.out.paint.strong(call.purpose))?;
            purpose = call.purpose;
        }
        writeln!(console.out, "  {:<22}  {:<22}  {}", call.name, call.rule, call.why)?;
    }
    Ok(Exit::Fine)
}

#[cfg(not(target_os = "linux"))]
fn calls(_args: &CallsArgs, _console: &mut Console) -> CommandResult {
    Err(super::exec::refused(&airlock_sandbox::SandboxError::Unsupported))
}

fn doctor(args: &DoctorArgs, launcher: &Launcher, console: &mut Console) -> CommandResult {
    let mut facts = examine();
    try_out(&mut facts, launcher);
    let verdict = Verdict::of(&facts);
    match args.format {
        ReportFormat::Text => text(&verdict, &facts, width(), &mut console.out)?,
        ReportFormat::Json => json(&verdict, &facts, &mut console.out)?,
    }
    Ok(if verdict.level >= Level::Lite { Exit::Fine } else { Exit::Unexpected })
}

/// The report as JSON.
#[derive(Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    verdict: &'a Verdict,
    facts: &'a [Fact],
}

fn json(verdict: &Verdict, facts: &[Fact], out: &mut Stream) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &Report { verdict, facts })?;
    out.write_all(b"\n")
}

fn width() -> usize {
    let columns = terminal_size::terminal_size().map_or(WIDTH, |(columns, _)| usize::from(columns.0));
    columns.clamp(60, 100)
}

fn text(verdict: &Verdict, facts: &[Fact], width: usize, out: &mut Stream) -> io::Result<()> {
    let paint = out.paint;
    let level = match verdict.level {
        Level::None => paint.bad(verdict.level),
        Level::Lite => paint.warn(verdict.level),
        Level::Box | Level::Kernel | Level::Machine => paint.good(verdict.level),
    };
    writeln!(out, "sandbox on this machine: {level}\n")?;
    writeln!(out, "{}", paint.strong("Levels"))?;
    verdict.levels.iter().try_for_each(|reach| line_of(reach, out))?;
    writeln!(out, "\n{}", paint.strong("What was tried"))?;
    facts.iter().try_for_each(|fact| entry(fact, width, out))?;
    advice(facts, width, out)
}

fn line_of(reach: &Reach, out: &mut Stream) -> io::Result<()> {
    let paint = out.paint;
    let (mark, note) = match (reach.missing.is_empty(), reach.built_in) {
        (true, true) => (paint.good("there"), String::new()),
        (true, false) => (paint.note("possible"), "the machine can, Airlock does not do it yet".to_owned()),
        (false, true) => (paint.bad("missing"), format!("for want of {}", reach.missing.join(", "))),
        (false, false) => (paint.faint("missing"), format!("for want of {}", reach.missing.join(", "))),
    };
    if note.is_empty() {
        return writeln!(out, "  {mark:<8}  {}", reach.level);
    }
    writeln!(out, "  {mark:<8}  {:<15}  {}", reach.level.as_str(), paint.faint(note))
}

/// One fact; its text goes on below itself.
fn entry(fact: &Fact, width: usize, out: &mut Stream) -> io::Result<()> {
    let paint = out.paint;
    let mut lines =
        wrap(&crate::render::printable(&fact.text, 400), width.saturating_sub(MARGIN)).into_iter();
    let first = lines.next().unwrap_or_default();
    writeln!(out, "  {:<8}  {:<15}  {first}", mark(paint, fact), fact.subject)?;
    lines.try_for_each(|line| writeln!(out, "{:MARGIN$}{line}", ""))
}

/// Red is what stands against a level that Airlock builds itself; what else is missing is nobody's fault.
fn mark(paint: Paint, fact: &Fact) -> crate::render::Painted<&'static str> {
    let name = fact.state.as_str();
    match fact.state {
        State::Good => paint.good(name),
        State::Degraded => paint.warn(name),
        State::Missing | State::NotHere if matches!(fact.gives, Some(Level::Lite | Level::Box)) => {
            paint.bad(name)
        }
        State::Missing | State::NotHere => paint.faint(name),
    }
}

/// What can be done, after the table, so that commands have the whole width and can be copied.
fn advice(facts: &[Fact], width: usize, out: &mut Stream) -> io::Result<()> {
    let paint = out.paint;
    let mut said = BTreeSet::new();
    let advised: Vec<_> = facts
        .iter()
        .filter_map(|fact| Some((fact.subject, fact.advice.as_deref()?)))
        .filter(|(_, advice)| said.insert(*advice))
        .collect();
    if !advised.is_empty() {
        writeln!(out, "\n{}", paint.strong("What would lift it"))?;
    }
    for (subject, advice) in advised {
        writeln!(out, "  {}", paint.note(subject))?;
        // What follows a command that reads on is part of it, up to its end.
        let mut within = false;
        for line in advice.lines() {
            if let Some(command) = line.strip_prefix("$ ") {
                within = command.ends_with("<<'END'");
                writeln!(out, "    {}", paint.strong(command))?;
            } else if within {
                within = line != "END";
                writeln!(out, "    {}", paint.strong(line))?;
            } else {
                wrap(line, width.saturating_sub(4))
                    .iter()
                    .try_for_each(|line| writeln!(out, "    {line}"))?;
            }
        }
    }
    Ok(())
}
