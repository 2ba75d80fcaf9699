//! Tables of statements with what they do. A line `= ...` says what the text above it does, in the notation of
//! [`super::reading`]; `\n`, `\r` and `\t` in a text stand for what they usually do.

use super::reading::told;

fn rows(table: &str) -> impl Iterator<Item = (String, &str)> {
    let lines: Vec<&str> = table.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let pairs: Vec<_> = lines.chunks(2).map(|pair| (pair[0].to_owned(), pair[1])).collect();
    pairs.into_iter().map(|(text, told)| {
        let text = text.replace("\\n", "\n").replace("\\r", "\r").replace("\\t", "\t");
        (text, told.strip_prefix("= ").or(told.strip_prefix('=')).unwrap_or("a line without ="))
    })
}

/// The texts of all tables.
pub(super) fn texts() -> Vec<String> {
    let tables =
        [include_str!("statements.txt"), include_str!("evasions.txt"), include_str!("look_alikes.txt")];
    tables.iter().flat_map(|table| rows(table)).map(|(text, _)| text).collect()
}

fn check(table: &str) {
    let wrong: Vec<_> = rows(table)
        .filter_map(|(text, expected)| {
            let told = told(&text);
            (told != expected).then(|| format!("{text}\n= {told}\n  expected {expected}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn nothing_hides_what_a_statement_does() {
    check(include_str!("evasions.txt"));
}

#[test]
fn what_only_looks_dangerous_does_nothing_more() {
    check(include_str!("look_alikes.txt"));
}

#[test]
fn every_statement_does_what_the_table_says() {
    check(include_str!("statements.txt"));
}
