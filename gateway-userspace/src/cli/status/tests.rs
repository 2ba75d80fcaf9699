use super::*;
use crate::attribution::wire::{EnforcerStatus, WatchedAgent, WatchedCgroup};
use crate::config::Reload;
use crate::control::counts::Counted;
use crate::control::live::LiveConnection;

fn enforcer(level: Option<Level>) -> EnforcerSeen {
    let cgroups = vec![WatchedCgroup { id: 7, path: "/agents.slice/coder@1.service".to_string() }];
    EnforcerSeen::Answers(EnforcerStatus {
        level,
        open_vectors: vec!["packet sockets".to_string()],
        agents: vec![WatchedAgent { name: "coder".to_string(), agent_id: 9, cgroups }],
        lost_events: 2,
        kernel: "6.12.9".to_string(),
        reload: Reload::default(),
    })
}

fn connection(comm: &str) -> LiveConnection {
    LiveConnection {
        connection: 1,
        agent: "coder".to_string(),
        comm: comm.to_string(),
        pid: 4321,
        target: "orders".to_string(),
        original: "10.0.0.5:5432".parse().unwrap(),
        sent_bytes: 1536,
        received_bytes: 3 * 1024 * 1024,
        open_for_ms: 61_000,
        silent_for_ms: 0,
    }
}

fn status(live: Vec<LiveConnection>) -> Status {
    let mut counts = Counted::default();
    counts.opened.insert("coder".to_string(), 12);
    counts.denied.entry("coder".to_string()).or_default().insert("no_target".to_string(), 4);
    counts.kernel_refused.entry("coder".to_string()).or_default().insert("create-socket".to_string(), 30);
    Status {
        version: "0.1.0".to_string(),
        pid: 99,
        uptime_ms: 3_600_000,
        agents: vec!["coder".to_string(), "idle".to_string()],
        enforcer: enforcer(Some(Level::Full)),
        open_connections: 1,
        live_by_agent: [("coder".to_string(), live.len() as u64)].into(),
        live,
        leases: Vec::new(),
        locks: Vec::new(),
        counts,
        reload: Reload::default(),
    }
}

fn view(gateway: Gateway, level: Option<Level>, minimum: Level) -> View {
    View { gateway, enforcer: enforcer(level), minimum, dangers: Vec::new() }
}

fn answers(live: Vec<LiveConnection>) -> Gateway {
    Gateway::Answers(Box::new(status(live)))
}

fn gone() -> Gateway {
    Gateway::Gone { why: "nothing answers".to_string() }
}

#[test]
fn one_screen_says_who_runs_what_is_open_and_what_was_refused() {
    let shown = screen::draw(&view(answers(vec![connection("psql")]), Some(Level::Unit), Level::Unit));
    for expected in [
        "gateway   running 1h, process 99, 1 open connection",
        "enforcer  kernel 6.12.9, level unit\n",
        "open      packet sockets",
        "lost      2 reports of refusals",
        "coder  1        1     12      4       30",
        "idle   -        -     -       -       -",
        "coder     refused by kernel  create-socket  30",
        "coder     denied             no_target      4",
        "coder       psql[4321]  orders  10.0.0.5:5432  1.5 KiB  3.0 MiB   1m 1s",
    ] {
        assert!(shown.contains(expected), "{expected:?} is not in\n{shown}");
    }
}

#[test]
fn a_configuration_that_is_not_in_force_is_told() {
    let mut behind = status(Vec::new());
    behind.reload.restart_needed = vec!["serve.port".to_string(), "serve.user".to_string()];
    behind.reload.refused = Some("the configuration has a mistake".to_string());
    let shown = screen::draw(&view(Gateway::Answers(Box::new(behind)), Some(Level::Full), Level::Full));
    assert!(shown.contains("restart   the gateway, so that serve.port, serve.user holds"), "{shown}");
    assert!(shown.contains("REFUSED by the gateway: the configuration has a mistake"), "{shown}");
}

#[test]
fn a_process_cannot_speak_to_the_terminal_by_its_name() {
    let shown = screen::draw(&view(
        answers(vec![connection("x\u{1b}[2J\u{202e}y\n")]),
        Some(Level::Full),
        Level::Full,
    ));
    assert!(!shown.contains(['\u{1b}', '\u{202e}']), "{shown:?}");
    assert!(shown.contains("x\\u{1b}[2J\\u{202e}y\\u{a}[4321]"), "{shown}");
}

#[test]
fn what_does_not_fit_is_counted() {
    let many = (0..40).map(|_| connection("psql")).collect();
    let shown = screen::draw(&view(answers(many), Some(Level::Full), Level::Full));
    assert_eq!(shown.matches("psql[4321]").count(), 15);
    assert!(shown.ends_with("and 25 more\n"), "{shown}");
}

#[test]
fn a_gateway_that_is_gone_is_told_together_with_who_is_cut_off() {
    let shown = screen::draw(&view(gone(), Some(Level::Full), Level::Full));
    assert!(shown.contains("gateway   GONE: nothing answers"), "{shown}");
    assert!(shown.contains("coder  1"), "{shown}");
}

#[test]
fn health_needs_the_gateway_the_enforcer_and_the_level() {
    let healthy = |gateway, level, minimum| view(gateway, level, minimum).is_healthy();
    assert!(healthy(answers(Vec::new()), Some(Level::Full), Level::Full));
    assert!(healthy(answers(Vec::new()), Some(Level::Unit), Level::Cgroup));
    assert!(healthy(answers(Vec::new()), Some(Level::Cgroup), Level::Unit));
    assert!(!healthy(answers(Vec::new()), Some(Level::Unit), Level::Full));
    assert!(!healthy(answers(Vec::new()), None, Level::Cgroup));
    assert!(!healthy(gone(), Some(Level::Full), Level::Full));
    let mut blind = view(answers(Vec::new()), Some(Level::Full), Level::Full);
    blind.enforcer = EnforcerSeen::Gone { why: "it does not answer".to_string() };
    assert!(!blind.is_healthy());
}

#[test]
fn machines_find_the_enforcer_at_one_place_whoever_brought_its_word() {
    for gateway in [answers(Vec::new()), gone()] {
        let json = view(gateway, Some(Level::Full), Level::Full).json().unwrap();
        assert_eq!(json["enforcer"]["answers"]["level"], "full");
        assert!(json["gateway"]["answers"].get("enforcer").is_none());
    }
}

#[test]
fn what_is_only_observed_is_counted() {
    let mut observing = status(Vec::new());
    observing.counts.would_deny.insert("coder".to_string(), 3);
    let shown = screen::draw(&view(Gateway::Answers(Box::new(observing)), Some(Level::Full), Level::Full));
    assert!(shown.contains("3 commands of coder went on that would have been denied"), "{shown}");
}
