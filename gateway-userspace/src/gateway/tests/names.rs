//! The resolver front, over both transports.

use super::*;

/// A question for the address of a name, as it goes over the wire.
fn question(name: &str) -> Vec<u8> {
    use hickory_proto::op::{Message, MessageType, OpCode, Query};
    use hickory_proto::rr::{Name, RecordType};
    let mut message = Message::new(7, MessageType::Query, OpCode::Query);
    message.add_query(Query::query(Name::from_ascii(name).expect("a name"), RecordType::A));
    message.to_vec().expect("bytes")
}

/// The answer's code and the number of addresses in it.
fn answer(bytes: &[u8]) -> (String, usize) {
    let message = hickory_proto::op::Message::from_vec(bytes).expect("an answer");
    (message.metadata.response_code.to_string(), message.answers.len())
}

async fn named_target() -> Scene {
    let address = target(echo);
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = config(&folder, address, "");
    let hosts = &mut config.targets.get_mut("store").expect("the target").hosts;
    *hosts = vec![gateway_policy::target::TargetHost::parse("localhost").expect("a name")];
    Scene::with(folder, config, address).await
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_own_targets_are_answered_and_all_others_refused() {
    let scene = named_target().await;
    let port = scene.gateway.config.dns.port;
    let ask = move |name: &str| {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("bind");
        socket.set_read_timeout(Some(Duration::from_secs(5))).expect("timeout");
        socket.send_to(&question(name), ("127.0.0.1", port)).expect("send");
        let mut buffer = [0; 512];
        let length = socket.recv(&mut buffer).expect("an answer");
        answer(&buffer[..length])
    };
    let (own, other) = blocking(move || (ask("LocalHost."), ask("c2VjcmV0.localhost."))).await;
    assert_eq!(own, ("No Error".into(), 1));
    assert_eq!(other, ("Query Refused".into(), 0));
    let names: Vec<_> = scene
        .events()
        .into_iter()
        .filter_map(|event| match event {
            Event::Asked(asked) => Some((asked.name.expect("a name"), asked.answer)),
            _ => None,
        })
        .collect();
    let expected = [("localhost", AnswerGiven::Addresses), ("c2vjcmv0.localhost", AnswerGiven::Refused)];
    assert_eq!(names, expected.map(|(name, answer)| (name.to_owned(), answer)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_datagram_of_nobody_is_not_answered() {
    let scene = named_target().await;
    scene.enforcer.know_nobody();
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("bind");
    socket.set_read_timeout(Some(Duration::from_millis(500))).expect("timeout");
    socket.send_to(&question("localhost."), ("127.0.0.1", scene.gateway.config.dns.port)).expect("send");
    assert!(blocking(move || socket.recv(&mut [0; 512])).await.is_err());
    let dropped = scene.event(|event| match event {
        Event::Asked(asked) => Some(asked.answer),
        _ => None,
    });
    assert_eq!(dropped.await, AnswerGiven::Dropped);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_answered_over_tcp_too_however_the_bytes_arrive() {
    let scene = named_target().await;
    scene.enforcer.send_to(SocketAddr::from(([192, 0, 2, 53], 53)));
    let mut agent = scene.dial();
    let answers = blocking(move || {
        agent.set_nodelay(true).expect("nodelay");
        let message = question("localhost.");
        let mut bytes = (message.len() as u16).to_be_bytes().to_vec();
        bytes.extend_from_slice(&message);
        let mut answers = Vec::new();
        for _ in 0..2 {
            for byte in &bytes {
                agent.write_all(&[*byte]).expect("write");
                thread::sleep(Duration::from_millis(1));
            }
            let mut length = [0; 2];
            agent.read_exact(&mut length).expect("a length");
            let mut reply = vec![0; usize::from(u16::from_be_bytes(length))];
            agent.read_exact(&mut reply).expect("an answer");
            answers.push(answer(&reply));
        }
        answers
    })
    .await;
    assert_eq!(answers, vec![("No Error".to_owned(), 1); 2]);
}
