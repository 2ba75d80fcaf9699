//! TLS towards agents, with certificates of the gateway's own authority, and towards targets (`target/`).
//!
//! An agent asks for a server by name and gets a certificate for that name, made on the spot (`leaf.rs`) and signed
//! by an authority of this host (`issuer.rs`) that may vouch for configured targets and for nothing else
//! (`permits.rs`). `authority.rs` keeps the lot, `trust.rs` is what agents need to believe it.

mod authority;
mod clients;
mod issuer;
mod leaf;
mod permits;
pub mod target;
pub mod trust;

pub use authority::{Authority, AuthorityError};
pub use clients::Clients;
pub use issuer::{Issuer, facts, fingerprint};
pub use leaf::{Leaf, POSTGRESQL, Subject};
pub use permits::Permits;
