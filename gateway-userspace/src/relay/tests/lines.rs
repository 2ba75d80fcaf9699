//! A line from the agent is a command, a line from the target its answer. `no ...` is refused, `wait` is not
//! understood before the target has spoken, `break` breaks the protocol.

use std::sync::{Arc, Mutex};

use gateway_policy::command::{Command, Outcome, Said, Stage, State};
use gateway_policy::judge::{Judgement, Verdict};
use gateway_protocols::conversation::{
    Broken, CommandNumber, Conversation, Court, Needs, Parting, Plan, Ruling, Side, Taken, Unrecorded,
};

#[derive(Debug, Default)]
pub struct Lines {
    open: Vec<CommandNumber>,
    waiting: bool,
    over: bool,
}

impl Lines {
    fn command(&mut self, line: &[u8], court: &mut dyn Court) -> Result<Saying, Broken> {
        let text = std::str::from_utf8(line).expect("text").trim_end();
        match text {
            "break" => return Err(Broken { by: Side::Agent, why: "it said break" }),
            "wait" if !self.waiting => {
                self.waiting = true;
                return Ok(Saying::Later);
            }
            _ => self.waiting = false,
        }
        if text.starts_with("no ") {
            return Ok(Saying::Refused);
        }
        let command = Command { text, stage: Stage::Run(&[]), state: &State::default() };
        let Ok(Ruling { command, verdict: Verdict::Allow(_) }) = court.judge(&command) else {
            return Ok(Saying::Refused);
        };
        self.open.push(command);
        Ok(Saying::Passed)
    }

    fn answer(&mut self, court: &mut dyn Court) -> Saying {
        if !self.open.is_empty() {
            court.ended(self.open.remove(0), &Outcome { said: Said::Done("it"), rows: 0, bytes: 0 });
        }
        Saying::Passed
    }
}

enum Saying {
    Passed,
    Refused,
    Later,
}

impl Conversation for Lines {
    fn take(
        &mut self,
        from: Side,
        bytes: &[u8],
        court: &mut dyn Court,
        plan: &mut Plan,
    ) -> Result<Taken, Broken> {
        let mut taken = 0;
        while let Some(length) = bytes[taken..].iter().position(|byte| *byte == b'\n') {
            let part = taken..taken + length + 1;
            let saying = match from {
                Side::Agent => self.command(&bytes[part.clone()], court)?,
                Side::Target => self.answer(court),
            };
            match saying {
                Saying::Passed => plan.pass(part.clone()),
                Saying::Refused => plan.say(Side::Agent, |own| own.extend_from_slice(b"refused\n")),
                Saying::Later => return Ok(Taken { bytes: taken, needs: Needs::OtherSide }),
            }
            taken = part.end;
        }
        Ok(Taken { bytes: taken, needs: Needs::Bytes(bytes.len() - taken + 1) })
    }

    fn awaits(&self) -> Option<Side> {
        Some(if self.open.is_empty() { Side::Agent } else { Side::Target })
    }

    fn part(&mut self, because: Parting, plan: &mut Plan) {
        plan.say(Side::Agent, |own| own.extend_from_slice(format!("bye {because:?}\n").as_bytes()));
        plan.say(Side::Target, |own| own.extend_from_slice(b"quit\n"));
    }

    fn over(&mut self, court: &mut dyn Court) {
        assert!(!self.over, "it is over once");
        self.over = true;
        for command in self.open.drain(..) {
            court.ended(command, &Outcome { said: Said::Nothing, rows: 0, bytes: 0 });
        }
    }
}

/// What a session was asked and told.
#[derive(Debug, Default)]
pub struct Judged {
    pub commands: Vec<String>,
    pub outcomes: Vec<(u64, String)>,
    pub settled: bool,
    /// As on a full disk.
    pub full: bool,
}

pub struct Recording(pub Arc<Mutex<Judged>>);

impl Court for Recording {
    fn judge(&mut self, command: &Command<'_>) -> Result<Ruling, Unrecorded> {
        let mut judged = self.0.lock().expect("lock");
        judged.commands.push(command.text.to_owned());
        judged.settled = false;
        let number = CommandNumber(judged.commands.len() as u64);
        Ok(Ruling { command: number, verdict: Judgement::unjudged().verdict() })
    }

    fn ended(&mut self, command: CommandNumber, outcome: &Outcome<'_>) {
        let mut judged = self.0.lock().expect("lock");
        judged.outcomes.push((command.0, format!("{:?}", outcome.said)));
    }

    fn settle(&mut self) -> Result<(), Unrecorded> {
        let mut judged = self.0.lock().expect("lock");
        judged.settled = true;
        if judged.full { Err(Unrecorded::Full) } else { Ok(()) }
    }
}
