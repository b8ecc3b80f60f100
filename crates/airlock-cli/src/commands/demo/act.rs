//! Carries the script out and judges every answer.

use airlock_engine::Code;
use serde_json::{Value, json};

use super::{
    stage::Stage,
    threats::{Attempt, Expected, ORDINARY, THREATS, Threat},
};
use crate::exit::Failure;

/// What happened.
pub(crate) struct Report {
    /// Tools that only the unguarded agent is offered.
    pub(crate) hidden_tools: Vec<String>,
    /// The answer to the ordinary call, and whether it was the same on both ways.
    pub(crate) ordinary: (String, bool),
    pub(crate) threats: Vec<(&'static Threat, Vec<Outcome>)>,
    /// Calls sent to the guarded server, and audit records that Airlock wrote about them.
    pub(crate) calls: usize,
    pub(crate) records: usize,
}

/// What became of one attempt.
pub(crate) struct Outcome {
    pub(crate) attempt: &'static Attempt,
    /// The whole answers.
    pub(crate) without: Value,
    pub(crate) with: Value,
    /// Whether the last call of the attempt reached the guarded server.
    pub(crate) server_saw_it: bool,
    /// The record of the last call.
    pub(crate) audit: Value,
    pub(crate) stopped: bool,
}

impl Outcome {
    /// The refusal that the agent got, if it got one: the JSON object that Airlock makes for models.
    pub(crate) fn refusal(&self) -> Option<Value> {
        refusal(&self.with)
    }
}

impl Report {
    pub(crate) fn attempts(&self) -> impl Iterator<Item = &Outcome> {
        self.threats.iter().flat_map(|(_, outcomes)| outcomes)
    }

    /// Every attack stopped, ordinary work untouched, every call recorded.
    pub(crate) fn all_stopped(&self) -> bool {
        self.ordinary.1 && self.calls == self.records && self.attempts().all(|outcome| outcome.stopped)
    }

    pub(crate) fn to_json(&self) -> Value {
        let threats: Vec<_> = self
            .threats
            .iter()
            .map(|(threat, outcomes)| {
                let attempts: Vec<_> = outcomes.iter().map(Outcome::to_json).collect();
                json!({"title": threat.title, "what": threat.what, "attempts": attempts})
            })
            .collect();
        json!({
            "all_stopped": self.all_stopped(), "threats": threats, "hidden_tools": self.hidden_tools,
            "ordinary_call_unchanged": self.ordinary.1, "calls": self.calls, "audit_records": self.records,
        })
    }
}

impl Outcome {
    fn to_json(&self) -> Value {
        json!({
            "intent": self.attempt.intent,
            "tool": self.attempt.tool, "arguments": arguments(self.attempt.arguments), "times": self.attempt.times,
            "stopped": self.stopped, "code": self.refusal().map(|refusal| refusal.get("block_reason").cloned()),
            "server_saw_the_call": self.server_saw_it,
            "without_airlock": shortened(&self.without), "with_airlock": shortened(&self.with),
            "audit_record": self.audit,
        })
    }
}

/// Sends everything on both ways.
pub(crate) fn play(stage: &mut Stage) -> Result<Report, Failure> {
    let offered = stage.guarded.tools()?;
    let hidden_tools = stage.direct.tools()?.into_iter().filter(|tool| !offered.contains(tool)).collect();

    let (tool, text) = ORDINARY;
    let without = stage.direct.call(tool, &arguments(text))?;
    let with = stage.guarded.call(tool, &arguments(text))?;
    let mut calls = 1;

    let mut threats = Vec::new();
    for threat in &THREATS {
        let mut outcomes = Vec::new();
        for attempt in threat.attempts {
            outcomes.push(try_it(stage, attempt)?);
            calls += attempt.times;
        }
        threats.push((threat, outcomes));
    }
    let ordinary = (answer_text(&with), without.get("result") == with.get("result"));
    Ok(Report { hidden_tools, ordinary, threats, calls, records: stage.audit()?.len() })
}

fn try_it(stage: &mut Stage, attempt: &'static Attempt) -> Result<Outcome, Failure> {
    let arguments = arguments(attempt.arguments);
    let (mut without, mut with, mut seen_before) = (Value::Null, Value::Null, 0);
    for _ in 0..attempt.times {
        without = stage.direct.call(attempt.tool, &arguments)?;
        seen_before = stage.calls_seen()?;
        with = stage.guarded.call(attempt.tool, &arguments)?;
    }
    let server_saw_it = stage.calls_seen()? > seen_before;
    let audit = stage.audit()?.pop().unwrap_or(Value::Null);
    let stopped = is_stopped(attempt.expected, &with, server_saw_it, &audit);
    Ok(Outcome { attempt, without, with, server_saw_it, audit, stopped })
}

fn is_stopped(expected: Expected, with: &Value, server_saw_it: bool, audit: &Value) -> bool {
    let refused_with = |code: Code| {
        let is = |object: &Value, key: &str| object.get(key).and_then(Value::as_str) == Some(code.name());
        refusal(with).is_some_and(|refusal| is(&refusal, "block_reason")) && is(audit, "reason")
    };
    match expected {
        Expected::Refused(code) => refused_with(code) && !server_saw_it,
        Expected::Withheld(code) => refused_with(code),
        Expected::Masked(secrets) => {
            let everything = format!("{with} {audit}");
            with.get("result").is_some() && !secrets.iter().any(|secret| everything.contains(secret))
        }
        Expected::Shortened(most) => with.get("result").is_some() && with.to_string().chars().count() <= most,
    }
}

/// The script's arguments are checked by a test; an object that could not be read would be refused, not obeyed.
fn arguments(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or(Value::Null)
}

fn refusal(answer: &Value) -> Option<Value> {
    let refusal: Value = serde_json::from_str(&answer_text(answer)).ok()?;
    (refusal.get("status")? == "blocked").then_some(refusal)
}

/// The result of an answer with long texts cut, since the report is about what happened and not about the data.
fn shortened(answer: &Value) -> Value {
    const MOST: usize = 2_500;
    let cut = |text: &str| match text.char_indices().nth(MOST) {
        Some((end, _)) => {
            format!("{}… ({} characters)", text.get(..end).unwrap_or_default(), text.chars().count())
        }
        None => text.to_owned(),
    };
    let mut result = answer.get("result").cloned().unwrap_or_default();
    for block in result.get_mut("content").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(text) = block.get_mut("text") {
            *text = text.as_str().map(cut).into();
        }
    }
    result
}

/// The text that the model reads.
pub(crate) fn answer_text(answer: &Value) -> String {
    let blocks = answer.pointer("/result/content").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let texts: Vec<_> = blocks.iter().filter_map(|block| block.get("text")?.as_str()).collect();
    match (texts.is_empty(), answer.get("error")) {
        (true, Some(error)) => error.to_string(),
        _ => texts.join("\n"),
    }
}

#[cfg(test)]
mod tests {
    use airlock_engine::Code;
    use serde_json::{Value, json};

    use super::{Expected, is_stopped};

    fn answer(text: &str) -> Value {
        json!({"result": {"content": [{"type": "text", "text": text}]}})
    }

    #[test]
    fn only_what_was_really_stopped_counts() {
        let refused = answer(r#"{"status":"blocked","block_reason":"tool_denied"}"#);
        let record = json!({"reason": "tool_denied"});
        let denied = Expected::Refused(Code::ToolDenied);
        let masked = Expected::Masked(&["123-45-6789"]);
        let table = [
            (denied, refused.clone(), false, record.clone(), true),
            (denied, refused.clone(), true, record.clone(), false),
            (denied, refused.clone(), false, Value::Null, false),
            (Expected::Refused(Code::RateLimited), refused.clone(), false, record.clone(), false),
            (Expected::Withheld(Code::ToolDenied), refused, true, record, true),
            (denied, answer("deleted"), false, Value::Null, false),
            (masked, answer("***-**-6789"), true, Value::Null, true),
            (masked, answer("123-45-6789"), true, Value::Null, false),
            (masked, answer("***-**-6789"), true, json!({"args": "123-45-6789"}), false),
            (masked, json!({"error": {}}), true, Value::Null, false),
            (Expected::Shortened(100), answer("short"), true, Value::Null, true),
            (Expected::Shortened(100), answer(&"long".repeat(100)), true, Value::Null, false),
        ];
        for (row, (expected, with, seen, audit, stopped)) in table.into_iter().enumerate() {
            assert_eq!(is_stopped(expected, &with, seen, &audit), stopped, "row {row}");
        }
    }
}
