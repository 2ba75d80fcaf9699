//! A folder of records for tests, written as the gateway writes them.

use std::path::Path;

use gateway_audit::chain::{Chain, Hash};
use gateway_audit::event::{Ending, Event};
use gateway_audit::file::{SessionBegan, SessionSealed};
use gateway_audit::{layout, samples};

const DAY: &str = "2026-01-31";

/// One host's records.
pub struct Written {
    pub folder: tempfile::TempDir,
    host: Chain,
    first: u64,
}

impl Written {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder"), host: Chain::EMPTY, first: 0 }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Adds a record to the host's log.
    pub fn host(&mut self, event: &Event) {
        let mut lines = Vec::new();
        self.host.add("2026-01-31T08:00:00.5Z", event, &mut lines).expect("canonical");
        append(&self.path().join(layout::host_file(self.first)), &lines);
    }

    /// From here on the host's log stands in another file.
    pub fn rotate(&mut self) {
        self.first = self.host.records;
    }

    pub fn pack(&self, file: &Path) {
        let plain = self.path().join(file);
        let packed = zstd::encode_all(&*std::fs::read(&plain).expect("read"), 1).expect("packed");
        std::fs::write(layout::packed(&plain), packed).expect("written");
        std::fs::remove_file(plain).expect("removed");
    }

    pub fn host_file(&self) -> std::path::PathBuf {
        layout::host_file(self.first)
    }

    /// A whole session with all that can happen in one. Returns its file.
    pub fn session(&mut self, session: &str) -> std::path::PathBuf {
        let file = layout::session_file(DAY, session);
        let name = file.display().to_string();
        self.host(&Event::SessionBegan(SessionBegan {
            session: session.to_owned(),
            connection: 7,
            agent: "coder".to_owned(),
            target: "orders".to_owned(),
            file: name.clone(),
        }));
        let (mut chain, mut lines) = (Chain { records: 0, hash: Hash::NONE }, Vec::new());
        for (number, mut event) in (0..).zip(samples::session()) {
            if let Some(of) = samples::of_session(&mut event) {
                of.session = session.to_owned();
                let at = format!("2026-01-31T08:15:{number:02}.25Z");
                chain.add(&at, &event, &mut lines).expect("canonical");
            }
        }
        let sealed = Event::Sealed { records: chain.records + 1, ending: Ending::Finished };
        chain.add("2026-01-31T08:16:00.25Z", &sealed, &mut lines).expect("canonical");
        append(&self.path().join(&file), &lines);
        self.host(&Event::SessionSealed(SessionSealed { session: session.to_owned(), file: name, chain }));
        file
    }
}

pub fn append(file: &Path, bytes: &[u8]) {
    use std::io::Write as _;
    std::fs::create_dir_all(file.parent().expect("a folder")).expect("made");
    let mut file = std::fs::OpenOptions::new().append(true).create(true).open(file).expect("opened");
    file.write_all(bytes).expect("written");
}
