//! `hold ADDRESS`: sends a word and waits for the end of the connection; prints how it came.

use std::io::{Read, Write};
use std::net::TcpStream;

use anyhow::{Result, bail};

use crate::outcome;

pub(crate) fn run(args: &[String]) -> Result<()> {
    let [address] = args else { bail!("hold ADDRESS") };
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(b"hold")?;
    match stream.read_to_end(&mut Vec::new()) {
        Ok(_) => println!("closed"),
        Err(error) => println!("{}", outcome::word(&error)),
    }
    Ok(())
}
