//! `postern sessions stats`.

use std::process::ExitCode;

use serde_json::{Value, json};

use super::filter::Options;
use super::{Folder, print};
use crate::cli::Global;
use crate::reading::index::{Begin, Filter, Grouped, Index};
use crate::reading::paint::{Cell, Ink, Paint, table};

/// Count commands by agent, target, rule and hour, each by its verdict
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    folder: Folder,
    #[command(flatten)]
    options: Options,
    /// Only this table
    #[arg(long)]
    by: Option<By>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum By {
    Agent,
    Target,
    Rule,
    Hour,
}

impl By {
    const ALL: [Self; 4] = [Self::Agent, Self::Target, Self::Rule, Self::Hour];

    const fn name(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Target => "target",
            Self::Rule => "rule",
            Self::Hour => "hour",
        }
    }

    fn grouped(self, index: &Index, filter: &Filter) -> anyhow::Result<Vec<Grouped>> {
        match self {
            Self::Rule => index.by_rule(filter),
            Self::Agent | Self::Target | Self::Hour => index.grouped(self.name(), filter),
        }
    }
}

impl Args {
    pub fn run(self, global: &Global) -> anyhow::Result<ExitCode> {
        let index = Index::open(&self.folder.path(global)?, Begin::WhereItStands)?;
        let filter = Filter::from(self.options);
        let wanted = By::ALL.into_iter().filter(|by| self.by.is_none_or(|only| only == *by));
        let groups: Vec<(By, Vec<Grouped>)> =
            wanted.map(|by| Ok((by, by.grouped(&index, &filter)?))).collect::<anyhow::Result<_>>()?;
        if self.json {
            let named = groups.iter().map(|(by, groups)| (by.name().to_owned(), json!(groups)));
            print(&format!("{:#}\n", Value::Object(named.collect())))?;
        } else {
            let paint = Paint::of_stdout();
            let drawn: Vec<String> = groups.iter().map(|(by, groups)| draw(*by, groups, paint)).collect();
            print(&drawn.join("\n"))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn draw(by: By, groups: &[Grouped], paint: Paint) -> String {
    let name = by.name().to_uppercase();
    let heading = [name.as_str(), "ALLOWED", "DENIED", "HELD", "FAILED"];
    let rows = groups.iter().map(|group| {
        let times = |outcome: &str| {
            let counted = group.outcomes.iter().find(|counted| counted.outcome == outcome);
            Cell::number(counted.map(|counted| counted.times.unsigned_abs()).unwrap_or_default())
        };
        let denied = times("denied").inked(Ink::Bad);
        vec![
            Cell::text(&group.name).inked(Ink::Name),
            times("allowed"),
            denied,
            times("waiting"),
            times("failed"),
        ]
    });
    table(paint, &heading, rows.collect())
}
