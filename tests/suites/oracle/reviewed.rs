//! Where the server does more than is told, and why that is safe: the lines of `reviewed.txt`.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};

const LIST: &str = include_str!("reviewed.txt");

/// Gaps with the place where each was seen first.
pub(crate) type Seen = BTreeMap<String, String>;

pub(crate) fn compare(seen: &Seen) -> Result<()> {
    let mut reason = None;
    let mut listed = BTreeMap::new();
    for line in LIST.lines().map(str::trim) {
        match line.strip_prefix('#') {
            _ if line.is_empty() => reason = None,
            Some(text) => reason = Some(text.trim()),
            None => drop(listed.insert(line, reason)),
        }
    }
    let unreasoned: Vec<&&str> =
        listed.iter().filter(|(_, reason)| reason.is_none()).map(|(line, _)| line).collect();
    let unlisted: Vec<String> = seen
        .iter()
        .filter(|(gap, _)| !listed.contains_key(gap.trim()))
        .map(|(gap, place)| format!("{gap}\n        {place}"))
        .collect();
    let gone: Vec<&&str> =
        listed.keys().filter(|line| !seen.keys().any(|gap| gap.trim() == **line)).collect();
    ensure!(unreasoned.is_empty(), "no reason is given for {unreasoned:?}");
    ensure!(unlisted.is_empty(), "the server does what is not told:\n{}", unlisted.join("\n"));
    ensure!(gone.is_empty(), "these are in reviewed.txt and do not happen: {gone:#?}");
    Ok(())
}
