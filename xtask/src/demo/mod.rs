//! `cargo xtask demo`: shows on this machine, in a minute, what Postern does.
//!
//! It sets everything up by itself: a database in a network of its own, the two services of Postern, and an agent, which
//! is psql, curl and python as they come. Each refusal is first tried outside the agent, where it must succeed, so that
//! a demo on a broken network proves nothing wrongly. What is not as told makes it fail.

mod agent;
mod asking;
mod records;
mod screen;
mod story;
mod world;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::stage::Stage;
use crate::stage::cgroup::AgentCgroup;
use crate::stage::postern::{GATEWAY_USER, Postern, Standing};
use crate::stage::process::Process;
use crate::{command, ebpf, product, setup, workspace};

use agent::Places;
use records::Records;
use screen::Screen;
use world::{Witness, World};

const BPFFS: &str = "/sys/fs/bpf/postern-demo";
const CGROUP: &str = "postern-demo";
const AGENT: &str = "coder";
/// What the agent may do. DIR stands for the demo's folder.
const POLICY: &str = include_str!("policy.toml");
/// A service of this machine that is nobody's target.
const LOCAL_SERVICE: &str = "127.0.0.1:6108";

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Leave everything running until Ctrl-C, and say what to try
    #[arg(long)]
    stay: bool,
    /// Show this postern instead of building one
    #[arg(long, value_name = "PATH")]
    binary: Option<PathBuf>,
}

/// Everything the story needs.
pub(super) struct Cast {
    stage: Stage,
    postern: Postern,
    standing: Standing,
    enforcer: Process,
    gateway: Process,
    places: Places,
    records: Records,
    outside: Witness,
    local: Witness,
    /// Where a service of somebody else has its unix socket.
    unix_socket: String,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    if command::output(std::process::Command::new("id").arg("-u"))?.trim() != "0" {
        bail!("the demo puts programs into the kernel and needs root");
    }
    let _lock = workspace::Lock::take("demo")?;
    let mut screen = Screen::new();
    story::introduce(&screen);
    let binary = build(&screen, args)?;
    let mut cast = set_the_stage(&screen, binary)?;
    story::tell(&mut screen, &mut cast)?;
    if args.stay {
        story::invite(&screen, &cast);
        cast.stage.wait_for_signal();
    }
    drop(cast);
    story::clean_up(&screen);
    Ok(if screen.close() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn build(screen: &Screen, args: &Args) -> Result<PathBuf> {
    screen.heading("Setting up", "the first time, compiling takes minutes");
    setup::install_missing()?;
    if let Some(binary) = &args.binary {
        return binary.canonicalize().with_context(|| format!("there is no {}", binary.display()));
    }
    let object = ebpf::build()?;
    let binary = product::build(&object, product::TESTED)?;
    screen.say("the kernel object and postern are built");
    Ok(binary)
}

fn set_the_stage(screen: &Screen, binary: PathBuf) -> Result<Cast> {
    let stage = Stage::open()?;
    let dir = stage.folder("postern-demo-")?;
    let dir = dir.as_path();
    let world = World::make(&stage, dir)?;
    let version = world.start_postgres(&stage)?;
    let outside = world.start_services(&stage)?;
    let (local, unix_socket) = start_local_services(&stage, dir)?;
    screen.say(&format!("PostgreSQL {version} and a web server run in an outside world, one cable away"));
    let hosts = dir.join("hosts");
    let names = [
        (world::DATABASE, "orders-db.test"),
        (world::WEB, "packages.test"),
        (world::ELSEWHERE, "paste.test"),
    ];
    Places::write_hosts(&hosts, &names)?;
    let postern = Postern::new(binary, dir, BPFFS, &POLICY.replace("DIR", &dir.display().to_string()))?;
    Postern::keep_for_the_gateway(&dir.join("gate.password"), world::PASSWORD)?;
    let (enforcer, standing) = postern.start_enforcer(&stage)?;
    screen.say(&format!("postern enforce holds agents at level {}", standing.level));
    let gateway = postern.launch_gateway(&stage, Some(&hosts))?;
    screen.say(&format!("postern serve runs as user {GATEWAY_USER}, without any capability"));
    if standing.level != "full" {
        screen.mind(&story::why_not_full(&standing));
    }
    let places = Places { cgroup: AgentCgroup::make(&stage, CGROUP, AGENT)?, hosts };
    let records = Records::at(&postern.records());
    Ok(Cast { stage, postern, standing, enforcer, gateway, places, records, outside, local, unix_socket })
}

fn start_local_services(stage: &Stage, dir: &Path) -> Result<(Witness, String)> {
    use std::os::unix::fs::PermissionsExt;
    let folder = dir.join("services");
    std::fs::create_dir(&folder)?;
    // Made by an ordinary user, so that a folder of root's would not do.
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o777))?;
    let unix_socket = folder.join("service.sock").display().to_string();
    let (tcp, unix) = (format!("tcp:{LOCAL_SERVICE}"), format!("unix:{unix_socket}"));
    let place = crate::stage::process::as_root();
    Ok((Witness::start(stage, place, dir, "local", &[&tcp, &unix])?, unix_socket))
}
