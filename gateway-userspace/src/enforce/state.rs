//! What the enforcer's threads share.

use std::{
    fs, io,
    os::fd::OwnedFd,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use gateway_common::event::Report;
use gateway_policy::level::Level;

use super::{
    Enforcement,
    maps::Flows,
    netns::Elsewhere,
    process::Processes,
    reports::{self, Outbox},
};
use crate::{
    attribution::wire::{EnforcerStatus, Notice, StatusPart},
    config::{Config, Reload},
    kernel,
};

#[allow(missing_debug_implementations)] // aya's maps have none
pub struct State {
    config: Mutex<Arc<Config>>,
    reload: Mutex<Reload>,
    enforcement: Mutex<Enforcement>,
    outbox: Mutex<Outbox>,
    elsewhere: Mutex<Elsewhere>,
    lost: Mutex<u64>,
    pub flows: Flows,
    pub processes: Processes,
}

/// Of which agent a cgroup is, where it lies, and how well it is held.
#[derive(Debug)]
pub struct Whereabouts {
    pub agent: String,
    pub cgroup_path: String,
    pub level: Level,
}

impl State {
    pub fn new(enforcement: Enforcement, flows: Flows, config: Config) -> io::Result<Self> {
        Ok(Self {
            config: Mutex::new(Arc::new(config)),
            reload: Mutex::default(),
            enforcement: Mutex::new(enforcement),
            outbox: Mutex::default(),
            elsewhere: Mutex::default(),
            lost: Mutex::default(),
            flows,
            processes: Processes::start()?,
        })
    }

    /// A thread that panicked while holding the lock left the maps in the kernel whole; each is one system call.
    pub fn enforcement(&self) -> MutexGuard<'_, Enforcement> {
        self.enforcement.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn config(&self) -> Arc<Config> {
        Arc::clone(&self.config.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn keep_config(&self, config: Config) {
        *self.config.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(config);
    }

    /// What the last reading of the configuration came to. Taken before the enforcement's lock where both are needed.
    pub fn reload(&self) -> MutexGuard<'_, Reload> {
        self.reload.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Taken before the enforcement's lock where both are needed.
    pub fn elsewhere(&self) -> MutexGuard<'_, Elsewhere> {
        self.elsewhere.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn outbox(&self) -> MutexGuard<'_, Outbox> {
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn subscribe(&self, socket: OwnedFd) {
        self.outbox().subscribe(socket);
    }

    pub fn post(&self, notice: Notice, fd: Option<OwnedFd>) {
        self.outbox().post(notice, fd);
    }

    /// What the gateway had no room for before.
    pub fn deliver(&self) {
        self.outbox().deliver();
    }

    pub fn whereabouts(&self, agent: u32, cgroup: u64) -> Option<Whereabouts> {
        let mut enforcement = self.enforcement();
        if !enforcement.watched.contains_key(&cgroup) {
            enforcement.reconcile();
        }
        let (path, _) = enforcement.watched.get(&cgroup)?;
        let kernel = enforcement.finding.level;
        let reached = enforcement.reached.of(path, &enforcement.watched).unwrap_or(kernel);
        Some(Whereabouts {
            agent: enforcement.roster.name_of(agent)?.to_owned(),
            cgroup_path: path.clone(),
            level: reached.max(kernel),
        })
    }

    /// The agent that the cgroup at a path is watched as.
    pub fn agent_at(&self, path: &str) -> Option<String> {
        let enforcement = self.enforcement();
        let (_, watch) = enforcement.watched.values().find(|(watched, _)| watched == path)?;
        enforcement.roster.name_of(watch.agent).map(str::to_owned)
    }

    pub fn note_reached(&self, path: String, level: Level) {
        let mut enforcement = self.enforcement();
        let Enforcement { reached, watched, .. } = &mut *enforcement;
        reached.note(path, level, watched);
    }

    /// Whether a process runs in an agent's cgroup. One that cannot be looked up counts as an agent's.
    pub fn is_agent(&self, pid: i32) -> bool {
        let Ok(text) = fs::read_to_string(format!("/proc/{pid}/cgroup")) else { return true };
        let Some(path) = text.lines().find_map(|line| line.strip_prefix("0::")) else { return true };
        self.enforcement().watched.values().any(|(watched, _)| watched == path)
    }

    /// Tells of one report.
    pub fn tell(&self, report: &Report) {
        let (agent, path) = {
            let enforcement = self.enforcement();
            let path =
                enforcement.watched.get(&report.cgroup).map(|(path, _)| path.clone()).unwrap_or_default();
            (enforcement.roster.name_of(report.agent).map(str::to_owned), path)
        };
        let refusal = reports::refusal(report, agent, path);
        tracing::info!(agent = ?refusal.agent, act = refusal.act, why = refusal.why, comm = refusal.comm, "refused");
        self.post(Notice::Refusal(refusal), None);
    }

    /// Tells how many reports were lost since last time.
    pub fn tell_lost(&self, total: u64) {
        let mut lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        let count = total.saturating_sub(*lost);
        *lost = total;
        drop(lost);
        if count > 0 {
            tracing::warn!(count, "reports of refusals were lost: the ring was full");
            self.post(Notice::Lost { count }, None);
        }
    }

    /// The configured agent whose cgroup this is. A closed cgroup is nobody's.
    pub fn watched_as(&self, cgroup: u64) -> Option<String> {
        let enforcement = self.enforcement();
        let (_, watch) = enforcement.watched.get(&cgroup)?;
        enforcement.roster.name_of(watch.agent).map(str::to_owned)
    }

    /// The part whose cgroups come after this one.
    pub fn status(&self, after: Option<u64>) -> StatusPart {
        let lost_events = *self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        let reload = self.reload().clone();
        let enforcement = self.enforcement();
        let status = EnforcerStatus {
            level: Some(enforcement.finding.level),
            open_vectors: enforcement.finding.open.iter().map(|vector| (*vector).to_owned()).collect(),
            agents: Vec::new(),
            lost_events,
            kernel: kernel::release(),
            reload,
        };
        StatusPart::fill(status, &enforcement.watched, after, |(path, watch)| {
            (enforcement.name_of(watch), watch.agent, path.as_str())
        })
    }
}
