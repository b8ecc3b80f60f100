//! `[sandbox]`: credentials of sandbox services.

use super::{
    ConfigFile,
    problem::At,
    reader::{Reader, text},
    secret::Secret,
};

const KEY: &str = "sandbox.e2b_api_key";

/// `[sandbox]`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SandboxConfig {
    /// The key of the E2B service, best given as `E2B_API_KEY`.
    pub e2b_api_key: Option<Secret>,
}

impl SandboxConfig {
    pub(super) fn read(reader: &mut Reader<'_, '_>, file: Option<&ConfigFile<'_>>) -> Self {
        refuse_exposed_key(reader, file);
        Self { e2b_api_key: reader.secret(KEY).map(|(key, _)| Secret::new(key)) }
    }
}

/// A key that others can read is lost, also when the environment gives another one.
fn refuse_exposed_key(reader: &mut Reader<'_, '_>, file: Option<&ConfigFile<'_>>) {
    let Some(file) = file.filter(|file| file.readable_by_others) else { return };
    let Some(value) = reader.table(&["sandbox"]).and_then(|table| table.get("e2b_api_key")) else { return };
    if text(value).is_some() {
        let help = format!("run `chmod 600 {}`, or give the key as `E2B_API_KEY`", shell_word(file.name));
        let at = At::File(value.span().start);
        reader.report.error(at, KEY, "a secret stands in a file that others can read", Some(help));
    }
}

/// The name as one word of a POSIX shell.
fn shell_word(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._/-".contains(&byte);
    let name = if name.starts_with('-') { format!("./{name}") } else { name.to_owned() };
    if !name.is_empty() && name.bytes().all(plain) {
        name
    } else {
        format!("'{}'", name.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::shell_word;

    #[test]
    fn file_names_become_one_word() {
        for (name, word) in [
            ("airlock.toml", "airlock.toml"),
            ("/etc/air lock.toml", "'/etc/air lock.toml'"),
            ("it's", r"'it'\''s'"),
            ("-rf", "./-rf"),
            ("$(x)", "'$(x)'"),
            ("", "''"),
        ] {
            assert_eq!(shell_word(name), word);
        }
    }
}
