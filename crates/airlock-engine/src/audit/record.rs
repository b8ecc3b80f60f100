//! The wire format of a record.
//!
//! The names are fixed by the product's documentation; fields are only ever added.

use std::{fmt::Write as _, sync::Arc};

use crate::{
    caller::Caller,
    code::Code,
    json::{Bounds, Document, write_string},
    protect::{OutputReport, Protector},
    tool::Tool,
};

/// Longest masked arguments in a record, in bytes; longer ones are told by their size.
const MAX_ARGUMENTS: usize = 16 * 1024;

/// What is known of a call when its record is written.
#[expect(clippy::struct_excessive_bools, reason = "independent remarks, each a member of the record")]
pub(crate) struct Record {
    pub(crate) started: Option<jiff::Timestamp>,
    pub(crate) tool: Arc<Tool>,
    pub(crate) caller: Arc<Caller>,
    /// The arguments as received.
    pub(crate) arguments: Arc<str>,
    pub(crate) policy: Box<str>,
    pub(crate) ghosts: Vec<String>,
    pub(crate) stripped: bool,
    pub(crate) free_form: bool,
    pub(crate) unchecked_schema: bool,
    /// The sandbox that the tool ran in, or may have run in.
    pub(crate) sandbox: Option<Arc<str>>,
    /// A sandbox was asked for, and the tool ran without.
    pub(crate) unsandboxed: bool,
    /// Passages in the arguments that look like instructions to a model.
    pub(crate) argument_injections: u32,
    pub(crate) output: OutputReport,
}

/// The outcome as the record says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Result {
    pub(crate) word: &'static str,
    pub(crate) reason: Option<Code>,
}

impl Record {
    /// The record as one line of JSON without the line break.
    pub(crate) fn to_json(&self, result: Result, protector: &Protector) -> String {
        let mut out = String::with_capacity(256 + self.arguments.len().min(MAX_ARGUMENTS));
        out.push_str("{\"timestamp\":");
        match self.started {
            // RFC 3339 in UTC with milliseconds.
            Some(started) => {
                // Writing to a string cannot fail.
                let _ = write!(out, "\"{started:.3}\"");
            }
            None => out.push_str("null"),
        }
        member(&mut out, "tool", &protector.mask_text_for_record(&self.tool.qualified_name()));
        match &self.caller.agent_id {
            Some(agent) => member(&mut out, "agent_id", agent.as_str()),
            None => out.push_str(",\"agent_id\":null"),
        }
        self.write_arguments(&mut out, protector);
        member(&mut out, "result", result.word);
        match result.reason {
            Some(code) => member(&mut out, "reason", code.name()),
            None => out.push_str(",\"reason\":null"),
        }
        member(&mut out, "policy", &self.policy);
        if let Some(session) = &self.caller.session_id {
            member(&mut out, "session_id", session.as_str());
        }
        if !self.caller.roles.is_empty() {
            list(&mut out, "roles", self.caller.roles.iter().map(crate::Role::as_str));
        }
        self.write_remarks(&mut out, protector);
        out.push('}');
        out
    }

    /// The record where masking failed: nothing in it comes from the call but how it ended.
    pub(crate) fn to_bare_json(&self, result: Result) -> String {
        let mut out = String::from("{\"timestamp\":");
        match self.started {
            // Writing to a string cannot fail.
            Some(started) => drop(write!(out, "\"{started:.3}\"")),
            None => out.push_str("null"),
        }
        out.push_str(",\"tool\":\"?\"");
        match &self.caller.agent_id {
            Some(agent) => member(&mut out, "agent_id", agent.as_str()),
            None => out.push_str(",\"agent_id\":null"),
        }
        out.push_str(",\"args\":null");
        member(&mut out, "result", result.word);
        match result.reason {
            Some(code) => member(&mut out, "reason", code.name()),
            None => out.push_str(",\"reason\":null"),
        }
        member(&mut out, "policy", &self.policy);
        out.push_str(",\"masking_failed\":true}");
        out
    }

    fn write_arguments(&self, out: &mut String, protector: &Protector) {
        out.push_str(",\"args\":");
        let parsed = (self.arguments.len() <= MAX_ARGUMENTS)
            .then(|| Document::parse(self.arguments.as_bytes(), &Bounds::DEFAULT).ok())
            .flatten();
        if let Some(doc) = parsed {
            let masked = protector.mask_for_record(&doc);
            // White space between values may be a line break, and a record is one line.
            out.extend(
                masked
                    .split(['\n', '\r'])
                    .enumerate()
                    .flat_map(|(at, line)| [if at > 0 { " " } else { "" }, line]),
            );
        } else {
            let _ = write!(out, "null,\"args_bytes\":{}", self.arguments.len());
        }
    }

    fn write_remarks(&self, out: &mut String, protector: &Protector) {
        if !self.ghosts.is_empty() {
            let names: Vec<_> = self.ghosts.iter().map(|name| protector.mask_text_for_record(name)).collect();
            list(out, "ghost_arguments", names.iter().map(AsRef::as_ref));
        }
        if let Some(sandbox) = &self.sandbox {
            member(out, "sandbox", sandbox);
        }
        for (flag, name) in [
            (self.stripped, "stripped"),
            (self.free_form, "free_form_arguments"),
            (self.unchecked_schema, "unchecked_schema"),
            (self.unsandboxed, "unsandboxed"),
            (self.output.blocked, "output_blocked"),
        ] {
            if flag {
                out.push_str(",\"");
                out.push_str(name);
                out.push_str("\":true");
            }
        }
        if !self.output.masked.is_empty() {
            out.push_str(",\"masked\":{");
            for (index, (kind, count)) in self.output.masked.iter().enumerate() {
                let comma = if index > 0 { "," } else { "" };
                // Writing to a string cannot fail.
                let _ = write!(out, "{comma}\"{}\":{count}", kind.name());
            }
            out.push('}');
        }
        for (count, name) in [
            (self.argument_injections as usize, "argument_injections"),
            (self.output.injections as usize, "injections"),
            (self.output.cut_chars, "cut_chars"),
        ] {
            if count > 0 {
                let _ = write!(out, ",\"{name}\":{count}");
            }
        }
    }
}

fn member(out: &mut String, name: &str, value: &str) {
    out.push_str(",\"");
    out.push_str(name);
    out.push_str("\":");
    write_string(out, value);
}

fn list<'a>(out: &mut String, name: &str, items: impl Iterator<Item = &'a str>) {
    out.push_str(",\"");
    out.push_str(name);
    out.push_str("\":[");
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.push(',');
        }
        write_string(out, item);
    }
    out.push(']');
}
