//! The login of an agent whose driver insists on a password: SCRAM against a placeholder, which opens nothing but
//! this gate and nothing for anybody else.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use gateway_protocols::postgres::frame::{Header, Reader};
use gateway_protocols::postgres::scram::{MAX_MESSAGE, Mechanism, Server, Verifier};
use gateway_protocols::postgres::welcome;

use super::{Caller, GreetError};
use crate::random;

/// SASLInitialResponse and SASLResponse.
const ANSWER: u8 = b'p';

impl Caller {
    pub(super) async fn prove(&mut self, verifier: &Verifier) -> Result<(), GreetError> {
        let end_point = self.line()?.leaf().map(|leaf| leaf.end_point);
        let server = Server::new(verifier, end_point.as_ref().map(<[u8; 32]>::as_slice));
        let names: Vec<&str> = server.offers().iter().map(|mechanism| mechanism.name()).collect();
        let mut out = Vec::new();
        welcome::authentication_sasl(&mut out, &names);
        self.say(&out).await?;
        let (chosen, first) = initial(&self.answer().await?)?;
        let nonce = STANDARD_NO_PAD.encode(*random::bytes::<18>()?);
        let (challenge, awaiting) = server.first(chosen, &first, &nonce)?;
        out.clear();
        welcome::authentication_sasl_continue(&mut out, &challenge);
        self.say(&out).await?;
        let outcome = awaiting.last(&self.answer().await?)?;
        out.clear();
        welcome::authentication_sasl_final(&mut out, &outcome);
        self.say(&out).await
    }

    /// The body of the next message, which must be an answer.
    async fn answer(&mut self) -> Result<Vec<u8>, GreetError> {
        self.answer_of(MAX_MESSAGE).await
    }

    /// The same, of at most so many bytes.
    pub(super) async fn answer_of(&mut self, longest: usize) -> Result<Vec<u8>, GreetError> {
        loop {
            if let Some(header) = Header::read(&self.read)? {
                if header.kind != ANSWER || header.body > longest {
                    return Err(GreetError::NoAnswer);
                }
                if let Some(message) = self.read.get(..header.whole()) {
                    let body = message.iter().skip(message.len() - header.body).copied().collect();
                    self.read.drain(..header.whole());
                    return Ok(body);
                }
            }
            self.more().await?;
        }
    }
}

/// The mechanism, and the client's first message.
fn initial(body: &[u8]) -> Result<(Mechanism, Vec<u8>), GreetError> {
    let mut reader = Reader::new(body);
    let chosen = Mechanism::named(reader.text()?).ok_or(GreetError::NoAnswer)?;
    let first = reader.value()?.ok_or(GreetError::NoAnswer)?.to_vec();
    reader.end()?;
    Ok((chosen, first))
}
