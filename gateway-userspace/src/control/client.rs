//! Asks a running gateway, from another process.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use axum::body::Bytes;
use axum::http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::Status;
use super::call::{Call, Manner, Nothing, Trouble};
use super::status::StatusCall;
use crate::report::WithHelp;

/// How much longer than the gateway's own patience is waited.
const GRACE: Duration = Duration::from_secs(5);
/// Longer answers are not read to their end.
const MAX_ANSWER: usize = 16 * 1024 * 1024;

pub fn status(socket: &Path) -> anyhow::Result<Status> {
    ask::<StatusCall>(socket, &Nothing {})
}

/// Asks, and waits for the answer.
pub fn ask<C: Call>(socket: &Path, question: &C::Question) -> anyhow::Result<C::Answer> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("cannot start an event loop")?;
    let (method, path, body) = match C::MANNER {
        Manner::Look => (Method::GET, with_query(C::PATH, question)?, Vec::new()),
        Manner::Act => (Method::POST, C::PATH.to_owned(), serde_json::to_vec(question)?),
    };
    let asking = exchange(socket, method, &path, body);
    let late = "the gateway did not answer in time";
    let (status, body) = runtime.block_on(timeout_in(C::PATIENCE + GRACE, asking)).context(late)??;
    if status == StatusCode::OK {
        return serde_json::from_slice(&body).context("the gateway's answer is not understood");
    }
    let Ok(trouble) = serde_json::from_slice::<Trouble>(&body) else { bail!("the gateway answers {status}") };
    let help = trouble.help.clone();
    let refused = Err(anyhow::Error::new(trouble).context("the gateway did not do it"));
    match help {
        Some(help) => refused.help(help),
        None => refused,
    }
}

async fn timeout_in<T>(
    time: Duration,
    work: impl Future<Output = T>,
) -> Result<T, tokio::time::error::Elapsed> {
    timeout(time, work).await
}

async fn exchange(
    socket: &Path,
    method: Method,
    path: &str,
    body: Vec<u8>,
) -> anyhow::Result<(StatusCode, Bytes)> {
    let stream = UnixStream::connect(socket)
        .await
        .with_context(|| format!("cannot reach the gateway at {}", socket.display()))
        .help("start it with `systemctl start postern`, and ask as root or as a member of its group")?;
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.context("cannot speak with the gateway")?;
    tokio::spawn(connection);
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, "postern")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(body)))?;
    let answer = sender.send_request(request).await.context("the gateway did not answer")?;
    let status = answer.status();
    let body = Limited::new(answer.into_body(), MAX_ANSWER).collect().await;
    let body = body.map_err(anyhow::Error::from_boxed).context("the gateway's answer broke off")?;
    Ok((status, body.to_bytes()))
}

/// The question's fields, each as plain text.
fn with_query(path: &str, question: &impl serde::Serialize) -> anyhow::Result<String> {
    let fields = serde_json::to_value(question)?;
    let mut text = path.to_owned();
    for (name, value) in fields.as_object().into_iter().flatten() {
        let value = match value {
            serde_json::Value::Null => continue,
            serde_json::Value::String(value) => value.clone(),
            other => other.to_string(),
        };
        text.push(if text.contains('?') { '&' } else { '?' });
        text.push_str(name);
        text.push('=');
        value.bytes().for_each(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => text.push(char::from(byte)),
            _ => text.push_str(&format!("%{byte:02X}")),
        });
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_question_is_a_query_whatever_stands_in_it() {
        let question = json!({ "agent": "a&b=c ü", "most": 7, "target": null });
        assert_eq!(with_query("/v1/x", &question).expect("a query"), "/v1/x?agent=a%26b%3Dc%20%C3%BC&most=7");
        assert_eq!(with_query("/v1/x", &Nothing {}).expect("a query"), "/v1/x");
    }
}
