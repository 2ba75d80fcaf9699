//! What a server says from the first message on until it is ready for queries.
//!
//! Each function writes one whole message (PostgreSQL protocol, Message Formats). Numbers and lengths come from the
//! gateway itself or from messages that were bounded when they were read.

use alloc::string::String;
use alloc::vec::Vec;

use super::frame::{message, text};
use super::startup::{CancelKey, Version};

/// The one byte that answers SSLRequest or GSSENCRequest.
pub const YES: u8 = b'S';
pub const NO: u8 = b'N';

/// What is spoken when something newer or unknown was asked for.
pub fn negotiate_protocol_version(out: &mut Vec<u8>, version: Version, unknown: &[String]) {
    message(out, b'v', |out| {
        out.extend_from_slice(&u32::from(version).to_be_bytes());
        out.extend_from_slice(&(unknown.len() as u32).to_be_bytes());
        unknown.iter().for_each(|option| text(out, option.as_bytes()));
    });
}

pub fn authentication_ok(out: &mut Vec<u8>) {
    authentication(out, 0, &[]);
}

pub fn authentication_cleartext_password(out: &mut Vec<u8>) {
    authentication(out, 3, &[]);
}

/// The mechanisms of SASL that are offered, the preferred one first.
pub fn authentication_sasl(out: &mut Vec<u8>, mechanisms: &[&str]) {
    let mut body = Vec::new();
    mechanisms.iter().for_each(|mechanism| text(&mut body, mechanism.as_bytes()));
    body.push(0);
    authentication(out, 10, &body);
}

pub fn authentication_sasl_continue(out: &mut Vec<u8>, challenge: &[u8]) {
    authentication(out, 11, challenge);
}

pub fn authentication_sasl_final(out: &mut Vec<u8>, outcome: &[u8]) {
    authentication(out, 12, outcome);
}

pub fn parameter_status(out: &mut Vec<u8>, name: &str, value: &str) {
    message(out, b'S', |out| {
        text(out, name.as_bytes());
        text(out, value.as_bytes());
    });
}

pub fn backend_key_data(out: &mut Vec<u8>, key: &CancelKey) {
    message(out, b'K', |out| {
        out.extend_from_slice(&key.process.to_be_bytes());
        out.extend_from_slice(key.secret());
    });
}

/// Ready, and outside of a transaction.
pub fn ready_for_query(out: &mut Vec<u8>) {
    message(out, b'Z', |out| out.push(b'I'));
}

fn authentication(out: &mut Vec<u8>, kind: u32, body: &[u8]) {
    message(out, b'R', |out| {
        out.extend_from_slice(&kind.to_be_bytes());
        out.extend_from_slice(body);
    });
}
