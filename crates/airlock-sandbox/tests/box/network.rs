//! What a program reaches where hosts were named, and that it is nothing else. Names lead to public addresses that nobody
//! connects to: the dialer connects to a server of this machine instead, so the check of addresses is in force.

use std::{
    fs, io,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, ToSocketAddrs as _, UdpSocket},
    os::unix::process::CommandExt as _,
    process::Command,
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use airlock_sandbox::{
    Confinement, End, Level, Outcome, ProcessBox, SandboxError,
    proxy::{Dialer, Direct, Network, Outside as Surroundings, Proxy, Reason, Refusal, Watch},
    selftest_reaching,
};

use crate::{Test, run, run_with, text};

pub(crate) const TESTS: &[Test] = &[
    ("an_allowed_host_is_reached", an_allowed_host_is_reached),
    ("no_other_host_is_reached", no_other_host_is_reached),
    ("there_is_no_way_but_the_proxy", there_is_no_way_but_the_proxy),
    ("nothing_escapes_by_the_network", nothing_escapes_by_the_network),
    ("without_hosts_there_is_no_network", without_hosts_there_is_no_network),
    ("the_proxy_ends_with_its_box", the_proxy_ends_with_its_box),
    ("a_network_needs_landlock", a_network_needs_landlock),
    ("public_addresses_of_this_network_are_refused", public_addresses_of_this_network_are_refused),
    ("names_mean_what_they_say", names_mean_what_they_say),
];

const PUBLIC: IpAddr = IpAddr::V4(Ipv4Addr::new(93, 184, 216, 34));
const METADATA: IpAddr = IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254));

/// A server of this machine that answers everything, and what leads to it and what was refused.
struct Outside {
    server: SocketAddr,
    dialer: Arc<Fake>,
    heard: Arc<Heard>,
}

#[derive(Debug)]
struct Fake {
    server: SocketAddr,
    connected: Mutex<Vec<SocketAddr>>,
}

impl Dialer for Fake {
    fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        match name {
            "example.com" => Ok(vec![PUBLIC]),
            "metadata.example.com" => Ok(vec![METADATA, IpAddr::V4(Ipv4Addr::LOCALHOST)]),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn is_near(&self, _address: IpAddr) -> io::Result<bool> {
        Ok(false)
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

impl Outside {
    /// The server's thread ends with the tests.
    fn new() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let server = listener.local_addr().unwrap();
        thread::spawn(move || listener.incoming().flatten().for_each(|stream| answer(&stream)));
        let dialer = Arc::new(Fake { server, connected: Mutex::default() });
        Self { server, dialer, heard: Arc::default() }
    }

    fn sandbox(&self, sandbox: &ProcessBox) -> ProcessBox {
        sandbox.clone().with_dialer(self.dialer.clone()).watched_by(self.heard.clone())
    }
}

/// Answers one request without a body.
fn answer(mut stream: &TcpStream) {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
        line.clear();
    }
    // Whoever asked may be gone.
    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello");
}

fn reaching(hosts: &[&str]) -> Confinement {
    let hosts = hosts.iter().map(|host| host.parse().unwrap()).collect();
    Confinement { network: Network::of(hosts), ..Confinement::default() }
}

fn python(sandbox: &ProcessBox, program: &str, confinement: &Confinement) -> Outcome {
    let script = format!("exec python3 -I - <<'END'\n{program}\nEND\n");
    run_with(sandbox, &script, confinement).unwrap()
}

fn an_allowed_host_is_reached(sandbox: &ProcessBox) {
    let outside = Outside::new();
    let sandbox = outside.sandbox(sandbox);
    let confinement = reaching(&["example.com"]);
    // A request through the proxy, and a tunnel.
    let script = "curl -sS http://example.com/; echo; curl -sS --proxytunnel http://example.com/";
    let outcome = run_with(&sandbox, script, &confinement).unwrap();
    assert_eq!(text(&outcome.stdout), "hello\nhello", "{}", text(&outcome.stderr));
    assert_eq!(outcome.enforcement.level, Level::Box);
    let program = "import urllib.request\nprint(urllib.request.urlopen('http://example.com/').read())";
    let outcome = python(&sandbox, program, &confinement);
    assert_eq!(text(&outcome.stdout), "b'hello'\n", "{}", text(&outcome.stderr));
    let connected = outside.dialer.connected.lock().unwrap();
    assert_eq!(*connected, [SocketAddr::new(PUBLIC, 80); 3]);
    assert!(outside.heard.0.lock().unwrap().is_empty());
    // What was named stays.
    let environment = vec![("http_proxy".into(), "http://mine".into())];
    let script = "env | grep -i -e proxy | sed 's/:[0-9]*$/:PORT/' | sort";
    let outcome = run_with(&sandbox, script, &Confinement { environment, ..confinement }).unwrap();
    let expected = "HTTPS_PROXY=http://127.0.0.1:PORT\nHTTP_PROXY=http://127.0.0.1:PORT\nNODE_USE_ENV_PROXY=1\n\
                    http_proxy=http://mine\nhttps_proxy=http://127.0.0.1:PORT\n";
    assert_eq!(text(&outcome.stdout), expected);
}

fn no_other_host_is_reached(sandbox: &ProcessBox) {
    let outside = Outside::new();
    let sandbox = outside.sandbox(sandbox);
    let here = outside.server;
    let asked = [
        ("http://example.com/", "200"),
        ("http://example.org/", "403"),
        ("http://example.com:22/", "403"),
        ("http://93.184.216.34/", "403"),
        ("http://169.254.169.254/latest/meta-data/", "403"),
        ("http://metadata.example.com/", "403"),
        (&format!("http://{here}/"), "403"),
        ("http://[::1]/", "403"),
        // Asked for once more, and not told again.
        ("http://example.org/other", "403"),
    ];
    let ask = |(page, _): &(&str, &str)| format!("curl -s -g -o /dev/null -w '%{{http_code}}\\n' '{page}'\n");
    let script = asked.iter().map(ask).collect::<Vec<_>>().concat();
    let outcome = run_with(&sandbox, &script, &reaching(&["example.com", "metadata.example.com"])).unwrap();
    let expected = asked.iter().map(|(_, code)| format!("{code}\n")).collect::<Vec<_>>().concat();
    assert_eq!(text(&outcome.stdout), expected, "{}", text(&outcome.stderr));
    assert_eq!(*outside.dialer.connected.lock().unwrap(), [SocketAddr::new(PUBLIC, 80)]);
    let heard = outside.heard.0.lock().unwrap();
    let heard: Vec<_> =
        heard.iter().map(|refusal| (refusal.host.to_string(), refusal.port, refusal.reason)).collect();
    let expected = [
        ("example.org", 80, Reason::NotAllowed),
        ("example.com", 22, Reason::NotAllowed),
        ("93.184.216.34", 80, Reason::NotAllowed),
        ("169.254.169.254", 80, Reason::NotPublic),
        ("metadata.example.com", 80, Reason::NotPublic),
        ("127.0.0.1", here.port(), Reason::NotPublic),
        ("[::1]", 80, Reason::NotPublic),
    ];
    assert_eq!(heard, expected.map(|(host, port, reason)| (host.to_owned(), port, reason)));
}

/// Each line is what was tried and the error; `ok` where there was none.
const DIRECT: &str = "
import errno, os, socket
proxy = int(os.environ['HTTP_PROXY'].rsplit(':', 1)[1]) if 'HTTP_PROXY' in os.environ else 81
def attempt(name, work):
    try:
        work()
        print(name, 'ok')
    except OSError as error:
        print(name, errno.errorcode.get(error.errno, error.errno))
def tcp(address, family=socket.AF_INET):
    return lambda: socket.socket(family).connect(address)
def listening():
    listener = socket.socket()
    listener.listen()
    socket.socket().connect(listener.getsockname())
attempt('proxy', tcp(('127.0.0.1', proxy)))
attempt('server of the host', tcp(('127.0.0.1', SERVER)))
attempt('public', tcp(('93.184.216.34', 443)))
attempt('metadata', tcp(('169.254.169.254', 80)))
attempt('ipv6', tcp(('::1', SERVER), socket.AF_INET6))
attempt('bind', lambda: socket.socket().bind(('127.0.0.1', 0)))
attempt('listen without bind', listening)
attempt('fast open', lambda: socket.socket().sendto(b'x', socket.MSG_FASTOPEN, ('127.0.0.1', SERVER)))
attempt('udp', lambda: socket.socket(type=socket.SOCK_DGRAM))
attempt('raw', lambda: socket.socket(type=socket.SOCK_RAW, proto=1))
attempt('ping', lambda: socket.socket(type=socket.SOCK_DGRAM, proto=1))
attempt('mptcp', lambda: socket.socket(proto=262))
attempt('netlink', lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW))
attempt('packet', lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
attempt('local', lambda: socket.socketpair())
";

fn there_is_no_way_but_the_proxy(sandbox: &ProcessBox) {
    let outside = Outside::new();
    TcpStream::connect(outside.server).unwrap();
    let program = DIRECT.replace("SERVER", &outside.server.port().to_string());
    let outcome = python(&outside.sandbox(sandbox), &program, &reaching(&["example.com"]));
    let expected = "proxy ok\nserver of the host EACCES\npublic EACCES\nmetadata EACCES\nipv6 EACCES\nbind EACCES\n\
                    listen without bind EACCES\nfast open EPERM\nudp EPERM\nraw EPERM\nping EPERM\nmptcp EPERM\n\
                    netlink EPERM\npacket EPERM\nlocal ok\n";
    assert_eq!(text(&outcome.stdout), expected, "{}", text(&outcome.stderr));
    assert!(outside.dialer.connected.lock().unwrap().is_empty());
}

/// The whole suite, where hosts were named: sockets can be made, and they lead nowhere.
fn nothing_escapes_by_the_network(sandbox: &ProcessBox) {
    let found = selftest_reaching(sandbox, reaching(&["example.com"]).network).unwrap();
    let open: Vec<_> = found.open().map(|(attempt, _)| attempt.name).collect();
    assert_eq!(open, ["listen-unbound", "socket-tcp", "socket-tcp-high-bits", "socket-tcp6"]);
    assert!(found.harm.is_empty(), "{:#?}", found.harm);
    assert!(found.tried.len() >= 120, "{} attempts", found.tried.len());
}

fn without_hosts_there_is_no_network(sandbox: &ProcessBox) {
    let program = DIRECT.replace("SERVER", "80");
    let outcome = python(sandbox, &program, &Confinement::default());
    let out = text(&outcome.stdout);
    assert_eq!((out.lines().count(), outcome.end), (15, End::Exited(0)), "{}", text(&outcome.stderr));
    for line in out.lines() {
        let expected = if line.starts_with("local") { " ok" } else { " EPERM" };
        assert!(line.ends_with(expected), "{line}");
    }
    assert_eq!(text(&run(sandbox, "env | grep -i proxy").stdout), "");
}

/// Our threads and open files.
fn traces() -> [usize; 2] {
    ["/proc/self/task", "/proc/self/fd"].map(|folder| fs::read_dir(folder).unwrap().count())
}

/// Waits until they are as before: the server of these tests, which is of this process, may close a connection later than
/// its client.
fn settle(before: [usize; 2]) {
    for _ in 0..500 {
        if traces() == before {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(traces(), before, "threads, open files");
}

fn the_proxy_ends_with_its_box(sandbox: &ProcessBox) {
    let outside = Outside::new();
    let sandbox = outside.sandbox(sandbox);
    let confinement = reaching(&["example.com"]);
    let before = traces();
    for _ in 0..20 {
        // One that is asked, and one that leaves a connection open.
        let script = "curl -sS http://example.com/; curl -s --noproxy '*' telnet://127.0.0.1:${HTTP_PROXY##*:} </dev/zero >/dev/null &";
        let outcome = run_with(&sandbox, script, &confinement).unwrap();
        assert_eq!(text(&outcome.stdout), "hello", "{}", text(&outcome.stderr));
    }
    settle(before);

    // The same for a program that somebody else waits for, in the middle of a connection.
    let hold_on = "import os, socket, time\n\
                   held = socket.create_connection(('127.0.0.1', int(os.environ['HTTP_PROXY'].rsplit(':', 1)[1])))\n\
                   held.sendall(b'GET http://exam')\nprint('up', flush=True)\ntime.sleep(1000)";
    let command = ["python3", "-I", "-c", hold_on].map(Into::into);
    let (mut child, hold, aftermath) = sandbox.start(&command, &confinement).unwrap().into_parts();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    assert_eq!(line, "up\n");
    assert!(traces().into_iter().zip(before).all(|(now, before)| now > before), "the control: it is served");
    drop(hold);
    assert_eq!(child.wait().unwrap().code(), Some(137));
    assert_eq!(output.read_to_string(&mut String::new()).unwrap(), 0);
    drop((child, aftermath, output));
    settle(before);
}

/// Says to this test that it is the one on a system without Landlock.
const NO_LANDLOCK: &str = "AIRLOCK_TEST_NO_LANDLOCK";

fn a_network_needs_landlock(sandbox: &ProcessBox) {
    let network = reaching(&["example.com"]);
    if std::env::var_os(NO_LANDLOCK).is_none() {
        run_with(sandbox, "true", &network).unwrap();
        let mut other = Command::new(std::env::current_exe().unwrap());
        other.args(["--exact", "a_network_needs_landlock", "--nocapture"]).env(NO_LANDLOCK, "1");
        #[allow(unsafe_code, reason = "between fork and exec")]
        // SAFETY: it makes two system calls and allocates nothing.
        unsafe {
            other.pre_exec(without_landlock);
        }
        let ran = other.output().unwrap();
        let said = String::from_utf8_lossy(&ran.stdout).into_owned() + &String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.success() && said.contains("1 passed"), "{said}");
        return;
    }
    let outcome = run(sandbox, "echo ran");
    assert_eq!((text(&outcome.stdout), outcome.enforcement.landlock_abi), ("ran\n", 0), "the control");
    let refusal = run_with(sandbox, "echo ran", &network).unwrap_err();
    let SandboxError::TooWeak { given: Level::None, missing, .. } = &refusal else { panic!("{refusal}") };
    assert!(missing.contains("Landlock"), "{missing}");
}

/// Has the kernel seem to know nothing of Landlock.
#[allow(unsafe_code, reason = "no crate that is used here has this call")]
fn without_landlock() -> io::Result<()> {
    let step = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
    let number = u32::try_from(libc::SYS_landlock_create_ruleset).map_err(|_| io::ErrorKind::InvalidInput)?;
    let mut steps = [
        step(0x20, 0, 0, 0),
        step(0x15, 0, 1, number),
        step(0x06, 0, 0, libc::SECCOMP_RET_ERRNO | libc::ENOSYS.cast_unsigned()),
        step(0x06, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog { len: 4, filter: steps.as_mut_ptr() };
    // SAFETY: the kernel reads the program, which outlives the calls.
    let done = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
            && libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &raw const program) == 0
    };
    if done { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Says to this test that it is the one in a network of its own.
const OWN_NETWORK: &str = "AIRLOCK_TEST_OWN_NETWORK";

/// Has a test of this name run anew in a network of its own, made by a script; `true` where it is that one.
fn in_own_network(test: &str, script: &str) -> bool {
    if std::env::var_os(OWN_NETWORK).is_some() {
        return true;
    }
    let script = format!("set -e; ip link set lo up\n{script}\nexec \"$@\"");
    let mut other = Command::new("unshare");
    other.args(["--user", "--map-root-user", "--net", "--mount", "sh", "-c", &script, "sh"]);
    // What this machine can do is asked for once more there, where it may be less; these tests make no box.
    other.arg(std::env::current_exe().unwrap()).args(["--exact", test, "--nocapture", "--include-ignored"]);
    let ran = other.env(OWN_NETWORK, "1").output().unwrap();
    let said = String::from_utf8_lossy(&ran.stdout).into_owned() + &String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success() && said.contains("1 passed"), "{said}");
    false
}

/// Connects as this machine does, and says of no address that it is near.
#[derive(Debug)]
struct Blind;

impl Dialer for Blind {
    fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        Direct.resolve(name)
    }

    fn is_near(&self, _address: IpAddr) -> io::Result<bool> {
        Ok(false)
    }

    fn connect(&self, address: SocketAddr, patience: Duration) -> io::Result<TcpStream> {
        Direct.connect(address, patience)
    }
}

/// What a proxy with this dialer answers that may reach this address.
fn asked_by(dialer: impl Dialer + 'static, host: &str) -> (String, Vec<Reason>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let heard = Arc::new(Heard::default());
    let outside = Surroundings { dialer: Arc::new(dialer), watch: heard.clone() };
    let proxy = Proxy::start(listener, &[host.parse().unwrap()], outside).unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(format!("GET http://{host}/ HTTP/1.1\r\n\r\n").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    drop(proxy);
    let heard = heard.0.lock().unwrap().iter().map(|refusal| refusal.reason).collect();
    (answer, heard)
}

/// A link with two addresses of each family, one with a prefix that a router announced; a link without neighbours, and
/// routes without a router to each; addresses that no interface shows.
const LINKS: &str = "
ip link add v0 type veth peer name v1; ip link set v0 up; ip link set v1 up
ip address add 9.9.9.1/24 dev v0; ip address add 9.9.9.5/24 dev v0; ip route add 9.8.0.0/16 dev v0
ip address add 2606:4700::1/128 dev v0 nodad; ip route add 2606:4700:1::/64 dev v0 proto ra
ip route add local 7.7.7.0/24 dev lo
ip link add w0 type veth peer name w1; ip link set w0 arp off; ip link set w0 up; ip link set w1 up
ip address add 6.6.6.1/24 dev w0; ip route add 5.0.0.0/8 dev w0
ip route add default via 9.9.9.2; ip -6 route add default dev v0
";

fn public_addresses_of_this_network_are_refused(_: &ProcessBox) {
    if !in_own_network("public_addresses_of_this_network_are_refused", LINKS) {
        return;
    }
    let is_near = |address: &str| Direct.is_near(address.parse().unwrap());
    for address in [
        "9.9.9.1",
        "9.9.9.5",
        "9.9.9.77",
        "9.9.9.255",
        "9.8.7.6",
        "7.7.7.7",
        "6.6.6.1",
        "6.6.6.2",
        "2606:4700::1",
        "2606:4700:1::7",
    ] {
        assert!(is_near(address).unwrap(), "{address}");
    }
    // Behind the router; through the tunnel; where all is said to be at a link.
    for address in ["8.8.8.8", "9.9.10.1", "9.7.1.1", "5.5.5.5", "2a00::1", "2606:4700:2::7"] {
        assert!(!is_near(address).unwrap(), "{address}");
    }

    let listener = TcpListener::bind(("::", 80)).unwrap();
    thread::spawn(move || listener.incoming().flatten().for_each(|stream| answer(&stream)));
    for host in ["9.9.9.1", "9.9.9.5", "7.7.7.7", "6.6.6.1", "[2606:4700::1]"] {
        TcpStream::connect(format!("{host}:80")).unwrap();
        let (answer, heard) = asked_by(Direct, host);
        assert!(answer.starts_with("HTTP/1.1 403 "), "{host}: {answer}");
        assert_eq!(heard, [Reason::NotPublic], "{host}");
        // Both ends tell by themselves, but for a second address of a link: its own side has the first one.
        let (answer, heard) = asked_by(Blind, host);
        let told = host != "9.9.9.5";
        assert_eq!(answer.ends_with("hello"), !told, "{host}: {answer}");
        assert_eq!(heard, vec![Reason::NotPublic; usize::from(told)], "{host}");
    }
}

/// What is added to a name where it has few dots, and a file that knows one.
const RESOLVER: &str = r"
mount -t tmpfs none /mnt
echo 'hosts: files dns' >/mnt/switch; mount --bind /mnt/switch /etc/nsswitch.conf
echo '127.0.0.1 localhost' >/mnt/hosts; echo '9.9.9.9 filed.example.com' >>/mnt/hosts; mount --bind /mnt/hosts /etc/hosts
printf 'nameserver 127.0.0.1\nsearch corp.internal\noptions ndots:5\n' >/mnt/resolv; mount --bind /mnt/resolv /etc/resolv.conf
";

fn names_mean_what_they_say(_: &ProcessBox) {
    if !in_own_network("names_mean_what_they_say", RESOLVER) {
        return;
    }
    let server = UdpSocket::bind((Ipv4Addr::LOCALHOST, 53)).unwrap();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let names = Arc::clone(&asked);
    thread::spawn(move || {
        let mut question = [0; 512];
        while let Ok((_, from)) = server.recv_from(&mut question) {
            let (name, answer) = named(&question);
            names.lock().unwrap().push(name);
            server.send_to(&answer, from).unwrap();
        }
    });
    let heard = || std::mem::take(&mut *asked.lock().unwrap());
    let usual = |name: &str| (name, 0).to_socket_addrs().unwrap().next().unwrap().ip();

    assert_eq!(usual("api.example.com"), INSIDE, "the control: the resolver adds to it");
    assert_eq!(heard().first().unwrap(), "api.example.com.corp.internal");
    assert_eq!(Direct.resolve("api.example.com").unwrap(), [PUBLIC]);
    assert!(heard().iter().all(|name| name == "api.example.com"));
    // What has no dot is meant to be added to.
    assert_eq!(Direct.resolve("intranet").unwrap(), [INSIDE]);
    // The price.
    assert_eq!(usual("filed.example.com"), IpAddr::V4(Ipv4Addr::new(9, 9, 9, 9)));
    assert_eq!(Direct.resolve("filed.example.com").unwrap(), [PUBLIC]);
}

/// What names below `corp.internal` lead to.
const INSIDE: IpAddr = IpAddr::V4(Ipv4Addr::new(8, 8, 8, 8));

/// The name that is asked for, and an answer to it: an address of IPv4, and none of IPv6.
#[allow(clippy::indexing_slicing, reason = "what is asked comes from the resolver of this test")]
fn named(question: &[u8]) -> (String, Vec<u8>) {
    let mut labels = Vec::new();
    let mut at = 12;
    while question[at] != 0 {
        let end = at + 1 + usize::from(question[at]);
        labels.push(text(&question[at + 1..end]));
        at = end;
    }
    let name = labels.join(".");
    let four = question[at + 1..at + 3] == [0, 1];
    let asked = &question[12..at + 5];
    let header = [&question[..2], &[0x81, 0x80, 0, 1, 0, u8::from(four), 0, 0, 0, 0]].concat();
    let IpAddr::V4(address) = (if name.ends_with(".internal") { INSIDE } else { PUBLIC }) else { panic!() };
    let record = [&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4], address.octets().as_slice()].concat();
    let answer = [header.as_slice(), asked, if four { &record } else { &[] }].concat();
    (name, answer)
}
