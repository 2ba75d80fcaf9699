//! A bpffs with one object in it, to be tampered with in place of the real one.

use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use nix::mount::{MntFlags, MsFlags, mount, umount2};

use crate::escapes::kernel::DECOY;
use crate::sys::raw;

#[derive(Debug)]
pub(super) struct Decoy {
    folder: PathBuf,
}

impl Decoy {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    pub(super) fn restore(&self) -> anyhow::Result<PathBuf> {
        let pin = self.folder.join(DECOY);
        if !self.folder.exists() {
            fs::create_dir(&self.folder).context("cannot make a folder for a bpffs")?;
        }
        if !self.is_mounted()? {
            let none = None::<&str>;
            mount(Some("none"), &self.folder, Some("bpf"), MsFlags::empty(), none)
                .context("cannot mount a bpffs")?;
        }
        if !pin.exists() {
            let object = raw::bpf_map_create().context("cannot make an object to pin")?;
            raw::bpf_object_pin(object, &pin).context("cannot pin an object")?;
        }
        Ok(self.folder.clone())
    }

    fn is_mounted(&self) -> anyhow::Result<bool> {
        let mounts = fs::read_to_string("/proc/self/mounts").context("cannot read the mounts")?;
        let folder = self.folder.display().to_string();
        Ok(mounts.lines().any(|line| line.split(' ').nth(1) == Some(&folder)))
    }
}

impl Drop for Decoy {
    fn drop(&mut self) {
        if self.is_mounted().unwrap_or(false)
            && let Err(error) = umount2(&self.folder, MntFlags::MNT_DETACH)
        {
            tracing::warn!("cannot unmount {}: {error}", self.folder.display());
        }
    }
}
