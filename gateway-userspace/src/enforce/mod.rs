//! `postern enforce`: puts the programs into the kernel, tells them which cgroups are agents', proves that they
//! refuse, and answers the gateway's question whose connection it has. It never sees a byte of an agent's traffic.

mod answers;
mod attach;
pub mod btf;
pub mod canary;
mod detaching;
mod hashing;
mod listening;
mod maps;
mod netns;
mod peers;
mod privileges;
mod process;
pub mod programs;
mod reached;
mod reports;
mod roster;
mod state;
mod tokens;
mod watching;

use std::{
    fs, io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
};

use anyhow::Context as _;
use gateway_common::{settings::Settings, watch::Watch};
use nix::{
    sys::signal::{SigSet, Signal},
    unistd::User,
};

pub use self::attach::PinDir;
use self::{
    attach::{Attached, Place},
    canary::Finding,
    maps::{Flows, Said, Told},
    reached::Reached,
    roster::{Gate, Roster},
    state::State,
    watching::Watched,
};
use crate::{
    config::{Config, Reload},
    mounts,
    report::{self, WithHelp as _},
    service::{memory, notify},
    sys,
};

/// Everything that is in force.
struct Enforcement {
    attached: Attached,
    told: Told,
    cgroup_root: PathBuf,
    pins: PinDir,
    roster: Roster,
    finding: Finding,
    watched: Watched,
    reached: Reached,
}

/// Puts the enforcement in force. From the moment this returns, agents' cgroups are covered.
fn establish(config: &Config) -> anyhow::Result<(Enforcement, Flows, Said)> {
    let cgroup_root = mounts::cgroup2_root(config.enforce.cgroup_root.as_deref())
        .context("cannot find the cgroups of agents")
        .help("mount cgroup2, or set enforce.cgroup_root to where it is mounted")?;
    open_bpffs(&config.enforce.bpffs)?;
    let layout = btf::layout(Path::new(btf::KERNEL_BTF))
        .context("cannot read this kernel's structures")
        .help("use a kernel of 6.1 or later built with CONFIG_DEBUG_INFO_BTF")?;
    let pins = PinDir::new(&config.enforce.bpffs);
    let place =
        Place { cgroup_root: &cgroup_root, pins: &pins, layout, max_cgroups: config.enforce.max_cgroups };
    let mut ebpf = attach::load(&place).context("cannot put the programs into the kernel").help(LOAD_HELP)?;
    let (mut told, flows, said) = maps::take(&mut ebpf)?;
    tell_settings(&mut told, config)?;
    // After an upgrade or a restart, what an earlier enforcer proved goes on, so that no agent is refused meanwhile.
    let earlier = pins.in_force();
    if !earlier {
        shut(config, &mut told, &cgroup_root)?;
    }
    let attached =
        attach::attach(ebpf, &place).context("cannot put the programs in force").help(LOAD_HELP)?;
    if !earlier {
        // Once more, for what was made before the kernel recognised it.
        shut(config, &mut told, &cgroup_root)?;
    }
    let finding = canary::send(&mut told, &cgroup_root).context("cannot prove that the kernel enforces")?;
    let roster = Roster::new(config, gate(config, &finding));
    watching::tell_patterns(&mut told, &roster)?;
    peers::refresh(&mut told, config)?;
    let watched = watching::reconcile(&mut told, &cgroup_root, &roster)?;
    Ok((
        Enforcement {
            attached,
            told,
            cgroup_root,
            pins,
            roster,
            finding,
            watched,
            reached: Reached::default(),
        },
        flows,
        said,
    ))
}

/// Agents are recognised from here on, and closed until the canary has come back.
fn shut(config: &Config, told: &mut Told, cgroup_root: &Path) -> anyhow::Result<()> {
    let shut = Roster::new(config, Gate::Shut);
    watching::tell_patterns(told, &shut)?;
    watching::reconcile(told, cgroup_root, &shut)?;
    Ok(())
}

const LOAD_HELP: &str =
    "run `postern doctor`; the enforcer needs root, and a binary built by `cargo xtask build`";

/// Where the level does not admit agents, their cgroups stay shut.
fn gate(config: &Config, finding: &Finding) -> Gate {
    if finding.level.admits_agents(config.enforce.minimum_level) { Gate::Open } else { Gate::Shut }
}

fn tell_settings(told: &mut Told, config: &Config) -> anyhow::Result<()> {
    let settings = Settings { gateway_port: config.serve.port, dns_port: config.dns.port, crowded: 0 };
    told.settings.set(0, settings, 0)?;
    let here = sys::netns_cookie().context("cannot name this network namespace")?;
    netns::forget_others(&mut told.netns, here)?;
    Ok(())
}

/// A bpf file system that only root can enter: a pin that others could unlink would be a way out.
fn open_bpffs(dir: &Path) -> anyhow::Result<()> {
    let parent = dir.parent().unwrap_or(dir);
    if !mounts::mounts()?.iter().any(|mount| mount.kind == mounts::BPF && parent.starts_with(&mount.point)) {
        nix::mount::mount(Some("bpf"), parent, Some("bpf"), nix::mount::MsFlags::empty(), Some("mode=0700"))
            .with_context(|| format!("cannot mount a bpf file system at {}", parent.display()))?;
    }
    match fs::DirBuilder::new().mode(0o700).create(dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(error).with_context(|| format!("cannot make {}", dir.display()))
        }
        _ => Ok(()),
    }
}

impl Enforcement {
    fn name_of(&self, watch: &Watch) -> &str {
        self.roster.name_of(watch.agent).unwrap_or(roster::NOBODYS_NAME)
    }

    /// Makes the kernel's list agree with the hierarchy; what is designated stays designated if that fails.
    fn reconcile(&mut self) {
        match watching::reconcile(&mut self.told, &self.cgroup_root, &self.roster) {
            Ok(watched) => {
                self.watched = watched;
                self.reached.bind(&self.watched);
            }
            Err(error) => tracing::error!(%error, "cannot compare the watched cgroups with the hierarchy"),
        }
    }

    /// Takes on another configuration of the same host. Ports and sockets keep their first values until a restart.
    fn adopt(&mut self, config: &Config) -> anyhow::Result<()> {
        let roster = Roster::new(config, gate(config, &self.finding));
        watching::tell_patterns(&mut self.told, &roster)?;
        peers::refresh(&mut self.told, config)?;
        self.roster = roster;
        self.reconcile();
        Ok(())
    }

    /// Looks at everything that could have come loose, and mends it.
    fn inspect(&mut self, config: &Config) {
        self.reconcile();
        if let Err(error) = peers::refresh(&mut self.told, config) {
            tracing::error!(%error, "cannot renew the list of unix sockets");
        }
        match attach::repair(&mut self.attached, &self.cgroup_root, &self.pins) {
            Ok(mended) => mended
                .iter()
                .for_each(|name| tracing::error!(name, "a program had come loose; attached again")),
            Err(error) => tracing::error!(%error, "a program has come loose and cannot be attached again"),
        }
    }
}

/// Runs until it is told to stop. The programs stay in force afterwards.
pub fn run(dir: &Path, config: Config) -> anyhow::Result<()> {
    if !nix::unistd::geteuid().is_root() {
        return Err(anyhow::anyhow!("the enforcer must run as root"))
            .help("start postern-enforce.service, or run it with sudo");
    }
    let asker = User::from_name(&config.serve.user)?
        .with_context(|| format!("there is no user {}", config.serve.user))
        .help("create it, or set serve.user")?;
    memory::close()?;
    let signals = block_signals()?;
    // First: another enforcer must be noticed before anything changes, and after a restart questions wait here instead
    // of being refused.
    let listener = answers::listen(&config.enforce.socket, &asker)?;
    let (enforcement, flows, said) = establish(&config)?;
    announce(&enforcement, &config);
    privileges::drop_unneeded()?;
    let state = Arc::new(State::new(enforcement, flows, config).context("cannot start a thread")?);
    let (answering, listening) = (Arc::clone(&state), Arc::clone(&state));
    spawn("answers", move || answers::serve(&answering, &listener, asker.uid))?;
    spawn("reports", move || listening::listen(&listening, said))?;
    notify::notify("READY=1");
    loop {
        match signals.wait().context("cannot wait for a signal")? {
            Signal::SIGHUP => reload(&state, dir),
            stop => {
                tracing::info!(%stop, "stopping; enforcement stays in force");
                return Ok(());
            }
        }
    }
}

/// A configuration with mistakes changes nothing.
fn reload(state: &State, dir: &Path) {
    let mut reload = state.reload();
    let read = match Config::load(dir) {
        Ok(read) => read,
        Err(mistakes) => {
            *reload = reload.refused(mistakes.to_string());
            return tracing::error!("the former configuration stays in force\n{}", mistakes.listing());
        }
    };
    let running = state.config();
    let config = read.clone().for_running_enforcer(&running);
    match state.enforcement().adopt(&config) {
        Ok(()) => {
            *reload = Reload::of_enforcer(&running, &read);
            state.keep_config(config);
            tracing::info!("the configuration was read again");
            if !reload.restart_needed.is_empty() {
                let keys = reload.restart_needed.join(", ");
                tracing::warn!(keys, "these hold from the enforcer's next start");
            }
        }
        Err(error) => {
            *reload = reload.refused(report::one_line(error.as_ref()));
            tracing::error!("{}", report::one_line(error.as_ref()));
        }
    }
}

/// Takes the enforcement away: the one way in which agents' cgroups become like any other. It is recorded first.
pub fn detach(config: &Config) -> anyhow::Result<()> {
    if answers::is_answered(&config.enforce.socket) {
        // It holds the programs, and would pin them again.
        return Err(anyhow::anyhow!("the enforcer is running"))
            .help("stop it first: systemctl stop postern-enforce");
    }
    detaching::record(&config.serve.records)
        .context("cannot record that the enforcement is taken away")
        .help("make the folder named by serve.records writable")?;
    let pins = PinDir::new(&config.enforce.bpffs);
    attach::remove(&pins).with_context(|| format!("cannot remove {}", config.enforce.bpffs.display()))
}

fn announce(enforcement: &Enforcement, config: &Config) {
    let finding = &enforcement.finding;
    let open = finding.open.join(", ");
    if gate(config, finding) == Gate::Shut {
        tracing::error!(level = %finding.level, least = %config.enforce.minimum_level, open, "agents stay shut: the level is too low");
    } else if open.is_empty() {
        tracing::info!(level = %finding.level, "in force");
    } else {
        tracing::warn!(level = %finding.level, open, "in force");
    }
    if let Err(why) = &enforcement.attached.lsm {
        tracing::warn!(why, "the second layer is absent");
    }
    for (agent, pattern) in enforcement.roster.too_long() {
        tracing::warn!(agent, pattern, "this pattern is too long for the kernel to recognise by itself");
    }
}

fn block_signals() -> anyhow::Result<SigSet> {
    let signals = SigSet::from_iter([Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP]);
    signals.thread_block().context("cannot block signals")?;
    Ok(signals)
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> anyhow::Result<()> {
    thread::Builder::new().name(name.to_owned()).spawn(work).map(drop).context("cannot start a thread")
}
