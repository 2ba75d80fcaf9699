use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};

use super::*;

fn pair() -> (OwnedFd, OwnedFd) {
    socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC).expect("socketpair")
}

#[test]
fn a_question_arrives_with_its_socket() {
    let (gateway, enforcer) = pair();
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    send(gateway.as_fd(), &Question::Whose, Some(listener.as_fd())).expect("send");
    let (question, fd) = receive_with::<Question>(enforcer.as_fd()).expect("receive");
    assert_eq!(question, Question::Whose);
    let received = TcpListener::from(fd.expect("a descriptor"));
    assert_eq!(received.local_addr().expect("address"), listener.local_addr().expect("address"));
}

#[test]
fn an_unexpected_descriptor_is_refused_and_closed() {
    let (gateway, enforcer) = pair();
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let address = listener.local_addr().expect("address");
    send(gateway.as_fd(), &Question::Status { after: None }, Some(listener.as_fd())).expect("send");
    drop(listener);
    assert!(matches!(receive::<Question>(enforcer.as_fd()), Err(WireError::WrongDescriptors(1))));
    assert!(TcpStream::connect(address).is_err(), "the stray listener is still open");
}

#[test]
fn several_descriptors_are_refused_and_closed() {
    let (gateway, enforcer) = pair();
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let address = listener.local_addr().expect("address");
    let fds = [listener.as_raw_fd(); 2];
    let rights = [nix::sys::socket::ControlMessage::ScmRights(&fds)];
    let bytes = [io::IoSlice::new(b"\"whose\"")];
    let flags = nix::sys::socket::MsgFlags::empty();
    nix::sys::socket::sendmsg::<()>(gateway.as_raw_fd(), &bytes, &rights, flags, None).expect("send");
    drop(listener);
    assert!(matches!(receive_with::<Question>(enforcer.as_fd()), Err(WireError::WrongDescriptors(2))));
    assert!(TcpStream::connect(address).is_err(), "the stray listener is still open");
}

#[test]
fn a_message_that_is_too_long_is_neither_sent_nor_believed() {
    let (gateway, enforcer) = pair();
    let long = Answer::Failed { why: "x".repeat(MAX_MESSAGE) };
    assert!(matches!(send(gateway.as_fd(), &long, None), Err(WireError::TooLong)));
    let bytes = serde_json::to_vec(&long).expect("json");
    seqpacket::send(gateway.as_fd(), &bytes, None).expect("send");
    assert!(matches!(receive::<Answer>(enforcer.as_fd()), Err(WireError::TooLong)));
}

#[test]
fn a_message_with_an_unknown_field_is_not_understood() {
    let (gateway, enforcer) = pair();
    seqpacket::send(gateway.as_fd(), br#"{"lost":{"count":1,"more":2}}"#, None).expect("send");
    assert!(matches!(receive::<Notice>(enforcer.as_fd()), Err(WireError::Malformed(_))));
}

#[test]
fn the_end_of_the_connection_is_told_from_silence() {
    let (gateway, enforcer) = pair();
    nix::fcntl::fcntl(&enforcer, nix::fcntl::FcntlArg::F_SETFL(nix::fcntl::OFlag::O_NONBLOCK))
        .expect("fcntl");
    let silence = receive::<Question>(enforcer.as_fd()).expect_err("nothing was sent");
    assert!(silence.would_block());
    drop(gateway);
    assert!(matches!(receive::<Question>(enforcer.as_fd()), Err(WireError::Closed)));
}
