//! What of access outlives the gateway: leases that last, and locks.

use gateway_audit::control::Asker;
use rusqlite::types::Type;
use rusqlite::{Error, Row, Transaction};

use super::lease::{Lease, Until};
use super::locks::Lock;
use super::scope::Scope;
use crate::state::Part;
use crate::sys::clock::Clock;

pub const PART: Part = Part {
    name: "access",
    steps: &["create table leases (
        id text primary key,
        agent text not null,
        person text,
        target text not null,
        database text,
        purpose text,
        given integer not null,
        until integer,
        sessions integer,
        rules text not null,
        by text,
        recorded integer not null default 0
    ) strict;
    create table locks (
        sort text not null,
        name text not null,
        since integer not null,
        why text,
        by text not null,
        primary key (sort, name)
    ) strict;"],
};

/// A lease as it was written. Its end by this host's time is yet to be found.
#[derive(Debug)]
pub struct Kept {
    lease: Lease,
    until: Option<u64>,
}

impl Kept {
    pub fn lease(self, clock: &dyn Clock) -> Lease {
        Lease { until: self.until.map(|wall| Until::new(wall, clock)), ..self.lease }
    }
}

/// A lease whose record was not written was never given.
pub fn load(file: &Transaction<'_>) -> rusqlite::Result<(Vec<Kept>, Vec<Lock>)> {
    file.execute("delete from leases where recorded = 0", ())?;
    let columns =
        "select id, agent, person, target, database, purpose, given, until, sessions, rules, by from leases";
    let leases = file.prepare(columns)?.query_map((), kept)?.collect::<Result<_, _>>()?;
    let columns = "select sort, name, since, why, by from locks order by sort, name";
    let locks = file.prepare(columns)?.query_map((), lock)?.collect::<Result<_, _>>()?;
    Ok((leases, locks))
}

pub fn add(file: &Transaction<'_>, lease: &Lease) -> rusqlite::Result<()> {
    let insert = "insert into leases (id, agent, person, target, database, purpose, given, until, sessions, rules, by) \
        values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
    let until = lease.until.map(|until| integer(until.wall));
    let by = lease.by.as_ref().map(json).transpose()?;
    let Lease { id, agent, person, target, database, purpose, given, sessions, .. } = lease;
    let rules = json(&lease.rules)?;
    let values = rusqlite::params![
        id,
        agent,
        person,
        target,
        database,
        purpose,
        integer(*given),
        until,
        sessions,
        rules,
        by
    ];
    file.execute(insert, values).map(drop)
}

/// From here on it is given, also to a later gateway.
pub fn recorded(file: &Transaction<'_>, id: &str) -> rusqlite::Result<usize> {
    file.execute("update leases set recorded = 1 where id = ?1", [id])
}

/// Returns how many leases there are of that name.
pub fn move_end(file: &Transaction<'_>, id: &str, until: u64) -> rusqlite::Result<usize> {
    file.execute("update leases set until = ?2 where id = ?1", (id, integer(until)))
}

pub fn remove(file: &Transaction<'_>, ids: &[String]) -> rusqlite::Result<()> {
    for id in ids {
        file.execute("delete from leases where id = ?1", [id])?;
    }
    Ok(())
}

pub fn add_lock(file: &Transaction<'_>, lock: &Lock) -> rusqlite::Result<()> {
    let (sort, name) = lock.scope.parts();
    let insert = "insert or replace into locks (sort, name, since, why, by) values (?1, ?2, ?3, ?4, ?5)";
    file.execute(insert, (sort, name, integer(lock.since), &lock.why, json(&lock.by)?)).map(drop)
}

pub fn remove_lock(file: &Transaction<'_>, scope: &Scope) -> rusqlite::Result<()> {
    file.execute("delete from locks where sort = ?1 and name = ?2", scope.parts()).map(drop)
}

fn kept(row: &Row<'_>) -> rusqlite::Result<Kept> {
    let by: Option<String> = row.get(10)?;
    let lease = Lease {
        id: row.get(0)?,
        agent: row.get(1)?,
        person: row.get(2)?,
        target: row.get(3)?,
        database: row.get(4)?,
        purpose: row.get(5)?,
        given: number(row.get(6)?),
        until: None,
        sessions: row.get(8)?,
        rules: of_json(9, &row.get::<_, String>(9)?)?,
        by: by.map(|text| of_json::<Asker>(10, &text)).transpose()?,
    };
    Ok(Kept { lease, until: row.get::<_, Option<i64>>(7)?.map(number) })
}

fn lock(row: &Row<'_>) -> rusqlite::Result<Lock> {
    let sort: String = row.get(0)?;
    let unknown = || Error::FromSqlConversionFailure(0, Type::Text, "no sort of lock".into());
    Ok(Lock {
        scope: Scope::from_parts(&sort, row.get(1)?).ok_or_else(unknown)?,
        since: number(row.get(2)?),
        why: row.get(3)?,
        by: of_json(4, &row.get::<_, String>(4)?)?,
    })
}

fn json(value: &impl serde::Serialize) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(|error| Error::ToSqlConversionFailure(Box::new(error)))
}

fn of_json<T: serde::de::DeserializeOwned>(column: usize, text: &str) -> rusqlite::Result<T> {
    serde_json::from_str(text)
        .map_err(|error| Error::FromSqlConversionFailure(column, Type::Text, Box::new(error)))
}

/// SQLite's numbers have a sign.
fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn number(integer: i64) -> u64 {
    u64::try_from(integer).unwrap_or_default()
}
