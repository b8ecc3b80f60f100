//! The drive that goes in: what is to be run, and what it reads.

use std::{
    fs::File,
    io::{self, Write},
    os::unix::fs::FileExt,
};

use super::{
    super::plan::Plan,
    wire::{Fields, SECTOR, Token},
};

const MAGIC: &[u8; 16] = b"airlock job    1";
/// Where the plan begins.
const HEAD: usize = SECTOR;
/// Longest plan.
const LONGEST_PLAN: u32 = 4 << 20;
/// Longest input; the guest keeps it in memory.
const LONGEST_INPUT: u64 = 1 << 30;

/// What the guest is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Task {
    pub(super) token: Token,
    /// As for a box.
    pub(super) plan: Plan,
    /// Bytes that are kept of each output stream.
    pub(super) output: u64,
    pub(super) input: Vec<u8>,
}

impl Task {
    /// Writes all of a drive.
    pub(super) fn write(&self, mut to: impl Write) -> io::Result<()> {
        let too_long = |what| io::Error::new(io::ErrorKind::InvalidInput, format!("{what} is too long"));
        let plan = serde_json::to_vec(&self.plan)?;
        let plan_length = u32::try_from(plan.len()).ok().filter(|length| *length <= LONGEST_PLAN);
        let plan_length = plan_length.ok_or_else(|| too_long("the command with its environment"))?;
        let input_length = self.input.len() as u64;
        if input_length > LONGEST_INPUT {
            return Err(too_long("the input"));
        }
        let mut head = MAGIC.to_vec();
        head.extend(self.token.0);
        head.extend(self.output.to_le_bytes());
        head.extend(input_length.to_le_bytes());
        head.extend(plan_length.to_le_bytes());
        head.resize(HEAD, 0);
        for part in [&head, &plan, &self.input] {
            to.write_all(part)?;
        }
        let over = (plan.len() + self.input.len()) % SECTOR;
        to.write_all(&vec![0; (SECTOR - over) % SECTOR])?;
        to.flush()
    }

    /// Reads a drive; `None` if it is another one.
    pub(super) fn read(drive: &File) -> io::Result<Option<Self>> {
        let mut head = [0; HEAD];
        drive.read_exact_at(&mut head, 0)?;
        let mut fields = Fields(&head);
        if fields.take() != Some(*MAGIC) {
            return Ok(None);
        }
        let (token, output, input, plan) = lengths(fields).ok_or(io::ErrorKind::InvalidData)?;
        // Looked at before room is made for it.
        let last = (HEAD + plan + input).checked_sub(1).ok_or(io::ErrorKind::InvalidData)?;
        drive.read_exact_at(&mut [0], last as u64)?;
        let mut json = vec![0; plan];
        drive.read_exact_at(&mut json, HEAD as u64)?;
        let mut text = vec![0; input];
        drive.read_exact_at(&mut text, (HEAD + plan) as u64)?;
        Ok(Some(Self { token, plan: serde_json::from_slice(&json)?, output, input: text }))
    }
}

fn lengths(mut fields: Fields<'_>) -> Option<(Token, u64, usize, usize)> {
    let token = Token(fields.take()?);
    let output = fields.u64()?;
    let input = fields.u64().filter(|length| *length <= LONGEST_INPUT)?;
    let plan = fields.u32().filter(|length| *length <= LONGEST_PLAN)?;
    Some((token, output, usize::try_from(input).ok()?, usize::try_from(plan).ok()?))
}

#[cfg(test)]
mod tests {
    use std::{fs::File, io::Write as _, path::Path};

    use super::{HEAD, Task};
    use crate::{
        Confinement, Level,
        linux::{
            microvm::wire::{SECTOR, Token},
            plan::Plan,
        },
    };

    fn task(input: &[u8]) -> Task {
        let confinement =
            Confinement { environment: vec![("A".into(), "b c\n".into())], ..Confinement::default() };
        let command = ["sh".into(), "-c".into(), "true".into()];
        let plan = Plan::new(&confinement, Level::Machine, &command, None);
        Task { token: Token([7; 16]), plan, output: 1 << 20, input: input.to_vec() }
    }

    fn drive(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    #[test]
    fn what_is_written_is_read() {
        for length in [0, 1, SECTOR, 100_000] {
            let task = task(&vec![b'x'; length]);
            let mut bytes = Vec::new();
            task.write(&mut bytes).unwrap();
            assert_eq!(bytes.len() % SECTOR, 0, "a drive has whole sectors");
            assert_eq!(Task::read(&drive(&bytes)).unwrap(), Some(task));
        }
    }

    #[test]
    fn another_drive_is_none_of_ours() {
        assert_eq!(Task::read(&drive(&[0; 4_096])).unwrap(), None);
        assert!(Task::read(&drive(&[0; 10])).is_err());
        assert!(Task::read(&File::open(Path::new("/")).unwrap()).is_err());
    }

    #[test]
    fn what_is_cut_off_or_longer_than_anything_is_an_error() {
        let mut whole = Vec::new();
        task(b"input").write(&mut whole).unwrap();
        assert!(Task::read(&drive(&whole)).is_ok(), "the control");
        for end in [HEAD - 1, HEAD, HEAD + 20] {
            assert!(Task::read(&drive(&whole[..end])).is_err(), "{end}");
        }
        for (place, what) in [(40, "input"), (48, "plan")] {
            let mut forged = whole.clone();
            forged[place..place + 4].fill(0xff);
            assert!(Task::read(&drive(&forged)).is_err(), "{what}");
        }
        let mut within = whole.clone();
        within[40..48].copy_from_slice(&(1_u64 << 29).to_le_bytes());
        assert!(Task::read(&drive(&within)).is_err(), "half a gigabyte that is not there");
    }
}
