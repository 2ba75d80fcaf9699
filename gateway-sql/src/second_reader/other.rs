//! `sqlparser`, an SQL parser of its own, with its idea of PostgreSQL's dialect.

use std::collections::HashSet;
use std::ops::ControlFlow;

use gateway_policy::facts::{Facts, Kind, Statement as Told};
use sqlparser::ast::{Ident, ObjectName, Query, Statement, TableFactor, Visit, Visitor};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;

use super::{Opinion, cut, folded, has, relations};

pub(super) fn opinion(text: &str, facts: &Facts) -> Opinion {
    let Ok(statements) = Parser::parse_sql(&PostgreSqlDialect {}, text) else { return Opinion::None };
    if statements.len() != facts.statements.len() {
        return Opinion::Different;
    }
    let agrees = statements
        .iter()
        .zip(&facts.statements)
        .all(|(statement, told)| kinds_agree(statement, told) && tables_agree(statement, told));
    if agrees { Opinion::Same } else { Opinion::Different }
}

/// One of the kinds has to have been told. A kind that is not listed says nothing.
fn kinds_agree(statement: &Statement, told: &Told) -> bool {
    let expected: &[Kind] = match statement {
        Statement::Query(_) => return true,
        Statement::Insert(_) => &[Kind::Insert],
        Statement::Update(_) => &[Kind::Update],
        Statement::Delete(_) => &[Kind::Delete],
        Statement::Merge(_) => &[Kind::Merge],
        Statement::Truncate(_) => &[Kind::Truncate],
        Statement::Copy { .. } => &[
            Kind::CopyIn,
            Kind::CopyOut,
            Kind::CopyFromFile,
            Kind::CopyToFile,
            Kind::CopyFromProgram,
            Kind::CopyToProgram,
        ],
        Statement::CreateTable(_)
        | Statement::CreateView(_)
        | Statement::CreateIndex(_)
        | Statement::CreateFunction(_)
        | Statement::CreateTrigger(_) => &[Kind::Create],
        Statement::AlterTable(_) => &[Kind::Alter],
        Statement::Drop { .. } | Statement::DropFunction(_) => &[Kind::Drop],
        Statement::Grant(_) => &[Kind::Grant],
        Statement::Revoke(_) => &[Kind::Revoke],
        Statement::Call(_) => &[Kind::Call],
        Statement::Explain { .. } => &[Kind::Explain, Kind::ExplainAnalyze],
        Statement::Prepare { .. } => &[Kind::Prepare],
        Statement::Execute { .. } => &[Kind::Execute],
        Statement::StartTransaction { .. } => &[Kind::Begin],
        Statement::Commit { .. } => &[Kind::Commit],
        Statement::Rollback { .. } => &[Kind::Rollback, Kind::Savepoint],
        Statement::Declare { .. } => &[Kind::DeclareCursor],
        _ => return true,
    };
    expected.iter().any(|kind| has(told, *kind))
}

fn tables_agree(statement: &Statement, told: &Told) -> bool {
    if matches!(statement, Statement::CreateFunction(_)) {
        // Its body runs later.
        return true;
    }
    let mut seen = Seen::default();
    let _ = statement.visit(&mut seen);
    let known = relations(told);
    seen.tables.iter().all(|table| {
        // `FROM ONLY t` is read here as a table called ONLY. The grammar knows better, and the word is reserved.
        table == "only" || known.contains(table.as_str()) || seen.not_tables.contains(table)
    })
}

/// The names of tables, and names that look like it.
#[derive(Default)]
struct Seen {
    tables: HashSet<String>,
    /// WITH queries, and functions in FROM.
    not_tables: HashSet<String>,
}

impl Visitor for Seen {
    type Break = ();

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
        self.tables.extend(last(relation));
        ControlFlow::Continue(())
    }

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let named = query.with.iter().flat_map(|with| &with.cte_tables);
        self.not_tables.extend(named.map(|table| name(&table.alias.name)));
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        match factor {
            TableFactor::Table { name, args: Some(_), .. } | TableFactor::Function { name, .. } => {
                self.not_tables.extend(last(name));
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

fn last(object: &ObjectName) -> Option<String> {
    object.0.last().and_then(|part| part.as_ident()).map(name)
}

fn name(ident: &Ident) -> String {
    match ident.quote_style {
        None => folded(&ident.value),
        Some(_) => {
            let mut name = ident.value.clone();
            cut(&mut name);
            name
        }
    }
}
