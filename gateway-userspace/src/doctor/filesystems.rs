//! The two file systems that enforcement stands on: the cgroup2 hierarchy, and the BPF file system that keeps
//! the programs.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::Finding;
use crate::config::Config;
use crate::mounts::{self, Mount};

pub fn cgroup2(config: &Config) -> Finding {
    const CHECK: &str = "cgroup2";
    match mounts::cgroup2_root(config.enforce.cgroup_root.as_deref()) {
        Ok(root) => Finding::ok(CHECK, format!("mounted on {}", root.display())),
        Err(error) => {
            let remedy = "mount cgroup2 (systemd: boot with systemd.unified_cgroup_hierarchy=1), or correct \
                [enforce] cgroup_root";
            Finding::broken(CHECK, error.to_string(), remedy)
        }
    }
}

pub fn bpffs(config: &Config) -> Finding {
    const CHECK: &str = "bpffs";
    let folder = &config.enforce.bpffs;
    let mounted = mounts::mounts().is_ok_and(|mounts| lies_on_bpffs(&mounts, folder));
    if !mounted {
        let what = format!("{} lies on no BPF file system", folder.display());
        return Finding::broken(CHECK, what, "mount -t bpf -o mode=0700 bpf /sys/fs/bpf");
    }
    judge(folder, std::fs::symlink_metadata(folder))
}

fn lies_on_bpffs(mounts: &[Mount], folder: &Path) -> bool {
    let covering = mounts.iter().filter(|mount| folder.starts_with(&mount.point));
    // The deepest mount counts, and of several on one point the last.
    covering
        .max_by_key(|mount| mount.point.components().count())
        .is_some_and(|mount| mount.kind == mounts::BPF)
}

/// Who may enter the folder may take hold of the programs' pins.
fn judge(folder: &Path, facts: io::Result<Metadata>) -> Finding {
    const CHECK: &str = "bpffs";
    let shown = folder.display();
    match facts {
        Ok(facts) if facts.uid() == 0 && facts.mode() & 0o077 == 0 => {
            Finding::ok(CHECK, format!("{shown}, for root only"))
        }
        Ok(facts) => {
            let what = format!("{shown} has owner {} and mode {:o}", facts.uid(), facts.mode() & 0o7777);
            Finding::broken(CHECK, what, format!("chown root {shown}; chmod 0700 {shown}"))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Finding::gap(
            CHECK,
            format!("{shown} is not there yet"),
            "start postern-enforce.service, which makes it",
        ),
        Err(error) => Finding::gap(CHECK, format!("cannot look at {shown}: {error}"), "run as root"),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::doctor::Outcome;

    fn mount(kind: &str, point: &str) -> Mount {
        Mount { kind: kind.to_string(), root: PathBuf::from("/"), point: PathBuf::from(point) }
    }

    #[test]
    fn the_deepest_mount_decides_what_a_folder_lies_on() {
        let mounts = [mount("ext4", "/"), mount("bpf", "/sys/fs/bpf"), mount("tmpfs", "/sys/fs/bpf/hidden")];
        assert!(lies_on_bpffs(&mounts, Path::new("/sys/fs/bpf/postern")));
        assert!(!lies_on_bpffs(&mounts, Path::new("/sys/fs/bpf/hidden/postern")));
        assert!(!lies_on_bpffs(&mounts, Path::new("/var/postern")));
    }

    #[test]
    fn a_folder_that_others_may_enter_is_broken() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::set_permissions(dir.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        assert_eq!(judge(dir.path(), std::fs::metadata(dir.path())).outcome, Outcome::Broken);
        let absent = dir.path().join("absent");
        assert_eq!(judge(&absent, std::fs::metadata(&absent)).outcome, Outcome::Gap);
    }
}
