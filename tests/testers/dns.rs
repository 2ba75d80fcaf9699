//! `dns SERVER NAME [--connected|--tcp] [--aaaa]`: a resolver's client that is not glibc's. Prints
//! `from ADDRESS code=N ADDRESS …`, where the first address is who answered as the kernel tells it.

use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use anyhow::{Context, bail};

use crate::outcome;

const PATIENCE: Duration = Duration::from_secs(20);
const A: u16 = 1;
const AAAA: u16 = 28;
const HEADER: usize = 12;

#[derive(Debug, Clone, Copy)]
enum Way {
    Unconnected,
    Connected,
    Tcp,
}

pub(crate) fn run(args: &[String]) -> anyhow::Result<()> {
    let [server, name, options @ ..] = args else { bail!("dns SERVER NAME") };
    let server: SocketAddr = server.parse().context("no address")?;
    let (mut way, mut kind) = (Way::Unconnected, A);
    for option in options {
        match option.as_str() {
            "--connected" => way = Way::Connected,
            "--tcp" => way = Way::Tcp,
            "--aaaa" => kind = AAAA,
            unknown => bail!("no option {unknown}"),
        }
    }
    let question = question(name, kind)?;
    let heard = match way {
        Way::Unconnected => unconnected(server, &question),
        Way::Connected => connected(server, &question),
        Way::Tcp => over_tcp(server, &question),
    };
    match heard.and_then(|(from, answer)| Ok(format!("from {from} {}", read(&answer)?))) {
        Ok(line) => println!("{line}"),
        Err(error) => println!("{}", outcome::word(&error)),
    }
    Ok(())
}

fn question(name: &str, kind: u16) -> anyhow::Result<Vec<u8>> {
    let mut bytes = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        bytes.push(u8::try_from(label.len())?);
        bytes.extend_from_slice(label.as_bytes());
    }
    bytes.push(0);
    bytes.extend_from_slice(&kind.to_be_bytes());
    bytes.extend_from_slice(&1_u16.to_be_bytes());
    Ok(bytes)
}

fn local(server: SocketAddr) -> Result<UdpSocket> {
    let any: IpAddr =
        if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    Ok(socket)
}

/// As musl does it: whoever answers must be whoever was asked.
fn unconnected(server: SocketAddr, question: &[u8]) -> Result<(SocketAddr, Vec<u8>)> {
    let socket = local(server)?;
    socket.send_to(question, server)?;
    let mut answer = vec![0; 1500];
    let (length, from) = socket.recv_from(&mut answer)?;
    answer.truncate(length);
    Ok((from, answer))
}

fn connected(server: SocketAddr, question: &[u8]) -> Result<(SocketAddr, Vec<u8>)> {
    let socket = local(server)?;
    socket.connect(server)?;
    socket.send(question)?;
    let mut answer = vec![0; 1500];
    let length = socket.recv(&mut answer)?;
    answer.truncate(length);
    Ok((socket.peer_addr()?, answer))
}

fn over_tcp(server: SocketAddr, question: &[u8]) -> Result<(SocketAddr, Vec<u8>)> {
    let mut stream = TcpStream::connect(server)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let length = u16::try_from(question.len()).map_err(Error::other)?;
    stream.write_all(&[&length.to_be_bytes(), question].concat())?;
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut answer)?;
    Ok((stream.peer_addr()?, answer))
}

/// Code and addresses of an answer whose question is ours.
fn read(answer: &[u8]) -> Result<String> {
    let short = || Error::from(ErrorKind::UnexpectedEof);
    let byte = |at: usize| answer.get(at).copied().ok_or_else(short);
    let word = |at: usize| Ok::<_, Error>(u16::from_be_bytes([byte(at)?, byte(at + 1)?]));
    let mut line = format!("code={}", byte(3)? & 15);
    let mut at = HEADER;
    for _ in 0..word(4)? {
        at = behind_name(answer, at).ok_or_else(short)? + 4;
    }
    for _ in 0..word(6)? {
        at = behind_name(answer, at).ok_or_else(short)?;
        let (kind, length) = (word(at)?, usize::from(word(at + 8)?));
        let data = answer.get(at + 10..at + 10 + length).ok_or_else(short)?;
        if let Some(address) = address(kind, data) {
            line.push_str(&format!(" {address}"));
        }
        at += 10 + length;
    }
    Ok(line)
}

fn address(kind: u16, data: &[u8]) -> Option<IpAddr> {
    match kind {
        A => Some(<[u8; 4]>::try_from(data).ok()?.into()),
        AAAA => Some(<[u8; 16]>::try_from(data).ok()?.into()),
        _ => None,
    }
}

fn behind_name(answer: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *answer.get(at)? {
            0 => return Some(at + 1),
            // A pointer to an earlier name ends this one.
            length @ 192.. => return (length & 192 == 192).then_some(at + 2),
            length => at += 1 + usize::from(length),
        }
    }
}
