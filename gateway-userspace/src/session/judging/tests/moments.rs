//! What is judged again for each command, though its text was read once.

use gateway_policy::facts::{TransactionAccess, TransactionModes};

use super::*;

fn in_transaction(transaction: Transaction) -> State {
    State { transaction, ..State::default() }
}

#[test]
fn what_hangs_on_the_moment_is_read_once_and_judged_for_each_command() {
    let words = Words::default();
    let when = "when = \"transaction == 'none'\"\n";
    let judges = Judges::new(&config(&(rule("allow", "select") + when)), Box::new(words.clone()));
    let mut judge = judges.judge(subject(), ground());
    for (transaction, allowed) in [
        (Transaction::None, true),
        (Transaction::Open, false),
        (Transaction::None, true),
        (Transaction::Failed, false),
    ] {
        let verdict = ask(&mut judge, "select t", &in_transaction(transaction));
        assert_eq!(matches!(verdict, Verdict::Allow(_)), allowed, "{transaction:?}");
    }
    assert_eq!(words.reads.load(Ordering::Relaxed), 1);
}

#[test]
fn what_may_begin_in_a_minute_is_for_all_sessions_together_and_counts_what_is_allowed() {
    let limited = rule("allow", "select") + "limits = { per_minute = 3 }\n" + &rule("allow", "delete");
    let judges = Judges::new(&config(&limited), Box::new(Words::default()));
    let (mut one, mut other) = (judges.judge(subject(), ground()), judges.judge(subject(), ground()));
    assert!(allows(&mut one, "select t") && allows(&mut other, "select t") && !allows(&mut one, "drop t"));
    let state = State::default();
    let prepared = one.judge(&Command { text: "select t", stage: Stage::Prepare, state: &state });
    assert!(matches!(prepared, Verdict::Allow(_)), "to prepare is not to begin");
    assert!(allows(&mut one, "select t"));
    assert!(!allows(&mut one, "select t") && !allows(&mut other, "select t"));
    assert!(allows(&mut one, "delete t"));
}

fn transaction(kind: Kind, access: Option<TransactionAccess>) -> Facts {
    let modes = TransactionModes { access, isolation: None };
    let effects = vec![Effect::new(kind, On::Transaction(modes))];
    Facts { statements: vec![Statement { effects, ..Statement::default() }], ..Facts::default() }
}

fn plain(kind: Kind) -> Facts {
    let effects = vec![Effect::new(kind, On::Nothing)];
    Facts { statements: vec![Statement { effects, ..Statement::default() }], ..Facts::default() }
}

#[test]
fn a_transaction_is_read_only_as_long_as_nothing_could_have_made_it_otherwise() {
    let (none, open) = (in_transaction(Transaction::None), in_transaction(Transaction::Open));
    let begun = || {
        let mut access = Access::default();
        access.note(&transaction(Kind::Begin, Some(TransactionAccess::ReadOnly)), &none);
        access
    };
    assert_eq!(begun().of_next(&open), Some(TransactionAccess::ReadOnly));
    assert_eq!(begun().of_next(&none), None, "it has not begun yet");
    for ending in [
        plain(Kind::Commit),
        plain(Kind::Rollback),
        plain(Kind::Savepoint),
        plain(Kind::Discard),
        transaction(Kind::SetTransaction, Some(TransactionAccess::ReadWrite)),
    ] {
        let mut access = begun();
        access.note(&ending, &open);
        assert_eq!(access.of_next(&open), None, "{ending:?}");
    }
    for harmless in [plain(Kind::Select), transaction(Kind::SetTransaction, None)] {
        let mut access = begun();
        access.note(&harmless, &open);
        assert_eq!(access.of_next(&open), Some(TransactionAccess::ReadOnly), "{harmless:?}");
    }
    let mut together = transaction(Kind::Begin, Some(TransactionAccess::ReadOnly));
    together.statements.extend(plain(Kind::Select).statements);
    let mut access = Access::default();
    access.note(&together, &none);
    assert_eq!(access.of_next(&open), None, "of several statements it is not known which came about");
}

#[test]
fn what_needs_a_purpose_is_allowed_where_the_lease_has_one() {
    let rules = rule("allow", "select") + "require = \"purpose\"\nwhen = \"purpose.startsWith('ticket ')\"\n";
    let judges = Judges::new(&config(&rules), Box::new(Words::default()));
    for (purpose, allowed) in [(Some("ticket 1"), true), (Some("fun"), false), (None, false)] {
        let mut judge = judges.judge(subject(), ground()).for_purpose(purpose.map(str::to_owned));
        assert_eq!(allows(&mut judge, "select t"), allowed, "{purpose:?}");
    }
}
