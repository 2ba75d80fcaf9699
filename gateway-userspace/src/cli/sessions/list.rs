//! `postern sessions list`.

use std::process::ExitCode;

use serde_json::json;

use super::filter::{Options, written};
use super::{Folder, print};
use crate::cli::Global;
use crate::reading::index::{Begin, Filter, Found, Index};
use crate::reading::paint::{Cell, Ink, Paint, bytes, lasting_us, table};
use crate::report::counted;

/// List sessions, the newest first
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    folder: Folder,
    #[command(flatten)]
    options: Options,
    /// How many to show
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    most: u32,
    /// Make the index again from the files
    #[arg(long)]
    rebuild: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Args {
    pub fn run(self, global: &Global) -> anyhow::Result<ExitCode> {
        let begin = if self.rebuild { Begin::Anew } else { Begin::WhereItStands };
        let index = Index::open(&self.folder.path(global)?, begin)?;
        let filter = Filter::from(self.options);
        let found = index.find(&filter, self.most)?;
        let all = index.count(&filter)?;
        if self.json {
            print(&format!("{:#}\n", json!({ "sessions": found, "all": all })))?;
        } else {
            print(&draw(&found, all, Paint::of_stdout()))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn draw(found: &[Found], all: u64, paint: Paint) -> String {
    if found.is_empty() {
        return "no session is like that\n".to_owned();
    }
    let heading = [
        "SESSION", "BEGAN", "LASTED", "AGENT", "PERSON", "TARGET", "PROCESS", "ALLOWED", "DENIED", "HELD",
        "ROWS", "BYTES", "",
    ];
    let drawn = table(paint, &heading, found.iter().map(row).collect());
    match all.saturating_sub(found.len() as u64) {
        0 => drawn,
        more => {
            let more = usize::try_from(more).unwrap_or(usize::MAX);
            format!("{drawn}and {} more; --most shows them\n", counted(more, "session"))
        }
    }
}

fn row(found: &Found) -> Vec<Cell> {
    let number = |count: i64| Cell::number(count.unsigned_abs());
    let lasted = found.latest.saturating_sub(found.began).unsigned_abs().saturating_mul(1000);
    let standing = match (found.removed, found.sealed) {
        (true, _) => Cell::text("pruned").inked(Ink::Faint),
        (false, true) => Cell::text(""),
        (false, false) => Cell::text("open").inked(Ink::Good),
    };
    let denied = number(found.denied);
    vec![
        Cell::text(&found.session).inked(Ink::Bold),
        Cell::text(&written(found.began)).inked(Ink::Faint),
        Cell::right(&lasting_us(lasted)),
        Cell::text(&found.agent).inked(Ink::Name),
        Cell::text(found.person.as_deref().unwrap_or("-")),
        Cell::text(&found.target).inked(Ink::Name),
        Cell::text(&found.process),
        number(found.allowed),
        if found.denied > 0 { denied.inked(Ink::Bad) } else { denied },
        number(found.held),
        number(found.rows),
        Cell::right(&bytes(found.bytes.unsigned_abs())),
        standing,
    ]
}
