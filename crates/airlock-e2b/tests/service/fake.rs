//! The service: machines are folders, and their programs run in boxes that show the folder.

#[path = "fake/http.rs"]
mod http;
#[path = "fake/inside.rs"]
mod inside;
#[path = "fake/interpreter.rs"]
mod interpreter;

use std::{
    collections::BTreeMap,
    fs, io,
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt as _,
    process::ChildStdin,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use airlock_e2b::{Client, E2bSandbox, Settings, SettingsError};
use airlock_sandbox::{Hold, ProcessBox};
use serde_json::{Value, json};
use tempfile::TempDir;

use self::{
    http::{Request, answer, read, say},
    interpreter::Kernel,
};

pub(crate) const KEY: &str = "e2b_0123456789abcdef0123456789abcdef01234567";
/// Long after this a hanging answer is given up, so that no thread stays for ever.
const HANG: Duration = Duration::from_secs(60);

/// What goes wrong.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// This status, these headers (each with the end of its line) and this text; nothing is done.
    Answer(u16, &'static str, &'static str),
    /// It is refused with all that it said, and what the service knows besides; nothing is done.
    Echo,
    /// The connection is closed, and nothing is done.
    Ignored,
    /// It is done, and the connection is closed without an answer.
    Unanswered,
    /// Nothing is done or answered, as long as the machine lives, or the service.
    Silent,
    /// As that, and for as long as the service lives.
    Deaf,
    /// It is done when [`Fake::release`] was called, and answered.
    Held,
    /// A machine is made, with another token in the answer than it wants.
    Token(Option<&'static str>),
    /// A machine is made or connected to, and this member of the answer is this, in JSON.
    Named(&'static str, &'static str),
    /// The program is refused at the end of the stream, with this code.
    Refused(&'static str),
    /// The program begins; then half a message, and the regular end of the answer.
    HalfFrame,
    /// The program begins; then the stream ends with an error.
    ErrorEnd,
    /// The program begins; then nothing more comes, as long as the machine lives.
    Hang,
    /// The program begins; then the connection is closed.
    Cut,
    /// Input or a file arrives with one bit turned around.
    Altered,
    /// Input arrives twice.
    Twice,
    /// Another program runs, which says that it does.
    Swapped,
}

pub(crate) struct Fake {
    url: String,
    state: Arc<State>,
}

struct State {
    sandbox: ProcessBox,
    machines: Mutex<BTreeMap<String, Arc<Machine>>>,
    /// Answers to the creation of machines, by the key of the request.
    made: Mutex<BTreeMap<String, Value>>,
    faults: Mutex<Vec<(&'static str, usize, Fault)>>,
    calls: Mutex<Vec<(String, Value)>>,
    programs: AtomicUsize,
    /// The machines in which programs began.
    ran_in: Mutex<Vec<String>>,
    /// What all programs wrote.
    written: Mutex<Vec<u8>>,
    /// How many requests are not answered for as long as the service lives.
    hanging: AtomicUsize,
    released: AtomicBool,
    numbers: AtomicU32,
    /// It knows the first version only.
    old: AtomicBool,
    /// The version inside of machines.
    envd: Mutex<&'static str>,
    over: AtomicBool,
}

struct Machine {
    id: String,
    envd: &'static str,
    token: String,
    /// What its ports need besides, but for that of programs and files.
    traffic: Option<String>,
    folder: TempDir,
    paused: AtomicBool,
    gone: AtomicBool,
    end: Mutex<Instant>,
    processes: Mutex<BTreeMap<u32, Process>>,
    kernel: Mutex<Option<Kernel>>,
}

struct Process {
    stdin: Option<Arc<Mutex<ChildStdin>>>,
    hold: Option<Hold>,
    helper: u32,
}

fn misname(named: &mut Value, fault: Option<Fault>) {
    if let Some(Fault::Named(member, value)) = fault {
        named[member] = serde_json::from_str(value).unwrap();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}

/// Waits until something is so; whether it is, or was waited for too long.
pub(crate) fn until(so: impl Fn() -> bool) -> bool {
    let begin = Instant::now();
    while !so() {
        if begin.elapsed() > HANG {
            return false;
        }
        thread::sleep(Duration::from_millis(5));
    }
    true
}

impl Fake {
    pub(crate) fn start(sandbox: ProcessBox) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(State {
            sandbox,
            machines: Mutex::default(),
            made: Mutex::default(),
            faults: Mutex::default(),
            calls: Mutex::default(),
            programs: AtomicUsize::new(0),
            ran_in: Mutex::default(),
            written: Mutex::default(),
            hanging: AtomicUsize::new(0),
            released: AtomicBool::new(false),
            numbers: AtomicU32::new(1),
            old: AtomicBool::new(false),
            envd: Mutex::new("0.5.6"),
            over: AtomicBool::new(false),
        });
        let serving = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if serving.over.load(Ordering::Acquire) {
                    break;
                }
                let (state, Ok(stream)) = (Arc::clone(&serving), stream) else { continue };
                // Whoever hangs up is no problem of the service.
                thread::spawn(move || drop(state.serve(&stream)));
            }
        });
        Self { url, state }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// What was asked, for whoever has to find out what went wrong.
    pub(crate) fn shown(&self) -> String {
        format!("{:#?}", lock(&self.state.calls))
    }

    pub(crate) fn settings(&self, key: Option<&str>) -> Result<Settings, SettingsError> {
        Settings::from_variables(|name| match name {
            "E2B_API_KEY" => key.map(str::to_owned),
            "E2B_API_URL" | "E2B_SANDBOX_URL" => Some(self.url.clone()),
            _ => None,
        })
    }

    pub(crate) fn sandbox(&self) -> E2bSandbox {
        E2bSandbox::new(self.settings(Some(KEY)))
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(self.settings(Some(KEY)).unwrap())
    }

    /// The next `times` requests whose first line contains `route` go wrong.
    pub(crate) fn fault(&self, route: &'static str, times: usize, fault: Fault) {
        lock(&self.state.faults).push((route, times, fault));
    }

    /// Nothing goes wrong any more.
    pub(crate) fn heal(&self) {
        lock(&self.state.faults).clear();
    }

    pub(crate) fn make_old(&self) {
        self.state.old.store(true, Ordering::Release);
    }

    /// Machines are made with this version inside.
    pub(crate) fn make_envd(&self, version: &'static str) {
        *lock(&self.state.envd) = version;
    }

    /// How many programs have begun.
    pub(crate) fn programs(&self) -> usize {
        self.state.programs.load(Ordering::Acquire)
    }

    /// The bodies of the requests whose first line contains `route`.
    pub(crate) fn calls(&self, route: &str) -> Vec<Value> {
        let calls = lock(&self.state.calls);
        calls.iter().filter(|(line, _)| line.contains(route)).map(|(_, body)| body.clone()).collect()
    }

    /// The first lines of the requests that contain `route`.
    pub(crate) fn lines(&self, route: &str) -> Vec<String> {
        let calls = lock(&self.state.calls);
        calls.iter().map(|(line, _)| line).filter(|line| line.contains(route)).cloned().collect()
    }

    /// How many machines were made, also under the same key.
    pub(crate) fn made(&self) -> usize {
        lock(&self.state.made).len()
    }

    pub(crate) fn living(&self) -> usize {
        self.machines().len()
    }

    /// The machines that live.
    pub(crate) fn machines(&self) -> Vec<String> {
        self.state.sweep().keys().cloned().collect()
    }

    /// The machines in which programs began, one for each.
    pub(crate) fn ran_in(&self) -> Vec<String> {
        lock(&self.state.ran_in).clone()
    }

    /// What all programs wrote, to either stream.
    pub(crate) fn written(&self) -> String {
        String::from_utf8_lossy(&lock(&self.state.written)).into_owned()
    }

    /// All machines end, as if the service had ended them.
    pub(crate) fn end_machines(&self) {
        for machine in std::mem::take(&mut *lock(&self.state.machines)).into_values() {
            machine.end();
        }
    }

    pub(crate) fn hanging(&self) -> usize {
        self.state.hanging.load(Ordering::Acquire)
    }

    /// What is held goes on.
    pub(crate) fn release(&self) {
        self.state.released.store(true, Ordering::Release);
    }

    /// Nobody listens any more, and no machine is left.
    pub(crate) fn stop(&self) {
        self.state.over.store(true, Ordering::Release);
        self.end_machines();
        drop(TcpStream::connect(self.url.trim_start_matches("http://")));
    }

    /// Machines were made, and none is left.
    pub(crate) fn is_empty(&self) {
        assert!(self.made() > 0);
        assert_eq!(self.living(), 0);
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Machine {
    fn end(&self) {
        self.gone.store(true, Ordering::Release);
        lock(&self.processes).clear();
    }

    fn until_gone(&self) {
        until(|| self.gone.load(Ordering::Acquire));
    }
}

impl State {
    fn serve(&self, stream: &TcpStream) -> io::Result<()> {
        let request = read(stream)?;
        let body = serde_json::from_slice(&request.body).unwrap_or_default();
        lock(&self.calls).push((request.line.clone(), body));
        let fault = self.fault(&request.line);
        match fault {
            Some(Fault::Answer(status, headers, body)) => {
                return answer(stream, status, headers, body.as_bytes());
            }
            Some(Fault::Echo) => {
                let machines: Vec<_> = lock(&self.machines).values().map(|machine| machine.named()).collect();
                let secrets = request.headers.values().map(String::as_str);
                let mut said: Vec<_> =
                    secrets.filter(|value| value.contains("token") || *value == KEY).collect();
                let all = json!(machines).to_string();
                said.push(&all);
                return say(
                    stream,
                    400,
                    &json!({ "code": 400, "message": format!("you said {}", said.join(" ")) }),
                );
            }
            Some(Fault::Ignored) => return Ok(()),
            Some(Fault::Unanswered)
                if request.line.contains("/files") || request.line.contains("/timeout") =>
            {
                return Ok(());
            }
            _ => {}
        }
        let (method, rest) = request.line.split_once(' ').unwrap();
        let target = rest.split(' ').next().unwrap();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        if request.headers.contains_key("e2b-sandbox-id") {
            return self.inside(stream, &request, method, path, query, fault);
        }
        if request.headers.get("x-api-key").map(String::as_str) != Some(KEY) {
            // As careless as a service can be.
            let key = request.headers.get("x-api-key");
            return say(stream, 401, &json!({ "code": 401, "message": format!("wrong key {key:?}") }));
        }
        match fault {
            Some(Fault::Silent | Fault::Deaf) => {
                self.hang_until(&self.over);
                return Ok(());
            }
            Some(Fault::Held) => self.hang_until(&self.released),
            _ => {}
        }
        if path.starts_with("/v2") && self.old.load(Ordering::Acquire) {
            return say(stream, 404, &json!({ "code": 404, "message": "no such page" }));
        }
        let path = path.trim_start_matches("/v2").trim_start_matches("/sandboxes").trim_start_matches('/');
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let seconds = Duration::from_secs(body["timeout"].as_u64().unwrap_or(300));
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        match (method, parts.as_slice()) {
            ("GET", []) => say(stream, 200, &json!([])),
            ("POST", []) => {
                let made = self.make(&request, &body, seconds, fault);
                if matches!(fault, Some(Fault::Unanswered)) { Ok(()) } else { say(stream, 201, &made) }
            }
            (method, [id, rest @ ..]) => {
                let Some(machine) = self.living(id) else {
                    return say(stream, 404, &json!({ "code": 404, "message": "no such sandbox" }));
                };
                match (method, rest) {
                    ("GET", []) => say(stream, 200, &machine.detail()),
                    ("DELETE", []) => {
                        lock(&self.machines).remove(&machine.id);
                        machine.end();
                        answer(stream, 204, "", b"")
                    }
                    ("POST", ["timeout"]) => {
                        *lock(&machine.end) = Instant::now() + seconds;
                        answer(stream, 204, "", b"")
                    }
                    ("POST", ["pause"]) => {
                        let paused = machine.paused.swap(true, Ordering::AcqRel);
                        answer(stream, if paused { 409 } else { 204 }, "", b"")
                    }
                    ("POST", ["connect"]) => {
                        let paused = machine.paused.swap(false, Ordering::AcqRel);
                        *lock(&machine.end) = Instant::now() + seconds;
                        let mut named = machine.named();
                        misname(&mut named, fault);
                        say(stream, if paused { 201 } else { 200 }, &named)
                    }
                    _ => say(stream, 405, &json!({ "code": 405, "message": "no such call" })),
                }
            }
            _ => say(stream, 405, &json!({ "code": 405, "message": "no such call" })),
        }
    }

    fn fault(&self, line: &str) -> Option<Fault> {
        let mut faults = lock(&self.faults);
        let (_, times, fault) =
            faults.iter_mut().find(|(route, times, _)| *times > 0 && line.contains(*route))?;
        *times -= 1;
        Some(*fault)
    }

    /// Whether nothing is to be answered; then it is late enough to hang up.
    fn is_mute(&self, machine: &Machine, fault: Option<Fault>) -> bool {
        match fault {
            Some(Fault::Silent) => machine.until_gone(),
            Some(Fault::Deaf) => self.hang_until(&self.over),
            _ => return false,
        }
        true
    }

    fn hang_until(&self, released: &AtomicBool) {
        self.hanging.fetch_add(1, Ordering::AcqRel);
        until(|| released.load(Ordering::Acquire));
        self.hanging.fetch_sub(1, Ordering::AcqRel);
    }

    fn living(&self, id: &str) -> Option<Arc<Machine>> {
        self.sweep().get(id).cloned()
    }

    /// The machines whose time is not over.
    fn sweep(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Machine>>> {
        let mut machines = lock(&self.machines);
        machines.retain(|_, machine| {
            let lives = Instant::now() < *lock(&machine.end);
            if !lives {
                machine.end();
            }
            lives
        });
        machines
    }

    fn make(&self, request: &Request, body: &Value, life: Duration, fault: Option<Fault>) -> Value {
        let number = self.numbers.fetch_add(1, Ordering::AcqRel);
        let key = request.headers.get("idempotency-key").cloned();
        let mut made = lock(&self.made);
        made.entry(key.unwrap_or_else(|| number.to_string()))
            .or_insert_with(|| {
                let folder = tempfile::tempdir().unwrap();
                // In a box there is no root, if there is one here.
                fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
                let machine = Machine {
                    envd: *lock(&self.envd),
                    id: format!("i{number}"),
                    token: format!("token-{number}"),
                    traffic: (body["network"]["allowPublicTraffic"] == false)
                        .then(|| format!("traffic-{number}")),
                    folder,
                    paused: AtomicBool::new(false),
                    gone: AtomicBool::new(false),
                    end: Mutex::new(Instant::now() + life),
                    processes: Mutex::default(),
                    kernel: Mutex::default(),
                };
                let mut named = machine.named();
                // The first version guards a machine only if it is told to.
                let first = !request.line.contains("/v2/");
                if first && body["secure"] != true {
                    named["envdAccessToken"] = Value::Null;
                }
                if let Some(Fault::Token(token)) = fault {
                    named["envdAccessToken"] = json!(token);
                }
                misname(&mut named, fault);
                lock(&self.machines).insert(machine.id.clone(), Arc::new(machine));
                named
            })
            .clone()
    }
}

impl Machine {
    fn named(&self) -> Value {
        json!({
            "templateID": "base", "sandboxID": self.id, "clientID": "c", "envdVersion": self.envd,
            "envdAccessToken": self.token, "trafficAccessToken": self.traffic, "domain": null,
        })
    }

    fn detail(&self) -> Value {
        let state = if self.paused.load(Ordering::Acquire) { "paused" } else { "running" };
        let mut detail = self.named();
        for (name, value) in [
            ("state", json!(state)),
            ("startedAt", json!("2026-11-25T10:00:00Z")),
            ("endAt", json!("2026-11-25T11:00:00Z")),
            ("cpuCount", json!(1)),
            ("memoryMB", json!(512)),
            ("diskSizeMB", json!(512)),
        ] {
            detail[name] = value;
        }
        detail
    }
}
