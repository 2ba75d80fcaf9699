//! INSERT, UPDATE, DELETE and MERGE, as statements and inside WITH.

use gateway_policy::facts::{Columns, Effect, Kind, Name, On, Reason, Restriction};
use pg_raw_parse::list::NodeList;
use pg_raw_parse::{Node, nodes};

use super::restriction::restriction;
use crate::gather::{Gathering, Use};
use crate::scope::{Scope, Source, What};

impl<'t> Gathering<'t, '_> {
    pub(crate) fn insert(&mut self, insert: &'t nodes::InsertStmt) {
        let Some(relation) = insert.relation() else { return self.not_understood("an INSERT") };
        self.scopes.push(Scope::default());
        self.with(insert.with_clause());
        let target = self.target(relation);
        let columns = match insert.cols() {
            list if list.is_empty() => Columns::All,
            list => self.written(list),
        };
        self.written_to(Kind::Insert, &target, columns, Restriction::Absent);
        match insert.select_stmt() {
            Node::SelectStmt(select) => self.sub_select(select, Use::Value),
            Node::None => {}
            _ => self.not_understood("an INSERT"),
        }
        if let Some(conflict) = insert.on_conflict_clause() {
            self.on_conflict(relation, &target, conflict);
        }
        self.returning(relation, insert.returning_clause());
        self.scopes.pop();
    }

    fn on_conflict(
        &mut self,
        relation: &'t nodes::RangeVar,
        target: &Name,
        conflict: &'t nodes::OnConflictClause,
    ) {
        let index = self.write(target.clone());
        self.relation_source(relation, index);
        self.add_source(Source { called: "excluded", schema: None, what: What::Derived });
        if let Some(infer) = conflict.infer() {
            self.index_elements(infer.index_elems());
            self.expression(infer.where_clause(), Use::Filter);
        }
        if conflict.action == nodes::OnConflictAction::ONCONFLICT_UPDATE {
            let mut columns = Vec::new();
            for assignment in conflict.target_list() {
                columns.extend(assignment.name().map(str::to_owned));
                self.assigned(assignment);
            }
            self.expression(conflict.where_clause(), Use::Filter);
            self.written_to(Kind::Update, target, Columns::These(columns), Restriction::Restricts);
        }
    }

    pub(crate) fn update(&mut self, update: &'t nodes::UpdateStmt) {
        let Some(relation) = update.relation() else { return self.not_understood("an UPDATE") };
        self.scopes.push(Scope::default());
        self.with(update.with_clause());
        let target = self.target(relation);
        let index = self.write(target.clone());
        self.relation_source(relation, index);
        self.from(update.from_clause());
        let mut columns = Vec::new();
        for assignment in update.target_list() {
            columns.extend(assignment.name().map(str::to_owned));
            self.assigned(assignment);
        }
        let held = restriction(update.where_clause(), relation, !update.from_clause().is_empty());
        self.expression(update.where_clause(), Use::Filter);
        self.written_to(Kind::Update, &target, Columns::These(columns), held);
        self.returning_here(update.returning_clause());
        self.scopes.pop();
    }

    pub(crate) fn delete(&mut self, delete: &'t nodes::DeleteStmt) {
        let Some(relation) = delete.relation() else { return self.not_understood("a DELETE") };
        self.scopes.push(Scope::default());
        self.with(delete.with_clause());
        let target = self.target(relation);
        let index = self.write(target.clone());
        self.relation_source(relation, index);
        self.from(delete.using_clause());
        let held = restriction(delete.where_clause(), relation, !delete.using_clause().is_empty());
        self.expression(delete.where_clause(), Use::Filter);
        self.written_to(Kind::Delete, &target, Columns::None, held);
        self.returning_here(delete.returning_clause());
        self.scopes.pop();
    }

    pub(crate) fn merge(&mut self, merge: &'t nodes::MergeStmt) {
        let Some(relation) = merge.relation() else { return self.not_understood("a MERGE") };
        self.scopes.push(Scope::default());
        self.with(merge.with_clause());
        let target = self.target(relation);
        let index = self.write(target.clone());
        self.relation_source(relation, index);
        self.source_item(merge.source_relation());
        self.expression(merge.join_condition(), Use::Filter);
        self.written_to(Kind::Merge, &target, Columns::None, Restriction::Absent);
        let held = restriction(merge.join_condition(), relation, true);
        for clause in merge.merge_when_clauses() {
            self.merge_branch(clause, &target, held);
        }
        self.returning_here(merge.returning_clause());
        self.scopes.pop();
    }

    fn merge_branch(&mut self, clause: &'t nodes::MergeWhenClause, target: &Name, held: Restriction) {
        self.expression(clause.condition(), Use::Filter);
        let columns = self.written(clause.target_list());
        self.expressions(clause.values(), Use::Value);
        // Rows that nothing matches are all the rows that the condition does not hold for.
        let unmatched = clause.match_kind == nodes::MergeMatchKind::MERGE_WHEN_NOT_MATCHED_BY_SOURCE;
        let held = if unmatched { Restriction::Unknown } else { held };
        match clause.command_type {
            nodes::CmdType::CMD_INSERT => {
                let columns = if clause.target_list().is_empty() { Columns::All } else { columns };
                self.written_to(Kind::Insert, target, columns, Restriction::Absent);
            }
            nodes::CmdType::CMD_UPDATE => self.written_to(Kind::Update, target, columns, held),
            nodes::CmdType::CMD_DELETE => self.written_to(Kind::Delete, target, Columns::None, held),
            nodes::CmdType::CMD_NOTHING => {}
            _ => self.not_understood("a branch of MERGE"),
        }
    }

    /// What is written to is a relation, even where a WITH query has the same name.
    pub(crate) fn target(&mut self, relation: &nodes::RangeVar) -> Name {
        let name = self.names.relation(relation.schemaname(), relation.relname().unwrap_or_default());
        self.check_existence(&name);
        name
    }

    /// Writing to a view writes to what it stands for, and views stand for views.
    pub(crate) fn written_to(
        &mut self,
        kind: Kind,
        target: &Name,
        columns: Columns,
        restriction: Restriction,
    ) {
        for base in self.behind(target) {
            // The server opens the view first, and then applies the rules of what it finds.
            if self.names.catalogue.relation(&base).is_some_and(|relation| relation.rewritten) {
                self.unknown(Reason::OpaqueCode, Some(&base.name));
            }
            let columns = if columns == Columns::None { Columns::None } else { Columns::Unknown };
            self.push(Effect { columns, restriction, ..Effect::new(kind, On::Relation(base)) });
        }
        self.push(Effect { columns, restriction, ..Effect::new(kind, On::Relation(target.clone())) });
    }

    /// The columns of a list of targets, whose subscripts and values are read.
    fn written(&mut self, targets: &'t NodeList) -> Columns {
        let mut columns = Vec::new();
        for target in targets {
            match target {
                Node::ResTarget(target) => {
                    columns.extend(target.name().map(str::to_owned));
                    self.assigned(target);
                }
                _ => self.not_understood("a column that is written"),
            }
        }
        Columns::These(columns)
    }

    fn assigned(&mut self, target: &'t nodes::ResTarget) {
        self.expressions(target.indirection(), Use::Value);
        self.expression(target.val(), Use::Value);
    }

    pub(crate) fn index_elements(&mut self, elements: &'t NodeList) {
        for element in elements {
            match element {
                Node::IndexElem(element) => {
                    if let Some(name) = element.name() {
                        self.bare_column(name, Use::Filter);
                    }
                    self.expression(element.expr(), Use::Filter);
                }
                _ => self.not_understood("an index column"),
            }
        }
    }

    /// RETURNING of an insert, for which the relation has not been made visible yet.
    fn returning(&mut self, relation: &'t nodes::RangeVar, clause: Option<&'t nodes::ReturningClause>) {
        if clause.is_none() {
            return;
        }
        self.scopes.push(Scope::default());
        let name = self.names.relation(relation.schemaname(), relation.relname().unwrap_or_default());
        let index = self.write(name);
        self.relation_source(relation, index);
        self.returning_here(clause);
        self.scopes.pop();
    }

    fn returning_here(&mut self, clause: Option<&'t nodes::ReturningClause>) {
        let Some(clause) = clause else { return };
        // OLD and NEW mean the row that is written, and so do the names that WITH gives them.
        let target = self.scopes.last().and_then(|scope| scope.sources.first()).map(|source| source.what);
        if let Some(what) = target {
            let mut called = vec!["old", "new"];
            called.extend(clause.options().iter().filter_map(|option| option.value()));
            for called in called {
                self.add_returned(called, what);
            }
        }
        self.expressions(clause.exprs(), Use::Value);
    }

    fn add_returned(&mut self, called: &'t str, what: What) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.sources.push(Source { called, schema: None, what });
        }
    }
}
