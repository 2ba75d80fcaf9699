use alloc::string::ToString;

use super::*;

const ASKED: Moment = Moment(1_000_000);
const MINUTE: Duration = Duration::from_secs(60);

fn terms() -> Terms {
    Terms {
        approvers: [Voice::Group("dba".into()), Voice::Person("root@example.com".into())].into(),
        quorum: NonZeroU16::MIN,
        wait: MINUTE,
        escalation: Some(Escalation { after: MINUTE / 2, to: [Voice::UnixGroup("leads".into())].into() }),
        reaches: [Reach::Session].into(),
        lasts: MINUTE,
        meanwhile: Meanwhile::Waits,
    }
}

fn hold(terms: &[Terms]) -> Hold {
    let asking = |(number, terms): (usize, &Terms)| Asking {
        rule: number.to_string().into(),
        terms: Arc::new(terms.clone()),
    };
    let asking = terms.iter().enumerate().map(asking).collect();
    Hold::new(Arc::new(Held { basis: Arc::default(), asking, what: "drop table \"t\"".into() }))
}

fn matter() -> Matter {
    Matter {
        exact: Fingerprint([1; 32]),
        shape: Fingerprint([2; 32]),
        session: "s1".into(),
        person: ["ada".into(), "ada@example.com".into()].into(),
    }
}

fn approver(person: &str, groups: &[&str], unix_groups: &[&str]) -> Approver {
    let owned = |names: &[&str]| names.iter().map(ToString::to_string).collect();
    Approver { person: person.into(), groups: owned(groups), unix_groups: owned(unix_groups) }
}

fn dba(person: &str) -> Yes {
    Yes { by: approver(person, &["dba"], &[]), at: ASKED }
}

fn answer(yes: &[Yes]) -> Answer {
    let Matter { exact, shape, session, .. } = matter();
    let until = ASKED.after(MINUTE);
    Answer { exact, shape, session: Some(session), reach: Reach::Once, asked: ASKED, yes: yes.into(), until }
}

fn outcome(terms: &[Terms], matter: &Matter, answer: &Answer, now: Moment) -> Result<(), NotEnough> {
    hold(terms).answered(matter, answer, now).map(|_permit| ())
}

fn now(answer: &Answer) -> Result<(), NotEnough> {
    outcome(&[terms()], &matter(), answer, ASKED)
}

#[test]
fn a_yes_of_somebody_who_may_answer_is_a_permit() {
    assert_eq!(now(&answer(&[dba("bob")])), Ok(()));
    let root = Yes { by: approver("root@example.com", &[], &[]), at: ASKED };
    assert_eq!(now(&answer(&[root])), Ok(()));
}

#[test]
fn a_yes_of_somebody_else_is_none() {
    for by in [approver("eve", &[], &[]), approver("eve", &["dbas"], &["dba"]), approver("", &["dba"], &[])] {
        assert_eq!(now(&answer(&[Yes { by, at: ASKED }])), Err(NotEnough::Quorum));
    }
    assert_eq!(now(&answer(&[])), Err(NotEnough::Quorum));
}

#[test]
fn nobody_answers_for_an_agent_of_their_own() {
    assert_eq!(now(&answer(&[dba("ada")])), Err(NotEnough::Quorum));
    assert_eq!(now(&answer(&[dba("Ada@example.com")])), Err(NotEnough::Quorum));
    assert_eq!(now(&answer(&[dba("ada"), dba("bob")])), Ok(()));
}

#[test]
fn a_quorum_counts_people_and_not_answers() {
    let two = Terms { quorum: NonZeroU16::new(2).expect("two"), ..terms() };
    let with = |yes: &[Yes]| outcome(core::slice::from_ref(&two), &matter(), &answer(yes), ASKED);
    assert_eq!(with(&[dba("bob"), dba("bob")]), Err(NotEnough::Quorum));
    assert_eq!(with(&[dba("bob"), dba("ada")]), Err(NotEnough::Quorum));
    assert_eq!(with(&[dba("bob"), dba("eve")]), Ok(()));
}

#[test]
fn every_rule_that_asked_has_to_be_content() {
    let others = Terms { approvers: [Voice::Group("security".into())].into(), ..terms() };
    let both = [terms(), others];
    let security = Yes { by: approver("sue", &["security"], &[]), at: ASKED };
    assert_eq!(outcome(&both, &matter(), &answer(&[dba("bob")]), ASKED), Err(NotEnough::Quorum));
    assert_eq!(outcome(&both, &matter(), &answer(&[dba("bob"), security]), ASKED), Ok(()));
}

#[test]
fn others_may_answer_only_after_a_while() {
    let lead = |at| Yes { by: approver("lea", &[], &["leads"]), at };
    assert_eq!(now(&answer(&[lead(ASKED)])), Err(NotEnough::Quorum));
    assert_eq!(now(&answer(&[lead(Moment(ASKED.0 + 29_999))])), Err(NotEnough::Quorum));
    assert_eq!(now(&answer(&[lead(ASKED.after(MINUTE / 2))])), Ok(()));
}

#[test]
fn an_answer_is_about_one_command_in_one_session() {
    let given = answer(&[dba("bob")]);
    let with = |matter: &Matter| outcome(&[terms()], matter, &given, ASKED);
    let other = Matter { exact: Fingerprint([3; 32]), ..matter() };
    assert_eq!(with(&other), Err(NotEnough::OtherCommand));
    let elsewhere = Matter { session: "s2".into(), ..matter() };
    assert_eq!(with(&elsewhere), Err(NotEnough::OtherSession));
    let anywhere = Answer { session: None, ..given.clone() };
    assert_eq!(outcome(&[terms()], &elsewhere, &anywhere, ASKED), Ok(()));
}

#[test]
fn an_answer_reaches_further_only_where_every_rule_permits_it() {
    let for_session = Answer { reach: Reach::Session, ..answer(&[dba("bob")]) };
    let same_shape = Matter { exact: Fingerprint([3; 32]), ..matter() };
    assert_eq!(outcome(&[terms()], &same_shape, &for_session, ASKED), Ok(()));
    let strict = Terms { reaches: Vec::new(), ..terms() };
    let both = [terms(), strict];
    assert_eq!(outcome(&both, &same_shape, &for_session, ASKED), Err(NotEnough::TooFar));
    let for_shape = Answer { reach: Reach::Shape, ..answer(&[dba("bob")]) };
    assert_eq!(now(&for_shape), Err(NotEnough::TooFar));
    let other_shape = Matter { shape: Fingerprint([3; 32]), ..matter() };
    assert_eq!(outcome(&[terms()], &other_shape, &for_session, ASKED), Err(NotEnough::OtherCommand));
    let elsewhere = Matter { session: "s2".into(), ..matter() };
    assert_eq!(outcome(&[terms()], &elsewhere, &for_session, ASKED), Err(NotEnough::OtherSession));
}

#[test]
fn an_answer_comes_to_its_end() {
    let given = answer(&[dba("bob")]);
    let at = |now| outcome(&[terms()], &matter(), &given, now);
    assert_eq!(at(Moment(given.until.0 - 1)), Ok(()));
    assert_eq!(at(given.until), Err(NotEnough::Late));
    let endless = Answer { until: Moment(u64::MAX), ..given.clone() };
    assert_eq!(now(&endless), Err(NotEnough::TooFar));
}

#[test]
fn a_no_says_what_was_held_and_where_to_read_more() {
    let denial = hold(&[terms()]).refused(NotApproved::Denied, Some("7f3a"), Some("not on a Friday"));
    assert_eq!(denial.message, "drop table \"t\" was not approved: not on a Friday");
    assert_eq!(denial.hint.as_deref(), Some("Request 7f3a has what was asked and who answered."));
    assert_eq!(denial.because, Because::NotApproved(NotApproved::Denied));
}

#[test]
fn who_may_answer_is_read_and_written_alike() {
    for text in ["*", "person:ada@example.com", "group:dba", "unix:wheel"] {
        assert_eq!(Voice::parse(text).map(|voice| voice.to_string()).as_deref(), Ok(text));
    }
    for text in ["", "ada", "group:", "team:dba", "**"] {
        assert_eq!(Voice::parse(text), Err(VoiceError), "{text}");
    }
}
