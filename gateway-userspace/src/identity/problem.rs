//! Why an identity was not proved: for the record, and for the agent in words that say what to do.

use gateway_audit::event::{IdentityFailed, IdentityProblem, Proved, Who};
use gateway_protocols::jose::claims::ClaimError;
use gateway_protocols::jose::token::TokenError;
use gateway_protocols::postgres::refusal::{Code, Refusal};

/// What went wrong, where, and what would have been right. No token, and nothing that stood in one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unproved {
    pub problem: IdentityProblem,
    /// The source that was tried last; none was where nothing is configured that fits.
    pub source: Option<Proved>,
    pub provider: Option<String>,
    /// For the record.
    pub why: String,
    /// What the agent can do.
    pub hint: String,
}

impl Unproved {
    /// For the record.
    pub fn event(&self, connection: u64, who: Who, target: &str) -> IdentityFailed {
        IdentityFailed {
            connection,
            who,
            target: target.to_owned(),
            problem: self.problem,
            source: self.source,
            provider: self.provider.clone(),
            why: self.why.clone(),
        }
    }

    pub fn refusal(&self) -> Refusal {
        Refusal::fatal(Code::InvalidAuthorization, message(self.problem)).with_hint(self.hint.clone())
    }
}

/// What the agent hears. It says nothing of what is accepted that the agent could not know.
fn message(problem: IdentityProblem) -> &'static str {
    match problem {
        IdentityProblem::NoToken => "this agent has to show an identity token, and there is none",
        IdentityProblem::Unreadable => "the agent's identity token cannot be read",
        IdentityProblem::Malformed => "what was shown is no identity token that can be read",
        IdentityProblem::Algorithm => "the identity token is signed in a way that is not accepted here",
        IdentityProblem::UnknownIssuer => "the identity token is of an issuer that is not accepted here",
        IdentityProblem::WrongAudience => "the identity token is meant for somebody else",
        IdentityProblem::WrongKind => "the identity token is of another kind than the one that is asked for",
        IdentityProblem::WrongClient => "the identity token was given to a client that is not accepted here",
        IdentityProblem::OtherAgent => "the identity token belongs to another agent",
        IdentityProblem::Expired => "the identity token has expired",
        IdentityProblem::NotYet => "the identity token does not hold yet",
        IdentityProblem::TooOld => "the identity token is too old",
        IdentityProblem::MissingClaim => "the identity token does not say what it has to",
        IdentityProblem::UnknownKey => {
            "the identity token is signed with a key that its issuer does not have"
        }
        IdentityProblem::BadSignature => "the identity token was not signed by its issuer",
        IdentityProblem::ProviderAway => "the identity provider does not answer, so nobody can be recognised",
        IdentityProblem::ProviderRefused => "the identity provider does not vouch for this agent",
        IdentityProblem::OtherPerson => "the identity token is another person's than the session's",
        IdentityProblem::NotConfigured => "there is no way here for this agent to show who it acts for",
    }
}

pub fn of_token(error: TokenError) -> IdentityProblem {
    match error {
        TokenError::Algorithm => IdentityProblem::Algorithm,
        TokenError::Signature => IdentityProblem::BadSignature,
        TokenError::TooLong
        | TokenError::Parts
        | TokenError::Encoding
        | TokenError::Json(_)
        | TokenError::Forbidden(_)
        | TokenError::Header(_) => IdentityProblem::Malformed,
    }
}

pub fn of_claims(error: &ClaimError) -> IdentityProblem {
    match error {
        ClaimError::Issuer => IdentityProblem::UnknownIssuer,
        ClaimError::Audience => IdentityProblem::WrongAudience,
        ClaimError::Kind => IdentityProblem::WrongKind,
        ClaimError::Client => IdentityProblem::WrongClient,
        ClaimError::Expired => IdentityProblem::Expired,
        ClaimError::NotYet => IdentityProblem::NotYet,
        ClaimError::TooOld => IdentityProblem::TooOld,
        ClaimError::Missing(_) | ClaimError::Required(_) => IdentityProblem::MissingClaim,
    }
}
