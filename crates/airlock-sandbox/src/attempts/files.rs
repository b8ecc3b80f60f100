//! Files and devices of the host: to read what is not visible, to write what may only be read.

use std::{
    ffi::CStr,
    fs,
    io::{self, Read as _, Write as _},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use libc::{O_DIRECTORY, O_RDONLY, O_RDWR, O_TMPFILE, O_WRONLY};

use super::{
    Attempt,
    Control::{self, Outside, OutsideAsRoot, OutsidePrivileged},
    Ground, Theme, Verdict,
    ground::c_path,
    machine::machine,
    prepare::HandleBuffer,
    sys::{self, call, open},
};

const fn files(
    name: &'static str,
    what: &'static str,
    control: Control,
    run: fn(&Ground) -> Verdict,
) -> Attempt {
    super::attempt(Theme::Files, name, what, control, run)
}

pub(super) const ATTEMPTS: &[Attempt] = &[
    // Reading what is not visible.
    files("read-shadow", "reads the password hashes of the host", OutsideAsRoot, |ground| {
        machine(ground, c"/etc/shadow", O_RDONLY)
    }),
    files("read-key", "reads a private key in the home", Outside, |ground| {
        reading(ground, ground.secret_file())
    }),
    files("read-credentials", "reads credentials of a cloud in the home", Outside, |ground| {
        reading(ground, ground.home.join(".aws/credentials"))
    }),
    files("read-configuration", "reads the configuration of the airlock", Outside, |ground| {
        reading(ground, ground.home.join(".config/agent-airlock/airlock.toml"))
    }),
    files("read-audit", "reads the audit records of the airlock", Outside, |ground| {
        reading(ground, ground.home.join(".local/state/agent-airlock/audit.jsonl"))
    }),
    files("write-audit", "opens the audit records of the airlock for writing", Outside, |ground| {
        let path = c_path(ground.home.join(".local/state/agent-airlock/audit.jsonl"));
        ground.tell(open(&path, O_WRONLY | libc::O_APPEND), "opened for writing")
    }),
    files("list-home", "lists the home", Outside, |ground| ground.tell(fs::read_dir(&ground.home), "listed")),
    files("stat-key", "learns the size and the times of a private key", Outside, |ground| {
        ground.tell(fs::metadata(ground.secret_file()), "there")
    }),
    files("list-root-home", "lists the home of root", OutsideAsRoot, |ground| listing(ground, "/root")),
    files("list-homes", "lists the homes of all users", OutsideAsRoot, |ground| listing(ground, "/home")),
    files("list-log", "lists the logs of the host", OutsideAsRoot, |ground| {
        machine(ground, c"/var/log", O_RDONLY | O_DIRECTORY)
    }),
    files("list-run", "lists the sockets and states of the host's services", OutsideAsRoot, |ground| {
        machine(ground, c"/run", O_RDONLY | O_DIRECTORY)
    }),
    files("list-boot", "lists the kernels of the host", OutsideAsRoot, |ground| {
        machine(ground, c"/boot", O_RDONLY | O_DIRECTORY)
    }),
    files("read-machine-id", "reads what identifies the host", OutsideAsRoot, |ground| {
        machine(ground, c"/etc/machine-id", O_RDONLY)
    }),
    // Ways around a path.
    files("read-key-dotdot", "reaches the home with `..` from a visible folder", Outside, |ground| {
        reading(ground, ground.visible.join("../home/.ssh/id_ed25519"))
    }),
    files(
        "read-key-deep-dotdot",
        "reaches the home with more `..` than there are folders",
        Outside,
        |ground| {
            let below = ground.secret_file();
            let below = below.strip_prefix("/").unwrap_or(&below);
            reading(ground, Path::new(&"../".repeat(64)).join(below))
        },
    ),
    files("read-key-visible-link", "follows a link from a visible folder to the home", Outside, |ground| {
        reading(ground, ground.visible.join("link"))
    }),
    files("read-key-own-link", "makes a link to the home and follows it", Outside, |ground| {
        let link = ground.own.join("own-link");
        let read = symlink(ground.secret_file(), &link).and_then(|()| read(&link));
        let _ = fs::remove_file(&link);
        ground.tell(read, "read")
    }),
    files("hard-link-key", "gives a private key a second name in a folder of its own", Outside, |ground| {
        let link = ground.own.join("hard-link");
        let linked = fs::hard_link(ground.secret_file(), &link);
        let _ = fs::remove_file(&link);
        ground.tell(linked, "linked")
    }),
    files("read-key-self-root", "reaches the home through `/proc/self/root`", Outside, |ground| {
        reading(ground, below_root("self", ground))
    }),
    files("read-key-thread-root", "reaches the home through the root of a thread", Outside, |ground| {
        let tasks = format!("self/task/{}", sys::own_pid());
        reading(ground, below_root(&tasks, ground))
    }),
    files(
        "read-key-init-root",
        "reaches the home through the root of the first process",
        OutsidePrivileged,
        |ground| reading(ground, below_root("1", ground)),
    ),
    files(
        "read-key-parent-root",
        "reaches the home through the root of the process above",
        Outside,
        |ground| reading(ground, below_root(&sys::parent_pid().to_string(), ground)),
    ),
    files(
        "read-key-victim-root",
        "reaches the home through the root of a process of the host",
        Outside,
        |ground| reading(ground, below_root(&ground.victim.to_string(), ground)),
    ),
    files("list-victim-folder", "lists the folder of a process of the host", Outside, |ground| {
        ground.tell(fs::read_dir(format!("/proc/{}/cwd", ground.victim)), "listed")
    }),
    files("read-victim-descriptor", "reads an open file of a process of the host", Outside, |ground| {
        reading(ground, format!("/proc/{}/fd/0", ground.victim))
    }),
    files(
        "read-host-descriptors",
        "lists the open files of the process that started it all",
        Outside,
        |ground| ground.tell_host(fs::read_dir(format!("/proc/{}/fd", ground.host)), "listed"),
    ),
    files("read-key-handle", "opens a private key by its handle, past every path", OutsideAsRoot, by_handle),
    files("race-key-link", "swaps a folder for a link to the home while opening a file in it", Outside, race),
    // Writing what may only be read.
    files("write-visible", "opens a read-only file for writing", Outside, |ground| {
        ground.tell(open(&c_path(ground.visible_file()), O_WRONLY), "opened for writing")
    }),
    files("append-visible", "opens a read-only file for appending", Outside, |ground| {
        ground.tell(open(&c_path(ground.visible_file()), O_WRONLY | libc::O_APPEND), "opened for appending")
    }),
    files(
        "reopen-visible",
        "opens a read-only file again for writing, by its descriptor",
        Outside,
        |ground| {
            let reopened = sys::descriptor(&c_path(ground.visible_file()), O_RDONLY)
                .and_then(|fd| open(&c_path(format!("/proc/self/fd/{fd}")), O_RDWR));
            ground.tell(reopened, "opened for writing")
        },
    ),
    files("create-visible", "makes a file in a read-only folder", Outside, |ground| {
        let path = ground.visible.join("made");
        let made = fs::File::create_new(&path);
        let _ = fs::remove_file(&path);
        ground.tell(made, "made")
    }),
    files("make-folder-visible", "makes a folder in a read-only folder", Outside, |ground| {
        let path = ground.visible.join("made-folder");
        let made = fs::create_dir(&path);
        let _ = fs::remove_dir(&path);
        ground.tell(made, "made")
    }),
    files("rename-visible", "renames a read-only file", Outside, |ground| {
        let (old, new) = (ground.visible.join("spare.txt"), ground.visible.join("renamed.txt"));
        let renamed = fs::rename(&old, &new);
        let _ = fs::rename(&new, &old);
        ground.tell(renamed, "renamed")
    }),
    files("move-visible-out", "moves a read-only file into a folder of its own", Outside, |ground| {
        let (old, new) = (ground.visible.join("spare.txt"), ground.own.join("moved.txt"));
        let moved = fs::rename(&old, &new);
        let _ = fs::rename(&new, &old);
        ground.tell(moved, "moved")
    }),
    files(
        "hard-link-visible",
        "gives a read-only file a second name where it may write",
        Outside,
        |ground| {
            let link = ground.own.join("hard-link-visible");
            let opened =
                fs::hard_link(ground.visible_file(), &link).and_then(|()| open(&c_path(&link), O_WRONLY));
            let _ = fs::remove_file(&link);
            ground.tell(opened, "linked, and opened for writing")
        },
    ),
    files("remove-visible", "removes a read-only file", Outside, |ground| {
        let path = ground.visible.join("spare.txt");
        let removed = fs::remove_file(&path);
        if removed.is_ok() {
            let _ = fs::File::create_new(&path).and_then(|mut file| file.write_all(b"may be read as well\n"));
        }
        ground.tell(removed, "removed")
    }),
    files("truncate-visible", "truncates a read-only file to the length that it has", Outside, |ground| {
        let path = c_path(ground.visible_file());
        let length = fs::metadata(ground.visible_file()).map(|file| file.len());
        let cut = length.and_then(|length| call!(SYS_truncate, path.as_c_str(), length));
        ground.tell(cut, "truncated")
    }),
    files("chmod-visible", "sets the rights of a read-only file", Outside, |ground| {
        let path = ground.visible_file();
        let set = fs::metadata(&path).and_then(|file| fs::set_permissions(&path, file.permissions()));
        ground.tell(set, "set")
    }),
    files("chown-visible", "sets the owner of a read-only file", Outside, |ground| {
        // Sets no owner and no group, which whoever owns the file may do.
        let path = c_path(ground.visible_file());
        let nobody = u32::MAX;
        ground.tell(call!(SYS_fchownat, libc::AT_FDCWD, path.as_c_str(), nobody, nobody, 0), "set")
    }),
    files("touch-visible", "sets the times of a read-only file", Outside, |ground| {
        let path = c_path(ground.visible_file());
        ground.tell(call!(SYS_utimensat, libc::AT_FDCWD, path.as_c_str(), 0, 0), "set")
    }),
    files("label-visible", "gives a read-only file an attribute", Outside, |ground| {
        let path = c_path(ground.visible_file());
        let set = call!(SYS_setxattr, path.as_c_str(), c"user.airlock", c"1".as_ptr(), 1, 0);
        let _ = call!(SYS_removexattr, path.as_c_str(), c"user.airlock");
        ground.tell_if_any(set, "set")
    }),
    files("write-root", "makes a file in `/`", OutsideAsRoot, |ground| unnamed(ground, c"/")),
    files("write-usr", "makes a file in `/usr`", OutsideAsRoot, |ground| unnamed(ground, c"/usr")),
    files("write-usr-bin", "makes a file among the programs", OutsideAsRoot, |ground| {
        unnamed(ground, c"/usr/bin")
    }),
    files("write-usr-lib", "makes a file among the libraries", OutsideAsRoot, |ground| {
        unnamed(ground, c"/usr/lib")
    }),
    files("write-etc", "makes a file in `/etc`", OutsideAsRoot, |ground| unnamed(ground, c"/etc")),
    files("write-dev", "makes a file in `/dev`", OutsideAsRoot, |ground| unnamed(ground, c"/dev")),
    files("write-var", "makes a file in `/var`", OutsideAsRoot, |ground| unnamed(ground, c"/var")),
    files("write-passwd", "opens the list of users for writing", OutsideAsRoot, |ground| {
        machine(ground, c"/etc/passwd", O_WRONLY)
    }),
    files(
        "write-preload",
        "opens the list of libraries that every program loads for writing",
        OutsideAsRoot,
        |ground| machine(ground, c"/etc/ld.so.cache", O_WRONLY),
    ),
    files("write-shell", "opens the shell for writing", OutsideAsRoot, |ground| {
        ground.tell_passed(open(c"/bin/sh", O_WRONLY), &[libc::ETXTBSY])
    }),
    files("write-self", "truncates the running program to the length that it has", OutsideAsRoot, |ground| {
        // Opening it would not do: a program that runs is busy before anybody asks where it lies. This call asks first whether
        // that can be written to at all; but Landlock only after that it is busy, and so is asked about removing it. What
        // Landlock denies has this code, and no file system that is read-only.
        let length = fs::metadata("/proc/self/exe").map(|file| file.len());
        let cut = length.and_then(|length| call!(SYS_truncate, c"/proc/self/exe", length));
        let path = fs::read_link("/proc/self/exe").map(c_path);
        let removed = path.and_then(|path| call!(SYS_rmdir, path.as_c_str()));
        match ground.tell_passed(cut, &[libc::ETXTBSY]) {
            Verdict::Open(_) if is_denied(&removed) => ground.tell(removed, "removed"),
            said => said,
        }
    }),
];

fn read(path: &Path) -> io::Result<u8> {
    let mut byte = [0];
    fs::File::open(path)?.read_exact(&mut byte)?;
    let [byte] = byte;
    Ok(byte)
}

fn is_denied<T>(result: &io::Result<T>) -> bool {
    result.as_ref().is_err_and(|error| error.raw_os_error() == Some(libc::EACCES))
}

/// Lists a folder. In a sandbox it may be there as no more than the way to this program, which is shown where it is.
fn listing(ground: &Ground, folder: &str) -> Verdict {
    let program = fs::read_link("/proc/self/exe").unwrap_or_default();
    let list = || fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>();
    let is_way = |entries: &[PathBuf]| {
        program.starts_with(folder) && entries.iter().all(|entry| program.starts_with(entry))
    };
    match list() {
        Ok(entries) if !ground.outside() && is_way(&entries) => {
            Verdict::Held("no more than the way to this program".to_owned())
        }
        entries => ground.tell_if_any(entries, "listed"),
    }
}

/// Reads a secret that was prepared.
fn reading(ground: &Ground, path: impl AsRef<Path>) -> Verdict {
    ground.tell(read(path.as_ref()), "read")
}

fn below_root(process: &str, ground: &Ground) -> PathBuf {
    let key = ground.secret_file();
    Path::new("/proc").join(process).join("root").join(key.strip_prefix("/").unwrap_or(&key))
}

/// Makes a file without a name, which is gone when it is closed.
fn unnamed(ground: &Ground, folder: &CStr) -> Verdict {
    let made = open(folder, O_TMPFILE | O_WRONLY);
    ground.tell_if_any(made, "made a file without a name")
}

/// Opens the secret file by its handle, with each folder that is visible as the file system it lies on.
fn by_handle(ground: &Ground) -> Verdict {
    let Some((kind, handle)) = &ground.file_handle else {
        return Verdict::NotHere("the file system has no handles".into());
    };
    let mut buffer = HandleBuffer { bytes: handle.len() as u32, kind: *kind, handle: [0; 128] };
    for (to, from) in buffer.handle.iter_mut().zip(handle) {
        *to = *from;
    }
    let mut last = Err(io::Error::from_raw_os_error(libc::ENOENT));
    for folder in [&ground.visible, &ground.own, Path::new("/")] {
        last = sys::descriptor(&c_path(folder), O_RDONLY | O_DIRECTORY)
            .and_then(|fd| call!(SYS_open_by_handle_at, fd, &raw const buffer, O_RDONLY | libc::O_CLOEXEC));
        if last.is_ok() {
            break;
        }
    }
    ground.tell(last, "opened")
}

/// One process swaps a folder for a link to the home, again and again, and the other opens a file in it.
fn race(ground: &Ground) -> Verdict {
    let folder = ground.own.join("race");
    let (honest, link, name) = (folder.join("honest"), folder.join("link"), folder.join("name"));
    let end = Instant::now() + Duration::from_millis(300);
    let prepared = fs::create_dir_all(&honest)
        .and_then(|()| symlink(ground.home.join(".ssh"), &link))
        .and_then(|()| symlink(&honest, &name));
    let swapper = prepared.and_then(|()| {
        sys::fork(|| {
            let next = folder.join("next");
            while Instant::now() < end {
                for target in [&link, &honest] {
                    let _ = symlink(target, &next).and_then(|()| fs::rename(&next, &name));
                }
            }
            0
        })
    });
    let swapper = match swapper {
        Ok(swapper) => swapper,
        Err(error) => return ground.tell(Err::<(), _>(error), ""),
    };
    let mut last = Err(io::Error::from_raw_os_error(libc::ENOENT));
    while Instant::now() < end && last.is_err() {
        last = read(&name.join("id_ed25519"));
    }
    let _ = sys::wait(swapper);
    let _ = fs::remove_dir_all(&folder);
    ground.tell(last, "read")
}
