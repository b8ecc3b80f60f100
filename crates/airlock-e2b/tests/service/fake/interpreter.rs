//! The code interpreter inside a machine: one Python in a box, which keeps what it was told until the machine ends.

use std::{
    io::{self, BufRead, BufReader, Write},
    net::{Shutdown, TcpStream},
    process::{ChildStdin, ChildStdout},
    sync::{Arc, atomic::Ordering},
};

use serde_json::{Value, json};

use super::{
    Fault, Machine, Process, State,
    http::{Request, chunk, say},
    lock,
};

pub(super) const PORT: &str = "49999";

pub(super) struct Kernel {
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl State {
    pub(super) fn interpreter(
        &self,
        stream: &TcpStream,
        request: &Request,
        path: &str,
        machine: &Arc<Machine>,
        fault: Option<Fault>,
    ) -> io::Result<()> {
        if machine.traffic.is_some()
            && request.headers.get("e2b-traffic-access-token") != machine.traffic.as_ref()
        {
            return say(stream, 403, &json!({ "code": 403, "message": "no token for the traffic" }));
        }
        let asked: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        if path != "/execute" || !asked["code"].is_string() {
            return say(stream, 404, &json!({ "detail": "Not Found" }));
        }
        if !asked["language"].is_null() && asked["language"] != "python" && asked["language"] != "bash" {
            return say(stream, 400, &json!({ "detail": "no such language" }));
        }
        if self.is_mute(machine, fault) {
            return Ok(());
        }
        let mut kernel = lock(&machine.kernel);
        if kernel.is_none() {
            *kernel = Some(self.kernel(machine)?);
        }
        let Some(Kernel { stdin, stdout }) = kernel.as_mut() else { return Ok(()) };
        writeln!(stdin, "{asked}")?;
        self.programs.fetch_add(1, Ordering::AcqRel);
        lock(&self.ran_in).push(machine.id.clone());
        if matches!(fault, Some(Fault::Unanswered)) {
            return Ok(());
        }
        let mut writer = stream;
        writer.write_all(
            b"HTTP/1.1 200 X\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\
              content-type: application/x-ndjson\r\n\r\n",
        )?;
        let mut line = String::new();
        while stdout.read_line(&mut line)? > 0 {
            let said: Value = serde_json::from_str(&line)?;
            chunk(stream, line.as_bytes())?;
            match fault {
                Some(Fault::Cut) => return stream.shutdown(Shutdown::Both),
                Some(Fault::Hang) => {
                    machine.until_gone();
                    return stream.shutdown(Shutdown::Both);
                }
                Some(Fault::HalfFrame) => {
                    chunk(stream, br#"{"type":"stdout","te"#)?;
                    return chunk(stream, b"");
                }
                Some(Fault::ErrorEnd) => {
                    chunk(stream, b"{\"type\":\"unexpected_end_of_execution\"}\n")?;
                    return chunk(stream, b"");
                }
                _ => {}
            }
            if said["type"] == "end_of_execution" {
                return chunk(stream, b"");
            }
            line.clear();
        }
        // It ended, with its machine or by what it ran.
        if machine.gone.load(Ordering::Acquire) {
            return Ok(());
        }
        *kernel = None;
        chunk(stream, b"{\"type\":\"unexpected_end_of_execution\"}\n")?;
        chunk(stream, b"")
    }

    fn kernel(&self, machine: &Machine) -> io::Result<Kernel> {
        let process = json!({ "cmd": "python3", "args": ["-I", "-c", include_str!("kernel.py")] });
        let (command, confinement) = machine.box_for(&process).unwrap();
        let mut running = self.sandbox.start(&command, &confinement).map_err(io::Error::other)?;
        let (stdin, stdout, _) = running.streams();
        let (child, hold, aftermath) = running.into_parts();
        let entry = Process { stdin: None, hold: Some(hold), helper: child.id() };
        let pid = self.numbers.fetch_add(1, Ordering::AcqRel);
        lock(&machine.processes).insert(pid, entry);
        // Waited for when it ended with its machine.
        std::thread::spawn(move || {
            let mut child = child;
            drop(child.wait());
            drop(aftermath);
        });
        Ok(Kernel { stdin: stdin.unwrap(), stdout: BufReader::new(stdout.unwrap()) })
    }
}
