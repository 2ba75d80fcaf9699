//! The backstop: packets of watched cgroups travel over loopback, from sockets that carry the agent's mark, or not
//! at all.

use aya_ebpf::{
    EbpfContext as _,
    bindings::{__sk_buff, bpf_sock},
    helpers::generated::{
        bpf_sk_fullsock, bpf_skb_ancestor_cgroup_id, bpf_skb_cgroup_id, bpf_skb_load_bytes,
    },
    macros::cgroup_skb,
    programs::SkBuffContext,
};
use gateway_common::{
    event::{Act, Report, Why},
    flow::{self, PendingKey, Words, route},
    verdict::{self, AF_INET, AF_INET6, ArrivalFacts, IPPROTO_TCP, IPPROTO_UDP, PacketFacts, Verdict},
    watch::Watch,
};

use crate::{
    listener,
    maps::{ORIGIN, OWNER, PENDING},
    report, subject,
};

const PASS: i32 = 1;
const DROP: i32 = 0;
const SYN_AND_ACK: u8 = 0x12;
const SYN: u8 = 0x02;

/// The first bytes of a packet, as far as they are needed. Ports in host order.
struct Header {
    family: u32,
    from: Words,
    to: Words,
    protocol: u32,
    from_port: u16,
    to_port: u16,
    opens: bool,
}

#[cgroup_skb(egress)]
pub fn postern_egress(ctx: SkBuffContext) -> i32 {
    let Some((cgroup, watch)) = watched(&ctx) else { return PASS };
    let Some(header) = read(&ctx) else {
        return refuse(cgroup, watch, None, Act::SendPacket, Why::Protocol);
    };
    let sk = full_sock(&ctx);
    let facts = PacketFacts {
        protocol: header.protocol,
        loopback: flow::is_loopback(header.to),
        marked: marked(sk, watch),
        port: header.to_port,
        dns_port: subject::settings().dns_port,
    };
    match verdict::egress(&facts) {
        Verdict::Refuse(why) => refuse(cgroup, watch, Some(&header), Act::SendPacket, why),
        Verdict::Pass if header.opens && !still_own(&ctx, sk, &header, watch) => {
            refuse(cgroup, watch, Some(&header), Act::SendPacket, Why::Unmarked)
        }
        Verdict::Pass => {
            if header.protocol == IPPROTO_UDP {
                announce(sk, &header);
            }
            PASS
        }
    }
}

#[cgroup_skb(ingress)]
pub fn postern_ingress(ctx: SkBuffContext) -> i32 {
    let Some((cgroup, watch)) = watched(&ctx) else { return PASS };
    let Some(header) = read(&ctx) else {
        return refuse(cgroup, watch, None, Act::ReceivePacket, Why::Protocol);
    };
    let facts = ArrivalFacts {
        watch,
        loopback: flow::is_loopback(header.from),
        opens: header.opens,
        from_self: header.opens && from_agent(&header, watch),
    };
    match verdict::ingress(&facts) {
        Verdict::Pass => PASS,
        Verdict::Refuse(why) => refuse(cgroup, watch, Some(&header), Act::ReceivePacket, why),
    }
}

/// Between `connect` and the packet that opens the connection, an own listener may have given its port to somebody
/// else's.
#[inline(always)]
fn still_own(ctx: &SkBuffContext, sk: *mut bpf_sock, header: &Header, watch: Watch) -> bool {
    if sk.is_null() {
        return false;
    }
    // SAFETY: checked for null.
    match unsafe { ORIGIN.get(sk) } {
        Some(origin) if origin.route == route::OWN => {
            listener::is_own(ctx.as_ptr(), header.to, header.to_port, watch.agent)
        }
        Some(_) => true,
        // Every connect of an agent passes a hook that leaves its origin.
        None => false,
    }
}

/// Tells the resolver front who sends this datagram: at `connect` the source port is not chosen yet.
#[inline(always)]
fn announce(sk: *mut bpf_sock, header: &Header) {
    if sk.is_null() {
        return;
    }
    // SAFETY: checked for null.
    let Some(origin) = (unsafe { ORIGIN.get(sk) }) else { return };
    let key = PendingKey::new(origin.netns, header.from, header.from_port, IPPROTO_UDP as u16);
    let _ = PENDING.insert(key, origin, 0);
}

/// A connection of the same agent to one of its own listeners announced itself before its SYN. The packet hook
/// cannot ask for the namespace, so own connections are announced without one.
#[inline(always)]
fn from_agent(header: &Header, watch: Watch) -> bool {
    let key = PendingKey::new(0, header.from, header.from_port, IPPROTO_TCP as u16);
    // SAFETY: two integers are read.
    match unsafe { PENDING.get(key) } {
        Some(origin) => origin.route == route::OWN && origin.agent == watch.agent,
        None => false,
    }
}

#[inline(always)]
fn watched(ctx: &SkBuffContext) -> Option<(u64, Watch)> {
    // SAFETY: the context is the hook's own.
    let cgroup = unsafe { bpf_skb_cgroup_id(raw(ctx)) };
    if let Some(watch) = subject::of_cgroup(cgroup) {
        return Some((cgroup, watch));
    }
    // SAFETY: the context is the hook's own.
    let found = subject::crowded_search(|level| unsafe { bpf_skb_ancestor_cgroup_id(raw(ctx), level) });
    found.map(|watch| (cgroup, watch))
}

#[inline(always)]
fn marked(sk: *mut bpf_sock, watch: Watch) -> bool {
    if sk.is_null() {
        return false;
    }
    // SAFETY: checked for null.
    match unsafe { OWNER.get(sk) } {
        Some(agent) => *agent == watch.agent,
        None => false,
    }
}

#[inline(always)]
fn full_sock(ctx: &SkBuffContext) -> *mut bpf_sock {
    // SAFETY: a field of the hook's own context.
    let sk = unsafe { (*raw(ctx)).__bindgen_anon_2.sk };
    if sk.is_null() {
        return sk;
    }
    // SAFETY: checked for null.
    unsafe { bpf_sk_fullsock(sk) }
}

#[inline(always)]
fn raw(ctx: &SkBuffContext) -> *mut __sk_buff {
    ctx.as_ptr().cast()
}

#[inline(always)]
fn load<const N: usize>(ctx: &SkBuffContext, at: u32) -> Option<[u8; N]> {
    let mut bytes = [0_u8; N];
    // SAFETY: `bytes` is N long.
    let failed = unsafe { bpf_skb_load_bytes(raw(ctx).cast(), at, bytes.as_mut_ptr().cast(), N as u32) };
    if failed == 0 { Some(bytes) } else { None }
}

#[inline(always)]
fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// Packets begin at their network header here. An IPv6 extension header is none of ours: its number is no protocol
/// that passes.
#[inline(always)]
fn read(ctx: &SkBuffContext) -> Option<Header> {
    let first = load::<1>(ctx, 0)?[0];
    if first >> 4 == 4 {
        let ip = load::<20>(ctx, 0)?;
        let (from, to) = (flow::mapped(word(&ip, 12)), flow::mapped(word(&ip, 16)));
        transport(ctx, AF_INET, from, to, u32::from(ip[9]), u32::from(first & 0x0f) * 4)
    } else {
        let ip = load::<40>(ctx, 0)?;
        let from = [word(&ip, 8), word(&ip, 12), word(&ip, 16), word(&ip, 20)];
        let to = [word(&ip, 24), word(&ip, 28), word(&ip, 32), word(&ip, 36)];
        transport(ctx, AF_INET6, from, to, u32::from(ip[6]), 40)
    }
}

#[inline(always)]
fn transport(
    ctx: &SkBuffContext,
    family: u32,
    from: Words,
    to: Words,
    protocol: u32,
    at: u32,
) -> Option<Header> {
    let mut header = Header { family, from, to, protocol, from_port: 0, to_port: 0, opens: false };
    if protocol == IPPROTO_TCP {
        let tcp = load::<14>(ctx, at)?;
        header.from_port = u16::from_be_bytes([tcp[0], tcp[1]]);
        header.to_port = u16::from_be_bytes([tcp[2], tcp[3]]);
        header.opens = tcp[13] & SYN_AND_ACK == SYN;
    } else if protocol == IPPROTO_UDP {
        let udp = load::<4>(ctx, at)?;
        header.from_port = u16::from_be_bytes([udp[0], udp[1]]);
        header.to_port = u16::from_be_bytes([udp[2], udp[3]]);
    }
    Some(header)
}

#[inline(always)]
fn refuse(cgroup: u64, watch: Watch, header: Option<&Header>, act: Act, why: Why) -> i32 {
    let mut report = Report {
        at_ns: subject::boot_ns(),
        cgroup,
        agent: watch.agent,
        act: act as u8,
        why: why as u8,
        ..Report::default()
    };
    if let Some(header) = header {
        let leaving = act as u8 == Act::SendPacket as u8;
        report.addr = if leaving { header.to } else { header.from };
        report.port = header.to_port;
        report.family = header.family as u16;
        report.protocol = header.protocol as u16;
    }
    report::send(&report);
    DROP
}
