//! What is told, chapter by chapter, and what must be true for it.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use super::agent::{Outcome, Who};
use super::records::{self, Record};
use super::screen::{Screen, Tone};
use super::{Cast, LOCAL_SERVICE, asking, world};
use crate::stage::postern::Standing;

const SELECT: [&str; 5] = [
    "/usr/bin/psql",
    "host=orders-db.test user=coder dbname=orders connect_timeout=5",
    "-XAtc",
    "select count(*) || ' orders, ' || sum(amount) || ' in all' from orders",
    "-q",
];
const SLEEP: [&str; 4] = [
    "/usr/bin/psql",
    "host=orders-db.test user=coder dbname=orders connect_timeout=5",
    "-XAtc",
    "select pg_sleep(30)",
];
const PYTHON: &str = "/usr/bin/python3";
const PEER: &str = "import socket; s = socket.create_connection(('orders-db.test', 5432), 5); \
     print('%s:%d' % s.getpeername())";
const OWN_SERVER: &str = "import http.server, threading, urllib.request as u; \
     h = type('H', (http.server.BaseHTTPRequestHandler,), \
         {'do_GET': lambda s: (s.send_response(200), s.end_headers(), s.wfile.write(b'hello, me')), \
          'log_message': lambda *a: None}); \
     s = http.server.HTTPServer(('127.0.0.1', 0), h); \
     threading.Thread(target=s.serve_forever, daemon=True).start(); \
     print(u.urlopen('http://127.0.0.1:%d/' % s.server_port, timeout=5).read().decode())";
/// From the kill until the agent must have noticed.
const CUT_OFF: Duration = Duration::from_secs(1);

pub(super) fn introduce(screen: &Screen) {
    screen.title("Postern, in a minute");
    screen.say("");
    screen.say("An AI agent is psql, curl and python here, as they come, run by an ordinary user.");
    screen.say("They know nothing of Postern. They are in one cgroup, and the kernel sends every");
    screen.say("connection of that cgroup to a gate, which lets through what policy names:");
    screen.say("");
    screen.say("    agent coder   may reach   orders-db.test:5432   and   packages.test:80");
    screen.say("");
    screen
        .say("The database knows no user coder, and the agent has no password. The gate logs in on its own,");
    screen.say(
        "reads every statement before it runs, and lets the agent read orders and correct some of them.",
    );
}

pub(super) fn why_not_full(standing: &Standing) -> String {
    format!(
        "This kernel does not let the second layer in, so the demo's own configuration says \
         danger_minimum_level = \"{}\".\n      Open at this level: {}.",
        standing.level,
        standing.open.join(", ")
    )
}

pub(super) fn tell(screen: &mut Screen, cast: &mut Cast) -> Result<()> {
    let select = allowed(screen, cast)?;
    understood(screen, cast)?;
    asking::tell(screen, cast)?;
    refused(screen, cast)?;
    recorded(screen, cast, &select)?;
    the_gate_falls(screen, cast)?;
    screen.heading("Not part of this version", "");
    screen.say("Masking comes later.");
    Ok(())
}

/// Returns how the select went, for its record.
fn allowed(screen: &mut Screen, cast: &Cast) -> Result<Outcome> {
    screen.heading("Allowed", "same name, same port, same programs");
    let select = cast.places.as_agent(Who::Nobody, &SELECT)?;
    screen.expect(
        select.succeeded && select.printed() == "3 orders, 38.50 in all",
        "psql -h orders-db.test -c \"select … from orders\"",
        &select.gist(),
    );
    let page = cast.places.as_agent(Who::Nobody, &curl("http://packages.test/"))?;
    screen.expect(page.printed().contains("hello"), "curl http://packages.test/", &page.gist());
    let peer = cast.places.as_agent(Who::Nobody, &[PYTHON, "-c", PEER])?;
    let asked_for = format!("{}:5432", world::DATABASE);
    let seen = format!("{}, as it asked, not the gate", peer.gist());
    screen.expect(peer.printed() == asked_for, "python: the peer of that connection", &seen);
    let own = cast.places.as_agent(Who::Nobody, &[PYTHON, "-c", OWN_SERVER])?;
    screen.expect(own.printed() == "hello, me", "python: a server of its own on localhost", &own.gist());
    Ok(select)
}

/// Statements that the database would run for the gateway's login, which owns the table.
const FORBIDDEN: [(&str, &str); 5] = [
    ("every order", "delete from orders"),
    ("a condition that is none", "update orders set amount = 0 where 1 = 1"),
    ("behind a harmless statement", "select 1 /* ; */; drop table orders"),
    ("built while it runs", "do $$begin execute chr(100) || 'rop table orders'; end$$"),
    ("a program of the server", "copy orders to program 'cat > /tmp/orders'"),
];

fn understood(screen: &mut Screen, cast: &Cast) -> Result<()> {
    screen.heading("Understood", "each statement is read with PostgreSQL's own grammar before it runs");
    let run = |statement: &str| cast.places.as_agent(Who::Nobody, &psql(statement));
    let correction = run("update orders set amount = 25.00 where id = 1")?;
    let seen = format!("the order now says {}", run("select amount from orders where id = 1")?.printed());
    screen.expect(correction.succeeded, "psql: update … where id = 1", &seen);
    let before = world::orders()?;
    for (what, statement) in FORBIDDEN {
        let refused = run(statement)?;
        let objection = refused.objection();
        let seen = objection.clone().unwrap_or_else(|| "it ran".to_owned());
        screen.expect(!refused.succeeded && objection.is_some(), &format!("psql: {what}"), &seen);
    }
    let after = world::orders()?;
    screen.expect(before == after, "what is in the table", &after);
    // One connection: a no, and then a yes.
    let [program, login, options, no] = psql("delete from orders");
    let words = [program, login, options, no, "-c", "update orders set amount = 24.50 where id = 1"];
    let both = cast.places.as_agent(Who::Nobody, &words)?;
    let corrected = world::orders()?;
    let went_on = both.objection().is_some() && corrected.starts_with("lantern 24.50");
    screen.expect(went_on, "psql: after a no, on the same connection", &corrected);
    Ok(())
}

/// Something that must fail inside the agent and nowhere else.
struct Attempt<'a> {
    what: &'a str,
    who: Who,
    words: Vec<&'a str>,
}

fn refused(screen: &mut Screen, cast: &Cast) -> Result<()> {
    screen.heading("Refused", "each works on this machine, and not for the agent");
    let before = arrivals(cast);
    let elsewhere = format!("http://{}/", world::ELSEWHERE);
    let local = format!("http://{LOCAL_SERVICE}/");
    let datagram = format!(
        "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'hello?', ('{}', 443))",
        world::ELSEWHERE
    );
    let raw = "import socket; socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)";
    let look_up = "import socket; print(socket.getaddrinfo('paste.test', 80)[0][4][0])";
    let attempts = [
        Attempt {
            what: "curl, to an address that is no target",
            who: Who::Nobody,
            words: curl(&elsewhere).into(),
        },
        Attempt {
            what: "python, QUIC: a datagram to port 443",
            who: Who::Nobody,
            words: vec![PYTHON, "-c", &datagram],
        },
        Attempt {
            what: "python, a raw socket, even as root",
            who: Who::Root,
            words: vec![PYTHON, "-c", raw],
        },
        Attempt {
            what: "python, looking up a name that no target has",
            who: Who::Nobody,
            words: vec![PYTHON, "-c", look_up],
        },
        Attempt {
            what: "curl, to another service of this machine",
            who: Who::Nobody,
            words: curl(&local).into(),
        },
    ];
    let mut worked_outside = 0;
    for attempt in &attempts {
        worked_outside += usize::from(try_both(screen, cast, attempt)?);
    }
    unix_socket(screen, cast)?;
    // Three of them leave a trace where they arrive: they did so from outside the agent, and only from there.
    let arrived = arrivals(cast) - before;
    let seen = format!("{arrived} arrived, all sent from outside the agent");
    screen.expect(arrived == 3 && worked_outside == 5, "what the services themselves saw", &seen);
    Ok(())
}

/// True if it worked outside.
fn try_both(screen: &mut Screen, cast: &Cast, attempt: &Attempt<'_>) -> Result<bool> {
    let outside = cast.places.outside(attempt.who, &attempt.words)?;
    let inside = cast.places.as_agent(attempt.who, &attempt.words)?;
    let seen = match (outside.succeeded, inside.succeeded) {
        (true, false) => inside.gist(),
        (true, true) => "it worked".to_owned(),
        (false, _) => format!("does not even work outside the agent: {}", outside.gist()),
    };
    screen.expect(outside.succeeded && !inside.succeeded, attempt.what, &seen);
    Ok(outside.succeeded)
}

/// Unix sockets are the second layer's; without it they are open, and the demo says so.
fn unix_socket(screen: &mut Screen, cast: &Cast) -> Result<()> {
    let connect = format!("import socket; socket.socket(socket.AF_UNIX).connect('{}')", cast.unix_socket);
    let inside = cast.places.as_agent(Who::Nobody, &[PYTHON, "-c", &connect])?;
    let what = "python, to a unix socket of another service";
    if cast.standing.level == "full" {
        screen.expect(!inside.succeeded, what, &inside.gist());
    } else {
        screen.mind(&format!("{what}: open, as the level {} says", cast.standing.level));
    }
    Ok(())
}

fn recorded(screen: &mut Screen, cast: &Cast, select: &Outcome) -> Result<()> {
    screen.heading("Recorded", "one JSON object a line; some of them");
    let find = |what: &str, event: &str, key: &str, value: &str| {
        cast.records.find(what, |record| record.is(event, key, value))
    };
    let elsewhere = format!("{}:80", world::ELSEWHERE);
    let quic = format!("{}:443", world::ELSEWHERE);
    let opened = cast.records.find("the record of the select", |record| {
        record.is("opened", "target", "orders") && record.word("tgid") == select.pid.to_string()
    })?;
    let number = opened.word("connection");
    let shown = [
        find("the lookup of the database", "asked", "name", "orders-db.test")?,
        opened.clone(),
        find("the statement that was allowed", "command", "verdict", "allowed")?,
        find("the statement that was denied", "command", "verdict", "denied")?,
        find("the yes of a person", "approval", "step", "approved")?,
        find("the end of the select", "ended", "connection", &number)?,
        find("the refused destination", "denied", "original", &elsewhere)?,
        find("the refused local service", "denied", "original", LOCAL_SERVICE)?,
        find("the refused lookup", "asked", "name", "paste.test")?,
        find("the refused datagram", "kernel_refused", "destination", &quic)?,
        find("the refused raw socket", "kernel_refused", "act", "create-socket")?,
    ];
    records::show(screen, &shown);
    attributed(screen, cast, &opened)
}

fn attributed(screen: &mut Screen, cast: &Cast, opened: &Record) -> Result<()> {
    screen.heading("Attributed", "who made the first connection, as the kernel saw it");
    let cgroup = opened.word("cgroup_path");
    screen.expect(cast.places.cgroup.dir().ends_with(cgroup.trim_start_matches('/')), "cgroup", &cgroup);
    let who = format!("{} (nobody), agent {}", opened.word("uid"), opened.word("agent"));
    screen.expect(opened.word("uid") == "65534" && opened.word("agent") == "coder", "user", &who);
    let process = format!("{} {}", opened.word("tgid"), opened.word("comm"));
    screen.expect(opened.word("comm") == "psql", "process", &process);
    let (path, hash) = opened.program().context("the record names no program")?;
    let content = std::fs::read(&path).with_context(|| format!("cannot read {path}"))?;
    let digest: String = Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect();
    let short = hash.get(..16).unwrap_or_default();
    screen.expect(digest == hash, "program, and the SHA-256 of its content", &format!("{path} {short}…"));
    Ok(())
}

/// The gateway and the enforcer die one after the other, as by a crash.
fn the_gate_falls(screen: &mut Screen, cast: &mut Cast) -> Result<()> {
    screen.heading("If the gate falls", "agents are cut off, never released");
    let before = arrivals(cast);
    let mut open = cast.places.start_as_agent(Who::Nobody, &SLEEP)?;
    let pid = open.pid().to_string();
    cast.records.find("the record of a sleeping psql", |record| record.is("opened", "tgid", &pid))?;
    let killed = Instant::now();
    cast.gateway.kill()?;
    while !open.has_ended() && killed.elapsed() < CUT_OFF {
        std::thread::sleep(Duration::from_millis(5));
    }
    let cut = open.has_ended();
    let after = killed.elapsed().as_millis();
    let seen = if cut { format!("cut after {after} ms") } else { "still open".to_owned() };
    screen.expect(cut && !open.finish()?.succeeded, "gateway killed with -9: the open connection", &seen);
    let address = format!("host={} user=coder dbname=orders", world::DATABASE);
    let retry = cast.places.as_agent(Who::Nobody, &["/usr/bin/psql", &address, "-c", "table orders"])?;
    let within = !retry.succeeded && retry.took < CUT_OFF;
    screen.expect(within, "psql again, now by address", &retry.complaint_with("Connection refused"));
    cast.enforcer.kill()?;
    let elsewhere = cast.places.as_agent(Who::Nobody, &curl(&format!("http://{}/", world::ELSEWHERE)))?;
    screen.expect(
        !elsewhere.succeeded,
        "enforcer killed with -9 too: curl to anywhere",
        &last_words(&elsewhere),
    );
    let arrived = arrivals(cast) - before;
    screen.expect(arrived == 0, "what arrived outside meanwhile", &arrived.to_string());
    cast.enforcer = cast.postern.launch_enforcer(&cast.stage)?;
    cast.gateway = cast.postern.launch_gateway(&cast.stage, Some(&cast.places.hosts))?;
    let again = cast.places.as_agent(Who::Nobody, &SELECT)?;
    screen.expect(again.succeeded, "both started again: psql", &again.gist());
    Ok(())
}

pub(super) fn invite(screen: &Screen, cast: &Cast) {
    screen.heading("Try it yourself", "everything runs until you press Ctrl-C here");
    let procs = cast.places.cgroup.dir().join("cgroup.procs");
    let config = cast.postern.config_dir();
    screen.say(&screen.paint(Tone::Faint, "a shell as the agent"));
    screen.say(&format!(
        "  sh -c 'echo $$ > {} && exec setpriv --reuid=nobody --regid=nogroup --clear-groups sh'",
        procs.display()
    ));
    screen.say("  psql 'host=orders-db.test user=coder dbname=orders' -c 'table orders'");
    screen.say(&format!("  curl http://packages.test/ http://{}/", world::ELSEWHERE));
    screen.say("");
    screen.say(&screen.paint(Tone::Faint, "as root, elsewhere"));
    screen.say(&format!("  tail -f {}/host/*.jsonl", cast.postern.records().display()));
    for command in ["status", "doctor"] {
        screen.say(&format!("  {} --config {} {command}", cast.postern.binary.display(), config.display()));
    }
    screen.say("");
}

pub(super) fn clean_up(screen: &Screen) {
    screen.heading("Cleaned up", "");
    screen.say(
        "The services were stopped, the programs taken out of the kernel with `postern enforce --detach`,",
    );
    screen.say("and the outside world, the agent's cgroup and all files removed. With --stay you keep them.");
}

pub(super) fn psql(statement: &str) -> [&str; 4] {
    ["/usr/bin/psql", "host=orders-db.test user=coder dbname=orders connect_timeout=5", "-XAtqc", statement]
}

fn curl(url: &str) -> [&str; 5] {
    ["/usr/bin/curl", "-sS", "--max-time", "5", url]
}

/// What arrived at the services that the agent must not reach.
fn arrivals(cast: &Cast) -> usize {
    cast.outside.arrivals(world::ELSEWHERE) + cast.local.arrivals(LOCAL_SERVICE)
}

/// `psql: error: …: Connection refused`: what follows the last colon says it.
fn last_words(outcome: &Outcome) -> String {
    let gist = outcome.gist();
    gist.rsplit_once(": ").map_or(gist.clone(), |(_, words)| words.to_owned())
}
