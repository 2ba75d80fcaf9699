//! Keeps the table of docs/threat-model.md what the attempts say.

use gateway_policy::level::Level;

use super::attempt::{Attempt, Goal, Who};
use super::expected::{Expectation, Kernel};

const DOCUMENT: &str = include_str!("../../../docs/threat-model.md");
const NEWEST: Kernel = (u32::MAX, 0);
/// The oldest kernel that is supported.
const OLDEST: Kernel = (6, 1);

#[test]
fn the_threat_model_names_what_is_open_and_nothing_else() {
    let written: Vec<&str> = DOCUMENT.lines().filter(|line| line.starts_with("| `")).collect();
    let right = rows();
    assert!(written == right, "the table of docs/threat-model.md should read:\n{}", right.join("\n"));
}

fn rows() -> Vec<String> {
    super::all().filter(|attempt| attempt.goal != Goal::MustWork).filter_map(row).collect()
}

/// Nothing for what is closed at every level.
fn row(attempt: &Attempt) -> Option<String> {
    let cells = Level::ALL.map(|level| cell(attempt, level));
    let [cgroup, unit, full] = &cells;
    cells
        .iter()
        .any(|cell| cell != "closed")
        .then(|| format!("| `{}` | {} | {cgroup} | {unit} | {full} |", attempt.name, attempt.vector))
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
