//! A server, a gateway that holds what changes rows, an agent, and somebody who answers.

use std::net::Ipv4Addr;
use std::process::{Child, Command, Output, Stdio};

use anyhow::{Context, Result, ensure};
use gateway_audit::approval::Approval;
use gateway_audit::event::Event;
use gateway_e2e::agent::Agent;
use gateway_e2e::gateway::Gateway;
use gateway_e2e::plan::Plan;
use gateway_e2e::servers::postgres::{PASSWORD, Postgres, Version};
use gateway_e2e::wait;
use serde_json::Value;

const NAME: &str = "orders.database.example";

pub(crate) struct Stage {
    pub(crate) server: Postgres,
    pub(crate) gateway: Gateway,
    pub(crate) agent: Agent,
}

/// Reading is allowed; what changes rows waits as `hold` says.
fn rules(hold: &str) -> String {
    format!(
        "[rules.reading]\nagents = \"coder\"\ntargets = \"orders\"\neffect = \"allow\"\nwhat = \"read\"\n\
         [rules.asking]\nagents = \"coder\"\ntargets = \"orders\"\neffect = \"hold\"\n\
         what = [\"update\", \"delete\", \"drop table\"]\n{hold}\n"
    )
}

impl Stage {
    pub(crate) fn start(hold: &str) -> Result<Self> {
        let server = Postgres::of(Version::V18).rule("host all all all scram-sha-256").start()?;
        server.sql("create table orders (id int primary key, state text)")?;
        server.sql("insert into orders select n, 'open' from generate_series(1, 9) n")?;
        server.sql("grant all on orders to public; alter table orders owner to agent")?;
        let port = server.port();
        let target = format!(
            "[targets.orders]\nprotocol = \"postgres\"\nhosts = [\"{NAME}\"]\nports = [{port}]\n\
             [targets.orders.postgres]\nuser = \"agent\"\npassword = \"command:/bin/echo {PASSWORD}\"\n\
             danger_tls = \"disable\"\n"
        );
        let plan = Plan::new()
            .name(NAME, &[Ipv4Addr::LOCALHOST.into()])
            .agent("coder", &["orders"])
            .tables(&format!("{target}\n{}", rules(hold)));
        let gateway = plan.start()?;
        let agent = gateway.agent("coder")?;
        Ok(Self { server, gateway, agent })
    }

    fn client(&self, program: &str) -> Result<Command> {
        let mut command = self.agent.command(program)?;
        command.env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C.UTF-8").env("HOME", "/nonexistent");
        command.env("PGHOST", NAME).env("PGPORT", self.server.port().to_string()).env("PGDATABASE", "agent");
        command.env("PGUSER", "whoever").env("PGSSLMODE", "disable").stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Ok(command)
    }

    /// An unmodified psql that runs this.
    pub(crate) fn psql(&self, texts: &[&str]) -> Result<Child> {
        let mut command = self.client("psql")?;
        command.args(["-XAt", "-v", "VERBOSITY=verbose"]);
        for text in texts {
            command.args(["-c", text]);
        }
        command.spawn().context("cannot run psql")
    }

    pub(crate) fn program(&self, program: &str, args: &[&str]) -> Result<Child> {
        self.client(program)?.args(args).spawn().with_context(|| format!("cannot run {program}"))
    }

    /// What waits for people.
    pub(crate) fn pending(&self) -> Result<Vec<Value>> {
        let listed: Value = serde_json::from_str(&self.postern(&["approvals", "list", "--json"])?)?;
        Ok(listed.get("requests").and_then(Value::as_array).cloned().unwrap_or_default())
    }

    /// The number of the one request that waits.
    pub(crate) fn request(&self) -> Result<String> {
        let pending = wait::until("a request", || Ok(self.pending()?.into_iter().next()))?;
        Ok(pending.get("id").and_then(Value::as_str).context("a request without a number")?.to_owned())
    }

    /// A command of the product that succeeds.
    pub(crate) fn postern(&self, args: &[&str]) -> Result<String> {
        let output = self.gateway.postern(args)?;
        ensure!(output.status.success(), "postern {args:?}: {}", said(&output));
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// A command of the product that is refused, and what it says.
    pub(crate) fn in_vain(&self, args: &[&str]) -> Result<String> {
        let output = self.gateway.postern(args)?;
        ensure!(!output.status.success(), "postern {args:?} succeeds: {}", said(&output));
        Ok(said(&output))
    }

    /// What became of requests, by the records.
    pub(crate) fn steps(&self) -> Result<Vec<&'static str>> {
        Ok(self.approvals()?.iter().map(|approval| super::name(&approval.step)).collect())
    }

    pub(crate) fn approvals(&self) -> Result<Vec<Approval>> {
        let of_approval = |event| match event {
            Event::Approval(approval) => Some(approval),
            _ => None,
        };
        Ok(self.gateway.records().events()?.into_iter().filter_map(of_approval).collect())
    }

    pub(crate) fn state_of(&self, id: u32) -> Result<String> {
        self.server.sql(&format!("select state from orders where id = {id}"))
    }
}

pub(crate) fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

pub(crate) fn end(child: Child) -> Result<String> {
    Ok(said(&child.wait_with_output()?))
}
