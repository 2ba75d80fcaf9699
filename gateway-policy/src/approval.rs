//! What a rule asks of people before a command may run, and when their answer is enough.
//!
//! Pure like everything here: who answered, when, and to what is handed in. A [`Hold`] becomes a permit in this file
//! and nowhere else. Who is asked, and how the answer arrives, is left to others.

#[cfg(test)]
mod tests;
mod voice;

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::num::NonZeroU16;
use core::time::Duration;

use crate::judge::{Basis, Because, Denial, Obligations, Permit, RuleName};
use crate::words::words;

pub use voice::{Voice, VoiceError};

/// What a rule that holds says about the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// Who may answer. Nobody named means that nobody may.
    pub approvers: Vec<Voice>,
    /// So many different people have to say yes.
    pub quorum: NonZeroU16,
    /// No answer within this time is a no.
    pub wait: Duration,
    pub escalation: Option<Escalation>,
    /// How far an answer may reach beyond the one command.
    pub reaches: Vec<Reach>,
    /// How long an answer holds at most.
    pub lasts: Duration,
    pub meanwhile: Meanwhile,
}

/// Who else may answer once nobody has for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Escalation {
    pub after: Duration,
    pub to: Vec<Voice>,
}

words! {
    /// What a yes is good for.
    pub enum Reach {
        /// This command, one time.
        Once = "once",
        /// Commands of the same shape, as long as the session lasts.
        Session = "session",
        /// Commands of the same shape, whichever session of the agent's they come from.
        Shape = "shape",
    }
}

words! {
    /// What the agent does until there is an answer.
    pub enum Meanwhile {
        /// It waits for the answer to its command.
        Waits = "waits",
        /// It is refused at once, and may come again when there is an answer.
        Refused = "refused",
    }
}

/// A point in time: milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub u64);

impl Moment {
    pub fn after(self, wait: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)))
    }
}

/// A hash of everything that an answer is bound to. Equal hashes stand for equal things.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub [u8; 32]);

/// The command that waits, as far as an answer is bound to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matter {
    /// Agent, target, database, text, parameters, and how its names are read.
    pub exact: Fingerprint,
    /// The same without constants and parameters.
    pub shape: Fingerprint,
    pub session: Arc<str>,
    /// What the person is called that the agent acts for. That one does not answer for it.
    pub person: Vec<Arc<str>>,
}

/// Somebody who answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approver {
    pub person: String,
    /// Of the identity provider.
    pub groups: Vec<String>,
    /// Of the host.
    pub unix_groups: Vec<String>,
}

/// One person's yes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Yes {
    pub by: Approver,
    pub at: Moment,
}

/// What people have said about a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub exact: Fingerprint,
    pub shape: Fingerprint,
    /// The session that the answer is bound to, if it is.
    pub session: Option<Arc<str>>,
    pub reach: Reach,
    /// When they were asked.
    pub asked: Moment,
    pub yes: Vec<Yes>,
    pub until: Moment,
}

/// A command that waits for people. Only a judge makes one.
#[derive(Debug, Clone)]
#[must_use]
pub struct Hold(Arc<Held>);

#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) basis: Arc<Basis>,
    /// In the order of the rules' names, and never empty.
    pub(crate) asking: Vec<Asking>,
    /// What is held, in words.
    pub(crate) what: String,
}

/// A rule that wants people to be asked.
#[derive(Debug, Clone)]
pub struct Asking {
    pub rule: RuleName,
    pub terms: Arc<Terms>,
}

words! {
    /// Why an answer is not enough.
    pub enum NotEnough {
        /// It is about another command.
        OtherCommand = "other command",
        OtherSession = "other session",
        /// It reaches further than a rule permits.
        TooFar = "too far",
        Late = "late",
        /// Too few people who may answer have said yes.
        Quorum = "quorum",
    }
}

words! {
    /// Why a command that was held did not run.
    pub enum NotApproved {
        Denied = "denied",
        TimedOut = "timed out",
        /// The agent took it back.
        Withdrawn = "withdrawn",
        /// The agent was told at once that there is no answer yet.
        NotYet = "not yet",
        /// More wait than may.
        TooMany = "too many",
        /// Nobody can be asked about something as long as this.
        TooLong = "too long",
        /// It could not be written down that people are to be asked.
        NotKept = "not kept",
    }
}

impl Hold {
    pub(crate) fn new(held: Arc<Held>) -> Self {
        Self(held)
    }

    /// The rules that want people to be asked. All of them have to be content.
    pub fn asking(&self) -> &[Asking] {
        &self.0.asking
    }

    /// The rules that allow what is not held.
    pub fn rules(&self) -> &[RuleName] {
        &self.0.basis.rules
    }

    /// What is held, in words.
    pub fn what(&self) -> &str {
        &self.0.what
    }

    /// The shortest wait that a rule grants.
    pub fn wait(&self) -> Duration {
        self.0.asking.iter().map(|asking| asking.terms.wait).min().unwrap_or_default()
    }

    /// One rule that wants the agent to be told at once is enough.
    pub fn meanwhile(&self) -> Meanwhile {
        self.0.asking.iter().map(|asking| asking.terms.meanwhile).max().unwrap_or(Meanwhile::Refused)
    }

    /// Leave to prepare it. What is prepared is judged again, with its parameters, before it runs.
    pub fn to_prepare(self) -> Permit {
        Permit::new(Arc::clone(&self.0.basis), Obligations::default())
    }

    /// Leave to run it, if this answer is enough for every rule that asked.
    ///
    /// A hold is used up. There is no other way from one to a permit:
    ///
    /// ```compile_fail,E0423
    /// use gateway_policy::approval::Hold;
    /// let hold = Hold(Default::default());
    /// ```
    pub fn answered(self, matter: &Matter, answer: &Answer, now: Moment) -> Result<Permit, NotEnough> {
        is_about(answer, matter)?;
        if now >= answer.until {
            return Err(NotEnough::Late);
        }
        for Asking { terms, .. } in &self.0.asking {
            if !terms.permit_reach(answer.reach) || answer.until > answer.asked.after(terms.longest()) {
                return Err(NotEnough::TooFar);
            }
            if terms.missing(&answer.yes, answer.asked, &matter.person) > 0 {
                return Err(NotEnough::Quorum);
            }
        }
        Ok(Permit::new(Arc::clone(&self.0.basis), Obligations::default()))
    }

    /// The no that an agent hears when it comes to nothing.
    pub fn refused(&self, why: NotApproved, request: Option<&str>, reason: Option<&str>) -> Denial {
        let what = &self.0.what;
        let told = match why {
            NotApproved::Denied => "was not approved",
            NotApproved::TimedOut => "was not approved in time",
            NotApproved::Withdrawn => "was withdrawn before it was approved",
            NotApproved::NotYet => "needs approval, which was asked for",
            NotApproved::TooMany => "needs approval, and too many commands wait for it already",
            NotApproved::TooLong => "needs approval, and is too long for people to be asked",
            NotApproved::NotKept => "needs approval, which cannot be asked for now",
        };
        let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
        let hint = match (why, request) {
            (NotApproved::NotYet, Some(id)) => {
                format!("Send the same command again once request {id} is approved.")
            }
            (NotApproved::NotYet, None) => "Send the same command again once it is approved.".into(),
            (_, Some(id)) => format!("Request {id} has what was asked and who answered."),
            (_, None) => "It did not run.".into(),
        };
        let because = Because::NotApproved(why);
        Denial { message: format!("{what} {told}{reason}"), hint: Some(hint), because }
    }
}

fn is_about(answer: &Answer, matter: &Matter) -> Result<(), NotEnough> {
    let same = match answer.reach {
        Reach::Once => answer.exact == matter.exact,
        Reach::Session | Reach::Shape => answer.shape == matter.shape,
    };
    if !same {
        return Err(NotEnough::OtherCommand);
    }
    let here = match (answer.reach, &answer.session) {
        (Reach::Shape, _) | (Reach::Once, None) => true,
        (Reach::Once | Reach::Session, Some(session)) => *session == matter.session,
        (Reach::Session, None) => false,
    };
    if here { Ok(()) } else { Err(NotEnough::OtherSession) }
}

impl Terms {
    /// Whether an answer may reach so far. Once is always permitted.
    pub fn permit_reach(&self, reach: Reach) -> bool {
        reach == Reach::Once || self.reaches.contains(&reach)
    }

    /// How long after the question an answer can hold.
    pub fn longest(&self) -> Duration {
        self.wait.saturating_add(self.lasts)
    }

    /// Whether this person's word counts, given at this time.
    pub fn hear(&self, approver: &Approver, asked: Moment, at: Moment, agents_own: &[Arc<str>]) -> bool {
        let is_own = agents_own.iter().any(|own| own.eq_ignore_ascii_case(&approver.person));
        if is_own || approver.person.is_empty() {
            return false;
        }
        let later = self.escalation.as_ref().filter(|escalation| at >= asked.after(escalation.after));
        let later = later.into_iter().flat_map(|escalation| &escalation.to);
        self.approvers.iter().chain(later).any(|voice| voice.is_of(approver))
    }

    /// How many more people have to say yes.
    pub fn missing(&self, yes: &[Yes], asked: Moment, agents_own: &[Arc<str>]) -> usize {
        let counts = |yes: &&Yes| self.hear(&yes.by, asked, yes.at, agents_own);
        let people: BTreeSet<&str> = yes.iter().filter(counts).map(|yes| yes.by.person.as_str()).collect();
        usize::from(self.quorum.get()).saturating_sub(people.len())
    }
}
