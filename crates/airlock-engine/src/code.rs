//! The catalogue of rejection codes: one entry per reason to refuse, each with advice.

use std::fmt;

/// The layer that refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Layer {
    /// Layer 1: the call against the tool's contract.
    Validate,
    /// Layer 2: the call against the policy.
    Authorize,
    /// Layer 3: running the tool.
    Execute,
    /// Layer 4: what goes back to the agent.
    Protect,
}

impl Layer {
    /// The word used in messages and records.
    pub fn name(self) -> &'static str {
        match self {
            Self::Validate => "validate",
            Self::Authorize => "authorize",
            Self::Execute => "execute",
            Self::Protect => "protect",
        }
    }
}

macro_rules! catalogue {
    ($($variant:ident $name:literal $layer:ident $owasp:literal $description:literal $advice:literal;)*) => {
        /// Why a call is refused. The names are stable; the list only grows.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Code {
            $(#[doc = $description] $variant,)*
        }

        impl Code {
            /// All codes, in the order of the catalogue.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The stable name, as in `block_reason` and in the audit record.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// The layer that refuses with it.
            pub fn layer(self) -> Layer {
                match self { $(Self::$variant => Layer::$layer),* }
            }

            /// What happened, in one sentence.
            pub fn description(self) -> &'static str {
                match self { $(Self::$variant => $description),* }
            }

            /// What to do about it.
            pub fn advice(self) -> &'static str {
                match self { $(Self::$variant => $advice),* }
            }

            /// The entry of the OWASP Top 10 for LLM Applications (2025) that the refusal serves.
            pub fn owasp(self) -> &'static str {
                match self { $(Self::$variant => $owasp),* }
            }
        }
    };
}

catalogue! {
    GhostArguments "ghost_arguments" Validate "LLM09"
        "the call has arguments that the tool does not declare"
        "call again with the declared arguments only";
    ValidationError "validation_error" Validate "LLM01"
        "the arguments do not match the tool's schema"
        "call again with arguments of the declared types; nothing is converted";
    MalformedMessage "malformed_message" Validate "LLM01"
        "the message is not one well-formed JSON-RPC message of this protocol"
        "send one JSON-RPC 2.0 message with unique keys per line";
    LimitExceeded "limit_exceeded" Validate "LLM10"
        "the message is larger, deeper or longer than allowed"
        "send less at once, or raise the limit in the configuration";
    ToolUnknown "tool_unknown" Validate "LLM09"
        "the server does not list a tool of this name"
        "list the tools and call one of them";
    ToolChanged "tool_changed" Authorize "LLM03"
        "the tool's definition changed during the session and was not listed again"
        "list the tools again and look at the changed definition before calling";
    ToolDenied "tool_denied" Authorize "LLM06"
        "the policy denies this tool"
        "use another tool; asking again does not help";
    ToolNotAllowed "tool_not_allowed" Authorize "LLM06"
        "the policy does not allow this tool"
        "use one of the allowed tools";
    AgentRequired "agent_required" Authorize "LLM06"
        "the policy requires an agent id and the caller has none"
        "the host must say which agent calls, for example with `--agent-id`";
    RoleRequired "role_required" Authorize "LLM06"
        "the caller holds none of the roles that the policy requires"
        "the host must give the caller a role, for example with `--role`";
    TimeRestricted "time_restricted" Authorize "LLM06"
        "the tool may not be used at this time"
        "call again inside the time window";
    RateLimited "rate_limited" Authorize "LLM10"
        "the caller used up its quota for this tool"
        "wait for the time given in `retry_after_ms`, then call again";
    ArgumentDenied "argument_denied" Authorize "LLM06"
        "a rule does not allow the value of an argument"
        "call again with a value that the rule allows";
    PathDenied "path_denied" Authorize "LLM06"
        "a path lies outside the folders that are allowed"
        "use a path inside the allowed folders, without `..` or encoding tricks";
    ContentBlocked "content_blocked" Authorize "LLM01"
        "the content of an argument is not allowed"
        "remove the content that the message names";
    ApprovalRequired "approval_required" Authorize "LLM06"
        "a person must approve this call first"
        "ask for approval, then call again";
    SandboxUnavailable "sandbox_unavailable" Execute "LLM06"
        "the tool needs a sandbox and none is available"
        "start a sandbox backend, or remove `sandbox_required` for this tool";
    SandboxError "sandbox_error" Execute "LLM06"
        "the sandbox failed"
        "look at the operator's log; the call had no result";
    Timeout "timeout" Execute "LLM10"
        "the tool took longer than allowed"
        "ask for less work at once";
    OutputBlocked "output_blocked" Protect "LLM05"
        "the tool's output may not be shown"
        "the call may have had its effect; its output is withheld";
    InternalContract "internal_contract" Validate "LLM01"
        "the tool's input schema cannot be compiled, so nothing can be checked against it"
        "the author of the tool must repair its schema";
    InternalClock "internal_clock" Authorize "LLM06"
        "the time is not known, so no time rule can be decided"
        "the operator must repair the clock";
    InternalPolicy "internal_policy" Authorize "LLM06"
        "the policy cannot be evaluated for this call"
        "the operator must look at the policy";
    InternalRateStore "internal_rate_store" Authorize "LLM10"
        "the store of the rate limits does not answer"
        "call again later; the operator must repair the store";
    InternalAudit "internal_audit" Protect "LLM06"
        "the audit record cannot be written"
        "call again later; the operator must repair the audit destination";
    InternalUpstream "internal_upstream" Execute "LLM05"
        "the tool server ended or sent something that is not a valid answer"
        "call again later; the operator must look at the tool server";
    InternalPanic "internal_panic" Execute "LLM10"
        "Airlock itself failed while it handled the call"
        "report this as a bug";
    ToolPanicked "tool_panicked" Execute "LLM10"
        "the tool crashed"
        "try other arguments; the author of the tool must look at the crash";
}

impl Code {
    /// The code of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.name() == name)
    }

    /// Whether Airlock or its surroundings failed, rather than the call.
    pub fn is_internal(self) -> bool {
        self.name().starts_with("internal_")
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::Code;

    #[test]
    fn names_are_unique_and_lead_back() {
        for code in Code::ALL {
            assert_eq!(Code::from_name(code.name()), Some(*code));
            assert!(!code.description().is_empty() && !code.advice().is_empty());
            assert!(!code.description().ends_with('.') && !code.advice().ends_with('.'), "{code}");
            assert!(code.owasp().starts_with("LLM"));
        }
        assert_eq!(Code::from_name("nonsense"), None);
    }

    #[test]
    fn the_documented_names_exist() {
        for name in [
            "ghost_arguments",
            "validation_error",
            "limit_exceeded",
            "tool_denied",
            "tool_not_allowed",
            "agent_required",
            "role_required",
            "time_restricted",
            "rate_limited",
            "argument_denied",
            "path_denied",
            "content_blocked",
            "approval_required",
            "sandbox_unavailable",
            "sandbox_error",
            "timeout",
            "output_blocked",
        ] {
            assert!(Code::from_name(name).is_some_and(|code| !code.is_internal()), "{name}");
        }
        assert!(Code::InternalAudit.is_internal());
    }
}
