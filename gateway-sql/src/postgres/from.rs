//! The FROM clause, and whatever else stands where a relation can stand.

use gateway_policy::facts::{Kind, Name};
use pg_raw_parse::list::NodeList;
use pg_raw_parse::{Node, nodes};

use super::texts;
use crate::gather::{Gathering, Use};
use crate::scope::{Source, What};

impl<'t> Gathering<'t, '_> {
    pub(crate) fn from(&mut self, items: &'t NodeList) {
        for item in items {
            self.source_item(item);
        }
    }

    pub(crate) fn source_item(&mut self, item: Node<'t>) {
        if !self.count() {
            return;
        }
        self.deeper(|this| match item {
            Node::RangeVar(range) => this.range(range),
            Node::JoinExpr(join) => this.join(join),
            Node::RangeSubselect(range) => this.sub_select_source(range),
            Node::RangeFunction(range) => this.range_function(range),
            Node::RangeTableSample(sample) => this.sample(sample),
            Node::RangeTableFunc(table) => this.xml_table(table),
            Node::JsonTable(table) => this.json_table(table),
            _ => this.not_understood("a FROM item"),
        });
    }

    /// Only a LATERAL one sees what stands before it.
    fn sub_select_source(&mut self, range: &'t nodes::RangeSubselect) {
        let Node::SelectStmt(select) = range.subquery() else { return self.not_understood("a sub-select") };
        let before = match self.scopes.last_mut() {
            Some(scope) if !range.lateral => std::mem::take(&mut scope.sources),
            _ => Vec::new(),
        };
        self.sub_select(select, Use::Value);
        if let Some(scope) = self.scopes.last_mut()
            && !range.lateral
        {
            scope.sources = before;
        }
        self.derived(range.alias(), None);
    }

    fn range(&mut self, range: &'t nodes::RangeVar) {
        let Some(name) = range.relname() else { return self.not_understood("a relation") };
        if range.schemaname().is_none() && self.is_cte(name) {
            return self.derived(range.alias(), Some(name));
        }
        let index = self.read_range(range);
        self.relation_source(range, index);
    }

    /// A relation that is read, by its name in the statement.
    pub(crate) fn read_range(&mut self, range: &'t nodes::RangeVar) -> usize {
        let name = self.names.relation(range.schemaname(), range.relname().unwrap_or_default());
        self.read(name)
    }

    /// Makes a relation visible under its alias, or else its name.
    pub(crate) fn relation_source(&mut self, range: &'t nodes::RangeVar, index: usize) {
        let alias = range.alias();
        let renamed = alias.is_some_and(|alias| !alias.colnames().is_empty());
        let name = range.relname().unwrap_or_default();
        self.add_source(Source {
            called: alias.and_then(nodes::Alias::aliasname).unwrap_or(name),
            schema: if alias.is_some() { None } else { range.schemaname() },
            what: if renamed { What::Renamed(index) } else { What::Relation(index) },
        });
    }

    fn derived(&mut self, alias: Option<&'t nodes::Alias>, otherwise: Option<&'t str>) {
        if let Some(called) = alias.and_then(nodes::Alias::aliasname).or(otherwise) {
            self.add_source(Source { called, schema: None, what: What::Derived });
        }
    }

    fn join(&mut self, join: &'t nodes::JoinExpr) {
        let before = self.sources_so_far();
        self.source_item(join.larg());
        self.source_item(join.rarg());
        self.expression(join.quals(), Use::Filter);
        for column in join.using_clause() {
            if let Some(column) = column.sval() {
                self.column_of_both(before, column);
            }
        }
        if join.is_natural {
            self.all_columns_since(before);
        }
        if let Some(name) = join.alias().and_then(nodes::Alias::aliasname) {
            // The alias hides what it joins, and stands for all of it.
            self.all_columns_since(before);
            self.add_source(Source { called: name, schema: None, what: What::Derived });
        }
        if let Some(name) = join.join_using_alias().and_then(nodes::Alias::aliasname) {
            self.add_source(Source { called: name, schema: None, what: What::Derived });
        }
    }

    fn sources_so_far(&self) -> usize {
        self.scopes.last().map_or(0, |scope| scope.sources.len())
    }

    fn relations_since(&self, before: usize) -> Vec<What> {
        self.scopes
            .last()
            .and_then(|scope| scope.sources.get(before..))
            .unwrap_or_default()
            .iter()
            .map(|source| source.what)
            .collect()
    }

    /// USING names a column that both sides have; which of the relations on a side has it is not always clear.
    fn column_of_both(&mut self, before: usize, column: &'t str) {
        let joined = self.relations_since(before);
        let pair = joined.len() <= 2;
        for what in joined {
            match what {
                What::Relation(index) if pair => self.column(index, column, Use::Filter),
                What::Relation(index) | What::Renamed(index) => self.unclear_columns(index),
                What::Derived => {}
            }
        }
    }

    fn all_columns_since(&mut self, before: usize) {
        for what in self.relations_since(before) {
            if let What::Relation(index) | What::Renamed(index) = what {
                self.all_columns(index);
            }
        }
    }

    fn range_function(&mut self, range: &'t nodes::RangeFunction) {
        let mut called = None;
        for item in range.functions() {
            // Each item is a pair: the call, and the columns that it is said to have.
            let Node::NodeList(pair) = item else {
                self.not_understood("a function in FROM");
                continue;
            };
            for node in pair {
                match node {
                    Node::NodeList(columns) => self.column_definitions(columns),
                    Node::FuncCall(call) => {
                        called = called.or(texts(call.funcname()).last().copied());
                        self.call(Kind::Function, call, Use::Value);
                    }
                    other => self.expression(other, Use::Value),
                }
            }
        }
        for column in range.coldeflist() {
            self.type_name(column.type_name());
        }
        self.derived(range.alias(), called);
    }

    fn column_definitions(&mut self, columns: &'t NodeList) {
        for column in columns {
            match column {
                Node::ColumnDef(column) => self.type_name(column.type_name()),
                _ => self.not_understood("a column definition"),
            }
        }
    }

    fn sample(&mut self, sample: &'t nodes::RangeTableSample) {
        self.source_item(sample.relation());
        self.expressions(sample.args(), Use::Value);
        self.expression(sample.repeatable(), Use::Value);
        let method = texts(sample.method());
        let (name, nature) = match method.as_slice() {
            [name] => self.names.function(None, name),
            [schema, name] => self.names.function(Some(schema), name),
            _ => return self.not_understood("a sampling method"),
        };
        self.function(Kind::Function, name, nature, Vec::new());
    }

    fn xml_table(&mut self, table: &'t nodes::RangeTableFunc) {
        self.expression(table.docexpr(), Use::Value);
        self.expression(table.rowexpr(), Use::Value);
        self.expressions(table.namespaces(), Use::Value);
        for column in table.columns() {
            self.type_name(column.type_name());
            self.expression(column.colexpr(), Use::Value);
            self.expression(column.coldefexpr(), Use::Value);
        }
        self.derived(table.alias(), Some("xmltable"));
    }

    fn json_table(&mut self, table: &'t nodes::JsonTable) {
        self.json_value(table.context_item(), Use::Value);
        if let Some(path) = table.pathspec() {
            self.expression(path.string(), Use::Value);
        }
        self.expressions(table.passing(), Use::Value);
        for column in table.columns() {
            self.json_column(column);
        }
        self.json_behaviour(table.on_error());
        self.derived(table.alias(), Some("json_table"));
    }

    fn json_column(&mut self, column: &'t nodes::JsonTableColumn) {
        self.type_name(column.type_name());
        self.json_behaviour(column.on_empty());
        self.json_behaviour(column.on_error());
        for nested in column.columns() {
            self.deeper(|this| match nested {
                Node::JsonTableColumn(column) => this.json_column(column),
                _ => this.not_understood("a column of JSON_TABLE"),
            });
        }
    }

    pub(crate) fn relation_of(&self, what: What) -> Option<Name> {
        match what {
            What::Relation(index) | What::Renamed(index) => {
                self.reading(index).map(|reading| reading.name.clone())
            }
            What::Derived => None,
        }
    }
}
