//! The messages of a Connect-RPC stream: a byte of flags, the length in four bytes, the highest first, and the message.

use std::fmt;

const HEAD: usize = 5;
const END: u8 = 0x02;

/// One message of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    /// An answer.
    Message(Vec<u8>),
    /// The last one: `{}`, or `{"error": …}`.
    End(Vec<u8>),
}

/// Why what came is no stream of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FrameError {
    /// A message says that it is longer than is accepted; its length in bytes.
    TooLong(u32),
    /// Flags that were not agreed upon, compression for one.
    Flags(u8),
    /// Something follows the last message.
    AfterEnd,
    /// The stream ended before its last message did.
    Incomplete,
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong(length) => write!(f, "a message of {length} bytes is longer than is accepted"),
            Self::Flags(flags) => write!(f, "a message has flags that were not agreed upon: {flags:#04x}"),
            Self::AfterEnd => f.write_str("something follows the last message"),
            Self::Incomplete => f.write_str("the stream ended before its last message"),
        }
    }
}

impl std::error::Error for FrameError {}

/// Puts messages together from pieces. It holds no more than one message and the piece that was pushed last.
#[derive(Debug)]
pub(crate) struct Frames {
    buffer: Vec<u8>,
    most: u32,
    ended: bool,
}

impl Frames {
    /// For messages of at most `most` bytes each.
    pub(crate) fn new(most: u32) -> Self {
        Self { buffer: Vec::new(), most, ended: false }
    }

    /// Takes the next piece. [`Self::next`] is called until it gives nothing before another one is pushed.
    pub(crate) fn push(&mut self, piece: &[u8]) {
        self.buffer.extend_from_slice(piece);
    }

    /// The next message, if it is there as a whole.
    ///
    /// # Errors
    /// What came is no stream of messages; nothing after that makes sense.
    pub(crate) fn next(&mut self) -> Result<Option<Frame>, FrameError> {
        if self.ended && !self.buffer.is_empty() {
            return Err(FrameError::AfterEnd);
        }
        let Some((&[flags, a, b, c, d], rest)) = self.buffer.split_first_chunk::<HEAD>() else {
            return Ok(None);
        };
        // Judged by its head, before anything of it is kept.
        if flags & !END != 0 {
            return Err(FrameError::Flags(flags));
        }
        let length = u32::from_be_bytes([a, b, c, d]);
        if length > self.most {
            return Err(FrameError::TooLong(length));
        }
        let Ok(length) = usize::try_from(length) else { return Err(FrameError::TooLong(length)) };
        let Some(message) = rest.get(..length) else { return Ok(None) };
        let message = message.to_vec();
        self.buffer.drain(..HEAD + length);
        self.ended = flags == END;
        Ok(Some(if self.ended { Frame::End(message) } else { Frame::Message(message) }))
    }

    /// Nothing more comes.
    ///
    /// # Errors
    /// The last message is missing.
    pub(crate) fn finish(&self) -> Result<(), FrameError> {
        if self.ended { Ok(()) } else { Err(FrameError::Incomplete) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::{Frame, FrameError, Frames};

    fn encode(flags: u8, message: &[u8]) -> Vec<u8> {
        let mut frame = vec![flags];
        frame.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
        frame.extend(message);
        frame
    }

    fn read(pieces: &[Vec<u8>], most: u32) -> Result<Vec<Frame>, FrameError> {
        let (mut frames, mut read) = (Frames::new(most), Vec::new());
        for piece in pieces {
            frames.push(piece);
            while let Some(frame) = frames.next()? {
                read.push(frame);
            }
        }
        frames.finish().map(|()| read)
    }

    #[test]
    fn what_is_no_stream_is_said() {
        let end = encode(2, b"{}");
        assert_eq!(read(&[encode(0, b"12345"), end.clone()], 5).unwrap().len(), 2);
        assert_eq!(read(&[encode(0, b"123456"), end.clone()], 5), Err(FrameError::TooLong(6)));
        assert_eq!(read(&[encode(1, b"1"), end.clone()], 5), Err(FrameError::Flags(1)));
        assert_eq!(read(&[end.clone(), vec![0]], 5), Err(FrameError::AfterEnd));
        assert_eq!(read(&[encode(0, b"1")], 5), Err(FrameError::Incomplete));
        assert_eq!(read(&[end[..6].to_vec()], 5), Err(FrameError::Incomplete));
    }

    proptest! {
        #[test]
        fn pieces_make_no_difference(messages in vec(vec(any::<u8>(), 0..40), 0..6), size in 1_usize..20) {
            let mut all: Vec<u8> = messages.iter().flat_map(|message| encode(0, message)).collect();
            all.extend(encode(2, b"{}"));
            let pieces: Vec<_> = all.chunks(size).map(<[u8]>::to_vec).collect();
            let mut expected: Vec<_> = messages.into_iter().map(Frame::Message).collect();
            expected.push(Frame::End(b"{}".to_vec()));
            prop_assert_eq!(read(&pieces, 40), Ok(expected));
        }

        #[test]
        fn anything_is_read_or_refused(pieces in vec(vec(any::<u8>(), 0..30), 0..20)) {
            for frame in read(&pieces, 16).unwrap_or_default() {
                let (Frame::Message(message) | Frame::End(message)) = frame;
                prop_assert!(message.len() <= 16);
            }
        }
    }
}
