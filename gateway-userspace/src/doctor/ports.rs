//! The gateway's ports: free, or the gateway's. Read from the kernel's tables, without taking a port.

use std::fs;
use std::io;

use super::Finding;
use crate::config::Config;

/// The kernel's table of one kind of socket, and the states in which one of them holds its port.
struct Table {
    path: &'static str,
    /// As the table writes it: listening TCP is `0A`, a UDP socket without a peer is `07`.
    holding: &'static str,
}

const TCP: [Table; 2] =
    [Table { path: "/proc/net/tcp", holding: "0A" }, Table { path: "/proc/net/tcp6", holding: "0A" }];
const UDP: [Table; 2] =
    [Table { path: "/proc/net/udp", holding: "07" }, Table { path: "/proc/net/udp6", holding: "07" }];

pub fn check(config: &Config) -> [Finding; 2] {
    let ours = nix::unistd::User::from_name(&config.serve.user).ok().flatten().map(|user| user.uid.as_raw());
    [judge("gateway port", &TCP, config.serve.port, ours), judge("name port", &UDP, config.dns.port, ours)]
}

fn judge(check: &'static str, tables: &[Table], port: u16, ours: Option<u32>) -> Finding {
    let mut holders = Vec::new();
    for table in tables {
        match fs::read_to_string(table.path) {
            Ok(text) => holders.extend(holders_of(&text, table.holding, port)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let what = format!("{port}: this kernel has no {}", table.path);
                return Finding::broken(check, what, "enable IPv6, on the loopback interface at least");
            }
            Err(error) => return Finding::gap(check, format!("{}: {error}", table.path), "run as root"),
        }
    }
    match holders.iter().find(|holder| Some(**holder) != ours) {
        Some(stranger) => {
            let what = format!("{port} is taken by a program of uid {stranger}");
            Finding::broken(
                check,
                what,
                "stop that program, or give postern another port in its configuration",
            )
        }
        None if holders.is_empty() => Finding::gap(check, format!("{port} is free"), "start postern.service"),
        None => Finding::ok(check, format!("{port} is the gateway's")),
    }
}

/// The users of the sockets that hold a port (proc_pid_net(5): local address, state and uid are the second,
/// fourth and eighth column). Whatever address they are bound to, they are in the gateway's way or are it.
fn holders_of(table: &str, holding: &str, port: u16) -> Vec<u32> {
    let row = |line: &str| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let (_, local) = columns.get(1)?.rsplit_once(':')?;
        let here = u16::from_str_radix(local, 16).ok()? == port && *columns.get(3)? == holding;
        columns.get(7)?.parse().ok().filter(|_| here)
    };
    table.lines().filter_map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Outcome;

    #[test]
    fn a_port_is_known_by_who_holds_it() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let me = nix::unistd::Uid::current().as_raw();
        assert_eq!(judge("port", &TCP, port, Some(me)).outcome, Outcome::Ok);
        assert_eq!(judge("port", &TCP, port, Some(me + 1)).outcome, Outcome::Broken);
        assert_eq!(judge("port", &TCP, port, None).outcome, Outcome::Broken);
        drop(listener);
        assert_eq!(judge("port", &TCP, port, Some(me)).outcome, Outcome::Gap);
    }

    #[test]
    fn a_bound_datagram_socket_holds_its_port() {
        let socket = std::net::UdpSocket::bind("[::1]:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        let me = nix::unistd::Uid::current().as_raw();
        assert_eq!(judge("port", &UDP, port, Some(me)).outcome, Outcome::Ok);
    }
}
