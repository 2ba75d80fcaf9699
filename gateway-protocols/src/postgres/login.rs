//! The side that logs in: what is answered to a server from the StartupMessage until it is ready for queries.
//!
//! No socket, no clock, no randomness: whole messages go in, and it is said what to do. The slow part of SCRAM is left
//! to the caller, who may know the keys already.

mod step;
#[cfg(test)]
mod tests;

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use thiserror::Error;

use super::backend::{ErrorFields, parameter_status, ready_for_query};
use super::frame::{self, Malformed};
use super::scram::{Challenge, Client, Keys, Mechanism, Proved, ScramError};
use super::startup::{CancelKey, Replication, Version};
pub use step::Step;

/// The longest message that a server sends during a login.
pub const LONGEST: usize = 64 << 10;
/// More settings than any server reports.
const MOST_PARAMETERS: usize = 256;

/// What is asked of a server.
#[derive(Debug, Clone)]
pub struct Wish {
    pub version: Version,
    pub user: String,
    pub database: String,
    pub replication: Replication,
    /// Settings of the session, and the name of the application.
    pub parameters: Vec<(String, String)>,
}

impl Wish {
    /// The StartupMessage.
    pub fn message(&self) -> Vec<u8> {
        let mut body = Vec::new();
        let mut pair = |name: &str, value: &str| {
            frame::text(&mut body, name.as_bytes());
            frame::text(&mut body, value.as_bytes());
        };
        pair("user", &self.user);
        pair("database", &self.database);
        match self.replication {
            Replication::None => (),
            Replication::Physical => pair("replication", "true"),
            Replication::Logical => pair("replication", "database"),
        }
        self.parameters.iter().for_each(|(name, value)| pair(name, value));
        body.push(0);
        let mut message = Vec::with_capacity(body.len() + 8);
        // What was read of the agent and the configuration is far below four gigabytes.
        message.extend_from_slice(&u32::try_from(body.len() + 8).unwrap_or(u32::MAX).to_be_bytes());
        message.extend_from_slice(&u32::from(self.version).to_be_bytes());
        message.extend_from_slice(&body);
        message
    }
}

/// What the connection is, as far as it decides how a login may be proved.
#[derive(Debug, Clone)]
pub struct Channel {
    /// The hash of the server's certificate (RFC 5929, `tls-server-end-point`).
    pub end_point: Option<Vec<u8>>,
    pub cleartext: Cleartext,
}

/// Whether a password may be sent as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cleartext {
    Allowed,
    Refused,
}

/// Why a login failed. What the server said is kept; what was said to it never is.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LoginError {
    #[error("the server refused the login: {message} ({code})")]
    Refused { code: String, message: String },
    #[error("the server asks for the password as it is, and nobody has proved to be the server")]
    CleartextRefused,
    #[error("the server asks for a password, and this login has none that can be sent")]
    NoPassword,
    #[error("the server asks for {0}, which is not known here")]
    Unsupported(&'static str),
    #[error("the server offers no form of SCRAM that is known here")]
    NoMechanism,
    #[error(transparent)]
    Scram(#[from] ScramError),
    #[error("a message of the server is malformed: {0}")]
    Malformed(#[from] Malformed),
    #[error("the server sent a message that has no place in a login")]
    Unexpected,
    #[error("the server speaks PostgreSQL's protocol {0} only")]
    Version(Version),
}

/// A login under way.
#[allow(missing_debug_implementations)]
pub struct Login {
    user: String,
    channel: Channel,
    nonce: String,
    state: State,
    /// What came of it so far.
    pub settled: Settled,
}

/// What a server told during the login.
#[derive(Debug)]
pub struct Settled {
    pub version: Version,
    pub parameters: Vec<(String, String)>,
    pub key: Option<CancelKey>,
}

enum State {
    /// Nothing was asked yet.
    Asked,
    Begun(Client),
    Challenged(Challenge),
    Proved(Proved),
    /// The proof was given and, where the method has it, the server's was right.
    Convinced,
    Authenticated,
    /// Of a login that failed or is over.
    Over,
}

impl Login {
    /// `nonce` is random printable text without a comma.
    pub fn new(wish: &Wish, channel: Channel, nonce: String) -> Self {
        let settled = Settled { version: wish.version, parameters: Vec::new(), key: None };
        Self { user: wish.user.clone(), channel, nonce, state: State::Asked, settled }
    }

    /// Takes one message. `password` is what the login has as such, if anything.
    pub fn hear(&mut self, kind: u8, body: &[u8], password: Option<&[u8]>) -> Result<Step, LoginError> {
        match kind {
            b'R' => self.authentication(body, password),
            b'E' => Err(refused(body)),
            b'N' => Ok(Step::Listen),
            b'v' => self.negotiate(body),
            b'S' => self.parameter(body),
            b'K' => self.key(body),
            b'Z' => self.ready(body),
            _ => Err(LoginError::Unexpected),
        }
    }

    /// Goes on after [`Step::Prove`].
    pub fn prove(&mut self, keys: &Keys) -> Result<Step, LoginError> {
        match self.take() {
            State::Challenged(challenge) => {
                let answer = challenge.answer(keys);
                self.state = State::Proved(answer.proved);
                Ok(step::say(|out| out.extend_from_slice(&answer.message)))
            }
            _ => Err(LoginError::Unexpected),
        }
    }

    fn authentication(&mut self, body: &[u8], password: Option<&[u8]>) -> Result<Step, LoginError> {
        let mut reader = frame::Reader::new(body);
        let method = reader.long()?;
        let rest = reader.rest();
        match (method, self.take()) {
            // A server that was asked to prove itself has to.
            (0, State::Asked | State::Convinced) => {
                self.state = State::Authenticated;
                Ok(Step::Listen)
            }
            (3, State::Asked) => self.send_password(password),
            (5, State::Asked) => self.send_md5(rest, password),
            (10, State::Asked) => self.begin(rest),
            (11, State::Begun(client)) => {
                let challenge = client.challenge(rest)?;
                let step = Step::Prove { salt: challenge.salt.clone(), iterations: challenge.iterations };
                self.state = State::Challenged(challenge);
                Ok(step)
            }
            (12, State::Proved(proved)) => {
                proved.check(rest)?;
                self.state = State::Convinced;
                Ok(Step::Listen)
            }
            (2, _) => Err(LoginError::Unsupported("Kerberos V5")),
            (7..=9, _) => Err(LoginError::Unsupported("GSSAPI or SSPI")),
            _ => Err(LoginError::Unexpected),
        }
    }

    fn send_password(&mut self, password: Option<&[u8]>) -> Result<Step, LoginError> {
        if self.channel.cleartext == Cleartext::Refused {
            return Err(LoginError::CleartextRefused);
        }
        let password = password.ok_or(LoginError::NoPassword)?;
        self.state = State::Convinced;
        Ok(step::say(|out| frame::text(out, password)))
    }

    fn send_md5(&mut self, salt: &[u8], password: Option<&[u8]>) -> Result<Step, LoginError> {
        let salt: [u8; 4] = salt.try_into().map_err(|_| Malformed::Length)?;
        let password = password.ok_or(LoginError::NoPassword)?;
        let proof = step::md5(&self.user, password, salt);
        self.state = State::Convinced;
        Ok(step::say(|out| frame::text(out, &proof)))
    }

    fn begin(&mut self, offer: &[u8]) -> Result<Step, LoginError> {
        let offered: Vec<Mechanism> = offer.split(|byte| *byte == 0).filter_map(Mechanism::named).collect();
        let client = Client::new(&offered, self.channel.end_point.as_deref(), &self.nonce)
            .ok_or(LoginError::NoMechanism)?;
        let (name, first) = (client.mechanism().name(), client.first());
        self.state = State::Begun(client);
        Ok(step::say(|out| {
            frame::text(out, name.as_bytes());
            // A message of ours: a nonce and some letters.
            out.extend_from_slice(&u32::try_from(first.len()).unwrap_or(u32::MAX).to_be_bytes());
            out.extend_from_slice(&first);
        }))
    }

    /// NegotiateProtocolVersion: servers tell either the whole version or its second half.
    fn negotiate(&mut self, body: &[u8]) -> Result<Step, LoginError> {
        let told = frame::Reader::new(body).long()?;
        let version = match Version::from(told) {
            Version { major: 0, minor } => Version { minor, ..Version::V3_0 },
            whole => whole,
        };
        if !matches!(self.state, State::Asked) || version > self.settled.version {
            return Err(LoginError::Unexpected);
        }
        if version.major != Version::V3_0.major {
            return Err(LoginError::Version(version));
        }
        self.settled.version = version.settled();
        Ok(Step::Listen)
    }

    fn parameter(&mut self, body: &[u8]) -> Result<Step, LoginError> {
        let (name, value) = parameter_status(body)?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if !matches!(self.state, State::Authenticated) || self.settled.parameters.len() == MOST_PARAMETERS {
            return Err(LoginError::Unexpected);
        }
        self.settled.parameters.push((text(name), text(value)));
        Ok(Step::Listen)
    }

    fn key(&mut self, body: &[u8]) -> Result<Step, LoginError> {
        let mut reader = frame::Reader::new(body);
        let process = reader.long()?;
        let key = CancelKey::new(process, reader.rest()).ok_or(Malformed::Length)?;
        if !matches!(self.state, State::Authenticated) {
            return Err(LoginError::Unexpected);
        }
        self.settled.key = Some(key);
        Ok(Step::Listen)
    }

    fn ready(&mut self, body: &[u8]) -> Result<Step, LoginError> {
        ready_for_query(body)?;
        match self.take() {
            State::Authenticated => Ok(Step::In),
            _ => Err(LoginError::Unexpected),
        }
    }

    fn take(&mut self) -> State {
        core::mem::replace(&mut self.state, State::Over)
    }
}

fn refused(body: &[u8]) -> LoginError {
    let fields = ErrorFields::new(body);
    let message = String::from_utf8_lossy(fields.message().unwrap_or_default()).into_owned();
    LoginError::Refused { code: fields.code().unwrap_or_default().to_string(), message }
}
