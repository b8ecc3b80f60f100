//! Every method in one table: who sends it, what it calls, and where its texts hide.

/// What a client's method is to the guard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClientMethod {
    /// `tools/call`: judged against the tool's own schema.
    CallTool,
    /// `prompts/get`: judged against the prompt's declared arguments.
    GetPrompt,
    /// `resources/read`, `resources/subscribe`, `resources/unsubscribe`: judged by their URI.
    Resource,
    /// `resources/directory/read`, `skills/get`: judged by their URI, answered with a description.
    Described,
    /// `subscriptions/listen`: each resource that it names is judged by its URI.
    Subscribe,
    /// `completion/complete`: judged by what it completes.
    Complete,
    /// `tools/list`: the guard learns from the answer and filters it.
    ListTools,
    /// `prompts/list`: the guard learns from the answer and filters it.
    ListPrompts,
    /// `tasks/result`: answers with a tool's result.
    TaskResult,
    /// Everything else, known or not: goes on untouched, its answer is protected as a whole.
    Other,
}

impl ClientMethod {
    pub(crate) fn of(name: &str) -> Self {
        match name {
            "tools/call" => Self::CallTool,
            "prompts/get" => Self::GetPrompt,
            "resources/read" | "resources/subscribe" | "resources/unsubscribe" => Self::Resource,
            "resources/directory/read" | "skills/get" => Self::Described,
            "subscriptions/listen" => Self::Subscribe,
            "completion/complete" => Self::Complete,
            "tools/list" => Self::ListTools,
            "prompts/list" => Self::ListPrompts,
            "tasks/result" => Self::TaskResult,
            _ => Self::Other,
        }
    }

    /// Whether it is a request by its nature, so that sending it without an id is an attempt to have it
    /// carried out without an answer.
    pub(crate) fn needs_id(self) -> bool {
        self != Self::Other
    }
}

/// What a server's notification means to the guard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ServerNotification {
    /// The list of tools changed: contracts are dropped.
    ToolsChanged,
    /// The list of prompts changed.
    PromptsChanged,
    /// Everything else: its texts are protected.
    Other,
}

impl ServerNotification {
    pub(crate) fn of(name: &str) -> Self {
        match name {
            "notifications/tools/list_changed" => Self::ToolsChanged,
            "notifications/prompts/list_changed" => Self::PromptsChanged,
            _ => Self::Other,
        }
    }
}
