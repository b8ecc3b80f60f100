//! The configuration as a whole: files and layers in, settings or rendered problems out.

mod bad_files;
mod default_file;
mod layers;
mod meaning;
mod properties;
mod servers;

use jiff::tz::TimeZone;

use super::{Config, ConfigFile, ConfigInput, Flags, Problems, load};
use crate::{
    caller::{AgentId, Caller},
    code::Code,
    policy::{Policy, Subject, TargetKind, fold},
};

fn file(text: &str) -> ConfigFile<'_> {
    ConfigFile { name: "airlock.toml", text, readable_by_others: false }
}

fn read(text: &str) -> Result<Config, Problems> {
    load(&ConfigInput { file: Some(file(text)), ..ConfigInput::default() }, &TimeZone::UTC)
}

fn rendered(text: &str) -> String {
    read(text).map_or_else(|problems| problems.to_string(), |_| "no problem".to_owned())
}

fn environment(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn layered(text: &str, variables: &[(&str, &str)], flags: Flags) -> Result<Config, Problems> {
    let variables = environment(variables);
    load(&ConfigInput { file: Some(file(text)), environment: &variables, flags }, &TimeZone::UTC)
}

fn ask(policy: &Policy, name: &str, agent: &str) -> Result<Option<String>, Code> {
    let binding = policy.bind(&Subject { kind: TargetKind::Tool, name, folded: &fold(name) });
    let caller = Caller { agent_id: AgentId::new(agent).ok(), ..Caller::anonymous() };
    let noon = "2026-01-30T12:00:00Z".parse().unwrap();
    let limit = binding.evaluate(&caller, noon, &mut |_, _| ()).map_err(|rejection| rejection.code())?;
    Ok(limit.map(|limit| limit.text.to_string()))
}

fn warned(config: &Config) -> Vec<&str> {
    config.warnings.iter().map(|warning| warning.key.as_str()).collect()
}
