//! What an attempt says of itself, what it came to, and whether that is as it should be.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::attempt::Goal;
use crate::sys::raw::{Stopped, errno_name};

/// What an attempt says of itself, from inside. Nobody has to believe it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Claim {
    /// Every call succeeded. Whether a byte arrived is for the world to say.
    Sent,
    /// A forbidden object exists now.
    Created(String),
    /// Bytes that only an outsider knew.
    Obtained(String),
    /// What must work did work.
    Worked,
    /// What must work did not, although no call failed.
    Broken(String),
    Refused(Stopped),
    /// The attempt cannot be made here: something it needs does not exist.
    Unavailable(String),
}

impl Claim {
    pub fn created(what: impl Into<String>) -> Result<Self, Stopped> {
        Ok(Self::Created(what.into()))
    }

    pub fn unavailable(why: impl Into<String>) -> Result<Self, Stopped> {
        Ok(Self::Unavailable(why.into()))
    }
}

/// What an attempt came to, by the world's word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Refused(Stopped),
    /// All calls succeeded and nothing arrived outside: it landed in the gateway.
    Captured,
    /// Bytes arrived outside, here.
    Reached(Vec<String>),
    /// A forbidden object could be made, even if no byte was sent.
    Created(String),
    Unavailable(String),
    Worked,
    Broken(String),
    /// The attempt ended without saying anything: that proves nothing.
    Died(String),
}

/// How an outcome is to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Closed,
    Open,
    /// An ordinary thing that works.
    Works,
    /// An ordinary thing that the enforcement broke.
    Broken,
    /// Open, and outside what is promised.
    Residual,
    /// Could not be tried here.
    Untried,
    /// Tried, without a result.
    Unclear,
}

impl Outcome {
    /// Puts together what the attempt said and what the world saw.
    pub fn judge(claim: Claim, arrived: Vec<String>, secret: &str) -> Self {
        if !arrived.is_empty() {
            return Self::Reached(arrived);
        }
        match claim {
            Claim::Sent => Self::Captured,
            Claim::Created(what) => Self::Created(what),
            Claim::Obtained(text) if text.contains(secret) => {
                Self::Reached(vec!["the agent's own hands".into()])
            }
            Claim::Obtained(_) => Self::Captured,
            Claim::Worked => Self::Worked,
            Claim::Broken(what) => Self::Broken(what),
            Claim::Refused(stopped) if lacks(stopped.errno) => Self::Unavailable(stopped.to_string()),
            Claim::Refused(stopped) => Self::Refused(stopped),
            Claim::Unavailable(why) => Self::Unavailable(why),
        }
    }

    pub fn verdict(&self, goal: Goal) -> Verdict {
        match (self, goal) {
            (Self::Worked, Goal::MustWork) => Verdict::Works,
            (Self::Unavailable(_), Goal::MustWork | Goal::Escape | Goal::Residual) => Verdict::Untried,
            (Self::Died(_), Goal::Escape | Goal::Residual) => Verdict::Unclear,
            (Self::Reached(_) | Self::Created(_), Goal::Residual) => Verdict::Residual,
            (Self::Reached(_) | Self::Created(_), Goal::Escape) => Verdict::Open,
            (Self::Refused(_) | Self::Captured, Goal::Escape | Goal::Residual) => Verdict::Closed,
            (Self::Worked | Self::Broken(_), Goal::Escape | Goal::Residual) => Verdict::Unclear,
            (
                Self::Refused(_)
                | Self::Captured
                | Self::Reached(_)
                | Self::Created(_)
                | Self::Broken(_)
                | Self::Died(_),
                Goal::MustWork,
            ) => Verdict::Broken,
        }
    }
}

impl Verdict {
    /// Whether somebody has to do something about it.
    pub fn fails(self) -> bool {
        match self {
            Self::Open | Self::Broken | Self::Unclear => true,
            Self::Closed | Self::Works | Self::Residual | Self::Untried => false,
        }
    }
}

/// Errors by which a kernel says that it does not have the thing at all. A unit's seccomp filter uses the first of
/// them as well; both mean that there is no way out here.
fn lacks(errno: i32) -> bool {
    matches!(
        errno,
        libc::EAFNOSUPPORT
            | libc::EPROTONOSUPPORT
            | libc::ESOCKTNOSUPPORT
            | libc::EPFNOSUPPORT
            | libc::ENOSYS
            | libc::ENOPROTOOPT
            | libc::EOPNOTSUPP
    )
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(at) => write!(f, "refused: {} at {}", errno_name(at.errno), at.call),
            Self::Captured => f.write_str("captured"),
            Self::Reached(places) => write!(f, "reached {}", places.join(", ")),
            Self::Created(what) => write!(f, "created {what}"),
            Self::Unavailable(why) => write!(f, "not available: {why}"),
            Self::Worked => f.write_str("worked"),
            Self::Broken(what) => write!(f, "broken: {what}"),
            Self::Died(how) => write!(f, "no result: {how}"),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Closed | Self::Works => "ok",
            Self::Open => "OPEN",
            Self::Broken => "BROKEN",
            Self::Residual => "residual",
            Self::Untried => "-",
            Self::Unclear => "UNCLEAR",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_world_is_believed_against_the_attempt() {
        let refused = Claim::Refused(Stopped::at("connect", libc::EPERM));
        let outcome = Outcome::judge(refused, vec!["tcp".into()], "s");
        assert_eq!(outcome.verdict(Goal::Escape), Verdict::Open);
    }

    #[test]
    fn success_without_arrival_is_capture() {
        assert_eq!(Outcome::judge(Claim::Sent, vec![], "s"), Outcome::Captured);
    }

    #[test]
    fn only_the_true_secret_counts_as_obtained() {
        assert_eq!(Outcome::judge(Claim::Obtained("guess".into()), vec![], "secret"), Outcome::Captured);
        assert!(matches!(
            Outcome::judge(Claim::Obtained("secret".into()), vec![], "secret"),
            Outcome::Reached(_)
        ));
    }

    #[test]
    fn an_attempt_that_died_is_no_proof() {
        assert_eq!(Outcome::Died("signal".into()).verdict(Goal::Escape), Verdict::Unclear);
        assert_eq!(Outcome::Died("signal".into()).verdict(Goal::MustWork), Verdict::Broken);
    }
}
