mod moments;

use std::sync::atomic::AtomicUsize;

use gateway_policy::command::Transaction;
use gateway_policy::facts::{Effect, Kind, Name, On, Schema, Setting, Statement};
use gateway_sql::PATH_UNKNOWN;

use super::*;
use crate::config;
use crate::session::postgres::catalogue::SharedCatalogue;

/// Reads `select t`, `delete t`, `set x`, and counts what it had to read.
#[derive(Clone, Default)]
struct Words {
    reads: Arc<AtomicUsize>,
    paths: Arc<Mutex<Vec<String>>>,
}

impl Reader for Words {
    fn read(&self, text: &str, state: &State, _catalogue: &Catalogue) -> Facts {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.paths.lock().expect("no panic").push(state.setting("search_path").unwrap_or("none").to_owned());
        let (kind, name) = text.split_once(' ').expect("two words");
        let name = name.to_owned();
        let on = match kind {
            "set" => On::Setting(Setting { name, value: None }),
            _ => On::Relation(Name { schema: Schema::Unresolved, name }),
        };
        let effect = Effect::new(Kind::from_word(kind).expect("a kind"), on);
        Facts {
            statements: [Statement { effects: [effect].into(), ..Statement::default() }].into(),
            ..Facts::default()
        }
    }
}

fn config(tables: &str) -> Config {
    config::fixture(&format!(
        "[agents.coder]\nslice = \"a.slice\"\ntargets = \"orders\"\n\
         [targets.orders]\nprotocol = \"postgres\"\nhosts = \"10.0.0.1\"\nports = 5432\n\
         [targets.orders.postgres]\nuser = \"app\"\npassword = \"env:PASSWORD\"\n{tables}"
    ))
}

fn rule(effect: &str, what: &str) -> String {
    format!(
        "[rules.{effect}-{what}]\nagents = \"*\"\ntargets = \"*\"\neffect = \"{effect}\"\nwhat = \"{what}\"\n"
    )
}

fn subject() -> Subject {
    Subject { agent: "coder".into(), person: None, target: "orders".into(), database: "shop".into() }
}

fn ground() -> Ground {
    Ground {
        catalogue: Arc::new(SharedCatalogue::unread(Arc::default())),
        path: Some("begun".into()),
        user: "app".into(),
    }
}

fn ask(judge: &mut Judge, text: &str, state: &State) -> Verdict {
    judge.judge(&Command { text, stage: Stage::Run(&[]), state })
}

fn allows(judge: &mut Judge, text: &str) -> bool {
    matches!(ask(judge, text, &State::default()), Verdict::Allow(_))
}

/// What the permit demands as to settings.
fn settings(judge: &mut Judge, text: &str) -> Settings {
    match ask(judge, text, &State::default()) {
        Verdict::Allow(permit) => permit.obligations().settings,
        Verdict::Hold(hold) => panic!("{text}: {} is held", hold.what()),
        Verdict::Deny(denial) => panic!("{text}: {}", denial.message),
    }
}

#[test]
fn a_text_is_read_once_for_all_sessions_of_a_subject() {
    let words = Words::default();
    let judges = Judges::new(&config(&rule("allow", "select")), Box::new(words.clone()));
    for _ in 0..3 {
        let mut judge = judges.judge(subject(), ground());
        assert!(allows(&mut judge, "select t") && allows(&mut judge, "select t"));
        assert!(!allows(&mut judge, "delete t") && !allows(&mut judge, "delete t"));
    }
    assert_eq!(words.reads.load(Ordering::Relaxed), 2);
    let elsewhere = Subject { database: "other".into(), ..subject() };
    assert!(allows(&mut judges.judge(elsewhere, ground()), "select t"));
    assert_eq!(words.reads.load(Ordering::Relaxed), 3);
}

#[test]
fn two_people_share_no_verdict_and_neither_does_one_who_has_lost_a_group() {
    let words = Words::default();
    let only_dba = rule("allow", "select") + "groups = \"dba\"\n";
    let judges = Judges::new(&config(&only_dba), Box::new(words.clone()));
    let acting_for = |named: &str, groups: &[&str]| {
        let groups = groups.iter().map(|group| (*group).to_owned()).collect();
        let issuer = "https://id.example.com".to_owned();
        let person = Person { issuer, subject: named.to_owned(), name: None, email: None, groups };
        judges.judge(Subject { person: Some(Arc::new(person)), ..subject() }, ground())
    };
    assert!(allows(&mut acting_for("alice", &["dba"]), "select t"));
    assert!(!allows(&mut acting_for("bob", &[]), "select t"));
    assert!(!allows(&mut acting_for("alice", &[]), "select t"));
    assert!(!allows(&mut judges.judge(subject(), ground()), "select t"));
    assert!(allows(&mut acting_for("alice", &["dba"]), "select t"));
    assert_eq!(words.reads.load(Ordering::Relaxed), 4);
}

#[test]
fn what_goes_on_only_because_somebody_observes_is_counted() {
    let rules = rule("allow", "select") + &rule("deny", "select") + "mode = \"observe\"\n";
    let judges = Judges::new(&config(&rules), Box::new(Words::default()));
    let mut judge = judges.judge(subject(), ground());
    assert!(allows(&mut judge, "select t") && allows(&mut judge, "select t"));
    assert!(!allows(&mut judge, "delete t"));
    assert_eq!(judges.would_deny(), [("coder".to_owned(), 2)].into());
}

#[test]
fn a_session_that_reads_differently_reads_for_itself() {
    let words = Words::default();
    let judges = Judges::new(&config(&rule("allow", "select")), Box::new(words.clone()));
    let mut judge = judges.judge(subject(), ground());
    let with = |path: &str| State { settings: vec![("search_path".into(), path.into())], ..State::default() };
    for state in [with("a"), with("b"), with("a"), State { transaction: Transaction::Open, ..with("b") }] {
        assert!(matches!(ask(&mut judge, "select t", &state), Verdict::Allow(_)));
    }
    assert_eq!(words.reads.load(Ordering::Relaxed), 2);
}

#[test]
fn other_rules_hold_for_the_next_command_of_an_open_session() {
    let judges = Judges::new(&config(&rule("allow", "any")), Box::new(Words::default()));
    let mut judge = judges.judge(subject(), ground());
    assert!(allows(&mut judge, "delete t"));
    judges.replace(&config(&(rule("allow", "any") + &rule("deny", "delete"))));
    assert!(!allows(&mut judge, "delete t") && allows(&mut judge, "select t"));
}

#[test]
fn where_nothing_is_judged_nothing_is_read() {
    let words = Words::default();
    let judges = Judges::new(&config("danger_judging = \"off\"\n"), Box::new(words.clone()));
    assert!(allows(&mut judges.judge(subject(), ground()), "delete t"));
    assert_eq!(words.reads.load(Ordering::Relaxed), 0);
}

#[test]
fn what_may_change_how_the_next_is_read_holds_it_up() {
    let judges = Judges::new(&config(&rule("allow", "any")), Box::new(Words::default()));
    let mut judge = judges.judge(subject(), ground());
    assert_eq!(settings(&mut judge, "select t"), Settings::Kept);
    assert_eq!(settings(&mut judge, "set timezone"), Settings::Kept);
    assert_eq!(settings(&mut judge, "commit t"), Settings::Kept);
    assert_eq!(settings(&mut judge, "set role"), Settings::Changed);
    assert_eq!(settings(&mut judge, "commit t"), Settings::Changed);
    assert_eq!(settings(&mut judge, "select t"), Settings::Kept);
}

#[test]
fn preparing_changes_nothing_yet() {
    let judges = Judges::new(&config(&rule("allow", "any")), Box::new(Words::default()));
    let mut judge = judges.judge(subject(), ground());
    let state = State::default();
    let prepare = Command { text: "set role", stage: Stage::Prepare, state: &state };
    let Verdict::Allow(permit) = judge.judge(&prepare) else { panic!("allowed") };
    assert_eq!(permit.obligations().settings, Settings::Kept);
    assert_eq!(settings(&mut judge, "commit t"), Settings::Kept);
}

#[test]
fn a_search_path_that_was_changed_unseen_is_not_known_any_more() {
    let words = Words::default();
    let judges = Judges::new(&config(&rule("allow", "any")), Box::new(words.clone()));
    let mut judge = judges.judge(subject(), ground());
    let reported = State { settings: vec![("search_path".into(), "a".into())], ..State::default() };
    for text in ["select a", "set timezone", "select b", "set search_path", "select c"] {
        assert!(allows(&mut judge, text));
    }
    assert!(matches!(ask(&mut judge, "select d", &reported), Verdict::Allow(_)));
    let paths = words.paths.lock().expect("no panic").clone();
    assert_eq!(paths, ["begun", "begun", "begun", "begun", PATH_UNKNOWN, "a"]);
}

#[test]
fn the_users_own_schema_is_the_one_of_the_login() {
    let words = Words::default();
    let judges = Judges::new(&config(&rule("allow", "any")), Box::new(words.clone()));
    let mut judge = judges.judge(subject(), ground());
    let with = |path: &str| State { settings: vec![("search_path".into(), path.into())], ..State::default() };
    let reported = with("\"$user\", public");
    for (text, state) in [("select a", &reported), ("set role", &reported), ("select b", &reported)] {
        assert!(matches!(ask(&mut judge, text, state), Verdict::Allow(_)));
    }
    assert!(matches!(ask(&mut judge, "select c", &with("public")), Verdict::Allow(_)));
    let paths = words.paths.lock().expect("no panic").clone();
    assert_eq!(paths, ["\"app\", public", "\"app\", public", PATH_UNKNOWN, "public"]);
}
