//! `postern doctor`: every check of the host, one line each, with the remedy below it.

use std::process::ExitCode;

use super::Global;
use crate::config::Config;
use crate::doctor::{self, Finding, Outcome};

/// Check whether this host is fit to hold agents
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Args {
    pub fn run(self, global: &Global) -> anyhow::Result<ExitCode> {
        let mut findings = doctor::host();
        match Config::load(&global.config_dir) {
            Ok(config) => findings.extend(doctor::configured(&config)),
            Err(mistakes) => findings.push(doctor::unconfigured(&mistakes)),
        }
        if self.json {
            println!("{:#}", serde_json::to_value(&findings)?);
        } else {
            findings.iter().for_each(|finding| print!("{}", line(finding)));
        }
        let broken = findings.iter().any(|finding| finding.outcome == Outcome::Broken);
        Ok(if broken { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}

fn line(finding: &Finding) -> String {
    let remedy =
        finding.remedy.as_ref().map(|remedy| format!("{:8}help: {remedy}\n", "")).unwrap_or_default();
    format!("{:7} {}: {}\n{remedy}", finding.outcome.word(), finding.check, finding.what)
}
