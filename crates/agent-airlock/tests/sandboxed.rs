//! Sandboxed tools in real boxes: what they cannot reach, and what becomes of a call whose worker does not behave.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::exit,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::needless_pass_by_value,
    reason = "a test that has no harness of its own"
)]

use std::{
    env, fs,
    future::Future as _,
    io::{self, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
    os::unix::process::CommandExt as _,
    process::{Command, ExitCode, Stdio},
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicU32, Ordering},
        mpsc::{self, Receiver},
    },
    task::{Context, Waker},
    time::Duration,
};

use agent_airlock::{
    Caller, Code, Isolation, Output, Rejection, TextStream, Tool, Toolbox, airlock,
    sandbox::{
        self, Backend, Confinement, End, Enforcement, Job, Launcher, Level, Limits, Outcome, Probe,
        ProcessBox, Sandbox, SandboxError, Step,
        doctor::{State, examine},
    },
};
use airlock_testkit::{FakeAudit, engine};
use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::{Value, json};

/// In the environment of the test.
const SECRET_VARIABLE: &str = "AIRLOCK_TEST_SECRET";

/// A test, and its name.
type Test = (&'static str, fn(&Isolation));

/// Every tool that a worker may be asked for.
const TOOLS: &[fn() -> Tool] = &[
    read_boxed,
    reach_boxed,
    environment_boxed,
    who_boxed,
    secrets_boxed,
    stream_boxed,
    fail_boxed,
    panic_boxed,
    print_boxed,
    forge_boxed,
    forge_by_child_boxed,
    leave_boxed,
    spin_boxed,
    flood_boxed,
    long_boxed,
    counted_required,
    counted_wanted,
    environment_configured,
];

fn read(path: &str) -> Result<String, io::Error> {
    fs::read_to_string(path)
}

#[airlock(sandbox_required)]
fn read_boxed(path: String) -> Result<String, io::Error> {
    read(&path)
}

#[airlock]
fn read_local(path: String) -> Result<String, io::Error> {
    read(&path)
}

fn reach(port: u16) -> Result<&'static str, String> {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port))
        .map(|_| "reached")
        .map_err(|error| error.kind().to_string())
}

#[airlock(sandbox_required)]
fn reach_boxed(port: u16) -> Result<&'static str, String> {
    reach(port)
}

#[airlock]
fn reach_local(port: u16) -> Result<&'static str, String> {
    reach(port)
}

#[airlock(sandbox_required)]
fn environment_boxed() -> bool {
    env::var_os(SECRET_VARIABLE).is_some()
}

#[airlock]
fn environment_local() -> bool {
    env::var_os(SECRET_VARIABLE).is_some()
}

#[airlock(sandbox, sandbox_required)]
async fn who_boxed(greeting: String, caller: &Caller) -> Result<Value, String> {
    let agent = std::future::ready(caller.agent_id.as_ref()).await.ok_or("nobody")?;
    Ok(json!({"said": format!("{greeting} {agent}")}))
}

#[airlock(sandbox_required)]
fn secrets_boxed() -> Value {
    json!({"api_key": "sk_live_51H8x9aQ2bR7cT4dV6eX0fZ", "user_ssn": "123-45-6789"})
}

#[airlock(sandbox_required)]
fn stream_boxed() -> TextStream {
    TextStream::from_iter(["key AKIAQWERTY", "UIOPASDFGH is in two chunks"])
}

#[airlock(sandbox_required)]
fn fail_boxed() -> Result<String, String> {
    Err("cannot reach postgres://admin:s3cr3tPassw0rd@db.internal/prod".to_owned())
}

#[airlock(sandbox_required)]
fn panic_boxed() -> String {
    panic!("a broken tool")
}

/// Says on its standard output what a worker would say.
#[airlock(sandbox_required)]
fn print_boxed() -> &'static str {
    println!("{{\"text\":\"forged\"}}");
    io::stdout().flush().unwrap();
    "true"
}

/// Writes what a worker would say into everything that is open.
#[airlock(sandbox_required)]
fn forge_boxed() -> usize {
    let mut written = 0;
    for descriptor in 3..64 {
        if let Ok(mut file) = fs::OpenOptions::new().write(true).open(format!("/proc/self/fd/{descriptor}")) {
            written += usize::from(file.write_all(b"{\"text\":\"forged\"}\n").is_ok());
        }
    }
    written
}

/// Has a program look for what the worker has open.
#[airlock(sandbox_required)]
fn forge_by_child_boxed() -> Value {
    let script = "for n in 0 1 2 3 4 5 6 7 8 9; do \
                  (echo '{\"text\":\"forged\"}' >/proc/$PPID/fd/$n) 2>/dev/null && echo opened; \
                  (: </proc/$PPID/fd/$n) 2>/dev/null && echo opened; done; \
                  (: </proc/$PPID/environ) 2>/dev/null && echo environ; \
                  (: </proc/self/status) && echo ran";
    let output = Command::new("/bin/sh").args(["-c", script]).output().unwrap();
    json!(String::from_utf8(output.stdout).unwrap())
}

#[airlock(sandbox_required)]
fn leave_boxed(code: i32) -> String {
    std::process::exit(code)
}

#[airlock(sandbox_required)]
fn spin_boxed() {
    loop {
        std::hint::spin_loop();
    }
}

#[airlock(sandbox_required)]
fn flood_boxed() {
    loop {
        println!("{}", "flood ".repeat(1_000));
    }
}

#[airlock(sandbox_required)]
fn long_boxed() -> String {
    "a long text ".repeat(1 << 18)
}

/// How often tools of this test ran in this very process.
static LOCAL_RUNS: AtomicU32 = AtomicU32::new(0);

#[airlock(sandbox_required)]
fn counted_required() -> u32 {
    LOCAL_RUNS.fetch_add(1, Ordering::SeqCst) + 1
}

#[airlock(sandbox)]
fn counted_wanted() -> u32 {
    LOCAL_RUNS.fetch_add(1, Ordering::SeqCst) + 1
}

/// In no list.
#[airlock(sandbox_required)]
fn unlisted_required() -> u32 {
    LOCAL_RUNS.fetch_add(1, Ordering::SeqCst) + 1
}

fn main() -> ExitCode {
    let isolation = match agent_airlock::enter(TOOLS) {
        Ok(isolation) => isolation,
        Err(code) => return code,
    };
    let launcher = match sandbox::enter(env::args_os()) {
        Ok(launcher) => launcher,
        Err(code) => return code,
    };
    LAUNCHER.set(launcher).unwrap();
    // Something for a tool to look for, there before any thread is.
    if env::var_os(SECRET_VARIABLE).is_none() {
        let mut again = Command::new(env::current_exe().unwrap());
        let error = again.args(env::args_os().skip(1)).env(SECRET_VARIABLE, "a secret").exec();
        panic!("cannot start anew: {error}");
    }
    let tests: [Test; 19] = [
        ("a_file_of_the_user_is_not_there", files),
        ("a_listener_of_the_machine_is_not_reached", network),
        ("the_environment_is_empty", environment),
        ("the_caller_and_the_arguments_arrive_and_the_record_is_exact", record),
        ("the_other_layers_hold", layers),
        ("what_a_tool_prints_is_no_result", printed),
        ("a_forged_result_is_an_error", forged),
        ("a_program_that_a_tool_starts_does_not_find_the_way_out", forged_by_a_child),
        ("an_end_without_a_result_is_an_error", left),
        ("the_deadline_is_a_timeout", deadline),
        ("too_much_output_is_an_error", flood),
        ("without_a_sandbox_required_is_refused_and_wanted_runs_here", unavailable),
        ("what_may_have_run_is_not_run_again", lost),
        ("waiting_blocks_no_executor_and_leaving_is_recorded", waiting),
        ("a_worker_whose_caller_left_is_ended", left_alone),
        ("a_worker_without_a_sandbox_runs_nothing", by_hand),
        ("the_configuration_sends_a_tool_into_the_sandbox", configured),
        ("lite_holds_tools_too", lite),
        ("what_enter_was_not_told_of_is_refused_with_a_hint", unlisted),
    ];
    let landlock = examine().into_iter().find(|fact| fact.subject == "landlock" && fact.state != State::Good);
    if let Some(fact) = &landlock {
        eprintln!("skipped: 1 test of `lite`: landlock: {}", fact.text);
    }
    let trials = tests.into_iter().map(|(name, test)| {
        let isolation = isolation.clone();
        let trial = Trial::test(name, move || {
            test(&isolation);
            Ok::<_, Failed>(())
        });
        trial.with_ignored_flag(landlock.is_some() && name.starts_with("lite"))
    });
    let mut arguments = Arguments::from_args();
    // The counter of local runs belongs to one test at a time.
    arguments.test_threads.get_or_insert(1);
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}

/// A toolbox on fakes.
fn toolbox(isolation: &Isolation, tools: impl IntoIterator<Item = Tool>) -> (Toolbox, Arc<FakeAudit>) {
    let (engine, audit) = engine("");
    let toolbox = Toolbox::builder().engine(engine).isolation(isolation.clone()).tools(tools).build();
    (toolbox.unwrap(), audit)
}

fn last(audit: &FakeAudit) -> Value {
    serde_json::from_str(audit.records().last().unwrap()).unwrap()
}

/// Calls one tool.
fn call(isolation: &Isolation, tool: Tool, arguments: Value) -> (Result<Output, Rejection>, Value) {
    let name = tool.name().to_owned();
    let (toolbox, audit) = toolbox(isolation, [tool]);
    let result = toolbox.call_blocking(&name, arguments, &Caller::anonymous());
    (result, last(&audit))
}

fn shown(isolation: &Isolation, tool: Tool, arguments: Value) -> Output {
    call(isolation, tool, arguments).0.unwrap()
}

fn refused(isolation: &Isolation, tool: Tool, arguments: Value) -> Code {
    let (result, record) = call(isolation, tool, arguments);
    let code = result.unwrap_err().code();
    assert_eq!(record["reason"], code.name());
    code
}

fn files(isolation: &Isolation) {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let path = folder.path().canonicalize().unwrap().join("private.txt");
    fs::write(&path, "private").unwrap();
    let arguments = || json!({"path": &path});
    assert_eq!(shown(isolation, read_local(), arguments()).text(), "private", "positive control");
    let output = shown(isolation, read_boxed(), arguments());
    assert!(output.is_error() && output.text() != "private", "{}", output.text());
    let named =
        isolation.confinement(Confinement { read_only: vec![path.clone()], ..Confinement::default() });
    assert_eq!(shown(&named, read_boxed(), arguments()).text(), "private");
}

fn network(isolation: &Isolation) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let arguments = json!({"port": listener.local_addr().unwrap().port()});
    assert_eq!(shown(isolation, reach_local(), arguments.clone()).text(), "reached", "positive control");
    let output = shown(isolation, reach_boxed(), arguments);
    assert!(output.is_error(), "{}", output.text());
}

fn environment(isolation: &Isolation) {
    assert_eq!(shown(isolation, environment_local(), json!({})).text(), "true", "positive control");
    assert_eq!(shown(isolation, environment_boxed(), json!({})).text(), "false");
}

fn record(isolation: &Isolation) {
    let (toolbox, audit) = toolbox(isolation, [who_boxed()]);
    assert_eq!(toolbox.warnings(), [] as [&str; 0], "there is a sandbox");
    let agent = Caller { agent_id: Some("agent-123".parse().unwrap()), ..Caller::anonymous() };
    let output = toolbox.call_blocking("who_boxed", json!({"greeting": "Hello"}), &agent).unwrap();
    assert_eq!(output.json(), Some(json!({"said": "Hello agent-123"})));
    let mut record = last(&audit);
    assert!(record.as_object_mut().unwrap().remove("timestamp").is_some());
    assert_eq!(
        record,
        json!({
            "tool": "who_boxed",
            "agent_id": "agent-123",
            "args": {"greeting": "Hello"},
            "result": "allowed",
            "reason": null,
            "policy": "PERMISSIVE_POLICY",
            "sandbox": "box",
        })
    );
}

fn layers(isolation: &Isolation) {
    let output = shown(isolation, secrets_boxed(), json!({}));
    assert_eq!(output.json(), Some(json!({"api_key": "***REDACTED***", "user_ssn": "***-**-6789"})));
    let output = shown(isolation, stream_boxed(), json!({}));
    assert_eq!(output.text(), "key ***REDACTED*** is in two chunks");
    let output = shown(isolation, fail_boxed(), json!({}));
    assert!(output.is_error() && !output.text().contains("s3cr3t"), "{}", output.text());
    assert_eq!(refused(isolation, panic_boxed(), json!({})), Code::ToolPanicked);
    assert_eq!(refused(isolation, reach_boxed(), json!({"port": 70_000})), Code::ValidationError);
}

fn printed(isolation: &Isolation) {
    assert_eq!(shown(isolation, print_boxed(), json!({})).text(), "true");
}

fn forged(isolation: &Isolation) {
    assert_eq!(refused(isolation, forge_boxed(), json!({})), Code::SandboxError);
}

fn forged_by_a_child(isolation: &Isolation) {
    for _ in 0..5 {
        assert_eq!(shown(isolation, forge_by_child_boxed(), json!({})).text(), "ran\n");
    }
    // The control: of a process that does not hide, the same is found.
    let script = "sh -c 'for n in 0 1 2; do (: </proc/$PPID/fd/$n) 2>/dev/null && echo opened; done; (: </proc/$PPID/environ) && echo environ'; true";
    let output = Command::new("/bin/sh").args(["-c", script]).stdin(Stdio::null()).output().unwrap();
    let found = String::from_utf8(output.stdout).unwrap();
    assert!(found.contains("opened") && found.contains("environ"), "{found}");
}

fn left(isolation: &Isolation) {
    for code in [0, 1] {
        let (result, record) = call(isolation, leave_boxed(), json!({"code": code}));
        assert_eq!(result.unwrap_err().code(), Code::SandboxError);
        assert_eq!((&record["result"], &record["sandbox"]), (&json!("failed"), &json!("box")));
    }
}

/// Its author asks for nothing.
#[airlock]
fn environment_configured() -> bool {
    env::var_os(SECRET_VARIABLE).is_some()
}

fn configured(isolation: &Isolation) {
    let ask = |config: &str, isolation: &Isolation| {
        let (engine, audit) = engine(config);
        let builder = Toolbox::builder().engine(engine).isolation(isolation.clone());
        let toolbox = builder.tool(environment_configured()).build().unwrap();
        let result = toolbox.call_blocking("environment_configured", json!({}), &Caller::anonymous());
        (result.map(|output| output.text().to_owned()).map_err(|error| error.code()), last(&audit))
    };
    let none = isolation.sandbox(Arc::new(Fake::gone()));
    let (seen, record) = ask("", isolation);
    assert_eq!((seen.as_deref(), record.get("sandbox")), (Ok("true"), None), "positive control: here");
    let required = "[tools.\"environment_*\"]\nsandbox_required = true";
    let (seen, record) = ask(required, isolation);
    assert_eq!((seen.as_deref(), &record["sandbox"]), (Ok("false"), &json!("box")));
    let (seen, _) = ask(required, &none);
    assert_eq!(seen.unwrap_err(), Code::SandboxUnavailable);
    let (seen, record) = ask("[tools.\"environment_*\"]\nsandbox = true", &none);
    assert_eq!((seen.as_deref(), &record["unsandboxed"]), (Ok("true"), &json!(true)));
}

fn deadline(isolation: &Isolation) {
    let limits = Limits { wall: Some(Duration::from_millis(500)), ..Limits::default() };
    let short = isolation.confinement(Confinement { limits, ..Confinement::default() });
    assert_eq!(refused(&short, spin_boxed(), json!({})), Code::Timeout);
}

fn flood(isolation: &Isolation) {
    assert_eq!(refused(isolation, flood_boxed(), json!({})), Code::SandboxError);
    assert_eq!(refused(isolation, long_boxed(), json!({})), Code::SandboxError);
}

/// For sandboxes of the test's own choice.
static LAUNCHER: OnceLock<Launcher> = OnceLock::new();

fn lite(isolation: &Isolation) {
    let lite = ProcessBox::lite(LAUNCHER.get().unwrap().clone());
    let isolation = isolation.sandbox(Arc::new(lite)).at_least(Level::Lite);
    let (result, record) = call(&isolation, environment_boxed(), json!({}));
    assert_eq!((result.unwrap().text(), &record["sandbox"]), ("false", &json!("lite")));
    files(&isolation);
    network(&isolation);
    layers(&isolation);
    forged(&isolation);
    deadline(&isolation);
    // It is less than what is asked for by default.
    let strict = isolation.at_least(Level::Box);
    assert_eq!(refused(&strict, environment_boxed(), json!({})), Code::SandboxUnavailable);
}

/// A sandbox that ends each call in the same way.
#[derive(Debug)]
struct Fake {
    end: fn() -> Result<Outcome, SandboxError>,
    works: bool,
    runs: AtomicU32,
}

impl Fake {
    /// By its probe it works.
    fn new(end: fn() -> Result<Outcome, SandboxError>) -> Self {
        Self { end, works: true, runs: AtomicU32::new(0) }
    }

    /// By its probe it does not work either.
    fn gone() -> Self {
        Self { works: false, ..Self::new(gone) }
    }
}

impl Sandbox for Fake {
    fn backend(&self) -> Backend {
        Backend::Gvisor
    }

    fn probe(&self) -> Probe {
        if self.works { Probe::full(Backend::Gvisor) } else { Probe::unusable(Backend::Gvisor, "it is gone") }
    }

    fn run(&self, _: &Job, _: &Confinement) -> Result<Outcome, SandboxError> {
        self.runs.fetch_add(1, Ordering::SeqCst);
        (self.end)()
    }
}

/// What becomes of a call in a sandbox that ends like this; how often it was started, and how often the tool ran here.
fn in_fake(isolation: &Isolation, fake: Fake, tool: Tool) -> (Result<Output, Rejection>, Value, u32, u32) {
    let fake = Arc::new(fake);
    LOCAL_RUNS.store(0, Ordering::SeqCst);
    let (result, record) = call(&isolation.sandbox(Arc::clone(&fake) as _), tool, json!({}));
    (result, record, fake.runs.load(Ordering::SeqCst), LOCAL_RUNS.load(Ordering::SeqCst))
}

fn gone() -> Result<Outcome, SandboxError> {
    Err(SandboxError::Unavailable { backend: Backend::Gvisor, reason: "/home/ann: none".to_owned() })
}

fn said(level: Level, stdout: &[u8]) -> Outcome {
    let enforcement = Enforcement { level, ..Enforcement::default() };
    Outcome { end: End::Exited(0), stdout: stdout.to_vec(), stderr: Vec::new(), enforcement }
}

fn unavailable(isolation: &Isolation) {
    let (result, record, runs, local) = in_fake(isolation, Fake::gone(), counted_required());
    let refused = result.unwrap_err();
    assert_eq!((refused.code(), runs, local), (Code::SandboxUnavailable, 1, 0));
    assert_eq!(refused.fix_hints(), ["`gvisor` cannot be used"]);
    assert_eq!((&record["result"], record.get("sandbox")), (&json!("blocked"), None));

    let (result, record, runs, local) = in_fake(isolation, Fake::gone(), counted_wanted());
    assert_eq!((result.unwrap().text(), runs, local), ("1", 1, 1));
    assert_eq!((&record["unsandboxed"], record.get("sandbox")), (&json!(true), None));

    // There is one, by its probe, and it failed this time: many calls at once may bring that about, and no tool leaves it so.
    let (result, record, runs, local) = in_fake(isolation, Fake::new(gone), counted_wanted());
    assert_eq!((result.unwrap_err().code(), runs, local), (Code::SandboxUnavailable, 1, 0));
    assert_eq!((&record["result"], record.get("sandbox")), (&json!("blocked"), None));

    // The machine's own box is too weak for what is asked.
    let (toolbox, audit) = toolbox(&isolation.at_least(Level::Machine), [counted_required()]);
    assert!(toolbox.warnings()[0].contains("its calls are refused"), "{:?}", toolbox.warnings());
    LOCAL_RUNS.store(0, Ordering::SeqCst);
    let refused = toolbox.call_blocking("counted_required", json!({}), &Caller::anonymous()).unwrap_err();
    assert_eq!((refused.code(), LOCAL_RUNS.load(Ordering::SeqCst)), (Code::SandboxUnavailable, 0));
    assert_eq!(last(&audit)["reason"], "sandbox_unavailable");
}

fn lost(isolation: &Isolation) {
    let right = || Ok(said(Level::Kernel, b"{\"json\":\"7\"}\n"));
    for tool in [counted_required, counted_wanted] {
        let (result, record, runs, local) = in_fake(isolation, Fake::new(right), tool());
        assert_eq!((result.unwrap().text(), runs, local), ("7", 1, 0), "positive control");
        assert_eq!(record["sandbox"], "gvisor");
        for end in [
            (|| Err(SandboxError::Lost)) as fn() -> _,
            || Err(SandboxError::Broken { backend: Backend::Gvisor, reason: String::new() }),
            || Err(SandboxError::Failed { step: Step::ReadBack, source: io::Error::other("broken") }),
            || Ok(said(Level::Kernel, b"")),
            || Ok(said(Level::Kernel, b"{\"json\":\"7")),
            || Ok(said(Level::Kernel, b"{\"json\":\"7\"}\n{\"json\":\"8\"}\n")),
            || Ok(said(Level::Kernel, b"{\"json\":\"[7\"}\n")),
            || Ok(said(Level::Lite, b"{\"json\":\"7\"}\n")),
            || panic!("a broken backend"),
        ] {
            let (result, record, runs, local) = in_fake(isolation, Fake::new(end), tool());
            assert_eq!((result.unwrap_err().code(), runs, local), (Code::SandboxError, 1, 0));
            assert_eq!((&record["result"], &record["reason"]), (&json!("failed"), &json!("sandbox_error")));
            assert_eq!(record["sandbox"], "gvisor");
        }
    }
}

/// Opens for the sandbox of [`waiting`], which waits for it.
static GATE: Mutex<Option<Receiver<()>>> = Mutex::new(None);

fn at_the_gate() -> Result<Outcome, SandboxError> {
    let gate = GATE.lock().unwrap().take().unwrap();
    // Only a thread that nobody waits for can be waited for here.
    gate.recv_timeout(Duration::from_secs(30)).map_err(|_| SandboxError::Lost)?;
    Ok(said(Level::Kernel, b"{\"json\":\"7\"}\n"))
}

fn waiting(isolation: &Isolation) {
    let fake = isolation.sandbox(Arc::new(Fake::new(at_the_gate)));
    let (toolbox, audit) = toolbox(&fake, [counted_required()]);
    let caller = Caller::anonymous();
    for leave in [false, true] {
        let (open, gate) = mpsc::channel();
        *GATE.lock().unwrap() = Some(gate);
        let mut call = Box::pin(toolbox.call("counted_required", json!({}), &caller));
        assert!(call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        if leave {
            drop(call);
            let record = last(&audit);
            assert_eq!((&record["result"], &record["sandbox"]), (&json!("abandoned"), &json!("gvisor")));
        } else {
            open.send(()).unwrap();
            assert_eq!(pollster::block_on(call).unwrap().text(), "7");
        }
    }
}

/// The box, and who hears how each run in it ended.
#[derive(Debug)]
struct Overheard(ProcessBox, mpsc::SyncSender<Result<End, SandboxError>>);

impl Sandbox for Overheard {
    fn backend(&self) -> Backend {
        self.0.backend()
    }

    fn probe(&self) -> Probe {
        self.0.probe()
    }

    fn run(&self, job: &Job, confinement: &Confinement) -> Result<Outcome, SandboxError> {
        let outcome = self.0.run(job, confinement);
        let end = outcome.as_ref().map(|outcome| outcome.end);
        self.1
            .send(end.map_err(|error| match error {
                SandboxError::GivenUp => SandboxError::GivenUp,
                other => panic!("{other}"),
            }))
            .unwrap();
        outcome
    }
}

fn left_alone(isolation: &Isolation) {
    let (heard, hearing) = mpsc::sync_channel(1);
    let sandbox = ProcessBox::new(LAUNCHER.get().unwrap().clone());
    let limits = Limits { wall: Some(Duration::from_secs(3)), ..Limits::default() };
    let isolation = isolation
        .sandbox(Arc::new(Overheard(sandbox, heard)))
        .confinement(Confinement { limits, ..Confinement::default() });
    let (toolbox, audit) = toolbox(&isolation, [spin_boxed()]);
    let caller = Caller::anonymous();
    for leave in [true, false] {
        let mut call = Box::pin(toolbox.call("spin_boxed", json!({}), &caller));
        assert!(call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        if leave {
            drop(call);
            assert!(matches!(hearing.recv().unwrap(), Err(SandboxError::GivenUp)));
            assert_eq!(last(&audit)["result"], "abandoned");
        } else {
            assert_eq!(pollster::block_on(call).unwrap_err().code(), Code::Timeout);
            assert_eq!(hearing.recv().unwrap().unwrap(), End::DeadlineExceeded, "positive control");
        }
    }
}

fn by_hand(_: &Isolation) {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let held = status.lines().any(|line| line.starts_with("NoNewPrivs:") && line.ends_with('1'));
    let mut worker = Command::new(env::current_exe().unwrap());
    worker.args(["__airlock_tool", "environment_boxed"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut worker = worker.spawn().unwrap();
    // What the host would say.
    let request = br#"{"arguments":"{}","agent_id":null,"session_id":null,"roles":[]}"#;
    // It may be gone before it reads.
    let _ = worker.stdin.take().unwrap().write_all(request);
    let output = worker.wait_with_output().unwrap();
    if held {
        assert_eq!(output.stdout, b"{\"json\":\"true\"}\n", "who starts the test holds it like a sandbox");
    } else {
        assert_eq!((output.status.code(), output.stdout), (Some(64), Vec::new()));
    }
}

fn unlisted(isolation: &Isolation) {
    LOCAL_RUNS.store(0, Ordering::SeqCst);
    let other = Tool::new("counted_wanted", "", |_: Value, _| async { Ok::<_, String>("another tool") })
        .sandbox(agent_airlock::SandboxNeed::Required);
    for (tool, expected) in [(unlisted_required(), "not in the list"), (other, "another tool of this name")] {
        let (result, record) = call(isolation, tool, json!({}));
        let refused = result.unwrap_err();
        assert_eq!(refused.code(), Code::SandboxUnavailable);
        assert!(refused.fix_hints()[0].contains(expected), "{refused:?}");
        assert!(refused.fix_hints()[0].contains("agent_airlock::enter(&["), "{refused:?}");
        assert_eq!(record["result"], "blocked");
    }
    assert_eq!(LOCAL_RUNS.load(Ordering::SeqCst), 0);
}
