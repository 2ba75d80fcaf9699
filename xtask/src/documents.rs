//! `cargo xtask documents`: what the documents point at is there.
//!
//! Links lead to files of the tree. A link whose text is a name in code style, such as
//! [`a_refused_connect_is_reset`](gateway/tests.rs), leads to the file in which a test of that name stands. Every
//! invariant of ARCHITECTURE.md that is said to hold names one such test at least.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use crate::{command, workspace};

const ARCHITECTURE: &str = "ARCHITECTURE.md";
/// The chapter whose numbered items are promises.
const PROMISES: &str = "## Invariants";

#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(_args: &Args) -> Result<ExitCode> {
    let mistakes = mistakes()?;
    for mistake in &mistakes {
        eprintln!("documents: {mistake}");
    }
    if mistakes.is_empty() { Ok(ExitCode::SUCCESS) } else { Ok(ExitCode::FAILURE) }
}

/// Everything the documents say that the tree does not bear out, as sentences.
pub(crate) fn mistakes() -> Result<Vec<String>> {
    let root = workspace::root()?;
    let listing = command::output(Command::new("git").current_dir(&root).args(["ls-files", "--", "*.md"]))?;
    let mut mistakes = Vec::new();
    for document in listing.lines() {
        let path = root.join(document);
        // Removed and not yet committed: listed, but not there.
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let folder = path.parent().unwrap_or(&root);
        let broken = links(&text).filter_map(|link| link.mistake(folder));
        mistakes.extend(broken.map(|what| format!("{document}: {what}")));
    }
    let text =
        fs::read_to_string(root.join(ARCHITECTURE)).with_context(|| format!("cannot read {ARCHITECTURE}"))?;
    mistakes.extend(unguarded(&text).map(|promise| format!("{ARCHITECTURE}: no test guards \"{promise}\"")));
    Ok(mistakes)
}

/// `[text](target)`
#[derive(Debug, PartialEq, Eq)]
struct Link<'a> {
    text: &'a str,
    target: &'a str,
}

fn links(document: &str) -> impl Iterator<Item = Link<'_>> {
    document.match_indices("](").filter_map(|(at, _)| {
        let (before, behind) = document.split_at(at);
        let text = before.rsplit_once('[')?.1;
        let target = behind.get(2..)?.split_once(')')?.0;
        Some(Link { text, target })
    })
}

impl Link<'_> {
    /// The name of the test that it leads to, if it leads to one.
    fn test(&self) -> Option<&str> {
        let name = self.text.strip_prefix('`')?.strip_suffix('`')?;
        let is_name =
            name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        (is_name && name.contains('_') && self.target.ends_with(".rs")).then_some(name)
    }

    fn mistake(&self, folder: &Path) -> Option<String> {
        let (path, _) = self.target.split_once('#').unwrap_or((self.target, ""));
        if path.is_empty() || path.contains("://") {
            return None;
        }
        let file: PathBuf = folder.join(path);
        if !file.exists() {
            return Some(format!("there is no {path}"));
        }
        let name = self.test()?;
        let code = fs::read_to_string(&file).unwrap_or_default();
        (!has_test(&code, name)).then(|| format!("there is no test {name} in {path}"))
    }
}

/// Whether a function of this name stands under an attribute that makes it a test.
fn has_test(code: &str, name: &str) -> bool {
    let mut tested = false;
    for line in code.lines().map(str::trim_start) {
        if line.starts_with("#[") {
            tested |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
        } else if line.contains(&format!("fn {name}(")) {
            return tested;
        } else if !line.starts_with("//") {
            tested = false;
        }
    }
    false
}

/// The promises that name no test, each by its first words.
fn unguarded(architecture: &str) -> impl Iterator<Item = &str> {
    let chapter = architecture.split_once(PROMISES).map_or("", |(_, rest)| rest);
    let chapter = chapter.split_once("\n## ").map_or(chapter, |(chapter, _)| chapter);
    items(chapter).filter(|item| links(item).all(|link| link.test().is_none())).map(|item| {
        let bold = item.split("**").nth(1);
        bold.unwrap_or(item)
    })
}

/// Numbered items. The text in front of the first is none.
fn items(chapter: &str) -> impl Iterator<Item = &str> {
    let starts: Vec<usize> = chapter
        .match_indices('\n')
        .map(|(at, _)| at + 1)
        .filter(|start| {
            let digits = chapter[*start..].bytes().take_while(u8::is_ascii_digit).count();
            digits > 0 && chapter[*start + digits..].starts_with(". ")
        })
        .collect();
    let ends: Vec<usize> = starts.iter().skip(1).copied().chain([chapter.len()]).collect();
    starts.into_iter().zip(ends).map(|(start, end)| &chapter[start..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_promise_without_a_test_is_told_by_its_first_words() {
        let text = "# A\n\n## Invariants\n\nHow to read.\n\n1. **It holds.** See\n   [`it_does`](a.rs).\n\
            2. **So it says.** See [a file](b.rs).\n\n## Later\n\n1. **Not yet.**\n";
        assert_eq!(unguarded(text).collect::<Vec<_>>(), ["So it says."]);
    }

    #[test]
    fn a_function_is_a_test_only_under_its_attribute() {
        let code = "#[test]\n#[allow(x)]\n// why\nfn one_is() {}\nfn none_is() {}\n    #[tokio::test(a)]\n    async fn two_is() {}\n";
        assert!(has_test(code, "one_is"));
        assert!(has_test(code, "two_is"));
        assert!(!has_test(code, "none_is"));
        assert!(!has_test(code, "absent_is"));
    }

    #[test]
    fn a_link_to_nothing_is_a_mistake() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.rs"), "#[test]\nfn it_does() {}\n").unwrap();
        let told = |document| links(document).find_map(|link| link.mistake(folder.path()));
        assert_eq!(told("[`it_does`](a.rs), [there](https://example.org/x.md), [below](#below)"), None);
        assert_eq!(told("[`it_did`](a.rs)").as_deref(), Some("there is no test it_did in a.rs"));
        assert_eq!(told("[b](b.md#part)").as_deref(), Some("there is no b.md"));
    }
}
