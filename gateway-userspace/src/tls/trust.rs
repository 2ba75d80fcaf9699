//! What agents need to believe the gateway: its authorities' certificates, where everybody can read them.
//!
//! `ca.pem` has the certificates alone, for programs that add to what they believe. `ca-bundle.pem` has them behind
//! those that the system believes, for programs that are told one file and believe nothing else.

use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject};

/// Where distributions keep what the system believes; the first that is there counts.
const SYSTEM: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// The two files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trust {
    pub own: PathBuf,
    pub bundle: PathBuf,
}

impl Trust {
    pub fn below(folder: &Path) -> Self {
        Self { own: folder.join("ca.pem"), bundle: folder.join("ca-bundle.pem") }
    }

    /// Whether there is something to believe.
    pub fn exists(&self) -> bool {
        self.own.is_file() && self.bundle.is_file()
    }

    /// The certificates of the gateway's authorities.
    pub fn read(&self) -> Result<Vec<CertificateDer<'static>>, pem::Error> {
        CertificateDer::pem_file_iter(&self.own)?.collect()
    }

    /// Writes both anew. Whoever reads meanwhile gets the old one or the new one whole.
    pub fn publish(&self, certificates: &[CertificateDer<'_>]) -> io::Result<()> {
        let own: String = certificates.iter().map(to_pem).collect();
        let mut bundle = host_believes();
        if !bundle.is_empty() && !bundle.ends_with('\n') {
            bundle.push('\n');
        }
        // Behind what is installed there is nothing to add.
        certificates.iter().map(to_pem).for_each(|certificate| {
            if !bundle.contains(&certificate) {
                bundle.push_str(&certificate);
            }
        });
        if let Some(folder) = self.own.parent().filter(|folder| !folder.is_dir()) {
            DirBuilder::new().recursive(true).create(folder)?;
            // Whatever the mask of the service is: this is for everybody.
            fs::set_permissions(folder, Permissions::from_mode(0o755))?;
        }
        replace(&self.own, &own)?;
        replace(&self.bundle, &bundle)
    }
}

/// All that the host believes, as PEM; nothing where no list of it is found.
pub fn host_believes() -> String {
    SYSTEM.iter().find_map(|path| fs::read_to_string(path).ok()).unwrap_or_default()
}

/// A certificate as text.
pub fn to_pem(certificate: &CertificateDer<'_>) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(certificate);
    let mut lines = String::from("-----BEGIN CERTIFICATE-----\n");
    for line in text.as_bytes().chunks(64) {
        lines.push_str(&String::from_utf8_lossy(line));
        lines.push('\n');
    }
    lines + "-----END CERTIFICATE-----\n"
}

fn replace(path: &Path, text: &str) -> io::Result<()> {
    let beside = path.with_extension("new");
    let _ = fs::remove_file(&beside);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o644).open(&beside)?;
    file.set_permissions(Permissions::from_mode(0o644))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_published_is_read_by_everybody_and_holds_what_the_host_believes() {
        let folder = tempfile::tempdir().expect("a folder");
        let trust = Trust::below(&folder.path().join("below"));
        assert!(!trust.exists());
        let certificates = [CertificateDer::from(vec![1; 100]), CertificateDer::from(vec![2; 100])];
        trust.publish(&certificates).expect("published");
        trust.publish(&certificates).expect("published again");
        assert!(trust.exists());
        assert_eq!(trust.read().expect("certificates"), certificates);
        let (own, bundle) =
            [&trust.own, &trust.bundle].map(|path| fs::read_to_string(path).expect("text")).into();
        assert!(bundle.starts_with(&host_believes()) && bundle.ends_with(&own));
        let mode = |path: &Path| fs::metadata(path).expect("metadata").permissions().mode() & 0o777;
        assert_eq!((mode(&trust.bundle), mode(&folder.path().join("below"))), (0o644, 0o755));
    }
}
