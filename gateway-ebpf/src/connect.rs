//! `connect`: TCP goes to the gateway, DNS to the resolver front, the agent's own listeners stay reachable, the rest
//! is refused. `getpeername` shows the agent what it asked for.

use aya_ebpf::{
    EbpfContext as _,
    bindings::bpf_sock,
    helpers::generated::{bpf_get_netns_cookie, bpf_get_socket_cookie},
    macros::cgroup_sock_addr,
    programs::SockAddrContext,
};
use gateway_common::{
    event::{Act, Why},
    flow::{self, LOOPBACK4, LOOPBACK6, Origin, Words, route},
    verdict::{self, AF_INET, AF_INET6, Connect, ConnectFacts, IPPROTO_TCP},
    watch::Watch,
};

use crate::{
    listener,
    maps::{NETNS, ORIGIN, OWNER},
    report, subject,
};

const ALLOW: i32 = 1;
const DENY: i32 = 0;

#[cgroup_sock_addr(connect4)]
pub fn postern_connect4(ctx: SockAddrContext) -> i32 {
    judge(&ctx, AF_INET, Act::Connect)
}

#[cgroup_sock_addr(connect6)]
pub fn postern_connect6(ctx: SockAddrContext) -> i32 {
    judge(&ctx, AF_INET6, Act::Connect)
}

#[cgroup_sock_addr(getpeername4)]
pub fn postern_getpeername4(ctx: SockAddrContext) -> i32 {
    restore(&ctx, AF_INET);
    ALLOW
}

#[cgroup_sock_addr(getpeername6)]
pub fn postern_getpeername6(ctx: SockAddrContext) -> i32 {
    restore(&ctx, AF_INET6);
    ALLOW
}

/// The verdict on one connect, or on one datagram sent without connecting.
#[inline(always)]
pub fn judge(ctx: &SockAddrContext, family: u32, act: Act) -> i32 {
    let sk = sock(ctx);
    if sk.is_null() {
        return ALLOW;
    }
    let Some(watch) = watch_of(sk) else { return ALLOW };
    let mut origin = subject::author(watch.agent);
    origin.addr = words(ctx, family);
    origin.port = port(ctx);
    origin.family = family as u8;
    // SAFETY: the context is the hook's own.
    origin.netns = unsafe { bpf_get_netns_cookie(ctx.as_ptr()) };
    // SAFETY: as above.
    origin.cookie = unsafe { bpf_get_socket_cookie(ctx.as_ptr()) };
    let protocol = protocol(ctx);
    let facts = ConnectFacts {
        watch,
        uid: origin.uid,
        socket_type: socket_type(ctx),
        protocol,
        port: origin.port,
        // SAFETY: one integer is copied.
        served: unsafe { NETNS.get(origin.netns) }.copied().unwrap_or(0),
        own_listener: protocol == IPPROTO_TCP
            && flow::is_loopback(origin.addr)
            && listener::is_own(ctx.as_ptr(), origin.addr, origin.port, watch.agent),
    };
    match verdict::connect(&facts) {
        Connect::Own => keep(sk, &mut origin, route::OWN),
        Connect::Gateway => send_to(ctx, sk, &mut origin, family, route::GATEWAY),
        Connect::Dns => send_to(ctx, sk, &mut origin, family, route::DNS),
        Connect::Refuse(why) => refuse(&origin, act, why, protocol),
    }
}

#[inline(always)]
fn refuse(origin: &Origin, act: Act, why: Why, protocol: u32) -> i32 {
    report::flow(origin, act, why, protocol);
    DENY
}

/// The agent of the running task; failing that, of whoever made the socket.
#[inline(always)]
fn watch_of(sk: *mut bpf_sock) -> Option<Watch> {
    if let Some(watch) = subject::current() {
        return Some(watch);
    }
    // SAFETY: checked for null by the caller.
    unsafe { OWNER.get(sk) }.map(|agent| Watch { agent: *agent, flags: 0 })
}

/// Keeps the destination on the socket and replaces it by the gateway's. The family is the hook's own constant: the
/// verifier refuses a program that so much as contains a write to the other family's field.
#[inline(always)]
fn send_to(ctx: &SockAddrContext, sk: *mut bpf_sock, origin: &mut Origin, family: u32, to: u8) -> i32 {
    if keep(sk, origin, to) == DENY {
        return DENY;
    }
    let settings = subject::settings();
    let port = if to == route::DNS { settings.dns_port } else { settings.gateway_port };
    if family == AF_INET {
        set_ip4(ctx, LOOPBACK4);
    } else if flow::unmapped(origin.addr).is_some() {
        set_ip6(ctx, flow::mapped(LOOPBACK4));
    } else {
        set_ip6(ctx, LOOPBACK6);
    }
    set_port(ctx, port);
    ALLOW
}

/// Without its destination on the socket a connection could not be told apart later: no memory, no connection.
#[inline(always)]
fn keep(sk: *mut bpf_sock, origin: &mut Origin, to: u8) -> i32 {
    origin.route = to;
    // SAFETY: checked for null by the caller of the caller.
    if unsafe { ORIGIN.set(sk, origin) } { ALLOW } else { DENY }
}

/// Puts the destination that the agent asked for in place of the gateway's.
#[inline(always)]
pub fn restore(ctx: &SockAddrContext, family: u32) {
    let sk = sock(ctx);
    if sk.is_null() {
        return;
    }
    // SAFETY: checked for null.
    let Some(origin) = (unsafe { ORIGIN.get(sk) }) else { return };
    if origin.route == route::OWN {
        return;
    }
    if family != AF_INET {
        set_ip6(ctx, origin.addr);
        set_port(ctx, origin.port);
    } else if let Some(ip) = flow::unmapped(origin.addr) {
        set_ip4(ctx, ip);
        set_port(ctx, origin.port);
    }
}

#[inline(always)]
pub fn sock(ctx: &SockAddrContext) -> *mut bpf_sock {
    // SAFETY: a field of the hook's own context.
    unsafe { (*ctx.sock_addr).__bindgen_anon_1.sk }
}

/// The destination (or, on receive, the sender), IPv4 in mapped form.
#[inline(always)]
pub fn words(ctx: &SockAddrContext, family: u32) -> Words {
    if family == AF_INET {
        // SAFETY: a field of the hook's own context.
        return flow::mapped(unsafe { core::ptr::read_volatile(&raw const (*ctx.sock_addr).user_ip4) });
    }
    let at = |n: usize| {
        // SAFETY: as above; one word at a time, as the verifier wants it.
        unsafe { core::ptr::read_volatile((&raw const (*ctx.sock_addr).user_ip6).cast::<u32>().add(n)) }
    };
    [at(0), at(1), at(2), at(3)]
}

/// Host order.
#[inline(always)]
pub fn port(ctx: &SockAddrContext) -> u16 {
    // SAFETY: as above.
    u16::from_be(unsafe { core::ptr::read_volatile(&raw const (*ctx.sock_addr).user_port) } as u16)
}

#[inline(always)]
fn socket_type(ctx: &SockAddrContext) -> u32 {
    // SAFETY: as above.
    unsafe { core::ptr::read_volatile(&raw const (*ctx.sock_addr).type_) }
}

#[inline(always)]
fn protocol(ctx: &SockAddrContext) -> u32 {
    // SAFETY: as above.
    unsafe { core::ptr::read_volatile(&raw const (*ctx.sock_addr).protocol) }
}

#[inline(always)]
fn set_ip4(ctx: &SockAddrContext, ip: u32) {
    // SAFETY: as above.
    unsafe { core::ptr::write_volatile(&raw mut (*ctx.sock_addr).user_ip4, ip) };
}

#[inline(always)]
fn set_ip6(ctx: &SockAddrContext, words: Words) {
    let set = |n: usize, word: u32| {
        // SAFETY: as above.
        unsafe { core::ptr::write_volatile((&raw mut (*ctx.sock_addr).user_ip6).cast::<u32>().add(n), word) };
    };
    set(0, words[0]);
    set(1, words[1]);
    set(2, words[2]);
    set(3, words[3]);
}

/// From host order.
#[inline(always)]
fn set_port(ctx: &SockAddrContext, port: u16) {
    // SAFETY: as above.
    unsafe { core::ptr::write_volatile(&raw mut (*ctx.sock_addr).user_port, u32::from(port.to_be())) };
}
