//! Requests to a `firecracker` over its socket: HTTP/1.1, one JSON object in, a status and perhaps a message out. Both
//! sides are on this machine, but what answers may be anything: every answer is bounded, in bytes and in time.

use std::{
    fmt,
    io::{self, Read as _, Write as _},
    os::unix::net::UnixStream,
    time::{Duration, Instant},
};

use serde_json::Value;

/// Longest head and longest body of an answer.
const LONGEST_HEAD: usize = 8 << 10;
const LONGEST_BODY: usize = 16 << 10;
/// Longest message that is shown, in characters.
const SHOWN: usize = 300;

/// A connection.
#[derive(Debug)]
pub(super) struct Api {
    stream: UnixStream,
}

/// Why a request failed.
#[derive(Debug)]
pub(super) enum ApiError {
    /// It was answered, and refused.
    Refused {
        /// By this status.
        status: u16,
        /// With these words.
        message: String,
    },
    /// It was not answered as the protocol has it, or not in time: nobody knows what became of it.
    Broken(String),
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { status, message } if message.is_empty() => write!(f, "it answers with {status}"),
            Self::Refused { status, message } => write!(f, "it answers with {status}: {message}"),
            Self::Broken(what) => f.write_str(what),
        }
    }
}

impl Api {
    pub(super) fn new(stream: UnixStream) -> Self {
        Self { stream }
    }

    /// Asks for something to be so.
    pub(super) fn put(&mut self, path: &str, body: &Value, deadline: Instant) -> Result<(), ApiError> {
        let body = body.to_string();
        let head = format!(
            "PUT {path} HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let broken = |error: io::Error| ApiError::Broken(unanswered(path, &error));
        self.give_up_at(deadline).map_err(broken)?;
        self.stream.write_all((head + &body).as_bytes()).map_err(broken)?;
        let answer = self.answer(deadline).map_err(broken)?;
        match answer.status {
            200 | 204 => Ok(()),
            status => Err(ApiError::Refused { status, message: message(&answer.body) }),
        }
    }

    fn answer(&mut self, deadline: Instant) -> io::Result<Answer> {
        let mut text = Vec::new();
        loop {
            if let Some(answer) = Answer::of(&text)? {
                return Ok(answer);
            }
            self.give_up_at(deadline)?;
            let mut piece = [0; 2_048];
            match self.stream.read(&mut piece) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => text.extend(piece.iter().take(read)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn give_up_at(&self, deadline: Instant) -> io::Result<()> {
        // Zero would be for ever.
        let left = deadline.saturating_duration_since(Instant::now());
        if left == Duration::ZERO {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.stream.set_read_timeout(Some(left))?;
        self.stream.set_write_timeout(Some(left))
    }
}

fn unanswered(path: &str, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => format!("it does not answer `PUT {path}`"),
        io::ErrorKind::UnexpectedEof => format!("it hung up at `PUT {path}`"),
        _ => format!("`PUT {path}`: {error}"),
    }
}

/// An answer that is there as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Answer {
    status: u16,
    body: Vec<u8>,
}

impl Answer {
    /// `None` as long as some of it is missing.
    fn of(text: &[u8]) -> io::Result<Option<Self>> {
        let bad = |what: &str| io::Error::new(io::ErrorKind::InvalidData, format!("the answer {what}"));
        let Some(end) = text.windows(4).position(|four| four == b"\r\n\r\n") else {
            return if text.len() > LONGEST_HEAD { Err(bad("has no end")) } else { Ok(None) };
        };
        let head = text.get(..end).and_then(|head| std::str::from_utf8(head).ok());
        let mut lines = head.ok_or_else(|| bad("is no text"))?.split("\r\n");
        let first = lines.next().unwrap_or_default();
        let status = first.strip_prefix("HTTP/1.1 ").or_else(|| first.strip_prefix("HTTP/1.0 "));
        let status = status.and_then(|rest| rest.split(' ').next()?.parse().ok());
        let status: u16 =
            status.filter(|status| (100..600).contains(status)).ok_or_else(|| bad("has no status"))?;
        let mut length = None;
        for line in lines {
            let (name, value) = line.split_once(':').ok_or_else(|| bad("has a line that is no header"))?;
            if name.eq_ignore_ascii_case("transfer-encoding") {
                return Err(bad("comes in a form that is not used here"));
            }
            if name.eq_ignore_ascii_case("content-length") {
                let value = value.trim();
                let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
                let said = value.parse::<usize>().ok().filter(|said| digits && *said <= LONGEST_BODY);
                let said = said.ok_or_else(|| bad("is too long"))?;
                if length.replace(said).is_some_and(|before| before != said) {
                    return Err(bad("has two lengths"));
                }
            }
        }
        let body = text.get(end + 4..).unwrap_or_default();
        match (status, length) {
            (204, _) if body.is_empty() => Ok(Some(Self { status, body: Vec::new() })),
            (_, None) if status != 204 => Err(bad("has no length")),
            (_, Some(length)) if body.len() < length && status != 204 => Ok(None),
            (_, Some(length)) if body.len() == length => Ok(Some(Self { status, body: body.to_vec() })),
            _ => Err(bad("is longer than it says")),
        }
    }
}

/// What it says about a refusal, in one line without anything that would draw.
fn message(body: &[u8]) -> String {
    let said = serde_json::from_slice::<Value>(body).ok();
    let said = said.as_ref().and_then(|said| said.get("fault_message")?.as_str());
    printable(said.unwrap_or_default(), SHOWN)
}

/// What can be shown of a text that anybody may have written, in one line.
pub(super) fn printable(text: &str, most: usize) -> String {
    let words = text.split(|letter: char| letter.is_whitespace() || letter.is_control());
    let line = words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    line.chars().filter(|letter| !odd(*letter)).take(most).collect()
}

/// Marks that turn the order of a line around, or cannot be seen.
fn odd(letter: char) -> bool {
    matches!(letter, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read as _, Write as _},
        os::unix::net::UnixStream,
        thread,
        time::{Duration, Instant},
    };

    use serde_json::json;

    use super::{Answer, Api, ApiError, LONGEST_BODY, LONGEST_HEAD, message, printable};

    const NONE: &[u8] = b"HTTP/1.1 204 \r\nServer: Firecracker API\r\nConnection: keep-alive\r\n\r\n";
    const REFUSAL: &[u8] = b"HTTP/1.1 400 \r\nServer: Firecracker API\r\nContent-Type: application/json\r\n\
        Content-Length: 34\r\n\r\n{\"fault_message\":\"no such kernel\"}";

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(20)
    }

    /// Asks somebody who answers with `answer`, and hangs up then if told to.
    fn asked(answer: &[u8], hang_up: bool, deadline: Instant) -> (Result<(), ApiError>, String) {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let answer = answer.to_vec();
        let other = thread::spawn(move || {
            let mut request = vec![0; 4_096];
            let read = theirs.read(&mut request).unwrap();
            // Nobody reads it where it was late from the start.
            let _ = theirs.write_all(&answer);
            request.truncate(read);
            (String::from_utf8(request).unwrap(), (!hang_up).then_some(theirs))
        });
        let result = Api::new(ours).put("/drives/job", &json!({"drive_id": "job"}), deadline);
        let (request, _held) = other.join().unwrap();
        (result, request)
    }

    #[test]
    fn a_request_says_how_long_it_is_and_what_it_wants() {
        let (result, request) = asked(NONE, false, soon());
        result.unwrap();
        assert!(request.starts_with("PUT /drives/job HTTP/1.1\r\nHost: localhost\r\n"), "{request}");
        assert!(request.ends_with("Content-Length: 18\r\n\r\n{\"drive_id\":\"job\"}"), "{request}");
    }

    #[test]
    fn a_refusal_says_why() {
        let (result, _) = asked(REFUSAL, false, soon());
        match result {
            Err(error @ ApiError::Refused { status: 400, .. }) => {
                assert_eq!(error.to_string(), "it answers with 400: no such kernel");
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        let broken = |answer: &[u8], deadline| match asked(answer, true, deadline).0 {
            Err(ApiError::Broken(what)) => what,
            other => panic!("{other:?}"),
        };
        assert!(broken(b"", soon()).contains("hung up"));
        assert!(broken(&REFUSAL[..REFUSAL.len() - 1], soon()).contains("hung up"));
        assert!(broken(b"SSH-2.0\r\n\r\n", soon()).contains("no status"));
        assert!(broken(NONE, Instant::now()).contains("does not answer"));
        let (result, _) = asked(b"HTTP/1.1 204", false, Instant::now() + Duration::from_millis(50));
        assert!(result.unwrap_err().to_string().contains("does not answer"));
    }

    #[test]
    fn answers_come_in_pieces_and_end_where_they_say() {
        for end in 0..REFUSAL.len() {
            assert_eq!(Answer::of(&REFUSAL[..end]).unwrap(), None, "{end}");
        }
        assert_eq!(Answer::of(REFUSAL).unwrap().unwrap().status, 400);
        assert_eq!(Answer::of(NONE).unwrap().unwrap(), Answer { status: 204, body: Vec::new() });
        let more = [REFUSAL, b"x"].concat();
        let (long, two) = ("Content-Length: 99999999999999999999", "Content-Length: 1\r\nContent-Length: 2");
        let with = |header: &str| format!("HTTP/1.1 200 OK\r\n{header}\r\n\r\n").into_bytes();
        let over = format!("Content-Length: {}", LONGEST_BODY + 1);
        let bad = [
            more,
            with(long),
            with(two),
            with(&over),
            with("Content-Length: -1"),
            with("Content-Length: +1"),
            with("Transfer-Encoding: chunked"),
            with("nothing"),
            with("A: b"),
            b"HTTP/1.1 99 x\r\n\r\n".to_vec(),
            b"HTTP/2 200\r\n\r\n".to_vec(),
            b"\xff\r\n\r\n".to_vec(),
            vec![b'a'; LONGEST_HEAD + 1],
        ];
        for answer in bad {
            assert!(Answer::of(&answer).is_err(), "{}", String::from_utf8_lossy(&answer));
        }
        assert!(Answer::of(&with("content-length: 0")).unwrap().is_some(), "the control");
    }

    #[test]
    fn what_anybody_wrote_draws_nothing() {
        assert_eq!(printable("a\u{1b}[2J\n b\u{202e}c", 80), "a [2J bc");
        assert_eq!(printable(&"x".repeat(1_000), 5), "xxxxx");
        assert_eq!(message(b"{\"fault_message\":7}"), "");
        assert_eq!(message(b"nonsense"), "");
    }
}
