//! One connection from inside: what it asks for, whether it may, and then the bytes.

use std::{
    io::{self, Read as _, Write as _},
    net::{Shutdown, TcpStream},
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    address::is_public,
    dial::{DialError, dial},
    head::{self, Bad, Opening, Request, Within},
    hello::{self, Hello},
    host::Target,
    pool::{Line, Shared},
    refusal::{Reason, Refusal},
    relay::{AfterAnswer, Relay, is_timeout},
};

/// How much of a refused request is read, and how long, so that its sender gets to read the answer.
const LINGER: (usize, Duration) = (64 << 10, Duration::from_secs(1));

/// Serves one connection to its end. An error is one of the connection; nobody else is to be told.
pub(super) fn serve(shared: &Shared, line: &Line<'_>, client: &TcpStream) -> io::Result<()> {
    // Small messages are passed on as they come.
    client.set_nodelay(true)?;
    let (request, rest) = match receive(shared, client)? {
        Ok(received) => received,
        Err(bad) => return refuse(client, bad.0, bad.1),
    };
    let (host, port) = match &request {
        Request::Tunnel { host, port } | Request::Plain { host, port, .. } => (host.clone(), *port),
    };
    if !shared.hosts.iter().any(|entry| entry.allows(&host, port)) {
        // Such an address cannot be put on the list, either.
        let never = matches!(host, Target::Address(address) if !is_public(address));
        let reason = if never { Reason::NotPublic } else { Reason::NotAllowed };
        return refuse_host(shared, client, &Refusal { host, port, reason });
    }
    let server = match dial(&*shared.outside.dialer, &shared.lookups, &host, port, shared.bounds.dial) {
        Ok(server) => Arc::new(server),
        Err(DialError::NotPublic) => {
            return refuse_host(shared, client, &Refusal { host, port, reason: Reason::NotPublic });
        }
        Err(DialError::Busy) => {
            return refuse(client, 503, "too many names are being looked up: try again later");
        }
        Err(DialError::Failed(error)) if is_timeout(&error) => {
            return refuse(client, 504, &format!("{host} does not answer"));
        }
        Err(DialError::Failed(error)) => {
            return refuse(client, 502, &format!("cannot reach {host}: {error}"));
        }
    };
    if !line.add(&server) {
        return Ok(());
    }
    server.set_nodelay(true)?;
    let relay = Relay::new(client, &server, shared.bounds.idle)?;
    match request {
        Request::Tunnel { .. } => tunnel(shared, &relay, client, (host, port), rest),
        Request::Plain { head, body, .. } => {
            relay.run(|relay| one_request(relay, &head, body, &rest), AfterAnswer::End)
        }
    }
}

fn tunnel(
    shared: &Shared,
    relay: &Relay<'_>,
    client: &TcpStream,
    (host, port): (Target, u16),
    mut first: Vec<u8>,
) -> io::Result<()> {
    (&*client).write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
    let up = |relay: &Relay<'_>| {
        let mut buffer = vec![0; 4_096];
        loop {
            match hello::inspect(&first) {
                Hello::Unfinished => {}
                Hello::Nameless => match head::opening(&first) {
                    Opening::Unfinished => {}
                    Opening::Http => return request_within(shared, relay, client, (&host, port), first),
                    Opening::Other => break,
                    Opening::Broken => return Err(io::ErrorKind::InvalidData.into()),
                },
                Hello::Name(name) if Target::parse(&name).as_ref() == Some(&host) => break,
                Hello::Name(name) => {
                    let host = Target::parse(&name).unwrap_or_else(|| host.clone());
                    shared.refuse(&Refusal { host, port, reason: Reason::Fronted });
                    return Err(io::ErrorKind::PermissionDenied.into());
                }
                Hello::Broken => return Err(io::ErrorKind::InvalidData.into()),
            }
            let read = relay.hear(&mut buffer)?;
            if read == 0 {
                break;
            }
            first.extend(buffer.iter().take(read));
        }
        relay.say(&first)?;
        relay.up()
    };
    relay.run(up, AfterAnswer::GoOn)
}

/// Plain HTTP in a tunnel: one request, judged and written anew as one to the proxy would be. With bytes that nobody reads
/// it could name another host of the same server.
fn request_within(
    shared: &Shared,
    relay: &Relay<'_>,
    client: &TcpStream,
    (host, port): (&Target, u16),
    mut bytes: Vec<u8>,
) -> io::Result<()> {
    let mut buffer = vec![0; 4_096];
    let read = loop {
        match head::end(&bytes) {
            Ok(Some(end)) => {
                let rest = bytes.split_off(end);
                break head::parse_within(&bytes, host, port).map(|within| (within, rest));
            }
            Ok(None) => {}
            Err(bad) => break Err(bad),
        }
        let read = relay.hear(&mut buffer)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        bytes.extend(buffer.iter().take(read));
    };
    let denied = Err(io::ErrorKind::PermissionDenied.into());
    match read {
        Ok((Within::Same { head, body }, rest)) => one_request(relay, &head, body, &rest),
        Ok((Within::Other(asked), _)) => {
            refuse_host(shared, client, &Refusal { host: asked, port, reason: Reason::Fronted })?;
            denied
        }
        Err(bad) => {
            refuse(client, bad.0, bad.1)?;
            denied
        }
    }
}

/// Passes on a request of which the client has sent some of the body. What is behind the body was judged by nobody, and
/// goes nowhere.
fn one_request(relay: &Relay<'_>, head: &[u8], body: u64, rest: &[u8]) -> io::Result<()> {
    let sent = usize::try_from(body).unwrap_or(usize::MAX).min(rest.len());
    relay.say(head)?;
    relay.say(rest.get(..sent).unwrap_or_default())?;
    relay.up_to(body - sent as u64)
}

/// The request, and what was read beyond its head. All of the head has to come within one time, however it drips.
fn receive(shared: &Shared, mut client: &TcpStream) -> io::Result<Result<(Request, Vec<u8>), Bad>> {
    let end = Instant::now() + shared.bounds.head;
    let mut bytes = Vec::new();
    let mut buffer = vec![0; 4_096];
    loop {
        match head::end(&bytes) {
            Ok(None) => {}
            Ok(Some(end)) => {
                let rest = bytes.split_off(end);
                return Ok(head::parse(&bytes).map(|request| (request, rest)));
            }
            Err(bad) => return Ok(Err(bad)),
        }
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(Err(Bad(408, "the request did not come in time")));
        }
        client.set_read_timeout(Some(left))?;
        match client.read(&mut buffer) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => bytes.extend(buffer.iter().take(read)),
            Err(error) if is_timeout(&error) || error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn refuse_host(shared: &Shared, client: &TcpStream, refusal: &Refusal) -> io::Result<()> {
    shared.refuse(refusal);
    refuse(client, 403, &refusal.to_string())
}

/// Answers with a status and one line, and hangs up.
fn refuse(mut client: &TcpStream, status: u16, text: &str) -> io::Result<()> {
    let reason = match status {
        400 => "Bad Request",
        403 => "Forbidden",
        408 => "Request Timeout",
        411 => "Length Required",
        431 => "Request Header Fields Too Large",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "HTTP Version Not Supported",
    };
    let body = format!("airlock: {text}\n");
    let length = body.len();
    let answer = format!(
        "HTTP/1.1 {status} {reason}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{body}"
    );
    client.set_write_timeout(Some(LINGER.1))?;
    client.write_all(answer.as_bytes())?;
    client.shutdown(Shutdown::Write)?;
    // Were something unread when the connection is closed, it would be reset, and the answer lost.
    let (most, patience) = LINGER;
    let end = Instant::now() + patience;
    let mut buffer = [0; 4_096];
    let mut left = most;
    loop {
        let time = end.saturating_duration_since(Instant::now());
        if time.is_zero() {
            return Ok(());
        }
        client.set_read_timeout(Some(time))?;
        match client.read(&mut buffer)? {
            0 => return Ok(()),
            read if read >= left => return Ok(()),
            read => left -= read,
        }
    }
}
