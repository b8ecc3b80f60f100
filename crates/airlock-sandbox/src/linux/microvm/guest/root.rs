//! The root that the program gets: an empty file system with the folders of the image in it, read-only, and a few of its
//! own. So an image need not have been made for this: nothing has to be mounted within it.

use std::{
    ffi::CString,
    fs::{self, File},
    io,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_bind, mount_change, mount_remount};

use super::{
    super::super::{
        files::{DEVICES, LINKS},
        plan::{Plan, WORK},
    },
    DEVICES as DEVICES_OF_THE_KERNEL, Kind, PLACES, mounted,
};

/// Names of the image that are not shown: there are others in their places, or nothing.
const OWN: [&str; 6] = ["dev", "proc", "sys", "tmp", "work", "run"];
/// Bytes and entries of the root itself.
const ROOT_OPTIONS: &str = "size=1m,nr_inodes=1024,mode=755";

/// Makes it. Entered it is by the program's own process.
pub(super) fn make((device, kind): &(PathBuf, Kind), plan: &Plan) -> io::Result<()> {
    let (image, root) = PLACES;
    let (name, options) = kind.mounted_as();
    let options = CString::new(options)?;
    let flags = MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV;
    mount(device, image, name, flags, options.as_c_str()).map_err(|error| {
        io::Error::new(error.kind(), format!("cannot mount the root file system ({name}): {error}"))
    })?;
    mounted("tmpfs", root, MountFlags::NOSUID | MountFlags::NODEV, ROOT_OPTIONS)?;
    mount_change(root, MountPropagationFlags::PRIVATE)?;
    let root = Path::new(root);
    for entry in fs::read_dir(image)? {
        let entry = entry?;
        let (name, kind) = (entry.file_name(), entry.file_type()?);
        let place = root.join(&name);
        if OWN.iter().any(|own| name == *own) {
            continue;
        }
        if kind.is_symlink() {
            symlink(fs::read_link(entry.path())?, place)?;
        } else if kind.is_dir() {
            fs::create_dir(&place)?;
            bind(&entry.path(), &place)?;
        } else if kind.is_file() {
            File::create_new(&place)?;
            bind(&entry.path(), &place)?;
        }
    }
    for folder in ["tmp", WORK.trim_start_matches('/')] {
        let place = root.join(folder);
        let options = format!("size={},nr_inodes={},mode=1777", plan.tmpfs, plan.files.saturating_add(1));
        mounted("tmpfs", &place.to_string_lossy(), MountFlags::NOSUID | MountFlags::NODEV, &options)?;
    }
    devices(root)?;
    let processes = root.join("proc");
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    let processes = processes.to_string_lossy();
    // Kernels before 5.8 know the second form alone, in which the rest of `/proc` is there, too.
    mounted("proc", &processes, flags, "hidepid=invisible,subset=pid")
        .or_else(|_| mounted("proc", &processes, flags, "hidepid=2"))?;
    let flags = MountFlags::BIND | MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV;
    Ok(mount_remount(root, flags, c"")?)
}

/// The harmless ones, and links that programs expect.
fn devices(root: &Path) -> io::Result<()> {
    fs::create_dir(root.join("dev"))?;
    let inside = |path: &str| root.join(path.trim_start_matches('/'));
    for path in DEVICES {
        let source = Path::new(DEVICES_OF_THE_KERNEL).join(path.trim_start_matches("/dev/"));
        File::create_new(inside(path))?;
        bind(&source, &inside(path))?;
    }
    // Others lie in folders of the image, which cannot be changed.
    for (path, target) in LINKS.iter().filter(|(path, _)| path.starts_with("/dev/")) {
        symlink(target, inside(path))?;
    }
    Ok(())
}

fn bind(source: &Path, place: &Path) -> io::Result<()> {
    mount_bind(source, place)
        .map_err(|error| io::Error::new(error.kind(), format!("cannot show {}: {error}", source.display())))
}
