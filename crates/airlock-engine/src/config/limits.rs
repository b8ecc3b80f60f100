//! `[limits]`: what a message and the arguments of a call may cost, before anything looks at them.

use super::reader::Reader;
use crate::{json::Bounds, validate::ArgumentLimits};

/// `[limits]`. Every limit is finite; none can be switched off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// A whole message, in either direction.
    pub message: Bounds,
    /// The arguments of one call.
    pub arguments: ArgumentLimits,
}

impl Limits {
    pub(super) fn read(reader: &mut Reader<'_, '_>) -> Self {
        let Self { message, arguments } = Self::default();
        Self {
            message: Bounds {
                max_bytes: reader.count("limits.max_message_bytes", message.max_bytes).0,
                max_depth: reader.count("limits.max_message_depth", message.max_depth).0,
                max_nodes: reader.count("limits.max_message_values", message.max_nodes).0,
                ..message
            },
            arguments: ArgumentLimits {
                bounds: Bounds {
                    max_bytes: reader.count("limits.max_argument_bytes", arguments.bounds.max_bytes).0,
                    max_depth: reader.count("limits.max_argument_depth", arguments.bounds.max_depth).0,
                    max_nodes: reader.count("limits.max_argument_values", arguments.bounds.max_nodes).0,
                    ..arguments.bounds
                },
                max_members: reader.count("limits.max_arguments", arguments.max_members).0,
            },
        }
    }
}
