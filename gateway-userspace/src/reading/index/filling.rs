//! From records to what is remembered of their sessions.

use std::collections::{BTreeMap, BTreeSet};

use gateway_audit::event::Event;
use gateway_audit::gist::{Area, Gist, Outcome};
use gateway_audit::moment;
use gateway_policy::command::State;
use gateway_policy::facts::{Effect, On, Schema};
use gateway_sql::Catalogue;
use rusqlite::{Transaction, params};

use crate::reading::follow::Entry;

const HOUR_MS: i64 = 3_600_000;

/// What a batch of records adds to a session.
#[derive(Debug, Default)]
struct Added<'a> {
    agent: &'a str,
    person: Option<&'a str>,
    target: &'a str,
    process: Option<String>,
    began: Option<i64>,
    latest: i64,
    outcomes: BTreeMap<&'static str, i64>,
    rows: i64,
    bytes: i64,
    sealed: bool,
    removed: bool,
    rules: BTreeMap<(&'a str, &'static str), i64>,
    texts: BTreeSet<&'a str>,
}

pub fn fill(transaction: &Transaction<'_>, entries: &[Entry]) -> rusqlite::Result<()> {
    let mut sessions: BTreeMap<&str, Added<'_>> = BTreeMap::new();
    let mut hours: BTreeMap<(i64, &str, &str, &'static str), i64> = BTreeMap::new();
    for record in entries.iter().filter_map(|entry| entry.record.as_ref()) {
        let gist = Gist::of(&record.event);
        let Some(session) = gist.session else { continue };
        let at = moment::unix_millis(&record.at).unwrap_or_default();
        let added = sessions.entry(session).or_default();
        added.add(&record.event, &gist, at);
        if let (Area::Command, Some(_), Some(agent), Some(target)) =
            (gist.area, gist.statement, gist.agent, gist.target)
        {
            let hour = at / HOUR_MS * HOUR_MS;
            *hours.entry((hour, agent, target, gist.outcome.name())).or_default() += 1;
        }
    }
    for (session, added) in &sessions {
        added.write(transaction, session)?;
    }
    let mut statement = transaction.prepare_cached(
        "INSERT INTO hours VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT DO UPDATE SET times = times + excluded.times",
    )?;
    for ((hour, agent, target, outcome), times) in &hours {
        statement.execute(params![hour, agent, target, outcome, times])?;
    }
    Ok(())
}

impl<'a> Added<'a> {
    fn add(&mut self, event: &'a Event, gist: &Gist<'a>, at: i64) {
        self.began.get_or_insert(at);
        self.latest = self.latest.max(at);
        self.agent = gist.agent.unwrap_or(self.agent);
        self.target = gist.target.unwrap_or(self.target);
        self.person = gist.person.or(self.person);
        match event {
            Event::SessionOpened(opened) => {
                self.process = Some(format!("{}[{}]", opened.who.comm, opened.who.pid));
            }
            Event::SessionSealed(_) => self.sealed = true,
            Event::SessionRemoved(_) => self.removed = true,
            _ => (),
        }
        if let Some(text) = gist.statement {
            self.texts.insert(text);
            *self.outcomes.entry(gist.outcome.name()).or_default() += 1;
        } else if gist.area == Area::Command && gist.outcome == Outcome::Failed {
            *self.outcomes.entry(Outcome::Failed.name()).or_default() += 1;
        }
        for rule in &gist.rules {
            *self.rules.entry((rule, gist.outcome.name())).or_default() += 1;
        }
        if gist.area == Area::Command {
            self.rows += i64::try_from(gist.rows.unwrap_or_default()).unwrap_or(i64::MAX);
            self.bytes += i64::try_from(gist.received_bytes.unwrap_or_default()).unwrap_or(i64::MAX);
        }
    }

    fn write(&self, transaction: &Transaction<'_>, session: &str) -> rusqlite::Result<()> {
        let outcome = |outcome: Outcome| self.outcomes.get(outcome.name()).copied().unwrap_or_default();
        let mut statement = transaction.prepare_cached(
            "INSERT INTO sessions (session, agent, person, target, process, began, latest, sealed, removed,
                 allowed, denied, held, failed, rows, bytes)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)
             ON CONFLICT (session) DO UPDATE SET
                 agent = iif(excluded.agent = '', agent, excluded.agent),
                 target = iif(excluded.target = '', target, excluded.target),
                 person = coalesce(excluded.person, person),
                 process = iif(excluded.process = '', process, excluded.process),
                 latest = max(latest, excluded.latest), sealed = max(sealed, excluded.sealed),
                 removed = max(removed, excluded.removed), allowed = allowed + excluded.allowed,
                 denied = denied + excluded.denied, held = held + excluded.held, failed = failed + excluded.failed,
                 rows = rows + excluded.rows, bytes = bytes + excluded.bytes
             RETURNING number",
        )?;
        let number: i64 = statement.query_row(
            params![
                session,
                self.agent,
                self.person,
                self.target,
                self.process.as_deref().unwrap_or_default(),
                self.began.unwrap_or_default(),
                self.latest,
                self.sealed,
                self.removed,
                outcome(Outcome::Allowed),
                outcome(Outcome::Denied),
                outcome(Outcome::Waiting),
                outcome(Outcome::Failed),
                self.rows,
                self.bytes,
            ],
            |row| row.get(0),
        )?;
        self.write_rules(transaction, number)?;
        self.write_texts(transaction, number)
    }

    fn write_rules(&self, transaction: &Transaction<'_>, session: i64) -> rusqlite::Result<()> {
        let mut statement = transaction.prepare_cached(
            "INSERT INTO rules (session, rule, outcome, times) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET times = times + excluded.times",
        )?;
        for ((rule, outcome), times) in &self.rules {
            statement.execute(params![session, rule, outcome, times])?;
        }
        Ok(())
    }

    fn write_texts(&self, transaction: &Transaction<'_>, session: i64) -> rusqlite::Result<()> {
        let mut known = transaction.prepare_cached("SELECT number FROM texts WHERE text = ?1")?;
        let mut add = transaction.prepare_cached("INSERT INTO texts (text) VALUES (?1)")?;
        let mut spoken = transaction.prepare_cached("INSERT OR IGNORE INTO spoken VALUES (?1, ?2)")?;
        let mut named = transaction.prepare_cached("INSERT OR IGNORE INTO tables VALUES (?1, ?2)")?;
        for text in &self.texts {
            let number: i64 = match known.query_row([text], |row| row.get(0)) {
                Err(rusqlite::Error::QueryReturnedNoRows) => {
                    add.execute([text])?;
                    transaction.last_insert_rowid()
                }
                number => number?,
            };
            spoken.execute([number, session])?;
            for table in tables(text) {
                named.execute(params![table, session])?;
            }
        }
        Ok(())
    }
}

/// The tables that a statement names, as it is read in a session that has just begun.
pub fn tables(text: &str) -> BTreeSet<String> {
    let facts = gateway_sql::read(text, &State::default(), &Catalogue::absent());
    let effects = facts.statements.iter().flat_map(|statement| &statement.effects);
    effects.filter_map(table_of).collect()
}

fn table_of(effect: &Effect) -> Option<String> {
    let (On::Relation(name) | On::Object(_, name)) = &effect.on else { return None };
    Some(match &name.schema {
        Schema::Known(schema) => format!("{schema}.{}", name.name),
        Schema::Unresolved | Schema::None => name.name.clone(),
    })
}
