//! Real clients, and bytes that no client sends, against a gateway that lets everybody in and answers nothing.

mod misbehaving;
mod server;

use gateway_protocols::postgres::startup::{Replication, Version};

use server::{Gateway, Heard, psql};

#[tokio::test(flavor = "multi_thread")]
async fn psql_gets_in_with_every_tls_mode() {
    let gateway = Gateway::attested().await;
    for (mode, tls) in [
        ("disable", false),
        ("allow", false),
        ("prefer", true),
        ("require", true),
        ("verify-ca", true),
        ("verify-full", true),
    ] {
        let (said, heard) = tokio::join!(psql(gateway.conninfo(&format!("sslmode={mode}"))), gateway.hear());
        assert!(said.contains("You are connected to database \"orders\" as user \"app\""), "{mode}: {said}");
        assert_eq!(said.contains("SSL connection"), tls, "{mode}: {said}");
        let Heard::Session(claim) = heard else { panic!("{heard:?}") };
        assert_eq!((claim.user.as_str(), claim.database.as_str()), ("app", "orders"));
        assert_eq!((claim.version, claim.replication), (Version::V3_0, Replication::None));
        assert!(claim.parameters.contains(&("application_name".to_owned(), "psql".to_owned())));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_demands_another_name_does_not_come_in() {
    let gateway = Gateway::attested().await;
    let conninfo = gateway.conninfo("sslmode=verify-full").replace("db.example.com", "elsewhere.example.com");
    let (said, heard) = tokio::join!(psql(conninfo), gateway.hear());
    assert!(said.contains("does not match host name"), "{said}");
    assert!(matches!(&heard, Heard::Failed(why) if why.contains("ended the connection")), "{heard:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_does_not_believe_the_certificate_is_told_apart() {
    let gateway = Gateway::attested().await;
    let conninfo = gateway.conninfo("sslmode=verify-full sslrootcert=/etc/ssl/certs/ca-certificates.crt");
    let (said, heard) = tokio::join!(psql(conninfo), gateway.hear());
    assert!(said.contains("certificate verify failed"), "{said}");
    assert!(matches!(&heard, Heard::Failed(why) if why.contains("postern ca")), "{heard:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_placeholder_is_asked_for_where_there_is_one() {
    let gateway = Gateway::with_placeholder("not-a-secret").await;
    for more in [
        "sslmode=disable",
        "sslmode=require channel_binding=disable",
        "sslmode=require channel_binding=require",
    ] {
        let conninfo = gateway.conninfo(&format!("{more} password=not-a-secret"));
        let (said, heard) = tokio::join!(psql(conninfo), gateway.hear());
        assert!(said.contains("You are connected"), "{more}: {said}");
        assert!(matches!(heard, Heard::Session(_)), "{heard:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_placeholder_is_refused_in_words() {
    let gateway = Gateway::with_placeholder("not-a-secret").await;
    for more in ["sslmode=disable", "sslmode=require"] {
        let conninfo = gateway.conninfo(&format!("{more} password=wrong"));
        let (said, heard) = tokio::join!(psql(conninfo), gateway.hear());
        assert!(said.contains("FATAL:  the password is not this agent's placeholder"), "{more}: {said}");
        assert!(said.contains("HINT:"), "{said}");
        assert!(matches!(&heard, Heard::Failed(why) if why.contains("placeholder")), "{heard:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_placeholder_nobody_comes_in() {
    let gateway = Gateway::with_placeholder("not-a-secret").await.without_placeholder_file();
    let (said, heard) = tokio::join!(psql(gateway.conninfo("password=not-a-secret")), gateway.hear());
    assert!(said.contains("FATAL:  the gateway cannot read this agent's placeholder"), "{said}");
    assert!(matches!(&heard, Heard::Failed(why) if why.contains("cannot be checked")), "{heard:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_no_after_the_login_reaches_the_agent_with_and_without_tls() {
    let gateway = Gateway::refusing().await;
    for mode in ["disable", "require"] {
        let (said, _) = tokio::join!(psql(gateway.conninfo(&format!("sslmode={mode}"))), gateway.hear());
        assert!(said.contains("FATAL:  the target is not there"), "{mode}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_agent_sent_early_is_handed_over() {
    let gateway = Gateway::attested().await;
    let mut early = server::startup(Version::V3_0, b"user\0app\0\0");
    early.extend_from_slice(b"Q\0\0\0\x0dselect 1\0");
    for direct in [false, true] {
        let (said, heard) = tokio::join!(gateway.send(&early, direct), gateway.hear_early());
        assert_eq!(heard, b"Q\0\0\0\x0dselect 1\0", "direct {direct}: {said:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_client_hears_what_is_spoken_here() {
    let gateway = Gateway::attested().await;
    let newer = Version { major: 3, minor: 9999 };
    let hello = server::startup(newer, b"user\0app\0_pq_.later\0yes\0\0");
    let (said, heard) = tokio::join!(gateway.send(&hello, false), gateway.hear());
    let expected = b"v\0\0\0\x17\0\x03\0\x02\0\0\0\x01_pq_.later\0";
    assert!(said.starts_with(expected), "{said:?}");
    let Heard::Session(claim) = heard else { panic!("{heard:?}") };
    assert_eq!(claim.version, Version::V3_2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_to_cancel_is_no_login() {
    let gateway = Gateway::attested().await;
    let key = gateway_protocols::postgres::startup::CancelKey::new(7, &[1, 2, 3, 4]).expect("a key");
    for direct in [false, true] {
        let request = key.request();
        let (_, heard) = tokio::join!(gateway.send(&request, direct), gateway.hear());
        assert!(matches!(&heard, Heard::Cancel(asked) if *asked == key), "{heard:?}");
    }
}
