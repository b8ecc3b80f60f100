//! Where the service is, and the key.

use std::fmt;

use crate::http::Plain;

/// The variables of the environment that are read, as the official clients read them.
pub mod variables {
    /// The key of the account.
    pub const API_KEY: &str = "E2B_API_KEY";
    /// The domain of the service; `e2b.app` by default.
    pub const DOMAIN: &str = "E2B_DOMAIN";
    /// The whole address of the control API, instead of `https://api.` and the domain.
    pub const API_URL: &str = "E2B_API_URL";
    /// The whole address of all sandboxes, which are told apart by headers.
    pub const SANDBOX_URL: &str = "E2B_SANDBOX_URL";
    /// `true`: a service on this machine, in plain HTTP.
    pub const DEBUG: &str = "E2B_DEBUG";
}

/// Domains whose sandboxes are reached under one name, and told apart by headers.
const ROUTED_BY_HEADERS: &[&str] = &[
    "e2b.app",
    "e2b.dev",
    "e2b.pro",
    "e2b-staging.dev",
    "e2b-tango.dev",
    "e2b-juliett.dev",
    "foxtrot-2.e2b.dev",
];

/// Where the service is, and the key. It is sent in plain HTTP only to an address that was given so.
#[derive(Clone, PartialEq, Eq)]
pub struct Settings {
    api_key: Box<str>,
    domain: String,
    api_url: Option<String>,
    sandbox_url: Option<String>,
    debug: bool,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { api_key: _, domain, api_url, sandbox_url, debug } = self;
        f.debug_struct("Settings")
            .field("domain", domain)
            .field("api_url", api_url)
            .field("sandbox_url", sandbox_url)
            .field("debug", debug)
            .finish_non_exhaustive()
    }
}

/// What is wrong with the settings; the name of the variable, and never its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingsError {
    /// There is no key, or it is empty or no text that a header can hold.
    Key,
    /// It is not the name of a host.
    Host(&'static str),
    /// It is not an address that begins with `https://` or `http://`.
    Address(&'static str),
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key => write!(f, "`{}` holds no key", variables::API_KEY),
            Self::Host(name) => write!(f, "`{name}` is not the name of a host"),
            Self::Address(name) => write!(f, "`{name}` is not an address of `https://` or `http://`"),
        }
    }
}

impl std::error::Error for SettingsError {}

impl Settings {
    /// As the environment of this process says.
    ///
    /// # Errors
    /// There is no key, or something in it makes no sense.
    pub fn from_env() -> Result<Self, SettingsError> {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    /// As variables say; an empty one is as none.
    ///
    /// # Errors
    /// There is no key, or something in it makes no sense.
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let variable = |name| variable(name).filter(|value| !value.is_empty());
        let api_key = variable(variables::API_KEY).ok_or(SettingsError::Key)?;
        if !api_key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(SettingsError::Key);
        }
        let domain = variable(variables::DOMAIN).unwrap_or_else(|| "e2b.app".to_owned());
        if !is_host(&domain) {
            return Err(SettingsError::Host(variables::DOMAIN));
        }
        let address = |name| variable(name).map(|value| base(&value).ok_or(SettingsError::Address(name)));
        Ok(Self {
            api_key: api_key.into(),
            domain,
            api_url: address(variables::API_URL).transpose()?,
            sandbox_url: address(variables::SANDBOX_URL).transpose()?,
            debug: variable(variables::DEBUG).is_some_and(|word| word.eq_ignore_ascii_case("true")),
        })
    }

    /// The key, for the one header that carries it.
    pub(crate) fn expose_key(&self) -> &str {
        &self.api_key
    }

    /// Whether the user gave an address of plain HTTP.
    pub(crate) fn plain(&self) -> Plain {
        let given = |url: &Option<String>| url.as_ref().is_some_and(|url| url.starts_with("http://"));
        let allowed = self.debug || given(&self.api_url) || given(&self.sandbox_url);
        if allowed { Plain::Allowed } else { Plain::Refused }
    }

    /// The address of the control API, without a slash at its end.
    pub(crate) fn api(&self) -> String {
        match &self.api_url {
            Some(url) => url.clone(),
            None if self.debug => "http://localhost:3000".to_owned(),
            None => format!("https://api.{}", self.domain),
        }
    }

    /// The address of a port of a sandbox. `domain` is the one that the service named for it; `None` if what the
    /// service named is no part of the name of a host.
    pub(crate) fn sandbox(&self, id: &str, domain: Option<&str>, port: u16) -> Option<String> {
        let domain = domain.unwrap_or(&self.domain);
        if !is_host(domain) || !is_id(id) {
            return None;
        }
        Some(match &self.sandbox_url {
            Some(url) => url.clone(),
            None if self.debug => format!("http://localhost:{port}"),
            None if ROUTED_BY_HEADERS.contains(&domain) => format!("https://sandbox.{domain}"),
            None => format!("https://{port}-{id}.{domain}"),
        })
    }
}

/// Whether it can be the name of a machine: a part of the name of a host, and of an address.
pub(crate) fn is_id(id: &str) -> bool {
    is_host(id) && !id.contains('.')
}

fn is_host(name: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    name.len() <= 253 && name.split('.').all(part)
}

/// An address without credentials, question or slash at its end.
fn base(url: &str) -> Option<String> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
    let plain = rest.bytes().all(|byte| byte.is_ascii_graphic() && !b"@?#\\".contains(&byte));
    (plain && !rest.starts_with('/') && !rest.is_empty()).then(|| url.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::{Settings, SettingsError};
    use crate::http::Plain;

    fn settings(variables: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        Settings::from_variables(|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn addresses_are_made_as_the_official_clients_make_them() {
        let cloud = settings(&[("E2B_API_KEY", "k")]).unwrap();
        assert_eq!((cloud.api(), cloud.plain()), ("https://api.e2b.app".to_owned(), Plain::Refused));
        assert_eq!(cloud.sandbox("i1", None, 49983).unwrap(), "https://sandbox.e2b.app");
        assert_eq!(cloud.sandbox("i1", Some("own.io"), 49999).unwrap(), "https://49999-i1.own.io");
        let debug = settings(&[("E2B_API_KEY", "k"), ("E2B_DEBUG", "True")]).unwrap();
        assert_eq!(debug.api(), "http://localhost:3000");
        assert_eq!(debug.sandbox("i1", None, 49983).unwrap(), "http://localhost:49983");
        let own = [("E2B_API_KEY", "k"), ("E2B_API_URL", "http://a:1/"), ("E2B_SANDBOX_URL", "http://b")];
        let own = settings(&own).unwrap();
        assert_eq!((own.api(), own.plain()), ("http://a:1".to_owned(), Plain::Allowed));
        assert_eq!(own.sandbox("i1", None, 49983).unwrap(), "http://b");
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        assert_eq!(settings(&[]), Err(SettingsError::Key));
        assert_eq!(settings(&[("E2B_API_KEY", "")]), Err(SettingsError::Key));
        assert_eq!(settings(&[("E2B_API_KEY", "a\nb")]), Err(SettingsError::Key));
        let with = |name, value| settings(&[("E2B_API_KEY", "k"), (name, value)]);
        assert!(matches!(with("E2B_DOMAIN", "a/b"), Err(SettingsError::Host(_))));
        for odd in ["ftp://a", "http://", "http://u@a", "https://a?b", "a.b"] {
            assert!(matches!(with("E2B_API_URL", odd), Err(SettingsError::Address(_))), "{odd}");
        }
        let cloud = settings(&[("E2B_API_KEY", "k")]).unwrap();
        for (id, domain) in [("a/b", None), ("a.b", None), ("i", Some("evil/")), ("", None)] {
            assert!(cloud.sandbox(id, domain, 1).is_none(), "{id}");
        }
    }

    #[test]
    fn the_key_is_not_shown() {
        let shown = format!("{:?}", settings(&[("E2B_API_KEY", "e2b_0123")]).unwrap());
        assert!(shown.contains("e2b.app") && !shown.contains("e2b_0123"), "{shown}");
    }
}
