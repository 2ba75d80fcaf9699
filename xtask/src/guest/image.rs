//! The guest's root disk: one Debian 12 with two kernels, built once and kept in the cache under a hash of the recipe.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use super::Kernel;
use super::store::{self, USED};
use crate::{command, workspace};

const SUITE: &str = "bookworm";
const DISK_SIZE: &str = "3G";
const PACKAGES: &str = "linux-image-cloud-amd64/bookworm,initramfs-tools,zstd,kmod,udev,systemd,systemd-sysv,dbus,\
    dbus-user-session,libpam-systemd,iproute2,iputils-ping,nftables,procps,psmisc,util-linux,bpftool,strace,python3,\
    curl,ca-certificates,postgresql-15,postgresql-client,nodejs,xz-utils";
/// Nobody reads documentation there, and unpacking it takes longer than the rest.
const OPTIONS: [&str; 6] = [
    "--variant=minbase",
    "--components=main",
    "--aptopt=APT::Install-Recommends \"false\"",
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-exclude=/usr/share/man/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
];
const BEFORE_KERNEL: &str = include_str!("recipe/before-kernel.sh");
const CUSTOMIZE: &str = include_str!("recipe/customize.sh");
const JOB_SCRIPT: &str = include_str!("recipe/guest-job.sh");
const JOB_SERVICE: &str = include_str!("recipe/guest-job.service");

/// A finished image in the cache.
#[derive(Debug)]
pub(super) struct Image {
    dir: PathBuf,
}

impl Image {
    pub(super) fn root(&self) -> PathBuf {
        self.dir.join("root.img")
    }

    pub(super) fn kernel(&self, kernel: Kernel) -> PathBuf {
        self.dir.join(format!("vmlinuz-{kernel}"))
    }

    pub(super) fn initrd(&self, kernel: Kernel) -> PathBuf {
        self.dir.join(format!("initrd-{kernel}"))
    }
}

/// The image of this recipe, built now if the cache does not have it.
pub(super) fn ready() -> Result<Image> {
    let _lock = workspace::Lock::take("guest-image")?;
    workspace::cache("guest")?;
    let dir = location()?;
    if !dir.exists() {
        println!("building the guest image, once: {}", dir.display());
        let unfinished = workspace::scratch()?;
        build(unfinished.path()).context("cannot build the guest image")?;
        // Only a whole image ever has the name that is looked for.
        fs::rename(unfinished.keep(), &dir)?;
    }
    fs::write(dir.join(USED), "").context("cannot mark the guest image as used")?;
    store::prune(&workspace::cache_root()?.join("guest"), SystemTime::now())?;
    Ok(Image { dir })
}

pub(super) fn is_built() -> Result<bool> {
    Ok(location()?.exists())
}

fn location() -> Result<PathBuf> {
    Ok(workspace::cache_root()?.join("guest").join(recipe_hash()))
}

fn recipe_hash() -> String {
    let mut hash = Sha256::new();
    for part in [SUITE, DISK_SIZE, PACKAGES, BEFORE_KERNEL, CUSTOMIZE, JOB_SCRIPT, JOB_SERVICE] {
        hash.update(part);
        hash.update([0]);
    }
    OPTIONS.iter().for_each(|option| hash.update(option));
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

fn build(dir: &Path) -> Result<()> {
    for tool in ["mmdebstrap", "mke2fs"] {
        if command::find(tool).is_none() {
            bail!("{tool} is missing; `cargo xtask setup` installs it");
        }
    }
    let tree = dir.join("tree");
    install(dir, &tree)?;
    for kernel in Kernel::ALL {
        take_boot_files(&tree, dir, kernel)?;
    }
    command::run(
        Command::new("mke2fs")
            .args(["-q", "-F", "-t", "ext4", "-d"])
            .arg(&tree)
            .arg(dir.join("root.img"))
            .arg(DISK_SIZE),
    )?;
    fs::remove_dir_all(&tree).context("cannot remove the unpacked tree")
}

fn install(dir: &Path, tree: &Path) -> Result<()> {
    let before_kernel = executable(dir, "before-kernel", BEFORE_KERNEL)?;
    let customize = executable(dir, "customize", CUSTOMIZE)?;
    let job_script = executable(dir, "guest-job", JOB_SCRIPT)?;
    let job_service = dir.join("guest-job.service");
    fs::write(&job_service, JOB_SERVICE)?;
    command::run(
        // It mounts /sys and /dev of this machine inside the tree. In a namespace of their own these mounts cannot outlive
        // it, so that whoever removes the tree after a failure never reaches through them.
        Command::new("unshare")
            .args(["--mount", "mmdebstrap"])
            .args(["--quiet", "--mode=root", &format!("--include={PACKAGES}")])
            .args(OPTIONS)
            .arg(format!("--essential-hook={}", before_kernel.display()))
            .arg(format!("--customize-hook=copy-in {} /usr/local/sbin", job_script.display()))
            .arg(format!("--customize-hook=copy-in {} /etc/systemd/system", job_service.display()))
            .arg(format!("--customize-hook={}", customize.display()))
            .arg(SUITE)
            .arg(tree)
            .args(sources()?),
    )
}

fn executable(dir: &Path, name: &str, text: &str) -> Result<PathBuf> {
    let path = dir.join(name);
    fs::write(&path, text)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    Ok(path)
}

fn sources() -> Result<Vec<String>> {
    let format = "$(SITE) $(RELEASE) $(COMPONENT)";
    sources_among(&command::output(Command::new("apt-get").args(["indextargets", "--format", format]))?)
}

/// Debian's sources as this machine has them, so that a local mirror is used; backports come from the same place.
fn sources_among(targets: &str) -> Result<Vec<String>> {
    let known = |release: &str| {
        targets.lines().find_map(|target| target.strip_suffix(&format!(" {release} main"))).map(str::to_owned)
    };
    let Some(main) = known(SUITE) else {
        bail!("apt on this machine has no source for Debian {SUITE}; add one, the guest is made from it");
    };
    let line = |site: &str, release: &str| format!("deb {site} {release} main");
    let mut lines = vec![line(&main, SUITE)];
    for optional in ["updates", "security"].map(|suffix| format!("{SUITE}-{suffix}")) {
        lines.extend(known(&optional).map(|site| line(&site, &optional)));
    }
    let backports = format!("{SUITE}-backports");
    let site = known(&backports).unwrap_or(main);
    lines.push(line(&site, &backports));
    Ok(lines)
}

fn take_boot_files(tree: &Path, dir: &Path, kernel: Kernel) -> Result<()> {
    for (installed, ours) in [("vmlinuz-", "vmlinuz"), ("initrd.img-", "initrd")] {
        let prefix = format!("{installed}{kernel}.");
        let found = fs::read_dir(tree.join("boot"))?
            .filter_map(Result::ok)
            .find(|entry| entry.file_name().to_string_lossy().starts_with(&prefix))
            .with_context(|| format!("the new root has no /boot/{prefix}*"))?;
        fs::copy(found.path(), dir.join(format!("{ours}-{kernel}")))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backports_come_from_where_debian_comes_from() {
        let targets = "http://mirror.test/debian bookworm main\n\
                       http://mirror.test/debian bookworm contrib\n\
                       http://other.test/tool bookworm stable\n\
                       http://mirror.test/security bookworm-security main\n";
        assert_eq!(
            sources_among(targets).unwrap(),
            [
                "deb http://mirror.test/debian bookworm main",
                "deb http://mirror.test/security bookworm-security main",
                "deb http://mirror.test/debian bookworm-backports main",
            ]
        );
    }

    #[test]
    fn another_release_alone_is_refused() {
        assert!(sources_among("http://mirror.test/debian trixie main\n").is_err());
    }
}
