//! The truth table, and what holds for every set of rules.

mod limits;
mod notation;
mod properties;

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::*;
use crate::facts::{Nature, On, Reason, Unknown};
use crate::judge::Verdict;
use crate::person::Person;
use notation::{circumstances, effect_and_statement, rules};

const SUBJECT: Subject<'_> = Subject { agent: "coder", person: None, target: "orders", database: "shop" };

/// Rules, an effect and the verdict on each line, `|` between them.
const TRUTH: &str = include_str!("tests/truth_table.txt");

/// The same with circumstances between rules and effect.
const MOMENTS: &str = include_str!("tests/moments.txt");

fn facts(effects: &str) -> Facts {
    let statements = effects.split(" + ").map(effect_and_statement).collect();
    Facts { statements, unknowns: Vec::new() }
}

fn verdict(rules_text: &str, facts: &Facts) -> Verdict {
    Policy::new(rules(rules_text), Vec::new()).over(&SUBJECT).judge(facts).verdict()
}

/// `allow`, or what the denial rests on and what it says.
fn told(verdict: Verdict) -> String {
    match verdict {
        Verdict::Allow(_) => "allow".to_string(),
        Verdict::Hold(hold) => {
            let rules: Vec<&str> = hold.asking().iter().map(|asking| &*asking.rule).collect();
            alloc::format!("hold {} {}", rules.join(","), hold.what())
        }
        Verdict::Deny(denial) => denial.message,
    }
}

fn denial(rules_text: &str, effects: &str) -> Denial {
    match verdict(rules_text, &facts(effects)) {
        Verdict::Deny(denial) => denial,
        Verdict::Allow(_) | Verdict::Hold(_) => panic!("{rules_text} does not deny {effects}"),
    }
}

#[test]
fn every_line_of_the_truth_table_is_true() {
    let lines = TRUTH.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut checked = 0;
    for line in lines {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [rules, effects, expected] = cells.as_slice() else { panic!("three cells: {line}") };
        assert_eq!(told(verdict(rules, &facts(effects))), *expected, "{line}");
        checked += 1;
    }
    assert!(checked > 80, "{checked}");
}

#[test]
fn every_line_of_the_table_of_moments_is_true() {
    let lines = MOMENTS.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut checked = 0;
    for line in lines {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [rules_text, moment, effects, expected] = cells.as_slice() else { panic!("four cells: {line}") };
        let jurisdiction = Policy::new(rules(rules_text), Vec::new()).over(&SUBJECT);
        let judged = jurisdiction.judge_under(&facts(effects), &circumstances(moment));
        assert_eq!(told(judged.verdict()), *expected, "{line}");
        checked += 1;
    }
    assert!(checked > 60, "{checked}");
}

#[test]
fn what_hangs_on_the_moment_holds_for_one_command() {
    let lasts = |rules_text: &str, effects: &str| {
        Policy::new(rules(rules_text), Vec::new()).over(&SUBJECT).judge(&facts(effects)).lasts()
    };
    for rules_text in [
        "allow select when=time>=08:00",
        "allow select; deny select when=weekday=sunday",
        "allow select when=limit<=5/transaction=open",
        "allow select require=read-only_transaction",
        "allow select; deny select unless=purpose",
    ] {
        assert_eq!(lasts(rules_text, "select; table orders"), Lasting::Once, "{rules_text}");
        assert_eq!(lasts(rules_text, "drop; object table orders"), Lasting::AsRead, "{rules_text}");
    }
    assert_eq!(lasts("allow select when=limit<=5", "select; table orders"), Lasting::AsRead);
}

#[test]
fn a_denial_names_its_rule_for_the_record_and_not_for_the_agent() {
    let denial = denial("deny delete; allow select,delete", "delete; table public.orders");
    assert_eq!(denial.because, Because::Rule("r0".into()));
    assert_eq!(denial.message, "delete on \"public.orders\" is denied");
    assert_eq!(denial.hint.as_deref(), Some("allowed on \"public.orders\": select"));
}

#[test]
fn a_permit_names_the_rules_that_allowed_it() {
    let facts = facts("select; table orders; columns=id,name");
    let Verdict::Allow(permit) =
        verdict("allow select columns=id; allow select columns=name; allow insert", &facts)
    else {
        panic!("allowed")
    };
    assert_eq!(permit.rules(), [RuleName::from("r0"), RuleName::from("r1")]);
    assert_eq!(permit.observed(), None);
}

#[test]
fn a_message_is_as_good_as_its_worst_effect() {
    let rules = "allow select,insert";
    assert_eq!(told(verdict(rules, &facts("select; table a + insert; table b"))), "allow");
    let worst = facts("select; table a + drop; object table b + insert; table b");
    assert_eq!(told(verdict(rules, &worst)), "drop table \"b\" is not allowed");
}

#[test]
fn what_could_not_be_read_is_denied_whatever_is_allowed() {
    let unknown = Unknown { reason: Reason::OpaqueCode, about: Some("plv8".to_string()) };
    let mut facts = facts("do; nothing");
    facts.statements[0].unknowns.push(unknown.clone());
    let said = told(verdict("allow any", &facts));
    assert_eq!(said, "the statement runs code that cannot be read beforehand: \"plv8\"");
    let whole = Facts { statements: Vec::new(), unknowns: [unknown].into() };
    assert!(matches!(verdict("allow any", &whole), Verdict::Deny(_)));
}

#[test]
fn without_a_rule_that_allows_not_even_nothing_is_allowed() {
    assert_eq!(told(verdict("deny drop", &Facts::default())), "nothing is allowed on this target");
    assert_eq!(told(verdict("allow drop", &Facts::default())), "allow");
}

#[test]
fn a_rule_is_about_its_agents_targets_and_databases_only() {
    let facts = facts("select; table orders");
    for rule in ["agents=coder", "agents=c*", "targets=orders,other", "databases=shop", "agents=*"] {
        assert_eq!(told(verdict(&alloc::format!("allow select {rule}"), &facts)), "allow", "{rule}");
    }
    for rule in ["agents=code", "targets=order", "databases=shop2", "agents=coder targets=x"] {
        let allow = alloc::format!("allow select {rule}");
        assert_eq!(told(verdict(&allow, &facts)), "nothing is allowed on this target", "{rule}");
        let deny = alloc::format!("deny select {rule}; allow any");
        assert_eq!(told(verdict(&deny, &facts)), "allow", "{rule}");
    }
}

/// What is said of a select of a coder that acts for Alice of the groups dba and staff, for Bob of no group, and for
/// nobody that is known.
#[test]
fn a_rule_that_names_people_or_groups_is_about_them_and_what_denies_about_the_unknown_too() {
    const NO: &str = "nothing is allowed on this target";
    const DENIED: &str = "select on \"orders\" is denied";
    let table = [
        ("allow select people=alice", ["allow", NO, NO]),
        ("allow select people=*", ["allow", "allow", NO]),
        ("allow select groups=dba", ["allow", NO, NO]),
        ("allow select groups=d*,x", ["allow", NO, NO]),
        ("allow select groups=*", ["allow", NO, NO]),
        ("allow select people=alice groups=dba", ["allow", NO, NO]),
        ("allow select people=bob groups=dba", [NO, NO, NO]),
        ("allow any; deny select people=alice", [DENIED, "allow", DENIED]),
        ("allow any; deny select groups=dba", [DENIED, "allow", DENIED]),
        ("allow any; deny select people=bob groups=dba", ["allow", "allow", DENIED]),
        ("allow any; deny select people=*", [DENIED, DENIED, DENIED]),
    ];
    let person = |subject: &str, groups: &[&str]| Person {
        issuer: "https://id.example.com".into(),
        subject: subject.into(),
        name: None,
        email: None,
        groups: groups.iter().map(ToString::to_string).collect(),
    };
    let (alice, bob) = (person("alice", &["dba", "staff"]), person("bob", &[]));
    for (text, expected) in table {
        let policy = Policy::new(rules(text), Vec::new());
        let judged = [Some(&alice), Some(&bob), None].map(|person| {
            told(policy.over(&Subject { person, ..SUBJECT }).judge(&facts("select; table orders")).verdict())
        });
        assert_eq!(judged, expected, "{text}");
    }
}

#[test]
fn where_a_target_is_observed_a_denial_goes_along_with_the_permit() {
    let policy = Policy::new(rules("allow select"), ["orders".to_string()].into());
    let Verdict::Allow(permit) = policy.over(&SUBJECT).judge(&facts("delete; table orders")).verdict() else {
        panic!("observed")
    };
    let observed = permit.observed().map(|denial| denial.message.as_str());
    assert_eq!(observed, Some("delete on \"orders\" is not allowed"));
}

#[test]
fn a_rule_that_is_observed_denies_nothing_and_is_told() {
    let rules_text = "observe delete; allow select,delete";
    let Verdict::Allow(permit) = verdict(rules_text, &facts("delete; table orders")) else {
        panic!("observed")
    };
    assert_eq!(permit.observed().map(|denial| denial.because.clone()), Some(Because::Rule("r0".into())));
    let Verdict::Allow(permit) = verdict(rules_text, &facts("select; table orders")) else {
        panic!("allowed")
    };
    assert_eq!(permit.observed(), None);
}

#[test]
fn a_name_can_neither_end_a_message_nor_turn_it_round() {
    let mut facts = facts("delete; table orders");
    let On::Relation(name) = &mut facts.statements[0].effects[0].on else { panic!("a table") };
    name.name = alloc::format!("a\"\n\u{202e}é{}", "x".repeat(1000));
    let said = told(verdict("allow select", &facts));
    assert!(said.starts_with("delete on \"a???éxxx") && said.ends_with("x…\" is not allowed"), "{said}");
    assert!(said.len() < 200, "{said}");
}

#[test]
fn a_rule_is_found_by_each_of_its_names() {
    let rules = "allow select tables=log~*,logs,a*z,orders";
    for table in ["log_1", "logs", "a_z", "az", "orders"] {
        assert_eq!(
            told(verdict(rules, &facts(&alloc::format!("select; table {table}")))),
            "allow",
            "{table}"
        );
    }
    for table in ["log", "logs2", "a_zy", "orders2", "é"] {
        assert_ne!(
            told(verdict(rules, &facts(&alloc::format!("select; table {table}")))),
            "allow",
            "{table}"
        );
    }
}

#[test]
fn an_explanation_names_a_rule_once_for_an_effect() {
    let jurisdiction = Policy::new(rules("allow select tables=log~*,log~a*"), Vec::new()).over(&SUBJECT);
    let explanation = jurisdiction.explain(&facts("select; table log_a1"));
    assert_eq!(explanation.effects[0].rules.len(), 1);
}
