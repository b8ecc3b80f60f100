//! The head of a request, read strictly: what two readers could understand in two ways is refused.

use super::host::{Target, split};

/// Longest head, in bytes, and the most header fields.
pub(super) const LONGEST: usize = 32 << 10;
const MOST_FIELDS: usize = 100;
/// Longest method.
const LONGEST_METHOD: usize = 32;

/// Fields that are about one connection and not passed on. `Host` is written anew.
const OWN: [&str; 9] = [
    "connection",
    "proxy-connection",
    "keep-alive",
    "proxy-authorization",
    "te",
    "trailer",
    "upgrade",
    "host",
    "http2-settings",
];
/// Fields by which a body's end is found; nobody may have them taken away.
const FRAMING: [&str; 3] = ["content-length", "transfer-encoding", "host"];

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Request {
    /// `CONNECT`: bytes in both directions.
    Tunnel {
        /// To whom.
        host: Target,
        /// At which port.
        port: u16,
    },
    /// One request by plain HTTP.
    Plain {
        /// To whom.
        host: Target,
        /// At which port.
        port: u16,
        /// The head that the host gets.
        head: Vec<u8>,
        /// Bytes of its body.
        body: u64,
    },
}

/// What a request within a tunnel asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Within {
    /// The host of the tunnel, which gets this head, and a body of so many bytes.
    Same { head: Vec<u8>, body: u64 },
    /// Another one.
    Other(Target),
}

/// What the first bytes within a tunnel are, which are not TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opening {
    /// Not enough of them to tell.
    Unfinished,
    /// A request, or what a server could take for one.
    Http,
    /// Something else.
    Other,
    /// It begins like a request and is none.
    Broken,
}

/// Why a request is not understood: the status of the answer, and words for whoever reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bad(pub(super) u16, pub(super) &'static str);

/// Where the head ends, once it is there: behind its empty line.
pub(super) fn end(bytes: &[u8]) -> Result<Option<usize>, Bad> {
    // A reader that takes a bare line feed for the end of a line would find another head.
    let bare = |(nth, byte): (usize, &u8)| *byte == b'\n' && bytes.get(nth.wrapping_sub(1)) != Some(&b'\r');
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4);
    let head = bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default();
    if head.iter().enumerate().any(bare) {
        return Err(Bad(400, "a line does not end in CR and LF"));
    }
    match end {
        Some(end) if end > LONGEST => Err(Bad(431, "the head is too long")),
        None if bytes.len() >= LONGEST => Err(Bad(431, "the head is too long")),
        end => Ok(end),
    }
}

/// Looks at what a client has sent so far. What a lenient server takes for a request is one here, too: after white space,
/// with any method, and without a version.
pub(super) fn opening(bytes: &[u8]) -> Opening {
    let is_space = |byte: u8| byte.is_ascii_whitespace() || byte == b'\x0b';
    let unfinished = if bytes.len() < LONGEST { Opening::Unfinished } else { Opening::Broken };
    let Some(start) = bytes.iter().position(|byte| !is_space(*byte)) else { return unfinished };
    let line = bytes.get(start..).unwrap_or_default();
    let Some(after) = line.iter().position(|byte| !is_token(*byte)) else { return unfinished };
    if after == 0 || !line.get(after).is_some_and(|byte| is_space(*byte)) {
        return Opening::Other;
    }
    let end = line.iter().position(|byte| *byte == b'\n');
    let line = line.get(after..end.unwrap_or(line.len())).unwrap_or_default();
    match end {
        None if line.iter().any(|byte| byte.is_ascii_control() && !is_space(*byte)) => Opening::Broken,
        None => unfinished,
        Some(_) => {
            let holds = |what: &[u8]| line.windows(what.len()).any(|part| part.eq_ignore_ascii_case(what));
            let path = line.iter().find(|byte| !is_space(**byte)) == Some(&b'/');
            if path || holds(b"HTTP/") || holds(b"://") { Opening::Http } else { Opening::Other }
        }
    }
}

/// Reads a head, which ends in an empty line.
pub(super) fn parse(head: &[u8]) -> Result<Request, Bad> {
    let Parts { method, target, version, fields, body } = parts(head)?;
    if method == "CONNECT" {
        let (host, port) = authority(target)?;
        let port = port.ok_or(Bad(400, "CONNECT needs a port"))?;
        return if body == 0 {
            Ok(Request::Tunnel { host, port })
        } else {
            Err(Bad(400, "CONNECT has no body"))
        };
    }
    let (host, port, path) = absolute(target)?;
    let head = rewritten(method, &path, version, &host, port, &fields)?;
    Ok(Request::Plain { host, port, head, body })
}

/// Reads the head of a request within a tunnel to this host. It names its host by `Host`, as to a server; or by its whole
/// address, which counts more.
pub(super) fn parse_within(head: &[u8], host: &Target, port: u16) -> Result<Within, Bad> {
    let Parts { method, target, version, fields, body } = parts(head)?;
    if method == "CONNECT" {
        return Err(Bad(400, "there is no tunnel within a tunnel"));
    }
    let (named, path) = if target.starts_with('/') {
        (None, sound_path(target)?)
    } else {
        let (named, _, path) = absolute(target)?;
        (Some(named), path)
    };
    let field = values(&fields, "host").next().filter(|value| !value.is_empty());
    let field = field.map(|value| authority(std::str::from_utf8(value).unwrap_or_default())).transpose()?;
    for asked in [named, field.map(|(host, _)| host)].into_iter().flatten() {
        if asked != *host {
            return Ok(Within::Other(asked));
        }
    }
    Ok(Within::Same { head: rewritten(method, &path, version, host, port, &fields)?, body })
}

/// A head in its parts.
struct Parts<'a> {
    method: &'a str,
    target: &'a str,
    version: &'a str,
    fields: Vec<Field<'a>>,
    body: u64,
}

fn parts(head: &[u8]) -> Result<Parts<'_>, Bad> {
    let text = head.strip_suffix(b"\r\n\r\n").ok_or(Bad(400, "the head has no end"))?;
    let mut lines = lines(text);
    let line = lines.next().and_then(|line| std::str::from_utf8(line).ok());
    let line = line.ok_or(Bad(400, "the first line is no request"))?;
    let fields = lines.map(field).collect::<Result<Vec<_>, _>>()?;
    if fields.len() > MOST_FIELDS {
        return Err(Bad(431, "there are too many header fields"));
    }

    let mut words = line.split(' ');
    let (Some(method), Some(target), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(Bad(400, "the first line is no request"));
    };
    if !(1..=LONGEST_METHOD).contains(&method.len()) || !method.bytes().all(is_token) {
        return Err(Bad(400, "the method is none"));
    }
    if !["HTTP/1.1", "HTTP/1.0"].contains(&version) {
        return Err(Bad(505, "the version is neither HTTP/1.1 nor HTTP/1.0"));
    }
    let body = body(&fields)?;
    Ok(Parts { method, target, version, fields, body })
}

/// A header field: its name and its value.
type Field<'a> = (&'a str, &'a [u8]);

/// The lines of a head, without their ends.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let end = text.windows(2).position(|two| two == b"\r\n");
        let (line, next) = match end {
            Some(end) => (text.get(..end)?, text.get(end + 2..)),
            None => (text, None),
        };
        rest = next;
        Some(line)
    })
}

fn field(line: &[u8]) -> Result<Field<'_>, Bad> {
    if line.first().is_some_and(|byte| b" \t".contains(byte)) {
        return Err(Bad(400, "a header field goes on in the next line"));
    }
    let colon = line.iter().position(|byte| *byte == b':').ok_or(Bad(400, "a header field has no colon"))?;
    let (name, value) = line.split_at_checked(colon).ok_or(Bad(400, "a header field has no colon"))?;
    let name = std::str::from_utf8(name).ok().filter(|name| !name.is_empty() && name.bytes().all(is_token));
    let name = name.ok_or(Bad(400, "the name of a header field is none"))?;
    let value = value.get(1..).unwrap_or_default().trim_ascii();
    if value.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') {
        return Err(Bad(400, "a header field has control characters"));
    }
    Ok((name, value))
}

/// A character of a token (RFC 9110, 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn values<'a>(fields: &'a [Field<'a>], wanted: &'a str) -> impl Iterator<Item = &'a [u8]> {
    fields.iter().filter(move |(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| *value)
}

/// How long the body is, which may be said in one way only.
fn body(fields: &[Field<'_>]) -> Result<u64, Bad> {
    if values(fields, "host").count() > 1 {
        return Err(Bad(400, "there is more than one Host"));
    }
    let mut lengths = values(fields, "content-length");
    let length = lengths.next();
    if lengths.next().is_some() {
        return Err(Bad(400, "there is more than one Content-Length"));
    }
    if values(fields, "transfer-encoding").next().is_some() {
        return Err(match length {
            Some(_) => Bad(400, "there are both Content-Length and Transfer-Encoding"),
            None => Bad(411, "a body needs a Content-Length here"),
        });
    }
    let Some(length) = length else { return Ok(0) };
    // `+1` is a number to Rust.
    let digits =
        std::str::from_utf8(length).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    digits.and_then(|digits| digits.parse().ok()).ok_or(Bad(400, "the Content-Length is none"))
}

fn authority(text: &str) -> Result<(Target, Option<u16>), Bad> {
    let parts = split(text).and_then(|(host, port)| Some((Target::parse(host)?, port)));
    parts.ok_or(Bad(400, "the host is neither a plain name nor an address in digits"))
}

/// Host, port and path of `http://host:port/path`.
fn absolute(target: &str) -> Result<(Target, u16, String), Bad> {
    const SCHEME: &str = "http://";
    if target.starts_with('/') || target == "*" {
        return Err(Bad(400, "this is a proxy, which takes whole addresses"));
    }
    let scheme = target.get(..SCHEME.len()).filter(|scheme| scheme.eq_ignore_ascii_case(SCHEME));
    let Some(rest) = scheme.and_then(|_| target.get(SCHEME.len()..)) else {
        return Err(Bad(400, "the proxy takes http://… and CONNECT only"));
    };
    let (name, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let path = sound_path(path)?;
    let (host, port) = authority(name)?;
    Ok((host, port.unwrap_or(80), path))
}

fn sound_path(path: &str) -> Result<String, Bad> {
    if !path.bytes().all(|byte| byte.is_ascii_graphic()) || path.contains('#') {
        return Err(Bad(400, "the path has characters that it cannot have"));
    }
    Ok(if path.starts_with('/') { path.to_owned() } else { format!("/{path}") })
}

/// The head for the host: its own path, the `Host` that was judged, and nothing about the connection to us. The
/// connection ends with the answer, so that there is no second request that nobody judged.
fn rewritten(
    method: &str,
    path: &str,
    version: &str,
    host: &Target,
    port: u16,
    fields: &[Field<'_>],
) -> Result<Vec<u8>, Bad> {
    let named: Vec<String> = values(fields, "connection")
        .flat_map(|value| value.split(|byte| *byte == b','))
        .map(|name| String::from_utf8_lossy(name.trim_ascii()).to_ascii_lowercase())
        .collect();
    if named.iter().any(|name| FRAMING.contains(&name.as_str())) {
        return Err(Bad(400, "Connection names a field that says where the body ends"));
    }
    let authority = if port == 80 { host.to_string() } else { format!("{host}:{port}") };
    let mut head = format!("{method} {path} {version}\r\nHost: {authority}\r\n").into_bytes();
    for (name, value) in fields {
        let lower = name.to_ascii_lowercase();
        if !OWN.contains(&lower.as_str()) && !named.contains(&lower) {
            for part in [name.as_bytes(), b": ", value, b"\r\n"] {
                head.extend_from_slice(part);
            }
        }
    }
    head.extend_from_slice(b"Connection: close\r\n\r\n");
    Ok(head)
}

#[cfg(test)]
mod tests {
    use super::{Bad, LONGEST, Opening, Request, Target, Within, end, opening, parse, parse_within};
    use crate::proxy::tests::random;

    fn read(text: &str) -> Result<Request, Bad> {
        parse(text.as_bytes())
    }

    fn status(text: &str) -> u16 {
        read(text).map_or_else(|bad| bad.0, |request| panic!("{text:?}: {request:?}"))
    }

    #[test]
    fn a_tunnel_has_a_host_and_a_port() {
        let tunnel = read("CONNECT Example.com:443 HTTP/1.1\r\nHost: other.org\r\n\r\n").unwrap();
        assert_eq!(tunnel, Request::Tunnel { host: Target::Name("example.com".into()), port: 443 });
        for target in [
            "example.com",
            "example.com:",
            ":443",
            "http://example.com:443",
            "a@b:443",
            "a b:443",
            "/:443",
            "::1:443",
        ] {
            assert_eq!(status(&format!("CONNECT {target} HTTP/1.1\r\n\r\n")), 400, "{target}");
        }
        assert_eq!(status("CONNECT a.com:443 HTTP/1.1\r\nContent-Length: 5\r\n\r\n"), 400);
    }

    #[test]
    fn a_plain_request_is_written_anew() {
        let text = "POST HTTP://EXAMPLE.com:8080?q=1 HTTP/1.1\r\nHost: forbidden.org\r\nX-A:  b \r\n\
                    Proxy-Connection: keep-alive\r\nConnection: keep-alive, X-Own\r\nX-Own: 1\r\n\
                    Proxy-Authorization: Basic x\r\nUpgrade: h2c\r\nContent-Length: 3\r\n\r\n";
        let Request::Plain { host, port, head, body } = read(text).unwrap() else { panic!() };
        assert_eq!((host.to_string().as_str(), port, body), ("example.com", 8080, 3));
        assert_eq!(
            String::from_utf8(head).unwrap(),
            "POST /?q=1 HTTP/1.1\r\nHost: example.com:8080\r\nX-A: b\r\nContent-Length: 3\r\nConnection: close\r\n\r\n"
        );
        let Request::Plain { head, body, .. } = read("GET http://[2606::1] HTTP/1.0\r\n\r\n").unwrap() else {
            panic!()
        };
        assert!(head.starts_with(b"GET / HTTP/1.0\r\nHost: [2606::1]\r\n") && body == 0);
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_refused() {
        for (fields, expected) in [
            ("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", 400),
            ("Transfer-Encoding: chunked\r\n", 411),
            ("Content-Length: 1\r\nContent-Length: 1\r\n", 400),
            ("Content-Length: 1, 1\r\n", 400),
            ("Content-Length: +1\r\n", 400),
            ("Content-Length: 0x1\r\n", 400),
            ("Content-Length: -1\r\n", 400),
            ("Content-Length: 99999999999999999999\r\n", 400),
            ("Content-Length:\r\n", 400),
            ("Host: a.com\r\nHost: b.com\r\n", 400),
            ("X: a\r\n b\r\n", 400),
            ("X: a\r\n\tb\r\n", 400),
            (" X: a\r\n", 400),
            ("X : a\r\n", 400),
            ("X\r\n", 400),
            (": a\r\n", 400),
            ("X: a\0b\r\n", 400),
            ("X: a\rb\r\n", 400),
            ("X: a\nb\r\n", 400),
            ("X\u{e9}: a\r\n", 400),
            ("Connection: Content-Length\r\nContent-Length: 3\r\n", 400),
            ("Connection: close, transfer-encoding\r\n", 400),
        ] {
            assert_eq!(
                status(&format!("GET http://a.com/ HTTP/1.1\r\n{fields}\r\n")),
                expected,
                "{fields:?}"
            );
        }
        assert!(read("GET http://a.com/ HTTP/1.1\r\nX: a\r\n\r\n").is_ok(), "the control");
        for line in [
            "GET / HTTP/1.1",
            "OPTIONS * HTTP/1.1",
            "GET https://a.com/ HTTP/1.1",
            "GET ftp://a.com/ HTTP/1.1",
            "GET http://u:p@a.com/ HTTP/1.1",
            "GET http://a.com\\@b.com/ HTTP/1.1",
            "GET http://a.com/#f HTTP/1.1",
            "GET http://a.com/\u{e9} HTTP/1.1",
            "GET http:///x HTTP/1.1",
            "GET http://a.com:x/ HTTP/1.1",
            "GET  http://a.com/ HTTP/1.1",
            "GET http://a.com/ b HTTP/1.1",
            "GET http://a.com/",
            "G(T http://a.com/ HTTP/1.1",
            " http://a.com/ HTTP/1.1",
            "",
        ] {
            assert_eq!(status(&format!("{line}\r\n\r\n")), 400, "{line:?}");
        }
        assert_eq!(status("GET http://a.com/ HTTP/2.0\r\n\r\n"), 505);
        let many = "X: a\r\n".repeat(101);
        assert_eq!(status(&format!("GET http://a.com/ HTTP/1.1\r\n{many}\r\n")), 431);
    }

    #[test]
    fn what_could_be_a_request_is_one() {
        for (text, expected) in [
            ("GET / HTTP/1.1\r\n", Opening::Http),
            ("\r\n \tGET / HTTP/1.1\r\n", Opening::Http),
            ("GET\t/\x0bhttp/1.1\n", Opening::Http),
            ("ANY-METHOD.AT_ALL \u{e9} HTTP/1.1\n", Opening::Http),
            ("GET /\r\n", Opening::Http),
            ("GET http://b.org\r\n", Opening::Http),
            ("PRI * HTTP/2.0\r\n", Opening::Http),
            ("GET / HTTP/1.1\rHost: b.org\n", Opening::Http),
            ("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", Opening::Other),
            ("EHLO example.com\r\n", Opening::Other),
            ("*1\r\n$4\r\nPING\r\n", Opening::Other),
            ("AMQP\0\0\x09\x01", Opening::Other),
            ("\0\0\0\x08", Opening::Other),
            ("{\"id\": 1}", Opening::Other),
            ("GET /\0", Opening::Broken),
        ] {
            assert_eq!(opening(text.as_bytes()), expected, "{text:?}");
            let mut openings = (1..=text.len()).map(|cut| opening(&text.as_bytes()[..cut]));
            let told = openings.find(|opening| *opening != Opening::Unfinished);
            assert_eq!(told, Some(expected), "{text:?}, byte by byte");
        }
        assert_eq!(opening(b""), Opening::Unfinished);
        for text in [" ", "A", "A b"] {
            assert_eq!(opening(format!("{text:b<LONGEST$}").as_bytes()), Opening::Broken, "{text:?}");
        }
    }

    #[test]
    fn a_request_within_a_tunnel_is_for_its_host() {
        let host = Target::Name("a.com".into());
        let within = |text: &str| parse_within(format!("{text}\r\n\r\n").as_bytes(), &host, 8080);
        for text in [
            "PUT /x?y HTTP/1.1\r\nHost: A.com.:8080\r\nUpgrade: h2c\r\nContent-Length: 3",
            "PUT /x?y HTTP/1.1\r\nHost: a.com\r\nContent-Length: 3",
            "PUT /x?y HTTP/1.1\r\nContent-Length: 3",
            "PUT http://a.com/x?y HTTP/1.1\r\nHost:\r\nContent-Length: 3",
        ] {
            let head =
                b"PUT /x?y HTTP/1.1\r\nHost: a.com:8080\r\nContent-Length: 3\r\nConnection: close\r\n\r\n";
            assert_eq!(within(text), Ok(Within::Same { head: head.to_vec(), body: 3 }), "{text:?}");
        }
        for text in [
            "GET / HTTP/1.1\r\nHost: b.org",
            "GET / HTTP/1.1\r\nHost: b.org:8080",
            "GET http://b.org/ HTTP/1.1\r\nHost: a.com",
            "GET http://a.com/ HTTP/1.1\r\nHost: b.org",
        ] {
            assert_eq!(within(text), Ok(Within::Other(Target::Name("b.org".into()))), "{text:?}");
        }
        for (text, status) in [
            ("GET / HTTP/1.1\r\nHost: a.com\r\nHost: b.org", 400),
            ("GET / HTTP/1.1\r\nHost: a.com, b.org", 400),
            ("GET / HTTP/1.1\r\nHost: a.com\u{e9}", 400),
            ("CONNECT b.org:443 HTTP/1.1", 400),
            ("\r\nGET / HTTP/1.1\r\nHost: b.org", 400),
            ("GET /", 400),
            ("PRI * HTTP/2.0", 505),
            ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked", 411),
        ] {
            assert_eq!(within(text).map_err(|bad| bad.0), Err(status), "{text:?}");
        }
    }

    #[test]
    fn a_head_ends_at_its_empty_line() {
        assert_eq!(end(b"GET x\r\nA: b\r\n\r\nrest\n"), Ok(Some(15)));
        assert_eq!(end(b"GET x\r\nA: b\r\n"), Ok(None));
        assert_eq!(end(b"GET x\nA: b").unwrap_err().0, 400);
        assert_eq!(end(b"\nGET x").unwrap_err().0, 400);
        assert_eq!(end(&vec![b'a'; LONGEST]).unwrap_err().0, 431);
    }

    /// Whatever comes in: the head that goes out has exactly one `Host`, the judged one, one head's end, no line feed
    /// without a carriage return, and no second way to find its body's end.
    #[test]
    fn whatever_comes_in_one_request_goes_out() {
        let mut random = random();
        let pieces = [
            "GET",
            "CONNECT",
            " ",
            "http://",
            "a.com",
            "b.org",
            ":",
            "/",
            "\r\n",
            "\n",
            "\r",
            "\0",
            "HTTP/1.1",
            "Host",
            "X-Y",
            "Content-Length",
            "Transfer-Encoding",
            "chunked",
            "3",
            "\t",
            "Connection",
            ",",
            "@",
            "é",
        ];
        let mut written = 0;
        for turn in 0..200_000 {
            let noise: String = (0..random(12)).map(|_| pieces[random(pieces.len())]).collect();
            let text = match turn % 3 {
                0 => format!("{noise}\r\n\r\n"),
                1 => format!("GET http://a.com/ HTTP/1.1\r\n{noise}\r\n\r\n"),
                _ => format!("GET http://{noise} HTTP/1.1\r\nHost: b.org\r\n\r\n"),
            };
            let Ok(Request::Plain { host, head, body, .. }) = read(&text) else { continue };
            written += 1;
            let head = String::from_utf8(head).unwrap();
            assert_eq!(end(head.as_bytes()), Ok(Some(head.len())), "{text:?}");
            let lower = head.to_ascii_lowercase();
            assert_eq!(lower.matches("\r\nhost:").count(), 1, "{text:?}");
            assert!(lower.contains(&format!("\r\nhost: {host}")), "{text:?}");
            assert!(!lower.contains("\r\ntransfer-encoding:"), "{text:?}");
            assert_eq!(
                lower.matches("\r\ncontent-length:").count(),
                usize::from(lower.contains("\r\ncontent-length:"))
            );
            assert!(body == 0 || lower.contains("\r\ncontent-length:"), "{text:?}");
        }
        assert!(written > 1_000, "{written} were written");
    }
}
