//! Tells a report to somebody who has never heard of Airlock.

use std::io::{self, Write};

use serde_json::Value;

use super::{
    act::{Outcome, Report, answer_text},
    stage::CONFIG,
};
use crate::render::{Paint, Painted, Stream, printable, wrap};

/// Columns of the labels on the left, and of the text beside them.
const LABEL: usize = 18;
const TEXT: usize = 78;
/// Longest answer shown, in characters.
const EXCERPT: usize = 140;

/// The members of an audit record that are shown; the file has more.
const SHOWN_OF_A_RECORD: [&str; 7] = ["timestamp", "tool", "agent_id", "args", "result", "reason", "policy"];

const INTRODUCTION: &str = "\
An AI agent works by calling tools, and MCP servers provide them. Two copies of one server were just started; \
the agent sent every call to both, once directly and once through Airlock:";

const CLIENT_CONFIGURATION: &str = r#"  {
    "mcpServers": {
      "files": {
        "command": "airlock",
        "args": ["run", "--",
                 "npx", "-y", "@modelcontextprotocol/server-filesystem", "/home/you/notes"]
      }
    }
  }"#;

pub(crate) fn tell(report: &Report, out: &mut Stream) -> io::Result<()> {
    introduce(report, out)?;
    let total = report.threats.len();
    for (number, (threat, outcomes)) in (1..).zip(&report.threats) {
        let heading = format!("{number} of {total}  {}", threat.title);
        writeln!(out, "\n{}\n  {}", out.paint.strong(heading), threat.what)?;
        for outcome in outcomes {
            tell_attempt(outcome, out)?;
        }
    }
    conclude(report, out)
}

fn introduce(report: &Report, out: &mut Stream) -> io::Result<()> {
    let paint = out.paint;
    writeln!(
        out,
        "{}\n",
        paint.strong("Airlock is a firewall between an AI agent and its tools. Six attacks, for real:")
    )?;
    for line in wrap(INTRODUCTION, LABEL + TEXT) {
        writeln!(out, "  {line}")?;
    }
    writeln!(out, "\n    agent ──────────────────▶ server     {}", paint.bad("without Airlock"))?;
    writeln!(out, "    agent ───▶ airlock ─────▶ server     {}", paint.good("with Airlock"))?;
    writeln!(out, "\n  Its rules, from the demo's airlock.toml:\n")?;
    for line in CONFIG.lines() {
        let indent = if line.is_empty() { "" } else { "    " };
        writeln!(out, "{indent}{}", paint.note(line))?;
    }
    writeln!(out, "\n{}", paint.strong("First, ordinary work"))?;
    let (answer, unchanged) = &report.ordinary;
    let verdict = if *unchanged { "the same answer on both ways" } else { "THE ANSWERS DIFFER" };
    row(out, "the agent", "reads a file that it may read", Paint::plain)?;
    row(
        out,
        "both ways",
        &format!("{} ({verdict})", excerpt(answer)),
        if *unchanged { Paint::good } else { Paint::bad },
    )
}

fn tell_attempt(outcome: &Outcome, out: &mut Stream) -> io::Result<()> {
    let attempt = outcome.attempt;
    let times = if attempt.times > 1 { format!(", {} times", attempt.times) } else { String::new() };
    writeln!(out)?;
    row(out, "the agent", &format!("{}{times}:", attempt.intent), Paint::plain)?;
    row(out, "", &format!("{} {}", attempt.tool, attempt.arguments), Paint::strong)?;
    row(out, "without Airlock", &excerpt(&answer_text(&outcome.without)), Paint::bad)?;
    if outcome.stopped {
        row(out, "with Airlock", &verdict(outcome), Paint::good)?;
    } else {
        row(out, "with Airlock", &format!("NOT STOPPED: {}", verdict(outcome)), Paint::bad)?;
    }
    for hint in hints(outcome) {
        row(out, "", &format!("the agent is told: {hint}"), Paint::plain)?;
    }
    row(out, "audit record", &record(&outcome.audit), Paint::faint)
}

/// What the guarded agent got, in one line.
fn verdict(outcome: &Outcome) -> String {
    let Some(refusal) = outcome.refusal() else {
        return excerpt(&answer_text(&outcome.with));
    };
    let text = |key: &str| refusal.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let message = text("error");
    let message = message.strip_prefix("AIRLOCK_BLOCK: ").unwrap_or(&message);
    let seen = if outcome.server_saw_it { "" } else { "; the server never saw the call" };
    format!("refused, {}: {}{seen}", text("block_reason"), printable(message, 2 * EXCERPT))
}

fn hints(outcome: &Outcome) -> Vec<String> {
    let refusal = outcome.refusal().unwrap_or_default();
    let hints = refusal.get("fix_hints").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let mut hints: Vec<_> =
        hints.iter().filter_map(Value::as_str).map(|hint| printable(hint, 2 * EXCERPT)).collect();
    let wait = refusal.pointer("/metadata/retry_after_ms").and_then(Value::as_u64);
    hints.extend(wait.map(|wait| format!("call again in {} s", wait.div_ceil(1_000))));
    hints
}

/// The start of an answer, and how long it is when that is not all of it. The end too, since that is where a cut is
/// announced.
fn excerpt(answer: &str) -> String {
    let answer = match serde_json::from_str::<Value>(answer) {
        Ok(value) if value.is_object() => spaced(&value),
        _ => answer.trim().replace('\n', " "),
    };
    let length = answer.chars().count();
    if length <= 2 * EXCERPT {
        return printable(&answer, 2 * EXCERPT);
    }
    let start = printable(&answer, EXCERPT / 3);
    let end: String = answer.chars().skip(length - EXCERPT / 2).collect();
    format!("{start} {} ({} characters)", printable(&end, EXCERPT), grouped(length))
}

/// `2000000` as `2,000,000`.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn record(audit: &Value) -> String {
    let members =
        SHOWN_OF_A_RECORD.iter().filter_map(|key| Some(format!("\"{key}\": {}", spaced(audit.get(key)?))));
    format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
}

/// JSON on one line, with spaces at which it can be wrapped.
fn spaced(value: &Value) -> String {
    let joined = |items: Vec<String>| items.join(", ");
    match value {
        Value::Object(members) => {
            format!(
                "{{{}}}",
                joined(members.iter().map(|(key, value)| format!("\"{key}\": {}", spaced(value))).collect())
            )
        }
        Value::Array(items) => format!("[{}]", joined(items.iter().map(spaced).collect())),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string(),
    }
}

fn conclude(report: &Report, out: &mut Stream) -> io::Result<()> {
    let paint = out.paint;
    let stopped = report.attempts().filter(|outcome| outcome.stopped).count();
    let summary = format!("{stopped} of {} attacks stopped", report.attempts().count());
    let summary = if report.all_stopped() { paint.good(summary) } else { paint.bad(summary) };
    writeln!(out, "\n{summary}, {} calls, {} audit records", report.calls, report.records)?;
    if !report.hidden_tools.is_empty() {
        writeln!(out, "Denied tools were not even offered to the agent: {}", report.hidden_tools.join(", "))?;
    }
    writeln!(out, "\n{}", paint.strong("Use it"))?;
    writeln!(
        out,
        "  Put `airlock run --` in front of a server's command in the configuration of your MCP client:\n"
    )?;
    writeln!(out, "{}\n", paint.note(CLIENT_CONFIGURATION))?;
    writeln!(
        out,
        "  No rules are needed to begin: undeclared arguments are stripped, wrong types refused, secrets and"
    )?;
    writeln!(
        out,
        "  personal data masked, and every call is recorded. `airlock run --help` says how to get stricter."
    )
}

/// A label and a text beside it, as many lines as it takes.
fn row(
    out: &mut Stream,
    label: &str,
    text: &str,
    colour: fn(Paint, String) -> Painted<String>,
) -> io::Result<()> {
    let paint = out.paint;
    for (index, line) in wrap(text, TEXT).into_iter().enumerate() {
        let label = if index == 0 { label } else { "" };
        writeln!(out, "  {}{}", paint.faint(format_args!("{label:<LABEL$}")), colour(paint, line))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{excerpt, grouped, record};

    #[test]
    fn numbers_are_grouped() {
        for (number, expected) in [(0, "0"), (999, "999"), (1_000, "1,000"), (2_000_000, "2,000,000")] {
            assert_eq!(grouped(number), expected);
        }
    }

    #[test]
    fn a_long_answer_is_shown_by_its_ends() {
        assert_eq!(excerpt("two\nlines\n"), "two lines");
        let long = excerpt(&format!("{}THE END", "0".repeat(5_000)));
        assert!(long.starts_with("0000") && long.ends_with("THE END (5,007 characters)"), "{long}");
        assert!(long.chars().count() < 200);
    }

    #[test]
    fn a_record_stays_json() {
        let audit = serde_json::json!({"result": "blocked", "tool": "a b", "extra": 1});
        let shown: serde_json::Value = serde_json::from_str(&record(&audit)).unwrap();
        assert_eq!(shown, serde_json::json!({"tool": "a b", "result": "blocked"}));
    }
}
