//! The bundle, as the Open Container Initiative describes one.

use std::{io, path::Path};

use serde_json::{Value, json};

use super::{super::plan::Plan, inside, tree};

/// Room for the addresses of one process, at least: runtimes reserve far more than they use.
const LEAST_ADDRESSES: u64 = 4 << 30;

/// The file systems that are gVisor's own, in memory, and how their modes are.
const TEMPORARY: &[(&str, &str)] = &[("/tmp", "1777"), ("/work", "1777"), ("/dev/shm", "1777")];

/// What it takes to leave all rights for another user.
const BECOME: &[&str] = &["CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP"];

/// The file `config.json`.
pub(super) fn config(plan: &Plan) -> io::Result<Vec<u8>> {
    let mut mounts = vec![json!({ "destination": "/proc", "type": "proc", "source": "proc" })];
    mounts.extend(TEMPORARY.iter().map(|(path, mode)| {
        let options = [format!("size={}", plan.tmpfs), format!("mode={mode}")];
        json!({ "destination": path, "type": "tmpfs", "source": "tmpfs", "options": options })
    }));
    // The order of the mounts is that of the paths that are shown: a folder before what lies in it.
    let shown = tree::shown(plan);
    let shown = shown.iter().map(|(path, from, writable)| {
        let access = if *writable { "rw" } else { "ro" };
        Ok(json!({ "destination": text(path)?, "type": "bind", "source": from, "options": [access, "rbind"] }))
    });
    mounts.extend(shown.collect::<io::Result<Vec<_>>>()?);
    let namespaces = ["pid", "network", "ipc", "uts", "mount"].map(|kind| json!({ "type": kind }));
    let config = json!({
        "ociVersion": "1.0.2",
        "process": {
            "terminal": false,
            "user": { "uid": 0, "gid": 0 },
            "args": [inside::PROGRAM, inside::INSIDE],
            "env": [],
            "cwd": "/",
            // Of the first process, to become the user that the program is. They are gVisor's own, and mean nothing outside.
            "capabilities": { "bounding": BECOME, "effective": BECOME, "inheritable": [], "permitted": BECOME, "ambient": [] },
            "noNewPrivileges": true,
            "rlimits": limits(plan),
        },
        "root": { "path": tree::ROOT, "readonly": true },
        "hostname": "box",
        "mounts": mounts,
        "linux": { "namespaces": namespaces },
    });
    Ok(serde_json::to_vec(&config)?)
}

/// As the kernel of the host keeps them for a box, in so far as gVisor does.
fn limits(plan: &Plan) -> Vec<Value> {
    let cpu = plan.cpu.map(|cpu| cpu.as_secs().max(1));
    let grouped = plan.controllers.iter().any(|controller| controller == "memory");
    let limits = [
        // A second after SIGXCPU comes SIGKILL.
        ("CPU", cpu, cpu.map(|cpu| cpu + 1)),
        ("NPROC", Some(u64::from(plan.processes)), None),
        ("NOFILE", Some(u64::from(plan.open_files)), None),
        // gVisor counts what is only reserved, too, but bounds nothing less.
        (
            "AS",
            Some(if grouped { plan.memory.saturating_mul(8).max(LEAST_ADDRESSES) } else { plan.memory }),
            None,
        ),
        ("FSIZE", Some(plan.tmpfs), None),
        ("CORE", Some(0), None),
        ("NICE", Some(0), None),
        ("RTPRIO", Some(0), None),
        ("MEMLOCK", Some(64 << 10), None),
        ("MSGQUEUE", Some(0), None),
        ("SIGPENDING", Some(1_024), None),
    ];
    let set = limits.into_iter().filter_map(|(name, soft, hard)| Some((name, soft?, hard)));
    set.map(|(name, soft, hard)| {
        json!({ "type": format!("RLIMIT_{name}"), "soft": soft, "hard": hard.unwrap_or(soft) })
    })
    .collect()
}

/// The bundle is a text.
fn text(path: &Path) -> io::Result<&str> {
    path.to_str().ok_or_else(|| {
        let text = format!("`{}` is not UTF-8, which gVisor needs", path.display());
        io::Error::new(io::ErrorKind::InvalidInput, text)
    })
}
