//! The drive that comes out: what became of the program, and what it wrote.
//!
//! The guest adds to the texts as the program writes, and says in the first sector how much of them is there, with sums.
//! So the host has what was written until a machine is ended, and whatever is half written is seen to be so. The drive has
//! a fixed size, and all that is read of it is bounded by what the host asked for: a machine that lies can choose what it
//! tells, and no more.

use std::{fs::File, io, os::unix::fs::FileExt};

use serde::{Deserialize, Serialize};

use super::wire::{Fields, PAGE, SECTOR, Sum, Token};
use crate::{Enforcement, Step};

const MAGIC: &[u8; 16] = b"airlock result 1";
/// Where the account is, and the most bytes of it.
const ACCOUNT: u64 = PAGE;
const LONGEST_ACCOUNT: u32 = 16 << 10;
/// Where the texts begin.
const TEXTS: u64 = ACCOUNT + LONGEST_ACCOUNT as u64;
/// Most bytes of a text that a drive can be made for.
const LONGEST_TEXT: u64 = 1 << 40;

/// Where everything is, given how much of each stream is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    token: Token,
    most: u64,
}

impl Layout {
    pub(super) fn new(token: Token, most: u64) -> io::Result<Self> {
        if most > LONGEST_TEXT {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "so much output cannot be kept"));
        }
        Ok(Self { token, most })
    }

    /// Bytes of the whole drive.
    pub(super) const fn size(self) -> u64 {
        TEXTS + 2 * self.room()
    }

    /// Bytes from one text to the next: what is written at once must not share a page with another one.
    const fn room(self) -> u64 {
        (self.most / PAGE + 1) * PAGE
    }

    /// Makes `file` an empty one.
    pub(super) fn prepare(self, file: &File) -> io::Result<()> {
        file.set_len(self.size())?;
        file.write_all_at(&Head { state: State::Empty, lengths: [0; 3], sums: [0; 3] }.bytes(self.token), 0)
    }

    /// Whether `drive` is that of this run.
    pub(super) fn is_of(self, drive: &File) -> io::Result<bool> {
        let mut first = [0; SECTOR];
        drive.read_exact_at(&mut first, 0)?;
        Ok(Head::of(&first, self.token).is_some())
    }
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// As the host made it.
    Empty,
    /// The program runs.
    Running,
    /// Nothing more will come.
    Complete,
}

impl State {
    const ALL: [(Self, u32); 3] = [(Self::Empty, 0), (Self::Running, 1), (Self::Complete, 2)];
}

/// The first sector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Head {
    state: State,
    /// Of the account and the two texts.
    lengths: [u64; 3],
    sums: [u64; 3],
}

impl Head {
    fn bytes(self, token: Token) -> [u8; SECTOR] {
        let state =
            State::ALL.iter().find(|(state, _)| *state == self.state).map_or(0, |(_, number)| *number);
        let mut bytes = MAGIC.to_vec();
        bytes.extend(token.0);
        bytes.extend(state.to_le_bytes());
        for number in self.lengths.iter().chain(&self.sums) {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(Sum::of(&bytes).number().to_le_bytes());
        bytes.resize(SECTOR, 0);
        bytes.try_into().unwrap_or([0; SECTOR])
    }

    fn of(bytes: &[u8; SECTOR], token: Token) -> Option<Self> {
        let mut fields = Fields(bytes);
        if fields.take() != Some(*MAGIC) || fields.take() != Some(token.0) {
            return None;
        }
        let number = fields.u32()?;
        let state = State::ALL.iter().find(|(_, known)| *known == number).map(|(state, _)| *state)?;
        let mut numbers = [0; 6];
        for number in &mut numbers {
            *number = fields.u64()?;
        }
        let [account, stdout, stderr, sums @ ..] = numbers;
        let head = Self { state, lengths: [account, stdout, stderr], sums };
        (head.bytes(token) == *bytes).then_some(head)
    }
}

/// What the guest says besides the texts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Account {
    /// What holds the program within the machine; of a program that was not started, nothing.
    pub(super) enforcement: Option<Enforcement>,
    /// What became of it.
    pub(super) end: Option<Ending>,
}

/// What became of a program, as the guest saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Ending {
    /// It ended by itself.
    Exited(i32),
    /// It was ended by a signal.
    Signalled(i32),
    /// It was ended because the machine had no memory left.
    OutOfMemory,
    /// It was ended because it had written more than it may.
    TooMuchOutput,
    /// It was ended because it was late.
    TooLate,
    /// It was not started.
    NotStarted {
        /// At which step.
        step: Step,
        /// What the guest's kernel said; 0 if it was not the kernel.
        errno: i32,
        /// The same in words.
        detail: String,
    },
}

/// Writes, in the guest.
#[derive(Debug)]
pub(super) struct Writer {
    drive: File,
    layout: Layout,
    account: Account,
    texts: [(u64, Sum); 2],
}

impl Writer {
    pub(super) fn new(drive: File, layout: Layout) -> Self {
        Self { drive, layout, account: Account::default(), texts: [(0, Sum::of_nothing()); 2] }
    }

    /// Adds what is new in the texts, of which each is given whole, and says that the program runs.
    pub(super) fn running(&mut self, account: Account, texts: [&[u8]; 2]) -> io::Result<()> {
        self.account = account;
        self.write(State::Running, texts)
    }

    /// Adds what is new, and says that this is all.
    pub(super) fn complete(&mut self, account: Account, texts: [&[u8]; 2]) -> io::Result<()> {
        self.account = account;
        self.write(State::Complete, texts)
    }

    fn write(&mut self, state: State, texts: [&[u8]; 2]) -> io::Result<()> {
        let account = serde_json::to_vec(&self.account)?;
        if account.len() as u64 > u64::from(LONGEST_ACCOUNT) {
            return Err(io::ErrorKind::InvalidData.into());
        }
        self.drive.write_all_at(&account, ACCOUNT)?;
        let starts = [TEXTS, TEXTS + self.layout.room()];
        for ((text, start), (written, sum)) in texts.into_iter().zip(starts).zip(&mut self.texts) {
            let most = usize::try_from(self.layout.most).unwrap_or(usize::MAX);
            let text = text.get(..most).unwrap_or(text);
            let new =
                usize::try_from(*written).ok().and_then(|written| text.get(written..)).unwrap_or_default();
            self.drive.write_all_at(new, start + *written)?;
            *sum = sum.and(new);
            *written += new.len() as u64;
        }
        // What the first sector speaks of is there before it is.
        self.drive.sync_data()?;
        let [(stdout, stdout_sum), (stderr, stderr_sum)] = self.texts;
        let head = Head {
            state,
            lengths: [account.len() as u64, stdout, stderr],
            sums: [Sum::of(&account).number(), stdout_sum.number(), stderr_sum.number()],
        };
        self.drive.write_all_at(&head.bytes(self.layout.token), 0)?;
        self.drive.sync_data()
    }
}

/// What was found on the drive. All of it is the guest's word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// Nothing yet.
    Nothing,
    /// The program ran when this was written.
    Running(Account, [Vec<u8>; 2]),
    /// All there is to say.
    Complete(Account, [Vec<u8>; 2]),
}

/// Reads, on the host: no more than was asked for, whatever the guest says.
pub(super) fn read(drive: &File, layout: Layout) -> Result<Told, String> {
    let said = |error: io::Error| format!("what it told cannot be read: {error}");
    let mut first = [0; SECTOR];
    drive.read_exact_at(&mut first, 0).map_err(said)?;
    let head = Head::of(&first, layout.token).ok_or("what it told is not of this run, or damaged")?;
    if head.state == State::Empty {
        return Ok(Told::Nothing);
    }
    let places =
        [(ACCOUNT, LONGEST_ACCOUNT.into()), (TEXTS, layout.most), (TEXTS + layout.room(), layout.most)];
    let mut parts = [const { Vec::new() }; 3];
    for (part, ((place, most), (length, sum))) in
        parts.iter_mut().zip(places.into_iter().zip(head.lengths.into_iter().zip(head.sums)))
    {
        let length =
            Some(length).filter(|length| *length <= most).and_then(|length| usize::try_from(length).ok());
        let length = length.ok_or("it told of more than there is room for")?;
        *part = vec![0; length];
        drive.read_exact_at(part, place).map_err(said)?;
        if Sum::of(part).number() != sum {
            return Err("what it told is not whole".to_owned());
        }
    }
    let [account, stdout, stderr] = parts;
    let account = serde_json::from_slice(&account).map_err(|_| "what it told makes no sense")?;
    let texts = [stdout, stderr];
    Ok(if head.state == State::Complete {
        Told::Complete(account, texts)
    } else {
        Told::Running(account, texts)
    })
}

#[cfg(test)]
mod tests {
    use std::{fs::File, os::unix::fs::FileExt as _};

    use super::{ACCOUNT, Account, Ending, Head, Layout, State, TEXTS, Told, Writer, read};
    use crate::{
        Enforcement, Step,
        linux::microvm::wire::{SECTOR, Sum, Token},
    };

    const MOST: u64 = 10_000;

    fn layout() -> Layout {
        Layout::new(Token([3; 16]), MOST).unwrap()
    }

    fn drive() -> File {
        let file = tempfile::tempfile().unwrap();
        layout().prepare(&file).unwrap();
        file
    }

    fn writer(file: &File) -> Writer {
        Writer::new(file.try_clone().unwrap(), layout())
    }

    fn running() -> Account {
        Account { enforcement: Some(Enforcement { uid: 5, ..Enforcement::default() }), end: None }
    }

    fn ended() -> Account {
        Account { end: Some(Ending::Exited(3)), ..running() }
    }

    /// A whole result, to be damaged.
    fn whole() -> File {
        let file = drive();
        writer(&file).complete(ended(), [b"out", b"err"]).unwrap();
        file
    }

    #[test]
    fn what_is_written_is_read() {
        let file = drive();
        assert!(layout().is_of(&file).unwrap());
        assert_eq!(read(&file, layout()), Ok(Told::Nothing));
        let mut writer = writer(&file);
        writer.running(running(), [b"", b""]).unwrap();
        assert_eq!(read(&file, layout()), Ok(Told::Running(running(), [vec![], vec![]])));
        writer.running(running(), [b"one", b""]).unwrap();
        assert_eq!(read(&file, layout()), Ok(Told::Running(running(), [b"one".to_vec(), vec![]])));
        let full = vec![b'x'; 10_000];
        writer.complete(ended(), [b"one, two", &full]).unwrap();
        assert_eq!(read(&file, layout()), Ok(Told::Complete(ended(), [b"one, two".to_vec(), full])));
        assert_eq!(file.metadata().unwrap().len(), layout().size());
    }

    #[test]
    fn each_end_comes_back() {
        let refused = Ending::NotStarted { step: Step::StartProgram, errno: 2, detail: "no `x`".to_owned() };
        let ends = [
            Ending::Exited(-1),
            Ending::Signalled(9),
            Ending::OutOfMemory,
            Ending::TooMuchOutput,
            Ending::TooLate,
            refused,
        ];
        for end in ends {
            let (file, account) = (drive(), Account { enforcement: None, end: Some(end) });
            writer(&file).complete(account.clone(), [b"", b""]).unwrap();
            assert_eq!(read(&file, layout()), Ok(Told::Complete(account, [vec![], vec![]])));
        }
    }

    #[test]
    fn no_more_is_kept_than_was_asked_for() {
        let file = drive();
        let flood = vec![b'x'; 50_000];
        writer(&file).complete(ended(), [&flood, b"err"]).unwrap();
        let Ok(Told::Complete(_, [stdout, stderr])) = read(&file, layout()) else { panic!("not whole") };
        assert_eq!((stdout.len() as u64, stderr.as_slice()), (MOST, &b"err"[..]));
        assert!(Layout::new(Token([0; 16]), u64::MAX).is_err());
    }

    #[test]
    fn what_is_cut_off_or_half_written_is_an_error() {
        assert!(read(&whole(), layout()).is_ok(), "the control");
        for length in [0, SECTOR as u64 - 1, ACCOUNT, TEXTS, TEXTS + 2] {
            let file = whole();
            file.set_len(length).unwrap();
            assert!(read(&file, layout()).is_err(), "{length}");
        }
        for place in [0, 20, 40, 60, 80, 100, ACCOUNT, ACCOUNT + 5, TEXTS + 1, TEXTS + layout().room()] {
            let file = whole();
            let mut byte = [0];
            file.read_exact_at(&mut byte, place).unwrap();
            file.write_all_at(&[byte[0] ^ 1], place).unwrap();
            assert!(read(&file, layout()).is_err(), "{place}");
        }
    }

    #[test]
    fn another_run_is_not_this_one() {
        let other = Layout::new(Token([4; 16]), MOST).unwrap();
        assert!(!other.is_of(&whole()).unwrap());
        assert!(read(&whole(), other).is_err());
    }

    #[test]
    fn lengths_that_a_guest_makes_up_are_refused() {
        let account = serde_json::to_vec(&ended()).unwrap();
        let good = Head {
            state: State::Complete,
            lengths: [account.len() as u64, 3, 3],
            sums: [&account[..], b"out", b"err"].map(|part| Sum::of(part).number()),
        };
        let with = |head: Head| {
            let file = whole();
            file.write_all_at(&head.bytes(Token([3; 16])), 0).unwrap();
            read(&file, layout())
        };
        assert!(with(good).is_ok(), "the control");
        for length in [1 << 20, 1 << 40, u64::MAX] {
            for part in 0..3 {
                let mut head = good;
                head.lengths[part] = length;
                assert_eq!(
                    with(head),
                    Err("it told of more than there is room for".to_owned()),
                    "{part}: {length}"
                );
            }
        }
        for sums in [[0, good.sums[1], good.sums[2]], [good.sums[0], 0, good.sums[2]]] {
            assert_eq!(with(Head { sums, ..good }), Err("what it told is not whole".to_owned()));
        }
    }

    #[test]
    fn an_account_that_makes_no_sense_is_an_error() {
        let accounts: [&[u8]; 6] =
            [b"", b"{", b"[]", br#"{"end":"won"}"#, br#"{"end":null,"more":1}"#, b"\xff\xfe"];
        for account in accounts {
            let file = whole();
            file.write_all_at(account, ACCOUNT).unwrap();
            let head = Head {
                state: State::Complete,
                lengths: [account.len() as u64, 0, 0],
                sums: [account, b"", b""].map(|part| Sum::of(part).number()),
            };
            file.write_all_at(&head.bytes(Token([3; 16])), 0).unwrap();
            assert_eq!(read(&file, layout()), Err("what it told makes no sense".to_owned()), "{account:?}");
        }
        let deep = "[".repeat(10_000);
        let file = whole();
        file.write_all_at(deep.as_bytes(), ACCOUNT).unwrap();
        let head = Head {
            state: State::Complete,
            lengths: [10_000, 0, 0],
            sums: [deep.as_bytes(), b"", b""].map(|part| Sum::of(part).number()),
        };
        file.write_all_at(&head.bytes(Token([3; 16])), 0).unwrap();
        assert!(read(&file, layout()).is_err());
    }
}
