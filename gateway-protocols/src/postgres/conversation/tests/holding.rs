//! Commands that wait for people.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::num::NonZeroU16;
use core::time::Duration;

use gateway_policy::approval::{Meanwhile, Terms, Voice};
use gateway_policy::facts::{Effect, Facts, Kind, On, Statement};
use gateway_policy::judge::Verdict;
use gateway_policy::limits::Limits as Bounds;
use gateway_policy::policy::Policy;
use gateway_policy::rule::{Actions, Mode, Rule, Scope, Stance, Subject};

use super::super::Limits;
use super::script::{Relay, burst};

/// What a policy says that holds everything.
pub(super) fn hold() -> Verdict {
    let mut what = Actions::default();
    what.add("begin").expect("an action");
    let minute = Duration::from_secs(60);
    let terms = Terms {
        approvers: [Voice::Anyone].into(),
        quorum: NonZeroU16::MIN,
        wait: minute,
        escalation: None,
        reaches: Vec::new(),
        lasts: minute,
        meanwhile: Meanwhile::Waits,
    };
    let rule = Rule {
        name: "asking".into(),
        stance: Stance::Hold,
        mode: Mode::Enforce,
        agents: Vec::new(),
        people: Vec::new(),
        groups: Vec::new(),
        targets: Vec::new(),
        databases: Vec::new(),
        what,
        on: Scope::default(),
        conditions: Vec::new(),
        when: None,
        limits: Bounds::default(),
        terms: Some(Arc::new(terms)),
    };
    let statement =
        Statement { effects: [Effect::new(Kind::Begin, On::Nothing)].into(), ..Statement::default() };
    let facts = Facts { statements: [statement].into(), unknowns: Vec::new() };
    let subject = Subject { agent: "a", person: None, target: "t", database: "d" };
    Policy::new([rule].into(), Vec::new()).over(&subject).judge(&facts).verdict()
}

fn relay(script: &[&str]) -> Relay {
    let mut relay = Relay::new(Limits::default());
    for line in script {
        let (side, bytes) = burst(line).expect("a burst");
        relay.hear(side, &bytes);
    }
    relay
}

#[test]
fn nothing_of_a_held_query_goes_on_and_neither_does_what_comes_behind() {
    let played = relay(&["> Q held | Q select 1"]).end();
    assert_eq!((played.to_target.as_str(), played.to_agent.as_str()), ("", ""));
    assert_eq!((played.court.len(), played.broken), (0, None));
}

#[test]
fn a_yes_lets_the_query_go_on_as_it_was_sent() {
    let mut relay = relay(&["> Q held | Q select 1"]);
    relay.ring(false, None);
    relay.ring(true, None);
    let played = relay.end();
    assert_eq!(played.to_target, "Q held | Q select 1");
    assert_eq!(played.court[..2], ["run 1: held in public", "run 2: select 1 in public"]);
}

#[test]
fn a_bind_is_held_with_its_parameters_and_what_was_prepared_stays() {
    let mut relay = relay(&["> P s: held $1 | B =s(7) | E | S", "< 1"]);
    relay.ring(true, None);
    let played = relay.end();
    let heard = ["prepare 1: held $1 in public", "1 prepared", "run(7) 2: held $1 in public"];
    assert_eq!(played.court[..3], heard);
    assert!(played.to_target.starts_with("P s: held $1 | H | B =s(7) | E"), "{}", played.to_target);
}

#[test]
fn an_agent_that_waits_is_told_so_between_messages_of_the_target() {
    let mut relay = relay(&["> Q held"]);
    relay.ring(false, Some("still waiting"));
    let (to_target, to_agent, ..) = relay.over();
    assert!(to_target.is_empty());
    assert!(to_agent.starts_with(b"N") && to_agent.windows(13).any(|part| part == b"still waiting"));
}

#[test]
fn what_was_asked_before_is_answered_while_a_command_waits() {
    let mut relay = relay(&["> Q select 1 | Q held", "< C SELECT 1 | Z I"]);
    relay.ring(true, None);
    let played = relay.end();
    assert_eq!(played.to_agent, "C SELECT 1 | Z I");
    assert_eq!(played.to_target, "Q select 1 | Q held");
}
