//! One request and its answer, over `ureq`: without a runtime, a redirect, a cookie or a proxy that was not asked for.

use std::{fmt, io, io::Read, sync::Arc, time::Duration};

use ureq::{
    Agent, Error, Timeout,
    http::Request,
    tls::{Certificate, RootCerts, TlsConfig},
};

/// Whether plain HTTP is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plain {
    /// Never.
    Refused,
    /// Where an address says so: the user gave that address.
    Allowed,
}

/// Why there is no answer.
#[derive(Debug)]
pub enum Failure {
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

/// Sends requests, with the certificates that this system trusts.
#[derive(Clone, Debug)]
pub struct Http {
    agent: Agent,
}

impl Http {
    /// Connects to nothing yet.
    pub fn new(plain: Plain) -> Self {
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
            .tls_config(tls)
            .build()
            .new_agent();
        Self { agent }
    }

    /// Posts `body`, and gives the status of the answer and its text, which is read as it comes. All of it may take
    /// `whole`, and no single read may wait longer than `silence`.
    ///
    /// # Errors
    /// There is no answer.
    pub fn post(
        &self,
        url: &str,
        headers: &[(&str, &str)],
        body: &[u8],
        whole: Option<Duration>,
        silence: Duration,
    ) -> Result<(u16, impl Read + Send + use<>), Failure> {
        let mut request = Request::post(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body).map_err(|error| Failure::NotSent(error.to_string()))?;
        let configured = self.agent.configure_request(request);
        let request = configured.timeout_global(whole).timeout_per_read(Some(silence)).build();
        let answer = self.agent.run(request).map_err(|error| failure(&error))?;
        Ok((answer.status().as_u16(), answer.into_body().into_reader()))
    }
}

/// When in doubt, it was sent.
fn failure(error: &Error) -> Failure {
    let not_sent = match error {
        Error::HostNotFound
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

    use super::{Failure, Http, Plain};

    const LONG: Duration = Duration::from_secs(30);

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
        let (status, mut body) = Http::new(Plain::Allowed).post(&url, &[], b"{}", Some(LONG), LONG).unwrap();
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
        let answer = Http::new(Plain::Allowed).post(&url, &[], b"{}", Some(LONG), LONG);
        assert_eq!(answer.unwrap().0, 307);
    }

    #[test]
    fn silence_plain_http_and_nobody_are_told_apart() {
        let (url, _go) = server("", "");
        let short = Duration::from_millis(50);
        let post =
            |plain, url: &str| Http::new(plain).post(url, &[], b"", Some(LONG), short).map(|(code, _)| code);
        assert!(matches!(post(Plain::Refused, &url), Err(Failure::NotSent(_))));
        assert!(matches!(post(Plain::Allowed, &url), Err(Failure::Dropped(_))));
        assert!(matches!(post(Plain::Allowed, "http://127.0.0.1:1"), Err(Failure::NotSent(_))));
    }
}
