//! Replication, where a target is open to it, with the programs of PostgreSQL itself.

use std::process::{Command, Output, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use gateway_e2e::agent::Agent;
use gateway_e2e::gateway::Gateway;
use gateway_e2e::servers::postgres::{Postgres, Version};
use gateway_e2e::{host, wait};

use super::{NAME, said};

const READERS: &str = "[rules.readers]\nagents = \"*\"\ntargets = \"*\"\npack = \"read-only\"\n";

/// How many follow the server's log.
const FOLLOWED: &str = "select count(*) from pg_stat_replication where state = 'streaming'";

struct Scene {
    server: Postgres,
    gateway: Gateway,
    agent: Agent,
}

impl Scene {
    /// A target whose login may replicate, and that is open to agents' replication or not.
    fn start(key: &str) -> Result<Self> {
        let server = Postgres::of(Version::V15)
            .rule("host all all all scram-sha-256")
            .rule("host replication all all scram-sha-256")
            .setting("wal_level=logical")
            .start()?;
        server.sql("alter role agent replication; create table orders(id int)")?;
        server.sql("alter table orders owner to agent")?;
        let target = super::database(&server).replace("danger_judging = \"off\"", key);
        let plan = super::Plan::new().name(NAME, &[std::net::Ipv4Addr::LOCALHOST.into()]);
        let gateway = plan.agent("coder", &["orders"]).tables(&target).tables(READERS).start()?;
        let agent = gateway.agent("coder")?;
        Ok(Self { server, gateway, agent })
    }

    fn client(&self, program: &str) -> Result<Command> {
        let program = self.server.program(program)?;
        let program = program.to_str().context("a path that is no text")?;
        let mut client = super::client(&self.gateway, &self.server, &self.agent, program)?;
        client.env("PGSSLMODE", "disable");
        Ok(client)
    }

    fn psql(&self, replication: &str, command: &str) -> Result<Output> {
        let connection = format!("replication={replication}");
        Ok(self.client("psql")?.args(["-XAtwc", command, &connection]).output()?)
    }
}

#[test]
fn commands_of_replication_are_answered_where_the_target_is_open_to_them() -> Result<()> {
    let scene = Scene::start("danger_replication = true")?;
    for replication in ["true", "database"] {
        let seen = said(&scene.psql(replication, "IDENTIFY_SYSTEM")?);
        let fields: Vec<_> = seen.trim_end().split('|').collect();
        ensure!(fields.len() == 4 && fields.get(1) == Some(&"1"), "{replication}: {seen}");
    }
    Ok(())
}

#[test]
fn sql_is_judged_in_a_connection_of_replication_too() -> Result<()> {
    let scene = Scene::start("danger_replication = true")?;
    let read = said(&scene.psql("database", "select count(*) from orders")?);
    ensure!(read == "0\n", "{read}");
    for statement in ["insert into orders values (1)", "identify_system; drop table orders"] {
        let refused = scene.psql("database", statement)?;
        ensure!(
            !refused.status.success() && said(&refused).contains("ERROR"),
            "{statement}: {}",
            said(&refused)
        );
    }
    let rows = scene.server.sql("select count(*) from orders")?;
    ensure!(rows == "0", "{rows} rows");
    Ok(())
}

#[test]
fn a_server_is_copied_and_its_log_followed_with_its_own_programs() -> Result<()> {
    let scene = Scene::start("danger_replication = true")?;
    let folder = tempfile::Builder::new().prefix(scene.gateway.tag.as_str()).tempdir()?;
    host::open_to_all(folder.path())?;
    std::os::unix::fs::chown(folder.path(), Some(gateway_e2e::agent::ORDINARY_UID), None)?;
    let copy = folder.path().join("copy");
    // The log is streamed over a second connection while the files are copied.
    let copied =
        scene.client("pg_basebackup")?.arg("-D").arg(&copy).args(["-c", "fast", "-X", "stream"]).output()?;
    ensure!(copied.status.success(), "{}", said(&copied));
    let verified = Command::new(scene.server.program("pg_verifybackup")?).arg(&copy).output()?;
    ensure!(verified.status.success(), "{}", said(&verified));

    let logs = folder.path().join("logs");
    std::fs::create_dir(&logs)?;
    std::os::unix::fs::chown(&logs, Some(gateway_e2e::agent::ORDINARY_UID), None)?;
    let end = scene.server.sql("select pg_current_wal_lsn() + 1000000")?;
    let mut receive = scene.client("pg_receivewal")?;
    receive.arg("-D").arg(&logs).args(["--no-loop", "--synchronous", "--endpos", &end]);
    let receiving = receive.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    wait::until_true("the log is followed", || Ok(scene.server.sql(FOLLOWED)? == "1"))?;
    scene.server.sql("insert into orders select generate_series(1, 100000)")?;
    let received = receiving.wait_with_output()?;
    ensure!(received.status.success(), "{}", said(&received));
    ensure!(std::fs::read_dir(&logs)?.count() > 0, "no log came");
    Ok(())
}

#[test]
fn changes_are_followed_one_by_one() -> Result<()> {
    // pg_recvlogical empties its search path first, which no rule of readers allows.
    let scene = Scene::start("danger_replication = true\ndanger_judging = \"off\"")?;
    let follow = |args: &[&str]| -> Result<Command> {
        let mut follow = scene.client("pg_recvlogical")?;
        follow.args(["--slot=followed", "--dbname=agent"]).args(args);
        Ok(follow)
    };
    let made = follow(&["--create-slot", "--plugin=test_decoding"])?.output()?;
    ensure!(made.status.success(), "{}", said(&made));
    let mut following = follow(&["--start", "--no-loop", "--status-interval=1", "--file=-"])?;
    let following = following.stdout(Stdio::piped()).spawn()?;
    wait::until_true("the changes are followed", || Ok(scene.server.sql(FOLLOWED)? == "1"))?;
    scene.server.sql("insert into orders values (4711)")?;
    let written = scene.server.sql("select pg_current_wal_lsn()")?;
    let flushed = format!("select confirmed_flush_lsn >= '{written}' from pg_replication_slots");
    // Its reports of what it has come back the other way.
    let reported = wait::within(Duration::from_secs(20), "the change is reported as received", || {
        Ok((scene.server.sql(&flushed)? == "t").then_some(()))
    });
    nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(i32::try_from(following.id())?),
        nix::sys::signal::Signal::SIGINT,
    )?;
    let output = following.wait_with_output()?;
    ensure!(said(&output).contains("orders: INSERT: id[integer]:4711"), "{}", said(&output));
    reported
}
