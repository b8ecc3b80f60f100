//! What must hold for every policy, whatever its rules.

use jiff::{Timestamp, tz::TimeZone};
use proptest::prelude::*;

use super::{Limit, Pattern, SecurityPolicy, Subject, TargetKind, fold};
use crate::{
    caller::{AgentId, Caller, Role},
    code::Code,
};

const NAME: &str = "(delete|Delete|d\u{435}lete|read|get)_(user|all|\u{200b}user)|[ab]{1,3}|\\PC{0,6}";
const PATTERN: &str =
    "(delete|DELETE|read|get)_(\\*|user|\\?{3})|\\*|\\*_all|[ab*?]{1,3}|\\[ab\\][ab]|[!-~]{1,4}";
const WINDOW: &str = "([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]|(Mon|Sat-Mon|Tue,Thu) (0[0-9]|1[0-9]):00-2[0-3]:30";

fn pattern() -> impl Strategy<Value = String> {
    PATTERN.prop_filter("a pattern", |text| Pattern::new(text).is_ok())
}

fn rules(value: impl Strategy<Value = String>) -> impl Strategy<Value = Vec<(String, String)>> {
    prop::collection::vec((pattern(), value), 0..4)
}

fn window() -> impl Strategy<Value = String> {
    WINDOW.prop_filter("a window", |text| super::Window::parse(text).is_ok())
}

fn list() -> impl Strategy<Value = Vec<String>> {
    prop_oneof![2 => Just(Vec::new()), 3 => prop::collection::vec(pattern(), 1..4)]
}

prop_compose! {
    fn policies()(
        lists in [list(), list(), list(), list(), list(), list()],
        require_agent_id in prop::bool::weighted(0.3),
        allowed_roles in prop_oneof![Just(Vec::new()), prop::collection::vec("[xyz]", 1..3)],
        rate_limits in rules("[1-9]/(second|hour)"),
        time_restrictions in rules(window()),
    ) -> SecurityPolicy {
        let [allowed_tools, denied_tools, allowed_prompts, denied_prompts, allowed_resources, denied_resources] = lists;
        SecurityPolicy {
            allowed_tools, denied_tools, allowed_prompts, denied_prompts, allowed_resources, denied_resources,
            require_agent_id, allowed_roles, rate_limits, time_restrictions, timezone: None,
        }
    }
}

/// A call: what, by whom and when.
#[derive(Clone, Debug)]
struct Call {
    kind: TargetKind,
    name: String,
    caller: Caller,
    time: Timestamp,
}

prop_compose! {
    fn calls()(
        kind in prop::sample::select(&TargetKind::ALL[..]),
        name in NAME,
        agent in prop::option::of("[a-c]"),
        roles in prop::collection::vec("[xyz]", 0..3),
        second in 1_700_000_000_i64..1_800_000_000,
    ) -> Call {
        let caller = Caller {
            agent_id: agent.and_then(|agent| AgentId::new(&agent).ok()),
            roles: roles.iter().filter_map(|role| Role::new(role).ok()).collect(),
            ..Caller::anonymous()
        };
        Call { kind, name, caller, time: Timestamp::from_second(second).unwrap() }
    }
}

/// The limit of an admitted call, or why it is refused. `None` when the random rules are no policy, which
/// two rules for one pattern are.
fn decide(policy: &SecurityPolicy, call: &Call) -> Option<Result<Option<Limit>, Code>> {
    let policy = policy.compile("p", &TimeZone::UTC).ok()?;
    let binding = policy.bind(&Subject { kind: call.kind, name: &call.name, folded: &fold(&call.name) });
    let result = binding.evaluate(&call.caller, call.time, &mut |_, _| ());
    Some(result.map(Option::<&Limit>::cloned).map_err(|rejection| rejection.code()))
}

/// Ways to make a policy stricter.
fn stricter(
    policy: &SecurityPolicy,
    call: &Call,
    pattern: &str,
    window: &str,
    role: &str,
) -> Vec<SecurityPolicy> {
    let mut results = Vec::new();
    let mut with = |change: &dyn Fn(&mut SecurityPolicy)| {
        let mut changed = policy.clone();
        change(&mut changed);
        results.push(changed);
    };
    with(&|policy| policy.denied_tools.push(pattern.to_owned()));
    with(&|policy| policy.denied_prompts.push(pattern.to_owned()));
    with(&|policy| policy.denied_resources.push(pattern.to_owned()));
    with(&|policy| policy.require_agent_id = true);
    if policy.allowed_roles.is_empty() {
        with(&|policy| policy.allowed_roles.push(role.to_owned()));
    }
    for list in [
        (|policy| &mut policy.allowed_tools) as fn(&mut SecurityPolicy) -> &mut Vec<String>,
        |policy| &mut policy.allowed_prompts,
        |policy| &mut policy.allowed_resources,
    ] {
        with(&|policy| {
            let list = list(policy);
            if list.is_empty() {
                list.push(pattern.to_owned());
            }
        });
    }
    let qualified = format!("{}{}", call.kind.prefix(), call.name);
    let covered = policy.time_restrictions.iter().any(|(pattern, _)| {
        Pattern::new(pattern)
            .is_ok_and(|pattern| pattern.matches(&qualified) || pattern.matches_folded(&fold(&qualified)))
    });
    if !covered {
        with(&|policy| policy.time_restrictions.push((pattern.to_owned(), window.to_owned())));
    }
    with(&|policy| policy.rate_limits.push((pattern.to_owned(), "1/day".to_owned())));
    results
}

proptest! {
    #[test]
    fn a_stricter_policy_never_admits_more(
        policy in policies(), call in calls(), pattern in pattern(), window in window(), role in "[xyz]",
    ) {
        let before = decide(&policy, &call);
        for changed in stricter(&policy, &call, &pattern, &window, &role) {
            let after = decide(&changed, &call);
            if let (Some(Err(_)), Some(after)) = (&before, &after) {
                prop_assert!(after.is_err(), "{changed:?}");
            }
            if let (Some(Ok(Some(_))), Some(Ok(after))) = (&before, &after) {
                prop_assert!(after.is_some(), "a limit got lost: {changed:?}");
            }
        }
    }

    #[test]
    fn deny_beats_allow(mut policy in policies(), call in calls(), name in "(delete|Read|ge\u{442})_(user|all)|[ab]{1,3}") {
        let kind = if call.kind == TargetKind::Completion { TargetKind::Tool } else { call.kind };
        let call = Call { kind, name: name.clone(), ..call };
        for list in [&mut policy.allowed_tools, &mut policy.allowed_prompts, &mut policy.allowed_resources] {
            list.push(name.clone());
        }
        for list in [&mut policy.denied_tools, &mut policy.denied_prompts, &mut policy.denied_resources] {
            list.push(name.clone());
        }
        prop_assert!(!matches!(decide(&policy, &call), Some(Ok(_))));
        // In any other spelling as well.
        let shouted = Call { name: name.to_uppercase(), ..call };
        if fold(&shouted.name) == fold(&name) {
            prop_assert!(!matches!(decide(&policy, &shouted), Some(Ok(_))));
        }
    }

    #[test]
    fn the_order_of_rules_decides_nothing(policy in policies(), call in calls()) {
        let mut reversed = policy.clone();
        for list in [
            &mut reversed.allowed_tools, &mut reversed.denied_tools, &mut reversed.allowed_prompts,
            &mut reversed.denied_prompts, &mut reversed.allowed_resources, &mut reversed.denied_resources,
            &mut reversed.allowed_roles,
        ] {
            list.reverse();
        }
        reversed.rate_limits.reverse();
        reversed.time_restrictions.reverse();
        let mut other_caller = call.clone();
        other_caller.caller.roles.reverse();
        prop_assert_eq!(decide(&policy, &call), decide(&reversed, &other_caller));
        prop_assert_eq!(decide(&policy, &call), decide(&policy, &call));
    }

    #[test]
    fn a_trick_with_the_name_never_undoes_a_deny(
        policy in policies(), call in calls(), name in "(delete|Read|get)_(user|all)|[ab]{1,3}",
    ) {
        let call = Call { name, ..call };
        let before = decide(&policy, &call);
        for trick in [
            call.name.to_uppercase(),
            format!("{}\u{200b}", call.name),
            call.name.replace('e', "\u{435}").replace('a', "\u{430}"),
        ] {
            if let Some(Err(Code::ToolDenied)) = before {
                let tricked = decide(&policy, &Call { name: trick.clone(), ..call.clone() });
                // A pattern with a set may name capitals or lower-case letters on purpose.
                let sets = [&policy.denied_tools, &policy.denied_prompts, &policy.denied_resources];
                if !sets.iter().any(|list| list.iter().any(|pattern| pattern.contains('['))) {
                    prop_assert!(matches!(tricked, Some(Err(_))), "{trick:?}");
                }
            }
        }
    }
}
