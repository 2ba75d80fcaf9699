//! Both logins of a session: the agent's at the gateway, and the gateway's at the target.
//!
//! An agent hears of its login only once the target has let the gateway in. Until then whatever fails is told to it in
//! PostgreSQL's words.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use gateway_audit::event::{Connection, Ending, Event};
use gateway_audit::session::{Privacy, SessionOpened};
use gateway_policy::target::{Protocol, TargetName};
use gateway_protocols::postgres::login::Wish;
use gateway_protocols::postgres::refusal::{Code, Refusal};
use gateway_protocols::postgres::startup::{CancelKey, Replication};
use gateway_protocols::postgres::wishes;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::cancel::{Errand, Registered};
use super::catalogue;
use super::greeting::{Arrival, Asked, Claim, GreetError, Greeted};
use super::upstream::{Entered, UpstreamError};
use crate::access::{self, Bid, NotLeased, Seat};
use crate::audit::{Book, RecordError};
use crate::credentials::Credential;
use crate::gateway::Gateway;
use crate::identity::Identity;
use crate::relay::wire::Wire;
use crate::relay::{Bell, upstream};
use crate::report::one_line;
use crate::session::judging::Ground;
use crate::session::{SessionId, of_session};

/// How long a target may take to cancel a query, the connection included.
const CANCELLING: Duration = Duration::from_secs(10);

/// Which connection this is about.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    pub connection: &'a Connection,
    pub target: &'a TargetName,
    pub seat: &'a Seat,
    pub identity: &'a Identity,
}

impl Place<'_> {
    fn agent(&self) -> &str {
        &self.connection.who.agent
    }
}

/// What a connection turns out to be for.
pub enum Received {
    Session(Box<Greeted>),
    /// It is over already.
    Over(Ending),
}

/// A session that both sides are in.
pub struct Admitted {
    pub agent: (Wire, Vec<u8>),
    pub target: (Wire, Vec<u8>),
    pub claim: Claim,
    /// What the agent wished for and the session began with.
    pub settings: Vec<(String, String)>,
    /// What its commands are read by.
    pub ground: Ground,
    /// What the target has reported.
    pub parameters: Vec<(String, String)>,
    /// To be given back when the session is over.
    pub credential: Credential,
    /// For as long as this is held, the agent can cancel.
    pub cancel: Registered,
    pub book: Arc<Book>,
}

/// Receives the agent. A request to cancel is done here.
pub async fn receive(gateway: &Gateway, stream: TcpStream, place: Place<'_>) -> Received {
    let subject = gateway.targets.subject(place.agent(), place.target, place.connection.original);
    let arrived = tokio::select! {
        arrived = gateway.reception.receive(stream, place.agent(), &subject, asked(place.identity)) => arrived,
        () = gateway.closing() => return Received::Over(Ending::GatewayStopped),
    };
    match arrived {
        Ok(Arrival::Session(greeted)) => Received::Session(Box::new(greeted)),
        Ok(Arrival::Cancel(key)) => Received::Over(cancel(gateway, place.agent(), &key).await),
        Ok(Arrival::Nothing) => Received::Over(Ending::Finished),
        Err(error) => Received::Over(Ending::LoginFailed { why: one_line(&error) }),
    }
}

/// What the agent is asked for beyond what its configuration says.
fn asked(identity: &Identity) -> Asked {
    if identity.is_shown_at_login() { Asked::ForToken } else { Asked::AsConfigured }
}

/// Receives an agent only to tell it no.
pub async fn turn_away(
    gateway: &Gateway,
    stream: TcpStream,
    (agent, target, original): (&str, &TargetName, SocketAddr),
    refusal: &Refusal,
) {
    let subject = gateway.targets.subject(agent, target, original);
    let arrived = tokio::select! {
        arrived = gateway.reception.receive(stream, agent, &subject, Asked::ForNothing) => arrived,
        () = gateway.closing() => return,
    };
    // One that came to cancel, or went, hears nothing; there is nobody to hear it.
    if let Ok(Arrival::Session(greeted)) = arrived {
        greeted.refuse(refusal).await;
    }
}

/// Logs in at the target and tells the agent that it is in. An agent that does not come in has been told why.
pub async fn enter(
    gateway: &Gateway,
    mut greeted: Greeted,
    place: Place<'_>,
    session: &SessionId,
) -> Result<Admitted, Ending> {
    let shown = Box::pin(gateway.identities.at_login(place.identity, greeted.take_token())).await;
    if let Err(unproved) = shown {
        let Connection { connection, who, target, .. } = place.connection;
        gateway.recorder.note(Event::IdentityFailed(unproved.event(*connection, who.clone(), target))).await;
        greeted.refuse(&unproved.refusal()).await;
        return Err(Ending::LoginFailed { why: unproved.why });
    }
    let entering = tokio::select! {
        entering = go_in(gateway, &greeted, place, session) => entering,
        () = gateway.closing() => Err(NotIn::GatewayStopped),
    };
    match entering {
        Ok(recorded) => {
            welcome(greeted, recorded).await.map_err(|error| Ending::LoginFailed { why: one_line(&error) })
        }
        Err(why) => {
            greeted.refuse(&why.refusal()).await;
            Err(why.into())
        }
    }
}

/// A session that the agent does not know of yet.
struct Inside {
    entered: Entered,
    settings: Vec<(String, String)>,
    ground: Ground,
    cancel: Registered,
}

/// One that stands in the records.
struct Recorded {
    inside: Inside,
    book: Arc<Book>,
}

/// Why there is no session.
enum NotIn {
    Unreached(Ending),
    Upstream(UpstreamError),
    Replication,
    NoKey(std::io::Error),
    GatewayStopped,
    Unrecorded(RecordError),
    NotLeased(NotLeased),
}

/// Logs in, and writes down that there is a session.
async fn go_in(
    gateway: &Gateway,
    greeted: &Greeted,
    place: Place<'_>,
    session: &SessionId,
) -> Result<Recorded, NotIn> {
    let acts_for = place.identity.acts_for();
    let bid = Bid {
        person: acts_for.as_ref().map(access::person),
        database: Some(&greeted.claim().database),
        session: Some(session.as_str()),
    };
    let lease = gateway.access.admit(place.seat, bid).await?;
    let inside = log_in(gateway, greeted.claim(), place, session.as_str()).await?;
    let Entered { side, credential } = &inside.entered;
    let Claim { user, database, .. } = greeted.claim();
    let version = side.settled.parameters.iter().find(|(name, _)| name == "server_version");
    let opened = SessionOpened {
        of: of_session(session, place.connection),
        who: place.connection.who.clone(),
        original: place.connection.original,
        level: place.connection.level,
        protocol: Protocol::Postgres.name().to_owned(),
        claimed: user.clone(),
        database: database.clone(),
        person: place.identity.acts_for(),
        lease,
        login: credential.user.clone(),
        agent_side: privacy(greeted.is_private()),
        target_side: privacy(side.link.is_private()),
        server_version: version.map(|(_, value)| value.clone()),
    };
    let book = gateway.recorder.open_session(opened).await?;
    Ok(Recorded { inside, book })
}

fn privacy(private: bool) -> Privacy {
    if private { Privacy::Tls } else { Privacy::Plain }
}

async fn log_in(gateway: &Gateway, claim: &Claim, place: Place<'_>, session: &str) -> Result<Inside, NotIn> {
    let (target, address) = (place.target.as_str(), place.connection.original);
    let config = gateway.reception.config();
    let replicates = config.postgres.get(target).is_some_and(|keys| keys.danger_replication);
    if claim.replication != Replication::None && !replicates {
        return Err(NotIn::Replication);
    }
    let settings = wishes::settings(&claim.parameters).map_err(UpstreamError::from)?;
    let wish = Wish {
        version: claim.version,
        // As whom, the credential says.
        user: String::new(),
        database: claim.database.clone(),
        replication: claim.replication,
        parameters: settings.clone(),
    };
    let limit = config.serve.connect_timeout;
    let stream = upstream::connect(address, limit).await.map_err(NotIn::Unreached)?;
    let mut entered = gateway.upstreams.enter(target, session, stream, wish).await?;
    let at =
        catalogue::Place { target: target.to_owned(), server: address, database: claim.database.clone() };
    let user = entered.credential.user.as_str().into();
    let ground = match claim.replication {
        // Nothing of SQL is spoken there, not even by the gateway.
        Replication::Physical => Ground { catalogue: gateway.catalogues.none(), path: None, user },
        Replication::None | Replication::Logical => Ground {
            catalogue: gateway.catalogues.open(at, &gateway.upstreams).await,
            path: entered.side.search_path().await?.map(Arc::from),
            user,
        },
    };
    let key = entered.side.settled.key.clone();
    let bell = Arc::new(Bell::default());
    let connection = place.connection.connection;
    let errand = Errand { connection, target: target.to_owned(), address, key, bell };
    let cancel = gateway.reception.cancels.register(place.agent(), claim.version, errand);
    Ok(Inside { entered, settings, ground, cancel: cancel.map_err(NotIn::NoKey)? })
}

async fn welcome(greeted: Greeted, recorded: Recorded) -> Result<Admitted, GreetError> {
    let Recorded { inside, book } = recorded;
    let Inside { entered: Entered { side, credential }, settings, ground, cancel } = inside;
    let (claim, parameters) = (greeted.claim().clone(), side.settled.parameters);
    let agent = greeted.welcome(&parameters, &cancel.key).await?;
    let target = side.link.into_wire()?;
    Ok(Admitted { agent, target, claim, settings, ground, parameters, credential, cancel, book })
}

/// The agent's connection is closed once the target has heard, which is all the answer that there is.
async fn cancel(gateway: &Gateway, agent: &str, key: &CancelKey) -> Ending {
    let Some(errand) = gateway.reception.cancels.find(agent, key) else { return Ending::NothingToCancel };
    if errand.bell.cancel() {
        return Ending::HoldCancelled { connection: errand.connection };
    }
    match run(gateway, &errand).await {
        Ok(()) => Ending::CancelPassedOn { connection: errand.connection },
        Err(ending) => ending,
    }
}

/// Calls off what a session has left running at the target: a server notices only when it has something to say that
/// nobody listens any more.
pub async fn call_off(gateway: &Gateway, errand: &Errand) {
    if let Err(ending) = run(gateway, errand).await {
        let Errand { connection, target, .. } = errand;
        tracing::warn!(connection, target, ?ending, "cannot cancel what a session has left running");
    }
}

/// Asks the target over a connection of its own, as PostgreSQL wants it.
async fn run(gateway: &Gateway, errand: &Errand) -> Result<(), Ending> {
    let asking = async {
        let Some(key) = &errand.key else { return Ok(()) };
        let limit = gateway.config.serve.connect_timeout;
        let stream = upstream::connect(errand.address, limit).await.map_err(NotIn::Unreached)?;
        let approached = gateway.upstreams.approach(&errand.target, stream).await?;
        Ok(approached.cancel(key).await?)
    };
    timeout(CANCELLING, asking).await.map_err(|_| Ending::ConnectTimedOut)?.map_err(NotIn::into)
}

impl NotIn {
    fn refusal(&self) -> Refusal {
        match self {
            Self::Unreached(Ending::ConnectTimedOut) => {
                Refusal::fatal(Code::ConnectionFailure, "the server does not answer")
            }
            Self::Unreached(_) => Refusal::fatal(Code::ConnectionFailure, "the server cannot be reached"),
            Self::Upstream(error) => error.refusal(),
            Self::Replication => {
                Refusal::fatal(Code::InsufficientPrivilege, "replication is not open to agents here")
                    .with_hint("Commands of SQL are; connect without the parameter \"replication\".")
            }
            Self::NoKey(_) => Refusal::fatal(Code::Internal, "the gateway cannot open a session"),
            Self::GatewayStopped => Refusal::fatal(Code::AdminShutdown, "the gateway is stopping"),
            Self::Unrecorded(error) => {
                let code = if error.is_full() { Code::DiskFull } else { Code::InputOutput };
                Refusal::fatal(code, "the session could not be recorded, so it was not opened")
            }
            Self::NotLeased(why) => not_leased(why),
        }
    }
}

/// What an agent hears that gets no lease.
fn not_leased(why: &NotLeased) -> Refusal {
    let code = match why {
        NotLeased::Locked | NotLeased::NotGivenAhead { .. } => Code::InsufficientPrivilege,
        NotLeased::Full | NotLeased::Crowded => Code::TooManyConnections,
        NotLeased::Over => Code::AdminShutdown,
        NotLeased::Random(_) | NotLeased::State(_) => Code::Internal,
        NotLeased::Record(_) => Code::InputOutput,
    };
    let refusal = Refusal::fatal(code, why.to_string());
    match why {
        NotLeased::Locked => refusal.with_hint("Whoever operates the gateway can unlock it."),
        NotLeased::NotGivenAhead { .. } => {
            refusal.with_hint("Ask an operator for one: `postern lease request` says what it takes.")
        }
        NotLeased::Full | NotLeased::Crowded => {
            refusal.with_hint("Close a session that is not needed any more, or wait until one is closed.")
        }
        NotLeased::Over | NotLeased::Random(_) | NotLeased::State(_) | NotLeased::Record(_) => refusal,
    }
}

impl From<NotLeased> for NotIn {
    fn from(why: NotLeased) -> Self {
        Self::NotLeased(why)
    }
}

impl From<UpstreamError> for NotIn {
    fn from(error: UpstreamError) -> Self {
        Self::Upstream(error)
    }
}

impl From<RecordError> for NotIn {
    fn from(error: RecordError) -> Self {
        Self::Unrecorded(error)
    }
}

impl From<NotIn> for Ending {
    fn from(why: NotIn) -> Self {
        match why {
            NotIn::Unreached(ending) => ending,
            NotIn::Upstream(error) => Self::TargetLoginFailed { why: one_line(&error) },
            NotIn::Replication => Self::LoginFailed { why: "replication is not open to agents here".into() },
            NotIn::NoKey(error) => Self::Failed { why: format!("there is no key to cancel with: {error}") },
            NotIn::GatewayStopped => Self::GatewayStopped,
            NotIn::Unrecorded(error) => Self::Failed { why: one_line(&error) },
            NotIn::NotLeased(why) => Self::NotLeased { why: one_line(&why) },
        }
    }
}
