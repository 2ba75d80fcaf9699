//! What everything else in this suite stands on: each version of the server runs, and is as strict as it is told to be.

use std::process::Command;

use anyhow::{Result, ensure};
use gateway_e2e::servers::postgres::{Authority, PASSWORD, Postgres, Validity, Version};
use libtest_mimic::Trial;

use crate::trial;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("servers::each_version_runs_with_tls_and_checks_passwords", each_version_runs),
        trial("servers::one_that_was_stopped_starts_again_with_its_data", starts_again),
    ]
}

fn each_version_runs() -> Result<()> {
    let authority = Authority::new("the database's own authority")?;
    for (version, number) in [(Version::V15, "15"), (Version::V16, "16"), (Version::V18, "18")] {
        let identity = authority.server(&["127.0.0.1", "localhost"], Validity::Current)?;
        let rule = "hostssl all all all scram-sha-256";
        let server = Postgres::of(version).tls(identity).rule(rule).start()?;
        ensure!(server.sql("show server_version_num")?.starts_with(number));
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

fn starts_again() -> Result<()> {
    let mut server = Postgres::start()?;
    server.sql("create table kept (number int); insert into kept values (7)")?;
    server.stop()?;
    ensure!(server.sql("table kept").is_err(), "it still answers");
    server.start_again()?;
    ensure!(server.sql("table kept")? == "7");
    Ok(())
}
