//! Lines of bounded length out of a byte stream, handed out as slices of the read buffer.

use std::{
    io::{self, Read},
    ops::Range,
};

use airlock_mcp::skim::{Skimmed, Skimmer};
use memchr::memchr;

/// What the buffer starts with, and one read's worth: the capacity of a pipe on Linux.
const CHUNK: usize = 64 * 1024;

/// A buffer that grew beyond this for one long line is given back afterwards.
const KEEP: usize = 1024 * 1024;

/// One line of the stream.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line<'b> {
    /// The line without its line break; a carriage return before it stays.
    Whole(&'b [u8]),
    /// The line was longer than the bound; this is what could be told about it.
    Oversize(Skimmed),
}

/// Reads lines of at most a given length.
///
/// A line within the bound is a slice of the buffer: nothing is copied but what a buffer moves or grows for a
/// line that does not fit. A longer one is read to its end and skimmed, in constant memory. Blank lines are
/// skipped; a last line without a line break is a line like any other.
#[derive(Debug)]
pub(crate) struct LineReader<R> {
    source: R,
    buffer: Vec<u8>,
    /// What was read and not handed out yet.
    filled: Range<usize>,
    max_line: usize,
}

impl<R: Read> LineReader<R> {
    /// A reader whose lines have at most `max_line` bytes, the line break not counted.
    pub(crate) fn new(source: R, max_line: usize) -> Self {
        Self { source, buffer: vec![0; CHUNK], filled: 0..0, max_line }
    }

    /// The next line that is not blank; `None` at the end of the stream.
    pub(crate) fn next_line(&mut self) -> io::Result<Option<Line<'_>>> {
        self.give_back();
        let line = loop {
            match self.find_line()? {
                Found::Line(range) if self.slice(range.clone()).trim_ascii().is_empty() => {}
                Found::Line(range) => break range,
                Found::Oversize => return self.skip_line().map(|seen| Some(Line::Oversize(seen))),
                Found::End => return Ok(None),
            }
        };
        Ok(Some(Line::Whole(self.slice(line))))
    }

    /// Reads until a whole line is in the buffer and takes it out.
    fn find_line(&mut self) -> io::Result<Found> {
        let mut searched = 0;
        loop {
            let held = self.slice(self.filled.clone());
            let fresh = held.get(searched..).unwrap_or_default();
            if let Some(at) = memchr(b'\n', fresh) {
                let length = searched + at;
                if length > self.max_line {
                    return Ok(Found::Oversize);
                }
                return Ok(Found::Line(self.take(length, 1)));
            }
            searched = held.len();
            if searched > self.max_line {
                return Ok(Found::Oversize);
            }
            self.make_room();
            if self.read()? == 0 {
                return Ok(if searched == 0 { Found::End } else { Found::Line(self.take(searched, 0)) });
            }
        }
    }

    /// Skims what is in the buffer and everything up to the line break, forgetting it piece by piece.
    fn skip_line(&mut self) -> io::Result<Skimmed> {
        let mut skimmer = Skimmer::new();
        loop {
            let held = self.slice(self.filled.clone());
            if let Some(at) = memchr(b'\n', held) {
                skimmer.push(held.get(..at).unwrap_or_default());
                self.take(at, 1);
                return Ok(skimmer.finish());
            }
            skimmer.push(held);
            self.filled = 0..0;
            if self.read()? == 0 {
                return Ok(skimmer.finish());
            }
        }
    }

    /// Takes `length` bytes and the `delimiter` bytes after them out of the buffer.
    fn take(&mut self, length: usize, delimiter: usize) -> Range<usize> {
        let start = self.filled.start;
        self.filled.start = start + length + delimiter;
        start..start + length
    }

    /// Makes room behind what is held: moves it to the front, so that reads stay large, or doubles a full
    /// buffer. A line is given up once it is one byte longer than the bound, so the buffer never exceeds that.
    fn make_room(&mut self) {
        let room = self.buffer.len() - self.filled.end;
        if self.filled.start > 0 && room < CHUNK / 2 {
            self.buffer.copy_within(self.filled.clone(), 0);
            self.filled = 0..self.filled.len();
        }
        if self.filled.end == self.buffer.len() {
            let limit = self.max_line.saturating_add(1).max(CHUNK);
            self.buffer.resize(self.buffer.len().saturating_mul(2).min(limit), 0);
        }
    }

    /// One read into the room behind what is held; 0 at the end of the stream.
    fn read(&mut self) -> io::Result<usize> {
        let room = self.buffer.get_mut(self.filled.end..).unwrap_or_default();
        loop {
            match self.source.read(room) {
                Ok(count) => {
                    self.filled.end += count.min(room.len());
                    return Ok(count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// One long line must not cost its size for the rest of the session.
    fn give_back(&mut self) {
        if self.buffer.len() > KEEP && self.filled.len() <= CHUNK {
            let mut buffer = vec![0; CHUNK];
            let held = self.slice(self.filled.clone());
            if let Some(front) = buffer.get_mut(..held.len()) {
                front.copy_from_slice(held);
            }
            self.filled = 0..self.filled.len();
            self.buffer = buffer;
        }
    }

    fn slice(&self, range: Range<usize>) -> &[u8] {
        self.buffer.get(range).unwrap_or_default()
    }
}

enum Found {
    Line(Range<usize>),
    Oversize,
    End,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hands out at most `piece` bytes per read.
    struct Pieces<'a> {
        rest: &'a [u8],
        piece: usize,
    }

    impl Read for Pieces<'_> {
        fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
            let count = self.piece.min(room.len()).min(self.rest.len());
            let (now, rest) = self.rest.split_at(count);
            room[..count].copy_from_slice(now);
            self.rest = rest;
            Ok(count)
        }
    }

    fn lines(input: &[u8], piece: usize, max_line: usize) -> Vec<Result<String, Option<String>>> {
        let mut reader = LineReader::new(Pieces { rest: input, piece }, max_line);
        let mut seen = Vec::new();
        while let Some(line) = reader.next_line().unwrap() {
            seen.push(match line {
                Line::Whole(bytes) => Ok(String::from_utf8(bytes.to_vec()).unwrap()),
                Line::Oversize(skimmed) => Err(skimmed.id),
            });
        }
        seen
    }

    #[test]
    fn splits_wherever_reads_are_cut() {
        let cases: &[(&str, &[&str])] = &[
            ("", &[]),
            ("\n\r\n \t\n", &[]),
            ("a\nb\n", &["a", "b"]),
            ("a\r\n\nb", &["a\r", "b"]),
            ("exactly8\n12345678", &["exactly8", "12345678"]),
        ];
        for &(input, want) in cases {
            for piece in [1, 2, 3, 100] {
                let want: Vec<_> = want.iter().map(|&line| Ok(line.to_owned())).collect();
                assert_eq!(lines(input.as_bytes(), piece, 8), want, "{input:?} in pieces of {piece}");
            }
        }
    }

    #[test]
    fn a_line_over_the_bound_is_skimmed_and_the_next_one_is_whole() {
        let input = b"{\"id\":1}\n{\"id\":22}\n{\"id\":3}\n{\"id\":4444444";
        for piece in [1, 5, 9, 100] {
            let want = [
                Ok("{\"id\":1}".to_owned()),
                Err(Some("22".to_owned())),
                Ok("{\"id\":3}".to_owned()),
                Err(None),
            ];
            assert_eq!(lines(input, piece, 8), want, "pieces of {piece}");
        }
    }

    #[test]
    fn lines_longer_than_the_buffer_arrive_whole() {
        let long = "x".repeat(3 * CHUNK + 1);
        let input = format!("short\n{long}\nshort\n{long}");
        for piece in [1000, CHUNK, 10 * CHUNK] {
            let seen = lines(input.as_bytes(), piece, long.len());
            assert_eq!(seen, ["short", &long, "short", &long].map(|line| Ok(line.to_owned())), "{piece}");
        }
    }

    #[test]
    fn the_buffer_is_bounded_and_given_back() {
        let mut input = vec![b'x'; 8 * KEEP];
        input.extend_from_slice(b"\n");
        input.extend_from_slice(&vec![b'y'; 2 * KEEP]);
        input.extend_from_slice(b"\nz\n");
        let mut reader = LineReader::new(input.as_slice(), 4 * KEEP);
        assert_eq!(reader.next_line().unwrap(), Some(Line::Oversize(Skimmed::default())));
        assert!(reader.buffer.len() <= 4 * KEEP + 1);
        assert!(matches!(reader.next_line().unwrap(), Some(Line::Whole(line)) if line.len() == 2 * KEEP));
        assert_eq!(reader.next_line().unwrap(), Some(Line::Whole(b"z")));
        assert_eq!(reader.buffer.len(), CHUNK);
    }
}
