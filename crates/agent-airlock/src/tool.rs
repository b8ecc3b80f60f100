//! A function, guarded: its contract, what it asks for, and the only way to run it.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, OnceLock},
};

use airlock_engine::{
    Caller, Rejection, SandboxNeed, ToolSettings,
    config::AirlockConfig,
    policy::{ArgumentRule, ArgumentRules, SecurityPolicy},
};
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    Output,
    bound::{Binding, Bound},
    isolation,
    outcome::{IntoOutcome, Outcome},
    schema, shared,
};

/// A tool at work.
pub(crate) type Running = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// Reads the arguments and starts the function; `None` if they do not fit its types.
type Start = dyn Fn(&str, &Arc<Caller>) -> Option<Running> + Send + Sync;

/// A function that can only be called through the four layers.
///
/// Made by [`#[airlock]`](macro@crate::airlock), or by hand with [`Tool::new`]. Clones are the same tool. What it asks
/// for (`strict`, a policy, …) comes on top of the configuration of whoever calls it: of its [`Toolbox`], or of this
/// machine when it is called by itself.
///
/// ```
/// use agent_airlock::{Caller, Code, Tool};
/// use serde_json::json;
///
/// #[derive(serde::Deserialize, schemars::JsonSchema)]
/// struct Add { one: i64, other: i64 }
///
/// let add = Tool::new("add", "Adds two numbers.", |args: Add, _caller| async move {
///     args.one.checked_add(args.other).ok_or("the sum is too large")
/// });
/// # let toolbox = agent_airlock::Toolbox::builder().engine(airlock_testkit::engine("").0).tool(add).build()?;
/// # let add = toolbox.bound("add").unwrap();
/// let call = |args| add.call_blocking(args, &Caller::anonymous());
/// assert_eq!(call(json!({"one": 2, "other": 3}))?.text(), "5");
/// assert_eq!(call(json!({"one": "2", "other": 3})).unwrap_err().code(), Code::ValidationError);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// [`Toolbox`]: crate::Toolbox
#[derive(Clone)]
pub struct Tool(Arc<Definition>);

struct Definition {
    name: String,
    description: String,
    input_schema: Value,
    schema_text: String,
    settings: ToolSettings,
    /// What the author wrote that makes no sense; the tool cannot be called then.
    problems: Vec<String>,
    start: Arc<Start>,
    /// For calls outside a toolbox.
    shared: OnceLock<Option<Binding>>,
}

impl Tool {
    /// A tool by hand: its name, what it does, and the function, whose parameters are the fields of `A`.
    ///
    /// The function is given the arguments as they were authorized, and the caller, which never comes from arguments.
    pub fn new<A, F, R>(
        name: impl Into<String>,
        description: impl Into<String>,
        function: impl Fn(A, Arc<Caller>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        A: DeserializeOwned + JsonSchema + Send + 'static,
        F: Future<Output = R> + Send + 'static,
        R: IntoOutcome,
    {
        let function = Arc::new(function);
        let start = move |arguments: &str, caller: &Arc<Caller>| -> Option<Running> {
            let arguments: A = serde_json::from_str(arguments).ok()?;
            let (function, caller) = (Arc::clone(&function), Arc::clone(caller));
            // The function itself runs inside the future, so that its panic is caught there.
            Some(Box::pin(async move { function(arguments, caller).await.into_outcome() }))
        };
        let input_schema = schema::of::<A>();
        Self(Arc::new(Definition {
            name: name.into(),
            description: description.into(),
            schema_text: input_schema.to_string(),
            input_schema,
            settings: ToolSettings::default(),
            problems: Vec::new(),
            start: Arc::new(start),
            shared: OnceLock::new(),
        }))
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// What it does, for the model.
    pub fn description(&self) -> &str {
        &self.0.description
    }

    /// The JSON Schema of its parameters, draft 2020-12.
    pub fn input_schema(&self) -> &Value {
        &self.0.input_schema
    }

    /// What it asks for.
    pub fn settings(&self) -> &ToolSettings {
        &self.0.settings
    }

    /// Calls it by itself, with the configuration of this machine: the file that `AIRLOCK_CONFIG` names or the usual
    /// one, the environment, and records in the user's audit file. A [`Toolbox`](crate::Toolbox) brings its own.
    ///
    /// # Errors
    ///
    /// The rejection to show to the agent ([`Rejection::to_agent_json`]). If the machine's configuration is invalid or
    /// its audit file cannot be written, every call is refused; [`start`](crate::start) says why, before the first one.
    pub async fn call(&self, arguments: Value, caller: &Caller) -> Result<Output, Rejection> {
        self.call_json(arguments.to_string(), caller).await
    }

    /// Like [`call`](Self::call), with the text of the arguments exactly as the model sent it: numbers keep every
    /// digit, and a key that comes twice is refused instead of one of them being dropped.
    ///
    /// # Errors
    ///
    /// Like [`call`](Self::call).
    pub async fn call_json(
        &self,
        arguments: impl Into<Arc<str>>,
        caller: &Caller,
    ) -> Result<Output, Rejection> {
        let bind =
            || Some(Binding::new(self, shared::engine().as_ref().ok()?, isolation::of_process().as_ref()));
        match self.0.shared.get_or_init(bind) {
            Some(binding) => Bound::of(self.clone(), binding.clone()).call_json(arguments, caller).await,
            None => Err(shared::not_started().for_tool(self.name())),
        }
    }

    /// Like [`call`](Self::call), for code without an async runtime: waits on this thread. A tool that needs a runtime
    /// of its own (`tokio::time`, say) must be called within it.
    ///
    /// # Errors
    ///
    /// Like [`call`](Self::call).
    pub fn call_blocking(&self, arguments: Value, caller: &Caller) -> Result<Output, Rejection> {
        pollster::block_on(self.call(arguments, caller))
    }

    /// What its author wrote that makes no sense: a rate limit that is none, a pattern that does not parse.
    pub fn problems(&self) -> &[String] {
        &self.0.problems
    }

    pub(crate) fn schema_text(&self) -> &str {
        &self.0.schema_text
    }

    /// Reads the arguments and starts the function; `None` if they do not fit its types.
    pub(crate) fn start(&self, arguments: &str, caller: &Arc<Caller>) -> Option<Running> {
        (self.0.start)(arguments, caller)
    }

    fn change(self, change: impl FnOnce(&mut Definition)) -> Self {
        let mut definition = Arc::try_unwrap(self.0).unwrap_or_else(|shared| Definition {
            name: shared.name.clone(),
            description: shared.description.clone(),
            input_schema: shared.input_schema.clone(),
            schema_text: shared.schema_text.clone(),
            settings: shared.settings.clone(),
            problems: shared.problems.clone(),
            start: Arc::clone(&shared.start),
            shared: OnceLock::new(),
        });
        change(&mut definition);
        definition.shared = OnceLock::new();
        Self(Arc::new(definition))
    }

    fn set(self, set: impl FnOnce(&mut ToolSettings)) -> Self {
        self.change(|definition| set(&mut definition.settings))
    }
}

/// What the tool asks for; each method gives a tool that differs in this.
impl Tool {
    /// Ghost arguments are refused (`true`) or stripped (`false`), whatever the configuration says.
    #[must_use]
    pub fn strict(self, strict: bool) -> Self {
        self.set(|settings| settings.strict = Some(strict))
    }

    /// The switches of `[airlock]` for this tool. Those that are set by themselves win, in whatever order.
    #[must_use]
    pub fn config(self, config: &AirlockConfig) -> Self {
        self.set(|settings| *settings = std::mem::take(settings).over(ToolSettings::of(config)))
            .bounded(config.max_output_chars)
    }

    /// A policy that must admit each call, besides the configured one. `name` is how records show it; policies of one
    /// name share their rate limits.
    #[must_use]
    pub fn policy(self, name: &str, policy: &SecurityPolicy) -> Self {
        match policy.compile(name, &TimeZone::system()) {
            Ok(policy) => self.set(|settings| settings.policies.push(policy)),
            Err(problems) => self.change(|definition| {
                definition
                    .problems
                    .extend(problems.iter().map(|problem| format!("policy {name}: {problem}")));
            }),
        }
    }

    /// The caller must hold one of these roles. None of them is a mistake, with which no toolbox is built.
    #[must_use]
    pub fn roles<'r>(self, roles: impl IntoIterator<Item = &'r str>) -> Self {
        let name = format!("{}.roles", self.name());
        self.policy(&name, &SecurityPolicy::permissive().for_roles(roles))
    }

    /// At most so many calls per caller, such as `"10/minute"`. Counted by the engine: of each toolbox by itself.
    #[must_use]
    pub fn rate_limit(self, limit: &str) -> Self {
        let name = format!("{}.rate_limit", self.name());
        let rate_limits = vec![("*".to_owned(), limit.to_owned())];
        self.policy(&name, &SecurityPolicy { rate_limits, ..SecurityPolicy::default() })
    }

    /// The path in this argument, or each of the paths, must lie in one of these folders, with `..` and symbolic links
    /// resolved on this machine.
    #[must_use]
    pub fn within<'f>(self, argument: &str, folders: impl IntoIterator<Item = &'f str>) -> Self {
        let within = folders.into_iter().map(str::to_owned).collect();
        self.argument(argument, &ArgumentRule { within, ..ArgumentRule::default() })
    }

    /// A rule for an argument, by its name or path (`recipient.iban`).
    #[must_use]
    pub fn argument(self, argument: &str, rule: &ArgumentRule) -> Self {
        // A rule for an argument that is not there would hold for every call.
        let declared = self.0.input_schema.get("properties").and_then(Value::as_object);
        let first = argument.split(['.', '[']).next().unwrap_or_default();
        if !declared.is_some_and(|names| names.contains_key(argument) || names.contains_key(first)) {
            let problem = format!("argument {argument}: the tool has no parameter of this name");
            return self.change(|definition| definition.problems.push(problem));
        }
        match ArgumentRules::compile(argument, rule) {
            Ok(rules) => self.set(|settings| settings.arguments.push(rules)),
            Err(problems) => self.change(|definition| {
                let problems = problems.iter().map(|problem| format!("argument {argument}: {problem}"));
                definition.problems.extend(problems);
            }),
        }
    }

    /// Whether its output is masked, screened and truncated at all.
    #[must_use]
    pub fn sanitize_output(self, on: bool) -> Self {
        self.set(|settings| settings.sanitize_output = Some(on))
    }

    /// Whether personal data in its output is masked.
    #[must_use]
    pub fn mask_pii(self, on: bool) -> Self {
        self.set(|settings| settings.mask_pii = Some(on))
    }

    /// Whether credentials in its output are masked.
    #[must_use]
    pub fn mask_secrets(self, on: bool) -> Self {
        self.set(|settings| settings.mask_secrets = Some(on))
    }

    /// Longer output is truncated, counted in characters; at least 100.
    #[must_use]
    pub fn max_output_chars(self, chars: usize) -> Self {
        self.set(|settings| settings.max_output_chars = Some(chars)).bounded(chars)
    }

    fn bounded(self, chars: usize) -> Self {
        if chars >= MIN_OUTPUT_CHARS {
            return self;
        }
        let problem = format!("max_output_chars: at least {MIN_OUTPUT_CHARS}, or nothing useful is left");
        self.change(|definition| definition.problems.push(problem))
    }

    /// Whether it runs in a sandbox: see [`enter`](crate::enter).
    #[must_use]
    pub fn sandbox(self, need: SandboxNeed) -> Self {
        self.set(|settings| settings.sandbox = need)
    }
}

/// As in `[airlock]`: a notice of the cut has to fit.
const MIN_OUTPUT_CHARS: usize = 100;

impl fmt::Debug for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tool").field("name", &self.0.name).finish_non_exhaustive()
    }
}
