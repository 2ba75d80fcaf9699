//! Those who get the protocol wrong, by mistake or not.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

const TLS_REQUEST: &[u8] = b"\0\0\0\x08\x04\xd2\x16\x2f";
const GSS_REQUEST: &[u8] = b"\0\0\0\x08\x04\xd2\x16\x30";

fn failed(heard: &Heard, with: &str) -> bool {
    matches!(heard, Heard::Failed(why) if why.contains(with))
}

/// Sends plain bytes; says what came back and what the gateway makes of it.
async fn exchange(gateway: &Gateway, bytes: &[u8]) -> (String, Heard) {
    let (said, heard) = tokio::join!(gateway.send(bytes, false), gateway.hear());
    (String::from_utf8_lossy(&said).into_owned(), heard)
}

#[tokio::test(flavor = "multi_thread")]
async fn data_behind_a_request_for_encryption_ends_the_connection() {
    let gateway = Gateway::attested().await;
    for request in [TLS_REQUEST, GSS_REQUEST] {
        let smuggled = [request, &server::startup(Version::V3_0, b"user\0app\0\0")].concat();
        let (said, heard) = exchange(&gateway, &smuggled).await;
        assert!(said.starts_with('E') && said.contains("08P01"), "{said:?}");
        assert!(failed(&heard, "behind the agent's request"), "{heard:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn data_that_follows_the_answer_unencrypted_is_no_handshake() {
    let gateway = Gateway::attested().await;
    let rude = async {
        let mut stream = gateway.dial().await;
        stream.write_all(TLS_REQUEST).await.expect("sent");
        assert_eq!(stream.read_u8().await.expect("an answer"), b'S');
        stream.write_all(&server::startup(Version::V3_0, b"user\0app\0\0")).await.expect("sent");
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
        rest
    };
    let (rest, heard) = tokio::join!(rude, gateway.hear());
    assert!(!rest.contains(&b'Z'), "{rest:?}");
    assert!(failed(&heard, "no TLS"), "{heard:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn gss_encryption_is_declined_once_and_the_login_goes_on() {
    let gateway = Gateway::attested().await;
    let polite = async {
        let mut stream = gateway.dial().await;
        stream.write_all(GSS_REQUEST).await.expect("sent");
        assert_eq!(stream.read_u8().await.expect("an answer"), b'N');
        stream.write_all(&server::startup(Version::V3_0, b"user\0app\0\0")).await.expect("sent");
        stream.read_u8().await.expect("an answer")
    };
    let (said, heard) = tokio::join!(polite, gateway.hear());
    assert_eq!(said, b'R');
    assert!(matches!(heard, Heard::Session(_)), "{heard:?}");
    let insistent = async {
        let mut stream = gateway.dial().await;
        for _ in 0..2 {
            stream.write_all(GSS_REQUEST).await.expect("sent");
            stream.read_u8().await.expect("an answer");
        }
    };
    let ((), heard) = tokio::join!(insistent, gateway.hear());
    assert!(failed(&heard, "twice"), "{heard:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn encryption_inside_encryption_is_refused() {
    let gateway = Gateway::attested().await;
    for request in [TLS_REQUEST, GSS_REQUEST] {
        let (said, heard) = tokio::join!(gateway.send(request, true), gateway.hear());
        assert!(String::from_utf8_lossy(&said).contains("asked for twice"), "{said:?}");
        assert!(failed(&heard, "twice"), "{heard:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn direct_tls_must_name_the_protocol() {
    let gateway = Gateway::attested().await;
    let hello = server::startup(Version::V3_0, b"user\0app\0\0");
    let (said, heard) = tokio::join!(gateway.send(&hello, true), gateway.hear());
    assert_eq!(said.first(), Some(&b'R'), "{said:?}");
    assert!(matches!(heard, Heard::Session(_)), "{heard:?}");
    let (said, heard) = tokio::join!(gateway.send_through_openssl(&hello, &[]), gateway.hear());
    assert!(String::from_utf8_lossy(&said).contains("must name postgresql"), "{said:?}");
    assert!(failed(&heard, "did not say that it speaks"), "{heard:?}");
    let wrong = gateway.send_through_openssl(&hello, &["-alpn", "http/1.1"]);
    let (said, heard) = tokio::join!(wrong, gateway.hear());
    assert!(said.is_empty(), "{said:?}");
    assert!(failed(&heard, "no TLS"), "{heard:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_first_message_is_refused_in_words() {
    let gateway = Gateway::attested().await;
    let refused: [(&[u8], &str, &str); 5] = [
        (b"GET / HTTP/1.1\r\n\r\n", "08P01", "cannot be read"),
        (b"\0\0\0\x04\0\0\0\0", "08P01", "cannot be read"),
        (b"\0\0\0\x09\0\x02\0\0\0", "0A000", "cannot be read"),
        (b"\0\0\0\x0e\0\x03\0\0user\0\0", "08P01", "cannot be read"),
        (b"\0\0\0\x19\0\x03\0\0user\0a\0user\0b\0\0\0\0", "08P01", "cannot be read"),
    ];
    for (bytes, code, why) in refused {
        let (said, heard) = exchange(&gateway, bytes).await;
        assert!(said.starts_with('E') && said.contains(code), "{bytes:?}: {said:?}");
        assert!(failed(&heard, why), "{bytes:?}: {heard:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_agent_is_told_and_cut_off_after_the_limit() {
    let gateway = Gateway::attested().await.within(Duration::from_millis(200));
    let half = &server::startup(Version::V3_0, b"user\0app\0\0")[..9];
    for beginning in [&b""[..], half, TLS_REQUEST] {
        let waiting = async {
            let mut stream = gateway.dial().await;
            stream.write_all(beginning).await.expect("sent");
            let mut said = Vec::new();
            stream.read_to_end(&mut said).await.expect("an end");
            said
        };
        let (said, heard) = tokio::join!(waiting, gateway.hear());
        assert!(failed(&heard, "200ms"), "{beginning:?}: {heard:?}");
        let told = String::from_utf8_lossy(&said).contains("took longer");
        assert_eq!(told, beginning != TLS_REQUEST, "{beginning:?}: {said:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_only_looks_is_no_failure_and_whoever_breaks_off_is() {
    let gateway = Gateway::attested().await;
    let (_, heard) = tokio::join!(async { drop(gateway.dial().await) }, gateway.hear());
    assert!(matches!(heard, Heard::Nothing), "{heard:?}");
    let breaking = async {
        let mut stream = gateway.dial().await;
        stream.write_all(&TLS_REQUEST[..5]).await.expect("sent");
    };
    let ((), heard) = tokio::join!(breaking, gateway.hear());
    assert!(failed(&heard, "ended the connection"), "{heard:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_is_not_answered_with_a_password_is_refused() {
    let gateway = Gateway::with_placeholder("not-a-secret").await;
    let hello = server::startup(Version::V3_0, b"user\0app\0\0");
    let answers: [&[u8]; 4] = [
        b"Q\0\0\0\x0dselect 1\0",
        b"p\0\0\0\x11not-a-secret\0",
        b"p\0\0\x7f\xff",
        b"p\0\0\0\x1cSCRAM-SHA-1\0\0\0\0\x08n,,n=,r=x",
    ];
    for answer in answers {
        let (said, heard) = exchange(&gateway, &[&hello[..], answer].concat()).await;
        assert!(said.contains("FATAL"), "{answer:?}: {said:?}");
        assert!(failed(&heard, "login") || failed(&heard, "placeholder"), "{answer:?}: {heard:?}");
    }
}
