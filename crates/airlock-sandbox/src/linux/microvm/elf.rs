//! What a dynamically linked program needs to start, read from its file: the program that loads it, and the name by which
//! a library is asked for. Only as much of the format as that takes; everything is bounded, since a file can be anything.

use std::{
    ffi::OsString,
    fs::File,
    io,
    os::unix::{ffi::OsStringExt as _, fs::FileExt as _},
};

/// Sizes of the 64-bit forms.
const HEADER: usize = 64;
const SEGMENT: u16 = 56;
const MOST_SEGMENTS: u16 = 256;
const LONGEST_DYNAMIC: u64 = 64 << 10;
const LONGEST_NAME: u64 = 4 << 10;

const LOADED: u32 = 1;
const DYNAMIC: u32 = 2;
const INTERPRETER: u32 = 3;

const TAG_STRINGS: u64 = 5;
const TAG_NAME: u64 = 14;

/// A part of the file that is mapped, or says something about the rest.
#[derive(Clone, Copy, Debug)]
struct Segment {
    kind: u32,
    offset: u64,
    address: u64,
    length: u64,
}

/// What is needed of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Needs {
    /// The program that loads it; `None` for one that is linked statically, and for libraries.
    pub(super) interpreter: Option<OsString>,
    /// What a library is called by those that need it.
    pub(super) name: Option<OsString>,
}

/// Reads it. Fails for what is not an ELF file of this machine's kind.
pub(super) fn needs(file: &File) -> io::Result<Needs> {
    let segments = segments(file)?;
    let find = |kind| segments.iter().find(|segment| segment.kind == kind);
    let interpreter =
        find(INTERPRETER).map(|segment| name_at(file, segment.offset, segment.length)).transpose()?;
    let name = match find(DYNAMIC) {
        Some(dynamic) => own_name(file, dynamic, &segments)?,
        None => None,
    };
    Ok(Needs { interpreter, name })
}

fn bad() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "it is no ELF file for 64 bits in little-endian order")
}

fn segments(file: &File) -> io::Result<Vec<Segment>> {
    let mut header = [0; HEADER];
    file.read_exact_at(&mut header, 0)?;
    let number = |place: usize| number::<8>(&header, place).map(u64::from_le_bytes);
    let short = |place: usize| self::number::<2>(&header, place).map(u16::from_le_bytes);
    if !header.starts_with(b"\x7fELF\x02\x01") {
        return Err(bad());
    }
    let table = number(0x20).ok_or_else(bad)?;
    let (size, count) = (short(0x36).ok_or_else(bad)?, short(0x38).ok_or_else(bad)?);
    if size != SEGMENT || count > MOST_SEGMENTS {
        return Err(bad());
    }
    let mut bytes = vec![0; usize::from(size) * usize::from(count)];
    file.read_exact_at(&mut bytes, table)?;
    let read = |entry: &[u8]| -> Option<Segment> {
        Some(Segment {
            kind: u32::from_le_bytes(self::number(entry, 0)?),
            offset: u64::from_le_bytes(self::number(entry, 8)?),
            address: u64::from_le_bytes(self::number(entry, 16)?),
            length: u64::from_le_bytes(self::number(entry, 32)?),
        })
    };
    bytes.chunks_exact(usize::from(SEGMENT)).map(read).collect::<Option<_>>().ok_or_else(bad)
}

fn own_name(file: &File, dynamic: &Segment, segments: &[Segment]) -> io::Result<Option<OsString>> {
    let mut bytes = vec![0; usize::try_from(dynamic.length.min(LONGEST_DYNAMIC)).map_err(|_| bad())?];
    file.read_exact_at(&mut bytes, dynamic.offset)?;
    let entries = bytes.chunks_exact(16).map_while(|entry| {
        let (tag, value) = (u64::from_le_bytes(number(entry, 0)?), u64::from_le_bytes(number(entry, 8)?));
        (tag != 0).then_some((tag, value))
    });
    let entries: Vec<_> = entries.collect();
    let value = |tag| entries.iter().find(|(known, _)| *known == tag).map(|(_, value)| *value);
    let (Some(strings), Some(name)) = (value(TAG_STRINGS), value(TAG_NAME)) else { return Ok(None) };
    // The table is named by its address; the segment that is mapped there says where in the file that is.
    let holds = |segment: &&Segment| {
        segment.kind == LOADED && strings >= segment.address && strings - segment.address < segment.length
    };
    let segment = segments.iter().find(holds).ok_or_else(bad)?;
    let place =
        (strings - segment.address).checked_add(segment.offset).and_then(|place| place.checked_add(name));
    name_at(file, place.ok_or_else(bad)?, LONGEST_NAME).map(Some)
}

/// The text up to the first zero.
fn name_at(file: &File, place: u64, most: u64) -> io::Result<OsString> {
    let mut text = vec![0; usize::try_from(most.min(LONGEST_NAME)).map_err(|_| bad())?];
    let mut read = 0;
    while let Some(rest) = text.get_mut(read..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, place.checked_add(read as u64).ok_or_else(bad)?)? {
            0 => break,
            more => read += more,
        }
    }
    text.truncate(read);
    let end = text.iter().position(|byte| *byte == 0).filter(|end| *end > 0).ok_or_else(bad)?;
    text.truncate(end);
    Ok(OsString::from_vec(text))
}

fn number<const N: usize>(bytes: &[u8], place: usize) -> Option<[u8; N]> {
    bytes.get(place..)?.first_chunk().copied()
}

#[cfg(test)]
mod tests {
    use std::{fs::File, io::Write as _};

    use super::needs;

    /// A file with one segment of each kind, at known places.
    fn sample() -> Vec<u8> {
        let mut bytes = vec![0; 0x400];
        let mut put = |place: usize, part: &[u8]| bytes[place..place + part.len()].copy_from_slice(part);
        put(0, b"\x7fELF\x02\x01");
        put(0x20, &64_u64.to_le_bytes());
        put(0x36, &56_u16.to_le_bytes());
        put(0x38, &3_u16.to_le_bytes());
        // Kind, offset, address, length.
        let segments: [(u32, u64, u64, u64); 3] =
            [(1, 0x200, 0x1200, 0x200), (2, 0x300, 0x1300, 64), (3, 0x380, 0, 13)];
        for (nth, (kind, offset, address, length)) in segments.into_iter().enumerate() {
            let at = 64 + nth * 56;
            put(at, &kind.to_le_bytes());
            put(at + 8, &offset.to_le_bytes());
            put(at + 16, &address.to_le_bytes());
            put(at + 32, &length.to_le_bytes());
        }
        for (nth, (tag, value)) in [(5_u64, 0x1210_u64), (14, 3), (0, 0)].into_iter().enumerate() {
            put(0x300 + nth * 16, &tag.to_le_bytes());
            put(0x308 + nth * 16, &value.to_le_bytes());
        }
        put(0x213, b"libx.so.1\0");
        put(0x380, b"/lib/ld.so.2\0");
        bytes
    }

    fn file(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    #[test]
    fn names_are_found() {
        let needs = needs(&file(&sample())).unwrap();
        assert_eq!(needs.interpreter.unwrap(), "/lib/ld.so.2");
        assert_eq!(needs.name.unwrap(), "libx.so.1");
    }

    #[test]
    fn this_program_says_what_it_needs() {
        let own = needs(&File::open("/proc/self/exe").unwrap()).unwrap();
        if let Some(interpreter) = own.interpreter {
            assert!(std::path::Path::new(&interpreter).is_file(), "{interpreter:?}");
        }
    }

    #[test]
    fn nothing_that_a_file_says_is_taken_on_trust() {
        assert!(needs(&file(&sample())).is_ok(), "the control");
        for length in [0, 10, 63, 70, 0x300, 0x382] {
            assert!(needs(&file(&sample()[..length])).is_err(), "{length}");
        }
        // Class, size of an entry, number of entries, table, address of the strings, the name, a name that does not end.
        let damages: [(usize, &[u8]); 7] = [
            (4, &[1]),
            (0x36, &[0x20]),
            (0x38, &[0xff, 0xff]),
            (0x20, &[0xff; 8]),
            (0x308, &[0xff; 8]),
            (0x318, &[0xff; 8]),
            (0x38c, b"x"),
        ];
        for (place, damage) in damages {
            let mut bytes = sample();
            bytes[place..place + damage.len()].copy_from_slice(damage);
            assert!(needs(&file(&bytes)).is_err(), "{place:#x}");
        }
    }
}
