use std::fs;

use super::*;

const FIRST: &str = "create table words (word text primary key) strict";
const SECOND: &str = "alter table words add column said integer not null default 0";

fn older() -> [Part; 1] {
    [Part { name: "words", steps: &[FIRST] }]
}

fn newer() -> [Part; 1] {
    [Part { name: "words", steps: &[FIRST, SECOND] }]
}

fn say(state: &State, word: &'static str) {
    state
        .run_first(move |file| file.execute("insert into words (word) values (?1)", [word]))
        .expect("it is written");
}

#[test]
fn what_was_written_is_there_after_a_restart_and_after_an_upgrade() {
    let folder = tempfile::tempdir().expect("a folder");
    say(&State::with(folder.path(), &older()).expect("a state"), "yes");
    let state = State::with(folder.path(), &newer()).expect("a state");
    let said: (String, i64) = state
        .run_first(|file| file.query_row("select * from words", (), |row| Ok((row.get(0)?, row.get(1)?))))
        .expect("a row");
    assert_eq!(said, ("yes".to_owned(), 0));
}

#[test]
fn a_file_of_a_newer_gateway_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    say(&State::with(folder.path(), &newer()).expect("a state"), "yes");
    let refused = State::with(folder.path(), &older()).expect_err("a refusal");
    assert!(matches!(refused, StateError::Newer { found: 2, .. }), "{refused}");
    let refused = State::with(folder.path(), &[]).expect_err("a refusal");
    assert!(matches!(refused, StateError::Newer { .. }), "{refused}");
    State::with(folder.path(), &newer()).expect("it is as it was");
}

#[test]
fn a_damaged_or_foreign_file_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("state.db");
    fs::write(&path, [7; 5000]).expect("a file");
    let refused = State::with(folder.path(), &older()).expect_err("a refusal");
    assert!(matches!(refused, StateError::Damaged { .. }), "{refused}");
    fs::remove_file(&path).expect("removed");
    let other = Connection::open(&path).expect("a file");
    other.execute_batch(FIRST).expect("a table");
    drop(other);
    let refused = State::with(folder.path(), &older()).expect_err("a refusal");
    assert!(matches!(refused, StateError::Foreign { .. }), "{refused}");
}

#[test]
fn a_file_with_a_broken_page_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = State::with(folder.path(), &older()).expect("a state");
    state
        .run_first(|file| {
            for word in 0..5000 {
                file.execute("insert into words (word) values (?1)", [format!("word {word}")])?;
            }
            Ok(())
        })
        .expect("written");
    drop(state);
    let path = folder.path().join("state.db");
    let whole = Connection::open(&path).expect("a file");
    whole.execute_batch("pragma wal_checkpoint(truncate)").expect("all of it in one file");
    drop(whole);
    let mut bytes = fs::read(&path).expect("a file");
    let pages = bytes.len() / 4096;
    for page in 3..pages {
        bytes[page * 4096..page * 4096 + 64].fill(0xff);
    }
    fs::write(&path, bytes).expect("a file");
    let refused = State::with(folder.path(), &older()).expect_err("a refusal");
    assert!(matches!(refused, StateError::Damaged { .. }), "{refused}");
}

#[test]
fn work_that_fails_leaves_nothing_behind() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = State::with(folder.path(), &older()).expect("a state");
    let failed = state.run_first(|file| {
        file.execute("insert into words (word) values ('half')", ())?;
        file.execute("insert into words (word) values ('half')", ())
    });
    assert!(matches!(failed, Err(StateError::Job(_))), "{failed:?}");
    let left: i64 = state
        .run_first(|file| file.query_row("select count(*) from words", (), |row| row.get(0)))
        .expect("a number");
    assert_eq!(left, 0);
}

#[tokio::test]
async fn what_is_asked_at_once_is_done_one_by_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = State::with(folder.path(), &older()).expect("a state");
    let all = (0..20).map(|number| {
        let state = state.clone();
        tokio::spawn(async move {
            state
                .run(move |file| file.execute("insert into words (word) values (?1)", [number.to_string()]))
                .await
        })
    });
    for one in all.collect::<Vec<_>>() {
        one.await.expect("no panic").expect("written");
    }
    let count: i64 = state
        .run(|file| file.query_row("select count(*) from words", (), |row| row.get(0)))
        .await
        .expect("rows");
    assert_eq!(count, 20);
}
