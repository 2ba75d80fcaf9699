//! The side that proves that it knows a password: how the gateway logs in to a target.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use subtle::ConstantTimeEq as _;

use super::message::{Flag, ServerFirst, server_final};
use super::{KEY, Keys, Mechanism, ScramError, check_iterations, hmac, xor};

/// An exchange whose first message can be sent.
#[derive(Debug)]
pub struct Client {
    flag: Flag,
    /// Of the certificate of the server, where there is one.
    end_point: Vec<u8>,
    nonce: String,
}

/// What the server asks: keys for this salt and so many iterations.
#[derive(Debug)]
pub struct Challenge {
    pub salt: Vec<u8>,
    pub iterations: u32,
    pub(super) without_proof: String,
    /// All that was said so far, as it is signed.
    pub(super) said: String,
}

/// What is sent to the server, and what it has to answer.
#[derive(Debug)]
pub struct Answer {
    pub message: Vec<u8>,
    pub proved: Proved,
}

/// A proof that was sent. The server has yet to give its own.
#[derive(Debug)]
pub struct Proved {
    signature: [u8; KEY],
}

impl Client {
    /// `offered` is what the server offered, `end_point` the hash of its certificate (RFC 5929) if the connection
    /// has TLS. `nonce` is random printable text without a comma.
    pub fn new(offered: &[Mechanism], end_point: Option<&[u8]>, nonce: &str) -> Option<Self> {
        let flag = match (end_point, offered.contains(&Mechanism::Plus)) {
            (Some(_), true) => Flag::Bound,
            _ if !offered.contains(&Mechanism::Plain) => return None,
            // A server that does offer it then knows that somebody took its offer out on the way.
            (Some(_), false) => Flag::Could,
            (None, _) => Flag::Cannot,
        };
        let end_point = if flag == Flag::Bound { end_point.unwrap_or_default() } else { &[] };
        Some(Self { flag, end_point: end_point.to_vec(), nonce: nonce.into() })
    }

    pub fn mechanism(&self) -> Mechanism {
        match self.flag {
            Flag::Bound => Mechanism::Plus,
            Flag::Cannot | Flag::Could => Mechanism::Plain,
        }
    }

    pub fn first(&self) -> Vec<u8> {
        format!("{}{}", self.flag.header(), self.bare()).into_bytes()
    }

    /// Takes the server's first message.
    pub fn challenge(self, message: &[u8]) -> Result<Challenge, ScramError> {
        let ServerFirst { nonce, salt, iterations } = ServerFirst::parse(message)?;
        if !nonce.starts_with(&self.nonce) || nonce.len() == self.nonce.len() {
            return Err(ScramError::Nonce);
        }
        check_iterations(iterations)?;
        let binding = [self.flag.header().as_bytes(), &self.end_point].concat();
        let without_proof = format!("c={},r={nonce}", STANDARD.encode(binding));
        let server_first = core::str::from_utf8(message).unwrap_or_default();
        let said = format!("{},{server_first},{without_proof}", self.bare());
        Ok(Challenge { salt, iterations, without_proof, said })
    }

    /// The name is left out: PostgreSQL takes that of the startup message.
    fn bare(&self) -> String {
        format!("n=,r={}", self.nonce)
    }
}

impl Challenge {
    pub fn answer(self, keys: &Keys) -> Answer {
        let said = self.said.as_bytes();
        let proof = xor(hmac(&keys.stored(), &[said]), &keys.client);
        let message = format!("{},p={}", self.without_proof, STANDARD.encode(proof)).into_bytes();
        Answer { message, proved: Proved { signature: hmac(&keys.server, &[said]) } }
    }
}

impl Proved {
    /// Takes the server's last message: only who holds the verifier can have written it.
    pub fn check(self, message: &[u8]) -> Result<(), ScramError> {
        let matches: bool = server_final(message)?.ct_eq(&self.signature).into();
        if matches { Ok(()) } else { Err(ScramError::WrongServer) }
    }
}
