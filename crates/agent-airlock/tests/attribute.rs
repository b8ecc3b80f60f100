//! `#[airlock]` on real functions, called through the four layers.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use agent_airlock::{
    AgentId, AirlockConfig, Caller, Code, Role, STRICT_POLICY, SecurityPolicy, Tool, Toolbox, airlock,
    get_current_caller,
};
use airlock_testkit::{FakeAudit, engine};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

static RUNS: AtomicUsize = AtomicUsize::new(0);

#[derive(Debug)]
struct DbError(&'static str);

impl std::fmt::Display for DbError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

#[derive(Serialize)]
struct Deleted {
    table: String,
    count: u32,
    by: Option<String>,
}

/// Deletes records older than a date.
///
/// Cannot be undone.
#[airlock(policy = STRICT_POLICY, strict, max_output_chars = 10_000)]
async fn delete_records(
    /// The table to delete from.
    table: String,
    #[schemars(range(min = 1, max = 1000))] limit: u32,
    #[airlock(default = true)] dry_run: bool,
    note: Option<String>,
    caller: &Caller,
) -> Result<Deleted, DbError> {
    std::future::ready(()).await;
    RUNS.fetch_add(1, Ordering::SeqCst);
    if table == "locked" {
        return Err(DbError("postgres://admin:hunter2hunter2@db.internal/prod is locked"));
    }
    let _ = (dry_run, note);
    Ok(Deleted { table, count: limit, by: caller.agent_id.as_ref().map(ToString::to_string) })
}

#[airlock(permissive)]
fn whoami() -> String {
    get_current_caller().map_or_else(String::new, |caller| format!("{:?}", caller.agent_id.is_some()))
}

#[airlock(strict, mask_pii = false)]
fn contact(name: String) -> Value {
    json!({"name": name, "mail": "ann@example.com", "password": "hunter2hunter2"})
}

#[airlock]
fn crash() -> u32 {
    panic!("with 123-45-6789 in its message")
}

#[airlock(within(path = "/data"), roles("admin", "reader"), rate_limit = "2/hour", name = "read")]
fn read_file(path: String) -> String {
    path
}

#[airlock]
fn first<T>(items: Vec<T>) -> Option<T>
where
    T: serde::de::DeserializeOwned + Serialize + schemars::JsonSchema + Send + 'static,
{
    items.into_iter().next()
}

#[derive(Deserialize, schemars::JsonSchema)]
enum Order {
    Up,
    Down,
}

#[airlock(config = AirlockConfig { strict_mode: true, ..AirlockConfig::default() })]
fn sort(mut numbers: Vec<i64>, order: Order) -> Vec<i64> {
    numbers.sort_unstable();
    if matches!(order, Order::Down) {
        numbers.reverse();
    }
    numbers
}

struct Store {
    prefix: String,
}

impl Store {
    /// Finds a key.
    #[airlock(strict)]
    async fn find(&self, key: String) -> String {
        let key = std::future::ready(key).await;
        format!("{}{key}", self.prefix)
    }

    #[airlock(associated)]
    fn version() -> u8 {
        7
    }
}

fn caller(agent: &str, roles: &[&str]) -> Caller {
    Caller {
        agent_id: AgentId::new(agent).ok(),
        roles: roles.iter().map(|role| Role::new(role).unwrap()).collect(),
        ..Caller::anonymous()
    }
}

fn toolbox(tool: Tool) -> (Toolbox, Arc<FakeAudit>) {
    let (airlock, audit) = engine("");
    (Toolbox::builder().engine(airlock).tool(tool).build().unwrap(), audit)
}

fn last(audit: &FakeAudit) -> Value {
    serde_json::from_str(audit.records().last().unwrap()).unwrap()
}

#[test]
fn the_schema_is_that_of_the_parameters() {
    let tool = delete_records();
    assert_eq!(tool.name(), "delete_records");
    assert_eq!(tool.description(), "Deletes records older than a date.\n\nCannot be undone.");
    assert_eq!(
        *tool.input_schema(),
        json!({
            "type": "object",
            "properties": {
                "table": {"type": "string", "description": "The table to delete from."},
                "limit": {"type": "integer", "minimum": 1, "maximum": 1000},
                "dry_run": {"type": "boolean", "default": true},
                "note": {"type": ["string", "null"]},
            },
            "required": ["table", "limit"],
            "additionalProperties": false,
        })
    );
    assert_eq!(whoami().input_schema()["properties"], json!({}));
}

#[test]
fn a_call_goes_through_the_four_layers() {
    let (toolbox, audit) = toolbox(delete_records());
    let call = |arguments: Value, who: &Caller| {
        let before = RUNS.load(Ordering::SeqCst);
        let result = toolbox.call_blocking("delete_records", arguments, who);
        (result.map_err(|rejection| rejection.code()), RUNS.load(Ordering::SeqCst) - before)
    };
    let agent = caller("agent-7", &[]);
    let (done, runs) = call(json!({"table": "users", "limit": 5}), &agent);
    let done = done.unwrap();
    assert_eq!(done.json(), Some(json!({"table": "users", "count": 5, "by": "agent-7"})));
    assert_eq!((runs, done.is_error()), (1, false));
    assert_eq!(last(&audit)["policy"], "STRICT_POLICY");
    for (arguments, who, expected) in [
        (json!({"table": "users", "limit": 5, "force": true}), &agent, Code::GhostArguments),
        (json!({"table": "users", "limit": 5, "caller": {"agent_id": "root"}}), &agent, Code::GhostArguments),
        (json!({"table": "users", "limit": "5"}), &agent, Code::ValidationError),
        (json!({"table": "users", "limit": 5000}), &agent, Code::ValidationError),
        (json!({"table": "users"}), &agent, Code::ValidationError),
        (json!({"table": "users", "limit": 5}), &Caller::anonymous(), Code::AgentRequired),
    ] {
        let (result, runs) = call(arguments, who);
        assert_eq!((result.unwrap_err(), runs), (expected, 0));
        assert_eq!(last(&audit)["reason"], expected.name());
    }
}

#[test]
fn what_a_tool_says_in_an_error_is_masked() {
    let (toolbox, audit) = toolbox(delete_records());
    let output = toolbox
        .call_blocking("delete_records", json!({"table": "locked", "limit": 1}), &caller("a", &[]))
        .unwrap();
    assert!(output.is_error() && output.text().ends_with("@db.internal/prod is locked"), "{}", output.text());
    assert!(!output.text().contains("hunter2"));
    assert_eq!(last(&audit)["result"], "failed");
}

#[test]
fn switches_hold_for_their_tool() {
    let (toolbox, _) = toolbox(contact());
    assert_eq!(toolbox.warnings(), ["tool `contact`: personal data in output is not masked"]);
    let output = toolbox.call_blocking("contact", json!({"name": "Ann"}), &Caller::anonymous()).unwrap();
    let value = output.json().unwrap();
    assert_eq!(value["mail"], "ann@example.com");
    assert_eq!(value["password"], "***REDACTED***");
}

#[test]
fn a_crash_is_a_failed_record_and_a_safe_answer() {
    let (toolbox, audit) = toolbox(crash());
    let rejection = toolbox.call_blocking("crash", json!({}), &Caller::anonymous()).unwrap_err();
    assert_eq!(rejection.code(), Code::ToolPanicked);
    assert!(!rejection.to_agent_json().contains("6789"));
    assert_eq!(
        (last(&audit)["result"].clone(), last(&audit)["reason"].clone()),
        (json!("failed"), json!("tool_panicked"))
    );
    assert_eq!(get_current_caller(), None, "nothing stays behind");
}

#[test]
fn the_current_caller_is_known_inside_and_only_there() {
    let (toolbox, _) = toolbox(whoami());
    let call = |who: &Caller| toolbox.call_blocking("whoami", json!({"ghost": 1}), who).unwrap().into_text();
    assert_eq!(call(&caller("a", &[])), "true");
    assert_eq!(call(&Caller::anonymous()), "false");
    assert_eq!(get_current_caller(), None);
}

#[test]
fn generics_methods_and_types_work() {
    let (toolbox, _) = toolbox(first::<String>());
    let call = |arguments| toolbox.call_blocking("first", arguments, &Caller::anonymous());
    assert_eq!(call(json!({"items": ["a", "b"]})).unwrap().text(), "a");
    assert_eq!(call(json!({"items": [1]})).unwrap_err().code(), Code::ValidationError);

    let store = Arc::new(Store { prefix: "k-".to_owned() });
    let (airlock, _) = engine("");
    let tools = [store.find(), Store::version(), sort()];
    let toolbox = Toolbox::builder().engine(airlock).tools(tools).build().unwrap();
    let call = |name, arguments| toolbox.call_blocking(name, arguments, &Caller::anonymous()).unwrap();
    assert_eq!(call("find", json!({"key": "1"})).text(), "k-1");
    assert_eq!(call("version", json!({})).parse::<u8>().unwrap(), 7);
    assert_eq!(call("sort", json!({"numbers": [2, 3, 1], "order": "Down"})).text(), "[3,2,1]");
    let wrong =
        toolbox.call_blocking("sort", json!({"numbers": [], "order": "Sideways"}), &Caller::anonymous());
    assert_eq!(wrong.unwrap_err().code(), Code::ValidationError);
}

#[test]
fn roles_limits_and_folders_hold() {
    let audit = Arc::new(FakeAudit::default());
    let toolbox = Toolbox::builder()
        .configuration(airlock_testkit::config(""))
        .audit(Arc::clone(&audit) as _)
        .tool(read_file())
        .build()
        .unwrap();
    let call = |path: &str, who: &Caller| {
        toolbox.call_blocking("read", json!({"path": path}), who).map(agent_airlock::Output::into_text)
    };
    let reader = caller("a", &["reader"]);
    assert_eq!(call("/data/x", &caller("a", &["guest"])).unwrap_err().code(), Code::RoleRequired);
    assert_eq!(call("/data/../etc/passwd", &reader).unwrap_err().code(), Code::PathDenied);
    assert_eq!(call("/data/x", &reader).unwrap(), "/data/x", "positive control");
    assert_eq!(call("/data/y", &reader).unwrap(), "/data/y");
    let limited = call("/data/z", &reader).unwrap_err();
    assert_eq!(limited.code(), Code::RateLimited);
    assert!(limited.retry_after().is_some());
    assert_eq!(audit.records().len(), 5);
}

#[test]
fn a_toolbox_that_makes_no_sense_is_not_built() {
    let (airlock, _) = engine("");
    let policy = SecurityPolicy {
        rate_limits: vec![("*".to_owned(), "often".to_owned())],
        ..SecurityPolicy::default()
    };
    let tools = [whoami().rate_limit("0/minute"), whoami().policy("P", &policy), sort().max_output_chars(3)];
    let error = Toolbox::builder().engine(airlock).tools(tools).build().unwrap_err().to_string();
    for expected in
        ["limit of zero", "a number, a slash and a unit", "there are two of this name", "max_output_chars"]
    {
        assert!(error.contains(expected), "{expected}: {error}");
    }
}

#[test]
fn observers_hear_and_change_nothing() {
    let (airlock, _) = engine("");
    let heard = Arc::new(std::sync::Mutex::new(Vec::new()));
    let observer = |what: &'static str| {
        let heard = Arc::clone(&heard);
        move |name: &str, _: &Caller, rejection: &agent_airlock::Rejection| {
            heard.lock().unwrap().push(format!("{what} {name} {}", rejection.code()));
        }
    };
    let toolbox = Toolbox::builder()
        .engine(airlock)
        .tools([sort(), whoami().rate_limit("1/hour")])
        .on_blocked(observer("blocked"))
        .on_blocked(|_, _, _| panic!("an observer that fails"))
        .on_validation_error(observer("invalid"))
        .on_rate_limit(observer("limited"))
        .build()
        .unwrap();
    let call = |name, arguments| {
        let result = toolbox.call_blocking(name, arguments, &Caller::anonymous());
        result.map(drop).map_err(|rejection| rejection.code())
    };
    assert_eq!(call("whoami", json!({})), Ok(()));
    assert_eq!(call("whoami", json!({})), Err(Code::RateLimited));
    assert_eq!(call("sort", json!({"x": 1})), Err(Code::GhostArguments));
    assert_eq!(call("nope", json!({})), Err(Code::ToolUnknown));
    assert_eq!(
        *heard.lock().unwrap(),
        [
            "blocked whoami rate_limited",
            "limited whoami rate_limited",
            "blocked sort ghost_arguments",
            "invalid sort ghost_arguments",
            "blocked nope tool_unknown"
        ]
    );
}

#[test]
fn lists_have_the_forms_of_the_providers() {
    let (airlock, _) = engine("[policy]\ndenied_tools = [\"delete_*\"]");
    let toolbox = Toolbox::builder().engine(airlock).tools([delete_records(), contact()]).build().unwrap();
    let who = Caller::anonymous();
    let schema = contact().input_schema().clone();
    assert_eq!(toolbox.tools().count(), 2);
    let mcp = toolbox.mcp_tools(&who);
    assert_eq!(
        mcp,
        [json!({"name": "contact", "description": "", "inputSchema": schema})],
        "denied tools are hidden"
    );
    assert_eq!(toolbox.openai_tools(&who)[0]["function"]["parameters"], schema);
    assert_eq!(toolbox.anthropic_tools(&who)[0]["input_schema"], schema);
}
