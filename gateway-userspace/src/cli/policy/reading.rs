//! What texts do, told without a database: names without a schema are known to be where nobody looked, or are taken to be
//! in a schema that somebody names.

use gateway_policy::command::State;
use gateway_policy::facts::{Effect, Facts, Name, On, Schema};
use gateway_sql::Catalogue;

use crate::session::judging::{Reader as _, Sql};

/// What a statement does in a session that has just begun.
pub fn facts(text: &str) -> Facts {
    Sql.read(text, &State::default(), &Catalogue::absent())
}

/// The same, with every name whose schema is not known in this one. `None` if all are known.
pub fn supposing(schema: &str, facts: &Facts) -> Option<Facts> {
    let mut supposed = facts.clone();
    let effects = supposed.statements.iter_mut().flat_map(|statement| &mut statement.effects);
    let names = effects.filter_map(name).filter(|name| name.schema == Schema::Unresolved);
    let mut moved = 0;
    for name in names {
        name.schema = Schema::Known(schema.to_owned());
        moved += 1;
    }
    (moved > 0).then_some(supposed)
}

fn name(effect: &mut Effect) -> Option<&mut Name> {
    match &mut effect.on {
        On::Relation(name) | On::Object(_, name) => Some(name),
        On::Function(function) => Some(&mut function.name),
        On::Nothing | On::Setting(_) | On::Label(_) | On::Transaction(_) => None,
    }
}
