use std::time::Duration;

use super::*;
use crate::config::fixture;

fn targets() -> Targets {
    Targets::new(Arc::new(fixture(
        r#"
        [agents.coder]
        slice = "agents.slice"
        targets = ["local"]
        [targets.local]
        protocol = "tcp"
        hosts = ["localhost"]
        ports = [5432]
        [targets.other]
        protocol = "tcp"
        hosts = ["other.example"]
        ports = [5432]
        "#,
    )))
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

#[tokio::test]
async fn a_name_that_the_agent_asked_for_leads_to_its_target() {
    let targets = targets();
    let NameAnswer::Found(lookup) = targets.answer("coder", "LOCALHOST.").await else { panic!("no answer") };
    assert!(lookup.addresses.contains(&loopback(0).ip()));
    assert!(lookup.ttl <= Duration::from_secs(30));
    assert_eq!(targets.memory.names_for("coder", loopback(0).ip()).len(), 1);
    assert_eq!(targets.find("coder", loopback(5432)).await.expect("a target").as_str(), "local");
}

#[tokio::test]
async fn the_names_that_an_agent_asked_for_come_first() {
    let targets = Targets::new(Arc::new(fixture(
        r#"
        [agents.coder]
        slice = "agents.slice"
        targets = ["local"]
        [targets.local]
        protocol = "tcp"
        hosts = ["db.example", "localhost"]
        ports = [5432]
        "#,
    )));
    let local = TargetName::parse("local").expect("a name");
    let names =
        || targets.subject("coder", &local, loopback(5432)).names.into_iter().map(|name| name.to_string());
    assert_eq!(names().collect::<Vec<_>>(), ["db.example", "localhost"]);
    let NameAnswer::Found(_) = targets.answer("coder", "localhost").await else { panic!("no answer") };
    assert_eq!(names().collect::<Vec<_>>(), ["localhost", "db.example"]);
}

#[tokio::test]
async fn a_name_from_a_hosts_file_leads_to_the_target_too() {
    assert_eq!(targets().find("coder", loopback(5432)).await.expect("a target").as_str(), "local");
}

#[tokio::test]
async fn another_port_or_another_agent_is_no_target() {
    let targets = targets();
    assert_eq!(targets.find("coder", loopback(5433)).await, Err(NoMatch::NoTarget));
    assert!(targets.find("stranger", loopback(5432)).await.is_err());
}

#[tokio::test]
async fn a_name_of_somebody_elses_target_is_not_looked_up() {
    assert_eq!(targets().answer("coder", "other.example").await, NameAnswer::NotAllowed);
    assert_eq!(targets().answer("coder", "secret.localhost").await, NameAnswer::NotAllowed);
    assert_eq!(targets().answer("stranger", "localhost").await, NameAnswer::NotAllowed);
}

#[tokio::test]
async fn a_new_configuration_holds_for_the_next_connection() {
    let targets = targets();
    targets.replace(Arc::new(fixture("[agents.coder]\nslice = \"agents.slice\"\n")));
    assert_eq!(targets.find("coder", loopback(5432)).await, Err(NoMatch::NoTarget));
    assert_eq!(targets.answer("coder", "localhost").await, NameAnswer::NotAllowed);
}

#[test]
fn what_one_agent_asked_says_nothing_about_another() {
    let memory = NameMemory::default();
    let name = HostName::parse("db.example").expect("a name");
    memory.remember("coder", &name, &[loopback(0).ip()]);
    assert!(memory.names_for("tester", loopback(0).ip()).is_empty());
}

#[test]
fn the_address_told_longest_ago_is_forgotten_first() {
    let memory = NameMemory::default();
    let name = HostName::parse("db.example").expect("a name");
    let address = |number: u32| IpAddr::from((0x0a00_0000 + number).to_be_bytes());
    for number in 0..=4096 {
        memory.remember("coder", &name, &[address(number)]);
    }
    assert!(memory.names_for("coder", address(0)).is_empty());
    assert_eq!(memory.names_for("coder", address(4096)).len(), 1);
}
