use super::*;

const AGENT: Watch = Watch { agent: 7, flags: 0 };

fn tcp(port: u16) -> ConnectFacts {
    ConnectFacts {
        watch: AGENT,
        uid: 1000,
        socket_type: SOCK_STREAM,
        protocol: IPPROTO_TCP,
        port,
        served: serves::TCP | serves::DNS,
        own_listener: false,
    }
}

fn udp(port: u16) -> ConnectFacts {
    ConnectFacts { socket_type: SOCK_DGRAM, protocol: IPPROTO_UDP, ..tcp(port) }
}

#[test]
fn tcp_goes_to_the_gateway_and_datagrams_nowhere_but_dns() {
    assert_eq!(connect(&tcp(443)), Connect::Gateway);
    assert_eq!(connect(&tcp(53)), Connect::Gateway);
    assert_eq!(connect(&udp(53)), Connect::Dns);
    assert_eq!(connect(&udp(443)), Connect::Refuse(Why::Udp));
}

#[test]
fn an_agent_reaches_its_own_listener_directly_even_where_no_gateway_listens() {
    let own = ConnectFacts { own_listener: true, served: 0, ..tcp(8080) };
    assert_eq!(connect(&own), Connect::Own);
}

#[test]
fn without_a_listener_in_the_namespace_nothing_is_sent_anywhere() {
    for facts in [tcp(443), udp(53)] {
        let foreign = ConnectFacts { served: 0, ..facts };
        assert_eq!(connect(&foreign), Connect::Refuse(Why::ForeignNetns));
    }
    let half = ConnectFacts { served: serves::TCP, ..udp(53) };
    assert_eq!(connect(&half), Connect::Refuse(Why::ForeignNetns));
}

#[test]
fn root_needs_the_flag_and_nobody_gets_nothing() {
    let root = ConnectFacts { uid: 0, ..tcp(443) };
    assert_eq!(connect(&root), Connect::Refuse(Why::Root));
    let allowed = ConnectFacts { watch: Watch { flags: flags::ROOT_ALLOWED, ..AGENT }, ..root };
    assert_eq!(connect(&allowed), Connect::Gateway);
    let nobody = ConnectFacts { watch: Watch { agent: NOBODY, flags: flags::ROOT_ALLOWED }, ..tcp(443) };
    assert_eq!(connect(&nobody), Connect::Refuse(Why::Nobody));
}

#[test]
fn unknown_protocols_are_refused_on_connect_and_on_creation() {
    const MPTCP: u32 = 262;
    const UDPLITE: u32 = 136;
    let odd = ConnectFacts { protocol: MPTCP, ..tcp(443) };
    assert_eq!(connect(&odd), Connect::Refuse(Why::Protocol));
    for (kind, protocol) in
        [(SOCK_STREAM, MPTCP), (SOCK_DGRAM, UDPLITE), (SOCK_DGRAM, IPPROTO_ICMP), (3, 255), (5, 132)]
    {
        assert_eq!(inet_socket(kind, protocol), Verdict::Refuse(Why::Protocol), "{kind} {protocol}");
    }
    for (kind, protocol) in [(SOCK_STREAM, 0), (SOCK_STREAM, 6), (SOCK_DGRAM, 0), (SOCK_DGRAM, 17)] {
        assert_eq!(inet_socket(kind, protocol), Verdict::Pass);
    }
}

#[test]
fn only_unix_internet_and_route_netlink_sockets_exist_for_agents() {
    const PACKET: u32 = 17;
    const NETFILTER: u32 = 12;
    assert_eq!(any_socket(AF_UNIX, 5, 0), Verdict::Pass);
    assert_eq!(any_socket(AF_INET6, SOCK_STREAM, 0), Verdict::Pass);
    assert_eq!(any_socket(AF_NETLINK, 3, NETLINK_ROUTE), Verdict::Pass);
    assert_eq!(any_socket(AF_NETLINK, 3, NETFILTER), Verdict::Refuse(Why::Protocol));
    for family in (0..50).filter(|f| ![AF_UNIX, AF_INET, AF_INET6, AF_NETLINK].contains(f)) {
        assert_eq!(any_socket(family, 3, 0), Verdict::Refuse(Why::Family));
    }
    assert_eq!(any_socket(PACKET, 3, 0), Verdict::Refuse(Why::Family));
}

#[test]
fn the_backstop_lets_out_marked_loopback_packets_only() {
    let good = PacketFacts { protocol: IPPROTO_TCP, loopback: true, marked: true, port: 1, dns_port: 6101 };
    assert_eq!(egress(&good), Verdict::Pass);
    assert_eq!(egress(&PacketFacts { loopback: false, ..good }), Verdict::Refuse(Why::NotLoopback));
    assert_eq!(egress(&PacketFacts { marked: false, ..good }), Verdict::Refuse(Why::Unmarked));
    assert_eq!(egress(&PacketFacts { protocol: IPPROTO_UDP, ..good }), Verdict::Refuse(Why::Udp));
    assert_eq!(egress(&PacketFacts { protocol: IPPROTO_UDP, port: 6101, ..good }), Verdict::Pass);
    assert_eq!(egress(&PacketFacts { protocol: IPPROTO_ICMP, ..good }), Verdict::Refuse(Why::Protocol));
}

#[test]
fn a_listener_is_reached_over_loopback_or_by_its_owner_alone() {
    let syn = ArrivalFacts { watch: AGENT, loopback: true, opens: true, from_self: false };
    assert_eq!(ingress(&syn), Verdict::Pass);
    assert_eq!(ingress(&ArrivalFacts { loopback: false, ..syn }), Verdict::Refuse(Why::Inbound));
    let own = Watch { flags: flags::INBOUND_OWN, ..AGENT };
    assert_eq!(ingress(&ArrivalFacts { watch: own, ..syn }), Verdict::Refuse(Why::Inbound));
    assert_eq!(ingress(&ArrivalFacts { watch: own, from_self: true, ..syn }), Verdict::Pass);
    assert_eq!(ingress(&ArrivalFacts { watch: own, opens: false, ..syn }), Verdict::Pass);
}
