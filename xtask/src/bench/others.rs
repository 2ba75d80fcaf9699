//! What others make, to be measured beside.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;

use anyhow::{Context, Result};

use crate::stage::Stage;
use crate::stage::process::{Process, as_user};

/// haproxy as a relay of bytes.
pub(super) fn haproxy(stage: &Stage, dir: &Path, to: SocketAddr) -> Result<(Process, SocketAddr)> {
    let at = free_address()?;
    let config = dir.join("haproxy.cfg");
    let text = format!(
        "defaults\n  mode tcp\n  maxconn 5000\n  timeout connect 5s\n  timeout client 600s\n  timeout server 600s\n\
         listen relay\n  bind {at}\n  server target {to}\n"
    );
    std::fs::write(&config, text)?;
    let mut haproxy = as_user("nobody", "nogroup");
    haproxy.args(["/usr/sbin/haproxy", "-db", "-f"]).arg(&config).current_dir("/");
    let process = Process::start(stage, "haproxy", &mut haproxy, &dir.join("haproxy.log"))?;
    listening(&process, at)?;
    Ok((process, at))
}

/// pgbouncer that keeps a connection of the server for each of a client's, and lets everybody in.
pub(super) fn pgbouncer(
    stage: &Stage,
    dir: &Path,
    to: SocketAddr,
    login: (&str, &str),
) -> Result<(Process, SocketAddr)> {
    let at = free_address()?;
    let config = dir.join("pgbouncer.ini");
    let ((host, port), (user, password)) = ((to.ip(), to.port()), login);
    let text = format!(
        "[databases]\n* = host={host} port={port} user={user} password={password}\n\
         [pgbouncer]\nlisten_addr = {}\nlisten_port = {}\nauth_type = any\npool_mode = session\n\
         max_client_conn = 2000\ndefault_pool_size = 1000\nlog_connections = 0\nlog_disconnections = 0\n\
         ignore_startup_parameters = extra_float_digits\nunix_socket_dir =\n",
        at.ip(),
        at.port()
    );
    std::fs::write(&config, text)?;
    let mut pgbouncer = as_user("nobody", "nogroup");
    pgbouncer.args(["/usr/sbin/pgbouncer"]).arg(&config).current_dir("/");
    let process = Process::start(stage, "pgbouncer", &mut pgbouncer, &dir.join("pgbouncer.log"))?;
    listening(&process, at)?;
    Ok((process, at))
}

pub(super) fn listening(process: &Process, at: SocketAddr) -> Result<()> {
    process.wait_for("a relay to listen", || TcpStream::connect(at).ok()).map(drop)
}

pub(super) fn free_address() -> Result<SocketAddr> {
    TcpListener::bind("127.0.0.1:0")?.local_addr().context("a listener without an address")
}
