//! Which relation a column belongs to.
//!
//! Where that cannot be told, every relation that it may belong to is said to be read in columns that are not known.

use gateway_policy::facts::{Kind, Nature, Schema};

use crate::builtin;
use crate::gather::{Gathering, Use};

/// What one FROM clause makes visible, and the names that a WITH clause defines.
#[derive(Debug, Default)]
pub(crate) struct Scope<'t> {
    pub(crate) sources: Vec<Source<'t>>,
    pub(crate) ctes: Vec<&'t str>,
}

/// An item of a FROM clause.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source<'t> {
    /// The alias, or the name itself.
    pub(crate) called: &'t str,
    pub(crate) schema: Option<&'t str>,
    pub(crate) what: What,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    /// A relation, by its place among those that are read, whose columns have their own names.
    Relation(usize),
    /// A relation whose columns were given other names.
    Renamed(usize),
    /// A sub-select, a function, a CTE: what it reads has been told already.
    Derived,
}

impl What {
    fn relation(self) -> Option<usize> {
        match self {
            Self::Relation(index) | Self::Renamed(index) => Some(index),
            Self::Derived => None,
        }
    }
}

/// Columns that every table has besides its own.
fn is_system_column(name: &str) -> bool {
    matches!(name, "ctid" | "xmin" | "xmax" | "cmin" | "cmax" | "tableoid")
}

impl<'t> Gathering<'t, '_> {
    pub(crate) fn add_source(&mut self, source: Source<'t>) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.sources.push(source);
        }
    }

    pub(crate) fn is_cte(&self, name: &str) -> bool {
        self.scopes.iter().rev().any(|scope| scope.ctes.contains(&name))
    }

    /// `name`, which is a column, or else a whole row.
    pub(crate) fn bare_column(&mut self, name: &'t str, usage: Use) {
        let mut candidates = Vec::new();
        let mut certain = None;
        'scopes: for scope in self.scopes.iter().rev() {
            for source in &scope.sources {
                match self.has_column(source.what, name) {
                    Some(true) => {
                        certain = Some(source.what);
                        break 'scopes;
                    }
                    Some(false) => {}
                    // OLD and NEW of a RETURNING are the same relation again.
                    None if candidates.contains(&source.what) => {}
                    None => candidates.push(source.what),
                }
            }
        }
        match (certain, candidates.as_slice()) {
            (Some(only), []) => self.mark(only, name, usage),
            (None, [only]) => self.mark(*only, name, usage),
            _ => {
                for index in candidates.iter().copied().chain(certain).filter_map(What::relation) {
                    self.unclear_columns(index);
                }
            }
        }
        if certain.is_none() {
            self.whole_row(name);
        }
    }

    /// Whether a source certainly has a column, certainly has not, or may have.
    fn has_column(&self, what: What, name: &str) -> Option<bool> {
        let What::Relation(index) = what else {
            // A derived table adds nothing of its own; one with new names for its columns may call any of them so.
            return if what == What::Derived { Some(false) } else { None };
        };
        let relation = self.names.catalogue.relation(&self.reading(index)?.name)?;
        Some(relation.columns.iter().any(|column| column == name) || is_system_column(name))
    }

    fn mark(&mut self, what: What, column: &'t str, usage: Use) {
        match what {
            What::Relation(index) => self.column(index, column, usage),
            What::Renamed(index) => self.unclear_columns(index),
            What::Derived => {}
        }
    }

    /// A name that is no column may be that of a source: `select t from t`.
    fn whole_row(&mut self, name: &str) {
        let whole = self.source(None, name).and_then(|source| source.what.relation());
        if let Some(index) = whole {
            self.all_columns(index);
        }
    }

    fn source(&self, schema: Option<&str>, called: &str) -> Option<Source<'t>> {
        let fits =
            |source: &&Source<'t>| source.called == called && (schema.is_none() || source.schema == schema);
        self.scopes.iter().rev().find_map(|scope| scope.sources.iter().find(fits)).copied()
    }

    /// `t.name` or `schema.t.name`.
    pub(crate) fn qualified_column(
        &mut self,
        schema: Option<&str>,
        table: &'t str,
        name: &'t str,
        usage: Use,
    ) {
        let Some(source) = self.source(schema, table) else {
            // Then `table` is a column of a composite type, or the server refuses, or this walk has missed something.
            return self.not_understood(table);
        };
        if self.has_column(source.what, name) == Some(false) && source.what != What::Derived {
            self.attribute_function(source.what, name);
        } else {
            if builtin::takes_a_row(name) {
                self.whole_row(table);
            }
            self.mark(source.what, name, usage);
        }
    }

    /// `t.f` that is no column means `f(t)`.
    fn attribute_function(&mut self, what: What, name: &str) {
        if let Some(index) = what.relation() {
            self.all_columns(index);
        }
        self.applied(name);
    }

    /// `(value).f` is `f(value)` where the value has no field of that name.
    pub(crate) fn field(&mut self, name: &str) {
        if self.names.may_be_function(name) {
            self.applied(name);
        }
    }

    /// A function is called by being written behind its argument.
    fn applied(&mut self, name: &str) {
        let (found, nature) = self.names.function(None, name);
        if nature != Nature::Harmless || found.schema == Schema::Unresolved {
            self.function(Kind::Function, found, nature, Vec::new());
        }
    }

    /// `*` or `t.*`.
    pub(crate) fn star(&mut self, schema: Option<&str>, table: Option<&'t str>) {
        let starred: Vec<What> = match table {
            Some(table) => match self.source(schema, table) {
                Some(source) => vec![source.what],
                None => return self.not_understood(table),
            },
            None => self
                .scopes
                .last()
                .map(|scope| scope.sources.iter().map(|source| source.what).collect())
                .unwrap_or_default(),
        };
        for index in starred.into_iter().filter_map(What::relation) {
            self.all_columns(index);
        }
    }
}
