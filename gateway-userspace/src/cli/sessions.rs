//! `postern sessions`: what agents did, from the records. Each command is a file below `sessions/`.

mod export;
mod filter;
mod key;
mod list;
mod replay;
mod show;
mod stats;
mod tail;
mod verify;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;

use super::Global;

/// Read what agents did: list, show, follow, replay, export and verify the records of sessions
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(list::Args),
    Show(show::Args),
    Tail(tail::Args),
    Replay(replay::Args),
    Export(export::Args),
    Stats(stats::Args),
    Verify(verify::Args),
    Key(key::Args),
}

/// Where the records are.
#[derive(Debug, clap::Args)]
struct Folder {
    /// The folder of records, instead of the one that the configuration names
    #[arg(long, value_name = "DIR")]
    records: Option<PathBuf>,
}

impl Folder {
    /// Records can be read where there is no configuration, such as a copy elsewhere.
    fn path(&self, global: &Global) -> anyhow::Result<PathBuf> {
        match &self.records {
            Some(folder) => Ok(folder.clone()),
            None => Ok(global.load_config()?.serve.records),
        }
    }
}

impl Args {
    pub fn run(self, global: &Global) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::List(args) => args.run(global),
            Command::Show(args) => args.run(global),
            Command::Tail(args) => args.run(global),
            Command::Replay(args) => args.run(global),
            Command::Export(args) => args.run(global),
            Command::Stats(args) => args.run(global),
            Command::Verify(args) => args.run(global),
            Command::Key(args) => args.run(global),
        }
    }
}

/// Prints, and takes it well when nobody reads on.
fn print(text: &str) -> anyhow::Result<()> {
    use std::io::Write as _;
    match std::io::stdout().write_all(text.as_bytes()).and_then(|()| std::io::stdout().flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => std::process::exit(0),
        outcome => Ok(outcome?),
    }
}
