//! Datagrams sent without connecting: DNS goes to the resolver front and its answers look as if they came from the
//! server that was asked (musl checks that); nothing else leaves.

use aya_ebpf::{macros::cgroup_sock_addr, programs::SockAddrContext};
use gateway_common::{
    event::Act,
    flow::{self, route},
    verdict::{AF_INET, AF_INET6},
};

use crate::{connect, maps::ORIGIN, subject};

const ALLOW: i32 = 1;

#[cgroup_sock_addr(sendmsg4)]
pub fn postern_sendmsg4(ctx: SockAddrContext) -> i32 {
    connect::judge(&ctx, AF_INET, Act::SendDatagram)
}

#[cgroup_sock_addr(sendmsg6)]
pub fn postern_sendmsg6(ctx: SockAddrContext) -> i32 {
    connect::judge(&ctx, AF_INET6, Act::SendDatagram)
}

#[cgroup_sock_addr(recvmsg4)]
pub fn postern_recvmsg4(ctx: SockAddrContext) -> i32 {
    restore_dns(&ctx, AF_INET);
    ALLOW
}

#[cgroup_sock_addr(recvmsg6)]
pub fn postern_recvmsg6(ctx: SockAddrContext) -> i32 {
    restore_dns(&ctx, AF_INET6);
    ALLOW
}

/// Only what the resolver front sent wears another's address.
#[inline(always)]
fn restore_dns(ctx: &SockAddrContext, family: u32) {
    let sk = connect::sock(ctx);
    if sk.is_null() || connect::port(ctx) != subject::settings().dns_port {
        return;
    }
    if !flow::is_loopback(connect::words(ctx, family)) {
        return;
    }
    // SAFETY: checked for null.
    let asked = unsafe { ORIGIN.get(sk) };
    if asked.is_some_and(|origin| origin.route == route::DNS) {
        connect::restore(ctx, family);
    }
}
