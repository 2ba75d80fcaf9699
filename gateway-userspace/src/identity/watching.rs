//! An identity that ends, or that becomes another, does so for open connections too.

use std::future::pending;
use std::time::Duration;

use gateway_audit::event::{IdentityProblem, Proved};
use tokio::time::sleep;

use super::acting::{Identity, Proven, Standing};
use super::{Identities, Unproved, Whose, proof, unix};
use crate::config::IdentitySource;

/// How often a file is read again, and a clock looked at that somebody may have set.
pub const LOOK: Duration = Duration::from_secs(5);

/// What looking again came to.
enum Again {
    AsBefore,
    Changed(Proven),
    /// It cannot be told now. What was proved holds for as long as it was meant to.
    Unknown,
    Over(IdentityProblem),
}

impl Identities {
    /// Done when nothing shows any more for whom the agent of a connection acts. Until then the connection's identity
    /// is kept up to date.
    pub async fn lost(&self, identity: &Identity) -> Unproved {
        let (mut standings, mut configurations) = (identity.news(), self.known.subscribe());
        let mut doubts = 0;
        loop {
            configurations.mark_unchanged();
            let standing = standings.borrow_and_update().clone();
            if let Some(problem) = self.is_not_enough(identity, &standing) {
                return over(&standing, problem);
            }
            let due = self.look_again_after(&standing);
            tokio::select! {
                changed = standings.changed() => if changed.is_err() { return pending().await },
                changed = configurations.changed() => if changed.is_err() { return pending().await },
                () = wait(due) => if let Standing::Person(proven) = &standing {
                    match Box::pin(self.again(identity, proven)).await {
                        Again::AsBefore => doubts = 0,
                        Again::Changed(proven) => {
                            doubts = 0;
                            identity.replace(Standing::Person(proven));
                        }
                        Again::Unknown => (),
                        // A file may be seen while it is being written.
                        Again::Over(_) if doubts == 0 && proven.proved == Proved::TokenFile => doubts = 1,
                        Again::Over(problem) => return over(&standing, problem),
                    }
                    if let Standing::Person(proven) = identity.standing() && proven.is_over(&*self.clock) {
                        return over(&standing, IdentityProblem::Expired);
                    }
                },
            }
        }
    }

    /// Whether the configuration asks for more than this, or for something else.
    fn is_not_enough(&self, identity: &Identity, standing: &Standing) -> Option<IdentityProblem> {
        let known = self.known();
        // An agent that is gone is seen by the targets.
        let terms = known.agents.get(identity.agent())?;
        let holds = match standing {
            Standing::Attested => terms.sources.contains(&IdentitySource::Attested),
            Standing::AtLogin { .. } => terms.sources.contains(&IdentitySource::TokenInBand),
            Standing::Person(proven) => {
                terms.sources.iter().any(|source| proof(source) == Some(proven.proved))
                    && terms.providers.iter().any(|provider| provider.name == proven.provider)
            }
        };
        (!holds).then_some(IdentityProblem::NotConfigured)
    }

    fn look_again_after(&self, standing: &Standing) -> Option<Duration> {
        let Standing::Person(proven) = standing else { return None };
        let left = proven.deadline.saturating_sub(self.clock.uptime());
        let left = left.min(Duration::from_secs(proven.until.saturating_sub(unix(&*self.clock))));
        let regular = match proven.proved {
            Proved::TokenFile | Proved::TokenInBand | Proved::Environment => LOOK,
            Proved::ClientCredentials => {
                let known = self.known();
                known.providers.get(&proven.provider).map_or(LOOK, |provider| provider.keys.recheck)
            }
        };
        Some(left.min(regular))
    }

    async fn again(&self, identity: &Identity, proven: &Proven) -> Again {
        let known = self.known();
        let Ok(terms) = known.terms(identity.agent()) else { return Again::Unknown };
        let source = terms.sources.iter().find(|source| proof(source) == Some(proven.proved));
        let source = match source {
            Some(source @ (IdentitySource::TokenFile(_) | IdentitySource::ClientCredentials)) => source,
            _ => return Again::Unknown,
        };
        let whose = Whose { agent: identity.agent(), tgid: identity.tgid() };
        match self.look(terms, source, whose).await {
            Ok(Some(fresh)) if fresh.digest == proven.digest => Again::AsBefore,
            Ok(Some(fresh)) if is_another(&fresh, proven) => Again::Over(IdentityProblem::OtherPerson),
            Ok(Some(fresh)) => Again::Changed(fresh),
            Ok(None) => Again::Over(IdentityProblem::NoToken),
            Err(Unproved {
                problem: IdentityProblem::Unreadable | IdentityProblem::ProviderAway, ..
            }) => Again::Unknown,
            Err(unproved) => Again::Over(unproved.problem),
        }
    }
}

/// Why a connection is not what it was.
fn over(standing: &Standing, problem: IdentityProblem) -> Unproved {
    let (source, provider) = match standing {
        Standing::Person(proven) => (Some(proven.proved), Some(proven.provider.clone())),
        Standing::Attested | Standing::AtLogin { .. } => (None, None),
    };
    let why = "what was shown when the connection was opened does not hold any more".to_owned();
    Unproved { problem, source, provider, why, hint: String::new() }
}

fn is_another(fresh: &Proven, proven: &Proven) -> bool {
    (&fresh.person.issuer, &fresh.person.subject) != (&proven.person.issuer, &proven.person.subject)
}

async fn wait(due: Option<Duration>) {
    match due {
        Some(due) => sleep(due).await,
        None => pending().await,
    }
}
