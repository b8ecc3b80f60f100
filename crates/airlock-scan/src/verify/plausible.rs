//! Whether the value beside a telling name can be the secret that the name promises.

use crate::{
    keys::kind_of_key,
    placeholder::{
        Written, describes_itself, is_code, is_code_word, is_masked, is_nothing, is_plain_word, is_prose,
        is_reference, is_sample, is_type_name, is_word_in_place,
    },
    rarity::{
        BIT,
        pattern::{is_cycle, is_date_or_version, is_hex, is_invented, is_keyboard_run, is_pattern, is_uuid},
        rarity,
    },
};

/// What the name promises, from the most to the least lenient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Promise {
    /// A password: people choose them, so that words and short ones count.
    Password,
    /// A `secret`: chosen or made.
    Secret,
    /// A key or token: made by a machine.
    Token,
    /// Perhaps a secret: a lone `key`, `auth`, or a name that goes on behind the telling word.
    Perhaps,
}

/// Random letters cost at least this much; 99 of 100 words cost less.
const RANDOM: usize = 6 * BIT + BIT / 2;
/// Random characters of several classes cost at least this much where they are many, or few.
const MIXED_LONG: usize = 5 * BIT + BIT / 2;
const MIXED_SHORT: usize = 6 * BIT + BIT / 2;
/// Hexadecimal digits are cheaper: many of their letters are frequent ones.
const HEX: usize = 5 * BIT;

/// How much of a value is judged; an even number.
const HEAD: usize = 256;

/// The counts that tell what a value is made of.
struct Made {
    lower: usize,
    upper: usize,
    digits: usize,
    symbols: usize,
    /// Changes between upper and lower case.
    changes: usize,
    spaces: bool,
}

impl Made {
    fn of(value: &[u8]) -> Self {
        let mut made = Self { lower: 0, upper: 0, digits: 0, symbols: 0, changes: 0, spaces: false };
        let mut before = 0_u8;
        let mut spaces = 0;
        // Without a branch: which class comes next, nobody knows of a random value.
        for byte in value {
            let (lower, upper) = (byte.is_ascii_lowercase(), byte.is_ascii_uppercase());
            made.lower += usize::from(lower);
            made.upper += usize::from(upper);
            made.digits += usize::from(byte.is_ascii_digit());
            spaces += usize::from(matches!(byte, b' ' | b'\t' | b'\r' | b'\n'));
            made.changes +=
                usize::from(lower & before.is_ascii_uppercase() | upper & before.is_ascii_lowercase());
            before = *byte;
        }
        made.symbols = value.len() - made.lower - made.upper - made.digits - spaces;
        made.spaces = spaces > 0;
        made
    }

    fn letters(&self) -> usize {
        self.lower + self.upper
    }

    /// Letters and digits alone: neither a path nor a call, and whatever else needs a mark.
    fn is_plain(&self) -> bool {
        self.symbols == 0 && !self.spaces
    }
}

/// Whether `value` keeps what the name promised.
///
/// Of a long value only the first [`HEAD`] bytes are judged.
pub(crate) fn plausible(promise: Promise, value: &[u8], written: Written) -> bool {
    let value = value.get(..HEAD).unwrap_or(value);
    match promise {
        Promise::Password => password(value, written, false),
        Promise::Secret => password(value, written, true),
        Promise::Token => token(value, written),
        Promise::Perhaps => token(value, written) && value.len() >= 10 && !is_uuid(value),
    }
}

/// Whether a person or a program can have chosen `value` as a password. A `made` one is no plain word.
fn password(value: &[u8], written: Written, made_by_machine: bool) -> bool {
    let made = Made::of(value);
    if value.len() < 4 || stands_in(value, &made) || !made.is_plain() && is_place(value) {
        return false;
    }
    let beyond_ascii = value.iter().any(|byte| !byte.is_ascii());
    if made.letters() + made.digits == 0 && !(beyond_ascii && made.symbols > 12) {
        return false;
    }
    // What people write in other scripts beside `password` is a label.
    if beyond_ascii && (made.letters() + made.digits < 3 || is_label(value)) || is_name(value, &made) {
        return false;
    }
    if made_by_machine && describes_itself(value) {
        return false;
    }
    if made_by_machine && value.len() >= 12 && (is_pattern(value) || is_cycle(value) || is_type_name(value)) {
        return false;
    }
    if made.digits == 0 && made.symbols == 0 && !made.spaces {
        let label = made.upper == 1 && value.first().is_some_and(u8::is_ascii_uppercase);
        let random = value.len() >= 6 && rarity(value) >= RANDOM;
        if !random && (label || made_by_machine || written == Written::Bare) {
            return written == Written::Bare && !made_by_machine && !is_plain_word(value) && !is_code(value);
        }
    }
    // A version or an amount: `1.302103`
    if made.letters() == 0 && made.symbols == 1 && value.contains(&b'.') && !made.spaces {
        return false;
    }
    match written {
        Written::Quoted => !(is_prose(value) || made.letters() == 0 && made.symbols == 0 && value.len() < 6),
        Written::Bare => {
            let number = made.letters() == 0 && made.symbols == 0 && (value.len() < 6 || value.len() > 24);
            value.len() >= 5
                && !number
                && !is_code_of_catalogue(value)
                && !is_code(value)
                && (!is_plain_word(value) || made.symbols == 0 && rarity(value) >= RANDOM)
        }
    }
}

/// Whether a machine can have made `value`.
fn token(value: &[u8], written: Written) -> bool {
    if value.len() < 8 {
        return false;
    }
    let made = Made::of(value);
    let plain = made.is_plain();
    if stands_in(value, &made) || !plain && (is_place(value) || is_date_or_version(value)) {
        return false;
    }
    if made.spaces || !value.is_ascii() {
        return false;
    }
    if made.letters() == 0 {
        // A bare number is a count, a time or an identifier, unless it is longer than those are.
        let enough = if written == Written::Quoted { 12 } else { 17 };
        return made.digits >= enough
            && made.symbols <= made.digits / 4
            && !is_pattern(value)
            && !is_cycle(value);
    }
    let code = || if plain { is_code_word(value) } else { is_code(value) };
    if written == Written::Bare && code() || is_invented(value) || is_cycle(value) || is_keyboard_run(value) {
        return false;
    }
    if is_uuid(value) {
        return true;
    }
    if !plain && is_cut_uuid(value) {
        return false;
    }
    let rare = rarity(value);
    if is_hex(value) {
        // Hexadecimal digits come in pairs; an odd one was cut off.
        return value.len() >= 12 && value.len().is_multiple_of(2) && rare >= HEX;
    }
    // A prefix does not change that.
    let tail = if plain {
        value
    } else {
        value.rsplit(|byte| matches!(byte, b'_' | b'-')).next().unwrap_or_default()
    };
    if tail.len() >= 24 && tail.len() < value.len() && is_hex(tail) && !tail.len().is_multiple_of(2) {
        return false;
    }
    if made.digits == 0 && made.symbols == 0 {
        let scrambled = made.upper > 0 && made.lower > 0 && made.changes * 4 >= value.len();
        return value.len() >= if scrambled { 12 } else { 16 } && rare >= RANDOM;
    }
    if made.symbols >= 6 && unbalanced(value) {
        return true;
    }
    let enough = match value.len() {
        ..10 => made.digits >= 2 && rare >= MIXED_SHORT + BIT,
        10..16 => made.digits >= 2 && rare >= MIXED_SHORT || made.digits == 1 && rare >= MIXED_SHORT + BIT,
        _ => rare >= MIXED_LONG,
    };
    let constant = made.lower == 0 && value.contains(&b'_') && rare < RANDOM + BIT;
    enough && !constant && (made.digits > 0 || made.changes * 4 >= value.len() || made.symbols >= 4)
}

/// The same as [`is_stand_in`], sooner for what most values are made of.
fn stands_in(value: &[u8], made: &Made) -> bool {
    if made.is_plain() {
        return is_nothing(value) || is_word_in_place(value) || is_sample(value);
    }
    is_stand_in(value)
}

/// What is written in place of a secret, or stands for one kept elsewhere.
fn is_stand_in(value: &[u8]) -> bool {
    is_nothing(value)
        || without_encoder(value).is_some_and(is_sample)
        || is_masked(value)
        || is_reference(value)
        || is_sample(value)
        || is_elided(value)
        || is_option(value)
        || is_prompt(value)
        // A regular expression
        || find(value, b"(?").is_some_and(|at| {
            matches!(value.get(at + 2), Some(b':' | b'=' | b'!' | b'<' | b'P'))
        })
        // Quotes that do not belong together hold what is between two literals.
        || value.first().is_some_and(u8::is_ascii_whitespace)
        || value.last().is_some_and(u8::is_ascii_whitespace)
}

/// A word or words of a language with letters beyond ASCII, as a label is written: `Hasło`, `Lösenord (valfritt)`.
/// A lone word in small letters may be a password.
fn is_label(value: &[u8]) -> bool {
    let words = value.iter().all(|byte| {
        byte.is_ascii_alphabetic()
            || !byte.is_ascii()
            || byte.is_ascii_whitespace()
            || b"-.,:!?()'".contains(byte)
    });
    let lower = value.first().is_some_and(u8::is_ascii_lowercase);
    words && (!lower || value.iter().any(u8::is_ascii_whitespace))
}

/// Where the mark stands first in a value, which hardly ever holds even the start of it.
fn find(value: &[u8], mark: &[u8]) -> Option<usize> {
    let first = *mark.first()?;
    memchr::memchr_iter(first, value).find(|at| value.get(*at..).is_some_and(|rest| rest.starts_with(mark)))
}

/// An option of a command: `--unknown`.
fn is_option(value: &[u8]) -> bool {
    value
        .strip_prefix(b"--")
        .is_some_and(|name| name.iter().all(|byte| byte.is_ascii_lowercase() || *byte == b'-'))
}

/// What follows the name of how it is encoded: `{noop}password`.
fn without_encoder(value: &[u8]) -> Option<&[u8]> {
    let inner = value.strip_prefix(b"{")?;
    let end = inner.iter().position(|byte| !byte.is_ascii_alphanumeric())?;
    inner.get(end..)?.strip_prefix(b"}")
}

/// Whether the value ends in a UUID whose last group is not 12 digits long.
fn is_cut_uuid(value: &[u8]) -> bool {
    let mut groups = value.rsplit(|byte| *byte == b'-');
    let last = groups.next().unwrap_or_default();
    let middle = groups.by_ref().take(3).filter(|group| group.len() == 4).count();
    middle == 3
        && (1..=16).contains(&last.len())
        && last.len() != 12
        && groups.next().is_some_and(|first| first.len() >= 8)
        && last.iter().all(u8::is_ascii_hexdigit)
}

/// A word that asks for the secret: `Password:`.
fn is_prompt(value: &[u8]) -> bool {
    value.strip_suffix(b":").is_some_and(|words| {
        words.iter().all(|byte| byte.is_ascii_alphabetic() || byte.is_ascii_whitespace())
    })
}

/// Letters and a number in a list of others: `T1098.001`, `PKCS-12`.
fn is_code_of_catalogue(value: &[u8]) -> bool {
    let letters = value.iter().take_while(|byte| byte.is_ascii_uppercase()).count();
    let rest = value.get(letters..).unwrap_or_default();
    let number =
        if letters == 1 { Some(rest) } else { rest.strip_prefix(b"-").filter(|rest| rest.len() <= 4) };
    letters > 0
        && value.len() <= 10
        && number.is_some_and(|rest| rest.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.'))
}

/// Whether something was left out: `abc...`, `abc…`, `abc####`.
fn is_elided(value: &[u8]) -> bool {
    const MARKS: [&[u8]; 4] = [b"...", "…".as_bytes(), b"####", b"----"];
    MARKS.iter().any(|mark| value.ends_with(mark)) || find(value, b"...").is_some()
}

/// A path or a URL: where something is. A password in a URL is found by another rule.
fn is_place(value: &[u8]) -> bool {
    let slashes = memchr::memchr_iter(b'/', value).count();
    let path = value.starts_with(b"/") && slashes >= 2
        || value.starts_with(b"./")
        || value.starts_with(b"../")
        || value.starts_with(b"~/");
    // A port and a path: `:8080/message`
    let port = value.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let local = (2..=5).contains(&port) && value.get(port) == Some(&b'/');
    let drive = matches!(value, [letter, b':', b'\\', ..] if letter.is_ascii_alphabetic());
    (path || slashes >= 3) && rarity(value) < RANDOM
        || drive
        || local
        || value.len() > 3 && find(value, b"://").is_some()
        || value.starts_with(b"arn:")
}

/// Whether the value is itself the name of a secret: `real_key`, `rootpasswd`, `PROXY_PASSWORD`.
fn is_name(value: &[u8], made: &Made) -> bool {
    // `Servicekonto-Passwort`
    let titled = value.split(|byte| *byte == b'-').all(|word| {
        word.iter().skip(1).all(u8::is_ascii_lowercase) && word.first().is_some_and(u8::is_ascii_alphabetic)
    });
    (made.upper == 0 || made.lower == 0 || titled && value.contains(&b'-'))
        && made.digits == 0
        && value.len() <= 32
        && value
            .iter()
            .all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'-' | b'.') || !byte.is_ascii())
        && (value.ends_with(b"_key")
            || value.ends_with(b"-key")
            || std::str::from_utf8(value).is_ok_and(|name| kind_of_key(name).is_some()))
}

/// Whether brackets close that were not opened: no program is written so.
pub(crate) fn unbalanced(value: &[u8]) -> bool {
    let (mut open, mut crossed) = ([0_i32; 3], false);
    for byte in value {
        let (index, step) = match byte {
            b'(' => (0, 1),
            b')' => (0, -1),
            b'[' => (1, 1),
            b']' => (1, -1),
            b'{' => (2, 1),
            b'}' => (2, -1),
            _ => continue,
        };
        if let Some(count) = open.get_mut(index) {
            *count += step;
            crossed |= *count < 0;
        }
    }
    crossed
}

#[cfg(test)]
mod tests {
    use super::*;
    use Written::{Bare, Quoted};

    #[test]
    fn passwords_and_what_is_none() {
        for (value, written) in [
            ("Tr0ub4dor&3x", Quoted),
            ("correct-horse-battery", Quoted),
            ("qwerty123", Quoted),
            ("Admin@123", Quoted),
            ("letmein", Quoted),
            ("fjqwlxkz", Bare),
            ("thisIsDog11", Quoted),
            ("h7-Qw_2z!", Bare),
            ("hunter2", Bare),
            ("m{{h}o)p${e]nob(ody[finds>-_$#thisone}}", Bare),
        ] {
            assert!(plausible(Promise::Password, value.as_bytes(), written), "{value}");
        }
        for (value, written) in [
            ("changeme", Bare),
            ("getpass()", Bare),
            ("config.password", Bare),
            ("december", Bare),
            ("********", Quoted),
            ("Enter your password", Quoted),
            ("${link}", Quoted),
            ("string", Quoted),
            ("req.body.password", Bare),
            ("Passwort", Quoted),
            ("contraseña", Quoted),
            ("Required", Quoted),
            ("somefakekey", Quoted),
            ("real_key", Quoted),
            (",.:-¨@*¿?!", Quoted),
            ("/run/secrets/db_password", Quoted),
            (" + password + ", Quoted),
            ("abc...", Quoted),
            ("--unknown", Quoted),
            ("PROXY_PASSWORD", Quoted),
            ("Qh...wwI", Quoted),
            ("projects/p/secrets/mine/versions/2", Bare),
            ("Password:", Quoted),
            ("(?:[^)])+", Quoted),
            ("T1098.001", Bare),
            ("{{ vault_password }}", Quoted),
        ] {
            assert!(!plausible(Promise::Password, value.as_bytes(), written), "{value}");
        }
    }

    #[test]
    fn tokens_and_what_is_none() {
        for (value, written) in [
            ("d41f7c02b9e84a66b1c3aa0975e2f8d4", Bare),
            ("Qm7Tz2Lx9Wp4Rk8Vb3Nf6Hd1", Quoted),
            ("7091684658325944", Quoted),
            ("506393056836205181", Bare),
            ("aQzBxCyDwEvFuGtHs", Quoted),
            ("SukePeXBuwkx", Bare),
            ("52acf265-3fc6-4ecd-304a-15940bd04653", Quoted),
        ] {
            assert!(plausible(Promise::Token, value.as_bytes(), written), "{value}");
        }
        for (value, written) in [
            ("YOUR_API_KEY_HERE", Bare),
            ("xxxxxxxxxxxxxxxx", Bare),
            ("abcdefghijklmnopqrstuvwxyz", Bare),
            ("AbCdEfGhIjKlMnOpQrStUvWxYz123456", Quoted),
            ("1763800000", Bare),
            ("settings.API_KEY", Bare),
            ("tokenProvider.getToken()", Bare),
            ("/etc/ssl/key1.pem", Bare),
            ("CancellationTokenSource", Bare),
            ("short1", Quoted),
            ("sk_52acf265-3fc6-4ecd-304a-15940bd0465", Bare),
            ("d41f7c02b9e84a66b1c3aa0975e2f8d", Bare),
            ("a-fake-tooshort-key", Quoted),
            ("2024-01-15T10:00:00Z", Quoted),
            ("AGENT_TYPE_V2", Quoted),
            ("my-app-config-v2", Quoted),
        ] {
            assert!(!plausible(Promise::Token, value.as_bytes(), written), "{value}");
        }
    }

    /// What is left out for letters and digits alone could not have said anything else.
    #[test]
    fn plain_values_are_judged_alike() {
        const PIECES: [&str; 16] = [
            "getenv",
            "redacted",
            "RedActed",
            "example",
            "null",
            "0x",
            "C0FFEE",
            "Token",
            "password",
            "aaaa",
            "7",
            "Qm7Tz2Lx9W",
            "x",
            "changeme",
            "Service",
            "12345678",
        ];
        let all = PIECES.iter().flat_map(|first| PIECES.map(|second| format!("{first}{second}")));
        let mut plain = 0;
        for value in PIECES.map(str::to_owned).into_iter().chain(all) {
            let value = value.as_bytes();
            assert!(Made::of(value).is_plain());
            assert_eq!(stands_in(value, &Made::of(value)), is_stand_in(value), "{}", value.escape_ascii());
            assert_eq!(is_code_word(value), is_code(value), "{}", value.escape_ascii());
            assert!(!is_place(value) && !is_date_or_version(value) && !is_cut_uuid(value));
            plain += usize::from(is_stand_in(value)) + usize::from(is_code(value));
        }
        assert!(plain > 40, "{plain} is too few to tell");
        assert!(!Made::of(b"a.b").is_plain() && !Made::of("größe".as_bytes()).is_plain());
    }

    #[test]
    fn promises_differ() {
        for (value, password, secret, token) in [
            ("letmein", true, false, false),
            ("s3cr3t", true, true, false),
            ("d41f7c02b9e84a66b1c3aa0975e2f8d4", true, true, true),
        ] {
            let is = |promise| plausible(promise, value.as_bytes(), Quoted);
            assert_eq!(is(Promise::Password), password, "{value}");
            assert_eq!(is(Promise::Secret), secret, "{value}");
            assert_eq!(is(Promise::Token), token, "{value}");
        }
    }
}
