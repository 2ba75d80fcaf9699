//! `postern policy diff`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::ExitCode;

use gateway_policy::facts::{Kind, ObjectKind};
use gateway_policy::rule::Actions;
use serde_json::json;

use super::court::{Acting, Answer, Court, Subject};
use super::regions::{Names, Probe};
use crate::cli::Global;
use crate::config::Config;

/// Say what another configuration newly opens and closes, by agent, target and thing
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder with the old configuration
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// The folder with the new one
    #[arg(value_name = "NEW")]
    new: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Args {
    /// Exits with 1 if there is a difference.
    pub fn run(self, _global: &Global) -> anyhow::Result<ExitCode> {
        let (old, new) = (Config::load(&self.old)?, Config::load(&self.new)?);
        let (found, notes) = (differences(&old, &new), terms(&old, &new));
        if self.json {
            let all: Vec<_> = found.iter().map(Difference::machines).collect();
            println!("{:#}", json!({ "differences": all, "terms": notes }));
        } else {
            print!("{}", people(&found, &notes));
        }
        Ok(if found.is_empty() && notes.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// What becomes different for some actions on some things.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Difference {
    agent: String,
    target: String,
    /// For whom and at which databases, where that matters.
    only: Vec<String>,
    turn: Turn,
    things: Vec<String>,
    actions: Vec<String>,
}

/// From which answer to which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Turn(Answer, Answer);

impl Turn {
    const fn words(self) -> &'static str {
        match self {
            Self(Answer::Denied, Answer::Allowed) => "opens",
            Self(_, Answer::Denied) => "closes",
            Self(Answer::Held, Answer::Allowed) => "opens without asking people",
            Self(Answer::Denied, Answer::Held) => "opens, if people say yes,",
            Self(_, Answer::Held) => "asks people before",
            Self(Answer::Held, Answer::Observed) => "records as denied, and asks nobody before,",
            Self(Answer::Denied, Answer::Observed) => "opens, and records as denied,",
            Self(_, Answer::Observed) => "records as denied",
            Self(_, Answer::Allowed) => "no longer records as denied",
        }
    }
}

/// What turns at one database: how, for which things, which actions.
type Lines = Vec<(Turn, Vec<String>, Vec<String>)>;

/// Actions on things that turn, with their variants.
type Turned = BTreeMap<(Turn, String), Variants>;

/// Actions on one thing, each with its variants.
type Variants = BTreeMap<String, BTreeSet<String>>;

fn differences(old: &Config, new: &Config) -> Vec<Difference> {
    let names = Names::of(old.rules.iter().chain(&new.rules));
    let (old, new) = (at_all_times(old), at_all_times(new));
    let (before, after) = (Court::new(&old), Court::new(&new));
    let mut found = Vec::new();
    for (agent, target) in pairs(&old, &new) {
        let mut by_lines: BTreeMap<Lines, Vec<String>> = BTreeMap::new();
        for (shown, person, database) in places(&names) {
            let subject = Subject { agent: agent.clone(), person, target: target.clone(), database };
            let lines = at_one_place(&names, &subject, &before, &after);
            by_lines.entry(lines).or_default().push(shown);
        }
        if let Some(turn) = reach(&agent, &target, &before, &after) {
            found.push(Difference {
                agent: agent.clone(),
                target: target.clone(),
                only: Vec::new(),
                turn,
                things: vec!["the target".to_owned()],
                actions: vec!["connections".to_owned()],
            });
        }
        let everywhere = by_lines.len() == 1;
        for (lines, only) in by_lines {
            let only = if everywhere { Vec::new() } else { only };
            found.extend(lines.into_iter().map(|(turn, things, actions)| Difference {
                agent: agent.clone(),
                target: target.clone(),
                only: only.clone(),
                turn,
                things,
                actions,
            }));
        }
    }
    found
}

/// As if every `when` held: an expression cannot be tried out.
fn at_all_times(config: &Config) -> Config {
    let mut config = config.clone();
    config.rules.iter_mut().for_each(|rule| rule.when = None);
    config
}

/// What is compared by its text alone: when a rule holds, what bounds it, and who is asked.
fn terms(old: &Config, new: &Config) -> Vec<String> {
    let mut notes = Vec::new();
    for rule in &new.rules {
        let Some(before) = old.rules.iter().find(|before| before.name == rule.name) else {
            if rule.when.is_some() {
                notes.push(format!(
                    "rule {} is new, and holds only at times that are not compared here",
                    rule.name
                ));
            }
            continue;
        };
        let changed = [
            (before.when != rule.when, "when it holds"),
            (before.limits != rule.limits, "its limits"),
            (before.terms != rule.terms, "who is asked"),
        ];
        let words: Vec<&str> =
            changed.into_iter().filter_map(|(differs, what)| differs.then_some(what)).collect();
        if !words.is_empty() {
            notes.push(format!("rule {} changes {}", rule.name, words.join(", ")));
        }
    }
    notes
}

/// For whom and where, in words and as it is asked.
fn places(names: &Names) -> Vec<(String, Option<Acting>, String)> {
    let (people, databases) = (names.people(), names.databases());
    let (many_people, many_databases) = (people.len() > 1, databases.len() > 1);
    let all = people.iter().flat_map(|person| databases.iter().map(move |database| (person, database)));
    let words = |person: &str, database: &str| {
        let person = many_people.then(|| format!("for {person}"));
        let database = many_databases.then(|| format!("at database {database}"));
        person.into_iter().chain(database).collect::<Vec<_>>().join(" ")
    };
    all.map(|((shown, person), (database_shown, database))| {
        (words(shown, database_shown), person.clone(), database.clone())
    })
    .collect()
}

/// Whether the agent may connect at all, where that is different.
fn reach(agent: &str, target: &str, before: &Court<'_>, after: &Court<'_>) -> Option<Turn> {
    let answer = |court: &Court<'_>| match court.reaches(agent, target) {
        true => Answer::Allowed,
        false => Answer::Denied,
    };
    let turn = Turn(answer(before), answer(after));
    (turn.0 != turn.1).then_some(turn)
}

/// Every agent with every target that it may reach by one of them.
fn pairs(old: &Config, new: &Config) -> BTreeSet<(String, String)> {
    let of = |config: &Config| -> Vec<(String, String)> {
        let agents = config.agents.iter();
        let all = agents.flat_map(|(agent, keys)| keys.targets.iter().map(move |target| (agent, target)));
        all.map(|(agent, target)| (agent.clone(), target.clone())).collect()
    };
    of(old).into_iter().chain(of(new)).collect()
}

fn at_one_place(names: &Names, subject: &Subject, before: &Court<'_>, after: &Court<'_>) -> Lines {
    let mut variants: BTreeMap<String, Variants> = BTreeMap::new();
    let mut turned = Turned::new();
    if !before.asks(&subject.target) && !after.asks(&subject.target) {
        return Vec::new();
    }
    names.each(|Probe { thing, action, how, facts }| {
        variants.entry(thing.clone()).or_default().entry(action.clone()).or_default().insert(how.clone());
        let turn = Turn(before.judge(subject, &facts).answer(), after.judge(subject, &facts).answer());
        if turn.0 != turn.1 {
            turned.entry((turn, thing)).or_default().entry(action).or_default().insert(how);
        }
    });
    let mut things_by_actions: BTreeMap<(Turn, Vec<String>), Vec<String>> = BTreeMap::new();
    for ((turn, thing), actions) in turned {
        let words = variants.get(&thing).map(|asked| in_few_words(&actions, asked)).unwrap_or_default();
        things_by_actions.entry((turn, words)).or_default().push(thing);
    }
    things_by_actions.into_iter().map(|((turn, actions), things)| (turn, things, actions)).collect()
}

/// Groups of actions by the words of rules, as large as they are whole.
fn in_few_words(turned: &Variants, asked: &Variants) -> Vec<String> {
    let mut whole: BTreeSet<&str> = BTreeSet::new();
    let mut words = Vec::new();
    for (action, hows) in turned {
        if asked.get(action) == Some(hows) {
            whole.insert(action);
        } else {
            let hows: Vec<&str> = hows.iter().map(String::as_str).collect();
            words.push(format!("{action} ({})", hows.join(", ")));
        }
    }
    if whole.len() == asked.len() {
        return vec!["everything".to_owned()];
    }
    for group in
        ["read", "write", "ddl", "maintenance"].into_iter().chain(Kind::ALL.iter().map(|kind| kind.word()))
    {
        let members: Vec<&str> =
            asked.keys().map(String::as_str).filter(|action| means(group, action)).collect();
        if members.len() > 1 && members.iter().all(|member| whole.contains(member)) {
            whole.retain(|action| !members.contains(action));
            words.push(group.to_owned());
        }
    }
    words.extend(whole.into_iter().map(str::to_owned));
    words.sort();
    words
}

/// Whether a word of rules includes an action.
fn means(word: &str, action: &str) -> bool {
    let set = |word: &str| {
        let mut actions = Actions::default();
        actions.add(word).is_ok().then_some(actions)
    };
    let kind = ObjectKind::ALL
        .iter()
        .find_map(|object| action.strip_suffix(object.word())?.strip_suffix(' '))
        .unwrap_or(action);
    match (set(word), set(kind)) {
        (Some(mut group), Some(one)) => {
            let before = group.clone();
            group.merge(&one);
            group == before
        }
        _ => false,
    }
}

fn people(found: &[Difference], notes: &[String]) -> String {
    let mut lines = Vec::new();
    let mut above = String::new();
    for difference in found {
        let Difference { agent, target, only, turn, things, actions } = difference;
        let mut title = format!("agent {agent}, target {target}");
        if !only.is_empty() {
            title = format!("{title}, {}", only.join(", "));
        }
        if title != above {
            lines.push(title.clone());
            above = title;
        }
        lines.push(format!("    {} {} on {}", turn.words(), actions.join(", "), things.join(", ")));
    }
    lines.extend_from_slice(notes);
    if lines.is_empty() {
        lines.push("no difference".to_owned());
    }
    lines.join("\n") + "\n"
}

impl Difference {
    fn machines(&self) -> serde_json::Value {
        let Self { agent, target, only, turn, things, actions } = self;
        json!({
            "agent": agent, "target": target, "only": only, "change": turn.words(),
            "things": things, "actions": actions,
        })
    }
}

#[cfg(test)]
mod tests;
