//! DNS messages as bytes: which question is asked, and the answer in the same terms (RFC 1035, RFC 6891).

use std::net::IpAddr;
use std::time::Duration;

use gateway_audit::event::{AnswerGiven, Transport};
use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{DNSClass, RData, Record, RecordType};

use super::MAX_QUESTION;
use crate::targets::Lookup;

/// What everybody can receive over UDP (RFC 1035, 4.2.1).
const UDP_LEAST: u16 = 512;
/// What passes every network without fragments; more is asked for over TCP.
const UDP_MOST: u16 = 1232;
const HEADER: usize = 12;

/// A message that asks exactly one thing.
#[derive(Debug)]
pub struct Question {
    id: u16,
    recursion_desired: bool,
    query: Query,
    edns: Option<Edns>,
}

/// A message that asks nothing that could be answered.
#[derive(Debug)]
pub enum Malformed {
    /// It has a header, so the sender can be told.
    Answerable { reply: Vec<u8> },
    /// It is no question at all. An answer to an answer would go on for ever.
    Noise,
}

/// What a question is answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Addresses { addresses: Vec<IpAddr>, ttl: Duration },
    Empty,
    Failed,
    Refused,
}

impl Verdict {
    pub fn given(&self) -> AnswerGiven {
        match self {
            Self::Addresses { .. } => AnswerGiven::Addresses,
            Self::Empty => AnswerGiven::Empty,
            Self::Failed => AnswerGiven::Failed,
            Self::Refused => AnswerGiven::Refused,
        }
    }

    fn code(&self) -> ResponseCode {
        match self {
            Self::Addresses { .. } | Self::Empty => ResponseCode::NoError,
            Self::Failed => ResponseCode::ServFail,
            Self::Refused => ResponseCode::Refused,
        }
    }
}

impl Question {
    pub fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        if bytes.len() > MAX_QUESTION {
            return Err(Malformed::Noise);
        }
        let Ok(message) = Message::from_vec(bytes) else { return Err(unreadable(bytes)) };
        if message.metadata.message_type != MessageType::Query {
            return Err(Malformed::Noise);
        }
        let (id, code) = (message.metadata.id, message.metadata.op_code);
        if code != OpCode::Query {
            return Err(complaint(id, code, ResponseCode::NotImp));
        }
        let [query] = message.queries.as_slice() else {
            return Err(complaint(id, code, ResponseCode::FormErr));
        };
        Ok(Self {
            id,
            recursion_desired: message.metadata.recursion_desired,
            query: query.clone(),
            edns: message.edns,
        })
    }

    /// In the spelling of policy. Some resolvers mix the case of a name at random; that carries nothing on.
    pub fn name(&self) -> String {
        let name = self.query.name().to_lowercase().to_ascii();
        match name.strip_suffix('.') {
            Some(short) if !short.is_empty() => short.to_owned(),
            _ => name,
        }
    }

    pub fn kind(&self) -> String {
        self.query.query_type().to_string()
    }

    /// Whether it asks for something in the internet's class, the only one there is here.
    pub fn is_plain(&self) -> bool {
        self.query.query_class() == DNSClass::IN
    }

    /// The part of what is known about the name that was asked for.
    pub fn select(&self, lookup: &Lookup) -> Verdict {
        let wanted = |address: &IpAddr| match self.query.query_type() {
            RecordType::A => address.is_ipv4(),
            RecordType::AAAA => address.is_ipv6(),
            _ => false,
        };
        let addresses: Vec<IpAddr> = lookup.addresses.iter().copied().filter(wanted).collect();
        if addresses.is_empty() { Verdict::Empty } else { Verdict::Addresses { addresses, ttl: lookup.ttl } }
    }

    /// The answer as bytes, cut to what the sender can receive.
    pub fn reply(&self, verdict: &Verdict, transport: Transport) -> Option<Vec<u8>> {
        let mut message = Message::response(self.id, OpCode::Query);
        message.metadata.recursion_desired = self.recursion_desired;
        message.metadata.recursion_available = true;
        message.metadata.response_code = verdict.code();
        message.add_query(self.query.clone());
        if self.edns.is_some() {
            let mut edns = Edns::new();
            edns.set_max_payload(UDP_MOST).set_version(0);
            message.set_edns(edns);
        }
        if let Verdict::Addresses { addresses, ttl } = verdict {
            message.add_answers(addresses.iter().map(|address| self.record(*address, *ttl)));
        }
        let bytes = message.to_vec().ok()?;
        match transport {
            Transport::Tcp => Some(bytes),
            Transport::Udp if bytes.len() <= self.udp_limit() => Some(bytes),
            Transport::Udp => message.truncate().to_vec().ok(),
        }
    }

    fn record(&self, address: IpAddr, ttl: Duration) -> Record {
        let data = match address {
            IpAddr::V4(v4) => RData::A(v4.into()),
            IpAddr::V6(v6) => RData::AAAA(v6.into()),
        };
        let seconds = u32::try_from(ttl.as_secs()).unwrap_or(0);
        Record::from_rdata(self.query.name().clone(), seconds, data)
    }

    fn udp_limit(&self) -> usize {
        let asked = self.edns.as_ref().map_or(UDP_LEAST, Edns::max_payload);
        usize::from(asked.clamp(UDP_LEAST, UDP_MOST))
    }
}

fn unreadable(bytes: &[u8]) -> Malformed {
    match bytes {
        // The highest bit of the third byte says that it is an answer.
        [high, low, flags, ..] if bytes.len() >= HEADER && flags & 0x80 == 0 => {
            complaint(u16::from_be_bytes([*high, *low]), OpCode::Query, ResponseCode::FormErr)
        }
        _ => Malformed::Noise,
    }
}

fn complaint(id: u16, op_code: OpCode, code: ResponseCode) -> Malformed {
    match Message::error_msg(id, op_code, code).to_vec() {
        Ok(reply) => Malformed::Answerable { reply },
        Err(_) => Malformed::Noise,
    }
}
