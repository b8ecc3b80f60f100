//! `[audit]`: where the records go. There is no switch to turn them off.

use super::{problem::At, reader::Reader};

const PATH: &str = "audit.path";

/// Where audit records are written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Destination {
    /// A file in the user's state folder, which the host chooses.
    #[default]
    Default,
    /// This file.
    Path(String),
    /// Standard output; of no use where the protocol runs over it.
    Stdout,
    /// Standard error.
    Stderr,
}

/// `[audit]`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audit {
    /// Where records go. `path = "stderr"` and `"stdout"` are the streams; a file of that name is `"./stderr"`.
    pub destination: Destination,
}

impl Audit {
    pub(super) fn read(reader: &mut Reader<'_, '_>) -> Self {
        let destination = match reader.text(PATH) {
            None => {
                reader.record(PATH, "the user's state folder".to_owned(), At::BuiltIn);
                Destination::Default
            }
            Some((path, _)) => match path.as_str() {
                "stdout" => Destination::Stdout,
                "stderr" => Destination::Stderr,
                _ => Destination::Path(path),
            },
        };
        Self { destination }
    }
}
