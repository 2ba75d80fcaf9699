//! How commands, verdicts and outcomes are told in the records.

use gateway_audit::session::{self as told, CommandDenial, CommandEnded, OfSession, Value};
use gateway_policy::approval::NotApproved;
use gateway_policy::command::{Outcome, Parameter, Said, Stage};
use gateway_policy::judge::{Because, Denial, Durability, Verdict};
use gateway_protocols::conversation::CommandNumber;
use sha2::{Digest as _, Sha256};

/// The longest value of a parameter that is recorded whole.
const WHOLE: usize = 4096;

pub fn stage(stage: &Stage<'_>) -> (told::Stage, Vec<Value>) {
    match stage {
        Stage::Prepare => (told::Stage::Prepare, Vec::new()),
        Stage::Run(parameters) => (told::Stage::Run, parameters.iter().map(value).collect()),
    }
}

fn value(parameter: &Parameter<'_>) -> Value {
    match parameter {
        Parameter::Null => Value::Null,
        Parameter::Text(bytes) | Parameter::Binary(bytes) if bytes.len() > WHOLE => {
            Value::Long { bytes: bytes.len() as u64, sha256: hex(&Sha256::digest(bytes)) }
        }
        Parameter::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => Value::Text(text.to_owned()),
            Err(_) => Value::Binary(hex(bytes)),
        },
        Parameter::Binary(bytes) => Value::Binary(hex(bytes)),
    }
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let digit = |value: u8| DIGITS.get(usize::from(value)).copied().unwrap_or_default();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

pub fn verdict(verdict: &Verdict) -> told::Verdict {
    match verdict {
        Verdict::Allow(permit) => told::Verdict::Allowed {
            rules: permit.rules().iter().map(ToString::to_string).collect(),
            observed: permit.observed().map(|observed| Box::new(denial(observed))),
        },
        Verdict::Hold(hold) => told::Verdict::Denied(denial(&hold.refused(NotApproved::NotKept, None, None))),
        Verdict::Deny(denied) => told::Verdict::Denied(denial(denied)),
    }
}

/// What the record of a command has to outlive.
pub fn durability(verdict: &Verdict) -> Durability {
    match verdict {
        Verdict::Allow(permit) => permit.obligations().record,
        Verdict::Hold(_) | Verdict::Deny(_) => Durability::Durable,
    }
}

fn denial(denial: &Denial) -> CommandDenial {
    let because = match &denial.because {
        Because::Rule(rule) => told::Because::Rule(rule.to_string()),
        Because::NothingAllows => told::Because::NothingAllows,
        Because::Condition(rule) => told::Because::Condition(rule.to_string()),
        Because::NotApproved(why) => told::Because::NotApproved(why.word().to_owned()),
        Because::Limit => told::Because::Limit,
        Because::Unknown(reason) => told::Because::Unknown(reason.sentence().to_owned()),
    };
    CommandDenial { message: denial.message.clone(), because }
}

/// Adds where the record of a no is found.
pub fn with_session(denial: Denial, session: &str) -> Denial {
    let hint = match denial.hint {
        Some(hint) => format!("{hint} (session {session})"),
        None => format!("Session {session} has the record of it."),
    };
    Denial { hint: Some(hint), ..denial }
}

/// That a command is prepared changes nothing that the record would have to tell.
pub fn ended(
    of: &OfSession,
    command: CommandNumber,
    outcome: &Outcome<'_>,
    took_us: u64,
) -> Option<CommandEnded> {
    let said = match outcome.said {
        Said::Prepared => return None,
        Said::Done(tag) => told::Said::Done(tag.to_owned()),
        Said::Failed(code) => told::Said::Failed(code.to_owned()),
        Said::Suspended => told::Said::Suspended,
        Said::Skipped => told::Said::Skipped,
        Said::Nothing => told::Said::Nothing,
    };
    let Outcome { rows, bytes, .. } = *outcome;
    Some(CommandEnded { of: of.clone(), command: command.0, said, rows, bytes, took_us })
}
