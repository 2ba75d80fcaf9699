use std::thread;

use super::*;

fn entries(folder: &Path) -> Vec<Entry> {
    super::entries(folder).expect("read")
}

#[test]
fn what_was_committed_is_read_back_in_order() {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = Journal::open(folder.path(), 4).expect("opened");
    for number in 0..3 {
        let committed = journal.commit(Path::new("sessions/x"), [b"line ", format!("{number}\n").as_bytes()]);
        assert_eq!(committed.expect("committed"), Committed::Done);
    }
    let found = entries(folder.path());
    assert_eq!(found.len(), 3);
    assert_eq!(found[2], Entry { generation: 5, name: "sessions/x".into(), lines: b"line 2\n".to_vec() });
}

#[test]
fn many_who_wait_share_the_syncs() {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = Journal::open(folder.path(), 0).expect("opened");
    thread::scope(|scope| {
        for thread in 0..16 {
            let journal = &journal;
            scope.spawn(move || {
                for number in 0..20 {
                    let line = format!("{thread} {number}\n");
                    let committed =
                        journal.commit(Path::new("x"), [line.as_bytes(), b""]).expect("committed");
                    assert_eq!(committed, Committed::Done);
                }
            });
        }
    });
    assert_eq!(entries(folder.path()).len(), 16 * 20);
}

#[test]
fn a_side_is_written_again_only_when_it_is_not_needed_any_more() {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = Journal::open(folder.path(), 0).expect("opened");
    let commit = |text: &str| journal.commit(Path::new("x"), [text.as_bytes(), b"\n"]).expect("committed");
    commit("one");
    journal.turn().expect("turned");
    commit("two");
    journal.turn().expect("not yet");
    commit("three");
    let lines = |entries: Vec<Entry>| -> Vec<String> {
        entries.iter().map(|entry| String::from_utf8_lossy(&entry.lines).trim().to_owned()).collect()
    };
    assert_eq!(lines(entries(folder.path())), ["one", "two", "three"]);
    journal.forget();
    journal.turn().expect("turned");
    commit("four");
    assert_eq!(lines(entries(folder.path())), ["two", "three", "four"]);
}

#[test]
fn what_is_too_long_or_finds_no_room_is_left_to_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = Journal::open(folder.path(), 0).expect("opened");
    let long = vec![b'x'; LONGEST + 1];
    assert_eq!(journal.commit(Path::new("x"), [&long, b""]).expect("said"), Committed::NoRoom);
    let fits = vec![b'x'; LONGEST];
    let outcomes: Vec<_> =
        (0..17).map(|_| journal.commit(Path::new("x"), [&fits, b""]).expect("said")).collect();
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Committed::Done).count(), 15);
}

#[test]
fn an_entry_that_was_cut_or_changed_and_all_after_it_are_not_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = Journal::open(folder.path(), 0).expect("opened");
    for _ in 0..3 {
        journal.commit(Path::new("x"), [b"line\n", b""]).expect("committed");
    }
    let [side, _] = sides(folder.path());
    let mut bytes = std::fs::read(&side).expect("read");
    let second =
        bytes.windows(5).enumerate().filter(|(_, window)| window == b"line\n").nth(1).expect("two").0;
    bytes[second] ^= 1;
    std::fs::write(&side, bytes).expect("written");
    assert_eq!(entries(folder.path()).len(), 1);
}

#[test]
fn an_entry_for_a_file_elsewhere_is_not_believed() {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = Journal::open(folder.path(), 0).expect("opened");
    journal.commit(Path::new("../x"), [b"line\n", b""]).expect("committed");
    assert_eq!(entries(folder.path()), []);
}

#[test]
fn a_journal_that_was_deleted_is_made_anew() {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = Journal::open(folder.path(), 0).expect("opened");
    std::fs::remove_dir_all(folder.path().join(FOLDER)).expect("removed");
    journal.commit(Path::new("x"), [b"line\n", b""]).expect("committed");
    assert_eq!(entries(folder.path()).len(), 1);
}
