//! An agent's own servers on loopback, which it may reach without the gateway.

use aya_ebpf::{
    bindings::{BPF_F_CURRENT_NETNS, bpf_sock_tuple},
    cty::c_void,
    helpers::generated::{bpf_sk_lookup_tcp, bpf_sk_release},
};
use gateway_common::flow::{self, LOOPBACK4, LOOPBACK6, Words};

use crate::maps::OWNER;

/// Is there a listener at this loopback address which this very agent made? Asked with a socket's or a packet's
/// context.
#[inline(always)]
pub fn is_own(ctx: *mut c_void, addr: Words, port: u16, agent: u32) -> bool {
    // SAFETY: all zero is a valid tuple.
    let mut tuple: bpf_sock_tuple = unsafe { core::mem::zeroed() };
    let size = if let Some(ip) = flow::unmapped(addr) {
        tuple.__bindgen_anon_1.ipv4.saddr = LOOPBACK4;
        tuple.__bindgen_anon_1.ipv4.daddr = if ip == 0 { LOOPBACK4 } else { ip };
        tuple.__bindgen_anon_1.ipv4.dport = port.to_be();
        12
    } else {
        tuple.__bindgen_anon_1.ipv6.saddr = LOOPBACK6;
        tuple.__bindgen_anon_1.ipv6.daddr = LOOPBACK6;
        tuple.__bindgen_anon_1.ipv6.dport = port.to_be();
        36
    };
    // SAFETY: the tuple is initialised and of the size that names its family.
    let sk = unsafe { bpf_sk_lookup_tcp(ctx, &mut tuple, size, BPF_F_CURRENT_NETNS as u64, 0) };
    if sk.is_null() {
        return false;
    }
    // SAFETY: checked for null, and released below on every path.
    let own = match unsafe { OWNER.get(sk) } {
        Some(owner) => *owner == agent,
        None => false,
    };
    // SAFETY: this reference was taken above.
    unsafe { bpf_sk_release(sk.cast()) };
    own
}
