//! What a call is about.

/// The kinds of things that a server offers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum TargetKind {
    /// A tool.
    Tool,
    /// A prompt.
    Prompt,
    /// A resource; its name is its URI.
    Resource,
    /// The completion of an argument of a prompt or a resource.
    Completion,
}

impl TargetKind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Tool, Self::Prompt, Self::Resource, Self::Completion];

    /// What stands before the name in a qualified name; nothing for tools.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Tool => "",
            Self::Prompt => "prompt:",
            Self::Resource => "resource:",
            Self::Completion => "completion:",
        }
    }

    /// The word for it in messages.
    pub fn word(self) -> &'static str {
        match self {
            Self::Tool => "tool",
            Self::Prompt => "prompt",
            Self::Resource => "resource",
            Self::Completion => "completion",
        }
    }
}

/// What is called.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Subject<'a> {
    /// What kind of thing it is.
    pub kind: TargetKind,
    /// Its name, exactly as it is called.
    pub name: &'a str,
    /// The name as [`fold`](super::fold) gives it.
    pub folded: &'a str,
}
