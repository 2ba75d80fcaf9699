//! What everything else in this suite stands on: each version of the server runs, and is as strict as it is told to be.

use anyhow::Result;
use gateway_e2e::servers::postgres::{Authority, PASSWORD, Postgres, Validity, Version};
use std::process::Command;

#[test]
fn each_version_of_the_server_runs_with_tls_and_checks_passwords() -> Result<()> {
    let authority = Authority::new("the database's own authority")?;
    for (version, number) in [(Version::V15, "15"), (Version::V16, "16"), (Version::V18, "18")] {
        let identity = authority.server(&["127.0.0.1", "localhost"], Validity::Current)?;
        let rule = "hostssl all all all scram-sha-256";
        let server = Postgres::of(version).tls(identity).rule(rule).start()?;
        assert_eq!(server.sql("show server_version_num")?.get(..2), Some(number));
        let trusted = server.folder().join("authority.crt");
        authority.write(&trusted)?;
        let log_in = |password: &str| {
            let target = format!(
                "host=127.0.0.1 port={} user=agent sslmode=verify-full sslrootcert={} channel_binding=require",
                server.port(),
                trusted.display()
            );
            Command::new("psql")
                .args(["-XAtw", &target, "-c", "select 6 * 7"])
                .env("PGPASSWORD", password)
                .output()
        };
        let right = log_in(PASSWORD)?;
        assert_eq!(
            String::from_utf8_lossy(&right.stdout),
            "42\n",
            "{}",
            String::from_utf8_lossy(&right.stderr)
        );
        assert!(!log_in("another")?.status.success());
    }
    Ok(())
}

#[test]
fn a_server_is_stopped_killed_and_started_again_with_its_data() -> Result<()> {
    let mut server = Postgres::start()?;
    server.sql("create table kept (number int); insert into kept values (7)")?;
    server.stop()?;
    assert!(server.sql("table kept").is_err());
    server.start_again()?;
    assert_eq!(server.sql("table kept")?, "7");
    Ok(())
}
