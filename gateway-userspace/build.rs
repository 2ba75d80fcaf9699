//! Embeds the kernel object that `cargo xtask ebpf` built. Without one the daemon still builds, for editors and pure
//! tests, and refuses to start.
#![expect(clippy::expect_used, reason = "a build that lacks its input ends here, with a sentence")]

use std::{env, fs, path::PathBuf};

const OBJECT: &str = "POSTERN_EBPF_OBJECT";

fn main() {
    println!("cargo::rerun-if-env-changed={OBJECT}");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")).join("postern.bpf.o");
    match env::var_os(OBJECT) {
        Some(object) => {
            println!("cargo::rerun-if-changed={}", PathBuf::from(&object).display());
            fs::copy(&object, out).expect("the object named by POSTERN_EBPF_OBJECT can be read");
        }
        None => fs::write(out, []).expect("OUT_DIR can be written"),
    }
}
