//! Where a command runs, and what passes between it and its caller.

use std::fs;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use gateway_e2e::host;
use gateway_e2e::servers::Echo;
use gateway_e2e::wait;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{complaint, plan, plan_with, run, said, shell};

#[test]
fn a_command_runs_as_an_ordinary_user_in_a_cgroup_of_the_agent() -> Result<()> {
    let gateway = plan().start_enforcer()?;
    let output = shell(&gateway, "id -un; grep ^0:: /proc/self/cgroup")?;
    let said = said(&output);
    let (user, cgroup) = said.split_once('\n').context(complaint(&output))?;
    assert_eq!(user, super::USER);
    assert!(cgroup.starts_with(&format!("0::/agents.slice/{}-coder-", gateway.tag.as_str())), "{cgroup}");
    Ok(())
}

#[test]
fn its_cgroup_ends_with_it_and_so_does_what_it_left_behind() -> Result<()> {
    let gateway = plan().start_enforcer()?;
    let output = shell(&gateway, "sleep 1000 >/dev/null 2>&1 & echo $!; sed -n s/^0:://p /proc/self/cgroup")?;
    let said = said(&output);
    let (left, cgroup) = said.split_once('\n').context(complaint(&output))?;
    let dir = host::cgroup2_root()?.join(cgroup.trim_start_matches('/'));
    wait::until_true("the cgroup is gone", || Ok(!dir.exists()))?;
    // One that was killed has no words left, even if nobody has asked for its status yet.
    assert_eq!(fs::read_to_string(format!("/proc/{left}/cmdline")).unwrap_or_default(), "");
    Ok(())
}

#[test]
fn a_command_ends_for_its_caller_as_it_ended() -> Result<()> {
    let gateway = plan().start_enforcer()?;
    assert_eq!(shell(&gateway, "exit 7")?.status.code(), Some(7));
    assert_eq!(shell(&gateway, "kill -TERM $$")?.status.code(), Some(128 + 15));
    let unknown = run(&gateway, &[])?.arg("/no/such/program").output()?;
    assert_eq!(unknown.status.code(), Some(127));
    assert!(complaint(&unknown).contains("error: cannot start /no/such/program"), "{}", complaint(&unknown));
    Ok(())
}

#[test]
fn a_signal_for_postern_is_one_for_the_command() -> Result<()> {
    let gateway = plan().start_enforcer()?;
    let mut command = run(&gateway, &[])?;
    command.args(["sh", "-c", "trap 'exit 5' TERM; echo ready; while :; do sleep 0.05; done"]);
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    child.stdout.take().context("no output")?.read_exact(&mut [0; 6])?;
    kill(Pid::from_raw(i32::try_from(child.id())?), Signal::SIGTERM)?;
    assert_eq!(child.wait()?.code(), Some(5));
    Ok(())
}

#[test]
fn a_terminal_stays_the_commands_own() -> Result<()> {
    let gateway = plan().start_enforcer()?;
    let mut inside = run(&gateway, &[])?;
    inside.args(["sh", "-c", "test -t 0 && test -t 1 && echo ready; exec sleep 1000"]);
    // Presses Ctrl-C when the command is ready, and tells how it ended.
    let typist = "import os, pty, sys\n\
        pid, terminal = pty.fork()\n\
        if pid == 0: os.execv(sys.argv[1], sys.argv[1:])\n\
        seen = b''\n\
        while b'ready' not in seen: seen += os.read(terminal, 1000)\n\
        os.write(terminal, b'\\x03')\n\
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))";
    let output = Command::new("python3")
        .args(["-c", typist])
        .arg(inside.get_program())
        .args(inside.get_args())
        .output()?;
    assert_eq!(said(&output), "130", "{}", complaint(&output));
    Ok(())
}

#[test]
fn sockets_of_the_caller_reach_the_command_as_pipes() -> Result<()> {
    let gateway = plan().start_enforcer()?;
    let (mut ours, theirs) = UnixStream::pair()?;
    let mut command = run(&gateway, &[])?;
    command.args(["sh", "-c", "test -p /dev/stdin && test -p /dev/stdout && read line && echo got $line"]);
    let mut child =
        command.stdin(OwnedFd::from(theirs.try_clone()?)).stdout(OwnedFd::from(theirs)).spawn()?;
    drop(command);
    ours.write_all(b"hello\n")?;
    let mut answer = String::new();
    ours.read_to_string(&mut answer)?;
    assert_eq!(answer, "got hello\n");
    assert_eq!(child.wait()?.code(), Some(0));
    Ok(())
}

#[test]
fn descriptors_of_the_caller_do_not_reach_the_command() -> Result<()> {
    let gateway = plan().start_enforcer()?;
    let inside = run(&gateway, &[])?;
    let mut outside = Command::new("bash");
    outside.args(["-c", "exec 7</etc/passwd 42</etc/passwd; exec \"$@\"", "bash"]);
    outside.arg(inside.get_program()).args(inside.get_args()).args(["sh", "-c", "echo /proc/self/fd/*"]);
    let output = outside.output()?;
    let open = said(&output);
    assert!(!open.contains("/7") && !open.contains("/42") && open.contains("/2"), "{open}");
    Ok(())
}

#[test]
fn root_is_refused_unless_the_danger_is_taken() -> Result<()> {
    let as_root = |more: &str| -> Result<_> {
        let gateway = plan_with(more).start_enforcer()?;
        let args = ["run", "--agent", "coder", "--user", "root", "--", "id", "-u"];
        let mut command = Command::new(host::postern()?);
        Ok(command.args(&args[..1]).arg("--config").arg(gateway.config_dir()).args(&args[1..]).output()?)
    };
    let refused = as_root("")?;
    assert_eq!((refused.status.code(), said(&refused).as_str()), (Some(1), ""));
    assert!(complaint(&refused).contains("agents.coder.danger_root"), "{}", complaint(&refused));
    let taken = as_root("danger_root = true\n")?;
    assert_eq!(said(&taken), "0", "{}", complaint(&taken));
    Ok(())
}

#[test]
fn without_an_enforcer_nothing_runs() -> Result<()> {
    let mut gateway = plan().start_enforcer()?;
    gateway.kill_enforcer()?;
    let mark = gateway.folder().join("mark");
    let output = run(&gateway, &[])?.arg("touch").arg(&mark).output()?;
    assert_eq!(output.status.code(), Some(1));
    assert!(complaint(&output).contains("the enforcer is not running"), "{}", complaint(&output));
    assert!(!mark.exists());
    Ok(())
}

#[test]
fn a_cgroup_that_the_enforcer_does_not_know_as_the_agents_is_no_place_to_start() -> Result<()> {
    let gateway = plan().start_enforcer()?;
    // The operator changes the pattern and forgets the enforcer.
    let agents = gateway.config_dir().join("agents.toml");
    fs::write(&agents, fs::read_to_string(&agents)?.replace("-coder-", "-other-"))?;
    let mark = gateway.folder().join("mark");
    let output = run(&gateway, &[])?.arg("touch").arg(&mark).output()?;
    assert_eq!(output.status.code(), Some(1));
    assert!(complaint(&output).contains("does not watch"), "{}", complaint(&output));
    assert!(!mark.exists());
    Ok(())
}

#[test]
fn its_connections_go_through_the_gateway() -> Result<()> {
    let (target, other) = (Echo::start()?, Echo::start()?);
    let gateway =
        plan_with("targets = [\"echo\"]\n").target("echo", &["127.0.0.1"], &[target.port()]).start()?;
    let talk = |port: u16| {
        let script = format!(
            "import socket; s = socket.create_connection(('127.0.0.1', {port}), 20); s.sendall(b'ping')\n\
             try: print(s.recv(4).decode())\n\
             except ConnectionResetError: print('reset')"
        );
        run(&gateway, &["--confine"])?.args(["python3", "-c", &script]).output().context("cannot run postern")
    };
    let allowed = talk(target.port())?;
    assert_eq!(said(&allowed), "ping", "{}", complaint(&allowed));
    assert_ne!(said(&talk(other.port())?), "ping");
    assert_eq!(other.bytes(), 0);
    // What the command gave up stands in the records, whatever the kernel alone would be.
    let reached = if gateway.level()? == "full" { "full" } else { "unit" };
    for opened in gateway.records().opened()? {
        assert_eq!(opened.level.map(|level| level.to_string()).as_deref(), Some(reached));
    }
    Ok(())
}
