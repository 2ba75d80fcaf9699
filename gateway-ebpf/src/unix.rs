//! The second layer, sockets: which families exist for an agent, which sockets are its own, and whom it may talk to
//! over unix sockets. Judges the running task, so that a socket from elsewhere gains nothing.

use aya_ebpf::{
    cty::c_void,
    helpers::generated::{bpf_probe_read_kernel, bpf_sock_from_file},
    macros::lsm,
    programs::LsmContext,
};
use gateway_common::{
    event::{Act, Why},
    verdict::{self, AF_UNIX, Verdict},
    watch::{ABSTRACT_LEN, PeerKey, Watch},
};

use crate::{
    kernel::{self, follow, offset, read},
    maps::{OWNER, PEERS},
    report, subject,
};

pub const ALLOW: i32 = 0;
pub const DENY: i32 = -1; // EPERM

#[lsm(hook = "socket_create")]
pub fn postern_socket_create(ctx: LsmContext) -> i32 {
    let (family, kind, protocol, kern): (u32, u32, u32, u32) =
        (ctx.arg(0), ctx.arg(1), ctx.arg(2), ctx.arg(3));
    if kern != 0 {
        return ALLOW;
    }
    let Some(watch) = subject::current() else { return ALLOW };
    match verdict::any_socket(family, kind, protocol) {
        Verdict::Pass => ALLOW,
        Verdict::Refuse(why) => {
            report::socket(watch.agent, Act::CreateSocket, why, family, protocol);
            DENY
        }
    }
}

#[lsm(hook = "socket_post_create")]
pub fn postern_socket_post_create(ctx: LsmContext) -> i32 {
    let kern: u32 = ctx.arg(4);
    if kern != 0 {
        return ALLOW;
    }
    let Some(watch) = subject::current() else { return ALLOW };
    let sk = sk_of(ctx.arg(0));
    if sk.is_null() {
        return DENY;
    }
    let mut agent = watch.agent;
    // SAFETY: checked for null.
    if unsafe { OWNER.set(sk, &mut agent) } { ALLOW } else { DENY }
}

#[lsm(hook = "socket_connect")]
pub fn postern_socket_connect(ctx: LsmContext) -> i32 {
    must_be_own(ctx.arg(0), Act::UseSocket)
}

#[lsm(hook = "socket_listen")]
pub fn postern_socket_listen(ctx: LsmContext) -> i32 {
    must_be_own(ctx.arg(0), Act::Listen)
}

#[lsm(hook = "socket_accept")]
pub fn postern_socket_accept(ctx: LsmContext) -> i32 {
    must_be_own(ctx.arg(0), Act::Listen)
}

#[lsm(hook = "socket_sendmsg")]
pub fn postern_socket_sendmsg(ctx: LsmContext) -> i32 {
    must_be_own(ctx.arg(0), Act::UseSocket)
}

#[lsm(hook = "socket_recvmsg")]
pub fn postern_socket_recvmsg(ctx: LsmContext) -> i32 {
    must_be_own(ctx.arg(0), Act::UseSocket)
}

/// A descriptor that arrives through another process.
#[lsm(hook = "file_receive")]
pub fn postern_file_receive(ctx: LsmContext) -> i32 {
    let Some(watch) = subject::current() else { return ALLOW };
    judge_file(ctx.arg(0), watch, Act::ReceiveFile)
}

#[lsm(hook = "unix_stream_connect")]
pub fn postern_unix_stream_connect(ctx: LsmContext) -> i32 {
    let other: *mut c_void = ctx.arg(1);
    let newsk: *mut c_void = ctx.arg(2);
    let owner = owner_of(other);
    if owner != 0 {
        // The accepted end belongs to whoever listens, so that an agent's own servers go on working.
        let mut agent = owner;
        // SAFETY: a hook argument, never null.
        if !unsafe { OWNER.set(newsk, &mut agent) } {
            return DENY;
        }
    }
    judge_peer(other, owner, Act::UnixConnect)
}

#[lsm(hook = "unix_may_send")]
pub fn postern_unix_may_send(ctx: LsmContext) -> i32 {
    let other = sk_of(ctx.arg(1));
    if other.is_null() {
        return ALLOW;
    }
    judge_peer(other, owner_of(other), Act::UnixSend)
}

#[inline(always)]
fn judge_peer(other: *mut c_void, owner: u32, act: Act) -> i32 {
    let Some(watch) = subject::current() else { return ALLOW };
    if owner == watch.agent || peer_allowed(watch.agent, other) {
        return ALLOW;
    }
    report::socket(watch.agent, act, Why::Peer, AF_UNIX, 0);
    DENY
}

#[inline(always)]
pub fn judge_file(file: *mut c_void, watch: Watch, act: Act) -> i32 {
    // SAFETY: a hook argument.
    let sock: *mut c_void = unsafe { bpf_sock_from_file(file.cast()) }.cast();
    if sock.is_null() {
        return ALLOW;
    }
    judge_socket(sock, watch, act)
}

#[inline(always)]
fn must_be_own(sock: *mut c_void, act: Act) -> i32 {
    let Some(watch) = subject::current() else { return ALLOW };
    judge_socket(sock, watch, act)
}

/// A socket is used by the agent that made it, or its far end is a unix socket that the agent may talk to (the
/// service manager hands agents their standard output that way).
#[inline(always)]
fn judge_socket(sock: *mut c_void, watch: Watch, act: Act) -> i32 {
    let sk = sk_of(sock);
    if sk.is_null() {
        return DENY;
    }
    if owner_of(sk) == watch.agent {
        return ALLOW;
    }
    let family = u32::from(read::<u16>(sk, offset!(sock_family)));
    if family == AF_UNIX && peer_allowed(watch.agent, follow(sk, offset!(unix_peer))) {
        return ALLOW;
    }
    report::socket(watch.agent, act, Why::Unmarked, family, 0);
    DENY
}

#[inline(always)]
fn owner_of(sk: *mut c_void) -> u32 {
    // SAFETY: a socket pointer from the hook, checked for null by the callers.
    match unsafe { OWNER.get(sk) } {
        Some(agent) => *agent,
        None => 0,
    }
}

/// `socket.sk`, loaded directly so that the verifier knows what it is.
#[inline(always)]
fn sk_of(sock: *mut c_void) -> *mut c_void {
    // SAFETY: a hook argument; the offset is the kernel's own.
    unsafe { core::ptr::read_volatile(sock.byte_add(offset!(socket_sk)).cast::<*mut c_void>()) }
}

#[inline(always)]
fn peer_allowed(agent: u32, sk: *const c_void) -> bool {
    if sk.is_null() {
        return false;
    }
    let dentry = follow(sk, offset!(unix_dentry));
    let key = if dentry.is_null() {
        match abstract_key(agent, sk) {
            Some(key) => key,
            None => return false,
        }
    } else {
        let inode = follow(dentry, offset!(dentry_inode));
        let sb = follow(inode, offset!(inode_sb));
        PeerKey::path(agent, read::<u32>(sb, offset!(sb_dev)), read::<u64>(inode, offset!(inode_number)))
    };
    // SAFETY: only its presence is looked at.
    unsafe { PEERS.get(&key) }.is_some()
}

#[inline(always)]
fn abstract_key(agent: u32, sk: *const c_void) -> Option<PeerKey> {
    let addr = follow(sk, offset!(unix_addr));
    if addr.is_null() {
        return None;
    }
    // The address is a family of two bytes, a NUL, and the name.
    let len = read::<u32>(addr, offset!(unix_addr_len)).wrapping_sub(3);
    if len == 0 || len > ABSTRACT_LEN as u32 {
        return None;
    }
    // Says the same once more in a form that the compiler keeps and the verifier can follow.
    let len = kernel::volatile(&len) as u32 & 0x7f;
    if len > ABSTRACT_LEN as u32 {
        return None;
    }
    let mut key = PeerKey::path(agent, 0, 0);
    key.len = len as u8;
    let name = addr.wrapping_byte_add(offset!(unix_addr_name) + 3);
    // SAFETY: `len` is at most the room in the key.
    let failed = unsafe { bpf_probe_read_kernel(key.name.as_mut_ptr().cast(), len, name) };
    if failed == 0 { Some(key) } else { None }
}
