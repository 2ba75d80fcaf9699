//! Both sides of SCRAM-SHA-256, with messages from the other side.

use gateway_protocols::postgres::scram::{Client, Keys, Mechanism, Server, Verifier};

use crate::Target;

pub const TARGET: Target = Target {
    name: "postgres_scram",
    run,
    corpus: &[
        b"n,,n=,r=fyko+d2lbbFgONRv9qkxdawL",
        b"y,,n=,r=rOprNGfwEbeRWgbNEkqO",
        b"p=tls-server-end-point,,n=,r=fyko+d2lbbFgONRv9qkxdawL",
        b"r=noncefyko,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        b"c=biws,r=noncefyko,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
        b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
        b"SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
    ],
};

pub fn run(bytes: &[u8]) {
    if let Ok(text) = core::str::from_utf8(bytes) {
        let _ = Verifier::parse(text);
    }
    // Deriving real keys takes longer than all the rest.
    let keys = Keys::without_password([7; 32], [8; 32]);
    let verifier = Verifier::new(&keys, b"salt", 4096);
    if let Ok((_, awaiting)) = Server::new(&verifier, None).first(Mechanism::Plain, bytes, "nonce") {
        assert!(awaiting.last(bytes).is_err(), "a first message proves nothing");
    }
    if let Some(client) = Client::new(&[Mechanism::Plain], None, "nonce")
        && let Ok(challenge) = client.challenge(bytes)
    {
        let answer = challenge.answer(&keys);
        assert!(answer.proved.check(bytes).is_err(), "a challenge is no proof of the server");
    }
}
