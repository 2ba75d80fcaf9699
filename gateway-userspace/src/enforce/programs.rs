//! Every program in the object: what it hooks, and which layer it belongs to.

/// The first layer is demanded everywhere; the second is there as a whole or not at all, since half of it would
/// refuse sockets that the other half forgot to mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    Cgroup,
    Lsm,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hook {
    SockAddr,
    Sock,
    Skb,
    SockOps,
    Tracepoint(&'static str),
    Lsm(&'static str),
}

#[derive(Clone, Copy, Debug)]
pub struct Program {
    pub name: &'static str,
    pub hook: Hook,
}

impl Program {
    pub fn layer(&self) -> Layer {
        match self.hook {
            Hook::SockAddr | Hook::Sock | Hook::Skb | Hook::SockOps | Hook::Tracepoint(_) => Layer::Cgroup,
            Hook::Lsm(_) => Layer::Lsm,
        }
    }
}

const fn cgroup(name: &'static str, hook: Hook) -> Program {
    Program { name, hook }
}

const fn lsm(name: &'static str, hook: &'static str) -> Program {
    Program { name, hook: Hook::Lsm(hook) }
}

/// In the order in which they are attached: recognising comes first, so that nothing is judged by an empty map.
pub const ALL: &[Program] = &[
    cgroup("postern_cgroup_mkdir", Hook::Tracepoint("cgroup_mkdir")),
    cgroup("postern_cgroup_release", Hook::Tracepoint("cgroup_release")),
    cgroup("postern_sock_create", Hook::Sock),
    cgroup("postern_established", Hook::SockOps),
    cgroup("postern_getpeername4", Hook::SockAddr),
    cgroup("postern_getpeername6", Hook::SockAddr),
    cgroup("postern_recvmsg4", Hook::SockAddr),
    cgroup("postern_recvmsg6", Hook::SockAddr),
    cgroup("postern_connect4", Hook::SockAddr),
    cgroup("postern_connect6", Hook::SockAddr),
    cgroup("postern_sendmsg4", Hook::SockAddr),
    cgroup("postern_sendmsg6", Hook::SockAddr),
    cgroup("postern_egress", Hook::Skb),
    cgroup("postern_ingress", Hook::Skb),
    // Marking comes before judging by the mark.
    lsm("postern_socket_post_create", "socket_post_create"),
    lsm("postern_unix_stream_connect", "unix_stream_connect"),
    lsm("postern_socket_create", "socket_create"),
    lsm("postern_socket_connect", "socket_connect"),
    lsm("postern_socket_listen", "socket_listen"),
    lsm("postern_socket_accept", "socket_accept"),
    lsm("postern_socket_sendmsg", "socket_sendmsg"),
    lsm("postern_socket_recvmsg", "socket_recvmsg"),
    lsm("postern_unix_may_send", "unix_may_send"),
    lsm("postern_file_receive", "file_receive"),
    lsm("postern_file_permission", "file_permission"),
    lsm("postern_ptrace_access_check", "ptrace_access_check"),
    lsm("postern_task_kill", "task_kill"),
    lsm("postern_task_alloc", "task_alloc"),
    lsm("postern_file_open", "file_open"),
    lsm("postern_bpf", "bpf"),
    lsm("postern_perf_event_open", "perf_event_open"),
    lsm("postern_tun_dev_create", "tun_dev_create"),
    lsm("postern_tun_dev_open", "tun_dev_open"),
    lsm("postern_kernel_read_file", "kernel_read_file"),
    lsm("postern_kernel_load_data", "kernel_load_data"),
    lsm("postern_inode_unlink", "inode_unlink"),
    lsm("postern_inode_rmdir", "inode_rmdir"),
    lsm("postern_inode_rename", "inode_rename"),
    lsm("postern_sb_umount", "sb_umount"),
    lsm("postern_sb_mount", "sb_mount"),
    lsm("postern_move_mount", "move_mount"),
];

/// Every map of the object; all are pinned, so that a restart or an upgrade finds what the kernel side knew.
pub const MAPS: &[&str] = &[
    "WATCHED", "PATTERNS", "NETNS", "SETTINGS", "OWNER", "ORIGIN", "ACCEPTED", "PENDING", "PEERS", "REPORTS",
    "LOST",
];
