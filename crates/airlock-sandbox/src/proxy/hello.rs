//! The first words of TLS: the host that a client asks for in the open, so that a connection to one host is not used to
//! speak with another one that lives at the same address.

/// What the first bytes of a client are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Hello {
    /// Not enough of them to tell.
    Unfinished,
    /// No TLS, or TLS without a name.
    Nameless,
    /// TLS for this name, as it is written there.
    Name(String),
    /// It begins like TLS and is none.
    Broken,
}

/// The longest greeting that is waited for.
pub(super) const LONGEST: usize = 32 << 10;

const HANDSHAKE: u8 = 22;
/// Of records: a change of ciphers, an alert, a greeting, data, a heartbeat.
const RECORDS: std::ops::RangeInclusive<u8> = 20..=24;
const CLIENT_HELLO: u8 = 1;
const SERVER_NAME: u16 = 0;
const HOST_NAME: u8 = 0;

/// Looks at what a client has sent so far.
pub(super) fn inspect(bytes: &[u8]) -> Hello {
    match bytes {
        [] | [HANDSHAKE] => Hello::Unfinished,
        [HANDSHAKE, 3, ..] => match message(bytes) {
            Message::Unfinished if bytes.len() >= LONGEST => Hello::Broken,
            Message::Unfinished => Hello::Unfinished,
            Message::Broken => Hello::Broken,
            Message::Whole(hello) => name(&hello).unwrap_or(Hello::Broken),
        },
        // Some servers read over what comes before the greeting, or over its version.
        [first, ..] if RECORDS.contains(first) => Hello::Broken,
        _ => Hello::Nameless,
    }
}

enum Message {
    Unfinished,
    Whole(Vec<u8>),
    Broken,
}

/// The greeting without its header, put together from its records.
fn message(bytes: &[u8]) -> Message {
    let mut rest = Reader(bytes);
    let mut whole = Vec::new();
    loop {
        if let [kind, high, middle, low, body @ ..] = whole.as_slice() {
            let length = usize::from(*high) << 16 | usize::from(*middle) << 8 | usize::from(*low);
            if *kind != CLIENT_HELLO || length > LONGEST {
                return Message::Broken;
            }
            if let Some(body) = body.get(..length) {
                return Message::Whole(body.to_vec());
            }
        }
        if rest.0.first().is_some_and(|kind| *kind != HANDSHAKE) {
            return Message::Broken;
        }
        let record = rest.take(3).and_then(|_| rest.sized(2));
        match record {
            Some([]) => return Message::Broken,
            Some(record) => whole.extend_from_slice(record),
            None => return Message::Unfinished,
        }
    }
}

/// What a greeting asks for; `None` if it is no greeting.
fn name(hello: &[u8]) -> Option<Hello> {
    let mut hello = Reader(hello);
    hello.take(2 + 32)?; // version, random
    hello.sized(1)?; // session
    hello.sized(2)?; // ciphers
    hello.sized(1)?; // compressions
    if hello.0.is_empty() {
        return Some(Hello::Nameless);
    }
    let mut extensions = Reader(hello.sized(2)?);
    let mut found = None;
    while !extensions.0.is_empty() {
        let kind = extensions.number(2)?;
        let data = extensions.sized(2)?;
        if kind == usize::from(SERVER_NAME) {
            let mut names = Reader(Reader(data).sized(2)?);
            while !names.0.is_empty() {
                let host = names.take(1)? == [HOST_NAME];
                let name = std::str::from_utf8(names.sized(2)?).ok()?;
                // Two names could be read in two ways.
                if host && found.replace(name.to_owned()).is_some() {
                    return None;
                }
            }
        }
    }
    Some(found.map_or(Hello::Nameless, Hello::Name))
}

/// What is left to read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self, bytes: usize) -> Option<usize> {
        Some(self.take(bytes)?.iter().fold(0, |number, byte| number << 8 | usize::from(*byte)))
    }

    /// What is behind its own length, which has this many bytes.
    fn sized(&mut self, bytes: usize) -> Option<&'a [u8]> {
        let length = self.number(bytes)?;
        self.take(length)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::{Hello, inspect};
    use crate::proxy::tests::random;

    fn sized(bytes: usize, data: &[u8]) -> Vec<u8> {
        let length = data.len().to_be_bytes();
        [&length[length.len() - bytes..], data].concat()
    }

    /// The greeting of a client that asks for these names, in records of at most this many bytes.
    pub(crate) fn hello(names: &[&str], record: usize) -> Vec<u8> {
        let names: Vec<u8> =
            names.iter().flat_map(|name| [vec![0], sized(2, name.as_bytes())].concat()).collect();
        let server_name =
            if names.is_empty() { Vec::new() } else { [vec![0, 0], sized(2, &sized(2, &names))].concat() };
        let other = [vec![0, 43], sized(2, &[2, 3, 4])].concat();
        let body = [
            vec![3, 3],
            vec![7; 32],
            sized(1, &[9; 32]),
            sized(2, &[0x13, 1]),
            sized(1, &[0]),
            sized(2, &[other, server_name].concat()),
        ]
        .concat();
        let message = [vec![1], sized(3, &body)].concat();
        message.chunks(record).flat_map(|part| [vec![22, 3, 1], sized(2, part)].concat()).collect()
    }

    #[test]
    fn the_name_is_found_wherever_records_are_cut() {
        for record in [1, 5, 40, 1_000] {
            let bytes = hello(&["Example.com"], record);
            assert_eq!(inspect(&bytes), Hello::Name("Example.com".into()));
            for cut in 0..bytes.len() {
                assert_eq!(inspect(&bytes[..cut]), Hello::Unfinished, "{cut} of records of {record}");
            }
        }
        assert_eq!(inspect(&hello(&[], 1_000)), Hello::Nameless);
        assert_eq!(inspect(&hello(&["a.com", "b.org"], 1_000)), Hello::Broken);
        assert_eq!(inspect(b"GET / HTTP/1.1\r\n"), Hello::Nameless);
        assert_eq!(inspect(b"\x16\x03\x01\x00\x00"), Hello::Broken);
        assert_eq!(inspect(b"\x16\x03\x01\x00\x04\x02\x00\x00\x00"), Hello::Broken, "a server's greeting");
    }

    #[test]
    fn nothing_comes_before_the_greeting() {
        let greeting = hello(&["example.com"], 1_000);
        for version in [3, 2, 4, 0, 255] {
            let mut bytes = greeting.clone();
            bytes[1] = version;
            let expected = if version == 3 { Hello::Name("example.com".into()) } else { Hello::Broken };
            assert_eq!(inspect(&bytes), expected, "{version}");
            assert_eq!(inspect(&bytes[..2]) == Hello::Broken, version != 3, "{version}");
        }
        for first in [20, 21, 23, 24] {
            assert_eq!(inspect(&[&[first, 3, 3, 0, 1, 1], greeting.as_slice()].concat()), Hello::Broken);
            assert_eq!(inspect(&[first]), Hello::Broken);
        }
        for first in [0, 19, 25, 0x80] {
            assert_eq!(inspect(&[first, 3, 3]), Hello::Nameless, "the control: not TLS");
        }
    }

    /// No bytes at all make it panic, and none give a name that is not in them.
    #[test]
    fn broken_greetings_have_no_other_name() {
        let mut random = random();
        let whole = hello(&["example.com"], 100);
        for _ in 0..100_000 {
            let mut bytes = whole.clone();
            for _ in 0..random(4) {
                let at = random(bytes.len());
                bytes[at] = u8::try_from(random(256)).unwrap();
            }
            bytes.truncate(random(bytes.len() + 1));
            if let Hello::Name(name) = inspect(&bytes) {
                assert!(bytes.windows(name.len()).any(|part| part == name.as_bytes()) || bytes.len() > 100);
            }
        }
    }
}
