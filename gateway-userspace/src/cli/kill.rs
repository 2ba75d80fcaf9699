//! `postern kill`: the kill switch.

use std::process::ExitCode;

use super::Global;
use super::status::screen::{Row, printable, table, words};
use crate::access::{Kill, KillQuestion, Killed, Scope};
use crate::control::client;
use crate::report::counted;

/// What to end or to unlock: exactly one of them.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub struct ScopeArgs {
    /// Everything of this agent
    #[arg(long)]
    agent: Option<String>,
    /// Everything of agents that act for this person
    #[arg(long)]
    person: Option<String>,
    /// Everything that goes to this target
    #[arg(long)]
    target: Option<String>,
    /// Everything
    #[arg(long)]
    all: bool,
    /// This session, as records name it, or this connection by its number
    #[arg(long)]
    session: Option<String>,
}

impl ScopeArgs {
    pub fn scope(self) -> Scope {
        let named = [
            self.agent.map(Scope::Agent),
            self.person.map(Scope::Person),
            self.target.map(Scope::Target),
            self.session.map(Scope::Session),
        ];
        // The parser has seen to it that there is exactly one.
        named.into_iter().flatten().next().unwrap_or(Scope::All)
    }
}

/// End sessions and leases at once, and say what that was; takes the role operator
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub struct Args {
    #[command(flatten)]
    scope: ScopeArgs,
    /// Shut new connections out until `postern unlock`, also across restarts
    #[arg(long, conflicts_with = "session")]
    lock: bool,
    /// Why, as it will stand in the records
    #[arg(long)]
    why: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Args {
    pub fn run(self, global: &Global) -> anyhow::Result<ExitCode> {
        let question = KillQuestion { scope: self.scope.scope(), lock: self.lock, why: self.why };
        let killed = client::ask::<Kill>(&global.load_config()?.serve.control, &question)?;
        if self.json {
            println!("{:#}", serde_json::to_value(&killed)?);
        } else {
            print!("{}", told(&killed));
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn told(killed: &Killed) -> String {
    let rows = killed.ended.iter().map(|place| -> Row {
        vec![
            place.connection.to_string(),
            place.session.clone().unwrap_or_else(|| "-".to_owned()),
            printable(&place.agent),
            place.person.as_deref().map_or("-".to_owned(), printable),
            printable(&place.target),
            printable(&place.process),
        ]
    });
    let heading = words(["ENDED", "SESSION", "AGENT", "PERSON", "TARGET", "PROCESS"]);
    let mut text = if killed.ended.is_empty() {
        "nothing was open\n".to_owned()
    } else {
        table(std::iter::once(heading).chain(rows).collect())
    };
    let leases = killed.leases.len();
    text.push_str(&format!(
        "{} and {} ended in {} ms\n",
        counted(killed.ended.len(), "connection"),
        counted(leases, "lease"),
        killed.took_ms
    ));
    if killed.ending > 0 {
        text.push_str(&format!("{} are cut off and still being closed\n", killed.ending));
    }
    match &killed.lock {
        Some(lock) => text.push_str(&format!("locked: {}\n", printable(&lock.scope.to_string()))),
        None => text.push_str("not locked: new connections are let in as before\n"),
    }
    text
}
