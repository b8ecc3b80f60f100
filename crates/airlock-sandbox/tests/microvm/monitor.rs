//! A `firecracker` of our own: this test program under a name that says how it is to go wrong. It listens where it is told
//! to, keeps what is asked of it, and, in the place of a guest, writes a result as `result.rs` has it: by code of its own,
//! so that the form is written down twice.

use std::{
    collections::BTreeMap,
    env, fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    os::unix::{
        fs::{FileExt as _, symlink},
        net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
    process::ExitCode,
    thread,
    time::Duration,
};

use serde_json::Value;

/// What its name begins with.
const NAME: &str = "firecracker-";
/// Longer than any test waits.
const FOR_EVER: Duration = Duration::from_secs(600);

/// A `firecracker` in `folder` that behaves like that.
pub(crate) fn in_folder(folder: &Path, behaviour: &str) -> PathBuf {
    let path = folder.join(format!("{NAME}{behaviour}"));
    symlink(env::current_exe().unwrap(), &path).unwrap();
    path
}

/// Plays it, if this process was started as one.
pub(crate) fn play() -> Option<ExitCode> {
    let name = env::args_os().next()?;
    let name = Path::new(&name).file_name()?.to_str()?.to_owned();
    let behaviour = name.strip_prefix(NAME)?;
    let words: Vec<String> = env::args().skip(1).collect();
    if words.first().is_some_and(|word| word == "--version") {
        match behaviour {
            "old" => println!("Firecracker v0.25.2"),
            "other" => println!("QEMU emulator version 7.2"),
            "mute" => thread::sleep(FOR_EVER),
            _ => println!("Firecracker v1.7.0"),
        }
        return Some(ExitCode::SUCCESS);
    }
    // Nothing of the host's environment, and no descriptor but the three.
    let open = fs::read_dir("/proc/self/fd").unwrap().count() - 1;
    let strange = env::vars_os().count() > 0 || open > 3;
    assert!(!strange, "{open} descriptors, {:?}", env::vars_os().collect::<Vec<_>>());
    // No right of root's, and nothing of the host's process, which has secrets in its environment.
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let held = status.lines().filter(|line| {
        line.starts_with("Cap") && !line.starts_with("CapBnd") && !line.trim_end_matches('0').ends_with('\t')
    });
    assert_eq!(held.count(), 0, "{status}");
    let host = rustix::process::getppid().unwrap().as_raw_nonzero();
    for file in ["environ", "maps", "status"] {
        assert!(fs::read(format!("/proc/{host}/{file}")).is_err(), "the host's {file} can be read");
    }
    let socket = words.iter().skip_while(|word| *word != "--api-sock").nth(1)?;
    Some(serve(behaviour, socket))
}

fn serve(behaviour: &str, socket: &str) -> ExitCode {
    match behaviour {
        "dies-at-once" => {
            eprintln!("no /dev/kvm\u{1b}[2J for me");
            return ExitCode::FAILURE;
        }
        "never-listens" => thread::sleep(FOR_EVER),
        "no-socket" => {
            fs::write(socket, "a file").unwrap();
            thread::sleep(FOR_EVER);
        }
        _ => {}
    }
    let listener = UnixListener::bind(socket).unwrap();
    let (stream, _) = listener.accept().unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut asked = BTreeMap::new();
    while let Some((path, body)) = request(&mut reader) {
        let starts = path == "/actions";
        // Before it is answered, since they are gone then.
        let files = starts.then(|| Files::open(&asked));
        match (behaviour, starts) {
            ("hangs", false) | ("hangs-at-start", true) => thread::sleep(FOR_EVER),
            ("hangs-up", false) | ("hangs-up-at-start", true) => return ExitCode::FAILURE,
            ("refuses", false) | ("refuses-to-start", true) => {
                answer(&stream, "400 Bad Request", "{\"fault_message\":\"the kernel is not to my liking\"}");
                continue;
            }
            ("speaks-otherwise", _) => (&stream).write_all(b"SSH-2.0-OpenSSH_9.2\r\n\r\n").unwrap(),
            ("floods", _) => loop {
                (&stream).write_all(&[b'x'; 4_096]).unwrap();
            },
            _ => answer(&stream, "204 No Content", ""),
        }
        asked.insert(path, body);
        if let Some(files) = files {
            return run(behaviour, &asked, &files);
        }
    }
    ExitCode::SUCCESS
}

fn request(reader: &mut BufReader<UnixStream>) -> Option<(String, Value)> {
    let (mut first, mut line, mut length) = (String::new(), String::new(), 0);
    reader.read_line(&mut first).ok()?;
    loop {
        line.clear();
        if reader.read_line(&mut line).ok()? <= 2 {
            break;
        }
        if let Some(said) = line.strip_prefix("Content-Length: ") {
            length = said.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let path = first.strip_prefix("PUT ")?.split(' ').next()?.to_owned();
    Some((path, serde_json::from_slice(&body).ok()?))
}

fn answer(mut to: &UnixStream, status: &str, body: &str) {
    let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    let text = format!("HTTP/1.1 {status}\r\nServer: Firecracker API\r\n{length}\r\n{body}");
    to.write_all(text.as_bytes()).unwrap();
}

/// The drives.
struct Files {
    job: Vec<u8>,
    result: fs::File,
}

impl Files {
    fn open(asked: &BTreeMap<String, Value>) -> Self {
        let drive = |name: &str| asked[&format!("/drives/{name}")]["path_on_host"].as_str().unwrap();
        let result = fs::OpenOptions::new().read(true).write(true).open(drive("result")).unwrap();
        Self { job: fs::read(drive("job")).unwrap(), result }
    }
}

/// In the place of a guest.
fn run(behaviour: &str, asked: &BTreeMap<String, Value>, Files { job, result: drive }: &Files) -> ExitCode {
    assert_eq!(&job[..16], b"airlock job    1");
    let output = u64::from_le_bytes(job[32..40].try_into().unwrap());
    let input = usize::from_le_bytes(job[40..48].try_into().unwrap());
    let plan = usize::try_from(u32::from_le_bytes(job[48..52].try_into().unwrap())).unwrap();
    let said = &job[512 + plan..512 + plan + input];
    let mut result = Result {
        token: job[16..32].try_into().unwrap(),
        second: 20_480 + (output / 4_096 + 1) * 4_096,
        state: 2,
        account: r#"{"enforcement":null,"end":{"exited":0}}"#,
        stdout: said.to_vec(),
        stderr: b"of the guest".to_vec(),
        lengths: None,
    };
    match behaviour {
        "tells-nothing" => return ExitCode::SUCCESS,
        "dies-mid-run" => {
            result.state = 1;
            result.account = r#"{"enforcement":null,"end":null}"#;
        }
        "runs-for-ever" => {
            result.state = 1;
            result.account = r#"{"enforcement":null,"end":null}"#;
            result.write(drive);
            thread::sleep(FOR_EVER);
        }
        "never-begins" => thread::sleep(FOR_EVER),
        "writes-half" => {
            result.write(drive);
            drive.write_all_at(b"not what was summed", 20_480).unwrap();
            return ExitCode::SUCCESS;
        }
        "cuts-it-off" => {
            result.write(drive);
            drive.set_len(20_482).unwrap();
            return ExitCode::SUCCESS;
        }
        "forges-lengths" => result.lengths = Some([39, u64::MAX, 1 << 50]),
        "forges-the-run" => result.token = [0; 16],
        "forges-the-end" => result.account = r#"{"enforcement":null,"end":{"exited":0,"also":1}}"#,
        "claims-a-level" => {
            result.account = r#"{"enforcement":{"level":"box","namespaces":["user"],"uid":1,"own_root":true,
                "no_capabilities":true,"no_new_privileges":true,"landlock_abi":9,"seccomp_filters":1,
                "cgroup":["memory"]},"end":{"exited":0}}"#;
        }
        "floods-its-console" => {
            for _ in 0..2_000 {
                std::io::stdout().write_all(&[b'x'; 4_096]).unwrap();
            }
        }
        // To see that its own process is held to its files.
        "looks-around" => {
            let reached = ["/etc/passwd", "/home", "/root", "/etc"].map(|path| {
                let opened = fs::File::open(path).is_ok();
                format!("{path}: {}\n", if opened { "open" } else { "closed" })
            });
            let written =
                fs::write(asked["/boot-source"]["kernel_image_path"].as_str().unwrap(), "x").is_ok();
            let network = std::net::TcpStream::connect(("127.0.0.1", 1)).unwrap_err().kind();
            let more = format!("kernel written: {written}\nnetwork: {network:?}\n");
            // What is to be run is not kept anywhere while it runs.
            let job = Path::new(asked["/drives/job"]["path_on_host"].as_str().unwrap());
            while job.exists() {
                thread::sleep(Duration::from_millis(5));
            }
            result.stdout = (reached.concat() + &more).into_bytes();
        }
        _ => {}
    }
    result.write(drive);
    ExitCode::SUCCESS
}

struct Result {
    token: [u8; 16],
    /// Where the second text is.
    second: u64,
    state: u32,
    account: &'static str,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    lengths: Option<[u64; 3]>,
}

impl Result {
    fn write(&self, drive: &fs::File) {
        let parts = [(4_096, self.account.as_bytes()), (20_480, &self.stdout), (self.second, &self.stderr)];
        let mut head = b"airlock result 1".to_vec();
        head.extend(self.token);
        head.extend(self.state.to_le_bytes());
        let lengths = self.lengths.unwrap_or(parts.map(|(_, part)| part.len() as u64));
        for length in lengths {
            head.extend(length.to_le_bytes());
        }
        for (place, part) in parts {
            drive.write_all_at(part, place).unwrap();
            head.extend(sum(part).to_le_bytes());
        }
        head.extend(sum(&head).to_le_bytes());
        head.resize(512, 0);
        drive.write_all_at(&head, 0).unwrap();
    }
}

/// FNV-1a.
fn sum(bytes: &[u8]) -> u64 {
    let step = |sum: u64, byte: &u8| (sum ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}
