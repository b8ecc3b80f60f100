//! `--input text`: one input, as rows or masked.

use std::{
    collections::VecDeque,
    io::{self, Read, Write},
};

use airlock_scan::{Confidence, Finding, KindSet, Scanner};

use super::{
    Plan,
    decode::{Decoder, is_binary, is_wide},
    failed, find, floor_char_boundary,
    live::{CHUNK, Event, Reading, Source},
    masks::{Masks, Piece},
    place::Place,
    report::{Row, Rows},
    stream::Stream,
    tally::Tally,
    usual_kinds,
};
use crate::{args::ScanFormat, exit::Failure};

/// A file of up to so many bytes is scanned as a whole, which spares copies.
const WHOLE: usize = 1 << 20;

/// Most bytes looked at of what stands before a finding.
const LOOK_BACK: usize = 320;

/// Scans a file to its end. One that was met in a folder is left out if it is no text.
pub(crate) fn file(
    plan: &Plan,
    name: &str,
    mut file: impl Read,
    met: bool,
    memory: &mut Vec<u8>,
    out: &mut dyn Write,
) -> Result<Tally, Failure> {
    memory.resize(WHOLE, 0);
    let read = fill(&mut file, memory).map_err(|error| failed(name, error))?;
    let bytes = memory.get(..read).unwrap_or_default();
    if met && is_wide(bytes) {
        return Ok(Tally { wide: 1, ..Tally::default() });
    }
    if met && is_binary(bytes) {
        return Ok(Tally { binary: 1, ..Tally::default() });
    }
    if read == WHOLE {
        return stream(plan, name, Reading::new(file, std::mem::take(memory), read), out);
    }
    refuse_wide(name, bytes)?;
    let mut sink = Sink::new(plan, name, out);
    let mut decoder = Decoder::default();
    let mut text = decoder.push(bytes);
    let rest = decoder.finish();
    if !rest.is_empty() {
        text.to_mut().push_str(&rest);
    }
    sink.replaced.extend(decoder.take_replaced());
    let mut found = Vec::new();
    find(&sink.looked_for(), &text, &mut found);
    sink.take(&text, &found)?;
    plan.done.read(read);
    Ok(Tally { bytes: read as u64, ..sink.tally })
}

/// Scans whatever comes to its end.
pub(crate) fn stream(
    plan: &Plan,
    name: &str,
    mut source: impl Source,
    out: &mut dyn Write,
) -> Result<Tally, Failure> {
    let mut sink = Sink::new(plan, name, out);
    let (mut stream, mut decoder) = (Stream::new(sink.looked_for()), Decoder::default());
    let mut total = 0;
    loop {
        match source.next().map_err(|error| failed(name, error))? {
            Event::Bytes(bytes) => {
                if total == 0 {
                    refuse_wide(name, bytes)?;
                }
                total += bytes.len() as u64;
                plan.done.read(bytes.len());
                for piece in bytes.chunks(CHUNK) {
                    let text = decoder.push(piece);
                    sink.replaced.extend(decoder.take_replaced());
                    stream.push(&text, |text, found| sink.take(text, found))?;
                }
            }
            Event::Quiet if stream.holds_back() => {
                stream.flush(|text, found| sink.take(text, found))?;
                sink.out.flush()?;
            }
            Event::Quiet => sink.out.flush()?,
            Event::End => break,
        }
    }
    let rest = decoder.finish();
    sink.replaced.extend(decoder.take_replaced());
    stream.push(&rest, |text, found| sink.take(text, found))?;
    stream.finish(|text, found| sink.take(text, found))?;
    Ok(Tally { bytes: total, ..sink.tally })
}

/// Reads until `into` is full or the input ends.
fn fill(input: &mut impl Read, into: &mut [u8]) -> io::Result<usize> {
    let mut read = 0;
    while let Some(free) = into.get_mut(read..).filter(|free| !free.is_empty()) {
        match input.read(free) {
            Ok(0) => break,
            Ok(more) => read += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}

fn refuse_wide(name: &str, start: &[u8]) -> Result<(), Failure> {
    if is_wide(start) {
        let help = "convert it with `iconv -t UTF-8`";
        return Err(failed(name, "the text is in UTF-16 or UTF-32").with_help(help));
    }
    Ok(())
}

/// Turns decided text into output, and knows where in the file it is.
struct Sink<'a> {
    plan: &'a Plan,
    rows: Rows<'a>,
    tally: Tally,
    out: &'a mut dyn Write,
    /// Where the next text stands.
    offset: u64,
    place: Place,
    /// Bytes of the texts to come that were no text, with their offsets.
    replaced: VecDeque<(u64, u8)>,
}

impl<'a> Sink<'a> {
    fn new(plan: &'a Plan, name: &'a str, out: &'a mut dyn Write) -> Self {
        Self {
            plan,
            rows: plan.rows(name),
            tally: Tally::default(),
            out,
            offset: 0,
            place: Place::START,
            replaced: VecDeque::new(),
        }
    }

    /// A table shows what stands beside a finding, but not what else is to be hidden there.
    fn looked_for(&self) -> Scanner {
        let scanner = self.plan.scanner.clone();
        let shows = self.plan.masks.is_none() && self.plan.format == ScanFormat::Table;
        if !shows {
            return scanner;
        }
        let kinds = usual_kinds().iter().fold(scanner.kinds(), KindSet::with);
        scanner.with_kinds(kinds)
    }

    fn take(&mut self, text: &str, found: &[Finding]) -> io::Result<()> {
        let plan = self.plan;
        self.tally.count(found.iter().filter(|finding| plan.wants(finding)));
        match &plan.masks {
            Some(masks) => self.masked(masks, text, found)?,
            None => self.report(text, found)?,
        }
        self.offset += text.len() as u64;
        Ok(())
    }

    fn report(&mut self, text: &str, found: &[Finding]) -> io::Result<()> {
        let mut seen = 0;
        let plan = self.plan;
        for (index, finding) in found.iter().enumerate().filter(|(_, finding)| plan.wants(finding)) {
            let start = finding.span.start;
            self.place = self.place.after(text.get(seen..start).unwrap_or_default());
            seen = start;
            let before = match plan.format {
                ScanFormat::Table => {
                    excerpt(text, found.get(..index).unwrap_or_default(), start, self.rows.shown())
                }
                _ => String::new(),
            };
            let end = match plan.format {
                ScanFormat::Sarif => self.place.after(text.get(finding.span.clone()).unwrap_or_default()),
                _ => self.place,
            };
            let bytes = (self.offset + start as u64, self.offset + finding.span.end as u64);
            self.rows.write(self.out, &Row { finding, place: self.place, end, bytes, before: &before })?;
        }
        self.place = self.place.after(text.get(seen..).unwrap_or_default());
        Ok(())
    }

    /// The bytes as they came, but for the findings.
    fn masked(&mut self, masks: &Masks, text: &str, found: &[Finding]) -> io::Result<()> {
        let Self { plan, out, offset, replaced, .. } = self;
        let wanted: Vec<Finding>;
        let found = if plan.min_confidence == Confidence::Low {
            found
        } else {
            wanted = found.iter().filter(|finding| plan.wants(finding)).cloned().collect();
            &wanted
        };
        masks.apply(text, found, |piece| match piece {
            Piece::Mask(mask) => out.write_all(mask.as_bytes()),
            Piece::Kept(span) => {
                let part = text.get(span.clone()).unwrap_or_default().as_bytes();
                as_they_came(*out, replaced, *offset + span.start as u64, part)
            }
        })
    }
}

/// Writes `part`, which stands at `offset` of the input, with the bytes that were replaced in it.
fn as_they_came(
    out: &mut dyn Write,
    replaced: &mut VecDeque<(u64, u8)>,
    offset: u64,
    mut part: &[u8],
) -> io::Result<()> {
    let mut at = offset;
    while let Some((place, byte)) = replaced.front().copied() {
        // What lies in a finding before is masked.
        let Some(before) = place.checked_sub(at).and_then(|before| usize::try_from(before).ok()) else {
            replaced.pop_front();
            continue;
        };
        let Some((head, [_, tail @ ..])) = part.split_at_checked(before) else { break };
        out.write_all(head)?;
        out.write_all(&[byte])?;
        at = place + 1;
        part = tail;
        replaced.pop_front();
    }
    out.write_all(part)
}

/// What stands before a finding in its line, with earlier findings masked; at most `shown` characters.
pub(crate) fn excerpt(text: &str, earlier: &[Finding], start: usize, shown: usize) -> String {
    let from = floor_char_boundary(text, start.saturating_sub(LOOK_BACK));
    let line = text.get(from..start).and_then(|part| part.rfind('\n')).map_or(from, |at| from + at + 1);
    let near = earlier.iter().rev().take_while(|finding| finding.span.end > line).count();
    let mut out = String::new();
    let mut at = line;
    for finding in earlier.iter().skip(earlier.len() - near) {
        out.push_str(text.get(at..finding.span.start).unwrap_or_default());
        out.push('[');
        out.push_str(finding.kind.label());
        out.push(']');
        at = at.max(finding.span.end);
    }
    out.push_str(text.get(at..start).unwrap_or_default());
    let out = out.trim_start();
    let skip = out.chars().count().saturating_sub(shown);
    let rest: String = out.chars().skip(skip).collect();
    if skip > 0 { format!("…{rest}") } else { rest }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use airlock_scan::{Finding, KindSet, Scanner};

    use super::{as_they_came, excerpt};

    fn found(text: &str) -> Vec<Finding> {
        let mut out = Vec::new();
        Scanner::new(KindSet::all()).scan(text, &mut out);
        out
    }

    #[test]
    fn an_excerpt_shows_the_line_and_no_value() {
        let text = "first line bob@example.com\n  write to ada@example.com or eve@example.com";
        let all = found(text);
        assert_eq!(all.len(), 3);
        assert_eq!(excerpt(text, &all[..0], all[0].span.start, 20), "first line ");
        assert_eq!(excerpt(text, &all[..1], all[1].span.start, 20), "write to ");
        assert_eq!(excerpt(text, &all[..2], all[2].span.start, 20), "write to [EMAIL] or ");
    }

    #[test]
    fn an_excerpt_is_short() {
        let text = format!("{}bob@example.com", "é".repeat(5_000) + " ");
        let all = found(&text);
        let shown = excerpt(&text, &[], all[0].span.start, 20);
        assert!(shown.starts_with('…') && shown.chars().count() == 21, "{shown}");
    }

    #[test]
    fn bytes_come_out_as_they_came() {
        let mut replaced: VecDeque<_> = [(3, b'#'), (11, b'!'), (12, b'?'), (30, b'.')].into();
        let mut out = Vec::new();
        as_they_came(&mut out, &mut replaced, 10, b"abcd").unwrap();
        assert_eq!((out, replaced.len()), (b"a!?d".to_vec(), 1));
    }
}
