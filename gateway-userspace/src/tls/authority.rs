//! The authorities of this host and the certificates that they have signed.
//!
//! There is one for what was configured first. When targets come that it may not vouch for, there is another one
//! for all of them; what the first one vouches for stays with it, so that whoever believes it goes on.

use std::collections::HashMap;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::SystemTime;

use rustls::pki_types::CertificateDer;

use super::{Issuer, Leaf, Permits, Subject};

/// Certificates that are kept for the next agent who asks. The oldest makes room.
const LEAVES: usize = 1024;

#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    #[error("cannot use the folder {path} of the certificate authority")]
    Folder { path: PathBuf, source: io::Error },
    #[error("cannot write {path}")]
    Write { path: PathBuf, source: io::Error },
    #[error("cannot read the certificate {path}")]
    Certificate { path: PathBuf, source: rustls::pki_types::pem::Error },
    #[error("{path} is no authority that is bounded to targets")]
    Strange { path: PathBuf },
    #[error("cannot read the key {path}")]
    Key { path: PathBuf, source: io::Error },
    #[error("{path} may have been read by others; a key is its owner's alone (mode 0600)")]
    Exposed { path: PathBuf },
    #[error("cannot make a certificate")]
    Make(#[source] rcgen::Error),
    #[error("cannot set up TLS")]
    Tls(#[source] rustls::Error),
    #[error("no certificate authority is there for this destination")]
    None,
}

pub struct Authority {
    folder: PathBuf,
    /// By number.
    issuers: RwLock<Vec<Arc<Issuer>>>,
    leaves: Mutex<HashMap<Subject, Arc<Leaf>>>,
}

impl Authority {
    /// Opens the authorities in the folder, and makes one if none may vouch for all of `wanted`.
    pub fn open(folder: &Path, wanted: &Permits) -> Result<Self, AuthorityError> {
        let authority =
            Self { folder: folder.to_owned(), issuers: RwLock::new(load(folder)?), leaves: Mutex::default() };
        authority.cover(wanted)?;
        Ok(authority)
    }

    /// From now on all of `wanted` can be vouched for.
    pub fn cover(&self, wanted: &Permits) -> Result<(), AuthorityError> {
        let now = SystemTime::now();
        let mut issuers = self.issuers.write().unwrap_or_else(PoisonError::into_inner);
        let covers = |issuer: &Arc<Issuer>| issuer.lasts(now) && issuer.permits.cover(wanted);
        if wanted.is_empty() || issuers.iter().any(covers) {
            return Ok(());
        }
        let number = unused(&self.folder)?;
        issuers.push(Arc::new(Issuer::make(&self.folder, number, wanted, now)?));
        // They may say less than can be said now.
        self.leaves().clear();
        Ok(())
    }

    /// The certificate to show to an agent that asks for a name, or for none, at a destination.
    pub fn leaf(&self, subject: &Subject, name: Option<&str>) -> Result<Arc<Leaf>, AuthorityError> {
        self.leaf_at(SystemTime::now(), subject, name)
    }

    /// What agents have to believe.
    pub fn certificates(&self) -> Vec<CertificateDer<'static>> {
        self.issuers().iter().map(|issuer| issuer.certificate.clone()).collect()
    }

    fn leaf_at(
        &self,
        now: SystemTime,
        subject: &Subject,
        name: Option<&str>,
    ) -> Result<Arc<Leaf>, AuthorityError> {
        let subject = subject.asked_as(name);
        if let Some(leaf) = self.leaves().get(&subject).filter(|leaf| leaf.is_fresh(now)) {
            return Ok(Arc::clone(leaf));
        }
        let issuer = self.issuer_for(&subject, now).ok_or(AuthorityError::None)?;
        let leaf = Arc::new(Leaf::mint(&issuer, &subject, now)?);
        let mut leaves = self.leaves();
        make_room(&mut leaves);
        leaves.insert(subject, Arc::clone(&leaf));
        Ok(leaf)
    }

    /// The first that may vouch for most: what agents have believed longest.
    fn issuer_for(&self, subject: &Subject, now: SystemTime) -> Option<Arc<Issuer>> {
        let vouched = |issuer: &Issuer| {
            let names = subject.names.iter().filter(|name| issuer.permits.name(name.as_str())).count();
            names + usize::from(issuer.permits.address(subject.address))
        };
        let issuers = self.issuers();
        let usable = issuers.iter().filter(|issuer| issuer.ends > now);
        // Of several that are best the last is taken, which is the first one when they come in reverse.
        usable.rev().max_by_key(|issuer| vouched(issuer)).cloned()
    }

    fn issuers(&self) -> Vec<Arc<Issuer>> {
        self.issuers.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn leaves(&self) -> MutexGuard<'_, HashMap<Subject, Arc<Leaf>>> {
        self.leaves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keys do not show themselves.
impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").field("folder", &self.folder).finish_non_exhaustive()
    }
}

fn make_room(leaves: &mut HashMap<Subject, Arc<Leaf>>) {
    if leaves.len() < LEAVES {
        return;
    }
    let oldest = leaves.iter().min_by_key(|(_, leaf)| leaf.made).map(|(subject, _)| subject.clone());
    oldest.and_then(|subject| leaves.remove(&subject));
}

fn load(folder: &Path) -> Result<Vec<Arc<Issuer>>, AuthorityError> {
    let mut numbers = numbers(folder, "pem")?;
    numbers.sort_unstable();
    numbers.into_iter().map(|number| Issuer::load(folder, number).map(Arc::new)).collect()
}

/// A number that no file has. Half an authority, left by a crash, keeps its own.
fn unused(folder: &Path) -> Result<u32, AuthorityError> {
    let failed = |source| AuthorityError::Folder { path: folder.to_owned(), source };
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    let taken = numbers(folder, "key")?.into_iter().chain(numbers(folder, "pem")?).max();
    Ok(taken.unwrap_or(0).saturating_add(1))
}

fn numbers(folder: &Path, extension: &str) -> Result<Vec<u32>, AuthorityError> {
    let failed = |source| AuthorityError::Folder { path: folder.to_owned(), source };
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(failed)?,
    };
    let mut numbers = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|found| found == extension) {
            numbers.extend(path.file_stem().and_then(|stem| stem.to_str()?.parse::<u32>().ok()));
        }
    }
    Ok(numbers)
}

#[cfg(test)]
mod tests;
