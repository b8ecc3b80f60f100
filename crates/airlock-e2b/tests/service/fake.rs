//! The service: machines are folders, and their programs run in boxes that show the folder.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    io::{self, BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{ChildStdin, Command},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use airlock_e2b::{Client, E2bSandbox, Settings, SettingsError};
use airlock_sandbox::{Confinement, Hold, Limits, ProcessBox};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) const KEY: &str = "e2b_0123456789abcdef0123456789abcdef01234567";
/// Long after this a hanging answer is given up, so that no thread stays for ever.
const HANG: Duration = Duration::from_secs(60);

/// What goes wrong.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// This status, these headers (each with the end of its line) and this text; nothing is done.
    Answer(u16, &'static str, &'static str),
    /// The connection is closed, and nothing is done.
    Ignored,
    /// It is done, and the connection is closed without an answer.
    Unanswered,
    /// Nothing is done or answered, as long as the machine lives.
    Silent,
    /// A machine is made, with another token in the answer than it wants.
    Token(Option<&'static str>),
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
    numbers: AtomicU32,
    /// It knows the first version only.
    old: AtomicBool,
    over: AtomicBool,
}

struct Machine {
    id: String,
    token: String,
    folder: TempDir,
    paused: AtomicBool,
    gone: AtomicBool,
    end: Mutex<Instant>,
    processes: Mutex<BTreeMap<u32, Process>>,
}

struct Process {
    stdin: Option<Arc<Mutex<ChildStdin>>>,
    hold: Option<Hold>,
    helper: u32,
}

struct Request {
    line: String,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
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
            numbers: AtomicU32::new(1),
            old: AtomicBool::new(false),
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

    pub(crate) fn make_old(&self) {
        self.state.old.store(true, Ordering::Release);
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

    /// How many machines were made, also under the same key.
    pub(crate) fn made(&self) -> usize {
        lock(&self.state.made).len()
    }

    pub(crate) fn living(&self) -> usize {
        lock(&self.state.machines).len()
    }

    /// Nobody listens any more, and no machine is left.
    pub(crate) fn stop(&self) {
        self.state.over.store(true, Ordering::Release);
        for machine in std::mem::take(&mut *lock(&self.state.machines)).into_values() {
            machine.end();
        }
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
        let begin = Instant::now();
        while !self.gone.load(Ordering::Acquire) && begin.elapsed() < HANG {
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// The box for a program, if there is such a program.
    fn box_for(&self, process: &Value) -> Option<(Vec<OsString>, Confinement)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let cmd = text(&process["cmd"]);
        let found = |folder: &&str| Path::new(folder).join(&cmd).is_file();
        ["/", "/usr/local/bin", "/usr/bin", "/bin"].iter().find(|folder| found(folder))?;
        let list = process["args"].as_array().cloned().unwrap_or_default();
        let command = [cmd].into_iter().chain(list.iter().map(text)).map(Into::into).collect();
        let envs = process["envs"].as_object().cloned().unwrap_or_default();
        let confinement = Confinement {
            writable: vec![self.folder.path().to_owned()],
            environment: envs.iter().map(|(name, value)| (name.into(), text(value).into())).collect(),
            folder: self.path(process["cwd"].as_str().unwrap_or_default()),
            limits: Limits { wall: None, ..Limits::default() },
            ..Confinement::default()
        };
        Some((command, confinement))
    }

    /// Where a file of the machine is: its home is the folder.
    fn path(&self, path: &str) -> Option<PathBuf> {
        let path = path.strip_prefix("/home/user").unwrap_or(path).trim_start_matches('/');
        let inside = Path::new(path).components().all(|part| matches!(part, std::path::Component::Normal(_)));
        inside.then(|| self.folder.path().join(path))
    }
}

fn read(stream: &TcpStream) -> io::Result<Request> {
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let header = |line: &String| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_ascii_lowercase(), value.trim().to_owned()))
    };
    let headers: BTreeMap<_, _> = lines.iter().skip(1).filter_map(header).collect();
    let mut body = Vec::new();
    if headers.get("transfer-encoding").is_some_and(|coding| coding == "chunked") {
        loop {
            let mut size = String::new();
            reader.read_line(&mut size)?;
            let size = usize::from_str_radix(size.trim_end(), 16).map_err(io::Error::other)?;
            let mut piece = vec![0; size + b"\r\n".len()];
            reader.read_exact(&mut piece)?;
            if size == 0 {
                break;
            }
            body.extend(&piece[..size]);
        }
    } else {
        body.resize(headers.get("content-length").map_or(0, |length| length.parse().unwrap()), 0);
        reader.read_exact(&mut body)?;
    }
    Ok(Request { line: lines.swap_remove(0), headers, body })
}

fn answer(stream: &TcpStream, status: u16, headers: &str, body: &[u8]) -> io::Result<()> {
    let (mut stream, length) = (stream, body.len());
    // These have no body, and may not say how long it is.
    let length = if status == 204 { String::new() } else { format!("content-length: {length}\r\n") };
    let head = format!("HTTP/1.1 {status} X\r\nconnection: close\r\n{length}{headers}\r\n");
    stream.write_all(&[head.as_bytes(), body].concat())
}

fn say(stream: &TcpStream, status: u16, body: &Value) -> io::Result<()> {
    answer(stream, status, "content-type: application/json\r\n", body.to_string().as_bytes())
}

/// A piece of an answer whose length is not known at its begin.
fn chunk(mut stream: &TcpStream, piece: &[u8]) -> io::Result<()> {
    stream.write_all(&[format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat())
}

fn frame(flags: u8, message: &Value) -> Vec<u8> {
    let message = message.to_string();
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[flags], length.as_slice(), message.as_bytes()].concat()
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
            Some(Fault::Ignored) => return Ok(()),
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
                        say(stream, if paused { 201 } else { 200 }, &machine.named())
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

    fn living(&self, id: &str) -> Option<Arc<Machine>> {
        let mut machines = lock(&self.machines);
        machines.retain(|_, machine| {
            let lives = Instant::now() < *lock(&machine.end);
            if !lives {
                machine.end();
            }
            lives
        });
        machines.get(id).cloned()
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
                    id: format!("i{number}"),
                    token: format!("token-{number}"),
                    folder,
                    paused: AtomicBool::new(false),
                    gone: AtomicBool::new(false),
                    end: Mutex::new(Instant::now() + life),
                    processes: Mutex::default(),
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
                lock(&self.machines).insert(machine.id.clone(), Arc::new(machine));
                named
            })
            .clone()
    }

    /// The service inside a machine.
    fn inside(
        &self,
        stream: &TcpStream,
        request: &Request,
        method: &str,
        path: &str,
        query: &str,
        fault: Option<Fault>,
    ) -> io::Result<()> {
        let id = &request.headers["e2b-sandbox-id"];
        let machine = self.living(id).filter(|machine| !machine.paused.load(Ordering::Acquire));
        let Some(machine) = machine else {
            return answer(stream, 502, "", format!("The sandbox {id} was not found").as_bytes());
        };
        if path == "/health" {
            return answer(stream, 204, "", b"");
        }
        if request.headers.get("x-access-token") != Some(&machine.token) {
            return say(stream, 401, &json!({ "code": "unauthenticated", "message": "wrong token" }));
        }
        if path == "/files" {
            return files(stream, request, method, query, &machine);
        }
        if path == "/process.Process/Start" {
            let body: Value = serde_json::from_slice(&request.body[5..])?;
            return self.program(stream, &body, &machine, fault);
        }
        let body: Value = serde_json::from_slice(&request.body)?;
        let pid = body["process"]["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok()).unwrap_or_default();
        let none = json!({ "code": "not_found", "message": "no such process" });
        let mut processes = lock(&machine.processes);
        let Some(process) = processes.get_mut(&pid) else { return say(stream, 404, &none) };
        match path {
            "/process.Process/SendInput" => {
                let input = STANDARD.decode(body["input"]["stdin"].as_str().unwrap_or_default()).unwrap();
                let Some(stdin) = process.stdin.clone() else {
                    let message = "its standard input is closed";
                    return say(stream, 400, &json!({ "code": "failed_precondition", "message": message }));
                };
                drop(processes);
                match lock(&stdin).write_all(&input) {
                    Ok(()) => say(stream, 200, &json!({})),
                    Err(error) => {
                        say(stream, 500, &json!({ "code": "internal", "message": error.to_string() }))
                    }
                }
            }
            "/process.Process/CloseStdin" => {
                process.stdin = None;
                say(stream, 200, &json!({}))
            }
            "/process.Process/SendSignal" => {
                if body["signal"] == "SIGNAL_SIGKILL" {
                    process.hold = None;
                } else {
                    Command::new("kill").arg("-TERM").arg(process.helper.to_string()).status()?;
                }
                say(stream, 200, &json!({}))
            }
            _ => say(stream, 404, &json!({ "code": "unimplemented", "message": "no such method" })),
        }
    }

    /// Runs a program in a box, and tells what happens to it.
    fn program(
        &self,
        stream: &TcpStream,
        body: &Value,
        machine: &Arc<Machine>,
        fault: Option<Fault>,
    ) -> io::Result<()> {
        if matches!(fault, Some(Fault::Silent)) {
            machine.until_gone();
            return Ok(());
        }
        let head = "HTTP/1.1 200 X\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\
                    content-type: application/connect+json\r\n\r\n";
        let last = |error: &Value| -> io::Result<()> {
            chunk(stream, &frame(2, error))?;
            chunk(stream, b"")
        };
        let refuse = |code: &str, message: &str| -> io::Result<()> {
            let mut writer = stream;
            writer.write_all(head.as_bytes())?;
            last(&json!({ "error": { "code": code, "message": message } }))
        };
        if let Some(Fault::Refused(code)) = fault {
            return refuse(code, "not today");
        }
        let Some((command, confinement)) = machine.box_for(&body["process"]) else {
            return refuse("invalid_argument", "no such program");
        };
        let mut running = match self.sandbox.start(&command, &confinement) {
            Ok(running) => running,
            Err(error) => return refuse("internal", &error.to_string()),
        };
        self.programs.fetch_add(1, Ordering::AcqRel);
        let (stdin, stdout, stderr) = running.streams();
        let (mut child, hold, aftermath) = running.into_parts();
        let stdin = stdin.filter(|_| body["stdin"] == true).map(|stdin| Arc::new(Mutex::new(stdin)));
        let pid = self.numbers.fetch_add(1, Ordering::AcqRel);
        let entry = Process { stdin, hold: Some(hold), helper: child.id() };
        lock(&machine.processes).insert(pid, entry);
        // It may have been ended meanwhile.
        if machine.gone.load(Ordering::Acquire) {
            lock(&machine.processes).clear();
        }
        let event = |event: Value| chunk(stream, &frame(0, &json!({ "event": event })));
        if !matches!(fault, Some(Fault::Unanswered)) {
            let mut writer = stream;
            writer.write_all(head.as_bytes())?;
            event(json!({ "start": { "pid": pid } }))?;
        }
        let broken = match fault {
            Some(Fault::HalfFrame) => {
                let whole = frame(0, &json!({ "event": { "data": { "stdout": "aGFsZg==" } } }));
                chunk(stream, &whole[..whole.len() / 2]).and_then(|()| chunk(stream, b""))
            }
            Some(Fault::ErrorEnd) => last(&json!({ "error": { "code": "unavailable", "message": "moved" } })),
            Some(Fault::Hang) => {
                machine.until_gone();
                Ok(())
            }
            Some(Fault::Cut | Fault::Unanswered) => Ok(()),
            _ => Err(io::ErrorKind::Other.into()),
        };
        let alone = broken.is_ok();
        if alone {
            // The program itself lives on until its machine ends; the connection does not.
            stream.shutdown(std::net::Shutdown::Both)?;
        }
        let writing = Mutex::new(());
        thread::scope(|scope| {
            let tell = |name: &'static str, mut output: Box<dyn Read + Send>| {
                let writing = &writing;
                scope.spawn(move || {
                    let mut piece = vec![0; 32 << 10];
                    while let Ok(read @ 1..) = output.read(&mut piece) {
                        let data = json!({ "event": { "data": { name: STANDARD.encode(&piece[..read]) } } });
                        let _one = lock(writing);
                        // It runs on when nobody listens.
                        drop((!alone).then(|| chunk(stream, &frame(0, &data))));
                    }
                });
            };
            tell("stdout", Box::new(stdout.unwrap()));
            tell("stderr", Box::new(stderr.unwrap()));
        });
        let code = child.wait()?.code().unwrap_or(137);
        drop(aftermath);
        let ended = lock(&machine.processes).remove(&pid);
        if alone || machine.gone.load(Ordering::Acquire) {
            return Ok(());
        }
        let killed = ended.is_some_and(|process| process.hold.is_none());
        let end = match code {
            _ if killed => json!({ "exitCode": -1, "status": "signal: killed" }),
            137 => json!({ "exitCode": -1, "status": "signal: killed" }),
            143 => json!({ "exitCode": -1, "status": "signal: terminated" }),
            // What is zero is left out.
            0 => json!({ "exited": true, "status": "exit status 0" }),
            code => json!({ "exitCode": code, "exited": true, "status": format!("exit status {code}") }),
        };
        event(json!({ "keepalive": {} }))?;
        event(json!({ "end": end }))?;
        last(&json!({}))
    }
}

impl Machine {
    fn named(&self) -> Value {
        json!({
            "templateID": "base", "sandboxID": self.id, "clientID": "c", "envdVersion": "0.5.6",
            "envdAccessToken": self.token, "domain": null,
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

fn files(
    stream: &TcpStream,
    request: &Request,
    method: &str,
    query: &str,
    machine: &Machine,
) -> io::Result<()> {
    let asked = query.split('&').find_map(|pair| pair.strip_prefix("path=")).map(decode).unwrap_or_default();
    let Some(path) = machine.path(&asked) else {
        return say(stream, 400, &json!({ "code": 400, "message": "no such place" }));
    };
    if method == "GET" {
        return match fs::read(path) {
            Ok(content) => answer(stream, 200, "content-type: application/octet-stream\r\n", &content),
            Err(error) => say(stream, 404, &json!({ "code": 404, "message": error.to_string() })),
        };
    }
    let kind = &request.headers["content-type"];
    let boundary = kind.split_once("boundary=").unwrap().1.trim_matches('"');
    let find = |text: &[u8], from: usize| {
        request.body[from..].windows(text.len()).position(|part| part == text).map(|at| from + at)
    };
    let begin = find(b"\r\n\r\n", 0).unwrap() + 4;
    let end = find(format!("\r\n--{boundary}").as_bytes(), begin - 2).unwrap();
    fs::write(path, request.body.get(begin..end).unwrap_or_default())?;
    let name = asked.rsplit('/').next();
    say(stream, 200, &json!([{ "name": name, "type": "file", "path": asked }]))
}

fn decode(text: &str) -> String {
    let (mut bytes, mut decoded) = (text.bytes(), Vec::new());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
                u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
            }
            b'+' => b' ',
            byte => byte,
        });
    }
    String::from_utf8(decoded).unwrap()
}
