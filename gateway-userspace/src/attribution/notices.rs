//! Listens to the enforcer: kernel refusals, the level of enforcement, listeners in other network namespaces.

use std::net::TcpListener;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use gateway_audit::event::{Event, KernelRefused};
use gateway_policy::level::Level;
use tokio::sync::mpsc;

use super::enforcer::{AskError, Conversation, Enforcer};
use super::wire::{KernelRefusal, Notice, WireError};
use crate::audit::{Recorder, timestamp};
use crate::control::counts::Counts;
use crate::report::one_line;

/// How long to wait before the enforcer is looked for again.
const RETRY: Duration = Duration::from_millis(250);

/// How enforcement stands, as far as the gateway was told.
#[derive(Debug, Clone, Default)]
pub struct Standing(Arc<RwLock<Option<Level>>>);

impl Standing {
    /// `None` while nobody can say.
    pub fn level(&self) -> Option<Level> {
        *self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns whether that is news.
    fn set(&self, level: Option<Level>) -> bool {
        let mut held = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let news = *held != level;
        *held = level;
        news
    }
}

/// Hears the enforcer's notices for as long as the gateway runs.
#[derive(Debug)]
pub struct Ear {
    pub enforcer: Arc<Enforcer>,
    pub recorder: Recorder,
    pub standing: Standing,
    pub counts: Arc<Counts>,
    pub elsewhere: mpsc::Sender<Elsewhere>,
}

/// What the enforcer does about listeners in other network namespaces.
#[derive(Debug)]
pub enum Elsewhere {
    Made {
        netns: u64,
        listener: TcpListener,
    },
    Gone {
        netns: u64,
    },
    /// The enforcer is gone; the next one makes its own.
    Forgotten,
}

impl Ear {
    pub async fn listen(self) {
        let mut told_gone = false;
        loop {
            let gone = match self.begin().await {
                Ok(conversation) => {
                    if std::mem::take(&mut told_gone) {
                        self.recorder.note(Event::EnforcerBack).await;
                    }
                    self.hear(&conversation).await
                }
                Err(error) => error,
            };
            self.standing.set(None);
            self.tell(Elsewhere::Forgotten).await;
            if !std::mem::replace(&mut told_gone, true) {
                tracing::error!(
                    error = one_line(&gone),
                    "the enforcer is gone; all connections are denied until it is back"
                );
                self.recorder.note(Event::EnforcerGone).await;
            }
            tokio::time::sleep(RETRY).await;
        }
    }

    /// Subscribes first and asks second, so that no change of level falls in between.
    async fn begin(&self) -> Result<Conversation, AskError> {
        let conversation = self.enforcer.subscribe().await?;
        let status = self.enforcer.status().await?;
        self.level(status.level, status.open_vectors).await;
        Ok(conversation)
    }

    async fn hear(&self, conversation: &Conversation) -> AskError {
        loop {
            match conversation.receive().await {
                Ok((Notice::Listener { netns }, Some(fd))) => self.adopt(netns, fd.into()).await,
                Ok((Notice::NetnsGone { netns }, None)) => self.tell(Elsewhere::Gone { netns }).await,
                Ok((Notice::Refusal(refusal), None)) => self.refused(refusal).await,
                Ok((Notice::Lost { count }, None)) => {
                    self.counts.kernel_refusals_lost(count);
                    self.recorder.note(Event::KernelRefusalsLost { count }).await;
                }
                Ok((Notice::Level { level, open_vectors }, None)) => self.level(level, open_vectors).await,
                Ok((_, fd)) => return WireError::WrongDescriptors(usize::from(fd.is_some())).into(),
                Err(error) => return error.into(),
            }
        }
    }

    async fn level(&self, level: Option<Level>, open_vectors: Vec<String>) {
        if self.standing.set(level) {
            self.recorder.note(Event::LevelChanged { level, open_vectors }).await;
        }
    }

    async fn adopt(&self, netns: u64, listener: TcpListener) {
        tracing::info!(netns, "listening in another network namespace");
        self.tell(Elsewhere::Made { netns, listener }).await;
    }

    /// Nobody takes it when the gateway is stopping; a listener is closed then.
    async fn tell(&self, news: Elsewhere) {
        let _ = self.elsewhere.send(news).await;
    }

    async fn refused(&self, refusal: KernelRefusal) {
        self.counts.kernel_refused(refusal.agent.as_deref(), &refusal.act);
        self.recorder.note(Event::KernelRefused(refusal.into())).await;
    }
}

impl From<KernelRefusal> for KernelRefused {
    fn from(refusal: KernelRefusal) -> Self {
        Self {
            agent: refusal.agent,
            cgroup_id: refusal.cgroup_id,
            cgroup_path: refusal.cgroup_path,
            tgid: refusal.tgid,
            pid: refusal.pid,
            uid: refusal.uid,
            comm: refusal.comm,
            act: refusal.act,
            why: refusal.why,
            destination: refusal.destination,
            refused_at: timestamp(SystemTime::UNIX_EPOCH + Duration::from_nanos(refusal.at_unix_ns)),
        }
    }
}
