use gateway_audit::reader::{Records, Tail};

use super::*;

fn event(number: u64) -> Event {
    Event::Stopped { open_connections: number }
}

fn open(folder: &Path) -> (Arc<Disk>, Book) {
    let disk = Arc::new(Disk::open(folder, 0).expect("a disk"));
    let book = Book::create(&disk, Path::new("sessions/a.jsonl"), Chain::EMPTY).expect("a book");
    (disk, book)
}

/// How many whole records the file has.
fn count(folder: &Path) -> usize {
    let mut records = Records::open(&folder.join("sessions/a.jsonl")).expect("opened");
    let mut count = 0;
    for record in records.by_ref() {
        record.expect("a record");
        count += 1;
    }
    assert_eq!(records.tail(), Tail::Whole);
    count
}

#[test]
fn what_is_kept_back_can_be_taken_back_or_written_in_one_piece() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_disk, book) = open(folder.path());
    book.add(&event(0), Durability::Buffered).expect("added");
    let mark = book.mark();
    book.add(&event(1), Durability::Durable).expect("added");
    book.back_to(mark);
    assert_eq!(count(folder.path()), 0);
    let _recorded = book.write().expect("written");
    assert_eq!((count(folder.path()), book.chain().records), (1, 1));
}

#[test]
fn without_room_the_usual_is_refused_and_what_has_happened_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let (disk, book) = open(folder.path());
    disk.room.fill_up();
    let started = Event::Started { version: "1".into() };
    book.add(&started, Durability::Durable).expect("added");
    assert!(book.write().expect_err("no room").is_full());
    assert_eq!(count(folder.path()), 0);
    book.back_to(Mark::of(Chain::EMPTY));
    book.add(&event(1), Durability::Durable).expect("added");
    let _recorded = book.write().expect("from the reserve");
    assert_eq!(count(folder.path()), 1);
}

#[test]
fn a_book_that_was_deleted_is_put_back_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_disk, book) = open(folder.path());
    for number in 0..3 {
        book.add(&event(number), Durability::Durable).expect("added");
        let _recorded = book.write().expect("written");
        std::fs::remove_dir_all(folder.path().join("sessions")).expect("deleted");
    }
    book.sync().expect("synced");
    assert_eq!(count(folder.path()), 3);
}

#[test]
fn nothing_follows_the_last_record() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_disk, book) = open(folder.path());
    let chain = book.close(event).expect("closed");
    assert_eq!((chain.records, count(folder.path())), (1, 1));
    book.add(&event(2), Durability::Buffered).expect("added");
    assert!(matches!(book.write(), Err(RecordError::Closed)));
}
