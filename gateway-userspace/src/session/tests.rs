use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use gateway_audit::event::Who;
use gateway_audit::reader;
use gateway_audit::session::{self as told, Privacy, SessionOpened, Value};
use gateway_policy::command::{Parameter, Said, State};
use tempfile::TempDir;

use super::judging::{Ground, Judges, Sql, Subject};
use super::postgres::catalogue::SharedCatalogue;
use super::*;
use crate::audit::Recorder;
use crate::config::fixture;

fn connection() -> Connection {
    let who = Who {
        agent: "coder".into(),
        cgroup_id: 42,
        cgroup_path: "/agents.slice/coder".into(),
        netns: 1,
        tgid: 100,
        pid: 101,
        uid: 1000,
        gid: 1000,
        comm: "psql".into(),
        exe: None,
    };
    let original = SocketAddr::from(([192, 0, 2, 1], 5432));
    Connection { connection: 7, who, person: None, original, target: "orders".into(), level: None }
}

/// One that judges nothing.
fn judge_of_all() -> Judge {
    let config = fixture(
        r#"
        [agents.coder]
        slice = "agents.slice"
        targets = ["orders"]
        [targets.orders]
        protocol = "postgres"
        hosts = "192.0.2.1"
        ports = 5432
        [targets.orders.postgres]
        user = "app"
        password = "env:PASSWORD"
        danger_judging = "off"
        "#,
    );
    let subject =
        Subject { agent: "coder".into(), person: None, target: "orders".into(), database: "orders".into() };
    let catalogue = Arc::new(SharedCatalogue::unread(Arc::default()));
    let ground = Ground { catalogue, path: None, user: "app".into() };
    Judges::new(&config, Box::new(Sql)).judge(subject, ground)
}

/// A session, who keeps its records, and where.
fn recorded() -> (Session, Recorder, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let recorder = Recorder::open(folder.path()).expect("a recorder");
    let id = SessionId::new().expect("randomness");
    let connection = connection();
    let opened = SessionOpened {
        of: of_session(&id, &connection),
        who: connection.who.clone(),
        original: connection.original,
        level: connection.level,
        person: None,
        lease: None,
        protocol: "postgres".into(),
        claimed: "app".into(),
        database: "orders".into(),
        login: "app".into(),
        agent_side: Privacy::Plain,
        target_side: Privacy::Plain,
        server_version: None,
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let book = runtime.block_on(recorder.open_session(opened)).expect("a book");
    (Session::new(&id, &connection, book, judge_of_all()), recorder, folder)
}

/// A session, and the folder with its records.
fn session() -> (Session, TempDir) {
    let (session, _recorder, folder) = recorded();
    (session, folder)
}

/// What was recorded of commands.
fn events(folder: &Path) -> Vec<Event> {
    let records = reader::everything(folder).expect("records");
    let of_commands = |event: &Event| {
        matches!(event, Event::Command(_) | Event::CommandEnded(_) | Event::MessageRefused(_))
    };
    records.into_iter().map(|record| record.event).filter(of_commands).collect()
}

fn judge(session: &mut Session, text: &str, stage: Stage<'_>) -> Result<Ruling, Unrecorded> {
    session.judge(&Command { text, stage, state: &State::default() })
}

fn done(tag: &str) -> Outcome<'_> {
    Outcome { said: Said::Done(tag), rows: 1, bytes: 9 }
}

#[test]
fn a_command_stands_in_the_records_before_its_verdict_is_given() {
    let (mut session, folder) = session();
    let parameters = [Parameter::Null, Parameter::Text(b"it's"), Parameter::Binary(&[0, 255])];
    let ruling = judge(&mut session, "select $1, $2, $3", Stage::Run(&parameters)).expect("recorded");
    assert!(matches!(ruling.verdict, Verdict::Allow(_)));
    let [Event::Command(judged)] = &events(folder.path())[..] else { panic!("one command") };
    assert_eq!((judged.command, judged.text.as_str()), (1, "select $1, $2, $3"));
    assert_eq!(judged.parameters, [Value::Null, Value::Text("it's".into()), Value::Binary("00ff".into())]);
    assert_eq!((judged.of.agent.as_str(), judged.of.target.as_str()), ("coder", "orders"));
}

#[test]
fn how_a_command_ended_is_written_with_the_next_or_when_nothing_moves() {
    let (mut session, folder) = session();
    let first = judge(&mut session, "select 1", Stage::Run(&[])).expect("recorded").command;
    session.ended(first, &done("SELECT 1"));
    assert_eq!(events(folder.path()).len(), 1);
    let second = judge(&mut session, "select 2", Stage::Run(&[])).expect("recorded").command;
    assert_eq!(events(folder.path()).len(), 3);
    session.ended(second, &Outcome { said: Said::Failed("22012"), rows: 0, bytes: 0 });
    session.settle().expect("written");
    let [_, Event::CommandEnded(one), _, Event::CommandEnded(two)] = &events(folder.path())[..] else {
        panic!("two commands and their endings")
    };
    assert_eq!((one.command, &one.said, one.rows), (1, &told::Said::Done("SELECT 1".into()), 1));
    assert_eq!((two.command, &two.said), (2, &told::Said::Failed("22012".into())));
}

#[test]
fn a_statement_that_is_only_prepared_is_recorded_before_it_goes_on() {
    let (mut session, folder) = session();
    let prepared = judge(&mut session, "select $1", Stage::Prepare).expect("recorded").command;
    session.settle().expect("written");
    session.ended(prepared, &Outcome { said: Said::Prepared, rows: 0, bytes: 0 });
    session.settle().expect("written");
    let [Event::Command(judged)] = &events(folder.path())[..] else { panic!("one command") };
    assert_eq!(judged.stage, told::Stage::Prepare);
}

#[test]
fn without_room_for_the_record_there_is_no_verdict() {
    let (mut session, recorder, _folder) = recorded();
    recorder.fill_up();
    for _ in 0..2 {
        let refused = judge(&mut session, "select 1", Stage::Run(&[]));
        assert_eq!(refused.map(|ruling| ruling.command), Err(Unrecorded::Full));
    }
    let _prepared = judge(&mut session, "select 1", Stage::Prepare).expect("it can wait");
    assert_eq!(session.settle(), Err(Unrecorded::Full));
}

#[test]
fn a_value_that_is_too_long_is_recorded_by_its_length_and_hash() {
    let (mut session, folder) = session();
    let long = vec![b'x'; 5000];
    let _ruling = judge(&mut session, "select $1", Stage::Run(&[Parameter::Text(&long)])).expect("recorded");
    let [Event::Command(judged)] = &events(folder.path())[..] else { panic!("one command") };
    assert!(matches!(&judged.parameters[..], [Value::Long { bytes: 5000, sha256 }] if sha256.len() == 64));
}

#[test]
fn no_two_sessions_have_the_same_name() {
    let [one, two] = [SessionId::new(), SessionId::new()].map(|id| id.expect("randomness"));
    assert_ne!(one, two);
    assert_eq!(one.as_str().len(), 16);
}
