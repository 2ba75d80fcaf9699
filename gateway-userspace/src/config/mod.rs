//! The configuration: every `*.toml` file of one folder, merged, with every mistake found at once.
//!
//! `schema.rs` and `postgres.rs` say which keys there are, what each means and what holds when it is absent; the reference in
//! docs/configuration.md is made from it. `load.rs` reads the files, `whole.rs` checks what no single key can
//! know. What to do with the settings is left to those who use them.

mod control;
mod dangers;
mod identity;
mod json_schema;
mod leases;
mod load;
mod mistakes;
mod postgres;
mod reference;
mod reload;
mod rules;
mod schema;
mod secret_reference;
mod section;
mod values;
mod whole;

#[cfg(test)]
mod tests;

pub use control::{Account, Control};
pub use dangers::Danger;
pub use identity::{Binding, IdentityProvider, IdentitySource};
pub use json_schema::schema;
pub use load::fingerprint;
pub use mistakes::Mistakes;
pub use postgres::{CredentialKind, Judging, Pin, Postgres, Tls};
pub use reference::reference;
pub use reload::Reload;
pub use rules::{Case, rules_of};
pub use schema::{Agent, Config, Inbound, Serve, UnixPeer};
pub use secret_reference::SecretReference;
pub use values::Located;

/// A configuration for tests, written as in a file, on a host that has every user.
#[cfg(test)]
pub fn fixture(text: &str) -> Config {
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::write(dir.path().join("postern.toml"), text).expect("a file");
    load::load(dir.path(), &|_| Some(1000)).map_err(|mistakes| mistakes.listing()).expect("no mistakes")
}
