//! One side of a connection while it is carried: what it said and nobody could use yet, what it has yet to be told, and
//! how far its two streams are.

use std::io::{self, ErrorKind, IoSlice};
use std::net::TcpStream;

use gateway_protocols::conversation::Needs;

use super::desk::BUFFER;
use super::wire::{Cipher, Patience};

/// Answers of ours that may wait for a side before what it says is not listened to any more.
const TALKATIVE: usize = 64 * 1024;

#[derive(Debug)]
pub struct Party {
    cipher: Cipher,
    /// From it, and not yet understood. Empty, and without memory, most of the time.
    pub unread: Vec<u8>,
    /// What it takes to go on with `unread`.
    needs: Needs,
    /// For it, and not yet taken. Empty, and without memory, unless it is slow.
    backlog: Vec<u8>,
    /// How much of that answers what it said itself. What comes from the other side is bounded by not listening to that.
    answers: usize,
    pub says: Says,
    hears: Hears,
}

/// The stream that comes from a side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Says {
    More,
    Nothing,
}

/// The stream that goes to a side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hears {
    More,
    /// What is left over, and then no more.
    LastWords,
    Nothing,
}

/// A side whose socket or encryption failed.
#[derive(Debug)]
pub enum Failure {
    Reset,
    /// It sent what its encryption does not allow.
    Tls(String),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::InvalidData => Self::Tls(error.to_string()),
            _ => Self::Reset,
        }
    }
}

impl Party {
    /// A side of which `unread` came already.
    pub fn new(cipher: Cipher, unread: Vec<u8>) -> Self {
        Self {
            cipher,
            unread,
            needs: Needs::Bytes(0),
            backlog: Vec::new(),
            answers: 0,
            says: Says::More,
            hears: Hears::More,
        }
    }

    /// Bytes that it said, or `None` when there are none now.
    pub fn listen(
        &mut self,
        socket: &TcpStream,
        into: &mut [u8],
        scratch: &mut Vec<u8>,
        patience: Patience,
    ) -> Result<Option<usize>, Failure> {
        match self.cipher.receive(socket, into, scratch, patience) {
            Ok(read) => Ok(Some(read)),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether it has said more than its socket shows.
    pub fn has_more(&self) -> bool {
        self.cipher.has_more()
    }

    /// Whether what it said can be understood without another word.
    pub fn has_enough(&self) -> bool {
        match self.needs {
            Needs::Bytes(needed) => !self.unread.is_empty() && self.unread.len() >= needed,
            Needs::OtherSide | Needs::Ruling => false,
        }
    }

    /// Whether nothing more of it can be understood before the other side has spoken.
    pub fn waits_for_the_other(&self) -> bool {
        self.needs == Needs::OtherSide
    }

    /// Whether its command waits for people.
    pub fn waits_for_a_ruling(&self) -> bool {
        self.needs == Needs::Ruling
    }

    /// There may be an answer to its command.
    pub fn asks_again(&mut self) {
        if self.waits_for_a_ruling() {
            self.needs = Needs::Bytes(0);
        }
    }

    /// The other side has spoken.
    pub fn goes_on(&mut self) {
        if self.waits_for_the_other() {
            self.needs = Needs::Bytes(0);
        }
    }

    /// Copies what it said before to the beginning of `buffer`, unless much more is needed than fits. Returns how much.
    pub fn show(&self, buffer: &mut [u8]) -> usize {
        let kept = self.unread.len();
        match buffer.get_mut(..kept) {
            Some(place) if !self.is_long_winded() => {
                place.copy_from_slice(&self.unread);
                kept
            }
            _ => 0,
        }
    }

    /// Adds to what it said before, where that did not fit into a buffer together.
    pub fn collects(&mut self, bytes: &[u8]) -> bool {
        let collects = self.is_long_winded();
        if collects {
            self.unread.extend_from_slice(bytes);
        }
        collects
    }

    fn is_long_winded(&self) -> bool {
        let needed = match self.needs {
            Needs::Bytes(needed) => needed,
            Needs::OtherSide | Needs::Ruling => 0,
        };
        needed.max(self.unread.len()) > BUFFER / 2
    }

    /// Keeps what could not be understood yet.
    pub fn keep(&mut self, rest: &[u8], needs: Needs) {
        self.needs = needs;
        if rest.is_empty() {
            self.unread = Vec::new();
        } else {
            self.unread.clear();
            self.unread.extend_from_slice(rest);
        }
    }

    /// It said its last. What is incomplete stays so.
    pub fn fall_silent(&mut self) {
        self.says = Says::Nothing;
        self.unread = Vec::new();
    }

    /// Tells it as much as it takes, and keeps the rest. Returns what its socket took.
    pub fn tell(&mut self, socket: &TcpStream, parts: &[IoSlice<'_>]) -> Result<usize, Failure> {
        let mut taken = if self.backlog.is_empty() { self.cipher.send(socket, parts)? } else { 0 };
        let told = taken;
        for part in parts {
            let of_it = taken.min(part.len());
            taken -= of_it;
            self.backlog.extend_from_slice(part.get(of_it..).unwrap_or_default());
        }
        Ok(told)
    }

    /// Tells it what it did not take before. Returns what its socket took.
    pub fn catch_up(&mut self, socket: &TcpStream) -> Result<usize, Failure> {
        self.cipher.flush(socket)?;
        if self.cipher.holds() {
            return Ok(0);
        }
        if self.backlog.is_empty() {
            self.answers = 0;
            return Ok(0);
        }
        let told = self.cipher.send(socket, &[IoSlice::new(&self.backlog)])?;
        self.backlog.drain(..told);
        if self.backlog.is_empty() {
            self.backlog = Vec::new();
            self.answers = 0;
        }
        Ok(told)
    }

    /// Nothing more is said to it than what it has yet to take.
    pub fn leave(&mut self) {
        if self.hears == Hears::More {
            self.hears = Hears::LastWords;
        }
    }

    /// Passes the end on once all before it is told.
    pub fn close_if_told(&mut self, socket: &TcpStream) {
        if self.hears == Hears::LastWords && !self.is_behind() {
            self.cipher.close(socket);
            self.hears = Hears::Nothing;
        }
    }

    /// Whether it has yet to take something.
    pub fn is_behind(&self) -> bool {
        !self.backlog.is_empty() || self.cipher.holds()
    }

    /// Takes note of an answer to what it said itself.
    pub fn was_answered(&mut self, bytes: usize) {
        self.answers = if self.is_behind() { self.answers + bytes } else { 0 };
    }

    /// Whether so much waits for it that it must not cause more.
    pub fn is_deaf(&self) -> bool {
        self.answers > TALKATIVE
    }

    pub fn close(&mut self, socket: &TcpStream) {
        self.cipher.close(socket);
    }

    pub fn hears_nothing(&self) -> bool {
        self.hears == Hears::Nothing
    }
}
