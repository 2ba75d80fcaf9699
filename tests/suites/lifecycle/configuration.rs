//! What cannot start says why, and leaves nothing half done.

use std::fs;
use std::net::TcpListener;

use anyhow::Result;
use gateway_e2e::gateway::Gateway;
use gateway_e2e::plan::Plan;

#[test]
fn with_mistakes_in_the_configuration_nothing_starts_and_all_are_listed() -> Result<()> {
    let mistakes = "[agents.coder]\ncgroup = \"no-slash\"\ntargets = [\"nowhere\"]\n[serve]\nprot = 1\n";
    let gateway = Gateway::prepare(Plan::new())?;
    fs::write(gateway.config_dir().join("agents.toml"), mistakes)?;
    for command in ["enforce", "serve", "check"] {
        let output = gateway.postern(&[command])?;
        assert_eq!(output.status.code(), Some(2), "{command}");
        let said = String::from_utf8_lossy(&output.stderr) + String::from_utf8_lossy(&output.stdout);
        for mistake in ["agents.toml:2", "agents.toml:3", "prot"] {
            assert!(said.contains(mistake), "{command} says nothing of {mistake}:\n{said}");
        }
    }
    assert!(!gateway.tag.bpffs().exists(), "something was pinned");
    fs::write(gateway.config_dir().join("agents.toml"), "")?;
    fs::create_dir(gateway.tag.bpffs())?;
    Ok(())
}

#[test]
fn a_port_that_is_taken_is_named() -> Result<()> {
    for key in ["serve.port", "dns.port"] {
        let gateway = Plan::new().agent("coder", &[]).start_enforcer()?;
        let port = if key == "serve.port" { gateway.port } else { gateway.dns_port };
        let _tcp = TcpListener::bind(("127.0.0.1", port))?;
        let _udp = std::net::UdpSocket::bind(("127.0.0.1", port))?;
        let output = gateway.serve_in_vain()?;
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("cannot listen") && said.contains(&format!("127.0.0.1:{port}")), "{said}");
        assert!(said.contains(&format!("set {key}")), "{said}");
    }
    Ok(())
}

#[test]
fn a_second_enforcer_or_gateway_over_the_same_sockets_does_not_start() -> Result<()> {
    let gateway = Plan::new().agent("coder", &[]).start()?;
    let second = gateway.serve_in_vain()?;
    assert_eq!(second.status.code(), Some(1));
    let second = gateway.postern(&["enforce"])?;
    assert_eq!(second.status.code(), Some(1));
    let said = String::from_utf8_lossy(&second.stderr);
    assert!(said.contains("another enforcer answers there"), "{said}");
    Ok(())
}
