//! Output in chunks: what a tool gives, and what may be shown of it.

use std::{
    fmt::{self, Display},
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use airlock_engine::{Caller, Code, OutputReport, OutputStream, Rejection};
use futures_core::Stream;

use crate::{
    current::entered,
    outcome::{Outcome, Returned, ToolOutput},
    output::Output,
};

/// A text that a tool gives in chunks.
///
/// ```
/// use agent_airlock::{Caller, TextStream, Toolbox, airlock};
///
/// /// Follows a log.
/// #[airlock]
/// fn follow() -> TextStream {
///     // Usually `TextStream::new(some_stream)`.
///     TextStream::from_iter(["key AKIAQWERTY", "UIOPASDFGH is in two chunks"])
/// }
/// # let engine = airlock_testkit::engine("").0;
/// # let toolbox = Toolbox::builder().engine(engine).tool(follow()).build()?;
/// let output = toolbox.call_blocking("follow", serde_json::json!({}), &Caller::anonymous())?;
/// assert_eq!(output.text(), "key ***REDACTED*** is in two chunks");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct TextStream(Pin<Box<dyn Stream<Item = Result<String, String>> + Send>>);

impl TextStream {
    /// A text of the chunks of a stream.
    pub fn new<S>(stream: S) -> Self
    where
        S: Stream<Item: Into<String>> + Send + 'static,
    {
        Self(Box::pin(Mapped { stream: Box::pin(stream), map: |chunk: S::Item| Ok(chunk.into()) }))
    }

    /// A text of the chunks of a stream, up to the first error, whose text is shown like the chunks.
    pub fn fallible<S, T, E>(stream: S) -> Self
    where
        S: Stream<Item = Result<T, E>> + Send + 'static,
        T: Into<String> + 'static,
        E: Display + 'static,
    {
        let map = |chunk: Result<T, E>| chunk.map(Into::into).map_err(|error| error.to_string());
        Self(Box::pin(Mapped { stream: Box::pin(stream), map }))
    }
}

impl TextStream {
    /// The next chunk, or an error, which is the last.
    pub(crate) fn poll_chunk(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<String, String>>> {
        self.0.as_mut().poll_next(context)
    }
}

impl<T: Into<String>> FromIterator<T> for TextStream {
    fn from_iter<I: IntoIterator<Item = T>>(chunks: I) -> Self {
        let chunks: Vec<String> = chunks.into_iter().map(Into::into).collect();
        Self(Box::pin(Chunks(chunks.into_iter())))
    }
}

impl fmt::Debug for TextStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TextStream").finish_non_exhaustive()
    }
}

impl ToolOutput for TextStream {
    fn into_output(self) -> Outcome {
        Outcome(Returned::Stream(self))
    }
}

struct Mapped<S, F> {
    stream: Pin<Box<S>>,
    map: F,
}

impl<S: Stream, F: FnMut(S::Item) -> Result<String, String> + Unpin> Stream for Mapped<S, F> {
    type Item = Result<String, String>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        this.stream.as_mut().poll_next(context).map(|chunk| chunk.map(&mut this.map))
    }
}

struct Chunks(std::vec::IntoIter<String>);

impl Stream for Chunks {
    type Item = Result<String, String>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.0.next().map(Ok))
    }
}

/// The protected output of a tool, in chunks: what the model may read, as soon as it may.
///
/// A chunk is not what the tool gave: the last 4 KiB (up to 64 KiB of an open private key) are held back until more
/// comes, so that a secret that lies over two chunks never leaves. Dropping it before the end leaves an audit record
/// with the result `abandoned`.
pub struct ProtectedChunks(State);

enum State {
    /// The whole output at once.
    Whole(Box<Output>),
    Open(Box<Open>),
    Ended,
}

struct Open {
    chunks_in_turn: u32,
    chunks: TextStream,
    stream: OutputStream,
    caller: Arc<Caller>,
}

/// Chunks that are taken at a time.
const TURN: u32 = 64;

/// One step of an open stream.
enum Step {
    Shown(String),
    Ended(Result<Output, Rejection>),
}

impl ProtectedChunks {
    pub(crate) fn whole(output: Output) -> Self {
        Self(State::Whole(Box::new(output)))
    }

    pub(crate) fn open(chunks: TextStream, stream: OutputStream, caller: Arc<Caller>) -> Self {
        Self(State::Open(Box::new(Open { chunks_in_turn: 0, chunks, stream, caller })))
    }

    /// The next chunk; `None` at the end.
    ///
    /// # Errors
    ///
    /// The last item: the tool crashed, or its output is blocked.
    pub async fn next(&mut self) -> Option<Result<String, Rejection>> {
        poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    /// All of it.
    pub(crate) async fn collect(mut self) -> Result<Output, Rejection> {
        let mut text = String::new();
        loop {
            match poll_fn(|context| self.poll_step(context)).await {
                Some(Step::Shown(chunk)) => text.push_str(&chunk),
                Some(Step::Ended(end)) => {
                    return end.map(|end| Output { text: text + &end.text, ..end });
                }
                // The step before said so.
                None => return Err(Rejection::new(Code::InternalPanic)),
            }
        }
    }

    /// A stream that is always ready must not keep its task for itself: after [`TURN`] chunks others get their turn, and
    /// whoever waits with a timeout too.
    fn poll_step(&mut self, context: &mut Context<'_>) -> Poll<Option<Step>> {
        loop {
            if let State::Open(open) = &mut self.0 {
                open.chunks_in_turn += 1;
                if open.chunks_in_turn > TURN {
                    open.chunks_in_turn = 0;
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
            }
            let open = match &mut self.0 {
                State::Open(open) => open,
                State::Whole(_) | State::Ended => {
                    let State::Whole(output) = std::mem::replace(&mut self.0, State::Ended) else {
                        return Poll::Ready(None);
                    };
                    return Poll::Ready(Some(Step::Ended(Ok(*output))));
                }
            };
            let polled = match entered(&open.caller, || open.chunks.poll_chunk(context)) {
                Ok(Poll::Pending) => return Poll::Pending,
                Ok(Poll::Ready(chunk)) => Ok(chunk),
                Err(panicked) => Err(panicked),
            };
            if let Ok(Some(Ok(chunk))) = &polled {
                let shown = open.stream.push(chunk);
                if shown.is_empty() {
                    continue;
                }
                return Poll::Ready(Some(Step::Shown(shown)));
            }
            let State::Open(open) = std::mem::replace(&mut self.0, State::Ended) else {
                return Poll::Ready(None);
            };
            let Open { mut stream, .. } = *open;
            let end = match polled {
                Ok(Some(Err(error))) => {
                    let shown = stream.push(&error);
                    stream.finish_failed().map(|(rest, report)| ended(shown + &rest, true, report))
                }
                Ok(_) => stream.finish().map(|(rest, report)| ended(rest, false, report)),
                Err(_panicked) => Err(stream.fail(Rejection::new(Code::ToolPanicked))),
            };
            return Poll::Ready(Some(Step::Ended(end)));
        }
    }
}

fn ended(text: String, failed: bool, report: OutputReport) -> Output {
    Output { text, json: false, failed, report }
}

impl Stream for ProtectedChunks {
    type Item = Result<String, Rejection>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_step(context).map(|step| match step? {
            Step::Shown(text) => Some(Ok(text)),
            Step::Ended(Ok(output)) if output.text.is_empty() => None,
            Step::Ended(end) => Some(end.map(Output::into_text)),
        })
    }
}

impl fmt::Debug for ProtectedChunks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProtectedChunks").finish_non_exhaustive()
    }
}
