//! What a confined command cannot do any more, and what goes on working.

use std::collections::BTreeMap;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result};
use gateway_e2e::gateway::Gateway;
use gateway_e2e::host;

use super::{USER, complaint, plan, plan_with, run, said};

type Answers = BTreeMap<String, i32>;

fn confined(gateway: &Gateway, words: &[&str]) -> Result<Output> {
    run(gateway, &["--confine"])?.args(words).output().context("cannot run postern")
}

fn answers(output: &Output) -> Result<Answers> {
    serde_json::from_slice(&output.stdout).with_context(|| complaint(output))
}

/// The same calls as root, whom nothing refuses them: else a refusal would prove nothing.
fn unconfined() -> Result<Answers> {
    answers(&Command::new(host::tester()?).arg("forbidden").stdin(Stdio::null()).output()?)
}

fn tester() -> Result<String> {
    host::tester()?.into_os_string().into_string().ok().context("the tester's path is not text")
}

/// Families that agents have: unix, IPv4, IPv6, and netlink for its routing protocol.
const FAMILIES: [&str; 4] = ["family 1", "family 2", "family 10", "family 16"];

#[test]
fn calls_that_lead_out_are_refused() -> Result<()> {
    let gateway = plan().start_enforcer()?;
    let (free, held) = (unconfined()?, answers(&confined(&gateway, &[&tester()?, "forbidden"])?)?);
    let is_call = |name: &str| !name.starts_with("family") && !name.starts_with("netlink");
    for (name, answer) in held.iter().filter(|(name, _)| is_call(name)) {
        let refusal = if name == "clone3" { libc::ENOSYS } else { libc::EPERM };
        assert_eq!(*answer, refusal, "{name}");
        assert_ne!(free.get(name), Some(&refusal), "{name} is refused to everybody");
    }
    Ok(())
}

#[test]
fn sockets_of_other_families_are_refused() -> Result<()> {
    let gateway = plan().start_enforcer()?;
    let held = answers(&confined(&gateway, &[&tester()?, "forbidden"])?)?;
    for (name, answer) in held.iter().filter(|(name, _)| name.starts_with("family")) {
        // Also a family that this kernel does not have: it may get it with the next module.
        let wanted = if FAMILIES.contains(&name.as_str()) { 0 } else { libc::EPERM };
        assert_eq!(*answer, wanted, "{name}");
    }
    for (name, answer) in held.iter().filter(|(name, _)| name.starts_with("netlink")) {
        let wanted = if name == "netlink 0" { 0 } else { libc::EPERM };
        assert_eq!(*answer, wanted, "{name}");
    }
    Ok(())
}

#[test]
fn other_processes_of_the_same_user_are_out_of_reach_or_named_as_open() -> Result<()> {
    let gateway = plan().start_enforcer()?;
    let name = format!("{}-outsider", gateway.tag.as_str());
    let _listener = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name)?)?;
    let mut outsider = Command::new("setpriv")
        .args(["--reuid", USER, "--clear-groups", "--", "sleep", "1000"])
        .spawn()
        .context("cannot start an outsider")?;
    let output = confined(&gateway, &[&tester()?, "forbidden", &name, &outsider.id().to_string()])?;
    outsider.kill()?;
    outsider.wait()?;
    let (held, open) = (answers(&output)?, complaint(&output));
    for (attempt, vector) in [
        ("abstract socket", "abstract unix sockets"),
        ("look outside", "inspection of the user's other processes"),
        ("signal", "signals to the user's other processes"),
    ] {
        assert_eq!(held.get(attempt) == Some(&0), open.contains(vector) && !host::in_guest(), "{attempt}");
    }
    Ok(())
}

#[test]
fn the_hosts_run_folder_is_not_there_but_allowed_sockets_are() -> Result<()> {
    let dir = tempfile::Builder::new().prefix("postern-test-").tempdir_in("/run")?;
    let (allowed, other) = (dir.path().join("allowed.sock"), dir.path().join("other.sock"));
    let _listeners = (UnixListener::bind(&allowed)?, UnixListener::bind(&other)?);
    let gateway = plan_with(&format!("unix_sockets = {allowed:?}\n")).start_enforcer()?;
    let script = format!(
        "test -S {} && echo allowed; test -e {} && echo other; ls /run",
        allowed.display(),
        other.display()
    );
    let output = confined(&gateway, &["sh", "-c", &script])?;
    let folder = dir.path().file_name().context("no name")?.to_string_lossy();
    let mut seen: Vec<String> = said(&output).lines().map(str::to_owned).collect();
    seen.sort();
    assert_eq!(seen, ["allowed", &*folder, "user"], "{}", complaint(&output));
    assert!(other.exists(), "the host lost its folder");
    Ok(())
}

#[test]
fn nothing_is_privileged_and_nothing_can_become_so() -> Result<()> {
    let gateway = plan_with("danger_root = true\n").start_enforcer()?;
    for user in [USER, "root"] {
        let mut command = Command::new(host::postern()?);
        command.arg("run").arg("--config").arg(gateway.config_dir());
        command.args(["--agent", "coder", "--user", user, "--confine", "--", "cat", "/proc/self/status"]);
        let output = command.output()?;
        let status = said(&output);
        let value = |key: &str| status.lines().find_map(|line| line.strip_prefix(key)).map(str::trim);
        for set in ["CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"] {
            assert_eq!(value(set), Some("0000000000000000"), "{user} {set} {}", complaint(&output));
        }
        assert_eq!(value("NoNewPrivs:"), Some("1"));
    }
    Ok(())
}

#[test]
fn a_root_agent_cannot_write_itself_out_of_its_cgroup() -> Result<()> {
    let gateway = plan_with("danger_root = true\n").start_enforcer()?;
    let procs = host::cgroup2_root()?.join("cgroup.procs");
    let script = format!("echo $$ > {}; sed -n s/^0:://p /proc/self/cgroup", procs.display());
    let mut command = Command::new(host::postern()?);
    command.arg("run").arg("--config").arg(gateway.config_dir());
    command.args(["--agent", "coder", "--user", "root", "--confine", "--", "sh", "-c", &script]);
    let output = command.output()?;
    assert!(said(&output).contains(gateway.tag.as_str()), "{} {}", said(&output), complaint(&output));
    Ok(())
}

#[test]
fn ordinary_work_goes_on() -> Result<()> {
    let gateway = plan().start_enforcer()?;
    // Threads, children, a socket pair, a server of its own, and a file moved between folders.
    let script = "import os, socket, subprocess, tempfile, threading\n\
        t = threading.Thread(target=lambda: None); t.start(); t.join()\n\
        subprocess.run(['true'], check=True)\n\
        a, b = socket.socketpair(); a.send(b'x'); assert b.recv(1) == b'x'\n\
        d = tempfile.mkdtemp(); os.mkdir(d + '/a'); os.mkdir(d + '/b')\n\
        s = socket.socket(socket.AF_UNIX); s.bind(d + '/a/s'); s.listen()\n\
        c = socket.socket(socket.AF_UNIX); c.connect(d + '/a/s')\n\
        open(d + '/a/f', 'w').close(); os.rename(d + '/a/f', d + '/b/f')\n\
        socket.getaddrinfo('127.0.0.1', 80)\n\
        subprocess.run(['rm', '-r', d], check=True); print('fine')";
    let output = confined(&gateway, &["python3", "-c", script])?;
    assert_eq!(said(&output), "fine", "{}", complaint(&output));
    Ok(())
}

/// Guests have no room for them; there they are the same programs anyway.
#[test]
fn common_clients_start() -> Result<()> {
    let gateway = plan().start_enforcer()?;
    let clients: &[&[&str]] = &[
        &["curl", "--version"],
        &["psql", "--version"],
        &["node", "-e", "require('fs').promises.readFile('/etc/passwd').then(() => console.log('read'))"],
    ];
    for client in clients.iter().filter(|_| !host::in_guest()) {
        let output = confined(&gateway, client)?;
        assert!(output.status.success(), "{client:?}: {}", complaint(&output));
    }
    Ok(())
}
