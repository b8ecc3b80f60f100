//! The root in which `runsc` runs: what it needs, and in it the root that the program sees.

use std::{
    fs, io,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink},
    path::{Path, PathBuf},
};

use rustix::{
    fs::CWD,
    mount::{
        FsMountFlags, FsOpenFlags, MountAttrFlags, MountPropagationFlags, OpenTreeFlags, UnmountFlags,
        fsconfig_create, fsmount, fsopen, mount_change, open_tree, unmount,
    },
    process::{chdir, fchdir, pivot_root},
};

use super::{
    super::{
        files::{LINKS, WRITTEN},
        plan::{Plan, Runsc},
        root::{Access, Held, Visible, accounts, attach, place, tmpfs},
        sys::{self, Reach},
    },
    inside,
};

/// The root of the program.
pub(super) const ROOT: &str = "/root";
/// Where `runsc` keeps its state, and the bundle lies.
pub(super) const STATE: &str = "/state";
/// `runsc` itself.
pub(super) const RUNSC: &str = "/runsc";
/// What `runsc` says of its own.
pub(super) const LOG: &str = "/state/log";
/// Where the first process inside writes.
pub(super) const WORDS: &str = "/words/words";
/// Where it is told to start the program.
pub(super) const GO: &str = "/state/go";
/// Where what was named is, each by its number.
const SHOWN: &str = "/shown";

/// Bytes and entries of each of the roots: names, and a few lines.
const ROOT_BYTES: u64 = 1 << 20;
const ROOT_ENTRIES: u64 = 1_024;
/// Those of the folder of `runsc`, and of what is said inside.
const STATE_BYTES: u64 = 8 << 20;
const WORDS_BYTES: u64 = 64 << 10;

/// Folders that are gVisor's own: what lies there in the root of the program is not seen.
const OWN: &[&str] = &["/proc", "/sys", "/dev", "/tmp", "/work"];

/// What is bound into the program's root: where it is seen, where it lies in ours, and whether it can be changed.
pub(super) fn shown(plan: &Plan) -> Vec<(PathBuf, String, bool)> {
    let read_only = plan.read_only.iter().map(|path| (path.clone(), false));
    let mut shown: Vec<_> = read_only.chain(plan.writable.iter().map(|path| (path.clone(), true))).collect();
    // As the box sorts them, see `Visible`.
    shown.sort_by_key(|(path, _)| path.components().count());
    let named = shown.into_iter().enumerate();
    let mut all: Vec<_> =
        named.map(|(nth, (path, writable))| (path, format!("{SHOWN}/{nth}"), writable)).collect();
    all.push((inside::WORDS.into(), WORDS.to_owned(), true));
    all.push((inside::GO.into(), GO.to_owned(), false));
    all
}

/// All that is taken from the host.
#[derive(Debug)]
pub(super) struct Taken {
    system: Visible,
    devices: Visible,
    named: Visible,
    runsc: Visible,
    own: Visible,
}

impl Taken {
    /// Takes hold of everything, in a mount namespace of our own.
    pub(super) fn open(plan: &Plan, runsc: &Runsc) -> io::Result<Self> {
        mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
        let [mut system, mut devices, mut named, mut program, mut own] =
            std::array::from_fn(|_| Visible::default());
        system.hold_system()?;
        devices.hold_devices()?;
        named.hold_all_named(plan)?;
        program.hold(&runsc.program, Access::Read)?;
        own.hold(&this_program()?, Access::Read)?;
        Ok(Self { system, devices, named, runsc: program, own })
    }

    /// Makes all of it, and makes it the root of this process and its namespace. The host's is let go of.
    pub(super) fn enter(self, plan: &Plan, task: &inside::Task, config: &[u8]) -> io::Result<()> {
        let Self { system, devices, named, runsc, own } = self;
        let root = tmpfs(ROOT_BYTES, ROOT_ENTRIES, "755")?;
        // Of these processes, and all of it: gVisor mounts such ones of its own, which the kernel allows only beside one.
        let processes = processes()?;
        let somewhere = if Path::new("/tmp").is_dir() { "/tmp" } else { "/proc" };
        attach(&root, Path::new(somewhere))?;
        fchdir(&root)?;
        pivot_root(".", ".")?;
        unmount(".", UnmountFlags::DETACH)?;
        chdir("/")?;

        for (path, bytes) in [(STATE, STATE_BYTES), ("/tmp", STATE_BYTES), ("/words", WORDS_BYTES)] {
            place(path.as_ref(), true)?;
            attach(&tmpfs(bytes, ROOT_ENTRIES, "755")?, path.as_ref())?;
        }
        place("/proc".as_ref(), true)?;
        attach(&processes, "/proc".as_ref())?;
        put_each(devices.held, |held| held.path.clone())?;
        put_each(runsc.held, |_| RUNSC.into())?;
        let mut nth = 0;
        put_each(named.held, |_| {
            let at = PathBuf::from(format!("{SHOWN}/{nth}"));
            nth += 1;
            at
        })?;
        let inner = program_root(plan, task, system, own)?;
        // A `runsc` that is a script, or needs libraries, finds them.
        for (path, target) in &inner.links {
            symlink(target, path)?;
        }
        for path in &inner.folders {
            let flags = OpenTreeFlags::OPEN_TREE_CLONE
                | OpenTreeFlags::OPEN_TREE_CLOEXEC
                | OpenTreeFlags::AT_RECURSIVE;
            let mount = open_tree(CWD, below_root(path), flags)?;
            place(path, true)?;
            attach(&mount, path)?;
        }

        let folder = Path::new(STATE);
        fs::create_dir(folder.join("runsc"))?;
        fs::create_dir(folder.join("bundle"))?;
        fs::write(folder.join("bundle/config.json"), config)?;
        fs::File::create_new(LOG)?;
        for path in [WORDS, GO] {
            fs::File::create_new(path)?;
            // The first process inside is the owner; the program is somebody else.
            fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
        }
        let alone = |mount: &std::os::fd::OwnedFd| {
            use std::os::fd::AsFd as _;
            sys::add_mount_attributes(mount.as_fd(), Access::Read.attributes(), Reach::Alone)
        };
        alone(&inner.mount)?;
        alone(&root)
    }
}

/// What was made of the root of the program.
struct Inner {
    mount: std::os::fd::OwnedFd,
    links: Vec<(PathBuf, PathBuf)>,
    folders: Vec<PathBuf>,
}

fn program_root(plan: &Plan, task: &inside::Task, system: Visible, own: Visible) -> io::Result<Inner> {
    let mount = tmpfs(ROOT_BYTES, ROOT_ENTRIES, "755")?;
    place(ROOT.as_ref(), true)?;
    attach(&mount, ROOT.as_ref())?;
    for path in OWN {
        place(&below_root(path.as_ref()), true)?;
    }
    for (path, target) in &system.links {
        symlink(target, below_root(path))?;
    }
    for (path, text) in
        WRITTEN.iter().map(|(path, text)| (*path, (*text).to_owned())).chain(accounts((task.uid, task.gid)))
    {
        let path = below_root(path.as_ref());
        place(&path, false)?;
        fs::write(path, text)?;
    }
    let whole = |path: &Path| path.parent() == Some(Path::new("/"));
    let folders = system.held.iter().filter(|held| held.folder && whole(&held.path));
    let folders = folders.map(|held| held.path.clone()).collect();
    put_each(system.held, |held| below_root(&held.path))?;
    put_each(own.held, |_| below_root(inside::PROGRAM.as_ref()))?;
    let at = below_root(inside::TASK.as_ref());
    fs::write(&at, serde_json::to_vec(task)?)?;
    fs::set_permissions(at, fs::Permissions::from_mode(0o400))?;
    // Where what is shown is mounted; `runsc` could not make them any more.
    for (path, from, _) in shown(plan) {
        let folder = fs::metadata(&from).map(|from| from.is_dir());
        // Those of the words are made later, and are files.
        place(&below_root(&path), folder.unwrap_or(false))?;
    }
    let is_shown =
        |path: &Path| plan.read_only.iter().chain(&plan.writable).any(|shown| path.starts_with(shown));
    let links = LINKS.iter().map(|(path, target)| (PathBuf::from(path), PathBuf::from(target)));
    for (path, target) in links.chain(plan.links.iter().cloned()).filter(|(path, _)| !is_shown(path)) {
        if OWN.iter().any(|own| path.starts_with(own)) {
            continue;
        }
        let path = below_root(&path);
        if path.symlink_metadata().is_err() {
            fs::create_dir_all(path.parent().unwrap_or(Path::new("/")))?;
            symlink(target, path)?;
        }
    }
    Ok(Inner { mount, links: system.links, folders })
}

/// The file of this program. The link itself leads to where it was mounted before this namespace.
fn this_program() -> io::Result<PathBuf> {
    const LINK: &str = "/proc/self/exe";
    let path = fs::read_link(LINK)?;
    let of = |file: fs::Metadata| (file.dev(), file.ino());
    if fs::metadata(&path).map(of).ok() == Some(of(fs::metadata(LINK)?)) {
        return Ok(path);
    }
    Err(io::Error::other("the file of this program was replaced while it ran: start it anew"))
}

fn below_root(path: &Path) -> PathBuf {
    Path::new(ROOT).join(path.strip_prefix("/").unwrap_or(path))
}

fn put_each(held: Vec<Held>, mut at: impl FnMut(&Held) -> PathBuf) -> io::Result<()> {
    held.into_iter().try_for_each(|held| {
        let at = at(&held);
        place(&at, held.folder)?;
        attach(&held.mount, &at)
    })
}

fn processes() -> io::Result<std::os::fd::OwnedFd> {
    let context = fsopen("proc", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_create(&context)?;
    let attributes = MountAttrFlags::MOUNT_ATTR_NOSUID
        | MountAttrFlags::MOUNT_ATTR_NODEV
        | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    let mount = fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, attributes);
    mount.map_err(|error| {
        let text = "the processes of gVisor cannot be shown to it, as containers forbid";
        io::Error::new(error.kind(), format!("{text}: {error}"))
    })
}
