//! The same, with both sides encrypted.

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use super::*;

type Client = StreamOwned<ClientConnection, TcpStream>;
type Server = StreamOwned<ServerConnection, TcpStream>;

/// Both ends of a TLS connection, after the handshake.
fn secured() -> (Client, Server) {
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let certificate = certified.cert.der().clone();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der()));
    let server =
        ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate.clone()], key);
    let mut roots = RootCertStore::empty();
    roots.add(certificate).expect("a root");
    let client = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from("localhost").expect("a name");
    let (near, far) = connected();
    let client = ClientConnection::new(Arc::new(client), name).expect("a client");
    let server = ServerConnection::new(Arc::new(server.expect("a server"))).expect("a server");
    let (mut client, mut server) = (StreamOwned::new(client, near), StreamOwned::new(server, far));
    let handshake = std::thread::spawn(move || {
        server.conn.complete_io(&mut server.sock).expect("a handshake");
        server
    });
    client.conn.complete_io(&mut client.sock).expect("a handshake");
    (client, handshake.join().expect("no panic"))
}

fn scene() -> (Scene, Client, Server) {
    let ((agent, near), (far, target)) = (secured(), secured());
    let wires = [
        Wire::Tls { socket: near.sock, tls: Box::new(near.conn.into()) },
        Wire::Tls { socket: far.sock, tls: Box::new(far.conn.into()) },
    ];
    let sockets = [&agent.sock, &target.sock].map(|socket| socket.try_clone().expect("clone"));
    let [mine, its] = sockets;
    (Scene::between(mine, its, wires, Duration::from_secs(60)), agent, target)
}

#[tokio::test(flavor = "multi_thread")]
async fn much_goes_both_ways_and_each_end_is_announced() {
    let (scene, mut agent, mut target) = scene();
    let much = format!("{}\n", "y".repeat(200_000)).repeat(40);
    let expected = much.clone();
    let target = spawn_blocking(move || {
        let mut reader = BufReader::new(&mut target);
        let mut command = String::new();
        reader.read_line(&mut command).expect("a line");
        target.write_all(much.as_bytes()).expect("written");
        target.conn.send_close_notify();
        target.flush().expect("written");
        command
    });
    let agent = spawn_blocking(move || {
        agent.write_all(b"one\n").expect("written");
        std::thread::sleep(Duration::from_millis(300));
        let mut heard = String::new();
        // An end that is not announced would be an error here.
        agent.read_to_string(&mut heard).expect("an end");
        heard
    });
    assert_eq!(target.await.expect("no panic"), "one\n");
    let heard = agent.await.expect("no panic");
    assert_eq!(heard.strip_suffix("bye TargetGone\n"), Some(expected.as_str()));
    assert_eq!(scene.ended.await.expect("no panic"), Ending::Finished);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_is_told_inside_the_encryption() {
    let (mut scene, mut agent, mut target) = scene();
    let target = spawn_blocking(move || {
        let mut heard = String::new();
        target.read_to_string(&mut heard).expect("an end");
        heard
    });
    tokio::time::sleep(Duration::from_millis(400)).await;
    scene.cut(Cut::GatewayStopped);
    let agent = spawn_blocking(move || {
        let mut heard = String::new();
        agent.read_to_string(&mut heard).expect("an end");
        heard
    });
    assert_eq!(agent.await.expect("no panic"), "bye GatewayStops\n");
    assert_eq!(target.await.expect("no panic"), "quit\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_in_place_of_a_record_ends_the_connection() {
    let (scene, agent, _target) = scene();
    (&agent.sock).write_all(b"select 1;\n").expect("written");
    let ending = scene.ended.await.expect("no panic");
    assert!(matches!(ending, Ending::BrokenByAgent { .. }), "{ending:?}");
}
