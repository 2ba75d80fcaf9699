//! How agents come in, with real clients from inside an agent's cgroup.

use anyhow::{Context, Result};
use gateway_audit::event::Ending;

use super::{PLACEHOLDER, client, plan, psql, python, said, server};

#[test]
fn an_agent_comes_in_with_every_tls_mode_and_no_password() -> Result<()> {
    let server = server()?;
    let gateway = plan(&server).start()?;
    let agent = gateway.agent("coder")?;
    for mode in ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] {
        let output = psql(&gateway, &server, &agent, &[("PGSSLMODE", mode)])?;
        assert_eq!(said(&output), "agent|42\n", "{mode}");
    }
    let other =
        psql(&gateway, &server, &agent, &[("PGSSLMODE", "verify-full"), ("PGHOSTADDR", "127.0.0.1")])?;
    assert_eq!(said(&other), "agent|42\n");
    Ok(())
}

#[test]
fn an_agent_that_believes_somebody_else_leaves_a_record_of_it() -> Result<()> {
    let server = server()?;
    let gateway = plan(&server).start()?;
    let agent = gateway.agent("coder")?;
    let host = ("PGSSLROOTCERT", "/etc/ssl/certs/ca-certificates.crt");
    let output = psql(&gateway, &server, &agent, &[("PGSSLMODE", "verify-full"), host])?;
    assert!(said(&output).contains("certificate verify failed"), "{}", said(&output));
    gateway.records().await_ended(
        |ended| matches!(&ended.ending, Ending::LoginFailed { why } if why.contains("does not believe")),
    )?;
    Ok(())
}

#[test]
fn direct_tls_and_the_newest_protocol_work() -> Result<()> {
    let server = server()?;
    let gateway = plan(&server).start()?;
    let agent = gateway.agent("coder")?;
    let script = "import psycopg, sys\n\
        connection = psycopg.connect(sys.argv[1])\n\
        print(connection.execute('select 6 * 7').fetchone()[0], connection.info.parameter_status('server_version')[:2])\n\
        print(connection.pgconn.ssl_in_use, connection.pgconn.full_protocol_version \
        if hasattr(connection.pgconn, 'full_protocol_version') else '')";
    for more in [
        "sslnegotiation=direct sslmode=verify-full",
        "sslnegotiation=direct sslmode=verify-full max_protocol_version=latest min_protocol_version=3.2",
        "sslmode=require max_protocol_version=latest min_protocol_version=3.2",
    ] {
        let mut command = client(&gateway, &server, &agent, &python()?)?;
        let output = command.args(["-c", script, more]).output().context("cannot run python")?;
        assert!(said(&output).starts_with("42 18\nTrue"), "{more}: {}", said(&output));
    }
    Ok(())
}

#[test]
fn a_driver_that_insists_on_a_password_sends_the_placeholder_bound_to_the_connection() -> Result<()> {
    let server = server()?;
    let gateway = plan(&server).start()?;
    let agent = gateway.agent("tester")?;
    let with = |password, mode, binding| {
        let more = [("PGPASSWORD", password), ("PGSSLMODE", mode), ("PGCHANNELBINDING", binding)];
        psql(&gateway, &server, &agent, &more).map(|output| said(&output))
    };
    assert_eq!(with(PLACEHOLDER, "disable", "disable")?, "agent|42\n");
    assert_eq!(with(PLACEHOLDER, "require", "disable")?, "agent|42\n");
    assert_eq!(with(PLACEHOLDER, "verify-full", "require")?, "agent|42\n");
    let wrong = with("guessed", "verify-full", "require")?;
    assert!(wrong.contains("FATAL:  the password is not this agent's placeholder"), "{wrong}");
    Ok(())
}

#[test]
fn what_fails_behind_the_gateway_is_told_in_words() -> Result<()> {
    let mut server = server()?;
    let gateway = plan(&server).start()?;
    let agent = gateway.agent("coder")?;
    let missing = psql(&gateway, &server, &agent, &[("PGDATABASE", "nowhere")])?;
    assert!(said(&missing).contains("FATAL:  the database does not exist"), "{}", said(&missing));
    let replication = client(&gateway, &server, &agent, "psql")?
        .args(["-XAtwc", "IDENTIFY_SYSTEM", "replication=database"])
        .output()?;
    assert!(said(&replication).contains("replication is not open to agents here"), "{}", said(&replication));
    server.stop()?;
    let down = psql(&gateway, &server, &agent, &[])?;
    assert!(said(&down).contains("FATAL:  the server cannot be reached"), "{}", said(&down));
    Ok(())
}
