//! `[sanitization]`: what is masked and how, and what happens to injected instructions.

use airlock_scan::{Class, Kind, KindSet};
use toml::de::DeTable;

use super::{
    environment::HASH_KEY,
    problem::At,
    reader::{Reader, text, texts},
    secret::HashKey,
    suggest::{closest, join, quoted},
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
    /// Kinds that are not masked.
    pub disabled_kinds: KindSet,
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
            disabled_kinds: KindSet::none(),
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

    pub(super) fn read(reader: &mut Reader<'_, '_>) -> Self {
        let default = Self::default();
        let pii_strategy = read_strategy(reader, "sanitization.pii_strategy", default.pii_strategy);
        let secret_strategy = read_strategy(reader, "sanitization.secret_strategy", default.secret_strategy);
        Self {
            pii_strategy: pii_strategy.0,
            secret_strategy: secret_strategy.0,
            kinds: read_kinds(reader),
            disabled_kinds: read_disabled_kinds(reader),
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
        let Some(kind) = maskable(key.get_ref(), At::File(key.span().start), &path, reader) else { continue };
        let Some(strategy) = text(value).as_deref().and_then(Strategy::from_name) else { continue };
        if strategy == Strategy::Partial && kind.class() == Class::Secret {
            let message = "the last four characters of this kind of credential are shown";
            reader.report.warning(At::File(value.span().start), &path, message, None);
        }
        kinds.push((kind, strategy));
    }
    kinds
}

fn read_disabled_kinds(reader: &mut Reader<'_, '_>) -> KindSet {
    const KEY: &str = "sanitization.disabled_kinds";
    let Some(value) = reader.table(&["sanitization"]).and_then(|table| table.get("disabled_kinds")) else {
        return KindSet::none();
    };
    let mut disabled = KindSet::none();
    for (name, at) in texts(value) {
        let Some(kind) = maskable(&name, at, KEY, reader) else { continue };
        reader.report.warning(at, KEY, format!("`{}` is not masked", kind.name()), None);
        disabled = disabled.with(kind);
    }
    let names: Vec<&str> = disabled.iter().map(Kind::name).collect();
    reader.record(KEY, format!("[{}]", names.join(", ")), At::File(value.span().start));
    disabled
}

/// The kind of that name, if masking applies to it.
fn maskable(name: &str, at: At, key: &str, reader: &mut Reader<'_, '_>) -> Option<Kind> {
    let names = || Kind::ALL.iter().filter(|kind| kind.class() != Class::Injection).map(|kind| kind.name());
    match Kind::from_name(name) {
        Some(kind) if kind.class() == Class::Injection => {
            let help = "`screen_injection` says what happens to it".to_owned();
            reader.report.error(at, key, "`injection` is screened, not masked", Some(help));
            None
        }
        Some(kind) => Some(kind),
        None => {
            let help = match closest(name, names()) {
                Some(known) => format!("did you mean `{known}`?"),
                None => format!("known kinds: {}", names().collect::<Vec<_>>().join(", ")),
            };
            reader.report.error(at, key, format!("{} is not a kind of finding", quoted(name)), Some(help));
            None
        }
    }
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
