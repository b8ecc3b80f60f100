//! Without namespaces: the tests of a box that mean something there, and those of its own.

use std::{
    fs, io,
    os::unix::{
        fs::{PermissionsExt as _, symlink},
        process::CommandExt as _,
    },
    path::Path,
    process::Command,
};

use airlock_sandbox::{
    Backend, Confinement, End, Job, Level, Limits, ProcessBox, Sandbox as _, SandboxError, Step, proxy,
};

use crate::{Test, run, run_with, text};

/// All of them.
pub(crate) fn tests(of_the_box: &[Test]) -> Vec<Test> {
    let shared = of_the_box.iter().filter(|(name, _)| !BOX_ONLY.contains(name));
    shared.chain(TESTS).copied().collect()
}

/// What only namespaces and file systems of its own can give; see below for what there is instead.
const BOX_ONLY: &[&str] = &[
    "everything_holds_it",
    "no_state_is_kept_between_programs",
    "links_lead_to_what_is_shown_and_to_nothing_else",
    "the_first_process_tells_nothing_of_the_host",
    "memory_is_bounded",
    "folders_are_bounded_in_bytes_and_entries",
    "a_stream_that_left_the_box_is_not_waited_for",
];

const TESTS: &[Test] = &[
    ("landlock_and_seccomp_hold_it", landlock_and_seccomp_hold_it),
    ("a_folder_of_its_own_is_made_and_removed", a_folder_of_its_own_is_made_and_removed),
    ("a_folder_that_is_filled_ends_the_program", a_folder_that_is_filled_ends_the_program),
    ("deep_folders_hold_nobody_up", deep_folders_hold_nobody_up),
    ("only_its_own_process_can_be_read", only_its_own_process_can_be_read),
    ("sockets_are_pairs", sockets_are_pairs),
    ("hosts_are_refused", hosts_are_refused),
    ("programs_run", programs_run),
    ("links_of_the_host_lead_where_they_do", links_of_the_host_lead_where_they_do),
    ("memory_is_bounded_without_a_file_system", memory_is_bounded_without_a_file_system),
    ("a_box_is_not_to_be_had", a_box_is_not_to_be_had),
    ("a_kernel_without_landlock_refuses", a_kernel_without_landlock_refuses),
    ("a_named_path_that_is_gone_or_closed_refuses", a_named_path_that_is_gone_or_closed_refuses),
];

fn python(sandbox: &ProcessBox, script: &str) -> Option<airlock_sandbox::Outcome> {
    if !Path::new("/usr/bin/python3").exists() {
        println!("skipped: no Python below /usr");
        return None;
    }
    let command = ["/usr/bin/python3", "-I", "-c", script].map(Into::into).to_vec();
    Some(sandbox.run(&Job { command, ..Job::default() }, &Confinement::default()).unwrap())
}

fn landlock_and_seccomp_hold_it(sandbox: &ProcessBox) {
    let held = run(sandbox, "echo hello").enforcement;
    assert_eq!((held.level, sandbox.backend()), (Level::Lite, Backend::Lite));
    assert_eq!(held.namespaces, Vec::<String>::new());
    assert!(held.landlock_abi >= 6 && held.seccomp_filters > 0 && !held.own_root);
    assert!(held.no_capabilities && held.no_new_privileges);
    assert_ne!(held.uid, 0);
    assert_eq!(sandbox.probe().level, Level::Lite);
}

fn a_folder_of_its_own_is_made_and_removed(sandbox: &ProcessBox) {
    let script = "pwd; echo $HOME; echo $TMPDIR; ls -A $HOME $TMPDIR | wc -l; stat -c %a $HOME/..; \
                  mkdir -p $HOME/a/b && echo x > $HOME/a/b/c && mv $HOME/a $TMPDIR && chmod 0 $TMPDIR/a 2>/dev/null; \
                  rm -r $HOME/.. 2>/dev/null; ls -d $HOME/..";
    let mut before = String::new();
    for _ in 0..2 {
        let outcome = run(sandbox, script);
        let lines: Vec<_> = text(&outcome.stdout).lines().map(str::to_owned).collect();
        let [folder, home, temporary, entries, mode, still] = &lines[..] else { panic!("{lines:?}") };
        assert_eq!((folder, &**entries, &**mode), (home, "3", "700"));
        assert_eq!(*still, format!("{home}/.."), "the folder itself is not the program's to remove");
        assert_ne!(*home, before, "each has another one");
        assert!(!Path::new(home).exists() && !Path::new(temporary).exists() && home.ends_with("/work"));
        before.clone_from(home);
    }
}

fn a_folder_that_is_filled_ends_the_program(sandbox: &ProcessBox) {
    let limits = Limits { tmpfs: 1 << 20, files: 100, ..Limits::default() };
    let confinement = Confinement { limits, ..Confinement::default() };
    for fill in ["head -c 1M /dev/zero > $HOME/$i", "mkdir $HOME/$i"] {
        let script = format!("for i in $(seq 300); do {fill}; done; sleep 60; echo filled");
        let outcome = run_with(sandbox, &script, &confinement).unwrap();
        assert_eq!((outcome.end, text(&outcome.stdout)), (End::Signalled(9), ""), "{fill}");
    }
    // One file is bounded at once.
    let script = "head -c 5M /dev/zero > $HOME/big; stat -c %s $HOME/big; sleep 1; echo lives";
    let outcome = run_with(sandbox, script, &confinement).unwrap();
    assert_eq!(text(&outcome.stdout), "1048576\nlives\n");
}

/// Looking through the folder takes as long as the program makes it take; the program ends in time all the same.
fn deep_folders_hold_nobody_up(sandbox: &ProcessBox) {
    let seconds = format!("{}", 300_000 + std::process::id());
    let nested = |depth: u32, then: &str| {
        let script = format!(
            "i=0; while [ $i -lt {depth} ]; do mkdir d && cd -P d || exit 9; i=$((i+1)); done; \
             for i in 1 2 3 4; do setsid sh -c 'trap \"\" TERM HUP; exec sleep {seconds}' >/dev/null 2>&1 </dev/null & done; {then}"
        );
        let limits = Limits { wall: Some(std::time::Duration::from_secs(20)), ..Limits::default() };
        run_with(sandbox, &script, &Confinement { limits, ..Confinement::default() }).unwrap()
    };
    let outcome = nested(50, "sleep 1; echo lives");
    assert_eq!(
        (outcome.end, text(&outcome.stdout)),
        (End::Exited(0), "lives\n"),
        "{}",
        text(&outcome.stderr)
    );
    let outcome = nested(1500, "sleep 60; echo lives");
    assert_eq!((outcome.end, text(&outcome.stdout)), (End::Signalled(9), ""), "{}", text(&outcome.stderr));
    assert_eq!(crate::traces::sleeping(&seconds), 0, "processes of the program are left");
}

fn only_its_own_process_can_be_read(sandbox: &ProcessBox) {
    let script = format!(
        "import os\nfor path in {own:?}: print(len(open('/proc/self/' + path).read()) > 0)\n\
         print(len(os.listdir('/proc/self/fd')) > 2)\n\
         for path in {closed:?}:\n  try: open(path).read(); print(path)\n  except PermissionError: pass\n\
         for path in ['/proc', '/proc/self', '/proc/{host}', '/proc/{host}/fd', '/proc/{host}/cwd/']:\n  \
           try: os.listdir(path); print(path)\n  except PermissionError: pass\n\
         for link in ['exe', 'cwd', 'root']:\n  try: os.readlink('/proc/{host}/' + link); print(link)\n  except PermissionError: pass\n\
         child = os.fork()\nif child == 0: os.execv('/bin/cat', ['cat', '/proc/self/status'])\nprint(os.wait()[1] != 0)",
        own = ["maps", "status", "cmdline", "limits", "statm"],
        closed = [
            "/proc/self/environ",
            "/proc/self/mem",
            "/proc/self/net/tcp",
            "/proc/self/net/unix",
            "/proc/self/mounts",
            "/proc/self/root/etc/passwd",
            "/proc/meminfo",
            "/proc/1/cmdline",
            "/proc/kallsyms",
            &format!("/proc/{}/cmdline", std::process::id()),
            &format!("/proc/{}/environ", std::process::id()),
            "/etc/passwd",
        ],
        host = std::process::id(),
    );
    let Some(outcome) = python(sandbox, &script) else { return };
    assert_eq!(text(&outcome.stdout), "True\n".repeat(7), "{}", text(&outcome.stderr));
}

fn sockets_are_pairs(sandbox: &ProcessBox) {
    let script = "import asyncio, socket\n\
        a, b = socket.socketpair(); a.send(b'through'); print(b.recv(9).decode())\n\
        print(asyncio.run(asyncio.sleep(0, 'loop')))\n\
        for family in (socket.AF_UNIX, socket.AF_INET, socket.AF_NETLINK):\n  try: socket.socket(family, socket.SOCK_DGRAM); print('made')\n  \
        except PermissionError: pass\n\
        try: socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM); print('made')\nexcept PermissionError: pass\n\
        try: a.connect('/dev/log'); print('connected')\nexcept PermissionError: pass";
    let Some(outcome) = python(sandbox, script) else { return };
    let out = text(&outcome.stdout);
    if outcome.enforcement.landlock_abi < 9 {
        assert_eq!(out, "through\nloop\n", "{}", text(&outcome.stderr));
    } else {
        assert!(out.starts_with("through\nloop\n") && !out.contains("connected"), "{out}");
    }
}

/// What people run, as far as this machine has it.
fn programs_run(sandbox: &ProcessBox) {
    let python = "import json, sqlite3, subprocess, tempfile, threading, concurrent.futures, os, pathlib, zipfile\n\
        with concurrent.futures.ThreadPoolExecutor(3) as pool: assert list(pool.map(abs, [-1, -2])) == [1, 2]\n\
        assert subprocess.run(['sh', '-c', 'echo x | cat'], capture_output=True, text=True).stdout == 'x\\n'\n\
        db = sqlite3.connect('x.db'); db.execute('create table t(a)'); db.execute('insert into t values (1)'); db.commit()\n\
        with tempfile.TemporaryDirectory() as folder: (pathlib.Path(folder) / 'f').write_text('x')\n\
        zipfile.ZipFile('z.zip', 'w').writestr('a', 'b'); zipfile.ZipFile('z.zip').extractall('out'); print('done')";
    let node = "const fs = require('fs'), os = require('os'), { execFileSync, spawn } = require('child_process');\n\
        if (execFileSync('echo', ['x']).toString() !== 'x\\n') throw 1; fs.writeFileSync(os.tmpdir() + '/f', 'x');\n\
        fs.mkdirSync('a/b', { recursive: true }); fs.writeFileSync('f', 'x'); fs.renameSync('f', 'a/b/g'); new (require('worker_threads').Worker)('0', { eval: true });\n\
        const cat = spawn('cat'); cat.stdin.end('through'); cat.stdout.on('data', (d) => console.log(d.toString() === 'through' ? 'done' : d));";
    let shell = "set -e; mkdir d; cd d; printf 'b\\na\\n' | sort | tee sorted >/dev/null; cp sorted copy; mv copy moved; \
        ln -s moved link; mkfifo p; (echo x >p &); read x <p; find . -name moved | wc -l >n; trap 'echo caught >c' USR1; \
        kill -USR1 $$; cat c >/dev/stdout; tar cf t.tar moved; grep -c a moved >/dev/null; rm -r ../d; echo fine >/dev/stderr; echo done";
    let programs: [(&str, &str, &[&str]); 3] = [
        ("caught\ndone\n", "/bin/sh", &["-c", shell]),
        ("done\n", "/usr/bin/python3", &["-I", "-c", python]),
        ("done\n", "/usr/bin/node", &["-e", node]),
    ];
    for (expected, program, arguments) in programs {
        if !Path::new(program).exists() {
            println!("skipped: no {program}");
            continue;
        }
        let limits = Limits { memory: 1 << 30, ..Limits::default() };
        let command = [&[program], arguments].concat().into_iter().map(Into::into).collect();
        let job = Job { command, ..Job::default() };
        let outcome = sandbox.run(&job, &Confinement { limits, ..Confinement::default() }).unwrap();
        let errors = text(&outcome.stderr);
        assert_eq!((text(&outcome.stdout), outcome.end), (expected, End::Exited(0)), "{errors}");
        assert!(errors.is_empty() || program == "/bin/sh", "{program}: {errors}");
    }
}

fn links_of_the_host_lead_where_they_do(sandbox: &ProcessBox) {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let [real, link, hidden] = ["real", "link", "hidden"].map(|name| folder.path().join(name));
    fs::create_dir(&real).unwrap();
    fs::write(real.join("file"), "seen").unwrap();
    fs::write(folder.path().join("secret"), "canary").unwrap();
    symlink(&real, &link).unwrap();
    symlink(folder.path().join("secret"), &hidden).unwrap();
    let shown = |links| Confinement { read_only: vec![real.clone()], links, ..Confinement::default() };
    let script = format!("cat {}/file; cat {}", link.display(), hidden.display());
    let links = vec![(link.clone(), real.clone()), (hidden.clone(), folder.path().join("secret"))];
    assert_eq!(text(&run_with(sandbox, &script, &shown(links)).unwrap().stdout), "seen");
    let refusal = run_with(sandbox, &script, &shown(vec![(link, "/elsewhere".into())])).unwrap_err();
    assert!(matches!(refusal, SandboxError::Failed { step: Step::OpenPaths, .. }), "{refusal}");
}

fn memory_is_bounded_without_a_file_system(sandbox: &ProcessBox) {
    let hold = |megabytes: u32| {
        let script = format!("head -c {megabytes}M /dev/zero | tail -c {megabytes}M | wc -c");
        let limits = Limits { memory: 64 << 20, ..Limits::default() };
        run_with(sandbox, &script, &Confinement { limits, ..Confinement::default() }).unwrap()
    };
    assert_eq!(text(&hold(8).stdout), format!("{}\n", 8 << 20));
    assert_ne!(text(&hold(200).stdout), format!("{}\n", 200 << 20));
}

fn a_box_is_not_to_be_had(sandbox: &ProcessBox) {
    let refusal = run_with(&sandbox.clone().at_least(Level::Box), "echo ran", &Confinement::default());
    let Err(SandboxError::TooWeak { required: Level::Box, given: Level::Lite, missing }) = refusal else {
        panic!("{refusal:?}")
    };
    assert!(missing.contains("namespaces"), "{missing}");
}

fn a_named_path_that_is_gone_or_closed_refuses(sandbox: &ProcessBox) {
    let folder = tempfile::tempdir().unwrap();
    let [open, closed] = ["open", "closed/inner"].map(|name| folder.path().join(name));
    fs::create_dir_all(&open).unwrap();
    fs::create_dir_all(&closed).unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let shown = |path: &Path| Confinement { read_only: vec![path.into()], ..Confinement::default() };
    assert_eq!(run_with(sandbox, "exit 4", &shown(&open)).unwrap().end, End::Exited(4), "the control");
    fs::set_permissions(folder.path().join("closed"), fs::Permissions::from_mode(0o0)).unwrap();
    for (path, kind) in
        [(closed, io::ErrorKind::PermissionDenied), (folder.path().join("gone"), io::ErrorKind::NotFound)]
    {
        let refusal = run_with(sandbox, "echo ran", &shown(&path)).unwrap_err();
        let SandboxError::Failed { step: Step::OpenPaths, source } = &refusal else { panic!("{refusal}") };
        assert_eq!(source.kind(), kind, "{refusal}");
    }
}

/// The kernel is made to have none, for one process and what it starts.
fn a_kernel_without_landlock_refuses(_: &ProcessBox) {
    let said = |lacking: Option<libc::c_long>| {
        let mut host = Command::new(std::env::current_exe().unwrap());
        host.env(crate::REFUSED, "1");
        if let Some(number) = lacking {
            lack(&mut host, u32::try_from(number).unwrap());
        }
        String::from_utf8(host.output().unwrap().stdout).unwrap()
    };
    assert!(said(None).contains("Ok(Outcome { end: Exited(0)"), "the control");
    for number in [libc::SYS_landlock_create_ruleset, libc::SYS_landlock_restrict_self] {
        let said = said(Some(number));
        assert!(said.starts_with("Err(Failed { step: Landlock"), "{said}");
    }
    let said = said(Some(libc::SYS_seccomp));
    assert!(said.starts_with("Err(Failed { step: Seccomp"), "{said}");
}

/// Has the kernel say to `command` that it has no such call.
#[allow(unsafe_code, reason = "a filter is put in force between fork and exec")]
fn lack(command: &mut Command, number: u32) {
    let step = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
    let filter = [
        step(0x20, 0, 0, 0),
        step(0x15, 0, 1, number),
        step(0x06, 0, 0, libc::SECCOMP_RET_ERRNO | libc::ENOSYS.unsigned_abs()),
        step(0x06, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    // SAFETY: both calls may be made between fork and exec, and the kernel reads the filter, which the closure owns.
    unsafe {
        command.pre_exec(move || {
            let length = u16::try_from(filter.len()).unwrap_or(0);
            let program = libc::sock_fprog { len: length, filter: filter.as_ptr().cast_mut() };
            let set = libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
                && libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) == 0;
            if set { Ok(()) } else { Err(io::Error::last_os_error()) }
        });
    }
}

/// The network would be the host's.
fn hosts_are_refused(sandbox: &ProcessBox) {
    let network = proxy::Network::of(vec!["example.com".parse().unwrap()]);
    let refusal =
        run_with(sandbox, "echo ran", &Confinement { network, ..Confinement::default() }).unwrap_err();
    assert!(matches!(refusal, SandboxError::Unavailable { backend: Backend::Lite, .. }), "{refusal:?}");
    assert_eq!(text(&run(sandbox, "echo ran").stdout), "ran\n");
}
