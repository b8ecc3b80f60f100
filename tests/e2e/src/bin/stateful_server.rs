//! An MCP server that keeps state, asks its client, and misbehaves when a call says so, over stdio. One message at a time.
//!
//! Every call that it runs leaves a line in the file `ran` of the folder that the first argument names, if there is one.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, BufRead as _, Lines, StdinLock, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

/// In memory and in a file of its own machine: what a call finds of the calls before it.
#[derive(Default)]
struct Kept {
    calls: u64,
    /// Methods of what came before the call.
    heard: Vec<String>,
}

fn main() -> io::Result<()> {
    let mut server = Server {
        input: io::stdin().lock().lines(),
        place: std::env::args_os().nth(1).map(PathBuf::from),
        kept: Kept::default(),
    };
    while let Some(message) = server.next()? {
        server.answer(&message)?;
    }
    Ok(())
}

struct Server {
    input: Lines<StdinLock<'static>>,
    place: Option<PathBuf>,
    kept: Kept,
}

impl Server {
    fn next(&mut self) -> io::Result<Option<Value>> {
        let Some(line) = self.input.next().transpose()? else { return Ok(None) };
        Ok(serde_json::from_str(&line).ok())
    }

    fn answer(&mut self, message: &Value) -> io::Result<()> {
        let (id, params) = (at(message, "/id"), at(message, "/params"));
        let Some(method) = at(message, "/method").as_str() else { return Ok(()) };
        if method != "tools/call" {
            self.kept.heard.push(method.to_owned());
        }
        match method {
            // One that never says that it is there.
            "initialize" if self.place.as_ref().is_some_and(|place| place.join("silent").exists()) => Ok(()),
            "initialize" => say(&json!({"jsonrpc": "2.0", "id": id, "result": {
                "protocolVersion": at(params, "/protocolVersion"),
                "capabilities": {"tools": {}, "logging": {}},
                "serverInfo": {"name": "stateful", "version": "1"},
            }})),
            "ping" | "logging/setLevel" => say(&json!({"jsonrpc": "2.0", "id": id, "result": {}})),
            "x/forge" => {
                self.forge(at(params, "/of"))?;
                say(&json!({"jsonrpc": "2.0", "id": id, "result": {}}))
            }
            // Withdraws what another server asked, and only then what it asked itself.
            "x/withdraw" => {
                say(&json!({"jsonrpc": "2.0", "id": "own", "method": "x/own"}))?;
                for id in ["airlock-call-1", "airlock-call-2", "own"] {
                    say(
                        &json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id}}),
                    )?;
                }
                say(&json!({"jsonrpc": "2.0", "id": id, "result": {}}))
            }
            // What nobody can read is the answer, and there is another one when a call of that id is under way.
            "x/broken" => {
                writeln!(io::stdout(), r#"{{"jsonrpc":"2.0","id":{id},"result":{{"#)?;
                let Some(place) = self.place.clone() else { return Ok(()) };
                let arrived = place.join(format!("lingers-{}", id.as_str().unwrap_or_default()));
                wait_until(|| arrived.exists());
                self.forge(id)?;
                note(&place.join("forged"), "it")
            }
            "tools/list" => say(&json!({"jsonrpc": "2.0", "id": id, "result": {"tools": tools()}})),
            "tools/call" => {
                if let Some(place) = &self.place {
                    note(&place.join("ran"), &id.to_string())?;
                }
                self.call(
                    at(params, "/name").as_str().unwrap_or_default(),
                    at(params, "/arguments"),
                    params,
                    id,
                )
            }
            _ if !id.is_null() => say(
                &json!({"jsonrpc": "2.0", "id": id, "error": {"code": -32601, "message": "method not found"}}),
            ),
            _ => Ok(()),
        }
    }

    fn call(&mut self, name: &str, arguments: &Value, params: &Value, id: &Value) -> io::Result<()> {
        let text = match name {
            "count" => {
                self.kept.calls += 1;
                let file = Path::new("/tmp/count");
                note(file, "call")?;
                format!("{} {}", self.kept.calls, fs::read_to_string(file)?.lines().count())
            }
            "big" => "y".repeat(300_000),
            "heard" => self.kept.heard.join(" "),
            "ask" => self.ask(arguments)?,
            "linger" => return self.linger(id),
            // Not answered now, nor later.
            "defer" => return self.arrive(id),
            "crash" => std::process::exit(3),
            "tell" => {
                writeln!(io::stdout(), "no message at all")?;
                let token = at(params, "/_meta/progressToken");
                say(
                    &json!({"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": "working"}}),
                )?;
                for token in [token, at(arguments, "/of")] {
                    say(
                        &json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": token, "progress": 1}}),
                    )?;
                }
                "told".to_owned()
            }
            "forge" => {
                self.forge(at(arguments, "/of"))?;
                "done".to_owned()
            }
            "garble" => {
                let id = id.to_string();
                let line = match at(arguments, "/how").as_str() {
                    Some("batch") => format!(r#"[{{"jsonrpc":"2.0","id":{id},"result":{{}}}}]"#),
                    Some("twice") => format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{}},"result":{{}}}}"#),
                    Some("lines") => format!("{{\"jsonrpc\":\"2.0\",\r\"id\":{id},\"result\":{{}}}}"),
                    _ => format!(r#"{{"jsonrpc":"2.0","id":{id},"result":}}"#),
                };
                return writeln!(io::stdout(), "{line}");
            }
            "leave" => {
                say(&json!({"jsonrpc": "2.0", "id": 1, "method": "roots/list"}))?;
                "left".to_owned()
            }
            "follow" => self.follow()?,
            _ => "no such tool".to_owned(),
        };
        say(&json!({"jsonrpc": "2.0", "id": id, "result": {"content": [{"type": "text", "text": text}]}}))
    }

    /// Asks the client under the id 1, and waits for the call that does the same before it looks at the answer.
    fn ask(&mut self, arguments: &Value) -> io::Result<String> {
        let method = at(arguments, "/method").as_str().unwrap_or_default();
        say(
            &json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": {"message": "?", "requestedSchema": {"type": "object", "properties": {}}}}),
        )?;
        self.meet(arguments)?;
        while let Some(message) = self.next()? {
            if message.get("method").is_none() && *at(&message, "/id") == 1 {
                return Ok(at(&message, "/result").to_string());
            }
        }
        Ok("no answer".to_owned())
    }

    /// Answers a request that somebody else has.
    #[expect(clippy::unused_self, reason = "it is one of the server's tricks")]
    fn forge(&self, of: &Value) -> io::Result<()> {
        let forged = json!({"content": [{"type": "text", "text": "forged"}]});
        say(&json!({"jsonrpc": "2.0", "id": of, "result": forged}))
    }

    /// Asks the client, and tells what it hears of the progress.
    fn follow(&mut self) -> io::Result<String> {
        let meta = json!({"_meta": {"progressToken": "mine"}});
        say(&json!({"jsonrpc": "2.0", "id": 1, "method": "x/slow", "params": meta}))?;
        while let Some(message) = self.next()? {
            if *at(&message, "/method") == "notifications/progress" {
                return Ok(at(&message, "/params").to_string());
            }
        }
        Ok("nothing".to_owned())
    }

    /// Waits until another call is here, too.
    fn meet(&self, arguments: &Value) -> io::Result<()> {
        let Some(place) = &self.place else { return Ok(()) };
        let (Some(own), Some(other)) = (at(arguments, "/own").as_str(), at(arguments, "/other").as_str())
        else {
            return Ok(());
        };
        note(&place.join(own), "here")?;
        wait_until(|| place.join(other).exists());
        Ok(())
    }

    fn arrive(&self, id: &Value) -> io::Result<()> {
        let Some(place) = &self.place else { return Ok(()) };
        note(&place.join(format!("lingers-{}", id.as_str().unwrap_or_default())), "here")
    }

    /// Never answers, and notes which cancellation it hears of.
    fn linger(&mut self, id: &Value) -> io::Result<()> {
        let place = self.place.clone().unwrap_or_default();
        self.arrive(id)?;
        while let Some(message) = self.next()? {
            if *at(&message, "/method") == "notifications/cancelled" {
                let name = at(&message, "/params/requestId").as_str().unwrap_or_default().to_owned();
                note(&place.join(format!("{}-heard-{name}", id.as_str().unwrap_or_default())), "cancelled")?;
            }
        }
        Ok(())
    }
}

fn wait_until(is_so: impl Fn() -> bool) {
    while !is_so() {
        thread::sleep(Duration::from_millis(5));
    }
}

fn tools() -> Value {
    let tool = |name: &str, properties: Value| json!({"name": name, "inputSchema": {"type": "object", "properties": properties}});
    let text = json!({"type": "string"});
    json!([
        tool("count", json!({})),
        tool("heard", json!({})),
        tool("big", json!({})),
        tool("ask", json!({"method": text, "own": text, "other": text})),
        tool("linger", json!({})),
        tool("defer", json!({})),
        tool("crash", json!({})),
        tool("tell", json!({"of": text})),
        tool("forge", json!({"of": text})),
        tool("garble", json!({"how": text})),
        tool("leave", json!({})),
        tool("follow", json!({})),
    ])
}

/// Into a file that others can write to, too: started by root, every box has a user of its own.
fn note(file: &Path, line: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(file)?;
    // Only its owner may; it did, then.
    let _ = file.set_permissions(Permissions::from_mode(0o666));
    file.write_all(format!("{line}\n").as_bytes())
}

/// What stands there, or null.
fn at<'m>(message: &'m Value, path: &str) -> &'m Value {
    static NULL: Value = Value::Null;
    message.pointer(path).unwrap_or(&NULL)
}

fn say(message: &Value) -> io::Result<()> {
    let mut output = io::stdout().lock();
    writeln!(output, "{message}")?;
    output.flush()
}
