//! `postern sessions verify`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use gateway_audit::checkpoint::{self, PublicKey};
use gateway_audit::verify::{self, Report, Trust};
use serde_json::json;

use super::super::Global;
use crate::audit::signing::{check, published};
use crate::report::{WithHelp, counted};

/// Records are not what they were.
const BROKEN: u8 = 1;

/// Find out whether records were changed, moved, added or taken away, and where
///
/// Nothing is needed but the files and the public key. Exits with 0 if everything is whole, with 1 if something is
/// broken, with 2 if it cannot be told.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A folder of records, or single files of it [default: serve.records of the configuration]
    files: Vec<PathBuf>,
    /// A file with public keys to believe, one a line; without it, those that stand beside the records
    #[arg(long, value_name = "FILE")]
    key: Vec<PathBuf>,
    /// A file with checkpoints that were kept elsewhere: what they know must be there
    #[arg(long, value_name = "FILE")]
    checkpoint: Vec<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Args {
    pub fn run(self, global: &Global) -> anyhow::Result<ExitCode> {
        match self.verify(global) {
            Ok(report) if report.is_whole() => Ok(ExitCode::SUCCESS),
            Ok(_) => Ok(ExitCode::from(BROKEN)),
            Err(error) => {
                crate::report::print(&error);
                Ok(crate::report::wrong_config())
            }
        }
    }

    fn verify(&self, global: &Global) -> anyhow::Result<Report> {
        let places = match &self.files[..] {
            [] => vec![global.load_config()?.serve.records],
            places => places.to_vec(),
        };
        let keys = self.keys(&places)?;
        let kept = self.kept()?;
        let trust = Trust { keys: &keys, check: &check };
        let report = match &places[..] {
            [folder] if folder.is_dir() => verify::folder(folder, trust, &kept)
                .with_context(|| format!("cannot read {}", folder.display()))?,
            files if files.iter().all(|file| file.is_file()) => verify::files(files, trust, &kept),
            _ => {
                return Err(anyhow::anyhow!("there is no such folder or file"))
                    .help("name one folder, or files");
            }
        };
        if report.files == 0 {
            bail!("there are no records");
        }
        if self.json {
            print_json(&report)
        } else {
            print(&report, self.key.is_empty())
        }
        Ok(report)
    }

    fn keys(&self, places: &[PathBuf]) -> anyhow::Result<Vec<PublicKey>> {
        let mut keys = Vec::new();
        for file in &self.key {
            let act = || format!("cannot read a public key in {}", file.display());
            for line in std::fs::read_to_string(file).with_context(act)?.lines() {
                keys.push(line.parse().with_context(act)?);
            }
        }
        if self.key.is_empty() {
            for folder in places.iter().filter_map(|place| folder_of(place)) {
                keys.extend(published(&folder).context("cannot read the public keys beside the records")?);
            }
        }
        Ok(keys)
    }

    fn kept(&self) -> anyhow::Result<Vec<String>> {
        let mut kept = Vec::new();
        for file in &self.checkpoint {
            let text = std::fs::read_to_string(file);
            kept.extend(checkpoint::notes(&text.with_context(|| format!("cannot read {}", file.display()))?));
        }
        Ok(kept)
    }
}

/// The folder of records that a place belongs to.
fn folder_of(place: &Path) -> Option<PathBuf> {
    let place = place.canonicalize().ok()?;
    place.ancestors().find(|folder| folder.join("keys").is_dir()).map(Path::to_owned)
}

fn print(report: &Report, keys_beside: bool) {
    for broken in &report.breaks {
        println!("broken: {broken}");
    }
    if report.more_breaks > 0 {
        println!("broken: {} more", report.more_breaks);
    }
    for remark in &report.remarks {
        println!("note: {remark}");
    }
    if report.begins_at > 0 {
        println!(
            "note: the host's records begin with number {}; those before are not here",
            report.begins_at
        );
    }
    if report.unsigned > 0 {
        println!("note: {} after the last checkpoint", counted_u64(report.unsigned, "record"));
    }
    let records = counted_u64(report.records, "record");
    println!(
        "{records} in {}; sessions: {} sealed, {} open, {} removed; {}",
        counted_u64(report.files, "file"),
        report.sealed,
        report.open,
        report.removed,
        counted_u64(report.checkpoints, "checkpoint"),
    );
    if let Some(signed) = &report.signed {
        println!(
            "signed up to record {} of {} at {} by {}",
            signed.records,
            signed.origin,
            signed.at,
            report.signers.join(", ")
        );
    }
    if keys_beside && !report.signers.is_empty() {
        println!("note: the keys are those beside the records; --key names one that you kept");
    }
    println!("{}", if report.is_whole() { "whole" } else { "BROKEN" });
}

fn counted_u64(number: u64, thing: &str) -> String {
    counted(usize::try_from(number).unwrap_or(usize::MAX), thing)
}

fn print_json(report: &Report) {
    let breaks: Vec<_> = report
        .breaks
        .iter()
        .map(|broken| json!({ "file": broken.file, "line": broken.line, "why": broken.why.to_string() }))
        .collect();
    let signed = report.signed.as_ref();
    let value = json!({
        "whole": report.is_whole(),
        "breaks": breaks,
        "more_breaks": report.more_breaks,
        "remarks": report.remarks,
        "files": report.files,
        "records": report.records,
        "bytes": report.bytes,
        "begins_at": report.begins_at,
        "sessions": { "sealed": report.sealed, "open": report.open, "removed": report.removed },
        "checkpoints": report.checkpoints,
        "signed": signed.map(|signed| json!({ "records": signed.records, "at": signed.at, "origin": signed.origin })),
        "signers": report.signers,
        "unsigned": report.unsigned,
    });
    println!("{value}");
}
