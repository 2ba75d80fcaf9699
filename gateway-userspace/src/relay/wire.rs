//! What a login hands to the relay: one side's socket, and the TLS connection that was made over it.
#![allow(dead_code)] // until the first login comes through

use std::net::TcpStream;

/// A side, ready for the relay's threads. Its socket does not block.
#[derive(Debug)]
pub enum Wire {
    Plain(TcpStream),
    Tls { socket: TcpStream, tls: Box<rustls::Connection> },
}

impl Wire {
    pub fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(socket) | Self::Tls { socket, .. } => socket,
        }
    }
}
