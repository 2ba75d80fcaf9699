//! What must not be on the disk.

use std::fs;
use std::path::Path;

use anyhow::{Result, ensure};
use gateway_e2e::servers::postgres::PASSWORD;
use gateway_e2e::wait;

use super::talk::Talk;
use super::{folder, plan, server, stop};

#[test]
fn no_credential_is_anywhere_in_what_the_gateway_writes() -> Result<()> {
    let server = server()?;
    let mut gateway = plan(&server).start()?;
    let agent = gateway.agent("coder")?;
    let mut talk = Talk::begin(&agent, &server)?;
    ensure!(talk.ask("select 6 * 7")?.contains("42"), "it works");
    talk.end()?;
    wait::until("the session has ended", || Ok(gateway.records().ended()?.pop()))?;
    stop(&mut gateway)?;
    ensure!(gateway.records().text()?.contains("6 * 7"), "it was recorded");
    for text in [gateway.records().text()?, everything_in(&folder(&gateway))?] {
        ensure!(!text.contains(PASSWORD), "the password is in the records");
    }
    Ok(())
}

/// All bytes of all files, as far as they are text.
fn everything_in(folder: &Path) -> Result<String> {
    let mut all = String::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            all.push_str(&everything_in(&path)?);
        } else {
            all.push_str(&String::from_utf8_lossy(&fs::read(path)?));
        }
    }
    Ok(all)
}
