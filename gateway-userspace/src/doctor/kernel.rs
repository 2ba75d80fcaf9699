//! The kernel: new enough, and open about its own types.

use std::path::Path;

use super::Finding;
use crate::kernel;

/// The oldest release on which the cgroup programs were seen to refuse.
const MINIMUM: (u32, u32) = (5, 10);
/// The oldest release on which the full level was seen to hold.
const FULL: (u32, u32) = (6, 1);
/// Where the kernel publishes its types. Without them the second layer cannot read its structures.
const TYPES: &str = "/sys/kernel/btf/vmlinux";

pub fn release() -> Finding {
    judge(&kernel::release())
}

fn judge(release: &str) -> Finding {
    const CHECK: &str = "kernel";
    let upgrade = format!("run kernel {}.{} or newer", FULL.0, FULL.1);
    match kernel::version(release) {
        None => Finding::broken(CHECK, format!("its release `{release}` cannot be read"), upgrade),
        Some(version) if version < MINIMUM => {
            let what = format!("{release} is older than {}.{}", MINIMUM.0, MINIMUM.1);
            Finding::broken(CHECK, what, upgrade)
        }
        Some(version) if version < FULL => {
            Finding::gap(CHECK, format!("{release}; the full level was not tested on it"), upgrade)
        }
        Some(_) => Finding::ok(CHECK, release),
    }
}

pub fn types() -> Finding {
    const CHECK: &str = "kernel types (BTF)";
    match Path::new(TYPES).metadata() {
        Ok(_) => Finding::ok(CHECK, format!("published in {TYPES}")),
        Err(error) => {
            let remedy = "run a kernel built with CONFIG_DEBUG_INFO_BTF, as those of the distributions are";
            Finding::broken(CHECK, format!("{TYPES}: {error}"), remedy)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Outcome;

    #[test]
    fn releases_are_judged_by_number_and_not_by_text() {
        let table = [
            ("6.12.9-1-amd64", Outcome::Ok),
            ("6.1.0-18-amd64", Outcome::Ok),
            ("10.0.0", Outcome::Ok),
            ("5.15.0-91-generic", Outcome::Gap),
            ("5.10.0", Outcome::Gap),
            ("5.9.16", Outcome::Broken),
            ("4.19.0", Outcome::Broken),
            ("weird", Outcome::Broken),
        ];
        for (release, outcome) in table {
            assert_eq!(judge(release).outcome, outcome, "{release}");
        }
    }
}
