//! `airlock sandbox selftest`: the escape suite on the user's machine.

use airlock_sandbox::Launcher;

use crate::{args::SelftestArgs, commands::exec::refused, exit::CommandResult, render::Console};

#[cfg(not(target_os = "linux"))]
pub(super) fn execute(_args: &SelftestArgs, _launcher: Launcher, _console: &mut Console) -> CommandResult {
    Err(refused(&airlock_sandbox::SandboxError::Unsupported))
}

#[cfg(target_os = "linux")]
pub(super) fn execute(args: &SelftestArgs, launcher: Launcher, console: &mut Console) -> CommandResult {
    use std::io::{IsTerminal as _, Write as _};

    use airlock_sandbox::{Backend, attempts::SECRET_VARIABLE, selftest};

    use crate::{args::ReportFormat, commands::exec::sandbox_of, exit::Exit};

    if args.backend == Backend::E2b {
        return Err(crate::exit::Failure::usage("the attempts are made on this machine")
            .with_help("--backend box, lite or gvisor"));
    }
    if std::env::var_os(SECRET_VARIABLE).is_none() {
        return Err(again());
    }
    if args.format == ReportFormat::Text && std::io::stderr().is_terminal() {
        writeln!(console.err, "airlock: trying to break out of it; this takes a few seconds")?;
    }
    let sandbox = sandbox_of(Some(args.backend), launcher, None)?;
    let found = selftest(sandbox.as_ref()).map_err(|error| refused(&error))?;
    match args.format {
        ReportFormat::Text => linux::text(&found, &mut console.out)?,
        ReportFormat::Json => linux::json(&found, &mut console.out)?,
    }
    Ok(if found.held() { Exit::Fine } else { Exit::Findings })
}

/// Starts this command anew with a secret in its environment, which the attempts look for. Returns only what went wrong.
#[cfg(target_os = "linux")]
fn again() -> crate::exit::Failure {
    use std::{env, os::unix::process::CommandExt as _, process::Command};

    let program = match env::current_exe() {
        Ok(program) => program,
        Err(error) => {
            return crate::exit::Failure::unexpected(format_args!("cannot find this program: {error}"));
        }
    };
    let mut again = Command::new(program);
    again
        .args(env::args_os().skip(1))
        .env(airlock_sandbox::attempts::SECRET_VARIABLE, "a secret of the host");
    crate::exit::Failure::unexpected(format_args!("cannot start anew: {}", again.exec()))
}

#[cfg(target_os = "linux")]
mod linux {
    use std::io::{self, Write as _};

    use airlock_sandbox::{
        Selftest,
        attempts::{Outcome, Theme},
    };
    use serde_json::json;

    use crate::render::{Stream, printable};

    /// Longest reason that is shown, in characters.
    const SHOWN: usize = 200;

    pub(super) fn text(found: &Selftest, out: &mut Stream) -> io::Result<()> {
        let paint = out.paint;
        for theme in Theme::ALL {
            let of = |verdict| {
                let same = found.tried.iter().filter(|(attempt, _)| attempt.theme == theme);
                same.filter(|(_, answer)| answer.verdict == verdict).count()
            };
            let (held, open, absent) = (of(Outcome::Held), of(Outcome::Open), of(Outcome::NotHere));
            let broke = of(Outcome::Broke);
            let notes = [(broke, "broke it"), (absent, "have nothing to try here")];
            let notes = notes.iter().filter(|(number, _)| *number > 0);
            let note: Vec<_> = notes.map(|(number, text)| format!(", {number} {text}")).collect();
            let note = note.concat();
            let mark = if open + broke == 0 { paint.good("held") } else { paint.bad("open") };
            writeln!(out, "  {mark:<4}  {:<10}  {held} held, {open} open{note}", theme.as_str())?;
        }
        for (attempt, answer) in found.declared() {
            let detail = printable(&answer.detail, SHOWN);
            writeln!(out, "\n{}: {}: {detail}", paint.warn(attempt.name), attempt.what)?;
            let why = found.why_declared(attempt).unwrap_or_default();
            writeln!(out, "  declared in docs/sandbox.md: {why}")?;
        }
        for (attempt, answer) in found.open() {
            let detail = printable(&answer.detail, SHOWN);
            writeln!(out, "\n{}: {}: {detail}", paint.bad(attempt.name), attempt.what)?;
        }
        for harm in &found.harm {
            writeln!(out, "\n{}: {}", paint.bad("harm"), printable(harm, SHOWN))?;
        }
        let total = found.tried.len();
        if found.held() {
            writeln!(out, "\n{} attempts: {}", total, paint.good("nothing got out"))
        } else {
            writeln!(out, "\n{} attempts: {}", total, paint.bad("this sandbox has a hole; please report it"))
        }
    }

    pub(super) fn json(found: &Selftest, out: &mut Stream) -> io::Result<()> {
        let attempts = found.tried.iter().map(|(attempt, answer)| {
            json!({
                "name": attempt.name,
                "theme": attempt.theme.as_str(),
                "what": attempt.what,
                "verdict": answer.verdict,
                "detail": answer.detail,
            })
        });
        let report = json!({
            "held": found.held(),
            "enforcement": found.enforcement,
            "harm": found.harm,
            "attempts": attempts.collect::<Vec<_>>(),
        });
        serde_json::to_writer_pretty(&mut *out, &report)?;
        out.write_all(b"\n")
    }
}
