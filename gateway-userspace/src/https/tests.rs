use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread;

use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;

use super::*;

const LIMITS: Limits = Limits { time: Duration::from_secs(5), bytes: 1000 };

/// A server that answers every connection with these bytes and then waits for as long.
fn server(answer: Vec<u8>, then: Duration) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, answer) = (stream.expect("a connection"), answer.clone());
            thread::spawn(move || {
                let _ = stream.read(&mut [0; 4096]);
                let _ = stream.write_all(&answer);
                thread::sleep(then);
            });
        }
    });
    address
}

fn plainly(answer: &str) -> String {
    format!("http://{}/", server(answer.as_bytes().to_vec(), Duration::ZERO))
}

fn loopback() -> Https {
    Https::new(None, Plain::OnLoopback, LIMITS).expect("a client")
}

#[tokio::test]
async fn an_answer_is_told_with_its_status_and_a_redirect_is_not_followed() {
    let answer = "HTTP/1.1 302 Found\r\nLocation: https://elsewhere.example/\r\nContent-Length: 2\r\n\r\nno";
    let answer = loopback().get(&plainly(answer)).await.expect("an answer");
    assert_eq!((answer.status, answer.body.as_slice()), (302, &b"no"[..]));
}

#[tokio::test]
async fn an_answer_that_is_too_long_is_none_whether_it_says_so_or_not() {
    for head in ["Content-Length: 1001", "Transfer-Encoding: chunked"] {
        let body = if head.starts_with('T') {
            format!("3e9\r\n{}\r\n0\r\n\r\n", "x".repeat(1001))
        } else {
            "x".repeat(1001)
        };
        let answer = loopback().get(&plainly(&format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n{body}"))).await;
        assert!(matches!(answer, Err(HttpsError::TooLong { .. })), "{answer:?}");
    }
    let endless_head = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(2 * LONGEST_HEAD));
    assert!(matches!(loopback().get(&plainly(&endless_head)).await, Err(HttpsError::Unreachable { .. })));
}

#[tokio::test]
async fn a_server_that_stops_in_the_middle_is_not_waited_for() {
    let begun = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc".to_vec();
    let slow = server(begun, Duration::from_secs(60));
    let limits = Limits { time: Duration::from_millis(200), ..LIMITS };
    let https = Https::new(None, Plain::OnLoopback, limits).expect("a client");
    let answer = https.get(&format!("http://{slow}/")).await;
    assert!(matches!(answer, Err(HttpsError::TooSlow { .. })), "{answer:?}");
}

#[test]
fn without_tls_only_loopback_can_be_asked_and_only_where_that_is_allowed() {
    for url in ["http://127.0.0.1/", "http://[::1]:80/x"] {
        assert!(may_be_asked(url, Plain::OnLoopback).is_ok(), "{url}");
        assert!(matches!(may_be_asked(url, Plain::Never), Err(HttpsError::Plain(_))), "{url}");
    }
    for url in ["http://localhost/", "http://192.0.2.1/", "http://127.0.0.1.example.com/"] {
        assert!(matches!(may_be_asked(url, Plain::OnLoopback), Err(HttpsError::Plain(_))), "{url}");
    }
    for url in ["ftp://h/", "file:///etc/passwd", "https:///", "/", "", "https://a:b@h/", "javascript:1"] {
        assert!(matches!(may_be_asked(url, Plain::OnLoopback), Err(HttpsError::Address(_))), "{url}");
    }
    assert!(may_be_asked("https://id.example.com/x", Plain::Never).is_ok());
}

#[tokio::test]
async fn a_server_is_believed_if_the_named_authority_signed_it_and_not_otherwise() {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = |name: &str| {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        let key = KeyPair::generate().expect("a key");
        let file = folder.path().join(name);
        std::fs::write(&file, params.self_signed(&key).expect("signed").pem()).expect("a file");
        (rcgen::Issuer::new(params, key), file)
    };
    let ((issuer, own), (_, other)) = (authority("own"), authority("other"));
    let key = KeyPair::generate().expect("a key");
    let leaf = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("a name");
    let leaf = leaf.signed_by(&key, &issuer).expect("signed");
    let url = format!("https://{}/", tls_server(leaf.der().to_vec(), key.serialize_der()));
    let asked = async |ca: &std::path::Path| {
        Https::new(Some(ca), Plain::Never, LIMITS).expect("a client").get(&url).await
    };
    assert_eq!(asked(&own).await.expect("an answer").body, b"hi");
    assert!(matches!(asked(&other).await, Err(HttpsError::Unreachable { .. })));
}

fn tls_server(certificate: Vec<u8>, key: Vec<u8>) -> SocketAddr {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.into()], PrivateKeyDer::try_from(key).expect("a key"))
        .expect("a certificate");
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for stream in listener.incoming() {
            let session = rustls::ServerConnection::new(Arc::clone(&config)).expect("a session");
            let mut stream = rustls::StreamOwned::new(session, stream.expect("a connection"));
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
            let _ = stream.flush();
        }
    });
    address
}

#[test]
fn what_is_no_plain_letter_is_encoded() {
    assert_eq!(percent_encoded("a-Z_0.~ /+&=é%"), "a-Z_0.~%20%2F%2B%26%3D%C3%A9%25");
}
