//! `postern sessions export`.

use std::process::ExitCode;

use super::{Folder, print};
use crate::cli::Global;
use crate::reading::timeline::{Step, Timeline};
use crate::reading::{cast, html, logs};

/// Write a session in another form: json, csv, a page of html, or a recording for players of terminals
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The session, or the beginning of its name
    session: String,
    #[command(flatten)]
    folder: Folder,
    /// What to write
    #[arg(long)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// A list of the records as they stand in the files
    Json,
    /// The commands, one a line
    Csv,
    /// One page that needs nothing else
    Html,
    /// For asciinema and its relatives
    Asciicast,
}

impl Args {
    pub fn run(self, global: &Global) -> anyhow::Result<ExitCode> {
        let files = logs::files(&self.folder.path(global)?, &self.session)?;
        let name = files.first().map(|file| logs::session_of(file).to_owned()).unwrap_or_default();
        if self.format == Format::Json {
            let mut before = "[\n";
            logs::lines(files, |line| {
                let text = format!("{before}{}", String::from_utf8_lossy(line));
                before = ",\n";
                print(&text)
            })?;
            print(if before == "[\n" { "[]\n" } else { "\n]\n" })?;
            return Ok(ExitCode::SUCCESS);
        }
        let timeline = Timeline::of(&name, logs::records(files))?;
        print(&match self.format {
            Format::Html => html::page(&timeline),
            Format::Asciicast => cast::cast(&timeline),
            Format::Csv | Format::Json => csv(&timeline),
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

fn csv(timeline: &Timeline) -> String {
    let heading = [
        "time",
        "command",
        "verdict",
        "rules",
        "says",
        "statement",
        "parameters",
        "result",
        "rows",
        "bytes",
        "took_us",
    ];
    let heading = heading.map(str::to_owned).to_vec();
    let steps = timeline.steps.iter().filter(|step| step.command.is_some()).map(fields);
    std::iter::once(heading).chain(steps).map(|fields| row(&fields)).collect()
}

fn fields(step: &Step) -> Vec<String> {
    let command = step.command.as_ref();
    let result = command.and_then(|command| command.result.as_ref());
    let number = |value: Option<u64>| value.map(|value| value.to_string()).unwrap_or_default();
    vec![
        step.at.clone(),
        number(command.map(|command| command.number)),
        step.outcome.name().to_owned(),
        step.rules.join(" "),
        step.says.clone(),
        command.map(|command| command.text.clone()).unwrap_or_default(),
        command.map(|command| command.parameters.join(", ")).unwrap_or_default(),
        result.map(|result| result.says.clone()).unwrap_or_default(),
        number(result.map(|result| result.rows)),
        number(result.map(|result| result.bytes)),
        number(result.map(|result| result.took_us)),
    ]
}

/// RFC 4180. What a spreadsheet would take for a formula is made text.
fn row(fields: &[String]) -> String {
    let quoted = fields.iter().map(|field| {
        let formula = field.starts_with(['=', '+', '-', '@', '\t', '\r']);
        let text = gateway_audit::visible::visible(field).replace('"', "\"\"");
        format!("\"{}{text}\"", if formula { "'" } else { "" })
    });
    format!("{}\r\n", quoted.collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_stays_in_its_cell_and_is_no_formula() {
        let fields = ["=1+1", "a,\"b\"\n-- c", "plain"].map(str::to_owned);
        assert_eq!(row(&fields), "\"'=1+1\",\"a,\"\"b\"\"\\n-- c\",\"plain\"\r\n");
    }
}
