//! The examples of the product's document, in Rust.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::{Arc, LazyLock};

use agent_airlock::{
    Airlock, AirlockConfig, BUSINESS_HOURS_POLICY, Caller, Code, Config, MaskingStrategy, READ_ONLY_POLICY,
    STRICT_POLICY, SanitizationConfig, SecurityPolicy, Tool, Toolbox, airlock, engine::Providers,
};
use airlock_testkit::{FakeAudit, FakeClock, providers};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A toolbox on fakes: Monday 2026-11-23 10:00 UTC.
fn toolbox(config: &Config, tools: impl IntoIterator<Item = Tool>) -> (Toolbox, Arc<FakeAudit>) {
    at("2026-11-23T10:00:00Z", config, tools)
}

fn at(time: &str, config: &Config, tools: impl IntoIterator<Item = Tool>) -> (Toolbox, Arc<FakeAudit>) {
    let audit = Arc::new(FakeAudit::default());
    let providers = Providers { clock: FakeClock::at(time), audit: Arc::clone(&audit) as _, ..providers() };
    let toolbox = Toolbox::builder().engine(Airlock::new(config, providers, [0; 32])).tools(tools).build();
    (toolbox.unwrap(), audit)
}

fn agent(roles: &[&str]) -> Caller {
    Caller {
        agent_id: Some("agent-123".parse().unwrap()),
        roles: roles.iter().map(|role| role.parse().unwrap()).collect(),
        ..Caller::anonymous()
    }
}

fn code(toolbox: &Toolbox, tool: &str, arguments: Value, caller: &Caller) -> Option<Code> {
    toolbox.call_blocking(tool, arguments, caller).err().map(|rejection| rejection.code())
}

#[airlock]
fn read_file(path: String) -> String {
    path
}

#[airlock]
fn delete_records(table: String, limit: u32) -> String {
    format!("{table} {limit}")
}

#[test]
fn hallucinated_arguments_are_stripped_or_refused() {
    let arguments = || json!({"path": "data.txt", "force": true, "admin": true});
    let (permissive, audit) = toolbox(&Config::default(), [read_file()]);
    assert_eq!(permissive.call_blocking("read_file", arguments(), &agent(&[])).unwrap().text(), "data.txt");
    let record: Value = serde_json::from_str(&audit.records()[0]).unwrap();
    assert_eq!(record["ghost_arguments"], json!(["admin", "force"]));
    let (strict, _) = toolbox(&Config::default(), [read_file().strict(true)]);
    assert_eq!(code(&strict, "read_file", arguments(), &agent(&[])), Some(Code::GhostArguments));
}

#[test]
fn types_are_not_coerced() {
    let (toolbox, _) = toolbox(&Config::default(), [delete_records()]);
    let call =
        |limit: Value| code(&toolbox, "delete_records", json!({"table": "t", "limit": limit}), &agent(&[]));
    assert_eq!(call(json!("999999999")), Some(Code::ValidationError));
    assert_eq!(call(json!(999_999_999)), None, "positive control");
}

#[derive(Deserialize, schemars::JsonSchema)]
struct MyArgs {
    customer: u32,
}

#[derive(Serialize)]
struct Answer {
    api_key: &'static str,
    user_ssn: &'static str,
}

/// The recommended configuration for production.
static CONFIG: LazyLock<AirlockConfig> = LazyLock::new(|| AirlockConfig {
    strict_mode: true,
    mask_pii: true,
    mask_secrets: true,
    max_output_chars: 10_000,
    sanitize_output: true,
    ..AirlockConfig::default()
});

#[airlock(config = CONFIG, policy = STRICT_POLICY)]
fn my_secure_tool(args: MyArgs) -> Answer {
    let _ = args.customer;
    Answer { api_key: "sk-live-0123456789abcdefghij", user_ssn: "123-45-6789" }
}

#[test]
fn the_recommended_configuration() {
    let (toolbox, audit) = toolbox(&Config::default(), [my_secure_tool()]);
    let arguments = || json!({"args": {"customer": 7}});
    assert_eq!(
        code(&toolbox, "my_secure_tool", arguments(), &Caller::anonymous()),
        Some(Code::AgentRequired)
    );
    let ghost = json!({"args": {"customer": 7, "admin": true}});
    assert_eq!(code(&toolbox, "my_secure_tool", ghost, &agent(&[])), Some(Code::GhostArguments));
    let output = toolbox.call_blocking("my_secure_tool", arguments(), &agent(&[])).unwrap();
    assert_eq!(output.json(), Some(json!({"api_key": "***REDACTED***", "user_ssn": "***-**-6789"})));
    let record: Value = serde_json::from_str(audit.records().last().unwrap()).unwrap();
    assert_eq!(record["policy"], "STRICT_POLICY");
}

static PRODUCTION_POLICY: LazyLock<SecurityPolicy> = LazyLock::new(|| {
    SecurityPolicy::permissive()
        .allow_tools(["read_*", "query_*", "get_*"])
        .deny_tools(["delete_*", "drop_*", "truncate_*"])
        .with_agent_id()
        .for_roles(["analyst", "developer"])
        .rate_limit("query_*", "100/minute")
        .rate_limit("*", "1000/hour")
        .time_restriction("write_*", "09:00-17:00")
});

#[airlock(policy = PRODUCTION_POLICY)]
fn query_orders() -> u8 {
    1
}

#[airlock(policy = PRODUCTION_POLICY)]
fn drop_orders() -> u8 {
    1
}

#[airlock(policy = PRODUCTION_POLICY)]
fn make_coffee() -> u8 {
    1
}

#[test]
fn a_policy_of_your_own() {
    let (toolbox, _) = toolbox(&Config::default(), [query_orders(), drop_orders(), make_coffee()]);
    let call = |tool, caller: &Caller| code(&toolbox, tool, json!({}), caller);
    let analyst = agent(&["analyst"]);
    assert_eq!(call("query_orders", &analyst), None, "positive control");
    assert_eq!(call("drop_orders", &analyst), Some(Code::ToolDenied));
    assert_eq!(call("make_coffee", &analyst), Some(Code::ToolNotAllowed));
    assert_eq!(call("query_orders", &agent(&["guest"])), Some(Code::RoleRequired));
    assert_eq!(call("query_orders", &Caller::anonymous()), Some(Code::AgentRequired));
    let refused = (0..100).filter_map(|_| call("query_orders", &analyst)).collect::<Vec<_>>();
    assert_eq!(refused, [Code::RateLimited], "99 more in this minute, one too many");
}

#[airlock(policy = READ_ONLY_POLICY)]
fn get_orders() -> u8 {
    1
}

#[airlock(policy = READ_ONLY_POLICY)]
fn update_orders() -> u8 {
    1
}

#[airlock(policy = BUSINESS_HOURS_POLICY)]
fn write_order() -> u8 {
    1
}

#[test]
fn predefined_policies() {
    let (toolbox, _) = toolbox(&Config::default(), [get_orders(), update_orders()]);
    assert_eq!(code(&toolbox, "get_orders", json!({}), &agent(&[])), None);
    assert_eq!(code(&toolbox, "update_orders", json!({}), &agent(&[])), Some(Code::ToolDenied));
}

#[test]
fn time_restrictions() {
    // The zone is said, since that of `BUSINESS_HOURS_POLICY` is the machine's.
    let hours = SecurityPolicy::business_hours().in_timezone("UTC");
    for (time, expected) in [
        ("2026-11-23T08:59:59Z", Some(Code::TimeRestricted)),
        ("2026-11-23T09:00:00Z", None),
        ("2026-11-23T16:59:59Z", None),
        ("2026-11-23T17:00:00Z", Some(Code::TimeRestricted)),
    ] {
        let (toolbox, _) = at(time, &Config::default(), [make_coffee_tool().policy("HOURS", &hours)]);
        assert_eq!(code(&toolbox, "coffee", json!({}), &agent(&[])), expected, "{time}");
    }
    assert_eq!(write_order().settings().policies.len(), 1);
}

fn make_coffee_tool() -> Tool {
    Tool::new("coffee", "", |_: NoArguments, _| std::future::ready(Ok::<_, String>("black")))
}

#[derive(Deserialize, schemars::JsonSchema)]
struct NoArguments {}

/// Runs in isolation, never locally.
#[airlock(sandbox, sandbox_required)]
fn execute_code(code: String) -> String {
    code
}

#[airlock(sandbox)]
fn execute_trusted(code: String) -> String {
    code
}

#[test]
fn a_required_sandbox_is_never_a_local_run() {
    let (toolbox, audit) = toolbox(&Config::default(), [execute_code(), execute_trusted()]);
    let refused = toolbox.call_blocking("execute_code", json!({"code": "1"}), &agent(&[])).unwrap_err();
    assert_eq!(refused.code(), Code::SandboxUnavailable);
    let hint = &refused.fix_hints()[0];
    assert!(
        hint.contains("must begin with `if let Err(code) = agent_airlock::enter(&[execute_code])"),
        "{hint}"
    );
    assert_eq!(code(&toolbox, "execute_trusted", json!({"code": "1"}), &agent(&[])), None);
    let record: Value = serde_json::from_str(audit.records().last().unwrap()).unwrap();
    assert_eq!(record["unsandboxed"], true);
    for expected in
        ["`execute_trusted`: it asks for a sandbox", "it runs in this process", "its calls are refused"]
    {
        assert!(toolbox.warnings().iter().any(|warning| warning.contains(expected)), "{expected}");
    }
}

#[airlock]
fn find_user() -> &'static str {
    "the SSN is 123-45-6789"
}

#[test]
fn masking_strategies() {
    for (strategy, expected) in [
        (MaskingStrategy::Full, "the SSN is ***REDACTED***"),
        (MaskingStrategy::Partial, "the SSN is ***-**-6789"),
        (MaskingStrategy::TypeOnly, "the SSN is [SSN REDACTED]"),
    ] {
        let sanitization = SanitizationConfig { pii_strategy: strategy, ..SanitizationConfig::default() };
        let (toolbox, _) = toolbox(&Config { sanitization, ..Config::default() }, [find_user()]);
        assert_eq!(toolbox.call_blocking("find_user", json!({}), &agent(&[])).unwrap().text(), expected);
    }
    let hashed = SanitizationConfig { pii_strategy: MaskingStrategy::Hash, ..SanitizationConfig::default() };
    let (toolbox, _) = toolbox(&Config { sanitization: hashed, ..Config::default() }, [find_user()]);
    let text = toolbox.call_blocking("find_user", json!({}), &agent(&[])).unwrap().into_text();
    assert!(
        text.starts_with("the SSN is [SSN:") && text.len() == "the SSN is [SSN:a1b2c3d4]".len(),
        "{text}"
    );
}

#[test]
fn the_audit_record() {
    let denied = SecurityPolicy::strict().deny_tools(["delete_*"]);
    let (toolbox, audit) = toolbox(&Config::default(), [delete_records().policy("STRICT_POLICY", &denied)]);
    let arguments = json!({"table": "users", "limit": 1});
    assert_eq!(code(&toolbox, "delete_records", arguments, &agent(&[])), Some(Code::ToolDenied));
    let record: Value = serde_json::from_str(&audit.records()[0]).unwrap();
    assert_eq!(
        record,
        json!({
            "timestamp": "2026-11-23T10:00:00.000Z",
            "tool": "delete_records",
            "agent_id": "agent-123",
            "args": {"limit": 1, "table": "users"},
            "result": "blocked",
            "reason": "tool_denied",
            "policy": "STRICT_POLICY",
        })
    );
}
