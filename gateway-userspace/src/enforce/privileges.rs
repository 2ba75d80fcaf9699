//! The enforcer keeps what it needs to mend the enforcement and to name a process, and gives up the rest.

use anyhow::Context as _;

use crate::sys::capabilities::{self, Capability};

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
    capabilities::keep_only(NEEDED).context("cannot give up privileges")
}
