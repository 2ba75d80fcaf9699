//! One boot of the guest under qemu, from power on to power off.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::Job;
use super::disks::Disks;
use super::image::Image;

const POLL: Duration = Duration::from_millis(100);
/// A panic or an oops ends the guest at once instead of hanging it until the timeout.
const KERNEL_COMMAND_LINE: &str =
    "root=/dev/vda rw console=ttyS0 quiet panic=-1 oops=panic fsck.mode=skip systemd.show_status=false";

/// Runs the guest until it powers off, and shows its console meanwhile.
pub(super) fn boot(image: &Image, job: &Job, disks: &Disks) -> Result<()> {
    let mut guest = qemu(image, job, disks).spawn().context("cannot start qemu-system-x86_64")?;
    let console = guest.stdout.take().context("qemu has no standard output")?;
    let label = job.kernel.to_string();
    let reader = thread::spawn(move || show(console, &label));
    let ended = wait(&mut guest, job.timeout);
    if !matches!(ended, Ok(Ended::PoweredOff)) {
        // Already gone is as good as killed.
        let _ = guest.kill();
        let _ = guest.wait();
    }
    // Whatever the console said is shown before how the guest ended.
    let _ = reader.join();
    match ended? {
        Ended::PoweredOff => Ok(()),
        Ended::TimedOut => {
            bail!("the {} guest was not done after {} s and was ended", job.kernel, job.timeout.as_secs())
        }
    }
}

fn qemu(image: &Image, job: &Job, disks: &Disks) -> Command {
    // A guest does not outlive this process, even if that is killed.
    let mut qemu = Command::new("setpriv");
    qemu.args(["--pdeathsig", "KILL", "qemu-system-x86_64"])
        .args(["-accel", "tcg,thread=multi", "-smp", "2", "-m", "1536"])
        // Without cx16=off qemu 7.2 makes the 6.12 kernel's allocator fault.
        .args(["-cpu", "max,cx16=off"])
        .args(["-nodefaults", "-display", "none", "-serial", "stdio", "-no-reboot"])
        .arg("-kernel")
        .arg(image.kernel(job.kernel))
        .arg("-initrd")
        .arg(image.initrd(job.kernel))
        .args(["-append", KERNEL_COMMAND_LINE])
        .args(["-drive", &drive(&image.root(), "snapshot=on")])
        .args(["-drive", &drive(&disks.job(), "readonly=on")])
        .args(["-drive", &drive(&disks.results_disk(), "cache=unsafe")])
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    qemu
}

fn drive(file: &Path, mode: &str) -> String {
    // qemu reads a doubled comma as one that belongs to the name.
    format!("file={},format=raw,if=virtio,{mode}", file.display().to_string().replace(',', ",,"))
}

enum Ended {
    PoweredOff,
    TimedOut,
}

fn wait(guest: &mut Child, timeout: Duration) -> Result<Ended> {
    let deadline = Instant::now() + timeout;
    loop {
        if let Some(status) = guest.try_wait()? {
            if !status.success() {
                bail!("qemu failed ({status})");
            }
            return Ok(Ended::PoweredOff);
        }
        if Instant::now() >= deadline {
            return Ok(Ended::TimedOut);
        }
        thread::sleep(POLL);
    }
}

/// Copies the console to ours, each line marked with the guest it came from.
fn show(console: impl Read, label: &str) {
    let mut reader = BufReader::new(console);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
        let text = String::from_utf8_lossy(&line);
        println!("[{label}] {}", text.trim_end_matches(['\r', '\n']));
        line.clear();
    }
}
