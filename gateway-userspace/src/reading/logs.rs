//! One log from its beginning: a session's, the host's, or the enforcer's.

use std::path::{Path, PathBuf};

use anyhow::Context;
use gateway_audit::layout;
use gateway_audit::reader::{Lines, Records};

use crate::report::WithHelp;

/// The log of what concerns the whole host.
pub const HOST: &str = "host";
/// The log of what `postern enforce` wrote down itself.
pub const ENFORCER: &str = "enforcer";

/// The files of a log, in their order. A session may be named by the beginning of its name.
pub fn files(records: &Path, log: &str) -> anyhow::Result<Vec<PathBuf>> {
    let act = || format!("cannot read the folder of records {}", records.display());
    match log {
        HOST => layout::host_files(records).with_context(act),
        ENFORCER => Ok(vec![records.join(layout::ENFORCER)]),
        session => {
            let all = layout::session_files(records).with_context(act)?;
            let mut meant = all.into_iter().filter(|file| session_of(file).starts_with(session));
            match (meant.next(), meant.next()) {
                (Some(file), None) => Ok(vec![file]),
                (Some(_), Some(_)) => anyhow::bail!("several sessions begin with {session}"),
                (None, _) => Err(anyhow::anyhow!("there is no session {session} in {}", records.display()))
                    .help("list them with `postern sessions list`; what was pruned left its seal in the host's log"),
            }
        }
    }
}

/// The session that a file is of.
pub fn session_of(file: &Path) -> &str {
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.split('.').next().unwrap_or_default()
}

/// All records of a log, one after the other.
pub fn records(files: Vec<PathBuf>) -> impl Iterator<Item = anyhow::Result<gateway_audit::chain::Record>> {
    files.into_iter().flat_map(|file| match Records::open(&file) {
        Ok(records) => boxed(records.map(|record| record.map_err(anyhow::Error::from))),
        Err(error) => boxed(std::iter::once(Err(anyhow::Error::from(error)))),
    })
}

fn boxed<'a, T>(items: impl Iterator<Item = T> + 'a) -> Box<dyn Iterator<Item = T> + 'a> {
    Box::new(items)
}

/// All lines of a log, as they stand in its files.
pub fn lines(files: Vec<PathBuf>, mut each: impl FnMut(&[u8]) -> anyhow::Result<()>) -> anyhow::Result<()> {
    for file in files {
        let mut lines = Lines::open(&file)?;
        while let Some((_, line)) = lines.read()? {
            each(line)?;
        }
    }
    Ok(())
}
