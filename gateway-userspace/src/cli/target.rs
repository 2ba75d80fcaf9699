//! `postern target`: what has to be done at a target.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Subcommand;
use gateway_policy::target::{Target, TargetHost};

use super::Global;
use crate::config::{CredentialKind, SecretReference};
use crate::credentials::install::{self, Administrator};
use crate::report::WithHelp as _;

/// Prepare a target
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Show the SQL that lets logins be made or lent at a target, and run it with an administrator's login
    Init(Init),
}

#[derive(Debug, clap::Args)]
struct Init {
    /// The target, as the configuration names it
    name: String,
    /// Run the SQL as this user; without it, it is only shown
    #[arg(long, value_name = "USER", requires = "admin_password")]
    admin: Option<String>,
    /// Where the administrator's password is: file:PATH, env:NAME or command:PATH
    #[arg(long, value_name = "REFERENCE", requires = "admin")]
    admin_password: Option<SecretReference>,
    /// The server to run it at; the first host of the target if not said
    #[arg(long, value_name = "HOST:PORT")]
    server: Option<String>,
}

impl Args {
    pub fn run(self, global: &Global) -> anyhow::Result<ExitCode> {
        match self.what {
            What::Init(init) => init.run(global),
        }
    }
}

impl Init {
    fn run(self, global: &Global) -> anyhow::Result<ExitCode> {
        let config = global.load_config()?;
        let missing = || format!("there is no target `{}` that speaks PostgreSQL", self.name);
        let target = config.targets.get(&self.name).with_context(missing)?;
        let keys = config.postgres.get(&self.name).with_context(missing)?;
        if keys.credential == CredentialKind::ClientCert {
            print!("{}", install::instructions(keys, &config.serve)?);
            return Ok(ExitCode::SUCCESS);
        }
        let steps = install::steps(&self.name, keys);
        if steps.is_empty() {
            println!(
                "-- target {} has credential = {:?}: nothing has to be run",
                self.name,
                keys.credential.name()
            );
            return Ok(ExitCode::SUCCESS);
        }
        for step in &steps {
            println!("\\connect {:?}\n{}", step.database, step.sql);
        }
        if let Some(password) = &keys.password {
            println!("-- Then give {:?} the password that stands in {password}.", keys.user);
        }
        let Some((user, password)) = self.admin.zip(self.admin_password) else {
            println!(
                "-- Nothing was run. Run it with psql, or here with --admin USER --admin-password REFERENCE."
            );
            return Ok(ExitCode::SUCCESS);
        };
        let server = server(target, self.server.as_deref())?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let administrator = Administrator { user, password };
        runtime.block_on(install::run(target, keys, server, administrator, &steps))?;
        println!("-- It was run at {server}.");
        Ok(ExitCode::SUCCESS)
    }
}

fn server(target: &Target, given: Option<&str>) -> anyhow::Result<SocketAddr> {
    let port = target.ports.first().copied().unwrap_or_default();
    let first = target.hosts.iter().find_map(|host| match host {
        TargetHost::Name(name) => Some(format!("{}:{port}", name.as_str())),
        TargetHost::Address(address) => Some(SocketAddr::new(*address, port).to_string()),
        TargetHost::Network(_) => None,
    });
    let server = given.map(str::to_owned).or(first).context("the target has no host of its own");
    let server = server.help("say which server with --server HOST:PORT")?;
    let found = server.to_socket_addrs().with_context(|| format!("cannot look up {server}"))?.next();
    found.with_context(|| format!("{server} has no address"))
}
