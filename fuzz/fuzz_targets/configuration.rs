//! The configuration: whatever the text, either an engine can be built or there are problems to print.
//!
//! What follows a NUL is the environment, one `NAME=VALUE` per line.
#![no_main]

use airlock_engine::{
    Airlock, Caller, TargetKind,
    config::{self, ConfigFile, ConfigInput, Flags},
};
use airlock_testkit::providers;
use jiff::tz::TimeZone;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let (text, environment) = text.split_once('\0').unwrap_or((text, ""));
    let environment: Vec<(String, String)> = environment
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let file = ConfigFile { name: "airlock.toml", text, readable_by_others: text.len() % 2 == 1 };
    let input = ConfigInput { file: Some(file), environment: &environment, flags: Flags::default() };
    match config::load(&input, &TimeZone::UTC) {
        Ok(config) => {
            assert!(config.airlock.max_output_chars > 0, "zero is never \"unlimited\"");
            let airlock = Airlock::new(&config, providers(), [0; 32]);
            let tool = airlock.tool(TargetKind::Tool, "read_file", None);
            airlock.may_see(&tool, &Caller::anonymous());
        }
        Err(problems) => {
            assert!(problems.iter().count() > 0, "a refusal without a reason");
            assert!(problems.iter().count() <= 2 * config::MAX_PROBLEMS + 2);
            assert!(problems.iter().all(|problem| !problem.message.is_empty()));
            assert!(!problems.to_string().is_empty());
        }
    }
});
