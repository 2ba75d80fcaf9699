use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{DNSClass, Name, RecordType};

use super::*;
use crate::targets::Lookup;

fn query(name: &str, kind: RecordType) -> Message {
    let mut message = Message::new(4711, MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(Name::from_ascii(name).expect("a name"), kind));
    message
}

fn read(message: &Message) -> Question {
    Question::read(&message.to_vec().expect("bytes")).expect("a question")
}

fn addresses(count: u32) -> Verdict {
    let address = |number: u32| IpAddr::V4(Ipv4Addr::from(0x0a00_0000 + number));
    Verdict::Addresses { addresses: (0..count).map(address).collect(), ttl: Duration::from_secs(30) }
}

fn reply(question: &Question, verdict: &Verdict, transport: Transport) -> Message {
    Message::from_vec(&question.reply(verdict, transport).expect("a reply")).expect("a message")
}

#[test]
fn an_answer_repeats_the_number_and_the_spelling_of_the_question() {
    let question = read(&query("Db.ExAmPle.", RecordType::A));
    let answer = reply(&question, &addresses(1), Transport::Udp);
    assert_eq!(question.name(), "db.example");
    assert_eq!(answer.metadata.id, 4711);
    assert_eq!(answer.metadata.message_type, MessageType::Response);
    assert!(answer.metadata.recursion_desired && answer.metadata.recursion_available);
    assert!(answer.queries[0].name().eq_case(&Name::from_ascii("Db.ExAmPle.").expect("a name")));
    assert_eq!(answer.answers[0].ttl, 30);
}

#[test]
fn only_addresses_of_the_kind_that_was_asked_for_are_told() {
    let lookup = Lookup {
        addresses: vec![[127, 0, 0, 1].into(), IpAddr::V6(std::net::Ipv6Addr::LOCALHOST)],
        ttl: Duration::from_secs(1),
    };
    let told = |kind| match read(&query("db.example.", kind)).select(&lookup) {
        Verdict::Addresses { addresses, .. } => addresses,
        _ => Vec::new(),
    };
    assert_eq!(told(RecordType::A), [lookup.addresses[0]]);
    assert_eq!(told(RecordType::AAAA), [lookup.addresses[1]]);
    assert_eq!(read(&query("db.example.", RecordType::TXT)).select(&lookup), Verdict::Empty);
}

#[test]
fn a_refusal_says_nothing_but_no() {
    let answer = reply(&read(&query("x.example.", RecordType::A)), &Verdict::Refused, Transport::Udp);
    assert_eq!(answer.metadata.response_code, ResponseCode::Refused);
    assert!(answer.answers.is_empty() && answer.authorities.is_empty() && answer.additionals.is_empty());
}

#[test]
fn what_does_not_fit_a_datagram_is_asked_again_over_tcp() {
    let mut message = query("db.example.", RecordType::A);
    let cut = |message: &Message, count| {
        reply(&read(message), &addresses(count), Transport::Udp).metadata.truncation
    };
    assert!(!cut(&message, 20));
    assert!(cut(&message, 60));
    let mut edns = Edns::new();
    edns.set_max_payload(4096);
    message.set_edns(edns);
    assert!(!cut(&message, 60));
    assert!(cut(&message, 200));
    let whole = reply(&read(&message), &addresses(200), Transport::Tcp);
    assert_eq!(whole.answers.len(), 200);
    assert!(whole.edns.is_some());
}

#[test]
fn another_class_is_not_answered() {
    let mut message = query("db.example.", RecordType::A);
    message.queries[0].set_query_class(DNSClass::CH);
    assert!(!read(&message).is_plain());
}

#[test]
fn two_questions_in_one_message_are_malformed() {
    let mut message = query("db.example.", RecordType::A);
    message.add_query(message.queries[0].clone());
    let bytes = message.to_vec().expect("bytes");
    let Err(Malformed::Answerable { reply }) = Question::read(&bytes) else { panic!("it was read") };
    let complaint = Message::from_vec(&reply).expect("a message");
    assert_eq!((complaint.metadata.id, complaint.metadata.response_code), (4711, ResponseCode::FormErr));
}

#[test]
fn an_answer_is_never_answered() {
    let mut message = query("db.example.", RecordType::A);
    message.metadata.message_type = MessageType::Response;
    let mut bytes = message.to_vec().expect("bytes");
    assert!(matches!(Question::read(&bytes), Err(Malformed::Noise)));
    bytes.truncate(14);
    assert!(matches!(Question::read(&bytes), Err(Malformed::Noise)));
}

/// Numbers without a pattern, the same in every run.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

#[test]
fn no_bytes_bring_it_down() {
    let mut noise = Noise(0x9e37_79b9_7f4a_7c15);
    let valid = query("db.example.", RecordType::AAAA).to_vec().expect("bytes");
    for round in 0..50_000 {
        let mut bytes: Vec<u8> = if round % 2 == 0 {
            valid.clone()
        } else {
            (0..noise.next() % 600).map(|_| noise.next() as u8).collect()
        };
        for _ in 0..noise.next() % 4 {
            let at = noise.next() as usize % bytes.len().max(1);
            if let Some(byte) = bytes.get_mut(at) {
                *byte = noise.next() as u8;
            }
        }
        if let Ok(question) = Question::read(&bytes) {
            let _ = (question.name(), question.kind());
            let _ = question.reply(&addresses(3), Transport::Udp);
        }
    }
}
