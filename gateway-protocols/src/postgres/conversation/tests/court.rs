//! A court that judges by words in the text, and remembers what it heard.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use gateway_policy::command::{Command, Outcome, Parameter, Said, Stage};
use gateway_policy::judge::{Because, Denial, Judgement, Obligations, Rows, Settings, Verdict};

use gateway_policy::limits::{Bound, Most};

use crate::conversation::{Column, CommandNumber, Court, Ruling, Shown, Unrecorded};

#[derive(Debug, Default)]
pub(super) struct Words {
    pub(super) heard: Vec<String>,
    commands: u64,
    /// Whether people have said yes to what they were asked about.
    pub(super) answered: bool,
    pub(super) notice: Option<String>,
}

impl Court for Words {
    fn judge(&mut self, command: &Command<'_>) -> Result<Ruling, Unrecorded> {
        if command.text.contains("unrecorded") {
            return Err(Unrecorded::Full);
        }
        if command.text.contains("held") && matches!(command.stage, Stage::Run(_)) && !self.answered {
            return Ok(Ruling { command: CommandNumber(self.commands + 1), verdict: super::holding::hold() });
        }
        self.commands += 1;
        let path = command.state.setting("search_path").map(|path| format!(" in {path}")).unwrap_or_default();
        self.heard.push(format!("{} {}: {}{path}", stage(command.stage), self.commands, command.text));
        Ok(Ruling { command: CommandNumber(self.commands), verdict: verdict(command.text) })
    }

    fn notice(&mut self) -> Option<String> {
        self.notice.take()
    }

    fn ended(&mut self, command: CommandNumber, outcome: &Outcome<'_>) {
        let said = match outcome.said {
            Said::Prepared => "prepared".to_string(),
            Said::Done(tag) => format!("done {tag}"),
            Said::Failed(code) => format!("failed {code}"),
            Said::Suspended => "suspended".to_string(),
            Said::Skipped => "skipped".to_string(),
            Said::Nothing => "nothing".to_string(),
        };
        let much = if outcome.rows > 0 { format!(", {} rows", outcome.rows) } else { String::new() };
        self.heard.push(format!("{} {said}{much}", command.0));
    }

    fn exceeded(&mut self, command: CommandNumber, bound: Bound) {
        let bound = match bound {
            Bound::Rows => "rows",
            Bound::Bytes => "bytes",
        };
        self.heard.push(format!("{} exceeds {bound}", command.0));
    }

    fn refused(&mut self, why: &str) {
        self.heard.push(format!("refused: {why}"));
    }

    fn columns(&mut self, command: CommandNumber, columns: &mut dyn Iterator<Item = Column<'_>>) {
        let names: Vec<_> = columns.map(|column| String::from_utf8_lossy(column.name).into_owned()).collect();
        self.heard.push(format!("{} columns {}", command.0, names.join(",")));
    }

    fn value(&mut self, _column: usize, value: Option<&[u8]>, instead: &mut Vec<u8>) -> Shown {
        match value {
            Some(b"secret") => {
                instead.extend_from_slice(b"***");
                Shown::Replace
            }
            Some(b"gone") => Shown::Null,
            _ => Shown::Keep,
        }
    }
}

fn stage(stage: Stage<'_>) -> String {
    let Stage::Run(parameters) = stage else { return "prepare".to_string() };
    let shown = parameters.iter().map(|parameter| match parameter {
        Parameter::Null => "~".to_string(),
        Parameter::Text(value) | Parameter::Binary(value) => String::from_utf8_lossy(value).into_owned(),
    });
    let shown: Vec<_> = shown.collect();
    if shown.is_empty() { "run".to_string() } else { format!("run({})", shown.join(",")) }
}

fn verdict(text: &str) -> Verdict {
    if text.contains("forbidden") {
        return Verdict::Deny(Denial {
            message: "not allowed".into(),
            hint: None,
            because: Because::NothingAllows,
        });
    }
    let rows = if text.contains("shown") { Rows::Shown } else { Rows::AsTheyAre };
    let most = if text.contains("two") { Most { rows: 2, bytes: u64::MAX } } else { Most::default() };
    let settings = if text.get(..4).is_some_and(|verb| verb.eq_ignore_ascii_case("set ")) {
        Settings::Changed
    } else {
        Settings::Kept
    };
    match Judgement::unjudged().verdict() {
        Verdict::Allow(permit) => {
            Verdict::Allow(permit.obliged(Obligations { rows, settings, most, ..Obligations::default() }))
        }
        denied => denied,
    }
}
