//! The side that asks for the proof: how a client that insists on a password logs in to the gateway.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::message::{ClientFinal, ClientFirst, Flag};
use super::{KEY, Mechanism, ScramError, Verifier, hmac, xor};

/// A server's end of an exchange.
#[allow(missing_debug_implementations)]
pub struct Server<'a> {
    verifier: &'a Verifier,
    /// Of the certificate that this connection was opened with, where it has TLS. It is what makes the offer of
    /// [`Mechanism::Plus`].
    end_point: Option<&'a [u8]>,
}

/// An exchange that waits for the client's proof.
#[allow(missing_debug_implementations)]
pub struct Awaiting<'a> {
    server: Server<'a>,
    flag: Flag,
    nonce: String,
    said: String,
}

impl<'a> Server<'a> {
    pub fn new(verifier: &'a Verifier, end_point: Option<&'a [u8]>) -> Self {
        Self { verifier, end_point }
    }

    /// What to offer, the better one first.
    pub fn offers(&self) -> &'static [Mechanism] {
        match self.end_point {
            Some(_) => &[Mechanism::Plus, Mechanism::Plain],
            None => &[Mechanism::Plain],
        }
    }

    /// Takes the client's first message and gives the answer to it. `nonce` is random printable text without a
    /// comma.
    pub fn first(
        self,
        chosen: Mechanism,
        message: &[u8],
        nonce: &str,
    ) -> Result<(Vec<u8>, Awaiting<'a>), ScramError> {
        let ClientFirst { flag, bare, nonce: theirs } = ClientFirst::parse(message)?;
        match (chosen, flag, self.end_point) {
            (Mechanism::Plus, Flag::Bound, Some(_)) | (Mechanism::Plain, Flag::Cannot, _) => (),
            (Mechanism::Plain, Flag::Could, None) => (),
            _ => return Err(ScramError::Downgrade),
        }
        let nonce = format!("{theirs}{nonce}");
        let salt = STANDARD.encode(&self.verifier.salt);
        let answer = format!("r={nonce},s={salt},i={}", self.verifier.iterations);
        let said = format!("{bare},{answer}");
        Ok((answer.into_bytes(), Awaiting { server: self, flag, nonce, said }))
    }
}

impl Awaiting<'_> {
    /// Takes the client's proof. The answer is owed to a client that gave the right one.
    pub fn last(self, message: &[u8]) -> Result<Vec<u8>, ScramError> {
        let ClientFinal { without_proof, binding, nonce, proof } = ClientFinal::parse(message)?;
        if nonce != self.nonce {
            return Err(ScramError::Nonce);
        }
        if binding != self.binding() {
            return Err(ScramError::Binding);
        }
        let said = format!("{},{without_proof}", self.said);
        let verifier = self.server.verifier;
        let client = xor(hmac(&verifier.stored, &[said.as_bytes()]), &proof);
        let stored: [u8; KEY] = Sha256::digest(client).into();
        if !bool::from(stored.ct_eq(&verifier.stored)) {
            return Err(ScramError::WrongProof);
        }
        let signature = hmac(&verifier.server, &[said.as_bytes()]);
        Ok(format!("v={}", STANDARD.encode(signature)).into_bytes())
    }

    fn binding(&self) -> Vec<u8> {
        let end_point = match self.flag {
            Flag::Bound => self.server.end_point.unwrap_or_default(),
            Flag::Cannot | Flag::Could => &[],
        };
        [self.flag.header().as_bytes(), end_point].concat()
    }
}
