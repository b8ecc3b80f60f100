//! The service inside a machine: programs, which really run, and files.

use std::{
    ffi::OsString,
    fs,
    io::{self, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex, atomic::Ordering},
    thread,
};

use airlock_sandbox::{Confinement, Limits};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{
    Fault, Machine, Process, State,
    http::{Request, answer, chunk, decode, frame, say},
    interpreter, lock,
};

impl State {
    /// The service inside a machine.
    pub(super) fn inside(
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
        if request.headers.get("e2b-sandbox-port").map(String::as_str) == Some(interpreter::PORT) {
            return self.interpreter(stream, request, path, &machine, fault);
        }
        if path == "/files" {
            return files(stream, request, method, query, &machine, fault);
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
                let mut input = STANDARD.decode(body["input"]["stdin"].as_str().unwrap_or_default()).unwrap();
                match fault {
                    Some(Fault::Altered) => *input.last_mut().unwrap() ^= 1,
                    Some(Fault::Twice) => input = input.repeat(2),
                    _ => {}
                }
                let Some(stdin) = process.stdin.clone() else {
                    let message = "its standard input is closed";
                    return say(stream, 400, &json!({ "code": "failed_precondition", "message": message }));
                };
                drop(processes);
                if lock(&stdin).write_all(&input).is_ok() {
                    return say(stream, 200, &json!({}));
                }
                // In the words of `envd`.
                let message = "error writing to stdin: write |1: broken pipe";
                say(stream, 500, &json!({ "code": "internal", "message": message }))
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
        if self.is_mute(machine, fault) {
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
        let Some((mut command, confinement)) = machine.box_for(&body["process"]) else {
            return refuse("invalid_argument", "no such program");
        };
        if matches!(fault, Some(Fault::Swapped)) {
            command = ["/bin/sh", "-c", "cat > /dev/null; echo swapped"].map(Into::into).into();
        }
        let mut running = match self.sandbox.start(&command, &confinement) {
            Ok(running) => running,
            Err(error) => return refuse("internal", &error.to_string()),
        };
        self.programs.fetch_add(1, Ordering::AcqRel);
        lock(&self.ran_in).push(machine.id.clone());
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
                        lock(&self.written).extend(&piece[..read]);
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
            139 => json!({ "exitCode": -1, "status": "signal: segmentation fault (core dumped)" }),
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
    /// The box for a program, if there is such a program.
    pub(super) fn box_for(&self, process: &Value) -> Option<(Vec<OsString>, Confinement)> {
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

fn files(
    stream: &TcpStream,
    request: &Request,
    method: &str,
    query: &str,
    machine: &Machine,
    fault: Option<Fault>,
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
    let mut content = request.body.get(begin..end).unwrap_or_default().to_vec();
    if matches!(fault, Some(Fault::Altered)) {
        content[0] ^= 1;
    }
    fs::write(path, content)?;
    let name = asked.rsplit('/').next();
    say(stream, 200, &json!([{ "name": name, "type": "file", "path": asked }]))
}
