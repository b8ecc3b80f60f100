//! What the author of a tool asks for, on top of the configuration.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use airlock_engine::{
    AgentId, Airlock, Caller, Code, Permit, RawCall, RawOutput, Rejection, SandboxNeed, StepOutcome,
    TargetKind, ToolSettings,
    config::AirlockConfig,
    policy::{ArgumentRule, ArgumentRules, Policy, SecurityPolicy},
};
use airlock_testkit::{FakeAudit, engine};
use jiff::tz::TimeZone;
use serde_json::{Value, json};

const SCHEMA: &str = r#"{"type":"object","properties":{"path":{"type":"string"}}}"#;

fn policy(name: &str, written: &SecurityPolicy) -> Policy {
    written.compile(name, &TimeZone::UTC).unwrap()
}

fn admit(
    airlock: &Airlock,
    settings: &ToolSettings,
    arguments: &str,
    agent: &str,
) -> Result<Permit, Rejection> {
    let tool = airlock.tool_with(TargetKind::Tool, "read_file", Some(SCHEMA), settings);
    let caller = Arc::new(Caller { agent_id: AgentId::new(agent).ok(), ..Caller::anonymous() });
    pollster::block_on(airlock.admit(RawCall::new(tool, arguments, caller)))
}

fn code(airlock: &Airlock, settings: &ToolSettings, arguments: &str, agent: &str) -> Option<Code> {
    admit(airlock, settings, arguments, agent).err().map(|rejection| rejection.code())
}

fn shown(airlock: &Airlock, settings: &ToolSettings, output: &str) -> String {
    let permit = admit(airlock, settings, "{}", "").unwrap();
    pollster::block_on(permit.release(RawOutput::text(output))).unwrap().text().to_owned()
}

fn last(audit: &FakeAudit) -> Value {
    serde_json::from_str(audit.records().last().unwrap()).unwrap()
}

#[test]
fn strict_and_permissive_replace_the_mode_for_one_tool() {
    let ghost = r#"{"path":"a","force":true}"#;
    let strict = ToolSettings { strict: Some(true), ..ToolSettings::default() };
    let permissive = ToolSettings { strict: Some(false), ..ToolSettings::default() };
    let (airlock, _) = engine("");
    assert_eq!(code(&airlock, &ToolSettings::default(), ghost, ""), None, "positive control");
    assert_eq!(code(&airlock, &strict, ghost, ""), Some(Code::GhostArguments));
    let (airlock, _) = engine("[airlock]\nstrict_mode = true");
    assert_eq!(code(&airlock, &ToolSettings::default(), ghost, ""), Some(Code::GhostArguments));
    assert_eq!(code(&airlock, &permissive, ghost, ""), None);
}

#[test]
fn a_policy_of_the_tool_comes_on_top() {
    let own = ToolSettings {
        policies: vec![policy("STRICT_POLICY", &SecurityPolicy::strict())],
        ..ToolSettings::default()
    };
    let (airlock, audit) = engine("");
    assert_eq!(code(&airlock, &own, "{}", ""), Some(Code::AgentRequired));
    assert_eq!(last(&audit)["policy"], "STRICT_POLICY");
    assert_eq!(code(&airlock, &own, "{}", "agent"), None, "positive control");
    // What the operator denies stays denied, however open the tool's own policy is.
    let open = ToolSettings {
        policies: vec![policy("PERMISSIVE_POLICY", &SecurityPolicy::permissive())],
        ..ToolSettings::default()
    };
    let (airlock, audit) = engine("[policy]\ndenied_tools = [\"read_*\"]");
    assert_eq!(code(&airlock, &open, "{}", "agent"), Some(Code::ToolDenied));
    assert_eq!(last(&audit)["policy"], "default+PERMISSIVE_POLICY");
}

#[test]
fn quotas_of_the_tools_policy_are_spent() {
    let limited = SecurityPolicy {
        rate_limits: vec![("read_file".to_owned(), "2/hour".to_owned())],
        ..SecurityPolicy::permissive()
    };
    let own = ToolSettings { policies: vec![policy("own", &limited)], ..ToolSettings::default() };
    let (airlock, _) = engine("");
    let codes: Vec<_> = (0..3).map(|_| code(&airlock, &own, "{}", "agent")).collect();
    assert_eq!(codes, [None, None, Some(Code::RateLimited)]);
}

#[test]
fn argument_rules_of_the_tool_hold() {
    let rule = ArgumentRule { one_of: vec!["a".into()], ..ArgumentRule::default() };
    let own = ToolSettings {
        arguments: vec![ArgumentRules::compile("path", &rule).unwrap()],
        ..ToolSettings::default()
    };
    let (airlock, _) = engine("");
    assert_eq!(code(&airlock, &own, r#"{"path":"a"}"#, ""), None, "positive control");
    assert_eq!(code(&airlock, &own, r#"{"path":"b"}"#, ""), Some(Code::ArgumentDenied));
}

#[test]
fn the_output_is_protected_as_the_tool_says() {
    let text = "ssn 123-45-6789, key AKIAQWERTYUIOPASDFGH";
    let (airlock, _) =
        engine("[sanitization]\npii_strategy = \"type_only\"\nsecret_strategy = \"type_only\"");
    let with = |change: fn(&mut ToolSettings)| {
        let mut settings = ToolSettings::default();
        change(&mut settings);
        shown(&airlock, &settings, text)
    };
    let (ssn, key) = ("[SSN REDACTED]", "AKIAQWERTYUIOPASDFGH");
    assert!(with(|_| ()).contains(ssn) && !with(|_| ()).contains(key), "positive control");
    let no_pii = with(|settings| settings.mask_pii = Some(false));
    assert!(no_pii.contains("123-45-6789") && !no_pii.contains(key), "{no_pii}");
    let no_secrets = with(|settings| settings.mask_secrets = Some(false));
    assert!(no_secrets.contains(ssn) && no_secrets.contains(key), "{no_secrets}");
    assert_eq!(with(|settings| settings.sanitize_output = Some(false)), text);
    let cut = {
        let settings = ToolSettings { max_output_chars: Some(100), ..ToolSettings::default() };
        shown(&airlock, &settings, &"x".repeat(1000))
    };
    assert!(cut.len() < 300, "{cut}");

    // The other way round: the tool protects what the configuration leaves open.
    let (open, _) = engine("[airlock]\nsanitize_output = false\nmask_pii = false");
    assert_eq!(shown(&open, &ToolSettings::default(), text), text, "positive control");
    let all = ToolSettings::of(&AirlockConfig::default());
    let masked = shown(&open, &all, text);
    assert!(!masked.contains("123-45-6789") && !masked.contains(key), "{masked}");
}

#[test]
fn a_required_sandbox_that_is_not_there_refuses() {
    let (airlock, audit) = engine("[policy.rate_limits]\n\"*\" = \"1/hour\"");
    let with = |sandbox| ToolSettings { sandbox, ..ToolSettings::default() };
    for _ in 0..3 {
        let refused = code(&airlock, &with(SandboxNeed::Required), "{}", "");
        assert_eq!(refused, Some(Code::SandboxUnavailable), "and it costs no quota");
    }
    assert_eq!(last(&audit)["reason"], "sandbox_unavailable");
    assert_eq!(code(&airlock, &with(SandboxNeed::Wanted), "{}", ""), None, "positive control");
    assert_eq!(last(&audit)["unsandboxed"], true);
}

#[test]
fn a_sandbox_that_was_promised_is_named_in_the_record_and_its_loss_is_no_way_out() {
    let (airlock, audit) = engine("");
    let permit = |sandbox| {
        let settings = ToolSettings { sandbox, ..ToolSettings::default() };
        let tool = airlock.tool_with(TargetKind::Tool, "read", Some(SCHEMA), &settings);
        let call = RawCall::new(tool, "{}", Arc::new(Caller::anonymous())).with_sandbox("box");
        pollster::block_on(airlock.admit(call)).unwrap()
    };
    let held = permit(SandboxNeed::Required);
    pollster::block_on(held.release(RawOutput::text("done"))).unwrap();
    let record = last(&audit);
    assert_eq!((&record["result"], &record["sandbox"]), (&json!("allowed"), &json!("box")));
    assert_eq!(record.get("unsandboxed"), None);

    let refused = permit(SandboxNeed::Required);
    assert_eq!(refused.without_sandbox().unwrap_err().code(), Code::SandboxUnavailable);
    let record = last(&audit);
    assert_eq!(record.get("sandbox"), None, "nothing ran in it");
    assert_eq!((&record["result"], &record["reason"]), (&json!("blocked"), &json!("sandbox_unavailable")));

    let loose = permit(SandboxNeed::Wanted);
    let loose = loose.without_sandbox().unwrap();
    pollster::block_on(loose.release(RawOutput::text("done"))).unwrap();
    let record = last(&audit);
    assert_eq!((&record["unsandboxed"], record.get("sandbox")), (&json!(true), None));
    let left = permit(SandboxNeed::Wanted);
    drop(left);
    let record = last(&audit);
    assert_eq!((&record["result"], &record["sandbox"]), (&json!("abandoned"), &json!("box")));
    let plain = permit(SandboxNeed::None).without_sandbox().unwrap();
    pollster::block_on(plain.release(RawOutput::text("done"))).unwrap();
    assert_eq!(last(&audit).get("unsandboxed"), None, "it asked for none");
}

#[test]
fn the_configuration_asks_for_a_sandbox_too_and_the_stronger_need_holds() {
    let (airlock, audit) =
        engine("[tools.run_code]\nsandbox_required = true\n[tools.\"fetch_*\"]\nsandbox = true");
    let need = |name: &str, sandbox| {
        let settings = ToolSettings { sandbox, ..ToolSettings::default() };
        airlock.tool_with(TargetKind::Tool, name, Some(SCHEMA), &settings).sandbox()
    };
    for (name, asked, expected) in [
        ("run_code", SandboxNeed::None, SandboxNeed::Required),
        ("run_code", SandboxNeed::Wanted, SandboxNeed::Required),
        ("RUN_CODE", SandboxNeed::None, SandboxNeed::Required),
        ("fetch_page", SandboxNeed::None, SandboxNeed::Wanted),
        ("fetch_page", SandboxNeed::Required, SandboxNeed::Required),
        ("read", SandboxNeed::None, SandboxNeed::None),
    ] {
        assert_eq!(need(name, asked), expected, "{name} {asked:?}");
    }
    let prompt = airlock.tool(TargetKind::Prompt, "run_code", None);
    assert_eq!(prompt.sandbox(), SandboxNeed::None, "rules for tools are for tools");

    let call = || {
        let tool = airlock.tool(TargetKind::Tool, "run_code", Some(SCHEMA));
        RawCall::new(tool, "{}", Arc::new(Caller::anonymous()))
    };
    let refused = pollster::block_on(airlock.admit(call())).unwrap_err();
    assert_eq!(refused.code(), Code::SandboxUnavailable);
    assert_eq!(airlock.explain(call()).result.unwrap_err().code(), Code::SandboxUnavailable);
    let held = pollster::block_on(airlock.admit(call().with_sandbox("lite"))).unwrap();
    pollster::block_on(held.release(RawOutput::text("done"))).unwrap();
    assert_eq!(last(&audit)["sandbox"], "lite", "positive control");
    let step =
        airlock.explain(call().with_sandbox("lite")).steps.into_iter().find(|step| step.check == "sandbox");
    assert_eq!(step.unwrap().outcome, StepOutcome::Passed(Some("would run in `lite`".to_owned())));
}
