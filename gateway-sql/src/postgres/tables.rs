//! CREATE and ALTER of tables, views, indexes, sequences, and what hangs on tables.

use gateway_policy::facts::{Kind, Name, ObjectKind, On, Reason};
use pg_raw_parse::list::NodeList;
use pg_raw_parse::{Node, make, nodes};

use super::objects::object_kind;
use super::texts;
use crate::gather::{Gathering, Use};
use crate::scope::{Scope, Source, What};

impl<'t> Gathering<'t, '_> {
    pub(crate) fn create_table(&mut self, create: &'t nodes::CreateStmt) {
        let Some(relation) = create.relation() else { return self.not_understood("a CREATE TABLE") };
        let name = self.name_to_be_made(relation);
        self.effect(Kind::Create, On::Object(ObjectKind::Table, name));
        for parent in create.inh_relations() {
            match parent {
                // A partition or a child changes what its parent shows.
                Node::RangeVar(parent) => self.alter_relation(ObjectKind::Table, parent),
                _ => self.not_understood("a parent table"),
            }
        }
        self.in_own_scope(None, |this| {
            this.table_elements(create.table_elts());
            this.type_name(create.of_typename());
            this.partition_bound(create.partbound());
            for part in create.partspec().iter().flat_map(|spec| spec.part_params()) {
                this.expression(part.expr(), Use::Value);
            }
        });
    }

    fn alter_relation(&mut self, what: ObjectKind, relation: &'t nodes::RangeVar) {
        let name = self.object_of(relation);
        self.effect(Kind::Alter, On::Object(what, name));
    }

    /// Expressions in a definition see the columns of what is defined, which are nobody's secret.
    fn in_own_scope(&mut self, relation: Option<&'t nodes::RangeVar>, walk: impl FnOnce(&mut Self)) {
        let mut scope = Scope::default();
        if let Some(called) = relation.and_then(nodes::RangeVar::relname) {
            scope.sources.push(Source { called, schema: None, what: What::Derived });
        }
        for called in ["old", "new"] {
            scope.sources.push(Source { called, schema: None, what: What::Derived });
        }
        self.scopes.push(scope);
        walk(self);
        self.scopes.pop();
    }

    /// The bounds of a partition are computed when it is made.
    fn partition_bound(&mut self, bound: Option<&'t nodes::PartitionBoundSpec>) {
        let Some(bound) = bound else { return };
        for values in [bound.listdatums(), bound.lowerdatums(), bound.upperdatums()] {
            self.expressions(values, Use::Value);
        }
    }

    fn table_elements(&mut self, elements: &'t NodeList) {
        for element in elements {
            match element {
                Node::ColumnDef(column) => self.column_definition(column),
                Node::Constraint(constraint) => self.constraint(constraint),
                Node::TableLikeClause(like) => {
                    // Defaults and comments are copied, rows are not.
                    if let Some(relation) = like.relation() {
                        self.read_range(relation);
                    }
                }
                _ => self.not_understood("a part of CREATE TABLE"),
            }
        }
    }

    fn column_definition(&mut self, column: &'t nodes::ColumnDef) {
        self.type_name(column.type_name());
        self.expression(column.raw_default(), Use::Value);
        for constraint in column.constraints() {
            match constraint {
                Node::Constraint(constraint) => self.constraint(constraint),
                Node::CollateClause(_) => {}
                _ => self.not_understood("a constraint"),
            }
        }
    }

    pub(crate) fn constraint(&mut self, constraint: &'t nodes::Constraint) {
        self.expression(constraint.raw_expr(), Use::Value);
        self.expression(constraint.where_clause(), Use::Filter);
        if let Some(relation) = constraint.pktable() {
            // The referenced table gets triggers, and is asked whether rows exist.
            self.alter_relation(ObjectKind::Table, relation);
        }
    }

    pub(crate) fn create_table_as(&mut self, create: &'t nodes::CreateTableAsStmt) {
        let (Some(into), Some(kind)) = (create.into(), object_kind(create.objtype)) else {
            return self.not_understood("a CREATE TABLE AS");
        };
        self.made_by_query(into, kind);
        self.statement(create.query());
    }

    pub(crate) fn create_view(&mut self, view: &'t nodes::ViewStmt) {
        let Some(relation) = view.view() else { return self.not_understood("a CREATE VIEW") };
        let name = self.name_to_be_made(relation);
        self.effect(Kind::Create, On::Object(ObjectKind::View, name));
        match view.query() {
            Node::SelectStmt(select) => self.sub_select(select, Use::Value),
            _ => self.not_understood("a CREATE VIEW"),
        }
    }

    pub(crate) fn create_index(&mut self, index: &'t nodes::IndexStmt) {
        let Some(relation) = index.relation() else { return self.not_understood("a CREATE INDEX") };
        let table = self.object_of(relation);
        self.effect(Kind::Create, On::Object(ObjectKind::Index, table.clone()));
        self.effect(Kind::Alter, On::Object(ObjectKind::Table, table));
        self.in_own_scope(Some(relation), |this| {
            for column in index.index_params() {
                this.expression(column.expr(), Use::Value);
            }
            this.expression(index.where_clause(), Use::Filter);
        });
    }

    pub(crate) fn create_sequence(&mut self, create: &'t nodes::CreateSeqStmt) {
        match create.sequence() {
            Some(relation) => {
                let name = self.name_to_be_made(relation);
                self.effect(Kind::Create, On::Object(ObjectKind::Sequence, name));
            }
            None => self.not_understood("a CREATE SEQUENCE"),
        }
    }

    pub(crate) fn alter_sequence(&mut self, alter: &'t nodes::AlterSeqStmt) {
        match alter.sequence() {
            Some(relation) => self.alter_relation(ObjectKind::Sequence, relation),
            None => self.not_understood("an ALTER SEQUENCE"),
        }
    }

    pub(crate) fn create_statistics(&mut self, create: &'t nodes::CreateStatsStmt) {
        let named = statistics_of(create);
        if named.is_empty() {
            self.not_understood("a CREATE STATISTICS");
        }
        for (schema, name) in named {
            let name = self.names.relation(schema.as_deref(), &name);
            self.effect(Kind::Create, On::Object(ObjectKind::Statistics, name));
        }
        self.in_own_scope(None, |this| {
            for expression in create.exprs() {
                match expression {
                    Node::StatsElem(element) => this.expression(element.expr(), Use::Value),
                    _ => this.not_understood("a statistics expression"),
                }
            }
        });
    }

    pub(crate) fn create_trigger(&mut self, trigger: &'t nodes::CreateTrigStmt) {
        let Some(relation) = trigger.relation() else { return self.not_understood("a CREATE TRIGGER") };
        let table = self.object_of(relation);
        self.effect(Kind::Create, On::Object(ObjectKind::Trigger, table));
        let (name, nature) = match texts(trigger.funcname()).as_slice() {
            [name] => self.names.function(None, name),
            [.., schema, name] => self.names.function(Some(schema), name),
            [] => return self.not_understood("a trigger function"),
        };
        self.function(Kind::Function, name, nature, Vec::new());
        self.in_own_scope(Some(relation), |this| this.expression(trigger.when_clause(), Use::Filter));
    }

    /// What a rule does happens when somebody uses the table, so it is told as if it happened now.
    pub(crate) fn create_rule(&mut self, rule: &'t nodes::RuleStmt) {
        let Some(relation) = rule.relation() else { return self.not_understood("a CREATE RULE") };
        let table = self.object_of(relation);
        self.effect(Kind::Create, On::Object(ObjectKind::Rule, table));
        self.in_own_scope(Some(relation), |this| {
            this.expression(rule.where_clause(), Use::Filter);
            for action in rule.actions() {
                this.statement(action);
            }
        });
    }

    pub(crate) fn row_policy(
        &mut self,
        kind: Kind,
        table: Option<&'t nodes::RangeVar>,
        conditions: [Node<'t>; 2],
    ) {
        let Some(relation) = table else { return self.not_understood("a policy") };
        let name = self.object_of(relation);
        self.effect(kind, On::Object(ObjectKind::RowPolicy, name));
        self.in_own_scope(Some(relation), |this| {
            for condition in conditions {
                this.expression(condition, Use::Filter);
            }
        });
    }

    pub(crate) fn alter_table(&mut self, alter: &'t nodes::AlterTableStmt) {
        let (Some(relation), Some(kind)) = (alter.relation(), object_kind(alter.objtype)) else {
            return self.not_understood("an ALTER TABLE");
        };
        let name = self.object_of(relation);
        self.effect(Kind::Alter, On::Object(kind, name.clone()));
        self.in_own_scope(Some(relation), |this| {
            for command in alter.cmds() {
                match command {
                    Node::AlterTableCmd(command) => this.alter_command(&name, command),
                    _ => this.not_understood("an ALTER TABLE"),
                }
            }
        });
    }

    fn alter_command(&mut self, table: &Name, command: &'t nodes::AlterTableCmd) {
        use nodes::AlterTableType as A;
        let part = |kind, what| (kind, On::Object(what, table.clone()));
        let told = match command.subtype {
            A::AT_DropColumn => Some(part(Kind::Drop, ObjectKind::Column)),
            A::AT_DropConstraint => Some(part(Kind::Drop, ObjectKind::Constraint)),
            A::AT_AddColumn | A::AT_AddColumnToView => Some(part(Kind::Create, ObjectKind::Column)),
            A::AT_AddConstraint | A::AT_AddIndexConstraint => {
                Some(part(Kind::Create, ObjectKind::Constraint))
            }
            A::AT_AlterConstraint | A::AT_ValidateConstraint => {
                Some(part(Kind::Alter, ObjectKind::Constraint))
            }
            A::AT_EnableTrig..=A::AT_DisableTrigUser => Some(part(Kind::Alter, ObjectKind::Trigger)),
            A::AT_EnableRule..=A::AT_DisableRule => Some(part(Kind::Alter, ObjectKind::Rule)),
            A::AT_EnableRowSecurity..=A::AT_NoForceRowSecurity => {
                Some(part(Kind::Alter, ObjectKind::RowPolicy))
            }
            _ => None,
        };
        if let Some((kind, on)) = told {
            self.effect(kind, on);
        }
        self.alter_definition(command.def());
    }

    /// What a command of ALTER TABLE carries along.
    fn alter_definition(&mut self, definition: Node<'t>) {
        match definition {
            Node::None
            | Node::String(_)
            | Node::Integer(_)
            | Node::Boolean(_)
            | Node::DefElem(_)
            | Node::ReplicaIdentityStmt(_)
            | Node::ATAlterConstraint(_)
            | Node::RoleSpec(_) => {}
            Node::TypeName(of) => self.type_name(Some(of)),
            Node::ColumnDef(column) => self.column_definition(column),
            Node::Constraint(constraint) => self.constraint(constraint),
            Node::RangeVar(relation) => self.alter_relation(ObjectKind::Table, relation),
            Node::PartitionCmd(partition) => {
                self.partition_bound(partition.bound());
                match partition.name() {
                    Some(relation) => self.alter_relation(ObjectKind::Table, relation),
                    None => self.unknown(Reason::NotUnderstood, Some("a partition")),
                }
            }
            Node::NodeList(options) => {
                if !options.iter().all(|option| matches!(option, Node::DefElem(_) | Node::String(_))) {
                    self.not_understood("an ALTER TABLE");
                }
            }
            expression => self.expression(expression, Use::Value),
        }
    }
}

/// The relations of a CREATE STATISTICS, or none where something else stands among them.
///
/// The library says that this list holds relations only. The grammar takes any FROM item, so a copy is looked at node
/// by node.
fn statistics_of(create: &nodes::CreateStatsStmt) -> Vec<(Option<String>, String)> {
    let mut named = Some(Vec::new());
    make::owned(|memory| {
        let copy = memory.make_unique(create.relations()).uncast();
        if let Node::NodeList(list) = copy.as_ref() {
            named = list.iter().map(relation_name).collect();
        }
        memory.empty()
    });
    named.unwrap_or_default()
}

fn relation_name(node: Node<'_>) -> Option<(Option<String>, String)> {
    let Node::RangeVar(relation) = node else { return None };
    Some((relation.schemaname().map(str::to_owned), relation.relname()?.to_owned()))
}
