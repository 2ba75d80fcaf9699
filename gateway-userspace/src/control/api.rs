//! The calls there are, and what is the same for all of them: who asks, whether they may, and the record.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Extension, Query, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, on};
use gateway_audit::control::{Asker, ControlRefused, ControlUsed, Outcome};
use gateway_audit::event::Event;
use serde::Serialize;
use tokio::time::timeout;

use super::call::{Call, Kind, Manner, Trouble};
use super::caller::{Caller, Peer};
use super::openapi::{Document, Specification};
use super::reload::ReloadCall;
use super::status::StatusCall;
use crate::access::{self, Extend, Kill, Leases, Revoke, Unlock};
use crate::approvals::calls as approvals;
use crate::gateway::Gateway;

/// Longer questions are not read to their end.
const MAX_QUESTION: usize = 64 * 1024;
/// How much of a question stands in its record.
const RECORDED: usize = 4096;
/// How long a question may take to arrive.
const ARRIVING: Duration = Duration::from_secs(5);
/// Whoever was refused waits for it, so that nobody can fill the records with refusals.
const REFUSED: Duration = Duration::from_millis(200);

/// Lists the calls once, for the server and for the document.
macro_rules! calls {
    ($($call:ty),* $(,)?) => {
        /// What answers at the socket.
        pub fn router(gateway: Arc<Gateway>) -> Router {
            let router = Router::new();
            $(let router = route::<$call>(router);)*
            router.fallback(unknown).with_state(gateway)
        }

        /// All calls, for the document.
        pub fn describe(document: &mut Document) {
            $(document.add::<$call>();)*
        }
    };
}

calls! {
    StatusCall,
    approvals::List,
    approvals::Show,
    approvals::Approve,
    approvals::Deny,
    ReloadCall,
    Specification,
    Leases,
    access::Request,
    Revoke,
    Extend,
    Kill,
    Unlock,
}

fn route<C: Call>(router: Router<Arc<Gateway>>) -> Router<Arc<Gateway>> {
    let answer = |State(gateway): State<Arc<Gateway>>, Extension(peer): Extension<Peer>, request: Request| async move {
        respond(answer::<C>(gateway, &peer, request).await)
    };
    let method = match C::MANNER {
        Manner::Look => MethodFilter::GET,
        Manner::Act => MethodFilter::POST,
    };
    router.route(C::PATH, on(method, answer))
}

async fn unknown() -> Response {
    respond::<()>(Err(
        Trouble::new(Kind::Missing, "there is no such call").help("GET /v1/openapi.json lists all of them")
    ))
}

async fn answer<C: Call>(gateway: Arc<Gateway>, peer: &Peer, request: Request) -> Result<C::Answer, Trouble> {
    // Whoever wrote a part of the question is known once all of it is here.
    let (head, body) = request.into_parts();
    let body = match timeout(ARRIVING, to_bytes(body, MAX_QUESTION)).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => return Err(Trouble::new(Kind::Malformed, "the question is too long, or broke off")),
        Err(_) => return Err(Trouble::new(Kind::Late, "the question did not come in time")),
    };
    let caller = admit::<C>(&gateway, peer).await?;
    let question: C::Question = match C::MANNER {
        Manner::Look => Query::try_from_uri(&head.uri)
            .map(|Query(question)| question)
            .map_err(|error| Trouble::new(Kind::Malformed, error.body_text()))?,
        Manner::Act => serde_json::from_slice(&body).map_err(|error| {
            Trouble::new(Kind::Malformed, format!("the question is not understood: {error}"))
        })?,
    };
    let asked = excerpt(&question);
    let by = caller.asker.clone();
    let late = || Err(Trouble::new(Kind::Late, "the gateway did not come to it in time"));
    let outcome = match timeout(C::PATIENCE, C::answer(Arc::clone(&gateway), caller, question)).await {
        Ok(outcome) => outcome,
        Err(_) => late(),
    };
    if C::MANNER == Manner::Act {
        record::<C>(&gateway, by, asked, outcome.as_ref().err()).await;
    }
    outcome
}

/// Who asks, if that is known and may.
async fn admit<C: Call>(gateway: &Gateway, peer: &Peer) -> Result<Caller, Trouble> {
    let refused = match Caller::identify(gateway, peer).await {
        Ok(caller) if caller.role >= C::ROLE => return Ok(caller),
        Ok(caller) => {
            let why = format!("this takes the role {}, and you are {}", C::ROLE.name(), caller.role.name());
            ControlRefused { by: caller.asker, call: C::PATH.to_owned(), why }
        }
        Err(why) => ControlRefused { by: peer.asker(), call: C::PATH.to_owned(), why },
    };
    let trouble = Trouble::new(Kind::Forbidden, refused.why.clone())
        .help("[control] in the configuration says who may do what here");
    gateway.recorder.note(Event::ControlRefused(refused)).await;
    tokio::time::sleep(REFUSED).await;
    Err(trouble)
}

async fn record<C: Call>(gateway: &Gateway, by: Asker, asked: String, trouble: Option<&Trouble>) {
    let outcome = match trouble {
        None => Outcome::Done,
        Some(trouble) => Outcome::NotDone { why: trouble.what.clone() },
    };
    let used = ControlUsed { by, call: C::PATH.to_owned(), asked, outcome };
    gateway.recorder.note(Event::ControlUsed(used)).await;
}

/// As much of a question as its record has room for.
fn excerpt(question: &impl Serialize) -> String {
    let mut text = serde_json::to_string(question).unwrap_or_default();
    if text.len() > RECORDED {
        let end = (0..=RECORDED).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
        text.truncate(end);
    }
    text
}

fn respond<T: Serialize>(outcome: Result<T, Trouble>) -> Response {
    let (status, body) = match outcome {
        Ok(answer) => (StatusCode::OK, serde_json::to_vec(&answer)),
        Err(trouble) => (trouble.kind.status(), serde_json::to_vec(&trouble)),
    };
    match body {
        Ok(body) => (status, [(header::CONTENT_TYPE, "application/json")], Body::from(body)).into_response(),
        Err(error) => {
            tracing::error!(%error, "an answer at the control socket cannot be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_question_is_recorded_up_to_a_whole_character() {
        let recorded = excerpt(&"ü".repeat(RECORDED));
        assert!(recorded.len() <= RECORDED && recorded.len() > RECORDED - 4);
        assert_eq!(excerpt(&"short"), "\"short\"");
    }
}
