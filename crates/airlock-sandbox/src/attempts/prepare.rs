//! What the host sets up before attempts run, and how it sees afterwards that they did no harm.

use std::{
    ffi::CString,
    fs::{self, DirBuilder, File},
    io::{self, Read as _, Write as _},
    net::{Ipv4Addr, Ipv6Addr, TcpListener, UdpSocket},
    os::{
        fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
        linux::net::SocketAddrExt as _,
        unix::{
            fs::{DirBuilderExt as _, PermissionsExt as _, symlink},
            net::{SocketAddr, UnixListener},
            process::CommandExt as _,
        },
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use libc::c_int;

use super::{
    Ground, Place,
    ground::{LOW, SECRET_VARIABLE, c_path},
    sys::{self, call},
};
use crate::Limits;

/// Things on the host that are worth reaching. Dropped, all of it is gone.
#[derive(Debug)]
pub struct Prepared {
    ground: Ground,
    secret: String,
    victim: Victim,
    _folder: Folder,
    _shared_memory: (Option<SharedMemoryFile>, Option<Segment>, Option<Queue>),
    _listeners: (TcpListener, Option<TcpListener>, UdpSocket, UnixListener, UnixListener),
    _terminal: Option<OwnedFd>,
    _leaking: OwnedFd,
}

/// Sets everything up.
pub fn prepare() -> io::Result<Prepared> {
    let token = token()?;
    let secret = format!("secret of {token}");
    let folder = Folder::new(std::env::temp_dir().join(format!("airlock-attempts-{token}")))?;
    let [home, visible, writable, own] =
        ["home", "visible", "writable", "own"].map(|name| folder.0.join(name));
    fill_home(&home, &secret)?;
    fs::create_dir(&visible)?;
    fs::create_dir(&writable)?;
    fs::create_dir(&own)?;
    fs::write(visible.join("notes.txt"), "may be read\n")?;
    fs::write(visible.join("spare.txt"), "may be read as well\n")?;
    symlink(home.join(".ssh/id_ed25519"), visible.join("link"))?;

    let key = home.join(".ssh/id_ed25519");
    let mut victim = Victim::start(&secret, &home, &key)?;
    while victim.0.id().cast_signed() <= LOW {
        victim = Victim::start(&secret, &home, &key)?;
    }
    let shared_memory_file = SharedMemoryFile::new(&token, &secret);
    let segment = Segment::new();
    let queue = Queue::new(&token);

    let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let tcp6 = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).ok();
    let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    let abstract_socket = format!("airlock-attempts-{token}");
    let abstract_listener = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&abstract_socket)?)?;
    let path_socket = home.join("agent.sock");
    let path_listener = UnixListener::bind(&path_socket)?;
    let terminal = terminal();

    let ground = Ground {
        place: Place::Outside,
        file_handle: file_handle(&key),
        victim: victim.0.id().cast_signed(),
        host: std::process::id().cast_signed(),
        shared_memory_file: shared_memory_file.as_ref().map(|file| file.0.clone()),
        shared_memory_key: segment.as_ref().map(|segment| segment.key),
        message_queue: queue.as_ref().map(|queue| queue.0.to_string_lossy().into_owned()),
        tcp: tcp.local_addr()?.port(),
        tcp6: tcp6.as_ref().and_then(|tcp6| Some(tcp6.local_addr().ok()?.port())),
        udp: udp.local_addr()?.port(),
        abstract_socket,
        path_socket,
        terminal: terminal.as_ref().map(|(_, path)| path.clone()),
        limits: Limits::default().into(),
        token,
        home,
        visible,
        own,
        writable,
    };
    if rustix::process::geteuid().is_root() {
        open_up(&folder.0, &ground)?;
    }
    Ok(Prepared {
        ground,
        secret,
        victim,
        _folder: folder,
        _shared_memory: (shared_memory_file, segment, queue),
        _listeners: (tcp, tcp6, udp, abstract_listener, path_listener),
        _terminal: terminal.map(|(master, _)| master),
        _leaking: leak(&key)?,
    })
}

impl Prepared {
    /// What attempts are told. They run at `place`, where a sandbox grants `limits`.
    pub fn ground(&self, place: Place, limits: Limits) -> Ground {
        let own = match place {
            Place::Outside => self.ground.own.clone(),
            Place::Inside => PathBuf::from("/tmp"),
        };
        Ground { place, limits: limits.into(), own, ..self.ground.clone() }
    }

    /// What attempts did to the host, in words; empty if they did it no harm. To be asked when the sandbox has ended.
    pub fn harm(&mut self) -> io::Result<Vec<String>> {
        let mut harm = Vec::new();
        let mut unless = |fine: bool, what: &str| {
            if !fine {
                harm.push(what.to_owned());
            }
        };
        let Ground { home, visible, .. } = &self.ground;
        unless(names(home)? == HOME, "the home has other files");
        unless(
            fs::read_to_string(home.join(".ssh/id_ed25519"))? == self.secret,
            "the secret file was changed",
        );
        unless(names(visible)? == ["link", "notes.txt", "spare.txt"], "the read-only folder has other files");
        unless(
            fs::read_to_string(visible.join("notes.txt"))? == "may be read\n",
            "the read-only file was changed",
        );
        unless(
            fs::metadata(visible.join("notes.txt"))?.permissions().mode() & 0o7_000 == 0,
            "the read-only file has other rights",
        );
        unless(self.victim.0.try_wait()?.is_none(), "the host's process was ended");
        unless(!self.victim.was_signalled()?, "the host's process got a signal that was sent to all");
        unless(!self.victim.is_stopped()?, "the host's process was stopped");
        unless(!self.has_straggler()?, "a process lives on that was started inside");
        Ok(harm)
    }

    /// Whether a process lives on, with a moment for the kernel to end it.
    fn has_straggler(&self) -> io::Result<bool> {
        let name = self.ground.straggler();
        for _ in 0..20 {
            let mut processes = fs::read_dir("/proc")?.flatten();
            let found = processes.any(|process| {
                fs::read_to_string(process.path().join("comm")).is_ok_and(|comm| comm.trim() == name)
            });
            if !found {
                return Ok(false);
            }
            thread::sleep(Duration::from_millis(25));
        }
        Ok(true)
    }
}

/// Root leaves root for nobody in a sandbox. What holds the attempts is to be the sandbox, not whose files they are.
/// Folders that all can write in are sticky, so that nobody replaces what root makes there by a link.
fn open_up(folder: &Path, ground: &Ground) -> io::Result<()> {
    let mut rest = vec![ground.home.clone()];
    while let Some(path) = rest.pop() {
        let is_folder = path.is_dir();
        if is_folder {
            rest.extend(fs::read_dir(&path)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?);
        }
        set_mode(&path, if is_folder { 0o755 } else { 0o666 })?;
    }
    for file in [ground.visible_file(), ground.visible.join("spare.txt")] {
        set_mode(&file, 0o666)?;
    }
    set_mode(&ground.visible, 0o1777)?;
    set_mode(&ground.writable, 0o1777)?;
    // Last: until now nobody else could enter.
    set_mode(folder, 0o711)
}

fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

/// What lies in the home.
const HOME: [&str; 6] = [".aws", ".config", ".local", ".ssh", "agent.sock", "diary.txt"];

fn fill_home(home: &Path, secret: &str) -> io::Result<()> {
    for file in [
        ".ssh/id_ed25519",
        ".aws/credentials",
        ".config/agent-airlock/airlock.toml",
        ".local/state/agent-airlock/audit.jsonl",
        "diary.txt",
    ] {
        let path = home.join(file);
        fs::create_dir_all(path.parent().unwrap_or(home))?;
        fs::write(path, secret)?;
    }
    Ok(())
}

fn names(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = fs::read_dir(folder)?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<io::Result<Vec<_>>>()?;
    names.sort();
    Ok(names)
}

fn token() -> io::Result<String> {
    let mut bytes = [0; 8];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(format!("{:016x}", u64::from_ne_bytes(bytes)))
}

/// A folder that goes with everything in it.
#[derive(Debug)]
struct Folder(PathBuf);

impl Folder {
    fn new(path: PathBuf) -> io::Result<Self> {
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed stays, in a folder for temporary files.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A process that sleeps. `SIGWINCH`, which by default does nothing, stays pending for it.
#[derive(Debug)]
struct Victim(Child);

impl Victim {
    fn start(secret: &str, folder: &Path, input: &Path) -> io::Result<Self> {
        let mut command = Command::new("sleep");
        command.arg("600").env_clear().env(SECRET_VARIABLE, secret).current_dir(folder);
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        command.stdin(File::open(input)?).stdout(Stdio::null()).stderr(Stdio::null());
        // SAFETY: the closure makes system calls that may be made between fork and exec, and allocates nothing.
        unsafe {
            command.pre_exec(|| {
                let mut signals = std::mem::zeroed();
                libc::sigemptyset(&raw mut signals);
                libc::sigaddset(&raw mut signals, libc::SIGWINCH);
                libc::sigprocmask(libc::SIG_BLOCK, &raw const signals, std::ptr::null_mut());
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                Ok(())
            });
        }
        command.spawn().map(Self)
    }

    fn status(&self, field: &str) -> io::Result<String> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id()))?;
        let value = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        Ok(value.unwrap_or_default().trim().to_owned())
    }

    fn was_signalled(&self) -> io::Result<bool> {
        let pending = u64::from_str_radix(&self.status("ShdPnd")?, 16).map_err(io::Error::other)?;
        Ok(pending & (1 << (libc::SIGWINCH - 1)) != 0)
    }

    fn is_stopped(&self) -> io::Result<bool> {
        Ok(self.status("State")?.starts_with(['T', 't']))
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A file in `/dev/shm`, which many programs share.
#[derive(Debug)]
struct SharedMemoryFile(PathBuf);

impl SharedMemoryFile {
    fn new(token: &str, secret: &str) -> Option<Self> {
        let path = Path::new("/dev/shm").join(format!("airlock-shared-{token}"));
        let mut file = File::create_new(&path).ok()?;
        let this = Self(path);
        file.write_all(secret.as_bytes()).ok()?;
        Some(this)
    }
}

impl Drop for SharedMemoryFile {
    fn drop(&mut self) {
        // It may have gone with a cleaning of `/dev/shm`.
        let _ = fs::remove_file(&self.0);
    }
}

/// A System V shared memory segment.
#[derive(Debug)]
struct Segment {
    key: i32,
    id: c_int,
}

impl Segment {
    fn new() -> Option<Self> {
        let key = std::process::id().cast_signed() ^ 0x0A1B_0C4B;
        let flags = libc::IPC_CREAT | libc::IPC_EXCL | 0o600;
        let id = call!(SYS_shmget, key, 4_096, flags).ok()? as c_int;
        Some(Self { key, id })
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        // Nothing is left to be done if it is gone.
        let _ = call!(SYS_shmctl, self.id, libc::IPC_RMID, 0);
    }
}

/// A POSIX message queue. The kernel takes its name without the slash that the C library asks for.
#[derive(Debug)]
struct Queue(CString);

impl Queue {
    fn new(token: &str) -> Option<Self> {
        let name = CString::new(format!("airlock-attempts-{token}")).ok()?;
        let flags = libc::O_CREAT | libc::O_EXCL | libc::O_RDONLY | libc::O_CLOEXEC;
        let queue = call!(SYS_mq_open, name.as_c_str(), flags, 0o600, 0).ok()?;
        sys::close(queue as c_int);
        Some(Self(name))
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        // Nothing is left to be done if it is gone.
        let _ = call!(SYS_mq_unlink, self.0.as_c_str());
    }
}

/// Descriptors that are forgotten to be closed on exec are what many programs leak into their children.
fn leak(file: &Path) -> io::Result<OwnedFd> {
    let fd = call!(SYS_openat, libc::AT_FDCWD, c_path(file).as_c_str(), libc::O_RDONLY)?;
    // SAFETY: the descriptor was opened here and has no other owner.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as c_int) })
}

/// A new terminal: the side of the program that shows it, and its path.
fn terminal() -> Option<(OwnedFd, PathBuf)> {
    let flags = libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC;
    let fd = call!(SYS_openat, libc::AT_FDCWD, c"/dev/ptmx", flags).ok()?;
    // SAFETY: the descriptor was opened here and has no other owner.
    let master = unsafe { OwnedFd::from_raw_fd(fd as c_int) };
    let (mut number, mut locked) = (0_u32, 0_i32);
    call!(SYS_ioctl, master.as_raw_fd(), libc::TIOCGPTN, &raw mut number).ok()?;
    call!(SYS_ioctl, master.as_raw_fd(), libc::TIOCSPTLCK, &raw mut locked).ok()?;
    Some((master, PathBuf::from(format!("/dev/pts/{number}"))))
}

/// A file as a handle, which opens it past every path.
fn file_handle(path: &Path) -> Option<(i32, Vec<u8>)> {
    let mut buffer = HandleBuffer { bytes: 128, kind: 0, handle: [0; 128] };
    let mut mount = 0_i32;
    let path = c_path(path);
    call!(SYS_name_to_handle_at, libc::AT_FDCWD, path.as_c_str(), &raw mut buffer, &raw mut mount, 0).ok()?;
    Some((buffer.kind, buffer.handle.get(..buffer.bytes as usize)?.to_vec()))
}

/// `struct file_handle` with room for the longest handle.
#[repr(C)]
pub(super) struct HandleBuffer {
    pub(super) bytes: u32,
    pub(super) kind: i32,
    pub(super) handle: [u8; 128],
}
