//! The built binary from outside: exit statuses, JSON, and what packages are made from.

// A helper of tests may stop the test, as the test itself may.
#![allow(clippy::expect_used)]

use std::path::Path;
use std::process::{Command, Output};

const GOOD: &str = "[serve]\nuser = \"nobody\"\n\n[agents.coder]\nslice = \"agents.slice\"\ntargets = \"db\"\n\n\
    [targets.db]\nprotocol = \"tcp\"\nhosts = \"10.0.0.5\"\nports = 5432\n";

fn postern(dir: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_postern"));
    command.arg("--config").arg(dir).args(args).output().expect("postern runs")
}

fn folder_with(text: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::write(dir.path().join("postern.toml"), text).expect("a file");
    dir
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_good_configuration_is_summed_up() {
    let found = postern(folder_with(GOOD).path(), &["check"]);
    assert_eq!(found.status.code(), Some(0), "{}", text(&found.stderr));
    let summary = text(&found.stdout);
    for expected in ["agent coder", "slice agents.slice", "target db: tcp to 10.0.0.5, port 5432"] {
        assert!(summary.contains(expected), "{expected} is not in\n{summary}");
    }
    assert!(!summary.contains("warning"), "{summary}");
}

#[test]
fn a_danger_in_force_is_a_warning() {
    let found = postern(
        folder_with(&format!("{GOOD}\n[enforce]\ndanger_minimum_level = \"cgroup\"\n")).path(),
        &["check"],
    );
    assert_eq!(found.status.code(), Some(0));
    assert!(
        text(&found.stdout).contains("warning: [enforce] danger_minimum_level: "),
        "{}",
        text(&found.stdout)
    );
}

#[test]
fn mistakes_exit_with_two_and_stand_on_standard_error() {
    let found = postern(folder_with(&GOOD.replace("5432", "0")).path(), &["check"]);
    assert_eq!(found.status.code(), Some(2));
    assert!(found.stdout.is_empty());
    let shown = text(&found.stderr);
    assert!(shown.starts_with("error: the configuration has a mistake\n"), "{shown}");
    assert!(shown.contains("postern.toml:11:9: [targets.db] ports: 0 is out of bounds\n  help: "), "{shown}");
}

#[test]
fn machines_read_the_same_as_people() {
    let good = postern(folder_with(GOOD).path(), &["check", "--json"]);
    let good: serde_json::Value = serde_json::from_slice(&good.stdout).expect("JSON");
    assert_eq!(good["agents"]["coder"]["targets"], serde_json::json!(["db"]));
    let bad = postern(folder_with(&GOOD.replace("5432", "0")).path(), &["check", "--json"]);
    assert_eq!(bad.status.code(), Some(2));
    let bad: serde_json::Value = serde_json::from_slice(&bad.stdout).expect("JSON");
    assert_eq!(bad["mistakes"][0]["place"]["line"], 11);
}

#[test]
fn doctor_fails_when_something_is_broken() {
    let records =
        format!("{GOOD}\n[dns]\n").replace("user = ", "records = \"/nonexistent/records\"\nuser = ");
    let found = postern(folder_with(&records).path(), &["doctor", "--json"]);
    assert_eq!(found.status.code(), Some(1));
    let findings: Vec<serde_json::Value> = serde_json::from_slice(&found.stdout).expect("JSON");
    let of =
        |check: &str| findings.iter().find(|finding| finding["check"] == check).cloned().expect("a finding");
    assert_eq!(of("records")["outcome"], "broken");
    assert!(of("records")["remedy"].is_string());
}

#[test]
fn doctor_looks_at_the_host_even_without_a_configuration() {
    let dir = tempfile::tempdir().expect("a folder");
    let found = postern(dir.path(), &["doctor"]);
    assert_eq!(found.status.code(), Some(1));
    let shown = text(&found.stdout);
    assert!(shown.contains("kernel: ") && shown.contains("broken  configuration: "), "{shown}");
}

#[test]
fn status_without_services_says_what_is_gone() {
    let dir = tempfile::tempdir().expect("a folder");
    let sockets = format!(
        "{}\n[enforce]\nsocket = \"{1}/enforce.sock\"\n",
        GOOD.replace("user = ", &format!("control = \"{}/control.sock\"\nuser = ", dir.path().display())),
        dir.path().display()
    );
    let config = folder_with(&sockets);
    let found = postern(config.path(), &["status"]);
    assert_eq!(found.status.code(), Some(1), "{}", text(&found.stderr));
    assert_eq!(text(&found.stdout).matches("GONE").count(), 2, "{}", text(&found.stdout));
    let machine: serde_json::Value =
        serde_json::from_slice(&postern(config.path(), &["status", "--json"]).stdout).expect("JSON");
    assert_eq!(machine["healthy"], false);
    assert!(machine["enforcer"]["gone"]["why"].is_string());
}

#[test]
fn packages_get_a_page_for_every_command() {
    let dir = tempfile::tempdir().expect("a folder");
    let pages = dir.path().display().to_string();
    assert!(postern(dir.path(), &["man", &pages]).status.success());
    for page in ["postern.1", "postern-check.1", "postern-doctor.1", "postern-status.1"] {
        assert!(dir.path().join(page).exists(), "{page} is missing");
    }
    assert!(!dir.path().join("postern-man.1").exists(), "a hidden command has a page");
    let completions = postern(dir.path(), &["completions", "bash"]);
    assert!(text(&completions.stdout).contains("doctor"));
}

/// The folder of an example, on a host that need not have a user `postern`.
fn example(name: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/examples").join(name);
    for entry in std::fs::read_dir(from).expect("the example") {
        let path = entry.expect("a file").path();
        std::fs::copy(&path, dir.path().join(path.file_name().expect("a name"))).expect("a copy");
    }
    std::fs::write(dir.path().join("serve.toml"), "[serve]\nuser = \"nobody\"\n").expect("a file");
    dir
}

#[test]
fn the_cases_of_the_example_of_policy_hold() {
    let found = postern(example("policy").path(), &["policy", "test"]);
    assert_eq!(found.status.code(), Some(0), "{}{}", text(&found.stdout), text(&found.stderr));
    assert!(text(&found.stdout).ends_with(" passed, 0 failed\n"), "{}", text(&found.stdout));
}

#[test]
fn the_explanation_in_the_documentation_is_the_one_that_is_given() {
    let documentation = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/policy.md");
    let documentation = std::fs::read_to_string(documentation).expect("the documentation");
    let rules = std::fs::read_to_string(example("policy").path().join("rules.toml")).expect("the rules");
    let shown = rules.split("\n# What the rules are expected to say.").next().expect("the rules");
    assert!(documentation.contains(shown), "docs/policy.md does not show the rules of its example");
    let mut told = 0;
    for block in documentation.split("$ postern policy explain ").skip(1) {
        let (command, rest) = block.split_once('\n').expect("an answer");
        let (options, statement) = command.split_once('"').expect("a statement in quotes");
        let mut args = vec!["policy", "explain"];
        args.extend(options.split_whitespace());
        args.push(statement.trim_end_matches('"'));
        let expected = rest.split("```").next().expect("the end of the answer");
        let found = postern(example("policy").path(), &args);
        assert_eq!(text(&found.stdout), expected, "{}", text(&found.stderr));
        told += 1;
    }
    assert!(told > 0);
}

#[test]
fn an_agent_or_a_target_that_is_not_there_cannot_be_explained() {
    let dir = example("policy");
    for (agent, target) in [("nobody", "orders"), ("coder", "elsewhere")] {
        let args = ["policy", "explain", "--agent", agent, "--target", target, "select 1"];
        assert_eq!(postern(dir.path(), &args).status.code(), Some(1), "{agent} {target}");
    }
}
