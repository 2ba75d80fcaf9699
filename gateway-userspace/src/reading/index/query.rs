//! What is asked of the index.

use rusqlite::types::Value;
use rusqlite::{Row, params_from_iter};
use serde::Serialize;

use super::Index;

/// Which sessions are meant. Everything that is given has to hold.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub agent: Option<String>,
    pub person: Option<String>,
    pub target: Option<String>,
    pub verdict: Option<String>,
    pub table: Option<String>,
    pub rule: Option<String>,
    pub text: Option<String>,
    /// Milliseconds since 1970.
    pub since: Option<i64>,
    pub until: Option<i64>,
}

/// A session in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Found {
    pub session: String,
    pub agent: String,
    pub person: Option<String>,
    pub target: String,
    pub process: String,
    /// Milliseconds since 1970.
    pub began: i64,
    pub latest: i64,
    pub sealed: bool,
    /// Its file was deleted; the seal is left.
    pub removed: bool,
    pub allowed: i64,
    pub denied: i64,
    pub held: i64,
    pub failed: i64,
    pub rows: i64,
    pub bytes: i64,
}

/// Commands that have something in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Grouped {
    pub name: String,
    pub outcomes: Vec<Counted>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Counted {
    pub outcome: String,
    pub times: i64,
}

impl Filter {
    /// The conditions and what stands in them.
    fn conditions(&self) -> (String, Vec<Value>) {
        let mut conditions: Vec<&str> = Vec::new();
        let mut values: Vec<Value> = Vec::new();
        let mut add = |condition, value: Option<Value>| {
            if let Some(value) = value {
                conditions.push(condition);
                values.push(value);
            }
        };
        let text = |text: &Option<String>| text.clone().map(Value::Text);
        add("agent = ?", text(&self.agent));
        add("person = ?", text(&self.person));
        add("target = ?", text(&self.target));
        add("latest >= ?", self.since.map(Value::Integer));
        add("began <= ?", self.until.map(Value::Integer));
        add("number IN (SELECT session FROM rules WHERE rule = ?)", text(&self.rule));
        // Named with its schema or without.
        add(
            "number IN (SELECT session FROM tables, (SELECT ? AS wanted)
                WHERE name = wanted OR name LIKE '%.' || replace(wanted, '_', '\\_') ESCAPE '\\')",
            text(&self.table),
        );
        add(
            "number IN (SELECT session FROM spoken WHERE text IN
                (SELECT number FROM texts WHERE instr(lower(text), lower(?)) > 0))",
            text(&self.text),
        );
        match self.verdict.as_deref() {
            Some("denied") => conditions.push("denied > 0"),
            Some("allowed") => conditions.push("allowed > 0"),
            Some("held") => conditions.push("held > 0"),
            Some("failed") => conditions.push("failed > 0"),
            Some(_) | None => (),
        }
        let all = if conditions.is_empty() { "true".to_owned() } else { conditions.join(" AND ") };
        (all, values)
    }
}

impl Index {
    /// The newest first.
    pub fn find(&self, filter: &Filter, most: u32) -> anyhow::Result<Vec<Found>> {
        let (conditions, mut values) = filter.conditions();
        values.push(Value::Integer(i64::from(most)));
        let query = format!(
            "SELECT session, agent, person, target, process, began, latest, sealed, removed,
                 allowed, denied, held, failed, rows, bytes
             FROM sessions WHERE {conditions} ORDER BY began DESC, number DESC LIMIT ?"
        );
        let mut statement = self.database.prepare(&query)?;
        let found = statement.query_map(params_from_iter(values), found)?;
        Ok(found.collect::<rusqlite::Result<_>>()?)
    }

    /// How many there are in all.
    pub fn count(&self, filter: &Filter) -> anyhow::Result<u64> {
        let (conditions, values) = filter.conditions();
        let query = format!("SELECT count(*) FROM sessions WHERE {conditions}");
        let count: i64 = self.database.query_row(&query, params_from_iter(values), |row| row.get(0))?;
        Ok(count.unsigned_abs())
    }

    /// Commands by agent, target or hour.
    pub fn grouped(&self, by: &str, filter: &Filter) -> anyhow::Result<Vec<Grouped>> {
        let column = match by {
            "agent" => "agent",
            "target" => "target",
            _ => "strftime('%Y-%m-%dT%H:00Z', hour / 1000, 'unixepoch')",
        };
        let query = format!(
            "SELECT {column} AS name, outcome, sum(times) FROM hours
             WHERE hour >= ?1 AND hour <= ?2 AND (?3 IS NULL OR agent = ?3) AND (?4 IS NULL OR target = ?4)
             GROUP BY name, outcome ORDER BY name, outcome"
        );
        let since = filter.since.map_or(i64::MIN, |since| since - since.rem_euclid(3_600_000));
        let values = rusqlite::params![since, filter.until.unwrap_or(i64::MAX), filter.agent, filter.target];
        let mut statement = self.database.prepare(&query)?;
        let rows = statement.query_map(values, |row| {
            Ok((row.get::<_, String>(0)?, Counted { outcome: row.get(1)?, times: row.get(2)? }))
        })?;
        gathered(rows)
    }

    /// Commands by the rules that decided them.
    pub fn by_rule(&self, filter: &Filter) -> anyhow::Result<Vec<Grouped>> {
        let (conditions, values) = filter.conditions();
        let query = format!(
            "SELECT rule, outcome, sum(times) FROM rules
             WHERE session IN (SELECT number FROM sessions WHERE {conditions})
             GROUP BY rule, outcome ORDER BY rule, outcome"
        );
        let mut statement = self.database.prepare(&query)?;
        let rows = statement.query_map(params_from_iter(values), |row| {
            Ok((row.get::<_, String>(0)?, Counted { outcome: row.get(1)?, times: row.get(2)? }))
        })?;
        gathered(rows)
    }
}

fn gathered(rows: impl Iterator<Item = rusqlite::Result<(String, Counted)>>) -> anyhow::Result<Vec<Grouped>> {
    let mut groups: Vec<Grouped> = Vec::new();
    for row in rows {
        let (name, counted) = row?;
        match groups.last_mut().filter(|group| group.name == name) {
            Some(group) => group.outcomes.push(counted),
            None => groups.push(Grouped { name, outcomes: vec![counted] }),
        }
    }
    Ok(groups)
}

fn found(row: &Row<'_>) -> rusqlite::Result<Found> {
    Ok(Found {
        session: row.get(0)?,
        agent: row.get(1)?,
        person: row.get(2)?,
        target: row.get(3)?,
        process: row.get(4)?,
        began: row.get(5)?,
        latest: row.get(6)?,
        sealed: row.get(7)?,
        removed: row.get(8)?,
        allowed: row.get(9)?,
        denied: row.get(10)?,
        held: row.get(11)?,
        failed: row.get(12)?,
        rows: row.get(13)?,
        bytes: row.get(14)?,
    })
}
