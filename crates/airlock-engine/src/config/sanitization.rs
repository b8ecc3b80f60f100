//! `[sanitization]`: what is masked and how, and what happens to injected instructions.

use airlock_scan::{AllowList, Class, Kind, KindSet, Options, Scanner};
use toml::de::DeTable;

use super::{
    allow,
    detectors::{self, Detectors},
    environment::HASH_KEY,
    kinds,
    problem::At,
    reader::{Reader, text},
    secret::HashKey,
    suggest::join,
};

/// How a finding is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Strategy {
    /// `***REDACTED***`
    Full,
    /// The last four characters stay: `***-**-6789`
    Partial,
    /// `[SSN REDACTED]`
    TypeOnly,
    /// `[SSN:a1b2c3d4]`, under a key, so that equal values can be told without knowing them.
    Hash,
}

impl Strategy {
    /// The names used in the configuration.
    pub const NAMES: &'static [&'static str] = &["full", "partial", "type_only", "hash"];

    /// The name used in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Partial => "partial",
            Self::TypeOnly => "type_only",
            Self::Hash => "hash",
        }
    }

    /// The strategy of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Full, Self::Partial, Self::TypeOnly, Self::Hash]
            .into_iter()
            .find(|strategy| strategy.name() == name)
    }
}

/// What happens to instructions to the model that are found in a tool's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Injection {
    /// They pass, and the audit record says so.
    Flag,
    /// The output is withheld.
    Block,
    /// Nobody looks.
    Off,
}

impl Injection {
    /// The names used in the configuration.
    pub const NAMES: &'static [&'static str] = &["flag", "block", "off"];

    /// The name used in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Flag => "flag",
            Self::Block => "block",
            Self::Off => "off",
        }
    }

    /// The choice of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Flag, Self::Block, Self::Off].into_iter().find(|choice| choice.name() == name)
    }
}

/// `[sanitization]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sanitization {
    /// For personal data. Default partial: people tell records apart by the last digits.
    pub pii_strategy: Strategy,
    /// For credentials. Default full: no part of a credential helps anybody.
    pub secret_strategy: Strategy,
    /// Kinds with a strategy of their own.
    pub kinds: Vec<(Kind, Strategy)>,
    /// Opt-in kinds that are masked, too.
    pub enabled_kinds: KindSet,
    /// Kinds that are not masked.
    pub disabled_kinds: KindSet,
    /// Texts that are not masked.
    pub allow: AllowList,
    /// Whether addresses of private networks are masked. Default true.
    pub mask_private_ips: bool,
    /// Whether connection strings are masked as a whole. Default false: the password only.
    pub whole_connection_strings: bool,
    /// `[[detector]]`
    pub detectors: Detectors,
    /// Injected instructions. Default flag: a finding is a suspicion.
    pub injection: Injection,
    /// The key of [`Strategy::Hash`], if the environment gives one; else the host makes one.
    pub hash_key: Option<HashKey>,
}

impl Default for Sanitization {
    fn default() -> Self {
        Self {
            pii_strategy: Strategy::Partial,
            secret_strategy: Strategy::Full,
            kinds: Vec::new(),
            enabled_kinds: KindSet::none(),
            disabled_kinds: KindSet::none(),
            allow: AllowList::default(),
            mask_private_ips: true,
            whole_connection_strings: false,
            detectors: Detectors::default(),
            injection: Injection::Flag,
            hash_key: None,
        }
    }
}

impl Sanitization {
    /// How a kind is masked.
    pub fn strategy(&self, kind: Kind) -> Strategy {
        let own = self.kinds.iter().find(|(known, _)| *known == kind).map(|(_, strategy)| *strategy);
        own.unwrap_or(match kind.class() {
            Class::Pii => self.pii_strategy,
            // Also for classes that this version does not know: show nothing.
            _ => self.secret_strategy,
        })
    }

    /// A scanner for every kind that is masked, injected instructions included, with the user's detectors,
    /// allowed texts and switches. What `[airlock]` switches off for a whole class is not looked at here:
    /// [`Scanner::with_kinds`] narrows it.
    ///
    /// ```
    /// use airlock_engine::config::Config;
    /// let scanner = Config::default().sanitization.scanner();
    /// let mut findings = Vec::new();
    /// scanner.scan("mail bob@example.com", &mut findings);
    /// assert_eq!(findings.len(), 1);
    /// ```
    pub fn scanner(&self) -> Scanner {
        let on = |kind: &Kind| {
            (!kind.is_opt_in() || self.enabled_kinds.contains(*kind)) && !self.disabled_kinds.contains(*kind)
        };
        let options = Options {
            detectors: self.detectors.set(),
            allow: self.allow.clone(),
            private_ips: self.mask_private_ips,
            whole_connection_strings: self.whole_connection_strings,
        };
        Scanner::new(Kind::ALL.iter().copied().filter(on).collect()).with_options(options)
    }

    pub(super) fn read(reader: &mut Reader<'_, '_>) -> Self {
        let default = Self::default();
        let pii_strategy = read_strategy(reader, "sanitization.pii_strategy", default.pii_strategy);
        let secret_strategy = read_strategy(reader, "sanitization.secret_strategy", default.secret_strategy);
        let (enabled_kinds, disabled_kinds) = kinds::read(reader);
        Self {
            pii_strategy: pii_strategy.0,
            secret_strategy: secret_strategy.0,
            kinds: read_kinds(reader),
            enabled_kinds,
            disabled_kinds,
            allow: allow::read(reader),
            mask_private_ips: read_private_ips(reader, default.mask_private_ips),
            whole_connection_strings: read_whole_connection_strings(reader),
            detectors: detectors::read(reader),
            injection: read_screening(reader, default.injection),
            hash_key: read_hash_key(reader),
        }
        .warned(secret_strategy.1, reader)
    }

    fn warned(self, secrets_at: At, reader: &mut Reader<'_, '_>) -> Self {
        if self.secret_strategy == Strategy::Partial {
            let message = "the last four characters of credentials are shown";
            reader.report.warning(secrets_at, "sanitization.secret_strategy", message, None);
        }
        self
    }
}

fn read_strategy(reader: &mut Reader<'_, '_>, key: &'static str, default: Strategy) -> (Strategy, At) {
    match reader.text(key).and_then(|(name, at)| Some((Strategy::from_name(&name)?, at))) {
        Some(given) => given,
        None => (default, reader.record(key, default.name().to_owned(), At::BuiltIn)),
    }
}

fn read_screening(reader: &mut Reader<'_, '_>, default: Injection) -> Injection {
    const KEY: &str = "sanitization.screen_injection";
    let Some((choice, at)) = reader.text(KEY).and_then(|(name, at)| Some((Injection::from_name(&name)?, at)))
    else {
        reader.record(KEY, default.name().to_owned(), At::BuiltIn);
        return default;
    };
    if choice == Injection::Off {
        reader.report.warning(at, KEY, "output is not screened for injected instructions", None);
    }
    choice
}

fn read_kinds(reader: &mut Reader<'_, '_>) -> Vec<(Kind, Strategy)> {
    const PATH: &str = "sanitization.kinds";
    let empty = DeTable::new();
    let table = reader.table(&["sanitization", "kinds"]).unwrap_or(&empty);
    reader.record_all(PATH, table);
    let mut kinds = Vec::new();
    for (key, value) in table {
        let path = join(PATH, key.get_ref());
        let at = At::File(key.span().start);
        let Some(kind) = kinds::maskable(key.get_ref(), at, &path, reader) else { continue };
        let Some(strategy) = text(value).as_deref().and_then(Strategy::from_name) else { continue };
        if strategy == Strategy::Partial && kind.class() == Class::Secret {
            let message = "the last four characters of this kind of credential are shown";
            reader.report.warning(At::File(value.span().start), &path, message, None);
        }
        kinds.push((kind, strategy));
    }
    kinds
}

fn read_private_ips(reader: &mut Reader<'_, '_>, default: bool) -> bool {
    const KEY: &str = "sanitization.mask_private_ips";
    let (masked, at) = reader.boolean(KEY, default);
    if !masked {
        reader.report.warning(at, KEY, "addresses of private networks are not masked", None);
    }
    masked
}

fn read_whole_connection_strings(reader: &mut Reader<'_, '_>) -> bool {
    const KEY: &str = "sanitization.connection_string";
    let Some((choice, _)) = reader.text(KEY) else {
        reader.record(KEY, "password".to_owned(), At::BuiltIn);
        return false;
    };
    choice == "whole"
}

fn read_hash_key(reader: &mut Reader<'_, '_>) -> Option<HashKey> {
    let (digits, at) = reader.secret(HASH_KEY)?;
    let key = HashKey::from_hex(&digits);
    if key.is_none() {
        let help = "make one with `openssl rand -hex 32`".to_owned();
        reader.report.error(at, HASH_KEY, "expected 64 hexadecimal digits", Some(help));
    }
    key
}
