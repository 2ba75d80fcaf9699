//! `postern ca install`: makes the host believe the gateway, as Debian has it.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use nix::unistd::Uid;

use super::Known;
use crate::report::WithHelp;
use crate::tls::trust::to_pem;

const UPDATE: &str = "update-ca-certificates";

/// Make the programs of this host believe the gateway, for its targets and nothing else
///
/// Writes one file for each authority to the folder, removes files there that former authorities left, and calls
/// update-ca-certificates, which adds them to what the host believes. To undo it, remove the files that it names and
/// call update-ca-certificates.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Where update-ca-certificates finds what an administrator adds
    #[arg(long, value_name = "DIR", default_value = "/usr/local/share/ca-certificates")]
    folder: PathBuf,
}

impl Args {
    pub(super) fn run(&self, authorities: &[Known]) -> anyhow::Result<()> {
        if !self.dry_run && !Uid::effective().is_root() {
            return Err(anyhow::Error::msg("only root can say what this host believes"))
                .help("call it with sudo, or look at what it would do with --dry-run");
        }
        self.place(authorities)?;
        println!("call {UPDATE}");
        if self.dry_run { Ok(()) } else { update() }
    }

    fn place(&self, authorities: &[Known]) -> anyhow::Result<()> {
        for known in authorities {
            println!("this host believes the gateway for {}", known.permits);
        }
        let wanted: Vec<PathBuf> =
            authorities.iter().map(|known| self.folder.join(file_name(known))).collect();
        for (path, known) in wanted.iter().zip(authorities) {
            self.act("write", path, || write(path, &to_pem(&known.certificate)))?;
        }
        for former in formers(&self.folder)?.iter().filter(|path| !wanted.contains(path)) {
            self.act("remove", former, || fs::remove_file(former))?;
        }
        Ok(())
    }

    /// Says what is done, and does it.
    fn act(&self, act: &str, path: &Path, work: impl FnOnce() -> io::Result<()>) -> anyhow::Result<()> {
        println!("{act} {}", path.display());
        if self.dry_run {
            return Ok(());
        }
        work().with_context(|| format!("cannot {act} {}", path.display()))
    }
}

/// Says which authority it is, so that another one does not overwrite it.
fn file_name(known: &Known) -> String {
    let short: String = known.fingerprint.chars().filter(|digit| *digit != ':').take(16).collect();
    format!("postern-{}.crt", short.to_ascii_lowercase())
}

/// What this command has written before.
fn formers(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let list = || -> io::Result<Vec<PathBuf>> {
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect()
    };
    let help = "is the package ca-certificates there? else name the folder with --folder";
    let mut files = list().with_context(|| format!("cannot read {}", folder.display())).help(help)?;
    files.retain(|path| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.strip_prefix("postern-").and_then(|rest| rest.strip_suffix(".crt")).is_some_and(is_short)
    });
    Ok(files)
}

fn is_short(fingerprint: &str) -> bool {
    fingerprint.len() == 16 && fingerprint.bytes().all(|digit| digit.is_ascii_hexdigit())
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o644).open(path)?;
    file.write_all(text.as_bytes())
}

fn update() -> anyhow::Result<()> {
    let help =
        "install the package ca-certificates, or add the files to what this host believes by its own means";
    let status = Command::new(UPDATE).status().with_context(|| format!("cannot call {UPDATE}")).help(help)?;
    ensure!(status.success(), "{UPDATE} ended with {status}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::authorities_for;
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("a folder");
        let mut names: Vec<String> =
            entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("text")).collect();
        names.sort();
        names
    }

    #[test]
    fn the_folder_has_the_authorities_of_today_and_what_others_put_there() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["postern-0123456789abcdef.crt", "postern-of-ours.crt", "company.crt"] {
            fs::write(folder.path().join(name), "").expect("written");
        }
        let authorities = authorities_for(&["db.example.com"]);
        let install = |dry_run| Args { dry_run, folder: folder.path().to_owned() }.place(&authorities);
        install(true).expect("said");
        assert_eq!(
            names(folder.path()),
            ["company.crt", "postern-0123456789abcdef.crt", "postern-of-ours.crt"]
        );
        install(false).expect("done");
        install(false).expect("done again");
        let own = file_name(&authorities[0]);
        let mut expected = vec!["company.crt".to_owned(), own.clone(), "postern-of-ours.crt".to_owned()];
        expected.sort();
        assert_eq!(names(folder.path()), expected);
        let text = fs::read_to_string(folder.path().join(own)).expect("a file");
        assert_eq!(text, to_pem(&authorities[0].certificate));
    }
}
