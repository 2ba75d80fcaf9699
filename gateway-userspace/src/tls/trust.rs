//! What agents need to believe the gateway: its authorities' certificates, where everybody can read them.
//!
//! `ca.pem` has the certificates alone, for programs that add to what they believe. `ca-bundle.pem` has them behind
//! those that the system believes, for programs that are told one file and believe nothing else.

use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustls::pki_types::CertificateDer;

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

    /// Writes both anew. Whoever reads meanwhile gets the old one or the new one whole.
    pub fn publish(&self, certificates: &[CertificateDer<'_>]) -> io::Result<()> {
        let own: String = certificates.iter().map(|certificate| pem(certificate)).collect();
        let mut bundle = SYSTEM.iter().find_map(|path| fs::read_to_string(path).ok()).unwrap_or_default();
        if !bundle.is_empty() && !bundle.ends_with('\n') {
            bundle.push('\n');
        }
        bundle.push_str(&own);
        if let Some(folder) = self.own.parent() {
            DirBuilder::new().recursive(true).mode(0o755).create(folder)?;
        }
        replace(&self.own, &own)?;
        replace(&self.bundle, &bundle)
    }
}

/// A certificate as text.
pub fn pem(certificate: &CertificateDer<'_>) -> String {
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
    // Whatever the mask of the service is: this is for everybody.
    file.set_permissions(Permissions::from_mode(0o644))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&beside, path)
}
