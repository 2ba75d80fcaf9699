//! PostgreSQL, from an agent's first byte to the relay: `greeting.rs` receives the agent, with what `reception.rs` has
//! ready for all of them; `upstream` logs in at the target; `admission.rs` is the way from the one to the other, and
//! `cancel.rs` knows whose queries can be cancelled.

pub mod admission;
pub mod cancel;
pub mod catalogue;
pub mod greeting;
pub mod placeholders;
pub mod reception;
pub mod upstream;

use std::io;
use std::sync::Arc;

use gateway_audit::event::Ending;
use gateway_protocols::postgres::conversation::{Limits, Postgres};
use gateway_protocols::postgres::startup::Replication;
use tokio::net::TcpStream;

use self::admission::{Admitted, Place, Received};
use super::judging::Subject;
use super::{Session, SessionId};
use crate::approvals::counter::Counter;
use crate::gateway::Gateway;
use crate::pipeline::Held;
use crate::relay::{Carriage, Freight, Login, Ready, Talk};
use crate::targets::Route;

/// Receives an agent, logs in at the target, and brings both together. If there is no session, the agent was told.
pub async fn open<'g>(gateway: &'g Gateway, stream: TcpStream, held: Held<'_>) -> Result<Ready<'g>, Ending> {
    let Held { connection, route, seat, identity } = held;
    let place = Place { connection, target: &route.target, seat, identity };
    let greeted = match admission::receive(gateway, stream, place).await {
        Received::Session(greeted) => greeted,
        Received::Over(ending) => return Err(ending),
    };
    let id = SessionId::new().map_err(|error| failed("there is no name for the session", &error))?;
    let admitted = admission::enter(gateway, *greeted, place, &id).await?;
    join(gateway, held, &id, admitted).map_err(|error| failed("cannot prepare the sockets", &error))
}

fn join<'g>(
    gateway: &'g Gateway,
    held: Held<'_>,
    id: &SessionId,
    admitted: Admitted,
) -> io::Result<Ready<'g>> {
    let Held { connection, route, identity, seat } = held;
    let Admitted { agent, target, claim, settings, ground, parameters, credential, cancel, book } = admitted;
    let subject = Subject {
        agent: connection.who.agent.clone(),
        person: identity.person(),
        target: connection.target.clone(),
        database: claim.database,
    };
    let judge =
        gateway.judges.judge(subject, ground).acting_as(identity).for_purpose(gateway.access.purpose(seat));
    let judge = match claim.replication {
        Replication::None => judge,
        Replication::Physical | Replication::Logical => judge.of_replication(),
    };
    let bell = Arc::clone(&cancel.errand.bell);
    let counter = Counter::new(Arc::clone(&gateway.approvals), Arc::clone(&bell), id.as_str());
    let session = Session::new(id, connection, book, judge).with_counter(counter);
    let (left, summons) = (session.left(), session.summons());
    let errand = Arc::clone(&cancel.errand);
    let meanwhile = summons.answer(move || {
        let errand = Arc::clone(&errand);
        async move { admission::call_off(gateway, &errand).await }
    });
    let talk = Talk {
        conversation: Box::new(Postgres::new(limits(route), parameters, settings)),
        court: Box::new(session),
        bell,
    };
    let [agent, target] = [agent, target].map(|(wire, read)| Login { wire, read });
    let afterwards = async move {
        if left.something_runs() {
            admission::call_off(gateway, &cancel.errand).await;
        }
        drop(cancel);
        credential.give_back().await;
    };
    Ok(Ready {
        carriage: Carriage::new(agent, target, Freight::Spoken(talk))?,
        meanwhile: Box::pin(meanwhile),
        afterwards: Box::pin(afterwards),
    })
}

fn limits(route: &Route) -> Limits {
    let mut limits = Limits::default();
    if let Some(keys) = route.config().postgres.get(route.target.as_str()) {
        limits.message = keys.max_message as usize;
    }
    limits
}

fn failed(act: &str, error: &io::Error) -> Ending {
    Ending::Failed { why: format!("{act}: {error}") }
}
