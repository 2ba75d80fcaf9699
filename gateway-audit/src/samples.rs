//! A record of every kind, for tests of whoever reads records. They tell one short story, in its order.

use std::net::SocketAddr;

use gateway_policy::level::Level;

use crate::chain::Hash;
use crate::control::{Asker, ControlRefused, ControlUsed, Outcome};
use crate::event::{
    AnswerGiven, Asked, Connection, Denial, Denied, Ended, Ending, Event, Exe, IdentityFailed,
    IdentityProblem, KernelRefused, Nameless, Proved, Transport, Who,
};
use crate::lease::{LeaseEnd, LeaseEnded, LeaseExtended, LeaseGiven, LockChanged};
use crate::session::{
    Because, CommandDenial, CommandEnded, CommandJudged, Limit, LimitReached, MessageRefused, OfSession,
    Privacy, Said, SessionOpened, Stage, Value, Verdict,
};

/// What a hostile agent might have sent: an escape of terminals, markup, and ends of fields and lines of every format.
pub const HOSTILE: &str =
    "select '\x1b]0;owned\x07 </script><b>|=\\\"'\n-- \u{202e}gnp.exe\r\n2026 forged line";

/// An event and its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    pub at: String,
    pub event: Event,
}

/// All of them.
pub fn samples() -> Vec<Sample> {
    let events = before().into_iter().chain(session()).chain(after());
    events
        .enumerate()
        .map(|(number, event)| Sample {
            at: format!("2026-01-31T08:15:{:02}.250000000Z", number % 60),
            event,
        })
        .collect()
}

/// Which session an event of a session is about, to be told of another one.
pub fn of_session(event: &mut Event) -> Option<&mut OfSession> {
    match event {
        Event::SessionOpened(opened) => Some(&mut opened.of),
        Event::Command(command) => Some(&mut command.of),
        Event::CommandEnded(ended) => Some(&mut ended.of),
        Event::MessageRefused(refused) => Some(&mut refused.of),
        _ => None,
    }
}

/// The session's own records among them.
pub fn session() -> Vec<Event> {
    vec![
        Event::Opened(connection()),
        Event::SessionOpened(SessionOpened {
            of: of(),
            who: who(),
            original: connection().original,
            level: Some(Level::Full),
            protocol: "postgres".into(),
            claimed: "app".into(),
            database: "shop".into(),
            person: None,
            lease: Some("5fd0a81c22e1".into()),
            login: "postern_7f3a".into(),
            agent_side: Privacy::Tls,
            target_side: Privacy::Tls,
            server_version: Some("15.18".into()),
        }),
        command(1, "select id, email from orders where id = $1", allowed("reads")),
        ended(1, Said::Done("SELECT 3".into()), 3, 412),
        command(2, "drop table orders", denied(Because::Rule("no-drops".into()))),
        command(3, HOSTILE, denied(Because::Unknown("it cannot be read".into()))),
        command(4, "update orders set paid = true", allowed("writes")),
        ended(4, Said::Failed("23505".into()), 0, 97),
        Event::LimitReached(LimitReached { of: of(), command: 4, limit: Limit::Rows }),
        Event::MessageRefused(MessageRefused { of: of(), why: "a function call".into() }),
        Event::Ended(Ended {
            connection: connection(),
            ending: Ending::Finished,
            sent_bytes: 1_234,
            received_bytes: 56_789,
            lasted_ms: 8_400,
        }),
    ]
}

fn before() -> Vec<Event> {
    vec![
        Event::Started { version: "0.1.0".into() },
        Event::LevelChanged { level: Some(Level::Full), open_vectors: Vec::new() },
        Event::Asked(Asked {
            who: Some(who()),
            transport: Transport::Udp,
            name: Some("db.example.com".into()),
            kind: Some("A".into()),
            answer: AnswerGiven::Addresses,
        }),
    ]
}

fn after() -> Vec<Event> {
    vec![
        Event::Denied(Denied {
            connection: 8,
            who: Some(who()),
            original: Some(SocketAddr::from(([198, 51, 100, 9], 443))),
            peer: None,
            because: Denial::NoTarget,
            level: Some(Level::Full),
        }),
        Event::Denied(Denied {
            connection: 9,
            who: None,
            original: None,
            peer: Some(SocketAddr::from(([127, 0, 0, 1], 40_000))),
            because: Denial::NotAnAgent,
            level: None,
        }),
        Event::IdentityFailed(IdentityFailed {
            connection: 10,
            who: who(),
            target: "orders".into(),
            problem: IdentityProblem::Expired,
            source: Some(Proved::TokenFile),
            provider: Some("corp".into()),
            why: "it has expired".into(),
        }),
        Event::NotListed {
            what: Nameless::Connection { because: Denial::NotAnAgent },
            count: 12,
            seconds: 60,
        },
        Event::KernelRefused(KernelRefused {
            agent: Some("coder".into()),
            cgroup_id: 42,
            cgroup_path: "/agents.slice/coder".into(),
            tgid: 100,
            pid: 101,
            uid: 1000,
            comm: "curl\x1b[31m".into(),
            act: "connect_unix".into(),
            why: "not_a_peer".into(),
            destination: None,
            refused_at: "2026-01-31T08:15:00Z".into(),
        }),
        Event::KernelRefusalsLost { count: 3 },
        Event::EnforcerGone,
        Event::EnforcerBack,
        Event::LeaseGiven(LeaseGiven {
            lease: "5fd0a81c22e1".into(),
            agent: "coder".into(),
            person: None,
            target: "orders".into(),
            database: None,
            purpose: Some("ticket 123".into()),
            until: Some("2026-01-31T09:00:00Z".into()),
            sessions: Some(4),
            rules: vec!["short".into()],
            by: Some(asker()),
        }),
        Event::LeaseExtended(LeaseExtended {
            lease: "5fd0a81c22e1".into(),
            agent: "coder".into(),
            target: "orders".into(),
            until: "2026-01-31T10:00:00Z".into(),
            by: asker(),
        }),
        Event::LeaseEnded(LeaseEnded {
            lease: "5fd0a81c22e1".into(),
            agent: "coder".into(),
            target: "orders".into(),
            why: LeaseEnd::Revoked,
            by: Some(asker()),
        }),
        Event::Locked(LockChanged {
            scope: "agent coder".into(),
            why: Some("it went astray".into()),
            by: asker(),
        }),
        Event::Unlocked(LockChanged { scope: "agent coder".into(), why: None, by: asker() }),
        Event::ControlUsed(ControlUsed {
            by: asker(),
            call: "/v1/kill".into(),
            asked: "{\"agent\":\"coder\"}".into(),
            outcome: Outcome::NotDone { why: "nothing is open".into() },
        }),
        Event::ControlRefused(ControlRefused {
            by: asker(),
            call: "/v1/unlock".into(),
            why: "this takes the role operator".into(),
        }),
        Event::Detached { uid: 0, login_uid: Some(1000) },
        Event::ConfigRead { sha256: Hash([0xab; 32]) },
        Event::ConfigRefused { sha256: Hash([0xcd; 32]), mistakes: 2 },
        Event::ClockJumped { by_ms: -3_600_000 },
        Event::Unrecorded { count: 4 },
        Event::Stopped { open_connections: 0 },
    ]
}

fn asker() -> Asker {
    Asker {
        uid: 0,
        login_uid: Some(1000),
        pid: 321,
        user: Some("root".into()),
        person: Some("olga@example.com".into()),
    }
}

fn who() -> Who {
    Who {
        agent: "coder".into(),
        cgroup_id: 42,
        cgroup_path: "/agents.slice/coder".into(),
        netns: 1,
        tgid: 100,
        pid: 101,
        uid: 1000,
        gid: 1000,
        comm: "psql".into(),
        exe: Some(Exe { path: "/usr/bin/psql".into(), sha256: Some("00ff".repeat(16)), unhashed: None }),
    }
}

fn connection() -> Connection {
    Connection {
        connection: 7,
        who: who(),
        person: None,
        original: SocketAddr::from(([192, 0, 2, 1], 5432)),
        target: "orders".into(),
        level: Some(Level::Full),
    }
}

fn of() -> OfSession {
    OfSession {
        session: "4a1be2c07c3dcd8a".into(),
        connection: 7,
        agent: "coder".into(),
        target: "orders".into(),
    }
}

fn command(command: u64, text: &str, verdict: Verdict) -> Event {
    let parameters = if text.contains("$1") { vec![Value::Text("17".into())] } else { Vec::new() };
    Event::Command(CommandJudged {
        of: of(),
        command,
        stage: Stage::Run,
        text: text.into(),
        parameters,
        verdict,
    })
}

fn allowed(rule: &str) -> Verdict {
    Verdict::Allowed { rules: vec![rule.into()], observed: None }
}

fn denied(because: Because) -> Verdict {
    Verdict::Denied(CommandDenial { message: "not allowed for this agent".into(), because })
}

fn ended(command: u64, said: Said, rows: u64, bytes: u64) -> Event {
    Event::CommandEnded(CommandEnded { of: of(), command, said, rows, bytes, took_us: 1_250 })
}
