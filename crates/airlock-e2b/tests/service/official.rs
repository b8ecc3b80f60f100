//! The official clients of E2B against the service of these tests, so that what the other tests speak is their protocol
//! and no dialect of our own.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use crate::fake::{Fake, KEY};

pub(crate) const NAME: &str = "official::the_official_client_finds_what_it_expects";

/// The official client, where `cargo xtask setup` installs it.
pub(crate) fn python() -> Option<PathBuf> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent()?;
    Some(target.join("e2e/venv-e2b/bin/python")).filter(|python| python.exists())
}

pub(crate) fn the_official_client_finds_what_it_expects(python: &Path, fake: &Fake) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/service/official.py");
    let mut client = Command::new(python);
    client.arg(script).env("E2B_API_KEY", KEY).env("E2B_HTTP_VERSION", "1.1");
    for variable in ["E2B_API_URL", "E2B_SANDBOX_URL"] {
        client.env(variable, fake.url());
    }
    let output = client.env_remove("E2B_DEBUG").env_remove("E2B_DOMAIN").output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && output.stdout == b"all of it\n", "{errors}\n{}", fake.shown());
    assert!(fake.programs() > 0);
    fake.is_empty();
}
