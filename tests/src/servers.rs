//! What agents talk to: a TCP server that echoes and counts, a page for browsers, and a real PostgreSQL.

mod echo;
mod http;
pub mod postgres;

pub use echo::Echo;
pub use http::{Http, PAGE};
pub use postgres::Postgres;
