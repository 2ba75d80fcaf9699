//! No login is left, whatever ends: on 15 those of the pool are lent no more, on 16 and 18 those that were made are
//! gone.

use anyhow::{Result, ensure};
use gateway_e2e::servers::postgres::Version;

use crate::stage::Stage;

/// One test for each version.
macro_rules! on_each_version {
    ($($name:ident => $test:ident),* $(,)?) => {
        $(mod $name {
            use super::{Result, Version};

            #[test]
            fn on_15() -> Result<()> {
                super::$test(Version::V15)
            }

            #[test]
            fn on_16() -> Result<()> {
                super::$test(Version::V16)
            }

            #[test]
            fn on_18() -> Result<()> {
                super::$test(Version::V18)
            }
        })*
    };
}

on_each_version! {
    a_login_is_taken_back_when_its_session_ends => ending,
    a_login_is_taken_back_when_the_agent_is_killed => killed_agent,
    a_login_is_taken_back_by_the_gateway_after_one_that_was_killed => killed_gateway,
    a_login_is_taken_back_when_its_server_was_restarted => restarted_server,
    what_a_login_owned_goes_with_it => belongings,
}

fn ending(version: Version) -> Result<()> {
    let stage = Stage::start(version, "app_ro")?;
    let seen = stage.ask(&["select current_user, session_user, count(*) from orders"])?;
    ensure!(seen.as_ref().is_ok_and(|seen| seen.starts_with("postern_") && seen.ends_with("|2")), "{seen:?}");
    stage.none_is_left()
}

fn killed_agent(version: Version) -> Result<()> {
    let stage = Stage::start(version, "app_ro")?;
    let (mut session, login) = stage.stay()?;
    ensure!(stage.logins()? == login, "{login}");
    session.kill()?;
    session.wait()?;
    stage.none_is_left()
}

fn killed_gateway(version: Version) -> Result<()> {
    let mut stage = Stage::start(version, "app_ro")?;
    let (mut session, login) = stage.stay()?;
    if let Some(gateway) = &mut stage.gateway.gateway {
        gateway.kill()?;
    }
    ensure!(stage.logins()? == login, "nobody was there to take {login} back");
    stage.gateway.start_gateway()?;
    stage.none_is_left()?;
    session.kill()?;
    session.wait()?;
    Ok(())
}

fn restarted_server(version: Version) -> Result<()> {
    let mut stage = Stage::start(version, "app_ro")?;
    let (mut session, _) = stage.stay()?;
    stage.server.stop()?;
    session.wait()?;
    stage.server.start_again()?;
    stage.none_is_left()
}

fn belongings(version: Version) -> Result<()> {
    let stage = Stage::start(version, "app_rw")?;
    let left = [
        "create table mine(a int)",
        "select lo_create(4711)",
        "grant select on mine to public",
        "alter role current_user set work_mem = '1MB'",
        "alter default privileges grant select on tables to public",
        "create temp table passing(a int)",
    ];
    let seen = stage.ask(&left)?;
    ensure!(seen.is_ok(), "{seen:?}");
    stage.none_is_left()?;
    let tables = stage.server.sql("select count(*) from pg_class where relname = 'mine'")?;
    let objects = stage.server.sql("select count(*) from pg_largeobject_metadata")?;
    let settings = stage.server.sql("select count(*) from pg_db_role_setting")?;
    ensure!(
        (tables.as_str(), objects.as_str(), settings.as_str()) == ("0", "0", "0"),
        "{tables} {objects} {settings}"
    );
    Ok(())
}

/// Below 16 a prepared transaction keeps its login out of the pool until somebody ends it.
#[test]
fn a_prepared_transaction_goes_with_its_login() -> Result<()> {
    let stage = Stage::start(Version::V18, "app_rw")?;
    let seen = stage.ask(&["begin; create table mine(a int); prepare transaction 'left behind'"])?;
    ensure!(seen.is_ok(), "{seen:?}");
    stage.none_is_left()?;
    ensure!(stage.server.sql("select count(*) from pg_prepared_xacts")? == "0", "it is still there");
    Ok(())
}

/// The next session must not find what the one before gave to itself.
#[test]
fn a_login_of_the_pool_is_as_new_for_the_next_session() -> Result<()> {
    let stage = Stage::start(Version::V15, "app_rw")?;
    let given = stage.ask(&["alter role current_user set search_path = nowhere"])?;
    ensure!(given.is_ok(), "{given:?}");
    stage.none_is_left()?;
    // More than there are logins, so that each has its turn.
    for _ in 0..4 {
        let path = stage.ask(&["show search_path"])?;
        ensure!(path.as_deref() == Ok("\"$user\", public"), "{path:?}");
    }
    Ok(())
}
