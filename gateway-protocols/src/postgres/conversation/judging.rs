//! Messages that run something: each is judged before it goes on.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use gateway_policy::command::{Command, Parameter, Stage};
use gateway_policy::judge::{Rows, Settings as Effect, Verdict};

use super::asking::{Message, fits, malformed};
use super::awaited::What;
use super::forward::{self, Allowed, Forwarded};
use super::names::Found;
use super::settings::NoText;
use super::{Postgres, deallocate, mark};
use crate::conversation::{Court, Plan, Side, Unrecorded};
use crate::postgres::frontend::{self, Bind, Parse};
use crate::postgres::refusal::{Code, Refusal};

/// So many parameters are handed over without memory of their own.
const FEW: usize = 16;
/// Longer bindings are not kept. What they bind cannot be judged again.
const KEPT_BINDING: usize = 64 << 10;

/// A prepared statement.
#[derive(Debug)]
pub(super) struct Statement {
    text: Arc<str>,
}

/// A statement with its parameters.
#[derive(Debug)]
pub(super) struct Portal {
    forwarded: Forwarded,
    text: Arc<str>,
    /// The body of the Bind.
    binding: Option<Box<[u8]>>,
    /// Under which settings it was judged.
    settings: u64,
}

/// Why a message does not go on.
#[derive(Debug)]
pub(super) enum Objection {
    /// Answers have to come first.
    Wait,
    /// People have to answer first, and the agent may be told something meanwhile.
    Held(Option<String>),
    /// The court has judged it.
    Denied(Refusal),
    /// It could not be judged.
    Unjudged(Refusal),
}

impl Postgres {
    pub(super) fn query(
        &mut self,
        message: &Message<'_>,
        court: &mut dyn Court,
        plan: &mut Plan,
    ) -> Result<(), Objection> {
        self.settled()?;
        let text = self.read(frontend::query_text(message.body).map_err(malformed)?)?;
        let allowed = self.judge(text, Stage::Run(&[]), court)?;
        let forwarded = forward::forward(allowed, message.part.clone(), plan);
        self.note_effect(forwarded);
        self.expect(What::Query { forwarded, deallocates: deallocate::name(text) });
        self.end_batch();
        Ok(())
    }

    pub(super) fn parse(
        &mut self,
        message: &Message<'_>,
        court: &mut dyn Court,
        plan: &mut Plan,
    ) -> Result<(), Objection> {
        self.settled()?;
        let parse = Parse::read(message.body).map_err(malformed)?;
        fits(parse.statement)?;
        let size = parse.text.len().saturating_add(parse.statement.len());
        self.statements.room(size).map_err(|_| self.too_many("prepared statements"))?;
        let text = self.read(parse.text)?;
        let allowed = self.judge(text, Stage::Prepare, court)?;
        let forwarded = forward::forward(allowed, message.part.clone(), plan);
        let statement = Statement { text: Arc::from(text) };
        let name = self.statements.add(parse.statement, self.next, size, statement);
        self.expect(What::Parse { name, forwarded });
        Ok(())
    }

    pub(super) fn bind(
        &mut self,
        message: &Message<'_>,
        court: &mut dyn Court,
        plan: &mut Plan,
    ) -> Result<(), Objection> {
        self.settled()?;
        let bind = Bind::read(message.body).map_err(malformed)?;
        fits(bind.portal).and(fits(bind.statement))?;
        if mark::is_ours(bind.portal) {
            return Err(unjudged(
                Code::InsufficientPrivilege,
                "the gateway uses portals of this name itself",
            ));
        }
        let (text, parsed) = match self.statements.find(bind.statement, self.next.batch) {
            Found::Known(statement, sent) => (Arc::clone(&statement.text), sent.sequence),
            Found::Unsettled => return Err(Objection::Wait),
            Found::Nothing => {
                return Err(missing(Code::UndefinedStatement, "prepared statement", bind.statement));
            }
        };
        let binding = (message.body.len() <= KEPT_BINDING).then_some(message.body);
        let size = binding.map_or(0, <[u8]>::len).saturating_add(bind.portal.len());
        self.portals.room(size).map_err(|_| self.too_many("portals"))?;
        let allowed = self.judge_bound(&text, &bind, court)?;
        let forwarded = forward::forward(allowed, message.part.clone(), plan);
        self.note_effect(forwarded);
        let settings = self.settings.version();
        let portal = Portal { forwarded, text, binding: binding.map(Box::from), settings };
        let name = self.portals.add(bind.portal, self.next, size, portal);
        self.expect(What::Bind { name, forwarded, parsed });
        Ok(())
    }

    pub(super) fn execute(
        &mut self,
        message: &Message<'_>,
        court: &mut dyn Court,
        plan: &mut Plan,
    ) -> Result<(), Objection> {
        let name = frontend::executed_portal(message.body).map_err(malformed)?;
        fits(name)?;
        let (forwarded, text) = self.bound(name, court)?;
        if forwarded.rows() == Rows::Shown {
            plan.say(Side::Target, |out| frontend::describe_portal(out, name));
            self.expect(What::OwnColumns(forwarded));
        }
        forward::forward_bound(forwarded, message.part.clone(), plan);
        self.expect(What::Execute { forwarded, deallocates: deallocate::name(&text) });
        Ok(())
    }

    /// What was bound under this name, judged again if settings changed since then.
    fn bound(&mut self, name: &[u8], court: &mut dyn Court) -> Result<(Forwarded, Arc<str>), Objection> {
        let portal = match self.portals.find(name, self.next.batch) {
            Found::Known(portal, sent) => {
                // What runs before it could put a cursor of SQL in its place.
                let command = portal.forwarded.command();
                if !name.is_empty() && self.awaited.others_run_after(sent.sequence, command) {
                    return Err(Objection::Wait);
                }
                portal
            }
            Found::Unsettled => return Err(Objection::Wait),
            Found::Nothing => return Err(missing(Code::UndefinedPortal, "portal", name)),
        };
        let text = Arc::clone(&portal.text);
        if portal.settings == self.settings.version() {
            return Ok((portal.forwarded, text));
        }
        let Some(binding) = portal.binding.clone() else {
            return Err(unjudged(
                Code::InsufficientPrivilege,
                "settings have changed since this portal was bound; it has to be bound again",
            ));
        };
        self.settled()?;
        let bind = Bind::read(&binding).map_err(malformed)?;
        let forwarded = forward::renew(self.judge_bound(&text, &bind, court)?);
        self.note_effect(forwarded);
        if let Found::Known(portal, _) = self.portals.find(name, self.next.batch) {
            portal.settings = self.settings.version();
            portal.forwarded = forwarded;
        }
        Ok((forwarded, text))
    }

    fn judge_bound(&self, text: &str, bind: &Bind<'_>, court: &mut dyn Court) -> Result<Allowed, Objection> {
        let text = self.read(text.as_bytes())?;
        let mut few = [Parameter::Null; FEW];
        if let Some(few) = few.get_mut(..bind.count()) {
            few.iter_mut().zip(bind.parameters()).for_each(|(place, parameter)| *place = parameter);
            return self.judge(text, Stage::Run(few), court);
        }
        let many: Vec<_> = bind.parameters().collect();
        self.judge(text, Stage::Run(&many), court)
    }

    fn judge(&self, text: &str, stage: Stage<'_>, court: &mut dyn Court) -> Result<Allowed, Objection> {
        let command = Command { text, stage, state: self.settings.state() };
        let refusal = match court.judge(&command) {
            Ok(ruling) => match ruling.verdict {
                Verdict::Allow(permit) => return Ok(Allowed { command: ruling.command, permit }),
                Verdict::Hold(_) => return Err(Objection::Held(court.notice())),
                Verdict::Deny(denial) => denial.into(),
            },
            Err(Unrecorded::Full) => Refusal::error(Code::DiskFull, NOT_RECORDED),
            Err(Unrecorded::Failed) => Refusal::error(Code::InputOutput, NOT_RECORDED),
        };
        Err(Objection::Denied(refusal))
    }

    fn read<'a>(&self, text: &'a [u8]) -> Result<&'a str, Objection> {
        self.settings.read(text).map_err(|why| match why {
            NoText::Settings(why) => unjudged(Code::InsufficientPrivilege, why),
            NoText::Bytes(why) => unjudged(Code::UnknownByteSequence, why),
        })
    }

    /// Whether it is known under which settings the next command runs.
    fn settled(&self) -> Result<(), Objection> {
        match self.unsettled {
            None => Ok(()),
            Some(batch) if batch < self.next.batch && self.awaited.is_settled() => Ok(()),
            Some(batch) if batch < self.next.batch => Err(Objection::Wait),
            // The target reports changes when a batch ends.
            Some(_) => Err(unjudged(
                Code::FeatureNotSupported,
                "a command that may change settings must be followed by Sync before the next command",
            )),
        }
    }

    /// There is no room for one more, unless answers that are to come make some.
    fn too_many(&self, what: &str) -> Objection {
        if !self.awaited.is_settled() {
            return Objection::Wait;
        }
        let message = alloc::format!("this connection has too many {what} for the gateway");
        let refusal = Refusal::error(Code::ProgramLimitExceeded, message);
        Objection::Unjudged(refusal.with_hint("Close some of them first."))
    }

    fn note_effect(&mut self, forwarded: Forwarded) {
        match forwarded.settings() {
            Effect::Kept => (),
            Effect::Changed => self.unsettled = Some(self.next.batch),
        }
    }
}

const NOT_RECORDED: &str = "the command could not be recorded, so it was not sent";

fn unjudged(code: Code, why: &'static str) -> Objection {
    Objection::Unjudged(Refusal::error(code, why))
}

/// In the target's own words, which drivers know. That SQL has made one of this name helps nothing: its text was not
/// judged as what runs here.
fn missing(code: Code, what: &str, name: &[u8]) -> Objection {
    let message =
        alloc::format!("{what} \"{}\" does not exist", alloc::string::String::from_utf8_lossy(name));
    Objection::Unjudged(
        Refusal::error(code, message).with_hint("Only what was made by messages can be used by messages."),
    )
}
