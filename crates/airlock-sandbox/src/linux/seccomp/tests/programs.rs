//! Real programs under the filter alone.

use std::{
    io,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use super::super::{Beside, compile};
use super::filtered;

const SHELL: &str = r#"
set -e
mkdir -p d && cd d
printf 'b\na\nc\n' > in
sort in | tee sorted | wc -l | tr -d ' '
cp -a sorted copy; mv copy moved; ln -s moved link; cat link | head -1
chmod 755 moved; touch -d 2020-01-01 moved; stat -c %a moved; ls -la > list; du -s . > size
mkfifo pipe; (echo through > pipe &) ; cat pipe
trap 'echo caught' USR1; kill -USR1 $$
sleep 0.01 & wait $!
find . -name moved -exec rm '{}' ';'
nice true; timeout 5 true; env -i true
test "$(id -u)" -ge 0; nproc > n; date > t; df . > f
if chmod 4755 in 2>/dev/null; then echo lent; fi
echo done
"#;

const PYTHON: &str = r#"
import asyncio, concurrent.futures, fcntl, hashlib, json, multiprocessing, os, pathlib, random, shutil, signal
import socket, sqlite3, subprocess, sys, tempfile, threading, time, urllib.request, zipfile
seen = []
threads = [threading.Thread(target=lambda i=i: seen.append(i)) for i in range(8)]
[t.start() for t in threads]; [t.join() for t in threads]
assert sorted(seen) == list(range(8))
assert subprocess.run(["echo", "x"], capture_output=True, text=True).stdout == "x\n"
assert subprocess.run("exit 3", shell=True, start_new_session=True).returncode == 3
async def main():
    p = await asyncio.create_subprocess_exec("cat", stdin=-1, stdout=-1)
    out, _ = await p.communicate(b"through")
    assert out == b"through"
    await asyncio.gather(*(asyncio.sleep(0.001) for _ in range(10)))
    assert await asyncio.get_running_loop().run_in_executor(None, lambda: 7) == 7
    server = await asyncio.start_unix_server(lambda r, w: (w.write(b"hi"), w.close()), "s.sock")
    r, w = await asyncio.open_unix_connection("s.sock")
    assert await r.read() == b"hi"
    w.close(); server.close()
asyncio.run(main())
if __name__ == "__main__":
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        assert list(pool.map(abs, [-1, -2])) == [1, 2]
    p = multiprocessing.get_context("fork").Process(target=lambda: sys.exit(5))
    p.start(); p.join(); assert p.exitcode == 5
    db = sqlite3.connect("x.db"); db.execute("create table t(a)"); db.execute("insert into t values (1)"); db.commit()
    with tempfile.NamedTemporaryFile(dir=".") as f:
        fcntl.lockf(f, fcntl.LOCK_EX); f.write(b"x"); f.flush(); shutil.copy2(f.name, "copy")
    signal.signal(signal.SIGALRM, lambda *_: seen.append("alarm")); signal.setitimer(signal.ITIMER_REAL, 0.001); time.sleep(0.05)
    assert seen[-1] == "alarm"
    for family in (socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK):
        try: socket.socket(family, socket.SOCK_RAW if family == socket.AF_NETLINK else socket.SOCK_STREAM)
        except PermissionError: pass
        else: raise SystemExit("a socket")
    try: os.setuid(os.getuid())
    except PermissionError: pass
    else: raise SystemExit("a user")
    print("done")
"#;

const NODE: &str = r"
const { Worker } = require('worker_threads');
const { execFileSync, spawn } = require('child_process');
const fs = require('fs'), net = require('net'), assert = require('assert');
(async () => {
  const answer = await new Promise((ok, no) => {
    const worker = new Worker('require(`worker_threads`).parentPort.postMessage(6 * 7)', { eval: true });
    worker.on('message', ok); worker.on('error', no);
  });
  assert.equal(answer, 42);
  assert.equal(execFileSync('echo', ['x']).toString(), 'x\n');
  const child = spawn('cat'); child.stdin.end('through');
  let out = ''; for await (const part of child.stdout) out += part;
  assert.equal(out, 'through');
  await fs.promises.writeFile('n.txt', 'x'.repeat(100000)); await fs.promises.copyFile('n.txt', 'm.txt');
  assert.equal((await fs.promises.readFile('m.txt')).length, 100000);
  const watcher = fs.watch('.'); watcher.close();
  await new Promise((ok) => net.createServer((s) => s.end('hi')).listen('n.sock', function () {
    net.connect('n.sock').on('data', (d) => { assert.equal(String(d), 'hi'); this.close(); ok(); });
  }));
  let hot = 0; for (let i = 0; i < 3e6; i++) hot = (hot * 31 + i) | 0; // compiled at run time
  const wasm = new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0])); assert(wasm);
  const refused = await new Promise((ok) => net.connect(1, '127.0.0.1').on('error', (e) => ok(e.code)));
  assert.equal(refused, 'EPERM');
  console.log('done');
})().catch((e) => { console.error(e); process.exit(1); });
";

const GIT: &str = r"
set -e
git --version
git init -q repository; cd repository
git config user.email a@example.org; git config user.name a
echo one > file; git add file; git commit -q -m one
git checkout -q -b other; echo two > file; git commit -q -a -m two; git log --oneline | wc -l
git gc -q; git fsck; git clone -q . ../copy; git diff HEAD~1 | cat; git status
echo done
";

/// A program in C that is linked with everything it needs, and makes a thread, a process and a file of its own.
const STATIC: &str = r#"
#include <pthread.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
static void *work(void *seen) { *(int *)seen = 1; return 0; }
int main(void) {
    int seen = 0, status = 1;
    pthread_t thread;
    if (pthread_create(&thread, 0, work, &seen) || pthread_join(thread, 0) || !seen) return 1;
    if (!fork()) _exit(0);
    if (wait(&status) < 0 || status) return 2;
    FILE *file = tmpfile();
    if (!file || fputs("x", file) < 0 || fclose(file)) return 3;
    puts("done");
    return 0;
}
"#;

fn found(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

fn run(command: &mut Command) -> io::Result<Output> {
    let filters = compile(Beside::Namespaces).unwrap();
    // SAFETY: allocates nothing and calls nothing but the kernel.
    unsafe {
        command.pre_exec(move || {
            if libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 {
                return Err(io::Error::last_os_error());
            }
            filters.apply()
        })
    };
    command.output()
}

/// A statically linked program, if there is a compiler for one.
fn compiled(folder: &Path, options: &[&str]) -> Option<PathBuf> {
    let (source, program) = (folder.join("p.c"), folder.join(format!("p{}", options.len())));
    std::fs::write(&source, STATIC).unwrap();
    let made = Command::new("cc").args(options).arg("-pthread").arg("-o").args([&program, &source]).output();
    made.is_ok_and(|made| made.status.success()).then_some(program)
}

#[test]
fn programs_run() {
    let folder = tempfile::tempdir().unwrap();
    let (mut ran, mut skipped, mut wrong) = (0, 0, Vec::new());
    let scripts = [
        ("sh", vec!["-c", SHELL]),
        ("bash", vec!["-c", SHELL]),
        ("python3", vec!["-c", PYTHON]),
        ("node", vec!["-e", NODE]),
        ("git", vec![GIT]),
    ];
    let mut commands = Vec::new();
    for (program, args) in scripts {
        let mut command = Command::new(if program == "git" { "sh" } else { program });
        if program == "git" {
            command.arg("-c");
        }
        command.args(args);
        commands.push((program.to_owned(), found(program).then_some(command)));
    }
    for options in [&[][..], &["-static"]] {
        let program = compiled(folder.path(), options);
        commands.push((format!("C {options:?}"), program.map(Command::new)));
    }
    for (index, (name, command)) in commands.into_iter().enumerate() {
        let Some(mut command) = command else {
            println!("skipped: {name} is not there");
            skipped += 1;
            continue;
        };
        let own = folder.path().join(index.to_string());
        std::fs::create_dir(&own).unwrap();
        let output = run(command.current_dir(&own).env("HOME", &own)).unwrap();
        let stdout = String::from_utf8_lossy(&output.stdout);
        if !output.status.success() || !stdout.trim_end().ends_with("done") || stdout.contains("lent") {
            wrong.push(format!("{name}: {output:?}"));
        }
        ran += 1;
    }
    println!("{ran} programs ran, {skipped} were skipped");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn this_program_runs() {
    let (threads, status) = filtered(|| {
        let threads = (0..4).map(|i| std::thread::spawn(move || i)).map(|t| t.join().unwrap()).sum::<i32>();
        (threads, Command::new("true").status().unwrap())
    });
    assert_eq!(threads, 6);
    assert!(status.success());
}
