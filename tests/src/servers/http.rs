//! One page, for clients that speak HTTP and nothing else.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, Ipv6Addr, TcpListener, TcpStream};
use std::thread;

use anyhow::Result;

use crate::host;

pub const PAGE: &str = "a page";

/// Serves on both loopback addresses until the test process ends.
#[derive(Debug)]
pub struct Http {
    port: u16,
}

impl Http {
    pub fn start() -> Result<Self> {
        let port = host::free_port()?;
        for listener in
            [TcpListener::bind((Ipv4Addr::LOCALHOST, port))?, TcpListener::bind((Ipv6Addr::LOCALHOST, port))?]
        {
            thread::spawn(move || {
                for stream in listener.incoming().flatten() {
                    thread::spawn(|| answer(stream));
                }
            });
        }
        Ok(Self { port })
    }

    pub fn port(&self) -> u16 {
        self.port
    }
}

/// Whatever was asked. An error is the client's to notice.
fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    for line in BufReader::new(stream.try_clone()?).lines() {
        if line?.is_empty() {
            break;
        }
    }
    write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{PAGE}", PAGE.len())
}
