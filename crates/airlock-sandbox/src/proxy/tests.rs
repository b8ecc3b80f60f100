//! The proxy as a whole, between a client and a server of this machine: the dialer has names lead to public addresses
//! that nobody connects to, and connects to the server instead. So the check of addresses is in force here as anywhere.

use std::{
    cell::Cell,
    collections::BTreeMap,
    io::{self, Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex},
    thread,
    time::Duration,
};

use super::{Dialer, Outside, Proxy, Reason, Refusal, Target, Watch, hello::tests::hello, pool::Bounds};

/// Numbers below a bound, the same ones in every run.
pub(super) fn random() -> impl FnMut(usize) -> usize {
    let state = Cell::new(0x9e37_79b9_7f4a_7c15_u64);
    move |bound| {
        let mut next = state.get();
        next ^= next << 13;
        next ^= next >> 7;
        next ^= next << 17;
        state.set(next);
        usize::try_from(next % bound as u64).unwrap()
    }
}

const PUBLIC: IpAddr = IpAddr::V4(Ipv4Addr::new(93, 184, 216, 34));
/// Public as well, and said to be of this machine's network; and one of which nothing can be said.
const NEAR: IpAddr = IpAddr::V4(Ipv4Addr::new(93, 184, 216, 35));
const UNKNOWN: IpAddr = IpAddr::V4(Ipv4Addr::new(93, 184, 216, 36));

/// Connects to the server whatever the address is, and says which it was told.
#[derive(Debug)]
struct Fake {
    server: SocketAddr,
    answers: Mutex<BTreeMap<&'static str, Vec<Vec<IpAddr>>>>,
    connected: Mutex<Vec<SocketAddr>>,
    gate: Gate,
}

/// Where look-ups of `slow.test` wait: how many do, whether they go on, and who is told.
#[derive(Debug, Default)]
struct Gate(Mutex<(usize, bool)>, Condvar);

impl Gate {
    fn pass(&self) {
        let mut state = self.0.lock().unwrap();
        state.0 += 1;
        self.1.notify_all();
        drop(self.1.wait_while(state, |state| !state.1).unwrap());
    }

    fn wait_for(&self, number: usize) {
        drop(self.1.wait_while(self.0.lock().unwrap(), |state| state.0 < number).unwrap());
    }

    fn open(&self) {
        self.0.lock().unwrap().1 = true;
        self.1.notify_all();
    }
}

impl Dialer for Fake {
    fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        if name == "slow.test" {
            self.gate.pass();
        }
        let mut answers = self.answers.lock().unwrap();
        let rest = answers.get_mut(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(if rest.len() > 1 { rest.remove(0) } else { rest[0].clone() })
    }

    fn is_near(&self, address: IpAddr) -> io::Result<bool> {
        if address == UNKNOWN { Err(io::ErrorKind::PermissionDenied.into()) } else { Ok(address == NEAR) }
    }

    fn connect(&self, address: SocketAddr, patience: Duration) -> io::Result<TcpStream> {
        self.connected.lock().unwrap().push(address);
        TcpStream::connect_timeout(&self.server, patience)
    }
}

#[derive(Debug, Default)]
struct Heard(Mutex<Vec<Refusal>>);

impl Watch for Heard {
    fn refused(&self, refusal: &Refusal) {
        self.0.lock().unwrap().push(refusal.clone());
    }
}

struct Setting {
    proxy: Proxy,
    address: SocketAddr,
    dialer: Arc<Fake>,
    heard: Arc<Heard>,
}

/// A server that answers each connection with what it got until then, and hangs up.
fn server() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            thread::spawn(move || {
                let mut buffer = [0; 4_096];
                let read = stream.read(&mut buffer).unwrap_or(0);
                let _ = stream.write_all(&[b"HTTP/1.1 200 OK\r\n\r\n", &buffer[..read]].concat());
            });
        }
    });
    address
}

fn start(list: &[&str], bounds: Bounds) -> Setting {
    let local = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let metadata = IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254));
    let answers = [
        ("good.test", vec![vec![PUBLIC]]),
        ("local.test", vec![vec![local, metadata]]),
        ("mixed.test", vec![vec![local, PUBLIC]]),
        ("slow.test", vec![vec![PUBLIC]]),
        ("near.test", vec![vec![NEAR, translated(NEAR)]]),
        ("nearby.test", vec![[vec![NEAR; 9], vec![UNKNOWN, PUBLIC]].concat()]),
        ("unknown.test", vec![vec![UNKNOWN, NEAR]]),
        ("turning.test", vec![vec![PUBLIC], vec![metadata]]),
    ];
    let dialer = Arc::new(Fake {
        server: server(),
        answers: Mutex::new(answers.into()),
        connected: Mutex::default(),
        gate: Gate::default(),
    });
    let heard = Arc::new(Heard::default());
    let outside = Outside { dialer: Arc::<Fake>::clone(&dialer), watch: Arc::<Heard>::clone(&heard) };
    let hosts: Vec<_> = list.iter().map(|host| host.parse().unwrap()).collect();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    Setting { proxy: Proxy::bounded(listener, &hosts, outside, bounds).unwrap(), address, dialer, heard }
}

/// As a translator between the families is asked for it.
fn translated(address: IpAddr) -> IpAddr {
    format!("64:ff9b::{address}").parse().unwrap()
}

impl Setting {
    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        // So that a test that is wrong fails and does not hang.
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream
    }

    /// All that is answered to this.
    fn say(&self, text: &[u8]) -> String {
        let mut stream = self.connect();
        stream.write_all(text).unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    fn get(&self, target: &str) -> String {
        self.say(format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes())
    }

    /// A tunnel, with its answer read.
    fn tunnel(&self, target: &str) -> TcpStream {
        let mut stream = self.connect();
        stream.write_all(format!("CONNECT {target} HTTP/1.1\r\n\r\n").as_bytes()).unwrap();
        let expected = b"HTTP/1.1 200 Connection established\r\n\r\n";
        let mut answer = vec![0; expected.len()];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(answer, expected);
        stream
    }
}

#[test]
fn allowed_hosts_are_reached_and_no_others() {
    let setting = start(&["good.test", "mixed.test"], Bounds::default());
    let answer = setting.get("http://GOOD.test./path?x=1");
    assert!(
        answer.starts_with("HTTP/1.1 200 OK")
            && answer.contains("GET /path?x=1 HTTP/1.1\r\nHost: good.test\r\n"),
        "{answer}"
    );
    let mut tunnel = setting.tunnel("good.test:443");
    tunnel.write_all(b"anything\n").unwrap();
    let mut answer = String::new();
    tunnel.read_to_string(&mut answer).unwrap();
    assert!(answer.ends_with("anything\n"), "{answer}");
    assert!(setting.get("http://mixed.test/").contains("200 OK"));
    assert!(
        setting.dialer.connected.lock().unwrap().iter().all(|address| address.ip() == PUBLIC),
        "the others are dropped"
    );
    assert!(setting.heard.0.lock().unwrap().is_empty());

    let tried = setting.dialer.connected.lock().unwrap().len();
    for (target, why) in [
        ("http://evil.test/", "not on the list"),
        ("http://a.good.test/", "not on the list"),
        // What cannot be allowed is not offered.
        ("http://127.0.0.1/", "never allowed"),
        ("http://[::1]/", "never allowed"),
        ("http://93.184.216.34/", "not on the list"),
        ("http://good.test:22/", "not on the list"),
    ] {
        let answer = setting.get(target);
        assert!(answer.starts_with("HTTP/1.1 403 ") && answer.contains(why), "{target}: {answer}");
    }
    for target in ["http://2130706433/", "http://0x7f.1/", "http://127.1/", "/"] {
        assert!(setting.get(target).starts_with("HTTP/1.1 400 "), "{target}");
    }
    let answer = setting.say(b"CONNECT evil.test:443 HTTP/1.1\r\n\r\n");
    assert!(answer.contains("airlock: evil.test: not on the list of hosts\n"), "{answer}");
    assert_eq!(setting.dialer.connected.lock().unwrap().len(), tried, "nobody was connected to");
    let heard = setting.heard.0.lock().unwrap();
    assert_eq!(heard.len(), 7);
    let evil = Target::Name("evil.test".into());
    assert_eq!(heard.iter().filter(|refusal| refusal.host == evil && refusal.port == 80).count(), 1);
}

#[test]
fn names_that_lead_inside_are_refused_also_when_they_are_listed() {
    let setting = start(&["local.test", "turning.test"], Bounds::default());
    let answer = setting.get("http://local.test/");
    assert!(answer.starts_with("HTTP/1.1 403 ") && answer.contains("never allowed"), "{answer}");
    assert_eq!(setting.heard.0.lock().unwrap()[0].reason, Reason::NotPublic);
    // The control, and then the same name with another answer.
    assert!(setting.get("http://turning.test/").contains("200 OK"));
    assert!(setting.get("http://turning.test/").starts_with("HTTP/1.1 403 "));
    assert_eq!(
        *setting.dialer.connected.lock().unwrap(),
        [SocketAddr::new(PUBLIC, 80)],
        "it was looked up once"
    );
}

#[test]
fn public_addresses_of_this_network_are_refused() {
    let setting = start(&["near.test", "nearby.test", "unknown.test", "93.184.216.35"], Bounds::default());
    for page in ["http://near.test/", "http://93.184.216.35/"] {
        assert!(setting.get(page).starts_with("HTTP/1.1 403 "), "{page}");
    }
    assert!(
        setting.get("http://unknown.test/").starts_with("HTTP/1.1 502 "),
        "what cannot be told is no yes"
    );
    assert!(setting.dialer.connected.lock().unwrap().is_empty());
    assert!(setting.get("http://nearby.test/").contains("200 OK"), "the control: another address is taken");
    assert_eq!(*setting.dialer.connected.lock().unwrap(), [SocketAddr::new(PUBLIC, 80)]);
    let heard = setting.heard.0.lock().unwrap();
    assert_eq!(heard.iter().map(|refusal| refusal.reason).collect::<Vec<_>>(), [Reason::NotPublic; 2]);
}

#[test]
fn what_follows_a_plain_request_goes_nowhere() {
    let setting = start(&["good.test"], Bounds::default());
    let answer = setting.say(
        b"POST http://good.test/ HTTP/1.1\r\nContent-Length: 4\r\n\r\nbodyGET http://good.test/second HTTP/1.1\r\n\r\n",
    );
    assert!(answer.contains("200 OK") && !answer.contains("second"), "{answer}");
}

#[test]
fn tls_for_another_host_is_ended() {
    let setting = start(&["good.test"], Bounds::default());
    for (name, passes) in [("good.test", true), ("evil.test", false)] {
        let mut tunnel = setting.tunnel("good.test:443");
        tunnel.write_all(&hello(&[name], 1_000)).unwrap();
        let mut answer = Vec::new();
        let _ = tunnel.read_to_end(&mut answer);
        assert_eq!(answer.ends_with(&hello(&[name], 1_000)), passes, "{name}");
    }
    let heard = setting.heard.0.lock().unwrap();
    assert_eq!(heard.iter().map(|refusal| refusal.reason).collect::<Vec<_>>(), [Reason::Fronted]);
}

#[test]
fn plain_http_for_another_host_is_refused_in_a_tunnel() {
    let setting = start(&["good.test"], Bounds::default());
    let ask = |text: &str| {
        let mut tunnel = setting.tunnel("good.test:80");
        // As slow as can be: what is judged is not what comes first.
        tunnel.set_nodelay(true).unwrap();
        for byte in text.bytes() {
            let _ = tunnel.write_all(&[byte]);
        }
        let mut answer = Vec::new();
        let _ = tunnel.read_to_end(&mut answer);
        String::from_utf8(answer).unwrap()
    };
    let answer = ask("POST /x HTTP/1.1\r\nHost: GOOD.test:80\r\nContent-Length: 0\r\n\r\n\
                      GET /second HTTP/1.1\r\nHost: evil.test\r\n\r\n");
    assert!(
        answer.starts_with("HTTP/1.1 200 OK") && answer.contains("POST /x HTTP/1.1\r\nHost: good.test\r\n"),
        "{answer}"
    );
    assert!(answer.contains("Connection: close") && !answer.contains("evil.test"), "{answer}");
    assert!(ask("no request\n").ends_with("no request\n"));
    assert!(setting.heard.0.lock().unwrap().is_empty());

    let answer = ask("GET / HTTP/1.1\r\nHost: evil.test\r\n\r\n");
    assert!(
        answer.starts_with("HTTP/1.1 403 ") && answer.contains("airlock: evil.test: not allowed"),
        "{answer}"
    );
    let answer = ask("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 505 "), "{answer}");
    let answer = ask("GET /\r\nHost: evil.test\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    let heard = setting.heard.0.lock().unwrap();
    let evil = Refusal { host: Target::Name("evil.test".into()), port: 80, reason: Reason::Fronted };
    assert_eq!(*heard, [evil]);
}

#[test]
fn slow_heads_and_many_connections_are_bounded() {
    let bounds = Bounds { connections: 2, head: Duration::from_millis(200), ..Bounds::default() };
    let setting = start(&["good.test"], bounds);
    // More than there is room for, none of which says anything more.
    let mut slow: Vec<_> = (0..5).map(|_| setting.connect()).collect();
    for stream in &mut slow {
        stream.write_all(b"GET http://good").unwrap();
    }
    for mut stream in slow {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
        assert!(setting.proxy.connections() <= 2);
    }
    assert!(setting.get("http://good.test/").contains("200 OK"), "the control: there is room again");
}

#[test]
fn lookups_are_bounded() {
    let bounds =
        Bounds { lookups: 2, lookups_per_minute: 5, dial: Duration::from_secs(3), ..Bounds::default() };
    let setting = start(&["good.test", "slow.test", "93.184.216.34"], bounds);
    let slow: Vec<_> = (0..2)
        .map(|_| {
            let mut stream = setting.connect();
            stream.write_all(b"GET http://slow.test/ HTTP/1.1\r\n\r\n").unwrap();
            stream
        })
        .collect();
    setting.dialer.gate.wait_for(2);
    let answer = setting.get("http://good.test/");
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("try again"), "{answer}");
    assert!(setting.get("http://93.184.216.34/").contains("200 OK"), "the control: it needs no look-up");
    setting.dialer.gate.open();
    for mut stream in slow {
        assert_ne!(stream.read(&mut [0; 16]).unwrap(), 0, "it is answered");
    }
    // Two were; these make five.
    for _ in 0..3 {
        assert!(setting.get("http://good.test/").contains("200 OK"), "the control: there is room again");
    }
    assert!(setting.get("http://good.test/").starts_with("HTTP/1.1 503 "));
    assert!(setting.get("http://93.184.216.34/").contains("200 OK"));
}

#[test]
fn the_end_of_the_proxy_ends_waiting_for_a_lookup() {
    let bounds = Bounds { lookups: 0, dial: Duration::from_secs(600), ..Bounds::default() };
    let setting = start(&["good.test"], bounds);
    let mut waiting = setting.connect();
    waiting.write_all(b"GET http://good.test/ HTTP/1.1\r\n\r\n").unwrap();
    while setting.proxy.connections() == 0 {
        thread::yield_now();
    }
    let dialer = Arc::downgrade(&setting.dialer);
    drop(setting);
    assert!(dialer.upgrade().is_none(), "no thread holds anything");
}

#[test]
fn the_end_of_the_proxy_ends_its_connections() {
    let setting = start(&["good.test"], Bounds::default());
    let mut tunnel = setting.tunnel("good.test:443");
    let (shared, address) = (setting.proxy.connections(), setting.address);
    assert_eq!(shared, 1, "the control");
    let dialer = Arc::downgrade(&setting.dialer);
    drop(setting);
    assert_eq!(tunnel.read(&mut [0; 16]).unwrap_or(0), 0);
    assert!(TcpStream::connect(address).is_err(), "nobody listens");
    assert!(dialer.upgrade().is_none(), "no thread holds anything");
}
