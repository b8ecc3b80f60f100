//! A set of guarded tools by name.

use std::{
    collections::BTreeMap,
    error::Error,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use airlock_engine::{
    Airlock, Caller, Code, Part, RawCall, RawOutput, Rejection, TargetKind, ToolSettings,
    caller::MAX_IDENTIFIER_LEN,
    config::{AirlockConfig, Config, Detectors, Injection, Sanitization},
    json::{Bounds, Document},
    policy::SecurityPolicy,
    ports::AuditSink,
};
use airlock_host::HostError;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::{
    Output, ProtectedChunks, Tool,
    bound::Bound,
    isolation::{self, Isolation},
};

/// What an observer is told: the tool's name, who called, and why not.
pub type Observer = dyn Fn(&str, &Caller, &Rejection) + Send + Sync;

/// A set of guarded tools: lists them in the forms that model providers take, and calls them by name.
///
/// Cheap to clone; clones share everything.
///
/// ```
/// use agent_airlock::{Caller, Code, Tool, Toolbox};
/// use serde_json::json;
///
/// #[derive(serde::Deserialize, schemars::JsonSchema)]
/// struct Greet {
///     /// Whom to greet.
///     name: String,
/// }
/// let greet = Tool::new("greet", "Says hello.", |args: Greet, _| async move {
///     Ok::<_, std::convert::Infallible>(format!("Hello {}!", args.name))
/// });
/// # let engine = airlock_testkit::engine("").0;
/// let toolbox = Toolbox::builder().tool(greet.strict(true))
/// #   .engine(engine)
///     .build()?;
///
/// let caller = Caller::anonymous();
/// assert_eq!(toolbox.openai_tools(&caller)[0]["function"]["name"], "greet");
/// assert_eq!(toolbox.call_blocking("greet", json!({"name": "Ann"}), &caller)?.text(), "Hello Ann!");
///
/// let ghost = toolbox.call_blocking("greet", json!({"name": "Ann", "admin": true}), &caller);
/// assert_eq!(ghost.unwrap_err().code(), Code::GhostArguments);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Toolbox(Arc<Contents>);

struct Contents {
    airlock: Airlock,
    tools: BTreeMap<String, Bound>,
    observers: Observers,
    warnings: Vec<String>,
}

#[derive(Default)]
struct Observers {
    blocked: Vec<Box<Observer>>,
    validation_error: Vec<Box<Observer>>,
    rate_limit: Vec<Box<Observer>>,
}

impl Toolbox {
    /// Starts an empty one with the configuration of this machine.
    pub fn builder() -> ToolboxBuilder {
        ToolboxBuilder::default()
    }

    /// The tool of that name.
    pub fn bound(&self, name: &str) -> Option<&Bound> {
        self.0.tools.get(name)
    }

    /// All tools, by name.
    pub fn tools(&self) -> impl Iterator<Item = &Tool> {
        self.0.tools.values().map(Bound::tool)
    }

    /// The tools that the policies let this caller see.
    pub fn visible_to(&self, caller: &Caller) -> impl Iterator<Item = &Tool> {
        self.0.tools.values().filter(|bound| bound.is_visible_to(caller)).map(Bound::tool)
    }

    /// What this caller may see, as the `tools` of an MCP `tools/list` result.
    pub fn mcp_tools(&self, caller: &Caller) -> Vec<Value> {
        self.list(caller, |tool| {
            json!({"name": tool.name(), "description": tool.description(), "inputSchema": tool.input_schema()})
        })
    }

    /// What this caller may see, as the `tools` of an OpenAI chat completion: functions.
    pub fn openai_tools(&self, caller: &Caller) -> Vec<Value> {
        self.list(caller, |tool| {
            json!({"type": "function", "function": {
                "name": tool.name(), "description": tool.description(), "parameters": tool.input_schema(),
            }})
        })
    }

    /// What this caller may see, as the `tools` of an Anthropic message.
    pub fn anthropic_tools(&self, caller: &Caller) -> Vec<Value> {
        self.list(caller, |tool| {
            json!({"name": tool.name(), "description": tool.description(), "input_schema": tool.input_schema()})
        })
    }

    fn list(&self, caller: &Caller, form: impl Fn(&Tool) -> Value) -> Vec<Value> {
        self.visible_to(caller).map(|tool| self.protected(&form(tool))).collect()
    }

    /// Descriptions and defaults are read by the model, too, and may hold what it must not see.
    fn protected(&self, listed: &Value) -> Value {
        let text = listed.to_string();
        let Ok(document) = Document::parse(text.as_bytes(), &Bounds::DEFAULT) else { return Value::Null };
        let output = RawOutput::protocol(&text, vec![Part::Json(document.root())]);
        let edited = self.0.airlock.protect(&output).edits().apply(&text);
        serde_json::from_str(&edited).unwrap_or_default()
    }

    /// Calls a tool by name, through the four layers.
    ///
    /// # Errors
    ///
    /// The rejection to show to the agent ([`Rejection::to_agent_json`]); its record is written. A name that is not in
    /// the toolbox is refused with `tool_unknown`.
    pub async fn call(&self, name: &str, arguments: Value, caller: &Caller) -> Result<Output, Rejection> {
        self.call_json(name, arguments.to_string(), caller).await
    }

    /// Like [`call`](Self::call), with the text of the arguments exactly as the model sent it: numbers keep every
    /// digit, and a key that comes twice is refused instead of one of them being dropped.
    ///
    /// # Errors
    ///
    /// Like [`call`](Self::call).
    pub async fn call_json(
        &self,
        name: &str,
        arguments: impl Into<Arc<str>>,
        caller: &Caller,
    ) -> Result<Output, Rejection> {
        self.told(name, caller, self.open(name, arguments.into(), caller).await?.collect().await)
    }

    /// Like [`call_json`](Self::call_json), and gives the output in chunks, as soon as they may be shown. A tool that
    /// does not return a [`TextStream`](crate::TextStream) has one chunk.
    ///
    /// # Errors
    ///
    /// Like [`call`](Self::call). A chunk may be an error too, and is the last then.
    pub async fn stream(
        &self,
        name: &str,
        arguments: impl Into<Arc<str>>,
        caller: &Caller,
    ) -> Result<ProtectedChunks, Rejection> {
        self.open(name, arguments.into(), caller).await
    }

    async fn open(
        &self,
        name: &str,
        arguments: Arc<str>,
        caller: &Caller,
    ) -> Result<ProtectedChunks, Rejection> {
        let opened = match self.bound(name) {
            Some(bound) => bound.stream(arguments, caller).await,
            None => Err(self.refuse_unknown(name, arguments, caller)),
        };
        self.told(name, caller, opened)
    }

    /// Tells the observers of a refusal.
    fn told<T>(&self, name: &str, caller: &Caller, result: Result<T, Rejection>) -> Result<T, Rejection> {
        if let Err(rejection) = &result {
            self.0.observers.tell(name, caller, rejection);
        }
        result
    }

    /// Like [`call`](Self::call), for code without an async runtime: waits on this thread.
    ///
    /// # Errors
    ///
    /// Like [`call`](Self::call).
    pub fn call_blocking(&self, name: &str, arguments: Value, caller: &Caller) -> Result<Output, Rejection> {
        pollster::block_on(self.call(name, arguments, caller))
    }

    fn refuse_unknown(&self, name: &str, arguments: Arc<str>, caller: &Caller) -> Rejection {
        let airlock = &self.0.airlock;
        // The name is the model's, and goes into a record and an answer.
        let name: String = name.chars().take(MAX_IDENTIFIER_LEN).collect();
        let name = name.as_str();
        let call =
            RawCall::new(airlock.tool(TargetKind::Tool, name, None), arguments, Arc::new(caller.clone()));
        airlock.refuse(call, Rejection::new(Code::ToolUnknown))
    }

    /// Everything that protects less than the defaults or the configuration, for the operator to see at the start.
    pub fn warnings(&self) -> &[String] {
        &self.0.warnings
    }
}

impl fmt::Debug for Toolbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Toolbox").field("tools", &self.0.tools.keys()).finish_non_exhaustive()
    }
}

impl Observers {
    fn tell(&self, name: &str, caller: &Caller, rejection: &Rejection) {
        let more = match rejection.code() {
            Code::GhostArguments | Code::ValidationError => &*self.validation_error,
            Code::RateLimited => &*self.rate_limit,
            _ => &[],
        };
        for observer in self.blocked.iter().chain(more) {
            // An observer that fails changes nothing: the decision is made.
            let _ = catch_unwind(AssertUnwindSafe(|| observer(name, caller, rejection)));
        }
    }
}

/// Builds a [`Toolbox`].
#[derive(Default)]
pub struct ToolboxBuilder {
    base: Option<Config>,
    engine: Option<Airlock>,
    airlock: Option<AirlockConfig>,
    policy: Option<(String, SecurityPolicy)>,
    sanitization: Option<Sanitization>,
    audit: Option<Arc<dyn AuditSink>>,
    isolation: Option<Isolation>,
    tools: Vec<Tool>,
    observers: Observers,
}

impl ToolboxBuilder {
    /// Adds a tool.
    #[must_use]
    pub fn tool(mut self, tool: Tool) -> Self {
        self.tools.push(tool);
        self
    }

    /// Adds tools.
    #[must_use]
    pub fn tools(mut self, tools: impl IntoIterator<Item = Tool>) -> Self {
        self.tools.extend(tools);
        self
    }

    /// A whole configuration, instead of this machine's.
    #[must_use]
    pub fn configuration(mut self, config: Config) -> Self {
        self.base = Some(config);
        self
    }

    /// What stands under `[airlock]`, instead of what the configuration says there.
    #[must_use]
    pub fn config(mut self, config: AirlockConfig) -> Self {
        self.airlock = Some(config);
        self
    }

    /// The default policy, instead of the configured one. `name` is how records show it.
    #[must_use]
    pub fn policy(mut self, name: impl Into<String>, policy: &SecurityPolicy) -> Self {
        self.policy = Some((name.into(), policy.clone()));
        self
    }

    /// What stands under `[sanitization]`, instead of what the configuration says there.
    #[must_use]
    pub fn sanitization(mut self, sanitization: Sanitization) -> Self {
        self.sanitization = Some(sanitization);
        self
    }

    /// Where records go, instead of the configured destination.
    #[must_use]
    pub fn audit(mut self, sink: Arc<dyn AuditSink>) -> Self {
        self.audit = Some(sink);
        self
    }

    /// An engine that exists already, with ports of your own, say; no configuration is read then, and the methods above
    /// are a mistake beside it.
    #[must_use]
    pub fn engine(mut self, airlock: Airlock) -> Self {
        self.engine = Some(airlock);
        self
    }

    /// How sandboxed tools run, instead of what [`enter`](crate::enter) returned in this process.
    #[must_use]
    pub fn isolation(mut self, isolation: Isolation) -> Self {
        self.isolation = Some(isolation);
        self
    }

    /// Tells `observer` of every call that [`Toolbox::call`] and its like refuse; not of what [`Toolbox::bound`] gives,
    /// and of a stream only what is refused before its first chunk. It cannot change a decision, and its panic is no concern of the call.
    #[must_use]
    pub fn on_blocked(
        mut self,
        observer: impl Fn(&str, &Caller, &Rejection) + Send + Sync + 'static,
    ) -> Self {
        self.observers.blocked.push(Box::new(observer));
        self
    }

    /// Tells `observer` of calls whose arguments do not fit: ghosts and wrong types.
    #[must_use]
    pub fn on_validation_error(
        mut self,
        observer: impl Fn(&str, &Caller, &Rejection) + Send + Sync + 'static,
    ) -> Self {
        self.observers.validation_error.push(Box::new(observer));
        self
    }

    /// Tells `observer` of calls beyond a rate limit.
    #[must_use]
    pub fn on_rate_limit(
        mut self,
        observer: impl Fn(&str, &Caller, &Rejection) + Send + Sync + 'static,
    ) -> Self {
        self.observers.rate_limit.push(Box::new(observer));
        self
    }

    /// Checks everything and binds the tools. If one of them asks for a sandbox, what there is is tried once.
    ///
    /// # Errors
    ///
    /// The machine's configuration or audit destination cannot be used; two tools have one name; a tool's schema does
    /// not compile, or it asks for something that makes no sense. All problems of the tools at once.
    pub fn build(self) -> Result<Toolbox, ToolboxError> {
        if self.engine.is_some()
            && (self.base.is_some()
                || self.airlock.is_some()
                || self.policy.is_some()
                || self.sanitization.is_some()
                || self.audit.is_some())
        {
            let problem = "an engine that exists already takes no configuration, policy or audit destination"
                .to_owned();
            return Err(ToolboxError::Tools(vec![problem]));
        }
        let (airlock, section, mut warnings) = self.start()?;
        let isolation = self.isolation.or_else(isolation::of_process);
        let mut problems = Vec::new();
        let mut bound = BTreeMap::new();
        for tool in self.tools {
            let name = tool.name().to_owned();
            problems.extend(tool.problems().iter().map(|problem| format!("tool `{name}`: {problem}")));
            let weaker = tool.settings().weakenings(&section);
            warnings.extend(weaker.into_iter().map(|weakening| format!("tool `{name}`: {weakening}")));
            let tool = Bound::new(tool, &airlock, isolation.as_ref());
            warnings.extend(tool.missing_sandbox().map(|missing| format!("tool `{name}`: {missing}")));
            if let Some(error) = tool.contract_error() {
                problems.push(format!("tool `{name}`: {error}"));
            }
            if bound.insert(name.clone(), tool).is_some() {
                problems.push(format!("tool `{name}`: there are two of this name"));
            }
        }
        if !problems.is_empty() {
            return Err(ToolboxError::Tools(problems));
        }
        Ok(Toolbox(Arc::new(Contents { airlock, tools: bound, observers: self.observers, warnings })))
    }

    /// The engine, what `[airlock]` says, and what weakens protection.
    fn start(&self) -> Result<(Airlock, AirlockConfig, Vec<String>), ToolboxError> {
        if let Some(airlock) = &self.engine {
            // Its configuration is not known here: what is weaker than the defaults is worth a warning.
            let section = AirlockConfig { strict_mode: airlock.is_strict(), ..AirlockConfig::default() };
            return Ok((airlock.clone(), section, Vec::new()));
        }
        let base = match &self.base {
            Some(config) => config.clone(),
            None => airlock_host::load()?,
        };
        let mut config = base.clone();
        if let Some(airlock) = &self.airlock {
            config.airlock = airlock.clone();
        }
        if let Some(sanitization) = &self.sanitization {
            config.sanitization = sanitization.clone();
            // What the operator looks for, and the key of the machine, are not the author's to drop.
            if sanitization.detectors == Detectors::default() {
                config.sanitization.detectors = base.sanitization.detectors.clone();
            }
            config.sanitization.hash_key =
                sanitization.hash_key.clone().or_else(|| base.sanitization.hash_key.clone());
        }
        if let Some((name, policy)) = &self.policy {
            config.policy = policy.compile(name, &TimeZone::system()).map_err(|problems| {
                ToolboxError::Tools(
                    problems.iter().map(|problem| format!("policy {name}: {problem}")).collect(),
                )
            })?;
        }
        let mut warnings: Vec<String> = config.warnings.iter().map(ToString::to_string).collect();
        warnings.extend(self.overridden(&base));
        let audit = match &self.audit {
            Some(sink) => Arc::clone(sink),
            None => airlock_host::Audit::open(&config)?.sink,
        };
        let key = airlock_host::hash_key(&config)?;
        let airlock = Airlock::new(&config, airlock_host::providers(audit)?, *key.bytes());
        Ok((airlock, config.airlock, warnings))
    }
}

impl ToolboxBuilder {
    /// What this builder says weaker than the configuration does.
    fn overridden(&self, base: &Config) -> Vec<String> {
        let mut weaker = Vec::new();
        if let Some(airlock) = &self.airlock {
            let sentences = ToolSettings::of(airlock).weakenings(&base.airlock);
            weaker.extend(sentences.into_iter().map(|sentence| format!("the toolbox's config: {sentence}")));
            if airlock.allow_broken_schemas && !base.airlock.allow_broken_schemas {
                weaker.push(
                    "the toolbox's config: calls of tools whose schema does not compile are not validated"
                        .into(),
                );
            }
        }
        if let Some((name, _)) = self.policy.as_ref().filter(|_| !base.policy.is_unrestricted()) {
            weaker
                .push(format!("the policy {name} takes the place of the configured {}", base.policy.name()));
        }
        if let Some(sanitization) = &self.sanitization {
            let before = &base.sanitization;
            let off = sanitization.disabled_kinds.iter().any(|kind| !before.disabled_kinds.contains(kind));
            let lost = before.enabled_kinds.iter().any(|kind| !sanitization.enabled_kinds.contains(kind));
            if off || lost {
                weaker.push(
                    "the toolbox's sanitization: fewer kinds are masked than the configuration says".into(),
                );
            }
            let rank = |injection| match injection {
                Injection::Block => 2,
                Injection::Flag => 1,
                Injection::Off => 0,
            };
            if rank(sanitization.injection) < rank(before.injection) {
                weaker.push(
                    "the toolbox's sanitization: injected instructions are treated more lightly".into(),
                );
            }
        }
        weaker
    }
}

impl fmt::Debug for ToolboxBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToolboxBuilder").field("tools", &self.tools).finish_non_exhaustive()
    }
}

/// A toolbox that cannot be built.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ToolboxError {
    /// This machine does not give what is needed.
    Host(HostError),
    /// What tools or policies ask for makes no sense; one sentence per problem.
    Tools(Vec<String>),
}

impl From<HostError> for ToolboxError {
    fn from(error: HostError) -> Self {
        Self::Host(error)
    }
}

impl fmt::Display for ToolboxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(error) => error.fmt(f),
            Self::Tools(problems) => f.write_str(&problems.join("\n")),
        }
    }
}

impl Error for ToolboxError {}
