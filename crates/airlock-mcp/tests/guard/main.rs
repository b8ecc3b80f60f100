//! The guard through its public face: bytes in, decisions out.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod bad_input;
mod calls;
mod hosts;
mod listing;
mod output;
mod races;
mod session;

/// A session with a fake client and a fake server, driven message by message.
mod harness {
    use std::sync::Arc;

    use airlock_engine::{AgentId, Caller, Role};
    use airlock_mcp::{Guard, GuardSettings, Outcome};
    use airlock_testkit::{FakeAudit, engine};
    use serde_json::Value;

    /// Two ordinary tools.
    pub(crate) const TOOLS: &str = r#"[{"name":"read_file","description":"Reads.","inputSchema":{"type":"object","properties":{"path":{"type":"string"},"limit":{"type":"integer","maximum":100},"options":{"type":"object","properties":{"deep":{"type":"boolean"}}},"mode":{"enum":["r","w"]}},"required":["path"]}},{"name":"delete_file","inputSchema":{"type":"object","properties":{"path":{"type":"string"}}}}]"#;

    pub(crate) struct Session {
        pub(crate) guard: Guard,
        pub(crate) audit: Arc<FakeAudit>,
    }

    /// What one message led to, as text.
    #[derive(Debug, Default, PartialEq, Eq)]
    pub(crate) struct Seen {
        pub(crate) forward: Option<String>,
        /// Forwarded byte for byte, without a copy.
        pub(crate) untouched: bool,
        pub(crate) to_client: Vec<String>,
        pub(crate) to_server: Vec<String>,
        pub(crate) reports: Vec<String>,
    }

    impl Seen {
        pub(crate) fn of(outcome: Outcome<'_>) -> Self {
            let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
            Self {
                untouched: matches!(outcome.forward, Some(std::borrow::Cow::Borrowed(_))),
                forward: outcome.forward.map(|bytes| text(bytes.into_owned())),
                to_client: outcome.to_client.into_iter().map(text).collect(),
                to_server: outcome.to_server.into_iter().map(text).collect(),
                reports: outcome.reports.into_iter().map(|report| report.text).collect(),
            }
        }

        /// The one answer to the client.
        #[track_caller]
        pub(crate) fn answer(&self) -> Value {
            assert_eq!(self.forward, None, "nothing may be forwarded");
            assert_eq!(self.to_client.len(), 1, "{self:?}");
            serde_json::from_str(&self.to_client[0]).unwrap()
        }

        /// The rejection inside the tool result that refuses a call.
        #[track_caller]
        pub(crate) fn refusal(&self) -> Value {
            let answer = self.answer();
            assert_eq!(answer["result"]["isError"], true, "{answer}");
            serde_json::from_str(answer["result"]["content"][0]["text"].as_str().unwrap()).unwrap()
        }

        #[track_caller]
        pub(crate) fn block_reason(&self) -> String {
            self.refusal()["block_reason"].as_str().unwrap().to_owned()
        }
    }

    impl Session {
        pub(crate) fn new(toml: &str) -> Self {
            Self::with(toml, Caller::anonymous(), true)
        }

        pub(crate) fn with(toml: &str, caller: Caller, hide_denied: bool) -> Self {
            let (engine, audit) = engine(toml);
            let settings =
                GuardSettings { caller: Arc::new(caller), hide_denied, ..GuardSettings::default() };
            Self { guard: Guard::new(engine, settings), audit }
        }

        pub(crate) fn strict() -> Self {
            Self::new("[airlock]\nstrict_mode = true").listed(TOOLS)
        }

        pub(crate) fn client(&self, line: &str) -> Seen {
            self.client_bytes(line.as_bytes())
        }

        pub(crate) fn client_bytes(&self, line: &[u8]) -> Seen {
            Seen::of(pollster::block_on(self.guard.on_client(line)))
        }

        pub(crate) fn server(&self, line: &str) -> Seen {
            self.server_bytes(line.as_bytes())
        }

        pub(crate) fn server_bytes(&self, line: &[u8]) -> Seen {
            Seen::of(pollster::block_on(self.guard.on_server(line)))
        }

        /// The client lists the tools and the server answers with these.
        pub(crate) fn listed(self, tools: &str) -> Self {
            self.list(tools);
            self
        }

        pub(crate) fn list(&self, tools: &str) -> Seen {
            let asked = self.client(r#"{"jsonrpc":"2.0","id":"list","method":"tools/list"}"#);
            assert!(asked.untouched);
            self.server(&format!(r#"{{"jsonrpc":"2.0","id":"list","result":{{"tools":{tools}}}}}"#))
        }

        /// Calls `read_file` with these arguments under this id.
        pub(crate) fn call(&self, id: &str, arguments: &str) -> Seen {
            self.call_tool(id, "read_file", arguments)
        }

        pub(crate) fn call_tool(&self, id: &str, name: &str, arguments: &str) -> Seen {
            self.client(&call_line(id, name, arguments))
        }

        pub(crate) fn records(&self) -> Vec<Value> {
            self.audit.records().iter().map(|record| serde_json::from_str(record).unwrap()).collect()
        }

        /// The result and reason of each record.
        pub(crate) fn results(&self) -> Vec<(String, Option<String>)> {
            let field = |record: &Value, name: &str| record[name].as_str().map(str::to_owned);
            self.records()
                .iter()
                .map(|record| (field(record, "result").unwrap(), field(record, "reason")))
                .collect()
        }
    }

    pub(crate) fn call_line(id: &str, name: &str, arguments: &str) -> String {
        format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"{name}","arguments":{arguments}}}}}"#
        )
    }

    pub(crate) fn agent(id: &str, roles: &[&str]) -> Caller {
        Caller {
            agent_id: AgentId::new(id).ok(),
            session_id: None,
            roles: roles.iter().map(|role| Role::new(role).unwrap()).collect(),
        }
    }
}
