//! Makes a folder of records with so many sessions, for those who measure or try what reads them.
//!
//!     cargo run --release --example records -- FOLDER SESSIONS

use std::path::{Path, PathBuf};

use gateway_audit::chain::{Chain, FORMAT};
use gateway_audit::event::{Ending, Event};
use gateway_audit::file::{FileBegan, FileOf, SessionBegan, SessionSealed};
use gateway_audit::session::OfSession;
use gateway_audit::{layout, samples};

const DAY: &str = "2026-01-31";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().ok_or("name a folder")?);
    let sessions: u32 = arguments.next().ok_or("say how many sessions")?.parse()?;
    let (mut host, mut lines) = (Chain::EMPTY, Vec::new());
    host.add(&at(0), &began(FileOf::Host), &mut lines)?;
    for mut sample in samples::samples() {
        if samples::of_session(&mut sample.event).is_none() {
            host.add(&sample.at, &sample.event, &mut lines)?;
        }
    }
    for number in 0..sessions {
        let of = OfSession {
            session: format!("{:016x}", u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15)),
            connection: u64::from(number),
            agent: format!("coder-{}", number % 40),
            target: format!("orders-{}", number % 12),
        };
        let file = layout::session_file(DAY, &of.session);
        let told = SessionBegan {
            session: of.session.clone(),
            connection: of.connection,
            agent: of.agent.clone(),
            target: of.target.clone(),
            file: file.display().to_string(),
        };
        host.add(&at(number), &Event::SessionBegan(told), &mut lines)?;
        let chain = session(&folder.join(&file), &of, number)?;
        let sealed = SessionSealed { session: of.session, file: file.display().to_string(), chain };
        host.add(&at(number), &Event::SessionSealed(sealed), &mut lines)?;
    }
    put(&folder.join(layout::host_file(0)), &lines)
}

fn session(file: &Path, of: &OfSession, number: u32) -> Result<Chain, Box<dyn std::error::Error>> {
    let (mut chain, mut lines) = (Chain::EMPTY, Vec::new());
    chain.add(&at(number), &began(FileOf::Session(of.session.clone())), &mut lines)?;
    for (step, mut event) in (0..).zip(samples::session()) {
        if let Some(place) = samples::of_session(&mut event) {
            *place = of.clone();
            chain.add(&at(number + step), &event, &mut lines)?;
        }
    }
    let records = chain.records + 1;
    chain.add(&at(number + 20), &Event::Sealed { records, ending: Ending::Finished }, &mut lines)?;
    put(file, &lines)?;
    Ok(chain)
}

fn began(of: FileOf) -> Event {
    let (host, version) = ("host1".to_owned(), env!("CARGO_PKG_VERSION").to_owned());
    Event::FileBegan(FileBegan { format: FORMAT, host, version, of, key: "00000000".to_owned() })
}

/// Seconds after the beginning of the day.
fn at(seconds: u32) -> String {
    let seconds = seconds % 86_400;
    format!("{DAY}T{:02}:{:02}:{:02}.250000000Z", seconds / 3600, seconds % 3600 / 60, seconds % 60)
}

fn put(file: &Path, lines: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    Ok(std::fs::write(file, lines)?)
}
