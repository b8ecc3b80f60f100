//! The schema compiler, and calls with arbitrary arguments against what it compiled.
//!
//! The first line is the schema, the rest the arguments.
#![no_main]

use std::sync::{Arc, LazyLock};

use airlock_engine::{Airlock, Caller, Code, Contract, RawCall, Rejection, TargetKind};
use airlock_testkit::engine;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

static STRICT: LazyLock<Airlock> = LazyLock::new(|| engine("[airlock]\nstrict_mode = true").0);
static PERMISSIVE: LazyLock<Airlock> = LazyLock::new(|| engine("").0);

fuzz_target!(|text: &str| {
    let (schema, arguments) = text.split_once('\n').unwrap_or((text, "{}"));
    if Contract::compile(schema).is_err() {
        let refused = admit(&PERMISSIVE, schema, "{}").map_err(|rejection| rejection.code());
        assert_eq!(refused, Err(Code::InternalContract), "a broken schema let a call through");
        return;
    }
    let strict = admit(&STRICT, schema, arguments);
    let permissive = admit(&PERMISSIVE, schema, arguments);
    if let Ok(forwarded) = &strict {
        assert_eq!(forwarded, arguments, "strict mode changed the arguments");
        assert_eq!(permissive.as_ref().ok(), strict.as_ref().ok(), "permissive mode is stricter");
    }
    if let Ok(forwarded) = &permissive {
        assert_eq!(admit(&STRICT, schema, forwarded).as_ref(), Ok(forwarded), "a ghost was left");
    }
    agrees_with_the_plain_validator(schema, arguments, &strict);
});

/// The arguments that would be forwarded.
fn admit(airlock: &Airlock, schema: &str, arguments: &str) -> Result<String, Rejection> {
    let tool = airlock.tool(TargetKind::Tool, "tool", Some(schema));
    let call = RawCall::new(tool, arguments, Arc::new(Caller::anonymous()));
    pollster::block_on(airlock.admit(call)).map(|permit| permit.arguments().to_owned())
}

/// The validator over our document and the one over general values say the same.
fn agrees_with_the_plain_validator(schema: &str, arguments: &str, strict: &Result<String, Rejection>) {
    // General values round numbers, so that only short ones can be compared.
    if has_long_number(schema) || has_long_number(arguments) {
        return;
    }
    let (Ok(schema), Ok(arguments)) =
        (serde_json::from_str::<Value>(schema), serde_json::from_str::<Value>(arguments))
    else {
        return;
    };
    let options = jsonschema::options().offline().with_pattern_options(jsonschema::PatternOptions::regex());
    let Ok(validator) = options.build(&schema) else { return };
    match strict {
        Ok(_) => assert!(validator.is_valid(&arguments), "admitted what the schema forbids"),
        Err(rejection) if rejection.code() == Code::ValidationError && !rejection.fix_hints().is_empty() => {
            let duplicate = rejection.message().contains("twice");
            let hint_of_ours = rejection.message().contains("surrogate") || !arguments.is_object();
            assert!(
                duplicate || hint_of_ours || !validator.is_valid(&arguments),
                "refused what the schema allows"
            );
        }
        Err(_) => {}
    }
}

fn has_long_number(json: &str) -> bool {
    let numeric = |c: char| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-');
    json.split(|c| !numeric(c)).any(|run| run.len() > 12 || run.contains(['e', 'E']) && run.len() > 1)
}
