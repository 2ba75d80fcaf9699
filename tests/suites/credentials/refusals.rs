//! When the gateway is not let in, the agent is told what concerns it, the operator why, and nobody a secret.

use anyhow::{Result, ensure};
use gateway_e2e::servers::postgres::{Authority, PASSWORD, Postgres, Validity, Version};

use crate::stage::Stage;

const LOGIN: &str = "user = \"agent\"\npassword = \"command:/bin/echo what the agent never knows\"";

/// A gateway in front of a server, with a login that is right unless `keys` say otherwise.
fn told(server: Postgres, keys: &str, agent: &str, operator: &str) -> Result<()> {
    let stage = Stage::over(server, keys)?;
    let seen = stage.ask(&["select 1"])?;
    ensure!(seen.as_ref().is_err_and(|told| told.contains(agent)), "the agent is told {seen:?}");
    let said = stage.says(operator)?;
    for secret in [PASSWORD, "a wrong password"] {
        ensure!(!said.contains(secret) && !format!("{seen:?}").contains(secret), "{secret:?} is told");
    }
    Ok(())
}

fn with_tls(validity: Validity) -> Result<(Postgres, Authority)> {
    let authority = Authority::new("the database's own authority")?;
    let identity = authority.server(&["127.0.0.1"], validity)?;
    let server =
        Postgres::of(Version::V16).tls(identity).rule("hostssl all all all scram-sha-256").start()?;
    authority.write(&server.folder().join("ca.crt"))?;
    Ok((server, authority))
}

fn ca(server: &Postgres) -> String {
    format!("ca = {:?}", server.folder().join("ca.crt"))
}

#[test]
fn a_wrong_password() -> Result<()> {
    let server = Postgres::of(Version::V16).rule("host all all all scram-sha-256").start()?;
    let keys =
        "user = \"agent\"\npassword = \"command:/bin/echo a wrong password\"\ndanger_tls = \"disable\"";
    told(server, keys, "could not log in to the server", "password authentication failed")
}

#[test]
fn a_certificate_that_has_expired() -> Result<()> {
    let (server, _) = with_tls(Validity::Expired)?;
    let keys = format!("{LOGIN}\n{}", ca(&server));
    told(server, &keys, "cannot be sure of the server's identity", "it has expired")
}

#[test]
fn a_certificate_of_somebody_else() -> Result<()> {
    let (server, _) = with_tls(Validity::Current)?;
    Authority::new("somebody else")?.write(&server.folder().join("ca.crt"))?;
    let keys = format!("{LOGIN}\n{}", ca(&server));
    told(server, &keys, "cannot be sure of the server's identity", "nobody who is trusted signed it")
}

#[test]
fn a_certificate_for_another_name() -> Result<()> {
    let (server, _) = with_tls(Validity::Current)?;
    let keys = format!("{LOGIN}\n{}\nserver_name = \"db.example.com\"", ca(&server));
    told(server, &keys, "cannot be sure of the server's identity", "it is for another name")
}

#[test]
fn a_server_that_refuses_tls() -> Result<()> {
    let server = Postgres::of(Version::V16).rule("host all all all scram-sha-256").start()?;
    Authority::new("nobody")?.write(&server.folder().join("ca.crt"))?;
    let keys = format!("{LOGIN}\n{}", ca(&server));
    told(server, &keys, "cannot be sure of the server's identity", "the target refuses TLS")
}

#[test]
fn a_server_without_room() -> Result<()> {
    let server = Postgres::of(Version::V16).rule("host all all all scram-sha-256").start()?;
    server.sql("alter role agent connection limit 0")?;
    let keys = format!("{LOGIN}\ndanger_tls = \"disable\"");
    told(server, &keys, "no room for another connection", "too many connections")
}

#[test]
fn a_database_that_is_not_there() -> Result<()> {
    let server = Postgres::of(Version::V16).rule("host all all all scram-sha-256").start()?;
    server.sql_in("postgres", "alter database agent rename to moved")?;
    let keys = format!("{LOGIN}\ndanger_tls = \"disable\"");
    told(server, &keys, "the database does not exist", "does not exist (3D000)")
}

#[test]
fn a_password_is_not_sent_to_whoever_asks() -> Result<()> {
    let server = Postgres::of(Version::V16).rule("host all all all password").start()?;
    let keys = format!("{LOGIN}\ndanger_tls = \"disable\"");
    told(server, &keys, "could not log in to the server", "asks for the password as it is")
}

#[test]
fn a_secret_that_others_may_read() -> Result<()> {
    let server = Postgres::of(Version::V16).start()?;
    let file = server.folder().join("password");
    std::fs::write(&file, PASSWORD)?;
    let keys = format!("user = \"agent\"\npassword = \"file:{}\"\ndanger_tls = \"disable\"", file.display());
    told(server, &keys, "could not log in to the server", "others on this host may read")
}
