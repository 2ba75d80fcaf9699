//! How an agent's programs come to believe the gateway.

use std::fs;
use std::net::Ipv4Addr;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use gateway_e2e::host;
use gateway_e2e::plan::Plan;

use super::{NAME, database, said, server};

#[test]
fn a_command_under_postern_run_believes_the_gateway_by_itself() -> Result<()> {
    let server = server()?;
    let plan = Plan::new();
    let unit = format!("{}-coder-*.scope", plan.tag().as_str());
    let agent = format!("[agents.coder]\nunit = \"{unit}\"\ntargets = [\"orders\"]\n");
    let plan = plan.name(NAME, &[Ipv4Addr::LOCALHOST.into()]).tables(&agent).tables(&database(&server));
    let gateway = plan.start()?;
    let conninfo = format!("host={NAME} port={} user=app dbname=agent sslmode=verify-full", server.port());
    let mut run = Command::new(host::postern()?);
    run.arg("run").arg("--config").arg(gateway.config_dir()).args(["--agent", "coder", "--user", "nobody"]);
    run.args(["--", "psql", "-XAtwd", &conninfo, "-c", "select 6 * 7"]).env_remove("PGSSLROOTCERT");
    let output = run.stdin(Stdio::null()).current_dir("/").output().context("cannot run postern")?;
    assert!(said(&output).starts_with("42\n"), "{}", said(&output));
    Ok(())
}

#[test]
fn the_key_is_nobodys_and_the_certificate_is_everybodys() -> Result<()> {
    let server = server()?;
    let gateway = super::plan(&server).start()?;
    let agent = gateway.agent("coder")?;
    let serve = gateway.folder().join("serve");
    let may_read = |name: &str| {
        let path = serve.join(name);
        Ok::<_, anyhow::Error>(agent.run("cat", &[path.to_str().context("text")?])?.status.success())
    };
    assert!(may_read("trust/ca.pem")? && may_read("trust/ca-bundle.pem")?);
    assert!(!may_read("authority/1.key")?);
    let shown = gateway.postern(&["ca", "export"])?;
    assert_eq!(said(&shown), fs::read_to_string(serve.join("trust/ca.pem"))?);
    Ok(())
}
