//! What is said about one system call.

use libc::c_long;

/// Calls that serve one purpose.
pub(crate) struct Group {
    /// The purpose.
    pub(crate) title: &'static str,
    /// The calls.
    pub(crate) entries: &'static [Entry],
}

/// One call that is not simply refused.
pub(crate) struct Entry {
    /// Its name, as in the manual.
    pub(crate) name: &'static str,
    /// Its number on this architecture.
    pub(crate) number: c_long,
    /// When it is let through.
    pub(crate) rule: Rule,
    /// Why a program needs it, or why the rule is safe.
    pub(crate) why: &'static str,
}

/// When a call is let through.
pub(crate) enum Rule {
    /// With any arguments.
    Always,
    /// With arguments for which every check of one of these cases holds.
    Cases(&'static [&'static [Check]]),
    /// Never: as what is not on the list.
    Refused,
    /// Never, and as if the kernel did not know it, so that libraries take the older call, which can be checked.
    Unknown,
    /// Never, and as if the file system had nothing of the kind.
    Unsupported,
}

impl Rule {
    /// In words, for whoever reads the list.
    const fn as_str(&self) -> &'static str {
        match self {
            Self::Always => "allowed",
            Self::Cases(_) => "some arguments",
            Self::Refused => "refused",
            Self::Unknown => "said to be unknown",
            Self::Unsupported => "said to be unsupported",
        }
    }
}

/// One entry of the list, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct SystemCall {
    /// What calls like it are for.
    pub purpose: &'static str,
    /// Its name, as in the manual.
    pub name: &'static str,
    /// Whether it is allowed, or with which arguments, or how it is refused. All calls that are not on the list fail with
    /// `EPERM`.
    pub rule: &'static str,
    /// Why.
    pub why: &'static str,
}

impl Group {
    pub(super) fn for_people(&self) -> impl Iterator<Item = SystemCall> {
        let entry = |entry: &Entry| SystemCall {
            purpose: self.title,
            name: entry.name,
            rule: entry.rule.as_str(),
            why: entry.why,
        };
        self.entries.iter().map(entry)
    }
}

/// What one argument must be: its low 32 bits, of which only `mask` counts, equal one of `values`.
///
/// All arguments that are checked are 32 bits or fewer to the kernel, which ignores the rest of the register just
/// as the check does; checking all 64 would refuse a sign-extended `int`, and add nothing.
pub(crate) struct Check {
    pub(crate) arg: u8,
    pub(crate) mask: u32,
    pub(crate) values: &'static [u32],
}

/// One of these values.
pub(super) const fn one_of(arg: u8, values: &'static [u32]) -> Check {
    Check { arg, mask: u32::MAX, values }
}

/// None of these bits.
pub(super) const fn without(arg: u8, bits: u32) -> Check {
    Check { arg, mask: bits, values: &[0] }
}

/// No bits but these.
pub(super) const fn within(arg: u8, bits: u32) -> Check {
    Check { arg, mask: !bits, values: &[0] }
}
