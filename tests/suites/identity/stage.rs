//! A real provider of identities, a database, a gateway before it, and an agent with an unmodified psql.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use gateway_audit::event::{Event, IdentityProblem};
use gateway_e2e::agent::{Agent, ORDINARY_UID};
use gateway_e2e::gateway::Gateway;
use gateway_e2e::host;
use gateway_e2e::plan::Plan;
use gateway_e2e::servers::postgres::Postgres;
use serde_json::Value;

/// npm's `oidc-provider`, for as long as this is held.
#[derive(Debug)]
pub(crate) struct Provider {
    pub(crate) issuer: String,
    process: Child,
    say: ChildStdin,
    hear: BufReader<ChildStdout>,
}

impl Provider {
    pub(crate) fn start() -> Result<Self> {
        let source: PathBuf = std::env::var_os("POSTERN_SOURCE").context("POSTERN_SOURCE is not set")?.into();
        let mut process = Command::new("node")
            .arg(source.join("tests/suites/identity/provider.mjs"))
            .arg(host::free_port()?.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start the provider")?;
        let say = process.stdin.take().context("it has no input")?;
        let hear = BufReader::new(process.stdout.take().context("it has no output")?);
        let mut provider = Self { issuer: String::new(), process, say, hear };
        provider.issuer = provider.line()?;
        ensure!(provider.issuer.starts_with("http://127.0.0.1:"), "it says {:?}", provider.issuer);
        Ok(provider)
    }

    /// From now on something is different.
    pub(crate) fn tell(&mut self, what: &str) -> Result<()> {
        writeln!(self.say, "{what}")?;
        let said = self.line()?;
        ensure!(said == "done", "it says {said:?}");
        Ok(())
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.hear.read_line(&mut line)?;
        Ok(line.trim().to_owned())
    }

    /// A token that the provider gives to a client.
    pub(crate) fn token(&self, client: &str, form: &str) -> Result<String> {
        let mut curl = Command::new("curl");
        curl.args(["-sS", "-m", "20", "-u", &format!("{client}:secret-of-{client}"), "-d", form]);
        let output = curl.arg(format!("{}/token", self.issuer)).output().context("cannot run curl")?;
        let answer: Value = serde_json::from_slice(&output.stdout)?;
        let token = answer.get("access_token").and_then(Value::as_str);
        token.map(str::to_owned).with_context(|| format!("the provider says {answer}"))
    }

    /// The agent's own, as its workload gets it.
    pub(crate) fn own(&self, client: &str) -> Result<String> {
        self.token(client, "grant_type=client_credentials")
    }

    pub(crate) fn end(&mut self) -> Result<()> {
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        // One that was ended already is not there to be ended.
        let _ = self.end();
    }
}

#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) provider: Provider,
    pub(crate) gateway: Gateway,
    pub(crate) agent: Agent,
    folder: tempfile::TempDir,
    server: Postgres,
}

impl Stage {
    /// An agent that shows for whom it acts in this way; `@FILE` stands for its token's. Whoever is in the group `dba` may
    /// read. People are asked about what is to be deleted; alice is root here.
    pub(crate) fn start(identity: &str) -> Result<Self> {
        let (provider, server) = (Provider::start()?, Postgres::start()?);
        server.sql(
            "create table orders(id int); insert into orders values (1), (2); grant all on orders to public",
        )?;
        let folder = tempfile::tempdir()?;
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
        let identity = identity.replace("@FILE", &folder.path().join("token").display().to_string());
        let tables = format!(
            "[identity.corp]\nissuer = {issuer:?}\naudience = \"postern\"\nleeway = \"1s\"\nrecheck = \"2s\"\n\
             client_id = \"gateway\"\nclient_secret = \"command:/bin/echo secret-of-gateway\"\ndanger_http = true\n\
             [rules.read]\nagents = \"*\"\ntargets = \"orders\"\ngroups = \"dba\"\neffect = \"allow\"\nwhat = [\"read\", \"function\"]\n\
             powers = \"sleeps\"\n\
             [rules.tables]\nagents = \"*\"\ntargets = \"orders\"\ngroups = \"dba\"\neffect = \"allow\"\nwhat = \"read\"\n\
             [rules.asking]\nagents = \"*\"\ntargets = \"orders\"\neffect = \"hold\"\nwhat = \"delete\"\napprovers = \"*\"\n\
             [control.people]\nroot = \"alice\"\n\
             [targets.orders]\nprotocol = \"postgres\"\nhosts = \"127.0.0.1\"\nports = {port}\n\
             [targets.orders.postgres]\nuser = \"agent\"\npassword = \"command:/bin/echo x\"\ndanger_tls = \"disable\"\n",
            issuer = provider.issuer,
            port = server.port(),
        );
        let coder = format!("{identity}\nproviders = \"corp\"\ntokens = [\"client:coder\", \"actor:coder\"]");
        let gateway = Plan::new().agent_with("coder", &["orders"], &coder).tables(&tables).start()?;
        let agent = gateway.agent("coder")?;
        Ok(Self { provider, gateway, agent, folder, server })
    }

    /// From now on root is this person.
    pub(crate) fn root_is(&self, person: &str) -> Result<()> {
        let file = self.gateway.config_dir().join("agents.toml");
        let text = fs::read_to_string(&file)?;
        fs::write(&file, text.replace("root = \"alice\"", &format!("root = {person:?}")))?;
        let output = self.gateway.postern(&["reload"])?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }

    pub(crate) fn token_file(&self) -> PathBuf {
        self.folder.path().join("token")
    }

    /// Puts a token where the agent has its own, as a workload's keeper does: whole, or not at all.
    pub(crate) fn place(&self, token: &str) -> Result<()> {
        let beside = self.folder.path().join("beside");
        fs::write(&beside, token)?;
        fs::set_permissions(&beside, fs::Permissions::from_mode(0o400))?;
        std::os::unix::fs::chown(&beside, Some(ORDINARY_UID), Some(ORDINARY_UID))?;
        fs::rename(&beside, self.token_file()).context("cannot put the token there")
    }

    pub(crate) fn psql(&self) -> Result<Command> {
        let mut psql = self.agent.command("psql")?;
        psql.args([
            "-XAtq",
            "-h",
            "127.0.0.1",
            "-p",
            &self.server.port().to_string(),
            "-U",
            "agent",
            "-d",
            "agent",
        ]);
        psql.env("PGSSLMODE", "disable").env("PGCONNECT_TIMEOUT", "30").env("PGPASSWORD", "a placeholder");
        Ok(psql)
    }

    /// What the agent's psql prints, or its complaint.
    pub(crate) fn ask(&self, prepare: impl Fn(&mut Command)) -> Result<Result<String, String>> {
        let mut psql = self.psql()?;
        psql.args(["-c", "select count(*) from orders"]);
        prepare(&mut psql);
        let output = psql.output().context("cannot run psql")?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
        Ok(if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) })
    }

    pub(crate) fn is_let_in(&self) -> Result<()> {
        let seen = self.ask(|_| ())?;
        ensure!(seen.as_deref() == Ok("2"), "{seen:?}\n{}", self.said());
        Ok(())
    }

    /// The agent is told what is wrong and what to do, and the record says which problem it was.
    pub(crate) fn is_told(&self, message: &str, hint: &str, problem: IdentityProblem) -> Result<()> {
        let seen = self.ask(|_| ())?;
        let told = |text: &String| text.contains(message) && text.contains(hint);
        ensure!(
            seen.as_ref().is_err_and(told),
            "{message:?} and {hint:?} are not told: {seen:?}\n{}",
            self.said()
        );
        ensure!(self.problems()?.last() == Some(&problem), "{:?}", self.problems()?);
        Ok(())
    }

    pub(crate) fn problems(&self) -> Result<Vec<IdentityProblem>> {
        let problem = |event: Event| match event {
            Event::IdentityFailed(failed) => Some(failed.problem),
            _ => None,
        };
        Ok(self.gateway.records().events()?.into_iter().filter_map(problem).collect())
    }

    /// All that the gateway said and recorded.
    pub(crate) fn said(&self) -> String {
        let log = self.gateway.gateway.as_ref().map(gateway_e2e::daemon::Daemon::log).unwrap_or_default();
        let records = self.gateway.folder().join("serve/records");
        let mut said = log;
        collect(&records, &mut said);
        said
    }

    /// Nothing that the gateway and the enforcer keep or say has the token or its signature in it.
    pub(crate) fn is_kept_from_everybody(&self, token: &str) -> Result<()> {
        let enforcer =
            self.gateway.enforcer.as_ref().map(gateway_e2e::daemon::Daemon::log).unwrap_or_default();
        let said = self.said() + &enforcer;
        for part in token.split('.').skip(1) {
            ensure!(!said.contains(part), "a part of the token is told");
        }
        Ok(())
    }
}

fn collect(folder: &Path, text: &mut String) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            collect(&entry.path(), text);
        } else if let Ok(bytes) = fs::read(entry.path()) {
            text.push_str(&String::from_utf8_lossy(&bytes));
        }
    }
}
