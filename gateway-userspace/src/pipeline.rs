//! The path of a connection. Each stage takes what the stage before it proved and returns its own proof:
//!
//! `Intercepted` → `Attributed` → `Matched` → `Identified` → `Opened` (recorded) → carried → `Ending` (recorded)
//!
//! There is no other way to the relay, and no way past the record of the ending.

use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use gateway_audit::event::{Connection, Denial, Denied, Ended, Ending, Event, Who};
use gateway_policy::target::Protocol;
use tokio::net::TcpStream;

use crate::access::{self, Bid, Seat};
use crate::attribution::wire::Attribution;
use crate::audit::strangers::Listed;
use crate::audit::{RecordError, Recorded};
use crate::gateway::Gateway;
use crate::identity::{Identity, Unproved};
use crate::intercept::{self, Intercepted};
use crate::relay::wire::Wire;
use crate::relay::{Carriage, Cut, Freight, Login, Ready, upstream};
use crate::report::one_line;
use crate::session::postgres;
use crate::targets::Route;

/// DNS over TCP goes to the resolver front.
const DNS_PORT: u16 = 53;

/// A connection that the enforcer knows the agent of.
#[derive(Debug)]
struct Attributed {
    stream: TcpStream,
    number: u64,
    whose: Attribution,
}

/// A connection to something that policy calls by a name.
#[derive(Debug)]
struct Matched {
    attributed: Attributed,
    route: Route,
}

/// A connection of an agent that has shown for whom it acts, or is still to show it when it logs in.
#[derive(Debug)]
struct Identified {
    matched: Matched,
    identity: Identity,
}

/// A connection whose opening stands in the records.
#[derive(Debug)]
struct Opened {
    stream: TcpStream,
    connection: Connection,
    route: Route,
    seat: Seat,
    identity: Identity,
    since: Instant,
    _recorded: Recorded,
}

/// What a connection is open by.
#[derive(Debug, Clone, Copy)]
pub struct Held<'a> {
    pub connection: &'a Connection,
    pub route: &'a Route,
    pub seat: &'a Seat,
    pub identity: &'a Identity,
}

/// A connection that was told no, and what its record says.
#[derive(Debug)]
struct Refused {
    stream: TcpStream,
    denied: Denied,
}

/// Leads one connection from its arrival to its end.
pub async fn pass(gateway: &Gateway, intercepted: Intercepted) {
    // What it takes to get so far is not kept while the connection is carried.
    if let Some(opened) = Box::pin(arrive(gateway, intercepted)).await {
        carry(gateway, opened).await;
    }
}

/// Every stage up to the record of the opening. What ends before that has been told so.
async fn arrive(gateway: &Gateway, intercepted: Intercepted) -> Option<Box<Opened>> {
    let attributed = match attribute(gateway, intercepted).await {
        Ok(attributed) if attributed.whose.original.port() == DNS_PORT => {
            gateway.dns.converse(attributed.stream, &attributed.whose, gateway.closing()).await;
            return None;
        }
        Ok(attributed) => attributed,
        Err(refused) => {
            refuse(gateway, *refused).await;
            return None;
        }
    };
    let matched = match match_target(gateway, attributed).await {
        Ok(matched) => matched,
        Err(refused) => {
            refuse(gateway, *refused).await;
            return None;
        }
    };
    let identified = match identify(gateway, matched).await {
        Ok(identified) => identified,
        Err(unproved) => {
            turn_away_unproved(gateway, *unproved).await;
            return None;
        }
    };
    match open(gateway, identified).await {
        Ok(opened) => Some(Box::new(opened)),
        Err(error) => {
            gateway.could_not_record(&error);
            None
        }
    }
}

/// Turns away a connection that there is no room for.
pub async fn turn_away(gateway: &Gateway, intercepted: Intercepted) {
    refuse(gateway, *unknown(gateway, intercepted, Denial::TooManyConnections)).await;
}

async fn attribute(gateway: &Gateway, intercepted: Intercepted) -> Result<Attributed, Box<Refused>> {
    use std::os::fd::AsFd;
    match gateway.enforcer.whose(intercepted.stream.as_fd()).await {
        Ok(Some(whose)) => {
            let number = gateway.next_number();
            let attributed = Attributed { stream: intercepted.stream, number, whose };
            if !gateway.targets.is_configured(&attributed.whose.agent) {
                return Err(attributed.refused(Denial::UnknownAgent));
            }
            if intercept::is_gate(attributed.whose.original, &attributed.stream) {
                return Err(attributed.refused(Denial::GatewayItself));
            }
            Ok(attributed)
        }
        Ok(None) => Err(unknown(gateway, intercepted, Denial::NotAnAgent)),
        Err(error) => {
            tracing::warn!(error = one_line(&error), "cannot tell whose a connection is");
            Err(unknown(gateway, intercepted, Denial::NoAttribution))
        }
    }
}

async fn match_target(gateway: &Gateway, attributed: Attributed) -> Result<Matched, Box<Refused>> {
    let agent = &attributed.whose.agent;
    match gateway.targets.find(agent, attributed.whose.original).await {
        Ok(route) if gateway.access.lock_on(agent, route.target.as_str()).is_some() => {
            Err(attributed.refused(Denial::Locked))
        }
        Ok(route) => Ok(Matched { attributed, route }),
        Err(reason) => Err(attributed.refused(reason.into())),
    }
}

async fn identify(gateway: &Gateway, matched: Matched) -> Result<Identified, Box<(Matched, Unproved)>> {
    let whose = &matched.attributed.whose;
    match Box::pin(gateway.identities.identify(whose, matched.route.protocol)).await {
        Ok(identity) => Ok(Identified { matched, identity }),
        Err(unproved) => Err(Box::new((matched, unproved))),
    }
}

/// Records why nobody is recognised, and says it in the words of what is spoken, if they are known.
async fn turn_away_unproved(gateway: &Gateway, (matched, unproved): (Matched, Unproved)) {
    let Matched { attributed, route } = matched;
    let who = (&attributed.whose).into();
    note_unproved(gateway, attributed.number, who, route.target.as_str(), &unproved).await;
    let agent = attributed.whose.agent.clone();
    let original = attributed.whose.original;
    let Refused { stream, denied } = *attributed.refused(Denial::NoIdentity);
    gateway.counts.denied(Some(&agent), Denial::NoIdentity);
    Box::pin(gateway.recorder.note(Event::Denied(denied))).await;
    match route.protocol {
        Protocol::Tcp => intercept::refuse(stream),
        Protocol::Postgres => {
            let place = (agent.as_str(), &route.target, original);
            Box::pin(postgres::admission::turn_away(gateway, stream, place, &unproved.refusal())).await;
        }
    }
}

async fn open(gateway: &Gateway, identified: Identified) -> Result<Opened, RecordError> {
    let Identified { matched, identity } = identified;
    let Matched { attributed: Attributed { stream, number, whose }, route } = matched;
    let connection = Connection {
        connection: number,
        who: (&whose).into(),
        person: identity.acts_for(),
        original: whose.original,
        target: route.target.as_str().to_owned(),
        level: Some(whose.level),
    };
    let recorded = match gateway.recorder.record(Event::Opened(connection.clone())).await {
        Ok(recorded) => recorded,
        Err(error) => {
            intercept::refuse(stream);
            return Err(error);
        }
    };
    gateway.counts.opened(&connection.who.agent);
    let seat = gateway.access.seat(&connection);
    Ok(Opened { stream, connection, route, seat, identity, since: Instant::now(), _recorded: recorded })
}

/// The only place from which the relay is reached, and the only one where an ending is written.
async fn carry(gateway: &Gateway, opened: Box<Opened>) {
    let Opened { stream, connection, route, seat, identity, since, _recorded } = *opened;
    let held = Held { connection: &connection, route: &route, seat: &seat, identity: &identity };
    let (ending, carried) = {
        // One watch from here to the end, whatever is done meanwhile.
        let mut ends = pin!(must_end(gateway, held));
        let ready = tokio::select! {
            ready = prepare(gateway, stream, held) => ready,
            cut = &mut ends => Err(cut.into()),
        };
        match ready {
            Ok(Ready { carriage, meanwhile, afterwards }) => {
                let pair = Arc::clone(carriage.pair());
                let carrying = relay(gateway, carriage, held, ends);
                (while_doing(meanwhile, carrying).await, Some((pair, afterwards)))
            }
            Err(ending) => (ending, None),
        }
    };
    // Nothing more can be done by it; what is left to do at the target may take longer.
    drop(seat);
    let (sent_bytes, received_bytes) = match carried {
        Some((pair, afterwards)) => {
            afterwards.await;
            (pair.sent(), pair.received())
        }
        None => (0, 0),
    };
    let lasted_ms = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
    let ended = Ended { connection, ending, sent_bytes, received_bytes, lasted_ms };
    Box::pin(gateway.recorder.note(Event::Ended(ended))).await;
}

/// Connects with the target, and does first what its protocol demands.
async fn prepare<'g>(gateway: &'g Gateway, stream: TcpStream, held: Held<'_>) -> Result<Ready<'g>, Ending> {
    match held.route.protocol {
        Protocol::Tcp => Box::pin(connect(gateway, stream, held)).await,
        Protocol::Postgres => Box::pin(postgres::open(gateway, stream, held)).await,
    }
}

async fn connect<'g>(gateway: &'g Gateway, stream: TcpStream, held: Held<'_>) -> Result<Ready<'g>, Ending> {
    let person = held.connection.person.as_ref().map(access::person);
    if let Err(error) = gateway.access.admit(held.seat, Bid { person, ..Bid::default() }).await {
        intercept::refuse(stream);
        return Err(Ending::NotLeased { why: one_line(&error) });
    }
    match upstream::connect(held.route.destination, gateway.config.serve.connect_timeout).await {
        Ok(target) => opaque(stream, target)
            .map_err(|error| Ending::Failed { why: format!("cannot prepare the sockets: {error}") }),
        Err(ending) => {
            intercept::refuse(stream);
            Err(ending)
        }
    }
}

/// From here on the agent's socket is the relay's, and not the event loop's.
fn opaque(agent: TcpStream, target: std::net::TcpStream) -> std::io::Result<Ready<'static>> {
    let [agent, target] = [agent.into_std()?, target].map(|socket| Login::without(Wire::Plain(socket)));
    Carriage::new(agent, target, Freight::Opaque).map(Ready::new)
}

/// Waits for one thing while another is done that may end or not.
async fn while_doing<T>(meanwhile: impl Future<Output = ()>, awaited: impl Future<Output = T>) -> T {
    let endless = async {
        meanwhile.await;
        std::future::pending().await
    };
    tokio::select! {
        outcome = awaited => outcome,
        never = endless => never,
    }
}

async fn relay(
    gateway: &Gateway,
    carriage: Box<Carriage>,
    held: Held<'_>,
    ends: impl Future<Output = Cut>,
) -> Ending {
    let _listed = gateway.live.list(held.connection, carriage.pair());
    let idle = gateway.config.serve.idle_timeout;
    gateway.relays.carry(carriage, idle, ends).await
}

/// Done when the connection must not go on, whatever its two sides wish.
async fn must_end(gateway: &Gateway, held: Held<'_>) -> Cut {
    tokio::select! {
        () = gateway.closing() => Cut::GatewayStopped,
        lost = gateway.targets.lost(held.route) => lost.into(),
        cut = held.seat.ended() => cut,
        unproved = gateway.identities.lost(held.identity) => {
            let Connection { connection, who, target, .. } = held.connection;
            Box::pin(note_unproved(gateway, *connection, who.clone(), target, &unproved)).await;
            Cut::IdentityEnded
        }
    }
}

async fn note_unproved(gateway: &Gateway, connection: u64, who: Who, target: &str, unproved: &Unproved) {
    gateway.recorder.note(Event::IdentityFailed(unproved.event(connection, who, target))).await;
}

/// Records the no, or counts it where nobody can be named, and says it. A no that cannot be recorded is said all the same.
async fn refuse(gateway: &Gateway, refused: Refused) {
    let Refused { stream, denied } = refused;
    gateway.counts.denied(denied.who.as_ref().map(|who| who.agent.as_str()), denied.because);
    let listed = match denied.who {
        Some(_) => Listed::Alone,
        None => gateway.strangers.denied(denied.because),
    };
    if listed == Listed::Alone {
        gateway.recorder.note(Event::Denied(denied)).await;
    }
    intercept::refuse(stream);
}

/// Refuses a connection that nobody can tell anything about.
fn unknown(gateway: &Gateway, intercepted: Intercepted, because: Denial) -> Box<Refused> {
    let denied = Denied {
        connection: gateway.next_number(),
        who: None,
        original: None,
        peer: Some(intercepted.peer),
        because,
        level: gateway.standing.level(),
    };
    Box::new(Refused { stream: intercepted.stream, denied })
}

impl Attributed {
    fn refused(self, because: Denial) -> Box<Refused> {
        let denied = Denied {
            connection: self.number,
            who: Some((&self.whose).into()),
            original: Some(self.whose.original),
            peer: self.stream.peer_addr().ok(),
            because,
            level: Some(self.whose.level),
        };
        Box::new(Refused { stream: self.stream, denied })
    }
}
