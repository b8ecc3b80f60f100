//! From the table to the program that the kernel runs before every system call.
//!
//! The program searches the number by halves, so that a call costs some eight comparisons rather than one for each
//! entry before it. Where it lets a call through without looking at arguments, the kernel notices that when the
//! filter is installed and does not run the program for that call at all; the fewer steps there are, the sooner it
//! is done with that.
//!
//! Jumps of BPF lead forwards only, so the program is written from its end: what is jumped to exists already.

use libc::{sock_filter, sock_fprog};

use super::rule::{Check, Entry, Rule};

/// What the kernel is told about a call; `struct seccomp_data`.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;
/// The low half of an argument, on the little-endian machines that there is a table for.
const fn low_half(arg: u8) -> u32 {
    16 + 8 * arg as u32
}

const LOAD: u16 = 0x20; // BPF_LD | BPF_W | BPF_ABS
const AND: u16 = 0x54; // BPF_ALU | BPF_AND | BPF_K
const JUMP: u16 = 0x05; // BPF_JMP | BPF_JA
const IF_EQUAL: u16 = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const IF_AT_LEAST: u16 = 0x35; // BPF_JMP | BPF_JGE | BPF_K
const RETURN: u16 = 0x06; // BPF_RET | BPF_K

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Allow,
    /// Not permitted: what programs expect that try what they may do.
    Refuse,
    /// No such call.
    Unknown,
    /// Not on this file system.
    Unsupported,
    /// The end of the process: it is not one for this architecture.
    Kill,
}

impl Verdict {
    #[allow(clippy::cast_sign_loss, reason = "numbers of errors are positive")]
    pub(super) const fn action(self) -> u32 {
        match self {
            Self::Allow => libc::SECCOMP_RET_ALLOW,
            Self::Refuse => libc::SECCOMP_RET_ERRNO | libc::EPERM as u32,
            Self::Unknown => libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32,
            Self::Unsupported => libc::SECCOMP_RET_ERRNO | libc::EOPNOTSUPP as u32,
            Self::Kill => libc::SECCOMP_RET_KILL_PROCESS,
        }
    }
}

/// From this number on, up to the next one, calls are treated alike.
#[derive(Clone, Copy)]
pub(super) struct Range<'a> {
    pub(super) first: u32,
    pub(super) rule: Outcome<'a>,
}

#[derive(Clone, Copy)]
pub(super) enum Outcome<'a> {
    Plain(Verdict),
    Cases(&'a [&'a [Check]]),
}

/// The program for these ranges, of which the first starts at 0 and each starts above the one before, and for calls of
/// other architectures.
pub(super) fn assemble(architecture: u32, ranges: &[Range<'_>], foreign: Verdict) -> Vec<sock_filter> {
    let mut program = Backwards(Vec::with_capacity(512));
    let search = program.search(ranges);
    program.fall_into(search);
    let load = program.step(LOAD, NUMBER);
    let foreign = program.verdict(foreign);
    program.branch(IF_EQUAL, architecture, load, foreign);
    program.step(LOAD, ARCHITECTURE);
    program.0.reverse();
    program.0
}

/// The program, its last instruction first.
struct Backwards(Vec<sock_filter>);

/// An instruction, by its distance from the end.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Place(usize);

impl Backwards {
    /// The farthest that a conditional jump reaches, less the instructions that [`Self::branch`] puts before it.
    const REACH: usize = u8::MAX as usize - 2;

    fn push(&mut self, code: u16, jt: u8, jf: u8, k: u32) -> Place {
        self.0.push(sock_filter { code, jt, jf, k });
        Place(self.0.len() - 1)
    }

    fn step(&mut self, code: u16, k: u32) -> Place {
        self.push(code, 0, 0, k)
    }

    /// How many instructions lie between the next one that is written and `place`.
    fn distance(&self, place: Place) -> usize {
        self.0.len() - 1 - place.0
    }

    /// The next instruction written goes on at `place`.
    fn fall_into(&mut self, place: Place) {
        let distance = self.distance(place);
        if distance > 0 {
            // The kernel takes no more than 4,096 instructions.
            self.step(JUMP, u32::try_from(distance).unwrap_or(u32::MAX));
        }
    }

    /// `place`, or a stepping stone to it within reach.
    fn near(&mut self, place: Place) -> Place {
        if self.distance(place) <= Self::REACH {
            return place;
        }
        self.fall_into(place);
        Place(self.0.len() - 1)
    }

    fn branch(&mut self, code: u16, k: u32, then: Place, otherwise: Place) -> Place {
        let (then, otherwise) = (self.near(then), self.near(otherwise));
        let offset = |place| u8::try_from(self.distance(place)).unwrap_or(u8::MAX);
        let (jt, jf) = (offset(then), offset(otherwise));
        self.push(code, jt, jf, k)
    }

    /// An end of the program: one that exists within reach, or a new one.
    fn verdict(&mut self, verdict: Verdict) -> Place {
        let action = verdict.action();
        let near = self.0.iter().rev().take(Self::REACH).position(|i| i.code == RETURN && i.k == action);
        match near {
            Some(back) => Place(self.0.len() - 1 - back),
            None => self.step(RETURN, action),
        }
    }

    /// Which of these ranges the loaded number is in.
    fn search(&mut self, ranges: &[Range<'_>]) -> Place {
        match ranges {
            [] => self.verdict(Verdict::Refuse),
            [one] => match one.rule {
                Outcome::Plain(verdict) => self.verdict(verdict),
                Outcome::Cases(cases) => self.cases(cases),
            },
            _ => {
                let (low, high) = ranges.split_at(ranges.len() / 2);
                let first = high.first().map_or(0, |range| range.first);
                let high = self.search(high);
                let low = self.search(low);
                self.branch(IF_AT_LEAST, first, high, low)
            }
        }
    }

    fn cases(&mut self, cases: &[&[Check]]) -> Place {
        let mut next = self.verdict(Verdict::Refuse);
        for case in cases.iter().rev() {
            let mut holds = self.verdict(Verdict::Allow);
            for check in case.iter().rev() {
                holds = self.check(check, holds, next);
            }
            next = holds;
        }
        next
    }

    fn check(&mut self, check: &Check, holds: Place, fails: Place) -> Place {
        let mut place = fails;
        for value in check.values.iter().rev() {
            place = self.branch(IF_EQUAL, *value, holds, place);
        }
        self.fall_into(place);
        if check.mask != u32::MAX {
            self.step(AND, check.mask);
        }
        self.step(LOAD, low_half(check.arg))
    }
}

/// The form in which the kernel takes a program, or `None` if it is too long for it.
pub(super) fn for_kernel(program: &[sock_filter]) -> Option<sock_fprog> {
    const LONGEST: usize = 4_096;
    let len = u16::try_from(program.len()).ok().filter(|len| usize::from(*len) <= LONGEST)?;
    Some(sock_fprog { len, filter: program.as_ptr().cast_mut() })
}

/// The ranges of these entries; all other numbers are refused, and those from `unknown_from` on unknown.
pub(super) fn ranges<'a>(entries: &[&'a Entry], unknown_from: u32, foreign_from: u32) -> Vec<Range<'a>> {
    let mut ranges = among(entries, Verdict::Refuse);
    ranges.add(unknown_from, Outcome::Plain(Verdict::Unknown));
    ranges.add(foreign_from, Outcome::Plain(Verdict::Refuse));
    ranges.0
}

/// The ranges of these entries; all other numbers are allowed.
pub(super) fn exceptions<'a>(entries: &[&'a Entry]) -> Vec<Range<'a>> {
    among(entries, Verdict::Allow).0
}

fn among<'a>(entries: &[&'a Entry], others: Verdict) -> Ranges<'a> {
    let mut entries = entries
        .iter()
        .filter_map(|entry| Some((u32::try_from(entry.number).ok()?, &entry.rule)))
        .collect::<Vec<_>>();
    entries.sort_unstable_by_key(|(number, _)| *number);

    let mut ranges = Ranges(Vec::with_capacity(2 * entries.len() + 2));
    let mut expected = 0;
    for (number, rule) in entries {
        if number > expected {
            ranges.add(expected, Outcome::Plain(others));
        }
        ranges.add(
            number,
            match rule {
                Rule::Always => Outcome::Plain(Verdict::Allow),
                Rule::Refused => Outcome::Plain(Verdict::Refuse),
                Rule::Unknown => Outcome::Plain(Verdict::Unknown),
                Rule::Unsupported => Outcome::Plain(Verdict::Unsupported),
                Rule::Cases(cases) => Outcome::Cases(cases),
            },
        );
        expected = number + 1;
    }
    ranges.add(expected, Outcome::Plain(others));
    ranges
}

struct Ranges<'a>(Vec<Range<'a>>);

impl<'a> Ranges<'a> {
    /// Adds a range unless it goes on with the one before.
    fn add(&mut self, first: u32, rule: Outcome<'a>) {
        let same = match (self.0.last().map(|range| range.rule), rule) {
            (Some(Outcome::Plain(last)), Outcome::Plain(new)) => last == new,
            _ => false,
        };
        if !same {
            self.0.push(Range { first, rule });
        }
    }
}
