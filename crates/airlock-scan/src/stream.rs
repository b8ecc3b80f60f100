//! Scanning a text that arrives in chunks.

use crate::{
    Finding, KindSet, Scanner, disguise,
    finding::resolve,
    rule::{LOOKAHEAD, LOOKBEHIND},
};

/// Scans a text that arrives in chunks, and says which part of it is decided.
///
/// However the text is cut, the findings are those of [`Scanner::scan`] over the whole, and none is split
/// over two answers. The last 4 KiB are held back, up to 64 KiB while a private key or a long JSON Web
/// Token is open: a secret that starts there may end in the next chunk.
///
/// ```
/// use airlock_scan::{KindSet, StreamScanner};
/// let mut stream = StreamScanner::new(KindSet::all());
/// let mut findings = Vec::new();
/// let mut text = stream.push("mail bob@exam", &mut findings);
/// text += &stream.push("ple.com", &mut findings);
/// text += &stream.finish(&mut findings);
/// assert_eq!(&text[findings[0].span.clone()], "bob@example.com");
/// ```
#[derive(Debug, Clone)]
pub struct StreamScanner {
    scanner: Scanner,
    /// Text before `decided` was handed out and stays as context; text behind it is held back.
    buffer: String,
    decided: usize,
    /// Where the buffer starts in the whole text.
    base: usize,
    /// How much must be held back before looking again is worth it.
    enough: usize,
    /// Whether `decided` is the end of a line that was handed out before its time.
    flushed: bool,
}

impl StreamScanner {
    /// A stream scanner for these kinds.
    pub const fn new(kinds: KindSet) -> Self {
        Self::with_scanner(Scanner::new(kinds))
    }

    /// A stream scanner that finds what `scanner` finds.
    pub const fn with_scanner(scanner: Scanner) -> Self {
        Self { scanner, buffer: String::new(), decided: 0, base: 0, enough: HOLD, flushed: false }
    }

    /// Takes the next chunk and returns the text that is decided now, which is often empty.
    ///
    /// Appends the findings in the returned text to `out`; their spans are bytes of the returned text.
    pub fn push(&mut self, chunk: &str, out: &mut Vec<Finding>) -> String {
        self.buffer.push_str(chunk);
        if self.held() < self.enough {
            return String::new();
        }
        self.decide(self.buffer.len() - LOOKAHEAD, out)
    }

    /// Ends the text and returns the rest of it. The scanner is then ready for another text.
    pub fn finish(&mut self, out: &mut Vec<Finding>) -> String {
        let rest = self.decide(self.buffer.len() + LOOKBEHIND, out);
        *self = Self::with_scanner(self.scanner.clone());
        rest
    }

    /// Hands out the whole lines that are held back, as if the text ended behind the last of them; for whoever waits
    /// for them and expects no more text soon. A candidate that is still open stays back with what follows it.
    ///
    /// Findings are those of [`push`](Self::push), except that what continues in a later line may be found in part.
    pub fn flush_lines(&mut self, out: &mut Vec<Finding>) -> String {
        let held = self.buffer.get(self.decided..).unwrap_or_default();
        let Some(end) = held.rfind('\n').map(|at| self.decided + at + 1) else { return String::new() };
        let mut rest = self.buffer.split_off(end);
        if let Some(open) = self.scanner.collect(&self.buffer, self.base, &mut Vec::new()) {
            let line = self.buffer.get(..open).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
            let open = self.buffer.split_off(line.max(self.decided));
            rest.insert_str(0, &open);
        }
        let lines = self.decide(self.buffer.len() + LOOKBEHIND, out);
        self.buffer.push_str(&rest);
        self.flushed = true;
        lines
    }

    /// Bytes held back.
    pub fn held(&self) -> usize {
        self.buffer.len() - self.decided
    }

    /// Hands out the text of which no finding can start or end differently, given that every candidate
    /// whose anchor lies before `horizon` sees all the text it reads.
    fn decide(&mut self, horizon: usize, out: &mut Vec<Finding>) -> String {
        let mut found = Vec::new();
        let last = horizon > self.buffer.len();
        // What an anchor or the first trigger of a cell behind the horizon finds starts behind the cut; and numbers and
        // tokens in the context were handed out.
        let from = if self.flushed { 0 } else { self.decided.saturating_sub(ESCAPE) };
        let part = from..disguise::end_of_cell(self.base, horizon);
        let open = self.scanner.collect_part(&self.buffer, self.base, part, &mut found);
        let horizon = if last { horizon } else { open.map_or(horizon, |open| open.min(horizon)) };
        // Candidates behind the horizon may reach back so far.
        let mut cut = horizon.saturating_sub(LOOKBEHIND).clamp(self.decided, self.buffer.len());
        if std::mem::take(&mut self.flushed) {
            // What goes on behind the lines that were flushed is a secret all the same.
            found.retain(|finding| finding.span.end > self.decided);
            for finding in &mut found {
                finding.span.start = finding.span.start.max(self.decided);
            }
        }
        // What starts in text handed out before was decided then, with more context than is left now.
        found.retain(|finding| finding.span.start >= self.decided);
        resolve(&mut found, 0);
        if let Some(across) = found.iter().find(|finding| finding.span.start < cut && cut < finding.span.end)
        {
            cut = across.span.start;
        }
        while !self.buffer.is_char_boundary(cut) {
            cut -= 1;
        }
        let from = self.decided;
        found.retain(|finding| finding.span.end <= cut);
        out.extend(
            found.into_iter().map(|finding| Finding {
                span: finding.span.start - from..finding.span.end - from,
                ..finding
            }),
        );
        let text = self.buffer.get(from..cut).unwrap_or_default().to_owned();
        self.forget(cut);
        text
    }

    /// Keeps only the context that candidates behind `cut` read.
    fn forget(&mut self, cut: usize) {
        let mut keep = cut.saturating_sub(LOOKBEHIND.max(disguise::CONTEXT));
        while !self.buffer.is_char_boundary(keep) {
            keep -= 1;
        }
        self.buffer.drain(..keep);
        self.base += keep;
        self.decided = cut - keep;
        // Looking at the same text again for every few bytes would make small chunks expensive.
        self.enough = HOLD.max(self.held() + self.held() / 16);
    }
}

/// How far behind the start of a run what is found in it may start: behind the letters of an escape.
const ESCAPE: usize = 8;

/// What is held back at most while nothing is open; a little more than what must be.
const HOLD: usize = LOOKAHEAD + LOOKBEHIND + 256;

#[cfg(test)]
mod tests {
    use super::StreamScanner;
    use crate::{Finding, KindSet};

    fn flushed(stream: &mut StreamScanner, chunk: &str) -> (String, Vec<Finding>) {
        let mut found = Vec::new();
        let mut text = stream.push(chunk, &mut found);
        text += &stream.flush_lines(&mut found);
        (text, found)
    }

    #[test]
    fn whole_lines_come_out_before_their_time() {
        let mut stream = StreamScanner::new(KindSet::all());
        let (text, found) = flushed(&mut stream, "a bob@example.com\nssn 123-");
        assert_eq!((&*text, found[0].span.clone()), ("a bob@example.com\n", 2..17));
        assert_eq!(flushed(&mut stream, "45"), (String::new(), Vec::new()));
        let (text, found) = flushed(&mut stream, "-6789\nrest");
        assert_eq!((&*text, found[0].span.clone()), ("ssn 123-45-6789\n", 4..15));
        assert_eq!(stream.finish(&mut Vec::new()), "rest");
    }

    #[test]
    fn an_open_private_key_stays_back() {
        let mut stream = StreamScanner::new(KindSet::all());
        let line = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\n";
        let head = format!("before\n-----BEGIN PRIVATE KEY-----\n{line}");
        assert_eq!(flushed(&mut stream, &head).0, "before\n");
        assert_eq!(flushed(&mut stream, line).0, "");
        let (text, found) = flushed(&mut stream, "-----END PRIVATE KEY-----\n");
        assert_eq!((found.len(), found[0].span.clone()), (1, 0..text.len() - 1));
    }
}
