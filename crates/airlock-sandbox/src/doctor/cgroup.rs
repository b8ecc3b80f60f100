//! Control groups: whether a box gets one, in which all its processes share one limit.

use std::fs;

use super::{Fact, State};
use crate::{
    Limits,
    linux::cgroup::{Group, WANTED},
};

/// Makes a group as for a box; it is removed at once. Where room is to be made for it, this process moves, as it would for a box.
pub(super) fn examine() -> Fact {
    let group = Group::make(&Limits::default());
    let unified = fs::exists("/sys/fs/cgroup/cgroup.controllers").unwrap_or(false);
    judge(group.as_ref().map_or(&[], Group::controllers), if unified { 2 } else { 1 })
}

/// `had` is what bounds the box, `version` that of the interface.
fn judge(had: &[String], version: u8) -> Fact {
    let lacking: Vec<_> =
        WANTED.into_iter().filter(|name| had.iter().all(|controller| controller != name)).collect();
    let fact = |text: String| Fact::new("cgroup", State::Degraded, text);
    let fact = if lacking.is_empty() {
        let text = format!("version {version}: one was made, for {}", WANTED.join(" and "));
        return Fact::new("cgroup", State::Good, text);
    } else if had.is_empty() {
        fact(format!("version {version}: none can be made, limits hold for each process by itself"))
    } else {
        fact(format!(
            "version {version}: one was made for {}, but not {}",
            had.join(", "),
            lacking.join(", ")
        ))
    };
    fact.advise(if version == 2 {
        "start it in a group that is given to it, and in which nobody else is. By systemd, for a command:\n\
         $ systemd-run --user --scope -q -p Delegate=yes -- airlock …\n\
         and for a service: Delegate=yes"
    } else {
        "root may make one; others where /sys/fs/cgroup/memory and /sys/fs/cgroup/pids have a group that is theirs"
    })
}

#[cfg(test)]
mod tests {
    use super::{State, judge};

    #[test]
    fn both_controllers_or_less() {
        let table: [(&[&str], u8, State, &str); 5] = [
            (&["memory", "pids"], 1, State::Good, "version 1: one was made, for memory and pids"),
            (&["pids", "memory"], 2, State::Good, "version 2: one"),
            (&["pids"], 1, State::Degraded, "for pids, but not memory"),
            (&["hugetlb"], 2, State::Degraded, "not memory, pids"),
            // A user without delegation, a container.
            (&[], 2, State::Degraded, "version 2: none can be made"),
        ];
        for (had, version, state, text) in table {
            let had: Vec<_> = had.iter().map(ToString::to_string).collect();
            let fact = judge(&had, version);
            assert!(fact.state == state && fact.text.contains(text), "{had:?}: {fact:?}");
            assert_eq!(fact.advice.is_some(), state == State::Degraded, "{fact:?}");
        }
    }
}
