//! `[servers.NAME]`: servers that `--server NAME` starts, each with its command and what its sandbox is to be.
//!
//! A server's table says what differs from `[sandbox]`, key by key: what it gives takes the place of the general value
//! and is never joined with it. It may ask for less protection than `[sandbox]` does, which is a warning.

use toml::de::DeTable;

use super::{
    flags::Flags,
    problem::{At, Heed},
    reader::{Reader, texts},
    sandbox::SandboxConfig,
    suggest::{alternatives, closest, join, quoted},
};

/// Where the servers stand in the file.
const SECTION: &str = "servers";

/// Longest name of a server in bytes.
const MAX_NAME_LEN: usize = 64;

/// `[servers.NAME]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerConfig {
    /// Its name, for `--server` and for messages.
    pub name: String,
    /// The program and its arguments, as they are: no shell reads them.
    pub command: Vec<String>,
    /// Its sandbox: `[sandbox]` with what the server's own table says instead.
    pub sandbox: SandboxConfig,
}

/// All servers of the file, and the one that `--server` chose.
pub(super) fn read(
    reader: &mut Reader<'_, '_>,
    general: &SandboxConfig,
    flags: &Flags,
) -> (Vec<ServerConfig>, Option<ServerConfig>) {
    let named = reader.text("server");
    let servers = read_all(reader, general, flags, named.as_ref().map(|(name, _)| name.as_str()));
    let chosen = named.and_then(|(name, at)| choose(&name, at, &servers, reader));
    (servers, chosen)
}

/// Where one of them is chosen, what the others weaken has no effect.
fn read_all(
    reader: &mut Reader<'_, '_>,
    general: &SandboxConfig,
    flags: &Flags,
    chosen: Option<&str>,
) -> Vec<ServerConfig> {
    let Some(sections) = reader.table(&[SECTION]) else { return Vec::new() };
    reader.record_all(SECTION, sections);
    let mut servers = Vec::new();
    for (key, value) in sections {
        let name = key.get_ref().as_ref();
        let path = join(SECTION, name);
        let at = At::File(key.span().start);
        if !is_name(name) {
            let message = format!("a server's name is 1 to {MAX_NAME_LEN} letters, digits, `_`, `-` and `.`");
            reader.report.error(at, &path, message, None);
        }
        let Some(table) = value.get_ref().as_table() else { continue };
        reader.report.heed(match chosen {
            None => Heed::Bounded,
            Some(chosen) if chosen == name => Heed::Always,
            Some(_) => Heed::Never,
        });
        let command = command(table, &path, at, reader);
        let sandbox = table.get_key_value("sandbox").and_then(|(key, value)| {
            let table = value.get_ref().as_table()?;
            let place = (join(&path, "sandbox"), At::File(key.span().start));
            let sandbox = general.replaced_by(table, &place.0, place.1, flags, reader);
            // What is general was checked where it stands.
            if sandbox != *general {
                sandbox.expect_a_sandbox(place.1, &join(&place.0, "mode"), flags, reader);
                sandbox.expect_calls(place.1, &join(&place.0, "max_call_seconds"), flags, reader);
            }
            Some(sandbox)
        });
        let sandbox = sandbox.unwrap_or_else(|| general.clone());
        servers.push(ServerConfig { name: name.to_owned(), command, sandbox });
    }
    reader.report.heed(Heed::Bounded);
    servers
}

fn command(table: &DeTable<'_>, path: &str, at: At, reader: &mut Reader<'_, '_>) -> Vec<String> {
    let value = table.get("command");
    let command: Vec<String> =
        value.map(texts).unwrap_or_default().into_iter().map(|(text, _)| text).collect();
    let place = match value {
        None => Some(at),
        Some(value) if value.get_ref().as_array().is_some_and(|items| items.is_empty()) => {
            Some(At::File(value.span().start))
        }
        // There is one, or what does not fit is reported already.
        Some(_) => None,
    };
    if let Some(place) = place {
        let help = "write the program and its arguments, such as [\"npx\", \"-y\", \"some-server\"]";
        reader.report.error(place, &join(path, "command"), "the command is missing", Some(help.to_owned()));
    }
    command
}

/// The server that `--server` names.
fn choose(name: &str, at: At, servers: &[ServerConfig], reader: &mut Reader<'_, '_>) -> Option<ServerConfig> {
    let Some(server) = servers.iter().find(|server| server.name == name) else {
        let mut known: Vec<&str> = servers.iter().map(|server| server.name.as_str()).collect();
        known.sort_unstable();
        let list = match known.as_slice() {
            [] => "there is no `[servers.NAME]` in the configuration".to_owned(),
            [only] => format!("the only one is {}", quoted(only)),
            names => format!("there are {}", alternatives(names).replacen("` or `", "` and `", 1)),
        };
        let help = match closest(name, known.iter().copied()) {
            Some(close) => format!("did you mean `{close}`? {list}"),
            None => list,
        };
        reader.report.error(at, "server", format!("there is no server {}", quoted(name)), Some(help));
        return None;
    };
    Some(server.clone())
}

fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    !name.is_empty() && name.len() <= MAX_NAME_LEN && name.bytes().all(allowed)
}
