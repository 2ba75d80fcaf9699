//! What stands for everything outside: a network namespace of our own behind a veth pair, services of somebody else
//! on this host, and a ledger of every byte that reached any of them.

mod decoy;
mod dialler;
mod ledger;
mod link;
mod services;
mod watch;

use std::fs;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;

use super::arena::{Neighbour, UnixPeers};
use super::attempt::Dial;
use decoy::Decoy;
use dialler::Dialler;
use ledger::Ledger;
use link::Link;
use watch::Watch;

/// The outside, for as long as this value lives. Dropping it takes everything down again.
#[derive(Debug)]
pub(super) struct World {
    // In this order on the way out: nobody reads the sockets any more before the folder and the link go.
    _watch: Watch,
    decoy: Decoy,
    _folder: Folder,
    /// Where any process may go, even one with a private /run.
    shared: Folder,
    link: Link,
    ledger: Arc<Ledger>,
    secret: String,
    local_port: u16,
    inbound_port: u16,
    unix: UnixPeers,
}

impl World {
    /// Needs root with CAP_NET_ADMIN, and the `ip` tool.
    pub(super) fn open() -> anyhow::Result<Self> {
        let link = Link::make().context("cannot make a network namespace to stand for the outside")?;
        let folder = Folder::make(Path::new("/run")).context("cannot make a folder for unix sockets")?;
        let shared = Folder::make(&std::env::temp_dir()).context("cannot make a folder for pipes")?;
        let ledger = Arc::new(Ledger::default());
        let secret = random_text("ps")?;
        let mut sources = link.within(|| services::outside(&secret)).context("the world cannot listen")?;
        let local = services::on_this_host(link.host().v4).context("cannot offer local services")?;
        let unix = services::unix_peers(&folder.path, &random_text("pu")?);
        sources.extend(local.sources);
        sources.extend(services::unix(&unix).context("cannot offer unix services")?);
        let watch = Watch::start(sources, Arc::clone(&ledger)).context("cannot watch the world")?;
        let inbound_port = services::free_port(link.host().v4).context("cannot find a free port")?;
        let decoy = Decoy::new(folder.path.join("bpffs"));
        Ok(Self {
            _watch: watch,
            decoy,
            _folder: folder,
            shared,
            link,
            ledger,
            secret,
            local_port: local.port,
            inbound_port,
            unix,
        })
    }

    /// Where this text arrived, waiting a little for it.
    pub(super) fn arrived(&self, text: &str, patience: Duration) -> Vec<String> {
        self.ledger.wait_for(text, patience)
    }

    /// What only somebody outside knows.
    pub(super) fn secret(&self) -> &str {
        &self.secret
    }

    pub(super) fn neighbour(&self) -> Neighbour {
        self.link.world()
    }

    pub(super) fn host(&self) -> Neighbour {
        self.link.host()
    }

    /// The host's device towards the world, by name and number.
    pub(super) fn device(&self) -> (&str, u32) {
        (self.link.device(), self.link.device_index())
    }

    pub(super) fn namespace(&self) -> BorrowedFd<'_> {
        self.link.namespace().as_fd()
    }

    pub(super) fn local_port(&self) -> u16 {
        self.local_port
    }

    pub(super) fn inbound_port(&self) -> u16 {
        self.inbound_port
    }

    pub(super) fn unix(&self) -> &UnixPeers {
        &self.unix
    }

    /// A folder that every process sees.
    pub(super) fn shared(&self) -> &Path {
        &self.shared.path
    }

    /// A bpffs with an object in it, whole again after whatever the last attempt did.
    pub(super) fn bpffs(&self) -> anyhow::Result<PathBuf> {
        self.decoy.restore()
    }

    /// Dials the agent's inbound port from outside until the value is dropped.
    pub(super) fn dial(&self, how: Dial) -> anyhow::Result<Dialler> {
        Dialler::start(&self.link, how, self.inbound_port, self.secret.clone(), Arc::clone(&self.ledger))
    }
}

/// Sixteen random bytes as text, with a prefix that says what it is.
pub(super) fn random_text(prefix: &str) -> anyhow::Result<String> {
    use std::fmt::Write;
    use std::io::Read;
    let mut bytes = [0_u8; 16];
    fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    let mut text = format!("{prefix}-");
    for byte in bytes {
        write!(text, "{byte:02x}")?;
    }
    Ok(text)
}

/// A folder that every user may enter.
#[derive(Debug)]
struct Folder {
    path: PathBuf,
}

impl Folder {
    fn make(parent: &Path) -> anyhow::Result<Self> {
        let path = parent.join(random_text("postern-bypass")?);
        fs::create_dir(&path)?;
        let folder = Self { path };
        fs::set_permissions(&folder.path, fs::Permissions::from_mode(0o755))?;
        Ok(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.path) {
            tracing::warn!("cannot remove {}: {error}", self.path.display());
        }
    }
}
