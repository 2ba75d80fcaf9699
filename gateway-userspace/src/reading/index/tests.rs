use super::*;
use crate::reading::fixture::Written;

fn index(written: &Written) -> Index {
    let database = Connection::open_in_memory().expect("a database");
    let mut index = Index::over(written.path(), database).expect("an index");
    index.catch_up().expect("filled");
    index
}

fn found(index: &Index, filter: &Filter) -> Vec<String> {
    index.find(filter, 100).expect("found").into_iter().map(|found| found.session).collect()
}

#[test]
fn a_session_is_found_by_all_that_happened_in_it() {
    let mut written = Written::new();
    written.session("aaaa");
    let index = index(&written);
    let text = |text: &str| Some(text.to_owned());
    let fits = [
        Filter { agent: text("coder"), target: text("orders"), ..Filter::default() },
        Filter { verdict: text("denied"), ..Filter::default() },
        Filter { verdict: text("failed"), ..Filter::default() },
        Filter { rule: text("no-drops"), ..Filter::default() },
        Filter { table: text("orders"), ..Filter::default() },
        Filter { text: text("DROP TABLE"), ..Filter::default() },
        Filter { since: Some(0), until: Some(i64::MAX), ..Filter::default() },
    ];
    for filter in fits {
        assert_eq!(found(&index, &filter), ["aaaa"], "{filter:?}");
        assert_eq!(index.count(&filter).expect("counted"), 1);
    }
    let fits_not = [
        Filter { agent: text("other"), ..Filter::default() },
        Filter { verdict: text("held"), ..Filter::default() },
        Filter { rule: text("no"), ..Filter::default() },
        Filter { table: text("order_"), ..Filter::default() },
        Filter { text: text("' OR 1=1 --"), ..Filter::default() },
        Filter { until: Some(1), ..Filter::default() },
    ];
    for filter in fits_not {
        assert!(found(&index, &filter).is_empty(), "{filter:?}");
    }
}

#[test]
fn an_index_catches_up_and_counts_nothing_twice() {
    let mut written = Written::new();
    written.session("aaaa");
    let mut index = index(&written);
    index.catch_up().expect("nothing new");
    written.session("bbbb");
    index.catch_up().expect("caught up");
    let all = index.find(&Filter::default(), 100).expect("found");
    assert_eq!(all.len(), 2);
    assert!(all.iter().all(|found| (found.allowed, found.denied, found.failed) == (2, 2, 1)), "{all:?}");
    assert!(all.iter().all(|found| found.sealed && found.process == "psql[101]"));
    let rules = index.by_rule(&Filter::default()).expect("grouped");
    let names: Vec<&str> = rules.iter().map(|group| group.name.as_str()).collect();
    assert_eq!(names, ["no-drops", "reads", "writes"]);
}

#[test]
fn a_broken_index_is_made_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("index.sqlite");
    std::fs::write(&path, "no database").expect("written");
    open(&path, Begin::WhereItStands).expect("made again").execute_batch(SCHEMA).expect("usable");
}
