use std::os::unix::fs::PermissionsExt;

use super::*;

fn event(version: &str) -> Event {
    Event::Started { version: version.into() }
}

#[tokio::test]
async fn an_event_stands_in_the_file_when_the_wait_is_over() {
    let folder = tempfile::tempdir().expect("tempdir");
    let recorder = Recorder::open(folder.path()).expect("open");
    let _recorded = recorder.record(event("one")).await.expect("record");
    let path = folder.path().join("events.jsonl");
    let text = std::fs::read_to_string(&path).expect("read");
    let record: Record = serde_json::from_str(text.trim_end()).expect("one whole line");
    assert_eq!(record.event, event("one"));
    assert_eq!(std::fs::metadata(&path).expect("metadata").permissions().mode() & 0o007, 0);
}

#[tokio::test]
async fn a_restart_goes_on_after_the_last_line() {
    let folder = tempfile::tempdir().expect("tempdir");
    for version in ["one", "two"] {
        let recorder = Recorder::open(folder.path()).expect("open");
        let _recorded = recorder.record(event(version)).await.expect("record");
    }
    let text = std::fs::read_to_string(folder.path().join("events.jsonl")).expect("read");
    assert_eq!(text.lines().count(), 2);
}

#[tokio::test]
async fn a_full_disk_is_told_to_whoever_waits() {
    let recorder = Recorder::over(Path::new("/dev/full")).expect("open");
    assert!(matches!(recorder.record(event("one")).await, Err(RecordError::Write(_))));
}
