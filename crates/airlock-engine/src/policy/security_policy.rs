//! What the user wrote, and how it becomes a policy that can be evaluated.

use std::{fmt, sync::Arc};

use jiff::tz::TimeZone;

use super::{Binding, Pattern, Quota, Subject, Window, binding::Limit};
use crate::caller::Role;

/// A policy as the user wrote it. The default restricts nothing.
///
/// Deny lists match folded names (see [`fold`](super::fold)) and beat allow lists, which match exact names
/// only. An empty allow list allows what is not denied. Patterns of rate limits and time restrictions match
/// qualified names: `NAME` for tools, `prompt:NAME`, `resource:URI`, `completion:NAME`; `*` covers them all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SecurityPolicy {
    /// Tools that may be called; empty allows all.
    pub allowed_tools: Vec<String>,
    /// Tools that may not be called.
    pub denied_tools: Vec<String>,
    /// Prompts that may be got; empty allows all.
    pub allowed_prompts: Vec<String>,
    /// Prompts that may not be got.
    pub denied_prompts: Vec<String>,
    /// URIs of resources that may be read; empty allows all.
    pub allowed_resources: Vec<String>,
    /// URIs of resources that may not be read.
    pub denied_resources: Vec<String>,
    /// Refuses callers without an agent id.
    pub require_agent_id: bool,
    /// Refuses callers that hold none of these roles; empty asks for none.
    pub allowed_roles: Vec<String>,
    /// Pattern and quota, such as `("query_*", "100/minute")`. The most specific matching pattern counts.
    pub rate_limits: Vec<(String, String)>,
    /// Pattern and window, such as `("write_*", "Mon-Fri 09:00-17:00")`. The most specific one counts.
    pub time_restrictions: Vec<(String, String)>,
    /// The zone of the windows, an IANA name such as `Europe/Berlin`; `None` is the system's.
    pub timezone: Option<String>,
}

/// Something in a policy that does not make sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyProblem {
    /// The field, such as `rate_limits`.
    pub field: String,
    /// The item or pattern it is about.
    pub entry: Option<String>,
    /// What is wrong.
    pub message: String,
    /// What to write.
    pub help: Option<String>,
}

impl fmt::Display for PolicyProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.field)?;
        if let Some(entry) = &self.entry {
            write!(f, ", `{}`", entry.escape_debug())?;
        }
        write!(f, ": {}", self.message)?;
        self.help.as_ref().map_or(Ok(()), |help| write!(f, "; {help}"))
    }
}

impl std::error::Error for PolicyProblem {}

/// A compiled policy: immutable, and cheap to clone and share.
#[derive(Clone, Debug)]
pub struct Policy(pub(super) Arc<Compiled>);

#[derive(Debug)]
pub(super) struct Compiled {
    pub(super) name: Box<str>,
    pub(super) tools: NameRules,
    pub(super) prompts: NameRules,
    pub(super) resources: NameRules,
    pub(super) require_agent_id: bool,
    pub(super) roles: Box<[Role]>,
    pub(super) limits: Ranked<Limit>,
    pub(super) windows: Ranked<Window>,
    pub(super) zone: TimeZone,
}

/// The two lists for one kind of target.
#[derive(Debug)]
pub(super) struct NameRules {
    pub(super) allowed: Box<[Pattern]>,
    pub(super) denied: Box<[Pattern]>,
}

/// Rules by pattern, the most specific first.
#[derive(Debug)]
pub(super) struct Ranked<T>(pub(super) Box<[(Pattern, Arc<T>)]>);

impl Compiled {
    /// Whether it has no rule at all.
    pub(super) fn is_unrestricted(&self) -> bool {
        let lists = [&self.tools, &self.prompts, &self.resources];
        lists.iter().all(|rules| rules.allowed.is_empty() && rules.denied.is_empty())
            && !self.require_agent_id
            && self.roles.is_empty()
            && self.limits.0.is_empty()
            && self.windows.0.is_empty()
    }
}

impl Policy {
    /// The policy's name, as the audit record shows it.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Whether it has no rule at all.
    pub fn is_unrestricted(&self) -> bool {
        self.0.is_unrestricted()
    }

    /// Decides everything that depends on the target alone.
    pub fn bind(&self, subject: &Subject<'_>) -> Binding {
        Binding::new(&self.0, subject)
    }
}

impl SecurityPolicy {
    /// Compiles the policy under a name; `system_zone` is the zone of windows without `timezone`.
    ///
    /// # Errors
    ///
    /// Every problem of the policy, not only the first.
    pub fn compile(&self, name: &str, system_zone: &TimeZone) -> Result<Policy, Vec<PolicyProblem>> {
        let mut problems = Problems::default();
        if name.trim().is_empty() || name.chars().any(char::is_control) {
            problems.add("name", Some(name), "a policy has a name without control characters", None);
        }
        let compiled = Compiled {
            name: name.into(),
            tools: problems
                .name_rules(("allowed_tools", &self.allowed_tools), ("denied_tools", &self.denied_tools)),
            prompts: problems.name_rules(
                ("allowed_prompts", &self.allowed_prompts),
                ("denied_prompts", &self.denied_prompts),
            ),
            resources: problems.name_rules(
                ("allowed_resources", &self.allowed_resources),
                ("denied_resources", &self.denied_resources),
            ),
            require_agent_id: self.require_agent_id,
            roles: problems.roles(&self.allowed_roles),
            limits: problems.limits(name, &self.rate_limits),
            windows: problems.windows(&self.time_restrictions),
            zone: problems.zone(self, system_zone),
        };
        if problems.0.is_empty() { Ok(Policy(Arc::new(compiled))) } else { Err(problems.0) }
    }
}

/// Collects problems while compiling goes on.
#[derive(Default)]
struct Problems(Vec<PolicyProblem>);

impl Problems {
    fn add(&mut self, field: &str, entry: Option<&str>, message: impl Into<String>, help: Option<&str>) {
        self.0.push(PolicyProblem {
            field: field.to_owned(),
            entry: entry.map(str::to_owned),
            message: message.into(),
            help: help.map(str::to_owned),
        });
    }

    fn pattern(&mut self, field: &str, text: &str) -> Option<Pattern> {
        Pattern::new(text).map_err(|error| self.add(field, Some(text), error.message, Some(error.help))).ok()
    }

    fn name_rules(&mut self, allowed: (&str, &[String]), denied: (&str, &[String])) -> NameRules {
        let mut list = |(field, texts): (&str, &[String])| {
            texts.iter().filter_map(|text| self.pattern(field, text)).collect()
        };
        NameRules { allowed: list(allowed), denied: list(denied) }
    }

    fn roles(&mut self, texts: &[String]) -> Box<[Role]> {
        let mut parse = |text: &String| {
            Role::new(text)
                .map_err(|error| self.add("allowed_roles", Some(text), error.to_string(), None))
                .ok()
        };
        texts.iter().filter_map(&mut parse).collect()
    }

    fn limits(&mut self, policy: &str, rules: &[(String, String)]) -> Ranked<Limit> {
        const HELP: &str = "write for example `100/minute`; the units are second, minute, hour and day";
        self.ranked("rate_limits", HELP, rules, |pattern, text| {
            let quota = Quota::parse(text)?;
            // A pattern has no control characters, so that the last one separates the two.
            // The text, too: policies of one name that say different things must not share a bucket.
            let key = format!("{policy}\u{1f}{}\u{1f}{text}", pattern.as_str()).into();
            Ok(Limit { key, quota, text: text.into() })
        })
    }

    fn windows(&mut self, rules: &[(String, String)]) -> Ranked<Window> {
        const HELP: &str = "write for example `09:00-17:00` or `Mon-Fri 09:00-17:00`";
        self.ranked("time_restrictions", HELP, rules, |_, text| Window::parse(text))
    }

    fn ranked<T>(
        &mut self,
        field: &str,
        help: &str,
        rules: &[(String, String)],
        parse: impl Fn(&Pattern, &str) -> Result<T, String>,
    ) -> Ranked<T> {
        let mut ranked: Vec<(Pattern, Arc<T>)> = Vec::with_capacity(rules.len());
        for (pattern_text, text) in rules {
            let Some(pattern) = self.pattern(field, pattern_text) else { continue };
            match parse(&pattern, text) {
                Ok(rule) => ranked.push((pattern, Arc::new(rule))),
                Err(message) => self.add(field, Some(pattern_text), message, Some(help)),
            }
        }
        for (index, (pattern, _)) in ranked.iter().enumerate() {
            if ranked.iter().take(index).any(|(earlier, _)| earlier.means_the_same(pattern)) {
                let message = "there are two rules for the same pattern";
                self.add(field, Some(pattern.as_str()), message, Some("keep one"));
            }
        }
        ranked.sort_by(|(one, _), (other, _)| one.by_specificity(other));
        Ranked(ranked.into())
    }

    fn zone(&mut self, policy: &SecurityPolicy, system: &TimeZone) -> TimeZone {
        let Some(name) = &policy.timezone else {
            if system.is_unknown() && !policy.time_restrictions.is_empty() {
                let message = "the system's time zone is not known, so no time window can be decided";
                self.add("timezone", None, message, Some("write for example `timezone = \"Europe/Berlin\"`"));
            }
            return system.clone();
        };
        match TimeZone::get(name) {
            Ok(zone) if !zone.is_unknown() => zone,
            _ => {
                let help = "write an IANA name such as `UTC` or `Europe/Berlin`";
                self.add("timezone", Some(name), "there is no such time zone", Some(help));
                TimeZone::UTC
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::{Policy, SecurityPolicy};

    fn texts(items: &[&str]) -> Vec<String> {
        items.iter().map(|&item| item.to_owned()).collect()
    }

    fn pairs(items: &[(&str, &str)]) -> Vec<(String, String)> {
        items.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    #[test]
    fn all_problems_are_reported_at_once() {
        let policy = SecurityPolicy {
            allowed_tools: texts(&["read_*", "[x"]),
            denied_tools: texts(&[""]),
            allowed_prompts: texts(&["a\\*"]),
            denied_resources: texts(&["[z-a]"]),
            allowed_roles: texts(&["admin", " "]),
            rate_limits: pairs(&[("*", "0/minute"), ("a", "1/minute"), ("[", "1/minute")]),
            time_restrictions: pairs(&[("*", "09:00-09:00")]),
            timezone: Some("Mars/Olympus".to_owned()),
            ..SecurityPolicy::default()
        };
        let problems = policy.compile("p", &TimeZone::UTC).unwrap_err();
        let found: Vec<_> =
            problems.iter().map(|p| (p.field.as_str(), p.entry.as_deref().unwrap_or_default())).collect();
        assert_eq!(
            found,
            [
                ("allowed_tools", "[x"),
                ("denied_tools", ""),
                ("allowed_prompts", "a\\*"),
                ("denied_resources", "[z-a]"),
                ("allowed_roles", " "),
                ("rate_limits", "*"),
                ("rate_limits", "["),
                ("time_restrictions", "*"),
                ("timezone", "Mars/Olympus"),
            ]
        );
        assert_eq!(
            problems[5].to_string(),
            "rate_limits, `*`: a rate limit of zero would refuse every call; write for example `100/minute`; \
             the units are second, minute, hour and day"
        );
    }

    #[test]
    fn two_rules_for_one_pattern_are_a_problem() {
        for (one, other) in [("a*", "a*"), ("a*", "a**"), ("x", "x"), ("[ab]", "[ba]")] {
            let rate_limits = pairs(&[(one, "1/minute"), ("z?z", "5/day"), (other, "2/minute")]);
            let policy = SecurityPolicy { rate_limits, ..SecurityPolicy::default() };
            let problems = policy.compile("p", &TimeZone::UTC).unwrap_err();
            assert!(problems[0].message.contains("two rules"), "{one} {other}");
        }
        let rate_limits = pairs(&[("a*", "1/minute"), ("*a", "2/minute"), ("A*", "2/minute")]);
        assert!(
            SecurityPolicy { rate_limits, ..SecurityPolicy::default() }.compile("p", &TimeZone::UTC).is_ok()
        );
    }

    #[test]
    fn the_zone_must_be_known() {
        let mut policy = SecurityPolicy::business_hours();
        assert!(policy.compile("p", &TimeZone::unknown()).is_err());
        for name in ["", "Etc/Unknown", "../../etc/passwd", "/etc/localtime", "Europe/Berlin\0"] {
            policy.timezone = Some(name.to_owned());
            assert!(policy.compile("p", &TimeZone::UTC).is_err(), "{name:?}");
        }
        policy.timezone = Some("Europe/Berlin".to_owned());
        assert!(policy.compile("p", &TimeZone::unknown()).is_ok());
        assert!(SecurityPolicy::permissive().compile("p", &TimeZone::unknown()).is_ok());
    }

    #[test]
    fn a_policy_has_a_name() {
        assert!(SecurityPolicy::default().compile("", &TimeZone::UTC).is_err());
        assert!(SecurityPolicy::default().compile("a\u{1f}b", &TimeZone::UTC).is_err());
        assert_eq!(
            SecurityPolicy::default().compile("STRICT_POLICY", &TimeZone::UTC).unwrap().name(),
            "STRICT_POLICY"
        );
    }

    #[test]
    fn policies_can_be_shared() {
        fn shared<T: Send + Sync + Clone>() {}
        shared::<Policy>();
        shared::<crate::policy::Binding>();
    }
}
