//! Leases, locks and kills with a clock that is moved, and a gateway that is gone from one line to the next.

use std::time::{Duration, Instant, UNIX_EPOCH};

use gateway_audit::control::Asker;
use gateway_audit::event::{Connection, Event, Who};
use gateway_audit::reader;
use tempfile::TempDir;

use super::ending::Extended;
use super::*;
use crate::config::fixture;
use crate::relay::Cut;
use crate::sys::clock::MovedClock;

struct Scene {
    folder: TempDir,
    clock: MovedClock,
    config: Config,
    access: Arc<Access>,
}

impl Scene {
    fn with(leases: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let clock = MovedClock::at(UNIX_EPOCH + Duration::from_secs(1_800_000_000));
        let config = fixture(leases);
        let access = open(&folder, &clock, &config);
        Self { folder, clock, config, access }
    }

    /// As after kill -9: nothing of what was in memory is left.
    fn restart(&mut self) {
        self.access = open(&self.folder, &self.clock, &self.config);
    }

    fn events(&self) -> Vec<Event> {
        let folders = (0..).map(|life| records(&self.folder, life)).take_while(|folder| folder.exists());
        let records = folders.flat_map(|folder| reader::everything(&folder).expect("records"));
        records.map(|record| record.event).collect()
    }

    fn given(&self) -> usize {
        self.events().iter().filter(|event| matches!(event, Event::LeaseGiven(_))).count()
    }

    fn seat(&self, number: u64) -> Seat {
        self.access.seat(&connection(number, "coder"))
    }

    async fn request(&self, seconds: u64) -> String {
        let question = RequestQuestion {
            agent: "coder".to_owned(),
            target: "orders".to_owned(),
            database: None,
            purpose: "ticket 123".to_owned(),
            seconds,
        };
        self.access.request(&question, asker()).await.expect("a lease").id
    }

    async fn kill(&self, scope: Scope, lock: bool) -> Killed {
        self.access.kill(KillQuestion { scope, lock, why: None }, asker()).await.expect("written down")
    }
}

/// Each life of the gateway has records of its own: the one before may not be over.
fn records(folder: &TempDir, life: u32) -> std::path::PathBuf {
    folder.path().join(format!("records-{life}"))
}

fn open(folder: &TempDir, clock: &MovedClock, config: &Config) -> Arc<Access> {
    let state = State::open(&folder.path().join("state")).expect("a state");
    let mut lives = (0..).map(|life| records(folder, life));
    let unused = lives.find(|folder| !folder.exists()).expect("a name");
    std::fs::create_dir(&unused).expect("a folder");
    let recorder = Recorder::open(&unused).expect("a recorder");
    Arc::new(Access::open(state, Arc::new(clock.clone()), recorder, config).expect("what there is"))
}

fn connection(number: u64, agent: &str) -> Connection {
    let who = Who {
        agent: agent.to_owned(),
        cgroup_id: 1,
        cgroup_path: "/agents.slice".to_owned(),
        netns: 1,
        tgid: 1,
        pid: 1,
        uid: 1000,
        gid: 1000,
        comm: "psql".to_owned(),
        exe: None,
    };
    Connection {
        connection: number,
        who,
        person: None,
        original: ([127, 0, 0, 1], 5432).into(),
        target: "orders".to_owned(),
        level: None,
    }
}

fn asker() -> Asker {
    Asker { uid: 0, login_uid: None, pid: 1, user: Some("root".to_owned()), person: None }
}

fn bid() -> Bid<'static> {
    Bid { person: None, database: Some("shop"), session: Some("a1") }
}

/// Why a connection must end by now.
async fn ended(seat: &Seat) -> Option<Cut> {
    tokio::time::timeout(Duration::from_millis(20), seat.ended()).await.ok()
}

const SHORT: &str = "[leases.short]\nagents = \"*\"\ntargets = \"*\"\ntime = \"30m\"\nsessions = 2\n";
const AHEAD: &str = "[leases.ahead]\nagents = \"*\"\ntargets = \"orders\"\ngiven = \"ahead\"\n";

#[tokio::test]
async fn a_lease_ends_all_its_sessions_when_its_time_is_over() {
    let scene = Scene::with(SHORT);
    let (first, second) = (scene.seat(1), scene.seat(2));
    let lease = scene.access.admit(&first, bid()).await.expect("leave").expect("a lease that lasts");
    assert_eq!(scene.access.admit(&second, bid()).await.expect("leave"), Some(lease));
    scene.clock.advance(Duration::from_secs(30 * 60 - 1));
    scene.access.expire().await;
    assert_eq!(ended(&second).await, None);
    scene.clock.advance(Duration::from_secs(1));
    scene.access.expire().await;
    assert_eq!((ended(&first).await, ended(&second).await), (Some(Cut::LeaseEnded), Some(Cut::LeaseEnded)));
    assert!(scene.access.leases().is_empty());
    assert!(scene.events().iter().any(|event| matches!(event, Event::LeaseEnded(_))));
}

#[tokio::test]
async fn a_lease_has_no_more_sessions_than_it_gives() {
    let scene = Scene::with(SHORT);
    let (first, second, third) = (scene.seat(1), scene.seat(2), scene.seat(3));
    assert!(scene.access.admit(&first, bid()).await.is_ok());
    assert!(scene.access.admit(&second, bid()).await.is_ok());
    assert!(matches!(scene.access.admit(&third, bid()).await, Err(NotLeased::Full)));
    drop(first);
    assert!(scene.access.admit(&third, bid()).await.is_ok());
    assert_eq!(scene.given(), 1);
}

#[tokio::test]
async fn a_wall_clock_that_is_set_back_makes_no_lease_longer() {
    let scene = Scene::with(SHORT);
    let seat = scene.seat(1);
    assert!(scene.access.admit(&seat, bid()).await.is_ok());
    scene.clock.set(UNIX_EPOCH + Duration::from_secs(1_700_000_000));
    scene.clock.advance(Duration::from_secs(30 * 60));
    scene.access.expire().await;
    assert_eq!(ended(&seat).await, Some(Cut::LeaseEnded));
}

#[tokio::test]
async fn a_wall_clock_that_is_set_forward_ends_a_lease() {
    let scene = Scene::with(SHORT);
    let seat = scene.seat(1);
    assert!(scene.access.admit(&seat, bid()).await.is_ok());
    scene.clock.set(UNIX_EPOCH + Duration::from_secs(1_900_000_000));
    scene.access.expire().await;
    assert_eq!(ended(&seat).await, Some(Cut::LeaseEnded));
}

#[tokio::test]
async fn leave_without_an_end_is_over_with_its_last_session_and_costs_no_record() {
    let scene = Scene::with("");
    let seat = scene.seat(1);
    assert_eq!(scene.access.admit(&seat, bid()).await.expect("leave"), None);
    assert_eq!(scene.access.leases().len(), 1);
    drop(seat);
    assert!(scene.access.leases().is_empty());
    assert_eq!(scene.given(), 0);
}

#[tokio::test]
async fn where_a_lease_is_wanted_ahead_there_is_no_way_in_without_one() {
    let scene = Scene::with(AHEAD);
    let seat = scene.seat(1);
    assert!(matches!(scene.access.admit(&seat, bid()).await, Err(NotLeased::NotGivenAhead { .. })));
    let lease = scene.request(60).await;
    assert_eq!(scene.access.admit(&seat, bid()).await.expect("leave"), Some(lease));
    scene.clock.advance(Duration::from_secs(60));
    scene.access.expire().await;
    assert_eq!(ended(&seat).await, Some(Cut::LeaseEnded));
    let later = scene.seat(2);
    assert!(matches!(scene.access.admit(&later, bid()).await, Err(NotLeased::NotGivenAhead { .. })));
}

#[tokio::test]
async fn the_same_lease_is_not_given_twice() {
    let mut scene = Scene::with(AHEAD);
    scene.request(60).await;
    scene.restart();
    let question = RequestQuestion {
        agent: "coder".to_owned(),
        target: "orders".to_owned(),
        database: None,
        purpose: "ticket 123".to_owned(),
        seconds: 60,
    };
    assert!(scene.access.request(&question, asker()).await.is_err());
    assert_eq!((scene.given(), scene.access.leases().len()), (1, 1));
}

#[tokio::test]
async fn a_lease_survives_a_restart_with_its_end_and_none_of_its_sessions() {
    let mut scene = Scene::with(AHEAD);
    let lease = scene.request(60).await;
    let seat = scene.seat(1);
    assert!(scene.access.admit(&seat, bid()).await.is_ok());
    scene.clock.advance(Duration::from_secs(30));
    scene.restart();
    let kept = scene.access.leases();
    assert_eq!(
        (kept[0].lease.as_str(), kept[0].open_sessions, kept[0].left_ms),
        (lease.as_str(), 0, Some(30_000))
    );
    scene.clock.advance(Duration::from_secs(30));
    scene.access.expire().await;
    scene.restart();
    assert!(scene.access.leases().is_empty());
}

#[tokio::test]
async fn a_lease_whose_record_was_not_written_was_never_given() {
    let mut scene = Scene::with(AHEAD);
    scene.request(60).await;
    // As if the gateway had been killed between the state and the record.
    scene.access.state.run(|file| file.execute("update leases set recorded = 0", ())).await.expect("written");
    scene.restart();
    assert!(scene.access.leases().is_empty());
}

#[tokio::test]
async fn what_cannot_be_recorded_is_not_given() {
    let folder = tempfile::tempdir().expect("a folder");
    let clock = MovedClock::at(UNIX_EPOCH + Duration::from_secs(1_800_000_000));
    let state = State::open(&folder.path().join("state")).expect("a state");
    let recorder = Recorder::open(folder.path()).expect("a recorder");
    recorder.fill_up();
    let config = fixture(SHORT);
    let access = Arc::new(Access::open(state, Arc::new(clock), recorder, &config).expect("what there is"));
    let seat = access.seat(&connection(1, "coder"));
    assert!(matches!(access.admit(&seat, bid()).await, Err(NotLeased::Record(_))));
    assert!(access.leases().is_empty());
}

#[tokio::test]
async fn a_lease_that_was_taken_back_ends_its_sessions_and_stays_gone() {
    let mut scene = Scene::with(AHEAD);
    let lease = scene.request(60).await;
    let seat = scene.seat(1);
    assert!(scene.access.admit(&seat, bid()).await.is_ok());
    assert!(scene.access.revoke(&lease, asker()).await.expect("written").is_some());
    assert_eq!(ended(&seat).await, Some(Cut::LeaseEnded));
    assert!(scene.access.revoke(&lease, asker()).await.expect("nothing to write").is_none());
    scene.restart();
    assert!(scene.access.leases().is_empty());
}

#[tokio::test]
async fn a_lease_is_extended_as_far_as_the_rules_go_and_keeps_its_new_end() {
    let mut scene = Scene::with(
        "[leases.day]\nagents = \"*\"\ntargets = \"*\"\ntime = \"1h\"\n[leases.ahead]\nagents = \"*\"\ntargets = \"*\"\ngiven = \"ahead\"\n",
    );
    let lease = scene.request(60).await;
    let extended = scene.access.extend(&lease, 24 * 3600 * 1000, asker()).await.expect("written");
    assert!(matches!(extended, Extended::Until(_)), "{extended:?}");
    scene.restart();
    assert_eq!(scene.access.leases()[0].left_ms, Some(3600 * 1000));
    let missing = scene.access.extend("none", 1000, asker()).await.expect("nothing to write");
    assert!(matches!(missing, Extended::Missing));
}

#[tokio::test]
async fn other_rules_shorten_open_leases_and_end_those_that_they_do_not_give() {
    let scene = Scene::with(SHORT);
    let seat = scene.seat(1);
    assert!(scene.access.admit(&seat, bid()).await.is_ok());
    scene.access.replace(&fixture("[leases.shorter]\nagents = \"*\"\ntargets = \"*\"\ntime = \"10m\"\n"));
    assert_eq!(scene.access.leases()[0].left_ms, Some(600_000));
    scene.access.replace(&fixture(AHEAD));
    scene.access.expire().await;
    assert_eq!(ended(&seat).await, Some(Cut::LeaseEnded));
}

#[tokio::test]
async fn a_kill_ends_what_it_names_and_says_what_that_was() {
    let scene = Scene::with("");
    let (seat, other) = (scene.seat(1), scene.access.seat(&connection(2, "tester")));
    assert!(scene.access.admit(&seat, bid()).await.is_ok());
    let (access, waiting) = (Arc::clone(&scene.access), tokio::spawn(async move { seat.ended().await }));
    let question = KillQuestion { scope: Scope::Agent("coder".to_owned()), lock: false, why: None };
    let killed = access.kill(question, asker()).await.expect("nothing to write");
    assert_eq!(waiting.await.expect("no panic"), Cut::Killed);
    assert_eq!((killed.ended.len(), killed.ending), (1, 0));
    assert_eq!(killed.ended[0].session.as_deref(), Some("a1"));
    assert_eq!(ended(&other).await, None);
    let by_session = scene.kill(Scope::Session("2".to_owned()), false).await;
    assert_eq!(by_session.ended[0].agent, "tester");
    assert_eq!(ended(&other).await, Some(Cut::Killed));
}

#[tokio::test]
async fn a_lock_shuts_out_survives_a_restart_and_goes_with_its_key_alone() {
    let mut scene = Scene::with("");
    scene.kill(Scope::Agent("coder".to_owned()), true).await;
    scene.restart();
    assert!(scene.access.lock_on("coder", "orders").is_some());
    assert!(scene.access.lock_on("tester", "orders").is_none());
    let seat = scene.seat(1);
    assert!(matches!(scene.access.admit(&seat, bid()).await, Err(NotLeased::Locked)));
    assert_eq!(ended(&seat).await, Some(Cut::Killed));
    assert!(scene.access.unlock(&Scope::All, asker()).await.expect("nothing to write").is_none());
    assert!(scene.access.lock_on("coder", "orders").is_some());
    let unlocked = scene.access.unlock(&Scope::Agent("coder".to_owned()), asker()).await.expect("written");
    assert!(unlocked.is_some());
    assert!(scene.access.lock_on("coder", "orders").is_none());
    scene.restart();
    assert!(scene.access.lock_on("coder", "orders").is_none());
}

#[tokio::test]
async fn a_person_is_locked_out_whoever_acts_for_them() {
    let scene = Scene::with("");
    scene.kill(Scope::Person("a@example.com".to_owned()), true).await;
    let seat = scene.seat(1);
    let acting = Bid { person: Some("a@example.com"), ..bid() };
    assert!(matches!(scene.access.admit(&seat, acting).await, Err(NotLeased::Locked)));
    assert!(scene.access.admit(&seat, bid()).await.is_ok());
}

#[tokio::test]
async fn an_agent_that_names_ever_new_databases_has_a_bounded_number_of_leases() {
    let scene = Scene::with("");
    let mut seats = Vec::new();
    for number in 0..257 {
        let seat = scene.seat(number);
        let database = format!("database {number}");
        let bid = Bid { database: Some(&database), ..bid() };
        let outcome = scene.access.admit(&seat, bid).await;
        assert_eq!(outcome.is_ok(), number < 256, "{number}: {outcome:?}");
        seats.push(seat);
    }
}

/// The figure to reach, with room for a machine that does other things too.
#[tokio::test]
async fn leave_by_a_lease_that_is_open_is_a_matter_of_microseconds() {
    let scene = Scene::with("[leases.long]\nagents = \"*\"\ntargets = \"*\"\ntime = \"2h\"\n");
    let first = scene.seat(0);
    assert!(scene.access.admit(&first, bid()).await.is_ok());
    let seats: Vec<_> = (1..=1000).map(|number| scene.seat(number)).collect();
    let mut times = Vec::new();
    for seat in &seats {
        let since = Instant::now();
        assert!(scene.access.admit(seat, bid()).await.is_ok());
        times.push(since.elapsed());
    }
    times.sort();
    println!("a lease decision: median {:?}, 99th percentile {:?}", times[500], times[990]);
    assert!(times[500] < Duration::from_micros(100), "{:?}", times[500]);
}

#[tokio::test]
async fn a_connection_is_for_what_its_lease_was_asked_for() {
    let scene = Scene::with(AHEAD);
    scene.request(60).await;
    let seat = scene.seat(1);
    assert_eq!(scene.access.purpose(&seat), None, "it is not let in yet");
    assert!(scene.access.admit(&seat, bid()).await.is_ok());
    assert_eq!(scene.access.purpose(&seat).as_deref(), Some("ticket 123"));
    let without = Scene::with("");
    let seat = without.seat(1);
    assert!(without.access.admit(&seat, bid()).await.is_ok());
    assert_eq!(without.access.purpose(&seat), None);
}
