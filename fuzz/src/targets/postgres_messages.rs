//! The bodies of messages, each as every kind.

use gateway_protocols::postgres::backend::{self, ErrorFields};
use gateway_protocols::postgres::frame::{HEADER, Header};
use gateway_protocols::postgres::frontend::{self, Bind, Named, Parse};

use crate::Target;

pub const TARGET: Target = Target {
    name: "postgres_messages",
    run,
    corpus: &[
        b"Q\0\0\0\x0dselect 1\0",
        b"P\0\0\0\x1bs\0select $1\0\0\x01\0\0\0\x17\0\0",
        b"B\0\0\0\x18p\0s\0\0\x01\0\x01\0\x02\0\0\0\x01a\xff\xff\xff\xff\0\0",
        b"T\0\0\0\x21\0\x01?column?\0\0\0\0\0\0\0\0\0\0\x17\0\x04\xff\xff\xff\xff\0\0",
        b"D\0\0\0\x0f\0\x02\0\0\0\x01a\xff\xff\xff\xff",
        b"E\0\0\0\x1fSERROR\0VERROR\0C42601\0Mno\0\0",
        b"S\0\0\0\x11TimeZone\0UTC\0",
    ],
};

pub fn run(bytes: &[u8]) {
    let Ok(Some(header)) = Header::read(bytes) else { return };
    let Some(body) = bytes.get(HEADER..header.whole()) else { return };
    let _ =
        (frontend::query_text(body), Parse::read(body), Named::read(body), frontend::executed_portal(body));
    if let Ok(bind) = Bind::read(body) {
        assert_eq!(bind.parameters().count(), bind.count());
    }
    let _ = (backend::parameter_status(body), backend::ready_for_query(body), backend::tag(body));
    if let Ok(columns) = backend::columns(body) {
        let said = body.first_chunk().map(|count| usize::from(u16::from_be_bytes(*count)));
        assert_eq!(Some(columns.count()), said);
    }
    if let Ok(values) = backend::values(body) {
        values.take_while(Result::is_ok).for_each(drop);
    }
    let error = ErrorFields::new(body);
    let _ = (error.code(), error.message(), error.is_fatal(), error.iter().count());
}
