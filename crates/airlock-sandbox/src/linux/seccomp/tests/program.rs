//! The program against the table, call by call, in an interpreter of our own.

use libc::sock_filter;

use super::super::{
    ARCHITECTURE, Beside, FOREIGN_FROM, UNKNOWN_FROM,
    bpf::Verdict,
    compile, instead,
    rule::{Check, Entry, Rule},
    table,
};

/// `struct seccomp_data`, in words of 32 bits.
fn data(architecture: u32, number: u32, args: [u64; 6]) -> Vec<u32> {
    let mut words = vec![number, architecture, 0, 0];
    words.extend(args.iter().flat_map(|arg| [*arg as u32, (arg >> 32) as u32]));
    words
}

/// What the program returns, and in how many steps.
fn run(program: &[sock_filter], data: &[u32]) -> (u32, usize) {
    let (mut at, mut a) = (0, 0);
    for steps in 1.. {
        let i = &program[at];
        at += 1;
        match i.code {
            0x20 => a = data[i.k as usize / 4],
            0x54 => a &= i.k,
            0x05 => at += i.k as usize,
            0x15 => at += usize::from(if a == i.k { i.jt } else { i.jf }),
            0x35 => at += usize::from(if a >= i.k { i.jt } else { i.jf }),
            0x06 => return (i.k, steps),
            other => panic!("instruction {other:#x}"),
        }
    }
    unreachable!()
}

/// The filters whose tables are compared with their programs.
const BOTH: [Beside; 2] = [Beside::Namespaces, Beside::NamespacesAndProxy];

fn entries(beside: Beside) -> Vec<&'static Entry> {
    let other: Vec<&Entry> = instead(beside).iter().flat_map(|group| group.entries).collect();
    let entries = table().iter().flat_map(|group| group.entries);
    entries.map(|entry| *other.iter().find(|other| other.number == entry.number).unwrap_or(&entry)).collect()
}

fn find(entries: &[&'static Entry], number: u32) -> Option<&'static Entry> {
    entries.iter().copied().find(|entry| entry.number == i64::from(number))
}

fn holds(check: &Check, args: [u64; 6]) -> bool {
    let low = args[usize::from(check.arg)] & 0xffff_ffff & u64::from(check.mask);
    check.values.iter().any(|value| u64::from(*value) == low)
}

/// What the table says, without the detour by ranges and jumps.
fn expected(entries: &[&'static Entry], number: u32, args: [u64; 6]) -> Verdict {
    match find(entries, number).map(|entry| &entry.rule) {
        Some(Rule::Always) => Verdict::Allow,
        Some(Rule::Unknown) => Verdict::Unknown,
        Some(Rule::Unsupported) => Verdict::Unsupported,
        Some(Rule::Cases(cases)) => {
            let allowed = cases.iter().any(|case| case.iter().all(|check| holds(check, args)));
            if allowed { Verdict::Allow } else { Verdict::Refuse }
        }
        None if (UNKNOWN_FROM..FOREIGN_FROM).contains(&number) => Verdict::Unknown,
        None | Some(Rule::Refused) => Verdict::Refuse,
    }
}

/// Arguments around everything that the rule compares with.
fn arguments(rule: &Rule) -> Vec<[u64; 6]> {
    let plain = [[0; 6], [u64::MAX; 6], [1 << 32; 6]];
    let mut all = Vec::from(plain);
    let Rule::Cases(cases) = rule else { return all };
    for check in cases.iter().flat_map(|case| case.iter()) {
        let bits = (0..32).map(|bit| 1 << bit);
        let values = check.values.iter().copied();
        for value in values.flat_map(|value| bits.clone().map(move |bit| value ^ bit).chain([value])) {
            for upper in [0, 1 << 32, 0xffff_ffff << 32] {
                let value = u64::from(value) | upper;
                for mut rest in plain.into_iter().chain(both(cases)) {
                    rest[usize::from(check.arg)] = value;
                    all.push(rest);
                }
            }
        }
    }
    all
}

/// Arguments with which each case holds.
fn both(cases: &[&[Check]]) -> Vec<[u64; 6]> {
    let mut all = Vec::new();
    for case in cases {
        let mut args = [0; 6];
        for check in *case {
            args[usize::from(check.arg)] = u64::from(check.values[0]);
        }
        all.push(args);
    }
    all
}

#[test]
fn the_tables_are_sound() {
    BOTH.into_iter().for_each(is_sound);
}

fn is_sound(beside: Beside) {
    let entries = entries(beside);
    let mut numbers = entries.iter().map(|entry| entry.number).collect::<Vec<_>>();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), entries.len(), "a call is listed twice");
    for entry in entries {
        assert!((0..i64::from(UNKNOWN_FROM)).contains(&entry.number), "{}", entry.name);
        assert!(!entry.why.is_empty() && !entry.name.starts_with("SYS_"), "{}", entry.name);
        let Rule::Cases(cases) = &entry.rule else { continue };
        assert!(!cases.is_empty(), "{}: nothing is let through", entry.name);
        for case in *cases {
            assert!(!case.is_empty(), "{}: a case without checks lets everything through", entry.name);
            for check in *case {
                assert!(check.arg < 6 && !check.values.is_empty(), "{}", entry.name);
                let reachable = check.values.iter().all(|value| value & !check.mask == 0);
                assert!(reachable, "{}: a value has bits that are masked away", entry.name);
            }
        }
    }
    assert!(table().iter().all(|group| !group.title.is_empty()));
}

#[test]
fn the_programs_say_what_the_tables_say() {
    BOTH.into_iter().for_each(says_what_the_table_says);
}

fn says_what_the_table_says(beside: Beside) {
    let filters = compile(beside).unwrap();
    let entries = entries(beside);
    let architecture = ARCHITECTURE.unwrap();
    let numbers = (0..UNKNOWN_FROM + 200).chain(FOREIGN_FROM - 2..FOREIGN_FROM + 600).chain([
        0x7fff_ffff,
        0x8000_0000,
        0xffff_fffe,
        0xffff_ffff,
    ]);
    let mut compared = 0;
    for number in numbers {
        for args in arguments(find(&entries, number).map_or(&Rule::Always, |entry| &entry.rule)) {
            let (action, _) = run(&filters.program, &data(architecture, number, args));
            assert_eq!(action, expected(&entries, number, args).action(), "call {number} with {args:x?}");
            compared += 1;
        }
    }
    println!("{} instructions, {compared} calls compared", filters.program.len());
}

#[test]
fn calls_of_other_architectures_end_the_process() {
    let filters = compile(Beside::Namespaces).unwrap();
    let native = ARCHITECTURE.unwrap();
    // i386, arm, x86-64, aarch64, riscv64
    for other in [0x4000_0003, 0x4000_0028, 0xc000_003e, 0xc000_00b7, 0xc000_00f3, 0] {
        if other != native {
            let (action, _) = run(&filters.program, &data(other, libc::SYS_read as u32, [0; 6]));
            assert_eq!(action, libc::SECCOMP_RET_KILL_PROCESS, "{other:#x}");
        }
    }
}

#[test]
fn the_number_is_found_in_few_steps() {
    let filters = compile(Beside::NamespacesAndProxy).unwrap();
    let entries = entries(Beside::NamespacesAndProxy);
    for number in 0..UNKNOWN_FROM {
        if matches!(find(&entries, number).map(|entry| &entry.rule), Some(Rule::Cases(_))) {
            continue;
        }
        let (_, steps) = run(&filters.program, &data(ARCHITECTURE.unwrap(), number, [0; 6]));
        assert!(steps <= 16, "{steps} steps for call {number}");
    }
}
