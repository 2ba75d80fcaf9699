//! A certificate made for one session, which the server maps to the user of all of them.
//!
//! Nothing is made at the server and nothing is left there; who had which session stands in the certificate's name.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::{Credential, CredentialSource, IssueError, Need, Proof, Work};
use crate::tls::{AuthorityError, Clients};

#[derive(Debug)]
pub struct CertificateSource {
    user: String,
    folder: PathBuf,
    /// Opened with the first session.
    clients: Mutex<Option<Arc<Clients>>>,
}

impl CertificateSource {
    pub fn new(user: &str, folder: &Path) -> Self {
        Self { user: user.to_owned(), folder: folder.to_owned(), clients: Mutex::default() }
    }

    fn clients(&self) -> Result<Arc<Clients>, AuthorityError> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(clients) = &*clients {
            return Ok(Arc::clone(clients));
        }
        Ok(Arc::clone(clients.insert(Arc::new(Clients::open(&self.folder)?))))
    }
}

impl CredentialSource for CertificateSource {
    fn issue<'a>(&'a self, need: Need<'a>) -> Work<'a, Result<Credential, IssueError>> {
        Box::pin(async move {
            let certificate = self.clients()?.issue(&self.user, need.session)?;
            let proof = Proof { certificate: Some(certificate), ..Proof::default() };
            Ok(Credential::standing(self.user.clone(), proof))
        })
    }
}

/// What has to stand in the files of the server: who signs, and who may log in as whom.
pub fn instructions(user: &str, authority: &Path) -> String {
    // Names of users are letters for the most part; all others stand for themselves too.
    let pattern: String = user.chars().flat_map(|letter| escaped(letter).into_iter().flatten()).collect();
    let user = super::postgres_role::sql::identifier(user);
    format!(
        "# postgresql.conf: copy {authority} to the server, beside other authorities of clients if there are any\n\
         ssl_ca_file = 'postern-clients.pem'\n\n\
         # pg_hba.conf: before other lines for this user; narrow the address to the gateway's\n\
         hostssl all {user} all cert map=postern\n\n\
         # pg_ident.conf\n\
         postern \"/^{pattern}:.*$\" {user}\n",
        authority = authority.display()
    )
}

fn escaped(letter: char) -> [Option<char>; 2] {
    let plain = letter.is_alphanumeric() || letter == '_';
    [(!plain).then_some('\\'), Some(letter)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_matched_as_written() {
        let told = instructions("a.b", Path::new("/x/clients.pem"));
        assert!(told.contains("postern \"/^a\\.b:.*$\" \"a.b\""), "{told}");
        assert!(told.contains("hostssl all \"a.b\" all cert map=postern"), "{told}");
    }
}
