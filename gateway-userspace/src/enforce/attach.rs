//! Loads the programs, attaches them, and pins everything, so that neither the end of this process nor an upgrade
//! opens a gap: a pinned link of an earlier run gets the new program put in place of the old one.

use std::{
    fs::{self, File},
    io,
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::fs::{DirBuilderExt as _, MetadataExt as _},
    },
    path::{Path, PathBuf},
};

use aya::{
    Btf, Ebpf, EbpfLoader,
    programs::{CgroupAttachMode, Program as Loaded, ProgramError, links::FdLink},
};
use gateway_common::{ABI, layout::Layout};
use thiserror::Error;

use super::programs::{ALL, Hook, Layer, MAPS, Program};
use crate::{report, sys::bpf};

/// Built by `cargo xtask ebpf`; empty when this binary was built without it.
static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/postern.bpf.o"));

#[derive(Debug, Error)]
pub enum AttachError {
    #[error("this binary was built without the kernel object")]
    NoObject,
    #[error("cannot load the kernel object")]
    Object(#[source] Box<aya::EbpfError>),
    #[error("the kernel object has no program {0}")]
    NoProgram(&'static str),
    #[error("the kernel refuses program {name}: {why}")]
    Load { name: &'static str, why: String },
    #[error("cannot attach program {name}")]
    Attach { name: &'static str, source: Box<dyn std::error::Error + Send + Sync> },
    #[error("cannot pin {path}")]
    Pin { path: PathBuf, source: io::Error },
    #[error("{path} is not on a bpf file system that only root can enter")]
    OpenPins { path: PathBuf },
    #[error("cannot open the cgroup hierarchy at {path}")]
    Cgroup { path: PathBuf, source: io::Error },
}

/// Where this version keeps its pins.
#[derive(Clone, Debug)]
pub struct PinDir(PathBuf);

impl PinDir {
    pub fn new(bpffs: &Path) -> Self {
        Self(bpffs.join(format!("v{ABI}")))
    }

    pub fn map(&self, name: &str) -> PathBuf {
        self.0.join("maps").join(name)
    }

    pub fn link(&self, name: &str) -> PathBuf {
        self.0.join("links").join(name)
    }

    /// Whether an earlier enforcer left the whole first layer attached.
    pub fn in_force(&self) -> bool {
        let mut first = ALL.iter().filter(|program| program.layer() == Layer::Cgroup);
        first.all(|program| self.link(program.name).exists())
    }

    fn create(&self) -> Result<(), AttachError> {
        for dir in ["maps", "links"] {
            let path = self.0.join(dir);
            fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(&path)
                .map_err(|source| AttachError::Pin { path, source })?;
        }
        let parent = self.0.parent().unwrap_or(&self.0);
        let facts =
            fs::metadata(parent).map_err(|source| AttachError::Pin { path: parent.to_owned(), source })?;
        if facts.uid() != 0 || facts.mode() & 0o077 != 0 {
            return Err(AttachError::OpenPins { path: parent.to_owned() });
        }
        Ok(())
    }
}

/// The running programs: their maps, and a second hold on every link besides the pin.
#[derive(Debug)]
pub struct Attached {
    pub ebpf: Ebpf,
    pub links: Vec<Link>,
    /// Why the second layer is absent, where it is.
    pub lsm: Result<(), String>,
}

/// One attached program.
#[derive(Debug)]
pub struct Link {
    pub name: &'static str,
    fd: OwnedFd,
}

impl Link {
    /// A cgroup link whose cgroup is gone is dead without saying so.
    pub fn facts(&self) -> io::Result<bpf::LinkFacts> {
        bpf::link_facts(self.fd.as_fd())
    }
}

/// What attaching needs to know about this host.
#[derive(Debug)]
pub struct Place<'a> {
    pub cgroup_root: &'a Path,
    pub pins: &'a PinDir,
    pub layout: Layout,
    pub max_cgroups: u32,
}

/// Loads the object with its maps; nothing is attached yet, so the maps can be filled first.
pub fn load(place: &Place<'_>) -> Result<Ebpf, AttachError> {
    if OBJECT.is_empty() {
        return Err(AttachError::NoObject);
    }
    place.pins.create()?;
    let mut loader = EbpfLoader::new();
    loader.override_global("LAYOUT", &place.layout, true).map_max_entries("WATCHED", place.max_cgroups);
    for map in MAPS {
        loader.map_pin_path(map, place.pins.map(map));
    }
    loader.load(OBJECT).map_err(|error| AttachError::Object(Box::new(error)))
}

/// Attaches the first layer, then the second if this kernel lets it.
pub fn attach(mut ebpf: Ebpf, place: &Place<'_>) -> Result<Attached, AttachError> {
    let root = File::open(place.cgroup_root)
        .map_err(|source| AttachError::Cgroup { path: place.cgroup_root.to_owned(), source })?;
    let mut links = Vec::with_capacity(ALL.len());
    for program in ALL.iter().filter(|program| program.layer() == Layer::Cgroup) {
        links.push(attach_one(&mut ebpf, program, &root, None, place)?);
    }
    let lsm = attach_lsm(&mut ebpf, &root, place).map(|mut more| links.append(&mut more));
    if lsm.is_err() {
        remove_pins(place.pins, Layer::Lsm);
    }
    Ok(Attached { ebpf, links, lsm: lsm.map_err(|error| report::one_line(&error)) })
}

fn attach_lsm(ebpf: &mut Ebpf, root: &File, place: &Place<'_>) -> Result<Vec<Link>, AttachError> {
    let btf = Btf::from_sys_fs()
        .map_err(|error| AttachError::Attach { name: "the second layer", source: Box::new(error) })?;
    let mut links = Vec::new();
    for program in ALL.iter().filter(|program| program.layer() == Layer::Lsm) {
        links.push(attach_one(ebpf, program, root, Some(&btf), place)?);
    }
    Ok(links)
}

/// Attaches again what no longer hangs on the root of the hierarchy, and pins again what was unpinned. Returns the
/// names of the mended programs.
pub fn repair(
    attached: &mut Attached,
    cgroup_root: &Path,
    pins: &PinDir,
) -> Result<Vec<&'static str>, AttachError> {
    let root = File::open(cgroup_root)
        .map_err(|source| AttachError::Cgroup { path: cgroup_root.to_owned(), source })?;
    let here = root.metadata().map(|facts| facts.ino()).ok();
    let mut mended = Vec::new();
    for link in &mut attached.links {
        let program = ALL.iter().find(|program| program.name == link.name);
        let Some(program) = program else { continue };
        let path = pins.link(link.name);
        let loose = link.facts().map_or(true, |facts| facts.cgroup.is_some() && facts.cgroup != here);
        if loose {
            let loaded = attached.ebpf.program_mut(link.name).ok_or(AttachError::NoProgram(link.name))?;
            let fresh = new_link(loaded, program.hook, &root)
                .map_err(|source| AttachError::Attach { name: link.name, source })?;
            link.fd = pin_link(fresh, &path).map_err(|source| AttachError::Pin { path, source })?;
            mended.push(link.name);
        } else if !path.exists() {
            bpf::pin(link.fd.as_fd(), &path).map_err(|source| AttachError::Pin { path, source })?;
            mended.push(link.name);
        }
    }
    Ok(mended)
}

/// Removes every pin: links first, so that nothing runs on half of its maps.
pub fn remove(pins: &PinDir) -> io::Result<()> {
    for dir in ["links", "maps"] {
        match fs::remove_dir_all(pins.0.join(dir)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    match fs::remove_dir(&pins.0) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Takes away the links of one layer.
fn remove_pins(pins: &PinDir, layer: Layer) {
    for program in ALL.iter().filter(|program| program.layer() == layer) {
        // Absent is what we want.
        let _ = fs::remove_file(pins.link(program.name));
    }
}

fn attach_one(
    ebpf: &mut Ebpf,
    program: &Program,
    root: &File,
    btf: Option<&Btf>,
    place: &Place<'_>,
) -> Result<Link, AttachError> {
    let name = program.name;
    let loaded = ebpf.program_mut(name).ok_or(AttachError::NoProgram(name))?;
    load_program(loaded, program.hook, btf)
        .map_err(|error| AttachError::Load { name, why: verdict(&error) })?;
    let path = place.pins.link(name);
    if let Some(fd) = take_over(loaded, &path, root) {
        return Ok(Link { name, fd });
    }
    let link = new_link(loaded, program.hook, root).map_err(|source| AttachError::Attach { name, source })?;
    let fd = pin_link(link, &path).map_err(|source| AttachError::Pin { path, source })?;
    Ok(Link { name, fd })
}

fn load_program(program: &mut Loaded, hook: Hook, btf: Option<&Btf>) -> Result<(), ProgramError> {
    match (program, hook, btf) {
        (Loaded::CgroupSockAddr(program), ..) => program.load(),
        (Loaded::CgroupSock(program), ..) => program.load(),
        (Loaded::CgroupSkb(program), ..) => program.load(),
        (Loaded::SockOps(program), ..) => program.load(),
        (Loaded::RawTracePoint(program), ..) => program.load(),
        (Loaded::Lsm(program), Hook::Lsm(name), Some(btf)) => program.load(name, btf),
        _ => Err(ProgramError::UnexpectedProgramType),
    }
}

/// Puts the new program into the pinned link of an earlier run, if that link still hangs on the root. Only cgroup
/// links can be updated; the others are attached anew beside the old one.
fn take_over(program: &Loaded, path: &Path, root: &File) -> Option<OwnedFd> {
    let link = bpf::open_pin(path).ok()?;
    let facts = bpf::link_facts(link.as_fd()).ok()?;
    if facts.cgroup? != root.metadata().ok()?.ino() {
        return None;
    }
    let fd = program.fd().ok()?.try_clone().ok()?;
    bpf::update_link(link.as_fd(), fd.as_fd()).ok()?;
    Some(link)
}

type BoxedError = Box<dyn std::error::Error + Send + Sync>;

fn new_link(program: &mut Loaded, hook: Hook, root: &File) -> Result<FdLink, BoxedError> {
    // Links are always shared with other programs; the flag of that name belongs to the older call and is refused.
    let mode = CgroupAttachMode::Single;
    Ok(match (program, hook) {
        (Loaded::CgroupSockAddr(program), _) => {
            let id = program.attach(root, mode)?;
            program.take_link(id)?.try_into()?
        }
        (Loaded::CgroupSock(program), _) => {
            let id = program.attach(root, mode)?;
            program.take_link(id)?.try_into()?
        }
        (Loaded::CgroupSkb(program), _) => {
            let kind = program
                .expected_attach_type()
                .as_ref()
                .copied()
                .ok_or("a packet program without a direction")?;
            let id = program.attach(root, kind, mode)?;
            program.take_link(id)?.try_into()?
        }
        (Loaded::SockOps(program), _) => {
            let id = program.attach(root, mode)?;
            program.take_link(id)?.try_into()?
        }
        (Loaded::RawTracePoint(program), Hook::Tracepoint(point)) => {
            let id = program.attach(point)?;
            program.take_link(id)?.into()
        }
        (Loaded::Lsm(program), _) => {
            let id = program.attach()?;
            program.take_link(id)?.into()
        }
        _ => return Err("a program of a kind that is not ours".into()),
    })
}

/// Pins beside the old link, then takes its place: for a moment both are attached, never none.
fn pin_link(link: FdLink, path: &Path) -> io::Result<OwnedFd> {
    // A bpf file system refuses names with a dot.
    let mut fresh = path.as_os_str().to_owned();
    fresh.push("_new");
    let fresh = PathBuf::from(fresh);
    let _ = fs::remove_file(&fresh);
    // The returned hold is let go: `open_pin` gives us a descriptor of our own.
    drop(link.pin(&fresh).map_err(io::Error::other)?);
    fs::rename(&fresh, path)?;
    bpf::open_pin(path)
}

/// The verifier's last words, which say what it objects to; before them stand thousands of lines of how it got there.
fn verdict(error: &ProgramError) -> String {
    let ProgramError::LoadError { io_error, verifier_log } = error else { return error.to_string() };
    let log = verifier_log.to_string();
    let statistics = ["processed ", "verification time", "stack depth"];
    let mut spoken = log.lines().filter(|line| !statistics.iter().any(|start| line.starts_with(start)));
    match spoken.next_back() {
        Some(last) if !last.is_empty() => format!("{io_error}: {last}"),
        _ => io_error.to_string(),
    }
}
