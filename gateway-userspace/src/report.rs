//! How a failure reads for the operator: the act, the causes, what to do. Printed once, here.
//!
//! Errors travel as `anyhow::Error` or as a module's own error type. `.context("cannot attach …")` names
//! the act, `.help("mount cgroup2, or …")` adds the remedy.

use std::error::Error;
use std::fmt;
use std::process::ExitCode;

use crate::config::Mistakes;
use crate::control::call::Trouble;

/// An error together with its remedy. It reads as the error itself; only `print` shows the remedy.
#[derive(Debug)]
pub struct Help {
    error: anyhow::Error,
    remedy: String,
}

impl fmt::Display for Help {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.error)
    }
}

impl Error for Help {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.error.chain().nth(1)
    }
}

/// Gives a failure its remedy.
pub trait WithHelp<T> {
    fn help(self, remedy: impl Into<String>) -> anyhow::Result<T>;
}

impl<T, E: Into<anyhow::Error>> WithHelp<T> for Result<T, E> {
    fn help(self, remedy: impl Into<String>) -> anyhow::Result<T> {
        self.map_err(|error| anyhow::Error::new(Help { error: error.into(), remedy: remedy.into() }))
    }
}

/// Prints a failure on standard error and says with which status to exit.
pub fn print(error: &anyhow::Error) -> ExitCode {
    eprint!("{}", render(error));
    let told = error.chain().find_map(|cause| cause.downcast_ref::<Trouble>());
    match (mistakes_in(error), told) {
        (Some(_), _) => wrong_config(),
        (None, Some(trouble)) => ExitCode::from(trouble.kind.exit()),
        (None, None) => ExitCode::FAILURE,
    }
}

/// The status that says: the configuration has mistakes, nothing was tried.
pub fn wrong_config() -> ExitCode {
    ExitCode::from(2)
}

fn mistakes_in(error: &anyhow::Error) -> Option<&Mistakes> {
    error.chain().find_map(|cause| cause.downcast_ref())
}

/// An error with its causes, where there is room for one line only.
pub fn one_line(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(deeper) = cause {
        text.push_str(&format!(": {deeper}"));
        cause = deeper.source();
    }
    text
}

/// `1 agent`, `2 agents`.
pub fn counted(number: usize, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}

fn render(error: &anyhow::Error) -> String {
    let mut text = format!("error: {error}\n");
    for cause in error.chain().skip(1) {
        text.push_str(&format!("caused by: {cause}\n"));
    }
    if let Some(mistakes) = mistakes_in(error) {
        text.push_str(&mistakes.listing());
    }
    // The outermost remedy knows most about what the operator wanted.
    if let Some(help) = error.chain().find_map(|cause| cause.downcast_ref::<Help>()) {
        text.push_str(&format!("help: {}\n", help.remedy));
    }
    text
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    fn missing() -> Result<(), std::io::Error> {
        Err(std::io::Error::other("no cgroup2 hierarchy is mounted"))
    }

    #[test]
    fn a_failure_is_told_as_act_cause_and_remedy() {
        let error = missing().context("cannot attach").help("mount cgroup2").unwrap_err();
        assert_eq!(
            render(&error),
            "error: cannot attach\ncaused by: no cgroup2 hierarchy is mounted\nhelp: mount cgroup2\n"
        );
    }

    #[test]
    fn a_remedy_survives_the_contexts_put_around_it() {
        let error = missing().help("mount cgroup2").context("cannot attach").unwrap_err();
        assert_eq!(
            render(&error),
            "error: cannot attach\ncaused by: no cgroup2 hierarchy is mounted\nhelp: mount cgroup2\n"
        );
    }

    #[test]
    fn a_failure_without_a_remedy_invents_none() {
        let error = anyhow::Error::from(missing().unwrap_err());
        assert_eq!(render(&error), "error: no cgroup2 hierarchy is mounted\n");
    }
}
