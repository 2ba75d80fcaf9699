//! What the server says that a statement touches: relations and functions in its plan, objects in its event triggers.

use serde_json::Value;

/// Something of the server's that a statement reads or writes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Touched {
    pub act: Act,
    pub schema: String,
    pub name: String,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Act {
    Read,
    /// `insert`, `update`, `delete` or `merge`.
    Write(String),
    Call,
}

/// Everything in a plan, as `EXPLAIN (VERBOSE, FORMAT JSON)` shows it.
pub(crate) fn in_plan(plan: &str) -> Vec<Touched> {
    let mut found = Vec::new();
    if let Ok(plan) = serde_json::from_str(plan) {
        walk(&plan, None, &mut found);
    }
    found.sort();
    found.dedup();
    found
}

fn walk(value: &Value, operation: Option<&str>, found: &mut Vec<Touched>) {
    match value {
        Value::Array(all) => all.iter().for_each(|one| walk(one, operation, found)),
        Value::Object(node) => {
            let text = |key: &str| node.get(key).and_then(Value::as_str);
            let here = text("Operation").filter(|_| text("Node Type") == Some("ModifyTable"));
            let written = here.or(operation);
            let schema = text("Schema").unwrap_or_default().to_owned();
            if let Some(name) = text("Relation Name") {
                let act = written.map_or(Act::Read, |operation| Act::Write(operation.to_lowercase()));
                found.push(Touched { act, schema: temporary(&schema), name: name.to_owned() });
            }
            if let Some(name) = text("Function Name") {
                found.push(Touched { act: Act::Call, schema, name: name.to_owned() });
            }
            for (key, below) in node {
                // The tables that are written are listed below their node; plans below it only read.
                let operation = if key == "Target Tables" { here } else { None };
                walk(below, operation, found);
            }
        }
        _ => (),
    }
}

/// Each session has its temporary schema, which statements call `pg_temp`.
fn temporary(schema: &str) -> String {
    if schema.starts_with("pg_temp_") { "pg_temp".to_owned() } else { schema.to_owned() }
}
