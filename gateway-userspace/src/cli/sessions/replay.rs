//! `postern sessions replay`: a session at the pace it had.

use std::process::ExitCode;
use std::time::Duration;

use super::{Folder, print};
use crate::cli::Global;
use crate::reading::paint::Paint;
use crate::reading::timeline::Timeline;
use crate::reading::{logs, screen};

/// Show a session at the pace that it had, or faster
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The session, or the beginning of its name
    session: String,
    #[command(flatten)]
    folder: Folder,
    /// How many times faster
    #[arg(long, value_name = "N", default_value_t = 1.0, value_parser = speed)]
    speed: f64,
    /// The longest pause; what was longer is cut
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = humantime::parse_duration)]
    pause: Duration,
}

impl Args {
    pub fn run(self, global: &Global) -> anyhow::Result<ExitCode> {
        let files = logs::files(&self.folder.path(global)?, &self.session)?;
        let name = files.first().map(|file| logs::session_of(file).to_owned()).unwrap_or_default();
        let timeline = Timeline::of(&name, logs::records(files))?;
        let paint = Paint::of_stdout();
        print(&format!("{}\n", screen::head(&timeline, paint)))?;
        let mut before = 0;
        for step in &timeline.steps {
            let passed = u64::try_from(step.after_ms - before).unwrap_or_default();
            before = before.max(step.after_ms);
            std::thread::sleep(Duration::from_millis(passed).div_f64(self.speed).min(self.pause));
            print(&screen::draw_step(step, paint, screen::LINES))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn speed(text: &str) -> Result<f64, String> {
    let speed = text.parse().ok().filter(|speed: &f64| (0.01..=1_000_000.0).contains(speed));
    speed.ok_or_else(|| "write a number from 0.01 to 1000000".to_owned())
}
