//! SELECT, VALUES, TABLE, set operations and WITH.

use gateway_policy::facts::{Kind, Limit, Name, On};
use pg_raw_parse::{ConstValue, Node, nodes};

use crate::gather::{Gathering, Use};
use crate::names;
use crate::scope::Scope;

/// `a UNION b UNION c ...` that is walked in a loop.
const CHAIN: usize = 1_000;

impl<'t> Gathering<'t, '_> {
    /// The query of a statement, whose rows go to the agent or wherever the statement puts them.
    pub(crate) fn top_select(&mut self, select: &'t nodes::SelectStmt) {
        self.statement.limit = limit(select);
        self.select(select, Use::Value);
    }

    pub(crate) fn sub_select(&mut self, select: &'t nodes::SelectStmt, usage: Use) {
        self.deeper(|this| this.select(select, usage));
    }

    fn select(&mut self, select: &'t nodes::SelectStmt, usage: Use) {
        self.scopes.push(Scope::default());
        self.with(select.with_clause());
        self.branches(select, usage);
        self.scopes.pop();
    }

    /// Set operations hang to the left; each of their branches is a select with a scope of its own.
    fn branches(&mut self, first: &'t nodes::SelectStmt, usage: Use) {
        let mut select = first;
        for _ in 0..CHAIN {
            let (Some(left), Some(right)) = (select.larg(), select.rarg()) else {
                return self.simple_select(select, usage);
            };
            self.tail(select, usage);
            self.sub_select(right, usage);
            if left.with_clause().is_some() {
                return self.sub_select(left, usage);
            }
            // The names that ORDER BY of the whole sees are not those of a branch.
            self.fresh_sources();
            select = left;
        }
        self.unknown(gateway_policy::facts::Reason::TooDeep, None);
    }

    fn fresh_sources(&mut self) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.sources.clear();
        }
    }

    fn simple_select(&mut self, select: &'t nodes::SelectStmt, usage: Use) {
        if let Some(into) = select.into_clause() {
            self.made_by_query(into, gateway_policy::facts::ObjectKind::Table);
        }
        self.from(select.from_clause());
        for target in select.target_list() {
            self.expressions(target.indirection(), usage);
            self.expression(target.val(), usage);
        }
        self.expressions(select.values_lists(), usage);
        self.expression(select.where_clause(), Use::Filter);
        self.expressions(select.group_clause(), usage);
        self.expression(select.having_clause(), Use::Filter);
        self.expressions(select.window_clause(), Use::Value);
        self.expressions(select.distinct_clause(), usage);
        self.tail(select, usage);
    }

    /// What stands behind a query, or behind several that are combined.
    fn tail(&mut self, select: &'t nodes::SelectStmt, usage: Use) {
        for sort in select.sort_clause() {
            if !is_output_name(sort.node(), select) {
                self.sort(sort, usage);
            }
        }
        self.expression(select.limit_offset(), usage);
        self.expression(select.limit_count(), usage);
        for locking in select.locking_clause() {
            self.locking(locking);
        }
    }

    /// FOR UPDATE and its relatives, of some or all relations in the FROM clause.
    fn locking(&mut self, locking: &'t nodes::LockingClause) {
        let wanted: Vec<&str> = locking
            .locked_rels()
            .iter()
            .filter_map(|node| if let Node::RangeVar(range) = node { range.relname() } else { None })
            .collect();
        let sources = self.scopes.last().map(|scope| scope.sources.clone()).unwrap_or_default();
        let mut relations = 0_usize;
        for source in sources.iter().filter(|source| wanted.is_empty() || wanted.contains(&source.called)) {
            if let Some(name) = self.relation_of(source.what) {
                relations += 1;
                self.locked(Kind::LockRows, name);
            }
        }
        if relations == 0 {
            // A sub-select whose rows are locked inside, where each relation was told as read.
            self.effect(Kind::LockRows, On::Nothing);
        }
    }

    /// What is behind a view is locked with it.
    pub(crate) fn locked(&mut self, kind: Kind, name: Name) {
        for base in self.behind(&name) {
            self.effect(kind, On::Relation(base));
        }
        self.effect(kind, On::Relation(name));
    }

    pub(crate) fn with(&mut self, with: Option<&'t nodes::WithClause>) {
        let Some(with) = with else { return };
        if with.recursive {
            for cte in with.ctes() {
                self.define(cte);
            }
        }
        for cte in with.ctes() {
            self.deeper(|this| this.common_table(cte));
            if !with.recursive {
                self.define(cte);
            }
        }
    }

    fn define(&mut self, cte: &'t nodes::CommonTableExpr) {
        if !self.count() {
            return;
        }
        if let (Some(name), Some(scope)) = (cte.ctename(), self.scopes.last_mut()) {
            scope.ctes.push(name);
        }
    }

    fn common_table(&mut self, cte: &'t nodes::CommonTableExpr) {
        match cte.ctequery() {
            Node::SelectStmt(select) => self.sub_select(select, Use::Value),
            Node::InsertStmt(insert) => self.insert(insert),
            Node::UpdateStmt(update) => self.update(update),
            Node::DeleteStmt(delete) => self.delete(delete),
            Node::MergeStmt(merge) => self.merge(merge),
            _ => self.not_understood("a WITH query"),
        }
        if let Some(cycle) = cte.cycle_clause() {
            self.expression(cycle.cycle_mark_value(), Use::Value);
            self.expression(cycle.cycle_mark_default(), Use::Value);
        }
    }

    /// SELECT INTO and CREATE TABLE AS make a table of what they read.
    pub(crate) fn made_by_query(
        &mut self,
        into: &'t nodes::IntoClause,
        kind: gateway_policy::facts::ObjectKind,
    ) {
        let Some(relation) = into.rel() else { return self.not_understood("a table to be made") };
        let name = self.name_to_be_made(relation);
        self.effect(Kind::Create, On::Object(kind, name));
    }

    pub(crate) fn name_to_be_made(&self, relation: &nodes::RangeVar) -> Name {
        let name = relation.relname().unwrap_or_default();
        if relation.relpersistence == b't' as std::ffi::c_char {
            names::temporary(name)
        } else {
            self.names.to_be_made(relation.schemaname(), name)
        }
    }
}

/// ORDER BY means an output column before it means one of the table's.
fn is_output_name(node: Node<'_>, select: &nodes::SelectStmt) -> bool {
    let Node::ColumnRef(column) = node else { return false };
    match super::texts(column.fields()).as_slice() {
        [name] => {
            select.op != nodes::SetOperation::SETOP_NONE
                || select.target_list().iter().any(|target| target.name() == Some(*name))
        }
        _ => false,
    }
}

/// `select count(*) from t`: an aggregate without groups. Functions that return sets would make more rows of it, so
/// only the counting that everybody does is looked for.
fn is_one_row(select: &nodes::SelectStmt) -> bool {
    let aggregates = ["count", "sum", "avg", "min", "max", "bool_and", "bool_or", "every"];
    let is_aggregate = |node| match node {
        Node::FuncCall(call) => {
            call.over().is_none()
                && matches!(super::texts(call.funcname()).as_slice(), [.., name] if aggregates.contains(name))
        }
        _ => false,
    };
    select.op == nodes::SetOperation::SETOP_NONE
        && select.group_clause().is_empty()
        && !select.target_list().is_empty()
        && select.target_list().iter().all(|target| is_aggregate(target.val()))
}

fn limit(select: &nodes::SelectStmt) -> Limit {
    let count = match select.limit_count() {
        _ if select.limit_option == nodes::LimitOption::LIMIT_OPTION_WITH_TIES => return Limit::None,
        Node::None if is_one_row(select) => return Limit::Rows(1),
        Node::None => return Limit::None,
        Node::A_Const(count) => count,
        _ => return Limit::Unknown,
    };
    match count.val() {
        // LIMIT ALL and LIMIT NULL.
        None => Limit::None,
        Some(ConstValue::Integer(rows)) => u64::try_from(rows).map_or(Limit::Unknown, Limit::Rows),
        Some(_) => Limit::Unknown,
    }
}
