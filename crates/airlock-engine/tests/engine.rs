//! The engine through its public face: four layers, one record per call, and what fails closed.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{sync::Arc, time::Duration};

use airlock_engine::{
    Airlock, Caller, Code, Part, Providers, RawCall, RawOutput, Rejection, StepOutcome, TargetKind, Tool,
    json::{Bounds, Document},
    memory::MemoryStore,
    ports::{AuditSink, Clock},
};
use airlock_testkit::{FakeAudit, FakeClock, broken_store, config, engine, providers};
use serde_json::Value;

const SCHEMA: &str =
    r#"{"type":"object","properties":{"path":{"type":"string"},"limit":{"type":"integer"}}}"#;

fn tool(airlock: &Airlock, name: &str) -> Arc<Tool> {
    airlock.tool(TargetKind::Tool, name, Some(SCHEMA))
}

fn anonymous() -> Arc<Caller> {
    Arc::new(Caller::anonymous())
}

fn admit(airlock: &Airlock, name: &str, arguments: &str) -> Result<airlock_engine::Permit, Rejection> {
    pollster::block_on(airlock.admit(RawCall::new(tool(airlock, name), arguments, anonymous())))
}

fn code(airlock: &Airlock, name: &str, arguments: &str) -> Option<Code> {
    admit(airlock, name, arguments).err().map(|rejection| rejection.code())
}

fn records(audit: &FakeAudit) -> Vec<Value> {
    audit.records().iter().map(|record| serde_json::from_str(record).unwrap()).collect()
}

#[test]
fn every_path_leaves_exactly_one_record() {
    let (airlock, audit) = engine("[airlock]\nstrict_mode = true\n[policy]\ndenied_tools = [\"delete_*\"]");
    let release = |permit: airlock_engine::Permit, output| pollster::block_on(permit.release(output));
    release(admit(&airlock, "t", "{}").unwrap(), RawOutput::text("ok")).unwrap();
    release(admit(&airlock, "t", "{}").unwrap(), RawOutput::Failed("boom".into())).unwrap();
    drop(admit(&airlock, "t", "{}").unwrap());
    let _ = admit(&airlock, "t", "{}").unwrap().fail(Rejection::new(Code::Timeout));
    assert_eq!(code(&airlock, "delete_t", "{}"), Some(Code::ToolDenied));
    assert_eq!(code(&airlock, "t", r#"{"ghost":1}"#), Some(Code::GhostArguments));
    assert_eq!(code(&airlock, "t", "not json"), Some(Code::ValidationError));
    // A future that is dropped before it was polled judged nothing; one that was made leaves its record.
    let mut future = Box::pin(airlock.admit(RawCall::new(tool(&airlock, "t"), "{}", anonymous())));
    let _ = future.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop()));
    drop(future);

    let seen: Vec<(String, Value)> = records(&audit)
        .into_iter()
        .map(|record| (record["result"].as_str().unwrap().to_owned(), record["reason"].clone()))
        .collect();
    let reason = |text: &str| Value::String(text.to_owned());
    assert_eq!(
        seen,
        [
            ("allowed".to_owned(), Value::Null),
            ("failed".to_owned(), Value::Null),
            ("abandoned".to_owned(), Value::Null),
            ("failed".to_owned(), reason("timeout")),
            ("blocked".to_owned(), reason("tool_denied")),
            ("blocked".to_owned(), reason("ghost_arguments")),
            ("blocked".to_owned(), reason("validation_error")),
        ]
        .into_iter()
        .chain(records(&audit).get(7).map(|_| ("abandoned".to_owned(), Value::Null)))
        .collect::<Vec<_>>()
    );
}

use std::future::Future as _;

#[test]
fn the_record_has_the_documented_fields() {
    let (airlock, audit) = engine("[policy]\npreset = \"strict\"\ndenied_tools = [\"delete_*\"]");
    let caller = Caller { agent_id: airlock_engine::AgentId::new("agent-123").ok(), ..Caller::default() };
    let schema = r#"{"type":"object","properties":{"table":{},"where":{},"password":{}}}"#;
    let tool = airlock.tool(TargetKind::Tool, "delete_records", Some(schema));
    let arguments = "{\"table\":\"users\",\n\"where\":\"id=1\",\"password\":\"hunter22\"}";
    let refused = pollster::block_on(airlock.admit(RawCall::new(tool, arguments, Arc::new(caller))));
    assert_eq!(refused.unwrap_err().code(), Code::ToolDenied);
    let line = audit.records().remove(0);
    assert!(!line.contains('\n'), "one line");
    let record: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(record["timestamp"], "2026-11-23T10:00:00.000Z");
    assert_eq!(record["tool"], "delete_records");
    assert_eq!(record["agent_id"], "agent-123");
    assert_eq!(
        record["args"],
        serde_json::json!({"table": "users", "where": "id=1", "password": "***REDACTED***"})
    );
    assert_eq!(record["result"], "blocked");
    assert_eq!(record["reason"], "tool_denied");
    assert!(record["policy"].is_string());
}

#[test]
fn what_fails_closed() {
    let limited = "[policy.rate_limits]\n\"*\" = \"5/hour\"";
    let with = |change: &dyn Fn(&mut Providers), toml: &str| {
        let mut providers = providers();
        change(&mut providers);
        Airlock::new(&config(toml), providers, [0; 32])
    };
    let unchanged = with(&|_| {}, limited);
    assert_eq!(code(&unchanged, "t", "{}"), None, "positive control");

    let no_clock = with(&|providers| providers.clock = FakeClock::stopped(), limited);
    assert_eq!(code(&no_clock, "t", "{}"), Some(Code::InternalClock));
    for pending in [false, true] {
        let no_store = with(&|providers| providers.rate_limits = broken_store(pending), limited);
        assert_eq!(code(&no_store, "t", "{}"), Some(Code::InternalRateStore));
    }
    let audit = Arc::new(FakeAudit::default());
    let sink = Arc::clone(&audit) as Arc<dyn AuditSink>;
    let no_audit = with(&|providers| providers.audit = Arc::clone(&sink), limited);
    let permit = admit(&no_audit, "t", "{}").unwrap();
    audit.break_on_write();
    let rejection = pollster::block_on(permit.release(RawOutput::text("secret"))).unwrap_err();
    assert_eq!(rejection.code(), Code::InternalAudit, "the output is withheld");
    assert_eq!(
        code(&no_audit, "t", r#"{"x":[}"#),
        Some(Code::InternalAudit),
        "a refusal needs its record too"
    );
    audit.break_down();
    assert_eq!(code(&no_audit, "t", "{}"), Some(Code::InternalAudit));

    let broken = unchanged.tool(TargetKind::Tool, "t", Some(r#"{"type":"nonsense"}"#));
    let call = RawCall::new(broken, "{}", anonymous());
    assert_eq!(pollster::block_on(unchanged.admit(call)).unwrap_err().code(), Code::InternalContract);

    let elsewhere = tool(&unchanged, "t");
    let (other, _) = engine("");
    let call = RawCall::new(elsewhere, "{}", anonymous());
    assert_eq!(
        pollster::block_on(other.admit(call)).unwrap_err().code(),
        Code::InternalPolicy,
        "another engine's tool"
    );

    let rules = with(&|_| {}, "[tools.t]\narguments.path = { within = [\"/data\"] }");
    assert_eq!(
        code(&rules, "t", r#"{"path":"/data/x"}"#),
        Some(Code::PathDenied),
        "a path that cannot be resolved"
    );
    assert_eq!(code(&rules, "t", r#"{"limit":1}"#), None, "positive control");
}

#[test]
fn a_panic_in_a_stage_refuses() {
    struct Panics;
    impl airlock_engine::ports::Files for Panics {
        fn resolve(&self, _: &str) -> Option<std::path::PathBuf> {
            panic!("a broken host")
        }
    }
    let toml = "[tools.t]\narguments.path = { within = [\"/data\"] }";
    let airlock = Airlock::new(&config(toml), Providers { files: Arc::new(Panics), ..providers() }, [0; 32]);
    assert_eq!(code(&airlock, "t", r#"{"path":"/data/x"}"#), Some(Code::InternalPanic));
}

#[test]
fn roles_choose_their_policy() {
    let toml = "[policy]\ndenied_tools = [\"*\"]\n[policies.reader]\nallowed_tools = [\"read_*\"]\n[policies.any]\npreset = \"permissive\"\n[roles]\nreader = \"reader\"\nadmin = \"any\"";
    let (airlock, audit) = engine(toml);
    let allowed = |roles: &[&str], name: &str| {
        let roles = roles.iter().map(|role| airlock_engine::Role::new(role).unwrap()).collect();
        let caller = Arc::new(Caller { roles, ..Caller::default() });
        pollster::block_on(airlock.admit(RawCall::new(tool(&airlock, name), "{}", caller))).is_ok()
    };
    assert!(!allowed(&[], "read_x"));
    assert!(!allowed(&["stranger"], "read_x"));
    assert!(allowed(&["reader"], "read_x") && !allowed(&["reader"], "write_x"));
    assert!(allowed(&["admin"], "write_x"));
    assert!(!allowed(&["admin", "reader"], "write_x"), "several policies must all admit");
    let roles = ["admin", "reader"].map(|role| airlock_engine::Role::new(role).unwrap()).to_vec();
    let caller = Arc::new(Caller { roles, ..Caller::default() });
    let invalid = RawCall::new(tool(&airlock, "t"), "[]", caller);
    assert_eq!(pollster::block_on(airlock.admit(invalid)).unwrap_err().code(), Code::ValidationError);
    let record: Value = serde_json::from_str(audit.records().last().unwrap()).unwrap();
    assert_eq!(record["policy"], "any+reader", "also where validation refuses");
}

#[test]
fn windows_and_quotas_use_their_own_clocks() {
    let clock = FakeClock::at("2026-11-23T16:59:59Z");
    let toml = "[policy]\ntimezone = \"UTC\"\n[policy.time_restrictions]\n\"*\" = \"09:00-17:00\"\n[policy.rate_limits]\n\"*\" = \"1/minute\"";
    let shared: Arc<dyn Clock> = Arc::clone(&clock) as Arc<dyn Clock>;
    let airlock = Airlock::new(
        &config(toml),
        Providers { clock: shared, rate_limits: Arc::new(MemoryStore::new(10)), ..providers() },
        [0; 32],
    );
    assert_eq!(code(&airlock, "t", "{}"), None);
    assert_eq!(code(&airlock, "t", "{}"), Some(Code::RateLimited));
    clock.step_wall("2026-11-23T12:00:00Z");
    assert_eq!(
        code(&airlock, "t", "{}"),
        Some(Code::RateLimited),
        "a step of the wall clock refills nothing"
    );
    clock.advance(Duration::from_secs(60));
    assert_eq!(code(&airlock, "t", "{}"), None);
    clock.step_wall("2026-11-23T17:00:00Z");
    assert_eq!(code(&airlock, "t", "{}"), Some(Code::TimeRestricted), "the end is exclusive");
}

#[test]
fn explaining_is_the_same_evaluation_and_costs_nothing() {
    let (airlock, audit) =
        engine("[policy]\npreset = \"permissive\"\n[policy.rate_limits]\n\"*\" = \"1/day\"");
    for _ in 0..3 {
        let call = RawCall::new(tool(&airlock, "t"), r#"{"path":"a","ghost":1}"#, anonymous());
        let explanation = airlock.explain(call);
        assert_eq!(explanation.result.as_deref(), Ok(r#"{"path":"a"}"#));
        assert_eq!(explanation.steps[0].outcome, StepOutcome::Passed(Some("stripped ghost".to_owned())));
        assert!(
            matches!(&explanation.steps.last().unwrap().outcome, StepOutcome::Passed(Some(text)) if text.contains("1/day"))
        );
    }
    assert!(audit.records().is_empty());
    assert_eq!(code(&airlock, "t", "{}"), None, "the quota is untouched");
    let call = RawCall::new(tool(&airlock, "t"), r#"{"path":1}"#, anonymous());
    assert_eq!(airlock.explain(call).result.unwrap_err().code(), Code::ValidationError);
}

#[test]
fn masking_opt_outs_are_per_tool_and_per_field() {
    let (airlock, _) =
        engine("[tools.edit]\nmask_output = false\n[tools.query]\nunmasked_fields = [\"ssn\"]");
    let output = |name: &str| {
        let permit = admit(&airlock, name, "{}").unwrap();
        pollster::block_on(permit.release(RawOutput::text("SSN 123-45-6789"))).unwrap().text().to_owned()
    };
    assert_eq!(output("edit"), "SSN 123-45-6789");
    assert_eq!(output("query"), "SSN ***-**-6789");
}

#[test]
fn what_is_masked_is_what_the_configuration_says() {
    let (airlock, _) = engine(
        r#"
        [tools."trace_*"]
        disabled_kinds = ["ip_address"]
        [tools.contacts]
        unmasked_fields = ["*_mail"]
        [sanitization]
        allow = ["*.example.org"]
        pii_strategy = "type_only"
        [[detector]]
        id = "acme"
        class = "secret"
        regex = 'acme_(?P<secret>[0-9]{4,})'
        examples = ["acme_4711"]
        "#,
    );
    let masked = |name: &str, json: &str| {
        let permit = admit(&airlock, name, "{}").unwrap();
        let doc = Document::parse(json.as_bytes(), &Bounds::DEFAULT).unwrap();
        let output = RawOutput::Parts(doc.text(), vec![Part::Json(doc.root())]);
        pollster::block_on(permit.release(output)).unwrap().edits().apply(json)
    };
    for (tool, json, expected) in [
        ("any", r#"["203.0.113.9","acme_4711"]"#, r#"["[IP_ADDRESS REDACTED]","acme_***REDACTED***"]"#),
        ("trace_x", r#"["203.0.113.9","acme_4711"]"#, r#"["203.0.113.9","acme_***REDACTED***"]"#),
        (
            "contacts",
            r#"{"home_mail":"a@example.com","mail":"a@example.com"}"#,
            r#"{"home_mail":"a@example.com","mail":"[EMAIL REDACTED]"}"#,
        ),
        (
            "any",
            r#"{"a":"a@b.example.org","b":"c@example.org \u0061cme_4711"}"#,
            r#"{"a":"a@b.example.org","b":"[EMAIL REDACTED] \u0061cme_***REDACTED***"}"#,
        ),
    ] {
        let once = masked(tool, json);
        assert_eq!(once, expected);
        assert_eq!(masked(tool, &once), once, "masking twice");
    }
    assert_eq!(airlock.mask_for_record("a@b.example.org acme_4711"), "[EMAIL REDACTED] acme_***REDACTED***");
}

#[test]
fn public_types_can_cross_threads() {
    fn check<T: Send + Sync>() {}
    check::<Airlock>();
    check::<airlock_engine::Permit>();
    check::<RawCall>();
    check::<Rejection>();
    check::<Tool>();
}

#[test]
fn the_fakes_keep_the_contracts_of_their_ports() {
    airlock_testkit::clock_contract(&*FakeClock::at("2026-11-23T10:00:00Z"));
    airlock_testkit::audit_sink_contract(&FakeAudit::default());
    airlock_testkit::rate_limit_store_contract(&MemoryStore::new(100));
}
