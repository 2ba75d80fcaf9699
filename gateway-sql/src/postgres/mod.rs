//! PostgreSQL's own grammar, walked into facts.
//!
//! One function per family of statements. Every node kind that the grammar can produce at a place is named there, and
//! whatever else turns up is *not understood*, which closes the door.

mod access;
mod calls;
mod copy;
mod expression;
mod from;
mod maintenance;
mod objects;
mod query;
mod restriction;
mod routines;
mod session;
mod statement;
mod tables;
mod write;

use gateway_policy::facts::{Facts, Reason, Unknown};
use pg_raw_parse::Node;
use pg_raw_parse::list::NodeList;

use crate::gather::Gathering;
use crate::names::Names;

/// What the grammar says of a text that is known to be bounded.
pub(crate) fn read(text: &str, names: &Names<'_>) -> Facts {
    let tree = match pg_raw_parse::parse(text) {
        Ok(tree) => tree,
        Err(_) => {
            let unknowns = vec![Unknown { reason: Reason::NotSql, about: None }];
            return Facts { statements: Vec::new(), unknowns };
        }
    };
    let statements = tree.stmts().map(|node| {
        let mut gathering = Gathering::new(names);
        gathering.statement(node);
        gathering.finish()
    });
    Facts { statements: statements.collect(), unknowns: Vec::new() }
}

/// The strings of a list, such as the parts of a name. Anything else in it is left out.
fn texts(list: &NodeList) -> Vec<&str> {
    list.iter().filter_map(Node::as_str).collect()
}
