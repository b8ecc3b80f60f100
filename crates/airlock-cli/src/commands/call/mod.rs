//! `airlock call`: what would happen to a call, layer by layer, from the same evaluation that decides.

mod input;

use std::{
    env,
    io::{self, Write as _},
    sync::Arc,
};

use airlock_engine::{
    Airlock, Caller, Explanation, Layer, Providers, RawCall, Step, StepOutcome, TargetKind,
    memory::MemoryStore,
    ports::{AuditError, AuditSink},
};
use airlock_host::HostFiles;
use jiff::{Timestamp, tz::TimeZone};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::{
    args::{CallArgs, ReportFormat},
    exit::{CommandResult, Exit, Failure},
    render::{Console, Stream, printable, wrap},
    settings,
};

/// Longest text of others that is shown in a line, in characters.
const SHOWN: usize = 2_000;
/// Columns of labels and of text.
const LABEL: usize = 11;
const TEXT: usize = 84;

pub(crate) fn execute(args: CallArgs, console: &mut Console) -> CommandResult {
    let (config, _) = settings::load(&args.config)?;
    let arguments = input::arguments(&args.args)?;
    let schema = input::schema(args.schema.as_deref(), &args.tool)?;
    let at = args.at.as_deref().map_or_else(|| Ok(input::now()), input::time)?;
    let providers = Providers {
        clock: Arc::new(input::StoppedClock(at)),
        rate_limits: Arc::new(MemoryStore::default()),
        files: Arc::new(HostFiles::new(env::current_dir().unwrap_or_default())),
        audit: Arc::new(NoRecords),
    };
    let engine = Airlock::new(&config, providers, [0; 32]);
    let tool = engine.tool(TargetKind::Tool, &args.tool, Some(&schema));
    let caller = Arc::new(args.caller.caller());
    let explanation = engine.explain(RawCall::new(tool, arguments, Arc::clone(&caller)));
    let asked = Asked {
        tool: &args.tool,
        caller: &caller,
        policies: settings::policies(&config, &caller),
        at,
        mode: if engine.is_strict() { "strict" } else { "permissive" },
        schema_is_known: args.schema.is_some(),
    };
    match args.format {
        ReportFormat::Text => text(&asked, &explanation, &mut console.out)?,
        ReportFormat::Json => json(&asked, &explanation, &mut console.out)?,
    }
    Ok(if explanation.result.is_ok() { Exit::Fine } else { Exit::Refused })
}

/// Nothing is recorded: nothing happens.
struct NoRecords;

impl AuditSink for NoRecords {
    fn ready(&self) -> Result<(), AuditError> {
        Ok(())
    }

    fn write(&self, _: &str) -> Result<(), AuditError> {
        Ok(())
    }
}

/// The question, beside the arguments.
struct Asked<'a> {
    tool: &'a str,
    caller: &'a Caller,
    policies: Vec<&'a str>,
    at: Timestamp,
    mode: &'static str,
    schema_is_known: bool,
}

impl Asked<'_> {
    fn caller(&self) -> String {
        let agent = self.caller.agent_id.as_ref().map_or_else(|| "anonymous".to_owned(), ToString::to_string);
        let roles: Vec<_> = self.caller.roles.iter().map(ToString::to_string).collect();
        match &*roles {
            [] => format!("{agent}, no roles"),
            roles => format!("{agent}, roles {}", roles.join(", ")),
        }
    }
}

/// The report as JSON.
#[derive(Serialize)]
struct Report<'a> {
    admitted: bool,
    tool: &'a str,
    agent_id: Option<&'a str>,
    roles: Vec<&'a str>,
    policies: &'a [&'a str],
    time: String,
    mode: &'static str,
    schema_given: bool,
    steps: Vec<StepReport<'a>>,
    /// What would be forwarded, digit by digit.
    #[serde(skip_serializing_if = "Option::is_none")]
    arguments: Option<&'a RawValue>,
    /// What the agent would see.
    #[serde(skip_serializing_if = "Option::is_none")]
    rejection: Option<Box<RawValue>>,
}

#[derive(Serialize)]
struct StepReport<'a> {
    layer: &'static str,
    check: &'static str,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    remark: Option<&'a str>,
}

fn json(asked: &Asked<'_>, explanation: &Explanation, out: &mut Stream) -> Result<(), Failure> {
    let steps = explanation.steps.iter().map(|step| {
        let (outcome, remark) = outcome(step);
        StepReport { layer: step.layer.name(), check: step.check, outcome, remark }
    });
    let forwarded = explanation.result.as_ref().ok().map(|arguments| serde_json::from_str(arguments));
    let seen =
        explanation.result.as_ref().err().map(|rejection| RawValue::from_string(rejection.to_agent_json()));
    let report = Report {
        admitted: explanation.result.is_ok(),
        tool: asked.tool,
        agent_id: asked.caller.agent_id.as_ref().map(airlock_engine::AgentId::as_str),
        roles: asked.caller.roles.iter().map(airlock_engine::Role::as_str).collect(),
        policies: &asked.policies,
        time: asked.at.to_string(),
        mode: asked.mode,
        schema_given: asked.schema_is_known,
        steps: steps.collect(),
        arguments: forwarded.transpose().map_err(Failure::unexpected)?,
        rejection: seen.transpose().map_err(Failure::unexpected)?,
    };
    serde_json::to_writer_pretty(&mut *out, &report).map_err(io::Error::from)?;
    out.write_all(b"\n")?;
    Ok(())
}

fn text(asked: &Asked<'_>, explanation: &Explanation, out: &mut Stream) -> io::Result<()> {
    row(out, "tool", asked.tool)?;
    row(out, "caller", &asked.caller())?;
    row(out, "policy", &asked.policies.join(" and "))?;
    row(out, "time", &asked.at.to_zoned(TimeZone::system()).to_string())?;
    row(out, "mode", asked.mode)?;
    if !asked.schema_is_known {
        row(out, "schema", "not given, so the arguments are not checked (see --schema)")?;
    }
    writeln!(out)?;
    let mut layer = "";
    for step in &explanation.steps {
        let name = step.layer.name();
        let unchecked = step.layer == Layer::Validate && !asked.schema_is_known;
        let remark = if unchecked { Some("bounds only, without a schema") } else { outcome(step).1 };
        tell_step(if name == layer { "" } else { name }, step, remark, out)?;
        layer = name;
    }
    writeln!(out)?;
    let paint = out.paint;
    match &explanation.result {
        Ok(arguments) => {
            writeln!(out, "{}", paint.good("admitted"))?;
            // On one line, since white space inside strings counts.
            writeln!(
                out,
                "{} {}",
                paint.faint(format_args!("{:<LABEL$}", "arguments")),
                printable(arguments, SHOWN)
            )
        }
        Err(rejection) => {
            writeln!(out, "{}, {}", paint.bad("refused"), rejection.code())?;
            row(out, "reason", rejection.message())?;
            rejection.fix_hints().iter().try_for_each(|hint| row(out, "hint", hint))?;
            row(out, "advice", rejection.code().advice())
        }
    }
}

fn tell_step(layer: &str, step: &Step, remark: Option<&str>, out: &mut Stream) -> io::Result<()> {
    let paint = out.paint;
    let (word, _) = outcome(step);
    let word = match step.outcome {
        StepOutcome::Passed(_) => paint.good(word),
        StepOutcome::NotApplicable => paint.faint(word),
        StepOutcome::Refused => paint.bad(word),
    };
    let remark = remark.map_or_else(String::new, |remark| format!("  {}", printable(remark, SHOWN)));
    writeln!(out, "{} {:<18} {word}{remark}", paint.strong(format_args!("{layer:<LABEL$}")), step.check)
}

fn outcome(step: &Step) -> (&'static str, Option<&str>) {
    match &step.outcome {
        StepOutcome::Passed(remark) => ("passed", remark.as_deref()),
        StepOutcome::NotApplicable => ("no rule", None),
        StepOutcome::Refused => ("refused", None),
    }
}

/// A label and a text beside it, as many lines as it takes.
fn row(out: &mut Stream, label: &str, text: &str) -> io::Result<()> {
    let paint = out.paint;
    for (index, line) in wrap(&printable(text, SHOWN), TEXT).into_iter().enumerate() {
        let label = if index == 0 { label } else { "" };
        writeln!(out, "{} {line}", paint.faint(format_args!("{label:<LABEL$}")))?;
    }
    Ok(())
}
