//! Where requests are kept: one row each, in the state of the gateway.

use rusqlite::{Transaction, params};

use super::request::Request;
use crate::state::Part;

/// Rows that are kept. Records have all of them.
const KEPT: u32 = 10_000;

pub const PART: Part = Part {
    name: "approvals",
    steps: &[
        "create table approvals (id text primary key, asked integer not null, body text not null) strict",
    ],
};

pub fn put(file: &Transaction<'_>, request: &Request) -> rusqlite::Result<()> {
    let body = serde_json::to_string(request)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    let asked = i64::try_from(request.asked_ms).unwrap_or(i64::MAX);
    file.execute(
        "insert into approvals values (?1, ?2, ?3) on conflict (id) do update set body = excluded.body",
        params![request.id, asked, body],
    )?;
    file.execute(
        "delete from approvals where asked < (select asked from approvals order by asked desc limit 1 offset ?1)",
        [KEPT],
    )?;
    Ok(())
}

pub fn all(file: &Transaction<'_>) -> rusqlite::Result<Vec<Request>> {
    let mut statement = file.prepare("select body from approvals order by asked")?;
    let bodies = statement.query_map((), |row| row.get::<_, String>(0))?;
    let mut requests = Vec::new();
    for body in bodies {
        let read = serde_json::from_str(&body?);
        requests.push(read.map_err(|error| {
            rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, error.into())
        })?);
    }
    Ok(requests)
}
