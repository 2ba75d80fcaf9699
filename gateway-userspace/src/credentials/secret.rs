//! Reads a secret from where the configuration says that it is.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use thiserror::Error;
use tokio::io::AsyncReadExt as _;
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::config::SecretReference;

/// Longer than any password and any key.
const LONGEST: usize = 64 << 10;
/// How long a command may take to print a secret.
const COMMAND_TIME: Duration = Duration::from_secs(10);
/// Where systemd puts the credentials of a unit.
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";
const OTHERS: u32 = 0o007;
const GROUP_WRITES: u32 = 0o020;

/// Why there is no secret. Says where it should be, and never what it is.
#[derive(Debug, Error)]
pub enum SecretError {
    #[error("cannot read the secret in {}", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("others on this host may read {}; make it readable for root and the gateway only", .0.display())]
    Exposed(PathBuf),
    #[error("{} belongs to neither root nor the gateway", .0.display())]
    NotOurs(PathBuf),
    #[error("the gateway's unit has no credentials; add LoadCredential={0}:PATH to it")]
    NoCredentials(String),
    #[error("the gateway's environment has no {0}")]
    NoVariable(String),
    #[error("{} did not print a secret", program.display())]
    Command {
        program: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the secret in {0} is empty, or longer than {LONGEST} bytes")]
    Size(String),
}

/// The secret, without the line's end that files and programs put behind it.
pub async fn read(reference: &SecretReference) -> Result<Zeroizing<Vec<u8>>, SecretError> {
    let mut secret = match reference {
        SecretReference::File(path) => from_file(path, Guarded::Checked)?,
        SecretReference::Credential(name) => {
            let folder =
                std::env::var_os(CREDENTIALS).ok_or_else(|| SecretError::NoCredentials(name.clone()))?;
            // systemd guards the folder.
            from_file(&Path::new(&folder).join(name), Guarded::BySystemd)?
        }
        SecretReference::Env(name) => {
            let value = std::env::var(name).map_err(|_| SecretError::NoVariable(name.clone()))?;
            Zeroizing::new(value.into_bytes())
        }
        SecretReference::Command(program, arguments) => from_command(program, arguments).await?,
    };
    if secret.last() == Some(&b'\n') {
        secret.pop();
        if secret.last() == Some(&b'\r') {
            secret.pop();
        }
    }
    if secret.is_empty() || secret.len() > LONGEST {
        return Err(SecretError::Size(reference.to_string()));
    }
    Ok(secret)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Guarded {
    Checked,
    BySystemd,
}

fn from_file(path: &Path, guarded: Guarded) -> Result<Zeroizing<Vec<u8>>, SecretError> {
    let failed = |source| SecretError::Read { path: path.to_owned(), source };
    // A pipe in its place must not hold anybody up.
    let options = File::options().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).clone();
    let mut file = options.open(path).map_err(failed)?;
    let facts = file.metadata().map_err(failed)?;
    if !facts.is_file() {
        return Err(failed(io::Error::other("it is no file")));
    }
    if guarded == Guarded::Checked {
        if facts.mode() & (OTHERS | GROUP_WRITES) != 0 {
            return Err(SecretError::Exposed(path.to_owned()));
        }
        if facts.uid() != 0 && facts.uid() != nix::unistd::geteuid().as_raw() {
            return Err(SecretError::NotOurs(path.to_owned()));
        }
    }
    // Room for all of it, so that no copy stays behind when the buffer grows.
    let mut secret = Zeroizing::new(Vec::with_capacity(LONGEST + 1));
    file.by_ref().take(LONGEST as u64 + 1).read_to_end(&mut secret).map_err(failed)?;
    Ok(secret)
}

async fn from_command(program: &Path, arguments: &[String]) -> Result<Zeroizing<Vec<u8>>, SecretError> {
    let failed = |source| SecretError::Command { program: program.to_owned(), source };
    let mut child = tokio::process::Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(failed)?;
    let mut secret = Zeroizing::new(Vec::with_capacity(LONGEST + 1));
    let work = async {
        if let Some(output) = child.stdout.take() {
            output.take(LONGEST as u64 + 1).read_to_end(&mut secret).await?;
        }
        child.wait().await
    };
    match timeout(COMMAND_TIME, work).await {
        Ok(Ok(status)) if status.success() => Ok(secret),
        Ok(Ok(status)) => Err(failed(io::Error::other(format!("it ended with {status}")))),
        Ok(Err(error)) => Err(failed(error)),
        Err(_) => Err(failed(io::ErrorKind::TimedOut.into())),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn file(text: &str, mode: u32) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), text).expect("text");
        std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(mode)).expect("a mode");
        file
    }

    async fn read_file(file: &tempfile::NamedTempFile) -> Result<Vec<u8>, SecretError> {
        read(&SecretReference::File(file.path().to_owned())).await.map(|secret| secret.to_vec())
    }

    #[tokio::test]
    async fn a_file_is_read_without_its_line_end() {
        for (text, secret) in [("pw\n", "pw"), ("pw\r\n", "pw"), ("p w", "p w"), ("pw\n\n", "pw\n")] {
            assert_eq!(
                read_file(&file(text, 0o600)).await.ok().as_deref(),
                Some(secret.as_bytes()),
                "{text:?}"
            );
        }
    }

    #[tokio::test]
    async fn a_file_that_others_may_read_is_no_secret() {
        for mode in [0o604, 0o644, 0o620, 0o601] {
            assert!(matches!(read_file(&file("pw", mode)).await, Err(SecretError::Exposed(_))), "{mode:o}");
        }
        assert!(read_file(&file("pw", 0o640)).await.is_ok());
    }

    #[tokio::test]
    async fn a_file_of_somebody_else_is_no_secret() {
        if !nix::unistd::geteuid().is_root() {
            return;
        }
        let file = file("pw", 0o600);
        std::os::unix::fs::chown(file.path(), Some(65534), None).expect("an owner");
        assert!(matches!(read_file(&file).await, Err(SecretError::NotOurs(_))));
    }

    #[tokio::test]
    async fn what_is_empty_or_endless_is_no_secret() {
        assert!(matches!(read_file(&file("\n", 0o600)).await, Err(SecretError::Size(_))));
        assert!(matches!(read_file(&file(&"x".repeat(LONGEST + 1), 0o600)).await, Err(SecretError::Size(_))));
        let folder = SecretReference::File(PathBuf::from("/proc"));
        assert!(matches!(read(&folder).await, Err(SecretError::Read { .. })));
    }

    #[tokio::test]
    async fn a_command_prints_it_or_fails() {
        let command = |text: &str| text.parse::<SecretReference>().expect("a reference");
        let printed = read(&command("command:/bin/echo pw")).await.map(|secret| secret.to_vec());
        assert_eq!(printed.ok().as_deref(), Some(&b"pw"[..]));
        let failed = read(&command("command:/bin/false")).await;
        assert!(matches!(failed, Err(SecretError::Command { .. })));
    }
}
