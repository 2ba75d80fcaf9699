//! docs/policy.md: the example's rules before a real database, and an agent that has worked there for a while.

use std::fs;

use anyhow::{Context, Result, ensure};
use gateway_e2e::gateway::Gateway;
use gateway_e2e::plan::Plan;
use gateway_e2e::servers::postgres::Postgres;

use crate::scene::Scene;

const TABLES: &str = "
    create schema hr;
    create table customers (id int primary key, name text);
    create table orders (id int primary key, customer int, state text, total numeric);
    create table order_lines (id int primary key, order_id int, price numeric);
    create table hr.salaries (person text, amount numeric);
    insert into orders select n, n % 7, 'open', n * 10 from generate_series(1, 40) n;
    insert into order_lines select n, n / 2, n from generate_series(1, 80) n;";

/// What the agent did. Each line is a session.
const WORK: [&[&str]; 4] = [
    &[
        "select id, state from public.orders where customer = 3",
        "select id, state from public.orders where customer = 5",
    ],
    &[
        "update public.orders set state = 'paid' where id = 5",
        "update public.orders set state = 'paid' where id = 12",
    ],
    &["delete from public.order_lines where order_id = 9"],
    &["delete from public.orders", "select * from hr.salaries"],
];

pub(crate) fn set() -> Result<Scene> {
    let server = Postgres::start()?;
    server.sql(TABLES)?;
    let gateway = gateway(&server)?;
    let agent = gateway.agent("coder")?;
    for session in WORK {
        let mut psql = agent.command("psql")?;
        psql.args([
            "-X",
            "-q",
            "-h",
            "127.0.0.1",
            "-p",
            &server.port().to_string(),
            "-U",
            "whoever",
            "-d",
            "agent",
        ]);
        for statement in session {
            psql.args(["-c", statement]);
        }
        let output = psql.output().context("cannot run psql")?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(!said.contains("FATAL"), "the agent does not come in: {said}");
    }
    let records = gateway.folder().join("serve/records").display().to_string();
    let environment = [
        ("PGHOST", "127.0.0.1".to_owned()),
        ("PGPORT", server.port().to_string()),
        ("PGDATABASE", "agent".to_owned()),
    ];
    let scene = Scene::new(&gateway.config_dir())?;
    let scene = scene.named("/var/lib/postern/records", records).with_agent(&agent, &environment)?;
    Ok(scene.keeping((server, agent, gateway)))
}

/// The rules are those that the document shows.
fn gateway(server: &Postgres) -> Result<Gateway> {
    let target = format!(
        "[targets.orders]\nprotocol = \"postgres\"\nhosts = \"127.0.0.1\"\nports = {}\n\
         [targets.orders.postgres]\nuser = \"agent\"\npassword = \"command:/bin/echo unused\"\ndanger_tls = \"disable\"",
        server.port()
    );
    server.sql("alter role agent superuser")?;
    let mut gateway = Gateway::prepare(Plan::new().agent("coder", &["orders"]).tables(&target))?;
    let rules = super::folder()?.join("examples/policy/rules.toml");
    fs::copy(&rules, gateway.config_dir().join("rules.toml"))
        .with_context(|| format!("cannot read {}", rules.display()))?;
    gateway.start_enforcer()?;
    gateway.start_gateway()?;
    Ok(gateway)
}
