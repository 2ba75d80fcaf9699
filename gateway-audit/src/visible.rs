//! Text of agents made harmless to look at.
//!
//! Statements, names and error texts come from whoever is watched. Shown as they are they could move a cursor, turn text
//! round or end a line of a log, so everything that is not plainly seen is written out.

use std::fmt::Write as _;

/// One line: control characters, direction marks and the like are written as escapes.
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            c if is_plain(c) => shown.push(c),
            c => drop(write!(shown, "\\u{{{:x}}}", u32::from(c))),
        }
    }
    shown
}

/// The lines of a text, each made visible. Tabs are four spaces.
pub fn visible_lines(text: &str) -> impl Iterator<Item = String> {
    text.lines().map(|line| visible(&line.replace('\t', "    ")))
}

/// As `visible`, cut after so many characters.
pub fn shortened(text: &str, most: usize) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let shown = visible(&words.join(" "));
    if shown.chars().count() <= most {
        return shown;
    }
    shown.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

/// Rust's own notion of what is seen: neither control nor format, nor a mark that joins what stands before it.
pub(crate) fn is_plain(c: char) -> bool {
    match c {
        ' ' => true,
        c if c.is_ascii() => c.is_ascii_graphic(),
        c => c.escape_debug().len() == 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_an_agent_speaks_to_a_terminal() {
        let hostile = "a\x1b[2Jb\u{9b}c\u{202e}d\u{200b}e\u{7}f\u{2028}g\x7f";
        let shown = visible(hostile);
        assert!(!shown.chars().any(|c| c.is_control()), "{shown:?}");
        assert_eq!(shown, "a\\u{1b}[2Jb\\u{9b}c\\u{202e}d\\u{200b}e\\u{7}f\\u{2028}g\\u{7f}");
    }

    #[test]
    fn what_people_write_stays_as_it_is() {
        assert_eq!(visible("select 'Zürich — 東京 €'"), "select 'Zürich — 東京 €'");
        assert_eq!(visible("a\r\nb"), "a\\r\\nb");
        assert_eq!(visible_lines("a\n\tb\r").collect::<Vec<_>>(), ["a", "    b\\r"]);
    }

    #[test]
    fn a_long_text_is_cut_where_it_says_so() {
        assert_eq!(shortened("select  1\n from x", 40), "select 1 from x");
        assert_eq!(shortened("select 1 from x", 8), "select …");
    }
}
