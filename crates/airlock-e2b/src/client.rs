//! The calls that make, find and end machines.

use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use airlock_sandbox::Stop;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    CallError, Settings, envd, execute,
    http::{Call, Failure, Http, Method, Time},
    left::Ledger,
    retry::{Answered, Retry},
    settings::is_id,
};

/// What a call may take with all its repetitions.
const PATIENCE: Duration = Duration::from_secs(60);
/// What ending a machine may take: it also ends by itself, at its time limit.
pub(crate) const PATIENCE_TO_KILL: Duration = Duration::from_secs(15);
/// The longest answer that is read.
const MOST: u64 = 1 << 20;

/// Makes the calls. Cloning it is cheap.
#[derive(Clone, Debug)]
pub struct Client {
    pub(crate) settings: Settings,
    pub(crate) http: Http,
    /// Each of them ends the waiting for another attempt, and for what happens in a machine.
    stops: Vec<Stop>,
    /// When all calls have to be over, but for those that end machines.
    deadline: Option<Instant>,
    /// Machines that were to be ended, and may live on.
    pub(crate) left: Ledger,
}

/// A machine of the service.
#[derive(Clone, PartialEq, Eq)]
pub struct Machine {
    pub(crate) id: String,
    /// Where programs and files of it are reached.
    pub(crate) address: String,
    /// Where its code interpreter is reached, if its template has one.
    pub(crate) interpreter: String,
    pub(crate) token: String,
    /// Without it no port but that of programs and files is reached, where the service keeps to that.
    pub(crate) traffic_token: Option<String>,
    /// Which version of the service is inside it, if that was said.
    pub(crate) envd: Option<Version>,
}

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, address, interpreter: _, token: _, traffic_token: _, envd: _ } = self;
        f.debug_struct("Machine").field("id", id).field("address", address).finish_non_exhaustive()
    }
}

impl Machine {
    /// Its name in the service.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What nobody is shown.
    fn secrets(&self) -> impl Iterator<Item = &str> {
        [self.token.as_str()].into_iter().chain(self.traffic_token.as_deref())
    }
}

/// A call of the control API.
#[derive(Clone, Copy)]
struct Ask<'a> {
    method: Method,
    path: &'a str,
    body: Option<&'a Value>,
    retry: Retry,
    /// What it may take with all its repetitions.
    patience: Duration,
    /// Under which the service does it once.
    key: Option<&'a str>,
    /// What it is about: what it says may repeat secrets of it.
    machine: Option<&'a Machine>,
}

impl<'a> Ask<'a> {
    /// A call without a body, which to make twice is as to make once.
    fn new(method: Method, path: &'a str) -> Self {
        let retry = Retry::Repeatable;
        Self { method, path, body: None, retry, patience: PATIENCE, key: None, machine: None }
    }
}

/// Whether a machine works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum State {
    /// It does.
    Running,
    /// It is kept, and can be connected to.
    Paused,
    /// In a way that this client does not know.
    #[serde(other)]
    Other,
}

/// The answer that names a machine: first its name, since a machine that has one costs money, whatever else it says.
#[derive(Deserialize)]
struct Name {
    #[serde(rename = "sandboxID")]
    id: String,
}

/// The rest of it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Described {
    envd_access_token: Option<String>,
    traffic_access_token: Option<String>,
    domain: Option<String>,
    envd_version: Option<String>,
}

/// A version: three numbers.
pub(crate) type Version = [u32; 3];

/// What follows the third number is passed over.
fn version(text: &str) -> Option<Version> {
    let mut parts = text.trim().trim_start_matches('v').splitn(3, '.');
    let mut number = || {
        let part = parts.next()?;
        let end = part.find(|char: char| !char.is_ascii_digit()).unwrap_or(part.len());
        part.get(..end)?.parse().ok()
    };
    Some([number()?, number()?, number()?])
}

#[derive(Deserialize)]
struct Detail {
    state: State,
}

impl Client {
    /// Connects to nothing yet.
    pub fn new(settings: Settings) -> Self {
        let http = Http::new(settings.plain());
        Self { settings, http, stops: Vec::new(), deadline: None, left: Ledger::default() }
    }

    /// The same, which makes no further attempt at a call and follows nothing in a machine once one of these is requested,
    /// and whose calls are over at the deadline.
    pub(crate) fn until(&self, stops: Vec<Stop>, deadline: Option<Instant>) -> Self {
        Self { stops, deadline, ..self.clone() }
    }

    pub(crate) fn stops(&self) -> &[Stop] {
        &self.stops
    }

    /// What is left until the deadline; `otherwise` if there is none.
    pub(crate) fn time_left(&self, otherwise: Duration) -> Duration {
        self.deadline.map_or(otherwise, |deadline| deadline.saturating_duration_since(Instant::now()))
    }

    /// Makes a machine of a template, which lives for at most `lifetime`, counted in whole seconds. It is asked for without
    /// access to the internet, and so that nobody else reaches a port that a program in it opens; that the service keeps to
    /// it cannot be seen from here.
    ///
    /// # Errors
    /// There is none that could be used. If the connection was lost, one may be left, which ends by itself.
    pub fn create(&self, template: &str, lifetime: Duration) -> Result<Machine, CallError> {
        let key = format!("{:016x}{:016x}", random(), random());
        let create = |path, guarded: Option<bool>| {
            let mut body = json!({
                "templateID": template,
                "timeout": whole_seconds(lifetime),
                "allow_internet_access": false,
                "network": { "allowPublicTraffic": false },
                "autoPause": false,
            });
            if let (Some(guarded), Some(fields)) = (guarded, body.as_object_mut()) {
                fields.insert("secure".to_owned(), guarded.into());
            }
            self.control(Ask { body: Some(&body), key: Some(&key), ..Ask::new(Method::Post, path) })
        };
        let text = match create("/v2/sandboxes", None) {
            // An older service, or one of somebody's own.
            // The second version of the call always gives a token.
            Err(CallError::Refused { status: 404 | 405, .. }) => create("/sandboxes", Some(true))?,
            other => other?,
        };
        let until = Instant::now() + lifetime;
        let id = name(&text)?;
        self.described(&id, &text).inspect_err(|_| {
            // It was made, and nobody will use it.
            self.end(&id, until, PATIENCE_TO_KILL);
        })
    }

    /// Ends a machine and all that is in it. Whether it was still there.
    ///
    /// # Errors
    /// It may live on, until its time limit.
    pub fn kill(&self, machine: &Machine) -> Result<bool, CallError> {
        self.delete(&machine.id, Some(machine), PATIENCE_TO_KILL)
    }

    /// Ends a machine, by its name, and takes no longer than `patience`. If that fails, it is noted that it may live until
    /// then. Whether it is certain that it ended.
    pub(crate) fn end(&self, id: &str, until: Instant, patience: Duration) -> bool {
        let ended = self.delete(id, None, patience).is_ok();
        if !ended {
            self.left.note(id, until);
        }
        ended
    }

    fn delete(&self, id: &str, machine: Option<&Machine>, patience: Duration) -> Result<bool, CallError> {
        let path = format!("/sandboxes/{id}");
        let ask = Ask { patience, machine, retry: Retry::Insistent, ..Ask::new(Method::Delete, &path) };
        let was_there = match self.control(ask) {
            Ok(_) => true,
            Err(CallError::Refused { status: 404, .. }) => false,
            Err(error) => return Err(error),
        };
        self.left.strike(id);
        Ok(was_there)
    }

    /// Gives a machine `lifetime` from now on, counted in whole seconds.
    ///
    /// # Errors
    /// It has the time limit that it had.
    pub fn set_timeout(&self, machine: &Machine, lifetime: Duration) -> Result<(), CallError> {
        let body = json!({ "timeout": whole_seconds(lifetime) });
        self.about(Method::Post, machine, "", "/timeout", Some(&body), Retry::Repeatable).map(drop)
    }

    /// Stops a machine, and keeps its files and its memory.
    ///
    /// # Errors
    /// It was not stopped, or nobody knows.
    pub fn pause(&self, machine: &Machine) -> Result<(), CallError> {
        self.about(Method::Post, machine, "", "/pause", Some(&json!({})), Retry::Once).map(drop)
    }

    /// Resumes a machine if it was stopped, and gives it `lifetime` from now on.
    ///
    /// # Errors
    /// It cannot be used, or the service spoke of another one. It is left as it is: whoever had it kept wants it still.
    pub fn connect(&self, machine: &Machine, lifetime: Duration) -> Result<Machine, CallError> {
        let body = json!({ "timeout": whole_seconds(lifetime) });
        let connect =
            |version| self.about(Method::Post, machine, version, "/connect", Some(&body), Retry::Repeatable);
        let text = match connect("/v2") {
            // The older version says, too, that it is not there, if that is what was meant.
            Err(CallError::Gone | CallError::Refused { status: 405, .. }) => connect("")?,
            other => other?,
        };
        if name(&text)? != machine.id {
            return Err(CallError::Nonsense("it names another machine".to_owned()));
        }
        self.described(&machine.id, &text)
    }

    /// Whether a machine works.
    ///
    /// # Errors
    /// It is not there, or nobody knows.
    pub fn state(&self, machine: &Machine) -> Result<State, CallError> {
        let text = self.about(Method::Get, machine, "", "", None, Retry::Repeatable)?;
        serde_json::from_slice(&text)
            .map(|Detail { state }| state)
            .map_err(|error| CallError::nonsense(&error))
    }

    /// Whether the service is there and accepts the key.
    ///
    /// # Errors
    /// It is not, or does not.
    pub(crate) fn check(&self) -> Result<(), CallError> {
        let list = |path| self.control(Ask::new(Method::Get, path));
        match list("/v2/sandboxes?limit=1") {
            Err(CallError::Refused { status: 404 | 405, .. }) => list("/sandboxes").map(drop),
            other => other.map(drop),
        }
    }

    /// A call about one machine.
    fn about(
        &self,
        method: Method,
        machine: &Machine,
        version: &str,
        what: &str,
        body: Option<&Value>,
        retry: Retry,
    ) -> Result<Vec<u8>, CallError> {
        let path = format!("{version}/sandboxes/{}{what}", machine.id);
        let ask = Ask { body, retry, machine: Some(machine), ..Ask::new(method, &path) };
        self.control(ask).map_err(|error| match error {
            CallError::Refused { status: 404, .. } => CallError::Gone,
            error => error,
        })
    }

    /// A call of the control API, made again as it says. The text of the answer, which is a success.
    fn control(&self, ask: Ask<'_>) -> Result<Vec<u8>, CallError> {
        let Ask { method, path, body, retry, patience, key, machine } = ask;
        let url = format!("{}{path}", self.settings.api());
        let body = body.map(Value::to_string);
        let mut headers = vec![("x-api-key", self.settings.expose_key()), ("accept", "application/json")];
        headers.extend(body.as_ref().map(|_| ("content-type", "application/json")));
        headers.extend(key.map(|key| ("idempotency-key", key)));
        let patience = match retry {
            // That has to be done after the deadline, if not before.
            Retry::Insistent => patience,
            Retry::Once | Retry::Repeatable => self.time_left(patience).min(patience),
        };
        let begin = Instant::now();
        let mut attempt = 0;
        loop {
            let left = patience.saturating_sub(begin.elapsed());
            let body = body.as_ref().map(String::as_bytes);
            let call = Call { method, url: &url, headers: &headers, body, time: Time::of(left) };
            let answer = self.http.send(call).and_then(|answer| {
                let (status, should_retry, retry_after) =
                    (answer.status, answer.should_retry.clone(), answer.retry_after.clone());
                Ok((status, should_retry, retry_after, answer.text(MOST)?))
            });
            let answered = match &answer {
                Ok((200..300, ..)) => return answer.map(|(.., text)| text).map_err(CallError::from),
                Ok((status, should_retry, retry_after, _)) => Answered::Status {
                    status: *status,
                    should_retry: should_retry.as_deref(),
                    retry_after: retry_after.as_deref(),
                },
                Err(Failure::NotSent(_)) => Answered::NotSent,
                Err(Failure::Dropped(_)) => Answered::Dropped,
            };
            let left = patience.saturating_sub(begin.elapsed());
            let [spread, ..] = random().to_be_bytes();
            let wait = retry.after(answered, attempt, left, u16::from(spread) * 0x101);
            let sits_out = |wait| match retry {
                // That is done for the sake of the stop.
                Retry::Insistent => {
                    thread::sleep(wait);
                    true
                }
                Retry::Once | Retry::Repeatable => self.sits_out(wait),
            };
            if !wait.is_some_and(sits_out) {
                let (status, _, _, text) = answer?;
                return Err(CallError::refused(status, &text, &self.secrets(machine)));
            }
            attempt += 1;
        }
    }

    /// What no error repeats.
    pub(crate) fn secrets<'a>(&'a self, machine: Option<&'a Machine>) -> Vec<&'a str> {
        let of_machine = machine.into_iter().flat_map(Machine::secrets);
        [self.settings.expose_key()].into_iter().chain(of_machine).collect()
    }

    /// Whether all of `wait` went by without a stop.
    fn sits_out(&self, wait: Duration) -> bool {
        let (stopped, told) = mpsc::channel();
        let tell = |stop: &Stop| {
            let stopped = stopped.clone();
            // Nobody listens any more when the time is over.
            stop.when_requested(move || _ = stopped.send(()))
        };
        let waiting: Vec<_> = self.stops.iter().map(tell).collect();
        let whole = told.recv_timeout(wait).is_err();
        drop(waiting);
        whole
    }

    /// The machine of that name, as an answer describes it.
    fn described(&self, id: &str, text: &[u8]) -> Result<Machine, CallError> {
        let Described { envd_access_token, traffic_access_token, domain, envd_version } =
            serde_json::from_slice(text).map_err(|error| CallError::nonsense(&error))?;
        // Some services have none, and say so by an empty one.
        let domain = domain.filter(|domain| !domain.is_empty());
        let address = |port| {
            self.settings
                .sandbox(id, domain.as_deref(), port)
                .ok_or_else(|| CallError::Nonsense("it names a machine that cannot be addressed".to_owned()))
        };
        let (address, interpreter) = (address(envd::PORT)?, address(execute::PORT)?);
        let (token, traffic_token) = (envd_access_token.unwrap_or_default(), traffic_access_token);
        let is_token = |token: &str| !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
        // Whoever knows the name of a machine without one can use it.
        if !is_token(&token) || !traffic_token.as_deref().is_none_or(is_token) {
            return Err(CallError::Nonsense("no token guards the machine".to_owned()));
        }
        let envd = envd_version.as_deref().and_then(version);
        Ok(Machine { id: id.to_owned(), address, interpreter, token, traffic_token, envd })
    }
}

/// The name of the machine that an answer is about; it can stand in an address.
fn name(text: &[u8]) -> Result<String, CallError> {
    let Name { id } = serde_json::from_slice(text).map_err(|error| CallError::nonsense(&error))?;
    let odd = || CallError::Nonsense("it names a machine that cannot be addressed".to_owned());
    if is_id(&id) { Ok(id) } else { Err(odd()) }
}

/// Never shorter than was asked for.
fn whole_seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

/// Nobody else has it; not a secret.
pub(crate) fn random() -> u64 {
    RandomState::new().hash_one(0)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::version;
    use crate::{Client, Settings};

    #[test]
    fn versions_are_compared_as_numbers() {
        assert_eq!(version("0.5.10"), Some([0, 5, 10]));
        assert!(version("v0.5.10-rc.1") > version("0.5.2"));
        for odd in ["", "0.5", "a.b.c", "0.5.x", "1.2.99999999999"] {
            assert_eq!(version(odd), None, "{odd}");
        }
    }

    #[test]
    fn a_deadline_shortens_and_lengthens_patience() {
        let settings = Settings::from_variables(|name| (name == "E2B_API_KEY").then(|| "k".to_owned()));
        let client = Client::new(settings.unwrap());
        let (minute, hour) = (Duration::from_secs(60), Duration::from_secs(3_600));
        assert_eq!(client.time_left(minute), minute);
        let within = |time| client.until(Vec::new(), Some(Instant::now() + time)).time_left(minute);
        // A program may read on after more than a minute.
        assert!(within(hour) > hour / 2 && within(Duration::ZERO).is_zero());
    }
}
