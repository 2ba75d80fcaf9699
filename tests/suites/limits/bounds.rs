use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use gateway_audit::session::Limit;
use gateway_e2e::pipe::outline;
use gateway_e2e::wait;
use gateway_e2e::wire::{bind, execute, parse, sync};

use super::Test;
use super::scene::{Scene, goes_on, hears};

pub(crate) const TESTS: &[Test] = &[
    ("a_result_with_too_many_rows_ends_where_the_bound_is", too_many_rows),
    ("a_result_that_would_never_end_is_cancelled_at_the_target", cancelled),
    ("a_prepared_statement_is_bounded_however_it_is_fetched", prepared),
    ("a_cursor_is_bounded_as_the_statement_that_it_is_of", cursor),
    ("a_result_with_too_many_bytes_ends_where_the_bound_is", too_many_bytes),
    ("a_statement_that_takes_too_long_is_cancelled", too_long),
    ("a_transaction_in_which_a_bound_was_reached_is_as_the_target_says", in_a_transaction),
    ("no_more_statements_begin_within_a_minute", rate),
    ("no_more_statements_run_at_a_time_in_all_sessions", concurrent),
];

fn too_many_rows(scene: &Scene) -> Result<()> {
    let (mut session, before) = (scene.session()?, scene.reached(Limit::Rows)?);
    hears(
        &mut session,
        "select n from numbers where n <= 10",
        &format!("T {}C:SELECT 10 Z:I", "D ".repeat(10)),
    )?;
    goes_on(&mut session)?;
    for query in ["select n from numbers where n <= 11", "select n from numbers"] {
        hears(&mut session, query, &format!("T {}E:54000 Z:I", "D ".repeat(10)))?;
        goes_on(&mut session)?;
    }
    scene.await_reached(Limit::Rows, before + 1)
}

/// Sorting nothing, it sends rows at once and for hours.
fn cancelled(scene: &Scene) -> Result<()> {
    let (mut session, since) = (scene.session()?, Instant::now());
    let endless = "select a.n from numbers a, numbers b, numbers c";
    hears(&mut session, endless, &format!("T {}E:54000 Z:I", "D ".repeat(10)))?;
    goes_on(&mut session)?;
    ensure!(since.elapsed() < Duration::from_secs(10), "it took {:?}", since.elapsed());
    wait::until_true("nothing runs any more", || {
        let query =
            "select count(*) from pg_stat_activity where state = 'active' and query like '%numbers c%'";
        Ok(scene.server.sql(query)? == "1")
    })
}

fn prepared(scene: &Scene) -> Result<()> {
    let mut session = scene.session()?;
    let begin = [parse("", b"select n from numbers"), bind("p", "", &[])].concat();
    session.send(&[begin.clone(), execute("p", 0), sync()].concat())?;
    let heard = outline(&session.until_ready()?);
    ensure!(heard == format!("1 2 {}E:54000 Z:I", "D ".repeat(10)), "{heard}");
    session.send(&[begin, execute("p", 6), execute("p", 6), sync()].concat())?;
    let heard = outline(&session.until_ready()?);
    ensure!(heard == format!("1 2 {}s {}E:54000 Z:I", "D ".repeat(6), "D ".repeat(4)), "{heard}");
    goes_on(&mut session)
}

fn cursor(scene: &Scene) -> Result<()> {
    let mut session = scene.session()?;
    hears(&mut session, "begin", "C:BEGIN Z:T")?;
    hears(&mut session, "declare c cursor for select n from numbers", "C:DECLARE CURSOR Z:T")?;
    let heard = outline(&session.ask("fetch 100 c")?);
    ensure!(heard.starts_with(&format!("T {}E:54000 ", "D ".repeat(10))), "{heard}");
    session.ask("rollback")?;
    goes_on(&mut session)
}

fn too_many_bytes(scene: &Scene) -> Result<()> {
    let (mut session, before) = (scene.session()?, scene.reached(Limit::Bytes)?);
    // A row is 1,000 bytes and 11 of framing.
    hears(&mut session, "select t from texts", "T D D D D E:54000 Z:I")?;
    goes_on(&mut session)?;
    hears(&mut session, "select t from texts limit 4", "T D D D D C:SELECT 4 Z:I")?;
    scene.await_reached(Limit::Bytes, before)
}

fn too_long(scene: &Scene) -> Result<()> {
    let (mut session, before) = (scene.session()?, scene.reached(Limit::Time)?);
    let since = Instant::now();
    let heard = session.ask("select pg_sleep(60)")?;
    let refused =
        heard.iter().find(|message| message.kind == b'E').map(|error| (error.field(b'C'), error.field(b'M')));
    let expected =
        ("57014".to_owned(), "the statement takes longer than 1s, and no longer is allowed".to_owned());
    ensure!(refused == Some(expected), "{refused:?}");
    ensure!(since.elapsed() < Duration::from_secs(20), "it took {:?}", since.elapsed());
    goes_on(&mut session)?;
    hears(&mut session, "select pg_sleep(0)", "T D C:SELECT 1 Z:I")?;
    scene.await_reached(Limit::Time, before)
}

fn in_a_transaction(scene: &Scene) -> Result<()> {
    let mut session = scene.session()?;
    hears(&mut session, "begin", "C:BEGIN Z:T")?;
    let heard = outline(&session.ask("select a.n from numbers a, numbers b, numbers c")?);
    ensure!(heard == format!("T {}E:54000 Z:E", "D ".repeat(10)), "{heard}");
    hears(&mut session, "rollback", "C:ROLLBACK Z:I")?;
    goes_on(&mut session)
}

fn rate(scene: &Scene) -> Result<()> {
    let mut sessions = [scene.session()?, scene.session()?];
    // What other tests fetch from cursors is bounded by every rule, so it may have begun some of the twenty.
    let mut begun = 0;
    for index in (0..=20).map(|number| number % 2) {
        let Some(session) = sessions.get_mut(index) else { continue };
        match outline(&session.ask("select id from rate")?).as_str() {
            "T C:SELECT 0 Z:I" => begun += 1,
            "E:54000 Z:I" => break,
            other => bail!("{other}"),
        }
    }
    ensure!((10..=20).contains(&begun), "{begun} began within a minute");
    for session in &mut sessions {
        hears(session, "select id from rate", "E:54000 Z:I")?;
        goes_on(session)?;
    }
    Ok(())
}

fn concurrent(scene: &Scene) -> Result<()> {
    let (mut one, mut other) = (scene.session()?, scene.session()?);
    // It waits for a lock that the server's own administrator holds.
    std::thread::scope(|threads| {
        let lock = "begin; lock table few in access exclusive mode; select pg_sleep(3); commit";
        let holder = threads.spawn(|| scene.server.sql(lock));
        let is_locked = "select count(*) from pg_locks where mode = 'AccessExclusiveLock' and granted \
            and relation = 'few'::regclass";
        wait::until_true("the table is locked", || Ok(scene.server.sql(is_locked)? == "1"))?;
        one.send(&gateway_e2e::wire::Step::query(b"select id from few").bytes)?;
        let waits = "select count(*) from pg_locks where not granted";
        wait::until_true("one waits", || Ok(scene.server.sql(waits)? == "1"))?;
        hears(&mut other, "select id from few", "E:54000 Z:I")?;
        goes_on(&mut other)?;
        let heard = outline(&one.until_ready()?);
        ensure!(heard == "T C:SELECT 0 Z:I", "{heard}");
        hears(&mut other, "select id from few", "T C:SELECT 0 Z:I")?;
        holder.join().map_err(|_| anyhow::anyhow!("the lock was not held"))?.map(drop)
    })
}
