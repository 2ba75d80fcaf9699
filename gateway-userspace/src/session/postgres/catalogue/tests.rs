use gateway_policy::command::State;
use gateway_policy::facts::{Kind, On, Reason};

use super::*;

fn rows(rows: &[[&str; 6]]) -> Vec<Vec<Option<String>>> {
    let value = |value: &&str| (*value != "-").then(|| (*value).to_owned());
    rows.iter().map(|row| row.iter().map(value).collect()).collect()
}

fn shop() -> Vec<Vec<Option<String>>> {
    rows(&[
        ["relation", "public", "orders", "false", r#"["id", "a \"b\""]"#, "-"],
        ["relation", "public", "peek", "false", r#"["card"]"#, "-"],
        ["relation", "vault", "secret", "false", r#"["card"]"#, "-"],
        ["base", "public", "peek", "vault", r#"["card"]"#, "secret"],
        ["function", "public", "leak", "true", "false", "-"],
        ["operator", "public", "###", "-", "-", "-"],
        ["type", "public", "wrapped", "false", "-", "-"],
    ])
}

fn with_path() -> State {
    State { settings: vec![("search_path".to_owned(), "public".to_owned())], ..State::default() }
}

#[test]
fn a_view_is_known_by_what_it_reads() {
    let catalogue = contents::catalogue(shop(), 1).unwrap();
    let facts = gateway_sql::read("select card from peek", &with_path(), &catalogue);
    let read: Vec<_> = facts
        .statements
        .iter()
        .flat_map(|statement| &statement.effects)
        .filter(|effect| effect.kind == Kind::Select)
        .map(|effect| format!("{:?}", effect.on))
        .collect();
    assert!(read.iter().any(|on| on.contains("secret")), "{read:?}");
}

#[test]
fn a_table_that_is_not_there_is_unknown() {
    let catalogue = contents::catalogue(shop(), 1).unwrap();
    let facts = gateway_sql::read("select * from public.nothing", &with_path(), &catalogue);
    let unknowns = facts.statements.iter().flat_map(|statement| &statement.unknowns);
    assert!(unknowns.map(|unknown| unknown.reason).any(|reason| reason == Reason::NotInCatalogue));
    let facts = gateway_sql::read("select id from orders", &with_path(), &catalogue);
    assert!(facts.statements.iter().all(|statement| statement.unknowns.is_empty()), "{facts:?}");
    assert!(
        facts.statements.iter().flat_map(|s| &s.effects).any(|effect| matches!(effect.on, On::Relation(_)))
    );
}

#[test]
fn a_row_that_was_not_asked_for_is_no_catalogue() {
    assert!(contents::catalogue(rows(&[["index", "public", "orders", "-", "-", "-"]]), 1).is_err());
    assert!(contents::catalogue(rows(&[["relation", "public", "orders", "perhaps", "-", "-"]]), 1).is_err());
    assert!(contents::catalogue(rows(&[["relation", "public", "orders", "false", "id", "-"]]), 1).is_err());
    assert!(contents::catalogue(vec![vec![None]], 1).is_err());
}

#[test]
fn whoever_waits_for_a_name_hears_when_it_was_read_again() {
    let shared = Arc::new(SharedCatalogue::unread(Arc::default()));
    shared.replace(Catalogue::read(1), [1; 32], Instant::now());
    let waiting = Arc::clone(&shared);
    let waiter = std::thread::spawn(move || waiting.look_again());
    while !lock(&shared.pages).wanted {
        std::thread::yield_now();
    }
    assert!(!shared.is_due(), "it was read a moment ago");
    lock(&shared.pages).read_at = Instant::now().checked_sub(SOONEST);
    assert!(shared.is_due());
    shared.replace(Catalogue::read(3), [3; 32], Instant::now());
    assert!(waiter.join().unwrap());
    assert_eq!(shared.version(), 3);
}

#[test]
fn what_has_not_changed_keeps_its_version() {
    let shared = SharedCatalogue::unread(Arc::default());
    shared.replace(Catalogue::read(1), contents::digest(&shop()), Instant::now());
    assert_eq!(lock(&shared.pages).digest, Some(contents::digest(&shop())));
    shared.confirm(Instant::now());
    assert_eq!(shared.version(), 1);
    let mut other = shop();
    other.pop();
    assert_ne!(contents::digest(&shop()), contents::digest(&other));
}

#[test]
fn a_catalogue_that_could_not_be_read_for_too_long_is_not_relied_on() {
    let shared = SharedCatalogue::unread(Arc::default());
    let mut catalogue = contents::catalogue(shop(), 1).unwrap();
    catalogue.version = 1;
    shared.replace(catalogue, [1; 32], Instant::now());
    shared.could_not_read(2);
    assert_eq!(shared.version(), 1);
    lock(&shared.pages).read_at = Instant::now().checked_sub(OLDEST + SOONEST);
    shared.could_not_read(3);
    assert_eq!(shared.version(), 3);
    let facts = gateway_sql::read("select id from orders", &with_path(), &shared.catalogue());
    let unknowns = facts.statements.iter().flat_map(|statement| &statement.unknowns);
    assert!(unknowns.map(|unknown| unknown.reason).any(|reason| reason == Reason::StaleCatalogue));
}

#[test]
fn where_nothing_could_be_read_no_table_is_known() {
    let shared = SharedCatalogue::unread(Arc::default());
    shared.could_not_read(1);
    let facts = gateway_sql::read("select id from public.orders", &with_path(), &shared.catalogue());
    let unknowns = facts.statements.iter().flat_map(|statement| &statement.unknowns);
    assert!(unknowns.map(|unknown| unknown.reason).any(|reason| reason == Reason::StaleCatalogue));
    assert_eq!(shared.version(), 1);
}

#[test]
fn a_function_written_as_a_field_is_a_function() {
    let catalogue = contents::catalogue(shop(), 1).unwrap();
    let functions = |text: &str| {
        let facts = gateway_sql::read(text, &with_path(), &catalogue);
        let effects = facts.statements.into_iter().flat_map(|statement| statement.effects);
        effects.filter(|effect| effect.kind == Kind::Function).count()
    };
    assert_eq!(functions("select (o.id).leak from orders o"), 1);
    assert_eq!(functions("select (o.id).nothing from orders o"), 0);
}

#[test]
fn no_more_than_a_few_commands_wait() {
    let waiting = Arc::new(WaitingRoom::default());
    let shared = SharedCatalogue::unread(Arc::clone(&waiting));
    let begun = Instant::now();
    let _waiting: Vec<_> = (0..WAITERS).map(|_| waiting.places.try_acquire().unwrap()).collect();
    assert!(!shared.look_again());
    assert!(begun.elapsed() < WAIT && !lock(&shared.pages).wanted);
}
