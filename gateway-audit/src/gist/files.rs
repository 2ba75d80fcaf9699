//! What records say of files of records, in short.

use super::telling::service;
use super::{Gist, Weight};
use crate::event::Event;
use crate::file::FileOf;

pub(super) fn tell(event: &Event) -> Gist<'_> {
    match event {
        Event::FileBegan(began) => {
            let of = match &began.of {
                FileOf::Host => "the host".to_owned(),
                FileOf::Session(session) => format!("session {session}"),
            };
            service("file_began", Weight::Usual, format!("a file of records of {of} begins"))
        }
        Event::Sealed { records, .. } => {
            service("sealed", Weight::Usual, format!("the session is sealed with {records} records"))
        }
        Event::SessionBegan(began) => Gist {
            connection: Some(began.connection),
            agent: Some(&began.agent),
            target: Some(&began.target),
            ..of_session(&began.session, "session_began", format!("its records are in {}", began.file))
        },
        Event::SessionSealed(sealed) => of_session(
            &sealed.session,
            "session_sealed",
            format!("{} is sealed with {} records", sealed.file, sealed.chain.records),
        ),
        Event::SessionRemoved(removed) => of_session(
            &removed.session,
            "session_removed",
            format!("{} was deleted: {}", removed.file, removed.why),
        ),
        Event::SessionsStand(stand) => {
            let says = format!("{} sessions have moved", stand.sessions.len());
            service("sessions_stand", Weight::Usual, says)
        }
        Event::Packed(packed) => service("packed", Weight::Usual, format!("{} was compressed", packed.file)),
        Event::Recovered(found) => service(
            "recovered",
            Weight::Warning,
            format!(
                "{} was left open: {} records are whole, {} were brought back, {} bytes were cut off",
                found.file, found.records, found.brought_back, found.cut_bytes
            ),
        ),
        _ => service("checkpoint", Weight::Usual, "all records before are signed".to_owned()),
    }
}

fn of_session<'a>(session: &'a str, kind: &'static str, says: String) -> Gist<'a> {
    Gist { session: Some(session), ..service(kind, Weight::Usual, says) }
}
