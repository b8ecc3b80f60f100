//! One request and its answer, over `ureq`: without a runtime, a redirect, a cookie or a proxy that was not asked for.

use std::{
    fmt, io,
    io::Read,
    sync::{
        Arc,
        mpsc::{self, Receiver, SyncSender},
    },
    thread,
    time::Duration,
};

use airlock_sandbox::{Awaited, Stop};
use ureq::{
    Agent, AsSendBody, Body, BodyReader, Error, Timeout,
    http::{Request, Response},
    tls::{Certificate, RootCerts, TlsConfig},
};

/// Whether plain HTTP is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plain {
    /// Never.
    Refused,
    /// Where an address says so: the user gave that address.
    Allowed,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Nothing was sent.
    NotSent(String),
    /// Something was sent, and nobody knows what became of it.
    Dropped(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSent(why) => write!(f, "cannot be reached: {why}"),
            Self::Dropped(why) => write!(f, "the connection was lost: {why}"),
        }
    }
}

impl std::error::Error for Failure {}

/// A request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call<'a> {
    pub(crate) method: Method,
    pub(crate) url: &'a str,
    pub(crate) headers: &'a [(&'a str, &'a str)],
    /// `None` for a method that has none.
    pub(crate) body: Option<&'a [u8]>,
    pub(crate) time: Time,
}

/// How long a request may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Time {
    /// All of it, the answer's text included.
    pub(crate) whole: Duration,
    /// What no single read may wait longer than.
    pub(crate) silence: Duration,
}

impl Time {
    /// For what may be silent all the while.
    pub(crate) fn of(whole: Duration) -> Self {
        Self { whole, silence: whole }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Post,
    Delete,
}

impl Method {
    fn of_http(self) -> ureq::http::Method {
        match self {
            Self::Get => ureq::http::Method::GET,
            Self::Post => ureq::http::Method::POST,
            Self::Delete => ureq::http::Method::DELETE,
        }
    }
}

/// An answer, whose text is read as it comes.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) should_retry: Option<String>,
    pub(crate) retry_after: Option<String>,
    pub(crate) body: BodyReader<'static>,
}

impl Answer {
    /// The whole text, if it is no longer than `most` bytes.
    pub(crate) fn text(self, most: u64) -> Result<Vec<u8>, Failure> {
        let mut text = Vec::new();
        let read = self.body.take(most.saturating_add(1)).read_to_end(&mut text);
        read.map_err(|error| Failure::Dropped(error.to_string()))?;
        if text.len() as u64 > most {
            return Err(Failure::Dropped(format!("the answer is longer than {most} bytes")));
        }
        Ok(text)
    }
}

/// How much of an answer is handed over at once, and how many of these may wait.
const PIECE: usize = 16 << 10;
const PIECES: usize = 4;

/// What the thread that reads an answer says, or who gives it up.
enum Word {
    Status(u16),
    Piece(Vec<u8>),
    Failed(Failure),
    End,
    Stopped,
}

/// Says that nothing follows, however its thread ends. The channel does not: whoever gives the answer up holds it, too.
struct Last(SyncSender<Word>);

impl Drop for Last {
    fn drop(&mut self) {
        // Nobody listens any more if that fails.
        let _ = self.0.send(Word::End);
    }
}

/// An answer that another thread reads, so that nobody has to wait for a service that is silent. That thread ends when
/// something comes that nobody wants any more, or when the time for the call is over.
pub(crate) struct Stream {
    words: Receiver<Word>,
    stops: Vec<Stop>,
    _awaited: Vec<Awaited>,
}

impl Stream {
    /// What was read; `None` at the end.
    ///
    /// # Errors
    /// The connection was lost, or nobody waits any more.
    pub(crate) fn read(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        loop {
            match self.next() {
                Word::Piece(piece) => return Ok(Some(piece)),
                Word::Failed(failure) => return Err(failure),
                Word::Stopped => return Err(Failure::Dropped("it was given up".to_owned())),
                Word::Status(_) => {}
                Word::End => return Ok(None),
            }
        }
    }

    /// The whole text, if it is no longer than `most` bytes.
    pub(crate) fn text(mut self, most: usize) -> Result<Vec<u8>, Failure> {
        let mut text = Vec::new();
        while let Some(piece) = self.read()? {
            text.extend(piece);
            if text.len() > most {
                return Err(Failure::Dropped(format!("the answer is longer than {most} bytes")));
            }
        }
        Ok(text)
    }

    /// The next word. That one is stopped may have found no room among them, and is looked for, too.
    fn next(&self) -> Word {
        let is_stopped = || self.stops.iter().any(Stop::is_requested);
        if is_stopped() {
            return Word::Stopped;
        }
        let word = self.words.recv().unwrap_or(Word::End);
        if is_stopped() { Word::Stopped } else { word }
    }
}

/// Sends requests, with the certificates that this system trusts.
#[derive(Clone, Debug)]
pub(crate) struct Http {
    agent: Agent,
}

impl Http {
    /// Connects to nothing yet.
    pub(crate) fn new(plain: Plain) -> Self {
        let found = rustls_native_certs::load_native_certs().certs;
        let roots: Vec<_> = found.iter().map(|root| Certificate::from_der(root).to_owned()).collect();
        let tls = TlsConfig::builder()
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .root_certs(RootCerts::from(roots))
            .build();
        let agent = Agent::config_builder()
            .https_only(plain == Plain::Refused)
            .http_status_as_error(false)
            // A key must not follow a redirect to somebody else.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            // One that the service has closed meanwhile would lose what may not be sent twice.
            .max_idle_connections(0)
            .tls_config(tls)
            .build()
            .new_agent();
        Self { agent }
    }

    /// Sends a request, and gives the head of the answer.
    ///
    /// # Errors
    /// There is no answer.
    pub(crate) fn send(&self, call: Call<'_>) -> Result<Answer, Failure> {
        let mut request = Request::builder().method(call.method.of_http()).uri(call.url);
        for (name, value) in call.headers {
            request = request.header(*name, *value);
        }
        let answer = match call.body {
            Some(body) => request.body(body).map_err(Error::from).and_then(|request| self.run(request, call)),
            None => request.body(()).map_err(Error::from).and_then(|request| self.run(request, call)),
        };
        let answer = answer.map_err(|error| failure(&error))?;
        let header = |name| answer.headers().get(name)?.to_str().ok().map(str::to_owned);
        let (should_retry, retry_after) = (header("should-retry"), header("retry-after"));
        let status = answer.status().as_u16();
        Ok(Answer { status, should_retry, retry_after, body: answer.into_body().into_reader() })
    }

    /// As [`Self::send`], and nobody waits any more once one of `stops` is requested. The status of the answer, and the
    /// answer.
    ///
    /// # Errors
    /// There is no answer, or nobody waits for it.
    pub(crate) fn stream(&self, call: Call<'_>, stops: &[Stop]) -> Result<(u16, Stream), Failure> {
        let (say, words) = mpsc::sync_channel(PIECES);
        let tell = |stop: &Stop| {
            let say = say.clone();
            // Where there is no room, somebody reads, and will look.
            stop.when_requested(move || drop(say.try_send(Word::Stopped)))
        };
        let stream = Stream { words, stops: stops.to_vec(), _awaited: stops.iter().map(tell).collect() };
        let (http, method, time, url) = (self.clone(), call.method, call.time, call.url.to_owned());
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let headers: Vec<_> = call.headers.iter().map(owned).collect();
        let body = call.body.map(<[u8]>::to_vec);
        let reader = thread::Builder::new().name("e2b-read".to_owned()).spawn(move || {
            let headers: Vec<_> =
                headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let call = Call { method, url: &url, headers: &headers, body: body.as_deref(), time };
            let last = Last(say);
            if let Err(failure) = http.send(call).and_then(|answer| hand_over(answer, &last.0)) {
                // Nobody listens any more if that fails.
                let _ = last.0.send(Word::Failed(failure));
            }
        });
        reader.map_err(|error| Failure::NotSent(error.to_string()))?;
        match stream.next() {
            Word::Status(status) => Ok((status, stream)),
            Word::Failed(failure) => Err(failure),
            Word::Stopped | Word::Piece(_) | Word::End => Err(Failure::Dropped("it was given up".to_owned())),
        }
    }

    fn run(&self, request: Request<impl AsSendBody>, call: Call<'_>) -> Result<Response<Body>, Error> {
        let configured = self.agent.configure_request(request);
        let Time { whole, silence } = call.time;
        let request = configured.timeout_global(Some(whole)).timeout_per_read(Some(silence)).build();
        self.agent.run(request)
    }
}

/// Reads an answer for somebody else, for as long as that one listens.
fn hand_over(mut answer: Answer, to: &SyncSender<Word>) -> Result<(), Failure> {
    if to.send(Word::Status(answer.status)).is_err() {
        return Ok(());
    }
    loop {
        let mut piece = vec![0; PIECE];
        let read = answer.body.read(&mut piece).map_err(|error| Failure::Dropped(error.to_string()))?;
        piece.truncate(read);
        if read == 0 || to.send(Word::Piece(piece)).is_err() {
            return Ok(());
        }
    }
}

/// When in doubt, it was sent.
fn failure(error: &Error) -> Failure {
    let not_sent = match error {
        Error::HostNotFound
        | Error::Http(_)
        | Error::BadUri(_)
        | Error::ConnectionFailed
        | Error::RequireHttpsOnly(_)
        | Error::Tls(_)
        | Error::Timeout(Timeout::Resolve | Timeout::Connect) => true,
        Error::Io(error) => error.kind() == io::ErrorKind::ConnectionRefused,
        _ => false,
    };
    let why = error.to_string();
    if not_sent { Failure::NotSent(why) } else { Failure::Dropped(why) }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        net::TcpListener,
        sync::mpsc,
        thread,
        time::Duration,
    };

    use super::{Answer, Call, Failure, Http, Method, Plain, Time};

    const LONG: Duration = Duration::from_secs(30);

    fn post(plain: Plain, url: &str, silence: Duration) -> Result<Answer, Failure> {
        let (method, body) = (Method::Post, Some(b"{}".as_slice()));
        let time = Time { whole: LONG, silence };
        Http::new(plain).send(Call { method, url, headers: &[], body, time })
    }

    /// A server that sends `first`, and `second` when it is told to.
    fn server(first: &'static str, second: &'static str) -> (String, mpsc::Sender<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (go, told) = mpsc::channel();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(first.as_bytes());
            if told.recv().is_ok() {
                let _ = stream.write_all(second.as_bytes());
            }
        });
        (url, go)
    }

    #[test]
    fn an_answer_is_read_as_it_comes() {
        let head = "HTTP/1.1 503 X\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n";
        let (url, go) = server(head, "3\r\ndef\r\n0\r\n\r\n");
        let Answer { status, mut body, .. } = post(Plain::Allowed, &url, LONG).unwrap();
        let mut piece = [0; 16];
        // The server waits: what is read now came before the end.
        assert_eq!((status, body.read(&mut piece).unwrap()), (503, 3));
        go.send(()).unwrap();
        let mut rest = String::new();
        body.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "def");
    }

    #[test]
    fn a_redirect_is_an_answer() {
        let (url, _go) = server("HTTP/1.1 307 X\r\nlocation: /a\r\ncontent-length: 0\r\n\r\n", "");
        assert_eq!(post(Plain::Allowed, &url, LONG).unwrap().status, 307);
    }

    #[test]
    fn silence_plain_http_and_nobody_are_told_apart() {
        let (url, _go) = server("", "");
        let short = Duration::from_millis(50);
        let post = |plain, url: &str| post(plain, url, short);
        assert!(matches!(post(Plain::Refused, &url), Err(Failure::NotSent(_))));
        assert!(matches!(post(Plain::Allowed, &url), Err(Failure::Dropped(_))));
        assert!(matches!(post(Plain::Allowed, "http://127.0.0.1:1"), Err(Failure::NotSent(_))));
    }
}
