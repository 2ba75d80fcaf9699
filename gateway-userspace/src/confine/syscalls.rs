//! System calls that do not exist for an agent (seccomp).
//!
//! A list of what is refused rather than of what is allowed: agents run anything, and a missing permission would
//! look like a bug of theirs. Each entry stands for a way out that the kernel's cgroup programs do not see.

use std::collections::BTreeMap;

use gateway_common::verdict::{AF_INET, AF_INET6, AF_NETLINK, AF_UNIX, NETLINK_ROUTE};
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter, sock_filter,
};

use super::{ConfineError, Strength};

/// Calls that are refused whatever they ask for.
const REFUSED: &[i64] = &[
    // The ring makes its calls in the kernel, where no filter sees them.
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    // Programs in the kernel, and its counters, which read foreign memory.
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    // Sockets and memory of other processes.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_getfd,
    // Keys are shared by all processes of a user.
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    // A private /run must stay private.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    // Opens files by number, past every folder that is covered.
    libc::SYS_open_by_handle_at,
    // A namespace of somebody else.
    libc::SYS_setns,
    // Code in the kernel.
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    // Holds the kernel still in the middle of a copy: useful to attack it, rarely for else.
    libc::SYS_userfaultfd,
];

/// Calls that run a program.
const PROGRAMS: [i64; 2] = [libc::SYS_execve, libc::SYS_execveat];

/// Whether the gateway has programs of its operator's to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Programs {
    None,
    /// Secrets are what some of them print.
    ForSecrets,
}

/// A new user namespace brings every capability inside it, and with it most of the kernel's attack surface.
const NAMESPACES: [i32; 7] = [
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWNS,
    libc::CLONE_NEWNET,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWCGROUP,
];

/// Families of which sockets may be made: the cgroup programs judge the internet's, the private /run the local ones.
const FAMILIES: [u32; 4] = [AF_UNIX, AF_INET, AF_INET6, AF_NETLINK];

/// Typing into the terminal, as if its owner had: the operator's shell would run it outside.
const TERMINAL_INPUT: [u64; 2] = [libc::TIOCSTI, libc::TIOCLINUX];

/// Calls of the x32 interface carry this bit and would pass for unknown ones.
const X32_BIT: u32 = 0x4000_0000;

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Compiled filters, each with an answer of its own.
#[derive(Debug)]
pub struct Filters(Vec<BpfProgram>);

impl Filters {
    pub fn of(strength: Strength) -> Result<Self, ConfineError> {
        let programs = match strength {
            Strength::Baseline => vec![compile(baseline()?, libc::EPERM)?],
            // Its flags lie in memory, where a filter cannot look. The C library falls back to `clone`.
            Strength::Unit => vec![
                compile(unit()?, libc::EPERM)?,
                compile(Rules::from([(libc::SYS_clone3, Vec::new())]), libc::ENOSYS)?,
                refuse_x32(),
            ],
        };
        Ok(Self(programs))
    }

    /// For the gateway, which parses what agents and targets send: it makes none of these calls, so whoever takes it over
    /// is refused them.
    pub fn of_gateway(programs: Programs) -> Result<Self, ConfineError> {
        let mut rules = unit()?;
        if programs == Programs::None {
            rules.extend(PROGRAMS.iter().map(|call| (*call, Vec::new())));
        }
        let no_clone3 = Rules::from([(libc::SYS_clone3, Vec::new())]);
        Ok(Self(vec![compile(rules, libc::EPERM)?, compile(no_clone3, libc::ENOSYS)?, refuse_x32()]))
    }

    /// Filters the calling thread and all that it starts, for good.
    pub fn enter(&self) -> Result<(), ConfineError> {
        Ok(self.0.iter().try_for_each(|program| apply_filter(program))?)
    }
}

fn baseline() -> Result<Rules, BackendError> {
    let typing = TERMINAL_INPUT.iter().map(|request| when(&[equals(1, *request)?]));
    Ok(Rules::from([(libc::SYS_ioctl, typing.collect::<Result<_, _>>()?)]))
}

fn unit() -> Result<Rules, BackendError> {
    let mut rules = baseline()?;
    rules.extend(REFUSED.iter().map(|call| (*call, Vec::new())));
    rules.insert(libc::SYS_socket, vec![foreign_family()?, netlink_but_route()?]);
    rules.insert(libc::SYS_socketpair, vec![when(&[differs(0, AF_UNIX)?])?]);
    rules.insert(libc::SYS_clone, namespaces()?);
    rules.insert(libc::SYS_unshare, namespaces()?);
    Ok(rules)
}

fn foreign_family() -> Result<SeccompRule, BackendError> {
    let none_of = FAMILIES.iter().map(|family| differs(0, *family));
    SeccompRule::new(none_of.collect::<Result<_, _>>()?)
}

/// Resolvers and runtimes list addresses over the routing protocol; the others set up the network.
fn netlink_but_route() -> Result<SeccompRule, BackendError> {
    when(&[equals(0, u64::from(AF_NETLINK))?, differs(2, NETLINK_ROUTE)?])
}

fn namespaces() -> Result<Vec<SeccompRule>, BackendError> {
    NAMESPACES
        .iter()
        .map(|flag| {
            let bit = u64::from(flag.cast_unsigned());
            let set = SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::MaskedEq(bit), bit)?;
            when(&[set])
        })
        .collect()
}

fn when(conditions: &[SeccompCondition]) -> Result<SeccompRule, BackendError> {
    SeccompRule::new(conditions.to_vec())
}

/// Four bytes are compared, as many as the kernel looks at in these arguments.
fn equals(argument: u8, value: u64) -> Result<SeccompCondition, BackendError> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)
}

fn differs(argument: u8, value: u32) -> Result<SeccompCondition, BackendError> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, u64::from(value))
}

/// The compiled program ends a process that calls by another machine's numbers, such as 32-bit programs do.
fn compile(rules: Rules, errno: i32) -> Result<BpfProgram, BackendError> {
    let machine = TargetArch::try_from(std::env::consts::ARCH)?;
    let refusal = SeccompAction::Errno(errno.cast_unsigned());
    BpfProgram::try_from(SeccompFilter::new(rules, SeccompAction::Allow, refusal, machine)?)
}

/// The compiler of filters knows single calls only, so these four instructions are written out.
fn refuse_x32() -> BpfProgram {
    let instruction = |code: u32, jt, jf, k| sock_filter { code: code as u16, jt, jf, k };
    let no_such_call = SeccompAction::Errno(libc::ENOSYS.cast_unsigned());
    vec![
        instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        instruction(libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K, 0, 1, X32_BIT),
        instruction(libc::BPF_RET | libc::BPF_K, 0, 0, no_such_call.into()),
        instruction(libc::BPF_RET | libc::BPF_K, 0, 0, SeccompAction::Allow.into()),
    ]
}

#[cfg(test)]
mod tests;
