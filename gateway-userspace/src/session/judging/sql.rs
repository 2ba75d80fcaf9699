//! Reading what SQL does, with nothing known of the target's own things beyond what a statement says.

use gateway_policy::command::State;
use gateway_policy::facts::Facts;
use gateway_sql::{Catalogue, PATH_UNKNOWN};

use super::{Path, Reader};

/// Reads with PostgreSQL's grammar.
#[derive(Debug, Default)]
pub struct Sql {
    catalogue: Catalogue,
}

impl Reader for Sql {
    fn read(&self, text: &str, state: &State, path: Path) -> Facts {
        match path {
            Path::AsBegun => gateway_sql::read(text, state, &self.catalogue),
            Path::Lost => {
                let mut state = state.clone();
                state.settings.push(("search_path".to_owned(), PATH_UNKNOWN.to_owned()));
                gateway_sql::read(text, &state, &self.catalogue)
            }
        }
    }
}
