//! What a server says during a login.

use gateway_protocols::postgres::frame::{HEADER, Header};
use gateway_protocols::postgres::login::{Channel, Cleartext, Login, Wish};
use gateway_protocols::postgres::startup::{Replication, Version};

use crate::Target;

pub const TARGET: Target = Target {
    name: "postgres_login",
    run,
    corpus: &[
        b"R\0\0\0\x08\0\0\0\0S\0\0\0\x11TimeZone\0UTC\0K\0\0\0\x0c\0\0\x30\x39\x12\x34\x56\x78Z\0\0\0\x05I",
        b"R\0\0\0\x08\0\0\0\x03R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I",
        b"R\0\0\0\x0c\0\0\0\x05abcdR\0\0\0\x08\0\0\0\0",
        b"R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0R\0\0\0\x36\0\0\0\x0br=noncefyko,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        b"v\0\0\0\x0c\0\x03\0\0\0\0\0\0R\0\0\0\x08\0\0\0\0",
        b"E\0\0\0\x1fSFATAL\0VFATAL\0C28P01\0Mno\0\0",
    ],
};

pub fn run(mut bytes: &[u8]) {
    let wish = Wish {
        version: Version::V3_2,
        user: "agent".to_owned(),
        database: "orders".to_owned(),
        replication: Replication::None,
        parameters: Vec::new(),
    };
    let channel = Channel { end_point: None, cleartext: Cleartext::Allowed };
    let mut login = Login::new(&wish, channel, "nonce".to_owned());
    while let Ok(Some(header)) = Header::read(bytes)
        && let Some(body) = bytes.get(HEADER..header.whole())
    {
        if login.hear(header.kind, body, Some(b"secret")).is_err() {
            return;
        }
        bytes = bytes.get(header.whole()..).unwrap_or_default();
    }
}
