//! `postern approvals`: what waits for people, and their answers.

mod show;
mod stats;
mod watch;

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use gateway_audit::visible::shortened;
use serde::Serialize;

use super::Global;
use crate::approvals::calls::{Answered, Approve, Deny, List, Listed, No, One, Show, Which, Yes, word};
use crate::approvals::{Request, Wide};
use crate::control::client::ask;

/// See what waits for a person's yes, and answer
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List what waits
    List {
        /// Also what was answered before, or came to nothing
        #[arg(long)]
        all: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show all about one request
    Show {
        #[arg(value_name = "REQUEST")]
        id: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Say yes
    Approve {
        #[arg(value_name = "REQUEST")]
        id: String,
        /// How far the yes reaches; beyond once, only where the rule permits it
        #[arg(long = "for", value_enum, default_value = "once")]
        reach: Wide,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Say no
    Deny {
        #[arg(value_name = "REQUEST")]
        id: String,
        /// What the agent is told
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Keep what waits on the screen
    Watch,
    /// Count which rules ask most, and what people answered
    Stats {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

impl Args {
    pub fn run(self, global: &Global) -> anyhow::Result<ExitCode> {
        let socket = &global.load_config()?.serve.control;
        match self.command {
            Command::List { all, json } => {
                let listed = ask::<List>(socket, &Which { all })?;
                print(&listed, json, || list(&listed))?;
            }
            Command::Show { id, json } => {
                let shown = ask::<Show>(socket, &One { id })?;
                print(&shown, json, || show::screen(&shown))?;
            }
            Command::Approve { id, reach, json } => {
                let answered = ask::<Approve>(socket, &Yes { id, reach })?;
                print(&answered, json, || approved(&answered))?;
            }
            Command::Deny { id, reason, json } => {
                let answered = ask::<Deny>(socket, &No { id, reason })?;
                print(&answered, json, || format!("denied: request {}\n", answered.request.id))?;
            }
            Command::Watch => watch::run(socket)?,
            Command::Stats { json } => stats(socket, json)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn stats(socket: &Path, json: bool) -> anyhow::Result<()> {
    let counted = stats::count(&ask::<List>(socket, &Which { all: true })?.requests);
    print(&counted, json, || stats::table(&counted))
}

fn print(answer: &impl Serialize, json: bool, text: impl FnOnce() -> String) -> anyhow::Result<()> {
    if json {
        println!("{}", serde_json::to_string_pretty(answer)?);
    } else {
        print!("{}", text());
    }
    Ok(())
}

fn approved(answered: &Answered) -> String {
    let id = &answered.request.id;
    match answered.missing {
        0 => format!("approved: request {id}\n"),
        missing => format!("noted for request {id}: {missing} more have to say yes\n"),
    }
}

fn list(listed: &Listed) -> String {
    if listed.requests.is_empty() {
        return "nothing waits for anybody\n".to_owned();
    }
    listed.requests.iter().map(line).collect()
}

/// One request in two lines.
fn line(request: &Request) -> String {
    let Request { id, agent, target, .. } = request;
    let times = if request.times > 1 { format!(" ×{}", request.times) } else { String::new() };
    let state = word(&request.state);
    let left =
        if request.is_pending() { format!(", {} left", left(request.until_ms)) } else { String::new() };
    format!(
        "{id}  {agent} → {target}: {}{times}  ({state}{left})\n    {}\n",
        request.what,
        shortened(&request.text, 100)
    )
}

/// How long until then, roughly.
fn left(until_ms: u64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let left = Duration::from_millis(until_ms).saturating_sub(now);
    humantime::format_duration(Duration::from_secs(left.as_secs())).to_string()
}
