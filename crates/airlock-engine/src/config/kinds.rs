//! Names of kinds: which are masked beyond the usual ones, and which are not.

use airlock_scan::{Class, Kind, KindSet};
use toml::{Spanned, de::DeValue};

use super::{
    problem::At,
    reader::{Reader, texts},
    suggest::{closest, quoted},
};

/// The word for all opt-in kinds.
const ALL: &str = "all";

/// `sanitization.enabled_kinds` and `sanitization.disabled_kinds`.
pub(super) fn read(reader: &mut Reader<'_, '_>) -> (KindSet, KindSet) {
    const DISABLED: &str = "sanitization.disabled_kinds";
    let section = reader.table(&["sanitization"]);
    let value = |name: &str| section.and_then(|table| table.get(name));
    let disabled = value("disabled_kinds").map_or_else(KindSet::none, |value| {
        let disabled = read_disabled(value, DISABLED, "", reader);
        record(DISABLED, disabled, value, reader);
        disabled
    });
    let enabled =
        value("enabled_kinds").map_or_else(KindSet::none, |value| read_enabled(value, disabled, reader));
    (enabled, disabled)
}

fn read_enabled(value: &Spanned<DeValue<'_>>, disabled: KindSet, reader: &mut Reader<'_, '_>) -> KindSet {
    const KEY: &str = "sanitization.enabled_kinds";
    let mut enabled = KindSet::none();
    for (name, at) in texts(value) {
        if name == ALL {
            enabled = Kind::ALL.iter().copied().filter(|kind| kind.is_opt_in()).fold(enabled, KindSet::with);
            continue;
        }
        let Some(kind) = maskable(&name, at, KEY, reader) else { continue };
        if disabled.contains(kind) {
            let help = "remove it from one of the lists".to_owned();
            let message = format!("`{}` is in `disabled_kinds`, too", kind.name());
            reader.report.error(at, KEY, message, Some(help));
        }
        enabled = enabled.with(kind);
    }
    record(KEY, enabled, value, reader);
    enabled
}

/// A list of kinds that are not masked `where_`; each is a warning.
pub(super) fn read_disabled(
    value: &Spanned<DeValue<'_>>,
    key: &str,
    where_: &str,
    reader: &mut Reader<'_, '_>,
) -> KindSet {
    let mut disabled = KindSet::none();
    for (name, at) in texts(value) {
        let Some(kind) = maskable(&name, at, key, reader) else { continue };
        let message = format!("`{}` is not masked {where_}", kind.name());
        reader.report.warning(at, key, message.trim_end(), None);
        disabled = disabled.with(kind);
    }
    disabled
}

fn record(key: &str, kinds: KindSet, value: &Spanned<DeValue<'_>>, reader: &mut Reader<'_, '_>) {
    let names: Vec<&str> = kinds.iter().map(Kind::name).collect();
    reader.record(key, format!("[{}]", names.join(", ")), At::File(value.span().start));
}

/// The kind of that name, if masking applies to it.
pub(super) fn maskable(name: &str, at: At, key: &str, reader: &mut Reader<'_, '_>) -> Option<Kind> {
    match Kind::from_name(name) {
        Some(kind) if kind.class() == Class::Injection => {
            let help = "`screen_injection` says what happens to it".to_owned();
            reader.report.error(at, key, "`injection` is screened, not masked", Some(help));
            None
        }
        Some(kind) => Some(kind),
        None => {
            let help = similar(name)
                .unwrap_or_else(|| format!("known kinds: {}", names().collect::<Vec<_>>().join(", ")));
            reader.report.error(at, key, format!("{} is not a kind of finding", quoted(name)), Some(help));
            None
        }
    }
}

/// The question whether a known kind was meant.
pub(super) fn similar(name: &str) -> Option<String> {
    closest(name, names()).map(|known| format!("did you mean `{known}`?"))
}

fn names() -> impl Iterator<Item = &'static str> {
    Kind::ALL.iter().filter(|kind| kind.class() != Class::Injection).map(|kind| kind.name())
}
