//! What is wrong with a configuration, or weakens it: one problem per place, all of them at once.

use std::fmt;

use serde::Serialize;

use super::{ConfigFile, environment, flags};

/// Most errors, and most warnings, that are listed; a last line counts the rest. Keeps the cost of a hostile
/// or generated file linear.
pub const MAX_PROBLEMS: usize = 100;

/// Whether a problem stops the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The configuration cannot be used.
    Error,
    /// The configuration can be used, and protects less than it could.
    Warning,
}

/// The layer that gave a setting, from the weakest to the strongest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Nobody said anything; the default holds.
    BuiltIn,
    /// The configuration file.
    File,
    /// An environment variable.
    Environment,
    /// A flag of the command.
    Flag,
}

impl Origin {
    /// The word used in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::BuiltIn => "built-in",
            Self::File => "file",
            Self::Environment => "environment",
            Self::Flag => "flag",
        }
    }
}

/// One problem and its place. Never holds the value of a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Whether it stops the start.
    pub severity: Severity,
    /// The file's name, if the problem is in the file.
    pub file: Option<String>,
    /// The line in the file, from 1.
    pub line: Option<usize>,
    /// The column in that line in characters, from 1.
    pub column: Option<usize>,
    /// The layer that it comes from.
    pub source: Origin,
    /// The key that it is about, as in `policy.rate_limits."query_*"`; empty where there is none.
    pub key: String,
    /// What is wrong.
    pub message: String,
    /// What to write instead, if there is something to suggest.
    pub help: Option<String>,
}

impl fmt::Display for Problem {
    /// `airlock.toml:12:3: error: policy.denied_tool: unknown key`, and the help on a line of its own.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.source {
            Origin::File => {
                f.write_str(self.file.as_deref().unwrap_or("configuration"))?;
                if let (Some(line), Some(column)) = (self.line, self.column) {
                    write!(f, ":{line}:{column}")?;
                }
            }
            Origin::Environment => {
                f.write_str(
                    environment::variable(&self.key).map_or("environment", |variable| variable.name),
                )?;
            }
            Origin::Flag => f.write_str(flags::name(&self.key))?,
            Origin::BuiltIn => f.write_str("built-in")?,
        }
        f.write_str(match self.severity {
            Severity::Error => ": error: ",
            Severity::Warning => ": warning: ",
        })?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)?;
        match &self.help {
            Some(help) => write!(f, "\n  help: {help}"),
            None => Ok(()),
        }
    }
}

/// Everything that is wrong with a configuration, in the order of the file, then of the environment and the
/// flags. Never empty, and errors only: what weakens protection can be told when the rest is right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// The problems one by one.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.0.iter()
    }
}

impl<'p> IntoIterator for &'p Problems {
    type Item = &'p Problem;
    type IntoIter = std::slice::Iter<'p, Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            let line_break = if index > 0 { "\n" } else { "" };
            write!(f, "{line_break}{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// Where a setting or a problem is: the layer, and for the file the byte offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At {
    BuiltIn,
    File(usize),
    /// The file as a whole.
    WholeFile,
    Environment,
    Flag,
}

impl At {
    pub(super) fn origin(self) -> Origin {
        match self {
            Self::BuiltIn => Origin::BuiltIn,
            Self::File(_) | Self::WholeFile => Origin::File,
            Self::Environment => Origin::Environment,
            Self::Flag => Origin::Flag,
        }
    }
}

/// Collects problems while the configuration is read.
pub(super) struct Report<'a> {
    file: Option<&'a ConfigFile<'a>>,
    /// Byte offsets at which the lines of the file start.
    lines: Vec<usize>,
    errors: Bounded,
    warnings: Bounded,
    heed: Heed,
}

/// What becomes of warnings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Heed {
    /// They are listed as long as there are not too many.
    #[default]
    Bounded,
    /// They are listed in any case: they are few, and about what is being started.
    Always,
    /// What they are about has no effect.
    Never,
}

/// A list that stops growing at [`MAX_PROBLEMS`] and counts on.
#[derive(Default)]
struct Bounded {
    listed: Vec<Problem>,
    unlisted: usize,
}

impl<'a> Report<'a> {
    pub(super) fn new(file: Option<&'a ConfigFile<'a>>) -> Self {
        let text = file.map_or("", |file| file.text);
        let lines =
            std::iter::once(0).chain(memchr::memchr_iter(b'\n', text.as_bytes()).map(|at| at + 1)).collect();
        Self { file, lines, errors: Bounded::default(), warnings: Bounded::default(), heed: Heed::default() }
    }

    pub(super) fn error(&mut self, at: At, key: &str, message: impl Into<String>, help: Option<String>) {
        if self.is_full() {
            self.tally();
        } else {
            let problem = self.problem(Severity::Error, at, key, message.into(), help);
            self.errors.listed.push(problem);
        }
    }

    pub(super) fn warning(&mut self, at: At, key: &str, message: impl Into<String>, help: Option<String>) {
        if self.heed == Heed::Never {
            return;
        }
        if self.warnings.listed.len() >= MAX_PROBLEMS && self.heed == Heed::Bounded {
            self.warnings.unlisted += 1;
        } else {
            let problem = self.problem(Severity::Warning, at, key, message.into(), help);
            self.warnings.listed.push(problem);
        }
    }

    /// What becomes of warnings from now on.
    pub(super) fn heed(&mut self, heed: Heed) {
        self.heed = heed;
    }

    /// Takes back the warnings about one section of the file.
    pub(super) fn withdraw_warnings(&mut self, section: &str) {
        let below = |key: &str| key.strip_prefix(section).is_some_and(|rest| rest.starts_with('.'));
        self.warnings.listed.retain(|problem| !below(&problem.key));
    }

    /// Counts an error that is not worth describing, because the list [is full](Self::is_full).
    pub(super) fn tally(&mut self) {
        self.errors.unlisted += 1;
    }

    /// Whether a further error would only be counted.
    pub(super) fn is_full(&self) -> bool {
        self.errors.listed.len() >= MAX_PROBLEMS
    }

    /// The line of a place in the file, from 1.
    pub(super) fn line(&self, at: At) -> Option<usize> {
        match at {
            At::File(offset) => Some(self.lines.partition_point(|start| *start <= offset)),
            At::BuiltIn | At::WholeFile | At::Environment | At::Flag => None,
        }
    }

    fn problem(
        &self,
        severity: Severity,
        at: At,
        key: &str,
        message: String,
        help: Option<String>,
    ) -> Problem {
        let source = at.origin();
        let file = self.file.filter(|_| source == Origin::File).map(|file| file.name.to_owned());
        let (line, column) = (self.line(at), self.column(at));
        Problem { severity, file, line, column, source, key: key.to_owned(), message, help }
    }

    fn column(&self, at: At) -> Option<usize> {
        let At::File(offset) = at else { return None };
        let start = *self.lines.get(self.line(at)?.checked_sub(1)?)?;
        let before = self.file?.text.get(start..offset)?;
        Some(before.chars().count() + 1)
    }

    pub(super) fn has_errors(&self) -> bool {
        !self.errors.listed.is_empty()
    }

    /// What weakens protection, where there is no error.
    pub(super) fn into_warnings(self) -> Vec<Problem> {
        in_order(self.warnings, Severity::Warning, self.file)
    }

    /// What is wrong.
    pub(super) fn into_problems(self) -> Problems {
        Problems(in_order(self.errors, Severity::Error, self.file))
    }
}

fn in_order(problems: Bounded, severity: Severity, file: Option<&ConfigFile<'_>>) -> Vec<Problem> {
    let Bounded { mut listed, unlisted } = problems;
    listed.sort_by_key(|problem| (problem.source, problem.line, problem.column));
    if unlisted > 0 {
        listed.push(Problem {
            severity,
            file: file.map(|file| file.name.to_owned()),
            line: None,
            column: None,
            source: Origin::File,
            key: String::new(),
            message: format!("{unlisted} more are not listed"),
            help: None,
        });
    }
    listed
}
