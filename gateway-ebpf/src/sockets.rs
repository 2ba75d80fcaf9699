//! Creation of internet sockets: TCP and UDP only, each marked with the agent that made it.

use aya_ebpf::{macros::cgroup_sock, programs::SockContext};
use gateway_common::{
    event::{Act, Why},
    verdict::{self, Verdict},
};

use crate::{maps::OWNER, report, subject};

const ALLOW: i32 = 1;
const DENY: i32 = 0;

#[cgroup_sock(sock_create)]
pub fn postern_sock_create(ctx: SockContext) -> i32 {
    let Some(watch) = subject::current() else { return ALLOW };
    // SAFETY: fields of the hook's own context.
    let (family, kind, protocol) = unsafe { ((*ctx.sock).family, (*ctx.sock).type_, (*ctx.sock).protocol) };
    if let Verdict::Refuse(why) = verdict::inet_socket(kind, protocol) {
        report::socket(watch.agent, Act::CreateSocket, why, family, protocol);
        return DENY;
    }
    let mut agent = watch.agent;
    // SAFETY: the hook's own socket, never null.
    if !unsafe { OWNER.set(ctx.sock, &mut agent) } {
        report::socket(watch.agent, Act::CreateSocket, Why::Unmarked, family, protocol);
        return DENY;
    }
    ALLOW
}
