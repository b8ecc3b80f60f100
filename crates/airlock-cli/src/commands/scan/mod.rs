//! `airlock scan`: where secrets, personal data and injected instructions are in a text.

mod decode;
mod document;
mod inputs;
mod live;
mod masks;
mod place;
mod pool;
mod progress;
mod records;
mod report;
mod sarif;
mod stream;
mod tally;
mod text;

use std::{
    fmt::Display,
    fs::File,
    io::{self, IsTerminal as _, Read, Write},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use airlock_engine::config::Config;
use airlock_scan::{Confidence, Finding, Kind, KindSet, Scanner};

use self::{
    inputs::{Input, Inputs},
    live::Live,
    masks::Masks,
    pool::Message,
    progress::{Done, Progress},
    report::{Envelope, Layout, Rows},
    tally::Tally,
};
use crate::{
    args::{ConfigArgs, ScanArgs, ScanFormat, ScanInput, ScanStrategy},
    exit::{CommandResult, Exit, Failure},
    render::{Console, Stream},
    settings,
};

pub(crate) fn execute(args: &ScanArgs, console: &mut Console) -> CommandResult {
    let stdin = [PathBuf::from("-")];
    let named = if args.files.is_empty() { &stdin[..] } else { &args.files };
    if args.mask {
        refuse_folders(named)?;
    }
    let is_typed = named.iter().any(|path| path == Path::new("-")) && io::stdin().is_terminal();
    if is_typed {
        writeln!(console.err, "airlock: reading stdin; end it with Ctrl-D")?;
    }
    let layout = layout(named, &console.out);
    let plan = Plan::new(args, layout)?;
    let mut out = Output::new(&plan, is_typed, console);
    let started = Instant::now();
    pool::run(&plan, threads(args, named), Inputs::new(args, named), |message| out.take(message))?;
    out.finish(started.elapsed())
}

/// Masking writes one text; a folder is none.
fn refuse_folders(named: &[PathBuf]) -> Result<(), Failure> {
    match named.iter().find(|path| path.is_dir()) {
        Some(folder) => {
            let message = format!("`{}` is a folder, and --mask writes one text", folder.display());
            Err(Failure::usage(message).with_help("name files, or leave --mask out to see what is found"))
        }
        None => Ok(()),
    }
}

fn layout(named: &[PathBuf], out: &Stream) -> Layout {
    let is_terminal = io::stdout().is_terminal();
    let width = terminal_size::terminal_size().filter(|_| is_terminal);
    Layout {
        width: width.map(|(width, _)| usize::from(width.0)),
        // In a pipe every line says its file, for grep and its like.
        grouped: is_terminal && (named.len() > 1 || named.iter().any(|path| path.is_dir())),
        paint: out.paint,
    }
}

fn threads(args: &ScanArgs, named: &[PathBuf]) -> usize {
    let most = match named {
        [one] if !one.is_dir() => 1,
        _ => usize::MAX,
    };
    let cores = || thread::available_parallelism().map_or(1, Into::into);
    args.threads.map_or_else(cores, usize::from).min(most)
}

/// What is looked for, and what becomes of it; the same for all inputs.
pub(crate) struct Plan {
    input: ScanInput,
    field: String,
    format: ScanFormat,
    layout: Layout,
    /// Finds the kinds that are asked for.
    scanner: Scanner,
    min_confidence: Confidence,
    /// `None` where findings are reported.
    masks: Option<Masks>,
    done: Done,
}

impl Plan {
    fn new(args: &ScanArgs, layout: Layout) -> Result<Self, Failure> {
        let config = configuration(args)?;
        let scanner = config.as_ref().map_or_else(Scanner::default, |config| config.sanitization.scanner());
        // What looks like an instruction in an ordinary text mostly is none.
        let kinds = args.kinds.unwrap_or_else(|| scanner.kinds().without(Kind::Injection));
        Ok(Self {
            input: args.input,
            field: args.field.clone(),
            format: args.format,
            layout,
            scanner: scanner.with_kinds(kinds),
            min_confidence: args.min_confidence.into(),
            masks: if args.mask { Some(masks(args, config.as_ref())?) } else { None },
            done: Done::default(),
        })
    }

    fn wants(&self, finding: &Finding) -> bool {
        finding.confidence >= self.min_confidence && self.scanner.kinds().contains(finding.kind)
    }

    /// Whether nothing that could be found is left out.
    fn is_complete(&self) -> bool {
        self.min_confidence == Confidence::Low
            && usual_kinds().iter().all(|kind| self.scanner.kinds().contains(kind))
    }

    fn rows<'n>(&self, name: &'n str) -> Rows<'n> {
        Rows::new(self.format, self.layout, name)
    }

    /// Scans one input to its end.
    fn scan(&self, input: &Input, memory: &mut Vec<u8>, out: &mut dyn Write) -> Result<Tally, Failure> {
        let name = input.name();
        let tally = match input {
            Input::Stdin if self.input == ScanInput::Text => {
                text::stream(self, &name, Live::start(io::stdin()), out)
            }
            Input::Stdin => self.read(&name, io::stdin().lock(), false, memory, out),
            Input::Named(path) | Input::Met(path) => {
                let file = File::open(path).map_err(|error| failed(&name, error))?;
                self.read(&name, file, matches!(input, Input::Met(_)), memory, out)
            }
        };
        Ok(tally?.done())
    }

    fn read(
        &self,
        name: &str,
        input: impl Read,
        met: bool,
        memory: &mut Vec<u8>,
        out: &mut dyn Write,
    ) -> Result<Tally, Failure> {
        match self.input {
            ScanInput::Text => text::file(self, name, input, met, memory, out),
            ScanInput::Json => document::scan(self, name, input, memory, out),
            ScanInput::Jsonl => records::scan(self, name, input, out),
        }
    }
}

/// Where everything goes that the threads say.
struct Output<'c> {
    console: &'c mut Console,
    plan: &'c Plan,
    envelope: Envelope,
    progress: Progress,
    total: Tally,
}

impl<'c> Output<'c> {
    fn new(plan: &'c Plan, is_typed: bool, console: &'c mut Console) -> Self {
        let bare = plan.masks.is_some() || (plan.input, plan.format) == (ScanInput::Jsonl, ScanFormat::Jsonl);
        let envelope = if bare { Envelope::none() } else { Envelope::new(plan.format, plan.layout) };
        // A line that comes and goes would disturb a text that is typed at, or written to, the same terminal.
        let disturbs = is_typed || plan.masks.is_some() && io::stdout().is_terminal();
        let progress = Progress::new(io::stderr().is_terminal() && !disturbs);
        Self { console, plan, envelope, progress, total: Tally::default() }
    }

    fn take(&mut self, message: Message) -> Result<(), Failure> {
        let Console { out, err } = &mut *self.console;
        match message {
            Message::Block(block) => {
                self.progress.clear(err);
                self.envelope.block(out, &block)?;
            }
            Message::Done(Ok(tally)) => {
                self.total.add(&tally);
                self.tell(&tally)?;
            }
            // The other inputs are scanned all the same, but the whole is not "clean".
            Message::Done(Err(failure)) if failure.exit == Exit::ScanFailed => {
                self.total.failed += 1;
                self.progress.clear(err);
                out.flush()?;
                self.console.report(&failure);
            }
            Message::Done(Err(failure)) => return Err(failure),
            Message::Idle => {
                out.flush()?;
                self.progress.show(err, &self.plan.done);
            }
        }
        Ok(())
    }

    fn tell(&mut self, tally: &Tally) -> Result<(), Failure> {
        if tally.told.is_empty() {
            return Ok(());
        }
        self.progress.clear(&mut self.console.err);
        self.console.out.flush()?;
        for message in &tally.told {
            self.console.report(&Failure::new(Exit::ScanFailed, message));
        }
        let more = tally.problems - tally.told.len() as u64;
        if more > 0 {
            writeln!(self.console.err, "airlock: … and {more} more lines like these")?;
        }
        Ok(())
    }

    fn finish(mut self, took: Duration) -> CommandResult {
        const LONG: Duration = Duration::from_secs(1);
        let Console { out, err } = &mut *self.console;
        self.progress.clear(err);
        let total = &self.total;
        self.envelope.finish(out, &total.rules, total.is_complete())?;
        out.flush()?;
        if self.plan.masks.is_none() && self.plan.format == ScanFormat::Table {
            let took = if took > LONG { format!(", {:.1} s", took.as_secs_f64()) } else { String::new() };
            if self.plan.layout.grouped && total.findings() > 0 {
                writeln!(err)?;
            }
            if let Some(kinds) = total.by_kind() {
                writeln!(err, "airlock: {kinds}")?;
            }
            writeln!(err, "airlock: {}", total.summary(&took))?;
        }
        Ok(match (total.is_complete(), total.findings()) {
            (true, 0) => Exit::Fine,
            (true, _) => Exit::Findings,
            (false, _) => Exit::ScanFailed,
        })
    }
}

/// What `--config` says; without it no configuration is read.
fn configuration(args: &ScanArgs) -> Result<Option<Config>, Failure> {
    if args.config.is_none() {
        return Ok(None);
    }
    let named = ConfigArgs { config: args.config.clone(), ..ConfigArgs::default() };
    settings::load(&named).map(|(config, _)| Some(config))
}

fn masks(args: &ScanArgs, config: Option<&Config>) -> Result<Masks, Failure> {
    match (args.strategy, config) {
        (None, Some(config)) => Masks::configured(config),
        (strategy, _) => Ok(Masks::of_strategy(strategy.unwrap_or(ScanStrategy::TypeOnly))),
    }
}

/// Everything but instructions: what looks like one in an ordinary text mostly is none.
fn usual_kinds() -> KindSet {
    KindSet::standard().without(Kind::Injection)
}

/// Everything there is to find in one text, in order.
fn find(scanner: &Scanner, text: &str, found: &mut Vec<Finding>) {
    scanner.scan(text, found);
    let scanned = found.len();
    scanner.screen(text, found);
    if found.len() > scanned {
        found.sort_by_key(|finding| (finding.span.start, finding.span.end));
    }
}

fn failed(name: &str, error: impl Display) -> Failure {
    Failure::new(Exit::ScanFailed, format_args!("{name}: {error}"))
}

/// The end of the last character that ends at or before `at`.
fn floor_char_boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}
