//! The units of systemd/ under a real service manager: agents start only where they are held.
//!
//! The tests share one host, as services do. Each leaves the enforcer running and the example agent stopped.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use anyhow::{Context, Result, ensure};
use gateway_e2e::{host, wait};

const UNITS: &str = "/etc/systemd/system";
const AGENT: &str = "example-agent@one.service";
const CONFIG: &str = "[agents.example]\nunit = \"example-agent@*.service\"\ntargets = []\n\
    [agents.runner]\nunit = \"runner-*.scope\"\ntargets = []\n";

/// What the packages will do.
fn install() -> Result<()> {
    static INSTALLED: OnceLock<()> = OnceLock::new();
    if INSTALLED.get().is_some() {
        return Ok(());
    }
    // Not over a running one.
    let _ = fs::remove_file("/usr/bin/postern");
    fs::copy(host::postern()?, "/usr/bin/postern")?;
    fs::set_permissions("/usr/bin/postern", fs::Permissions::from_mode(0o755))?;
    for entry in fs::read_dir(source()?)? {
        let path = entry?.path();
        if path.extension().is_some_and(|kind| kind == "service" || kind == "slice") {
            fs::copy(&path, Path::new(UNITS).join(path.file_name().context("no name")?))?;
        }
    }
    succeed("systemd-sysusers", &[text(&source()?.join("postern.sysusers.conf"))?.as_str()])?;
    succeed("systemd-tmpfiles", &["--create", &text(&source()?.join("postern.tmpfiles.conf"))?])?;
    fs::create_dir_all("/etc/postern")?;
    fs::write("/etc/postern/agents.toml", CONFIG)?;
    succeed("systemctl", &["daemon-reload"])?;
    INSTALLED.get_or_init(|| ());
    Ok(())
}

fn source() -> Result<PathBuf> {
    let source = std::env::var_os("POSTERN_SOURCE").context("POSTERN_SOURCE is not set")?;
    Ok(PathBuf::from(source).join("systemd"))
}

fn text(path: &Path) -> Result<String> {
    Ok(path.to_str().context("not text")?.to_owned())
}

fn output(program: &str, args: &[&str]) -> Result<Output> {
    Command::new(program).args(args).output().with_context(|| format!("cannot run {program}"))
}

fn succeed(program: &str, args: &[&str]) -> Result<String> {
    let output = output(program, args)?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{program} {args:?}: {complaint}\n{}", journal()?);
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn journal() -> Result<String> {
    let last = output("journalctl", &["--boot", "--no-pager", "--lines=60", "--output=cat"])?;
    Ok(String::from_utf8_lossy(&last.stdout).into_owned())
}

fn show(unit: &str, property: &str) -> Result<String> {
    succeed("systemctl", &["show", "--value", "--property", property, unit])
}

/// The gateway is wanted, not waited for.
fn gateway_is_up() -> Result<()> {
    wait::until_true("the gateway is up", || is_active("postern.service"))
        .with_context(|| journal().unwrap_or_default())
}

fn is_active(unit: &str) -> Result<bool> {
    Ok(show(unit, "ActiveState")? == "active")
}

const AGENT_CHANGES: &str = "example-agent@.service.d";
const ENFORCER_CHANGES: &str = "postern-enforce.service.d";

/// A change of a unit that lasts as long as this value.
struct Changed(PathBuf);

impl Changed {
    fn new(folder: &str, lines: &str) -> Result<Self> {
        let folder = Path::new(UNITS).join(folder);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("changed.conf"), lines)?;
        succeed("systemctl", &["daemon-reload"])?;
        Ok(Self(folder))
    }
}

impl Drop for Changed {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
        let _ = output("systemctl", &["daemon-reload"]);
        let _ = output("systemctl", &["reset-failed"]);
    }
}

fn refused_start() -> Result<()> {
    let started = output("systemctl", &["start", AGENT])?;
    ensure!(!started.status.success(), "{AGENT} started");
    ensure!(!is_active(AGENT)?, "{AGENT} runs");
    Ok(())
}

#[test]
fn systemd_understands_every_line_of_the_units() -> Result<()> {
    install()?;
    for unit in ["postern-enforce.service", "postern.service", "postern-ready.service", "agents.slice", AGENT]
    {
        let verified = output("systemd-analyze", &["verify", "--man=no", unit])?;
        let complaint = String::from_utf8_lossy(&verified.stderr).into_owned();
        let ours = complaint.lines().any(|line| line.contains("postern") || line.contains("agent"));
        assert!(verified.status.success() && !ours, "{unit}: {complaint}");
    }
    Ok(())
}

#[test]
fn an_agents_unit_starts_in_the_slice_once_enforcement_is_proved() -> Result<()> {
    install()?;
    succeed("systemctl", &["start", AGENT])?;
    gateway_is_up()?;
    for unit in ["postern-enforce.service", "agents.slice", AGENT] {
        assert!(is_active(unit)?, "{unit}\n{}", journal()?);
    }
    assert_eq!(show(AGENT, "ControlGroup")?, format!("/agents.slice/{AGENT}"));
    let pid = show(AGENT, "MainPID")?;
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    assert!(status.contains("NoNewPrivs:\t1") && status.contains("Seccomp:\t2"), "{status}");
    succeed("systemctl", &["stop", AGENT])?;
    Ok(())
}

#[test]
fn a_restart_of_the_enforcer_does_not_touch_agents() -> Result<()> {
    install()?;
    succeed("systemctl", &["start", AGENT])?;
    let before = show(AGENT, "MainPID")?;
    succeed("systemctl", &["restart", "postern-enforce.service"])?;
    assert_eq!(show(AGENT, "MainPID")?, before);
    assert!(is_active("agents.slice")?);
    succeed("systemctl", &["stop", AGENT])?;
    Ok(())
}

#[test]
fn without_an_enforcer_no_agent_starts() -> Result<()> {
    install()?;
    succeed("systemctl", &["stop", AGENT, "agents.slice", "postern-enforce.service"])?;
    let broken = Changed::new(ENFORCER_CHANGES, "[Unit]\nAssertPathExists=/nowhere\n")?;
    let refused = refused_start().and_then(|()| {
        ensure!(!is_active("agents.slice")?, "the slice started");
        Ok(())
    });
    drop(broken);
    succeed("systemctl", &["start", "postern-enforce.service"])?;
    refused
}

#[test]
fn a_unit_that_runs_as_root_does_not_start() -> Result<()> {
    install()?;
    let _changed = Changed::new(AGENT_CHANGES, "[Service]\nUser=root\n")?;
    refused_start()?;
    wait::until_true("the journal says why", || Ok(journal()?.contains("the unit runs as root")))
}

#[test]
fn a_unit_that_is_no_agents_is_not_taken_for_one() -> Result<()> {
    install()?;
    let ready = output("/usr/bin/postern", &["ready", "--unit", "dbus.service"])?;
    assert!(!ready.status.success());
    let complaint = String::from_utf8_lossy(&ready.stderr);
    assert!(complaint.contains("no agent of the configuration is meant by dbus.service"), "{complaint}");
    Ok(())
}

#[test]
fn a_command_gets_a_scope_of_its_own_that_ends_with_it() -> Result<()> {
    install()?;
    succeed("systemctl", &["start", "postern-enforce.service"])?;
    let args = ["run", "--agent", "runner", "--user", "nobody", "--", "cat", "/proc/self/cgroup"];
    let cgroup = succeed("/usr/bin/postern", &args)?;
    let path = cgroup.strip_prefix("0::").context("no cgroup")?;
    assert!(path.starts_with("/agents.slice/runner-") && path.ends_with(".scope"), "{path}");
    let dir = host::cgroup2_root()?.join(path.trim_start_matches('/'));
    wait::until_true("the scope is gone", || Ok(!dir.exists()))
}
