//! `postern bypass-test`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use gateway_policy::level::Level;
use serde::Serialize;

use super::Global;
use crate::attribution::status::enforcer_status;
use crate::escapes::{self, Attempt, Dress, Expectation, Finding, Ground, Runner, Stay, Verdict, Who};
use crate::kernel;
use crate::report::WithHelp;

/// Try every known escape from inside an agent's cgroup, against a world of its own, and say which one works
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The agent whose cgroup is tried
    #[arg(long, value_name = "NAME", required_unless_present_any = ["list", "cgroup"])]
    agent: Option<String>,
    /// Only these attempts, by name
    #[arg(long, value_name = "ATTEMPT")]
    only: Vec<String>,
    /// The ordinary user to try as
    #[arg(long, value_name = "UID", default_value_t = 65534)]
    as_user: u32,
    /// Try as root too, as an agent could that runs as root
    #[arg(long)]
    as_root: bool,
    /// Try as a command that `postern run --confine` would start
    #[arg(long)]
    confine: bool,
    /// List the attempts and what should become of them, and try nothing
    #[arg(long)]
    list: bool,
    /// Print for machines
    #[arg(long)]
    json: bool,
    /// Use this cgroup directory instead of an agent's
    #[arg(long, value_name = "DIR", hide = true, conflicts_with = "agent")]
    cgroup: Option<PathBuf>,
}

/// What is printed for machines.
#[derive(Serialize)]
struct Report<'a> {
    kernel: String,
    level: Option<Level>,
    findings: &'a [Finding],
}

impl Args {
    pub fn run(self, global: &Global) -> anyhow::Result<ExitCode> {
        let attempts = self.attempts()?;
        if self.list {
            return list(&attempts, self.json);
        }
        let config = global.load_config()?;
        let stay = match (&self.agent, &self.cgroup) {
            (Some(agent), _) => Stay::with_agent(agent, &config)?,
            (None, Some(cgroup)) => Stay::in_directory(cgroup),
            (None, None) => bail!("neither an agent nor a cgroup was named"),
        };
        let ground = Ground::new(stay.directory(), &config, self.as_user, self.dress())?;
        let enforced = enforcer_status(&config.enforce.socket).ok().and_then(|status| status.level);
        let level = self.level(enforced);
        let findings = Runner::new(ground, self.whom())?.run(&attempts)?;
        self.print(level, &findings)?;
        let failed = findings.iter().any(|finding| finding.verdict.fails());
        Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }

    fn attempts(&self) -> anyhow::Result<Vec<&'static Attempt>> {
        if self.only.is_empty() {
            return Ok(escapes::all().collect());
        }
        let find = |name: &String| {
            let unknown = || anyhow::anyhow!("no escape attempt is called {name}");
            escapes::named(name).ok_or_else(unknown).help("see postern bypass-test --list")
        };
        self.only.iter().map(find).collect()
    }

    fn dress(&self) -> Dress {
        if self.confine { Dress::Confined } else { Dress::Plain }
    }

    /// Confinement makes up for the second layer.
    fn level(&self, enforced: Option<Level>) -> Option<Level> {
        match (enforced, self.dress()) {
            (Some(Level::Cgroup), Dress::Confined) => Some(Level::Unit),
            (level, Dress::Confined | Dress::Plain) => level,
        }
    }

    fn whom(&self) -> &'static [Who] {
        if self.as_root { &[Who::User, Who::Root] } else { &[Who::User] }
    }

    fn print(&self, level: Option<Level>, findings: &[Finding]) -> anyhow::Result<()> {
        if self.json {
            let report = Report { kernel: kernel::release(), level, findings };
            println!("{}", serde_json::to_string_pretty(&report)?);
            return Ok(());
        }
        for finding in findings {
            let Finding { name, who, outcome, verdict, .. } = finding;
            println!("{name:<28} {who:<4}  {verdict:<9} {outcome}");
        }
        println!();
        println!("{}", summary(level, findings));
        Ok(())
    }
}

/// How many of each, worst first.
fn summary(level: Option<Level>, findings: &[Finding]) -> String {
    let count = |wanted: Verdict| findings.iter().filter(|finding| finding.verdict == wanted).count();
    let level = level.map_or("no enforcement was found".to_owned(), |level| format!("level {level}"));
    format!(
        "{} open, {} broken, {} unclear; {} closed, {} work, {} residual, {} not possible here; {level}, kernel {}",
        count(Verdict::Open),
        count(Verdict::Broken),
        count(Verdict::Unclear),
        count(Verdict::Closed),
        count(Verdict::Works),
        count(Verdict::Residual),
        count(Verdict::Untried),
        kernel::release(),
    )
}

/// One attempt as one user, and what should become of it at each level.
#[derive(Serialize)]
struct Row {
    name: &'static str,
    vector: &'static str,
    #[serde(rename = "as")]
    who: Who,
    goal: escapes::Goal,
    closed_by: &'static [escapes::Closer],
    bare: escapes::Bare,
    cgroup: Expectation,
    unit: Expectation,
    full: Expectation,
}

fn list(attempts: &[&'static Attempt], json: bool) -> anyhow::Result<ExitCode> {
    let release = kernel::version(&kernel::release()).unwrap_or_default();
    let row = |attempt: &&'static Attempt, who| Row {
        name: attempt.name,
        vector: attempt.vector,
        who,
        goal: attempt.goal,
        closed_by: attempt.closed_by,
        bare: attempt.bare,
        cgroup: attempt.expectation(who, Level::Cgroup, release),
        unit: attempt.expectation(who, Level::Unit, release),
        full: attempt.expectation(who, Level::Full, release),
    };
    let rows: Vec<Row> =
        attempts.iter().flat_map(|attempt| [Who::User, Who::Root].map(|who| row(attempt, who))).collect();
    if json {
        println!("{}", serde_json::to_string_pretty(&rows)?);
        return Ok(ExitCode::SUCCESS);
    }
    println!("{:<28} {:<4}  {:<9} {:<9} {:<9} WHAT IT TRIES", "ATTEMPT", "AS", "CGROUP", "UNIT", "FULL");
    for Row { name, who, cgroup, unit, full, vector, .. } in rows {
        println!("{name:<28} {who:<4}  {cgroup:<9} {unit:<9} {full:<9} {vector}");
    }
    Ok(ExitCode::SUCCESS)
}
