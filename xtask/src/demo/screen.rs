//! What the demo prints: calm, in colour on a terminal, plain everywhere else. It also counts what was not as expected.

use std::io::IsTerminal;

/// Where the right column begins.
const COLUMN: usize = 58;

#[derive(Debug)]
pub(super) struct Screen {
    coloured: bool,
    expected: usize,
    failed: usize,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Tone {
    Strong,
    Faint,
    Good,
    Bad,
    Careful,
}

impl Tone {
    fn code(self) -> &'static str {
        match self {
            Self::Strong => "1",
            Self::Faint => "2",
            Self::Good => "32",
            Self::Bad => "31",
            Self::Careful => "33",
        }
    }
}

impl Screen {
    pub(super) fn new() -> Self {
        let coloured = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self { coloured, expected: 0, failed: 0 }
    }

    pub(super) fn paint(&self, tone: Tone, text: &str) -> String {
        if self.coloured { format!("\x1b[{}m{text}\x1b[0m", tone.code()) } else { text.to_owned() }
    }

    pub(super) fn title(&self, text: &str) {
        println!("\n  {}", self.paint(Tone::Strong, text));
    }

    pub(super) fn heading(&self, text: &str, about: &str) {
        println!("\n  {}  {}\n", self.paint(Tone::Strong, text), self.paint(Tone::Faint, about));
    }

    pub(super) fn say(&self, text: &str) {
        println!("    {text}");
    }

    /// Something to know that is neither good nor bad.
    pub(super) fn mind(&self, text: &str) {
        println!("    {} {text}", self.paint(Tone::Careful, "!"));
    }

    /// One expectation, and what was seen.
    pub(super) fn expect(&mut self, met: bool, what: &str, seen: &str) {
        self.expected += 1;
        let mark = if met { self.paint(Tone::Good, "ok") } else { self.paint(Tone::Bad, "FAILED") };
        let what = format!("{what:<COLUMN$}");
        let seen = if met { self.paint(Tone::Faint, seen) } else { seen.to_owned() };
        println!("    {mark} {what} {seen}");
        if !met {
            self.failed += 1;
        }
    }

    /// The last line, and whether all was as expected.
    pub(super) fn close(&self) -> bool {
        let (expected, failed) = (self.expected, self.failed);
        let line = match failed {
            0 => self.paint(Tone::Good, &format!("All {expected} expectations were met.")),
            _ => self.paint(Tone::Bad, &format!("{failed} of {expected} expectations were not met.")),
        };
        println!("\n  {line}\n");
        failed == 0
    }
}
