//! Which thing a name means, by the rules of the search path (PostgreSQL documentation, "The Schema Search Path").

use gateway_policy::command::State;
use gateway_policy::facts::{Name, Nature, Power, Schema};

use crate::builtin;
use crate::catalogue::{Catalogue, Type};

/// To be handed over as the session's `search_path` when it was changed and the server does not say to what.
pub const PATH_UNKNOWN: &str = "\u{0}";

const PG_CATALOG: &str = "pg_catalog";
const PG_TEMP: &str = "pg_temp";

/// The catalogue as seen from one session.
#[derive(Debug)]
pub(crate) struct Names<'c> {
    pub(crate) catalogue: &'c Catalogue,
    /// Without `pg_catalog` where it is looked in first, as it is when the path does not name it.
    path: Option<Vec<String>>,
    /// The path names `pg_catalog` behind another schema.
    catalogue_last: bool,
}

impl<'c> Names<'c> {
    pub(crate) fn new(state: &State, catalogue: &'c Catalogue) -> Self {
        let reported =
            state.settings.iter().find(|(name, _)| name == "search_path").map(|(_, value)| value.as_str());
        let path = match reported {
            Some(PATH_UNKNOWN) => None,
            Some(value) => split_path(value, catalogue.role.as_deref()),
            None => catalogue.search_path.clone(),
        };
        let catalogue_last =
            path.as_ref().is_some_and(|path| path.iter().skip(1).any(|schema| schema == PG_CATALOG))
                || reported == Some(PATH_UNKNOWN);
        Self { catalogue, path, catalogue_last }
    }

    /// A relation that exists, or should.
    pub(crate) fn relation(&self, schema: Option<&str>, name: &str) -> Name {
        let schema = match schema {
            Some(schema) => Schema::Known(schema.to_owned()),
            None => self.schema_of_relation(name),
        };
        Name { schema, name: name.to_owned() }
    }

    /// Something that is going to be made: it goes where the path begins.
    pub(crate) fn to_be_made(&self, schema: Option<&str>, name: &str) -> Name {
        let first = || self.path.as_ref().and_then(|path| path.iter().find(|schema| *schema != PG_CATALOG));
        let schema = match schema {
            Some(schema) => Schema::Known(schema.to_owned()),
            None => first().map_or(Schema::Unresolved, |schema| Schema::Known(schema.clone())),
        };
        Name { schema, name: name.to_owned() }
    }

    fn schema_of_relation(&self, name: &str) -> Schema {
        if !self.catalogue_last && builtin::is_relation(name) {
            return Schema::Known(PG_CATALOG.to_owned());
        }
        let Some(path) = &self.path else { return Schema::Unresolved };
        let found = path.iter().find(|schema| {
            self.catalogue.has_relation(schema, name) || (*schema == PG_CATALOG && builtin::is_relation(name))
        });
        found.map_or(Schema::Unresolved, |schema| Schema::Known(schema.clone()))
    }

    /// A function, and what it can do. Any function of the name that the path reaches may be the one that is called,
    /// whatever its arguments.
    pub(crate) fn function(&self, schema: Option<&str>, name: &str) -> (Name, Nature) {
        match schema {
            Some(PG_CATALOG) => (known(PG_CATALOG, name), builtin_nature(name)),
            Some(schema) => (known(schema, name), self.own_nature(&[schema], name)),
            None => self.unqualified_function(name),
        }
    }

    fn unqualified_function(&self, name: &str) -> (Name, Nature) {
        let shipped = builtin::is_harmless(name) || builtin::powers(name).is_some();
        if self.catalogue.is_absent() && !self.catalogue_last {
            return if shipped {
                (known(PG_CATALOG, name), builtin_nature(name))
            } else {
                (unresolved(name), Nature::Unknown)
            };
        }
        let Some(path) = &self.path else { return (unresolved(name), Nature::Unknown) };
        let own: Vec<&str> = path
            .iter()
            .map(String::as_str)
            .filter(|schema| *schema != PG_CATALOG && !self.catalogue.routines(schema, name).is_empty())
            .collect();
        match (own.first(), shipped) {
            (None, true) => (known(PG_CATALOG, name), builtin_nature(name)),
            (None, false) => (unresolved(name), Nature::Unknown),
            (Some(first), false) => (known(first, name), self.own_nature(&own, name)),
            // Which of both is called depends on the types of the arguments.
            (Some(_), true) => (unresolved(name), Nature::Unknown),
        }
    }

    fn own_nature(&self, schemas: &[&str], name: &str) -> Nature {
        if let Some(powers) = builtin::powers(name) {
            return Nature::Powers(powers.to_vec());
        }
        let mut powers: Vec<Power> = Vec::new();
        let mut found = false;
        for routine in schemas.iter().flat_map(|schema| self.catalogue.routines(schema, name)) {
            found = true;
            powers.extend(
                routine.powers().into_iter().filter(|power| !powers.contains(power)).collect::<Vec<_>>(),
            );
        }
        match (found, powers.is_empty()) {
            (false, _) => Nature::Unknown,
            (true, true) => Nature::Harmless,
            (true, false) => Nature::Powers(powers),
        }
    }

    /// Whether a name can be that of a function that is found without a schema.
    pub(crate) fn may_be_function(&self, name: &str) -> bool {
        let own = |schema: &String| !self.catalogue.routines(schema, name).is_empty();
        let found = match &self.path {
            Some(path) => path.iter().any(own),
            // Nobody who has not read the catalogue can tell, and such facts are for explanations only.
            None => !self.catalogue.is_absent(),
        };
        found || builtin::is_harmless(name) || builtin::powers(name).is_some()
    }

    /// Whether an operator is one of PostgreSQL's own and nothing can have taken its name.
    pub(crate) fn is_own_operator(&self, schema: Option<&str>, name: &str) -> bool {
        let shadowed = || match &self.path {
            Some(path) => path.iter().any(|schema| self.catalogue.has_operator(schema, name)),
            None => self.catalogue_last,
        };
        match schema {
            Some(schema) => schema == PG_CATALOG && builtin::is_operator(name),
            None => builtin::is_operator(name) && !shadowed(),
        }
    }

    /// Whether a cast to a type runs nothing but PostgreSQL's own code.
    pub(crate) fn is_plain_type(&self, schema: Option<&str>, name: &str) -> bool {
        match schema {
            Some(PG_CATALOG) => builtin::is_type(name),
            Some(schema) => self.catalogue.type_in(schema, name) == Some(Type::Plain),
            None if builtin::is_type(name) && !self.catalogue_last => true,
            None => {
                let found =
                    self.path.iter().flatten().find_map(|schema| self.catalogue.type_in(schema, name));
                found == Some(Type::Plain)
            }
        }
    }
}

/// A function of `pg_catalog`.
fn builtin_nature(name: &str) -> Nature {
    match builtin::powers(name) {
        Some(powers) => Nature::Powers(powers.to_vec()),
        None if builtin::is_harmless(name) => Nature::Harmless,
        None => Nature::Unknown,
    }
}

/// A name that the session put into its temporary schema.
pub(crate) fn temporary(name: &str) -> Name {
    known(PG_TEMP, name)
}

fn known(schema: &str, name: &str) -> Name {
    Name { schema: Schema::Known(schema.to_owned()), name: name.to_owned() }
}

fn unresolved(name: &str) -> Name {
    Name { schema: Schema::Unresolved, name: name.to_owned() }
}

/// The schemas of a reported `search_path`: a list of names, each quoted where it has to be.
fn split_path(value: &str, role: Option<&str>) -> Option<Vec<String>> {
    let mut path = Vec::new();
    for part in value.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let name = match part.strip_prefix('"').map(|rest| rest.strip_suffix('"')) {
            // A quoted comma was cut in two; such a path is not worth more code than a no.
            Some(inner) => inner?.replace("\"\"", "\""),
            None => part.to_ascii_lowercase(),
        };
        if name == "$user" {
            path.extend(Some(role?.to_owned()));
        } else if !name.is_empty() {
            path.push(name);
        }
    }
    Some(path)
}

#[cfg(test)]
mod tests;
