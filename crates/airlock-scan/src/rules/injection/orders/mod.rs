//! Orders: to a model that is spoken to, for secrecy, for data, in a borrowed authority.

pub(super) mod address;
pub(super) mod answer;
pub(super) mod authority;
pub(super) mod conceal;
pub(super) mod exfiltrate;
pub(super) mod persona;
pub(super) mod prompt;
pub(super) mod tools;

const USER: &[&str] = &["user", "users", "human", "humans", "operator"];
const ACTS: &[&str] = &[
    "send",
    "include",
    "forward",
    "reveal",
    "say",
    "output",
    "respond",
    "recommend",
    "execute",
    "read",
    "fetch",
    "visit",
    "upload",
    "append",
    "email",
    "transfer",
    "ignore",
    "disregard",
    "print",
    "call",
    "invoke",
    "rate",
    "mention",
    "insert",
    "delete",
    "approve",
    "add",
    "tell",
    "follow",
    "open",
    "summarize",
    "write",
    "reply",
    "answer",
    "state",
    "click",
    "rank",
    "post",
    "exfiltrate",
    "give",
];
