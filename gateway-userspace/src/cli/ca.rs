//! `postern ca`: the authorities that vouch for the gateway to agents.

mod install;

use std::io::Write;
use std::process::ExitCode;

use anyhow::Context;
use clap::Subcommand;
use rustls::pki_types::CertificateDer;
use serde_json::{Value, json};

use super::Global;
use crate::audit::timestamp;
use crate::report::WithHelp;
use crate::tls::trust::{Trust, host_believes, to_pem};
use crate::tls::{facts, fingerprint};

/// Show, export or install the certificates by which agents know the gateway
///
/// Where a target's protocol is understood, agents that want TLS get it from the gateway, with a certificate for the
/// name that they asked for. It is signed by an authority of this host, which may vouch for targets and for nothing
/// else. The gateway makes it when it first starts with such a target.
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Show what may vouch for what, until when, and where agents find it
    Show {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Write the certificates to standard output, as PEM
    Export,
    Install(install::Args),
}

impl Args {
    pub fn run(self, global: &Global) -> anyhow::Result<ExitCode> {
        let trust = Trust::below(&global.load_config()?.serve.trust);
        let authorities = authorities(&trust)?;
        match self.act {
            Act::Show { json: false } => print!("{}", screen(&trust, &authorities)),
            Act::Show { json: true } => println!("{:#}", listed(&trust, &authorities)),
            Act::Export => {
                let text: String =
                    authorities.iter().map(|authority| to_pem(&authority.certificate)).collect();
                std::io::stdout().write_all(text.as_bytes()).context("cannot write to standard output")?;
            }
            Act::Install(install) => install.run(&authorities)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// An authority as its certificate tells of it.
#[derive(Debug)]
struct Known {
    certificate: CertificateDer<'static>,
    fingerprint: String,
    permits: String,
    ends: String,
    host: Host,
}

/// Whether programs that ask the host believe it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Host {
    Believes,
    DoesNot,
}

impl Host {
    fn of(certificate: &CertificateDer<'_>, believed: &str) -> Self {
        if believed.contains(&to_pem(certificate)) { Self::Believes } else { Self::DoesNot }
    }
}

fn authorities(trust: &Trust) -> anyhow::Result<Vec<Known>> {
    let path = trust.own.display();
    let certificates = trust.read().with_context(|| format!("cannot read {path}")).help(
        "the gateway writes it when it starts with a target whose protocol is understood, such as postgres",
    )?;
    let believed = host_believes();
    certificates
        .into_iter()
        .map(|certificate| {
            let (permits, ends) = facts(&certificate)
                .with_context(|| format!("{path} holds what is no authority bounded to targets"))
                .help(
                    "nothing should believe it; look at who may write there, and start the gateway again",
                )?;
            let fingerprint = fingerprint(&certificate);
            // Whole seconds are all that a certificate has.
            let ends = timestamp(ends).replace(".000000000", "");
            let host = Host::of(&certificate, &believed);
            Ok(Known { certificate, fingerprint, permits: permits.to_string(), ends, host })
        })
        .collect()
}

fn screen(trust: &Trust, authorities: &[Known]) -> String {
    let mut text = String::new();
    for Known { fingerprint, permits, ends, host, .. } in authorities {
        let host = match host {
            Host::Believes => "believes it",
            Host::DoesNot => "does not believe it; `postern ca install` would have it do so",
        };
        text.push_str(&format!("sha256  {fingerprint}\n  for   {permits}\n  until {ends}\n  host  {host}\n"));
    }
    let (own, bundle) = (trust.own.display(), trust.bundle.display());
    text + &format!("alone         {own}\nwith the host's {bundle}\n")
}

fn listed(trust: &Trust, authorities: &[Known]) -> Value {
    let authorities = authorities
        .iter()
        .map(|known| json!({ "sha256": known.fingerprint, "for": known.permits, "until": known.ends }));
    json!({
        "authorities": authorities.collect::<Vec<_>>(),
        "certificates": trust.own,
        "bundle": trust.bundle,
    })
}

#[cfg(test)]
mod tests {
    use gateway_policy::target::TargetHost;

    use super::*;
    use crate::tls::{Authority, Permits};

    fn published(certificates: &[CertificateDer<'_>]) -> (tempfile::TempDir, Trust) {
        let folder = tempfile::tempdir().expect("a folder");
        let trust = Trust::below(folder.path());
        trust.publish(certificates).expect("published");
        (folder, trust)
    }

    pub(super) fn authorities_for(hosts: &[&str]) -> Vec<Known> {
        let folder = tempfile::tempdir().expect("a folder");
        let hosts: Vec<TargetHost> = hosts.iter().map(|host| TargetHost::parse(host).expect(host)).collect();
        let permits: Permits = hosts.iter().collect();
        let authority = Authority::open(folder.path(), &permits).expect("an authority");
        let (_folder, trust) = published(&authority.certificates());
        authorities(&trust).expect("authorities")
    }

    #[test]
    fn an_authority_is_shown_with_what_it_may_vouch_for() {
        let authorities = authorities_for(&["db.example.com", "10.0.0.0/8", "192.0.2.1"]);
        let text = screen(&Trust::below(std::path::Path::new("/x")), &authorities);
        assert!(text.contains("for   db.example.com, 10.0.0.0/8, 192.0.2.1"), "{text}");
        assert!(text.contains("/x/ca-bundle.pem") && text.contains("does not believe it"), "{text}");
    }

    #[test]
    fn a_host_believes_what_is_on_its_list() {
        let [known] = authorities_for(&["db.example.com"]).try_into().expect("one");
        let list = format!("{}{}", to_pem(&CertificateDer::from(vec![1; 9])), to_pem(&known.certificate));
        assert_eq!(Host::of(&known.certificate, &list), Host::Believes);
        assert_eq!(Host::of(&known.certificate, ""), Host::DoesNot);
    }

    #[test]
    fn an_authority_over_everything_is_shown_and_installed_nowhere() {
        let key = rcgen::KeyPair::generate().expect("a key");
        let mut params = rcgen::CertificateParams::default();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        for names in [None, Some("db.example.com")] {
            // Bounded for names alone, it could still pose as any address.
            params.name_constraints = names.map(|name| rcgen::NameConstraints {
                permitted_subtrees: vec![rcgen::GeneralSubtree::DnsName(name.to_owned())],
                excluded_subtrees: Vec::new(),
            });
            let certificate = params.self_signed(&key).expect("signed");
            let (_folder, trust) = published(&[certificate.der().clone()]);
            let error = authorities(&trust).expect_err("an error");
            assert!(error.to_string().contains("bounded to targets"), "{error:#}");
        }
    }

    #[test]
    fn before_there_is_one_it_is_said_how_it_comes() {
        let folder = tempfile::tempdir().expect("a folder");
        let error = authorities(&Trust::below(folder.path())).expect_err("an error");
        assert!(error.to_string().contains("cannot read"), "{error:#}");
    }
}
