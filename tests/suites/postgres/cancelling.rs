//! Cancelling queries, which PostgreSQL does for whoever knows a number and a secret.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use anyhow::{Context, Result};
use gateway_audit::event::Ending;
use gateway_e2e::agent::Agent;
use gateway_e2e::gateway::Gateway;
use gateway_e2e::servers::postgres::Postgres;
use gateway_e2e::wait;

use super::{client, plan, python, said, server};

/// Cancels the query that it is itself waiting for, as a client does when somebody presses Ctrl-C.
const CANCELLER: &str = "import psycopg, threading\n\
    connection = psycopg.connect()\n\
    threading.Timer(1, connection.cancel).start()\n\
    try:\n\
    \x20   connection.execute('select pg_sleep(60)')\n\
    except psycopg.errors.QueryCanceled as error:\n\
    \x20   connection.rollback()\n\
    \x20   print('cancelled', connection.execute('select 6 * 7').fetchone()[0])";

/// A session that tells the number and the secret that it was given, and sleeps until somebody cancels.
const SLEEPER: &str = "import os, socket, struct\n\
    stream = socket.create_connection((os.environ['PGHOST'], int(os.environ['PGPORT'])))\n\
    hello = struct.pack('!I', 0x30000) + b'user\\0app\\0database\\0agent\\0\\0'\n\
    stream.sendall(struct.pack('!I', len(hello) + 4) + hello)\n\
    reader = stream.makefile('rb')\n\
    def message():\n\
    \x20   kind, length = struct.unpack('!cI', reader.read(5))\n\
    \x20   return kind, reader.read(length - 4)\n\
    kind = b''\n\
    while kind != b'Z':\n\
    \x20   kind, body = message()\n\
    \x20   if kind == b'K': print(*struct.unpack('!II', body), flush=True)\n\
    query = b'select pg_sleep(60)\\0'\n\
    stream.sendall(b'Q' + struct.pack('!I', len(query) + 4) + query)\n\
    while kind != b'E':\n\
    \x20   kind, body = message()\n\
    print(body.split(b'\\0')[2].decode())";

/// Asks for a query to be cancelled, by a number and any number of secrets.
const ASKER: &str = "import os, socket, struct, sys\n\
    for secret in sys.argv[2:]:\n\
    \x20   asker = socket.create_connection((os.environ['PGHOST'], int(os.environ['PGPORT'])))\n\
    \x20   asker.sendall(struct.pack('!IIII', 16, 80877102, int(sys.argv[1]), int(secret)))\n\
    \x20   assert asker.recv(1) == b''";

/// A session that sleeps.
struct Sleeper {
    process: Child,
    output: BufReader<std::process::ChildStdout>,
    number: String,
    secret: String,
}

impl Sleeper {
    fn start(gateway: &Gateway, server: &Postgres, agent: &Agent) -> Result<Self> {
        let mut command = client(gateway, server, agent, &python()?)?;
        let mut process = command.args(["-c", SLEEPER]).stdout(Stdio::piped()).spawn()?;
        let mut output = BufReader::new(process.stdout.take().context("it has no output")?);
        let mut line = String::new();
        output.read_line(&mut line)?;
        let (number, secret) = line.trim().split_once(' ').context("it was given no key")?;
        let (number, secret) = (number.to_owned(), secret.to_owned());
        wait::until_true("the query runs", || sleeping(server))?;
        Ok(Self { process, output, number, secret })
    }

    /// What became of the query.
    fn end(mut self) -> Result<String> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        self.process.wait()?;
        Ok(line.trim().to_owned())
    }
}

fn sleeping(server: &Postgres) -> Result<bool> {
    let asleep = server.sql("select count(*) from pg_stat_activity where query = 'select pg_sleep(60)'")?;
    Ok(asleep == "1")
}

fn ask(gateway: &Gateway, server: &Postgres, agent: &Agent, key: &[&str]) -> Result<()> {
    let output = client(gateway, server, agent, &python()?)?.args(["-c", ASKER]).args(key).output()?;
    anyhow::ensure!(output.status.success(), "{}", said(&output));
    Ok(())
}

#[test]
fn an_agent_cancels_its_own_query_and_the_session_goes_on() -> Result<()> {
    let server = server()?;
    let gateway = plan(&server).start()?;
    let agent = gateway.agent("coder")?;
    for mode in ["disable", "require"] {
        let mut command = client(&gateway, &server, &agent, &python()?)?;
        let output = command.args(["-c", CANCELLER]).env("PGSSLMODE", mode).output()?;
        assert_eq!(said(&output), "cancelled 42\n", "{mode}");
    }
    gateway.records().await_ended(|ended| matches!(ended.ending, Ending::CancelPassedOn { .. }))?;
    Ok(())
}

#[test]
fn a_key_works_for_its_agent_and_for_nobody_else() -> Result<()> {
    let server = server()?;
    let gateway = plan(&server).start()?;
    let (coder, tester) = (gateway.agent("coder")?, gateway.agent("tester")?);
    let sleeper = Sleeper::start(&gateway, &server, &coder)?;
    ask(&gateway, &server, &tester, &[&sleeper.number, &sleeper.secret])?;
    let ended = gateway.records().await_ended(|ended| ended.ending == Ending::NothingToCancel)?;
    assert_eq!(ended.connection.who.agent, "tester");
    ask(&gateway, &server, &coder, &[&sleeper.number, "0", "1", "4294967295"])?;
    assert!(sleeping(&server)?, "somebody else cancelled it");
    let (number, secret) = (sleeper.number.clone(), sleeper.secret.clone());
    ask(&gateway, &server, &gateway.agent("coder")?, &[&number, &secret])?;
    assert_eq!(sleeper.end()?, "C57014");
    Ok(())
}
