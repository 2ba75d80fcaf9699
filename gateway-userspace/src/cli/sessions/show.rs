//! `postern sessions show`.

use std::process::ExitCode;

use super::{Folder, print};
use crate::cli::Global;
use crate::reading::paint::Paint;
use crate::reading::timeline::Timeline;
use crate::reading::{logs, screen};

/// Show a session from its beginning to its end: who, each statement, its verdict and what came of it
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The session, or the beginning of its name; `host` is the log of the whole host, `enforcer` the enforcer's
    session: String,
    #[command(flatten)]
    folder: Folder,
    /// Show statements whole, however long
    #[arg(long)]
    whole: bool,
    /// Print the records as they stand in the files, one a line
    #[arg(long)]
    json: bool,
}

impl Args {
    pub fn run(self, global: &Global) -> anyhow::Result<ExitCode> {
        let files = logs::files(&self.folder.path(global)?, &self.session)?;
        if self.json {
            logs::lines(files, |line| print(&format!("{}\n", String::from_utf8_lossy(line))))?;
            return Ok(ExitCode::SUCCESS);
        }
        let name = match self.session.as_str() {
            whole @ (logs::HOST | logs::ENFORCER) => whole.to_owned(),
            _ => files.first().map(|file| logs::session_of(file).to_owned()).unwrap_or_default(),
        };
        let timeline = Timeline::of(&name, logs::records(files))?;
        let lines = if self.whole { usize::MAX } else { screen::LINES };
        print(&screen::draw(&timeline, Paint::of_stdout(), lines))?;
        Ok(ExitCode::SUCCESS)
    }
}
