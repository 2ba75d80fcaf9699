//! What a record costs. It measures and asserts nothing, so it runs by name only; `cargo xtask bench evidence` does.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use gateway_audit::chain::{Chain, FORMAT};
use gateway_audit::event::Event;
use gateway_audit::file::{FileBegan, FileOf};
use gateway_audit::session::{CommandEnded, CommandJudged, OfSession, Said, Stage, Verdict};
use gateway_audit::verify::{self, Trust};
use nix::time::{ClockId, clock_gettime};

use super::archive::Disk;
use super::book::{Book, Durability};

const STATEMENTS: u32 = 200_000;
const LONG_ENOUGH: Duration = Duration::from_secs(3);
/// Sessions at once.
const SESSIONS: usize = 128;

fn of() -> OfSession {
    serde_json::from_value(serde_json::json!({
        "session": "0123456789abcdef", "connection": 7, "agent": "coder", "target": "orders", "person": null
    }))
    .expect("a session")
}

/// What is recorded of a statement of a benchmark of PostgreSQL.
fn judged(of: &OfSession, command: u64) -> Event {
    Event::Command(CommandJudged {
        of: of.clone(),
        command,
        stage: Stage::Run,
        text: "SELECT abalance FROM pgbench_accounts WHERE aid = 4711".into(),
        parameters: Vec::new(),
        verdict: Verdict::Allowed { rules: vec!["reading".into()], observed: None },
    })
}

fn ended(of: &OfSession, command: u64) -> Event {
    let said = Said::Done("SELECT 1".into());
    Event::CommandEnded(CommandEnded { of: of.clone(), command, said, rows: 1, bytes: 60, took_us: 120 })
}

/// As a session does it: how one ended is written with the next.
fn statement(book: &Book, of: &OfSession, command: u64, durability: Durability) {
    book.add(&judged(of, command), durability).expect("added");
    let _recorded = book.write().expect("written");
    book.add(&ended(of, command), Durability::Buffered).expect("added");
}

fn thread_time() -> Duration {
    Duration::from(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("a clock"))
}

fn book(disk: &Arc<Disk>, number: usize) -> Book {
    let name = format!("sessions/2026/01/01/{number}.jsonl");
    let book = Book::create(disk, Path::new(&name), Chain::EMPTY).expect("a book");
    let (host, version, key) = ("host".into(), "1".into(), "00000000".into());
    let of = FileOf::Session(number.to_string());
    let began = Event::FileBegan(FileBegan { format: FORMAT, host, version, of, key });
    book.add(&began, Durability::Buffered).expect("added");
    book
}

fn tell(name: &str, figure: f64) {
    println!("{name}\t{figure}");
}

#[test]
fn what_a_record_costs() {
    let folder =
        tempfile::tempdir_in(std::env::var("POSTERN_MEASURE_FOLDER").unwrap_or_else(|_| "/var/tmp".into()))
            .expect("a folder");
    let disk = Arc::new(Disk::open(folder.path(), 0).expect("a disk"));
    buffered(&disk);
    one_at_a_time(&disk, folder.path());
    many_at_once(&disk);
    verified(folder.path());
}

fn buffered(disk: &Arc<Disk>) {
    let (of, book) = (of(), book(disk, 0));
    let before = thread_time();
    for command in 0..STATEMENTS {
        statement(&book, &of, command.into(), Durability::Buffered);
    }
    let took = thread_time() - before;
    tell("CPU of a statement that is not waited for, us", took.as_secs_f64() * 1e6 / f64::from(STATEMENTS));
}

/// The median of what one session waits, and of what the disk itself takes.
fn one_at_a_time(disk: &Arc<Disk>, folder: &Path) {
    let (of, book) = (of(), book(disk, 1));
    let file =
        OpenOptions::new().write(true).create(true).truncate(true).open(folder.join("bare")).expect("a file");
    file.write_all_at(&vec![0; 4 << 20], 0).expect("written");
    file.sync_all().expect("synced");
    let (mut with, mut bare) = (Vec::new(), Vec::new());
    for command in 0..1000 {
        let before = Instant::now();
        statement(&book, &of, command, Durability::Durable);
        with.push(before.elapsed());
        let before = Instant::now();
        file.write_all_at(&[b'x'; 600], command * 600).expect("written");
        file.sync_data().expect("synced");
        bare.push(before.elapsed());
    }
    let median = |times: &mut Vec<Duration>| {
        times.sort();
        times[times.len() / 2].as_secs_f64() * 1e6
    };
    let (with, bare) = (median(&mut with), median(&mut bare));
    tell("one durable statement alone, us", with);
    tell("a sync of this disk, us", bare);
}

fn many_at_once(disk: &Arc<Disk>) {
    let (over, count) = (AtomicBool::new(false), AtomicU64::new(0));
    let books: Vec<Book> = (0..SESSIONS).map(|number| book(disk, 10 + number)).collect();
    let began = Instant::now();
    thread::scope(|scope| {
        for book in &books {
            let (over, count) = (&over, &count);
            scope.spawn(move || {
                let of = of();
                let mut command = 0;
                while !over.load(Relaxed) {
                    statement(book, &of, command, Durability::Durable);
                    command += 1;
                }
                count.fetch_add(command, Relaxed);
            });
        }
        // What the rounds do.
        while began.elapsed() < LONG_ENOUGH {
            disk.journal.wait(Duration::from_millis(500));
            disk.journal.turn().expect("turned");
            books.iter().for_each(|book| book.sync().expect("synced"));
            disk.journal.forget();
        }
        over.store(true, Relaxed);
    });
    tell("durable statements a second", count.load(Relaxed) as f64 / began.elapsed().as_secs_f64());
}

fn verified(folder: &Path) {
    let file = folder.join("sessions/2026/01/01/0.jsonl");
    let trust = Trust { keys: &[], check: &super::signing::check };
    let began = Instant::now();
    let report = verify::files(&[file], trust, &[]);
    assert!(report.is_whole(), "{report:#?}");
    tell("verified, MB/s", report.bytes as f64 / 1e6 / began.elapsed().as_secs_f64());
}
