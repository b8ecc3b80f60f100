//! What a scan came to, counted.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use airlock_scan::{Class, Finding, Kind};

/// Most problems of one input that are told one by one.
const TOLD: usize = 5;

/// Counts of one input, or of many.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Inputs that were scanned to their end.
    pub(crate) inputs: u64,
    /// Those of them in which something was found.
    pub(crate) with_findings: u64,
    pub(crate) bytes: u64,
    pub(crate) kinds: BTreeMap<Kind, u64>,
    pub(crate) rules: BTreeSet<&'static str>,
    /// Files in folders that are no text.
    pub(crate) binary: u64,
    /// Files in folders that are text in UTF-16 or UTF-32.
    pub(crate) wide: u64,
    /// Inputs that could not be read, or not to their end.
    pub(crate) failed: u64,
    /// Lines that could not be understood.
    pub(crate) problems: u64,
    /// The first of the lines, for people.
    pub(crate) told: Vec<String>,
}

impl Tally {
    pub(crate) fn count<'f>(&mut self, findings: impl IntoIterator<Item = &'f Finding>) {
        for finding in findings {
            *self.kinds.entry(finding.kind).or_default() += 1;
            if !self.rules.contains(finding.rule) {
                self.rules.insert(finding.rule);
            }
        }
    }

    /// A part of the input could not be understood.
    pub(crate) fn problem(&mut self, message: impl FnOnce() -> String) {
        self.problems += 1;
        if self.told.len() < TOLD {
            self.told.push(message());
        }
    }

    /// The input was read to its end.
    pub(crate) fn done(mut self) -> Self {
        self.inputs = 1;
        self.with_findings = u64::from(self.findings() > 0);
        self
    }

    /// Adds what another input came to; what was told stays there.
    pub(crate) fn add(&mut self, other: &Self) {
        self.inputs += other.inputs;
        self.with_findings += other.with_findings;
        self.bytes += other.bytes;
        self.binary += other.binary;
        self.wide += other.wide;
        self.failed += other.failed;
        self.problems += other.problems;
        for (kind, count) in &other.kinds {
            *self.kinds.entry(*kind).or_default() += count;
        }
        self.rules.extend(&other.rules);
    }

    /// Whether everything was read and understood.
    pub(crate) fn is_complete(&self) -> bool {
        self.failed == 0 && self.problems == 0
    }

    pub(crate) fn findings(&self) -> u64 {
        self.kinds.values().sum()
    }

    /// The last lines of a table.
    pub(crate) fn summary(&self, took: &str) -> String {
        let inputs = if self.inputs == 1 { "1 input".to_owned() } else { format!("{} inputs", self.inputs) };
        let read = format!("{inputs}, {}{took}", size(self.bytes));
        let mut out = match self.findings() {
            0 if self.inputs == 0 => "nothing was scanned".to_owned(),
            0 => format!("nothing found in {read}"),
            1 => format!("1 finding in {read}"),
            all => {
                let classes = self.classes();
                let parts: Vec<_> = classes.iter().map(|(class, count)| format!("{count} {class}")).collect();
                let parts = parts.join(", ");
                match (self.inputs, self.with_findings) {
                    (1, _) => format!("{all} findings ({parts}) in {read}"),
                    (_, with) => format!("{all} findings ({parts}) in {with} of {read}"),
                }
            }
        };
        for (count, what) in [
            (self.binary, "binary, skipped"),
            (self.wide, "in UTF-16 or UTF-32, skipped (convert with `iconv -t UTF-8`)"),
            (self.failed, "could not be read"),
            (self.problems, "lines not understood"),
        ] {
            if count > 0 {
                // Writing to a string does not fail.
                let _ = write!(out, "; {count} {what}");
            }
        }
        out
    }

    /// How many of each kind, the most frequent first; empty where the table says it already.
    pub(crate) fn by_kind(&self) -> Option<String> {
        const MANY: u64 = 20;
        if self.findings() < MANY || self.kinds.len() < 2 {
            return None;
        }
        let mut kinds: Vec<_> = self.kinds.iter().collect();
        kinds.sort_by_key(|(kind, count)| (std::cmp::Reverse(**count), **kind));
        let parts: Vec<_> = kinds.iter().map(|(kind, count)| format!("{} {count}", kind.name())).collect();
        Some(parts.join(", "))
    }

    fn classes(&self) -> Vec<(&'static str, u64)> {
        let of = |class: Class| {
            self.kinds.iter().filter(|(kind, _)| kind.class() == class).map(|(_, count)| count).sum()
        };
        let classes = [Class::Secret, Class::Pii, Class::Injection];
        classes.map(|class| (class.name(), of(class))).into_iter().filter(|(_, count)| *count > 0).collect()
    }
}

/// A number of bytes, for people.
pub(crate) fn size(bytes: u64) -> String {
    for (unit, name) in [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")] {
        if bytes >= unit {
            return format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit);
        }
    }
    format!("{bytes} bytes")
}

#[cfg(test)]
mod tests {
    use airlock_scan::Kind;

    use super::{Tally, size};

    #[test]
    fn the_summary_counts() {
        let tally = |kinds: &[(Kind, u64)], inputs| Tally {
            kinds: kinds.iter().copied().collect(),
            inputs,
            with_findings: 1,
            bytes: 10,
            ..Tally::default()
        };
        let table = [
            (tally(&[], 1), "nothing found in 1 input, 10 bytes"),
            (tally(&[(Kind::Jwt, 1)], 1), "1 finding in 1 input, 10 bytes"),
            (
                tally(&[(Kind::Jwt, 2), (Kind::Ssn, 1)], 1),
                "3 findings (2 secret, 1 pii) in 1 input, 10 bytes",
            ),
            (tally(&[(Kind::Ssn, 3)], 7), "3 findings (3 pii) in 1 of 7 inputs, 10 bytes"),
            (Tally { failed: 1, ..tally(&[], 0) }, "nothing was scanned; 1 could not be read"),
            (Tally { binary: 2, ..tally(&[], 7) }, "nothing found in 7 inputs, 10 bytes; 2 binary, skipped"),
        ];
        for (tally, expected) in table {
            assert_eq!(tally.summary(""), expected);
        }
    }

    #[test]
    fn many_findings_are_told_by_kind() {
        let kinds = [(Kind::Jwt, 2), (Kind::Ssn, 30)];
        let tally = Tally { kinds: kinds.into_iter().collect(), ..Tally::default() };
        assert_eq!(tally.by_kind().as_deref(), Some("ssn 30, jwt 2"));
        assert_eq!(Tally::default().by_kind(), None);
    }

    #[test]
    fn problems_are_all_counted_and_the_first_ones_told() {
        let mut tally = Tally::default();
        (0..100).for_each(|line| tally.problem(|| line.to_string()));
        assert_eq!((tally.problems, tally.told.len()), (100, super::TOLD));
    }

    #[test]
    fn sizes_read_well() {
        for (bytes, expected) in [
            (0, "0 bytes"),
            (1023, "1023 bytes"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (5 << 20, "5.0 MiB"),
            (3 << 30, "3.0 GiB"),
        ] {
            assert_eq!(size(bytes), expected);
        }
    }
}
