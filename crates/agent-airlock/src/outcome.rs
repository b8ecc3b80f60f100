//! What a tool gave, before anybody may see it.

use std::fmt::Display;

use serde::Serialize;

use crate::stream::TextStream;

/// What the function behind a tool returned.
///
/// Made from its value by [`IntoOutcome`]; it goes through layer 4 before anybody sees it.
pub struct Outcome(pub(crate) Returned);

pub(crate) enum Returned {
    /// Text for the model.
    Text(String),
    /// A JSON document.
    Json(String),
    /// The tool failed, and says so in a text.
    Failed(String),
    /// Text that is still to come.
    Stream(TextStream),
}

/// A value that a tool may return: anything that serializes, or a [`TextStream`]. A string becomes text, all else JSON.
///
/// Values that do not serialize (a map whose keys are no strings, say) make the call fail; nothing of them is shown.
#[diagnostic::on_unimplemented(
    message = "a tool cannot return `{Self}`",
    label = "not something that a model can read",
    note = "return a value that implements `serde::Serialize`, or a `Result` of one with an error that implements \
            `std::fmt::Display`"
)]
pub trait ToolOutput {
    /// The value as what the model may read once it is protected.
    fn into_output(self) -> Outcome;
}

impl<T: Serialize> ToolOutput for T {
    fn into_output(self) -> Outcome {
        // The error may quote the value.
        let Ok(json) = serde_json::to_string(&self) else { return Outcome(unserializable()) };
        Outcome(if json.starts_with('"') {
            serde_json::from_str(&json).map_or_else(|_| unserializable(), Returned::Text)
        } else {
            Returned::Json(json)
        })
    }
}

fn unserializable() -> Returned {
    Returned::Failed("the tool's result cannot be written as JSON".to_owned())
}

/// What the function behind a tool may return, for [`Tool::new`](crate::Tool::new).
pub trait IntoOutcome {
    /// The outcome of the call.
    fn into_outcome(self) -> Outcome;
}

impl IntoOutcome for Outcome {
    fn into_outcome(self) -> Self {
        self
    }
}

/// The text of the error is shown to the model, protected like any output.
impl<T: ToolOutput, E: Display> IntoOutcome for Result<T, E> {
    fn into_outcome(self) -> Outcome {
        match self {
            Ok(value) => value.into_output(),
            Err(error) => Outcome(Returned::Failed(error.to_string())),
        }
    }
}

/// What a function returned, for the code of `#[airlock]`, which cannot know whether that is a `Result`: the method of
/// a `Result` belongs to the type and goes first, that of all else to the trait.
#[doc(hidden)]
pub struct Value<T>(pub T);

impl<T, E> Value<Result<T, E>> {
    /// The outcome of a `Result`. The bounds stand here, so that a `Result` without them is not taken for a value.
    pub fn into_outcome(self) -> Outcome
    where
        T: ToolOutput,
        E: Display,
    {
        IntoOutcome::into_outcome(self.0)
    }
}

/// See [`Value`].
#[doc(hidden)]
pub trait PlainValue<T> {
    /// The outcome of a value. The bound stands here, so that a value without it is told by its own name.
    fn into_outcome(self) -> Outcome
    where
        T: ToolOutput;
}

impl<T> PlainValue<T> for Value<T> {
    fn into_outcome(self) -> Outcome
    where
        T: ToolOutput,
    {
        self.0.into_output()
    }
}
