//! Keeps the tables of docs/threat-model.md what the attempts say.

use gateway_policy::level::Level;

use super::attempt::{Attempt, Closer, Goal, Who};
use super::expected::{Expectation, Kernel};

const DOCUMENT: &str = include_str!("../../../docs/threat-model.md");
const NEWEST: Kernel = (u32::MAX, 0);
/// The oldest kernel that is supported.
const OLDEST: Kernel = (6, 1);

#[test]
fn the_threat_model_names_what_is_open_and_nothing_else() {
    compare("## What is open", open_rows());
}

#[test]
fn the_threat_model_names_what_is_closed_at_every_level_and_by_whom() {
    compare("## What is closed", closed_rows());
}

/// The table of a chapter.
fn compare(chapter: &str, right: Vec<String>) {
    let behind = DOCUMENT.split_once(&format!("\n{chapter}\n")).map_or("", |(_, behind)| behind);
    let chapter_text = behind.split_once("\n## ").map_or(behind, |(text, _)| text);
    let written: Vec<&str> = chapter_text.lines().filter(|line| line.starts_with("| `")).collect();
    assert!(written == right, "the table under \"{chapter}\" should read:\n{}", right.join("\n"));
}

fn escapes() -> impl Iterator<Item = &'static Attempt> {
    super::all().filter(|attempt| attempt.goal != Goal::MustWork)
}

fn open_rows() -> Vec<String> {
    escapes().filter(|attempt| !is_closed_everywhere(attempt)).map(open_row).collect()
}

fn closed_rows() -> Vec<String> {
    escapes().filter(|attempt| is_closed_everywhere(attempt)).map(closed_row).collect()
}

fn is_closed_everywhere(attempt: &Attempt) -> bool {
    Level::ALL.iter().all(|level| cell(attempt, *level) == "closed")
}

fn open_row(attempt: &Attempt) -> String {
    let [cgroup, unit, full] = Level::ALL.map(|level| cell(attempt, level));
    format!("| `{}` | {} | {cgroup} | {unit} | {full} |", attempt.name, attempt.vector)
}

fn closed_row(attempt: &Attempt) -> String {
    let ours = attempt.closed_by.contains(&Closer::Cgroup);
    let by = if ours { "cgroup programs" } else { "the kernel itself" };
    format!("| `{}` | {} | {by} |", attempt.name, attempt.vector)
}

fn cell(attempt: &Attempt, level: Level) -> String {
    let open = |who, kernel| match attempt.expectation(who, level, kernel) {
        Expectation::Open(_) | Expectation::Residual => true,
        Expectation::Closed | Expectation::MustWork => false,
    };
    if open(Who::User, NEWEST) {
        return "open".to_owned();
    }
    if open(Who::Root, NEWEST) {
        return "open as root".to_owned();
    }
    let fixed = attempt.gaps.iter().find(|gap| gap.level == level).and_then(|gap| gap.before);
    match fixed {
        Some((major, minor)) if open(Who::User, OLDEST) => format!("open before {major}.{minor}"),
        Some(_) | None => "closed".to_owned(),
    }
}
