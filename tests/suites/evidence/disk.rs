//! Disks that are full, slow, broken or taken away: agents are told, nothing that was answered is lost, and it goes on by
//! itself when it can.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use gateway_e2e::gateway::Gateway;
use gateway_e2e::servers::postgres::Postgres;
use gateway_e2e::wait;
use nix::unistd::chown;
use std::os::unix::fs::MetadataExt;

use super::talk::Talk;
use super::{NOTES, executed, folder, is_whole, plan, recorded, server, stop};

/// Longer than the gateway takes to notice that there is room again.
const SOON: Duration = Duration::from_secs(15);

/// A file system of its own below the records.
struct Mounted {
    at: PathBuf,
}

impl Mounted {
    fn tmpfs(at: &Path, size: &str) -> Result<Self> {
        Self::mount(at, &["-t", "tmpfs", "-o", &format!("size={size},mode=0750"), "tmpfs"])
    }

    /// A file system in a file.
    fn ext4(at: &Path, image: &Path) -> Result<Self> {
        let shown = image.display().to_string();
        if !image.exists() {
            run("truncate", &["-s", "64M", &shown])?;
            run("mkfs.ext4", &["-q", "-F", &shown])?;
        }
        Self::mount(at, &["-o", "loop", &shown])
    }

    fn mount(at: &Path, what: &[&str]) -> Result<Self> {
        let owner = fs::metadata(at)?;
        run("mount", &[what, &[&at.display().to_string()]].concat())?;
        let mounted = Self { at: at.to_owned() };
        chown(at, Some(owner.uid().into()), Some(owner.gid().into()))?;
        Ok(mounted)
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = run("umount", &["-l", &self.at.display().to_string()]);
    }
}

fn run(program: &str, args: &[&str]) -> Result<()> {
    let output =
        Command::new(program).args(args).output().with_context(|| format!("cannot run {program}"))?;
    ensure!(output.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// Asks until psql says something that fits. Each statement has a mark of its own.
fn until(talk: &mut Talk, mark: &str, fits: impl Fn(&str) -> bool) -> Result<String> {
    let mut number = 0;
    let mut last = String::new();
    let found = wait::within(SOON, mark, || {
        number += 1;
        last = talk.ask(&format!("insert /* {mark}-{number} */ into notes values ('x')"))?;
        Ok(fits(&last).then(|| last.clone()))
    });
    found.with_context(|| format!("the last answer was: {last}"))
}

/// Whatever the server ran is in the records, and they are whole.
fn nothing_is_lost(gateway: &mut Gateway, server: &Postgres) -> Result<()> {
    stop(gateway)?;
    let (ran, told) = (executed(server), recorded(gateway)?);
    let missing: Vec<_> = ran.difference(&told).collect();
    ensure!(missing.is_empty() && !ran.is_empty(), "of {} are not recorded: {missing:?}", ran.len());
    is_whole(gateway)
}

#[test]
fn a_full_disk_refuses_what_is_new_and_tells_how_it_ended() -> Result<()> {
    let server = server()?;
    server.sql(NOTES)?;
    let mut gateway = Gateway::prepare(plan(&server))?;
    let records = Mounted::tmpfs(&folder(&gateway), "32m")?;
    gateway.start_enforcer()?;
    gateway.start_gateway()?;
    let agent = gateway.agent("coder")?;
    let mut talk = Talk::begin(&agent, &server)?;
    until(&mut talk, "before", |said| said.contains("INSERT"))?;
    let filler = records.at.join("filler");
    // It ends when the disk is full.
    let _full = Command::new("dd")
        .args(["if=/dev/zero", "bs=4k"])
        .arg(format!("of={}", filler.display()))
        .output()?;
    let refused = until(&mut talk, "full", |said| said.contains("could not be recorded"))?;
    ensure!(refused.contains("ERROR"), "{refused}");
    // How it ends is told from the reserve.
    talk.end()?;
    wait::until("the ending is recorded", || Ok(gateway.records().ended()?.pop()))?;
    fs::remove_file(filler)?;
    let mut talk = wait::within(SOON, "agents come in again", || {
        let mut talk = Talk::begin(&agent, &server)?;
        Ok(talk.ask("select 1").is_ok_and(|said| said.trim() == "1").then_some(talk))
    })?;
    until(&mut talk, "after", |said| said.contains("INSERT"))?;
    talk.end()?;
    nothing_is_lost(&mut gateway, &server)
}

#[test]
fn records_that_are_deleted_under_the_gateway_are_put_back() -> Result<()> {
    let server = server()?;
    server.sql(NOTES)?;
    let mut gateway = plan(&server).start()?;
    let agent = gateway.agent("coder")?;
    let mut talk = Talk::begin(&agent, &server)?;
    until(&mut talk, "before", |said| said.contains("INSERT"))?;
    for name in ["host", "sessions", "journal", "keys"] {
        fs::remove_dir_all(folder(&gateway).join(name))?;
    }
    until(&mut talk, "after", |said| said.contains("INSERT"))?;
    talk.end()?;
    wait::until("the ending is recorded", || Ok(gateway.records().ended()?.pop()))?;
    nothing_is_lost(&mut gateway, &server)
}

#[test]
fn a_disk_that_breaks_refuses_and_loses_nothing() -> Result<()> {
    let server = server()?;
    server.sql(NOTES)?;
    let mut gateway = Gateway::prepare(plan(&server))?;
    let image = gateway.folder().join("disk.img");
    let mounted = Mounted::ext4(&folder(&gateway), &image)?;
    gateway.start_enforcer()?;
    gateway.start_gateway()?;
    let agent = gateway.agent("coder")?;
    let mut talk = Talk::begin(&agent, &server)?;
    until(&mut talk, "before", |said| said.contains("INSERT"))?;
    // As the kernel does it when the file system is found broken.
    let at = folder(&gateway).display().to_string();
    run("mount", &["-o", "remount,abort", &at])?;
    let refused = until(&mut talk, "broken", |said| said.contains("could not be recorded"))?;
    ensure!(refused.contains("ERROR"), "{refused}");
    gateway.kill_gateway()?;
    drop(talk);
    drop(mounted);
    let _mounted = Mounted::ext4(&folder(&gateway), &image)?;
    gateway.start_gateway()?;
    let mut talk = Talk::begin(&agent, &server)?;
    until(&mut talk, "after", |said| said.contains("INSERT"))?;
    talk.end()?;
    nothing_is_lost(&mut gateway, &server)
}

#[test]
fn a_slow_disk_holds_up_what_waits_for_it_and_nothing_goes_on_before() -> Result<()> {
    let server = server()?;
    server.sql(NOTES)?;
    let mut gateway = Gateway::prepare(plan(&server))?;
    let image = gateway.folder().join("disk.img");
    let _mounted = Mounted::ext4(&folder(&gateway), &image)?;
    gateway.start_enforcer()?;
    gateway.start_gateway()?;
    let agent = gateway.agent("coder")?;
    let mut talk = Talk::begin(&agent, &server)?;
    until(&mut talk, "before", |said| said.contains("INSERT"))?;
    let at = folder(&gateway).display().to_string();
    run("fsfreeze", &["-f", &at])?;
    let answer = std::thread::spawn(move || {
        let said = talk.ask("insert /* frozen */ into notes values ('x')");
        (talk, said)
    });
    std::thread::sleep(Duration::from_secs(2));
    let early = executed(&server).contains("frozen") || answer.is_finished();
    run("fsfreeze", &["-u", &at])?;
    let (talk, said) = answer.join().map_err(|_| anyhow::anyhow!("the agent's thread"))?;
    ensure!(!early, "it went on before its record was on the disk");
    ensure!(said?.contains("INSERT"), "it went on afterwards");
    talk.end()?;
    nothing_is_lost(&mut gateway, &server)
}
