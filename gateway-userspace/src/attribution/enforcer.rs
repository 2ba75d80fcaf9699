//! Asks the enforcer, one question at a time on each of a few connections.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, socket};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use super::wire::{
    self, Answer, Attribution, EnforcerStatus, MOST_PARTS, Question, TokenFound, TokenPlace, WireError,
};
use crate::sys::seqpacket;

/// Questions under way at once; the next ones wait their turn.
const CONVERSATIONS: usize = 16;
/// The enforcer reads maps and hashes a program file at most; longer means that it is stuck.
const PATIENCE: Duration = Duration::from_secs(5);

/// A restarted enforcer listens again long before; agents hear within a second that it does not.
const RESTART: Duration = Duration::from_millis(800);
const RETRY: Duration = Duration::from_millis(10);

#[derive(Debug, thiserror::Error)]
pub enum AskError {
    #[error("the enforcer cannot be reached at {path}")]
    Unreachable { path: String, source: io::Error },
    #[error("the enforcer did not answer")]
    Wire(#[from] WireError),
    #[error("the enforcer did not answer within {} seconds", PATIENCE.as_secs())]
    TimedOut,
    #[error("the enforcer could not answer: {why}")]
    Failed { why: String },
    #[error("the enforcer answered another question")]
    Beside,
    #[error("the enforcer's answer does not come to an end")]
    Endless,
}

impl AskError {
    /// Nobody was there to hear the question, or left before the answer.
    fn is_absence(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Wire(error) => {
                matches!(error, WireError::Send(_) | WireError::Receive(_) | WireError::Closed)
            }
            Self::TimedOut | Self::Failed { .. } | Self::Beside | Self::Endless => false,
        }
    }
}

#[derive(Debug)]
pub struct Enforcer {
    path: PathBuf,
    idle: Mutex<Vec<Conversation>>,
    /// Since when nobody answers.
    away_since: Mutex<Option<Instant>>,
    turns: Semaphore,
}

impl Enforcer {
    pub fn at(path: &Path) -> Self {
        Self {
            path: path.to_path_buf(),
            idle: Mutex::default(),
            away_since: Mutex::default(),
            turns: Semaphore::new(CONVERSATIONS),
        }
    }

    /// Whose connection is this? `None`: no agent's.
    pub async fn whose(&self, accepted: BorrowedFd<'_>) -> Result<Option<Attribution>, AskError> {
        match self.ask(&Question::Whose, Some(accepted)).await? {
            Answer::Connection(whose) => Ok(whose),
            other => Err(beside(other)),
        }
    }

    /// Who sent the datagram that came from `from`? `None`: no agent.
    pub async fn whose_datagram(
        &self,
        netns: u64,
        from: std::net::SocketAddr,
    ) -> Result<Option<Attribution>, AskError> {
        match self.ask(&Question::WhoseDatagram { netns, from }, None).await? {
            Answer::Connection(whose) => Ok(whose),
            other => Err(beside(other)),
        }
    }

    /// Does this process run in an agent's cgroup?
    pub async fn is_agent(&self, pid: i32) -> Result<bool, AskError> {
        match self.ask(&Question::IsAgent { pid }, None).await? {
            Answer::IsAgent(is) => Ok(is),
            other => Err(beside(other)),
        }
    }

    /// What an agent's process has where its identity token is configured to be.
    pub async fn token(&self, agent: &str, tgid: u32, place: TokenPlace) -> Result<TokenFound, AskError> {
        let agent = agent.to_owned();
        match self.ask(&Question::Token { agent, tgid, place }, None).await? {
            Answer::Token(found) => Ok(found),
            other => Err(beside(other)),
        }
    }

    pub async fn status(&self) -> Result<EnforcerStatus, AskError> {
        let mut status = EnforcerStatus::default();
        let mut after = None;
        for _ in 0..MOST_PARTS {
            after = match self.ask(&Question::Status { after }, None).await? {
                Answer::Status(part) => status.add(part),
                other => return Err(beside(other)),
            };
            if after.is_none() {
                return Ok(status);
            }
        }
        Err(AskError::Endless)
    }

    /// A connection of its own, on which the enforcer tells and is asked nothing more.
    pub async fn subscribe(&self) -> Result<Conversation, AskError> {
        let conversation = Conversation::open(&self.path)?;
        conversation.send(&Question::Subscribe, None).await?;
        Ok(conversation)
    }

    async fn ask(&self, question: &Question, fd: Option<BorrowedFd<'_>>) -> Result<Answer, AskError> {
        timeout(PATIENCE, self.ask_in_turn(question, fd)).await.map_err(|_| AskError::TimedOut)?
    }

    async fn ask_in_turn(&self, question: &Question, fd: Option<BorrowedFd<'_>>) -> Result<Answer, AskError> {
        // The semaphore is never closed.
        let _turn = self.turns.acquire().await.map_err(|_| AskError::TimedOut)?;
        // The enforcer may have been restarted since the last question: what it does not hear is asked anew.
        loop {
            let (kept, outcome) = match self.take() {
                Some(conversation) => (true, self.ask_on(conversation, question, fd).await),
                None => (false, self.ask_anew(question, fd).await),
            };
            match outcome {
                Err(error) if error.is_absence() && kept => {}
                Err(error) if error.is_absence() && self.may_come_back() => sleep(RETRY).await,
                outcome => return outcome,
            }
        }
    }

    async fn ask_anew(&self, question: &Question, fd: Option<BorrowedFd<'_>>) -> Result<Answer, AskError> {
        self.ask_on(Conversation::open(&self.path)?, question, fd).await
    }

    /// Whether the enforcer has been away for no longer than a restart takes. All questions share that time, so that
    /// none waits behind another's.
    fn may_come_back(&self) -> bool {
        let mut since = self.away_since.lock().unwrap_or_else(PoisonError::into_inner);
        since.get_or_insert_with(Instant::now).elapsed() < RESTART
    }

    fn is_back(&self) {
        self.away_since.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// A conversation goes back only after a whole answer, so that no answer meets the wrong question.
    async fn ask_on(
        &self,
        conversation: Conversation,
        question: &Question,
        fd: Option<BorrowedFd<'_>>,
    ) -> Result<Answer, AskError> {
        conversation.send(question, fd).await?;
        let (answer, stray) = conversation.receive().await?;
        if stray.is_some() {
            return Err(WireError::WrongDescriptors(1).into());
        }
        self.is_back();
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(conversation);
        Ok(answer)
    }

    fn take(&self) -> Option<Conversation> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }
}

/// An answer that does not fit the question.
fn beside(answer: Answer) -> AskError {
    match answer {
        Answer::Failed { why } => AskError::Failed { why },
        Answer::Connection(_)
        | Answer::Status(_)
        | Answer::Watches(_)
        | Answer::IsAgent(_)
        | Answer::Token(_)
        | Answer::Noted => AskError::Beside,
    }
}

/// One connection to the enforcer.
#[derive(Debug)]
pub struct Conversation {
    socket: AsyncFd<OwnedFd>,
}

impl Conversation {
    fn open(path: &Path) -> Result<Self, AskError> {
        let failed = |source: io::Error| AskError::Unreachable { path: path.display().to_string(), source };
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let fd =
            socket(AddressFamily::Unix, SockType::SeqPacket, flags, None).map_err(|e| failed(e.into()))?;
        let address = UnixAddr::new(path).map_err(|e| failed(e.into()))?;
        connect(fd.as_raw_fd(), &address).map_err(|e| failed(e.into()))?;
        Ok(Self { socket: seqpacket::watched(fd).map_err(failed)? })
    }

    async fn send<T: Serialize>(&self, message: &T, fd: Option<BorrowedFd<'_>>) -> Result<(), WireError> {
        // There is room nearly always, and then nobody needs to be woken.
        match wire::send(self.socket.as_fd(), message, fd) {
            Err(error) if error.would_block() => (),
            outcome => return outcome,
        }
        self.when(Interest::WRITABLE, |socket| wire::send(socket, message, fd)).await
    }

    pub async fn receive<T: DeserializeOwned>(&self) -> Result<(T, Option<OwnedFd>), WireError> {
        self.when(Interest::READABLE, |socket| wire::receive_with(socket)).await
    }

    async fn when<T>(
        &self,
        interest: Interest,
        mut attempt: impl FnMut(BorrowedFd<'_>) -> Result<T, WireError>,
    ) -> Result<T, WireError> {
        loop {
            let mut ready = self.socket.ready(interest).await.map_err(WireError::Receive)?;
            match attempt(self.socket.as_fd()) {
                Err(error) if error.would_block() => ready.clear_ready(),
                outcome => return outcome,
            }
        }
    }
}
