//! What the keys of a PostgreSQL target mean together.

use gateway_policy::target::Protocol;

use super::super::load::Gathering;
use super::super::mistakes::{Gathered, Place};
use super::super::postgres::{CredentialKind, Postgres, Tls};

pub fn check(all: &Gathering, mistakes: &Gathered) {
    for (name, target) in &all.targets {
        match (target.value.protocol, all.postgres.get(name)) {
            (Protocol::Postgres, None) if !all.with_postgres.contains(name) => {
                let what = format!("[targets.{name}] speaks PostgreSQL and does not say how to log in");
                let remedy = format!("add [targets.{name}.postgres] with `user` and `password`");
                mistakes.add(target.place.clone(), what, remedy);
            }
            (Protocol::Tcp, Some(keys)) => {
                let what = format!("[targets.{name}] is opaque, and what stands here has no effect");
                mistakes.add(
                    keys.place.clone(),
                    what,
                    "write `protocol = \"postgres\"`, or remove the table",
                );
            }
            (Protocol::Postgres, _) | (Protocol::Tcp, None) => (),
        }
    }
    for (name, keys) in &all.postgres {
        let table = Table { name, place: &keys.place, mistakes };
        table.secrets(&keys.value);
        table.grants(&keys.value);
        table.trust(&keys.value);
    }
}

struct Table<'a> {
    name: &'a str,
    place: &'a Place,
    mistakes: &'a Gathered,
}

impl Table<'_> {
    fn wrong(&self, what: &str, remedy: &str) {
        let what = format!("[targets.{}.postgres] {what}", self.name);
        self.mistakes.add(self.place.clone(), what, remedy);
    }

    fn secrets(&self, keys: &Postgres) {
        let made = keys.credential == CredentialKind::ClientCert;
        match (&keys.certificate, &keys.private_key) {
            (Some(_), None) => self.wrong("has a `certificate` and no `private_key`", "add the key's place"),
            (None, Some(_)) => self.wrong("has a `private_key` and no `certificate`", "add the certificate"),
            (Some(_), Some(_)) if made => {
                self.wrong("makes certificates and has one", "remove `certificate` and `private_key`");
            }
            (None, None) if !made && keys.password.is_none() => {
                self.wrong(
                    "has no secret to log in with",
                    "add `password`, or `certificate` and `private_key`",
                );
            }
            (Some(_), Some(_)) | (None, None) => (),
        }
        if made && keys.password.is_some() {
            self.wrong("logs in with a certificate and has a password", "remove `password`");
        }
        let shown = made || keys.certificate.is_some();
        if shown && keys.tls == Tls::Disable {
            self.wrong("shows a certificate, and has no TLS to show it in", "remove `danger_tls`");
        }
    }

    fn grants(&self, keys: &Postgres) {
        match keys.credential {
            CredentialKind::Role | CredentialKind::Pool if keys.grant.is_empty() => {
                self.wrong("grants nothing, so that a session could do nothing", "name roles in `grant`");
            }
            CredentialKind::Static | CredentialKind::ClientCert if !keys.grant.is_empty() => {
                let remedy = "write `credential = \"role\"`, or remove `grant`";
                self.wrong("has a `grant`, which only logins that are made for a session have", remedy);
            }
            _ => (),
        }
        if keys.credential == CredentialKind::Pool && keys.databases.is_empty() {
            self.wrong(
                "does not say where its pool cleans up",
                "name the databases of the target in `databases`",
            );
        }
    }

    fn trust(&self, keys: &Postgres) {
        if !keys.pin.is_empty() && keys.ca.is_some() {
            self.wrong(
                "has both `pin` and `ca`",
                "keep one: a pinned certificate is trusted whoever signed it",
            );
        }
        if !keys.pin.is_empty() && keys.tls != Tls::VerifyFull {
            self.wrong("has a `pin` that `danger_tls` puts out of force", "remove one of the two");
        }
    }
}
