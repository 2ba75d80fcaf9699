//! The login itself, and the few commands that the gateway has of its own.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gateway_protocols::postgres::backend::ErrorFields;
use gateway_protocols::postgres::frame::Reader;
use gateway_protocols::postgres::frontend;
use gateway_protocols::postgres::login::{LONGEST, Login, LoginError, Settled, Step, Wish};

use super::approach::Approached;
use super::link::Link;
use super::{Upstream, UpstreamError};
use crate::credentials::Proof;
use crate::random;

/// A session at the target that is ready for its first command.
#[derive(Debug)]
pub struct TargetSide {
    pub link: Link,
    pub settled: Settled,
}

/// A row of an answer, as text.
pub type Row = Vec<Option<String>>;

impl Upstream {
    /// Logs in, within the time that the target has.
    pub async fn log_in(
        &self,
        approached: Approached,
        proof: &Proof,
        wish: &Wish,
    ) -> Result<TargetSide, UpstreamError> {
        let limit = self.keys.login_timeout;
        tokio::time::timeout(limit, enter(approached, proof, wish))
            .await
            .map_err(|_| UpstreamError::TimedOut)?
    }
}

async fn enter(approached: Approached, proof: &Proof, wish: &Wish) -> Result<TargetSide, UpstreamError> {
    let Approached { mut link, channel } = approached;
    let nonce = STANDARD.encode(*random::bytes::<18>().map_err(UpstreamError::Random)?);
    let mut login = Login::new(wish, channel, nonce);
    link.say(&wish.message()).await.map_err(UpstreamError::Lost)?;
    loop {
        let (kind, body) =
            link.next(LONGEST).await.map_err(UpstreamError::Lost)?.ok_or(UpstreamError::Closed)?;
        let heard = login.hear(kind, &body, proof.password());
        match heard.map_err(|error| without_secret(error, proof))? {
            Step::Listen => (),
            Step::Say(message) => link.say(&message).await.map_err(UpstreamError::Lost)?,
            Step::Prove { salt, iterations } => {
                let keys = proof.keys(salt, iterations).await.map_err(UpstreamError::Login)?;
                if let Step::Say(message) = login.prove(&keys).map_err(UpstreamError::Login)? {
                    link.say(&message).await.map_err(UpstreamError::Lost)?;
                }
            }
            Step::In => return Ok(TargetSide { link, settled: login.settled }),
        }
    }
}

/// A server that was sent a password could say it back.
fn without_secret(error: LoginError, proof: &Proof) -> UpstreamError {
    let said_back = |message: &str| {
        proof
            .password()
            .is_some_and(|password| message.as_bytes().windows(password.len()).any(|part| part == password))
    };
    UpstreamError::Login(match error {
        LoginError::Refused { code, message } if said_back(&message) => LoginError::Refused {
            code,
            message: "its words are left out, since they hold the password".to_owned(),
        },
        other => other,
    })
}

impl TargetSide {
    /// Runs a command of the gateway's own, and gives the rows of its last statement.
    pub async fn query(&mut self, sql: &str) -> Result<Vec<Row>, UpstreamError> {
        let mut message = Vec::new();
        frontend::query(&mut message, sql.as_bytes());
        self.link.say(&message).await.map_err(UpstreamError::Lost)?;
        let (mut rows, mut failed) = (Vec::new(), None);
        loop {
            let next = self.link.next(LONGEST).await.map_err(UpstreamError::Lost)?;
            let (kind, body) = next.ok_or(UpstreamError::Closed)?;
            match kind {
                b'T' => rows.clear(),
                b'D' => rows.push(row(&body).ok_or(UpstreamError::Login(LoginError::Unexpected))?),
                b'E' => failed = failed.or_else(|| Some(command_failed(&body))),
                b'Z' => return failed.map_or(Ok(rows), Err),
                // Tags, notices, settings.
                _ => (),
            }
        }
    }

    /// The schemas that the session looks in, unless the server has reported its path.
    pub async fn search_path(&mut self) -> Result<Option<String>, UpstreamError> {
        const QUESTION: &str = "select string_agg(pg_catalog.quote_ident(name), ', ') \
            from pg_catalog.unnest(pg_catalog.current_schemas(false)) name";
        if self.parameter("search_path").is_some() {
            return Ok(None);
        }
        let rows = self.query(QUESTION).await?;
        // An empty path is a path too.
        Ok(Some(rows.into_iter().flatten().next().flatten().unwrap_or_default()))
    }

    /// The value of a setting that the server reported.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.settled.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The major version of the server.
    pub fn server_version(&self) -> Option<u32> {
        let version = self.parameter("server_version")?;
        version.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
    }
}

fn row(body: &[u8]) -> Option<Row> {
    let mut reader = Reader::new(body);
    let count = reader.short().ok()?;
    let text = |value: Option<&[u8]>| value.map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    (0..count).map(|_| reader.value().ok().map(text)).collect()
}

fn command_failed(body: &[u8]) -> UpstreamError {
    let fields = ErrorFields::new(body);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let message = text(fields.message().unwrap_or_default());
    UpstreamError::Command { code: fields.code().unwrap_or_default().to_owned(), message }
}
