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
    assert_eq!(targets.find("coder", loopback(5432)).await.expect("a target").target.as_str(), "local");
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
    assert_eq!(targets().find("coder", loopback(5432)).await.expect("a target").target.as_str(), "local");
}

#[tokio::test]
async fn another_port_or_another_agent_is_no_target() {
    let targets = targets();
    assert_eq!(targets.find("coder", loopback(5433)).await.err(), Some(NoMatch::NoTarget));
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
    assert_eq!(targets.find("coder", loopback(5432)).await.err(), Some(NoMatch::NoTarget));
    assert_eq!(targets.answer("coder", "localhost").await, NameAnswer::NotAllowed);
}

/// What becomes of an open connection to 10.0.0.1:5432 when this becomes the list of targets.
async fn after(agents: &str, targets: &str) -> Option<Lost> {
    let coder = "[agents.coder]\nslice = \"agents.slice\"\ntargets = [\"db\"]\n";
    let db = "[targets.db]\nprotocol = \"tcp\"\nhosts = [\"10.0.0.1\"]\nports = [5432]\n";
    let held = Targets::new(Arc::new(fixture(&format!("{coder}{db}"))));
    let route = held.find("coder", SocketAddr::from(([10, 0, 0, 1], 5432))).await.expect("a target");
    held.replace(Arc::new(fixture(&format!("{agents}{targets}"))));
    tokio::time::timeout(Duration::from_millis(100), held.lost(&route)).await.ok()
}

#[tokio::test]
async fn an_open_connection_is_judged_by_the_configuration_that_holds_now() {
    let coder = "[agents.coder]\nslice = \"agents.slice\"\ntargets = [\"db\"]\n";
    let idle = "[agents.coder]\nslice = \"agents.slice\"\n";
    let db = "[targets.db]\nprotocol = \"tcp\"\nhosts = [\"10.0.0.1\"]\nports = [5432]\n";
    let wider = "[targets.db]\nprotocol = \"tcp\"\nhosts = [\"10.0.0.0/8\"]\nports = [5432]\n";
    let moved = "[targets.db]\nprotocol = \"tcp\"\nhosts = [\"10.0.0.2\"]\nports = [5432]\n";
    assert_eq!(after(coder, db).await, None);
    assert_eq!(after(coder, wider).await, None);
    assert_eq!(after(coder, moved).await, Some(Lost::Target));
    assert_eq!(after(idle, db).await, Some(Lost::Target));
    assert_eq!(after("", db).await, Some(Lost::Agent));
}

#[tokio::test]
async fn an_open_connection_hears_of_every_later_configuration() {
    let held = Arc::new(targets());
    let route = held.find("coder", loopback(5432)).await.expect("a target");
    let waiting = tokio::spawn({
        let held = Arc::clone(&held);
        async move { held.lost(&route).await }
    });
    for _ in 0..3 {
        held.replace(Arc::clone(&held.known().config));
        tokio::task::yield_now().await;
    }
    assert!(!waiting.is_finished());
    held.replace(Arc::new(fixture("")));
    assert_eq!(waiting.await.expect("no panic"), Lost::Agent);
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
