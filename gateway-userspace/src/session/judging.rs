//! How the commands of sessions are judged: by the rules in force, each text once.
//!
//! [`Judges`] holds the rules for all sessions, a [`Judge`] belongs to one. What was found about a text is kept and
//! shared by all sessions of the same agent at the same database, as long as it would be read in the same way.

mod access;
mod ground;
mod known;
mod reading;
mod replication;
mod sql;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use gateway_policy::command::{Command, Stage, State};
use gateway_policy::explain::Explanation;
use gateway_policy::facts::{Aftermath, Facts, Reason};
use gateway_policy::judge::{Denial, Durability, Judgement, Lasting, Obligations, Permit, Settings, Verdict};
use gateway_policy::person::Person;
use gateway_policy::policy::{Jurisdiction, Policy};
use gateway_policy::rule;
use gateway_policy::when::Circumstances;
use gateway_sql::Catalogue;

use crate::config::{Config, Judging};
use crate::identity::Identity;
use crate::session::bounds::{Gauge, Gauges, Place};
use access::Access;
pub use ground::Ground;
use known::{Found, Known};
use reading::Reading;
pub use sql::Sql;

/// How many subjects have a memory of their own. Beyond that sessions share theirs with nobody: the name of a
/// database is the agent's to choose.
const CHAMBERS: usize = 1024;
/// In how many ways of reading the texts of one subject are kept.
const SHELVES: usize = 16;

/// Finds out what a text does.
pub trait Reader: Send + Sync {
    fn read(&self, text: &str, state: &State, catalogue: &Catalogue) -> Facts;
}

/// Who is judged, and where.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Subject {
    pub agent: String,
    /// Two people share no verdict, and neither does one whose groups have changed.
    pub person: Option<Arc<Person>>,
    pub target: String,
    pub database: String,
}

/// The rules in force.
pub struct Judges {
    code: RwLock<Arc<Code>>,
    /// The number of the code, to be asked before each command.
    edition: AtomicU64,
    reader: Box<dyn Reader>,
    gauges: Gauges,
    /// By agent, the commands that would have been denied, had it not only been observed.
    would_deny: Mutex<BTreeMap<String, u64>>,
}

impl fmt::Debug for Judges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Judges").field("edition", &self.edition).finish_non_exhaustive()
    }
}

/// One configuration's rules, whole.
#[derive(Debug)]
struct Code {
    edition: u64,
    policy: Policy,
    unjudged: Vec<String>,
    chambers: Mutex<HashMap<Subject, Arc<Chamber>>>,
}

impl Judges {
    pub fn new(config: &Config, reader: Box<dyn Reader>) -> Arc<Self> {
        let code = RwLock::new(Arc::new(Code::of(config, 0)));
        Arc::new(Self {
            code,
            edition: AtomicU64::new(0),
            reader,
            gauges: Gauges::default(),
            would_deny: Mutex::default(),
        })
    }

    /// From now on other rules hold, for the next command of every session.
    pub fn replace(&self, config: &Config) {
        let mut code = self.code.write().unwrap_or_else(PoisonError::into_inner);
        let edition = code.edition + 1;
        *code = Arc::new(Code::of(config, edition));
        self.edition.store(edition, Ordering::Release);
    }

    /// The judge of one session.
    pub fn judge(self: &Arc<Self>, subject: Subject, ground: Ground) -> Judge {
        let (edition, chamber) = self.chamber(&subject);
        let gauge = self.gauges.of(&subject.agent, &subject.target);
        let reading = Reading::of(&State::default(), Aftermath::Nothing, &ground);
        let shelf = chamber.shelf(&reading);
        Judge {
            judges: Arc::clone(self),
            subject,
            ground,
            edition,
            chamber,
            reading,
            shelf,
            worst: Aftermath::Nothing,
            access: Access::default(),
            purpose: None,
            gauge,
            place: None,
            language: Language::Sql,
            held: None,
            acting: None,
        }
    }

    /// By agent, how many commands would have been denied, had it not only been observed.
    pub fn would_deny(&self) -> BTreeMap<String, u64> {
        self.would_deny.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn observed(&self, agent: &str) {
        let mut counts = self.would_deny.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(agent.to_owned()).or_default() += 1;
    }

    fn chamber(&self, subject: &Subject) -> (u64, Arc<Chamber>) {
        let code = Arc::clone(&self.code.read().unwrap_or_else(PoisonError::into_inner));
        (code.edition, code.chamber(subject))
    }
}

impl Code {
    fn of(config: &Config, edition: u64) -> Self {
        let off = config.postgres.iter().filter(|(_, keys)| keys.judging == Judging::Off);
        let unjudged = off.map(|(name, _)| name.clone()).collect();
        Self { edition, policy: config.policy(), unjudged, chambers: Mutex::default() }
    }

    fn chamber(&self, subject: &Subject) -> Arc<Chamber> {
        let mut chambers = self.chambers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(chamber) = chambers.get(subject) {
            return Arc::clone(chamber);
        }
        let chamber = Arc::new(self.furnish(subject));
        if chambers.len() < CHAMBERS {
            chambers.insert(subject.clone(), Arc::clone(&chamber));
        }
        chamber
    }

    fn furnish(&self, subject: &Subject) -> Chamber {
        let Subject { agent, person, target, database } = subject;
        let person = person.as_deref();
        let jurisdiction = self.policy.over(&rule::Subject { agent, person, target, database });
        let rules = if self.unjudged.contains(target) {
            Rules::NotAsked
        } else {
            Rules::Asked(Box::new(jurisdiction))
        };
        Chamber { rules, shelves: Mutex::default() }
    }
}

/// What all sessions of one subject share.
#[derive(Debug)]
struct Chamber {
    rules: Rules,
    shelves: Mutex<Vec<(Reading, Shelf)>>,
}

#[derive(Debug)]
enum Rules {
    Asked(Box<Jurisdiction>),
    /// Commands are recorded and not judged.
    NotAsked,
}

/// What was found about texts that are read in the same way.
type Shelf = Arc<Mutex<Known>>;

impl Chamber {
    fn shelf(&self, reading: &Reading) -> Shelf {
        let mut shelves = self.shelves.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, shelf)) = shelves.iter().find(|(known, _)| known == reading) {
            return Arc::clone(shelf);
        }
        let shelf = Shelf::default();
        if shelves.len() >= SHELVES {
            shelves.remove(0);
        }
        shelves.push((reading.clone(), Arc::clone(&shelf)));
        shelf
    }
}

/// The judge of one session.
#[derive(Debug)]
pub struct Judge {
    judges: Arc<Judges>,
    subject: Subject,
    ground: Ground,
    edition: u64,
    chamber: Arc<Chamber>,
    reading: Reading,
    shelf: Shelf,
    /// What the session has done so far to how it is read.
    worst: Aftermath,
    /// Whether its transaction can write.
    access: Access,
    /// What the lease is for.
    purpose: Option<Box<str>>,
    gauge: Arc<Gauge>,
    /// Of the last command that may run, if only so many may at a time.
    place: Option<Place>,
    language: Language,
    /// What was found about the command that people are asked about.
    held: Option<Found>,
    /// For whom the agent acts may change while the session lasts.
    acting: Option<(Identity, u64)>,
}

/// What the target of a session takes commands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Language {
    Sql,
    /// Its own commands beside SQL, about which there are no rules.
    Replication,
}

impl Judge {
    /// For a session whose lease was asked for with a purpose.
    pub fn for_purpose(self, purpose: Option<String>) -> Self {
        Self { purpose: purpose.map(String::into_boxed_str), ..self }
    }

    /// For a connection that the target's configuration has opened to replication.
    pub fn of_replication(self) -> Self {
        Self { language: Language::Replication, ..self }
    }

    /// From now on it is asked before each command for whom the agent acts.
    pub fn acting_as(mut self, identity: &Identity) -> Self {
        let edition = identity.edition();
        self.subject.person = identity.person();
        self.acting = Some((identity.clone(), edition));
        self.sit_again();
        self
    }

    fn sit_again(&mut self) {
        (self.edition, self.chamber) = self.judges.chamber(&self.subject);
        self.shelf = self.chamber.shelf(&self.reading);
    }

    /// Whether something else holds than when the last command was judged.
    fn is_outdated(&mut self) -> bool {
        let mut outdated = self.judges.edition.load(Ordering::Acquire) != self.edition;
        if let Some((identity, seen)) = &mut self.acting {
            let edition = identity.edition();
            if edition != *seen {
                *seen = edition;
                self.subject.person = identity.person();
                outdated = true;
            }
        }
        outdated
    }

    pub fn judge(&mut self, command: &Command<'_>) -> Verdict {
        if self.is_outdated() {
            self.sit_again();
        }
        let Rules::Asked(jurisdiction) = &self.chamber.rules else {
            // Nobody has found out what it does.
            return durable(Judgement::unjudged().verdict());
        };
        if self.language == Language::Replication && replication::is_command(command.text) {
            return durable(Judgement::unjudged().verdict());
        }
        if !self.reading.is_of(command.state, self.worst, &self.ground) {
            self.reading = Reading::of(command.state, self.worst, &self.ground);
            self.shelf = self.chamber.shelf(&self.reading);
        }
        let kept = lock(&self.shelf).get(command.text);
        let found = match kept {
            Some(found) => self.once_more(jurisdiction, found, command.state),
            None => self.find(jurisdiction, command),
        };
        self.oblige(found, command)
    }

    fn find(&self, jurisdiction: &Jurisdiction, command: &Command<'_>) -> Found {
        let state = self.reading.state(command.state);
        let read = || self.judges.reader.read(command.text, &state, &self.ground.catalogue.catalogue());
        let mut facts = read();
        let mut misses = misses(&facts);
        if misses && self.ground.catalogue.look_again() {
            facts = read();
            misses = self::misses(&facts);
        }
        let judgement = jurisdiction.judge_under(&facts, &self.circumstances(command.state));
        let aftermath = facts.aftermath();
        let again = judgement.lasts() == Lasting::Once || Access::is_changed_by(&facts);
        let record = facts.durability();
        let found = Found { judgement, aftermath, record, facts: again.then(|| Arc::new(facts)) };
        // What is not there now may be there the next time.
        if !misses {
            lock(&self.shelf).keep(command.text, &found);
        }
        found
    }

    /// The place of the command that was judged last.
    pub fn place(&mut self) -> Option<Place> {
        self.place.take()
    }

    /// Judges again what holds for one command only.
    fn once_more(&self, jurisdiction: &Jurisdiction, found: Found, state: &State) -> Found {
        match &found.facts {
            Some(facts) if found.judgement.lasts() == Lasting::Once => {
                let judgement = jurisdiction.judge_under(facts, &self.circumstances(state));
                Found { judgement, ..found }
            }
            _ => found,
        }
    }

    fn circumstances(&self, state: &State) -> Circumstances<'_> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).ok().map(|since| since.as_secs());
        let access = self.access.of_next(state);
        Circumstances { now, transaction: Some(state.transaction), access, purpose: self.purpose.as_deref() }
    }

    fn oblige(&mut self, found: Found, command: &Command<'_>) -> Verdict {
        let record = Obligations { record: found.record, ..Obligations::default() };
        match (found.judgement.verdict(), command.stage) {
            (Verdict::Allow(permit), Stage::Run(_)) => match self.burden(permit, found, command) {
                Ok(permit) => Verdict::Allow(permit.obliged(record)),
                Err(denial) => Verdict::Deny(denial),
            },
            (Verdict::Allow(permit), Stage::Prepare) => Verdict::Allow(permit.obliged(record)),
            (Verdict::Hold(hold), Stage::Run(_)) => {
                self.held = Some(found);
                Verdict::Hold(hold)
            }
            (verdict, _) => verdict,
        }
    }

    /// People have let the command run that was found to be held.
    pub fn approved(&mut self, permit: Permit, command: &Command<'_>) -> Result<Permit, Denial> {
        let permit = permit.obliged(Obligations { record: Durability::Durable, ..Obligations::default() });
        match self.held.take() {
            Some(found) => self.burden(permit, found, command),
            None => Ok(permit.obliged(Obligations { settings: Settings::Changed, ..Obligations::default() })),
        }
    }

    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// What a command does, for people who are asked about it.
    pub fn explain(&self, command: &Command<'_>) -> Option<Explanation> {
        let Rules::Asked(jurisdiction) = &self.chamber.rules else { return None };
        let state = self.reading.state(command.state);
        let facts = self.judges.reader.read(command.text, &state, &self.ground.catalogue.catalogue());
        Some(jurisdiction.explain_under(&facts, &self.circumstances(command.state)))
    }

    /// Nothing more is judged until a command that may change how the next one is read has ended.
    fn burden(&mut self, permit: Permit, found: Found, command: &Command<'_>) -> Result<Permit, Denial> {
        if permit.observed().is_some() {
            self.judges.observed(&self.subject.agent);
        }
        if !permit.limits().is_none() {
            self.place = self.gauge.admit(permit.limits(), Instant::now())?;
        }
        if let Some(facts) = &found.facts {
            self.access.note(facts, command.state);
        }
        let changes = match found.aftermath {
            Aftermath::Nothing => false,
            // Where nothing was set, nothing goes back.
            Aftermath::UndoesSettings => self.worst > Aftermath::UndoesSettings,
            Aftermath::ChangesSettings | Aftermath::ChangesSearchPath => true,
        };
        self.worst = self.worst.max(found.aftermath);
        if !changes {
            return Ok(permit);
        }
        Ok(permit.obliged(Obligations { settings: Settings::Changed, ..Obligations::default() }))
    }
}

fn durable(verdict: Verdict) -> Verdict {
    match verdict {
        Verdict::Allow(permit) => Verdict::Allow(
            permit.obliged(Obligations { record: Durability::Durable, ..Obligations::default() }),
        ),
        Verdict::Hold(_) | Verdict::Deny(_) => verdict,
    }
}

/// Whether something is named that the catalogue does not have.
fn misses(facts: &Facts) -> bool {
    let of_statements = facts.statements.iter().flat_map(|statement| &statement.unknowns);
    facts.unknowns.iter().chain(of_statements).any(|unknown| unknown.reason == Reason::NotInCatalogue)
}

fn lock(shelf: &Shelf) -> std::sync::MutexGuard<'_, Known> {
    shelf.lock().unwrap_or_else(PoisonError::into_inner)
}
