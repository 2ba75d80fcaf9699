//! What may become of a request.

use std::num::NonZeroU16;

use gateway_policy::approval::{Approver, Fingerprint, Moment, Terms, Voice};
use gateway_policy::person::Person;

use super::book::{Book, Unheard};
use super::request::written;
use super::*;
use crate::session::judging::Subject;

const ASKED: u64 = 1_000_000;
const MINUTE: Duration = Duration::from_secs(60);

fn request(id: &str, meanwhile: Meanwhile) -> Request {
    Request {
        id: id.into(),
        agent: "coder".into(),
        person: vec!["ada".into()],
        target: "orders".into(),
        database: "shop".into(),
        session: "s1".into(),
        connection: 7,
        command: 3,
        text: "delete from t".into(),
        parameters: Vec::new(),
        what: "delete on \"t\"".into(),
        effects: Vec::new(),
        transaction: Vec::new(),
        rules: vec!["asking".into()],
        meanwhile,
        asked_ms: ASKED,
        until_ms: Moment(ASKED).after(MINUTE).0,
        exact: written(Fingerprint([1; 32])),
        shape: written(Fingerprint([2; 32])),
        state: State::Pending,
        yes: Vec::new(),
        times: 1,
    }
}

fn terms(quorum: u16) -> impl Fn(&str) -> Option<Arc<Terms>> {
    move |rule| {
        (rule == "asking").then(|| {
            Arc::new(Terms {
                approvers: vec![Voice::UnixGroup("dba".into())],
                quorum: NonZeroU16::new(quorum).expect("a quorum"),
                wait: MINUTE,
                escalation: None,
                reaches: Vec::new(),
                lasts: MINUTE,
                meanwhile: gateway_policy::approval::Meanwhile::Waits,
            })
        })
    }
}

fn dba(person: &str) -> Approver {
    Approver { person: person.into(), groups: Vec::new(), unix_groups: vec!["dba".into()] }
}

fn say_yes(book: &Book, person: &str, quorum: u16, now: u64) -> Result<(Request, usize), Unheard> {
    book.approved("r", &dba(person), Wide::Once, Moment(now), &terms(quorum))
}

#[test]
fn two_people_are_needed_where_a_rule_says_so_and_one_counts_once() {
    let mut book = Book::of(vec![request("r", Meanwhile::Waits)]);
    let (after, missing) = say_yes(&book, "bob", 2, ASKED).expect("heard");
    assert!(missing == 1 && after.is_pending());
    book.put(after);
    assert_eq!(say_yes(&book, "bob", 2, ASKED), Err(Unheard::AlreadySaid));
    assert_eq!(say_yes(&book, "Ada", 2, ASKED), Err(Unheard::NotTheirs));
    let (after, missing) = say_yes(&book, "eve", 2, ASKED).expect("heard");
    assert!(missing == 0 && matches!(after.state, State::Approved { .. }));
}

#[test]
fn the_person_of_the_session_is_not_heard_by_any_of_their_names() {
    let person = Person {
        issuer: "https://login.example".into(),
        subject: "a1".into(),
        name: None,
        email: Some("ada@example.com".into()),
        groups: Vec::new(),
    };
    let acting =
        |person| Subject { agent: "coder".into(), person, target: "orders".into(), database: "shop".into() };
    let own = counter::own(&acting(Some(Arc::new(person))));
    let person: Vec<String> = own.iter().map(ToString::to_string).collect();
    let book = Book::of(vec![Request { person, ..request("r", Meanwhile::Waits) }]);
    for own in ["a1", "ada@example.com", "Ada@Example.com"] {
        assert_eq!(say_yes(&book, own, 1, ASKED), Err(Unheard::NotTheirs));
        let no = book.denied("r", &dba(own), None, Moment(ASKED), &terms(1));
        assert_eq!(no, Err(Unheard::NotTheirs));
    }
    assert!(say_yes(&book, "bob", 1, ASKED).is_ok());
    assert!(counter::own(&acting(None)).is_empty());
}

#[test]
fn nobody_is_heard_late_twice_or_about_a_rule_that_is_gone() {
    let mut book = Book::of(vec![request("r", Meanwhile::Waits)]);
    assert!(matches!(say_yes(&book, "bob", 1, ASKED + 60_000), Err(Unheard::Over(_))));
    let gone = book.approved("r", &dba("bob"), Wide::Once, Moment(ASKED), &|_| None);
    assert_eq!(gone, Err(Unheard::RuleGone("asking".into())));
    let far = book.approved("r", &dba("bob"), Wide::Shape, Moment(ASKED), &terms(1));
    assert_eq!(far, Err(Unheard::TooFar));
    let denied = book.denied("r", &dba("bob"), None, Moment(ASKED), &terms(1)).expect("heard");
    book.put(denied);
    assert_eq!(say_yes(&book, "eve", 1, ASKED), Err(Unheard::Over("bob has said no".into())));
    assert_eq!(
        book.approved("x", &dba("bob"), Wide::Once, Moment(ASKED), &terms(1)),
        Err(Unheard::NoSuchRequest)
    );
}

#[test]
fn a_yes_is_remembered_only_where_the_agent_comes_again() {
    let (exact, shape) = (Fingerprint([1; 32]), Fingerprint([2; 32]));
    for (meanwhile, remembered) in [(Meanwhile::Waits, 0), (Meanwhile::ComesAgain, 1)] {
        let mut book = Book::of(vec![request("r", meanwhile)]);
        assert!(book.remembered("coder", exact, shape).is_empty());
        let (after, _) = say_yes(&book, "bob", 1, ASKED).expect("heard");
        book.put(after);
        assert_eq!(book.remembered("coder", exact, shape).len(), remembered);
        assert!(book.remembered("tester", exact, shape).is_empty());
        assert!(book.remembered("coder", Fingerprint([3; 32]), shape).is_empty());
    }
}

#[test]
fn what_nobody_answers_times_out_and_a_yes_nobody_uses_ends() {
    let mut book = Book::of(vec![request("r", Meanwhile::ComesAgain)]);
    assert!(book.timed_out(Moment(ASKED + 59_999)).is_empty());
    assert_eq!(book.timed_out(Moment(ASKED + 60_000))[0].state, State::TimedOut);
    let (after, _) = say_yes(&book, "bob", 1, ASKED + 1000).expect("heard");
    book.put(after);
    assert!(book.timed_out(Moment(ASKED + 60_999)).is_empty());
    assert!(matches!(book.timed_out(Moment(ASKED + 61_000))[0].state, State::Withdrawn { .. }));
}

#[test]
fn a_request_that_several_sessions_wait_for_stays_until_the_last_has_left() {
    let mut book = Book::of(vec![request("r", Meanwhile::Waits)]);
    let bell = Arc::new(Bell::default());
    let tickets: Vec<u64> =
        ["s1", "s2"].map(|session| book.wait("r", session, Arc::clone(&bell), Moment(ASKED))).into();
    assert_eq!(book.waiters("r"), 2);
    assert!(book.leave(tickets[0]).is_none());
    assert_eq!(book.leave(tickets[1]).map(|request| request.id.as_str()), Some("r"));
    assert!(book.leave(tickets[1]).is_none());
}

#[test]
fn an_answer_for_one_that_waits_is_bound_to_its_session() {
    let approved = State::Approved { reach: Wide::Once, until_ms: ASKED };
    let waits = Request { state: approved.clone(), ..request("r", Meanwhile::Waits) };
    assert_eq!(waits.answer("s2").and_then(|answer| answer.session).as_deref(), Some("s2"));
    let comes = Request { state: approved, ..request("r", Meanwhile::ComesAgain) };
    assert_eq!(comes.answer("s2").expect("an answer").session, None);
    assert_eq!(request("r", Meanwhile::Waits).answer("s1"), None);
}
