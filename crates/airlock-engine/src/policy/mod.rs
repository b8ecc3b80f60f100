//! Layer 2, authorize: which caller may call what, when and how often.
//!
//! A [`SecurityPolicy`] is what the user wrote. It compiles to a [`Policy`], which reports every problem at
//! once. A policy is bound to each target one time, so that a call costs the same whatever the number of
//! rules; the [`Binding`] evaluates calls as a pure function of caller and time:
//!
//! agent id → role → deny list → allow list → time window → (argument rules → rate limit)
//!
//! The last two need the arguments and a store: [`ArgumentRules::check`] and the [`Limit`] that
//! [`Binding::evaluate`] returns, to be taken from a [`RateLimitStore`](crate::ports::RateLimitStore) last,
//! so that a refused call costs no quota.
//!
//! # Example: ask a policy
//!
//! ```
//! use airlock_engine::{
//!     caller::Caller,
//!     code::Code,
//!     policy::{SecurityPolicy, Subject, TargetKind, fold},
//! };
//!
//! let written = SecurityPolicy { denied_tools: vec!["delete_*".to_owned()], ..SecurityPolicy::permissive() };
//! let policy = written.compile("docs", &jiff::tz::TimeZone::UTC).map_err(|problems| format!("{problems:?}"))?;
//!
//! let name = "Delete_User";
//! let binding = policy.bind(&Subject { kind: TargetKind::Tool, name, folded: &fold(name) });
//! let refused = binding.evaluate(&Caller::anonymous(), jiff::Timestamp::UNIX_EPOCH, &mut |_, _| ());
//! assert_eq!(refused.map(|_| ()).map_err(|rejection| rejection.code()), Err(Code::ToolDenied));
//! # Ok::<(), String>(())
//! ```

mod arguments;
mod binding;
mod builder;
mod fold;
mod pattern;
mod presets;
#[cfg(test)]
mod properties;
mod quota;
mod resource;
mod security_policy;
mod target;
mod window;

pub use arguments::{ArgumentRule, ArgumentRules, Decimal, DecimalError, MAX_SELECTED_VALUES, UrlRule};
pub use binding::{Binding, Check, Limit, Verdict};
pub use fold::{fold, fold_lenient};
pub use pattern::{MAX_PATTERN_CHARS, Pattern, PatternError};
pub use presets::PRESETS;
pub use quota::{Decision, FullAt, Period, Quota, decide};
pub use security_policy::{Policy, PolicyProblem, SecurityPolicy};
pub use target::{Subject, TargetKind};
pub use window::Window;
