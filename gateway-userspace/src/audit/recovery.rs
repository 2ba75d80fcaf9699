//! What a gateway left that was not stopped in order: files that end in half a line, lines that are in the journal alone,
//! sessions without a seal. What is whole is kept and sealed; what was cut off is said.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use gateway_audit::chain::{Chain, Record};
use gateway_audit::event::{Ending, Event};
use gateway_audit::file::{Recovered, SessionSealed};
use gateway_audit::layout;
use gateway_audit::reader::{Lines, Records};

use super::RecordError;
use super::archive::Archive;
use super::book::{Book, MODE, sync_folders};
use super::journal::Entry;
use super::packing::UNFINISHED;
use crate::report::one_line;

const FOLDER_MODE: u32 = 0o750;

/// Where the host's chain goes on, and what it has to say first.
#[derive(Debug)]
pub struct Left {
    pub chain: Chain,
    pub events: Vec<Event>,
    /// Files that nothing is added to any more, to be compressed.
    pub complete: Vec<PathBuf>,
}

/// Makes files whole: half a line at the end is cut off, and what the journal has beyond it is added.
pub fn bring_back(records: &Path, entries: &[Entry]) -> io::Result<Vec<Recovered>> {
    let mut known: BTreeMap<PathBuf, Vec<u8>> = BTreeMap::new();
    for file in plain_files(records)? {
        known.insert(file, Vec::new());
    }
    for entry in entries {
        if !records.join(layout::packed(&entry.name)).exists() {
            known.entry(entry.name.clone()).or_default().extend_from_slice(&entry.lines);
        }
    }
    let mut recovered = Vec::new();
    for (name, lines) in known {
        let found = mend(records, &name, &lines)?;
        if found.brought_back > 0 || found.cut_bytes > 0 {
            recovered.push(found);
        }
    }
    Ok(recovered)
}

/// The files that are not packed, below the folder of records. What was half packed is removed.
fn plain_files(records: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for file in layout::host_files(records)?.into_iter().chain(layout::session_files(records)?) {
        remove_if_there(&layout::packed(&layout::plain(&file)).with_extension(UNFINISHED))?;
        let Ok(name) = file.strip_prefix(records) else { continue };
        if layout::plain(name) == name {
            files.push(name.to_owned());
        } else {
            // The packed one is whole before it has its name.
            remove_if_there(&layout::plain(&file))?;
        }
    }
    Ok(files)
}

fn remove_if_there(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn mend(records: &Path, name: &Path, lines: &[u8]) -> io::Result<Recovered> {
    let path = records.join(name);
    if let Some(folder) = path.parent() {
        DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(folder)?;
    }
    let mut file =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(MODE).open(&path)?;
    let (mut chain, whole) = end_of(&file)?;
    let cut_bytes = file.metadata()?.len() - whole;
    let mut brought_back = 0;
    file.set_len(whole)?;
    file.seek(SeekFrom::End(0))?;
    for line in lines.split_inclusive(|byte| *byte == b'\n') {
        let record = line.strip_suffix(b"\n").unwrap_or(line);
        // The host's chain goes on from file to file, so that a file of it need not begin with record 0.
        let begins = chain == Chain::EMPTY && is_of_host(name);
        let Some(next) = Chain::after(record).filter(|_| begins || chain.leads_to(record)) else { continue };
        file.write_all(line)?;
        chain = next;
        brought_back += 1;
    }
    if brought_back > 0 || cut_bytes > 0 {
        file.sync_all()?;
        sync_folders(records, name)?;
    }
    Ok(Recovered { file: name.display().to_string(), records: chain.records, brought_back, cut_bytes })
}

fn is_of_host(name: &Path) -> bool {
    name.starts_with(layout::HOST)
}

/// Where the chain of a file stands, and how many bytes it has until there.
fn end_of(file: &File) -> io::Result<(Chain, u64)> {
    let mut input = BufReader::with_capacity(128 << 10, file);
    let (mut chain, mut whole, mut line) = (Chain::EMPTY, 0, Vec::new());
    loop {
        line.clear();
        let read = input.read_until(b'\n', &mut line)?;
        let Some(next) = line.strip_suffix(b"\n").and_then(Chain::after) else { return Ok((chain, whole)) };
        chain = next;
        whole += read as u64;
    }
}

/// Seals what is open, once files are whole.
pub fn recover(archive: &Archive, recovered: Vec<Recovered>) -> Result<Left, RecordError> {
    let records = archive.folder();
    let failed = |source| RecordError::Open { path: records.display().to_string(), source };
    let mut left = Left {
        chain: Chain::EMPTY,
        events: recovered.into_iter().map(Event::Recovered).collect(),
        complete: Vec::new(),
    };
    let mut unsealed = BTreeMap::new();
    let host = host_files_with_records(records).map_err(failed)?;
    if let Some(last) = host.last() {
        (left.chain, unsealed) = hear(last).map_err(failed)?;
    }
    let host = host.iter().filter_map(|file| file.strip_prefix(records).ok());
    left.complete.extend(host.filter(|name| layout::plain(name) == *name).map(Path::to_owned));
    for name in plain_files(records).map_err(failed)?.into_iter().filter(|name| !is_of_host(name)) {
        let session = name.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let was_unsealed = unsealed.remove(&session).is_some();
        match seal(archive, &session, &name) {
            Ok(Sealed::Now(sealed)) => left.events.push(Event::SessionSealed(sealed)),
            Ok(Sealed::Before(sealed)) if was_unsealed => left.events.push(Event::SessionSealed(sealed)),
            Ok(Sealed::Before(_)) => (),
            Err(error) => {
                tracing::error!(session, error = one_line(&error), "a session cannot be sealed");
                continue;
            }
        }
        left.complete.push(name);
    }
    // They never had a file, or their files are gone.
    left.events.extend(
        unsealed
            .into_iter()
            .map(|(session, (file, chain))| Event::SessionSealed(SessionSealed { session, file, chain })),
    );
    Ok(left)
}

/// Those that have none were about to be written.
fn host_files_with_records(records: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = layout::host_files(records)?;
    while let Some(last) = files.last()
        && fs::metadata(last)?.len() == 0
    {
        fs::remove_file(last)?;
        files.pop();
    }
    Ok(files)
}

/// Sessions without a seal: their files, and where they were seen last.
type Unsealed = BTreeMap<String, (String, Chain)>;

/// What the last file of the host's chain says, in the beginning of which all open sessions are named.
fn hear(file: &Path) -> io::Result<(Chain, Unsealed)> {
    let mut chain = Chain::EMPTY;
    let mut unsealed = Unsealed::new();
    let mut lines = Lines::open(file).map_err(io::Error::other)?;
    while let Some((_, line)) = lines.read().map_err(io::Error::other)? {
        chain = Chain::after(line).unwrap_or(chain);
        // What a newer version has written may say more than is understood here.
        let Ok(record) = serde_json::from_slice::<Record>(line) else { continue };
        match record.event {
            Event::SessionBegan(began) => {
                unsealed.insert(began.session, (began.file, Chain::EMPTY));
            }
            Event::SessionsStand(stand) => {
                for session in stand.sessions {
                    unsealed.entry(session.session).or_insert((String::new(), Chain::EMPTY)).1 =
                        session.chain;
                }
            }
            Event::SessionSealed(sealed) => {
                unsealed.remove(&sealed.session);
            }
            _ => (),
        }
    }
    Ok((chain, unsealed))
}

enum Sealed {
    Now(SessionSealed),
    Before(SessionSealed),
}

fn seal(archive: &Archive, session: &str, name: &Path) -> Result<Sealed, RecordError> {
    let path = archive.folder().join(name);
    let failed = |source| RecordError::Open { path: path.display().to_string(), source };
    let (chain, _) = end_of(&File::open(&path).map_err(failed)?).map_err(failed)?;
    let told = |chain| SessionSealed { session: session.to_owned(), file: name.display().to_string(), chain };
    let last = Records::open(&path).map_err(io::Error::other).map_err(failed)?.filter_map(Result::ok).last();
    if let Some(Event::Sealed { .. }) = last.map(|record| record.event) {
        return Ok(Sealed::Before(told(chain)));
    }
    let book = Book::take_up(archive.disk(), name, chain).map_err(failed)?;
    let chain = book.close(|records| Event::Sealed { records, ending: Ending::GatewayDied })?;
    book.sync().map_err(failed)?;
    Ok(Sealed::Now(told(chain)))
}
