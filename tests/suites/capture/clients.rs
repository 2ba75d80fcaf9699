//! Unmodified clients reach a target by its own name and port, and see the peer address that they asked for.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use anyhow::Result;
use gateway_e2e::agent::Agent;
use gateway_e2e::gateway::Gateway;
use gateway_e2e::plan::Plan;
use gateway_e2e::servers::{Http, PAGE, Postgres};

const NAME4: &str = "four.target.example";
const NAME6: &str = "six.target.example";
/// The same target by name, with the address that the name means.
const NAMES: [(&str, IpAddr); 2] =
    [(NAME4, IpAddr::V4(Ipv4Addr::LOCALHOST)), (NAME6, IpAddr::V6(Ipv6Addr::LOCALHOST))];

/// The names are known to the gateway's resolver alone: the agent has to ask, and is answered by the gateway.
fn gateway_to(port: u16) -> Result<(Gateway, Agent)> {
    let plan = NAMES.iter().fold(Plan::new(), |plan, (name, address)| plan.name(name, &[*address]));
    let gateway = plan.agent("coder", &["service"]).target("service", &[NAME4, NAME6], &[port]).start()?;
    let agent = gateway.agent("coder")?;
    Ok((gateway, agent))
}

fn opened_to_the_target(gateway: &Gateway) -> Result<usize> {
    Ok(gateway.records().opened()?.iter().filter(|connection| connection.target == "service").count())
}

#[test]
fn psql_reaches_its_database() -> Result<()> {
    let postgres = Postgres::start()?;
    let (gateway, agent) = gateway_to(postgres.port())?;
    for (name, address) in NAMES {
        let target = format!("host={name} port={} user=agent dbname=postgres", postgres.port());
        let said =
            agent.output("psql", &["-X", "-w", "-At", &target, "-c", "select 6 * 7", "-c", "\\conninfo"])?;
        assert!(said.starts_with("42\n"), "{said}");
        let peer = format!("on host \"{name}\" (address \"{address}\") at port \"{}\"", postgres.port());
        assert!(said.contains(&peer), "{said}");
    }
    assert_eq!(opened_to_the_target(&gateway)?, 2);
    Ok(())
}

#[test]
fn curl_reaches_its_page() -> Result<()> {
    let http = Http::start()?;
    let (gateway, agent) = gateway_to(http.port())?;
    for (name, address) in NAMES {
        let url = format!("http://{name}:{}/", http.port());
        let said = agent.output("curl", &["-sS", "-w", "\n%{remote_ip} %{remote_port}", &url])?;
        assert_eq!(said, format!("{PAGE}\n{address} {}", http.port()));
    }
    assert_eq!(opened_to_the_target(&gateway)?, 2);
    Ok(())
}

#[test]
fn python_reaches_its_page() -> Result<()> {
    const PROGRAM: &str = "
import http.client, sys
connection = http.client.HTTPConnection(sys.argv[1], int(sys.argv[2]))
connection.connect()
peer = connection.sock.getpeername()
connection.request('GET', '/')
print(connection.getresponse().read().decode(), peer[0], peer[1])
";
    let http = Http::start()?;
    let (gateway, agent) = gateway_to(http.port())?;
    for (name, address) in NAMES {
        let said = agent.output("/usr/bin/python3", &["-c", PROGRAM, name, &http.port().to_string()])?;
        assert_eq!(said, format!("{PAGE} {address} {}", http.port()));
    }
    assert_eq!(opened_to_the_target(&gateway)?, 2);
    Ok(())
}

#[test]
fn node_reaches_its_page() -> Result<()> {
    const PROGRAM: &str = "
const [host, port] = process.argv.slice(1);
require('http').get({ host, port }, (response) => {
  const { remoteAddress, remotePort } = response.socket;
  let page = '';
  response.on('data', (part) => page += part);
  response.on('end', () => console.log(page, remoteAddress, remotePort));
});
";
    let http = Http::start()?;
    let (gateway, agent) = gateway_to(http.port())?;
    for (name, address) in NAMES {
        let said = agent.output("node", &["-e", PROGRAM, name, &http.port().to_string()])?;
        assert_eq!(said, format!("{PAGE} {address} {}", http.port()));
    }
    assert_eq!(opened_to_the_target(&gateway)?, 2);
    Ok(())
}
