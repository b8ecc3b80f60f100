//! Code for the interpreter of a machine.

use std::{collections::BTreeMap, num::NonZeroUsize, thread, time::Duration};

use airlock_e2b::{CallError, Code, E2bSandbox, Execution, Finish, Next, Output, Warm};
use airlock_sandbox::{Limits, SandboxError, Stop};

use crate::{
    Test,
    fake::{Fake, Fault, KEY, until},
    faults::{CREATE, is_broken, is_unavailable},
};

pub(crate) const TESTS: &[Test] = &[
    ("interpreter::code_says_and_gives_what_it_does", code_says_and_gives_what_it_does),
    ("interpreter::an_error_of_the_code_is_a_result", an_error_of_the_code_is_a_result),
    ("interpreter::it_has_the_language_and_the_variables_that_it_is_given", it_has_what_it_is_given),
    ("interpreter::a_machine_remembers_and_a_run_does_not", a_machine_remembers_and_a_run_does_not),
    ("interpreter::output_and_time_are_bounded", output_and_time_are_bounded),
    ("interpreter::what_was_refused_did_not_run", what_was_refused_did_not_run),
    ("interpreter::what_was_lost_is_broken_and_not_begun_again", what_was_lost_is_broken),
    ("interpreter::an_interpreter_that_ends_is_an_error", an_interpreter_that_ends_is_an_error),
    ("interpreter::a_hang_meets_the_deadline", a_hang_meets_the_deadline),
    ("interpreter::making_a_machine_is_tried_again", making_a_machine_is_tried_again),
    ("interpreter::machines_that_wait_are_used_once", machines_that_wait_are_used_once),
    ("interpreter::giving_up_ends_its_machine", giving_up_ends_its_machine),
    ("interpreter::nobody_else_reaches_it", nobody_else_reaches_it),
    ("interpreter::without_a_time_limit_nothing_runs", without_a_time_limit_nothing_runs),
];

const EXECUTE: &str = "POST /execute";

fn interpreter(fake: &Fake) -> E2bSandbox {
    E2bSandbox::code_interpreter(fake.settings(Some(KEY)))
}

fn python(text: &str) -> Code {
    Code { text: text.to_owned(), ..Code::default() }
}

fn run(sandbox: &E2bSandbox, code: &Code) -> Result<Execution, SandboxError> {
    sandbox.interpret(code, Limits::default(), &Stop::default())
}

fn ran(outcome: Result<Execution, SandboxError>) {
    let outcome = outcome.unwrap();
    assert_eq!((outcome.finish, outcome.stdout.as_str()), (Finish::Whole, "ran\n"), "{outcome:?}");
}

/// Runs code against a service that is well, and then with a fault; what came of that, and how often it was asked for.
fn with(
    fake: &Fake,
    route: &'static str,
    times: usize,
    fault: Fault,
) -> (Result<Execution, SandboxError>, usize) {
    let sandbox = interpreter(fake);
    ran(run(&sandbox, &python("print('ran')")));
    let before = fake.calls(EXECUTE).len();
    fake.fault(route, times, fault);
    let outcome = run(&sandbox, &python("print('ran')"));
    assert_eq!(fake.living(), 0, "a machine is left");
    (outcome, fake.calls(EXECUTE).len() - before)
}

fn code_says_and_gives_what_it_does(fake: &Fake) {
    let code = "import sys\nprint('ä', end='')\nprint('b')\nprint('c', file=sys.stderr)\n6 * 7";
    let execution = run(&interpreter(fake), &python(code)).unwrap();
    let expected = Execution {
        text: Some("42".to_owned()),
        stdout: "äb\n".to_owned(),
        stderr: "c\n".to_owned(),
        ..Execution::default()
    };
    assert_eq!(execution, expected);
    let created = &fake.calls(CREATE)[0];
    assert_eq!((&created["templateID"], &created["timeout"]), (&"code-interpreter-v1".into(), &120.into()));
    fake.is_empty();
}

fn an_error_of_the_code_is_a_result(fake: &Fake) {
    let execution = run(&interpreter(fake), &python("print('before')\nint('x')")).unwrap();
    assert_eq!((execution.stdout.as_str(), execution.text), ("before\n", None));
    let error = execution.error.unwrap();
    assert_eq!(error.name, "ValueError");
    assert!(error.value.contains("'x'") && error.traceback.contains("line 2"), "{error:?}");
    let error = run(&interpreter(fake), &python("this is no code")).unwrap().error.unwrap();
    assert_eq!(error.name, "SyntaxError");
}

fn it_has_what_it_is_given(fake: &Fake) {
    let environment = BTreeMap::from([("GIVEN".to_owned(), "a b='c'\n".to_owned())]);
    let code = Code { environment, ..python("import os\nos.environ['GIVEN']") };
    assert_eq!(run(&interpreter(fake), &code).unwrap().text.unwrap(), r#""a b='c'\n""#);
    let language = |language: &str| Code { language: Some(language.to_owned()), ..python("echo $((6 * 7))") };
    assert_eq!(run(&interpreter(fake), &language("bash")).unwrap().stdout, "42\n");
    let outcome = run(&interpreter(fake), &language("cobol"));
    assert!(is_unavailable(&outcome), "{outcome:?}");
    fake.is_empty();
}

fn a_machine_remembers_and_a_run_does_not(fake: &Fake) {
    // The control: the interpreter itself keeps what it was told.
    let client = fake.client();
    let minute = Duration::from_secs(60);
    let machine = client.create("code-interpreter-v1", minute).unwrap();
    let all = |text: &str| {
        let mut outputs = client.execute(&machine, &python(text), minute, 1 << 20).unwrap();
        let mut all = Vec::new();
        loop {
            match outputs.next().unwrap() {
                Next::Output(output) => all.push(output),
                next => break assert_eq!(next, Next::End),
            }
        }
        all
    };
    assert_eq!(all("x = 1"), []);
    assert_eq!(all("x"), [Output::Text("1".to_owned())]);
    client.kill(&machine).unwrap();
    assert!(matches!(client.execute(&machine, &python("x"), minute, 1), Err(CallError::Gone)));
    let sandbox = interpreter(fake);
    assert_eq!(run(&sandbox, &python("x = 1\nx")).unwrap().text.unwrap(), "1");
    assert_eq!(run(&sandbox, &python("x")).unwrap().error.unwrap().name, "NameError");
}

fn output_and_time_are_bounded(fake: &Fake) {
    let sandbox = interpreter(fake);
    let short = Limits { output: 10_000, wall: Some(Duration::from_secs(60)), ..Limits::default() };
    let run = |text: &str, limits| sandbox.interpret(&python(text), limits, &Stop::default()).unwrap();
    let flood = run("while True: print('x' * 99)", short);
    assert_eq!(
        (flood.finish, flood.stdout.len(), flood.stderr.as_str()),
        (Finish::OutputExceeded, 10_000, "")
    );
    let long = run("'x' * 20_000", short);
    assert_eq!((long.finish, long.text.unwrap().len()), (Finish::OutputExceeded, 10_000));
    let error = run("raise Exception('x' * 20_000)", short);
    assert_eq!((error.finish, error.error.unwrap().value.len()), (Finish::OutputExceeded, 10_000));
    // One line of the protocol that is longer than any is accepted to be.
    let line = run("print('x' * (20 << 20), end='')", short);
    assert_eq!((line.finish, line.stdout.as_str()), (Finish::OutputExceeded, ""));
    let whole = run("print('x' * 9_999)", short);
    assert_eq!((whole.finish, whole.stdout.len()), (Finish::Whole, 10_000));
    let seconds = Limits { wall: Some(Duration::from_secs(9)), ..Limits::default() };
    let late = run("print('begun')\nwhile True: pass", seconds);
    assert_eq!((late.finish, late.stdout.as_str()), (Finish::DeadlineExceeded, "begun\n"));
    fake.is_empty();
}

fn what_was_refused_did_not_run(fake: &Fake) {
    for fault in [
        Fault::Answer(502, "", "The sandbox was not found"),
        Fault::Answer(502, "", "The sandbox is running but port is not open"),
        Fault::Answer(400, "", r#"{"detail":"no"}"#),
        Fault::Answer(401, "", r#"{"code":401,"message":"wrong token"}"#),
        Fault::Answer(429, "retry-after: 0\r\n", "slow down"),
    ] {
        let programs = fake.programs();
        let (outcome, asked) = with(fake, EXECUTE, 1, fault);
        assert!(is_unavailable(&outcome), "{fault:?}: {outcome:?}");
        assert_eq!((fake.programs() - programs, asked), (1, 1), "{fault:?}");
    }
}

fn what_was_lost_is_broken(fake: &Fake) {
    for fault in [
        Fault::HalfFrame,
        Fault::ErrorEnd,
        Fault::Cut,
        Fault::Unanswered,
        Fault::Ignored,
        Fault::Answer(503, "retry-after: 0\r\n", "who knows"),
        Fault::Answer(200, "", ""),
        Fault::Answer(200, "", "no message\n"),
        Fault::Answer(200, "", "{\"type\":\"stdout\",\"text\":\"ran\\n\"}\n"),
        Fault::Answer(200, "", "{\"type\":\"end_of_execution\"}"),
    ] {
        let (outcome, asked) = with(fake, EXECUTE, 1, fault);
        assert!(is_broken(&outcome), "{fault:?}: {outcome:?}");
        assert_eq!(asked, 1, "{fault:?}");
    }
    // What is new is passed over.
    let new = "{\"type\":\"news\",\"text\":7}\n\n{\"type\":\"stdout\",\"text\":\"ran\\n\",\"more\":[]}\n\
               {\"type\":\"end_of_execution\"}\n";
    ran(with(fake, EXECUTE, 1, Fault::Answer(200, "", new)).0);
}

fn an_interpreter_that_ends_is_an_error(fake: &Fake) {
    let outcome = run(&interpreter(fake), &python("import os\nos._exit(0)"));
    assert!(is_broken(&outcome), "{outcome:?}");
    fake.is_empty();
}

fn a_hang_meets_the_deadline(fake: &Fake) {
    let seconds = Limits { wall: Some(Duration::from_secs(3)), ..Limits::default() };
    let run = || interpreter(fake).interpret(&python("print('ran')"), seconds, &Stop::default());
    fake.fault(EXECUTE, 1, Fault::Hang);
    assert_eq!(run().unwrap().finish, Finish::DeadlineExceeded);
    fake.is_empty();
    // Nobody knows whether it began.
    fake.fault(EXECUTE, 1, Fault::Silent);
    assert_eq!(run().unwrap().finish, Finish::DeadlineExceeded);
    fake.is_empty();
}

fn making_a_machine_is_tried_again(fake: &Fake) {
    for fault in
        [Fault::Answer(429, "retry-after: 0\r\n", ""), Fault::Answer(503, "", "full"), Fault::Ignored]
    {
        ran(with(fake, CREATE, 2, fault).0);
    }
    for (token, asked) in [(Some("another"), 1), (None, 0)] {
        let (outcome, calls) = with(fake, CREATE, 1, Fault::Token(token));
        assert!(is_unavailable(&outcome), "{token:?}: {outcome:?}");
        assert_eq!(calls, asked, "{token:?}");
    }
}

fn machines_that_wait_are_used_once(fake: &Fake) {
    let size = NonZeroUsize::new(2).unwrap();
    let sandbox = interpreter(fake).kept_warm(Warm { size, ..Warm::default() }).unwrap();
    for _ in 0..3 {
        assert!(until(|| sandbox.waiting() == 2));
        let waiting = fake.machines();
        assert_eq!(run(&sandbox, &python("'x' in globals()")).unwrap().text.unwrap(), "False");
        assert!(waiting.contains(fake.ran_in().last().unwrap()));
        assert!(until(|| sandbox.waiting() == 2));
        assert_eq!(run(&sandbox, &python("x = 1\n1")).unwrap().text.unwrap(), "1");
    }
    assert!(until(|| sandbox.waiting() == 2));
    fake.end_machines();
    ran(run(&sandbox, &python("print('ran')")));
    let mut used = fake.ran_in();
    used.sort();
    used.dedup();
    assert_eq!(used.len(), fake.programs());
    drop(sandbox);
    fake.is_empty();
}

fn giving_up_ends_its_machine(fake: &Fake) {
    let (sandbox, stop) = (interpreter(fake), Stop::new());
    let outcome = thread::scope(|scope| {
        scope.spawn(|| {
            assert!(until(|| fake.programs() == 1));
            stop.request();
        });
        sandbox.interpret(&python("while True: pass"), Limits::default(), &stop)
    });
    assert!(matches!(outcome, Err(SandboxError::GivenUp)), "{outcome:?}");
    fake.is_empty();
    let made = fake.made();
    assert!(matches!(sandbox.interpret(&python("1"), Limits::default(), &stop), Err(SandboxError::GivenUp)));
    assert_eq!(fake.made(), made);
}

fn nobody_else_reaches_it(fake: &Fake) {
    let client = fake.client();
    let machine = client.create("code-interpreter-v1", Duration::from_secs(60)).unwrap();
    let traffic = format!("traffic-{}", &machine.id()[1..]);
    assert!(!format!("{machine:?}").contains(&traffic), "{machine:?}");
    // As whoever knows the name of a machine alone would ask.
    let address = fake.url().trim_start_matches("http://");
    let ask = |token: &str| {
        use std::io::{Read as _, Write as _};

        let (id, access) = (machine.id(), format!("token-{}", &machine.id()[1..]));
        let body = r#"{"code":"print('ran')"}"#;
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        let head = format!(
            "POST /execute HTTP/1.1\r\ne2b-sandbox-id: {id}\r\ne2b-sandbox-port: 49999\r\nx-access-token: {access}\r\n\
             e2b-traffic-access-token: {token}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    assert!(ask("guessed").starts_with("HTTP/1.1 403"));
    assert!(ask(&traffic).contains("ran"));
}

fn without_a_time_limit_nothing_runs(fake: &Fake) {
    let sandbox = interpreter(fake);
    for wall in [None, Some(Duration::from_secs(24 * 3_600))] {
        let limits = Limits { wall, ..Limits::default() };
        let outcome = sandbox.interpret(&python("1"), limits, &Stop::default());
        assert!(is_unavailable(&outcome), "{outcome:?}");
    }
    assert_eq!(fake.made(), 0);
}
