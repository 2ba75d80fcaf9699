use super::*;
use crate::reading::fixture::{Written, append};

/// What is read in steps of so many, to its end: log and number of each.
fn read(follower: &mut Follower, most: usize) -> Vec<(String, u64)> {
    let mut all = Vec::new();
    loop {
        let entries = follower.next(most).expect("read");
        if entries.is_empty() {
            return all;
        }
        assert!(entries.len() <= most + most, "{} at once", entries.len());
        all.extend(entries.into_iter().map(|entry| (entry.log, entry.seq)));
    }
}

fn of<'a>(all: &'a [(String, u64)], log: &'a str) -> Vec<u64> {
    all.iter().filter(|(of, _)| of == log).map(|(_, seq)| *seq).collect()
}

fn started(written: &mut Written) {
    written.host(&Event::Started { version: "1".into() });
}

#[test]
fn every_record_comes_once_and_in_order_however_few_are_asked_for() {
    for most in [1, 2, 3, 100] {
        let mut written = Written::new();
        started(&mut written);
        written.session("aaaa");
        written.rotate();
        written.session("bbbb");
        let mut follower = Follower::new(written.path(), Cursor::default());
        let all = read(&mut follower, most);
        assert_eq!(of(&all, "host"), [0, 1, 2, 3, 4], "{most}");
        for session in ["aaaa", "bbbb"] {
            assert_eq!(of(&all, session), (0..9).collect::<Vec<_>>(), "{most}");
        }
        assert!(follower.cursor().open.is_empty(), "what is sealed and read is forgotten");
    }
}

#[test]
fn a_cursor_leads_back_to_the_same_place_whatever_was_packed_meanwhile() {
    let mut written = Written::new();
    let file = written.session("aaaa");
    let mut follower = Follower::new(written.path(), Cursor::default());
    let first: Vec<_> = follower.next(5).expect("read");
    let cursor = serde_json::to_string(follower.cursor()).expect("json");
    written.pack(&file);
    written.pack(&written.host_file());
    written.rotate();
    started(&mut written);
    let mut follower = Follower::new(written.path(), serde_json::from_str(&cursor).expect("a cursor"));
    let mut all: Vec<_> = first.into_iter().map(|entry| (entry.log, entry.seq)).collect();
    all.extend(read(&mut follower, 5));
    assert_eq!(of(&all, "host"), [0, 1, 2]);
    assert_eq!(of(&all, "aaaa"), (0..9).collect::<Vec<_>>());
}

#[test]
fn half_a_line_waits_for_its_other_half() {
    let mut written = Written::new();
    started(&mut written);
    let file = written.path().join(written.host_file());
    let whole = std::fs::read(&file).expect("read");
    std::fs::write(&file, &whole[..20]).expect("cut");
    let mut follower = Follower::new(written.path(), Cursor::default());
    assert!(follower.next(10).expect("read").is_empty());
    append(&file, &whole[20..]);
    assert_eq!(follower.next(10).expect("read").len(), 1);
}

#[test]
fn what_was_deleted_before_it_was_read_is_told() {
    let mut written = Written::new();
    let file = written.session("aaaa");
    std::fs::remove_file(written.path().join(file)).expect("removed");
    let mut follower = Follower::new(written.path(), Cursor::default());
    assert_eq!(of(&read(&mut follower, 100), "host"), [0, 1]);
    assert_eq!(follower.missed(), [Missed { log: "aaaa".into(), from: 0 }]);
}

#[test]
fn a_line_that_cannot_be_read_is_passed_on_as_it_is() {
    let mut written = Written::new();
    started(&mut written);
    append(&written.path().join(written.host_file()), b"{\"event\":\"of tomorrow\"}\n");
    let entries = Follower::new(written.path(), Cursor::default()).next(10).expect("read");
    assert_eq!(entries.len(), 2);
    assert!(entries[1].record.is_none() && entries[1].line.contains("of tomorrow"));
}
