//! How an attempt to talk went, in one word that a suite can compare.

use std::io::{self, Error, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};

/// Sends, says that this was all, and reads until the other side says the same.
pub(crate) fn converse(stream: &mut TcpStream, text: &str) -> io::Result<String> {
    stream.write_all(text.as_bytes())?;
    stream.shutdown(Shutdown::Write)?;
    let mut heard = String::new();
    stream.read_to_string(&mut heard)?;
    if heard.is_empty() {
        // The end without a word is how a gateway would lie; it must reset.
        return Err(ErrorKind::UnexpectedEof.into());
    }
    Ok(heard)
}

pub(crate) fn word(error: &Error) -> String {
    match error.kind() {
        ErrorKind::PermissionDenied => "denied".to_owned(),
        ErrorKind::ConnectionRefused => "refused".to_owned(),
        // A reset that came first leaves nothing to be connected to, or to write into.
        ErrorKind::ConnectionReset | ErrorKind::NotConnected | ErrorKind::BrokenPipe => "reset".to_owned(),
        ErrorKind::UnexpectedEof => "closed".to_owned(),
        ErrorKind::TimedOut | ErrorKind::WouldBlock => "timeout".to_owned(),
        _ => error.to_string(),
    }
}
