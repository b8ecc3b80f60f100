//! What is scanned: files, stdin, and what lies in folders.

use std::{
    path::{Path, PathBuf},
    slice,
};

use ignore::{Walk, WalkBuilder};

use crate::{
    args::ScanArgs,
    exit::{Exit, Failure},
};

/// One text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Input {
    Stdin,
    /// Named on the command line: read whatever it is.
    Named(PathBuf),
    /// Met in a folder: may be no text.
    Met(PathBuf),
}

impl Input {
    /// For people, and for reports.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Stdin => "-".to_owned(),
            Self::Named(path) => path.display().to_string(),
            Self::Met(path) => path.strip_prefix(".").unwrap_or(path).display().to_string(),
        }
    }
}

/// All inputs in order: as named, and within a folder by path. Found on the way, so that nothing waits for the last.
pub(crate) struct Inputs<'a> {
    args: &'a ScanArgs,
    named: slice::Iter<'a, PathBuf>,
    folder: Option<Walk>,
}

impl<'a> Inputs<'a> {
    pub(crate) fn new(args: &'a ScanArgs, named: &'a [PathBuf]) -> Self {
        Self { args, named: named.iter(), folder: None }
    }

    /// Symbolic links are not followed, so that every file is met once.
    fn walk(&self, folder: &Path) -> Walk {
        let ignores = !self.args.no_ignore;
        WalkBuilder::new(folder)
            .hidden(!self.args.hidden)
            .parents(ignores)
            .ignore(ignores)
            .git_ignore(ignores)
            .git_global(ignores)
            .git_exclude(ignores)
            // An unpacked archive of a repository has its ignore files too.
            .require_git(false)
            .follow_links(false)
            .sort_by_file_path(Path::cmp)
            .build()
    }
}

impl Iterator for Inputs<'_> {
    type Item = Result<Input, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Some(folder) = &mut self.folder else {
                let path = self.named.next()?;
                if path == Path::new("-") {
                    return Some(Ok(Input::Stdin));
                }
                if !path.is_dir() {
                    return Some(Ok(Input::Named(path.clone())));
                }
                self.folder = Some(self.walk(path));
                continue;
            };
            match folder.next() {
                None => self.folder = None,
                Some(Ok(entry)) if entry.file_type().is_some_and(|kind| kind.is_file()) => {
                    return Some(Ok(Input::Met(entry.into_path())));
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Some(Err(Failure::new(Exit::ScanFailed, error))),
            }
        }
    }
}
