//! What is being gathered of one statement while its tree is walked.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use gateway_policy::facts::{
    Argument, Columns, Effect, Function, Kind, Name, Nature, On, Reason, Restriction, Schema, Statement,
    Unknown,
};

use crate::names::Names;
use crate::scope::Scope;

/// Levels of the tree that are walked. The server's own limit is a stack of 2 MiB; this one fits in far less.
const DEPTH: u16 = 128;
/// Relations and the like that one statement may name.
const SOURCES: usize = 1_000;

/// A relation that is read, and what of it.
#[derive(Debug)]
pub(crate) struct Reading<'t> {
    pub(crate) name: Name,
    shown: BTreeSet<&'t str>,
    filtered: BTreeSet<&'t str>,
    all: bool,
    unclear: bool,
    /// It is only known because it is written to; unless a column of it matters, nothing of it is read.
    written_only: bool,
}

/// What a column is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// Its value goes somewhere.
    Value,
    /// It only decides which rows are meant.
    Filter,
}

#[derive(Debug)]
pub(crate) struct Gathering<'t, 'c> {
    pub(crate) names: &'c Names<'c>,
    pub(crate) statement: Statement,
    pub(crate) scopes: Vec<Scope<'t>>,
    readings: Vec<Reading<'t>>,
    by_name: HashMap<Name, usize>,
    parameters: BTreeSet<u16>,
    depth: u16,
    sources: usize,
}

impl<'t, 'c> Gathering<'t, 'c> {
    pub(crate) fn new(names: &'c Names<'c>) -> Self {
        Self {
            names,
            statement: Statement::default(),
            scopes: Vec::new(),
            readings: Vec::new(),
            by_name: HashMap::new(),
            parameters: BTreeSet::new(),
            depth: 0,
            sources: 0,
        }
    }

    /// Walks one level deeper, unless that is too deep.
    pub(crate) fn deeper(&mut self, walk: impl FnOnce(&mut Self)) {
        if self.depth >= DEPTH {
            self.unknown(Reason::TooDeep, None);
            return;
        }
        self.depth += 1;
        walk(self);
        self.depth -= 1;
    }

    pub(crate) fn unknown(&mut self, reason: Reason, about: Option<&str>) {
        let unknown = Unknown { reason, about: about.map(str::to_owned) };
        // Text of an agent can fail in one way ten thousand times over.
        if self.statement.unknowns.len() < 16 && !self.statement.unknowns.contains(&unknown) {
            self.statement.unknowns.push(unknown);
        }
    }

    pub(crate) fn not_understood(&mut self, about: &str) {
        self.unknown(Reason::NotUnderstood, Some(about));
    }

    pub(crate) fn effect(&mut self, kind: Kind, on: On) {
        self.push(Effect::new(kind, on));
    }

    pub(crate) fn push(&mut self, effect: Effect) {
        if !self.statement.effects.contains(&effect) {
            self.count();
            self.statement.effects.push(effect);
        }
    }

    pub(crate) fn parameter(&mut self, number: i32) {
        match u16::try_from(number) {
            Ok(number) => {
                self.parameters.insert(number);
            }
            Err(_) => self.not_understood("a parameter number"),
        }
    }

    /// One more thing that the statement names; past the limit nothing is promised of it.
    pub(crate) fn count(&mut self) -> bool {
        self.sources += 1;
        if self.sources > SOURCES {
            self.unknown(Reason::TooLarge, None);
        }
        self.sources <= SOURCES
    }

    /// A relation whose rows are looked at, whichever of its columns matter.
    pub(crate) fn read(&mut self, name: Name) -> usize {
        let index = self.write(name);
        if let Some(reading) = self.readings.get_mut(index) {
            reading.written_only = false;
        }
        index
    }

    /// A relation that is written to, of which columns may be read.
    pub(crate) fn write(&mut self, name: Name) -> usize {
        if let Some(index) = self.by_name.get(&name) {
            return *index;
        }
        self.check_existence(&name);
        let index = self.readings.len();
        self.by_name.insert(name.clone(), index);
        self.readings.push(Reading {
            name,
            shown: BTreeSet::new(),
            filtered: BTreeSet::new(),
            all: false,
            unclear: false,
            written_only: true,
        });
        index
    }

    /// The catalogue has to know what it is, and that no rule turns it into something else.
    pub(crate) fn check_existence(&mut self, name: &Name) {
        let catalogue = self.names.catalogue;
        let shipped = matches!(&name.schema, Schema::Known(schema) if schema == "pg_catalog" || schema == "information_schema");
        if catalogue.is_absent() || shipped {
            return;
        }
        if catalogue.is_stale() {
            self.unknown(Reason::StaleCatalogue, Some(&name.name));
        }
        match catalogue.relation(name) {
            None => self.unknown(Reason::NotInCatalogue, Some(&name.name)),
            Some(relation) if relation.rewritten => self.unknown(Reason::OpaqueCode, Some(&name.name)),
            Some(_) => {}
        }
    }

    pub(crate) fn reading(&self, index: usize) -> Option<&Reading<'t>> {
        self.readings.get(index)
    }

    pub(crate) fn column(&mut self, index: usize, column: &'t str, usage: Use) {
        if let Some(reading) = self.readings.get_mut(index) {
            match usage {
                Use::Value => reading.shown.insert(column),
                Use::Filter => reading.filtered.insert(column),
            };
        }
    }

    pub(crate) fn all_columns(&mut self, index: usize) {
        if let Some(reading) = self.readings.get_mut(index) {
            reading.all = true;
        }
    }

    pub(crate) fn unclear_columns(&mut self, index: usize) {
        if let Some(reading) = self.readings.get_mut(index) {
            reading.unclear = true;
        }
    }

    /// A function is used, in an expression or by CALL.
    pub(crate) fn function(&mut self, kind: Kind, name: Name, nature: Nature, arguments: Vec<Argument>) {
        self.effect(kind, On::Function(Function { name, nature, arguments }));
    }

    /// Everything gathered, with one select for each relation that was read.
    pub(crate) fn finish(mut self) -> Statement {
        let mut bases: BTreeMap<Name, Columns> = BTreeMap::new();
        for reading in std::mem::take(&mut self.readings).into_iter().filter(Reading::is_read) {
            self.collect_bases(&reading.name, &mut bases);
            self.statement.effects.push(reading.effect());
        }
        for (name, columns) in bases {
            let select = Effect { columns, ..Effect::new(Kind::Select, On::Relation(name)) };
            self.push(select);
        }
        self.statement.parameters = std::mem::take(&mut self.parameters).into_iter().collect();
        self.statement
    }

    /// What a view reads is read by whoever reads the view, and views read views.
    pub(crate) fn collect_bases(&mut self, name: &Name, bases: &mut BTreeMap<Name, Columns>) {
        let catalogue = self.names.catalogue;
        let mut waiting = vec![name.clone()];
        while let Some(relation) = waiting.pop().map(|name| catalogue.relation(&name)) {
            for (base, columns) in relation.into_iter().flat_map(|relation| &relation.bases) {
                match bases.get(base) {
                    Some(known) if known == columns => {}
                    Some(_) => drop(bases.insert(base.clone(), Columns::Unknown)),
                    None if bases.len() < SOURCES => {
                        bases.insert(base.clone(), columns.clone());
                        waiting.push(base.clone());
                    }
                    None => return self.unknown(Reason::TooLarge, Some(&name.name)),
                }
            }
        }
    }

    /// What stands behind a view, or nothing behind a table.
    pub(crate) fn behind(&mut self, name: &Name) -> Vec<Name> {
        let mut bases = BTreeMap::new();
        self.collect_bases(name, &mut bases);
        bases.into_keys().collect()
    }
}

impl Reading<'_> {
    fn is_read(&self) -> bool {
        !self.written_only || self.all || self.unclear || !self.shown.is_empty() || !self.filtered.is_empty()
    }

    fn effect(self) -> Effect {
        let columns = match (self.unclear, self.all) {
            (true, _) => Columns::Unknown,
            (false, true) => Columns::All,
            (false, false) => {
                Columns::These(self.shown.union(&self.filtered).map(|column| (*column).to_owned()).collect())
            }
        };
        let filtered = self.filtered.difference(&self.shown).map(|column| (*column).to_owned()).collect();
        Effect {
            kind: Kind::Select,
            on: On::Relation(self.name),
            columns,
            filtered: if self.all { Vec::new() } else { filtered },
            restriction: Restriction::Absent,
        }
    }
}
