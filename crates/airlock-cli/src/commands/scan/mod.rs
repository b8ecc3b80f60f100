//! `airlock scan`: where secrets, personal data and injected instructions are in a text.

mod decode;
mod progress;
mod records;
mod report;
mod stream;
mod text;

use std::{
    fs::File,
    io::{BufReader, IsTerminal as _, Read, Write as _},
    path::{Path, PathBuf},
};

use airlock_scan::{KindSet, Scanner};

use self::{
    progress::Progress,
    records::Records,
    report::{Totals, Writer},
    text::{Purpose, failed},
};
use crate::{
    args::{ScanArgs, ScanFormat, ScanInput},
    exit::{CommandResult, Exit, Failure},
    render::{Console, Stream},
};

pub(crate) fn execute(args: &ScanArgs, console: &mut Console) -> CommandResult {
    let stdin = [PathBuf::from("-")];
    let files = if args.files.is_empty() { &stdin[..] } else { &args.files };
    if args.files.is_empty() && std::io::stdin().is_terminal() {
        writeln!(console.err, "airlock: reading stdin; end it with Ctrl-D")?;
    }
    let mut scan = Scan { args, writer: Writer::new(args.format), totals: Totals::default(), bytes: 0 };
    let mut failures = 0;
    for file in files {
        let Console { out, err } = console;
        match scan.file(file, out, err) {
            Ok(()) => {}
            // The other files are scanned all the same, but the whole is not "clean".
            Err(failure) if failure.exit == Exit::ScanFailed => {
                failures += 1;
                console.out.flush()?;
                console.report(&failure);
            }
            Err(failure) => return Err(failure),
        }
    }
    let Scan { writer, totals, bytes, .. } = scan;
    if !args.mask {
        writer.finish(&mut console.out)?;
    }
    console.out.flush()?;
    if args.format == ScanFormat::Table && !args.mask {
        writeln!(console.err, "airlock: {}", totals.summary(files.len(), bytes))?;
    }
    Ok(match (failures, totals.all()) {
        (0, 0) => Exit::Fine,
        (0, _) => Exit::Findings,
        _ => Exit::ScanFailed,
    })
}

/// A scan over all files.
struct Scan<'a> {
    args: &'a ScanArgs,
    writer: Writer,
    totals: Totals,
    bytes: u64,
}

impl Scan<'_> {
    fn file(&mut self, path: &Path, out: &mut Stream, err: &mut Stream) -> Result<(), Failure> {
        let name = path.display().to_string();
        if path == Path::new("-") {
            return self.input(&name, std::io::stdin().lock(), out, err);
        }
        let file = File::open(path).map_err(|error| failed(&name, error))?;
        self.input(&name, file, out, err)
    }

    fn input(
        &mut self,
        name: &str,
        input: impl Read,
        out: &mut Stream,
        err: &mut Stream,
    ) -> Result<(), Failure> {
        let kinds = self.args.kinds.unwrap_or_else(KindSet::standard);
        self.bytes += match self.args.input {
            ScanInput::Jsonl => {
                let records = Records { name, field: &self.args.field, scanner: Scanner::new(kinds) };
                let input = BufReader::with_capacity(256 << 10, input);
                records.scan(input, self.args.format, &mut self.writer, &mut self.totals, out)?
            }
            ScanInput::Text => {
                let purpose = if self.args.mask {
                    Purpose::Mask
                } else {
                    Purpose::Report(&mut self.writer, self.args.format)
                };
                let watched = std::io::stderr().is_terminal() && !std::io::stdout().is_terminal();
                let mut progress = Progress::new(err, watched);
                let result = text::scan(name, input, kinds, purpose, &mut self.totals, &mut progress, out);
                progress.clear();
                result?
            }
        };
        Ok(())
    }
}

/// The end of the last character that ends at or before `at`.
fn floor_char_boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}
