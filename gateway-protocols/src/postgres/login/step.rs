//! What a login does next, and how a password is put into a message.

use alloc::vec::Vec;

use md5::{Digest as _, Md5};
use zeroize::Zeroizing;

use super::frame;

/// What to do next.
#[allow(missing_debug_implementations)]
pub enum Step {
    /// Nothing; wait for the next message.
    Listen,
    /// Send this, which may hold a secret.
    Say(Zeroizing<Vec<u8>>),
    /// Call [`super::Login::prove`] with the keys for this salt and so many iterations.
    Prove { salt: Vec<u8>, iterations: u32 },
    /// The server is ready for queries.
    In,
}

/// A PasswordMessage, SASLInitialResponse or SASLResponse: they have one letter.
pub(super) fn say(body: impl FnOnce(&mut Vec<u8>)) -> Step {
    // Room for what a login says, so that no copy of a secret stays behind when the buffer grows.
    let mut message = Zeroizing::new(Vec::with_capacity(4096));
    frame::message(&mut message, b'p', body);
    Step::Say(message)
}

/// `md5` and the hash of the hash of password and user, and the salt (PostgreSQL protocol, AuthenticationMD5Password).
pub(super) fn md5(user: &str, password: &[u8], salt: [u8; 4]) -> Zeroizing<Vec<u8>> {
    let inner = hex(Md5::new().chain_update(password).chain_update(user).finalize().into());
    let outer = hex(Md5::new().chain_update(&*inner).chain_update(salt).finalize().into());
    Zeroizing::new([b"md5", &**outer].concat())
}

fn hex(hash: [u8; 16]) -> Zeroizing<Vec<u8>> {
    let digit = |value: u8| if value < 10 { b'0' + value } else { b'a' + value - 10 };
    Zeroizing::new(hash.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect())
}
