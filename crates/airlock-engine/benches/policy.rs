//! What the authorize layer costs per call: the rate-limit decision in memory, binding and evaluating a
//! policy, and argument rules. `cargo bench -p airlock-engine --bench policy`
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot be set up should stop")]

use std::{path::PathBuf, time::Duration};

use airlock_engine::{
    caller::{AgentId, Caller, Role},
    json::{Bounds, Document},
    memory::MemoryStore,
    policy::{
        ArgumentRule, ArgumentRules, Policy, Quota, SecurityPolicy, Subject, TargetKind, UrlRule, fold,
    },
    ports::{Files, RateLimitStore, StoreAnswer, Take, Taken},
};
use divan::{Bencher, black_box};
use jiff::{Timestamp, tz::TimeZone};

fn main() {
    divan::main();
}

const NOW: Duration = Duration::from_secs(1_000_000);

fn take(store: &MemoryStore, takes: &[Take<'_>], now: Duration) -> bool {
    matches!(store.take(takes, now), StoreAnswer::Ready(Ok(Taken::Granted)))
}

fn callers(count: usize) -> Vec<String> {
    (0..count).map(|index| format!("agent-{index:08}")).collect()
}

/// A token is there; the caller is one of `count`, each in turn.
#[divan::bench(args = [1, 1_000, 100_000], sample_size = 1_000)]
fn rate_limit_granted(bencher: Bencher<'_, '_>, count: usize) {
    let (store, callers, quota) =
        (MemoryStore::new(count), callers(count), Quota::parse("4000000000/day").unwrap());
    for caller in &callers {
        take(&store, &[Take { limit: "production\u{1f}query_*", caller, quota }], NOW);
    }
    // A stride, so that neighbours in memory do not help.
    let mut turn = 0;
    bencher.bench_local(|| {
        turn = (turn + 7_919) % count;
        let caller = callers.get(turn).unwrap();
        take(&store, &[Take { limit: "production\u{1f}query_*", caller: black_box(caller), quota }], NOW)
    });
}

/// The bucket is empty.
#[divan::bench]
fn rate_limit_refused(bencher: Bencher<'_, '_>) {
    let (store, quota) = (MemoryStore::default(), Quota::parse("1/day").unwrap());
    let takes = [Take { limit: "production\u{1f}query_*", caller: "agent-1", quota }];
    take(&store, &takes, NOW);
    bencher.bench_local(|| take(&store, black_box(&takes), NOW));
}

/// Two limits at once, as when two policies apply.
#[divan::bench]
fn rate_limit_two_buckets(bencher: Bencher<'_, '_>) {
    let (store, quota) = (MemoryStore::default(), Quota::parse("4000000000/day").unwrap());
    let takes = ["one\u{1f}*", "two\u{1f}*"].map(|limit| Take { limit, caller: "agent-1", quota });
    bencher.bench_local(|| take(&store, black_box(&takes), NOW));
}

/// A full store whose buckets are all in use: the newcomer is refused.
#[divan::bench]
fn rate_limit_store_full(bencher: Bencher<'_, '_>) {
    let (store, callers, quota) =
        (MemoryStore::new(100_000), callers(100_000), Quota::parse("10/day").unwrap());
    for caller in &callers {
        take(&store, &[Take { limit: "l", caller, quota }], NOW);
    }
    let mut now = NOW;
    bencher.bench_local(|| {
        now += Duration::from_micros(1);
        take(&store, &[Take { limit: "l", caller: black_box("newcomer"), quota }], now)
    });
}

/// A policy with every kind of rule, `rules` of each.
fn policy(rules: usize) -> Policy {
    let numbered = |prefix: &str, count: usize| {
        (0..count).map(|index| format!("{prefix}_{index}_*")).collect::<Vec<_>>()
    };
    let valued = |prefix: &str, value: &str| {
        numbered(prefix, rules).into_iter().map(|pattern| (pattern, value.to_owned())).collect::<Vec<_>>()
    };
    SecurityPolicy {
        allowed_tools: [numbered("read", rules), vec!["query_*".to_owned()]].concat(),
        denied_tools: numbered("*delete", rules),
        require_agent_id: true,
        allowed_roles: vec!["developer".to_owned(), "analyst".to_owned()],
        rate_limits: [valued("write", "10/minute"), vec![("*".to_owned(), "1000/hour".to_owned())]].concat(),
        time_restrictions: [valued("write", "09:00-17:00"), vec![("*".to_owned(), "00:00-23:59".to_owned())]]
            .concat(),
        timezone: Some("Europe/Berlin".to_owned()),
        ..SecurityPolicy::default()
    }
    .compile("production", &TimeZone::UTC)
    .unwrap()
}

fn caller() -> Caller {
    Caller {
        agent_id: AgentId::new("agent-1").ok(),
        roles: vec![Role::new("analyst").unwrap()],
        ..Caller::anonymous()
    }
}

fn noon() -> Timestamp {
    "2026-01-31T12:00:00Z".parse().unwrap()
}

const NAME: &str = "query_customer_database";

/// Once per target.
#[divan::bench(args = [1, 10, 100])]
fn bind(bencher: Bencher<'_, '_>, rules: usize) {
    let (policy, folded) = (policy(rules), fold(NAME));
    bencher.bench_local(|| {
        policy.bind(black_box(&Subject { kind: TargetKind::Tool, name: NAME, folded: &folded }))
    });
}

/// Once per call; flat in the number of rules.
#[divan::bench(args = [1, 10, 100])]
fn evaluate(bencher: Bencher<'_, '_>, rules: usize) {
    let binding = policy(rules).bind(&Subject { kind: TargetKind::Tool, name: NAME, folded: NAME });
    let (caller, now) = (caller(), noon());
    bencher.bench_local(|| binding.evaluate(black_box(&caller), now, &mut |_, _| ()).is_ok());
}

/// A refusal, with its message.
#[divan::bench]
fn evaluate_refused(bencher: Bencher<'_, '_>) {
    let binding = policy(10).bind(&Subject { kind: TargetKind::Tool, name: NAME, folded: NAME });
    let (anonymous, now) = (Caller::anonymous(), noon());
    bencher.bench_local(|| binding.evaluate(black_box(&anonymous), now, &mut |_, _| ()).is_err());
}

/// A port that resolves nothing, so that only the rules are measured.
struct Plain;

impl Files for Plain {
    fn resolve(&self, path: &str) -> Option<PathBuf> {
        Some(PathBuf::from(path))
    }
}

fn check(bencher: Bencher<'_, '_>, rule: &ArgumentRule, json: &str) {
    let rules = ArgumentRules::compile("value", rule).unwrap();
    let document = Document::parse(json.as_bytes(), &Bounds::DEFAULT).unwrap();
    assert_eq!(rules.check(document.root(), &Plain), Ok(()));
    bencher.bench_local(|| rules.check(black_box(document.root()), &Plain).is_ok());
}

#[divan::bench]
fn argument_within(bencher: Bencher<'_, '_>) {
    let rule = ArgumentRule { within: vec!["/data".to_owned()], ..ArgumentRule::default() };
    check(bencher, &rule, r#"{"value":"/data/reports/2026/january.csv"}"#);
}

#[divan::bench]
fn argument_url(bencher: Bencher<'_, '_>) {
    let rule = ArgumentRule { url: Some(UrlRule::default()), ..ArgumentRule::default() };
    check(bencher, &rule, r#"{"value":"https://api.example.com/v1/reports?year=2026"}"#);
}

#[divan::bench]
fn argument_max(bencher: Bencher<'_, '_>) {
    let rule = ArgumentRule { max: Some(1_000.into()), ..ArgumentRule::default() };
    check(bencher, &rule, r#"{"value":250}"#);
}
