//! Reading what SQL does.

use gateway_policy::command::State;
use gateway_policy::facts::Facts;
use gateway_sql::Catalogue;

use super::Reader;

/// Reads with PostgreSQL's grammar.
#[derive(Debug, Clone, Copy)]
pub struct Sql;

impl Reader for Sql {
    fn read(&self, text: &str, state: &State, catalogue: &Catalogue) -> Facts {
        gateway_sql::read(text, state, catalogue)
    }
}
