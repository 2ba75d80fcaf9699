//! Expressions: which columns, functions, operators and parameters they use, and the queries inside them.
//!
//! Every kind of node that the grammar can put into an expression is named here. Any other is not understood.

use gateway_policy::facts::Kind;
use pg_raw_parse::list::NodeList;
use pg_raw_parse::{Node, nodes};

use super::texts;
use crate::gather::{Gathering, Use};

/// Operators in a row that are walked in a loop: `a + b + c`.
const CHAIN: usize = 1_000;

impl<'t> Gathering<'t, '_> {
    /// `.field` and `[subscript]` behind a value.
    fn indirection(&mut self, steps: &'t NodeList, usage: Use) {
        for step in steps {
            match step {
                Node::String(field) => match field.sval() {
                    Some(name) => self.field(name),
                    None => self.not_understood("a field without a name"),
                },
                step => self.expression(step, usage),
            }
        }
    }

    pub(crate) fn expressions(&mut self, list: &'t NodeList, usage: Use) {
        for node in list {
            self.expression(node, usage);
        }
    }

    pub(crate) fn expression(&mut self, node: Node<'t>, usage: Use) {
        match node {
            Node::None
            | Node::A_Const(_)
            | Node::Integer(_)
            | Node::Float(_)
            | Node::Boolean(_)
            | Node::String(_)
            | Node::BitString(_)
            | Node::SetToDefault(_)
            | Node::SQLValueFunction(_)
            | Node::A_Star(_)
            | Node::MergeSupportFunc(_)
            | Node::JsonFormat(_)
            | Node::JsonReturning(_) => {}
            Node::ColumnRef(column) => self.column_reference(column, usage),
            Node::ParamRef(parameter) => self.parameter(parameter.number),
            Node::CurrentOfExpr(_) => {}
            _ => self.deeper(|this| this.compound(node, usage)),
        }
    }

    fn compound(&mut self, node: Node<'t>, usage: Use) {
        match node {
            Node::A_Expr(operation) => self.operation(operation, usage),
            Node::BoolExpr(junction) => self.expressions(junction.args(), usage),
            Node::FuncCall(call) => self.call(Kind::Function, call, usage),
            Node::TypeCast(cast) => self.cast(cast, usage),
            Node::SubLink(link) => self.sub_link(link, usage),
            Node::NodeList(list) => self.expressions(list, usage),
            Node::CaseExpr(case) => {
                self.expression(case.arg(), usage);
                self.expressions(case.args(), usage);
                self.expression(case.defresult(), usage);
            }
            Node::CaseWhen(when) => {
                self.expression(when.expr(), usage);
                self.expression(when.result(), usage);
            }
            Node::CoalesceExpr(coalesce) => self.expressions(coalesce.args(), usage),
            Node::MinMaxExpr(extreme) => self.expressions(extreme.args(), usage),
            Node::NullTest(test) => self.expression(test.arg(), usage),
            Node::BooleanTest(test) => self.expression(test.arg(), usage),
            Node::RowExpr(row) => self.expressions(row.args(), usage),
            Node::A_ArrayExpr(array) => self.expressions(array.elements(), usage),
            Node::A_Indirection(indirection) => {
                self.expression(indirection.arg(), usage);
                self.indirection(indirection.indirection(), usage);
            }
            Node::A_Indices(indices) => {
                self.expression(indices.lidx(), usage);
                self.expression(indices.uidx(), usage);
            }
            Node::CollateClause(collate) => self.expression(collate.arg(), usage),
            Node::GroupingFunc(grouping) => self.expressions(grouping.args(), usage),
            Node::GroupingSet(set) => self.expressions(set.content(), usage),
            Node::NamedArgExpr(named) => self.expression(named.arg(), usage),
            Node::ResTarget(target) => {
                self.expressions(target.indirection(), usage);
                self.expression(target.val(), usage);
            }
            Node::MultiAssignRef(assign) => self.expression(assign.source(), usage),
            Node::SortBy(sort) => self.sort(sort, usage),
            Node::WindowDef(window) => self.window(window),
            Node::XmlExpr(xml) => {
                self.expressions(xml.named_args(), usage);
                self.expressions(xml.args(), usage);
            }
            Node::XmlSerialize(xml) => {
                self.expression(xml.expr(), usage);
                self.type_name(xml.type_name());
            }
            _ => self.json(node, usage),
        }
    }

    fn column_reference(&mut self, column: &'t nodes::ColumnRef, usage: Use) {
        let fields = column.fields();
        let starred = fields.iter().next_back().is_some_and(|last| matches!(last, Node::A_Star(_)));
        match (texts(fields).as_slice(), starred) {
            ([name], false) => self.bare_column(name, usage),
            ([table, name], false) => self.qualified_column(None, table, name, usage),
            ([schema, table, name] | [_, schema, table, name], false) => {
                self.qualified_column(Some(schema), table, name, usage);
            }
            ([], true) => self.star(None, None),
            ([table], true) => self.star(None, Some(table)),
            ([schema, table] | [_, schema, table], true) => self.star(Some(schema), Some(table)),
            _ => self.not_understood("a column name"),
        }
    }

    /// An operator and its operands. Chains grow to the left, so that side is walked in a loop.
    fn operation(&mut self, first: &'t nodes::A_Expr, usage: Use) {
        let mut operation = first;
        for _ in 0..CHAIN {
            self.operator_of(operation);
            self.expression(operation.rexpr(), usage);
            match operation.lexpr() {
                Node::A_Expr(left) => operation = left,
                left => return self.expression(left, usage),
            }
        }
        self.unknown(gateway_policy::facts::Reason::TooDeep, None);
    }

    /// BETWEEN is written as an operator of that name and means the two comparisons.
    fn operator_of(&mut self, operation: &'t nodes::A_Expr) {
        use nodes::A_Expr_Kind as K;
        match operation.kind {
            K::AEXPR_BETWEEN | K::AEXPR_NOT_BETWEEN | K::AEXPR_BETWEEN_SYM | K::AEXPR_NOT_BETWEEN_SYM => {
                for comparison in ["<", "<=", ">", ">="] {
                    self.operator_named(None, comparison);
                }
            }
            _ => self.operator(operation.name()),
        }
    }

    fn cast(&mut self, cast: &'t nodes::TypeCast, usage: Use) {
        self.type_name(cast.type_name());
        self.expression(cast.arg(), usage);
    }

    fn sub_link(&mut self, link: &'t nodes::SubLink, usage: Use) {
        self.operator(link.oper_name());
        self.expression(link.testexpr(), usage);
        match link.subselect() {
            Node::SelectStmt(select) => self.sub_select(select, usage),
            _ => self.not_understood("a sub-select"),
        }
    }

    pub(crate) fn sort(&mut self, sort: &'t nodes::SortBy, usage: Use) {
        self.operator(sort.use_op());
        self.expression(sort.node(), usage);
    }

    pub(crate) fn window(&mut self, window: &'t nodes::WindowDef) {
        self.expressions(window.partition_clause(), Use::Value);
        for sort in window.order_clause() {
            self.sort(sort, Use::Value);
        }
        self.expression(window.start_offset(), Use::Value);
        self.expression(window.end_offset(), Use::Value);
    }

    /// The forms of SQL/JSON.
    fn json(&mut self, node: Node<'t>, usage: Use) {
        match node {
            Node::JsonValueExpr(value) => {
                self.expression(value.raw_expr(), usage);
                self.expression(value.formatted_expr(), usage);
            }
            Node::JsonIsPredicate(test) => self.expression(test.expr(), usage),
            Node::JsonKeyValue(pair) => {
                self.expression(pair.key(), usage);
                self.json_value(pair.value(), usage);
            }
            Node::JsonArgument(argument) => self.json_value(argument.val(), usage),
            Node::JsonParseExpr(json) => self.json_value(json.expr(), usage),
            Node::JsonScalarExpr(json) => {
                self.expression(json.expr(), usage);
                self.json_output(json.output());
            }
            Node::JsonSerializeExpr(json) => {
                self.json_value(json.expr(), usage);
                self.json_output(json.output());
            }
            Node::JsonObjectConstructor(json) => {
                for pair in json.exprs() {
                    self.expression(pair.key(), usage);
                    self.json_value(pair.value(), usage);
                }
                self.json_output(json.output());
            }
            Node::JsonArrayConstructor(json) => {
                for value in json.exprs() {
                    self.json_value(Some(value), usage);
                }
                self.json_output(json.output());
            }
            Node::JsonArrayQueryConstructor(json) => {
                match json.query() {
                    Node::SelectStmt(select) => self.sub_select(select, usage),
                    _ => self.not_understood("a sub-select"),
                }
                self.json_output(json.output());
            }
            Node::JsonObjectAgg(json) => {
                if let Some(pair) = json.arg() {
                    self.expression(pair.key(), usage);
                    self.json_value(pair.value(), usage);
                }
                self.json_aggregate(json.constructor());
            }
            Node::JsonArrayAgg(json) => {
                self.json_value(json.arg(), usage);
                self.json_aggregate(json.constructor());
            }
            Node::JsonFuncExpr(json) => {
                self.json_value(json.context_item(), usage);
                self.expression(json.pathspec(), usage);
                self.expressions(json.passing(), usage);
                self.json_output(json.output());
                self.json_behaviour(json.on_empty());
                self.json_behaviour(json.on_error());
            }
            _ => self.not_understood("an expression"),
        }
    }

    pub(crate) fn json_value(&mut self, value: Option<&'t nodes::JsonValueExpr>, usage: Use) {
        if let Some(value) = value {
            self.expression(Node::JsonValueExpr(value), usage);
        }
    }

    fn json_output(&mut self, output: Option<&'t nodes::JsonOutput>) {
        if let Some(output) = output {
            self.type_name(output.type_name());
        }
    }

    fn json_aggregate(&mut self, aggregate: Option<&'t nodes::JsonAggConstructor>) {
        let Some(aggregate) = aggregate else { return };
        self.json_output(aggregate.output());
        self.expression(aggregate.agg_filter(), Use::Filter);
        self.expressions(aggregate.agg_order(), Use::Value);
        if let Some(window) = aggregate.over() {
            self.window(window);
        }
    }

    pub(crate) fn json_behaviour(&mut self, behaviour: Option<&'t nodes::JsonBehavior>) {
        if let Some(behaviour) = behaviour {
            self.expression(behaviour.expr(), Use::Value);
        }
    }
}
