//! COPY, by where the rows come from or go to.

use gateway_policy::facts::{Columns, Kind, On, Restriction};
use pg_raw_parse::{Node, nodes};

use super::texts;
use crate::gather::{Gathering, Use};
use crate::scope::Scope;

impl<'t> Gathering<'t, '_> {
    pub(crate) fn copy(&mut self, copy: &'t nodes::CopyStmt) {
        let kind = match (copy.is_from, copy.is_program, copy.filename().is_some()) {
            (true, true, _) => Kind::CopyFromProgram,
            (true, false, true) => Kind::CopyFromFile,
            (true, false, false) => Kind::CopyIn,
            (false, true, _) => Kind::CopyToProgram,
            (false, false, true) => Kind::CopyToFile,
            (false, false, false) => Kind::CopyOut,
        };
        match copy.relation() {
            Some(relation) if copy.is_from => self.copy_from(kind, relation, copy),
            Some(relation) => self.copy_to(kind, relation, copy),
            None => {
                self.effect(kind, On::Nothing);
                self.statement(copy.query());
            }
        }
        for option in copy.options() {
            self.copy_option(option);
        }
    }

    fn copy_from(&mut self, kind: Kind, relation: &'t nodes::RangeVar, copy: &'t nodes::CopyStmt) {
        let target = self.target(relation);
        self.effect(kind, On::Relation(target.clone()));
        let columns = match texts(copy.attlist()) {
            names if names.is_empty() => Columns::All,
            names => Columns::These(names.into_iter().map(str::to_owned).collect()),
        };
        self.written_to(Kind::Insert, &target, columns, Restriction::Absent);
        if !matches!(copy.where_clause(), Node::None) {
            // It looks at the rows that come in.
            self.scopes.push(Scope::default());
            let index = self.write(target);
            self.relation_source(relation, index);
            self.expression(copy.where_clause(), Use::Filter);
            self.scopes.pop();
        }
    }

    fn copy_to(&mut self, kind: Kind, relation: &'t nodes::RangeVar, copy: &'t nodes::CopyStmt) {
        let index = self.read_range(relation);
        if let Some(name) = self.reading(index).map(|reading| reading.name.clone()) {
            self.effect(kind, On::Relation(name));
        }
        let columns = texts(copy.attlist());
        if columns.is_empty() {
            self.all_columns(index);
        }
        for column in columns {
            self.column(index, column, Use::Value);
        }
    }

    /// Every option there is only says what the rows look like. A new one might not.
    fn copy_option(&mut self, option: &'t nodes::DefElem) {
        let known = [
            "format",
            "freeze",
            "delimiter",
            "null",
            "default",
            "header",
            "quote",
            "escape",
            "force_quote",
            "force_not_null",
            "force_null",
            "encoding",
            "on_error",
            "reject_limit",
            "log_verbosity",
        ];
        if !option.defname().is_some_and(|name| known.contains(&name)) {
            self.not_understood("a COPY option");
        }
    }
}
