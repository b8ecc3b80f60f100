//! Who calls. Comes from the transport or the host, never from tool arguments.

use std::{borrow::Cow, fmt, str::FromStr};

/// Longest identifier in bytes.
pub const MAX_IDENTIFIER_LEN: usize = 256;

/// An identifier that is empty, longer than [`MAX_IDENTIFIER_LEN`] bytes, or holds control characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidIdentifier {
    what: &'static str,
}

impl fmt::Display for InvalidIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} must be 1 to {MAX_IDENTIFIER_LEN} bytes without control characters", self.what)
    }
}

impl std::error::Error for InvalidIdentifier {}

/// The check behind every identifier: something visible, bounded, on one line.
pub(crate) fn parse_identifier(text: &str, what: &'static str) -> Result<Box<str>, InvalidIdentifier> {
    let text = text.trim();
    if text.is_empty() || text.len() > MAX_IDENTIFIER_LEN || text.chars().any(char::is_control) {
        return Err(InvalidIdentifier { what });
    }
    Ok(text.into())
}

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Box<str>);

        impl $name {
            /// Parses an identifier: 1 to [`MAX_IDENTIFIER_LEN`] bytes, no control characters, white space
            /// around it dropped. An empty one is no identifier.
            pub fn new(text: &str) -> Result<Self, InvalidIdentifier> {
                parse_identifier(text, $what).map(Self)
            }

            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidIdentifier;

            fn from_str(text: &str) -> Result<Self, InvalidIdentifier> {
                Self::new(text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

identifier!(
    /// Identifies the agent, as the host or transport vouches for it.
    AgentId, "an agent id"
);
identifier!(
    /// Identifies the session within which a call is made.
    SessionId, "a session id"
);
identifier!(
    /// A role the caller holds; compared exactly.
    Role, "a role"
);

/// Who makes a call. The default caller is anonymous and holds no role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    /// The agent, if it is known.
    pub agent_id: Option<AgentId>,
    /// The session, if there is one.
    pub session_id: Option<SessionId>,
    /// The roles the caller holds.
    pub roles: Vec<Role>,
}

impl Caller {
    /// A caller about whom nothing is known.
    pub fn anonymous() -> Self {
        Self::default()
    }

    /// What rate limits count by: the agent, else the session, else all anonymous callers together. An agent
    /// and a session of the same name are apart, because identifiers hold no control characters.
    pub fn quota_key(&self) -> Cow<'_, str> {
        match (&self.agent_id, &self.session_id) {
            (Some(agent), _) => Cow::Borrowed(agent.as_str()),
            (None, Some(session)) => Cow::Owned(format!("\u{1}{session}")),
            (None, None) => Cow::Borrowed(""),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{AgentId, Caller, Role, SessionId};

    #[test]
    fn an_empty_identifier_is_none() {
        for bad in ["", " ", "\t\n", "a\u{0}b", "a\nb", &"x".repeat(257)] {
            assert!(AgentId::new(bad).is_err(), "{bad:?}");
            assert!(Role::new(bad).is_err(), "{bad:?}");
        }
        assert_eq!(AgentId::new(" agent-1 ").unwrap().as_str(), "agent-1");
    }

    #[test]
    fn quotas_count_by_agent_before_session() {
        let mut caller = Caller::anonymous();
        assert_eq!(caller.quota_key(), "");
        caller.session_id = SessionId::new("s").ok();
        assert_ne!(caller.quota_key(), "s");
        assert_ne!(caller.quota_key(), "");
        caller.agent_id = AgentId::new("a").ok();
        assert_eq!(caller.quota_key(), "a");
    }
}
