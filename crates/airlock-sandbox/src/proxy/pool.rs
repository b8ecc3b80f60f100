//! The threads of one sandbox's proxy: how many there may be, and how all of them end.

use std::{
    collections::BTreeMap,
    io,
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

use super::{
    dial::{Dialer, Direct},
    host::AllowedHost,
    lookups::Lookups,
    refusal::{Refusal, Refusals, Unwatched, Watch},
    relay::STACK,
    serve::serve,
};

/// How much one sandbox may have of the proxy.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Connections at once; more wait to be accepted.
    pub(super) connections: usize,
    /// Time for the head of a request.
    pub(super) head: Duration,
    /// Time for a connection to the host, over all of its addresses.
    pub(super) dial: Duration,
    /// Names that are looked up at once, and in a minute.
    pub(super) lookups: usize,
    pub(super) lookups_per_minute: usize,
    /// Silence in both directions.
    pub(super) idle: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connections: 64,
            head: Duration::from_secs(10),
            dial: Duration::from_secs(10),
            lookups: 8,
            // Twenty in each second: more than a program needs that does not make names up.
            lookups_per_minute: 1_200,
            // Servers that wait for events are silent for minutes.
            idle: Duration::from_secs(600),
        }
    }
}

/// How long the end waits for threads that are looking a name up or connecting, which nothing can interrupt. They end
/// by themselves, and the sandbox's connections are closed before.
const GRACE: Duration = Duration::from_secs(2);
/// How long a failed accept waits before the next: for descriptors, mostly.
const PAUSE: Duration = Duration::from_millis(50);

/// Where the connections come from.
pub trait Doorway: Send + Sync + 'static {
    /// Waits for the next one.
    fn accept(&self) -> io::Result<TcpStream>;

    /// Has [`accept`](Self::accept) fail from now on, also where somebody waits in it.
    fn close(&self);
}

/// One that can be connected to from this machine.
impl Doorway for TcpListener {
    fn accept(&self) -> io::Result<TcpStream> {
        TcpListener::accept(self).map(|(stream, _)| stream)
    }

    fn close(&self) {
        // Whoever waits is woken by a connection, and looks whether it should go on.
        let woken = |address: SocketAddr| TcpStream::connect_timeout(&address, GRACE);
        let _ = self.local_addr().and_then(woken);
    }
}

/// What is outside of the sandbox: who connects, and who is told.
#[derive(Clone, Debug)]
pub struct Outside {
    /// How connections are made.
    pub dialer: Arc<dyn Dialer>,
    /// Who is told what was refused.
    pub watch: Arc<dyn Watch>,
}

impl Default for Outside {
    /// This machine's own names and connections; nobody is told.
    fn default() -> Self {
        Self { dialer: Arc::new(Direct), watch: Arc::new(Unwatched) }
    }
}

/// A proxy that serves one sandbox. Dropping it closes every connection and ends its threads.
///
/// At most 64 connections are served at once; more wait. The head of a request has 10 s to come and 32 KiB of room, a
/// connection to a host has 10 s (a look-up in it as long as the resolver takes; there are 8 at once and 1,200 in a minute),
/// and connections on which nothing is said for ten minutes are closed. A plain request
/// has a connection of its own, and its body has a `Content-Length`.
#[derive(Debug)]
pub struct Proxy {
    shared: Arc<Shared>,
    doorway: Arc<dyn Close>,
    /// Lets connections in, and leaves their threads behind.
    porter: Option<JoinHandle<Vec<Serving>>>,
}

/// The thread of a connection, by the number of its place.
type Serving = (u64, JoinHandle<()>);

/// [`Doorway`], to be held by the proxy.
trait Close: Send + Sync {
    fn close(&self);
}

impl<T: Doorway> Close for T {
    fn close(&self) {
        Doorway::close(self);
    }
}

impl std::fmt::Debug for dyn Close {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Doorway")
    }
}

impl Proxy {
    /// Serves what comes in by `doorway`.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub fn start(doorway: impl Doorway, hosts: &[AllowedHost], outside: Outside) -> io::Result<Self> {
        Self::bounded(doorway, hosts, outside, Bounds::default())
    }

    pub(super) fn bounded(
        doorway: impl Doorway,
        hosts: &[AllowedHost],
        outside: Outside,
        bounds: Bounds,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            hosts: hosts.to_vec(),
            outside,
            bounds,
            refusals: Refusals::default(),
            lookups: Lookups::new(bounds.lookups, bounds.lookups_per_minute),
            open: Mutex::default(),
            changed: Condvar::new(),
        });
        let doorway = Arc::new(doorway);
        let (serving, entrance) = (Arc::clone(&shared), Arc::clone(&doorway));
        let porter = thread::Builder::new().name("airlock-proxy".to_owned()).stack_size(STACK);
        let porter = porter.spawn(move || admit(&serving, &*entrance))?;
        Ok(Self { shared, doorway, porter: Some(porter) })
    }

    /// How many connections are served now.
    pub fn connections(&self) -> usize {
        self.shared.lock().lines.len()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let mut open = self.shared.lock();
        open.closed = true;
        for stream in open.lines.values().flatten() {
            // It may have ended by itself.
            let _ = stream.shutdown(Shutdown::Both);
        }
        drop(open);
        self.shared.changed.notify_all();
        self.shared.lookups.close();
        self.doorway.close();
        // A panic in a thread has been reported by itself.
        let threads = self.porter.take().and_then(|porter| porter.join().ok()).unwrap_or_default();
        let waited =
            self.shared.changed.wait_timeout_while(self.shared.lock(), GRACE, |open| !open.lines.is_empty());
        let (open, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let busy: Vec<u64> = open.lines.keys().copied().collect();
        drop(open);
        // Who gave its place back is about to end, and holds its connections until then.
        for (_, thread) in threads.into_iter().filter(|(id, _)| !busy.contains(id)) {
            drop(thread.join());
        }
        self.shared.refusals.end(&*self.shared.outside.watch);
    }
}

/// What the threads of one proxy have in common.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) hosts: Vec<AllowedHost>,
    pub(super) outside: Outside,
    pub(super) bounds: Bounds,
    pub(super) lookups: Lookups,
    refusals: Refusals,
    open: Mutex<Open>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Open {
    closed: bool,
    next: u64,
    /// The connections that are served, each with that to its host.
    lines: BTreeMap<u64, Vec<Arc<TcpStream>>>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn refuse(&self, refusal: &Refusal) {
        self.refusals.add(refusal, &*self.outside.watch);
    }

    /// Waits until another one may be served; `false` when none is any more.
    fn wait_for_room(&self) -> bool {
        let full = |open: &mut Open| !open.closed && open.lines.len() >= self.bounds.connections;
        let open = self.changed.wait_while(self.lock(), full).unwrap_or_else(PoisonError::into_inner);
        !open.closed
    }

    /// Waits a little; `false` when it is over.
    fn pause(&self) -> bool {
        let waited = self.changed.wait_timeout_while(self.lock(), PAUSE, |open| !open.closed);
        !waited.unwrap_or_else(PoisonError::into_inner).0.closed
    }

    /// A place for a connection; `None` when it is over.
    fn begin(&self, client: &Arc<TcpStream>) -> Option<u64> {
        let mut open = self.lock();
        if open.closed {
            return None;
        }
        let id = open.next;
        open.next += 1;
        open.lines.insert(id, vec![Arc::clone(client)]);
        Some(id)
    }
}

/// The place of one connection, given back when it is dropped.
pub(super) struct Line<'a> {
    shared: &'a Shared,
    id: u64,
}

impl Line<'_> {
    /// Closes this one, too, when the proxy ends; `false` when it has.
    pub(super) fn add(&self, server: &Arc<TcpStream>) -> bool {
        let mut open = self.shared.lock();
        let closed = open.closed;
        if let Some(streams) = open.lines.get_mut(&self.id).filter(|_| !closed) {
            streams.push(Arc::clone(server));
        }
        !closed
    }
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        let streams = self.shared.lock().lines.remove(&self.id);
        for stream in streams.into_iter().flatten() {
            // It may have ended by itself.
            let _ = stream.shutdown(Shutdown::Both);
        }
        self.shared.changed.notify_all();
    }
}

/// Lets connections in, as long as there is room, until the proxy ends. The threads that may not have ended by then.
fn admit(shared: &Arc<Shared>, doorway: &impl Doorway) -> Vec<Serving> {
    let mut threads = Vec::new();
    while shared.wait_for_room() {
        let client = match doorway.accept() {
            Ok(client) => Arc::new(client),
            Err(_) if shared.pause() => continue,
            Err(_) => break,
        };
        let Some(id) = shared.begin(&client) else { break };
        let serving = Arc::clone(shared);
        let thread =
            thread::Builder::new().name("airlock-proxy".to_owned()).stack_size(STACK).spawn(move || {
                let line = Line { shared: &serving, id };
                // The connection is broken then, and nobody is left to tell.
                let _ = serve(&serving, &line, &client);
                drop(client);
                drop(line);
            });
        threads.retain(|(_, thread): &Serving| !thread.is_finished());
        match thread {
            Ok(thread) => threads.push((id, thread)),
            Err(_) => drop(Line { shared, id }),
        }
    }
    threads
}
