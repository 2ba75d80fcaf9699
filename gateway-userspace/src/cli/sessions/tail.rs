//! `postern sessions tail`: what all agents do, as it happens.

use std::process::ExitCode;
use std::time::Duration;

use gateway_audit::gist::{Area, Gist, Outcome};
use gateway_audit::visible::{shortened, visible};

use super::{Folder, print};
use crate::cli::Global;
use crate::reading::follow::{Cursor, Entry, Follower, Missed};
use crate::reading::paint::{Ink, Paint, ink_of};

/// How long a line may be late.
const INTERVAL: Duration = Duration::from_millis(200);
const BATCH: usize = 1000;
/// Of a statement, in one line.
const STATEMENT: usize = 120;

/// Show what was recorded last, of all sessions, one line each
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    folder: Folder,
    /// Go on and show what comes
    #[arg(short, long)]
    follow: bool,
    /// How many lines to begin with
    #[arg(short = 'n', long, default_value_t = 20)]
    lines: usize,
    /// Only of this agent
    #[arg(long)]
    agent: Option<String>,
    /// Only what was denied, failed, or is waited for
    #[arg(long)]
    troubles: bool,
    /// Print each record as JSON, one a line
    #[arg(long)]
    json: bool,
}

impl Args {
    pub fn run(self, global: &Global) -> anyhow::Result<ExitCode> {
        let paint = Paint::of_stdout();
        let mut follower = Follower::new(&self.folder.path(global)?, Cursor::default());
        let mut latest: Vec<Entry> = Vec::new();
        loop {
            let entries = follower.next(BATCH)?;
            if entries.is_empty() {
                break;
            }
            latest.extend(entries.into_iter().filter(|entry| self.wants(entry)));
            latest.sort_by(|one, other| time(one).cmp(time(other)));
            let surplus = latest.len().saturating_sub(self.lines);
            latest.drain(..surplus);
        }
        latest.iter().try_for_each(|entry| self.show(entry, paint))?;
        tell_missed(&mut follower);
        if !self.follow {
            return Ok(ExitCode::SUCCESS);
        }
        loop {
            let entries = follower.next(BATCH)?;
            tell_missed(&mut follower);
            if entries.is_empty() {
                std::thread::sleep(INTERVAL);
            }
            entries.iter().filter(|entry| self.wants(entry)).try_for_each(|entry| self.show(entry, paint))?;
        }
    }

    fn wants(&self, entry: &Entry) -> bool {
        let Some(record) = &entry.record else { return true };
        let gist = Gist::of(&record.event);
        let of_agent = self.agent.as_deref().is_none_or(|agent| gist.agent == Some(agent));
        let trouble = matches!(gist.outcome, Outcome::Denied | Outcome::Failed | Outcome::Waiting);
        of_agent && (!self.troubles || trouble)
    }

    fn show(&self, entry: &Entry, paint: Paint) -> anyhow::Result<()> {
        match &entry.record {
            Some(record) if !self.json => print(&line(&Gist::of(&record.event), &record.at, paint)),
            // It cannot be read here, so it is shown as it is, with its place.
            None if !self.json => {
                print(&format!("{} {}  {}\n", visible(&entry.log), entry.seq, visible(&entry.line)))
            }
            Some(_) | None => print(&format!("{}\n", visible(&entry.line))),
        }
    }
}

fn tell_missed(follower: &mut Follower) {
    for Missed { log, from } in follower.missed() {
        tracing::warn!(log, from, "records are gone that were not read yet");
    }
}

fn time(entry: &Entry) -> &str {
    entry.record.as_ref().map_or("", |record| record.at.as_str())
}

fn line(gist: &Gist<'_>, at: &str, paint: Paint) -> String {
    let place = match (gist.agent, gist.target) {
        (Some(agent), Some(target)) => format!("{agent}→{target}"),
        (Some(agent), None) => agent.to_owned(),
        (None, _) => gist.area.name().to_owned(),
    };
    let number = gist.command.map(|number| format!("#{number} ")).unwrap_or_default();
    let session = gist.session.map(|session| format!(" {}", visible(session))).unwrap_or_default();
    let statement =
        gist.statement.map(|text| format!("  {}", shortened(text, STATEMENT))).unwrap_or_default();
    let faint = gist.area == Area::Service && gist.outcome == Outcome::Told;
    let ink = if faint { Ink::Faint } else { ink_of(gist.outcome) };
    format!(
        "{}{}  {}  {}{}\n",
        paint.ink(Ink::Faint, at.get(11..19).unwrap_or(at)),
        paint.ink(Ink::Faint, &session),
        paint.ink(Ink::Name, &visible(&place)),
        paint.ink(ink, &format!("{number}{}", visible(&gist.says))),
        statement
    )
}
