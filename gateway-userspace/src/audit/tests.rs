use std::os::unix::fs::PermissionsExt;

use gateway_audit::checkpoint;
use gateway_audit::event::{Ended, Ending};
use gateway_audit::file::Recovered;
use gateway_audit::layout;
use gateway_audit::reader;
use gateway_audit::session::{OfSession, Privacy};
use gateway_audit::verify::{self, Report, Trust};

use super::*;
use crate::audit::signing::{check, published};

fn event(version: &str) -> Event {
    Event::Started { version: version.into() }
}

fn events(folder: &Path) -> Vec<Event> {
    reader::everything(folder).expect("records").into_iter().map(|record| record.event).collect()
}

fn verify(folder: &Path) -> Report {
    let keys = published(folder).expect("keys");
    verify::folder(folder, Trust { keys: &keys, check: &check }, &[]).expect("files")
}

fn opened(session: &str) -> SessionOpened {
    let event: Event = serde_json::from_value(serde_json::json!({
        "event": "session_opened", "session": session, "connection": 7, "agent": "coder", "target": "orders",
        "who": {
            "agent": "coder", "cgroup_id": 1, "cgroup_path": "/a", "netns": 1, "tgid": 1, "pid": 1, "uid": 1, "gid": 1,
            "comm": "psql", "exe": null
        },
        "original": "192.0.2.1:5432", "level": null, "protocol": "postgres", "claimed": "app", "database": "orders",
        "login": "app", "agent_side": "plain", "target_side": "plain", "server_version": null
    }))
    .expect("an event");
    let Event::SessionOpened(opened) = event else { panic!("another event") };
    assert_eq!((&opened.agent_side, &opened.of.session), (&Privacy::Plain, &session.to_owned()));
    opened
}

fn ended(opened: &SessionOpened) -> Event {
    let OfSession { connection, target, .. } = opened.of.clone();
    let connection = gateway_audit::event::Connection {
        connection,
        who: opened.who.clone(),
        person: None,
        original: opened.original,
        target,
        level: None,
    };
    let ending = Ending::Finished;
    Event::Ended(Ended { connection, ending, sent_bytes: 0, received_bytes: 0, lasted_ms: 0 })
}

/// Waits for everything that is done beside.
async fn until(folder: &Path, mut is_there: impl FnMut(&Event) -> bool) {
    for _ in 0..500 {
        if events(folder).iter().any(&mut is_there) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("no such event in {:#?}", events(folder));
}

#[tokio::test]
async fn an_event_stands_in_the_file_when_the_wait_is_over() {
    let folder = tempfile::tempdir().expect("tempdir");
    let recorder = Recorder::open(folder.path()).expect("open");
    let _recorded = recorder.record(event("one")).await.expect("record");
    assert!(events(folder.path()).contains(&event("one")));
    let files = layout::host_files(folder.path()).expect("files");
    assert_eq!(std::fs::metadata(&files[0]).expect("metadata").permissions().mode() & 0o007, 0);
}

#[tokio::test]
async fn a_restart_goes_on_with_the_chain() {
    let folder = tempfile::tempdir().expect("tempdir");
    for version in ["one", "two", "three"] {
        let recorder = Recorder::open(folder.path()).expect("open");
        let _recorded = recorder.record(event(version)).await.expect("record");
        let _recorded = recorder.record(Event::Stopped { open_connections: 0 }).await.expect("record");
    }
    let _recorder = Recorder::open(folder.path()).expect("open");
    until(folder.path(), |event| matches!(event, Event::Packed(_))).await;
    let report = verify(folder.path());
    assert!(report.is_whole(), "{report:#?}");
    assert_eq!((report.checkpoints, report.begins_at), (3, 0));
}

#[tokio::test]
async fn a_full_disk_is_told_to_whoever_waits_and_what_has_happened_is_recorded_all_the_same() {
    let folder = tempfile::tempdir().expect("tempdir");
    let recorder = Recorder::open(folder.path()).expect("open");
    recorder.fill_up();
    let (usual, last) =
        tokio::join!(recorder.record(event("one")), recorder.record(Event::Stopped { open_connections: 7 }));
    assert!(usual.expect_err("no room").is_full());
    let _recorded = last.expect("from the reserve");
    assert!(events(folder.path()).contains(&Event::Stopped { open_connections: 7 }));
    assert!(!events(folder.path()).contains(&event("one")));
}

#[tokio::test]
async fn a_session_is_sealed_when_its_connection_has_ended() {
    let folder = tempfile::tempdir().expect("tempdir");
    let recorder = Recorder::open(folder.path()).expect("open");
    let opened = opened("0123456789abcdef");
    let book = recorder.open_session(opened.clone()).await.expect("a book");
    let _recorded = recorder.record(ended(&opened)).await.expect("record");
    book.add(&event("late"), Durability::Durable).expect("added");
    assert!(matches!(book.write(), Err(RecordError::Closed)));
    until(folder.path(), |event| matches!(event, Event::Packed(_))).await;
    let report = verify(folder.path());
    assert!(report.is_whole(), "{report:#?}");
    assert_eq!((report.sealed, report.open), (1, 0));
}

#[tokio::test]
async fn a_gateway_that_died_leaves_sessions_that_the_next_one_makes_whole_and_seals() {
    let folder = tempfile::tempdir().expect("tempdir");
    let recorder = Recorder::open(folder.path()).expect("open");
    let book = recorder.open_session(opened("0123456789abcdef")).await.expect("a book");
    let path = folder.path().join(book.name());
    book.add(&event("buffered"), Durability::Buffered).expect("added");
    let _recorded = book.write().expect("written");
    book.add(&event("durable"), Durability::Durable).expect("added");
    let _recorded = book.write().expect("written");
    let whole = std::fs::read(&path).expect("read");
    // What a loss of power leaves: the journal, and of the file a part.
    let copy = tempfile::tempdir().expect("tempdir");
    for part in ["host", "journal", "keys"] {
        let copied = std::process::Command::new("cp")
            .arg("-r")
            .args([folder.path().join(part), copy.path().into()])
            .status();
        assert!(copied.expect("cp").success());
    }
    let place = copy.path().join(book.name());
    std::fs::create_dir_all(place.parent().expect("a folder")).expect("made");
    std::fs::write(&place, &whole[..40]).expect("written");
    let _next = Recorder::open(copy.path()).expect("open");
    until(copy.path(), |event| matches!(event, Event::Packed(_))).await;
    let found = events(copy.path());
    let file = book.name().display().to_string();
    let recovered = Recovered { file, records: 4, brought_back: 4, cut_bytes: 40 };
    assert!(found.contains(&Event::Recovered(recovered)), "{found:#?}");
    assert!(found.contains(&event("buffered")) && found.contains(&event("durable")));
    assert!(found.iter().any(|event| matches!(event, Event::Sealed { ending: Ending::GatewayDied, .. })));
    let report = verify(copy.path());
    assert!(report.is_whole(), "{report:#?}");
    assert_eq!((report.sealed, report.open), (1, 0));
}

#[tokio::test]
async fn only_one_gateway_writes_at_a_time() {
    let folder = tempfile::tempdir().expect("tempdir");
    let _recorder = Recorder::open(folder.path()).expect("open");
    assert!(matches!(Recorder::open(folder.path()), Err(RecordError::Taken { .. })));
}

#[tokio::test]
async fn what_was_cut_off_after_it_was_signed_is_missed() {
    let folder = tempfile::tempdir().expect("tempdir");
    let recorder = Recorder::open(folder.path()).expect("open");
    let _recorded = recorder.record(event("one")).await.expect("record");
    let _recorded = recorder.record(Event::Stopped { open_connections: 0 }).await.expect("record");
    let kept = std::fs::read_to_string(folder.path().join("host/checkpoint")).expect("a checkpoint");
    let file = &layout::host_files(folder.path()).expect("files")[0];
    let text = std::fs::read_to_string(file).expect("read");
    let first = text.lines().next().expect("a line");
    std::fs::write(file, format!("{first}\n")).expect("written");
    let keys = published(folder.path()).expect("keys");
    let trust = Trust { keys: &keys, check: &check };
    std::fs::remove_file(folder.path().join(layout::CHECKPOINT)).expect("removed");
    assert!(verify::folder(folder.path(), trust, &[]).expect("files").is_whole());
    let report = verify::folder(folder.path(), trust, &checkpoint::notes(&kept)).expect("files");
    assert!(matches!(
        report.breaks[..],
        [verify::Break { why: verify::Why::TailMissing { said: 4, found: 1 }, .. }]
    ));
}
