//! `airlock sandbox bench`: what isolation costs on the user's machine.

#[cfg(not(target_os = "linux"))]
pub(super) fn execute(
    _args: &crate::args::BenchArgs,
    _launcher: airlock_sandbox::Launcher,
    _console: &mut crate::render::Console,
) -> crate::exit::CommandResult {
    Err(crate::commands::exec::refused(&airlock_sandbox::SandboxError::Unsupported))
}

#[cfg(target_os = "linux")]
pub(super) use linux::execute;

#[cfg(target_os = "linux")]
mod linux {
    use std::{
        ffi::OsString,
        io::{self, IsTerminal as _, Write as _},
        process::{Command, Stdio},
        thread,
        time::{Duration, Instant},
    };

    use airlock_sandbox::{
        Confinement, End, Job, Launcher, Pool, ProcessBox, Sandbox as _, SandboxError, waiting_python,
    };
    use serde_json::json;

    use crate::{
        args::{BenchArgs, ReportFormat},
        commands::exec::refused,
        exit::{CommandResult, Exit, Failure},
        render::{Console, Stream},
    };

    /// What is started, each where it exists.
    const PROGRAMS: [(&str, &[&str]); 2] = [
        ("/bin/true", &["/bin/true"]),
        ("python3 print(1)", &["/usr/bin/python3", "-I", "-S", "-c", "print(1)"]),
    ];
    const PYTHON: &str = "/usr/bin/python3";
    /// Turns that are not counted: the first ones find nothing in the caches.
    const FIRST: usize = 2;
    const READY: usize = 2;
    /// How long an interpreter may need until it waits for its program, at most and at a time.
    const PATIENCE: Duration = Duration::from_secs(10);
    const PAUSE: Duration = Duration::from_millis(60);

    /// Times of one program, a column each.
    struct Row {
        what: &'static str,
        outside: Option<Vec<Duration>>,
        inside: Vec<Duration>,
    }

    pub(crate) fn execute(args: &BenchArgs, launcher: Launcher, console: &mut Console) -> CommandResult {
        if args.format == ReportFormat::Text && io::stderr().is_terminal() {
            writeln!(console.err, "airlock: measuring; this takes a few seconds")?;
        }
        let sandbox = ProcessBox::new(launcher);
        let mut rows = Vec::new();
        for (what, command) in PROGRAMS {
            if std::path::Path::new(command.first().copied().unwrap_or_default()).exists() {
                rows.push(cold(&sandbox, what, command, args.rounds)?);
            }
        }
        if std::path::Path::new(PYTHON).exists() {
            rows.push(warm(sandbox, args.rounds)?);
        }
        match args.format {
            ReportFormat::Text => text(&rows, args.rounds, &mut console.out)?,
            ReportFormat::Json => json(&rows, args.rounds, &mut console.out)?,
        }
        Ok(Exit::Fine)
    }

    /// In turns, so that a slow moment of the machine is in both columns.
    fn cold(
        sandbox: &ProcessBox,
        what: &'static str,
        command: &[&str],
        rounds: usize,
    ) -> Result<Row, Failure> {
        let job = Job { command: command.iter().map(OsString::from).collect(), ..Job::default() };
        let (mut outside, mut inside) = (Vec::new(), Vec::new());
        for turn in 0..FIRST + rounds {
            let begin = Instant::now();
            let (program, arguments) = command.split_first().unwrap_or((&"/bin/true", &[]));
            let ran = Command::new(program).args(arguments).stdin(Stdio::null()).output();
            let plain = begin.elapsed();
            ran.map_err(|error| Failure::unexpected(format_args!("cannot start `{program}`: {error}")))?;
            let begin = Instant::now();
            let outcome = sandbox.run(&job, &Confinement::default()).map_err(|error| refused(&error))?;
            let boxed = begin.elapsed();
            expect_success(outcome.end)?;
            if turn >= FIRST {
                outside.push(plain);
                inside.push(boxed);
            }
        }
        Ok(Row { what, outside: Some(outside), inside })
    }

    /// An interpreter that waits already.
    fn warm(sandbox: ProcessBox, rounds: usize) -> Result<Row, Failure> {
        let refused = |error: SandboxError| refused(&error);
        let mut command = waiting_python();
        // As what is started cold, and below /usr, which every box shows.
        if let Some(program) = command.first_mut() {
            *program = PYTHON.into();
        }
        let pool = Pool::new(sandbox, &command, Confinement::default(), READY).map_err(refused)?;
        let mut inside = Vec::new();
        for turn in 0..FIRST + rounds {
            let begin = Instant::now();
            while pool.ready() < READY && begin.elapsed() < PATIENCE {
                thread::sleep(Duration::from_millis(1));
            }
            thread::sleep(PAUSE);
            let begin = Instant::now();
            let outcome = pool.run(b"print(1)".to_vec()).map_err(refused)?;
            let took = begin.elapsed();
            expect_success(outcome.end)?;
            if turn >= FIRST {
                inside.push(took);
            }
        }
        Ok(Row { what: "python3, waiting", outside: None, inside })
    }

    fn expect_success(end: End) -> Result<(), Failure> {
        match end {
            End::Exited(0) => Ok(()),
            end => Err(Failure::unexpected(format_args!("what is measured failed in the box: {end:?}"))),
        }
    }

    /// Milliseconds: the median, and the slowest but one of twenty.
    fn quantiles(times: &[Duration]) -> (f64, f64) {
        let mut times: Vec<f64> = times.iter().map(|time| time.as_secs_f64() * 1e3).collect();
        times.sort_by(f64::total_cmp);
        let at = |index: usize| times.get(index.min(times.len().saturating_sub(1))).copied().unwrap_or(0.0);
        (at(times.len() / 2), at(times.len() * 95 / 100))
    }

    fn text(rows: &[Row], rounds: usize, out: &mut Stream) -> io::Result<()> {
        writeln!(out, "  {:<18}  {:>9}  {:>9}  {:>9}", "", "outside", "box", "p95")?;
        for row in rows {
            let (median, late) = quantiles(&row.inside);
            let outside = row.outside.as_deref().map(|times| format!("{:.1} ms", quantiles(times).0));
            let (outside, median, late) =
                (outside.unwrap_or_default(), format!("{median:.1} ms"), format!("{late:.1} ms"));
            writeln!(out, "  {:<18}  {outside:>9}  {median:>9}  {late:>9}", row.what)?;
        }
        writeln!(out, "\nMedians of {rounds} turns, from the start to the end with its output read.")
    }

    fn json(rows: &[Row], rounds: usize, out: &mut Stream) -> io::Result<()> {
        let rows: Vec<_> = rows
            .iter()
            .map(|row| {
                let (median, p95) = quantiles(&row.inside);
                let outside = row.outside.as_deref().map(|times| quantiles(times).0);
                json!({"what": row.what, "outside_ms": outside, "box_ms": median, "box_p95_ms": p95})
            })
            .collect();
        serde_json::to_writer_pretty(&mut *out, &json!({"rounds": rounds, "times": rows}))?;
        writeln!(out)
    }

    #[cfg(test)]
    mod tests {
        use std::time::Duration;

        use super::quantiles;

        #[test]
        fn the_median_and_a_late_one() {
            let times: Vec<_> = (1..=20).rev().map(Duration::from_millis).collect();
            assert_eq!(quantiles(&times), (11.0, 20.0));
            assert_eq!(quantiles(&[]), (0.0, 0.0));
        }
    }
}
