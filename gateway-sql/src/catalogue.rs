//! What is known of a target's own things: relations, functions, operators, types, and the path they are found by.
//!
//! Plain data. Whoever can ask the server fills it in; this crate only looks things up, and what it does not find is
//! not guessed.

use std::collections::{HashMap, HashSet};

use gateway_policy::facts::{Columns, Name, Power, Schema};

/// Everything known of one target.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    knowledge: Knowledge,
    /// Tells one version of the catalogue from the next, for caches.
    pub version: u64,
    /// The schemas that a new session looks in, in order, `$user` already put in; `None` when that is not known.
    pub search_path: Option<Vec<String>>,
    /// What `$user` means in a search path that the session reports.
    pub role: Option<String>,
    relations: HashMap<String, HashMap<String, Relation>>,
    functions: HashMap<String, HashMap<String, Vec<Routine>>>,
    operators: HashMap<String, HashSet<String>>,
    types: HashMap<String, HashMap<String, Type>>,
}

/// How far the catalogue can be relied on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Knowledge {
    /// Nobody has looked. What PostgreSQL ships means what it ships; nothing else is known.
    #[default]
    Absent,
    Read,
    /// It was read, too long ago.
    Stale,
}

/// A table, view or anything else that has rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Relation {
    pub columns: Vec<String>,
    /// Of a view: the relations that its definition reads, and their columns.
    pub bases: Vec<(Name, Columns)>,
    /// Rewrite rules other than a view's own turn statements on it into other statements.
    pub rewritten: bool,
}

/// One function or procedure of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routine {
    /// The language promises that it computes and does nothing else: a built-in one of an extension that was reviewed,
    /// or one that the operator vouches for.
    pub vouched: bool,
    pub security_definer: bool,
}

/// A type that is not PostgreSQL's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// An enum, a composite, a range or array of such, or a domain without a check: a cast to it runs nothing.
    Plain,
    /// A base type with functions of its own, or a domain whose check runs some.
    Active,
}

impl Catalogue {
    /// Nobody has read the target's catalogue.
    pub fn absent() -> Self {
        Self::default()
    }

    /// An empty catalogue that is going to hold everything the target has.
    pub fn read(version: u64) -> Self {
        Self { knowledge: Knowledge::Read, version, ..Self::default() }
    }

    /// From now on it is too old to be relied on.
    pub fn outdate(&mut self) {
        self.knowledge = Knowledge::Stale;
    }

    pub fn add_relation(&mut self, schema: &str, name: &str, relation: Relation) {
        self.relations.entry(schema.to_owned()).or_default().insert(name.to_owned(), relation);
    }

    pub fn add_routine(&mut self, schema: &str, name: &str, routine: Routine) {
        self.functions
            .entry(schema.to_owned())
            .or_default()
            .entry(name.to_owned())
            .or_default()
            .push(routine);
    }

    pub fn add_operator(&mut self, schema: &str, name: &str) {
        self.operators.entry(schema.to_owned()).or_default().insert(name.to_owned());
    }

    pub fn add_type(&mut self, schema: &str, name: &str, what: Type) {
        self.types.entry(schema.to_owned()).or_default().insert(name.to_owned(), what);
    }

    pub(crate) fn is_absent(&self) -> bool {
        self.knowledge == Knowledge::Absent
    }

    pub(crate) fn is_stale(&self) -> bool {
        self.knowledge == Knowledge::Stale
    }

    pub(crate) fn relation(&self, name: &Name) -> Option<&Relation> {
        match &name.schema {
            Schema::Known(schema) => self.relations.get(schema)?.get(&name.name),
            Schema::Unresolved | Schema::None => None,
        }
    }

    pub(crate) fn has_relation(&self, schema: &str, name: &str) -> bool {
        self.relations.get(schema).is_some_and(|relations| relations.contains_key(name))
    }

    pub(crate) fn routines(&self, schema: &str, name: &str) -> &[Routine] {
        self.functions.get(schema).and_then(|routines| routines.get(name)).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn has_operator(&self, schema: &str, name: &str) -> bool {
        self.operators.get(schema).is_some_and(|operators| operators.contains(name))
    }

    pub(crate) fn type_in(&self, schema: &str, name: &str) -> Option<Type> {
        self.types.get(schema)?.get(name).copied()
    }
}

impl Routine {
    /// What a call can do beyond computing.
    pub(crate) fn powers(&self) -> Vec<Power> {
        let mut powers = Vec::new();
        if self.security_definer {
            powers.push(Power::SecurityDefiner);
        }
        if !self.vouched {
            powers.push(Power::Opaque);
        }
        powers
    }
}
