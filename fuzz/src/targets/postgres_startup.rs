//! The first message of a connection.

use gateway_protocols::postgres::startup::{self, Read};

use crate::Target;

pub const TARGET: Target = Target {
    name: "postgres_startup",
    run,
    corpus: &[
        b"\0\0\0\x08\x04\xd2\x16\x2f",
        b"\0\0\0\x08\x04\xd2\x16\x30",
        b"\0\0\0\x10\x04\xd2\x16\x2e\0\0\x30\x39\x12\x34\x56\x78",
        b"\0\0\0\x3e\0\x03\0\0user\0postgres\0database\0orders\0application_name\0psql\0\0",
        b"\0\0\0\x2c\0\x03\0\x02user\0a\0_pq_.future\0x\0replication\0true\0\0",
    ],
};

pub fn run(bytes: &[u8]) {
    match startup::read(bytes) {
        Ok(Read::Whole { length, .. }) => assert!(length <= bytes.len()),
        Ok(Read::Needs(more)) => {
            assert!(more > bytes.len() && more <= startup::LONGEST.max(8));
        }
        Err(_) => (),
    }
}
