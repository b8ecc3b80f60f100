//! Where everything that people read is written: stdout for data, stderr for talk.
//!
//! Colour is decoration: it is used on a terminal only, and no text depends on it.

use std::{
    env,
    fmt::{self, Display, Write as _},
    io::{self, IsTerminal, Write},
};

use clap::builder::styling::{AnsiColor, Effects, Style};

use crate::exit::Failure;

/// The two streams of the process. Nothing else in this crate prints.
pub(crate) struct Console {
    /// Data: reports, findings, completions.
    pub(crate) out: Stream,
    /// Talk: warnings, progress, errors.
    pub(crate) err: Stream,
}

impl Console {
    /// The streams of this process.
    pub(crate) fn of_process() -> Self {
        let buffered = io::BufWriter::with_capacity(64 * 1024, io::stdout());
        Self {
            out: Stream { sink: Box::new(buffered), paint: Paint::for_terminal(io::stdout().is_terminal()) },
            err: Stream::stderr(),
        }
    }

    /// Says why a command ended early. Errors of stderr itself have nowhere to go.
    pub(crate) fn report(&mut self, failure: &Failure) {
        if failure.message.is_empty() {
            return;
        }
        let paint = self.err.paint;
        let mut text = format!("{} {}\n", paint.bad("error:"), failure.message);
        if let Some(help) = &failure.help {
            let _ = writeln!(text, "  {} {help}", paint.note("help:"));
        }
        let _ = self.err.write_all(text.as_bytes());
    }
}

/// One of the two streams, and how it may be painted.
pub(crate) struct Stream {
    sink: Box<dyn Write + Send>,
    pub(crate) paint: Paint,
}

impl Stream {
    /// stderr, unbuffered: what is written at once arrives at once.
    pub(crate) fn stderr() -> Self {
        Self { sink: Box::new(io::stderr()), paint: Paint::for_terminal(io::stderr().is_terminal()) }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.sink.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}

/// Puts text into colours, or leaves it alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paint {
    Plain,
    Coloured,
}

impl Paint {
    /// The conventions that clap follows for its own texts: `NO_COLOR` wins, then `CLICOLOR_FORCE`, then
    /// whether somebody is looking.
    fn for_terminal(is_terminal: bool) -> Self {
        let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
        if set("NO_COLOR").is_some() {
            Self::Plain
        } else if set("CLICOLOR_FORCE").is_some_and(|value| value != "0")
            || is_terminal && set("TERM").is_some_and(|value| value != "dumb")
        {
            Self::Coloured
        } else {
            Self::Plain
        }
    }

    /// As it is.
    pub(crate) fn plain<T: Display>(self, text: T) -> Painted<T> {
        self.with(Style::new(), text)
    }

    /// Something went well, or is protected.
    pub(crate) fn good<T: Display>(self, text: T) -> Painted<T> {
        self.with(AnsiColor::Green.on_default().effects(Effects::BOLD), text)
    }

    /// Something was refused, or is dangerous.
    pub(crate) fn bad<T: Display>(self, text: T) -> Painted<T> {
        self.with(AnsiColor::Red.on_default().effects(Effects::BOLD), text)
    }

    /// Something deserves a look.
    pub(crate) fn warn<T: Display>(self, text: T) -> Painted<T> {
        self.with(AnsiColor::Yellow.on_default().effects(Effects::BOLD), text)
    }

    /// A label.
    pub(crate) fn note<T: Display>(self, text: T) -> Painted<T> {
        self.with(AnsiColor::Cyan.on_default(), text)
    }

    /// A heading.
    pub(crate) fn strong<T: Display>(self, text: T) -> Painted<T> {
        self.with(Style::new().effects(Effects::BOLD), text)
    }

    /// Something beside the point.
    pub(crate) fn faint<T: Display>(self, text: T) -> Painted<T> {
        self.with(Style::new().effects(Effects::DIMMED), text)
    }

    fn with<T>(self, style: Style, text: T) -> Painted<T> {
        Painted { style: (self == Self::Coloured).then_some(style), text }
    }
}

/// A text with its colour. Width and alignment of the format apply to the text alone.
pub(crate) struct Painted<T> {
    style: Option<Style>,
    text: T,
}

impl<T: Display> Display for Painted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(style) = self.style else { return self.text.fmt(f) };
        write!(f, "{style}")?;
        self.text.fmt(f)?;
        write!(f, "{style:#}")
    }
}

/// Text of others on one line of a terminal: control, format and bidirectional characters, which could redraw the
/// screen, become visible; at most `max` characters.
pub(crate) fn printable(text: &str, max: usize) -> String {
    let mut out = String::with_capacity(text.len().min(max.saturating_mul(4)));
    for (count, character) in text.chars().enumerate() {
        if count == max {
            out.push('…');
            break;
        }
        if is_unsafe(character) {
            let _ = write!(out, "{}", character.escape_unicode());
        } else {
            out.push(character);
        }
    }
    out
}

/// Text of others on a terminal, lines and tabs kept: what could draw, hide or type becomes visible.
pub(crate) fn without_controls(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if is_unsafe(character) && !matches!(character, '\n' | '\t') {
            let _ = write!(out, "{}", character.escape_unicode());
        } else {
            out.push(character);
        }
    }
    out
}

fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

/// Breaks text at spaces into lines of at most `width` characters; a longer word stays whole.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if used > 0 && used + 1 + length > width {
            lines.push(std::mem::take(&mut line));
            used = 0;
        }
        if used > 0 {
            line.push(' ');
            used += 1;
        }
        line.push_str(word);
        used += length;
    }
    if used > 0 {
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::{Paint, printable, wrap};

    #[test]
    fn paint_never_changes_the_text_or_its_width() {
        assert_eq!(format!("[{:<6}]", Paint::Plain.bad("no")), "[no    ]");
        let painted = format!("{:<6}|", Paint::Coloured.bad("no"));
        assert!(painted.contains("no    ") && painted.contains("\u{1b}["), "{painted:?}");
    }

    #[test]
    fn text_of_others_cannot_drive_the_terminal() {
        let table = [
            ("plain", "plain"),
            ("a\u{1b}[2Jb", "a\\u{1b}[2Jb"),
            ("a\nb\r", "a\\u{a}b\\u{d}"),
            ("\u{202e}evil\u{feff}", "\\u{202e}evil\\u{feff}"),
            ("über 日本", "über 日本"),
            ("0123456789abc", "0123456789ab…"),
        ];
        for (input, expected) in table {
            assert_eq!(printable(input, 12), expected);
        }
    }

    #[test]
    fn lines_break_at_spaces() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("unbreakable x", 4), ["unbreakable", "x"]);
        assert_eq!(wrap("  ", 4), Vec::<String>::new());
    }
}
