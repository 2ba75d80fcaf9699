//! From the rows that a server answers to a catalogue.

use std::collections::HashMap;

use gateway_policy::facts::{Columns, Name, Schema};
use gateway_sql::Catalogue;
use gateway_sql::catalogue::{Relation, Routine, Type};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::session::postgres::upstream::Row;

/// What a server is asked.
pub const QUESTION: &str = include_str!("contents.sql");
/// A target with more is judged without a catalogue.
pub const MOST: usize = 200_000;

#[derive(Debug, Error)]
pub enum Unreadable {
    #[error("the target has more than {MOST} tables, functions and types")]
    TooMany,
    #[error("the target describes itself in a way that is not understood")]
    Odd,
}

/// Tells one set of rows from another.
pub type Digest = [u8; 32];

pub fn digest(rows: &[Row]) -> Digest {
    let mut digest = Sha256::new();
    for value in rows.iter().flatten() {
        let text = value.as_deref().unwrap_or_default();
        digest.update([u8::from(value.is_some())]);
        digest.update((text.len() as u64).to_le_bytes());
        digest.update(text);
    }
    digest.finalize().into()
}

/// Relations by schema and name, until it is known what the views among them read.
type Relations = HashMap<(String, String), Relation>;

pub fn catalogue(rows: Vec<Row>, version: u64) -> Result<Catalogue, Unreadable> {
    if rows.len() > MOST {
        return Err(Unreadable::TooMany);
    }
    let mut catalogue = Catalogue::read(version);
    let mut relations = Relations::new();
    for row in rows {
        add(&mut catalogue, &mut relations, row).ok_or(Unreadable::Odd)?;
    }
    for ((schema, name), relation) in relations {
        catalogue.add_relation(&schema, &name, relation);
    }
    Ok(catalogue)
}

/// `None` for a row that is not of the question's making.
fn add(catalogue: &mut Catalogue, relations: &mut Relations, row: Row) -> Option<()> {
    let [what, schema, name, first, second, third] = <[Option<String>; 6]>::try_from(row).ok()?;
    let (schema, name) = (schema?, name?);
    match what?.as_str() {
        "relation" => {
            let relation = relations.entry((schema, name)).or_default();
            relation.rewritten = flag(first.as_deref())?;
            relation.columns = second.map_or(Some(Vec::new()), |columns| list(&columns))?;
        }
        "base" => {
            let base = Name { schema: Schema::Known(first?), name: third? };
            let columns = second.map_or(Some(Columns::All), |columns| list(&columns).map(Columns::These))?;
            relations.entry((schema, name)).or_default().bases.push((base, columns));
        }
        "function" => {
            let (security_definer, vouched) = (flag(first.as_deref())?, flag(second.as_deref())?);
            catalogue.add_routine(&schema, &name, Routine { vouched, security_definer });
        }
        "operator" => catalogue.add_operator(&schema, &name),
        "type" => {
            let what = if flag(first.as_deref())? { Type::Plain } else { Type::Active };
            catalogue.add_type(&schema, &name, what);
        }
        _ => return None,
    }
    Some(())
}

fn flag(text: Option<&str>) -> Option<bool> {
    text?.parse().ok()
}

fn list(text: &str) -> Option<Vec<String>> {
    serde_json::from_str(text).ok()
}
