mod mutated;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use gateway_policy::level::Level;

use super::load::load;
use super::mistakes::Mistakes;
use super::postgres::{CredentialKind, Tls};
use super::schema::{Config, Inbound};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/config/fixtures").join(name)
}

/// A host with three users.
fn uid_of(name: &str) -> Option<u32> {
    [("root", 0), ("postern", 990), ("bob", 1000), ("alice", 1001)]
        .into_iter()
        .find(|(user, _)| *user == name)
        .map(|(_, uid)| uid)
}

fn mistakes(dir: &Path) -> Mistakes {
    load(dir, &uid_of).expect_err("the configuration should have mistakes")
}

fn folder_with(text: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    fs::write(dir.path().join("postern.toml"), text).expect("a file");
    dir
}

/// Each fixture folder holds what `postern check` is expected to list, paths without the folder.
fn lists_what_is_expected(name: &str) {
    let dir = fixture(name);
    let listing = mistakes(&dir).listing().replace(&format!("{}/", dir.display()), "");
    let expected = fs::read_to_string(dir.join("expected.txt")).unwrap_or_default();
    assert_eq!(listing, expected, "\n--- found\n{listing}--- expected\n{expected}");
}

#[test]
fn every_mistake_is_listed_at_once() {
    lists_what_is_expected("every-mistake");
}

#[test]
fn a_broken_line_hides_no_other_mistake_and_invents_none() {
    lists_what_is_expected("broken-syntax");
}

#[test]
fn a_table_in_two_files_is_named_in_both() {
    lists_what_is_expected("two-files");
}

#[test]
fn what_collides_is_a_mistake() {
    lists_what_is_expected("collisions");
}

#[test]
fn what_a_target_of_postgresql_says_must_fit_together() {
    lists_what_is_expected("postgres");
}

#[test]
fn what_may_be_a_secret_is_not_repeated() {
    assert!(!mistakes(&fixture("postgres")).listing().contains("hunter2"));
}

#[test]
fn users_must_exist_and_delegation_must_be_said() {
    lists_what_is_expected("users");
}

#[test]
fn a_folder_without_configuration_is_a_mistake() {
    let dir = tempfile::tempdir().expect("a folder");
    assert!(mistakes(dir.path()).listing().contains("holds no *.toml file"));
    assert!(mistakes(&dir.path().join("absent")).listing().contains("cannot read the configuration folder"));
}

#[test]
fn a_file_that_everybody_may_write_is_a_mistake() {
    use std::os::unix::fs::PermissionsExt;
    let dir = folder_with("[serve]\n");
    let file = dir.path().join("postern.toml");
    assert!(load(dir.path(), &uid_of).is_ok());
    fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).expect("a mode");
    assert!(mistakes(dir.path()).listing().contains("everybody on this host may write"));
}

#[test]
fn a_pattern_that_the_kernel_cannot_compare_is_a_mistake() {
    let folder = |name: &str| folder_with(&format!("[agents.a]\ncgroup = \"/agents.slice/{name}-*\"\n"));
    assert!(load(folder(&"x".repeat(110)).path(), &uid_of).is_ok());
    assert!(mistakes(folder(&"x".repeat(112)).path()).listing().contains("too long for the kernel"));
}

#[test]
fn an_agent_cannot_be_the_gate_itself() {
    for covering in ["slice = \"system.slice\"", "unit = \"postern*.service\"", "cgroup = \"/init.scope\""] {
        let dir = folder_with(&format!("[agents.a]\n{covering}\n"));
        assert!(mistakes(dir.path()).listing().contains("which the host needs itself"), "{covering}");
    }
    assert!(load(folder_with("[agents.a]\nunit = \"coder.service\"\n").path(), &uid_of).is_ok());
}

#[test]
fn the_gateway_does_not_run_as_root() {
    let dir = folder_with("[serve]\nuser = \"root\"\n");
    assert!(mistakes(dir.path()).listing().contains("the gateway does not run as root"));
}

#[test]
fn a_socket_that_leads_out_is_a_danger() {
    let dir = folder_with(
        "[agents.a]\nslice = \"a.slice\"\nunix_sockets = [\"/var/run/docker.sock\", \"/run/pg/.s.5432\"]\n",
    );
    let dangers = load(dir.path(), &uid_of).expect("no mistakes").dangers();
    assert_eq!(dangers.len(), 1, "{dangers:?}");
    assert!(dangers[0].what.starts_with("/var/run/docker.sock lets the agent start containers"));
}

#[test]
fn agents_whose_numbers_are_the_same_are_a_mistake() {
    // The kernel tells agents apart by these numbers alone.
    assert_eq!(Config::agent_id("agent-54132"), Config::agent_id("agent-101988"));
    let agents = "[agents.agent-54132]\nslice = \"a.slice\"\n[agents.agent-101988]\nslice = \"b.slice\"\n";
    assert!(mistakes(folder_with(agents).path()).listing().contains("leads to a number that is taken"));
}

#[test]
fn an_agent_may_designate_a_cgroup_twice() {
    let dir = folder_with("[agents.a]\nslice = \"a.slice\"\ncgroup = \"/a.slice/b\"\n");
    assert_eq!(
        load(dir.path(), &uid_of).map(|config| config.agents["a"].watch.len()).map_err(|m| m.listing()),
        Ok(2)
    );
}

#[test]
fn a_path_that_leads_elsewhere_or_fits_no_socket_is_a_mistake() {
    let enforce = |line: &str| folder_with(&format!("[enforce]\n{line}\n"));
    let climbing = enforce("bpffs = \"/sys/fs/bpf/../../../tmp\"");
    assert!(mistakes(climbing.path()).listing().contains("is no absolute path"));
    let socket = |length: usize| enforce(&format!("socket = \"/{}\"", "x".repeat(length - 1)));
    assert!(load(socket(107).path(), &uid_of).is_ok());
    assert!(mistakes(socket(108).path()).listing().contains("too long for a unix socket"));
}

#[test]
fn a_file_that_is_no_text_is_a_mistake() {
    let dir = tempfile::tempdir().expect("a folder");
    fs::write(dir.path().join("postern.toml"), b"\xff\xfe[serve]").expect("a file");
    assert!(mistakes(dir.path()).listing().contains("cannot read it"));
}

#[test]
fn a_good_configuration_means_what_it_says() {
    let config = load(&fixture("good"), &uid_of).expect("no mistakes");
    assert_eq!(config.enforce.minimum_level, Level::Unit);
    let coder = &config.agents["coder"];
    assert!(coder.watch.iter().any(|designation| designation.matches("/agents.slice/coder-1")));
    assert_eq!(coder.targets, ["orders", "wide"]);
    assert_eq!(coder.inbound, Inbound::Loopback);
    assert!(config.agents["alice"].watch.iter().any(|it| it.matches("/user.slice/user-1001.slice")));
    assert_eq!(config.targets["wide"].ports, [80, 443]);
    let ledger = &config.postgres["ledger"];
    assert_eq!((ledger.credential, ledger.max_message), (CredentialKind::Role, 1 << 20));
    assert_eq!((ledger.tls, &ledger.pin[0].0[..3]), (Tls::VerifyFull, &[0x00, 0x11, 0x22][..]));
    let dangers: Vec<&str> = config.dangers().iter().map(|danger| danger.key).collect();
    assert_eq!(dangers, ["danger_minimum_level", "danger_delegated", "danger_replication", "grant"]);
}

#[test]
fn a_key_that_is_absent_has_the_default_of_the_reference() {
    let config = load(folder_with("[agents]\n").path(), &uid_of).expect("no mistakes");
    assert_eq!(config.enforce.cgroup_root, None);
    assert_eq!(config.enforce.minimum_level, Level::Full);
    assert_eq!((config.serve.port, config.dns.port), (6100, 6101));
    assert_eq!(config.serve.idle_timeout, Duration::from_secs(2 * 3600));
    assert!(config.dangers().is_empty());
}

#[test]
fn every_default_of_the_reference_can_be_written_out() {
    let implicit = folder_with("[agents.a]\nslice = \"a.slice\"\n");
    let written: String = super::reference::defaults().into_iter().collect();
    let explicit = folder_with(&written.replace("slice = []", "slice = \"a.slice\""));
    let read = |dir: &tempfile::TempDir| format!("{:?}", load(dir.path(), &uid_of).map_err(|m| m.listing()));
    assert_eq!(read(&explicit), read(&implicit));
    assert!(read(&implicit).starts_with("Ok"));
}

#[test]
fn the_number_of_an_agent_depends_on_its_name_only() {
    assert_eq!(Config::agent_id("coder"), Config::agent_id("coder"));
    assert_ne!(Config::agent_id("coder"), Config::agent_id("coder2"));
    // sha256("abc") begins ba 78 16 bf.
    assert_eq!(Config::agent_id("abc"), 0xbf16_78ba);
}

#[test]
fn the_written_reference_is_the_one_made_from_the_keys() {
    let written = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/configuration.md");
    assert_eq!(
        fs::read_to_string(written).unwrap_or_default(),
        super::reference(),
        "run `postern reference > docs/configuration.md`"
    );
}

#[test]
fn the_example_has_no_mistakes() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/examples");
    assert_eq!(load(&dir, &uid_of).map(|config| config.agents.len()).map_err(|m| m.listing()), Ok(1));
}

#[test]
fn what_rules_say_must_make_sense() {
    lists_what_is_expected("rules");
}

#[test]
fn a_pack_is_its_rules_for_the_agents_and_targets_of_whoever_takes_it() {
    let config = load(&fixture("good"), &uid_of).expect("no mistakes");
    let names: Vec<&str> = config.rules.iter().map(|rule| &*rule.name).collect();
    assert_eq!(names, ["bounded/every-row", "bounded/rows", "totals"]);
    let policy = config.policy();
    assert!(policy.allows_something("coder", "ledger") && !policy.allows_something("alice", "ledger"));
}

#[test]
fn an_agent_that_no_rule_allows_anything_is_named() {
    let config = load(&fixture("good"), &uid_of).expect("no mistakes");
    assert_eq!(config.without_leave(), [("alice", "ledger")]);
}
