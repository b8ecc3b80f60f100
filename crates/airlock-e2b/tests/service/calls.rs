//! Calls that go well, and what they say of machines that are not there.

use std::{collections::BTreeMap, time::Duration};

use airlock_e2b::{CallError, Event, Program, Signal, State};

use crate::{Test, fake::Fake};

pub(crate) const TESTS: &[Test] = &[
    ("calls::a_machine_lives_stops_and_ends", a_machine_lives_stops_and_ends),
    ("calls::files_come_back_as_they_were", files_come_back_as_they_were),
    ("calls::a_program_is_written_to_and_signalled", a_program_is_written_to_and_signalled),
    (
        "calls::a_program_starts_where_and_with_what_it_is_told",
        a_program_starts_where_and_with_what_it_is_told,
    ),
];

const MINUTE: Duration = Duration::from_secs(60);

fn a_machine_lives_stops_and_ends(fake: &Fake) {
    let client = fake.client();
    let machine = client.create("base", MINUTE).unwrap();
    assert!(!format!("{machine:?}").contains("token"), "{machine:?}");
    assert_eq!(client.state(&machine), Ok(State::Running));
    client.set_timeout(&machine, Duration::from_millis(59_001)).unwrap();
    assert_eq!(fake.calls("/timeout")[0]["timeout"], 60, "never shorter than asked for");
    client.pause(&machine).unwrap();
    assert_eq!(client.state(&machine), Ok(State::Paused));
    assert!(matches!(client.pause(&machine), Err(CallError::Refused { status: 409, .. })));
    assert_eq!(client.read_file(&machine, "a", 10), Err(CallError::Gone));
    let machine = client.connect(&machine, MINUTE).unwrap();
    assert_eq!(client.state(&machine), Ok(State::Running));
    assert_eq!((client.kill(&machine), client.kill(&machine)), (Ok(true), Ok(false)));
    assert_eq!(client.state(&machine), Err(CallError::Gone));
    assert_eq!(client.connect(&machine, MINUTE), Err(CallError::Gone));
    assert_eq!(client.set_timeout(&machine, MINUTE), Err(CallError::Gone));
    fake.is_empty();
}

fn files_come_back_as_they_were(fake: &Fake) {
    let client = fake.client();
    let machine = client.create("base", MINUTE).unwrap();
    let content: Vec<u8> = (0..=255).cycle().take(100_000).chain(*b"\r\n--").collect();
    for content in [content.as_slice(), b""] {
        client.write_file(&machine, "/home/user/a b&c.bin", content).unwrap();
        assert_eq!(client.read_file(&machine, "/home/user/a b&c.bin", 1 << 20).unwrap(), content);
    }
    client.write_file(&machine, "long", &[0; 11]).unwrap();
    assert!(client.read_file(&machine, "long", 11).is_ok());
    assert!(matches!(client.read_file(&machine, "long", 10), Err(CallError::Dropped(_))));
    assert!(matches!(client.read_file(&machine, "none", 10), Err(CallError::Refused { status: 404, .. })));
}

fn sh(script: &str) -> Program {
    Program {
        cmd: "/bin/sh".to_owned(),
        args: vec!["-c".to_owned(), script.to_owned()],
        ..Program::default()
    }
}

fn a_program_is_written_to_and_signalled(fake: &Fake) {
    let client = fake.client();
    let machine = client.create("base", MINUTE).unwrap();
    for (signal, status) in [(Signal::Kill, "signal: killed"), (Signal::Terminate, "signal: terminated")] {
        let mut events = client.start(&machine, &sh("exec cat"), true, MINUTE).unwrap();
        let Ok(Some(Event::Started(pid))) = events.next() else { panic!("it begins") };
        client.send_input(&machine, pid, b"hi").unwrap();
        assert_eq!(events.next(), Ok(Some(Event::Stdout(b"hi".to_vec()))));
        client.send_signal(&machine, pid, signal).unwrap();
        match events.next() {
            Ok(Some(Event::Ended(end))) => assert!(!end.exited && end.status == status, "{end:?}"),
            other => panic!("{other:?}"),
        }
        assert_eq!(events.next(), Ok(None));
        let late = client.send_input(&machine, pid, b"hi");
        assert!(matches!(late, Err(CallError::Refused { status: 404, code: Some(_), .. })), "{late:?}");
    }
}

fn a_program_starts_where_and_with_what_it_is_told(fake: &Fake) {
    let client = fake.client();
    let machine = client.create("base", MINUTE).unwrap();
    client.write_file(&machine, "/home/user/here", b"it is").unwrap();
    let envs = BTreeMap::from([("A".to_owned(), "1".to_owned())]);
    let program = Program { cwd: Some("/home/user".to_owned()), envs, ..sh("cat here; echo \" $A\"") };
    let mut events = client.start(&machine, &program, false, MINUTE).unwrap();
    let mut text = Vec::new();
    while let Some(event) = events.next().unwrap() {
        if let Event::Stdout(piece) = event {
            text.extend(piece);
        }
    }
    assert_eq!(text, b"it is 1\n");
}
