//! The commands that records tell of, put together by what they have in common. How records are stored is known here and
//! to nobody else of `postern policy`.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, bail};
use gateway_audit::chain::Record;
use gateway_audit::event::Event;
use gateway_audit::layout;
use gateway_audit::reader::Records;
use gateway_audit::session::{CommandJudged, Stage, Verdict};

use super::court::{Acting, Outcome, Subject};
use crate::audit;

/// Which commands are wanted.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    pub agent: Option<String>,
    pub since: Option<Duration>,
}

/// What was found: each text once for each subject and answer.
#[derive(Debug, Default)]
pub struct Commands {
    pub commands: Vec<Recorded>,
    pub sessions: usize,
}

/// The same text of the same agent at the same place, with the same answer.
#[derive(Debug, Clone)]
pub struct Recorded {
    pub subject: Subject,
    pub text: String,
    pub outcome: Outcome,
    pub count: u64,
}

/// Reads records from these files and folders, all of which must be there.
pub fn read(paths: &[PathBuf], wanted: &Wanted) -> anyhow::Result<Commands> {
    let since = wanted.since.and_then(|age| SystemTime::now().checked_sub(age)).map(audit::timestamp);
    let mut gathering = Gathering { agent: wanted.agent.clone(), since, ..Gathering::default() };
    for path in paths {
        for file in files(path)? {
            gathering.add_file(&file)?;
        }
    }
    Ok(gathering.finish())
}

/// A folder stands for the files of sessions in it.
fn files(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let cannot = || format!("cannot read records at {}", path.display());
    if !fs::metadata(path).with_context(cannot)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let files = layout::session_files(path).with_context(cannot)?;
    if files.is_empty() {
        bail!("there are no records in {}", path.display());
    }
    Ok(files)
}

#[derive(Debug, Default)]
struct Gathering {
    agent: Option<String>,
    since: Option<String>,
    /// The databases of sessions and for whom they were, by the names of the sessions.
    opened: HashMap<String, (String, Option<Acting>)>,
    /// Sessions of which a command counts.
    seen: HashSet<String>,
    counts: BTreeMap<(Subject, String, Outcome), u64>,
}

impl Gathering {
    fn add_file(&mut self, path: &Path) -> anyhow::Result<()> {
        for record in Records::open(path)? {
            self.add(record?);
        }
        Ok(())
    }

    fn add(&mut self, record: Record) {
        match record.event {
            Event::SessionOpened(opened) => {
                let person = opened.person.map(|one| Acting { subject: one.subject, groups: one.groups });
                self.opened.insert(opened.of.session, (opened.database, person));
            }
            Event::Command(judged) if self.wants(&record.at, &judged) => self.count(judged),
            _ => (),
        }
    }

    /// A command that was prepared and allowed is counted when it runs.
    fn wants(&self, at: &str, judged: &CommandJudged) -> bool {
        let counts = match (judged.stage, &judged.verdict) {
            (Stage::Run, _) | (Stage::Prepare, Verdict::Denied(_)) => true,
            (Stage::Prepare, Verdict::Allowed { .. }) => false,
        };
        counts
            && self.agent.as_ref().is_none_or(|agent| *agent == judged.of.agent)
            && self.since.as_ref().is_none_or(|since| at >= since.as_str())
    }

    fn count(&mut self, judged: CommandJudged) {
        let CommandJudged { of, text, verdict, .. } = judged;
        // A session whose opening is not in these records could be at any database: only rules for all are sure.
        let (database, person) = self.opened.get(&of.session).cloned().unwrap_or_default();
        let outcome = match verdict {
            Verdict::Allowed { observed: None, .. } => Outcome::Allowed,
            Verdict::Allowed { observed: Some(denial), .. } => Outcome::Observed(denial.message),
            Verdict::Denied(denial) => Outcome::Denied(denial.message),
        };
        self.seen.insert(of.session);
        let subject = Subject { agent: of.agent, person, target: of.target, database };
        *self.counts.entry((subject, text, outcome)).or_default() += 1;
    }

    fn finish(self) -> Commands {
        let counted = self.counts.into_iter();
        let commands =
            counted.map(|((subject, text, outcome), count)| Recorded { subject, text, outcome, count });
        Commands { commands: commands.collect(), sessions: self.seen.len() }
    }
}
