//! What a login that was made or lent for a session can do, and what can be done with it.

use anyhow::{Result, ensure};
use gateway_e2e::servers::postgres::Version;

use crate::stage::Stage;

/// Ways to more than the membership gives. None may work; some are no errors, and must be without effect.
const FORBIDDEN: [&str; 17] = [
    "select * from salaries",
    "insert into orders values (3, 'x')",
    "create table mine(a int)",
    "create schema mine",
    "create database mine",
    "create role mine",
    "alter role current_user createrole",
    "alter role current_user login",
    "alter role current_user valid until 'infinity'",
    "alter role current_user connection limit 10",
    "alter role gate password 'x'",
    "grant app_rw to current_user",
    "grant app_ro to agent",
    "set session authorization gate",
    "set role app_rw",
    "copy orders to program 'id'",
    "select pg_read_file('postgresql.conf')",
];

fn can_do_nothing_beyond(version: Version) -> Result<()> {
    let stage = Stage::start(version, "app_ro")?;
    for statement in FORBIDDEN {
        let seen = stage.ask(&[statement])?;
        let complaint = seen.err().unwrap_or_default();
        let refused = ["permission denied", "must be", "must have", "only roles", "option on role"];
        ensure!(
            refused.iter().any(|words| complaint.to_lowercase().contains(words)),
            "{statement}: {complaint:?}"
        );
    }
    let seen = stage.ask(&["select count(*) from orders"])?;
    ensure!(seen.as_deref() == Ok("2"), "{seen:?}");
    Ok(())
}

#[test]
fn a_lent_login_can_do_nothing_beyond_its_memberships_on_15() -> Result<()> {
    can_do_nothing_beyond(Version::V15)
}

#[test]
fn a_minted_login_can_do_nothing_beyond_its_memberships_on_16() -> Result<()> {
    can_do_nothing_beyond(Version::V16)
}

#[test]
fn a_minted_login_can_do_nothing_beyond_its_memberships_on_18() -> Result<()> {
    can_do_nothing_beyond(Version::V18)
}

fn is_shut(version: Version) -> Result<()> {
    let stage = Stage::start(version, "app_ro")?;
    let (mut session, login) = stage.stay()?;
    let facts = format!(
        "select rolcanlogin, rolpassword is null, rolconnlimit, rolvaliduntil < now() + interval '2 minutes' \
         from pg_authid where rolname = '{login}'"
    );
    let facts = stage.server.sql(&facts)?;
    session.kill()?;
    session.wait()?;
    ensure!(facts == "f|t|1|t", "{facts}");
    stage.none_is_left()
}

#[test]
fn nobody_else_can_log_in_behind_a_session_on_15() -> Result<()> {
    is_shut(Version::V15)
}

#[test]
fn nobody_else_can_log_in_behind_a_session_on_18() -> Result<()> {
    is_shut(Version::V18)
}

/// It could become anything by granting itself any role.
#[test]
fn no_login_is_made_by_a_role_that_rules_over_all() -> Result<()> {
    let stage = Stage::unprepared(Version::V15, "role", "app_ro")?;
    stage.server.sql("create role gate login createrole password 'what only the gateway knows'")?;
    let seen = stage.ask(&["select 1"])?;
    ensure!(seen.as_ref().is_err_and(|told| told.contains("could not log in to the server")), "{seen:?}");
    stage.says("PostgreSQL 15 lets whoever may make logins rule over all of them")?;
    let prepared = stage.prepare();
    ensure!(prepared.is_err_and(|error| error.to_string().contains("credential = \"pool\"")));
    Ok(())
}

#[test]
fn without_preparation_there_is_no_session_and_the_operator_knows_why() -> Result<()> {
    for version in [Version::V15, Version::V18] {
        let stage = Stage::unprepared(version, crate::stage::kind(version), "app_ro")?;
        stage.server.sql("create role gate login password 'what only the gateway knows'")?;
        let seen = stage.ask(&["select 1"])?;
        ensure!(seen.is_err(), "{seen:?}");
        stage.says("run `postern target init`")?;
    }
    Ok(())
}

#[test]
fn no_password_of_a_login_is_in_the_servers_log() -> Result<()> {
    let stage = Stage::start(Version::V18, "app_ro")?;
    ensure!(stage.ask(&["select 1"])?.is_ok());
    stage.none_is_left()?;
    let log = stage.server.log();
    ensure!(log.contains("statement: drop role postern_"), "statements are logged: {log}");
    // The administrator's statement has the verifier of the gateway's own login.
    let of_sessions: Vec<_> =
        log.lines().filter(|line| line.contains("SCRAM-SHA-256$") && !line.contains("gate")).collect();
    ensure!(of_sessions.is_empty(), "{of_sessions:?}");
    Ok(())
}
