//! What the author of a tool asks for, on top of what the operator configured.

use crate::{
    config::AirlockConfig,
    policy::{ArgumentRules, Policy},
};

/// Whether a tool runs in a sandbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum SandboxNeed {
    /// It runs in this process.
    #[default]
    None,
    /// It runs in a sandbox if there is one, else in this process, and the record says so.
    Wanted,
    /// It runs in a sandbox or not at all.
    Required,
}

/// What the author of a tool asks for. The default asks for nothing: the configuration holds.
///
/// Policies and rules for arguments come on top: the configuration and the author must both admit a call. Of two needs for a
/// sandbox the stronger one holds. The
/// switches replace the configuration's for this tool, in either direction; [`weakenings`](Self::weakenings) lists
/// those that protect less.
#[derive(Clone, Debug, Default)]
pub struct ToolSettings {
    /// Refuse ghost arguments (`true`) or strip them.
    pub strict: Option<bool>,
    /// Mask, screen and truncate the output.
    pub sanitize_output: Option<bool>,
    /// Mask personal data in the output.
    pub mask_pii: Option<bool>,
    /// Mask credentials in the output.
    pub mask_secrets: Option<bool>,
    /// Truncate longer texts, counted in characters, after masking.
    pub max_output_chars: Option<usize>,
    /// Policies that must admit the call, too. Their names should be unlike those of other policies of the engine:
    /// policies of one name share their rate limits.
    pub policies: Vec<Policy>,
    /// Rules that the arguments must satisfy, too.
    pub arguments: Vec<ArgumentRules>,
    /// Whether it runs in a sandbox.
    pub sandbox: SandboxNeed,
}

impl ToolSettings {
    /// The settings that say for this tool what `[airlock]` says for all.
    pub fn of(airlock: &AirlockConfig) -> Self {
        Self {
            strict: Some(airlock.strict_mode),
            sanitize_output: Some(airlock.sanitize_output),
            mask_pii: Some(airlock.mask_pii),
            mask_secrets: Some(airlock.mask_secrets),
            max_output_chars: Some(airlock.max_output_chars),
            ..Self::default()
        }
    }

    /// These settings where they say something, else those of `base`. Policies and rules of both hold, and the stronger
    /// need for a sandbox.
    #[must_use]
    pub fn over(self, base: Self) -> Self {
        Self {
            strict: self.strict.or(base.strict),
            sanitize_output: self.sanitize_output.or(base.sanitize_output),
            mask_pii: self.mask_pii.or(base.mask_pii),
            mask_secrets: self.mask_secrets.or(base.mask_secrets),
            max_output_chars: self.max_output_chars.or(base.max_output_chars),
            policies: base.policies.into_iter().chain(self.policies).collect(),
            arguments: base.arguments.into_iter().chain(self.arguments).collect(),
            sandbox: self.sandbox.max(base.sandbox),
        }
    }

    /// What these settings protect less than the configuration does, each as a sentence for the operator. Whether there
    /// is a sandbox for [`SandboxNeed::Wanted`] is known to the host alone.
    pub fn weakenings(&self, airlock: &AirlockConfig) -> Vec<String> {
        let off = |own: Option<bool>, configured: bool| configured && own == Some(false);
        let sentences = [
            (off(self.strict, airlock.strict_mode), "ghost arguments are stripped, not refused"),
            (
                off(self.sanitize_output, airlock.sanitize_output),
                "output is neither masked nor screened nor truncated",
            ),
            (off(self.mask_pii, airlock.mask_pii), "personal data in output is not masked"),
            (off(self.mask_secrets, airlock.mask_secrets), "credentials in output are not masked"),
            (
                self.max_output_chars.is_some_and(|own| own > airlock.max_output_chars),
                "more output is let through than the configuration says",
            ),
        ];
        sentences.into_iter().filter(|(holds, _)| *holds).map(|(_, sentence)| sentence.to_owned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{SandboxNeed, ToolSettings};
    use crate::config::AirlockConfig;

    #[test]
    fn only_what_protects_less_is_listed() {
        let base = AirlockConfig { strict_mode: true, ..AirlockConfig::default() };
        assert_eq!(ToolSettings::default().weakenings(&base), Vec::<String>::new());
        assert_eq!(ToolSettings::of(&base).weakenings(&base), Vec::<String>::new());
        let stricter = ToolSettings { max_output_chars: Some(100), ..ToolSettings::of(&base) };
        assert_eq!(stricter.weakenings(&base), Vec::<String>::new());
        let weaker = ToolSettings {
            strict: Some(false),
            sanitize_output: Some(false),
            mask_pii: Some(false),
            mask_secrets: Some(false),
            max_output_chars: Some(usize::MAX),
            ..ToolSettings::default()
        };
        assert_eq!(weaker.weakenings(&base).len(), 5);
    }

    #[test]
    fn the_nearer_setting_wins_and_both_lists_hold() {
        let far = ToolSettings { strict: Some(true), mask_pii: Some(true), ..ToolSettings::default() };
        let near =
            ToolSettings { strict: Some(false), sandbox: SandboxNeed::Wanted, ..ToolSettings::default() };
        let both = near.over(far);
        assert_eq!(
            (both.strict, both.mask_pii, both.sandbox),
            (Some(false), Some(true), SandboxNeed::Wanted)
        );
    }
}
