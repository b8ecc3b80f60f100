//! `[airlock]`: the switches of the product's own documentation.

use super::reader::Reader;

/// Above this, truncation no longer protects a model's context, and says so at start-up.
const HUGE_OUTPUT_CHARS: usize = 1_000_000;

/// `[airlock]`
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches whose names the documentation fixes")]
pub struct AirlockConfig {
    /// Refuse a call with ghost arguments; otherwise they are stripped. Default false, so that a first start
    /// breaks nothing.
    pub strict_mode: bool,
    /// Mask, screen and truncate what tools answer. Default true.
    pub sanitize_output: bool,
    /// Mask personal data. Default true.
    pub mask_pii: bool,
    /// Mask credentials. Default true.
    pub mask_secrets: bool,
    /// Truncate longer texts, counted in characters, after masking; at least 100. Default 100,000: more than a
    /// model reads well, less than fills its context.
    pub max_output_chars: usize,
    /// Leave denied tools out of `tools/list`. Default true.
    pub hide_denied_tools: bool,
    /// Let calls of a tool pass unchecked when its schema does not compile (the key is
    /// `danger_allow_uncompilable_schemas`). Default false: such a tool cannot be called.
    pub allow_broken_schemas: bool,
}

impl Default for AirlockConfig {
    fn default() -> Self {
        Self {
            strict_mode: false,
            sanitize_output: true,
            mask_pii: true,
            mask_secrets: true,
            max_output_chars: 100_000,
            hide_denied_tools: true,
            allow_broken_schemas: false,
        }
    }
}

impl AirlockConfig {
    pub(super) fn read(reader: &mut Reader<'_, '_>) -> Self {
        let default = Self::default();
        Self {
            strict_mode: reader.boolean("airlock.strict_mode", default.strict_mode).0,
            sanitize_output: protection(
                reader,
                "airlock.sanitize_output",
                default.sanitize_output,
                "output is neither masked nor screened nor truncated",
            ),
            mask_pii: protection(reader, "airlock.mask_pii", default.mask_pii, "personal data is not masked"),
            mask_secrets: protection(
                reader,
                "airlock.mask_secrets",
                default.mask_secrets,
                "credentials are not masked",
            ),
            max_output_chars: read_max_output_chars(reader, default.max_output_chars),
            hide_denied_tools: reader.boolean("airlock.hide_denied_tools", default.hide_denied_tools).0,
            allow_broken_schemas: read_danger(reader, default.allow_broken_schemas),
        }
    }
}

/// A switch that weakens protection when it is off.
fn protection(reader: &mut Reader<'_, '_>, key: &'static str, default: bool, when_off: &str) -> bool {
    let (on, at) = reader.boolean(key, default);
    if !on {
        reader.report.warning(at, key, when_off, None);
    }
    on
}

fn read_danger(reader: &mut Reader<'_, '_>, default: bool) -> bool {
    const KEY: &str = "airlock.danger_allow_uncompilable_schemas";
    let (allowed, at) = reader.boolean(KEY, default);
    if allowed {
        let message = "calls of tools whose schema does not compile are not validated";
        reader.report.warning(at, KEY, message, None);
    }
    allowed
}

fn read_max_output_chars(reader: &mut Reader<'_, '_>, default: usize) -> usize {
    const KEY: &str = "airlock.max_output_chars";
    let (count, at) = reader.count(KEY, default);
    if count > HUGE_OUTPUT_CHARS {
        let message = "so much output can fill the context of any model";
        reader.report.warning(at, KEY, message, None);
    }
    count
}
