//! `airlock check`: is the configuration valid, what weakens protection, and who set what.

use std::io::{self, Write};

use airlock_engine::config::{Config, Flags, Origin, Problem, Problems, Setting, Severity};
use airlock_host::{Source, usual_path};
use serde::Serialize;

use crate::{
    args::{CheckArgs, ReportFormat},
    exit::{CommandResult, Exit},
    render::{Console, Stream},
};

pub(crate) fn execute(args: &CheckArgs, console: &mut Console) -> CommandResult {
    let source = Source::find(args.file.as_deref())?;
    let loaded = source.load(Flags::default());
    match args.format {
        ReportFormat::Text => text(&source, &loaded, &mut console.out)?,
        ReportFormat::Json => json(&source, &loaded, &mut console.out)?,
    }
    Ok(if loaded.is_ok() { Exit::Fine } else { Exit::ConfigInvalid })
}

/// The report as JSON.
#[derive(Serialize)]
struct Report<'a> {
    valid: bool,
    /// Absent where the defaults hold.
    file: Option<String>,
    /// Errors, and the warnings beside them.
    problems: Vec<&'a Problem>,
    /// What weakens protection, if the configuration is valid.
    warnings: &'a [Problem],
    settings: &'a [Setting],
}

fn json(source: &Source, loaded: &Result<Config, Problems>, out: &mut Stream) -> io::Result<()> {
    let report = Report {
        valid: loaded.is_ok(),
        file: source.path().map(|path| path.display().to_string()),
        problems: loaded.as_ref().err().into_iter().flatten().collect(),
        warnings: loaded.as_ref().map_or(&[], |config| &config.warnings),
        settings: loaded.as_ref().map_or(&[], |config| &config.origins),
    };
    serde_json::to_writer_pretty(&mut *out, &report)?;
    out.write_all(b"\n")
}

fn text(source: &Source, loaded: &Result<Config, Problems>, out: &mut Stream) -> io::Result<()> {
    if let Some(path) = source.path() {
        writeln!(out, "configuration: {}", path.display())?;
    } else {
        let usual = usual_path().map_or_else(String::new, |path| format!(" at {}", path.display()));
        writeln!(out, "configuration: the defaults; there is no file{usual}")?;
    }
    match loaded {
        Ok(config) => valid(source, config, out),
        Err(problems) => invalid(problems, out),
    }
}

fn invalid(problems: &Problems, out: &mut Stream) -> io::Result<()> {
    let paint = out.paint;
    let errors = problems.iter().filter(|problem| problem.severity == Severity::Error).count();
    let errors = if errors == 1 { "1 error".to_owned() } else { format!("{errors} errors") };
    writeln!(out, "{}: {errors}\n", paint.bad("invalid"))?;
    problems.iter().try_for_each(|problem| writeln!(out, "{problem}"))
}

fn valid(source: &Source, config: &Config, out: &mut Stream) -> io::Result<()> {
    let paint = out.paint;
    if config.warnings.is_empty() {
        writeln!(out, "{}, nothing weakens protection", paint.good("valid"))?;
    } else {
        writeln!(out, "{}, and this weakens protection:\n", paint.warn("valid"))?;
        config.warnings.iter().try_for_each(|warning| writeln!(out, "{warning}"))?;
    }
    let width = |text: fn(&Setting) -> &str, most: usize| {
        config.origins.iter().map(|setting| text(setting).chars().count()).max().unwrap_or(0).min(most)
    };
    let (keys, values) = (width(|setting| &setting.key, 48), width(|setting| &setting.value, 32));
    writeln!(out, "\n{}", paint.strong("Settings, and who set them"))?;
    for setting in &config.origins {
        let origin = origin(source, setting);
        let origin = if setting.origin == Origin::BuiltIn { paint.faint(origin) } else { paint.note(origin) };
        writeln!(out, "  {:<keys$}  {:<values$}  {origin}", setting.key, setting.value)?;
    }
    Ok(())
}

/// `airlock.toml:3`, `environment`, `built-in`.
fn origin(source: &Source, setting: &Setting) -> String {
    let name =
        source.path().and_then(|path| path.file_name()).map(|name| name.to_string_lossy().into_owned());
    match (setting.origin, name, setting.line) {
        (Origin::File, Some(name), Some(line)) => format!("{name}:{line}"),
        (origin, ..) => origin.name().to_owned(),
    }
}
