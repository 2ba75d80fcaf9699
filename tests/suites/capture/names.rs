//! Looking up names: the gateway answers for the agent's own targets and for nothing else, whoever was asked, and
//! looks like whoever was asked.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use anyhow::Result;
use gateway_audit::event::{AnswerGiven, Transport};
use gateway_e2e::agent::Agent;
use gateway_e2e::gateway::Gateway;
use gateway_e2e::plan::Plan;

const NAME: &str = "orders.target.example";
/// Resolvers that nobody runs: addresses for documentation.
const SERVER4: &str = "192.0.2.53:53";
const SERVER6: &str = "[2001:db8::53]:53";

fn gateway() -> Result<(Gateway, Agent)> {
    let addresses = [IpAddr::V4(Ipv4Addr::new(127, 0, 0, 77)), IpAddr::V6(Ipv6Addr::LOCALHOST)];
    let plan = Plan::new().name(NAME, &addresses).name("other.target.example", &addresses);
    let gateway = plan
        .agent("coder", &["orders"])
        .agent("writer", &["other"])
        .target("orders", &[NAME], &[5432])
        .target("other", &["other.target.example"], &[5432])
        .start()?;
    let agent = gateway.agent("coder")?;
    Ok((gateway, agent))
}

#[test]
fn a_targets_name_is_answered_as_if_by_the_server_that_was_asked() -> Result<()> {
    let (_gateway, agent) = gateway()?;
    for server in [SERVER4, SERVER6] {
        for way in [None, Some("--connected"), Some("--tcp")] {
            let mut args = vec!["dns", server, NAME];
            args.extend(way);
            assert_eq!(agent.tester(&args)?, format!("from {server} code=0 127.0.0.77"), "{way:?}");
            args.push("--aaaa");
            assert_eq!(agent.tester(&args)?, format!("from {server} code=0 ::1"), "{way:?}");
        }
    }
    Ok(())
}

#[test]
fn a_name_that_is_no_target_is_refused_and_recorded() -> Result<()> {
    const REFUSED: &str = "code=5";
    let (gateway, agent) = gateway()?;
    let tunnel = format!("{}.{NAME}", "c2VjcmV0".repeat(6));
    for name in ["example.com", "target.example", "other.target.example", &tunnel] {
        for way in [None, Some("--connected"), Some("--tcp")] {
            let mut args = vec!["dns", SERVER4, name];
            args.extend(way);
            assert_eq!(agent.tester(&args)?, format!("from {SERVER4} {REFUSED}"), "{name} {way:?}");
        }
        let asked = gateway.records().await_asked(&name.to_ascii_lowercase())?;
        assert_eq!(asked.answer, AnswerGiven::Refused);
        assert_eq!(asked.who.map(|who| who.agent).as_deref(), Some("coder"));
    }
    Ok(())
}

#[test]
fn every_question_is_recorded_with_who_asked_and_how() -> Result<()> {
    let (gateway, agent) = gateway()?;
    agent.tester(&["dns", SERVER4, NAME])?;
    agent.tester(&["dns", SERVER4, NAME, "--tcp", "--aaaa"])?;
    gateway_e2e::wait::until_true("both are recorded", || Ok(gateway.records().asked()?.len() == 2))?;
    let asked = gateway.records().asked()?;
    let told: Vec<_> =
        asked.iter().map(|asked| (asked.transport, asked.kind.as_deref(), asked.answer)).collect();
    assert_eq!(
        told,
        [
            (Transport::Udp, Some("A"), AnswerGiven::Addresses),
            (Transport::Tcp, Some("AAAA"), AnswerGiven::Addresses)
        ]
    );
    for asked in asked {
        let who = asked.who.expect("an agent asked");
        assert_eq!((who.agent.as_str(), who.uid, who.comm.as_str()), ("coder", 1000, "tester"));
        assert_eq!(who.cgroup_id, agent.cgroup.id()?);
    }
    Ok(())
}

#[test]
fn a_stranger_is_not_answered() -> Result<()> {
    let (gateway, _agent) = gateway()?;
    let socket = std::net::UdpSocket::bind("127.0.0.1:0")?;
    socket.send_to(
        b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x00\x00\x01\x00\x01",
        ("127.0.0.1", gateway.dns_port),
    )?;
    gateway_e2e::wait::until_true("it is recorded", || {
        Ok(gateway
            .records()
            .asked()?
            .iter()
            .any(|asked| asked.answer == AnswerGiven::Dropped && asked.who.is_none()))
    })?;
    socket.set_nonblocking(true)?;
    assert!(socket.recv(&mut [0; 512]).is_err());
    Ok(())
}
