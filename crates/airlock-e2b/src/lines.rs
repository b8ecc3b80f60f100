//! The messages of the code interpreter: one JSON object a line, whatever pieces they come in.

/// A line is longer than is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLong;

/// Puts lines together from pieces. It holds no more than one line and the piece that was pushed last.
#[derive(Debug)]
pub(crate) struct Lines {
    buffer: Vec<u8>,
    /// Where no end of a line was found before.
    searched: usize,
    most: usize,
}

impl Lines {
    /// For lines of at most `most` bytes each.
    pub(crate) fn new(most: usize) -> Self {
        Self { buffer: Vec::new(), searched: 0, most }
    }

    /// Takes the next piece. [`Self::next`] is called until it gives nothing before another one is pushed.
    pub(crate) fn push(&mut self, piece: &[u8]) {
        self.buffer.extend_from_slice(piece);
    }

    /// The next line, without its end, if it is there as a whole. What follows the last end of a line never is.
    ///
    /// # Errors
    /// It is too long; nothing after that makes sense.
    pub(crate) fn next(&mut self) -> Result<Option<Vec<u8>>, TooLong> {
        let unseen = self.buffer.get(self.searched..).unwrap_or_default();
        let end = unseen.iter().position(|byte| *byte == b'\n').map(|at| self.searched + at);
        if end.unwrap_or(self.buffer.len()) > self.most {
            return Err(TooLong);
        }
        let Some(end) = end else {
            self.searched = self.buffer.len();
            return Ok(None);
        };
        let mut line: Vec<u8> = self.buffer.drain(..=end).collect();
        line.pop();
        self.searched = 0;
        Ok(Some(line))
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::{Lines, TooLong};

    fn read(pieces: &[Vec<u8>], most: usize) -> Result<Vec<Vec<u8>>, TooLong> {
        let (mut lines, mut read) = (Lines::new(most), Vec::new());
        for piece in pieces {
            lines.push(piece);
            while let Some(line) = lines.next()? {
                read.push(line);
            }
        }
        Ok(read)
    }

    #[test]
    fn lines_end_and_are_bounded() {
        let lines = |text: &str, most| read(&[text.as_bytes().to_vec()], most);
        assert_eq!(lines("12345\n\n", 5).unwrap(), [b"12345".to_vec(), Vec::new()]);
        assert!(lines("123456\n", 5).is_err());
        assert!(lines("123456", 5).is_err(), "also when its end does not come");
        assert!(lines("12345", 5).unwrap().is_empty(), "half a line is none");
    }

    proptest! {
        #[test]
        fn pieces_make_no_difference(lines in vec(vec(b' '..=b'~', 0..40), 0..6), size in 1_usize..20) {
            let all: Vec<u8> = lines.iter().flat_map(|line| [line.as_slice(), b"\n"].concat()).collect();
            let pieces: Vec<_> = all.chunks(size).map(<[u8]>::to_vec).collect();
            prop_assert_eq!(read(&pieces, 40), Ok(lines));
        }

        #[test]
        fn anything_is_read_or_refused(pieces in vec(vec(any::<u8>(), 0..30), 0..20)) {
            for line in read(&pieces, 16).unwrap_or_default() {
                prop_assert!(line.len() <= 16 && !line.contains(&b'\n'));
            }
        }
    }
}
