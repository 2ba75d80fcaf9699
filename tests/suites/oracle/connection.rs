//! One session at the real server, in its own protocol.

use std::io::{BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use gateway_e2e::wire::message;

/// A server that says nothing for so long has hung.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
}

pub(crate) type Row = Vec<Option<String>>;

/// All that came back for one text.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub rows: Vec<Row>,
    /// What was told with the level INFO, which no setting holds back.
    pub infos: Vec<String>,
    /// The code of the first error.
    pub error: Option<String>,
    /// Whether a transaction has failed and waits for its end.
    pub failed: bool,
    /// Whether a transaction is open, failed or not.
    pub open: bool,
}

impl Connection {
    pub(crate) fn open(address: SocketAddr, database: &str) -> Result<Self> {
        let stream = TcpStream::connect(address).context("cannot connect")?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut body = 196_608_u32.to_be_bytes().to_vec();
        body.extend(format!("user\0postgres\0database\0{database}\0\0").as_bytes());
        let mut connection = Self { stream: BufReader::new(stream) };
        let length = u32::try_from(4 + body.len())?.to_be_bytes();
        connection.send(&[length.as_slice(), &body].concat())?;
        let answer = connection.listen("")?;
        match answer.error {
            None => Ok(connection),
            Some(code) => bail!("cannot log in to {database}: {code}"),
        }
    }

    /// Runs a text; `copy` is what it gets if it wants to copy.
    pub(crate) fn ask(&mut self, text: &str, copy: &str) -> Result<Answer> {
        self.send(&message(b'Q', &[text.as_bytes(), b"\0"]))?;
        self.listen(copy)
    }

    fn send(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(self.stream.get_mut().write_all(bytes)?)
    }

    fn listen(&mut self, copy: &str) -> Result<Answer> {
        let mut answer = Answer::default();
        loop {
            let mut head = [0; 5];
            self.stream.read_exact(&mut head).context("the server went away")?;
            let [kind, length @ ..] = head;
            let mut body = vec![0; usize::try_from(u32::from_be_bytes(length))?.saturating_sub(4)];
            self.stream.read_exact(&mut body)?;
            match kind {
                b'Z' => {
                    (answer.failed, answer.open) = (body == b"E", body != b"I");
                    return Ok(answer);
                }
                b'D' => answer.rows.push(row(&body)),
                b'E' => {
                    answer.error.get_or_insert(field(&body, b'C'));
                }
                b'N' if field(&body, b'V') == "INFO" => answer.infos.push(field(&body, b'M')),
                b'G' => {
                    let data = message(b'd', &[copy.as_bytes()]);
                    self.send(&[data, message(b'c', &[])].concat())?;
                }
                _ => (),
            }
        }
    }
}

fn row(body: &[u8]) -> Row {
    let mut rest = body.get(2..).unwrap_or_default();
    let mut values = Vec::new();
    while let Some((length, behind)) = rest.split_first_chunk::<4>() {
        // A null has the length -1.
        let length = usize::try_from(i32::from_be_bytes(*length)).ok();
        let value = length.and_then(|length| behind.get(..length));
        values.push(value.map(|bytes| String::from_utf8_lossy(bytes).into_owned()));
        rest = behind.get(length.unwrap_or(0)..).unwrap_or_default();
    }
    values
}

fn field(body: &[u8], wanted: u8) -> String {
    let found = body.split(|byte| *byte == 0).find(|field| field.first() == Some(&wanted));
    String::from_utf8_lossy(found.and_then(|field| field.get(1..)).unwrap_or_default()).into_owned()
}
