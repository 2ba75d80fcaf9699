//! Root against the enforcement itself: its programs, its pins, the kernel under it.
//!
//! Nothing here touches the enforcement in use. The attempts work on a bpffs and an object made for them, and open
//! dangerous files without writing to them: that they can is enough to know.

use std::fs::OpenOptions;
use std::path::PathBuf;

use gateway_policy::level::Level;
use nix::mount::{MntFlags, MsFlags};

use super::arena::Arena;
use super::attempt::{Attempt, Bare, Closer, Gap, Need};
use super::outcome::Claim;
use crate::sys::raw::{self, During, Stopped};

const BY_TASK: &[Closer] = &[Closer::Lsm, Closer::Unit];
const BY_UNIT: &[Closer] = &[Closer::Unit];

/// The name under which the runner pins its object.
pub(super) const DECOY: &str = "decoy";

pub(super) const ATTEMPTS: &[Attempt] = &[
    by_root("bpf-map", "makes a BPF map", |_| {
        raw::bpf_map_create()?;
        Claim::created("a BPF map")
    }),
    by_root("bpf-program", "loads a BPF program", |_| {
        raw::bpf_load_return_zero()?;
        Claim::created("a BPF program")
    }),
    by_root("bpf-get-pinned", "takes a pinned object out of a bpffs", |arena| {
        raw::bpf_object_get(&pinned(arena)?)?;
        Claim::created("a handle on a pinned object")
    }),
    by_root("bpffs-rename", "renames a pinned object", |arena| {
        let (pin, elsewhere) = (pinned(arena)?, pinned(arena)?.with_file_name("moved"));
        std::fs::rename(&pin, &elsewhere).during("rename")?;
        std::fs::rename(&elsewhere, &pin).during("rename")?;
        Claim::created("a pin under another name")
    }),
    by_root("bpffs-unmount", "unmounts a bpffs", |arena| {
        nix::mount::umount2(&folder(arena)?, MntFlags::MNT_DETACH).during("umount")?;
        Claim::created("a host without that bpffs")
    }),
    by_root("bpffs-unlink", "removes a pinned object", |arena| {
        std::fs::remove_file(pinned(arena)?).during("unlink")?;
        Claim::created("a bpffs without the pin")
    }),
    by_root("bpffs-mount-over", "mounts something over a bpffs", |arena| {
        let over = folder(arena)?;
        nix::mount::mount(Some("none"), &over, Some("tmpfs"), MsFlags::empty(), None::<&str>)
            .during("mount")?;
        nix::mount::umount(&over).during("umount")?;
        Claim::created("a mount over the bpffs")
    }),
    by_root("perf-event", "opens a performance counter", |_| {
        raw::perf_event_open()?;
        Claim::created("a performance counter")
    })
    .bare(Bare::SomeHosts),
    Attempt {
        closed_by: BY_UNIT,
        ..Attempt::residual("module-load", "offers the kernel a module", |_| {
            let nothing = OpenOptions::new().read(true).open("/dev/zero").during("open")?;
            match raw::finit_module(nothing) {
                Err(at) if at.errno == libc::EPERM => Err(at),
                Err(at) if at.errno == libc::ENOSYS => Err(at),
                // Not a module, says the kernel, which means that it would have taken one.
                Ok(()) | Err(_) => Claim::created("a kernel that looked at the module"),
            }
        })
    }
    .bare(Bare::RootOnly),
    owned_by_root("core-pattern", "can name the program that the kernel starts on a crash", |_| {
        writable("/proc/sys/kernel/core_pattern")
    }),
    owned_by_root("modprobe-path", "can name the program that the kernel starts for a module", |_| {
        writable("/proc/sys/kernel/modprobe")
    }),
    owned_by_root("uevent-helper", "can name the program that the kernel starts for a device", |_| {
        writable("/sys/kernel/uevent_helper")
    }),
    Attempt {
        closed_by: BY_UNIT,
        ..Attempt::residual("physical-memory", "can write to physical memory", |_| writable("/dev/mem"))
    }
    .bare(Bare::SomeHosts),
];

const fn by_root(
    name: &'static str,
    vector: &'static str,
    run: fn(&Arena) -> Result<Claim, Stopped>,
) -> Attempt {
    Attempt::escape(name, vector, BY_TASK, run).bare(Bare::RootOnly).needs(&[Need::Bpffs])
}

/// Files that belong to root, with or without capabilities. What a root agent can do to the host without any network
/// call is not promised to be closed.
const fn owned_by_root(
    name: &'static str,
    vector: &'static str,
    run: fn(&Arena) -> Result<Claim, Stopped>,
) -> Attempt {
    Attempt::residual(name, vector, run).bare(Bare::RootOnly).gaps(&[Gap {
        level: Level::Unit,
        before: None,
        because: "root owns the file and needs no capability for it",
    }])
}

fn folder(arena: &Arena) -> Result<PathBuf, Stopped> {
    arena.bpffs.clone().ok_or_else(|| Stopped::at("bpffs", libc::EOPNOTSUPP))
}

fn pinned(arena: &Arena) -> Result<PathBuf, Stopped> {
    folder(arena).map(|folder| folder.join(DECOY))
}

fn writable(path: &str) -> Result<Claim, Stopped> {
    match OpenOptions::new().write(true).open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Claim::unavailable(format!("no {path}"))
        }
        opened => opened.during("open").and_then(|_| Claim::created(format!("write access to {path}"))),
    }
}
