//! Landlock: a second, independent rule about files, sockets and signals, in case the first has a hole.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible as _, PathBeneath, PathFd,
    Ruleset, RulesetAttr as _, RulesetCreated, RulesetCreatedAttr as _, RulesetError, Scope,
};

/// The newest version whose rights are asked for; what the kernel does not know is left out, and reported.
const NEWEST: ABI = ABI::V9;

/// What a program may do with a path and all below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Right {
    /// Read and execute.
    Read,
    /// All that can be done with files and folders.
    Write,
    /// Read and write what exists.
    Use,
}

/// The rules to come.
#[derive(Debug)]
pub(super) struct Rules(Vec<(PathBuf, Right)>);

impl Rules {
    pub(super) fn new(rules: impl IntoIterator<Item = (PathBuf, Right)>) -> Self {
        Self(rules.into_iter().collect())
    }

    /// Puts them in force for this process and all that come of it: nothing else may be opened, no TCP port bound or
    /// connected to, no abstract socket or process outside reached. The version that is in force; 0 for none.
    pub(super) fn enforce(&self) -> Result<u8, RulesetError> {
        let abi = supported();
        if abi == 0 {
            return Ok(0);
        }
        let mut ruleset = Ruleset::default()
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(AccessFs::from_all(NEWEST))?
            .handle_access(AccessNet::from_all(NEWEST))?
            .scope(Scope::from_all(NEWEST))?
            .create()?;
        for (path, right) in &self.0 {
            ruleset = allow(ruleset, path, *right)?;
        }
        ruleset.restrict_self()?;
        Ok(abi)
    }
}

fn allow(ruleset: RulesetCreated, path: &Path, right: Right) -> Result<RulesetCreated, RulesetError> {
    // What is not there needs no rule.
    let Ok(file) = PathFd::new(path) else { return Ok(ruleset) };
    let wanted: BitFlags<AccessFs> = match right {
        Right::Read => AccessFs::from_read(NEWEST),
        Right::Write => AccessFs::from_all(NEWEST) & !(AccessFs::MakeChar | AccessFs::MakeBlock),
        Right::Use => AccessFs::ReadFile | AccessFs::ReadDir | AccessFs::WriteFile,
    };
    let wanted = if path.is_dir() { wanted } else { wanted & AccessFs::from_file(NEWEST) };
    ruleset.add_rule(PathBeneath::new(file, wanted))
}

/// The version that is asked for and that the kernel has.
fn supported() -> u8 {
    super::sys::landlock_abi().min(NEWEST as u8)
}
