//! Colours and columns for a terminal; plain text for everything else.

use std::io::IsTerminal as _;

use gateway_audit::gist::Outcome;
use gateway_audit::visible::visible;

/// Whether there are colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    Plain,
    Colours,
}

/// What a colour means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    Bold,
    Faint,
    Good,
    Bad,
    Odd,
    Name,
}

impl Paint {
    /// Colours where somebody looks at a terminal and has not asked for none.
    pub fn of_stdout() -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        if wanted && std::io::stdout().is_terminal() { Self::Colours } else { Self::Plain }
    }

    /// The text in this colour. What it says must be harmless already.
    pub fn ink(self, ink: Ink, text: &str) -> String {
        let code = match ink {
            Ink::Bold => "1",
            Ink::Faint => "2",
            Ink::Good => "32",
            Ink::Bad => "1;31",
            Ink::Odd => "33",
            Ink::Name => "36",
        };
        match self {
            Self::Plain => text.to_owned(),
            Self::Colours => format!("\x1b[{code}m{text}\x1b[0m"),
        }
    }
}

pub const fn ink_of(outcome: Outcome) -> Ink {
    match outcome {
        Outcome::Allowed => Ink::Good,
        Outcome::Denied => Ink::Bad,
        Outcome::Failed | Outcome::Waiting => Ink::Odd,
        Outcome::Told => Ink::Faint,
    }
}

/// A cell of a table. Its text is made harmless here.
#[derive(Debug)]
pub struct Cell {
    text: String,
    ink: Option<Ink>,
    side: Side,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Left,
    Right,
}

impl Cell {
    pub fn text(text: &str) -> Self {
        Self { text: visible(text), ink: None, side: Side::Left }
    }

    pub fn number(number: u64) -> Self {
        let text = if number == 0 { "-".to_owned() } else { number.to_string() };
        Self { text, ink: None, side: Side::Right }
    }

    pub fn right(text: &str) -> Self {
        Self { side: Side::Right, ..Self::text(text) }
    }

    pub fn inked(self, ink: Ink) -> Self {
        Self { ink: Some(ink), ..self }
    }
}

/// A table with a heading, its columns as wide as they need to be.
pub fn table(paint: Paint, heading: &[&str], rows: Vec<Vec<Cell>>) -> String {
    let mut widths: Vec<usize> = heading.iter().map(|word| word.chars().count()).collect();
    for row in &rows {
        widths.iter_mut().zip(row).for_each(|(width, cell)| *width = (*width).max(cell.text.chars().count()));
    }
    let sides: Vec<Side> = (0..heading.len())
        .map(|at| rows.first().and_then(|row| row.get(at)).map_or(Side::Left, |cell| cell.side))
        .collect();
    let head = heading.iter().zip(&sides).map(|(word, side)| Cell {
        text: (*word).to_owned(),
        ink: Some(Ink::Bold),
        side: *side,
    });
    let line = |row: Vec<Cell>| {
        let last = row.len().saturating_sub(1);
        let cells = row.into_iter().zip(&widths).enumerate().map(|(at, (cell, width))| {
            let room = " ".repeat(width.saturating_sub(cell.text.chars().count()));
            let text = cell.ink.map_or_else(|| cell.text.clone(), |ink| paint.ink(ink, &cell.text));
            match cell.side {
                Side::Right => format!("{room}{text}"),
                Side::Left if at == last => text,
                Side::Left => format!("{text}{room}"),
            }
        });
        format!("{}\n", cells.collect::<Vec<_>>().join("  "))
    };
    std::iter::once(head.collect()).chain(rows).map(line).collect()
}

/// `1.2 ms`, `3.4 s`, `5m 6s`.
pub fn lasting_us(micros: u64) -> String {
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..1_000_000 => format!("{}.{} ms", micros / 1_000, micros % 1_000 / 100),
        1_000_000..60_000_000 => format!("{}.{} s", micros / 1_000_000, micros % 1_000_000 / 100_000),
        _ => humantime::format_duration(std::time::Duration::from_secs(micros / 1_000_000)).to_string(),
    }
}

pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    let mut scaled = count;
    let mut unit = None;
    for name in UNITS {
        if scaled < 1024 * 10 {
            break;
        }
        (scaled, unit) = (scaled / 1024, Some(name));
    }
    format!("{scaled} {}", unit.unwrap_or("B"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_under_their_heading_whatever_an_agent_is_called() {
        let rows = vec![
            vec![Cell::text("coder"), Cell::number(7), Cell::text("a")],
            vec![Cell::text("\x1b[2J"), Cell::number(0), Cell::text("b")],
        ];
        let shown = table(Paint::Plain, &["AGENT", "N", "TEXT"], rows);
        assert_eq!(shown, "AGENT      N  TEXT\ncoder      7  a\n\\u{1b}[2J  -  b\n");
    }

    #[test]
    fn amounts_are_short() {
        let shown = [lasting_us(250), lasting_us(1_250), lasting_us(2_500_000), lasting_us(66_000_000)];
        assert_eq!(shown, ["250 µs", "1.2 ms", "2.5 s", "1m 6s"]);
        assert_eq!([bytes(1), bytes(20_480), bytes(50 << 20)], ["1 B", "20 KiB", "50 MiB"]);
    }
}
