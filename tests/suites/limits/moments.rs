use anyhow::Result;

use super::Test;
use super::scene::{Scene, goes_on, hears};

pub(crate) const TESTS: &[Test] = &[
    ("what_needs_a_read_only_transaction_is_allowed_in_one_and_nowhere_else", read_only),
    ("what_needs_a_purpose_is_not_allowed_without_one", purpose),
    ("an_expression_decides_over_a_statement", expression),
    ("an_isolation_that_rules_deny_is_refused_where_it_is_asked_for", isolation),
];

fn read_only(scene: &Scene) -> Result<()> {
    let mut session = scene.session()?;
    let select = "select id from careful";
    hears(&mut session, select, "E:42501 Z:I")?;
    hears(&mut session, "begin read only", "C:BEGIN Z:T")?;
    hears(&mut session, select, "T C:SELECT 0 Z:T")?;
    hears(&mut session, "commit", "C:COMMIT Z:I")?;
    hears(&mut session, select, "E:42501 Z:I")?;
    hears(&mut session, "begin", "C:BEGIN Z:T")?;
    hears(&mut session, "set transaction read only", "C:SET Z:T")?;
    hears(&mut session, select, "T C:SELECT 0 Z:T")?;
    hears(&mut session, "rollback", "C:ROLLBACK Z:I")?;
    for begin in ["begin", "begin read write", "begin; set transaction read only; set transaction read write"]
    {
        session.ask(begin)?;
        hears(&mut session, select, "E:42501 Z:E")?;
        session.ask("rollback")?;
    }
    goes_on(&mut session)
}

fn purpose(scene: &Scene) -> Result<()> {
    let mut session = scene.session()?;
    hears(&mut session, "select id from purpose", "E:42501 Z:I")?;
    goes_on(&mut session)
}

fn expression(scene: &Scene) -> Result<()> {
    let mut session = scene.session()?;
    hears(&mut session, "select n from narrow limit 2", "T D D C:SELECT 2 Z:I")?;
    for query in
        ["select n from narrow limit 6", "select n from narrow", "select n from narrow limit 2; select 1"]
    {
        hears(&mut session, query, "E:42501 Z:I")?;
    }
    goes_on(&mut session)
}

fn isolation(scene: &Scene) -> Result<()> {
    let mut session = scene.session()?;
    hears(&mut session, "begin isolation level serializable", "E:42501 Z:I")?;
    hears(&mut session, "begin isolation level repeatable read", "C:BEGIN Z:T")?;
    hears(&mut session, "set transaction isolation level serializable", "E:42501 Z:E")?;
    hears(&mut session, "rollback", "C:ROLLBACK Z:I")?;
    goes_on(&mut session)
}
