//! A connection's place: by it the connection is found when something ends it.

use std::sync::Arc;

use gateway_audit::event::Connection;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::Access;
use super::locks::Lock;
use crate::relay::Cut;

/// Held by a connection for as long as it is open.
#[derive(Debug)]
pub struct Seat {
    access: Arc<Access>,
    pub(super) number: u64,
    end: watch::Receiver<Option<Cut>>,
}

/// What is known of a connection.
#[derive(Debug)]
pub struct Place {
    pub agent: String,
    pub target: String,
    pub person: Option<String>,
    pub session: Option<String>,
    pub process: String,
    pub lease: Option<String>,
    end: watch::Sender<Option<Cut>>,
}

/// A connection as people see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlaceShown {
    pub connection: u64,
    pub session: Option<String>,
    pub agent: String,
    pub person: Option<String>,
    pub target: String,
    /// Name and number of the process that connected.
    pub process: String,
}

impl Access {
    /// Whether this agent is shut out of this target, whoever it acts for.
    pub fn lock_on(&self, agent: &str, target: &str) -> Option<Lock> {
        self.books().lock_on(agent, None, target)
    }

    /// Gives a connection its place.
    pub fn seat(self: &Arc<Self>, connection: &Connection) -> Seat {
        let (told, end) = watch::channel(None);
        let place = Place {
            agent: connection.who.agent.clone(),
            target: connection.target.clone(),
            person: None,
            session: None,
            process: format!("{}[{}]", connection.who.comm, connection.who.tgid),
            lease: None,
            end: told,
        };
        let mut books = self.books();
        // Locked since it was asked: it has not done anything yet, and ends at once.
        if books.lock_on(&place.agent, None, &place.target).is_some() {
            place.end(Cut::Killed);
        }
        books.places.insert(connection.connection, place);
        drop(books);
        Seat { access: Arc::clone(self), number: connection.connection, end }
    }
}

impl Seat {
    /// Done when the connection must end.
    pub async fn ended(&self) -> Cut {
        let mut end = self.end.clone();
        match end.wait_for(Option::is_some).await.map(|cut| *cut) {
            Ok(Some(cut)) => cut,
            // The place is there for as long as the seat.
            Ok(None) | Err(_) => std::future::pending().await,
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.access.books().leave(self.number);
    }
}

impl Place {
    /// The first reason stands.
    pub fn end(&self, cut: Cut) {
        self.end.send_if_modified(|end| {
            let first = end.is_none();
            end.get_or_insert(cut);
            first
        });
    }

    pub fn shown(&self, connection: u64) -> PlaceShown {
        PlaceShown {
            connection,
            session: self.session.clone(),
            agent: self.agent.clone(),
            person: self.person.clone(),
            target: self.target.clone(),
            process: self.process.clone(),
        }
    }
}
