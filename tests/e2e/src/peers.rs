//! The servers that the tests drive, and the revisions of the protocol that each speaks.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use crate::install::{Missing, node, npm, python, sibling, source};

/// A real MCP server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// `@modelcontextprotocol/server-filesystem`, confined to a folder of the test.
    Filesystem,
    /// `@modelcontextprotocol/server-everything`.
    Everything,
    /// The fixture written with the public Python SDK.
    Python,
    /// The fixture written with the public Rust SDK.
    Rmcp,
}

impl Peer {
    /// Every server, for tables.
    pub const ALL: [Self; 4] = [Self::Filesystem, Self::Everything, Self::Python, Self::Rmcp];

    /// The servers with the leaking tools, prompts and resources.
    pub const LEAKING: [Self; 2] = [Self::Python, Self::Rmcp];

    /// The command line of the server; `folder` is what the file system server may read.
    ///
    /// # Errors
    ///
    /// When the server is not installed.
    pub fn command(self, folder: &Path) -> Result<Vec<OsString>, Missing> {
        match self {
            Self::Filesystem => Ok(vec![
                node()?,
                npm("@modelcontextprotocol/server-filesystem/dist/index.js")?,
                served(folder).into(),
            ]),
            Self::Everything => Ok(vec![
                node()?,
                npm("@modelcontextprotocol/server-everything/dist/index.js")?,
                "stdio".into(),
            ]),
            // `-B`: no byte code beside the sources.
            Self::Python => Ok(vec![python()?, "-B".into(), source("python/server.py")]),
            Self::Rmcp => Ok(vec![sibling("e2e-rmcp-server")?]),
        }
    }

    /// The revisions that the server speaks, oldest first.
    pub fn revisions(self) -> &'static [Revision] {
        match self {
            Self::Filesystem | Self::Everything => &Revision::LEGACY,
            Self::Python | Self::Rmcp => &Revision::ALL,
        }
    }
}

/// The folder below `folder` that the file system server serves.
pub fn served(folder: &Path) -> PathBuf {
    folder.join("served")
}

/// Creates [`served`] with the files that the sessions read, once per test.
///
/// # Errors
///
/// When the folder cannot be written.
pub fn fill(folder: &Path) -> std::io::Result<()> {
    let served = served(folder);
    fs::create_dir_all(served.join("letters"))?;
    fs::write(served.join("hello.txt"), "Grüß Gott\nsecond line\nthird line\n")?;
    fs::write(served.join("letters/a.txt"), "a")
}

/// A published revision of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revision {
    /// 2024-11-05
    V2024Nov,
    /// 2025-03-26
    V2025Mar,
    /// 2025-06-18
    V2025Jun,
    /// 2025-11-25
    V2025Nov,
    /// 2026-07-28: no handshake, metadata on each request.
    V2026Jul,
}

impl Revision {
    /// Every revision, oldest first.
    pub const ALL: [Self; 5] =
        [Self::V2024Nov, Self::V2025Mar, Self::V2025Jun, Self::V2025Nov, Self::V2026Jul];

    /// The revisions with the `initialize` handshake.
    pub const LEGACY: [Self; 4] = [Self::V2024Nov, Self::V2025Mar, Self::V2025Jun, Self::V2025Nov];

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V2024Nov => "2024-11-05",
            Self::V2025Mar => "2025-03-26",
            Self::V2025Jun => "2025-06-18",
            Self::V2025Nov => "2025-11-25",
            Self::V2026Jul => "2026-07-28",
        }
    }
}
