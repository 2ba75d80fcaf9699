//! The hand-over: what the agent's socket asked for is written down before its SYN leaves, and moves to the
//! gateway's socket when the handshake is done, which is before `accept` can return it.

use aya_ebpf::{
    bindings::{BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB, BPF_SOCK_OPS_TCP_CONNECT_CB, bpf_sock},
    helpers::generated::bpf_get_netns_cookie,
    macros::sock_ops,
    programs::SockOpsContext,
};
use gateway_common::{
    flow::{self, PendingKey, Words, route},
    verdict::{AF_INET, IPPROTO_TCP},
};

use crate::{
    maps::{ACCEPTED, ORIGIN, PENDING},
    subject,
};

/// The return value means nothing for these callbacks.
const DONE: u32 = 0;

#[sock_ops]
pub fn postern_established(ctx: SockOpsContext) -> u32 {
    match ctx.op() {
        BPF_SOCK_OPS_TCP_CONNECT_CB => leaving(&ctx),
        BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB => arrived(&ctx),
        _ => {}
    }
    DONE
}

#[inline(always)]
fn leaving(ctx: &SockOpsContext) {
    let sk = sock(ctx);
    if sk.is_null() {
        return;
    }
    // SAFETY: checked for null.
    let Some(origin) = (unsafe { ORIGIN.get(sk) }) else { return };
    let local = if ctx.family() == AF_INET { flow::mapped(ctx.local_ip4()) } else { local_ip6(ctx) };
    // Packet hooks cannot ask for the namespace: the agent's own listener is told without one.
    let netns = if origin.route == route::OWN { 0 } else { origin.netns };
    let key = PendingKey::new(netns, local, ctx.local_port() as u16, IPPROTO_TCP as u16);
    // Overwrites what an unfinished handshake from the same port left. If it fails, the gateway finds no record and
    // closes the connection.
    let _ = PENDING.insert(key, origin, 0);
}

#[inline(always)]
fn arrived(ctx: &SockOpsContext) {
    if ctx.local_port() as u16 != subject::settings().gateway_port {
        return;
    }
    let sk = sock(ctx);
    if sk.is_null() {
        return;
    }
    // SAFETY: the context is the hook's own.
    let netns = unsafe { bpf_get_netns_cookie(ctx.ops.cast()) };
    let remote = if ctx.family() == AF_INET { flow::mapped(ctx.remote_ip4()) } else { remote_ip6(ctx) };
    // The far port is in network order here, shifted up on little-endian machines.
    let port = u32::from_be(ctx.remote_port()) as u16;
    let key = PendingKey::new(netns, remote, port, IPPROTO_TCP as u16);
    // SAFETY: copied at once.
    let Some(origin) = (unsafe { PENDING.get(key) }) else { return };
    let mut origin = *origin;
    // SAFETY: checked for null. Without memory the gateway finds no record and closes.
    let _ = unsafe { ACCEPTED.set(sk, &mut origin) };
    let _ = PENDING.remove(key);
}

#[inline(always)]
fn sock(ctx: &SockOpsContext) -> *mut bpf_sock {
    // SAFETY: a field of the hook's own context.
    unsafe { (*ctx.ops).__bindgen_anon_2.sk }
}

#[inline(always)]
fn local_ip6(ctx: &SockOpsContext) -> Words {
    let at = |n: usize| {
        // SAFETY: as above; one word at a time, as the verifier wants it.
        unsafe { core::ptr::read_volatile((&raw const (*ctx.ops).local_ip6).cast::<u32>().add(n)) }
    };
    [at(0), at(1), at(2), at(3)]
}

#[inline(always)]
fn remote_ip6(ctx: &SockOpsContext) -> Words {
    let at = |n: usize| {
        // SAFETY: as above.
        unsafe { core::ptr::read_volatile((&raw const (*ctx.ops).remote_ip6).cast::<u32>().add(n)) }
    };
    [at(0), at(1), at(2), at(3)]
}
