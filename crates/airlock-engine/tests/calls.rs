//! `corpus/calls`, decided by the engine itself.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use airlock_engine::{Airlock, RawCall, RawOutput, TargetKind};
use airlock_testkit::{
    calls::{Case, Seen, behave, check, tools},
    engine,
};

fn call(airlock: &Airlock, case: &Case, seen: &mut Seen) {
    let schema = tools().get(&case.tool).unwrap().to_string();
    let tool = airlock.tool(TargetKind::Tool, &case.tool, Some(&schema));
    let raw = RawCall::new(tool, &*case.arguments, Arc::new(case.caller()));
    let permit = match pollster::block_on(airlock.admit(raw)) {
        Ok(permit) => permit,
        Err(rejection) => {
            *seen = Seen { ran: std::mem::take(&mut seen.ran), ..Seen::refused(rejection.code()) };
            return;
        }
    };
    let arguments = serde_json::from_str(permit.arguments()).unwrap();
    let (output, failed) = match behave(&case.tool, &arguments) {
        Ok(text) => (RawOutput::text(text), false),
        Err(text) => (RawOutput::Failed(text.into()), true),
    };
    seen.ran.push(arguments);
    let released = pollster::block_on(permit.release(output));
    let ran = std::mem::take(&mut seen.ran);
    *seen = match released {
        Ok(output) => Seen { shown: Some(output.into_text()), failed, ran, ..Seen::default() },
        Err(rejection) => Seen { ran, ..Seen::refused(rejection.code()) },
    };
}

#[test]
fn the_engine_decides_the_corpus() {
    check(|case| {
        let (airlock, _) = engine(&case.config);
        let mut seen = Seen::default();
        for _ in 0..case.repeat {
            call(&airlock, case, &mut seen);
        }
        seen
    });
}

#[test]
#[should_panic(expected = "of 44 cases")]
fn a_door_that_refuses_nothing_is_noticed() {
    check(|case| Seen {
        ran: case.ran.iter().cloned().collect(),
        shown: case.shown.clone(),
        ..Seen::default()
    });
}
