//! What the facts amount to: which level there is, and what is missing for the others.

use serde::Serialize;

use super::{Fact, State};
use crate::Level;

/// What the facts amount to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// The strongest level that Airlock builds here by itself.
    pub level: Level,
    /// Each level but [`Level::None`], the weakest first.
    pub levels: Vec<Reach>,
}

/// How far a level is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reach {
    /// The level.
    pub level: Level,
    /// The subjects of the facts that stand against it.
    pub missing: Vec<&'static str>,
    /// Whether Airlock builds it by itself. Where not, the machine could carry it, and nothing uses that yet.
    pub built_in: bool,
}

/// The subjects that have to be good.
type Needs = &'static [&'static str];

/// In the order of [`Level`], with whether Airlock builds it by itself.
///
/// A box has Landlock where it can be had, as a second rule beside its namespaces; alone, it has to hold everything. gVisor
/// is started in namespaces like those of a box.
const LEVELS: [(Level, bool, Needs); 4] = [
    (Level::Lite, true, &["landlock", "seccomp", "no_new_privs"]),
    (Level::Box, true, &["seccomp", "no_new_privs", "user_namespaces", "mount_api"]),
    (Level::Kernel, true, &["runsc", "seccomp", "no_new_privs", "user_namespaces", "mount_api"]),
    (Level::Machine, MICROVM, MACHINE),
];

/// Whether Airlock was built to use a virtual machine.
const MICROVM: bool = cfg!(all(feature = "microvm", target_os = "linux"));

/// With what Airlock needs of its user, where it was built to use it.
const MACHINE: Needs = if MICROVM { &["kvm", "firecracker", "guest"] } else { &["kvm", "firecracker"] };

impl Verdict {
    /// What `facts` amount to. Something that no fact is about is missing.
    pub fn of(facts: &[Fact]) -> Self {
        let stands =
            |subject: &str| facts.iter().any(|fact| fact.subject == subject && fact.state == State::Good);
        let levels: Vec<_> = LEVELS
            .into_iter()
            .map(|(level, built_in, needs)| {
                let missing = needs.iter().copied().filter(|subject| !stands(subject)).collect();
                Reach { level, missing, built_in }
            })
            .collect();
        let there = levels.iter().filter(|reach| reach.built_in && reach.missing.is_empty());
        let level = there.map(|reach| reach.level).max().unwrap_or(Level::None);
        Self { level, levels }
    }

    /// Every subject that decides about a level.
    #[cfg(test)]
    pub(super) fn subjects() -> impl Iterator<Item = &'static str> {
        LEVELS.into_iter().flat_map(|(_, _, needs)| needs.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::{Fact, Level, MICROVM, State, Verdict};

    fn facts(other: &[(&'static str, State)]) -> Vec<Fact> {
        let mut facts: Vec<_> =
            Verdict::subjects().map(|subject| Fact::new(subject, State::Good, "seen")).collect();
        for fact in &mut facts {
            if let Some((_, state)) = other.iter().find(|(subject, _)| *subject == fact.subject) {
                fact.state = *state;
            }
        }
        facts
    }

    #[test]
    fn the_level_is_what_nothing_stands_against() {
        use State::{Degraded, Missing, NotHere};
        let table: &[(&[(&str, State)], Level)] = &[
            (&[], Level::Kernel),
            (&[("runsc", Missing)], Level::Box),
            // Found, and it runs nothing.
            (&[("runsc", Degraded)], Level::Box),
            // Ubuntu 24.04 with the profile, and without.
            (&[("runsc", Missing), ("landlock", Degraded)], Level::Box),
            (&[("runsc", Missing), ("landlock", Degraded), ("user_namespaces", Missing)], Level::None),
            // What `--min-level lite` takes.
            (&[("runsc", Missing), ("user_namespaces", Missing)], Level::Lite),
            (&[("runsc", Missing), ("landlock", Missing)], Level::Box),
            (&[("runsc", Missing), ("mount_api", Missing)], Level::Lite),
            (&[("runsc", Missing), ("seccomp", Degraded)], Level::None),
            (&[("runsc", Missing), ("no_new_privs", NotHere)], Level::None),
        ];
        for (other, level) in table {
            let other = [other, &[("kvm", Degraded)][..]].concat();
            assert_eq!(Verdict::of(&facts(&other)).level, *level, "{other:?}");
        }
        // What Airlock does not build itself changes nothing.
        let most = if MICROVM { Level::Machine } else { Level::Kernel };
        assert_eq!(Verdict::of(&facts(&[])).level, most);
        assert_eq!(Verdict::of(&[]).level, Level::None);
    }

    #[test]
    fn what_is_missing_is_named() {
        let verdict = Verdict::of(&facts(&[("kvm", State::Degraded), ("user_namespaces", State::Missing)]));
        let missing: Vec<_> = verdict.levels.iter().map(|reach| (reach.level, &*reach.missing)).collect();
        let expected: [(Level, &[&str]); 4] = [
            (Level::Lite, &[]),
            (Level::Box, &["user_namespaces"]),
            (Level::Kernel, &["user_namespaces"]),
            (Level::Machine, &["kvm"]),
        ];
        assert_eq!(missing, expected);
    }
}
