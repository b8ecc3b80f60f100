//! The root of the box: an empty file system that holds only what was named.

use std::{
    fs, io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::fs::symlink,
    },
    path::{Path, PathBuf},
};

use rustix::{
    fs::{CWD, FileType, Mode, OFlags, ResolveFlags, fstat, openat2},
    io::Errno,
    mount::{
        FsMountFlags, FsOpenFlags, MountAttrFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags,
        UnmountFlags, fsconfig_create, fsconfig_set_string, fsmount, fsopen, mount_change, move_mount,
        open_tree, unmount,
    },
    process::{chdir, fchdir, pivot_root},
};

use super::{
    files::{DEVICES, LINKS, SETTINGS, SYSTEM, WRITTEN},
    plan::{Plan, WORK},
    sys::{self, Reach},
};

/// Bytes and entries of the root itself: names, and a few lines in `/etc`.
const ROOT_BYTES: u64 = 1 << 20;
const ROOT_ENTRIES: u64 = 1_024;

/// A part of the host's files that is held by its descriptor, whatever happens to the path.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) path: PathBuf,
    pub(super) mount: OwnedFd,
    pub(super) folder: bool,
}

/// All that the box shows of the host.
#[derive(Debug, Default)]
pub(super) struct Visible {
    pub(super) held: Vec<Held>,
    pub(super) links: Vec<(PathBuf, PathBuf)>,
}

/// What a mount allows.
#[derive(Clone, Copy, Debug)]
pub(super) enum Access {
    Read,
    Write,
    Device,
}

impl Access {
    pub(super) const fn attributes(self) -> u64 {
        match self {
            Self::Read => libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV,
            Self::Write => libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV,
            Self::Device => libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NOEXEC,
        }
    }
}

impl Visible {
    /// Takes hold of everything, in a mount namespace of our own. Its mounts no longer tell the host of changes.
    pub(super) fn open(plan: &Plan) -> io::Result<Self> {
        mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
        let mut visible = Self::default();
        visible.hold_system()?;
        visible.hold_devices()?;
        visible.hold_all_named(plan)?;
        Ok(visible)
    }

    /// The system's programs and libraries, and a handful of settings.
    pub(super) fn hold_system(&mut self) -> io::Result<()> {
        for path in SYSTEM {
            match fs::read_link(path) {
                Ok(target) => self.links.push((path.into(), target)),
                Err(_) => self.hold_if_there(path.as_ref(), Access::Read)?,
            }
        }
        SETTINGS.iter().try_for_each(|path| self.hold_if_there(path.as_ref(), Access::Read))
    }

    pub(super) fn hold_devices(&mut self) -> io::Result<()> {
        DEVICES.iter().try_for_each(|path| self.hold(path.as_ref(), Access::Device))
    }

    /// What was asked for; a folder comes before what lies in it.
    pub(super) fn hold_all_named(&mut self, plan: &Plan) -> io::Result<()> {
        plan.read_only.iter().try_for_each(|path| self.hold_named(path, Access::Read))?;
        plan.writable.iter().try_for_each(|path| self.hold_named(path, Access::Write))?;
        self.held.sort_by_key(|held| held.path.components().count());
        Ok(())
    }

    fn hold_if_there(&mut self, path: &Path, access: Access) -> io::Result<()> {
        match self.hold(path, access) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            held => held,
        }
    }

    pub(super) fn hold(&mut self, path: &Path, access: Access) -> io::Result<()> {
        let failed = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        let flags =
            OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_RECURSIVE;
        let mount = open_tree(CWD, path, flags).map_err(|error| failed(error.into()))?;
        self.keep(path, mount, access)
    }

    /// As [`hold`](Self::hold), and not through any link: one may have been put there since the host looked.
    fn hold_named(&mut self, path: &Path, access: Access) -> io::Result<()> {
        let failed = |error: Errno| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let file =
            openat2(CWD, path, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS)
                .map_err(failed)?;
        let flags = OpenTreeFlags::OPEN_TREE_CLONE
            | OpenTreeFlags::OPEN_TREE_CLOEXEC
            | OpenTreeFlags::AT_RECURSIVE
            | OpenTreeFlags::AT_EMPTY_PATH;
        let mount = open_tree(&file, "", flags).map_err(failed)?;
        self.keep(path, mount, access)
    }

    fn keep(&mut self, path: &Path, mount: OwnedFd, access: Access) -> io::Result<()> {
        let failed = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        sys::add_mount_attributes(mount.as_fd(), access.attributes(), Reach::AndBelow).map_err(failed)?;
        let folder = FileType::from_raw_mode(fstat(&mount)?.st_mode) == FileType::Directory;
        self.held.push(Held { path: path.to_owned(), mount, folder });
        Ok(())
    }
}

/// A root that is mounted and not yet entered.
#[derive(Debug)]
pub(super) struct Root {
    mount: OwnedFd,
    processes: Option<OwnedFd>,
    visible: Visible,
}

impl Root {
    /// Makes the file systems of the box. `/proc` shows its own processes and nothing of the system; where the host
    /// hides parts of its own `/proc`, as containers do, the kernel allows none, and there is none.
    pub(super) fn make(visible: Visible) -> io::Result<Self> {
        let mount = tmpfs(ROOT_BYTES, ROOT_ENTRIES, "755")?;
        let processes = proc_of_the_box().ok();
        // It has to be mounted somewhere before it can become the root; whatever it hides there is let go of.
        let somewhere = if Path::new("/tmp").is_dir() { "/tmp" } else { "/proc" };
        attach(&mount, Path::new(somewhere))?;
        Ok(Self { mount, processes, visible })
    }

    /// Makes it the root of this process and its namespace, lets go of the host's, and fills it.
    pub(super) fn enter(self, plan: &Plan) -> io::Result<()> {
        fchdir(&self.mount)?;
        // Both at the same place: the old root then lies on top of the new one and is taken off.
        pivot_root(".", ".")?;
        unmount(".", UnmountFlags::DETACH)?;
        chdir("/")?;
        let Self { mount, processes, visible } = self;
        for (path, target) in &visible.links {
            symlink(target, path)?;
        }
        for path in ["/tmp", WORK] {
            place(path.as_ref(), true)?;
            attach(&tmpfs(plan.tmpfs, plan.files, "700")?, path.as_ref())?;
        }
        for (path, text) in WRITTEN {
            place(path.as_ref(), false)?;
            fs::write(path, text)?;
        }
        let user = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
        for (path, text) in accounts(user) {
            fs::write(path, text)?;
        }
        if let Some(processes) = processes {
            place("/proc".as_ref(), true)?;
            attach(&processes, "/proc".as_ref())?;
        }
        for (path, target) in LINKS {
            fs::create_dir_all(Path::new(path).parent().unwrap_or(Path::new("/")))?;
            symlink(target, path)?;
        }
        // Last, so that what was named lies on top of what is ours: below `/tmp`, say.
        for held in &visible.held {
            place(&held.path, held.folder)?;
            attach(&held.mount, &held.path)?;
        }
        let shown =
            |path: &Path| plan.read_only.iter().chain(&plan.writable).any(|shown| path.starts_with(shown));
        for (path, target) in plan.links.iter().filter(|(path, _)| !shown(path)) {
            if path.symlink_metadata().is_err() {
                fs::create_dir_all(path.parent().unwrap_or(Path::new("/")))?;
                symlink(target, path)?;
            }
        }
        sys::add_mount_attributes(mount.as_fd(), Access::Read.attributes(), Reach::Alone)
    }
}

/// What is asked by programs that look up their own user.
pub(super) fn accounts((uid, gid): (u32, u32)) -> [(&'static str, String); 2] {
    [
        ("/etc/passwd", format!("box:x:{uid}:{gid}::{WORK}:/bin/sh\n")),
        ("/etc/group", format!("box:x:{gid}:\n")),
    ]
}

/// Makes the place where something is to be mounted, unless it exists.
pub(super) fn place(path: &Path, folder: bool) -> io::Result<()> {
    if path.symlink_metadata().is_ok() {
        return Ok(());
    }
    if folder {
        return fs::create_dir_all(path);
    }
    fs::create_dir_all(path.parent().unwrap_or(Path::new("/")))?;
    fs::File::create_new(path).map(drop)
}

pub(super) fn attach(mount: &OwnedFd, path: &Path) -> io::Result<()> {
    move_mount(mount, "", CWD, path, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}

pub(super) fn tmpfs(bytes: u64, entries: u64, mode: &str) -> io::Result<OwnedFd> {
    let context = fsopen("tmpfs", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_set_string(&context, "size", bytes.to_string())?;
    fsconfig_set_string(&context, "nr_inodes", entries.to_string())?;
    fsconfig_set_string(&context, "mode", mode)?;
    fsconfig_create(&context)?;
    let attributes = MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV;
    Ok(fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, attributes)?)
}

fn proc_of_the_box() -> io::Result<OwnedFd> {
    let context = fsopen("proc", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_set_string(&context, "subset", "pid")?;
    fsconfig_set_string(&context, "hidepid", "invisible")?;
    fsconfig_create(&context)?;
    let attributes = MountAttrFlags::MOUNT_ATTR_NOSUID
        | MountAttrFlags::MOUNT_ATTR_NODEV
        | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    Ok(fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, attributes)?)
}
