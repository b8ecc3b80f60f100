//! Code for the interpreter of a machine: one run, one machine, although the interpreter itself would keep what it is told.

use airlock_sandbox::{Limits, SandboxError, Stop};

use crate::{
    Code, E2bSandbox, Next, Output, Outputs, RaisedError, Settings, SettingsError,
    machines::LONGEST_RUN,
    sandbox::{Begun, broken, given_up, unavailable},
};

/// The template whose machines have an interpreter.
const TEMPLATE: &str = "code-interpreter-v1";
/// How much is read besides what is kept: pictures and other forms of results, and what frames the output.
const PASSED_OVER: usize = 64 << 20;
/// What a byte of output may take on its way, at most: `\u0000`, and a message for every few.
const PER_BYTE: usize = 8;

/// What came of code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Execution {
    /// How it ended. What is below is what there was until then.
    pub finish: Finish,
    /// The value of its last expression, as text.
    pub text: Option<String>,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
    /// The error that it raised and did not catch.
    pub error: Option<RaisedError>,
}

/// How code ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Finish {
    /// By itself, or by an error that it raised.
    #[default]
    Whole,
    /// It was ended at the time limit.
    DeadlineExceeded,
    /// It was ended because it wrote more than it may.
    OutputExceeded,
}

impl E2bSandbox {
    /// With the template whose machines have an interpreter, for [`Self::interpret`].
    pub fn code_interpreter(settings: Result<Settings, SettingsError>) -> Self {
        Self::new(settings).with_template(TEMPLATE)
    }

    /// Runs code by the interpreter of a fresh machine, within the limits of time and of output, which holds for each of
    /// its streams, its text and its error. The other limits are the template's. It is given up at `stop`.
    ///
    /// # Errors
    /// As of [`Sandbox::run`](airlock_sandbox::Sandbox::run). An error that the code raises is none: it is in the result.
    pub fn interpret(&self, code: &Code, limits: Limits, stop: &Stop) -> Result<Execution, SandboxError> {
        given_up(stop)?;
        let wall = limits.wall.filter(|wall| *wall <= LONGEST_RUN);
        let wall = wall.ok_or_else(|| unavailable("no machine lives for so long there"))?;
        let most = limits.output.saturating_mul(PER_BYTE).saturating_add(PASSED_OVER);
        let begun = self
            .begin(wall, stop, |lease| lease.client().execute(&lease.machine, code, lease.time_left(), most));
        // The machine is ended with it.
        let execution = begun.and_then(|begun| {
            let late = Execution { finish: Finish::DeadlineExceeded, ..Execution::default() };
            begun.map_or(Ok(late), |begun| follow(begun, limits.output))
        });
        given_up(stop).and(execution)
    }
}

/// Until the code has ended, or has to.
fn follow(mut begun: Begun<'_, Outputs>, most: usize) -> Result<Execution, SandboxError> {
    let mut execution = Execution::default();
    loop {
        let next = begun.what.next();
        let late = begun.lease.is_late();
        let output = match next {
            Ok(Next::End) => return Ok(execution),
            Ok(Next::TooMuch) => return Ok(Execution { finish: Finish::OutputExceeded, ..execution }),
            _ if late => return Ok(Execution { finish: Finish::DeadlineExceeded, ..execution }),
            Err(error) => return Err(broken(error)),
            Ok(Next::Output(output)) => output,
        };
        if !execution.take(output, most) {
            return Ok(Execution { finish: Finish::OutputExceeded, ..execution });
        }
    }
}

impl Execution {
    /// Keeps at most `most` bytes of each. Whether it was no more.
    fn take(&mut self, output: Output, most: usize) -> bool {
        match output {
            Output::Stdout(text) => append(&mut self.stdout, &text, most),
            Output::Stderr(text) => append(&mut self.stderr, &text, most),
            // There is one of each: the service repeats what the interpreter repeats.
            Output::Text(text) => append(self.text.insert(String::new()), &text, most),
            Output::Error(RaisedError { name, value, traceback }) => {
                let kept = self.error.insert(RaisedError::default());
                append(&mut kept.name, &name, most)
                    & append(&mut kept.value, &value, most)
                    & append(&mut kept.traceback, &traceback, most)
            }
        }
    }
}

/// As much of `text` as there is room for, in whole characters. Whether that was all.
fn append(kept: &mut String, text: &str, most: usize) -> bool {
    let room = most.saturating_sub(kept.len());
    let fits = text.len() <= room;
    let end = if fits { Some(text.len()) } else { (0..=room).rev().find(|end| text.is_char_boundary(*end)) };
    kept.push_str(text.get(..end.unwrap_or_default()).unwrap_or_default());
    fits
}

#[cfg(test)]
mod tests {
    use super::{Execution, Output, append};
    use crate::RaisedError;

    #[test]
    fn no_more_is_kept_than_may_be() {
        let mut kept = "ab".to_owned();
        assert!(append(&mut kept, "cd", 4) && append(&mut kept, "", 4));
        assert!(!append(&mut kept, "e", 4));
        assert_eq!(kept, "abcd");
        let mut kept = String::new();
        assert!(!append(&mut kept, "aü", 2), "half a character is none");
        assert_eq!(kept, "a");
    }

    #[test]
    fn what_is_said_twice_is_kept_once() {
        let mut execution = Execution::default();
        let error = RaisedError { name: "E".to_owned(), ..RaisedError::default() };
        for _ in 0..2 {
            assert!(execution.take(Output::Error(error.clone()), 9));
            assert!(execution.take(Output::Text("42".to_owned()), 9));
            assert!(execution.take(Output::Stdout("a".to_owned()), 9));
        }
        assert_eq!(
            (execution.error, execution.text.as_deref(), execution.stdout.as_str()),
            (Some(error), Some("42"), "aa")
        );
    }
}
