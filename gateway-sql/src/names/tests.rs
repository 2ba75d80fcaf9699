use super::*;
use crate::catalogue::{Relation, Routine};

fn session(path: &str) -> State {
    State { settings: vec![("search_path".to_owned(), path.to_owned())], ..State::default() }
}

fn shop() -> Catalogue {
    let mut shop = Catalogue::read(1);
    shop.search_path = Some(vec!["public".to_owned()]);
    shop.add_relation("public", "orders", Relation::default());
    shop.add_relation("archive", "orders", Relation::default());
    shop.add_routine("archive", "lower", Routine { vouched: true, security_definer: false });
    shop
}

#[test]
fn a_relation_is_found_along_the_path_of_the_session() {
    let shop = shop();
    assert_eq!(Names::new(&State::default(), &shop).relation(None, "orders"), known("public", "orders"));
    assert_eq!(
        Names::new(&session("archive, public"), &shop).relation(None, "orders"),
        known("archive", "orders")
    );
    assert_eq!(Names::new(&session("\"$user\""), &shop).relation(None, "orders"), unresolved("orders"));
    assert_eq!(Names::new(&session(PATH_UNKNOWN), &shop).relation(None, "orders"), unresolved("orders"));
}

#[test]
fn the_servers_own_tables_come_first_unless_the_path_puts_them_later() {
    let shop = shop();
    assert_eq!(
        Names::new(&State::default(), &shop).relation(None, "pg_class"),
        known("pg_catalog", "pg_class")
    );
    let later = session("public, pg_catalog");
    let mut shadowed = shop.clone();
    shadowed.add_relation("public", "pg_class", Relation::default());
    assert_eq!(Names::new(&later, &shadowed).relation(None, "pg_class"), known("public", "pg_class"));
}

#[test]
fn a_function_that_something_in_the_path_can_shadow_is_unknown() {
    let shop = shop();
    assert_eq!(Names::new(&State::default(), &shop).function(None, "lower").1, Nature::Harmless);
    assert_eq!(Names::new(&session("public,archive"), &shop).function(None, "lower").1, Nature::Unknown);
    assert_eq!(Names::new(&session(PATH_UNKNOWN), &shop).function(None, "lower").1, Nature::Unknown);
}

#[test]
fn a_dangerous_name_is_dangerous_in_every_schema() {
    let shop = shop();
    let names = Names::new(&State::default(), &shop);
    assert!(matches!(names.function(Some("extensions"), "dblink_exec").1, Nature::Powers(_)));
    assert!(matches!(names.function(Some("pg_catalog"), "pg_read_file").1, Nature::Powers(_)));
}
