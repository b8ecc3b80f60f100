//! The predefined policies.

use super::SecurityPolicy;

/// The names of the predefined policies, as configuration and flags take them.
pub const PRESETS: &[&str] = &["permissive", "strict", "read_only", "business_hours"];

fn list(items: &[&str]) -> Vec<String> {
    items.iter().map(|&item| item.to_owned()).collect()
}

impl SecurityPolicy {
    /// No restriction; the same as the default.
    pub fn permissive() -> Self {
        Self::default()
    }

    /// Requires an agent id, and allows each agent 100 calls per hour in all.
    pub fn strict() -> Self {
        Self {
            require_agent_id: true,
            rate_limits: vec![("*".to_owned(), "100/hour".to_owned())],
            ..Self::default()
        }
    }

    /// Allows tools whose names begin like reading (`read_*`, `get_*`, `list_*`, `search_*`) and denies those
    /// whose names tell of writing *anywhere* (`*write*`, `*delete*`, `*update*`, `*create*`, `*modify*`),
    /// so that `get_and_delete_all` is denied. That also denies a harmless `list_updates`: allow such tools
    /// in a policy of your own.
    ///
    /// It judges by names, and a name proves nothing: a tool called `get_report` may still write. What a tool
    /// says about itself (`readOnlyHint`) is no proof either.
    pub fn read_only() -> Self {
        Self {
            allowed_tools: list(&["read_*", "get_*", "list_*", "search_*"]),
            denied_tools: list(&["*write*", "*delete*", "*update*", "*create*", "*modify*"]),
            ..Self::default()
        }
    }

    /// Allows everything, but only from 09:00 to 17:00, every day.
    pub fn business_hours() -> Self {
        Self { time_restrictions: vec![("*".to_owned(), "09:00-17:00".to_owned())], ..Self::default() }
    }

    /// The predefined policy of that name: one of [`PRESETS`], or the name that the product's documentation
    /// uses, such as `READ_ONLY_POLICY`. Case does not matter.
    pub fn preset(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        match name.strip_suffix("_policy").unwrap_or(&name) {
            "permissive" => Some(Self::permissive()),
            "strict" => Some(Self::strict()),
            "read_only" => Some(Self::read_only()),
            "business_hours" => Some(Self::business_hours()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::{Timestamp, tz::TimeZone};

    use super::{PRESETS, SecurityPolicy};
    use crate::{
        caller::{AgentId, Caller},
        code::Code,
        policy::{Subject, TargetKind, fold},
    };

    fn ask(policy: &SecurityPolicy, name: &str, agent: &str, time: &str) -> Result<Option<String>, Code> {
        let policy = policy.compile("p", &TimeZone::UTC).unwrap();
        let binding = policy.bind(&Subject { kind: TargetKind::Tool, name, folded: &fold(name) });
        let caller = Caller { agent_id: AgentId::new(agent).ok(), ..Caller::anonymous() };
        let time: Timestamp = format!("2026-01-31T{time}Z").parse().unwrap();
        let limit = binding.evaluate(&caller, time, &mut |_, _| ()).map_err(|rejection| rejection.code())?;
        Ok(limit.map(|limit| limit.text.to_string()))
    }

    #[test]
    fn every_preset_has_its_names_and_compiles() {
        for name in PRESETS {
            let policy = SecurityPolicy::preset(name).unwrap();
            assert!(policy.compile(name, &TimeZone::UTC).is_ok());
            let documented = format!("{}_POLICY", name.to_uppercase());
            assert_eq!(SecurityPolicy::preset(&documented), Some(policy), "{documented}");
        }
        for name in ["", "_policy", "stricter", "read-only"] {
            assert_eq!(SecurityPolicy::preset(name), None, "{name}");
        }
        assert_eq!(SecurityPolicy::permissive(), SecurityPolicy::default());
    }

    #[test]
    fn strict_wants_an_agent_and_counts_calls() {
        let strict = SecurityPolicy::strict();
        assert_eq!(ask(&strict, "x", "", "12:00:00"), Err(Code::AgentRequired));
        assert_eq!(ask(&strict, "x", "a", "12:00:00"), Ok(Some("100/hour".to_owned())));
    }

    #[test]
    fn read_only_reads() {
        for (name, expected) in [
            ("read_file", Ok(None)),
            ("get_user", Ok(None)),
            ("list_all", Ok(None)),
            ("search_web", Ok(None)),
            ("run", Err(Code::ToolNotAllowed)),
            ("Read_file", Err(Code::ToolNotAllowed)),
            ("reading", Err(Code::ToolNotAllowed)),
            ("get_and_delete_all", Err(Code::ToolDenied)),
            ("read_or_WRITE", Err(Code::ToolDenied)),
            ("search_update", Err(Code::ToolDenied)),
            ("list_re\u{200b}create", Err(Code::ToolDenied)),
            ("get_modifyer", Err(Code::ToolDenied)),
            ("get_\u{501}elete", Err(Code::ToolDenied)),
        ] {
            assert_eq!(ask(&SecurityPolicy::read_only(), name, "", "12:00:00"), expected, "{name}");
        }
    }

    #[test]
    fn business_hours_end_at_five() {
        for (time, expected) in [
            ("08:59:59.999", Err(Code::TimeRestricted)),
            ("09:00:00", Ok(None)),
            ("16:59:59.999", Ok(None)),
            ("17:00:00", Err(Code::TimeRestricted)),
            ("17:00:59", Err(Code::TimeRestricted)),
        ] {
            assert_eq!(ask(&SecurityPolicy::business_hours(), "x", "", time), expected, "{time}");
        }
    }
}
