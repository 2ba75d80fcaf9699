//! The enforcer keeps what it needs to mend the enforcement and to name a process, and gives up the rest.

use std::collections::HashSet;

use anyhow::Context as _;
use caps::{CapSet, Capability};

/// What is needed after the start, and for what.
const NEEDED: &[Capability] = &[
    // Attach again what came loose; change maps where unprivileged use of bpf(2) is switched off whole.
    Capability::CAP_BPF,
    Capability::CAP_PERFMON,
    Capability::CAP_NET_ADMIN,
    // Enter another network namespace to listen there.
    Capability::CAP_SYS_ADMIN,
    // Read which program a process runs, whoever runs it.
    Capability::CAP_SYS_PTRACE,
    Capability::CAP_DAC_READ_SEARCH,
];

/// For this thread and all that it starts from now on.
pub fn drop_unneeded() -> anyhow::Result<()> {
    let act = "cannot give up privileges";
    let needed: HashSet<Capability> = NEEDED.iter().copied().collect();
    for capability in caps::all().difference(&needed) {
        // One that this kernel does not know cannot be held either.
        if caps::has_cap(None, CapSet::Bounding, *capability).unwrap_or(false) {
            caps::drop(None, CapSet::Bounding, *capability).context(act)?;
        }
    }
    caps::clear(None, CapSet::Ambient).context(act)?;
    caps::clear(None, CapSet::Inheritable).context(act)?;
    let held = caps::read(None, CapSet::Permitted).context(act)?;
    let kept: HashSet<Capability> = held.intersection(&needed).copied().collect();
    caps::set(None, CapSet::Effective, &kept).context(act)?;
    caps::set(None, CapSet::Permitted, &kept).context(act)?;
    Ok(())
}
