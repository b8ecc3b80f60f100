//! A web fetcher: one tool that gets a page. Where it may go, and what of the page a model may read, stands in `fetch.toml`.
//!
//!     AIRLOCK_CONFIG=fetch.toml fetch
//!
//! Plain HTTP/1.1, so that the example is small; with a client library of your choice nothing else changes. Two habits to
//! keep: a redirect is not followed, because nobody judged where it leads, and names are resolved here only. The rule for
//! URLs reads the text of a URL: where a public name may lead to a private address, compare the address in `connect`.

use std::{
    error::Error,
    io::{self, Read as _, Write as _},
    net::{TcpStream, ToSocketAddrs as _},
    time::Duration,
};

use airlock_rmcp::Airlocked;
use rmcp::{
    ServerHandler, handler::server::wrapper::Parameters, schemars, tool, tool_handler, tool_router,
    transport::stdio,
};

/// A longer answer is refused.
const MAX_BYTES: u64 = 1 << 20;

/// For each step: to connect, to write, to read something.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Page {
    /// A URL such as `http://example.com/page`.
    #[schemars(length(max = 2000))]
    url: String,
}

struct Fetch;

#[tool_router]
impl Fetch {
    #[tool(description = "Gets a page over HTTP", annotations(read_only_hint = true, open_world_hint = true))]
    async fn fetch(Parameters(Page { url }): Parameters<Page>) -> Result<String, String> {
        let fetched = tokio::task::spawn_blocking(move || get(&url)).await;
        let page = fetched.map_err(|error| error.to_string())?;
        page.map_err(|error| format!("the page cannot be fetched: {error}"))
    }
}

fn get(url: &str) -> io::Result<String> {
    let rest = url.strip_prefix("http://").ok_or_else(|| wrong("the URL must begin with `http://`"))?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let path = if path.is_empty() { "/" } else { path };
    // No room for a second header, or for a place that the rule has read differently.
    let plain = |c: char| c.is_ascii_alphanumeric() || ".-:".contains(c);
    if !authority.chars().all(plain) || !path.chars().all(|c| c.is_ascii_graphic()) {
        return Err(wrong("the URL is not plain"));
    }
    let mut stream = connect(authority)?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    if stream.take(MAX_BYTES + 1).read_to_end(&mut answer)? as u64 > MAX_BYTES {
        return Err(wrong("the page is too long"));
    }
    body(&answer)
}

fn connect(authority: &str) -> io::Result<TcpStream> {
    let (host, port) = authority.split_once(':').unwrap_or((authority, "80"));
    let port: u16 = port.parse().map_err(|_| wrong("the port is no number"))?;
    let address = (host, port).to_socket_addrs()?.next().ok_or_else(|| wrong("the host has no address"))?;
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// The text of an answer that is a page.
fn body(answer: &[u8]) -> io::Result<String> {
    let end = find(answer, b"\r\n\r\n").ok_or_else(|| wrong("the answer is no HTTP"))?;
    let (head, body) = answer.split_at(end);
    let (head, body) = (String::from_utf8_lossy(head), body.get(4..).unwrap_or_default());
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap_or_default();
    if status != "200" {
        return Err(wrong(&format!("the server answers {status}")));
    }
    let chunked = lines.any(|line| {
        let line = line.to_ascii_lowercase();
        line.starts_with("transfer-encoding:") && line.ends_with("chunked")
    });
    let body =
        if chunked { join(body).ok_or_else(|| wrong("the answer is cut off"))? } else { body.to_vec() };
    Ok(String::from_utf8_lossy(&body).into_owned())
}

/// A body that came in chunks, each behind its size, as one.
fn join(mut chunks: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let (size, rest) = chunks.split_at(find(chunks, b"\r\n")?);
        let size = str::from_utf8(size).ok()?.split(';').next()?.trim();
        let size = usize::from_str_radix(size, 16).ok()?;
        let (chunk, rest) = rest.get(2..)?.split_at_checked(size)?;
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(chunk);
        chunks = rest.strip_prefix(b"\r\n")?;
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

fn wrong(what: &str) -> io::Error {
    io::Error::other(what.to_owned())
}

#[tool_handler]
impl ServerHandler for Fetch {}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    // The one line: without `Airlocked::new` a model could read the metadata of this machine's cloud.
    Airlocked::new(Fetch).serve(stdio()).await?.waiting().await?;
    Ok(())
}
