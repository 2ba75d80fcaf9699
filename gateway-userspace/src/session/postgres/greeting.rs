//! How an agent is received: the first messages of its connection, TLS if it wants it, and its login.
//!
//! What it says of itself is a claim. Who it is, the kernel has said already; so it is asked for nothing, or for a
//! placeholder where its driver insists on a password. The answer to the login waits for the target's: until then
//! the agent can be told no in PostgreSQL's words.

mod error;
mod line;
mod placeholder;
#[cfg(test)]
mod tests;
mod token;

use std::time::Duration;

use gateway_protocols::postgres::refusal::Refusal;
use gateway_protocols::postgres::startup::{
    self, CancelKey, Opening, Read, Replication, Startup, TLS_HANDSHAKE, Version,
};
use gateway_protocols::postgres::welcome;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::placeholders::Placeholders;
use crate::config::SecretReference;
use crate::identity::Token;
use crate::relay::wire::Wire;
use crate::tls::{Authority, Subject};
pub use error::GreetError;
use line::Line;

/// How long an agent may take to fetch the answer to its login.
const WELCOME: Duration = Duration::from_secs(10);

/// What the gateway is to an agent that comes.
#[derive(Clone, Copy)]
pub struct Door<'a> {
    pub authority: &'a Authority,
    /// What the agent takes the gateway for.
    pub subject: &'a Subject,
    pub login: Login<'a>,
    /// From the first byte to the end of the login.
    pub limit: Duration,
}

/// What an agent is asked for.
#[derive(Clone, Copy)]
pub enum Login<'a> {
    /// Nothing: the kernel attests who it is.
    Attested,
    /// A password that proves nothing to anybody else.
    Placeholder(&'a Placeholders, &'a SecretReference),
    /// An identity token, as it is. It never leaves this host: the gateway is at the other end of the agent's socket.
    Token,
}

/// What the state of an agent's identity asks of its login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    AsConfigured,
    ForToken,
    /// It will be told no.
    ForNothing,
}

/// What an agent came for.
pub enum Arrival {
    Session(Greeted),
    Cancel(CancelKey),
    /// Nothing: it closed without a word, as those do who only look whether somebody listens.
    Nothing,
}

/// What an agent says of itself and wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    pub user: String,
    pub database: String,
    /// Settings that the session shall begin with.
    pub parameters: Vec<(String, String)>,
    /// What is spoken with this agent.
    pub version: Version,
    pub replication: Replication,
}

/// Receives an agent. An agent that is turned away here has been told why.
pub async fn greet(stream: TcpStream, door: &Door<'_>) -> Result<Arrival, GreetError> {
    let mut caller = Caller { line: Some(Line::Plain(stream)), read: Vec::new(), token: None };
    let arrived = timeout(door.limit, caller.arrive(door)).await;
    match arrived.unwrap_or(Err(GreetError::TooSlow(door.limit))) {
        Ok(Some(Came::For(claim))) => Ok(Arrival::Session(Greeted { claim, caller })),
        Ok(Some(Came::ToCancel(key))) => Ok(Arrival::Cancel(key)),
        Ok(None) => Ok(Arrival::Nothing),
        Err(error) => {
            if let Some(refusal) = error.refusal() {
                caller.hear(&refusal).await;
            }
            Err(error)
        }
    }
}

/// An agent that has logged in and waits for the answer.
pub struct Greeted {
    claim: Claim,
    caller: Caller,
}

impl Greeted {
    pub fn claim(&self) -> &Claim {
        &self.claim
    }

    /// What it sent as an identity token, if it was asked for one.
    pub fn take_token(&mut self) -> Option<Token> {
        self.caller.token.take()
    }

    /// Whether nobody on the way can read along.
    pub fn is_private(&self) -> bool {
        matches!(self.caller.line, Some(Line::Tls { .. }))
    }

    /// Tells the agent that it is in, and hands over to the relay, with what the agent has sent already.
    pub async fn welcome(
        mut self,
        parameters: &[(String, String)],
        key: &CancelKey,
    ) -> Result<(Wire, Vec<u8>), GreetError> {
        let mut out = Vec::new();
        welcome::authentication_ok(&mut out);
        parameters.iter().for_each(|(name, value)| welcome::parameter_status(&mut out, name, value));
        welcome::backend_key_data(&mut out, key);
        welcome::ready_for_query(&mut out);
        timeout(WELCOME, self.caller.say(&out)).await.unwrap_or(Err(GreetError::TooSlow(WELCOME)))?;
        let line = self.caller.line.take().ok_or(GreetError::Gone)?;
        Ok(line.into_wire(self.caller.read)?)
    }

    /// Tells the agent no, and closes.
    pub async fn refuse(mut self, refusal: &Refusal) {
        self.caller.hear(refusal).await;
    }
}

/// A connection whose agent has not been let in yet.
struct Caller {
    /// Absent only while TLS is being agreed on.
    line: Option<Line>,
    read: Vec<u8>,
    /// What it sent as an identity token.
    token: Option<Token>,
}

enum Came {
    For(Claim),
    ToCancel(CancelKey),
}

impl Caller {
    async fn arrive(&mut self, door: &Door<'_>) -> Result<Option<Came>, GreetError> {
        if let Some(Line::Plain(stream)) = &self.line {
            match Line::first_byte(stream).await? {
                None => return Ok(None),
                Some(TLS_HANDSHAKE) => self.begin_with_tls(door).await?,
                Some(_) => (),
            }
        }
        match self.request(door).await? {
            Opening::Cancel(key) => Ok(Some(Came::ToCancel(key))),
            Opening::Startup(startup) => self.log_in(startup, door).await.map(Came::For).map(Some),
            Opening::Tls | Opening::Gss => Err(GreetError::AskedTwice),
        }
    }

    /// Direct TLS, as PostgreSQL 17 has it: without the name of the protocol, another protocol's words could be
    /// smuggled in.
    async fn begin_with_tls(&mut self, door: &Door<'_>) -> Result<(), GreetError> {
        self.secure(door).await?;
        if self.line()?.is_named() { Ok(()) } else { Err(GreetError::NoAlpn) }
    }

    /// What the agent wants once encryption is settled. Each kind can be asked for once, and none inside TLS.
    async fn request(&mut self, door: &Door<'_>) -> Result<Opening, GreetError> {
        let mut gss = false;
        loop {
            let opening = self.opening().await?;
            let plain = matches!(self.line()?, Line::Plain(_));
            match opening {
                Opening::Gss if plain && !gss => {
                    self.nothing_behind()?;
                    self.say(&[welcome::NO]).await?;
                    gss = true;
                }
                Opening::Tls if plain => {
                    self.nothing_behind()?;
                    self.say(&[welcome::YES]).await?;
                    self.secure(door).await?;
                }
                other => return Ok(other),
            }
        }
    }

    /// Reads one first message.
    async fn opening(&mut self) -> Result<Opening, GreetError> {
        loop {
            match startup::read(&self.read)? {
                Read::Whole { opening, length } => {
                    self.read.drain(..length);
                    return Ok(opening);
                }
                Read::Needs(_) => self.more().await?,
            }
        }
    }

    async fn log_in(&mut self, startup: Startup, door: &Door<'_>) -> Result<Claim, GreetError> {
        let version = startup.version.settled();
        if version != startup.version || !startup.options.is_empty() {
            let mut out = Vec::new();
            welcome::negotiate_protocol_version(&mut out, version, &startup.options);
            self.say(&out).await?;
        }
        match door.login {
            Login::Attested => (),
            Login::Placeholder(known, place) => self.prove(&*known.verifier(place).await?).await?,
            Login::Token => self.token = self.ask_for_token().await?,
        }
        let Startup { user, database, parameters, replication, .. } = startup;
        Ok(Claim { user, database, parameters, version, replication })
    }

    async fn secure(&mut self, door: &Door<'_>) -> Result<(), GreetError> {
        let Some(Line::Plain(stream)) = self.line.take() else { return Err(GreetError::AskedTwice) };
        let choose = |name: Option<&str>| Ok(door.authority.leaf(door.subject, name)?);
        self.line = Some(Line::secure(stream, choose).await?);
        Ok(())
    }

    /// What came unencrypted behind a request for encryption would be taken for what came inside.
    fn nothing_behind(&self) -> Result<(), GreetError> {
        if self.read.is_empty() { Ok(()) } else { Err(GreetError::PlainBehindRequest) }
    }

    /// Waits for more of a message, which is bounded by whoever asks for more of it.
    async fn more(&mut self) -> Result<(), GreetError> {
        let read = match &mut self.line {
            Some(line) => line.read(&mut self.read).await?,
            None => 0,
        };
        if read == 0 { Err(GreetError::Gone) } else { Ok(()) }
    }

    async fn say(&mut self, bytes: &[u8]) -> Result<(), GreetError> {
        match &mut self.line {
            Some(line) => Ok(line.write(bytes).await?),
            None => Err(GreetError::Gone),
        }
    }

    async fn hear(&mut self, refusal: &Refusal) {
        let mut word = Vec::new();
        refusal.write(&mut word);
        if let Some(line) = self.line.take() {
            line.farewell(&word).await;
        }
    }

    fn line(&self) -> Result<&Line, GreetError> {
        self.line.as_ref().ok_or(GreetError::Gone)
    }
}
