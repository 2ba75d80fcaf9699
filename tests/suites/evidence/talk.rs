//! A psql of an agent that is told one statement after the other.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use anyhow::{Context, Result, ensure};
use gateway_e2e::agent::Agent;
use gateway_e2e::servers::postgres::Postgres;

use super::NAME;

pub(crate) struct Talk {
    psql: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    asked: u64,
}

impl Talk {
    pub(crate) fn begin(agent: &Agent, server: &Postgres) -> Result<Self> {
        let mut command = agent.command("sh")?;
        command.env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C.UTF-8").env("HOME", "/nonexistent");
        command.env("PGHOST", NAME).env("PGPORT", server.port().to_string()).env("PGDATABASE", "agent");
        command.env("PGUSER", "whoever").env("PGCONNECT_TIMEOUT", "20").env("PGSSLMODE", "disable");
        command.args(["-c", "exec psql -XAtw 2>&1"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut psql = command.spawn().context("cannot run psql")?;
        let input = psql.stdin.take().context("no input")?;
        let output = BufReader::new(psql.stdout.take().context("no output")?);
        Ok(Self { psql, input, output, asked: 0 })
    }

    /// What psql says of a statement. An error if it says nothing more at all.
    pub(crate) fn ask(&mut self, statement: &str) -> Result<String> {
        self.asked += 1;
        let end = format!("--- {} ---", self.asked);
        writeln!(self.input, "{statement};\n\\echo '{end}'").context("psql hears no more")?;
        let mut said = String::new();
        loop {
            let mut line = String::new();
            ensure!(self.output.read_line(&mut line)? > 0, "psql is gone, having said: {said}");
            if line.trim_end() == end {
                return Ok(said);
            }
            said.push_str(&line);
        }
    }

    /// Leaves in order.
    pub(crate) fn end(mut self) -> Result<()> {
        drop(self.input);
        self.psql.wait()?;
        Ok(())
    }
}
