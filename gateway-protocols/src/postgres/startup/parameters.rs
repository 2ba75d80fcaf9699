//! What stands in a StartupMessage: names and values, each ended by a zero, and a zero behind the last.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use super::{Malformed, Startup, Version};

/// Whether the connection is for replication, which is another language than SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replication {
    None,
    Physical,
    /// SQL can be spoken too.
    Logical,
}

pub(super) fn read(version: Version, body: &[u8]) -> Result<Startup, Malformed> {
    let mut pairs = pairs(body)?;
    let user = take(&mut pairs, "user").filter(|user| !user.is_empty()).ok_or(Malformed::Nobody)?;
    let database = take(&mut pairs, "database").filter(|database| !database.is_empty());
    let replication = replication(take(&mut pairs, "replication").as_deref())?;
    let (options, parameters): (Vec<_>, Vec<_>) =
        pairs.into_iter().partition(|(name, _)| name.starts_with("_pq_."));
    Ok(Startup {
        version,
        database: database.unwrap_or_else(|| user.clone()),
        user,
        replication,
        parameters,
        options: options.into_iter().map(|(name, _)| name).collect(),
    })
}

fn pairs(mut body: &[u8]) -> Result<Vec<(String, String)>, Malformed> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    loop {
        let name = text(&mut body)?;
        if name.is_empty() {
            return if body.is_empty() { Ok(pairs) } else { Err(Malformed::Parameters) };
        }
        // A server may take the first or the last of the two.
        if pairs.iter().any(|(known, _)| known == name) {
            return Err(Malformed::Twice);
        }
        pairs.push((name.to_owned(), text(&mut body)?.to_owned()));
    }
}

fn text<'a>(body: &mut &'a [u8]) -> Result<&'a str, Malformed> {
    let end = body.iter().position(|byte| *byte == 0).ok_or(Malformed::Parameters)?;
    let (text, rest) = body.split_at_checked(end).ok_or(Malformed::Parameters)?;
    *body = rest.get(1..).unwrap_or_default();
    core::str::from_utf8(text).map_err(|_| Malformed::Text)
}

fn take(pairs: &mut Vec<(String, String)>, name: &str) -> Option<String> {
    let at = pairs.iter().position(|(known, _)| known == name)?;
    Some(pairs.remove(at).1)
}

/// The words of PostgreSQL for yes and no. It takes their beginnings too; nobody writes them.
fn replication(value: Option<&str>) -> Result<Replication, Malformed> {
    let Some(value) = value else { return Ok(Replication::None) };
    let is = |words: &[&str]| words.iter().any(|word| value.eq_ignore_ascii_case(word));
    if value == "database" {
        Ok(Replication::Logical)
    } else if is(&["true", "on", "yes", "1"]) {
        Ok(Replication::Physical)
    } else if is(&["false", "off", "no", "0"]) {
        Ok(Replication::None)
    } else {
        Err(Malformed::Replication)
    }
}
