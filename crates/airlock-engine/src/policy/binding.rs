//! A policy bound to one target, and the evaluation of calls.

use std::sync::Arc;

use jiff::Timestamp;

use super::{
    Pattern, Quota, Subject, TargetKind, Window,
    fold::{fold, fold_capitals, is_invisible},
    resource,
    security_policy::{Compiled, NameRules, Ranked},
};
use crate::{caller::Caller, code::Code, rejection::Rejection};

/// The checks of the authorize layer, in their order.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Check {
    /// The policy requires an agent id.
    AgentId,
    /// The policy requires one of some roles.
    Role,
    /// The target is on a deny list.
    DeniedTools,
    /// The target is on the allow list.
    AllowedTools,
    /// The time lies inside the window.
    TimeWindow,
    /// The arguments keep to the rules for them.
    ArgumentRules,
    /// The caller has quota left.
    RateLimit,
}

impl Check {
    /// The checks that a [`Binding`] decides, in the order it decides them.
    const OF_BINDING: [Self; 5] =
        [Self::AgentId, Self::Role, Self::DeniedTools, Self::AllowedTools, Self::TimeWindow];

    /// The field of the policy that it is about.
    pub fn name(self) -> &'static str {
        match self {
            Self::AgentId => "require_agent_id",
            Self::Role => "allowed_roles",
            Self::DeniedTools => "denied_tools",
            Self::AllowedTools => "allowed_tools",
            Self::TimeWindow => "time_restrictions",
            Self::ArgumentRules => "arguments",
            Self::RateLimit => "rate_limits",
        }
    }
}

/// How a check ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// There is a rule and the call keeps to it.
    Passed,
    /// There is no rule.
    NotApplicable,
    /// The call breaks the rule.
    Refused(Code),
}

/// What a call takes from the store of the rate limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Policy and pattern: which limit it is, unique within an engine whose policies have unique names.
    pub key: Arc<str>,
    /// Capacity and refill.
    pub quota: Quota,
    /// The quota as it was written.
    pub text: Box<str>,
}

/// What the lists say about a target.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Listing {
    /// There is no list.
    NoList,
    /// The pattern of the list that matches first.
    On(Box<str>),
    /// Nothing on the list matches.
    Off,
}

/// A policy as it applies to one target. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Binding {
    policy: Arc<Compiled>,
    kind: TargetKind,
    qualified: Box<str>,
    denied: Listing,
    allowed: Listing,
    window: Option<Arc<Window>>,
    limit: Option<Arc<Limit>>,
}

impl Binding {
    pub(super) fn new(policy: &Arc<Compiled>, subject: &Subject<'_>) -> Self {
        let (denied, allowed) = match subject.kind {
            TargetKind::Tool => lists(&policy.tools, subject),
            TargetKind::Prompt => lists(&policy.prompts, subject),
            TargetKind::Resource => {
                let (denied, allowed) = lists(&policy.resources, subject);
                let has_rules = denied != Listing::NoList || allowed != Listing::NoList;
                // A rule on the text of a URI decides nothing about one that can be read in another way.
                let denied = if has_rules && !resource::is_plain(subject.name) {
                    Listing::On(resource::NOT_PLAIN.into())
                } else {
                    denied
                };
                (denied, allowed)
            }
            // What a completion completes is judged when it is called.
            TargetKind::Completion => (Listing::NoList, Listing::NoList),
        };
        let qualified = format!("{}{}", subject.kind.prefix(), subject.name);
        let names = Names::new(&qualified);
        Self {
            policy: Arc::clone(policy),
            kind: subject.kind,
            denied,
            allowed,
            window: policy.windows.most_specific(&names),
            limit: policy.limits.most_specific(&names),
            qualified: qualified.into(),
        }
    }

    /// Whether the policy has no rule at all.
    pub(crate) fn is_unrestricted(&self) -> bool {
        self.policy.is_unrestricted()
    }

    /// The name of the policy.
    pub fn policy(&self) -> &str {
        &self.policy.name
    }

    /// Whether a list of targets may show this one to `caller`: role and lists, nothing that passes with
    /// time. Without an agent id the list is shown, so that a call is answered with what is missing.
    pub fn may_see(&self, caller: &Caller) -> bool {
        [Check::Role, Check::DeniedTools, Check::AllowedTools]
            .into_iter()
            .all(|check| !matches!(self.verdict(check, caller, Timestamp::UNIX_EPOCH), Verdict::Refused(_)))
    }

    /// Decides a call of `caller` at `now`, and returns the limit to take a token from last of all.
    ///
    /// Pure: the same call at the same time is decided the same way. `trace` is told of each check in order,
    /// up to the first that refuses.
    ///
    /// # Errors
    ///
    /// The rejection of the first check that refuses.
    pub fn evaluate(
        &self,
        caller: &Caller,
        now: Timestamp,
        trace: &mut dyn FnMut(Check, Verdict),
    ) -> Result<Option<&Limit>, Rejection> {
        for check in Check::OF_BINDING {
            let verdict = self.verdict(check, caller, now);
            trace(check, verdict);
            if let Verdict::Refused(code) = verdict {
                return Err(self.rejection(code));
            }
        }
        Ok(self.limit.as_deref())
    }

    fn verdict(&self, check: Check, caller: &Caller, now: Timestamp) -> Verdict {
        let rule = |exists: bool, kept: bool, code| match (exists, kept) {
            (false, _) => Verdict::NotApplicable,
            (true, true) => Verdict::Passed,
            (true, false) => Verdict::Refused(code),
        };
        match check {
            Check::AgentId => {
                rule(self.policy.require_agent_id, caller.agent_id.is_some(), Code::AgentRequired)
            }
            Check::Role => {
                let accepted = &self.policy.roles;
                let held = caller.roles.iter().any(|role| accepted.contains(role));
                rule(!accepted.is_empty(), held, Code::RoleRequired)
            }
            Check::DeniedTools => {
                rule(self.denied != Listing::NoList, self.denied == Listing::Off, Code::ToolDenied)
            }
            Check::AllowedTools => {
                rule(self.allowed != Listing::NoList, self.allowed != Listing::Off, Code::ToolNotAllowed)
            }
            Check::TimeWindow => self.window.as_ref().map_or(Verdict::NotApplicable, |window| {
                rule(true, window.contains(self.policy.zone.to_datetime(now)), Code::TimeRestricted)
            }),
            Check::ArgumentRules | Check::RateLimit => Verdict::NotApplicable,
        }
    }

    fn rejection(&self, code: Code) -> Rejection {
        let (kind, target) = (self.kind.word(), printable(&self.qualified));
        let rejection = Rejection::new(code).for_tool(&target);
        match code {
            Code::AgentRequired => rejection.with_message(format!(
                "policy `{}` requires an agent id and the caller has none",
                self.policy()
            )),
            Code::RoleRequired => {
                let roles: Vec<_> = self.policy.roles.iter().map(|role| format!("`{role}`")).collect();
                rejection
                    .with_message(format!(
                        "policy `{}` requires a role that the caller does not hold",
                        self.policy()
                    ))
                    .with_hint(format!("the accepted roles are {}", roles.join(", ")))
            }
            Code::ToolDenied => {
                let Listing::On(pattern) = &self.denied else { return rejection };
                rejection
                    .with_message(format!("policy `{}` denies the {kind} `{target}`", self.policy()))
                    .with_hint(format!("everything that matches `{pattern}` is denied, in any spelling"))
            }
            Code::ToolNotAllowed => rejection
                .with_message(format!("policy `{}` does not allow the {kind} `{target}`", self.policy())),
            Code::TimeRestricted => {
                let Some(window) = &self.window else { return rejection };
                let zone = self.policy.zone.iana_name().unwrap_or("the local zone");
                rejection
                    .with_message(format!(
                        "policy `{}` does not allow the {kind} `{target}` at this time",
                        self.policy()
                    ))
                    .with_hint(format!("the time window is `{window}` ({zone})"))
            }
            _ => rejection,
        }
    }
}

/// The deny list matches the name in all its spellings, the allow list only as it is.
fn lists(rules: &NameRules, subject: &Subject<'_>) -> (Listing, Listing) {
    let other = fold_capitals(subject.name);
    let forbids = |pattern: &&Pattern| {
        pattern.matches(subject.name)
            || pattern.matches_folded(subject.folded)
            || other.as_deref().is_some_and(|other| pattern.matches_folded(other))
    };
    let listing = |list: &[Pattern], found: Option<&Pattern>| match found {
        _ if list.is_empty() => Listing::NoList,
        Some(pattern) => Listing::On(pattern.as_str().into()),
        None => Listing::Off,
    };
    // The least text, so that the order of the list decides nothing, not even the hint.
    let least = |one: &&Pattern, other: &&Pattern| one.by_specificity(other);
    let denied = rules.denied.iter().filter(forbids).min_by(least);
    let allowed = rules.allowed.iter().filter(|pattern| pattern.matches(subject.name)).min_by(least);
    (listing(&rules.denied, denied), listing(&rules.allowed, allowed))
}

/// The spellings under which a pattern of a limit or window may match a qualified name.
struct Names<'a> {
    exact: &'a str,
    folded: String,
    capitals: Option<String>,
}

impl<'a> Names<'a> {
    fn new(exact: &'a str) -> Self {
        Self { exact, folded: fold(exact), capitals: fold_capitals(exact) }
    }

    fn match_folded(&self, pattern: &Pattern) -> bool {
        pattern.matches_folded(&self.folded)
            || self.capitals.as_deref().is_some_and(|capitals| pattern.matches_folded(capitals))
    }
}

impl<T> Ranked<T> {
    /// The rule of the name itself, else the most specific rule whose pattern matches the name in any
    /// spelling. If spellings counted only where nothing else matches, `Delete_x` would escape a limit on
    /// `delete_*` by way of `*`.
    fn most_specific(&self, names: &Names<'_>) -> Option<Arc<T>> {
        let itself = self.0.iter().find(|(pattern, _)| pattern.is_exact() && pattern.matches(names.exact));
        let any =
            || self.0.iter().find(|(pattern, _)| pattern.matches(names.exact) || names.match_folded(pattern));
        itself.or_else(any).map(|(_, rule)| Arc::clone(rule))
    }
}

/// A name as it may be shown: without invisible characters, and not too long.
fn printable(name: &str) -> String {
    const MAX_SHOWN_CHARS: usize = 128;
    name.chars().filter(|&c| !is_invisible(c)).take(MAX_SHOWN_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use jiff::{Timestamp, tz::TimeZone};

    use super::{Binding, Check, Verdict};
    use crate::{
        caller::{AgentId, Caller, Role},
        code::Code,
        policy::{SecurityPolicy, Subject, TargetKind, fold},
        rejection::Rejection,
    };

    fn texts(items: &[&str]) -> Vec<String> {
        items.iter().map(|&item| item.to_owned()).collect()
    }

    fn pairs(items: &[(&str, &str)]) -> Vec<(String, String)> {
        items.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    fn bind(policy: &SecurityPolicy, kind: TargetKind, name: &str) -> Binding {
        policy.compile("p", &TimeZone::UTC).unwrap().bind(&Subject { kind, name, folded: &fold(name) })
    }

    fn noon() -> Timestamp {
        "2026-01-31T12:00:00Z".parse().unwrap()
    }

    fn refusal(policy: &SecurityPolicy, kind: TargetKind, name: &str, caller: &Caller) -> Option<Rejection> {
        bind(policy, kind, name).evaluate(caller, noon(), &mut |_, _| ()).err()
    }

    fn tool(policy: &SecurityPolicy, name: &str) -> Option<Code> {
        refusal(policy, TargetKind::Tool, name, &Caller::anonymous()).map(|rejection| rejection.code())
    }

    fn limit(policy: &SecurityPolicy, kind: TargetKind, name: &str) -> Option<String> {
        let binding = bind(policy, kind, name);
        let limit = binding.evaluate(&Caller::anonymous(), noon(), &mut |_, _| ()).unwrap();
        limit.map(|limit| limit.text.to_string())
    }

    #[test]
    fn deny_beats_allow_and_sees_through_tricks() {
        let policy = SecurityPolicy {
            allowed_tools: texts(&["*"]),
            denied_tools: texts(&["delete_*", "DROP_TABLE", "[Tt]runcate", "Ignore*"]),
            ..SecurityPolicy::default()
        };
        for name in [
            "delete_user",
            "Delete_user",
            "DELETE_USER",
            "delete\u{200b}_user",
            "ｄｅｌｅｔｅ_user",
            "d\u{435}lete_user",
            "drop_table",
            "Drop_Table",
            "TRU\u{39d}CATE",
            "ignore_all",
        ] {
            assert_eq!(tool(&policy, name), Some(Code::ToolDenied), "{name:?}");
        }
        for name in ["undelete_user", "delete", "drop_tables", "read"] {
            assert_eq!(tool(&policy, name), None, "{name:?}");
        }
    }

    #[test]
    fn allow_means_the_exact_name() {
        let policy = SecurityPolicy { allowed_tools: texts(&["read_*"]), ..SecurityPolicy::default() };
        assert_eq!(tool(&policy, "read_file"), None);
        for name in ["Read_file", "read\u{200b}_file", "ｒead_file", "r\u{435}ad_file", "unread_file", ""] {
            assert_eq!(tool(&policy, name), Some(Code::ToolNotAllowed), "{name:?}");
        }
    }

    #[test]
    fn the_checks_come_in_order_and_stop_at_the_first_refusal() {
        let policy = SecurityPolicy {
            require_agent_id: true,
            allowed_roles: texts(&["analyst"]),
            denied_tools: texts(&["x*"]),
            allowed_tools: texts(&["a*"]),
            time_restrictions: pairs(&[("*", "09:00-10:00")]),
            ..SecurityPolicy::default()
        };
        let mut caller = Caller::anonymous();
        let mut steps = vec![("xa", "anonymous")];
        let mut refusals = Vec::new();
        let mut ask = |name: &str, caller: &Caller| {
            let mut checks = Vec::new();
            let binding = bind(&policy, TargetKind::Tool, name);
            let result =
                binding.evaluate(caller, noon(), &mut |check, verdict| checks.push((check, verdict)));
            let code = result.unwrap_err().code();
            assert_eq!(checks.last().unwrap().1, Verdict::Refused(code));
            assert!(checks[..checks.len() - 1].iter().all(|(_, verdict)| *verdict == Verdict::Passed));
            assert!(
                checks.iter().map(|(check, _)| *check).eq(Check::OF_BINDING.into_iter().take(checks.len()))
            );
            refusals.push(code);
        };
        ask("xa", &caller);
        caller.agent_id = AgentId::new("agent").ok();
        steps.push(("xa", "agent"));
        ask("xa", &caller);
        caller.roles = vec![Role::new("other").unwrap()];
        ask("xa", &caller);
        caller.roles.push(Role::new("analyst").unwrap());
        ask("xa", &caller);
        ask("b", &caller);
        ask("a", &caller);
        assert_eq!(
            refusals,
            [
                Code::AgentRequired,
                Code::RoleRequired,
                Code::RoleRequired,
                Code::ToolDenied,
                Code::ToolNotAllowed,
                Code::TimeRestricted,
            ]
        );
    }

    #[test]
    fn without_rules_nothing_applies() {
        let mut verdicts = Vec::new();
        let binding = bind(&SecurityPolicy::permissive(), TargetKind::Tool, "x");
        let result = binding.evaluate(&Caller::anonymous(), noon(), &mut |_, verdict| verdicts.push(verdict));
        assert_eq!(result, Ok(None));
        assert_eq!(verdicts, [Verdict::NotApplicable; 5]);
    }

    #[test]
    fn roles_are_compared_exactly() {
        let policy = SecurityPolicy { allowed_roles: texts(&["admin"]), ..SecurityPolicy::default() };
        for (role, allowed) in [("admin", true), ("Admin", false), ("admin2", false), ("adm", false)] {
            let caller = Caller { roles: vec![Role::new(role).unwrap()], ..Caller::anonymous() };
            assert_eq!(refusal(&policy, TargetKind::Tool, "x", &caller).is_none(), allowed, "{role}");
        }
    }

    #[test]
    fn each_kind_has_lists_of_its_own() {
        let policy = SecurityPolicy {
            denied_tools: texts(&["secret"]),
            allowed_prompts: texts(&["greet"]),
            denied_resources: texts(&["file:///etc/*"]),
            ..SecurityPolicy::default()
        };
        let code =
            |kind, name| refusal(&policy, kind, name, &Caller::anonymous()).map(|rejection| rejection.code());
        for (kind, name, expected) in [
            (TargetKind::Tool, "secret", Some(Code::ToolDenied)),
            (TargetKind::Tool, "greet", None),
            (TargetKind::Prompt, "secret", Some(Code::ToolNotAllowed)),
            (TargetKind::Prompt, "greet", None),
            (TargetKind::Resource, "file:///etc/passwd", Some(Code::ToolDenied)),
            (TargetKind::Resource, "FILE:///etc/passwd", Some(Code::ToolDenied)),
            (TargetKind::Resource, "file:///data/x", None),
            (TargetKind::Completion, "secret", None),
        ] {
            assert_eq!(code(kind, name), expected, "{kind:?} {name}");
        }
        let strict = SecurityPolicy::strict();
        for kind in TargetKind::ALL {
            let code = refusal(&strict, kind, "x", &Caller::anonymous()).unwrap().code();
            assert_eq!(code, Code::AgentRequired, "{kind:?}");
        }
    }

    #[test]
    fn the_most_specific_limit_counts_whatever_the_order() {
        let mut rules = [
            ("*", "1/day"),
            ("query_*", "2/day"),
            ("[q]uery_database", "3/day"),
            ("query_database", "4/day"),
            ("prompt:*", "5/day"),
            ("delete_*", "6/day"),
        ];
        for _ in 0..rules.len() {
            rules.rotate_left(1);
            let policy = SecurityPolicy { rate_limits: pairs(&rules), ..SecurityPolicy::default() };
            for (kind, name, expected) in [
                (TargetKind::Tool, "query_database", "4/day"),
                (TargetKind::Tool, "query_x", "2/day"),
                (TargetKind::Tool, "other", "1/day"),
                (TargetKind::Prompt, "query_database", "5/day"),
                (TargetKind::Resource, "file:///x", "1/day"),
                (TargetKind::Completion, "query_database", "1/day"),
                // A trick leads to the same limit, never past it.
                (TargetKind::Tool, "Delete_all", "6/day"),
                (TargetKind::Tool, "delete\u{200b}_all", "6/day"),
                (TargetKind::Tool, "QUERY_DATABASE", "4/day"),
            ] {
                assert_eq!(limit(&policy, kind, name).as_deref(), Some(expected), "{name}");
            }
        }
    }

    #[test]
    fn a_name_of_its_own_beats_its_other_spellings() {
        let policy = SecurityPolicy {
            rate_limits: pairs(&[("Query", "1/day"), ("query", "2/day")]),
            ..SecurityPolicy::default()
        };
        assert_eq!(limit(&policy, TargetKind::Tool, "Query").as_deref(), Some("1/day"));
        assert_eq!(limit(&policy, TargetKind::Tool, "query").as_deref(), Some("2/day"));
    }

    #[test]
    fn limits_of_different_policies_and_patterns_are_apart() {
        let policy = SecurityPolicy {
            rate_limits: pairs(&[("a", "1/day"), ("*", "1/day")]),
            ..SecurityPolicy::default()
        };
        let mut keys = Vec::new();
        // Compiled anew it is the same limit, or a policy made for each call would never limit.
        for (policy_name, tool) in [("p", "a"), ("p", "b"), ("q", "a"), ("p", "a")] {
            let subject = Subject { kind: TargetKind::Tool, name: tool, folded: tool };
            let binding = policy.compile(policy_name, &TimeZone::UTC).unwrap().bind(&subject);
            let limit = binding.evaluate(&Caller::anonymous(), noon(), &mut |_, _| ()).unwrap().cloned();
            keys.push(limit.unwrap().key);
        }
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), 3);
    }

    #[test]
    fn windows_are_read_in_the_zone_of_the_policy() {
        let mut policy = SecurityPolicy {
            time_restrictions: pairs(&[("write_*", "09:00-17:00"), ("write_log", "00:00-24:00")]),
            timezone: Some("Asia/Tokyo".to_owned()),
            ..SecurityPolicy::default()
        };
        // 12:00 UTC is 21:00 in Tokyo.
        assert_eq!(tool(&policy, "write_file"), Some(Code::TimeRestricted));
        assert_eq!(tool(&policy, "Write_file"), Some(Code::TimeRestricted));
        assert_eq!(tool(&policy, "write_log"), None);
        assert_eq!(tool(&policy, "read"), None);
        policy.timezone = Some("America/New_York".to_owned());
        assert_eq!(tool(&policy, "write_file"), Some(Code::TimeRestricted), "07:00");
        policy.timezone = None;
        assert_eq!(tool(&policy, "write_file"), None, "the given zone, UTC");
    }

    #[test]
    fn rejections_help_and_name_the_target() {
        let policy = SecurityPolicy {
            denied_tools: texts(&["rm"]),
            time_restrictions: pairs(&[("*", "Mon 09:00-10:00")]),
            timezone: Some("Europe/Berlin".to_owned()),
            ..SecurityPolicy::default()
        };
        let anonymous = Caller::anonymous();
        let rejection = refusal(&policy, TargetKind::Tool, "R\u{200b}M", &anonymous).unwrap();
        assert_eq!(rejection.message(), "policy `p` denies the tool `RM`");
        assert!(rejection.fix_hints()[0].contains("`rm`"));
        let rejection = refusal(&policy, TargetKind::Prompt, "x", &anonymous).unwrap();
        assert_eq!(rejection.message(), "policy `p` does not allow the prompt `prompt:x` at this time");
        assert_eq!(rejection.fix_hints(), ["the time window is `Mon 09:00-10:00` (Europe/Berlin)"]);
        assert!(rejection.to_agent_json().contains(r#""tool":"prompt:x""#));
        let policy =
            SecurityPolicy { allowed_roles: texts(&["analyst", "developer"]), ..SecurityPolicy::default() };
        let rejection = refusal(&policy, TargetKind::Tool, "x", &anonymous).unwrap();
        assert_eq!(rejection.fix_hints(), ["the accepted roles are `analyst`, `developer`"]);
    }
}
