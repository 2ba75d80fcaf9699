//! Every way in which a server lets the gateway in.

use anyhow::{Result, ensure};
use gateway_e2e::servers::postgres::{Authority, Postgres, Validity, Version};
use gateway_e2e::wait;

use crate::stage::Stage;

const LOGIN: &str = "user = \"agent\"\npassword = \"command:/bin/echo what the agent never knows\"";

/// The agent gets in, and the server says whether the connection has TLS.
fn enters(server: Postgres, keys: &str, tls: &str) -> Result<()> {
    let stage = Stage::over(server, keys)?;
    let seen = stage.ask(&["select current_user, ssl from pg_stat_ssl where pid = pg_backend_pid()"])?;
    ensure!(seen.as_deref() == Ok(format!("agent|{tls}").as_str()), "{seen:?} {}", stage.said()?);
    Ok(())
}

fn with_tls(version: Version, rule: &str) -> Result<Postgres> {
    let authority = Authority::new("the database's own authority")?;
    let identity = authority.server(&["127.0.0.1"], Validity::Current)?;
    let server = Postgres::of(version).tls(identity).rule(rule).start()?;
    authority.write(&server.folder().join("ca.crt"))?;
    Ok(server)
}

fn ca(server: &Postgres) -> String {
    format!("{LOGIN}\nca = {:?}", server.folder().join("ca.crt"))
}

#[test]
fn by_scram_bound_to_the_channel() -> Result<()> {
    for version in Version::ALL {
        let server = with_tls(version, "hostssl all all all scram-sha-256")?;
        let keys = ca(&server);
        enters(server, &keys, "t")?;
    }
    Ok(())
}

#[test]
fn by_scram_without_tls() -> Result<()> {
    let server = Postgres::of(Version::V18).rule("host all all all scram-sha-256").start()?;
    enters(server, &format!("{LOGIN}\ndanger_tls = \"disable\""), "f")
}

#[test]
fn by_md5() -> Result<()> {
    let server = with_tls(Version::V16, "hostssl all all all md5")?;
    server.sql("set password_encryption = 'md5'; alter role agent password 'what the agent never knows'")?;
    let keys = ca(&server);
    enters(server, &keys, "t")
}

#[test]
fn by_password_inside_tls() -> Result<()> {
    let server = with_tls(Version::V15, "hostssl all all all password")?;
    let keys = ca(&server);
    enters(server, &keys, "t")
}

#[test]
fn by_a_certificate() -> Result<()> {
    let authority = Authority::new("the database's own authority")?;
    let server = Postgres::of(Version::V16)
        .tls(authority.server(&["127.0.0.1"], Validity::Current)?)
        .client_authority(&authority)
        .rule("hostssl all all all cert")
        .start()?;
    let folder = server.folder().to_owned();
    authority.write(&folder.join("ca.crt"))?;
    let user =
        ["postern", "nobody"].iter().find_map(|name| nix::unistd::User::from_name(name).ok().flatten());
    let user = user.ok_or_else(|| anyhow::anyhow!("no user for the gateway"))?;
    authority.client("agent", Validity::Current)?.write(&folder, "login", &user)?;
    let (certificate, key) = (folder.join("login.crt"), folder.join("login.key"));
    let keys = format!(
        "user = \"agent\"\nca = {:?}\ncertificate = {certificate:?}\nprivate_key = \"file:{}\"",
        folder.join("ca.crt"),
        key.display()
    );
    enters(server, &keys, "t")
}

/// As `openssl req -x509` makes them, which no list of authorities can trust.
#[test]
fn by_a_pinned_certificate() -> Result<()> {
    let server = with_tls(Version::V16, "hostssl all all all scram-sha-256")?;
    let file = server.folder().join("server.crt");
    let printed = std::process::Command::new("openssl")
        .args(["x509", "-noout", "-fingerprint", "-sha256", "-in"])
        .arg(&file)
        .output()?;
    let printed = String::from_utf8_lossy(&printed.stdout).trim().to_owned();
    let fingerprint = printed.rsplit('=').next().unwrap_or_default().to_owned();
    enters(server, &format!("{LOGIN}\npin = \"sha256:{fingerprint}\""), "t")
}

/// What `postern target init` says is all that an administrator has to do.
#[test]
fn by_a_certificate_made_for_the_session() -> Result<()> {
    let authority = Authority::new("the database's own authority")?;
    let server = Postgres::of(Version::V16)
        .tls(authority.server(&["127.0.0.1"], Validity::Current)?)
        .client_authority(&authority)
        .rule("host all all all reject")
        .start()?;
    authority.write(&server.folder().join("ca.crt"))?;
    let keys =
        format!("user = \"agent\"\ncredential = \"client-cert\"\nca = {:?}", server.folder().join("ca.crt"));
    let stage = Stage::over(server, &keys)?;
    ensure!(stage.ask(&["select 1"])?.is_err(), "the server lets in whoever comes");
    let told = stage.gateway.postern(&["target", "init", "orders"])?;
    let told = String::from_utf8(told.stdout)?;
    obey(&stage, &told)?;
    let seen = stage.ask(&["select current_user, system_user like 'cert:%CN=agent:%'"])?;
    ensure!(seen.as_deref() == Ok("agent|t"), "{seen:?} {}", stage.said()?);
    // Whoever else the authority vouches for is somebody else.
    let others =
        told.lines().find(|line| line.starts_with("postern ")).map(|line| line.replace("agent:", "nobody:"));
    stage.server.configure("pg_ident.conf", &others.unwrap_or_default())?;
    wait::until_true("a certificate of another user is refused", || Ok(stage.ask(&["select 1"])?.is_err()))?;
    stage.says("certificate authentication failed").map(drop)
}

/// Does with the server what stands there for its three files.
fn obey(stage: &Stage, told: &str) -> Result<()> {
    let line = |start: &str| {
        let found = told.lines().find(|line| line.starts_with(start));
        found.ok_or_else(|| anyhow::anyhow!("no line that begins with {start:?} in {told}"))
    };
    let copied = told.lines().find_map(|line| line.split_once("copy ")?.1.split(' ').next());
    let copied =
        std::fs::read_to_string(copied.ok_or_else(|| anyhow::anyhow!("nothing to copy in {told}"))?)?;
    std::fs::write(stage.server.folder().join("clients.crt"), copied)?;
    stage.server.configure("pg_ident.conf", line("postern ")?)?;
    let rules = format!("local all all trust\n{}\n", line("hostssl ")?);
    stage.server.configure("pg_hba.conf", &rules)?;
    wait::until_true("the server believes the gateway's authority", || Ok(stage.ask(&["select 1"])?.is_ok()))
        .map_err(|error| error.context(stage.said().unwrap_or_default()))
}
