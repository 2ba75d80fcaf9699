//! `postern serve`: puts the parts of the gateway together, and runs them until it is told to stop.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use gateway_audit::chain::Hash;
use gateway_audit::event::Event;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::access::Access;
use crate::approvals::Approvals;
use crate::attribution::Enforcer;
use crate::attribution::notices::{Ear, Elsewhere, Standing};
use crate::audit::strangers::{self, Strangers};
use crate::audit::{RecordError, Recorder};
use crate::config::{self, Config, Mistakes, Reload};
use crate::control::Control;
use crate::control::counts::Counts;
use crate::control::live::Live;
use crate::dns::{Desk, Front};
use crate::identity::Identities;
use crate::intercept::Gate;
use crate::pipeline;
use crate::relay::Relays;
use crate::report::{WithHelp, one_line};
use crate::session::judging::{Judges, Sql};
use crate::session::postgres::catalogue::Catalogues;
use crate::session::postgres::reception::Reception;
use crate::session::postgres::upstream::Upstreams;
use crate::state::State;
use crate::sys::clock::HostClock;
use crate::targets::Targets;

/// How long the endings of connections that were cut may take to be written.
const LAST_RECORDS: Duration = Duration::from_secs(2);
/// Listeners handed over by the enforcer that nobody has taken yet.
const HANDED_OVER: usize = 16;

/// What every connection needs.
#[derive(Debug)]
pub struct Gateway {
    pub config: Arc<Config>,
    pub enforcer: Arc<Enforcer>,
    pub standing: Standing,
    pub targets: Arc<Targets>,
    pub recorder: Recorder,
    pub relays: Relays,
    pub dns: Front,
    pub counts: Arc<Counts>,
    pub strangers: Arc<Strangers>,
    pub live: Live,
    /// For agents that speak PostgreSQL.
    pub reception: Reception,
    pub upstreams: Upstreams,
    pub catalogues: Catalogues,
    pub judges: Arc<Judges>,
    /// What waits for people.
    pub approvals: Arc<Approvals>,
    /// Who is connected by which leave.
    pub access: Arc<Access>,
    pub identities: Identities,
    pub since: Instant,
    reload: Mutex<Reload>,
    /// Where the configuration is read again.
    folder: OnceLock<PathBuf>,
    numbers: AtomicU64,
    room: Arc<Semaphore>,
    closing: watch::Sender<bool>,
}

impl Gateway {
    /// All parts, before any door is open.
    pub fn new(config: Config) -> anyhow::Result<Arc<Self>> {
        let config = Arc::new(config);
        let recorder = Recorder::open(&config.serve.records)
            .help("make the folder serve.records, writable for serve.user")?;
        let state = State::open(&config.serve.state)
            .help("make the folder serve.state, for serve.user alone; a file that is damaged or newer can be moved away, and with it go leases, locks and what waits for people")?;
        let clock = Arc::new(HostClock);
        let approvals = Approvals::open(state.clone(), recorder.clone(), clock, &config)
            .context("cannot read what waits for people")?;
        let enforcer = Arc::new(Enforcer::at(&config.enforce.socket));
        let targets = Arc::new(Targets::new(Arc::clone(&config)));
        let counts = Arc::new(Counts::default());
        let strangers = Arc::new(Strangers::default());
        let identities = Identities::new(&config, Arc::clone(&enforcer), Arc::new(HostClock));
        let dns = Front {
            // Its own conversations: anybody on the host can send datagrams, and connections must not wait.
            enforcer: Arc::new(Enforcer::at(&config.enforce.socket)),
            targets: Arc::clone(&targets),
            recorder: recorder.clone(),
            counts: Arc::clone(&counts),
            strangers: Arc::clone(&strangers),
        };
        let access = Access::open(state, Arc::new(HostClock), recorder.clone(), &config)
            .context("cannot read which leases and locks there are")?;
        Ok(Arc::new(Self {
            enforcer,
            standing: Standing::default(),
            targets,
            recorder,
            relays: Relays::start().context("cannot start the relay")?,
            dns,
            counts,
            strangers,
            live: Live::default(),
            upstreams: Upstreams::new(Arc::clone(&config)),
            catalogues: Catalogues::default(),
            reception: Reception::open(Arc::clone(&config))
                .help("make the folders serve.authority and serve.trust, writable for serve.user")?,
            judges: Judges::new(&config, Box::new(Sql)),
            approvals,
            access: Arc::new(access),
            identities,
            since: Instant::now(),
            reload: Mutex::default(),
            folder: OnceLock::new(),
            numbers: AtomicU64::new(0),
            room: Arc::new(Semaphore::new(config.serve.max_connections as usize)),
            closing: watch::Sender::new(false),
            config,
        }))
    }

    /// Opens the doors, says so through `ready`, and closes them in order once `stop` is done.
    pub async fn run(
        self: &Arc<Self>,
        control: Control,
        ready: impl FnOnce(),
        stop: impl Future<Output = ()>,
    ) -> anyhow::Result<()> {
        let port = self.config.serve.port;
        let gates =
            Gate::open(port).await.help("is another gateway running? else set serve.port to a free one")?;
        let desks = Desk::open(self.config.dns.port)
            .await
            .help("is another gateway running? else set dns.port to a free one")?;
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let _recorded = self.recorder.record(Event::Started { version }).await?;
        let mut doors = JoinSet::new();
        for gate in gates {
            doors.spawn(Arc::clone(self).keep(gate));
        }
        for desk in desks {
            doors.spawn(self.dns.clone().answer(desk));
        }
        doors.spawn(control.serve(Arc::clone(self)));
        doors.spawn(Arc::clone(self).listen_to_the_enforcer());
        doors.spawn(Arc::clone(self).tell_of_strangers());
        doors.spawn(Arc::clone(&self.approvals).keep());
        let gateway = Arc::clone(self);
        doors.spawn(async move { gateway.upstreams.keep().await });
        let access = Arc::clone(&self.access);
        doors.spawn(async move { access.keep().await });
        let gateway = Arc::clone(self);
        doors.spawn(async move { gateway.catalogues.keep(&gateway.upstreams).await });
        ready();
        stop.await;
        doors.shutdown().await;
        self.drain().await
    }

    /// Takes over agents and targets; open connections are judged again. A configuration with mistakes changes nothing.
    pub fn reload(&self, read: Result<Config, Mistakes>) {
        let mut reload = self.reload.lock().unwrap_or_else(PoisonError::into_inner);
        match read {
            Ok(config) => {
                *reload = Reload::of_gateway(&self.config, &config);
                // Before an agent can mean a target that nothing vouches for.
                let config = Arc::new(config);
                self.reception.replace(Arc::clone(&config));
                self.judges.replace(&config);
                self.approvals.replace(&config);
                self.access.replace(&config);
                self.identities.replace(&config);
                self.upstreams.replace(Arc::clone(&config));
                self.targets.replace(config);
                self.tell_of_config(|sha256| Event::ConfigRead { sha256 });
                tracing::info!("agents and targets were read again");
                if !reload.restart_needed.is_empty() {
                    let keys = reload.restart_needed.join(", ");
                    tracing::warn!(keys, "these hold from the gateway's next start");
                }
            }
            Err(mistakes) => {
                let count = mistakes.count() as u64;
                self.tell_of_config(|sha256| Event::ConfigRefused { sha256, mistakes: count });
                *reload = reload.refused(mistakes.to_string());
                tracing::error!("the former configuration stays in force\n{}", mistakes.listing());
            }
        }
    }

    /// Says where the configuration is; the first word counts.
    pub fn reads_from(&self, folder: &Path) {
        let _ = self.folder.set(folder.to_owned());
        self.tell_of_config(|sha256| Event::ConfigRead { sha256 });
    }

    /// Records which configuration there is to read.
    fn tell_of_config(&self, event: impl FnOnce(Hash) -> Event) {
        if let Some(folder) = self.folder() {
            self.recorder.tell(event(config::fingerprint(&folder)));
        }
    }

    pub fn folder(&self) -> Option<PathBuf> {
        self.folder.get().cloned()
    }

    /// What the last reading of the configuration came to.
    pub fn last_reload(&self) -> Reload {
        self.reload.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn next_number(&self) -> u64 {
        self.numbers.fetch_add(1, Relaxed) + 1
    }

    /// Done when the connections that are still open must end.
    pub async fn closing(&self) {
        let mut closing = self.closing.subscribe();
        // The sender lives in `self`.
        let _ = closing.wait_for(|closing| *closing).await;
    }

    /// A connection was cut because its opening could not be recorded.
    pub fn could_not_record(&self, error: &RecordError) {
        tracing::error!(error = one_line(error), "a connection was refused because it could not be recorded");
        self.counts.unrecorded();
    }

    pub fn open_connections(&self) -> usize {
        (self.config.serve.max_connections as usize).saturating_sub(self.room.available_permits())
    }

    /// Accepts at a gate for as long as it is polled.
    async fn keep(self: Arc<Self>, gate: Gate) {
        loop {
            let intercepted = gate.next().await;
            match Arc::clone(&self.room).try_acquire_owned() {
                Ok(place) => {
                    let gateway = Arc::clone(&self);
                    tokio::spawn(async move {
                        pipeline::pass(&gateway, intercepted).await;
                        drop(place);
                    });
                }
                // Done here and not beside, so that a flood waits for its own records.
                Err(_) => pipeline::turn_away(&self, intercepted).await,
            }
        }
    }

    /// Records from time to time how many strangers came that have no record of their own.
    async fn tell_of_strangers(self: Arc<Self>) {
        loop {
            tokio::time::sleep(strangers::INTERVAL).await;
            self.record_strangers().await;
        }
    }

    async fn record_strangers(&self) {
        for event in self.strangers.told() {
            self.recorder.note(event).await;
        }
    }

    /// Hears the enforcer, and keeps the gates that it makes in other network namespaces.
    async fn listen_to_the_enforcer(self: Arc<Self>) {
        let (elsewhere, mut news) = mpsc::channel(HANDED_OVER);
        let ear = Ear {
            enforcer: Arc::clone(&self.enforcer),
            recorder: self.recorder.clone(),
            standing: self.standing.clone(),
            counts: Arc::clone(&self.counts),
            elsewhere,
        };
        let mut ears = JoinSet::new();
        ears.spawn(ear.listen());
        // Dropping a set closes its gates; connections that came through them go on.
        let mut gates: HashMap<u64, JoinSet<()>> = HashMap::new();
        while let Some(change) = news.recv().await {
            match change {
                Elsewhere::Made { netns, listener } => match Gate::adopt(listener) {
                    Ok(gate) => drop(gates.entry(netns).or_default().spawn(Arc::clone(&self).keep(gate))),
                    Err(error) => tracing::warn!(%error, "cannot listen in another network namespace"),
                },
                Elsewhere::Gone { netns } => drop(gates.remove(&netns)),
                Elsewhere::Forgotten => gates.clear(),
            }
        }
    }

    /// Lets open connections finish for a while, then cuts those that are left.
    async fn drain(&self) -> anyhow::Result<()> {
        let everybody = self.config.serve.max_connections;
        let open_connections = self.open_connections() as u64;
        tracing::info!(open_connections, "stopping");
        if timeout(self.config.serve.drain_timeout, self.room.acquire_many(everybody)).await.is_err() {
            self.closing.send_replace(true);
            if timeout(LAST_RECORDS, self.room.acquire_many(everybody)).await.is_err() {
                tracing::warn!("some connections ended without a record of how");
            }
        }
        self.record_strangers().await;
        let _recorded = self.recorder.record(Event::Stopped { open_connections }).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
