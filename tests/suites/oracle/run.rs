//! All scripts, each in a database of its own, some at a time.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, ensure};
use gateway_e2e::servers::postgres::{Postgres, Version};
use gateway_policy::command::State;
use gateway_policy::facts::{Aftermath, Facts, Reason};
use gateway_sql::Catalogue;

use crate::connection::Connection;
use crate::reviewed::{self, Seen};
use crate::script::{self, Statement, Variables};
use crate::told::{self, Wholes};
use crate::{contents, touched};

/// What the other scripts take for given. They run in the first database, in this order.
const BASE: [&str; 5] = ["test_setup", "create_misc", "create_type", "create_aggregate", "create_index"];
/// They change the cluster for all, need what no package has, or take a long time over few different statements.
const LEFT_OUT: [&str; 12] = [
    "tablespace",
    "database",
    "stats",
    "misc_sanity",
    "type_sanity",
    "opr_sanity",
    "sanity_check",
    "select_parallel",
    "write_parallel",
    "random",
    "event_trigger",
    "largeobject",
];
const WORKERS: usize = 4;
const QUESTION_OF_STATE: &str = "select pg_catalog.current_setting('search_path'), current_user, \
    pg_catalog.current_setting('standard_conforming_strings'), pg_catalog.current_setting('client_encoding')";
const QUESTION_OF_PARTS: &str = "select n.nspname, c.relname, m.nspname, p.relname from pg_catalog.pg_inherits i \
    join pg_catalog.pg_class c on c.oid = inhrelid join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
    join pg_catalog.pg_class p on p.oid = inhparent join pg_catalog.pg_namespace m on m.oid = p.relnamespace";
/// For the transaction, which is undone to where it was.
const EVERY_PLAN: &str = "set local enable_seqscan = on; set local enable_indexscan = on; \
    set local enable_hashjoin = on; set local enable_nestloop = on; set local enable_sort = on";
/// Statements that the server can plan without running them.
const PLANNED: [&str; 9] =
    ["select", "insert", "update", "delete", "merge", "values", "with", "table", "declare"];

/// How much was compared.
#[derive(Debug, Default)]
struct Tally {
    statements: usize,
    understood: usize,
    planned: usize,
    defined: usize,
}

#[derive(Debug, Default)]
struct Found {
    tally: Tally,
    gaps: Seen,
}

pub(crate) fn all() -> Result<()> {
    let folder = PathBuf::from(
        std::env::var_os("POSTERN_REGRESS").context("POSTERN_REGRESS is not set; use cargo xtask test")?,
    );
    let server = Postgres::of(Version::V15)
        .setting("statement_timeout=4s\nlock_timeout=2s\nautovacuum=off\nsynchronous_commit=off\nmax_prepared_transactions=4")
        .setting("full_page_writes=off\nmax_wal_size=4GB\nshared_buffers=128MB\njit=off")
        .start()?;
    server.sql_in("postgres", "create database base")?;
    let found = Mutex::new(Found::default());
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, server.port()));
    let stage = Stage { folder: &folder, address, found: &found };
    stage.prepare()?;
    let scripts = scripts(&folder)?;
    let next = AtomicUsize::new(0);
    let outcome: Result<()> = std::thread::scope(|scope| {
        let workers: Vec<_> =
            (0..WORKERS).map(|_| scope.spawn(|| stage.work(&server, &scripts, &next))).collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().unwrap_or_else(|_| anyhow::bail!("a worker died")))
    });
    outcome?;
    let Found { tally, gaps } = found.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    println!("{tally:?}, {} kinds of gaps", gaps.len());
    // What compares nothing finds nothing.
    ensure!(tally.statements > 30_000 && tally.understood > tally.statements * 9 / 10, "{tally:?}");
    ensure!(tally.planned > 8_000 && tally.defined > 5_000, "{tally:?}");
    reviewed::compare(&gaps)
}

/// In the order of the schedule.
fn scripts(folder: &Path) -> Result<Vec<String>> {
    let schedule = fs::read_to_string(folder.join("parallel_schedule")).context("there is no schedule")?;
    let tests = schedule.lines().filter_map(|line| line.strip_prefix("test:"));
    let names = tests.flat_map(str::split_whitespace).map(str::to_owned);
    Ok(names.filter(|name| !BASE.contains(&name.as_str()) && !LEFT_OUT.contains(&name.as_str())).collect())
}

#[derive(Clone, Copy)]
struct Stage<'a> {
    folder: &'a Path,
    address: SocketAddr,
    found: &'a Mutex<Found>,
}

impl Stage<'_> {
    fn prepare(&self) -> Result<()> {
        let mut connection = Connection::open(self.address, "base")?;
        let answer = connection.ask(include_str!("oracle.sql"), "")?;
        ensure!(answer.error.is_none(), "the server does not tell: {answer:?}");
        drop(connection);
        BASE.iter().try_for_each(|name| self.run(name, "base"))?;
        let answer = Connection::open(self.address, "base")?.ask("vacuum analyze", "")?;
        ensure!(answer.error.is_none(), "{answer:?}");
        Ok(())
    }

    fn work(&self, server: &Postgres, scripts: &[String], next: &AtomicUsize) -> Result<()> {
        while let Some(name) = scripts.get(next.fetch_add(1, Ordering::Relaxed)) {
            let database = format!("of_{name}").replace('.', "_");
            server.sql_in("postgres", &format!("create database {database} template base"))?;
            self.run(name, &database)?;
            // One with a prepared transaction stays, and goes with the server.
            let _ = server.sql_in("postgres", &format!("drop database {database} with (force)"));
        }
        Ok(())
    }

    fn run(&self, name: &str, database: &str) -> Result<()> {
        let path = self.folder.join("sql").join(format!("{name}.sql"));
        let text = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut variables = Variables::from([
            ("PG_ABS_SRCDIR".to_owned(), self.folder.display().to_string()),
            ("PG_ABS_BUILDDIR".to_owned(), "/nonexistent".to_owned()),
            ("PG_LIBDIR".to_owned(), "/nonexistent".to_owned()),
            ("PG_DLSUFFIX".to_owned(), ".so".to_owned()),
        ]);
        let mut session = Session::open(self.address, database)?;
        for statement in script::statements(&String::from_utf8_lossy(&text), &mut variables) {
            session.take(&statement).with_context(|| format!("{name}.sql:{}", statement.line))?;
            for gap in session.gaps.drain(..) {
                let mut found = self.found.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                let shape = gateway_sql::shape(&statement.text);
                let place = format!("{name}.sql:{}: {shape}", statement.line);
                found.gaps.entry(gap).or_insert(place);
            }
        }
        let mut found = self.found.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let Tally { statements, understood, planned, defined } = session.tally;
        found.tally.statements += statements;
        found.tally.understood += understood;
        found.tally.planned += planned;
        found.tally.defined += defined;
        Ok(())
    }
}

/// One script's session, and what is known of it.
struct Session {
    address: SocketAddr,
    database: String,
    connection: Connection,
    /// Reads the catalogue where that does not need to see what is not committed: scripts turn off ways to plan.
    watcher: Connection,
    catalogue: Catalogue,
    wholes: Wholes,
    version: u64,
    state: Option<State>,
    /// Definitions have changed that facts may rest on.
    stale: bool,
    open: bool,
    failed: bool,
    tally: Tally,
    gaps: Vec<told::Gap>,
}

impl Session {
    fn open(address: SocketAddr, database: &str) -> Result<Self> {
        Ok(Self {
            address,
            database: database.to_owned(),
            connection: Connection::open(address, database)?,
            watcher: Connection::open(address, database)?,
            catalogue: Catalogue::absent(),
            wholes: Wholes::new(),
            version: 0,
            state: None,
            stale: true,
            open: false,
            failed: false,
            tally: Tally::default(),
            gaps: Vec::new(),
        })
    }

    fn take(&mut self, statement: &Statement) -> Result<()> {
        self.tally.statements += 1;
        let text = statement.text.as_str();
        let facts = self.read(text)?;
        let understood = facts.as_ref().filter(|facts| told::is_understood(facts));
        if let Some(facts) = understood {
            self.tally.understood += 1;
            self.compare_plan(text, facts)?;
        }
        let answer = match self.connection.ask(text, &statement.copy) {
            Ok(answer) => answer,
            // A script may end its own session, or the server's.
            Err(_) => return self.reconnect(),
        };
        (self.open, self.failed) = (answer.open, answer.failed);
        let told = answer.infos.iter().filter(|info| info.starts_with("oracle|"));
        for info in told {
            self.stale = true;
            if let Some(facts) = understood {
                self.tally.defined += 1;
                self.gaps.extend(told::ddl_gap(facts, info));
            }
        }
        if understood.is_none_or(|facts| facts.aftermath() != Aftermath::Nothing) || answer.error.is_some() {
            self.state = None;
        }
        Ok(())
    }

    fn reconnect(&mut self) -> Result<()> {
        self.connection = Connection::open(self.address, &self.database)?;
        (self.state, self.stale, self.open, self.failed) = (None, true, false, false);
        Ok(())
    }

    /// `None` where the session cannot be asked how it stands.
    fn read(&mut self, text: &str) -> Result<Option<Facts>> {
        if self.failed {
            return Ok(None);
        }
        let Some(state) = self.state()? else { return Ok(None) };
        let facts = gateway_sql::read(text, &state, &self.catalogue);
        let names_things = facts.statements.iter().any(|statement| !statement.effects.is_empty());
        let misses = facts.statements.iter().flat_map(|statement| &statement.unknowns);
        let misses = misses.chain(&facts.unknowns).any(|unknown| unknown.reason == Reason::NotInCatalogue);
        if misses || self.stale && names_things && is_planned(text) {
            self.look()?;
            return Ok(Some(gateway_sql::read(text, &state, &self.catalogue)));
        }
        Ok(Some(facts))
    }

    fn state(&mut self) -> Result<Option<State>> {
        if self.state.is_none() {
            let answer = self.quietly(QUESTION_OF_STATE)?;
            let row = answer.and_then(|rows| rows.into_iter().next()).unwrap_or_default();
            let [Some(path), Some(user), Some(strings), Some(encoding)] = row.as_slice() else {
                return Ok(None);
            };
            let own = format!("\"{}\"", user.replace('"', "\"\""));
            let settings = [
                ("search_path", path.replace("\"$user\"", &own)),
                ("standard_conforming_strings", strings.clone()),
                ("client_encoding", encoding.clone()),
            ];
            let settings = settings.map(|(name, value)| (name.to_owned(), value)).into();
            self.state = Some(State { settings, ..State::default() });
        }
        Ok(self.state.clone())
    }

    /// Reads the catalogue as the gateway does, and which table is a part of which.
    fn look(&mut self) -> Result<()> {
        if let Some(rows) = self.watch(contents::QUESTION)? {
            self.version += 1;
            self.catalogue = contents::catalogue(rows, self.version)?;
            self.stale = false;
        }
        let Some(rows) = self.watch(QUESTION_OF_PARTS)? else { return Ok(()) };
        self.wholes.clear();
        for row in rows {
            if let [Some(schema), Some(part), Some(of_schema), Some(whole)] = row.as_slice() {
                let whole = (of_schema.clone(), whole.clone());
                self.wholes.entry((schema.clone(), part.clone())).or_default().push(whole);
            }
        }
        Ok(())
    }

    fn watch(&mut self, question: &str) -> Result<Option<Vec<crate::connection::Row>>> {
        if self.open {
            return self.quietly(&format!("{EVERY_PLAN}; {question}"));
        }
        let answer = self.watcher.ask(question, "")?;
        Ok(answer.error.is_none().then_some(answer.rows))
    }

    fn compare_plan(&mut self, text: &str, facts: &Facts) -> Result<()> {
        if !is_planned(text) {
            return Ok(());
        }
        let Some(rows) = self.quietly(&format!("explain (verbose, format json) {text}"))? else {
            return Ok(());
        };
        let plan: String = rows.into_iter().flatten().flatten().collect();
        self.tally.planned += 1;
        self.gaps.extend(told::gaps(facts, &touched::in_plan(&plan), &self.wholes));
        Ok(())
    }

    /// Asks without a trace in the session. `None` if that fails.
    fn quietly(&mut self, question: &str) -> Result<Option<Vec<crate::connection::Row>>> {
        if self.open {
            self.connection.ask("savepoint oracle", "")?;
        }
        let answer = self.connection.ask(question, "")?;
        if self.open {
            self.connection.ask("rollback to oracle; release oracle", "")?;
        }
        Ok(answer.error.is_none().then_some(answer.rows))
    }
}

fn is_planned(text: &str) -> bool {
    let word: String =
        text.trim_start_matches(['(', ' ', '\n']).chars().take_while(|c| c.is_ascii_alphabetic()).collect();
    PLANNED.contains(&word.to_ascii_lowercase().as_str()) && !text.contains(';')
}
