//! The settings that an agent wishes for at its login.

use gateway_protocols::postgres::wishes;

use crate::Target;

pub const TARGET: Target = Target {
    name: "postgres_wishes",
    run,
    corpus: &[
        b"options\0-c search_path=a,b -c statement_timeout=5s",
        b"options\0--search-path=a\\ b -c x=\\\\y",
        b"application_name\0psql",
        b"client_encoding\0UTF8",
    ],
};

pub fn run(bytes: &[u8]) {
    let Ok(text) = core::str::from_utf8(bytes) else { return };
    let Some((name, value)) = text.split_once('\0') else { return };
    let _ = wishes::settings(&[(name.to_owned(), value.to_owned())]);
}
