//! `enter [--cgroup DIR] [--uid N [--gid N]] [--hosts FILE] [--own-network] [--die-with-parent] -- PROGRAM …`: goes to its place
//! first and becomes the program then, so that the program is never anywhere else.

use std::fs;
use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::unistd::{Gid, Uid, setgid, setgroups, setuid};

pub(crate) fn run(args: &[String]) -> Result<()> {
    let (mut uid, mut gid) = (None, None);
    let mut dies = false;
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let mut value = || args.next().with_context(|| format!("{arg} needs a value"));
        match arg.as_str() {
            "--cgroup" => enter_cgroup(value()?)?,
            "--hosts" => see_as_hosts(value()?)?,
            "--uid" => uid = Some(value()?.parse()?),
            "--gid" => gid = Some(value()?.parse()?),
            "--own-network" => own_network()?,
            "--die-with-parent" => dies = true,
            "--" => break,
            unknown => bail!("no option {unknown}"),
        }
    }
    if let Some(uid) = uid {
        become_user(uid, gid.unwrap_or(uid))?;
    }
    if dies {
        // Last: changing the user takes it back.
        set_pdeathsig(Signal::SIGKILL)?;
    }
    let program = args.next().context("which program?")?;
    Err(Command::new(program).args(args).exec()).with_context(|| format!("cannot become {program}"))
}

fn enter_cgroup(dir: &str) -> Result<()> {
    fs::write(format!("{dir}/cgroup.procs"), std::process::id().to_string())
        .with_context(|| format!("cannot enter {dir}"))
}

fn see_as_hosts(file: &str) -> Result<()> {
    let nothing = None::<&str>;
    unshare(CloneFlags::CLONE_NEWNS)?;
    mount(nothing, "/", nothing, MsFlags::MS_PRIVATE | MsFlags::MS_REC, nothing)?;
    mount(Some(file), "/etc/hosts", nothing, MsFlags::MS_BIND, nothing)
        .with_context(|| format!("cannot show {file} as /etc/hosts"))
}

fn own_network() -> Result<()> {
    unshare(CloneFlags::CLONE_NEWNET)?;
    let status = Command::new("ip").args(["link", "set", "lo", "up"]).status().context("cannot run ip")?;
    ensure!(status.success(), "ip cannot bring loopback up");
    Ok(())
}

fn become_user(uid: u32, gid: u32) -> Result<()> {
    setgroups(&[])?;
    setgid(Gid::from_raw(gid))?;
    setuid(Uid::from_raw(uid))?;
    Ok(())
}
