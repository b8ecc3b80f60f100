//! A control group for one box, where this user may make one: it bounds all processes of the box together.
//!
//! Both versions of the interface are spoken. Version 2 hands controllers down only where its owner wants it, so a
//! user without rights rarely has any there; a box without a group has only the limits of each process.

mod room;

use std::{
    fs, io, iter,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::Limits;

/// Where control groups are, on every distribution.
const MOUNTED: &str = "/sys/fs/cgroup";
/// What a group is to bound.
pub(crate) const WANTED: [&str; 2] = ["memory", "pids"];
/// What our groups are called, before the numbers of the process that made them and of its namespace of such numbers: who
/// shares the folder need not share those.
const PREFIX: &str = "airlock.";
/// The first process and the helper count, too.
const OURS: u32 = 2;
/// A group can be removed when the last process has left it, which the kernel may do a little after it was reaped.
const REMOVALS: u32 = 50;
const BETWEEN_REMOVALS: Duration = Duration::from_millis(2);

/// One group, or one per controller. Dropping it removes it; nobody must be in it then.
#[derive(Debug)]
pub(crate) struct Group {
    folders: Vec<PathBuf>,
    controllers: Vec<String>,
}

impl Group {
    /// Makes a group that holds `limits`; `None` where none can be had, or where it would hold less than asked.
    pub(crate) fn make(limits: &Limits) -> Option<Self> {
        // Who finds room for it may move this process: nobody looks meanwhile where it is.
        static MOVES: Mutex<()> = Mutex::new(());
        let _moves = MOVES.lock().unwrap_or_else(PoisonError::into_inner);
        Self::make_below(Path::new(MOUNTED), &fs::read_to_string("/proc/self/cgroup").ok()?, limits)
    }

    fn make_below(mounted: &Path, memberships: &str, limits: &Limits) -> Option<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let (space, number) = (namespace(), NEXT.fetch_add(1, Ordering::Relaxed));
        let name = format!("{PREFIX}{space}-{}-{number}", std::process::id());
        let mut group = Self { folders: Vec::new(), controllers: Vec::new() };
        if mounted.join("cgroup.controllers").exists() {
            let own = membership(memberships, "");
            let room = own.and_then(|own| room::find(mounted, &below(mounted, own)));
            let parents = room.map_or_else(|| parents(mounted, own), |room| vec![room]);
            group.add(&parents, &name, &settings_2(limits));
        } else {
            for (controller, settings) in settings_1(limits) {
                let own = membership(memberships, controller);
                group.add(&parents(&mounted.join(controller), own), &name, &settings);
            }
        }
        (!group.controllers.is_empty()).then_some(group)
    }

    /// Makes the folder below the first parent where that works, and its settings hold: all of them, or else one.
    fn add(&mut self, parents: &[PathBuf], name: &str, settings: &[Setting]) {
        // What cannot be read may be anything.
        let swaps = fs::read_to_string("/proc/swaps").unwrap_or_else(|_| "unknown\nunknown\n".to_owned());
        let all_then_some = [settings.len(), 1]
            .into_iter()
            .flat_map(|least| parents.iter().map(move |parent| (least, parent)));
        for (least, parent) in all_then_some {
            sweep(parent);
            let folder = parent.join(name);
            if fs::create_dir(&folder).is_err() {
                continue;
            }
            let held = settings.iter().filter(|setting| setting.hold(&folder, &swaps)).collect::<Vec<_>>();
            if held.len() < least {
                remove(&folder);
                continue;
            }
            self.controllers.extend(held.iter().map(|setting| setting.controller.to_owned()));
            self.folders.push(folder);
            return;
        }
    }

    /// The controllers that bound the box.
    pub(crate) fn controllers(&self) -> &[String] {
        &self.controllers
    }

    /// The files to which the helper writes itself. Moving the one thread that writes, which version 1 offers as
    /// `tasks`, takes no lock of all processes; moving a process does, and waits 5 to 15 ms for it.
    pub(super) fn entrances(&self) -> Vec<PathBuf> {
        let entrance = |folder: &PathBuf| {
            let tasks = folder.join("tasks");
            if tasks.exists() { tasks } else { folder.join("cgroup.procs") }
        };
        self.folders.iter().map(entrance).collect()
    }

    /// Whether somebody in it was killed because there was no memory left.
    pub(super) fn ran_out_of_memory(&self) -> bool {
        // Version 1 and version 2 have it in different files, on a line of the same form.
        let files = self
            .folders
            .iter()
            .flat_map(|folder| ["memory.oom_control", "memory.events"].map(|file| folder.join(file)));
        files.filter_map(|file| fs::read_to_string(file).ok()).any(|text| {
            let killed =
                text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse::<u64>().ok());
            killed.is_some_and(|killed| killed > 0)
        })
    }
}

impl Group {
    /// Kills all that are in it. For what nobody else can end any more.
    pub(super) fn kill(&self) {
        for folder in &self.folders {
            if fs::write(folder.join("cgroup.kill"), "1").is_ok() {
                continue;
            }
            // Version 1 has no such file. Who starts others meanwhile is met again.
            for _ in 0..REMOVALS {
                let members = fs::read_to_string(folder.join("cgroup.procs")).unwrap_or_default();
                if members.is_empty() {
                    break;
                }
                members
                    .lines()
                    .filter_map(|id| Pid::from_raw(id.parse().ok()?))
                    .for_each(|id| kill(folder, id));
                thread::sleep(BETWEEN_REMOVALS);
            }
        }
    }
}

/// Kills a process unless it has left the group, and its number is somebody else's.
fn kill(folder: &Path, id: Pid) {
    let Ok(process) = pidfd_open(id, PidfdFlags::empty()) else { return };
    let members = fs::read_to_string(folder.join("cgroup.procs")).unwrap_or_default();
    if members.lines().any(|member| member.parse() == Ok(id.as_raw_nonzero().get())) {
        let _ = pidfd_send_signal(&process, Signal::KILL);
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        for folder in &self.folders {
            remove(folder);
        }
    }
}

/// Joins this process to groups by their entrances. It must have one thread.
pub(super) fn join(entrances: &[PathBuf]) -> io::Result<()> {
    entrances.iter().try_for_each(|entrance| fs::write(entrance, "0"))
}

/// One file of a group, and what it has to say in the end.
#[derive(Debug)]
struct Setting {
    /// What is bounded by it.
    controller: &'static str,
    file: &'static str,
    most: u64,
    /// Without which it bounds nothing: what is kept from memory must not go to swap instead.
    swap: Option<Swap>,
}

/// How a group bounds swap.
#[derive(Clone, Copy, Debug)]
struct Swap {
    file: &'static str,
    most: u64,
}

impl Swap {
    /// Whether nothing goes to swap: by the group, or because the machine has none, in which case it need not count it.
    fn holds(self, folder: &Path, swaps: &str) -> bool {
        let file = folder.join(self.file);
        let none = || swaps.lines().count() <= 1;
        if file.exists() { bound(&file, self.most) } else { none() }
    }
}

/// Writes a bound and reads it back: whether it bounds anything now.
fn bound(file: &Path, most: u64) -> bool {
    let said = || fs::read_to_string(file).ok()?.trim().parse::<u64>().ok();
    fs::write(file, most.to_string()).is_ok() && said().is_some_and(|said| said <= most)
}

impl Setting {
    /// Whether it bounds anything now. `swaps` is what `/proc/swaps` says.
    fn hold(&self, folder: &Path, swaps: &str) -> bool {
        bound(&folder.join(self.file), self.most) && self.swap.is_none_or(|swap| swap.holds(folder, swaps))
    }
}

fn settings_1(limits: &Limits) -> [(&'static str, Vec<Setting>); 2] {
    let most = limits.memory;
    // Memory and swap together.
    let swap = Some(Swap { file: "memory.memsw.limit_in_bytes", most });
    let memory = Setting { controller: "memory", file: "memory.limit_in_bytes", most, swap };
    [("memory", vec![memory]), ("pids", vec![processes(limits)])]
}

fn settings_2(limits: &Limits) -> [Setting; 2] {
    let swap = Some(Swap { file: "memory.swap.max", most: 0 });
    [Setting { controller: "memory", file: "memory.max", most: limits.memory, swap }, processes(limits)]
}

fn processes(limits: &Limits) -> Setting {
    Setting {
        controller: "pids",
        file: "pids.max",
        most: u64::from(limits.processes.saturating_add(OURS)),
        swap: None,
    }
}

/// The group of this process for a controller (version 1) or at all (version 2), from `/proc/self/cgroup`, whose lines
/// are `id:controllers:path`.
fn membership<'a>(memberships: &'a str, controller: &str) -> Option<&'a str> {
    memberships.lines().find_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, path) = (parts.next()?, parts.next()?);
        controllers.split(',').any(|name| name == controller).then_some(path)
    })
}

/// Where a group may be made: below our own, which bounds it, too. Version 2 hands controllers only to groups without
/// processes of their own; then further up, as long as nothing that bounds us is left by that.
fn parents(mounted: &Path, own: Option<&str>) -> Vec<PathBuf> {
    let own = own.map(|own| below(mounted, own));
    // In a container our own group is often what is mounted, under a name of the host.
    let Some(own) = own.filter(|own| own.is_dir()) else { return vec![mounted.to_owned()] };
    let above =
        own.ancestors().take_while(|group| *group != mounted && !is_bounded(group)).filter_map(Path::parent);
    iter::once(own.as_path()).chain(above).map(Path::to_owned).collect()
}

/// The folder of a group by its path in `/proc/self/cgroup`.
fn below(mounted: &Path, path: &str) -> PathBuf {
    let path = path.trim_start_matches('/');
    if path.is_empty() { mounted.to_owned() } else { mounted.join(path) }
}

/// What bounds a group, in both versions; a group without bounds says `max`, nothing, or a number that no machine has.
const BOUNDS: &[&str] = &[
    "memory.max",
    "memory.high",
    "memory.swap.max",
    "memory.limit_in_bytes",
    "pids.max",
    "cpu.max",
    "cpuset.cpus",
    "cpuset.mems",
    "memory.zswap.max",
    "cpu.cfs_quota_us",
    "io.max",
];
const NO_MACHINE: i64 = 1 << 62;

fn is_bounded(group: &Path) -> bool {
    BOUNDS.iter().any(|file| {
        let Ok(said) = fs::read_to_string(group.join(file)) else { return false };
        match said.split_whitespace().next() {
            None | Some("max") => false,
            // What cannot be read as a number bounds something.
            Some(word) => !word.parse::<i64>().is_ok_and(|most| !(0..NO_MACHINE).contains(&most)),
        }
    })
}

/// Removes what processes that were killed have left; once below each parent.
fn sweep(parent: &Path) {
    static SWEPT: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());
    let mut swept = SWEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if swept.iter().any(|before| before == parent) {
        return;
    }
    swept.push(parent.to_owned());
    drop(swept);
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let ours = format!("{PREFIX}{}-", namespace());
        let owner =
            name.to_str().and_then(|name| name.strip_prefix(&*ours)?.split_once('-')).map(|(id, _)| id);
        if owner.is_some_and(|id| !Path::new("/proc").join(id).exists()) {
            // It fails while anybody is in it.
            drop(fs::remove_dir(entry.path()));
        }
    }
}

/// The number of this process's namespace of process numbers; 0 if that cannot be found out.
fn namespace() -> u64 {
    let link = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    let number = link.to_str().and_then(|link| link.strip_prefix("pid:[")?.strip_suffix(']')?.parse().ok());
    number.unwrap_or_default()
}

fn remove(folder: &Path) {
    for _ in 0..REMOVALS {
        match fs::remove_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy => thread::sleep(BETWEEN_REMOVALS),
            // Removed, or not ours any more.
            _ => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const V1: &str = "5:memory:/user.slice\n4:cpu,cpuacct:/\n3:pids:/user.slice/a\n0::/init.scope\n";

    #[test]
    fn finds_its_own_group() {
        assert_eq!(membership(V1, "memory"), Some("/user.slice"));
        assert_eq!(membership(V1, "cpuacct"), Some("/"));
        assert_eq!(membership(V1, "pids"), Some("/user.slice/a"));
        assert_eq!(membership(V1, ""), Some("/init.scope"));
        assert_eq!(membership(V1, "blkio"), None);
    }

    #[test]
    fn a_setting_that_does_not_hold_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let setting = |file| Setting { controller: "memory", file, most: 5, swap: None };
        assert!(setting("memory.max").hold(folder.path(), NO_SWAP), "a plain file says what was written");
        assert!(!setting("missing/memory.max").hold(folder.path(), NO_SWAP));
        // A kernel that rounds up, or says `max`, bounds nothing.
        std::os::unix::fs::symlink("/proc/sys/kernel/threads-max", folder.path().join("pids.max")).unwrap();
        let said = fs::read_to_string(folder.path().join("pids.max")).unwrap();
        assert!(said.trim().parse::<u64>().unwrap() > 5);
        assert!(!setting("/proc/version").hold(folder.path(), NO_SWAP));
    }

    const NO_SWAP: &str = "Filename Type Size Used Priority\n";
    const SWAP: &str = "Filename Type Size Used Priority\n/dev/zram0 partition 1 0 100\n";

    #[test]
    fn memory_that_could_go_to_swap_is_not_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let setting = &settings_2(&Limits::default())[0];
        assert!(setting.hold(folder.path(), NO_SWAP), "nothing to count, and nothing is counted");
        assert!(!setting.hold(folder.path(), SWAP), "swap that is not counted");
        let swap = folder.path().join("memory.swap.max");
        fs::write(&swap, "max").unwrap();
        assert!(setting.hold(folder.path(), SWAP));
        assert_eq!(fs::read_to_string(&swap).unwrap(), "0");
        fs::remove_file(&swap).unwrap();
        std::os::unix::fs::symlink("/proc/version", &swap).unwrap();
        assert!(!setting.hold(folder.path(), NO_SWAP), "a bound that cannot be set");
    }

    #[test]
    fn a_group_is_made_above_our_own_only_if_nothing_bounds_us() {
        let mounted = tempfile::tempdir().unwrap();
        let (mounted, unit) = (mounted.path(), mounted.path().join("system.slice/unit"));
        fs::create_dir_all(&unit).unwrap();
        let found = || parents(mounted, Some("/system.slice/unit"));
        let slice = mounted.join("system.slice");
        let [within_unit, within_slice] = [&[unit.clone()][..], &[unit.clone(), slice.clone()]];
        let unbounded_everywhere = [unit.clone(), slice.clone(), mounted.to_owned()];
        assert_eq!(found(), unbounded_everywhere);
        for (file, unbounded, bound) in [
            ("memory.max", "max", "1073741824"),
            ("memory.limit_in_bytes", "9223372036854771712", "1073741824"),
            ("cpu.max", "max 100000", "50000 100000"),
            ("cpu.cfs_quota_us", "-1", "50000"),
            ("io.max", "", "8:0 rbps=1 wbps=max"),
        ] {
            for (group, within) in [(&unit, within_unit), (&slice, within_slice)] {
                fs::write(group.join(file), unbounded).unwrap();
                assert_eq!(found(), unbounded_everywhere, "{file}");
                fs::write(group.join(file), bound).unwrap();
                assert_eq!(found(), within, "{file}");
                fs::remove_file(group.join(file)).unwrap();
            }
        }
        assert_eq!(parents(mounted, Some("/of/the/host")), [mounted], "a container");
        assert_eq!(parents(mounted, None), [mounted]);
    }

    #[test]
    fn no_group_where_none_can_be_made() {
        let nowhere = Path::new("/proc/version");
        assert!(Group::make_below(nowhere, V1, &Limits::default()).is_none());
    }
}
