//! What agents talk to: a TCP server that echoes and remembers, and a real PostgreSQL.

mod echo;
mod postgres;

pub use echo::Echo;
pub use postgres::Postgres;
