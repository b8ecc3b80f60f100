//! Identifiers that are looked for only where they are asked for: of persons, documents, banks, machines.
//!
//! They start at words, not at anchors: a walk of its own over the text, which nobody pays for who asks for none.

mod check;
mod europe;
mod form;
mod plain;
mod sha256;
mod table;
mod wallet;
mod world;

use std::sync::OnceLock;

use crate::{
    Confidence, Kind,
    rule::Sink,
    text::{Text, is_word},
    verify::nearby::named,
};
use form::{Form, LEADS, Lead};
use table::{Id, TABLE};

/// Reports every opt-in kind that the sink wants. Linear in the text.
pub(crate) fn walk(text: &Text<'_>, sink: &mut Sink<'_>) {
    let mut at = 0;
    while at < text.len() {
        let start = text.run(at, text.len(), |byte| !byte.is_ascii_alphanumeric());
        let letters = text.run(start, text.len(), |byte| byte.is_ascii_alphabetic());
        at = text.run(letters, text.len(), |byte| byte.is_ascii_alphanumeric());
        if letters == at && is_plain(text, start, at) {
            continue;
        }
        let before = text.before(start, 1);
        // The rest of a name, a mask, or a number that goes on.
        let rest = matches!(before, b'_' | b'*')
            || matches!(before, b'-' | b'.') && text.before(start, 2).is_ascii_alphanumeric();
        if !rest && start < at {
            word(text, start, at, sink);
        }
    }
}

/// Whether the letters are an ordinary word: no code of a bank, no start of a hardware address, no digit behind.
#[inline]
fn is_plain(text: &Text<'_>, start: usize, end: usize) -> bool {
    let code = matches!(end - start, 2 | 4 | 8 | 11) && !text.before(end, 1).is_ascii_lowercase()
        || matches!(text.at(end), b':' | b'-' | b'.') && text.at(end + 1).is_ascii_hexdigit();
    !code && !followed_by_digit(text, end)
}

fn followed_by_digit(text: &Text<'_>, end: usize) -> bool {
    text.at(end + 1).is_ascii_digit() || text.at(end + 2).is_ascii_digit()
}

/// Whether the value, all of it, has a form of the kind.
pub(crate) fn has_form(kind: Kind, value: &str) -> bool {
    let text = Text::new(value);
    let word = text.run(0, text.len(), |byte| byte.is_ascii_alphanumeric());
    let end = match kind {
        Kind::MacAddress => plain::mac_address(&text, 0),
        Kind::DateOfBirth => plain::date(&text, 0),
        Kind::Bic => plain::is_bic(value.as_bytes()).then_some(value.len()),
        Kind::CryptoWallet => wallet::read(&text, 0, word),
        _ => {
            let own = TABLE.iter().filter(|id| id.kind == kind);
            own.flat_map(|id| id.forms.iter().map(move |form| (id, form)))
                .filter_map(|(id, form)| Some((id, form.read(&text, 0)?)))
                .find(|(id, (end, compact))| *end == value.len() && (id.check)(compact.as_bytes()))
                .map(|(_, (end, _))| end)
        }
    };
    end == Some(value.len()) && end != Some(0)
}

/// Asks which identifier starts with the word `start..end`.
fn word(text: &Text<'_>, start: usize, end: usize, sink: &mut Sink<'_>) {
    if end - start >= 26 && sink.wants(Kind::CryptoWallet) {
        if let Some(end) = wallet::read(text, start, end) {
            sink.report(Kind::CryptoWallet, start..end, Confidence::High, "crypto-wallet");
        }
        return;
    }
    let bic = matches!(end - start, 8 | 11) && sink.wants(Kind::Bic) && !is_word(text.at(end));
    if bic && plain::is_bic(text.slice(start, end)) && named(text, start, end, &plain::BIC_WORDS) {
        sink.report(Kind::Bic, start..end, Confidence::Medium, "bic");
    }
    if sink.wants(Kind::MacAddress)
        && matches!(end - start, 2 | 4)
        && let Some(end) = plain::mac_address(text, start)
    {
        sink.report(Kind::MacAddress, start..end, Confidence::High, "mac-address");
    }
    let first = text.at(start).is_ascii_digit();
    if sink.wants(Kind::DateOfBirth)
        && end - start <= 12
        && (first || followed_by_digit(text, end))
        && let Some(end) = plain::date_of_birth(text, start)
    {
        sink.report(Kind::DateOfBirth, start..end, Confidence::High, "date-of-birth");
    }
    let candidates = candidates(text, start);
    if candidates.is_empty() {
        return;
    }
    let ends = form::ends(text, start);
    for (id, form) in candidates {
        if ends >> form.len & 1 == 1 && sink.wants(id.kind) {
            identifier(text, start, id, *form, sink);
        }
    }
}

fn identifier(text: &Text<'_>, start: usize, id: &Id, form: Form, sink: &mut Sink<'_>) {
    let Some((end, compact)) = form.read(text, start) else { return };
    if !(id.check)(compact.as_bytes()) {
        return;
    }
    let near = named(text, start, end, id.words);
    let confidence = if near { Confidence::High } else { Confidence::Medium };
    if form.alone || near {
        sink.report(id.kind, start..end, confidence, id.rule);
    }
}

type Entry = (&'static Id, Form);

/// The forms that start with as many digits or letters as stand at `start`.
fn candidates(text: &Text<'_>, start: usize) -> &'static [Entry] {
    static LISTS: OnceLock<Vec<Vec<Entry>>> = OnceLock::new();
    let digits = text.run(start, LEADS + 1, |byte| byte.is_ascii_digit()) - start;
    let letters = text.run(start, LEADS + 1, |byte| byte.is_ascii_alphabetic()) - start;
    let (lead, next) = if digits > 0 {
        (Lead::Digits(digits), start + digits)
    } else {
        (Lead::Letters(letters), start + letters)
    };
    // Words without a digit in or behind them are no identifiers.
    if digits == 0 && !text.at(next).is_ascii_digit() && !text.at(next + 1).is_ascii_digit() {
        return &[];
    }
    let lists = LISTS.get_or_init(lists);
    lists.get(place(lead)).map(Vec::as_slice).unwrap_or_default()
}

fn place(lead: Lead) -> usize {
    match lead {
        Lead::Digits(len) => len,
        Lead::Letters(len) => LEADS + 1 + len,
    }
}

/// The table by what its forms start with.
fn lists() -> Vec<Vec<Entry>> {
    let mut lists = vec![Vec::new(); 2 * LEADS + 2];
    for id in TABLE {
        for form in id.forms {
            for lead in form.leads() {
                if let Some(list) = lists.get_mut(place(lead)) {
                    list.push((id, *form));
                }
            }
        }
    }
    lists
}

#[cfg(test)]
mod tests;
